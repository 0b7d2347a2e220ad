# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One service of a Compose file, as the options of a container (the Compose Specification, 05)."""

from __future__ import annotations

import shlex
from typing import Callable, NamedTuple, Optional

from ..._model.errors import MalformedData
from ..._model.foreign import Foreign
from ..fields import Fields, Translate, elements, flag, labels, pairs, scalar, scalars, to, unread, whole
from ..stack import Options
from . import mounts
from .limits import Limits
from .variables import Lookup, assignments

STARTED, HEALTHY, COMPLETED = "service_started", "service_healthy", "service_completed_successfully"
_CONDITIONS = (STARTED, HEALTHY, COMPLETED)
_IDLE = ("attach", "develop", "pull_refresh_after")
_PULLING = {"always": "always", "missing": "missing", "if_not_present": "missing", "never": "never", "build": "build"}

# Fields by how their values are read, with the options of libpod_container.
_TEXTS = {
    "cgroup": "cgroupns",
    "domainname": "domainname",
    "hostname": "hostname",
    "image": "image",
    "mac_address": "mac_address",
    "platform": "platform",
    "stop_grace_period": "stop_timeout",
    "stop_signal": "stop_signal",
    "user": "user",
    "userns_mode": "userns",
    "uts": "uts",
    "working_dir": "workdir",
}
_LISTS = {
    "cap_add": "cap_add",
    "cap_drop": "cap_drop",
    "dns": "dns",
    "dns_opt": "dns_option",
    "dns_search": "dns_search",
    "expose": "expose",
    "group_add": "group_add",
}
_FLAGS = {"init": "init", "privileged": "privileged", "read_only": "read_only", "tty": "tty"}


class Names(NamedTuple):
    """What a service's fields name: each function returns a thing's name on the host, ``read`` a file's text.

    ``services`` are those that their profiles do not leave out.
    """

    network: mounts.Naming
    volume: mounts.Naming
    secret: mounts.Naming
    config: mounts.Naming
    container: mounts.Naming
    path: mounts.Naming
    read: Callable[[str, str], str]
    services: frozenset[str]


class Service(NamedTuple):
    """A translated service: ``options`` of each of its containers, its images and the services it comes after.

    ``needs`` has the condition of each service that comes before it, and ``build`` the options of the image that is
    built.
    """

    name: str
    options: Options
    number: int
    needs: dict[str, str]
    build: Optional[Options]


class Translator:
    """Translates services, whose files may use the variables of ``look_up``."""

    def __init__(self, fields: Fields, names: Names, look_up: Lookup) -> None:
        self._fields = fields
        self._names = names
        self._look_up = look_up
        self._mounts = mounts.Mounts(fields, names.volume, names.path)
        self._attachment = mounts.Attachment(fields, names.network)
        self._needs: dict[str, str] = {}
        self._known = self._table()

    @property
    def folders(self) -> list[str]:
        """The directories of the host that Compose makes where they are missing."""
        return self._mounts.folders

    def service(self, name: str, node: Foreign) -> Service:
        """Return a service's translation.

        :raises MalformedData: a field has no counterpart, or a value of another kind than it may have.
        """
        self._needs = {}
        options = self._fields.of(node, self._known, _IDLE)
        if "domainname" in options:
            if "hostname" not in options:
                node["domainname"].fail("a hostname beside it")
            options["hostname"] += f".{options.pop('domainname')}"
        restart = options.pop("deployed_restart", None)
        if restart:
            options.setdefault("restart_policy", restart)
        self._environment(node, options)
        grants = [*options.pop("secrets", ()), *options.pop("configs", ())]
        if grants:
            options["secrets"] = grants
        build = options.pop("build", None)
        if build is None and "image" not in options:
            node["image"].fail("an image, or build")
        if "network" not in options:
            networks = node["networks"] if node["networks"] else None
            options.update(self._attachment.options(networks, name))
        elif node["networks"]:
            node["networks"].fail("none beside network_mode")
        return Service(name, options, self._number(node), self._needs, build)

    def _number(self, node: Foreign) -> int:
        number = node["scale"] if node["scale"] else node["deploy"]["replicas"]
        found = whole(number) if number else 1
        if not 0 <= found <= 1000:
            number.fail("a number of containers up to 1000")
        if found > 1 and node["container_name"]:
            node["container_name"].fail(f"none, since the service has {found} containers")
        return found

    def _table(self) -> dict[str, Translate]:
        fields, names = self._fields, self._names
        return {
            **{field: to(option, scalar) for field, option in _TEXTS.items()},
            **{field: to(option, scalars) for field, option in _LISTS.items()},
            **{field: to(option, flag) for field, option in _FLAGS.items()},
            **dict.fromkeys(("container_name", "env_file", "environment", "networks", "profiles", "scale"), _elsewhere),
            **Limits(fields).known,
            "annotations": to("annotation", labels),
            "build": to("build", self._build),
            "cgroup_parent": to("cgroup_parent", scalar),
            "command": to("command", _words),
            "configs": to("configs", lambda node: list(mounts.granted(fields, node, names.config, "/"))),
            "depends_on": self._depends_on,
            "device_cgroup_rules": self._device_rule,
            "devices": lambda node: mounts.devices(fields, node),
            "entrypoint": to("entrypoint", _words),
            "extra_hosts": mounts.hosts,
            "healthcheck": self._healthcheck,
            "ipc": to("ipc", self._joined),
            "label_file": self._label_file,
            "labels": to("label", labels),
            "links": self._links,
            "logging": self._logging,
            "network_mode": to("network", lambda node: [self._joined(node)]),
            "pid": to("pid", self._joined),
            "ports": lambda node: mounts.ports(fields, node),
            "pull_policy": self._pull_policy,
            "secrets": to("secrets", lambda node: list(mounts.granted(fields, node, names.secret, ""))),
            "security_opt": to("security_opt", lambda node: [_security(one) for one in scalars(node)]),
            "stdin_open": to("interactive", flag),
            "sysctls": to("sysctl", labels),
            "tmpfs": mounts.tmpfs,
            "volumes": self._mounts_of,
            "volumes_from": to("volumes_from", lambda node: [self._lender(one) for one in elements(node)]),
            "restart": to("restart_policy", lambda node: "no" if node.value is False else scalar(node)),
        }

    def _environment(self, node: Foreign, options: Options) -> None:
        """Add the variables of ``env_file`` and over them those of ``environment``."""
        found: dict[str, str] = {}
        for one in node["env_file"]:
            found.update(self._env_file(one, found))
        for key, value in pairs(node["environment"]).items():
            value = self._look_up(key) if value is None else value
            if value is not None:
                found[key] = value
            else:
                found.pop(key, None)
        if found:
            options["env"] = found

    def _env_file(self, node: Foreign, before: dict[str, str]) -> dict[str, str]:
        path, raw, required = node, False, True
        if isinstance(node.value, dict):
            known = {"path": _elsewhere, "format": to("raw", scalar), "required": to("required", flag)}
            found = self._fields.of(node, known)
            path, required = node["path"], found.get("required", True)
            raw = found.get("raw", "") == "raw"
            if found.get("raw", "raw") != "raw":
                node["format"].fail("raw, or none")
        where = self._names.path(path.text(required=True), path)
        try:
            text = self._names.read(where, "env_file")
        except FileNotFoundError:
            if required:
                path.fail("a file on the target, or required: false")
            return {}
        if raw:
            lines = (line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#"))
            return {key.strip(): value for key, equals, value in (line.partition("=") for line in lines) if equals}
        return assignments(text, lambda name: self._look_up(name) or before.get(name), where)

    def _label_file(self, node: Foreign) -> Options:
        if len(scalars(node)) > 1:
            self._fields.refuse(node, "name one file")
        return {"label_file": self._names.path(scalars(node)[0], node)} if scalars(node) else {}

    def _mounts_of(self, node: Foreign) -> Options:
        return self._mounts.options(node)

    def _joined(self, node: Foreign) -> str:
        """Return a namespace's mode, in which ``service:NAME`` is a container of the project."""
        kind, _colon, service = scalar(node).partition(":")
        if kind != "service":
            return scalar(node)
        self._needs.setdefault(service, STARTED)
        return f"container:{self._names.container(service, node)}"

    def _lender(self, node: Foreign) -> str:
        text = scalar(node)
        if text.startswith("container:"):
            return text.partition(":")[2]
        service, colon, how = text.partition(":")
        self._needs.setdefault(service, STARTED)
        return f"{self._names.container(service, node)}{colon}{how}"

    def _depends_on(self, node: Foreign) -> Options:
        for name, one in node.items():
            known: dict[str, Translate] = {"condition": to("condition", scalar), "required": to("required", flag)}
            found = self._fields.of(one, known, ("restart",))
            condition = found.get("condition", STARTED)
            if condition not in _CONDITIONS:
                one["condition"].fail(", ".join(_CONDITIONS))
            if name in self._names.services:
                self._needs[name] = condition
            elif found.get("required", True):
                self._names.container(name, one)
        return {}

    def _links(self, node: Foreign) -> Options:
        for one in elements(node):
            service, _colon, alias = scalar(one).partition(":")
            if alias not in ("", service):
                self._fields.refuse(one, f"give {service} the alias {alias} in its networks")
            self._names.container(service, one)
            self._needs.setdefault(service, STARTED)
        return {}

    def _device_rule(self, node: Foreign) -> Options:
        if len(scalars(node)) > 1:
            self._fields.refuse(node, "one rule can be given")
        return {"device_cgroup_rule": scalars(node)[0]} if scalars(node) else {}

    def _healthcheck(self, node: Foreign) -> Options:
        known: dict[str, Translate] = {
            "disable": lambda one: {"no_healthcheck": True} if flag(one) else {},
            "interval": to("healthcheck_interval", scalar),
            "retries": to("healthcheck_retries", whole),
            "start_period": to("healthcheck_start_period", scalar),
            "test": _health_test,
            "timeout": to("healthcheck_timeout", scalar),
        }
        return self._fields.of(node, known, ("start_interval",))

    def _logging(self, node: Foreign) -> Options:
        known: dict[str, Translate] = {
            "max-size": to("max_size", scalar),
            "tag": to("tag", scalar),
        }
        found = self._fields.of(
            node,
            {
                "driver": self._log_driver,
                "options": lambda one: {"log_opt": self._fields.of(one, known, ("compress", "max-file", "mode"))},
            },
        )
        return {option: value for option, value in found.items() if value}

    def _log_driver(self, node: Foreign) -> Options:
        driver = {"local": "json-file"}.get(scalar(node), scalar(node))
        if driver not in ("json-file", "journald", "none"):
            self._fields.refuse(node, "take json-file, journald or none")
        return {"log_driver": driver}

    def _pull_policy(self, node: Foreign) -> Options:
        if scalar(node) not in _PULLING:
            self._fields.refuse(node, f"take {', '.join(_PULLING)}")
        return {"pull": _PULLING[scalar(node)]}

    def _build(self, node: Foreign) -> Options:
        """Return the options of libpod_image for the field ``build``, without the image's name."""
        known: dict[str, Translate] = {
            "args": lambda one: {"args": self._arguments(one)},
            "context": unread,
            "dockerfile": to("file", scalar),
            "dockerfile_inline": to("container_file", scalar),
            "labels": to("labels", labels),
            "no_cache": lambda one: {"cache": not flag(one)},
            "platforms": self._platform,
            "pull": _elsewhere,
            "tags": unread,
            "target": to("target", scalar),
        }
        found = self._fields.of(node, known, ("cache_from", "cache_to", "network", "provenance", "sbom"))
        context = node["context"].text(".")
        if "://" in context or context.startswith(("git@", "github.com/")):
            self._fields.refuse(node["context"], "name a directory on the target")
        return {
            "path": self._names.path(context, node["context"]),
            "tags": scalars(node["tags"]),
            "platform": found.pop("platform", None),
            "build": found,
        }

    def _arguments(self, node: Foreign) -> dict[str, str]:
        found = {key: self._look_up(key) if value is None else value for key, value in pairs(node).items()}
        return {key: value for key, value in found.items() if value is not None}

    def _platform(self, node: Foreign) -> Options:
        if len(scalars(node)) > 1:
            self._fields.refuse(node, "an image is built for one platform")
        return {"platform": scalars(node)[0]} if scalars(node) else {}


def _elsewhere(_node: Foreign) -> dict[str, object]:
    """Return nothing for a field that is read elsewhere."""
    return {}


def _words(node: Foreign) -> Optional[list[str]]:
    """Return a command's words: a text is split as the shell does; None where the image's stays."""
    if not node:
        return None
    if not isinstance(node.value, str):
        return scalars(node)
    try:
        return shlex.split(node.text())
    except ValueError:
        raise MalformedData(f"{node.origin}: {node.path}: expected a command whose quotes are closed") from None


def _health_test(node: Foreign) -> Options:
    if isinstance(node.value, str):
        return {"healthcheck": ["CMD-SHELL", node.text()]}
    words = scalars(node)
    if words and words[0] not in ("CMD", "CMD-SHELL", "NONE"):
        node.fail("CMD, CMD-SHELL or NONE as its first word")
    return {"no_healthcheck": True} if words[:1] == ["NONE"] else {"healthcheck": words}


def _security(text: str) -> str:
    """Return a security option as the engine takes it: Docker also writes ``seccomp:unconfined``."""
    key, colon, value = text.partition(":")
    return f"{key}={value}" if colon and key in ("apparmor", "seccomp", "label", "systempaths") else text
