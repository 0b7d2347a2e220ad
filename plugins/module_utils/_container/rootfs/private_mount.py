# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's root filesystem for one function, without a trace on the host.

A running container's is used as it is, with all its mounts. Any other's, and that of one in a sandbox, is mounted in
the mount namespace of a thread, with its volumes. The namespace ends with the thread, even a killed one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, TypeVar

from ..._drivers.kernel import securejoin
from ..._drivers.kernel.syscalls import MS_BIND, MS_REC, mount
from ..._drivers.storage.own_overlay import mount_layers
from ..._model.errors import warn
from ..._store import volumes as store
from ..bundle import lsm
from ..lifecycle.background import Background
from ..mounts.volumes import held, host_path
from .private_namespace import private_mounts

if TYPE_CHECKING:
    from ..base import ContainerBase

T = TypeVar("T")


def with_rootfs(
    container: ContainerBase,
    work: Callable[[str], T],
    *,
    write: bool = False,
    volumes: bool = True,
    inside: bool = True,
) -> T:
    """Call ``work`` with a host path of the root filesystem and return its result; inside a batch.

    ``volumes`` includes what is mounted in it; ``inside`` shows a running container as it sees itself. Without
    ``write``, that of a container that does not run is read-only, so that nothing is changed on the host.
    """
    state = container.state
    sandboxed = state.status.has_process and container.sandboxed
    if sandboxed and write:
        warn(
            f"container {container.name} runs in a sandbox, which may not show before its restart what is copied to "
            "its root filesystem, rather than to a volume"
        )
    if state.status.has_process and inside and volumes and not sandboxed:
        return work(f"{container.proc}/root")
    if state.status.has_process and not (sandboxed and inside and volumes):
        return work(state.mountpoint)
    return Background(lambda: _in_namespace(container, work, write, volumes), apart=True).result()


def _in_namespace(container: ContainerBase, work: Callable[[str], T], write: bool, volumes: bool) -> T:
    if write:
        lsm.create_storage(container)
    private_mounts()
    root = _mount(container, write)
    if volumes:
        _mount_volumes(container, root)
    return work(root)


def _mount(container: ContainerBase, write: bool) -> str:
    """Mount the layers on the folder of the names, which always exists and which ``work`` does not use."""
    mounted = container.storage.mountpoint(container.id)
    if mounted:
        return mounted
    point = f"{container.host.parts.static_root}/names"
    mount_layers(container.storage.layers(container.id), point, write=write)
    return point


def _mount_volumes(container: ContainerBase, root: str) -> None:
    """Bind each existing volume; one that the first start makes will begin with what is at its target until then."""
    for volume in sorted(container.config.volumes, key=lambda volume: str(volume["target"]).count("/")):
        point = securejoin.resolve(root, volume["target"])
        if "O" in volume["flags"] or volume["type"] == "image" or not os.path.exists(point):
            continue
        if volume["type"] == "volume":
            _mount_driver(store.folder(container.host.parts, volume["source"]))
        source = host_path(container, volume)
        if os.path.exists(source) and os.path.isdir(point) == os.path.isdir(source):
            with held(container, volume, source) as path:
                mount(path, point, flags=MS_BIND | MS_REC)


def _mount_driver(directory: str) -> None:
    """Mount a volume of a driver on its directory, unless it is mounted."""
    record = store.read(directory)
    if record and record.options.mounts:
        from ..._drivers.storage import volume_mounts

        volume_mounts.mount(record.options, f"{directory}/_data", record.name)


def with_volume(directory: str, work: Callable[[str], T]) -> T:
    """Mount a volume, call ``work`` with the host path of its content, and return what that returns."""

    def in_namespace() -> T:
        private_mounts()
        _mount_driver(directory)
        return work(f"{directory}/_data")

    return Background(in_namespace, apart=True).result()
