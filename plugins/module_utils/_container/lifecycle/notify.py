# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sd_notify(3) to the process that started the engine, where its environment names a socket."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..._model import caller
from ..._model.failpoints import failpoint
from ..._model.records.config import ContainerConfig

if TYPE_CHECKING:
    from ..base import ContainerBase

VARIABLE = "NOTIFY_SOCKET"
# Where the container finds conmon's socket, as podman's.
TARGET = "/run/notify"


def relayed(config: ContainerConfig) -> str:
    """Return the socket to which conmon relays the container's messages; empty for none that conmon can reach."""
    path = caller.environment.get(VARIABLE, "")
    return path if config.options["sdnotify"] == "container" and path.startswith("/") and os.path.exists(path) else ""


def tell(container: ContainerBase) -> None:
    """Send the PID of the main process; with sdnotify=conmon also that the container is ready.

    As with sd_notify(3) itself, it is no error where nothing listens any more.
    """
    path, mode = caller.environment.get(VARIABLE, ""), container.config.options["sdnotify"]
    if not path or mode == "ignore":
        return
    from socket import AF_UNIX, SOCK_DGRAM, socket

    lines = [f"MAINPID={container.state.conmon.pid}", *(["READY=1"] if mode == "conmon" else [])]
    failpoint("notify")
    try:
        with socket(AF_UNIX, SOCK_DGRAM) as stream:
            # An abstract socket (unix(7)) is written with an @.
            stream.connect("\0" + path[1:] if path.startswith("@") else path)
            stream.send("\n".join(lines).encode())
    except OSError:
        pass
