# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The system calls a test host is made with, which Python 3.9's os lacks."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import struct
import time

NEWNS, NEWCGROUP, NEWUTS, NEWNET = 0x00020000, 0x02000000, 0x04000000, 0x40000000
KINDS = {"mnt": NEWNS, "cgroup": NEWCGROUP, "uts": NEWUTS, "net": NEWNET}
HUGE, MADV_COLLAPSE = 2 << 20, 25
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 0x20, 0x1000, 0x4000, 0x40000, 2

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, doing: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{doing}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """unshare(2) for the calling thread."""
    _checked(_libc.unshare(ctypes.c_int(flags)), "unshare")


def setns(fd: int, kind: int) -> None:
    """setns(2); a mount namespace can be entered only while no other thread shares this one's file system state."""
    _checked(_libc.setns(ctypes.c_int(fd), ctypes.c_int(kind)), "setns")


def mount(source: str, target: str, fstype: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2)."""
    words = (source.encode(), target.encode(), fstype.encode() or None, ctypes.c_ulong(flags), options.encode() or None)
    _checked(_libc.mount(*words), f"mount {target}")


def umount(target: str, flags: int = MNT_DETACH) -> None:
    """umount2(2)."""
    _checked(_libc.umount2(target.encode(), ctypes.c_int(flags)), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    """pivot_root(2)."""
    _checked(_libc.pivot_root(new.encode(), old.encode()), f"pivot_root {new}")


def lose_root(user: int) -> None:
    """Become another user for good, but for the files: the tree may lie where only root can read it."""
    os.setresuid(user, user, 0)
    _libc.setfsuid(0)


def use_huge_pages() -> None:
    """Have huge pages hold this process's memory where the kernel can do so: a fork then copies a fraction of the time.

    A page that is written to after a fork is copied by itself, as before.
    """
    with open("/proc/self/maps", encoding="utf-8") as file:
        areas = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw-p 0+ 00:00 0 +(?:\[heap\])?$", file.read(), re.M)
    for first, last in areas:
        begin, end = -(-int(first, 16) // HUGE) * HUGE, int(last, 16) // HUGE * HUGE
        if begin < end:
            # Without effect before Linux 6.1, and where there are no huge pages.
            _libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), ctypes.c_int(MADV_COLLAPSE))


def forbid(number: int, error: int, *, argument: int = 0, bits: int = 0) -> None:
    """Have a system call, where ``bits`` are given only with one of them in that argument, end with this errno.

    For this process and all that it starts (seccomp(2)): what a kernel without the call, or the flag, says.
    """
    load, equal, any_bit, done = 0x20, 0x15, 0x45, 0x06  # BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ or JSET, BPF_RET
    allow, refuse = 0x7FFF0000, 0x00050000 | error
    program = [(load, 0, 0, 0), (equal, 0, 3 if bits else 1, number)]
    program += [(load, 0, 0, 16 + 8 * argument), (any_bit, 0, 1, bits)] if bits else []
    program += [(done, 0, 0, refuse), (done, 0, 0, allow)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in program))
    filters = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    _checked(_libc.prctl(22, ctypes.c_ulong(2), filters), "prctl(PR_SET_SECCOMP)")


def _enter(fd: int, kind: int) -> None:
    """Enter a namespace, once threads have gone that ended before: until then they share the file system state."""
    deadline = time.monotonic() + 10.0
    while True:
        try:
            return setns(fd, kind)
        except OSError as error:
            if error.errno != errno.EINVAL or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


class Namespaces:
    """The calling thread's namespaces at the time it was made, to come back to."""

    def __init__(self) -> None:
        self._fds = {kind: os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in KINDS}

    def enter(self) -> None:
        """Enter them all; the working directory becomes / on the way and is then put back where it still exists."""
        folder = os.getcwd()
        for kind, fd in self._fds.items():
            _enter(fd, KINDS[kind])
        os.chdir(folder if os.path.isdir(folder) else "/")

    def command(self, *kinds: str) -> list[str]:
        """Return the command prefix that runs a program in those of them of these kinds."""
        names = {"mnt": "mount", "net": "net"}
        return ["nsenter", *(f"--{names[kind]}=/proc/{os.getpid()}/fd/{self._fds[kind]}" for kind in kinds), "--"]

    def close(self) -> None:
        for fd in self._fds.values():
            os.close(fd)
        self._fds = {}
