# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes, mounts and tmpfs of a running container: mount, change, replace and unmount them under its process.

``mount_changes.obstacles`` has found before that all of it is possible. Each target is recorded as being changed from
before its first step until the new configuration is written, so that a later task can finish or undo an interrupted
change.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Any, Iterable, Optional

from ..._drivers import foreign_files
from ..._drivers.kernel import mount_api, securejoin
from ..._model import journal
from ..._model.errors import InvalidState
from ..._model.failpoints import failpoint
from ..._model.records.config import ContainerConfig
from ..._spec.mounts import in_order
from ..._store import records
from ..mounts import tmpfs_modes, volumes
from .mount_changes import CHANGE, Inside, Wanted, effective, entered, flags, size, unused, wanted

if TYPE_CHECKING:
    from ..._spec.types import Mount
    from ..base import ContainerBase


def apply(container: ContainerBase, config: ContainerConfig, also: Iterable[str]) -> None:
    """Bring the mounts of a live container in line with ``config``, where that differs from the record and at ``also``.

    :raises InvalidState: the kernel refuses, for instance since a process now uses a mount that is to go.
    """
    with entered(container) as inside:
        targets = wanted(container, config, also, inside)
        if not targets:
            return
        names = {one.target: one.volume_name for one in targets}
        # The volumes count as used from here on.
        container.save(changing_mounts={**container.state.changing_mounts, **names})
        for one in targets:
            try:
                _bring(container, inside, one)
                journal.begun_update(container.id, container.name)
            except OSError as error:
                busy = error.errno == errno.EBUSY
                why = "a process of it has come to use what is mounted there" if busy else str(error.strerror or error)
                raise InvalidState(
                    f"the mount at {one.target} of container {container.name} cannot be changed while it runs: {why}; "
                    "run the task again, or set recreate to have a new container made"
                ) from error
    _write_spec(container, targets)
    named = {one["source"] for one in config.volumes}
    unused_volumes = [name for name in container.state.held_volumes if name not in named]
    if unused_volumes:
        from ..mounts.volume_use import release

        release(container, unused_volumes)


def _bring(container: ContainerBase, inside: Inside, one: Wanted) -> None:
    """Leave at a target the requested mount alone, or none."""
    while len(one.stack) > (0 if one.after is None else 1):
        _detach(inside, one)
        one = one._replace(stack=one.stack[:-1])
    if one.after is None:
        return
    if one.action(inside) == CHANGE:
        _change(inside, one, one.after)
        return
    if one.stack and not unused(one, inside):
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
    # Before the mount point is made, which would look like the image's content.
    source = volumes.prepared(container, one.volume, container.state.mountpoint) if one.volume else ""
    with volumes.held(container, one.volume, source) as path:
        _attach(inside, one, one.after, path, container.state.mount_label)
    if one.stack:
        _detach(inside, one)


def _attach(inside: Inside, one: Wanted, after: Mount, source: str, label: str) -> None:
    target = _mountpoint(inside, one, source)
    try:
        tree = _made(after, source, target, label)
        try:
            mount_api.attach(inside.namespace, tree, target, one.target, beneath=bool(one.stack))
        finally:
            os.close(tree)
    finally:
        os.close(target)


def _detach(inside: Inside, one: Wanted) -> None:
    folder, name = securejoin.hold(inside.root, one.target)
    try:
        mount_api.detach(inside.namespace, folder, name)
    finally:
        os.close(folder)


def _change(inside: Inside, one: Wanted, after: Mount) -> None:
    held, _missing = securejoin.way_to(inside.root, one.target)
    try:
        of_tmpfs = after["type"] == "tmpfs"
        if of_tmpfs:
            mount_api.resize(held, one.target, size(after))
            mode = tmpfs_modes.requested(after["options"])
            if mode is not None and stat.S_IMODE(os.fstat(held).st_mode) != mode:
                tmpfs_modes.change(held, one.target, mode, f"/proc/self/fd/{inside.namespace}")
        private = [word for word in after["options"] if word in ("private", "rprivate")]
        mount_api.change(inside.namespace, held, one.target, effective(one), "".join(private), times=of_tmpfs)
    finally:
        os.close(held)


def _made(after: Mount, source: str, target: int, label: str) -> int:
    """Return a detached mount as requested, of ``source`` or, where that is empty, of a new tmpfs with the label."""
    if source:
        options = after["options"]
        propagation = next(word for word in options if word.lstrip("r") in ("private", "slave"))
        return mount_api.clone(source, flags(after), propagation, recursive="rbind" in options)
    # As the OCI runtime does it: the tmpfs has the mode of an existing directory.
    mode = f"{stat.S_IMODE(os.fstat(target).st_mode):o}"
    labelled = {"context": label} if label else {}
    return mount_api.tmpfs({"mode": mode, **_values(after), **labelled}, flags(after))


def _values(mount: Optional[Mount]) -> dict[str, str]:
    """Return the options of a tmpfs that have a value."""
    return dict(word.split("=", 1) for word in (mount or {"options": ()})["options"] if "=" in word)


def _mountpoint(inside: Inside, one: Wanted, source: str) -> int:
    """Return a descriptor of the mount point of ``source``; a missing one is made as the OCI runtime makes it."""
    held, missing = securejoin.way_to(inside.root, one.target)
    if not missing:
        return held
    os.close(held)
    securejoin.make_directories(inside.root, os.path.dirname(one.target))
    if one.volume is None:
        # At the next start the tmpfs takes its mode from this directory (runc 1.1).
        securejoin.make_directories(inside.root, one.target, int(_values(one.after).get("mode", "1777"), 8))
    elif os.path.isdir(source):
        securejoin.make_directories(inside.root, one.target)
    else:
        failpoint("make mount point")
        os.close(securejoin.open_beneath(inside.root, one.target, os.O_WRONLY | os.O_CREAT, 0o755))
    return securejoin.way_to(inside.root, one.target)[0]


def _write_spec(container: ContainerBase, targets: list[Wanted]) -> None:
    """Write the mounts to the OCI spec of this life."""
    path = container.state.config_path
    spec: dict[str, Any] = dict(foreign_files.read_json(path).mapping())
    new = {one.target: one.after for one in targets}
    kept = [mount for mount in spec["mounts"] if mount["destination"] not in new]
    spec["mounts"] = in_order([*kept, *(mount for mount in new.values() if mount is not None)])
    records.write(path, spec, durable=False)
