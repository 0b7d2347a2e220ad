# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets that another process holds for us, and that we change from outside.

They are in flight (unix(7), SCM_RIGHTS) in a socket pair of which that process has inherited both ends. A process that
may trace it copies the ends (pidfd_getfd(2)), and puts sockets in or takes them out. A socket in flight is open, so
its port is in use; a socket that is taken out and closed frees its port at once.
"""

from __future__ import annotations

import os
import socket
import struct
from contextlib import contextmanager
from typing import Iterator

from ..._model.failpoints import failpoint

Pair = tuple[socket.socket, socket.socket]
# <asm-generic/socket.h>
_SO_SNDBUFFORCE, _SO_PEEK_OFF = 32, 42
_LABEL_BYTES = 256
_QUEUE_BYTES = 1 << 26


def pair() -> Pair:
    """Return the end where sockets are put in, and the end where they are taken out."""
    way_in, way_out = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # A range may have thousands of ports, and the default buffer takes some hundred.
    way_in.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _QUEUE_BYTES)
    return way_in, way_out


@contextmanager
def of_process(pid: int, numbers: tuple[int, int]) -> Iterator[Pair]:
    """Enter with copies of the pair that the process has at these descriptors.

    :raises OSError: there is no such process or descriptor, or the kernel is older than 5.6.
    """
    from .. import process
    from ..kernel import syscalls

    handle = process.handle(pid)
    ends: list[socket.socket] = []
    try:
        ends += [socket.socket(fileno=syscalls.pidfd_getfd(handle, number)) for number in numbers]
        yield ends[0], ends[1]
    finally:
        os.close(handle)
        for end in ends:
            end.close()


def put(way_in: socket.socket, label: str, held: socket.socket | int) -> None:
    """Hold a copy of a socket under a label of at most 256 bytes; the caller closes its own descriptor."""
    number = held if isinstance(held, int) else held.fileno()
    socket.send_fds(way_in, [label.encode()], [number], socket.MSG_DONTWAIT)


def labels(way_out: socket.socket) -> list[str]:
    """Return the labels of the held sockets, in order, without taking one out."""
    way_out.setsockopt(socket.SOL_SOCKET, _SO_PEEK_OFF, 0)
    held = []
    while True:
        label, descriptors = _receive(way_out, socket.MSG_PEEK)
        for descriptor in descriptors:
            os.close(descriptor)
        if not label:
            break
        held.append(label)
    way_out.setsockopt(socket.SOL_SOCKET, _SO_PEEK_OFF, -1)
    return held


def keep(held: Pair, wanted: set[str]) -> None:
    """Release all but one socket of each wanted label, which stays held at every moment."""
    way_in, way_out = held
    present, kept = labels(way_out), set()
    if set(present) <= wanted and len(set(present)) == len(present):
        return
    for label in present:
        if label in wanted and label not in kept:
            kept.add(label)
            # A copy goes to the end before the one at the front is taken.
            _label, descriptors = _receive(way_out, socket.MSG_PEEK)
            put(way_in, label, descriptors[0])
            os.close(descriptors[0])
        failpoint("let go of a socket")
        for descriptor in _receive(way_out, 0)[1]:
            os.close(descriptor)


def _receive(way_out: socket.socket, flags: int) -> tuple[str, list[int]]:
    """Receive one message; an empty label where there is none, for which socket.recv_fds would wait."""
    flags |= socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
    try:
        label, ancillary, _flags, _address = way_out.recvmsg(_LABEL_BYTES, socket.CMSG_LEN(4), flags)
    except BlockingIOError:
        return "", []
    return label.decode(), [struct.unpack("i", data[:4])[0] for _level, _kind, data in ancillary]
