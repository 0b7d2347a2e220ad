# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod's Runtime: creates and removes containers, and repairs what an interrupted run has left."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import Callable, Optional

from .._container.container import Container
from .._model.engine_config import EngineConfig
from .._model.errors import (
    ConfigMismatch,
    ContainerRemoved,
    DependencyExists,
    LibpodError,
    NoSuchContainer,
    RemovalIncomplete,
    StateCorrupt,
    warn,
)
from .._model.options.network.ports import PortMapping
from .._model.records.config import ContainerConfig
from .._model.records.status import ContainerStatus
from .._store.locks import hold_all
from .._store.store import NameRecord, Store
from .base import RuntimeBase

_READING = 10.0  # seconds for those who read the log of a container that goes with its end


class Runtime(RuntimeBase):
    """The containers under one set of roots. Methods that change a name are called under its lock."""

    def __init__(self, parts: EngineConfig, store: Optional[Store] = None) -> None:
        super().__init__(parts, store)
        # The published ports of containers that will be removed before the current plan is applied.
        self.freed_ports: tuple[PortMapping, ...] = parts.planned.freed_ports
        # The answers of image sources to this task, so that each question is asked once.
        self.source_answers: dict[tuple[object, ...], str | LibpodError] = {}
        # By name and ID, the errors of incomplete removals.
        self.incomplete: dict[str, dict[str, RemovalIncomplete]] = {}

    # Creating

    def begin(self, config: ContainerConfig, *, resume: bool = False) -> Container:
        """Write a container's configuration; until ``commit`` it is pending, and ``recover`` undoes it.

        ``resume``: the name's present container is running and about to be stopped for this one. It is started again
        if the new one fails.
        """
        record = self.store.name_record(config.name)
        resumed = {"resume": record.get("id", "")} if resume else {}
        try:
            self.store.write_name(config.name, {**record, **resumed, "pending": config.id})
            self.store.write_config(config)
        except BaseException:
            self.undo(config.name)
            raise
        container = Container(self.store, self.host, config)
        container.event("create")
        return container

    def prepare_storage(self, container: Container) -> None:
        """Create the container's top layer, so that its image is in use from now on."""
        from .._container.bundle import lsm

        lsm.create_storage(container)
        if container.config.options["cidfile"]:
            from .._container.lifecycle import pidfiles

            pidfiles.write(container)

    def commit(self, container: Container) -> None:
        """Give the name to the pending container, in one rename; an earlier holder is then removed."""
        record = self.store.name_record(container.name)
        earlier = record.get("id", "")
        record = {"id": container.id, "retired": earlier, "left": record.get("left", "")}
        if container.config.pod and not container.config.infra:
            from .._store import pods

            with self.store.lock(container.config.pod):
                # A container cannot join a pod that is removed meanwhile.
                pod = pods.read(self.store, container.config.pod)
                pods.find(self.store, pod.id)
                self.store.write_name(container.name, record)
        else:
            self.store.write_name(container.name, record)
        if earlier:
            from .._model import journal

            journal.note("recreate", container.id, container.name)
            self.recover(container.name)

    def recover(self, name: str, *, abandon: bool = False) -> NameRecord:
        """Finish or undo what an interrupted run has left under this name; return the name's record.

        What cannot be removed is noted as ``left`` in the record, for ``finish_removal``, and blocks nothing.
        """
        record = self.store.name_record(name)
        if record.get("handover"):
            from . import adoption

            record = adoption.settle(self, name, record)
        if record.get("renamed"):
            from . import renaming

            record = renaming.settle(self, name, record)
        if record.get("pending") or record.get("retired"):
            left = record.get("left", "").split()
            for key in ("pending", "retired"):
                container_id = record.get(key, "")
                if key == "retired" and container_id and record.get("id"):
                    self._hand_over(container_id, record["id"])
                if container_id and not self._purged(name, container_id, abandon):
                    left.append(container_id)
                if container_id:
                    self._note_removed(name, container_id, key, record)
            record = {key: record.get(key, "") for key in ("id", "resume") if record.get("id")}
            self.store.write_name(name, {**record, "left": " ".join(left)})
        elif not record:
            self.store.forget_name(name)
        return record

    @staticmethod
    def _note_removed(name: str, container_id: str, key: str, record: NameRecord) -> None:
        from .._model import journal

        if key == "pending":
            journal.forget(container_id)
        elif not record.get("id"):
            journal.note("delete", container_id, name)

    def _purged(self, name: str, container_id: str, abandon: bool) -> bool:
        """Remove everything of a container; return whether that succeeded, else ``incomplete`` has the error."""
        try:
            self.purge(container_id, abandon=abandon)
        except RemovalIncomplete as error:
            self.incomplete.setdefault(name, {})[container_id] = error
            return False
        return True

    def finish_removal(self, name: str, *, abandon: bool = False) -> None:
        """Remove what earlier removals under this name have left; with ``abandon`` its records go in any case.

        :raises RemovalIncomplete: something is still left.
        """
        record = self.store.name_record(name)
        left = record.get("left", "").split()
        tried = self.incomplete.pop(name, {})
        if abandon:
            tried = {}
        if left:
            still = [one for one in left if one in tried or not self._purged(name, one, abandon)]
            tried.update(self.incomplete.pop(name, {}))
            self.store.write_name(name, {**record, "left": " ".join(still)})
        for error in tried.values():
            raise error

    def warn_incomplete(self) -> None:
        """Warn of what could not be removed beside the task's own subject."""
        for errors in self.incomplete.values():
            for error in errors.values():
                warn(str(error))
        self.incomplete = {}

    def needs_resume(self, container: Container) -> bool:
        """Return whether it was stopped for a replacement that an interruption prevented."""
        if container.state.status in (ContainerStatus.RUNNING, ContainerStatus.PAUSED):
            return False
        return self.store.name_record(container.name).get("resume") == container.id

    def request_resume(self, container: Container) -> None:
        """Record that a container is stopped only briefly: the next run starts it again, until ``clear_resume``."""
        self.store.write_name(container.name, {**self.store.name_record(container.name), "resume": container.id})

    def resume_after_error(self, name: str) -> None:
        """Start a container again that was stopped only briefly; errors are ignored, for another one is reported."""
        container = self.find(name)
        if container is None or container.unreadable or not self.needs_resume(container.peek()):
            return
        try:
            container.start()
        except (LibpodError, OSError):
            return
        self.clear_resume(name)

    def clear_resume(self, name: str) -> None:
        """Record that the name's container need not be started again after an interruption."""
        record = self.store.name_record(name)
        if record.get("resume"):
            self.store.write_name(name, {**record, "resume": ""})

    def undo(self, name: str) -> None:
        """Recover after an error, which is the one reported: what cannot be undone now is undone by the next run."""
        try:
            self.recover(name)
        except (LibpodError, OSError):
            pass

    def _hand_over(self, old: str, new: str) -> None:
        """Have the dependents of a re-created container depend on its replacement."""
        for other in self.dependents(old):
            try:
                with other.batch():
                    other.depend_on(new, instead_of=old, record=True)
            except (ContainerRemoved, ConfigMismatch):
                continue

    def follow(self, container: Container) -> bool:
        """Have a container depend on the replacements of its dependencies; return whether that changed it.

        The run that re-created a dependency may not have updated it yet, or was killed. Without the lock of the
        container's name nothing is recorded.
        """
        read, locked = container.config, self.store.lock(container.name).held
        if read.dependencies and not container.newer:
            with container.batch() if locked else nullcontext():
                for old in container.config.dependencies:
                    record = self._record_of(old)
                    if record.get("id") and record.get("retired") == old:
                        container.depend_on(record["id"], instead_of=old, record=locked)
        return container.config != read

    def _record_of(self, container_id: str) -> NameRecord:
        try:
            return self.store.name_record(self.store.config(container_id).name)
        except (NoSuchContainer, StateCorrupt, ConfigMismatch):
            return {}

    def rename(self, container: Container, new: str) -> None:
        """Give a container another name, under the locks of both names.

        :raises NoSuchContainer: another task has removed or renamed it. Else as ``renaming.check``.
        """
        from . import renaming

        names = (container.name, new)
        self.store.prepare()
        with hold_all([self.store.lock(name) for name in names]):
            try:
                for name in names:
                    self.recover(name)
                now = self.find(container.name)
                if now is None or now.id != container.id:
                    raise NoSuchContainer(f"container {container.name} was removed or renamed by another task")
                renaming.check(now, self.store.name_record(new), new)
                renaming.rename(self, now, new)
            finally:
                for name in names:
                    if not self.store.name_record(name):
                        self.store.lock(name).discard()

    # Removing

    def check_removable(self, container: Container) -> None:
        """Check that no other container depends on this one.

        :raises DependencyExists: others do; they are named.
        """
        names = sorted({other.name for other in self.dependents(container.id)})
        if names:
            raise DependencyExists(
                f"container {container.name} cannot be removed: {', '.join(names)} "
                f"{'depends' if len(names) == 1 else 'depend'} on it (shared namespaces or requires): remove "
                f"{'that one' if len(names) == 1 else 'those'} first, or set delete_depend"
            )

    def remove(
        self, container: Container, *, force: bool = False, abandon: bool = False, keep_image: bool = False
    ) -> None:
        """Remove a container and everything of it on the host, except named volumes.

        With ``abandon`` its records are removed in any case, and a warning says what is left. With ``keep_image`` its
        image and its records stay until ``recover`` removes them, unless something else is left.

        :raises InvalidState: it is running or paused, without ``force``.
        :raises DependencyExists: others depend on it.
        :raises RemovalIncomplete: it is removed, but something of it is left.
        """
        container.given_up = abandon
        container.status().check("force_remove" if force else "remove", container.name)
        self.check_removable(container)
        if container.config.options["rm"] and not container.state.status.has_process:
            from .._container.io import reading

            reading.wait_end(container, _READING)
        record = self.store.name_record(container.name)
        self.store.write_name(container.name, {**record, "id": "", "retired": container.id})
        if keep_image:
            with suppress(RemovalIncomplete):
                self.purge(container.id, keep_image=True)
                return
        self.recover(container.name, abandon=abandon)
        self.finish_removal(container.name, abandon=abandon)

    def remove_ended(
        self, name: str, container_id: str, unless: Callable[[Container], bool] = lambda _now: False
    ) -> bool:
        """Remove an exited container and return whether it was removed.

        It stays where its name belongs to another container by now, where it runs again or is about to, or ``unless``
        holds.

        :raises DependencyExists: others depend on it.
        """
        if self.remove_if(name, lambda now: now.id == container_id and has_ended(now) and not unless(now)):
            return True
        with suppress(NoSuchContainer, StateCorrupt, ConfigMismatch):
            if (renamed := self.store.config(container_id).name) != name:
                return self.remove_ended(renamed, container_id, unless)
        return False

    def remove_if(self, name: str, suits: Callable[[Container], bool], *, force: bool = False) -> bool:
        """Remove the container that has this name by now, if it ``suits``; return whether it was removed.

        :raises DependencyExists: others depend on it. :raises InvalidState: it runs or is paused, without ``force``.
        """
        self.store.prepare()
        with self.store.lock(name) as lock:
            self.recover(name)
            now = self.find(name)
            if now is not None:
                # In one batch, so that it is not started in between.
                with now.batch():
                    if not suits(now):
                        return False
                    self.remove(now, force=force)
            if lock.depth == 1:
                lock.discard()
            return now is not None

    def start_dependency(self, name: str) -> None:
        """Start a dependency, without its name's lock, which would be taken in the wrong order."""
        while True:
            try:
                self.container(name).ensure_started()
                return
            except ContainerRemoved:
                continue  # it was re-created meanwhile: the name belongs to the new one, or is free

    def purge(self, container_id: str, *, abandon: bool = False, keep_image: bool = False) -> None:
        """Remove everything that has this ID on the host, at any stage of its creation or removal.

        With ``keep_image`` its image and its records stay.

        :raises RemovalIncomplete: something is left.
        """
        from .removal import purge

        lock = self.store.lock(container_id)
        self.store.prepare()
        with lock:
            purge(self, container_id, abandon=abandon, keep_image=keep_image)
            if not keep_image:
                lock.discard()


def has_ended(container: Container) -> bool:
    """Return whether it has run and ended for good: no policy starts it again, or it is removed at its end."""
    from .._container.lifecycle import restart

    state = container.state
    if not container.config.options["rm"]:
        return state.status is ContainerStatus.EXITED and not restart.is_to_come(container)
    # Also where the host went down, which leaves no exit code, or where its cleanup was killed.
    down = (
        state.status is ContainerStatus.EXITED or state.status is ContainerStatus.UNKNOWN and bool(state.finished_time)
    )
    return down or state.status is ContainerStatus.CONFIGURED and restart.has_begun(container)
