# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the boot of the systemd in a container has come, and why it came no further.

systemd answers no process outside the container's PID namespace, so that systemctl is run there. It is run once, when
systemd listens, and returns when the boot has ended.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from ..._drivers.kernel import securejoin
from ..._model.errors import LibpodError
from ..._model.records.status import ContainerStatus

if TYPE_CHECKING:
    from ..._model.records.process_ref import ProcessRef
    from ..base import ContainerBase

RUNNING, DEGRADED = "running", "degraded"
# The states in which a boot ends.
SETTLED = (RUNNING, DEGRADED, "maintenance")
_STATES = (*SETTLED, "initializing", "starting", "stopping")
_RECORD = "boot"
_SOCKET = "/run/systemd/private"  # there as soon as systemctl can ask
_SHOWN = 5  # failed units
_OUTPUT = 64 << 10  # bytes that are read of an answer
_LONGEST = 60.0  # seconds that the end of a boot is waited for by one command
_ANSWER = 10.0  # seconds for an answer that is not waited for
_INSTANCES = "fs.inotify.max_user_instances"
_SPARE = 8  # what one more systemd needs


def system_state(container: ContainerBase, seconds: float = 0) -> str:
    """Return the state of the system as systemctl prints it (is-system-running); empty where no systemd answers.

    During a boot that waits for its end, for at most ``seconds``. A boot that has ended well is recorded, so that it
    is not asked for again in the container's present life.
    """
    state = container.peek().state
    if state.status is not ContainerStatus.RUNNING:
        return ""
    if has_booted(container):
        return RUNNING
    if not _listens(container.proc):
        return ""
    question = ["systemctl", "is-system-running"]
    found = _printed(container, [*question, "--wait"], min(seconds, _LONGEST)) if seconds > 0 else ""
    found = (found or _printed(container, question, _ANSWER)).strip()
    if found == RUNNING:
        note_booted(container, state.process)
    return found if found in _STATES else ""


def note_booted(container: ContainerBase, life: ProcessRef) -> None:
    """Record that the boot of a life has ended well, without a lock: others that wait may do so at once."""
    with suppress(OSError):  # it is asked for again
        container.store.write_run_record(container.id, _RECORD, _record(life))


def has_booted(container: ContainerBase) -> bool:
    """Return whether a boot of the container's present life was seen to end well."""
    record = container.store.run_record(container.id, _RECORD)
    return isinstance(record, dict) and record.items() >= _record(container.state.process).items()


def _record(life: ProcessRef) -> dict[str, object]:
    return {"pid": life.pid, "start_time": life.start_time}


def complaint(container: ContainerBase, state: str) -> str:
    """Return the end of a sentence on a boot that has ended otherwise, with the units that failed."""
    listed = _printed(container, ["systemctl", "list-units", "--failed", "--plain", "--no-legend"], _ANSWER)
    units = sorted(line.split()[0] for line in listed.splitlines() if line.split())
    shown = ", ".join(units[:_SHOWN]) + (f" and {len(units) - _SHOWN} more" if len(units) > _SHOWN else "")
    failed = f", for {'these units' if len(units) > 1 else 'this unit'} failed: {shown}" if units else ""
    look = f"run 'libpod exec {container.name} journalctl --boot', and mask what a container does not need"
    return f"has booted and is {state}{failed}: {look}{exhausted()}"


def exhausted() -> str:
    """Return a hint at a limit of the host that too many systems have reached; empty where none is known.

    Each systemd has several inotify instances, and the kernel counts all of one user's.
    """
    from ..._drivers.kernel import inotify

    if inotify.has_room(_SPARE):
        return ""
    return (
        f"; the host has no inotify instances left for it: raise the sysctl {_INSTANCES} above {_limit()}, to 1024 for "
        "instance"
    )


def _limit() -> str:
    with open(f"/proc/sys/{_INSTANCES.replace('.', '/')}", encoding="ascii") as file:
        return file.read(32).strip()


def _listens(proc: str) -> bool:
    try:
        held, missing = securejoin.way_to(f"{proc}/root", _SOCKET)
    except OSError:
        return False
    os.close(held)
    return not missing


def _printed(container: ContainerBase, argv: list[str], seconds: float) -> str:
    """Return what a command in the container prints, empty where it cannot be run; it never outlives this process."""
    from ..._drivers.command import Kept
    from ..._drivers.oci.exec_streams import Streams
    from ..._drivers.streams import Sink
    from ..io.exec import Exec
    from ..io.guarded import Guarded

    out, err = Kept(_OUTPUT), Kept(_OUTPUT)
    guarded = Guarded(container)
    # As root, and not the container's user: also in an image with another one.
    wanted = Exec(argv, {"LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}, user="0", timeout=seconds)
    try:
        guarded.execute(wanted, Streams(Sink(out.add), Sink(err.add)))
    except (LibpodError, FileNotFoundError):
        return ""  # it ends, is removed or is paused meanwhile, which the next look at it tells
    finally:
        guarded.close()
    return out.content().decode(errors="replace")
