# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod of Kubernetes YAML, as the options of libpod_pod and of its containers."""

from __future__ import annotations

from typing import Mapping, NamedTuple

from ..._model.foreign import Foreign
from ..fields import Fields, Translate, boolean, scalar, scalars, to, unread
from ..stack import Options
from .containers import Containers, Translators, ports
from .environment import Environment
from .objects import Data, Metadata
from .probes import Probes
from .security import Security
from .volumes import Volumes

IDLE = (
    "affinity automountServiceAccountToken enableServiceLinks imagePullSecrets nodeName nodeSelector preemptionPolicy"
    " priority priorityClassName readinessGates schedulerName serviceAccount serviceAccountName setHostnameAsFQDN"
    " subdomain tolerations topologySpreadConstraints".split()
)
_RESTARTS = {"Always": "always", "OnFailure": "on-failure", "Never": "no"}
_SHARED = ("ipc", "net", "uts")
_MOST = 100  # containers of a pod


class Context(NamedTuple):
    """What all pods of a task have: the options of the task, and the data of the documents."""

    label: Mapping[str, str]
    data: Data
    network: tuple[str, ...] = ()
    seccomp_root: str = ""


class Pod(NamedTuple):
    """A translated pod: its options and its containers' in the order of their start.

    ``once`` are those that are not started again after exit code 0, and ``after`` has those before each one. The rest
    is what the host has to have for it.
    """

    options: Options
    containers: tuple[Options, ...]
    after: dict[str, tuple[str, ...]]
    once: frozenset[str]
    volumes: Volumes


class PodTranslator:
    """Translates pods; ``fields`` are those of the document that they are of."""

    def __init__(self, fields: Fields, context: Context) -> None:
        self._fields = fields
        self._context = context

    def pod(self, metadata: Metadata, annotations: Foreign, spec: Foreign) -> Pod:
        """Return the translation of a pod's ``spec``."""
        context = self._context
        found = self._fields.of(spec, self._table(), tuple(IDLE))
        security = Security(self._fields, context.seccomp_root)
        given = security.pod(spec["securityContext"])
        volumes = Volumes(self._fields, metadata.name, context.data, context.label)
        volumes.add(spec["volumes"])
        environment = Environment(self._fields, metadata, context.data)
        label = {**metadata.labels, **context.label}
        common = {
            "label": label,
            "restart_policy": found.get("restart_policy", _RESTARTS["Always"]),
            **found.get("stop", {}),
            **self._hosts_namespaces(spec),
        }
        parts = Translators(environment, Probes(self._fields), security, volumes)
        translator = Containers(self._fields, metadata, annotations, parts, common)
        first = [translator.options(one, given, init=True) for one in spec["initContainers"]]
        others = [translator.options(one, given, init=False) for one in spec["containers"]]
        names = [one["name"] for one in (*first, *others)]
        if not others or len(names) > _MOST or len(set(names)) < len(names):
            spec["containers"].fail(f"1 to {_MOST} containers, each with a name of its own")
        once = names if common["restart_policy"] != "always" else names[: len(first)]
        after = {name: tuple(names[: min(at, len(first))]) for at, name in enumerate(names)}
        return Pod(
            {"name": metadata.name, "label": label, **self._pods_own(annotations, spec, found), **_sysctl(given)},
            (*first, *others),
            after,
            frozenset(once),
            volumes,
        )

    def _table(self) -> dict[str, Translate]:
        flags = ("hostIPC", "hostNetwork", "hostPID", "shareProcessNamespace")
        elsewhere = ("containers", "initContainers", "securityContext", "volumes")
        return {
            **dict.fromkeys(elsewhere, unread),
            **{name: to(name, boolean) for name in flags},
            "dnsConfig": self._dns,
            "dnsPolicy": self._dns_policy,
            "hostAliases": self._aliases,
            "hostUsers": self._host_users,
            "hostname": to("hostname", scalar),
            "os": self._os,
            "restartPolicy": self._restart,
            "terminationGracePeriodSeconds": lambda one: {
                "stop": {"stop_timeout": str(one.integer(required=True, low=0, high=1 << 31))}
            },
        }

    def _pods_own(self, annotations: Foreign, spec: Foreign, found: Options) -> Options:
        """Return the options of libpod_pod, whose namespaces the containers share."""
        in_host = found.get("hostNetwork", False)
        shared = {*_SHARED, *(["pid"] if found.get("shareProcessNamespace") else [])}
        shared -= {*(["uts"] if in_host else []), *(["ipc"] if found.get("hostIPC") else [])}
        shared -= {"pid"} if found.get("hostPID") else set()
        options: Options = {"share": ",".join(sorted(shared))}
        published = [
            port
            for field in ("initContainers", "containers")
            for one in spec[field]
            for port in ports(self._fields, one, host=in_host)
        ]
        if in_host:
            options["network"] = ["host"]
        elif self._context.network:
            options["network"] = list(self._context.network)
        if "hostname" in found and not in_host:
            options["hostname"] = found["hostname"]
        if published:
            options["publish"] = published
        infra = annotations["io.podman.annotations.infra.name"]
        if infra:
            options["infra_name"] = scalar(infra)
        return {**options, **{key: found[key] for key in ("dns", "dns_opt", "dns_search", "add_host") if key in found}}

    def _hosts_namespaces(self, spec: Foreign) -> Options:
        """Return the namespaces of the host that the containers have."""
        kinds = {"hostPID": "pid", "hostIPC": "ipc", "hostNetwork": "uts"}
        return {kind: "host" for field, kind in kinds.items() if spec[field].flag()}

    def _restart(self, node: Foreign) -> Options:
        if scalar(node) not in _RESTARTS:
            node.fail(", ".join(_RESTARTS))
        return {"restart_policy": _RESTARTS[scalar(node)]}

    def _dns(self, node: Foreign) -> Options:
        return self._fields.of(
            node,
            {
                "nameservers": to("dns", scalars),
                "options": lambda one: {"dns_opt": [self._dns_option(each) for each in one]},
                "searches": to("dns_search", scalars),
            },
        )

    def _dns_option(self, node: Foreign) -> str:
        found = self._fields.of(node, {"name": to("name", scalar), "value": to("value", scalar)})
        return ":".join(found[key] for key in ("name", "value") if key in found)

    def _dns_policy(self, node: Foreign) -> Options:
        if scalar(node) not in ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"):
            node.fail("ClusterFirst, ClusterFirstWithHostNet, Default or None")
        if scalar(node).startswith("Cluster"):
            self._fields.ignore(node)
        return {}

    def _aliases(self, node: Foreign) -> Options:
        hosts = []
        for one in node:
            known = {"hostnames": to("names", scalars), "ip": to("ip", scalar)}
            found = self._fields.of(one, known)
            if "ip" not in found:
                one["ip"].fail("an address")
            hosts += [f"{name}:{found['ip']}" for name in found.get("names", ())]
        return {"add_host": hosts}

    def _host_users(self, node: Foreign) -> Options:
        if not node.flag(required=True):
            self._fields.refuse(node, "map users with uidmap of libpod_pod")
        return {}

    def _os(self, node: Foreign) -> Options:
        found = self._fields.of(node, {"name": to("name", scalar)})
        if found.get("name", "linux") != "linux":
            self._fields.refuse(node["name"], "take linux")
        return {}


def _sysctl(context: Options) -> Options:
    return {"sysctl": context["sysctl"]} if context.get("sysctl") else {}
