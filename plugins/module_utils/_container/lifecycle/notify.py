# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sd_notify(3) to the process that started the engine, where its environment names a socket."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from ..._drivers.cgroups import hierarchy
from ..._model import caller
from ..._model.errors import LibpodError
from ..._model.failpoints import failpoint
from ..._model.records.config import ContainerConfig

if TYPE_CHECKING:
    from ..._model.records.state import ContainerState
    from ..base import ContainerBase

VARIABLE = "NOTIFY_SOCKET"
# Where the container finds conmon's socket, as podman's.
TARGET = "/run/notify"


def relayed(config: ContainerConfig) -> str:
    """Return the socket to which conmon relays the container's messages; empty for none that conmon can reach."""
    path = caller.environment.get(VARIABLE, "")
    return path if config.options["sdnotify"] == "container" and path.startswith("/") and os.path.exists(path) else ""


def adopt(container: ContainerBase, *, ready: bool) -> ContainerState:
    """Have the systemd unit that runs this process watch a container; ``ready``: the container is ready.

    conmon becomes the unit's main process, so that its end with the container's exit code is the unit's. It goes to
    the unit's cgroup, if it is not there yet, so that the journal has the container's output as the unit's.

    Return the container's state; one that has ended has nothing to watch.
    """
    if not container.state.status.has_process:
        _send("READY=1")
        return container.state
    if container.config.options["cgroups"] != "no-conmon":
        with suppress(LibpodError):  # it has just ended
            hierarchy.join(container.host.cgroups, container.state.conmon.pid)
    _send(_main_pid(container), *(["READY=1"] if ready else []))
    return container.state


def tell(container: ContainerBase) -> None:
    """Send the PID of the main process; with sdnotify=conmon also that the container is ready.

    A unit hears of its own container alone, once that runs (``adopt``), and of no dependency.
    """
    mode = container.config.options["sdnotify"]
    if not caller.unit_of and mode != "ignore":
        _send(_main_pid(container), *(["READY=1"] if mode == "conmon" else []))


def _main_pid(container: ContainerBase) -> str:
    return f"MAINPID={container.state.conmon.pid}"


def _send(*lines: str) -> None:
    """Send a message; as with sd_notify(3) itself, it is no error where nothing listens any more."""
    path = caller.environment.get(VARIABLE, "")
    if not path:
        return
    from socket import AF_UNIX, SOCK_DGRAM, socket

    failpoint("notify")
    with suppress(OSError), socket(AF_UNIX, SOCK_DGRAM) as stream:
        # An abstract socket (unix(7)) is written with an @.
        stream.connect("\0" + path[1:] if path.startswith("@") else path)
        stream.send("\n".join(lines).encode())
