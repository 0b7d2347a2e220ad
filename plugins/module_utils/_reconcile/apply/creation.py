# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creation and re-creation: a new container is pending until it is up, and only then has the name."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import Iterator, Optional

from ..._container.container import Container
from ..._container.network import attachments
from ..._model.errors import CleanupIncomplete, LibpodError, NoSuchContainer
from ..._model.records.image import Image
from ..._model.records.status import ContainerStatus
from ..._runtime import anonymous_volumes
from ..._runtime.runtime import Runtime
from ..desired import Desired
from ..plan import Plan
from . import configuration


@contextmanager
def joined_held(runtime: Runtime, desired: Desired) -> Iterator[None]:
    """Lock the container whose network is joined, so that it does not end before its dependent is recorded.

    Locks are taken in this order: a name, then the ID of the joined container. No task that waits for a name holds
    the lock of an ID.

    :raises NoSuchContainer: it was removed.
    """
    network = desired.wanted["network"]
    if network["mode"] != "container":
        yield
        return
    while True:
        target_id = runtime.store.lookup(network["target"])
        with runtime.store.lock(target_id) as lock:
            try:
                current = runtime.store.lookup(network["target"])
            except NoSuchContainer:
                lock.discard()
                raise
            if current == target_id:
                yield
                return


def begin(
    runtime: Runtime,
    desired: Desired,
    plan: Plan,
    pulled: Optional[Image],
    old: Optional[Container] = None,
    *,
    resume: bool = False,
) -> Container:
    """Write the new container's record; an image that was ``pulled`` is checked before that."""
    if pulled is not None:
        _check_pulled(runtime, desired, plan, pulled, old)
    if desired.wanted["userns"]["mode"] != "auto":
        return runtime.begin(configuration.of_new(runtime, desired, old, pulled), resume=resume)
    from ..auto_userns import held

    with held(runtime):
        return runtime.begin(configuration.of_new(runtime, desired, old, pulled), resume=resume)


def _check_pulled(runtime: Runtime, desired: Desired, plan: Plan, pulled: Image, old: Optional[Container]) -> None:
    from ..preflight import host
    from ..preflight import image as image_contents

    host.check_mounts(runtime, desired, pulled.config)
    host.check_command(desired.name, desired.image, desired.wanted, pulled.config)
    if plan.leaves_running:
        image_contents.check(runtime, old, desired._replace(image=pulled.id))


def prepare(runtime: Runtime, container: Container) -> None:
    """Make the root filesystem of a new container that is not started now."""
    from ..._container.lifecycle import restart

    with container.batch():
        runtime.prepare_storage(container)
        restart.not_at_boot(container)


def recreate(runtime: Runtime, old: Container, desired: Desired, plan: Plan, pulled: Optional[Image]) -> Container:
    """Put a new container in the old one's place once it is up; otherwise the old one comes back as it was."""
    from ..._container.lifecycle import restart

    with joined_held(runtime, desired), old.batch():
        runs = old.state.status in (ContainerStatus.RUNNING, ContainerStatus.PAUSED) or restart.is_to_come(old)
        new = begin(runtime, desired, plan, pulled, old, resume=runs)
        return _replace(runtime, old, new, desired, plan)


def _replace(runtime: Runtime, old: Container, new: Container, desired: Desired, plan: Plan) -> Container:
    from . import beside

    status = old.state.status
    runs = plan.leaves_running
    try:
        with new.batch():
            if runs and beside.possible(old, new):
                beside.create(new, lambda: _give_way(old, desired))
            else:
                _give_way(old, desired)
            if runs:
                new.start(fresh=True)
            else:
                prepare(runtime, new)
        if runs and desired.wait_for_healthy and new.config.has_health_check:
            from ..._runtime import waiting

            waiting.healthy(new, desired.wait_timeout)
    except BaseException:
        runtime.undo(new.name)
        if old.unreadable:
            raise
        # The first error is the one reported; where the old container cannot start now, the next task starts it.
        with suppress(LibpodError, OSError):
            if runtime.needs_resume(old):
                old.start()
            if status is ContainerStatus.PAUSED and old.status() is ContainerStatus.RUNNING:
                old.pause()
            runtime.clear_resume(new.name)
        raise
    if not desired.delete_volumes:
        anonymous_volumes.keep(old)
    runtime.commit(new)
    return new


def _give_way(old: Container, desired: Desired) -> None:
    """Stop the old container, and release what the new one needs."""
    status = old.state.status
    attachments.remember(old)
    if status is ContainerStatus.PAUSED:
        old.unpause()
    # What cannot be cleaned up does not concern the new one, and the removal tries again.
    with suppress(CleanupIncomplete):
        if old.state.status is ContainerStatus.RUNNING:
            old.stop(desired.replace_time)
        elif old.state.mounted or status in (ContainerStatus.CREATED, ContainerStatus.UNKNOWN):
            old.cleanup()
