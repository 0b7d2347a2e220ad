# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One container of a pod, as the options of libpod_container."""

from __future__ import annotations

from typing import Mapping, NamedTuple

from ..._model.foreign import Foreign
from ..._model.records.image import split_domain
from ..fields import Fields, Translate, flag, scalar, scalars, to, unread, whole
from ..stack import Options
from .environment import Environment
from .objects import Metadata, named
from .probes import Probes
from .quantity import cpus, size
from .security import Security
from .volumes import Volumes

IDLE = ("readinessProbe", "stdinOnce", "terminationMessagePath", "terminationMessagePolicy")
_PULLING = {"Always": "always", "IfNotPresent": "missing", "Never": "never"}
_PODMAN = "io.podman.annotations."
_AUTO_UPDATE = "io.containers.autoupdate"
# Annotations of podman for one container, as KEY/NAME, with the options that they are.
_ANNOTATED = {
    "apparmor": "security_opt",
    "cpuset": "cpuset_cpus",
    "init": "init",
    "label": "security_opt",
    "memory-nodes": "cpuset_mems",
    "pids-limit": "pids_limit",
    "seccomp": "security_opt",
}
_UNLESS_FALSE = ("autoremove", "privileged", "publish-all")


class Translators(NamedTuple):
    """What translates the parts of a pod's containers."""

    environment: Environment
    probes: Probes
    security: Security
    volumes: Volumes


class Containers:
    """Translates the containers of one pod; ``common`` are options that all of them have."""

    def __init__(
        self, fields: Fields, pod: Metadata, annotations: Foreign, parts: Translators, common: Options
    ) -> None:
        self._fields = fields
        self._pod = pod
        self._annotations = annotations
        self._parts = parts
        self._common = common
        self._known = self._table()

    def options(self, node: Foreign, context: Options, *, init: bool) -> Options:
        """Return the options of a container; ``context`` is what the pod's security context gives it."""
        name = named(node["name"])
        found = self._fields.of(node, self._known, IDLE)
        if "image" not in found:
            node["image"].fail("an image")
        found.setdefault("pull", _default_pull(found["image"]))
        if "entrypoint" in found:
            found.setdefault("command", [])  # the image's belongs to the image's entrypoint
        restarts = not init and self._common["restart_policy"] != "no"
        mounted = self._parts.volumes.options(node["volumeMounts"])
        given = self._parts.environment.options(node)
        secrets = [*given.pop("secrets", ()), *mounted.pop("secrets", ())]
        found.update(mounted)
        found.update(given)
        found.update({"secrets": secrets} if secrets else {})
        found.update(self._parts.probes.options(node, restarts))
        found.update(self._parts.security.container(node["securityContext"], context))
        self._annotate(name, found)
        own = {"restart_policy": "no", "wait": "exited"} if init else {}
        full = f"{self._pod.name}-{name}"
        return {"name": full, "pod": self._pod.name, "image_strict": True, **self._common, **found, **own}

    def _table(self) -> dict[str, Translate]:
        elsewhere = (
            "env",
            "envFrom",
            "livenessProbe",
            "name",
            "ports",
            "securityContext",
            "startupProbe",
            "volumeMounts",
        )
        return {
            **dict.fromkeys(elsewhere, unread),
            "args": lambda one: {"command": scalars(one)} if one.value else {},
            "command": lambda one: {"entrypoint": scalars(one)} if one.value else {},
            "image": to("image", scalar),
            "imagePullPolicy": self._pull,
            "lifecycle": lambda one: self._fields.of(one, {"stopSignal": to("stop_signal", scalar)}),
            "resources": self._resources,
            "stdin": to("interactive", flag),
            "tty": to("tty", flag),
            "workingDir": to("workdir", scalar),
        }

    def _pull(self, node: Foreign) -> Options:
        if scalar(node) not in _PULLING:
            node.fail(", ".join(_PULLING))
        return {"pull": _PULLING[scalar(node)]}

    def _resources(self, node: Foreign) -> Options:
        limits: dict[str, Translate] = {"cpu": to("cpus", cpus), "memory": to("memory", size)}
        requests: dict[str, Translate] = {"memory": to("memory_reservation", size)}
        known: dict[str, Translate] = {
            "limits": lambda one: self._fields.of(one, limits),
            "requests": lambda one: self._fields.of(one, requests, ("cpu", "ephemeral-storage")),
        }
        found = self._fields.of(node, known)
        return {option: value for option, value in found.items() if value != "0"}

    def _annotate(self, name: str, options: Options) -> None:
        """Add what podman's annotations of the pod say of the container; others are annotations of it too."""
        others = {}
        for key, node in self._annotations.items():
            subject, _slash, whose = key.partition("/")
            if subject == _AUTO_UPDATE:
                if whose in ("", name):
                    options["label"] = {**self._common["label"], **options.get("label", {}), subject: scalar(node)}
            elif subject.startswith(_PODMAN):
                self._of_podman(subject[len(_PODMAN) :], node, options, own=whose in ("", name))
            elif node:
                others[key] = scalar(node)
        if others:
            options["annotation"] = others

    def _of_podman(self, subject: str, node: Foreign, options: Options, *, own: bool) -> None:
        option, value = _ANNOTATED.get(subject), scalar(node)
        if subject in _UNLESS_FALSE and value.lower() == "false" or subject == "infra.name":  # which is the pod's
            return
        if (subject, value) == ("init.container.type", "once"):
            return
        if subject == "ulimit":
            options["ulimit"] = value.split(",")
        elif option is None:
            self._fields.refuse(node)
        elif own and option == "security_opt":
            options.setdefault(option, []).append(f"{subject}={value}")
        elif own:
            options[option] = value.lower() == "true" if option == "init" else value


def _default_pull(image: str) -> str:
    """Return podman's policy: what has the tag latest is looked for in the registry, but not a local image."""
    domain, path = split_domain(image)
    last = path.rpartition("/")[2]
    latest = "@" not in last and last.partition(":")[2] in ("", "latest")
    return "newer" if latest and domain != "localhost" else "missing"


def ports(fields: Fields, container: Foreign, *, host: bool) -> list[str]:
    """Return the published ports of a container; in the host's network none needs to be."""
    found = []
    for one in container["ports"]:
        known = {key: to(key, scalar) for key in ("hostIP", "name", "protocol")}
        given: Mapping[str, str] = fields.of(
            one, {**known, "containerPort": to("containerPort", _port), "hostPort": to("hostPort", _port)}
        )
        protocol = given.get("protocol", "TCP").lower()
        if protocol not in ("tcp", "udp", "sctp"):
            one["protocol"].fail("TCP, UDP or SCTP")
        if "containerPort" not in given:
            one["containerPort"].fail("a port")
        if given.get("hostPort", "0") == "0" or host:
            continue
        address = given.get("hostIP", "")
        address = f"[{address}]" if ":" in address else address
        before = f"{address}:" if address else ""
        found.append(f"{before}{given['hostPort']}:{given['containerPort']}/{protocol}")
    return found


def _port(node: Foreign) -> str:
    number = whole(node)
    if not 0 <= number <= 65535 or not number and not node.path.endswith("hostPort"):  # 0 publishes none
        node.fail("a port from 1 to 65535")
    return str(number)
