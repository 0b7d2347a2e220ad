# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's log: what the background commands do and fail at, in the journal or in syslog.

Only a process that has called ``enable`` logs: a module and the operator's command report to their caller. A message
is one datagram. It never blocks and never fails; where no socket takes it, it is lost. Messages are the sentences that
a task's result would have: never a container's output, a variable's value or a secret.
"""

from __future__ import annotations

import os
import time
from typing import Callable

from .._model.errors import printable, sentence, shortened
from .._model.failpoints import failpoint

VARIABLE = "LIBPOD_LOG_LEVEL"
DEFAULT = "warn"
# podman's levels, with the priorities of syslog(3). The engine itself logs nothing above ``error``.
PRIORITIES = {"debug": 7, "info": 6, "warn": 4, "error": 3, "fatal": 2, "panic": 0}
JOURNAL, SYSLOG = "/run/systemd/journal/socket", "/dev/log"
_IDENTIFIER, _DAEMON = "libpod", 3  # the facility of syslog(3)
_LENGTH = 4000  # characters of a message: syslog daemons cut what is longer than 8 KiB
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # RFC 3164, in no locale

_threshold = -1
_about = {"COMMAND": "", "CONTAINER_NAME": "", "CONTAINER_ID": ""}


def enable(command: str) -> None:
    """Log from now on what the background command does, from the level of ``LIBPOD_LOG_LEVEL`` on."""
    global _threshold
    level = os.environ.get(VARIABLE) or DEFAULT
    _threshold = PRIORITIES.get(level, PRIORITIES[DEFAULT])
    about(command=command)
    if level not in PRIORITIES:
        write("warn", f"{VARIABLE}: {level!r} is not a level, {DEFAULT} is used: expected {', '.join(PRIORITIES)}")


def disable() -> None:
    """Log no more."""
    global _threshold
    _threshold = -1


def environment() -> dict[str, str]:
    """Return the variable that gives a process started by this one the same level."""
    return {VARIABLE: os.environ[VARIABLE]} if os.environ.get(VARIABLE) else {}


def about(name: str = "", container_id: str = "", *, command: str = "") -> None:
    """Set the container that later messages are about, and the command that logs them."""
    _about.update(CONTAINER_NAME=name, CONTAINER_ID=container_id, COMMAND=command or _about["COMMAND"])


def write(level: str, message: str) -> None:
    """Log a message of one of the levels in ``PRIORITIES``."""
    priority = PRIORITIES[level]
    if priority > _threshold:
        return
    failpoint(f"log {level}")
    text = shortened(printable(" ".join(message.split()), ""), _LENGTH)
    if not _send(JOURNAL, lambda: _native(priority, text)):
        _send(SYSLOG, lambda: _syslog(priority, text))


def write_error(error: BaseException, after: str = "") -> None:
    """Log an error, and what follows from it."""
    write("error", sentence(error) + after)


def _native(priority: int, text: str) -> str:
    """Return a message of journald's native protocol.

    Not in the fields of conmon's messages: ``CONTAINER_ID_FULL`` selects a container's own output.
    """
    fields = {"MESSAGE": _subject() + text, "PRIORITY": priority, "SYSLOG_IDENTIFIER": _IDENTIFIER}
    fields.update({f"LIBPOD_{key}": value for key, value in _about.items() if value})
    return "".join(f"{key}={value}\n" for key, value in {**fields, "SYSLOG_FACILITY": _DAEMON}.items())


def _syslog(priority: int, text: str) -> str:
    """Return a message as syslog(3) sends it."""
    now = time.localtime()
    date = f"{_MONTHS[now.tm_mon - 1]} {now.tm_mday:2} {now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02}"
    return f"<{_DAEMON * 8 + priority}>{date} {_IDENTIFIER}[{os.getpid()}]: {_subject()}{text}"


def _subject() -> str:
    name, container_id = _about["CONTAINER_NAME"], _about["CONTAINER_ID"][:12]
    container = f"{name} ({container_id})" if name and container_id else name or container_id
    return "".join(f"{part}: " for part in (_about["COMMAND"], container) if part)


def _send(path: str, message: Callable[[], str]) -> bool:
    """Send one datagram to a socket, and return whether it took it."""
    import socket

    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
            log.setblocking(False)
            log.connect(path)
            log.send(message().encode(errors="replace"))
    except (OSError, ValueError):
        return False
    return True
