# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attach to a container's standard streams, which conmon shares through a socket."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from ..._model.errors import InvalidArgument, InvalidState

if TYPE_CHECKING:
    from socket import socket

    from ..base import ContainerBase

# conmon's STDIO_BUF_SIZE, and the byte before it that names the stream.
_PACKET = 8192 + 1
_STREAMS = {2: "stdout", 3: "stderr"}


class Attached(NamedTuple):
    """Output while attached; ``ended`` is whether the container closed its output in that time."""

    stdout: bytes
    stderr: bytes
    ended: bool


def attach(container: ContainerBase, input: bytes, seconds: float) -> Attached:
    """Write ``input`` to standard input, then close it, and read for at most ``seconds``; the lock is free during it.

    Earlier output is in the log only. Without ``input``, standard input stays as it is.

    :raises InvalidState: it is neither created nor running. :raises InvalidArgument: ``input`` for a container that was
        not made with interactive.
    """
    with container.batch():
        container.state.status.check("attach", container.name)
        if input and not container.config.options["interactive"]:
            raise InvalidArgument(f"container {container.name} has no standard input: make it with interactive: true")
        stream = connect(container)
    with stream:
        deadline = time.monotonic() + seconds
        if input:
            _send(stream, input, seconds)
        return _receive(stream, deadline)


def connect(container: ContainerBase) -> socket:
    """Return a socket to the container's conmon. :raises InvalidState: conmon does not answer."""
    from socket import AF_UNIX, SOCK_SEQPACKET, socket

    stream = socket(AF_UNIX, SOCK_SEQPACKET)
    # A socket's address has at most 108 bytes (unix(7)), fewer than the path below many run roots.
    folder = os.open(container.run_dir, os.O_PATH | os.O_DIRECTORY)
    try:
        stream.connect(f"/proc/self/fd/{folder}/attach")
    except OSError as error:
        stream.close()
        raise InvalidState(
            f"container {container.name} cannot be attached to: its conmon does not answer ({error.strerror})"
        ) from error
    finally:
        os.close(folder)
    return stream


def _send(stream: socket, data: bytes, seconds: float) -> None:
    from socket import SHUT_WR

    stream.settimeout(seconds)
    for start in range(0, len(data), _PACKET - 1):
        stream.send(data[start : start + _PACKET - 1])
    stream.shutdown(SHUT_WR)


def _receive(stream: socket, deadline: float) -> Attached:
    from socket import timeout  # TimeoutError itself only since Python 3.10

    output: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
    ended = False
    while not ended and (left := deadline - time.monotonic()) > 0:
        stream.settimeout(left)
        try:
            name, data = received(stream)
        except timeout:
            break
        ended = not name
        if name in output:
            output[name].append(data)
    return Attached(b"".join(output["stdout"]), b"".join(output["stderr"]), ended)


def received(stream: socket) -> tuple[str, bytes]:
    """Return the next piece of output and its stream's name, two empty values at the end.

    :raises timeout: none comes within the socket's time.
    """
    from socket import timeout

    try:
        packet = stream.recv(_PACKET)
    except timeout:
        raise
    except OSError:
        packet = b""
    return (_STREAMS.get(packet[0], "other"), packet[1:]) if packet else ("", b"")
