# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs in the OCI specification in a user namespace (config-linux.md#user-namespace-mappings)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, Mapping

if TYPE_CHECKING:
    from .._model.id_map import IdMap
    from .types import IdMapping, Mount

_TTY_GID = 5


def mappings(entries: Iterable[IdMap]) -> list[IdMapping]:
    """Return the entries of ``uidMappings`` or ``gidMappings``."""
    return [{"containerID": one.inside, "hostID": one.outside, "size": one.length} for one in entries]


def adapt(mounts: list[Mount], id_mappings: Mapping[str, Iterable[IdMap]], foreign: Mapping[str, str]) -> list[Mount]:
    """Return the mounts that the kernel lets the container's root make.

    devpts accepts no group that is not mapped. A new sysfs, mqueue or proc shows a namespace, which must belong to the
    user namespace: ``foreign`` has those that do not, and what to bind instead (empty: nothing).
    """
    tty = any(entry.inside <= _TTY_GID < entry.inside + entry.length for entry in id_mappings["gid"])
    result = []
    for mount in mounts:
        if mount["type"] == "devpts" and not tty:
            mount = {**mount, "options": [option for option in mount["options"] if option != f"gid={_TTY_GID}"]}
        source = foreign.get(mount["type"])
        if source == "":
            continue
        if source:
            options = ["rbind", "rprivate", *(option for option in mount["options"] if "=" not in option)]
            mount = {**mount, "type": "bind", "source": source, "options": options}
        result.append(mount)
    return result
