# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""User namespaces that exist for their ID maps, as mount_setattr(2) takes them."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import Iterator, Mapping, NoReturn

from ..._model.failpoints import observe
from ..._model.id_map import IdMap
from . import syscalls

Maps = Mapping[str, list[IdMap]]  # by ``uid`` and ``gid``
_MADE = b"made"


@contextmanager
def mapped(maps: Maps) -> Iterator[int]:
    """Yield a descriptor of a new user namespace with these maps; no process is in it any more.

    :raises OSError: the kernel makes none, or refuses a map (user_namespaces(7)).
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    with open(reader, "rb") as answer:
        try:
            # unshare(2) takes no process with threads into a user namespace.
            child = os.fork()
            if child == 0:
                _child(writer)
        finally:
            os.close(writer)
        try:
            descriptor = _open(child, answer.read(len(_MADE)), maps)
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open(child: int, answer: bytes, maps: Maps) -> int:
    if answer != _MADE:
        number = int.from_bytes(answer, "little")
        raise OSError(number, f"unshare: {os.strerror(number)}")
    for kind, entries in maps.items():
        # In one write(2), which is all that the kernel takes.
        with open(f"/proc/{child}/{kind}_map", "w", encoding="ascii") as file:
            file.write("".join(f"{one.inside} {one.outside} {one.length}\n" for one in entries))
    return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)


def _child(writer: int) -> NoReturn:
    """Enter a new user namespace, say so, and wait to be killed, without running anything of the caller's."""
    try:
        observe(None)
        syscalls.die_with_parent(signal.SIGKILL)
        try:
            syscalls.unshare(syscalls.CLONE_NEWUSER)
            os.write(writer, _MADE)
        except OSError as error:
            os.write(writer, (error.errno or 0).to_bytes(len(_MADE), "little"))
        signal.pause()
    finally:
        os._exit(0)
