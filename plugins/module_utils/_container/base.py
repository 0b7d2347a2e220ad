# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container's configuration, state and lock, synced with the host, and the paths of its parts on the host."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Iterator, Optional, TypeVar

from .._drivers import process
from .._drivers.cgroups import manager
from .._drivers.host import Host
from .._model.errors import ConfigMismatch, ContainerRemoved, InvalidState, NoSuchContainer, StateCorrupt
from .._model.records.config import ContainerConfig
from .._model.records.state import ContainerState
from .._model.records.status import ContainerStatus
from .._store.store import Store
from .live_status import RECORDED_SECONDS, SHOWN_SECONDS, cgroup_path, observe, timestamp

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._drivers.network_backend import NetworkBackend
    from .._drivers.oci.runtime import OciRuntime
    from .._drivers.storage.driver import Storage
    from .._drivers.storage.rewindable import Rewindable
    from .._drivers.storage.rootfs import Rootfs
    from .._model.records.state import StateChanges
    from .._store.locks import FileLock
    from .io.log_mark import Mark

# The number of runs whose ends are kept.
_EXITS_KEPT = 100
# The fields of the state that are kept of a run that has ended.
_EXIT = ("exit_code", "oom_killed", "started_time", "finished_time")
_Self = TypeVar("_Self", bound="ContainerBase")


class ContainerBase:
    """A container by its records and the host, read and written under its lock, once in a batch.

    Operations take it; ``Container`` has them as methods.
    """

    def __init__(
        self, store: Store, host: Host, config: ContainerConfig, *, unreadable: str = "", newer: str = ""
    ) -> None:
        """``unreadable`` is why its configuration cannot be read; ``config`` then stands in for it.

        ``newer`` is the text of a newer version's record; such a container is changed only once it is ``given_up``.
        """
        self.store = store
        self.host = host
        self.unreadable = unreadable
        self.newer = newer
        self.given_up = False
        self._config = config
        self._state: Optional[ContainerState] = None
        # Where in a log with a limit the output of the run begins that was started here.
        self.log_mark: Optional[Mark] = None

    @classmethod
    def load(
        cls: type[_Self], store: Store, host: Host, container_id: str, name: str = "", *, plain: bool = False
    ) -> _Self:
        """Return the container; where its configuration cannot be read, what its ID shows of it, under ``name``.

        A newer version's record is read as one of this version, as far as that goes, unless ``plain``.

        :raises NoSuchContainer: there is none of this ID.
        """
        try:
            return cls(store, host, store.config(container_id))
        except (StateCorrupt, ConfigMismatch) as error:
            from .unreadable import stand_in

            config, unreadable, newer = stand_in(store, host, container_id, name, error, plain=plain)
            return cls(store, host, config, unreadable=unreadable, newer=newer)

    @cached_property
    def _lock(self) -> FileLock:
        """The container's lock, which most of a list's containers do not need."""
        return self.store.lock(self.id)

    # Batch and sync

    @contextmanager
    def batch(self: _Self) -> Iterator[_Self]:
        """Take the lock once and sync once for everything done inside; batches nest.

        :raises ContainerRemoved: the container was removed while the lock was waited for.
        :raises ConfigMismatch: a newer version made it, and no task gives it up.
        """
        self.check_version()
        with self._lock:
            if self._lock.depth == 1:
                self._reload()
                self.sync()
            yield self

    def sync_now(self) -> bool:
        """Sync under the lock where that is free; return whether it was.

        :raises ContainerRemoved: the container was removed. :raises ConfigMismatch: as ``batch``.
        """
        self.check_version()
        with self._lock.if_free() as taken:
            if taken:
                self._reload()
                self.sync()
        return taken

    def check_version(self) -> None:
        """Check that this version can change the container.

        :raises ConfigMismatch: a newer version made it, and no task gives it up.
        """
        if self.newer and not self.given_up:
            raise ConfigMismatch(self.unreadable)

    def _reload(self) -> None:
        if self.unreadable:
            return
        try:
            self._config = self.store.config(self.id)
        except NoSuchContainer as error:
            self._lock.discard()
            raise ContainerRemoved(f"container {self.name} ({self.id[:12]}) was removed by another task") from error

    def sync(self) -> None:
        """Bring the recorded state in line with the host's processes and cgroups; starts no program."""
        recorded = self.store.state(self.id)
        self._state = self._observed(recorded, RECORDED_SECONDS)
        if self._state != recorded and self._state.status is not ContainerStatus.CONFIGURED:
            self.store.write_state(self.id, self._state)
            if self._state.status is ContainerStatus.EXITED:
                self._keep_exit()
                self.event("died", ExitCode=self._state.exit_code)

    def _keep_exit(self) -> None:
        """Record how the container ended where a reboot does not remove it."""
        ended = {key: getattr(self.state, key) for key in _EXIT}
        if ended != self.last_exit:
            try:
                self.store.write_side_record(self.id, "exits", [*self.exits, ended][-_EXITS_KEPT:])
            except OSError:
                # The disk may be full: record the last end at least.
                with suppress(OSError):
                    self.store.write_side_record(self.id, "exits", [ended])

    def peek(self: _Self) -> _Self:
        """Sync without the lock and without writing.

        Where another process is changing the container, it still has the status from before.
        """
        state, seen = self._shown(), None
        # Twice the same with the lock free between: no other process changes it, or has just done so.
        while state.status is ContainerStatus.UNKNOWN and state != seen:
            if self._lock.busy:
                before = ContainerStatus.EXITED if state.finished_time else ContainerStatus.CONFIGURED
                state = state._replace(status=before)
                break
            seen, state = state, self._shown()
        self._state = state
        return self

    def _shown(self) -> ContainerState:
        return self._observed(self.store.state(self.id), SHOWN_SECONDS)

    def _observed(self, recorded: Optional[ContainerState], seconds: float) -> ContainerState:
        return observe(self._config, recorded, self.host, self.run_dir, lambda: self.last_exit, seconds)

    @property
    def state(self) -> ContainerState:
        """The state as of the last sync or peek."""
        return self._state or self.peek().state

    @property
    def networks(self) -> NetworkBackend:
        """The networks of the backend that the container was made with."""
        return self.host.networks_of(self.config.network_backend)

    # Accessors of libpod's Container, each synced

    def pid(self) -> int:
        """Return the PID of the container's first process.

        :raises ContainerStopped: it does not run.
        """
        with self.batch():
            self.state.status.check("pid", self.name)
            return self.state.pid

    def exit_code(self) -> int:
        """Return the exit status of the last run, or 128 + signal; -1 where conmon died before it recorded one."""
        with self.batch():
            return self.state.exit_code

    def oom_killed(self) -> bool:
        """Return whether the kernel's OOM killer ended the last run."""
        with self.batch():
            return self.state.oom_killed

    def started_time(self) -> str:
        """Return the time of the last start in RFC 3339, empty for a container that never ran."""
        with self.batch():
            return self.state.started_time

    def finished_time(self) -> str:
        """Return the time of the last end in RFC 3339, empty for a container that runs or never ran."""
        with self.batch():
            return self.state.finished_time

    def status(self) -> ContainerStatus:
        """Return the actual status."""
        with self.batch():
            return self.state.status

    # Records

    def save(self, **changes: Unpack[StateChanges]) -> None:
        """Record a change of the state (inside a batch)."""
        self._state = self.state._replace(boot_id=self.host.boot_id, run_dir=self.run_dir, **changes)
        self.store.write_state(self.id, self._state)

    def event(self, action: str, **attributes: object) -> None:
        """Add an event to the host's events (``libpod events``); a failure is ignored."""
        from .._store.events import emit

        event = {"Time": timestamp(), "Type": "container", "Action": action, "ID": self.id, "Name": self.name}
        try:
            emit(self.host.parts.run_root, {**event, "Image": self._config.rootfs_image_name, **attributes})
        except OSError:
            pass

    @property
    def last_exit(self) -> dict[str, Any]:
        """Exit code, times and OOM flag of the last run, also of one before a reboot."""
        return next(reversed(self.exits), {})

    @property
    def exits(self) -> list[dict[str, Any]]:
        """Exit code, times and OOM flag of each of the last runs, the latest last."""
        kept = self.store.side_record(self.id, "exits")
        entries = [one for one in kept if isinstance(one, dict)] if isinstance(kept, list) else []
        return [{key: one[key] for key in _EXIT if key in one} for one in entries]

    # Configuration

    @property
    def config(self) -> ContainerConfig:
        return self._config

    @property
    def id(self) -> str:
        return self._config.id

    @property
    def name(self) -> str:
        return self._config.name

    @property
    def run_dir(self) -> str:
        return self.store.run_dir(self.id)

    @property
    def proc(self) -> str:
        """The directory in /proc of the process that runs in the container, for its namespaces, mounts and root."""
        return f"/proc/{process.living_thread(self.state.pid)}"

    @property
    def podmans_record(self) -> str:
        """The path of the record of what podman had of an adopted container."""
        return f"{self.config.static_dir}/podman.json"

    @property
    def from_podman(self) -> bool:
        """Whether the container was adopted from podman, whichever engine began the present life."""
        return os.path.exists(self.podmans_record)

    @property
    def adopted(self) -> bool:
        """Whether podman began the present life, whose bundle is podman's."""
        path = self.state.config_path
        return bool(path) and not path.startswith(f"{self.run_dir}/")

    @property
    def shm_dir(self) -> str:
        """The host path of /dev/shm, which containers that join the IPC namespace share."""
        return f"{self.run_dir}/shm"

    @property
    def secrets_dir(self) -> str:
        """The tmpfs with the files of the container's secrets."""
        return f"{self.run_dir}/secrets"

    @property
    def netns_path(self) -> str:
        return f"{self.host.parts.netns_dir}/libpod-{self.id[:12]}"

    @property
    def storage(self) -> Storage | Rootfs | Rewindable:
        """The driver of the root filesystem: the image store's, that of a host directory, or of one with a mark."""
        if self.rewindable:
            return self.rewindable
        if not self._config.rootfs:
            return self.host.storage
        from .._drivers.storage.rootfs import Rootfs

        return Rootfs(self.host.parts, self._config.rootfs, self._config.overlay)

    @property
    def rewindable(self) -> Optional[Rewindable]:
        """The driver of a root filesystem that can go back to a mark, None for one that cannot."""
        if not self._config.options["rewindable"]:
            return None
        from .._drivers.storage.rewindable import Rewindable

        return Rewindable(self.host.parts, self.host.storage, mapped=bool(self._config.id_mappings))

    @property
    def oci(self) -> OciRuntime:
        return self.host.oci_of(self._config)

    @property
    def sandboxed(self) -> bool:
        """Whether the process that the host sees is a sandbox around the container, such as gVisor's.

        Its root directory, mounts and addresses are then not the container's.
        """
        return self.oci.by_specification and self.oci.sandboxes(self.proc, self.state.mountpoint)

    @property
    def cgroup_path(self) -> str:
        """The container's own cgroup, with its limits, below the cgroup mounts."""
        return cgroup_path(self._config, self.host)

    @property
    def lost_cgroup(self) -> bool:
        """Whether another program has removed the container's cgroup, and its process runs on elsewhere."""
        return manager.lost(self.host.cgroups, self.cgroup_path)

    def check_cgroup(self, doing: str) -> None:
        """Check that the OCI runtime can do an operation that needs the container's cgroup.

        :raises InvalidState: the cgroup was removed.
        """
        if self.lost_cgroup:
            raise InvalidState(
                f"cannot {doing} container {self.name}: another program has removed its cgroup {self.cgroup_path}: "
                "restart the container"
            )

    @property
    def cgroup_top(self) -> str:
        """The cgroup that is made and removed with the container: its own, or the systemd scope around that."""
        return manager.container_path(self._config.cgroup_manager, self._config.cgroup_parent, self.id)

    @property
    def conmon_cgroup_path(self) -> str:
        """libpod's CGroupPath: the cgroup of the container's conmon."""
        return manager.conmon_path(self._config.cgroup_manager, self._config.cgroup_parent, self.id)

    @property
    def labels(self) -> dict[str, str]:
        """A copy of the image's and the container's own labels."""
        return dict(self._config.resolved["label"])

    @property
    def runtime_name(self) -> str:
        return self.oci.name

    @property
    def log_path(self) -> str:
        """The path of the log, which exists once the container has been initialised."""
        return self._config.log_path

    def depend_on(self, new: str, *, instead_of: str, record: bool) -> None:
        """Replace the ID of a container that it depends on by another; ``record`` that in a batch."""
        config = self._config
        joined = {kind: new if one == instead_of else one for kind, one in config.namespace_containers.items()}
        requires = tuple(new if one == instead_of else one for one in config.requires)
        self._config = config._replace(namespace_containers=joined, requires=requires)
        if record:
            self.store.write_config(self._config)

    @property
    def dependencies(self) -> set[str]:
        """IDs of the containers whose namespaces it joins."""
        return set(self._config.dependencies)
