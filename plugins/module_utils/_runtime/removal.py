# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removal of everything of a container: every part is attempted, and the records go last, if nothing else is left."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Collection, Optional

from .._drivers.storage.leftover_mounts import detach_below
from .._drivers.trees import removal
from .._model.attempts import Attempts
from .._model.errors import CleanupIncomplete, ConfigMismatch, LibpodError, NoSuchContainer, RemovalIncomplete, warn
from .._model.failpoints import failpoint
from .._model.records.status import ContainerStatus

if TYPE_CHECKING:
    from .._container.container import Container
    from .base import RuntimeBase

_CONFIG = "config.json"
# The storage driver's record of a layer that it could not delete, by which libpod_prune finds it.
_LAYER = "layer"
_KILL_SECONDS = 10.0
# Records by which the next attempt finds what is left.
_RECORDS = (_CONFIG, "network.json", "keep_volumes.json", "state.json", _LAYER)


def purge(runtime: RuntimeBase, container_id: str, *, abandon: bool = False, keep_image: bool = False) -> None:
    """Remove everything that has this ID on the host, at any stage of its creation or removal; under its lock.

    With ``abandon`` the records are removed in any case, and a warning says what is left. With ``keep_image`` its image
    and its records stay.

    :raises RemovalIncomplete: something is left, and so are the records.
    """
    attempts, container = Attempts(), _container(runtime, container_id)
    name = f"{container.name} ({container_id[:12]})" if container else container_id[:12]
    if container is not None:
        container.given_up = abandon
        _check_version(container)
        _take_down(runtime, container, attempts)
        if not keep_image and container.id in runtime.store.name_record(container.name).get("retired", ""):
            _finish(runtime, container, attempts)
    else:
        # Without a configuration nothing but the directories and the root filesystem can exist.
        attempts.attempt("its root filesystem", lambda: runtime.host.storage.delete(container_id))
    directories = runtime.store.run_dir(container_id), runtime.store.static_dir(container_id)
    attempts.attempt("mounts in its directories", lambda: detach_below(*directories))
    for directory in directories:
        kept = (_LAYER,) if (abandon or not attempts.failed) and not keep_image else _RECORDS
        attempts.attempt("", partial(_clear, directory, kept))
    if (abandon or not attempts.failed) and not keep_image:
        for directory in directories:
            attempts.attempt(directory, partial(_remove_last, runtime, directory))
    if not attempts.failed:
        return
    if not abandon:
        after = "; run the removal again once that is mended, or with force_delete: true, which gives it up"
        raise RemovalIncomplete(f"container {name} is removed, but the host still has", attempts.failed, after)
    before = f"container {name} and its records are removed, but the host still has"
    warn(str(RemovalIncomplete(before, attempts.failed)))


def _check_version(container: Container) -> None:
    """Check that this version may remove the container.

    :raises RemovalIncomplete: a newer version created it; all of it stays.
    """
    try:
        container.check_version()
    except ConfigMismatch as error:
        raise RemovalIncomplete("the host still has", [(f"container {container.id[:12]}", error)]) from error


def _container(runtime: RuntimeBase, container_id: str) -> Optional[Container]:
    try:
        return runtime.by_id(container_id)
    except NoSuchContainer:
        return None


def _take_down(runtime: RuntimeBase, container: Container, attempts: Attempts) -> None:
    with suppress(LibpodError, OSError):  # its recorded state will do
        container.sync()
    if container.state.status in (ContainerStatus.RUNNING, ContainerStatus.PAUSED):
        attempts.attempt("its process", lambda: _end(container))
    attempts.attempt("", lambda: container.cleanup(delete=True))
    if container.config.volumes:
        from .anonymous_volumes import remove

        attempts.attempt("its anonymous volumes", lambda: remove(runtime, container))


def _finish(runtime: RuntimeBase, container: Container, attempts: Attempts) -> None:
    """Report the removal as an event, and remove the image that goes with the container (rmi)."""
    container.event("remove")
    if container.config.options["rmi"]:
        from . import images

        attempts.attempt("its image", lambda: images.remove(runtime, container))


def _end(container: Container) -> None:
    """SIGKILL a container's process; cleanup ends the rest."""
    from .._container.lifecycle.pause import thaw
    from .._container.lifecycle.stop import end_by_kill

    if container.state.status is ContainerStatus.PAUSED:
        thaw(container)
    end_by_kill(container, _KILL_SECONDS)


def _clear(directory: str, kept: Collection[str]) -> None:
    """Remove a directory's content except ``kept`` and the configuration, by which an interrupted removal continues."""
    attempts = Attempts()
    names = [name for name in _listed(directory) if name not in (*kept, _CONFIG)]
    if names:
        failpoint(f"clear {os.path.basename(os.path.dirname(os.path.dirname(directory)))} directory")
    for name in names:
        attempts.attempt(f"{directory}/{name}", partial(removal.remove, f"{directory}/{name}"))
    if attempts.failed:
        raise CleanupIncomplete(f"{directory} still has", attempts.failed)


def _remove_last(runtime: RuntimeBase, directory: str) -> None:
    if os.path.isdir(directory):
        failpoint(f"remove {directory}")
        runtime.store.drop(f"{directory}/{_CONFIG}")
        if not _listed(directory):
            os.rmdir(directory)


def _listed(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []
