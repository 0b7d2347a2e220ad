# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts with IDs of their own (config.md#posix-platform-mounts); imported only where a container has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, Mapping

from .._model.errors import InvalidArgument

if TYPE_CHECKING:
    from .._model.id_map import IdMap
    from .types import IdMapping, Mount


def mapped(mount: Mount, id_mappings: Mapping[str, Iterable[IdMap]]) -> Mount:
    """Return a mount with the mappings of its option ``idmap``, by default those of the container's user namespace.

    :raises InvalidArgument: the container has no user namespace to which they refer.
    """
    option = next((one for one in mount["options"] if one.partition("=")[0] == "idmap"), "")
    if not option:
        return mount
    ranges = dict(part.split("=", 1) for part in option[len("idmap=") :].split(";") if part)
    options = ["idmap" if one == option else one for one in mount["options"]]
    maps = {kind: _entries(mount, ranges.get(f"{kind}s", ""), id_mappings.get(kind, ())) for kind in ("uid", "gid")}
    return {**mount, "options": options, "uidMappings": maps["uid"], "gidMappings": maps["gid"]}


def _entries(mount: Mount, ranges: str, of_container: Iterable[IdMap]) -> list[IdMapping]:
    """Return the entries of ``FILE-HOST-AMOUNT#...``; after an @ the host's ID is one in the container."""
    outside = list(of_container)
    if not ranges:
        if not outside:
            raise InvalidArgument(
                f"mount: idmap of {mount['destination']}: the container has no user namespace: give it one by userns "
                "or uidmap, or the ranges, as idmap=uids=FILE-HOST-AMOUNT;gids=FILE-HOST-AMOUNT"
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
                    f"mount: idmap of {mount['destination']}: {text} is no part of one range of the container's user "
                    "namespace: give a part of one, or the host's IDs without @"
                )
            host += one.outside - one.inside
        entries.append({"containerID": file, "hostID": host, "size": amount})
    return entries
