# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mark and rewind: freeze a container's files, and go back to them with a new process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from ..._model import journal
from ..._model.errors import InvalidState, NotRemoved, warn
from ..._model.records.status import ContainerStatus
from ..bundle import lsm
from ..network import attachments
from .cleanup import cleanup
from .start import start
from .stop import stop

if TYPE_CHECKING:
    from ..._drivers.storage.rewindable import Rewindable
    from ..base import ContainerBase


def mark(container: ContainerBase, timeout: int) -> None:
    """Freeze the files as they are; a container that runs is stopped for it and started again.

    So the process has written its files completely, and a rewind finds no trace of one that runs.

    :raises InvalidState: it is paused, is not rewindable, or was marked too often.
    """
    container.state.status.check("mark", container.name)
    storage = check_mark(container)
    runs = container.state.status is ContainerStatus.RUNNING
    if runs:
        attachments.remember(container)
        stop(container, timeout)
    else:
        cleanup(container)
    if not storage.exists(container.id):
        lsm.create_storage(container)
    storage.mark(container.id)
    journal.note("mark", container.id, container.name)
    container.event("mark")
    if runs:
        start(container, False)


def rewind(container: ContainerBase, timeout: Optional[int] = None) -> None:
    """Go back to the files as they were marked, or created, and start the container with its addresses.

    ``timeout`` is that of the stop; without it, a process whose writes are all undone is killed at once.

    :raises InvalidState: it is paused, or is not rewindable.
    """
    container.state.status.check("rewind", container.name)
    storage = rewindable(container, "rewound")
    if storage.exists(container.id):
        storage.prepare(container.id)  # before the stop, for what it may raise
    if container.state.status is ContainerStatus.RUNNING:
        attachments.remember(container)
        stop(container, _patience(container) if timeout is None else timeout)
    else:
        cleanup(container)
    if storage.exists(container.id):
        try:
            storage.rewind(container.id)
        except NotRemoved as error:
            warn(f"container {container.name} is rewound, but {error}; its removal tries again")
    journal.note("rewind", container.id, container.name)
    container.event("rewind")
    start(container, False)


def check_mark(container: ContainerBase) -> Rewindable:
    """Check that a container can be marked, and return its storage.

    :raises InvalidState: it is not rewindable, or was marked too often.
    """
    storage = rewindable(container, "marked")
    storage.check_mark(container.id, container.name)
    return storage


def rewindable(container: ContainerBase, done: str) -> Rewindable:
    """Return the storage of a rewindable container; ``done`` is what is to be done to it.

    :raises InvalidState: it is not rewindable.
    """
    if container.rewindable is None:
        raise InvalidState(
            f"container {container.name} cannot be {done}: it was created without rewindable: true; re-create it with "
            "that option"
        )
    return container.rewindable


def _patience(container: ContainerBase) -> int:
    """Return the seconds until the stop before a rewind kills: none where nothing of what the process writes stays."""
    stays = any(not volume["read_only"] for volume in container.config.volumes)
    return container.config.stop_timeout if stays else 0
