# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``podman inspect`` shows of a container's options, one key for each."""

from __future__ import annotations

from itertools import compress
from operator import itemgetter, ne
from typing import TYPE_CHECKING, Any, Callable, Generic, Mapping, NamedTuple, Sequence, TypeVar, cast

from .._model.cgroup_limits import LIMITS
from .._model.options import restart_policy, table

if TYPE_CHECKING:
    from .._model.options.types import ContainerOptions, Device, Namespace, NamespaceOption, Security
    from .types import NamespaceKey, ShownConfig, ShownHostConfig

NAMESPACE_KEYS: dict[NamespaceOption, NamespaceKey] = {
    "ipc": "IpcMode",
    "pid": "PidMode",
    "uts": "UTSMode",
    "userns": "UsernsMode",
    "cgroupns": "CgroupMode",
}
_NAMESPACE_DEFAULTS = {"ipc": "shareable", "pid": "private", "uts": "private"}
_Keys = TypeVar("_Keys")  # the TypedDict of the keys


class _Row(NamedTuple):
    """An option, the key that shows it, and its value there; ``shown`` takes the normalised value."""

    option: str
    key: str
    shown: Callable[[Any], object]


class ShownOptions(Generic[_Keys]):
    """The keys of some options. Of a container's options few are set, and those alone are looked at."""

    def __init__(self, rows: Sequence[_Row]) -> None:
        self._rows = rows
        self._values = itemgetter(*(row.option for row in rows))
        self._defaults = self._values(table.defaults())
        self._at_default = {row.key: row.shown(value) for row, value in zip(rows, self._defaults)}

    def of(self, options: ContainerOptions) -> _Keys:
        """Return the keys with their values, which other containers' may share: they are not to be changed."""
        values = self._values(options)
        shown = dict(self._at_default)
        for row, value in compress(zip(self._rows, values), map(ne, values, self._defaults)):
            shown[row.key] = row.shown(value)
        return cast(_Keys, shown)


def _same(value: object) -> object:
    return value


def _or_empty(value: object) -> object:
    return value or ""


def _namespace(default: str) -> Callable[[Namespace], str]:
    return lambda value: f"ns:{value['target']}" if value["mode"] == "ns" else value["mode"] or default


def _device(device: Device) -> dict[str, str]:
    return {
        "PathOnHost": device["host"],
        "PathInContainer": device["container"],
        "CgroupPermissions": device["permissions"],
    }


def _ulimits(ulimits: Mapping[str, Sequence[int]]) -> list[dict[str, object]]:
    if "host" in ulimits:
        return []
    return [{"Name": f"RLIMIT_{name.upper()}", "Soft": soft, "Hard": hard} for name, (soft, hard) in ulimits.items()]


def _security(security: Security) -> list[str]:
    options = ["no-new-privileges"] if security["no_new_privileges"] else []
    options += [f"{key}={security[key]}" for key in ("seccomp", "apparmor") if security.get(key)]
    options += [f"label={part}{':' + value if value else ''}" for part, value in security.get("label", {}).items()]
    options += [f"{key}={':'.join(security[key])}" for key in ("mask", "unmask") if key in security]
    return options + ([f"proc-opts={','.join(security['proc-opts'])}"] if "proc-opts" in security else [])


def _hosts(hosts: Mapping[str, str]) -> list[str]:
    return [f"{name}:{ip}" for name, ips in hosts.items() for ip in ips.split(",")]


def _restart_policy(text: str) -> dict[str, object]:
    policy, attempts = restart_policy.parts(text)
    return {"Name": policy, "MaximumRetryCount": attempts}


CONFIG: ShownOptions[ShownConfig] = ShownOptions(
    [
        _Row("annotation", "Annotations", _same),
        _Row("stop_timeout", "StopTimeout", _same),
        _Row("timeout", "Timeout", _same),
        _Row("umask", "Umask", lambda mask: f"{mask:04o}"),
        _Row("timezone", "Timezone", _or_empty),
        _Row("expose", "ExposedPorts", lambda ports: {f"{port}/{protocol}": {} for port, protocol in ports}),
        _Row("secrets", "Secrets", lambda secrets: [{"Name": one["name"], "Target": one["target"]} for one in secrets]),
        _Row("tty", "Tty", _same),
        _Row("interactive", "OpenStdin", _same),
    ]
)
HOST_CONFIG: ShownOptions[ShownHostConfig] = ShownOptions(
    [
        *(_Row(option, key, _namespace(_NAMESPACE_DEFAULTS.get(option, ""))) for option, key in NAMESPACE_KEYS.items()),
        *(_Row(name, limit.inspected[0], limit.shown) for name, limit in LIMITS.items()),
        _Row("cap_add", "CapAdd", _same),
        _Row("cap_drop", "CapDrop", _same),
        _Row("privileged", "Privileged", _same),
        _Row("group_add", "GroupAdd", _same),
        _Row("init", "Init", _same),
        _Row("oom_score_adj", "OomScoreAdj", lambda score: score or 0),
        _Row("publish_all", "PublishAllPorts", _same),
        _Row("volumes_from", "VolumesFrom", lambda lenders: [lender["container"] for lender in lenders]),
        _Row("device", "Devices", lambda devices: [_device(one) for one in devices]),
        _Row("read_only", "ReadonlyRootfs", _same),
        _Row("security_opt", "SecurityOpt", _security),
        _Row("ulimit", "Ulimits", _ulimits),
        _Row("sysctl", "Sysctls", _same),
        _Row("shm_size", "ShmSize", _same),
        _Row("dns", "Dns", _same),
        _Row("dns_option", "DnsOptions", _same),
        _Row("dns_search", "DnsSearch", _same),
        _Row("etc_hosts", "ExtraHosts", _hosts),
        _Row("cgroups", "Cgroups", lambda mode: {"enabled": "default"}.get(mode, mode)),
        _Row("cgroup_conf", "CgroupConf", _same),
        _Row("cidfile", "ContainerIDFile", _or_empty),
        _Row("restart_policy", "RestartPolicy", _restart_policy),
        _Row("rm", "AutoRemove", _same),
    ]
)
