# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cleanup: take down all of a container but its configuration and its top layer, found by its ID alone."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from ..._drivers import process
from ..._drivers.cgroups import hierarchy, manager
from ..._drivers.kernel import syscalls
from ..._model.attempts import Attempts
from ..._model.errors import CleanupIncomplete, InvalidState, LibpodError, sentence
from ..._model.failpoints import failpoint
from ..._model.options.table import ID_FILES
from ..._model.records.config import DEFAULT_CGROUP_PARENT
from ..._model.records.namespaces import LinuxNS
from ..._model.records.process_ref import ProcessRef
from ..._model.records.state import EXIT_UNKNOWN
from ..._model.records.status import ContainerStatus
from ..live_status import timestamp
from . import conmon_cgroup
from .background import Background

if TYPE_CHECKING:
    from ..._model.records.state import StateChanges
    from ..base import ContainerBase

# conmon ends by itself once it has written the exit file.
_CONMON_SECONDS = 5.0
# An ended process leaves its cgroup shortly before it is seen to have ended.
_KILLED_SECONDS = 5.0


def cleanup(container: ContainerBase, *, thorough: bool = False, delete: bool = False) -> None:
    """Take down processes, network, mounts and cgroups; each step is safe to repeat, and tried whatever fails.

    ``thorough`` also looks for processes that no record names: those of an interrupted init, or of a life whose record
    was lost. ``delete`` removes the top layer too. The status is ``unknown`` meanwhile; afterwards it is exited for a
    container that has run, else configured.

    :raises CleanupIncomplete: something is left, and the status stays ``unknown``.
    """
    state, attempts = container.state, Attempts()
    thorough = thorough or state.status in (ContainerStatus.UNKNOWN, ContainerStatus.CONFIGURED)
    if state.status is not ContainerStatus.UNKNOWN and os.path.isdir(container.run_dir):
        with suppress(OSError):  # the old status of an ended container is good enough
            container.save(status=ContainerStatus.UNKNOWN)
    attempts.attempt("its processes", lambda: _end_processes(container, thorough, delete))
    stays = process.alive(state.conmon)
    if delete:
        # First: it may have filled the disk, and the tools of the later steps may need space.
        attempts.attempt("its log", lambda: _remove_log(container))
    _take_down_parts(container, attempts, thorough, delete)
    if os.path.isdir(container.run_dir) and not delete:
        attempts.attempt("its run directory", lambda: _clear_run_dir(container))
    if attempts.failed:
        raise _incomplete(container, attempts)
    if os.path.isdir(container.run_dir) and not delete:
        after: StateChanges = {
            "status": ContainerStatus.EXITED if state.finished_time else ContainerStatus.CONFIGURED,
            "process": ProcessRef(),
            "conmon": state.conmon if stays else ProcessRef(),
            "config_path": "",
            "netns_path": "",
            "mounted": False,
            "mountpoint": "",
            "changing_mounts": {},
        }
        if state.started_time and state.process.pid and not state.finished_time:
            # It ran, and its end could not be waited for.
            ended: StateChanges = {"finished_time": timestamp(), "exit_code": EXIT_UNKNOWN}
            after = {**after, **ended, "status": ContainerStatus.EXITED}
        container.save(**after)


def _take_down_parts(container: ContainerBase, attempts: Attempts, thorough: bool, delete: bool) -> None:
    """Take down what the container's processes used; ``delete`` removes the top layer instead of unmounting it."""
    if container.from_podman or container.adopted:
        from .adoption import take_down

        attempts.attempt("what podman had made for it", lambda: take_down(container))
    release = container.storage.delete if delete else container.storage.unmount
    # Once its processes have ended, the parts of a container do not depend on one another.
    network = Background(lambda: _remove_network(container))
    layer = Background(lambda: release(container.id))
    attempts.attempt("the OCI runtime's state of it", lambda: container.oci.delete(container.id, force=thorough))
    for directory in (container.shm_dir, container.secrets_dir):
        if os.path.ismount(directory):
            attempts.attempt(f"the mount {directory}", partial(syscalls.umount, directory, syscalls.MNT_DETACH))
    network.join()
    layer.join()
    if any(container.config.options[option] for option in ID_FILES):
        from . import pidfiles

        attempts.attempt("its ID and PID files", lambda: pidfiles.remove(container, delete=delete))
    attempts.attempt("", lambda: _remove_cgroups(container, thorough))
    attempts.attempt("its networks", network.result)
    attempts.attempt("its root filesystem", layer.result)
    if os.path.isdir(f"{container.config.static_dir}/overlays"):
        from ..mounts.volumes import remove_overlays

        attempts.attempt("the overlays of its volumes", lambda: remove_overlays(container))

    if container.state.held_volumes or thorough and container.config.volumes:
        from ..mounts import volume_use

        held = volume_use.held(container, thorough=thorough)
        attempts.attempt("its volumes, mounted", lambda: volume_use.release(container, held))


def _incomplete(container: ContainerBase, attempts: Attempts) -> CleanupIncomplete:
    """Return the error on what is left, and record it as an event: after an exit no task reports it."""
    before = f"container {container.name} is stopped, but its cleanup is incomplete: it still has"
    error = CleanupIncomplete(before, attempts.failed, "; its next task tries again")
    container.event("cleanup_failed", Error=" ".join(sentence(error).split()))
    return error


def _end_processes(container: ContainerBase, thorough: bool, delete: bool) -> None:
    """End conmon (first, so that it starts nothing more), an OCI runtime it may be running, and the container."""
    state = container.state
    if delete and state.restarter.pid:
        from .restart import end_waiting

        end_waiting(container)
    if container.adopted and not process.wait_end(state.conmon, _CONMON_SECONDS):
        # Its exit command, podman's, has inherited the sockets that hold the host ports.
        process.kill_session(state.conmon.pid)
    if thorough:
        process.kill_with_argument(
            container.id, (os.path.basename(container.host.parts.conmon_path), *container.oci.programs)
        )
    else:
        if not (delete or _exit_is_recorded(container)):
            process.wait_end(state.conmon, _CONMON_SECONDS)
        if not _stays(container, delete):
            process.send_signal(state.conmon, signal.SIGKILL)
    for path in (container.conmon_cgroup_path, container.cgroup_top):
        if hierarchy.exists(container.host.cgroups, path):
            hierarchy.kill(container.host.cgroups, path)
    if container.config.namespace_container(LinuxNS.PID) and os.path.isdir(container.run_dir):
        from ..._drivers.oci import exec_files

        # Another container's end waits for all processes of its PID namespace.
        exec_files.end_suspended(container.run_dir)
    # Such as the init of a PID namespace that waits for a process there which another program has not reaped.
    if not (delete or process.wait_end(state.process, _KILLED_SECONDS)):
        raise InvalidState(f"process {state.process.pid} has not ended after SIGKILL: it waits in the kernel")


def _exit_is_recorded(container: ContainerBase) -> bool:
    """Return whether conmon has nothing left to do but to wait for the exit command, which may wait for this process.

    The exit code may be known without it (``unreaped_exit_code``).
    """
    state = container.state
    recorded = os.path.exists(f"{container.run_dir}/exits/{container.id}")
    return state.exit_is_known and (recorded or not state.mounted)


def _stays(container: ContainerBase, delete: bool) -> bool:
    """Return whether conmon is left to end by itself, for a systemd unit that waits for its exit code.

    Its host ports are free at once. It ends with its exit command, or is killed by the container's next start.
    """
    state = container.state
    if delete or not state.mounted or not (process.alive(state.conmon) and conmon_cgroup.service(container)):
        return False
    if state.ports_in:
        from ..network import host_ports

        with suppress(OSError, LibpodError):  # it has just ended
            host_ports.release(container, ())
    return True


def _remove_log(container: ContainerBase) -> None:
    if container.log_path.startswith(f"{container.config.static_dir}/") and os.path.exists(container.log_path):
        failpoint("remove log")
        os.unlink(container.log_path)


def _remove_cgroups(container: ContainerBase, thorough: bool) -> None:
    attempts = Attempts()
    for path in (container.cgroup_top, container.conmon_cgroup_path):
        attempts.attempt(f"the cgroup {path}", partial(_remove_cgroup, container, path, thorough))
    if attempts.failed:
        raise CleanupIncomplete("the host still has", attempts.failed)
    if os.path.dirname(container.cgroup_top) == DEFAULT_CGROUP_PARENT:
        hierarchy.remove_if_empty(container.host.cgroups, DEFAULT_CGROUP_PARENT)


def _remove_cgroup(container: ContainerBase, path: str, thorough: bool) -> None:
    if hierarchy.exists(container.host.cgroups, path):
        hierarchy.remove(container.host.cgroups, path)
    if thorough and container.config.cgroup_manager == "systemd" and manager.systemd_runs():
        # Where its process died while the scope was made, systemd may never notice that the scope is empty.
        from ..._drivers.cgroups import systemd_units

        systemd_units.stop(os.path.basename(path))


def _remove_network(container: ContainerBase) -> None:
    if container.config.create_net_ns or container.config.namespace_container(LinuxNS.NET):
        from ..network import names

        names.forget(container)
    if container.config.own_net_ns:
        from ..network.setup import detach

        detach(container)


def _clear_run_dir(container: ContainerBase) -> None:
    """Remove this life's files; the state stays, into which the exit file has gone."""
    from ..._drivers.trees import removal

    failpoint("clear run directory")
    for name in os.listdir(container.run_dir):
        path = f"{container.run_dir}/{name}"
        # A root filesystem that is still mounted is the storage driver's: never empty it through its mount.
        # The health record outlasts the life, too.
        if name.startswith(("state.json", "health.json")) or os.path.ismount(path):
            continue
        removal.remove(path)
