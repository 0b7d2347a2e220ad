# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adoption: a container of podman's becomes the engine's, and podman's again, while it runs.

During either, the name's record has the container's ID as ``handover``: podman's database then says whose it is. So a
run that is killed at any instruction is finished or undone by the next holder of the name's lock, and one of the two
always has the container.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import Optional

from .._container.container import Container
from .._container.lifecycle import adoption as lives
from .._container.lifecycle import restart
from .._container.mounts import adopted_volumes
from .._drivers import process
from .._drivers.podman import database, status
from .._drivers.podman.container import PodmanContainer
from .._drivers.storage.leftover_mounts import detach_below
from .._drivers.trees import removal
from .._model import journal
from .._model.errors import (
    InvalidState,
    LibpodError,
    MalformedData,
    NoSuchContainer,
    NotImplementedByHost,
    StateCorrupt,
    sentence,
)
from .._model.failpoints import failpoint
from .._model.records.config import ContainerConfig
from .._model.records.process_ref import ProcessRef
from .._model.records.status import ContainerStatus
from .._store.store import NameRecord
from .base import RuntimeBase

# What the file systems of the roots must have left, for what is written once podman has the container no more.
_ROOM, _FILES = 1 << 20, 64


def check(runtime: RuntimeBase, theirs: PodmanContainer, config: ContainerConfig) -> None:
    """Check, without changing anything, that the parts of podman's container can be taken over.

    :raises LibpodError: one cannot.
    """
    container = Container(runtime.store, runtime.host, config)
    for name in theirs.volumes:
        adopted_volumes.check(runtime.parts, name, _directory(theirs, name))
    files = lives.check(container, theirs)
    run_root = runtime.parts.run_root
    _check_room(runtime.parts.static_root)
    there = _check_room(run_root)
    if any(os.stat(path).st_dev != os.stat(there).st_dev for path in files):
        raise NotImplementedByHost(
            f"container {theirs.name} cannot be adopted: run_root {run_root} is not on the file system of podman's run "
            "root: adopt it with a run_root that is"
        )
    database.check_take(runtime.parts, theirs)


def _check_room(root: str) -> str:
    """Check that there is room for a container's records in a root; return the folder there is of its path.

    :raises OSError: its file system is full.
    """
    while not os.path.isdir(root):
        root = os.path.dirname(root)
    found = os.statvfs(root)
    # One without a limit has no size, as tmpfs, or no number of files, as btrfs.
    if found.f_blocks and found.f_bfree * found.f_frsize < _ROOM or found.f_files and found.f_ffree < _FILES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), root)
    return root


def adopt(runtime: RuntimeBase, theirs: PodmanContainer, config: ContainerConfig) -> Container:
    """Take a container over from podman; the name is free, and its lock is held.

    :raises InvalidState: podman has changed the container since it was read.
    """
    store, name = runtime.store, config.name
    record = store.name_record(name)
    store.write_name(name, {**record, "handover": config.id})
    try:
        container = _recorded(runtime, theirs, config)
        taken = database.take(runtime.parts, theirs)
    except (LibpodError, OSError):
        settle(runtime, name, store.name_record(name))
        raise
    if not taken:
        settle(runtime, name, store.name_record(name))
        raise InvalidState(f"container {name} cannot be adopted: podman has changed it meanwhile: run the task again")
    try:
        _arrive(container)
        store.write_name(name, {**record, "id": config.id})
    except (LibpodError, OSError) as error:
        raise InvalidState(
            f"container {name} is podman's no more, but could not be taken over wholly: {sentence(error)}: run the "
            "task again, which does the rest"
        ) from error
    journal.note("adopt", config.id, name)
    container.event("adopt")
    return container


def _recorded(runtime: RuntimeBase, theirs: PodmanContainer, config: ContainerConfig) -> Container:
    """Write the engine's records of the container and of its volumes."""
    container = Container(runtime.store, runtime.host, config)
    runtime.store.write_config(config)
    lives_on, state = status.of(theirs).has_process, theirs.state
    refs = [process.ref(state[key].integer()) if lives_on else ProcessRef() for key in ("pid", "conmonPid")]
    lives.write(container, lives.Adopted(theirs, runtime.host.boot_id, *refs))
    for name in theirs.volumes:
        labels = theirs.volume(name)["labels"].text_map()
        adopted_volumes.make(runtime.parts, name, _directory(theirs, name), labels)
    return container


def settle(runtime: RuntimeBase, name: str, record: NameRecord) -> NameRecord:
    """Finish what an interrupted handover has left, by what podman's database says; return the name's record."""
    container_id = record["handover"]
    left = {key: value for key, value in record.items() if key != "handover"}
    container = coming(runtime, container_id)
    if container is None:
        _forget(runtime, container_id)
    else:
        _arrive(container)
        left["id"] = container_id
    runtime.store.write_name(name, left)
    return left


def coming(runtime: RuntimeBase, container_id: str) -> Optional[Container]:
    """Return the container of an interrupted handover; None where podman has it, or it is gone."""
    if database.has(runtime.parts, container_id) or not runtime.host.storage.exists(container_id):
        return None
    try:
        container = Container(runtime.store, runtime.host, runtime.store.config(container_id))
        lives.read(container)
    except (NoSuchContainer, InvalidState):  # podman's database went before the container was taken out of it
        return None
    return container


def check_return(runtime: RuntimeBase, container: Container) -> lives.Adopted:
    """Check that a container can be given back, and return what podman had of it.

    :raises LibpodError: it cannot, and why.
    """
    found = lives.read(container)
    names = sorted(one.name for one in runtime.dependents(container.id))
    if names:
        raise InvalidState(
            f"container {container.name} cannot be given back: {', '.join(names)} depends on it: remove that one first"
        )
    if container.state.status.has_process:
        if not container.adopted:
            raise InvalidState(
                f"container {container.name} cannot be given back while it runs, for the engine has started it: stop "
                "it first"
            )
        if container.config.create_net_ns:
            lives.check_networks(container, found)
    database.check_put(runtime.parts, found.theirs)
    return found


def give_back(runtime: RuntimeBase, container: Container) -> None:
    """Give a container back to podman, in whose database it is again; the name's lock is held."""
    store, name = runtime.store, container.name
    record = store.name_record(name)
    with container.batch():
        found = check_return(runtime, container)
        if not container.state.status.has_process and container.state.mounted:
            container.cleanup()
        moving = {key: value for key, value in record.items() if key not in ("id", "resume")}
        store.write_name(name, {**moving, "handover": container.id})
        theirs = _returned(container, found)
        try:
            if container.state.status.has_process:
                lives.depart(container, found)
            database.put(runtime.parts, theirs)
        except (LibpodError, OSError):
            settle(runtime, name, store.name_record(name))
            raise
        container.event("give_back")
        _forget(runtime, container.id)
        store.write_name(name, moving)
        journal.note("give_back", container.id, name)
        store.lock(container.id).discard()


def _returned(container: Container, found: lives.Adopted) -> PodmanContainer:
    """Return the container as podman is to have it: as it had it, or without the life that has ended."""
    if container.state.status.has_process:
        return found.theirs
    directory = found.theirs.state["runDir"].text()
    if directory and not os.path.isdir(directory):
        failpoint("mkdir podman's run directory")
        os.makedirs(directory, 0o700)
    end = container.last_exit
    code = int(end.get("exit_code", 0)) if end else None
    ended = status.ended(found.theirs, code, str(end.get("finished_time", "")), restart.was_stopped(container))
    return found.theirs.with_state(ended, "")


def _arrive(container: Container) -> None:
    """Take over the life that podman began, under the container's lock."""
    with container.batch():
        if container.state.status is not ContainerStatus.EXITED:
            lives.arrive(container)


def _directory(theirs: PodmanContainer, volume: str) -> str:
    return theirs.volume(volume)["mountPoint"].text(required=True)


def _forget(runtime: RuntimeBase, container_id: str) -> None:
    """Remove the engine's records of a container and of its volumes, and nothing else of it."""
    with suppress(NoSuchContainer, StateCorrupt, InvalidState, MalformedData):  # half of them are gone already
        theirs = lives.read(Container(runtime.store, runtime.host, runtime.store.config(container_id))).theirs
        used = {
            one["source"]
            for other in runtime.containers_and_new()
            if other.id != container_id
            for one in other.config.volumes
        }
        for name in theirs.volumes.keys() - used:
            adopted_volumes.forget(runtime.parts, name, _directory(theirs, name))
    for directory in (runtime.store.run_dir(container_id), runtime.store.static_dir(container_id)):
        if os.path.isdir(directory):
            failpoint(f"forget {directory}")
            detach_below(directory)
            removal.remove(directory)
