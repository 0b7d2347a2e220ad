# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the namespaces and of the user namespace's ID maps; imported only for tasks that have one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Iterable, Literal

from ..errors import InvalidArgument
from ..id_map import IdMap
from ..id_map import from_json as id_map_from_json
from .syntax.parsers import host_path, name, natural, wrong

if TYPE_CHECKING:
    from .types import ContainerOptions, Namespace

_PLAIN = {
    "ipc": ("shareable", "private", "host", "none"),
    "pid": ("private", "host"),
    "uts": ("private", "host"),
    "userns": ("host", "private"),
    "cgroupns": ("private", "host"),
}
_ROOTLESS = ("keep-id", "nomap")
_MAPS: Final = ("uidmap", "gidmap", "subuidname", "subgidname")
MAX_ID = 2**32 - 2
_SHM_SIZE = 64 << 20  # the option's default
# The kernel parameters that a namespace has for itself (sysctl(5) of the OCI runtimes), by its option.
_SYSCTLS: dict[Literal["network", "ipc", "uts"], tuple[str, ...]] = {
    "network": ("net.",),
    "ipc": ("fs.mqueue.", "kernel.msgm", "kernel.sem", "kernel.shm"),
    "uts": ("kernel.domainname",),
}


def namespace(value: object, option: str) -> Namespace:
    """Return the mode, and the target: a container's name or ID, or the path of a namespace.

    The modes are podman's; an empty one is the engine's default.
    """
    text = str(value).strip()
    kind, colon, target = text.partition(":")
    if option == "userns" and kind == "auto":
        return _auto(target, value)
    if option == "userns" and kind in _ROOTLESS:
        raise wrong(option, value, f"another mode, for {kind} is only supported in rootless mode: auto, or uidmap")
    if kind == "container" and colon:
        return {"mode": kind, "target": name(target, option)}
    if kind == "ns" and colon:
        return {"mode": kind, "target": host_path(target, option)}
    if text and text not in _PLAIN[option]:
        modes = (*_PLAIN[option], *(["auto"] if option == "userns" else []))
        raise wrong(option, value, f"{', '.join(modes)}, container:NAME or ns:PATH")
    return {"mode": text, "target": ""}


def _auto(text: str, value: object) -> Namespace:
    """Return the mode ``auto`` with its options; the size 0 is chosen by the image."""
    result: Namespace = {"mode": "auto", "target": "", "size": 0}
    entries: dict[str, list[str]] = {"uidmapping": [], "gidmapping": []}
    for word in text.split(",") if text else ():
        key, _equals, rest = word.partition("=")
        if key in entries:
            entries[key].append(rest)
        elif key == "size" and (size := natural(rest, MAX_ID)):
            result["size"] = size
        else:
            raise wrong("userns", value, "size=AMOUNT, uidmapping=CONTAINER:HOST:AMOUNT or gidmapping=… after auto:")
    result["uidmapping"], result["gidmapping"] = (
        id_map(entries[key], "userns") for key in ("uidmapping", "gidmapping")
    )
    return result


def names(value: Iterable[object], option: str) -> list[str]:
    """Return names or IDs of containers, sorted, each once."""
    return sorted({name(str(item), option) for item in value})


def id_map(value: Iterable[object], option: str) -> list[IdMap]:
    """Return ``CONTAINER:HOST[:AMOUNT]`` entries as ranges, sorted, with adjacent ones joined.

    No ID may be mapped twice (user_namespaces(7)).
    """
    entries = []
    for item in value:
        fields = str(item).split(":")
        numbers = [number for field in fields if (number := natural(field)) is not None]
        if len(fields) not in (2, 3) or len(numbers) != len(fields):
            raise wrong(option, item, "CONTAINER:HOST:AMOUNT, such as 0:100000:65536")
        inside, outside, amount = [*numbers, 1][:3]
        if not amount or max(inside, outside) + amount - 1 > MAX_ID:
            raise wrong(option, item, f"at least one ID, and none above {MAX_ID}")
        entries.append(IdMap(inside, outside, amount))
    for side in (0, 1):
        ordered = sorted(entries, key=lambda entry: entry[side])
        for first, second in zip(ordered, ordered[1:]):
            if first[side] + first.length > second[side]:
                raise wrong(option, ":".join(map(str, second)), "ranges that do not overlap one another")
    joined: list[IdMap] = []
    for entry in sorted(entries):
        last = joined[-1] if joined else IdMap(0, 0, 0)
        if joined and (last.inside + last.length, last.outside + last.length) == (entry.inside, entry.outside):
            joined[-1] = last._replace(length=last.length + entry.length)
        else:
            joined.append(entry)
    return joined


def from_json(value: Any, option: str) -> object:
    """Return the value of ``userns``, ``uidmap`` or ``gidmap`` that a record has.

    :raises TypeError: it has another shape.
    """
    if option != "userns":
        return id_map_from_json(value)
    return {**value, **{key: id_map_from_json(value[key]) for key in ("uidmapping", "gidmapping") if key in value}}


def settle(options: ContainerOptions) -> None:
    """Check the options, and replace values that mean the default by the default.

    In a pod the two differ: a namespace set by an option is not the pod's.

    :raises InvalidArgument: options contradict each other.
    """
    _check(options)
    for option in ("ipc", "pid", "uts", "userns"):
        if options[option]["mode"] == _PLAIN[option][0] and not options.get("pod"):
            options[option] = {"mode": "", "target": ""}
    # A map that is omitted is the other one, for users and groups.
    if sum(bool(options[option]) for option in _MAPS) == 1:
        options["uidmap"] = options["gidmap"] = options["uidmap"] or options["gidmap"]
        options["subuidname"] = options["subgidname"] = options["subuidname"] or options["subgidname"]


def _check(options: ContainerOptions) -> None:
    if options["hostname"] is not None and options["uts"]["mode"] not in ("", "private"):
        raise InvalidArgument(
            f"hostname: {options['hostname']!r} needs a UTS namespace of the container's own, and uts is "
            f"{options['uts']['mode']}: omit one of them"
        )
    mode, maps = options["userns"]["mode"], [option for option in _MAPS if options[option]]
    if maps and mode not in ("", "private"):
        raise InvalidArgument(f"{maps[0]}: cannot be combined with userns {mode!r}: omit one of them")
    if mode == "private" and not maps:
        raise InvalidArgument("userns: 'private' needs the IDs to map: give uidmap and gidmap, or subuidname")
    for option in ("pid", "cgroupns") if maps or mode == "auto" else ():
        if options[option]["mode"] in ("container", "ns"):
            place = {"pid": "/proc", "cgroupns": "/sys/fs/cgroup"}[option]
            raise InvalidArgument(
                f"{option}: in a user namespace of the container's own {place} cannot show the namespace of "
                f"{options[option]['target']}: join that one's user namespace too, with userns, or omit one of them"
            )
    if options["uidmap"] and options["subuidname"]:
        raise InvalidArgument("uidmap: cannot be combined with subuidname: give one of them")
    if options["gidmap"] and options["subgidname"]:
        raise InvalidArgument("gidmap: cannot be combined with subgidname: give one of them")


def check_shared(options: ContainerOptions) -> None:
    """Raise InvalidArgument if an option applies to what is the host's, another container's, or absent."""
    ipc = options["ipc"]["mode"]
    if ipc in ("host", "container", "none") and options["shm_size"] != _SHM_SIZE:
        whose = {"host": "the host's", "container": "another container's", "none": "not there"}[ipc]
        raise InvalidArgument(f"shm_size: with ipc {ipc!r} the container's /dev/shm is {whose}: omit one of them")
    for parameter in options["sysctl"]:
        option = next((option for option, names in _SYSCTLS.items() if parameter.startswith(names)), None)
        if parameter == "kernel.hostname":
            raise InvalidArgument(f"sysctl: {parameter} cannot be used: it is set by the option hostname")
        if not option:
            raise InvalidArgument(f"sysctl: {parameter} is the whole host's, no container's own: set it on the host")
        if options[option]["mode"] == "host":
            raise InvalidArgument(f"sysctl: {parameter} would be the host's, for {option} is host: set it on the host")


def check_init_container(options: ContainerOptions) -> None:
    """Check that an init container is in a pod, and that nothing but the pod handles its end.

    :raises InvalidArgument: it is in no pod, or it would be restarted or removed when it ends.
    """
    if not options["pod"]:
        raise InvalidArgument("init_ctr: needs pod: only a pod has a start that a container can come before")
    option = "restart_policy" if options["restart_policy"] != "no" else "rm" if options["rm"] else ""
    if option:
        raise InvalidArgument(f"{option}: cannot be combined with init_ctr, whose end the pod's start waits for: omit")


def subordinate_map(text: str, user: str, file: str, option: str) -> list[IdMap]:
    """Return the map of a user's ranges in the ``text`` of subuid(5) or subgid(5), which follow one another from ID 0.

    :raises InvalidArgument: the file has no range of the user's.
    """
    entries: list[IdMap] = []
    inside = 0
    for line in text.splitlines():
        fields = line.strip().split(":")
        if len(fields) != 3 or fields[0] != user:
            continue
        first, amount = natural(fields[1], MAX_ID), natural(fields[2], MAX_ID)
        if first is not None and amount:
            entries.append(IdMap(inside, first, amount))
            inside += amount
    if not entries:
        raise InvalidArgument(f"{option}: {user!r} has no range in {file}: add one with usermod(8), or name another")
    return entries
