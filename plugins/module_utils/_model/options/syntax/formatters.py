# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Normalised values as a playbook would have them, for diffs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterable, Mapping, Optional

if TYPE_CHECKING:
    from ..types import Device, DeviceRule, Lender, Mount, Namespace, Network, NetworkSettings, Secret, Security, Volume

_UNITS = (("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1))


def spelled(option: str, value: object) -> object:
    """Return what normalises to ``value`` again.

    It is the value itself where the option is written as it is recorded, or where drift has another shape.
    """
    try:
        return value if value is None else _SPELLINGS.get(option, lambda same: same)(value)
    except (AttributeError, KeyError, TypeError, ValueError):
        return value


def _volume(volume: Volume) -> str:
    flags = ["ro"] if volume["read_only"] else []
    flags += [volume["propagation"]] if volume["propagation"] != "rprivate" else []
    return _joined(volume["source"], volume["target"], ",".join([*flags, *volume["flags"]]))


def _network(network: Network) -> list[str]:
    if network["mode"] != "cni":
        return [_joined(network["mode"], network["target"])]
    return [_with_settings(name or "bridge", network.get("settings", {}).get(name)) for name in network["networks"]]


def _with_settings(name: str, settings: Optional[NetworkSettings]) -> str:
    if settings is None:
        return name
    entries = [f"ip={ip}" for ip in settings.get("ips", ())] + [f"alias={one}" for one in settings.get("aliases", ())]
    entries += [f"mac={settings['mac']}"] if "mac" in settings else []
    entries += [f"interface_name={settings['interface']}"] if "interface" in settings else []
    return f"{name}:{','.join(entries)}"


def _joined(*parts: str) -> str:
    return ":".join(part for part in parts if part)


def _mode(namespace: Namespace) -> str:
    if namespace["mode"] != "auto":
        return _joined(namespace["mode"], namespace["target"])
    entries = [f"size={namespace['size']}"] if namespace["size"] else []
    entries += [f"{key}={entry}" for key in ("uidmapping", "gidmapping") for entry in _id_map(namespace[key])]
    return f"auto:{','.join(entries)}" if entries else "auto"


def _id_map(entries: Iterable[Iterable[int]]) -> list[str]:
    return [":".join(map(str, entry)) for entry in entries]


def _ulimits(limits: Mapping[str, list[int]]) -> list[str]:
    return [f"{name}={':'.join(map(str, pair))}" if pair else name for name, pair in limits.items()]


def _duration(nanoseconds: int) -> str:
    unit, length = next((unit, length) for unit, length in _UNITS if nanoseconds % length == 0)
    return f"{nanoseconds // length}{unit}"


def _mount(mount: Mount) -> str:
    settings = {"type": mount["type"], "source": mount.get("source"), "target": mount["target"]}
    if "source" not in mount:
        return ",".join([*(f"{key}={value}" for key, value in settings.items() if value), *mount["options"]])
    propagation = mount["propagation"] if mount["propagation"] != "rprivate" else ""
    relabel = "".join({"z": "shared", "Z": "private"}.get(flag, "") for flag in mount["flags"])
    settings.update({"subpath": mount.get("subpath"), "bind-propagation": propagation, "relabel": relabel})
    flags = ["bind-nonrecursive" if flag == "bind" else flag for flag in mount["flags"] if flag not in ("z", "Z")]
    access = ("" if mount["read_only"] else "rw") if mount["type"] == "image" else "ro" if mount["read_only"] else ""
    switches = [*([access] if access else []), *flags]
    return ",".join([*(f"{key}={value}" for key, value in settings.items() if value), *switches])


def _lender(lender: Lender) -> str:
    return _joined(lender["container"], lender["access"])


def _secret(secret: Secret) -> str:
    settings = {"type": secret["type"], "target": secret["target"], "uid": secret["uid"], "gid": secret["gid"]}
    if secret["type"] == "env":
        return f"{secret['name']},type=env,target={secret['target']}"
    return ",".join(
        [secret["name"], *(f"{key}={value}" for key, value in settings.items()), f"mode={secret['mode']:04o}"]
    )


def _security(security: Security) -> list[str]:
    items = ["no-new-privileges"] if security["no_new_privileges"] else []
    items += [f"{key}={security[key]}" for key in ("seccomp", "apparmor") if security.get(key)]
    for key, value in security.get("label", {}).items():
        items.append(f"label={key}:{value}" if value else f"label={key}")
    items += [f"{key}={':'.join(security[key])}" for key in ("mask", "unmask") if key in security]
    items += [f"proc-opts={','.join(security['proc-opts'])}"] if "proc-opts" in security else []
    return items


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
    "tmpfs": lambda mounts: {target: ",".join(flags) for target, flags in mounts.items()},
    "mount": _each(_mount),
    "volumes_from": _each(_lender),
    "secrets": _each(_secret),
    "security_opt": _security,
    "log_opt": lambda log: {key: value for key, value in log.items() if value is not None},
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
