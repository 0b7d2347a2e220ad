# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run make in a root filesystem as if that had just booted: ``fresh ROOT CLONE CACHE TARGET...``, for .ci/fresh.

Mount, PID, network, UTS, IPC and cgroup namespaces are its own, as are /proc, /sys, /dev and /run. slirp4netns connects
the network namespace through the machine's sockets. Everything that runs there ends with its first process.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import traceback
from typing import Callable

from . import kernel
from .cgroup_tree import CgroupTree

NEWPID, NEWIPC = 0x20000000, 0x08000000
NAMESPACES = kernel.NEWNS | kernel.NEWNET | kernel.NEWUTS | kernel.NEWCGROUP | NEWPID | NEWIPC
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "kmsg", "fuse", "net/tun", "vda", "sda", "loop0")
# Of the machine's environment: how it reaches its package registries, and what make is to test.
KEPT = re.compile(r"(?i)(https?|no|all)_proxy|PIP_(CERT|INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|DEFAULT_TIMEOUT)|TESTS")
SCRIPT = 'cd "$1" && for target in "${@:2}"; do echo "# make $target"; make "$target" || exit; done'


def main(root: str, clone: str, cache: str, *targets: str) -> int:
    """Return make's exit status."""
    tree = CgroupTree(f"libpod-test-{os.getpid()}-0")
    (apart, is_apart), (connected, is_connected) = os.pipe(), os.pipe()
    command = ["bash", "-c", SCRIPT, "fresh", clone, *targets]
    try:
        pid = os.fork()
        if pid == 0:
            os.close(apart)
            _run(lambda: _host(tree, is_apart, connected), lambda: _first_process(root, cache, command))
        os.close(is_apart)
        if os.read(apart, 1):
            with _connection(pid, f"{cache}/slirp4netns.log") as connection:
                os.write(is_connected, b"1")
                status = os.waitpid(pid, 0)[1]
                connection.terminate()
        else:
            status = os.waitpid(pid, 0)[1]
        return os.waitstatus_to_exitcode(status)
    finally:
        tree.leave()


def _run(prepare: Callable[[], None], first: Callable[[], None]) -> None:
    """Prepare this child, run ``first`` in a child of its own, and exit with that one's status."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # with its parent
        prepare()
        pid = os.fork()
        if pid == 0:
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)
            first()
        code = abs(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _host(tree: CgroupTree, is_apart: int, connected: int) -> None:
    """Enter the namespaces and wait until the network is connected."""
    tree.join()
    kernel.unshare(NAMESPACES)
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    tree.show()
    os.write(is_apart, b"1")
    os.read(connected, 1)


def _connection(pid: int, log: str) -> subprocess.Popen[bytes]:
    """Return the slirp4netns that serves the network namespace of this process, once it does."""
    ready, is_ready = os.pipe()
    options = ["--configure", "--mtu=65520", "--disable-host-loopback", f"--ready-fd={is_ready}"]
    with open(log, "wb") as file:
        started = subprocess.Popen(
            ["slirp4netns", *options, str(pid), "tap0"], pass_fds=[is_ready], stdout=file, stderr=file
        )
    os.close(is_ready)
    assert os.read(ready, 1), f"slirp4netns cannot connect the network namespace; see {log}"
    return started


def _first_process(root: str, cache: str, command: list[str]) -> None:
    """Become process 1 of the fresh host."""
    socket.sethostname("fresh")
    _mount(root, cache)
    kept = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    # Of the tools that make env installs, most files are not imported there.
    own = {"HOME": "/root", "PATH": path, "TERM": "dumb", "PIP_NO_COMPILE": "1"}
    os.execve("/bin/bash", command, {**kept, **own})


def _mount(root: str, cache: str) -> None:
    """Make ``root`` the root directory, by system calls alone: mount(8) would leave its own /run/mount."""
    kernel.mount(root, root, flags=kernel.MS_BIND)
    kernel.mount("proc", f"{root}/proc", "proc")
    kernel.mount("sysfs", f"{root}/sys", "sysfs")
    kernel.mount("/sys/fs/cgroup", f"{root}/sys/fs/cgroup", flags=kernel.MS_BIND | kernel.MS_REC)
    kernel.mount("tmpfs", f"{root}/run", "tmpfs", options="mode=755")
    kernel.mount(f"{cache}/apt", f"{root}/var/cache/apt/archives", flags=kernel.MS_BIND)
    kernel.mount(f"{cache}/pip", f"{root}/root/.cache/pip", flags=kernel.MS_BIND)
    _make_devices(f"{root}/dev")
    os.chdir(root)
    kernel.pivot_root(".", ".")
    kernel.umount(".")
    os.chdir("/")


def _make_devices(folder: str) -> None:
    os.umask(0)
    kernel.mount("tmpfs", folder, "tmpfs", options="mode=755")
    os.mkdir(f"{folder}/net", 0o755)
    for name in DEVICES:
        if os.path.exists(f"/dev/{name}"):
            found = os.stat(f"/dev/{name}")
            os.mknod(f"{folder}/{name}", found.st_mode, found.st_rdev)
    for name, fstype, options in (
        ("pts", "devpts", "newinstance,ptmxmode=0666,mode=620"),
        ("shm", "tmpfs", "mode=1777"),
    ):
        os.mkdir(f"{folder}/{name}", 0o755)
        kernel.mount(fstype, f"{folder}/{name}", fstype, options=options)
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
    for name, target in links.items():
        os.symlink(target, f"{folder}/{name}")
    os.umask(0o022)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
