# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces kept alive by a bind mount on a file, as ip-netns(8) does.

No program is run and no netlink library is loaded. A thread of its own enters the namespace, does its work there and
ends, so the calling thread never leaves the host's network.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import Callable, Iterator, TypeVar

from ..._model.failpoints import failpoint
from .. import process
from . import syscalls

_T = TypeVar("_T")
_IP_NETNS_DIR = "/run/netns"


def exists(path: str) -> bool:
    """Return whether a namespace is mounted at ``path``: all of nsfs is one device, our own namespaces included."""
    try:
        return os.stat(path).st_dev == os.stat("/proc/self/ns/net").st_dev
    except OSError:
        return False


def create(path: str) -> None:
    """Create a network namespace with its loopback up, and keep it at ``path``; an existing one stays.

    :raises OSError: the kernel or the file system refuses.
    """

    def new() -> None:
        syscalls.unshare(syscalls.CLONE_NEWNET)
        _set_link("lo", up=True)
        syscalls.mount("/proc/thread-self/ns/net", path, flags=syscalls.MS_BIND)

    _keep(path, new)


@contextlib.contextmanager
def temporary() -> Iterator[str]:
    """Yield the path of a new network namespace, which ends with this context, and with this process.

    Its links get no IPv6 address by themselves. So one with the MAC of another link has not the address of that, whose
    duplicate address detection would fail.

    :raises OSError: the kernel refuses.
    """

    def new() -> int:
        syscalls.unshare(syscalls.CLONE_NEWNET)
        _set_link("lo", up=True)
        try:
            with open("/proc/sys/net/ipv6/conf/default/addr_gen_mode", "w", encoding="ascii") as file:
                file.write("1")  # IN6_ADDR_GEN_MODE_NONE of <linux/if_link.h>
        except FileNotFoundError:
            pass  # a kernel without IPv6
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    descriptor = in_thread(new)
    try:
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)


def set_down(path: str, interface: str) -> None:
    """Set an interface of the namespace at ``path`` down: a bridge then forgets what it has learned from its peer.

    :raises OSError: there is no such interface or namespace.
    """
    run_inside(path, lambda: _set_link(interface, up=False))


def adopt(path: str, pid: int) -> None:
    """Keep the namespace of the live process ``pid`` at ``path``, after ``ip netns del`` took the file away.

    :raises OSError: there is no such process, or the kernel refuses.
    """
    source = f"/proc/{process.living_thread(pid)}/ns/net"
    _keep(path, lambda: syscalls.mount(source, path, flags=syscalls.MS_BIND))


def delete(path: str) -> None:
    """Unmount the namespace at ``path`` and remove the file, where they exist.

    :raises OSError: the kernel or the file system refuses.
    """
    while exists(path):
        try:
            syscalls.umount(path, syscalls.MNT_DETACH)
        except OSError:
            if exists(path):  # else another process was faster
                raise
    if os.path.lexists(path):
        failpoint(f"unlink {os.path.basename(path)}")
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass


def addresses(path: str) -> dict[str, set[str]]:
    """Return the interfaces of the namespace at ``path`` and the IP addresses of each, in a millisecond.

    :raises OSError: there is no namespace at ``path``.
    """
    return run_inside(path, _addresses)


def run_inside(path: str, function: Callable[[], _T]) -> _T:
    """Call ``function`` in the namespace at ``path`` (or ``/proc/PID/ns/net``) and return its result.

    :raises OSError: there is no namespace at ``path``.
    """

    def entered() -> _T:
        syscalls.setns(path, syscalls.CLONE_NEWNET)
        return function()

    return in_thread(entered)


def in_thread(function: Callable[[], _T]) -> _T:
    """Call a function in a thread that it may change. :raises HostExhausted: the host has no thread left."""
    results: list[_T] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            results.append(function())
        except BaseException as error:  # pylint: disable=broad-exception-caught
            errors.append(error)

    thread = threading.Thread(target=body)
    process.start_thread(thread)
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _keep(path: str, mount: Callable[[], None]) -> None:
    """Create the file at ``path`` and have ``mount`` put a namespace on it, once among concurrent processes."""
    if exists(path):
        return
    import fcntl

    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        failpoint("make the namespaces' directory")
        os.makedirs(folder, 0o755, exist_ok=True)
    if folder == _IP_NETNS_DIR:
        _share(folder)
    if not os.path.exists(path):
        failpoint(f"make {os.path.basename(path)}")
    # An empty file of a killed run is used.
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if not exists(path):
            in_thread(mount)
    finally:
        os.close(descriptor)


def _share(folder: str) -> None:
    """Prepare the directory shared with ip-netns(8) as that does, where mounts in it do not propagate yet.

    The first use by ip-netns(8) binds the directory on itself with the mounts below. A private namespace mount of ours
    would then exist twice, one hidden and impossible to unmount. Where /run is shared, as systemd's is, the two are
    peers and go together. A directory of our own needs none of this.
    """
    shared = False
    longest = ""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            fields = line.split(" - ")[0].split()
            above = fields[4] in ("/", folder) or folder.startswith(f"{fields[4]}/")
            if above and len(fields[4]) >= len(longest):
                longest, shared = fields[4], any(field.startswith("shared:") for field in fields[6:])
    if shared:
        return
    if longest != folder:
        syscalls.mount(folder, folder, flags=syscalls.MS_BIND | syscalls.MS_REC)
    syscalls.mount("", folder, flags=syscalls.MS_SHARED | syscalls.MS_REC)


def _set_link(name: str, *, up: bool) -> None:
    """Set a link of the calling thread's namespace up or down; netdevice(7)."""
    import fcntl
    import socket
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8914, struct.pack("16sh14x", name.encode(), int(up)))  # SIOCSIFFLAGS, IFF_UP


def _addresses() -> dict[str, set[str]]:
    """Return ``addresses`` of the calling thread's namespace: SIOCGIFCONF of netdevice(7), and proc_net(5) for IPv6."""
    import array
    import fcntl
    import socket
    import struct

    addresses: dict[str, set[str]] = {name: set() for _index, name in socket.if_nameindex()}
    size = 24 + 2 * struct.calcsize("P")  # struct ifreq
    entries = array.array("B", bytes(size * 256))
    request = struct.pack("iP", len(entries), entries.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        used, _pointer = struct.unpack("iP", fcntl.ioctl(control, 0x8912, request))
    for start in range(0, used, size):
        entry = entries[start : start + size].tobytes()
        addresses.setdefault(entry[:16].split(b"\0")[0].decode(), set()).add(socket.inet_ntoa(entry[20:24]))
    try:
        with open("/proc/thread-self/net/if_inet6", encoding="utf-8") as file:
            for fields in map(str.split, file):
                address = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(fields[0]))
                addresses.setdefault(fields[5], set()).add(address)
    except FileNotFoundError:
        pass  # a kernel without IPv6
    return addresses
