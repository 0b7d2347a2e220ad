# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod's Container: accessors and operations, synced with the host at every entry."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from .._model.errors import ContainerStopped, InvalidArgument
from .._model.records.config import ContainerConfig
from .._model.records.namespaces import LinuxNS
from .._model.records.status import ContainerStatus
from .base import ContainerBase

if TYPE_CHECKING:
    from .._model.options.health import Health
    from .io.attach import Attached
    from .io.exec import Exec, Executed
    from .io.log_lines import Wanted
    from .io.log_parts import Line
    from .rootfs.commit import Commit, Committed
    from .rootfs.copy import Copy
    from .rootfs.diff import Change


class Container(ContainerBase):
    """One container. Each accessor and operation syncs under the container's lock, once in a batch."""

    def config_copy(self) -> ContainerConfig:
        """Return a copy of the configuration (libpod's Config)."""
        return ContainerConfig.from_json(deepcopy(self._config.to_json()), self.id)

    def spec(self) -> dict[str, Any]:
        """Return a copy of the OCI spec: that of this life, or that which an init would write.

        :raises ContainerStopped: it joins a container that does not run, so that the spec cannot be known.
        """
        from .bundle.spec import spec

        with self.batch():
            return spec(self)

    # State

    def mountpoint(self) -> str:
        """Return the host path of the mounted root filesystem, empty where it is not mounted."""
        with self.batch():
            return self.storage.mountpoint(self.id) or ""

    def mounted(self) -> bool:
        """Return whether the root filesystem is mounted."""
        return bool(self.mountpoint())

    def ip_address(self) -> str:
        """Return the address in the first network: IPv4, or IPv6 where it has no other.

        :raises InvalidArgument: the container has no configured network namespace of its own.
        """
        from .network.attachments import attached

        with self.batch():
            addresses = [ip.ip for facts in attached(self) for ip in (*facts.ipv4, *facts.ipv6)]
            if not self._config.create_net_ns or not self.state.netns_path or not addresses:
                raise InvalidArgument(
                    f"container {self.name} has no address: it is {self.state.status}, or has no configured network "
                    "namespace of its own"
                )
            return addresses[0]

    def rootfs_size(self) -> int:
        """Return the bytes of the image's layers and the top layer."""
        with self.batch():
            return self.storage.sizes(self.id)[1]

    def rw_size(self) -> int:
        """Return the bytes of the top layer."""
        with self.batch():
            return self.storage.sizes(self.id)[0]

    def namespace_path(self, namespace: LinuxNS) -> str:
        """Return ``/proc/PID/ns/X`` of the running container.

        :raises ContainerStopped: it does not run. :raises InvalidArgument: ``namespace`` is not a LinuxNS.
        """
        with self.batch():
            self.state.status.check("namespace_path", self.name)
            if not isinstance(namespace, LinuxNS):
                raise InvalidArgument(f"{namespace!r} is not a namespace: expected one of {', '.join(LinuxNS)}")
            return f"{self.proc}/ns/{namespace.value}"

    # Operations, each in a file of its own and imported when used

    def init(self, *, fresh: bool = False, give_way: Optional[Callable[[], None]] = None) -> None:
        """Mount the storage, set the network up and create the OCI container; it then waits for start.

        ``fresh`` is a container that was just made, which has no earlier life to clean up after. ``give_way`` is called
        between creation and network, and stops the container that this one replaces.
        """
        from .lifecycle.init import init

        with self.batch():
            init(self, fresh, give_way)

    def start(self, *, fresh: bool = False) -> None:
        """Start the container, initialising it first where needed."""
        from .lifecycle.start import start

        with self.batch():
            start(self, fresh)

    def start_by_policy(self) -> None:
        """Start the container as its restart policy wants: the count of such starts stays."""
        from .lifecycle.start import start_by_policy

        with self.batch():
            start_by_policy(self)

    def ensure_started(self) -> None:
        """Start the container unless it runs or is paused, by its restart policy or another task."""
        with self.batch():
            if self.state.status.allows("start"):
                self.start()

    def stop(self, timeout: Optional[int] = None) -> None:
        """Send the stop signal, SIGKILL after ``timeout`` seconds (default: the container's), and clean up."""
        from .lifecycle.stop import stop

        with self.batch():
            stop(self, self._config.stop_timeout if timeout is None else timeout)

    def keep_down(self, timeout: Optional[int] = None) -> None:
        """Stop the container where it runs, and keep its restart policy from starting it again."""
        from .lifecycle import restart

        with self.batch():
            self.ensure_unpaused(start=False)
            if self.state.status is ContainerStatus.RUNNING:
                self.stop(timeout)
                return
            restart.give_up(self)
            if self.state.status.has_process:
                self.cleanup()

    def restart(self, timeout: Optional[int] = None) -> None:
        """Stop the container where it runs, and start it, with the same addresses where its networks can give them.

        :raises InvalidState: it is paused.
        """
        from .network import attachments

        with self.batch():
            self.state.status.check("restart", self.name)
            if self.state.status is ContainerStatus.RUNNING:
                attachments.remember(self)
                self.stop(timeout)
            self.start()

    def mark(self, timeout: Optional[int] = None) -> None:
        """Freeze the files as they are, for ``rewind``; a container that runs is restarted for it."""
        from .lifecycle.rewind import mark

        with self.batch():
            mark(self, self._config.stop_timeout if timeout is None else timeout)

    def rewind(self, timeout: Optional[int] = None) -> None:
        """Go back to the files as they were marked, or created, and start the container with its addresses."""
        from .lifecycle.rewind import rewind

        with self.batch():
            rewind(self, timeout)

    def end(self, timeout: Optional[int] = None) -> None:
        """Stop the container's process as ``stop`` does, without cleanup."""
        from .lifecycle.stop import end

        with self.batch():
            end(self, self._config.stop_timeout if timeout is None else timeout)

    def kill(self, signal: int) -> None:
        """Send a signal to the container's process."""
        from .lifecycle.stop import kill

        with self.batch():
            kill(self, signal)

    def pause(self) -> None:
        """Freeze all processes of the container."""
        from .lifecycle.pause import pause

        with self.batch():
            pause(self)

    def unpause(self) -> None:
        """Thaw all processes of the container."""
        from .lifecycle.pause import unpause

        with self.batch():
            unpause(self)

    def ensure_paused(self, *, start: bool) -> None:
        """Pause the container unless it is; ``start`` it first where it has ended."""
        with self.batch():
            if self.state.status is not ContainerStatus.PAUSED:
                if start:
                    self.ensure_started()
                self.pause()

    def ensure_unpaused(self, *, start: bool) -> None:
        """Unpause the container where it is paused; ``start`` it where it has ended."""
        with self.batch():
            if self.state.status is ContainerStatus.PAUSED:
                self.unpause()
            elif start:
                self.ensure_started()

    def exec(self, wanted: Exec, input: bytes = b"") -> Executed:
        """Run a further process in the running container to its end; the lock is free during it."""
        from .io.exec import execute

        return execute(self, wanted, input)

    def healthcheck(self) -> Health:
        """Check the container's health now, and return the result; the lock is free during it.

        :raises ContainerStopped: it does not run. :raises InvalidArgument: it has no health check.
        """
        from .runners.health_check import check

        return check(self)

    def exec_detached(self, wanted: Exec) -> str:
        """Run a further process in the background and return its session's ID, 64 hex digits."""
        from .io.exec import execute_detached

        return execute_detached(self, wanted)

    def exec_exit_code(self, exec_id: str) -> Optional[int]:
        """Return the exit code of a background process of this life, None while it runs."""
        from .io.exec import exit_code

        return exit_code(self, exec_id)

    def logs(self, wanted: Wanted) -> list[Line]:
        """Return the requested lines of the container's output."""
        from .io.log_lines import lines

        return lines(self, wanted)

    def attach(self, input: bytes, seconds: float) -> Attached:
        """Write ``input`` to the container's standard input and read what it prints, for at most ``seconds``."""
        from .io.attach import attach

        return attach(self, input, seconds)

    def mount(self) -> str:
        """Mount the root filesystem on the host until the container's next cleanup, and return where."""
        from .rootfs.mounting import mount

        with self.batch():
            return mount(self)

    def unmount(self) -> None:
        """Unmount the root filesystem.

        :raises InvalidState: the container has a process that needs it.
        """
        from .rootfs.mounting import unmount

        with self.batch():
            unmount(self)

    def export(self, path: str, *, dry: bool = False) -> bool:
        """Write the root filesystem without volumes as a tar file; return whether that differs from the file there."""
        from .rootfs.export import export

        with self.batch():
            return export(self, path, dry)

    def diff(self) -> list[Change]:
        """Return what the container changed in its image's root filesystem, by path."""
        from .rootfs.diff import diff

        with self.batch():
            return diff(self)

    def copy(self, wanted: Copy) -> list[str]:
        """Copy in or out, and return the paths that differed."""
        from .rootfs.copy import copy

        return copy(self, wanted)

    def put_file(
        self, source: Union[str, int], path: str, user: Optional[str] = None, size: Optional[int] = None
    ) -> int:
        """Write a host file, or an open one, to ``path`` in the running container as a user (default: its own).

        Return the number of bytes, which has to be ``size`` where given. The lock is free while they are copied.
        """
        from .rootfs.transfer import put

        return put(self, source, path, user, size)

    def fetch_file(self, path: str, target: Union[str, int], user: Optional[str] = None) -> int:
        """Copy ``path`` in the running container to a host file, or to an open one, as ``put_file`` does."""
        from .rootfs.transfer import fetch

        return fetch(self, path, target, user)

    def commit(self, wanted: Commit) -> Committed:
        """Make an image of the container as it is."""
        from .rootfs.commit import commit

        with self.batch():
            return commit(self, wanted)

    # Artifacts: small files kept with the container

    def add_artifact(self, name: str, data: bytes) -> None:
        """Store ``data`` under this name, in place of what was there."""
        from .rootfs import artifacts

        with self.batch():
            artifacts.add(self, name, data)

    def get_artifact(self, name: str) -> bytes:
        """Return the data stored under this name.

        :raises InvalidArgument: there is none.
        """
        from .rootfs import artifacts

        with self.batch():
            return artifacts.get(self, name)

    def remove_artifact(self, name: str) -> None:
        """Remove the artifact of this name.

        :raises InvalidArgument: there is none.
        """
        from .rootfs import artifacts

        with self.batch():
            artifacts.remove(self, name)

    def update(self, config: ContainerConfig, changed: list[str]) -> None:
        """Apply a new configuration; ``changed`` names what to change in a live container, options and drift.

        It is recorded last, so that the next run sees an interrupted update as a difference and repeats it.
        """
        from .lifecycle.update import update

        with self.batch():
            update(self, config, changed)
            earlier, self._config = self._config, config
            if earlier.has_health_check or config.has_health_check:
                from .runners import health

                health.changed(self, earlier)
            self.store.write_config(config)
            if self.state.changing_mounts:
                self.save(changing_mounts={})
            if self.state.restart_at:
                from .lifecycle import restart

                restart.reconsider(self)
            if config.options["log_opt"]["max_size"]:
                from .runners import log_limit

                log_limit.begin(self)
            if self.adopted:
                from .runners import adopted

                adopted.begin(self)
            self.event("update")

    def reload_network(self) -> None:
        """Make the firewall rules again that a reload of the firewall has removed; links and addresses stay.

        :raises InvalidArgument: the container has no networks of its own. :raises ContainerStopped: it does not run.
        """
        from .live.network import reload

        with self.batch():
            if not self.config.create_net_ns:
                raise InvalidArgument(f"container {self.name} has no networks of its own, whose rules could be missing")
            if not self.state.status.has_process:
                raise ContainerStopped(f"container {self.name} is {self.state.status}: its start makes its rules")
            if not reload(self):
                self.update(self.config, ["network rules of all interfaces"])

    def cleanup(self, *, delete: bool = False) -> None:
        """Take down all but the configuration and, unless ``delete``, the top layer; safe to repeat."""
        from .lifecycle.cleanup import cleanup

        with self.batch():
            cleanup(self, delete=delete)

    def repair(self) -> None:
        """Clean up after an end or an interrupted operation, unless the container has a process again."""
        with self.batch():
            if not self.state.status.has_process:
                self.cleanup()

    def wait(self, seconds: float) -> int:
        """Wait up to ``seconds`` for the container to end and return its exit code.

        :raises InvalidState: it still runs after that time.
        """
        from .lifecycle.wait import wait

        return wait(self, seconds)
