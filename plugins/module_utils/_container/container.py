# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod's Container: configuration, state and lock, synced with the host at every entry."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Iterator, Optional

from .._drivers import cgroups_paths
from .._drivers.host import Host
from .._model.config import ContainerConfig
from .._model.errors import ContainerRemoved, InvalidArgument, NoSuchContainer
from .._model.namespaces import LinuxNS
from .._model.state import ContainerState
from .._model.status import ContainerStatus
from .._store.store import Store
from .observe import observe

if TYPE_CHECKING:
    from .._drivers.rootfs import Rootfs
    from .._drivers.storage import Storage


class Container:
    """One container. Every accessor and operation syncs under the container's lock, once in a batch."""

    def __init__(self, store: Store, host: Host, config: ContainerConfig, unreadable: str = "") -> None:
        """``unreadable`` says why its configuration cannot be read; ``config`` then stands in for it."""
        self.store = store
        self.host = host
        self.unreadable = unreadable
        self._config = config
        self._state: Optional[ContainerState] = None
        self._lock = store.lock(config.id)

    # Batch and sync

    @contextmanager
    def batch(self) -> Iterator[Container]:
        """Take the lock once and sync once for everything done inside; batches nest.

        :raises ContainerRemoved: the container was removed while the lock was waited for.
        """
        with self._lock:
            if self._lock.depth == 1:
                self._reload()
                self.sync()
            yield self

    def _reload(self) -> None:
        if self.unreadable:
            return
        try:
            self._config = self.store.config(self.id)
        except NoSuchContainer as error:
            raise ContainerRemoved(f"container {self.name} ({self.id[:12]}) was removed meanwhile") from error

    def sync(self) -> None:
        """Bring the recorded state in line with the host's processes and cgroups; starts no program."""
        recorded = self.store.state(self.id)
        self._state = observe(self._config, recorded, self.host, self.run_dir, self.last_exit)
        if self._state != recorded and self._state.status is not ContainerStatus.CONFIGURED:
            self.store.write_state(self.id, self._state)
            if self._state.status is ContainerStatus.EXITED:
                self._keep_exit()

    def _keep_exit(self) -> None:
        """Keep how the container ended where a reboot does not lose it."""
        kept = {key: getattr(self.state, key) for key in ("exit_code", "oom_killed", "started_time", "finished_time")}
        if kept != self.last_exit:
            self.store.write_side_record(self.id, "exit", kept)

    def peek(self) -> Container:
        """Sync without the lock and without writing: for those who only look."""
        self._state = observe(self._config, self.store.state(self.id), self.host, self.run_dir, self.last_exit)
        return self

    @property
    def state(self) -> ContainerState:
        """The state as of the last sync or peek."""
        return self._state or self.peek().state

    def save(self, **changes: Any) -> None:
        """Record a change of the state (inside a batch)."""
        self._state = self.state._replace(boot_id=self.host.boot_id, run_dir=self.run_dir, **changes)
        self.store.write_state(self.id, self._state)

    @property
    def last_exit(self) -> dict[str, Any]:
        """Exit code, times and OOM flag of the last run, also of one before a reboot."""
        kept: dict[str, Any] = self.store.side_record(self.id, "exit") or {}
        return kept

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
    def shm_dir(self) -> str:
        """The host's side of /dev/shm, which joiners of the IPC namespace share."""
        return f"{self.run_dir}/shm"

    @property
    def netns_path(self) -> str:
        return f"{self.host.parts.netns_dir}/libpod-{self.id[:12]}"

    @property
    def storage(self) -> Storage | Rootfs:
        """The driver of the root filesystem: the image store's, or that of a host directory."""
        if not self._config.rootfs:
            return self.host.storage
        from .._drivers.rootfs import Rootfs

        return Rootfs(self.host.parts, self._config.rootfs, self._config.overlay)

    @property
    def cgroup_path(self) -> str:
        """The container's cgroup below the cgroup mounts."""
        return cgroups_paths.container_path(self._config.cgroup_manager, self._config.cgroup_parent, self.id)

    @property
    def conmon_cgroup_path(self) -> str:
        """libpod's CGroupPath: the cgroup of the container's conmon."""
        return cgroups_paths.conmon_path(self._config.cgroup_manager, self._config.cgroup_parent, self.id)

    # State

    def status(self) -> ContainerStatus:
        with self.batch():
            return self.state.status

    def namespace_path(self, namespace: LinuxNS) -> str:
        """``/proc/PID/ns/X`` of the running container.

        :raises ContainerStopped: it does not run. :raises InvalidArgument: ``namespace`` is not a LinuxNS.
        """
        with self.batch():
            self.state.status.check("namespace_path", self.name)
            if not isinstance(namespace, LinuxNS):
                raise InvalidArgument(f"{namespace!r} is not a namespace: expected one of {', '.join(LinuxNS)}")
            return f"/proc/{self.state.pid}/ns/{namespace.value}"

    # Operations, each in a file of its own and imported when used

    def init(self, *, fresh: bool = False) -> None:
        """Mount the storage, set the network up and create the OCI container; it then waits for start.

        ``fresh``: it was just made, so nothing of an earlier life has to be looked for.
        """
        from .init import init

        with self.batch():
            init(self, fresh)

    def start(self, *, fresh: bool = False) -> None:
        """Start the container, initialising it first where needed."""
        from .start import start

        with self.batch():
            start(self, fresh)

    def stop(self, timeout: Optional[int] = None) -> None:
        """Send the stop signal, SIGKILL after ``timeout`` seconds (default: the container's), and clean up."""
        from .stop import stop

        with self.batch():
            stop(self, self._config.stop_timeout if timeout is None else timeout)

    def end(self, timeout: Optional[int] = None) -> None:
        """Stop the container's process as ``stop`` does, and leave the cleanup to what follows."""
        from .stop import end

        with self.batch():
            end(self, self._config.stop_timeout if timeout is None else timeout)

    def kill(self, signal: int) -> None:
        from .stop import kill

        with self.batch():
            kill(self, signal)

    def pause(self) -> None:
        from .pause import pause

        with self.batch():
            pause(self)

    def unpause(self) -> None:
        from .pause import unpause

        with self.batch():
            unpause(self)

    def update(self, config: ContainerConfig, limits: list[str]) -> None:
        """Take a new configuration; ``limits`` names the changed options that the kernel must take too."""
        from .update import update

        with self.batch():
            update(self, config, limits)
            self._config = config

    def cleanup(self, *, delete: bool = False) -> None:
        """Take down all of the container but its configuration and, unless ``delete``, its top layer; idempotent."""
        from .cleanup import cleanup

        with self.batch():
            cleanup(self, delete=delete)

    def wait(self, seconds: float) -> int:
        """Wait up to ``seconds`` for the container to end and return its exit code.

        :raises InvalidState: it still runs after that time.
        """
        from .wait import wait

        return wait(self, seconds)
