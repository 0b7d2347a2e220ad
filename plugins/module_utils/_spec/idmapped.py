# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts with IDs of their own (config.md#posix-platform-mounts); imported only where a container has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Iterable, Optional, Tuple

from .._model.errors import InvalidArgument
from .._model.options.mounts.volumes import setter

if TYPE_CHECKING:
    from .._model.id_map import IdMap
    from .._model.options.types import Volume
    from .._model.records.config import ContainerConfig
    from .types import IdMapping, Mount

    Owner = Tuple[int, int]  # UID and GID


def mapped(mount: Mount, config: ContainerConfig) -> Mount:
    """Return a mount with the mappings of its option ``idmap``, by default those of the container's user namespace.

    :raises InvalidArgument: the container has no user namespace to which they refer.
    """
    requested = option(mount["options"])
    if not requested:
        return mount
    options = ["idmap" if one == requested else one for one in mount["options"]]
    maps = _maps(mount["destination"], requested, config)
    return {**mount, "options": options, "uidMappings": maps["uid"], "gidMappings": maps["gid"]}


def in_files(volume: Volume, config: ContainerConfig) -> Optional[Callable[[int, int], Owner]]:
    """Return what makes of the owner that a file has on the host the one it has to have in a mapped volume.

    IDs that are not mapped stay. None without the option ``idmap``; errors as ``mapped``'s.
    """
    requested = option(volume["flags"])
    if not requested:
        return None
    maps = _maps(volume["target"], requested, config)
    return lambda uid, gid: (_file_id(maps["uid"], uid), _file_id(maps["gid"], gid))


def _file_id(entries: Iterable[IdMapping], host_id: int) -> int:
    for one in entries:
        if one["hostID"] <= host_id < one["hostID"] + one["size"]:
            return host_id - one["hostID"] + one["containerID"]
    return host_id


def option(options: Iterable[str]) -> str:
    """Return the option ``idmap`` of a mount, with its ranges; "" without one."""
    return next((one for one in options if one.partition("=")[0] == "idmap"), "")


def _maps(target: str, requested: str, config: ContainerConfig) -> dict[str, list[IdMapping]]:
    ranges = dict(part.split("=", 1) for part in requested[len("idmap=") :].split(";") if part)
    what = f"{setter(config.options, target)}: idmap of {target}"
    outside = config.id_mappings
    return {kind: _entries(what, ranges.get(f"{kind}s", ""), outside.get(kind, ())) for kind in ("uid", "gid")}


def _entries(what: str, ranges: str, of_container: Iterable[IdMap]) -> list[IdMapping]:
    """Return the entries of ``FILE-HOST-AMOUNT#...``; after an @ the host's ID is one in the container."""
    outside = list(of_container)
    if not ranges:
        if not outside:
            raise InvalidArgument(
                f"{what}: the container has no user namespace: give it one by userns or uidmap, or the ranges, as "
                "idmap=uids=FILE-HOST-AMOUNT;gids=FILE-HOST-AMOUNT"
            )
        return [{"containerID": one.inside, "hostID": one.outside, "size": one.length} for one in outside]
    entries: list[IdMapping] = []
    for text in ranges.split("#"):
        file, host, amount = (int(number) for number in text.lstrip("@").split("-"))
        if text.startswith("@"):
            whole = (one for one in outside if one.inside <= host and host + amount <= one.inside + one.length)
            one = next(whole, None)
            if one is None:
                raise InvalidArgument(
                    f"{what}: {text} is no part of one range of the container's user namespace: give a part of one, or "
                    "the host's IDs without @"
                )
            host += one.outside - one.inside
        entries.append({"containerID": file, "hostID": host, "size": amount})
    return entries
