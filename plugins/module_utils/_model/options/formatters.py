# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Normalised values as a playbook would have them, for those who read a diff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterable, Mapping, Optional

if TYPE_CHECKING:
    from .types import Device, DeviceRule, Lender, Mount, Namespace, Network, NetworkSettings, Secret, Security, Volume

_UNITS = (("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1))


def spelled(option: str, value: Any) -> Any:
    """What normalises to ``value`` again; the value itself of an option that is written as it is meant, or where it is
    not of the option's shape (a drift's).
    """
    try:
        return value if value is None else _SPELLINGS.get(option, lambda same: same)(value)
    except (AttributeError, KeyError, TypeError, ValueError):
        return value


def _volume(volume: Volume) -> str:
    words = ["ro"] if volume["read_only"] else []
    words += [volume["propagation"]] if volume["propagation"] != "rprivate" else []
    return _joined(volume["source"], volume["target"], ",".join([*words, *volume["flags"]]))


def _network(network: Network) -> list[str]:
    if network["mode"] != "cni":
        return [_joined(network["mode"], network["target"])]
    return [_with_settings(name or "bridge", network.get("settings", {}).get(name)) for name in network["networks"]]


def _with_settings(name: str, settings: Optional[NetworkSettings]) -> str:
    if settings is None:
        return name
    words = [f"ip={ip}" for ip in settings.get("ips", ())] + [f"alias={one}" for one in settings.get("aliases", ())]
    words += [f"mac={settings['mac']}"] if "mac" in settings else []
    words += [f"interface_name={settings['interface']}"] if "interface" in settings else []
    return f"{name}:{','.join(words)}"


def _joined(*parts: str) -> str:
    return ":".join(part for part in parts if part)


def _mode(namespace: Namespace) -> str:
    if namespace["mode"] != "auto":
        return _joined(namespace["mode"], namespace["target"])
    words = [f"size={namespace['size']}"] if namespace["size"] else []
    words += [f"{key}={entry}" for key in ("uidmapping", "gidmapping") for entry in _id_map(namespace[key])]
    return f"auto:{','.join(words)}" if words else "auto"


def _id_map(entries: Iterable[Iterable[int]]) -> list[str]:
    return [":".join(map(str, entry)) for entry in entries]


def _ulimits(limits: Mapping[str, list[int]]) -> list[str]:
    return [f"{name}={':'.join(map(str, pair))}" if pair else name for name, pair in limits.items()]


def _duration(nanoseconds: int) -> str:
    unit, length = next((unit, length) for unit, length in _UNITS if nanoseconds % length == 0)
    return f"{nanoseconds // length}{unit}"


def _mount(mount: Mount) -> str:
    words = {"type": mount["type"], "source": mount.get("source"), "target": mount["target"]}
    if "source" not in mount:
        return ",".join([*(f"{key}={word}" for key, word in words.items() if word), *mount["options"]])
    propagation = mount["propagation"] if mount["propagation"] != "rprivate" else ""
    relabel = "".join({"z": "shared", "Z": "private"}.get(flag, "") for flag in mount["flags"])
    words.update({"bind-propagation": propagation, "relabel": relabel})
    flags = ["bind-nonrecursive" if flag == "bind" else flag for flag in mount["flags"] if flag not in ("z", "Z")]
    switches = [*(["ro"] if mount["read_only"] else []), *flags]
    return ",".join([*(f"{key}={word}" for key, word in words.items() if word), *switches])


def _lender(lender: Lender) -> str:
    return _joined(lender["container"], lender["access"])


def _secret(secret: Secret) -> str:
    words = {"type": secret["type"], "target": secret["target"], "uid": secret["uid"], "gid": secret["gid"]}
    if secret["type"] == "env":
        return f"{secret['name']},type=env,target={secret['target']}"
    return ",".join([secret["name"], *(f"{key}={word}" for key, word in words.items()), f"mode={secret['mode']:04o}"])


def _security(security: Security) -> list[str]:
    found = ["no-new-privileges"] if security["no_new_privileges"] else []
    found += [f"{key}={security[key]}" for key in ("seccomp", "apparmor") if security.get(key)]
    for key, word in security.get("label", {}).items():
        found.append(f"label={key}:{word}" if word else f"label={key}")
    found += [f"{key}={':'.join(security[key])}" for key in ("mask", "unmask") if key in security]
    found += [f"proc-opts={','.join(security['proc-opts'])}"] if "proc-opts" in security else []
    return found


def _rule(rule: DeviceRule) -> str:
    return f"{rule['type']} {rule.get('major', '*')}:{rule.get('minor', '*')} {rule['access']}"


def _device(device: Device) -> str:
    return f"{device['host']}:{device['container']}:{device['permissions']}"


def _by_device(rates: Mapping[str, int]) -> list[str]:
    return [f"{path}:{rate}" for path, rate in rates.items()]


def _each(spell: Callable[[Any], str]) -> Callable[[Any], list[str]]:
    return lambda values: [spell(value) for value in values]


_SPELLINGS: dict[str, Callable[[Any], Any]] = {
    "publish": _each(lambda port: port.to_option()),
    "expose": _each(lambda port: f"{port[0]}/{port[1]}"),
    "volume": _each(_volume),
    "tmpfs": lambda mounts: {target: ",".join(words) for target, words in mounts.items()},
    "mount": _each(_mount),
    "volumes_from": _each(_lender),
    "secrets": _each(_secret),
    "security_opt": _security,
    "log_opt": lambda given: {key: word for key, word in given.items() if word is not None},
    "device_cgroup_rule": _rule,
    **dict.fromkeys(("gpus", "hostuser", "chrootdirs"), ",".join),
    "network": _network,
    **dict.fromkeys(("ipc", "pid", "uts", "userns", "cgroupns"), _mode),
    **dict.fromkeys(("uidmap", "gidmap"), _id_map),
    "ulimit": _ulimits,
    "umask": lambda mask: f"{mask:04o}",
    "device": _each(_device),
    **dict.fromkeys(("device_read_bps", "device_write_bps", "device_read_iops", "device_write_iops"), _by_device),
    **dict.fromkeys(
        "healthcheck_interval healthcheck_timeout healthcheck_start_period health_startup_interval"
        " health_startup_timeout".split(),
        _duration,
    ),
}
