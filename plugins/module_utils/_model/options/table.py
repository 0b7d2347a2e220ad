# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one table of a container's options: a new option is a row here, and its effect in the spec.

The rows drive the argument spec, normalising, comparing, the diff and the update in place.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Callable, Final, Iterable, Mapping, NamedTuple, Optional

from .mounts import volumes
from .network import ports
from .syntax import modes, parsers

if TYPE_CHECKING:
    from .types import LogOptions, Namespace, Network, Security

# In the place of a secret value.
HIDDEN = "(hidden)"


class Change(enum.IntEnum):
    """What a difference in an option needs."""

    RESTART = 0  # a start of the container's process or its monitor
    RECORD = 1  # a change of the engine's record alone
    LIVE = 2  # a change in the running container
    RECREATE = 3  # a new container


class Option(NamedTuple):
    """One option: how users write it, what it means, and what a change of it needs.

    ``normalise`` takes the user's value and the option's name; ``default`` is a normalised value,
    None standing for the image's or the kernel's. ``secret`` values are never shown in a diff. Where only some changes
    are as ``change`` says, ``in_place`` tells which, before and after; the others are as ``otherwise`` says.
    ``from_json`` makes the normalised value of what JSON keeps of it, where that differs.
    """

    name: str
    type: str
    normalise: Callable[[object, str], object]
    default: Any = None
    aliases: tuple[str, ...] = ()
    elements: str = ""
    choices: tuple[str, ...] = ()
    suboptions: tuple[tuple[str, str], ...] = ()
    change: Change = Change.RECREATE
    secret: bool = False
    in_place: Optional[Callable[[object, object], bool]] = None
    otherwise: Change = Change.RECREATE
    from_json: Optional[Callable[[object], object]] = None

    def value(self, options: Mapping[str, object]) -> Any:
        """Return the option's value; an older engine's record may lack it."""
        return options.get(self.name, self.default)

    def needs(self, before: object, after: object) -> Change:
        """Return what this difference needs."""
        return self.change if self.in_place is None or self.in_place(before, after) else self.otherwise


def _fresh(value: object) -> object:
    """Return a copy of a value of JSON; copy.deepcopy costs ten times as much."""
    if isinstance(value, dict):
        return {key: _fresh(one) for key, one in value.items()}
    return [_fresh(one) for one in value] if isinstance(value, list) else value


_LIVE, _RECORD, _RESTART = Change.LIVE, Change.RECORD, Change.RESTART
_MOVABLE: dict[str, object] = {"change": _LIVE, "in_place": volumes.in_place}
_NETWORK_DEFAULT: Network = {"mode": "cni", "target": "", "networks": [""]}
_PLAIN_NAMESPACE: Namespace = {"mode": "", "target": ""}
_SECURITY_DEFAULT: Security = {"no_new_privileges": False, "seccomp": ""}
LOG_DEFAULT: LogOptions = {"path": None, "max_size": None, "tag": None}


def _neither_none(before: list[str], after: list[str]) -> bool:
    """Return whether the container has the engine's resolv.conf before and after."""
    return "none" not in (*before, *after)


def _later(module: str, function: str) -> Callable[[object, str], object]:
    """Return a parser whose module is imported when a task has the option."""

    def normalise(value: object, option: str) -> object:
        from importlib import import_module

        return getattr(import_module(f".{module}", __package__), function)(value, option)

    return normalise


def _later_map(option: str) -> Callable[[object], object]:
    """Return a reader of ID maps, whose module is imported where a record has one."""
    reader = _later("namespace_options", "from_json")

    def read(value: Any) -> object:
        return reader(value, option) if value and (option != "userns" or value["mode"] == "auto") else value

    return read


def _both_cni(before: Network, after: Network) -> bool:
    """Return whether networks come and go alone: the namespace stays the process's own, and what stays its settings."""
    settings = [one.get("settings", {}) for one in (before, after)]
    stay = set(before["networks"]) & set(after["networks"])
    same = all(settings[0].get(name) == settings[1].get(name) for name in stay)
    return bool(before["mode"] == after["mode"] == "cni") and same


def _none_taken_away(before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Return whether no file is omitted that was written: what it held before is unknown."""
    return set(before) <= set(after)


def _size_alone(before: LogOptions, after: LogOptions) -> bool:
    """Return whether the size alone differs: conmon reads path and tag only at its start."""
    return bool({**before, "max_size": None} == {**after, "max_size": None})


def _not_the_runtimes(before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Return whether no annotation differs that the OCI runtime obeys at creation.

    Those are crun(1)'s, and the systemd properties of runc.
    """
    differing = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    return not any(key.startswith(("run.oci.", "org.systemd.property.")) for key in differing)


def _row(name: str, type: str, normalise: Callable[[Any, str], object], default: object = None, **more: Any) -> Option:
    if type == "list":
        return Option(name, type, parsers.listed(normalise), default, elements="str", **more)
    return Option(name, type, normalise, default, **more)


_ROWS = (
    _row("command", "raw", parsers.words),
    _row("entrypoint", "raw", parsers.entrypoint),
    _row("env", "dict", parsers.environment, {}, secret=True),
    _row("workdir", "str", parsers.absolute_path, aliases=("working_dir",)),
    _row("user", "str", parsers.word),
    _row("group_add", "list", parsers.string_set, [], aliases=("groups",)),
    _row("passwd", "bool", parsers.flag, True),
    _row("passwd_entry", "str", _later("process_options", "entry")),
    _row("group_entry", "str", _later("process_options", "entry")),
    _row("hostuser", "str", _later("process_options", "names"), []),
    _row("umask", "str", _later("process_options", "umask"), 0o022),
    _row("timezone", "str", _later("process_options", "timezone")),
    _row("init", "bool", parsers.flag, False),
    _row("init_path", "str", parsers.host_path),
    _row("oom_score_adj", "int", _later("process_options", "oom_score_adj"), change=_RESTART),
    _row("env_host", "bool", parsers.flag, False),
    _row("env_merge", "dict", parsers.environment, {}, secret=True),
    _row("unsetenv", "list", _later("process_options", "variables"), []),
    _row("unsetenv_all", "bool", parsers.flag, False),
    _row("http_proxy", "bool", parsers.flag, True),
    _row("annotation", "dict", parsers.mapping, {}, change=_RECORD, in_place=_not_the_runtimes),
    _row("hostname", "str", parsers.hostname),
    _row("label", "dict", parsers.mapping, {}, aliases=("labels",), change=_RECORD),
    _row("volume", "list", volumes.volumes, [], aliases=("volumes",), **_MOVABLE),
    _row("chrootdirs", "str", _later("process_options", "directories"), []),
    _row("tmpfs", "dict", volumes.tmpfs, {}, change=_LIVE),
    _row("mount", "list", _later("mounts.mounts", "mounts"), [], aliases=("mounts",), **_MOVABLE),
    _row("volumes_from", "list", _later("mounts.mounts", "volumes_from"), []),
    _row("image_volume", "str", parsers.text, "bind", choices=("bind", "tmpfs", "ignore")),
    _row(
        "publish",
        "list",
        ports.publish,
        [],
        aliases=("ports", "published", "published_ports"),
        change=_LIVE,
        from_json=ports.published,
    ),
    _row("publish_all", "bool", parsers.flag, False, change=_LIVE),
    _row("expose", "list", ports.expose, [], aliases=("exposed", "exposed_ports"), change=_LIVE),
    _row(
        "network",
        "list",
        modes.network,
        _NETWORK_DEFAULT,
        aliases=("net", "network_mode"),
        change=_LIVE,
        in_place=_both_cni,
    ),
    _row("ip", "str", _later("network.options", "address")),
    _row("ip6", "str", _later("network.options", "address")),
    _row("mac_address", "str", _later("network.options", "mac")),
    _row("network_aliases", "list", _later("network.options", "aliases"), [], aliases=("network_alias",)),
    _row("ipc", "str", _later("namespace_options", "namespace"), _PLAIN_NAMESPACE, aliases=("ipc_mode",)),
    _row("pid", "str", _later("namespace_options", "namespace"), _PLAIN_NAMESPACE, aliases=("pid_mode",)),
    _row("uts", "str", _later("namespace_options", "namespace"), _PLAIN_NAMESPACE),
    _row(
        "userns",
        "str",
        _later("namespace_options", "namespace"),
        _PLAIN_NAMESPACE,
        aliases=("userns_mode",),
        from_json=_later_map("userns"),
    ),
    _row("cgroupns", "str", _later("namespace_options", "namespace"), _PLAIN_NAMESPACE),
    _row("uidmap", "list", _later("namespace_options", "id_map"), [], from_json=_later_map("uidmap")),
    _row("gidmap", "list", _later("namespace_options", "id_map"), [], from_json=_later_map("gidmap")),
    _row("subuidname", "str", parsers.word),
    _row("subgidname", "str", parsers.word),
    _row("pod", "str", parsers.name),
    _row("init_ctr", "str", parsers.text, "", choices=("once", "always")),
    _row("requires", "list", _later("namespace_options", "names"), [], change=_RECORD),
    _row(
        "dns",
        "list",
        _later("network.resolver", "dns_servers"),
        [],
        aliases=("dns_servers",),
        change=_LIVE,
        in_place=_neither_none,
        otherwise=_RESTART,
    ),
    _row("dns_option", "list", parsers.string_list, [], aliases=("dns_opts",), change=_LIVE),
    _row(
        "dns_search", "list", _later("network.resolver", "domains"), [], aliases=("dns_search_domains",), change=_LIVE
    ),
    _row("etc_hosts", "dict", _later("network.resolver", "hosts"), {}, aliases=("add_hosts",), change=_LIVE),
    _row("no_hosts", "bool", parsers.flag, False, change=_RESTART),
    _row("memory", "str", parsers.size_limit, change=_LIVE),
    _row("memory_swap", "str", parsers.swap_limit, change=_LIVE),
    _row("cpu_quota", "int", _later("resource_limits", "cpu_quota"), change=_LIVE),
    _row("cpu_period", "int", _later("resource_limits", "cpu_period"), change=_LIVE),
    _row("cpu_shares", "int", _later("resource_limits", "shares"), change=_LIVE),
    _row("cpuset_cpus", "str", _later("resource_limits", "cpu_list"), change=_LIVE),
    _row("pids_limit", "str", _later("resource_limits", "pids"), 2048, change=_LIVE),
    _row("memory_reservation", "str", parsers.size_limit, change=_LIVE),
    _row("memory_swappiness", "int", _later("devices", "swappiness"), change=_LIVE),
    _row("kernel_memory", "str", parsers.size_limit),
    _row("oom_kill_disable", "bool", parsers.flag, False, change=_LIVE),
    _row("cpuset_mems", "str", _later("resource_limits", "cpu_list"), change=_LIVE),
    _row("cpu_rt_period", "int", _later("resource_limits", "limit"), change=_LIVE),
    _row("cpu_rt_runtime", "int", _later("resource_limits", "limit"), change=_LIVE),
    _row("blkio_weight", "int", _later("devices", "weight"), change=_LIVE),
    _row("blkio_weight_device", "dict", _later("devices", "weights"), {}, change=_LIVE),
    _row("device_read_bps", "list", _later("devices", "byte_rates"), {}, change=_LIVE),
    _row("device_write_bps", "list", _later("devices", "byte_rates"), {}, change=_LIVE),
    _row("device_read_iops", "list", _later("devices", "rates"), {}, change=_LIVE),
    _row("device_write_iops", "list", _later("devices", "rates"), {}, change=_LIVE),
    _row("cgroup_conf", "dict", _later("devices", "cgroup_files"), {}, change=_LIVE, in_place=_none_taken_away),
    _row("rdt_class", "str", parsers.name),
    _row("cap_add", "list", _later("process_options", "capabilities"), [], aliases=("capabilities",)),
    _row("cap_drop", "list", _later("process_options", "capabilities"), []),
    _row("privileged", "bool", parsers.flag, False),
    _row("device", "list", _later("devices", "devices"), []),
    _row("gpus", "str", _later("devices", "gpus"), []),
    _row("device_cgroup_rule", "str", _later("devices", "cgroup_rule")),
    _row("read_only", "bool", parsers.flag, False),
    _row("rewindable", "bool", parsers.flag, False),
    _row("read_only_tmpfs", "bool", parsers.flag, True),
    _row("security_opt", "list", modes.security, _SECURITY_DEFAULT),
    _row("ulimit", "list", _later("process_options", "ulimits"), {}, aliases=("ulimits",), change=_RESTART),
    _row("sysctl", "dict", _later("process_options", "sysctls"), {}, change=_RESTART),
    _row("shm_size", "str", parsers.size, 64 << 20, change=_RESTART),
    _row("secrets", "list", _later("secrets", "secrets"), []),
    _row("stop_signal", "str", parsers.signal, change=_RECORD),
    _row("stop_timeout", "str", _later("syntax.durations", "whole_seconds"), 10, change=_RECORD),
    _row("timeout", "str", _later("syntax.durations", "whole_seconds"), 0, change=_RESTART),
    _row("restart_policy", "str", _later("restart_policy", "normalise"), "no", change=_RECORD),
    _row("rm", "bool", parsers.flag, False, aliases=("remove", "auto_remove"), change=_RECORD),
    _row("cidfile", "path", parsers.host_path),
    _row("pid_file", "path", parsers.host_path),
    _row("conmon_pidfile", "path", parsers.host_path),
    _row("personality", "str", _later("process_options", "personality"), ""),
    _row("seccomp_policy", "str", parsers.text, "default", choices=("default", "image")),
    _row("systemd", "str", _later("process_options", "systemd"), "true"),
    _row("shm_size_systemd", "str", parsers.size_limit),
    _row("cgroups", "str", parsers.text, "enabled", choices=("enabled", "disabled", "no-conmon", "split")),
    _row("sdnotify", "str", parsers.text, "container", choices=("container", "conmon", "ignore")),
    _row("hooks_dir", "list", _later("process_options", "host_directories"), []),
    _row("rmi", "bool", parsers.flag, False, change=_RECORD),
    _row("cgroup_parent", "str", parsers.cgroup_parent),
    _row(
        "log_driver",
        "str",
        modes.log_driver,
        "k8s-file",
        choices=("k8s-file", "json-file", "journald", "none", "passthrough"),
        change=_RESTART,
    ),
    _row(
        "log_opt",
        "dict",
        modes.log_options,
        LOG_DEFAULT,
        aliases=("log_options",),
        suboptions=(("max_size", "str"), ("path", "str"), ("tag", "str")),
        change=_LIVE,
        in_place=_size_alone,
        otherwise=_RESTART,
    ),
    _row("healthcheck", "raw", _later("health", "command"), aliases=("health_cmd",), change=_RECORD),
    _row("healthcheck_interval", "str", _later("health", "interval"), aliases=("health_interval",), change=_RECORD),
    _row("healthcheck_timeout", "str", _later("health", "timeout"), aliases=("health_timeout",), change=_RECORD),
    _row("healthcheck_retries", "int", _later("health", "retries"), aliases=("health_retries",), change=_RECORD),
    _row(
        "healthcheck_start_period",
        "str",
        _later("syntax.durations", "nanoseconds"),
        aliases=("health_start_period",),
        change=_RECORD,
    ),
    _row(
        "healthcheck_failure_action",
        "str",
        parsers.text,
        "none",
        aliases=("health_on_failure",),
        choices=("none", "kill", "restart", "stop"),
        change=_RECORD,
    ),
    _row("health_startup_cmd", "raw", _later("health", "command"), change=_RECORD),
    _row("health_startup_interval", "str", _later("health", "interval"), 30 * 10**9, change=_RECORD),
    _row("health_startup_retries", "int", parsers.count, 0, change=_RECORD),
    _row("health_startup_success", "int", parsers.count, 0, change=_RECORD),
    _row("health_startup_timeout", "str", _later("health", "timeout"), 30 * 10**9, change=_RECORD),
    _row("no_healthcheck", "bool", parsers.flag, False, change=_RECORD),
    _row("interactive", "bool", parsers.flag, False),
    _row("tty", "bool", parsers.flag, False),
)
# Their mounts can change in a running container, unless something is in the way.
MOUNTS: Final = ("volume", "mount", "tmpfs")
# podman's options for a container's single network.
ALONE: Final = ("ip", "ip6", "mac_address", "network_aliases")
# What is written to /etc/hosts and /etc/resolv.conf, which containers that join a network have from its owner.
SHARED_FILES: Final = ("dns", "dns_option", "dns_search", "etc_hosts")
ID_FILES: Final = ("cidfile", "pid_file", "conmon_pidfile")
OPTIONS: dict[str, Option] = {row.name: row for row in _ROWS}
_DEFAULTS = {row.name: row.default for row in _ROWS}
_CHANGEABLE = {row.name: row.default for row in _ROWS if isinstance(row.default, (dict, list))}
# Defaults in which an equal value can be one of another type.
_NESTED = {name for name, value in _CHANGEABLE.items() if value and any(one == 0 for one in dict(value).values())}
_READERS = {row.name: row.from_json for row in _ROWS if row.from_json}


def defaults() -> dict[str, object]:
    """Return every option at its default, with copies of those that can change."""
    return {**_DEFAULTS, **{name: _fresh(value) for name, value in _CHANGEABLE.items()}}


def set_options(recorded: Mapping[str, object]) -> dict[str, object]:
    """Return the options of a record that are not at their defaults: of a hundred few, which alone need a closer look.

    A false value that is an option's default in another type, such as 0 for false, is not at it.
    """
    default = _DEFAULTS.get
    return {
        name: value
        for name, value in recorded.items()
        if value is not default(name, ...)
        and (value.__class__ is not default(name).__class__ or value != default(name) or name in _NESTED)
    }


def from_json(recorded: Mapping[str, object], names: Iterable[str] = tuple(OPTIONS)) -> dict[str, object]:
    """Return the normalised options of a record; those of ``names`` that it lacks (an older engine's) at their default.

    :raises TypeError: a value has another shape.
    """
    missing = {name: _fresh(OPTIONS[name].default) for name in names if name not in recorded}
    return read_in_place({**missing, **recorded})


def read_in_place(recorded: dict[str, object]) -> dict[str, object]:
    """Return a whole record's options, with those normalised that JSON has in another form; without a copy.

    :raises TypeError: a value has another shape.
    """
    recorded.update([(name, reader(recorded[name])) for name, reader in _READERS.items() if recorded.get(name)])
    return recorded


def select(options: Mapping[str, object], names: Iterable[str]) -> dict[str, Any]:
    """Return the options of these names."""
    return {name: options[name] for name in names}


def changed_options(wanted: Mapping[str, object], recorded: Mapping[str, object]) -> list[Option]:
    """Return the options whose normalised values differ."""
    if wanted == recorded:  # as most are; one comparison costs a tenth of the many below
        return []
    return [row for row in _ROWS if wanted[row.name] != row.value(recorded)]
