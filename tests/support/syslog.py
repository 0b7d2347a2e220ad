# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test host's own syslog and journal: sockets that keep what is sent to them."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Iterator

from . import kernel

JOURNAL = "/run/systemd/journal/socket"


class Log:
    """The messages that a datagram socket has been sent so far."""

    def __init__(self, path: str) -> None:
        # Ansible's own log call waits for room. The limit is the test host's, by its network namespace.
        with open("/proc/sys/net/unix/max_dgram_qlen", "w", encoding="ascii") as file:
            file.write("4096")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        self._socket.setblocking(False)
        self._messages: list[str] = []

    @property
    def messages(self) -> list[str]:
        """All messages, the oldest first."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._messages.append(self._socket.recv(1 << 16).decode(errors="replace"))
        return list(self._messages)

    @property
    def engine(self) -> list[str]:
        """Those of the engine's background commands, and not Ansible's of a module."""
        return [
            message for message in self.messages if " libpod[" in message or "SYSLOG_IDENTIFIER=libpod\n" in message
        ]

    def __str__(self) -> str:
        return "\n".join(self.messages)

    def close(self) -> None:
        """Keep the messages and take no more."""
        _last = self.messages
        self._socket.close()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)


@contextlib.contextmanager
def syslog() -> Iterator[Log]:
    """Yield what is sent to ``/dev/log``, in a ``/dev`` over the machine's."""
    for folder in ("upper", "work"):
        os.makedirs(f"/run/libpod-test/dev/{folder}")
    layers = "lowerdir=/dev,upperdir=/run/libpod-test/dev/upper,workdir=/run/libpod-test/dev/work"
    kernel.mount("test-host", "/dev", "overlay", options=layers)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink("/dev/log")
        with contextlib.closing(Log("/dev/log")) as log:
            yield log
    finally:
        kernel.umount("/dev")


@contextlib.contextmanager
def journal() -> Iterator[Log]:
    """Yield what is sent to journald's socket for native messages."""
    os.makedirs(os.path.dirname(JOURNAL))
    try:
        with contextlib.closing(Log(JOURNAL)) as log:
            yield log
    finally:
        os.unlink(JOURNAL)
        os.removedirs(os.path.dirname(JOURNAL))
