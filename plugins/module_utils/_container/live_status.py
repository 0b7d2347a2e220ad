# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actual status of a container, from /proc, the freezer and conmon's exit file; no program is started."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional

from .._drivers import process
from .._drivers.cgroups import manager
from .._drivers.host import Host
from .._model.records.config import ContainerConfig
from .._model.records.process_ref import ProcessRef
from .._model.records.state import EXIT_UNKNOWN, ContainerState
from .._model.records.status import ContainerStatus

if TYPE_CHECKING:
    from .._model.records.state import StateChanges

_NUMBER_BYTES = 32  # of a file that has one number
# conmon writes the exit file within milliseconds of reaping the container, later on a busy host. A stuck one is not
# waited for: what is shown changes with the next look, and what is recorded stays.
SHOWN_SECONDS, RECORDED_SECONDS = 3.0, 15.0
_KILLED = 128 + 9


def observe(
    config: ContainerConfig,
    recorded: Optional[ContainerState],
    host: Host,
    run_dir: str,
    last_exit: Callable[[], Mapping[str, Any]],
    seconds: float,
) -> ContainerState:
    """Return the actual state, from the recorded one (None where there is none).

    ``last_exit`` returns the exit code, times and OOM flag of the run before. An ended container's exit file is waited
    for up to ``seconds``.
    """
    if recorded is None or recorded.boot_id != host.boot_id:
        if recorded is not None and recorded.status is ContainerStatus.UNKNOWN and not recorded.boot_id:
            return recorded
        return ContainerState(boot_id=host.boot_id, run_dir=run_dir, **last_exit())
    if not recorded.status.has_process:
        return recorded
    if process.alive(recorded.process):
        return recorded._replace(**_living(config, recorded, host))
    return recorded._replace(**_ending(config, recorded, host, run_dir, seconds))


def _living(config: ContainerConfig, recorded: ContainerState, host: Host) -> StateChanges:
    oci, created = host.oci_of(config), recorded.status is ContainerStatus.CREATED
    if oci.unstarted(config.id, created):
        return {"status": ContainerStatus.CREATED}
    if created and oci.start_interrupted(config.id):
        return {"status": ContainerStatus.UNKNOWN}  # the next operation takes it down
    frozen = manager.frozen(host.cgroups, cgroup_path(config, host))
    return {
        "status": ContainerStatus.PAUSED if frozen else ContainerStatus.RUNNING,
        # The engine was killed between the start and its record: now is the best guess.
        "started_time": recorded.started_time or timestamp(),
    }


def cgroup_path(config: ContainerConfig, host: Host) -> str:
    """Return the cgroup, below the mounts, with a container's limits and processes."""
    path = manager.container_path(config.cgroup_manager, config.cgroup_parent, config.id)
    if config.cgroup_manager == "systemd" and host.cgroups.unified:
        path += host.oci_of(config).subgroup(config.options["annotation"])
    return path


def _ending(
    config: ContainerConfig, recorded: ContainerState, host: Host, run_dir: str, seconds: float
) -> StateChanges:
    path = f"{run_dir}/exits/{config.id}"
    code: Optional[int]
    looked = time.monotonic()
    while True:
        conmon_lives = process.alive(recorded.conmon)
        try:
            with open(path, encoding="utf-8") as file:
                # conmon writes -1 for a container that it ended at its timeout, which podman shows as 255.
                code, finished = int(file.read(_NUMBER_BYTES)) & 0xFF, os.stat(path).st_mtime
            break
        except (FileNotFoundError, ValueError):
            # conmon may be held up, by one who does not read what the container has printed.
            code, finished = process.unreaped_exit_code(recorded.process), time.time()
        if not conmon_lives or time.monotonic() > looked + (seconds if code is None else SHOWN_SECONDS):
            break
        time.sleep(0.002)
    began = recorded.process.start_time / os.sysconf("SC_CLK_TCK")
    ran = round(time.clock_gettime(time.CLOCK_BOOTTIME) - began, 3)
    oom = os.path.exists(f"{run_dir}/persist/oom")
    if not oom and code == _KILLED and config.cgroup_manager == "systemd":
        from .._drivers.kernel import kmsg

        # systemd removes an empty scope at once, with the files that conmon reads.
        oom = kmsg.oom_killed(cgroup_path(config, host), began)
    return {
        "status": ContainerStatus.EXITED,
        "process": ProcessRef(),
        "exit_code": EXIT_UNKNOWN if code is None else code,
        "finished_time": timestamp(finished),
        "oom_killed": oom,
        "ran": ran,
    }


def timestamp(seconds: Optional[float] = None) -> str:
    """Return ``seconds`` since the epoch, or now, in RFC 3339 with microseconds and the UTC offset."""
    # Rounded, so that a time which was read from such a text gives the same text.
    whole, fraction = divmod(round((time.time() if seconds is None else seconds) * 1e6), 10**6)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{fraction:06d}+00:00"
