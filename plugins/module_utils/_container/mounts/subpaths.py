# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths inside named volumes, which a mount has instead of all of the volume.

Another container may change the volume at any moment. So a path is resolved with the volume as its root, and what is
done afterwards uses a descriptor of what was found. The OCI runtime takes a path alone: what it has mounted is compared
before anything runs in the container.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Iterator

from ..._drivers.kernel import securejoin
from ..._model.errors import InvalidArgument, InvalidState, LibpodError, not_yet
from ..._store import volumes as store

if TYPE_CHECKING:
    from ..._model.engine_config import EngineConfig
    from ..._model.options.types import Volume
    from ..base import ContainerBase


def resolved(data: str, subpath: str) -> str:
    """Return the host path of ``subpath`` in the volume whose directory is ``data``; a missing part stays as it is."""
    try:
        return securejoin.resolve(data, subpath)
    except OSError:
        return f"{data}/{subpath}"


def opened(parts: EngineConfig, volume: Volume, name: str) -> int:
    """Open (O_PATH) what the container ``name`` is to have of a volume.

    :raises InvalidArgument: it does not exist in the volume.
    """
    data, subpath = store.data(parts, volume["source"]), volume["subpath"]
    try:
        held, missing = securejoin.way_to(data, subpath)
    except FileNotFoundError as error:
        raise _missing(volume, name) from error
    except OSError as error:
        raise InvalidArgument(
            f"mount: the subpath {subpath} of the volume {volume['source']} cannot be mounted at {volume['target']} of "
            f"container {name}: {error.strerror}"
        ) from error
    if missing:
        os.close(held)
        raise _missing(volume, name)
    return held


def _missing(volume: Volume, name: str) -> LibpodError:
    return not_yet(
        InvalidArgument(
            f"mount: the volume {volume['source']} has no {volume['subpath']} inside it, which is to be mounted at "
            f"{volume['target']} of container {name}: make it in the volume first (links are followed inside it only)"
        )
    )


@contextmanager
def held(parts: EngineConfig, volume: Volume, name: str) -> Iterator[str]:
    """Yield a path in /proc that leads to what ``opened`` finds, also once the volume is changed."""
    descriptor = opened(parts, volume, name)
    try:
        path = f"/proc/{os.getpid()}/fd/{descriptor}"
        yield f"{path}/." if os.path.isdir(path) else path
    finally:
        os.close(descriptor)


def look(parts: EngineConfig, volume: Volume, name: str) -> None:
    """Check that a volume has what is to be mounted of it, unless it is of a driver and may not be mounted yet.

    :raises InvalidArgument: it does not exist in the volume.
    """
    record = store.read(store.folder(parts, volume["source"]))
    if record is None or not record.options.mounts:
        os.close(opened(parts, volume, name))


def check_mounted(container: ContainerBase, volume: Volume, pid: int) -> None:
    """Check that a created container, in which nothing runs yet, got what is inside the volume.

    :raises InvalidState: the volume was changed while the OCI runtime mounted it.
    """
    there = opened(container.host.parts, volume, container.name)
    try:
        mounted, _missing_part = securejoin.way_to(f"/proc/{pid}/root", volume["target"])
        try:
            if os.path.samestat(os.fstat(there), os.fstat(mounted)):
                return
        finally:
            os.close(mounted)
    finally:
        os.close(there)
    raise InvalidState(
        f"mount: the subpath {volume['subpath']} of the volume {volume['source']} was replaced while container "
        f"{container.name} was created: run the task again"
    )
