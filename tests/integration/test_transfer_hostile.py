# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file written or read in a container that does not want that: no link leads out, and nothing but a file is opened.

And transfers of any size, at once, and killed.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import itertools
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.container import Container
from ansible_collections.libpod.engine.plugins.module_utils._container.rootfs import transfer
from ansible_collections.libpod.engine.plugins.module_utils._container.rootfs.transfer import TransferFailed
from ansible_collections.libpod.engine.plugins.module_utils._drivers.process import start_time
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import ContainerStopped
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import (
    PATIENCE,
    WAITING,
    Process,
    eventually,
    in_background,
)

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}
USERNS: dict[str, Any] = {"uidmap": ["0:100000:65536"], "gidmap": ["0:200000:65536"]}
CONTENT = b"from the host\n" * 3000
# A device number without a driver: opening it fails by ENXIO, which nothing else does here.
NO_DEVICE = (240, 7)


def _container(host: Host, **options: Any) -> tuple[Container, Process]:
    made = host.container("c", **{**OPTIONS, **options})
    assert not made.failed, made
    return Runtime(host.parts).container("c"), Process(made)


def _inside(process: Process, script: str) -> None:
    done = process.run("sh", "-ec", script)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def source(host: Host, tmp_path: Path) -> str:
    """Return a host file."""
    (tmp_path / "source").write_bytes(CONTENT)
    return f"{tmp_path}/source"


def _number(call: Callable[[], object]) -> int:
    """Return the error's number, 0 where there is none."""
    try:
        call()
    except TransferFailed as error:
        return error.errno
    return 0


@pytest.mark.parametrize("userns", [{}, USERNS])
@pytest.mark.parametrize(
    ("link", "inside"),
    [
        ("/../../../etc/shadow-of-test", "etc/shadow-of-test"),
        ("../../../../../../etc/shadow-of-test", "etc/shadow-of-test"),
        ("/etc/shadow-of-test", "etc/shadow-of-test"),
        ("/proc/1/root/etc/shadow-of-test", "etc/shadow-of-test"),
        ("/proc/1/cwd/../../etc/shadow-of-test", "etc/shadow-of-test"),
        ("/dev/../etc/./shadow-of-test", "etc/shadow-of-test"),
    ],
)
def test_link_is_followed_inside_of_the_container(
    host: Host, source: str, link: str, inside: str, userns: dict[str, Any]
) -> None:
    container, process = _container(host, **userns)
    outside = "/etc/shadow-of-test"  # of the test host
    with open(outside, "w", encoding="ascii") as file:
        file.write("the host's")
    try:
        _inside(process, f"ln -s {link} /root/x")
        for _time in ("it is made through the link", "it is emptied through the link"):
            container.put_file(source, "/root/x")
            with open(process.path(f"root/{inside}"), "rb") as inner, open(outside, encoding="ascii") as outer:
                assert (inner.read(), outer.read()) == (CONTENT, "the host's")
        container.fetch_file("/root/x", f"{source}-back")
        with open(f"{source}-back", "rb") as inner:
            assert inner.read() == CONTENT
    finally:
        os.unlink(outside)


@pytest.mark.parametrize(
    ("link", "number"),
    [
        ("x", errno.ELOOP),
        ("/proc/self/root/etc/hosts", errno.ENOENT),  # the engine has no number in the container
        ("/proc/self/fd/0", errno.ENOENT),
        ("/proc/thread-self/root", errno.ENOENT),
        ("/proc/1/fd/0", None),
        ("/proc/1/exe", None),
    ],
)
def test_link_of_the_kernels_is_no_way_out(host: Host, source: str, link: str, number: Any) -> None:
    container, process = _container(host, cap_add=["SYS_PTRACE"])
    _inside(process, f"ln -s {link} /root/x")
    found = _number(lambda: container.put_file(source, "/root/x"))
    # What the link only names is a file of the container's: /dev/null, and the program that runs.
    assert found == number if number else found in (errno.EINVAL, errno.ENOENT, errno.ETXTBSY)
    assert found == _number(lambda: container.fetch_file("/root/x", f"{source}-back")) or not number


@pytest.mark.parametrize("userns", [{}, USERNS])
def test_only_a_regular_file_is_opened(host: Host, source: str, userns: dict[str, Any]) -> None:
    container, process = _container(host, **userns)
    _inside(process, "mkfifo /home/web/fifo; chmod 666 /home/web/fifo")
    root = process.path("root/home/web")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{root}/socket")
    os.mknod(f"{root}/char", 0o666 | stat.S_IFCHR, os.makedev(*NO_DEVICE))
    os.mknod(f"{root}/block", 0o666 | stat.S_IFBLK, os.makedev(*NO_DEVICE))
    names = {"fifo": "a FIFO", "socket": "a socket", "char": "a device", "block": "a device"}
    paths = {**{f"/home/web/{name}": words for name, words in names.items()}, "/dev/null": "a device"}
    for path, words in paths.items():
        for user in ("root", "web"):
            with pytest.raises(TransferFailed, match=f"{words}, not a regular file"):
                container.put_file(source, path, user)
            with pytest.raises(TransferFailed, match=f"{words}, not a regular file"):
                container.fetch_file(path, f"{source}-back", user)
    assert not os.path.exists(f"{source}-back")


def test_files_of_the_kernel_are_not_the_hosts_by_way_of_a_container(host: Host, source: str) -> None:
    container, process = _container(host, privileged=True)
    cgroups = [f"/sys/fs/cgroup/{folder}cgroup.procs" for folder in ("", "pids/", "unified/")]
    there = [path for path in cgroups if os.path.exists(process.path(f"root{path}"))]
    assert there
    kernels = ["/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/hostname", "/proc/1/environ"]
    for path in (*kernels, "/sys/kernel/uevent_seqnum", *there):
        assert _number(lambda path=path: container.put_file(source, path)) == errno.EINVAL, path
        assert _number(lambda path=path: container.fetch_file(path, f"{source}-back")) == errno.EINVAL, path


def test_another_users_link_or_file_in_tmp_is_not_used(host: Host, source: str) -> None:
    container, process = _container(host)
    _inside(process, "ln -s /etc/passwd /tmp/link; echo x > /tmp/file; chmod 666 /tmp/file; cd /tmp; chown -h 1000 *")
    _inside(process, "chmod 1777 /data; echo x > /data/mine; mkdir /data/deep; ln -s /etc/hosts /data/deep/link")
    for path in ("/tmp/link", "/tmp/file"):
        with pytest.raises(TransferFailed, match="of user 1000 in a directory that all may write to"):
            container.put_file(source, path, "root")
    container.put_file(source, "/tmp/file", "web")
    container.fetch_file("/tmp/file", f"{source}-back", "root")
    container.put_file(source, "/data/mine", "root")
    assert _number(lambda: container.fetch_file("/tmp/link", f"{source}-back", "root")) == errno.EACCES
    container.fetch_file("/data/deep/link", f"{source}-back", "web")
    with open(process.path("root/etc/passwd"), encoding="ascii") as file:
        assert file.read().startswith("root:")


@pytest.mark.parametrize("userns", [{}, USERNS])
def test_container_that_swaps_the_file_meanwhile_gains_nothing(host: Host, source: str, userns: dict[str, Any]) -> None:
    container, process = _container(host, **userns)
    outside = "/etc/swapped-by-test"
    with open(outside, "w", encoding="ascii") as file:
        file.write("the host's")
    root = process.path("root/home/web")
    _inside(process, "mkdir /home/web/kinds")
    os.mknod(f"{root}/kinds/device", 0o666 | stat.S_IFCHR, os.makedev(*NO_DEVICE))
    _inside(process, f"cd /home/web/kinds; mkfifo fifo; ln -s /../../..{outside} link; mkdir folder; echo x > file")
    loop = (
        "cd /home/web; i=0; while :; do ln kinds/device x; ln kinds/fifo x; mv -f kinds/folder x; mv x kinds/folder;"
        "ln -s /../../../..$0 x; rm -f x; ln kinds/fifo y; mv -f y x; ln kinds/file y; mv -f y x;"
        "ln kinds/device y; mv -f y x; rm -f x; done 2>/dev/null"
    )
    argv = ["nsenter", "-t", str(process.pid), "--all", "--", "/bin/busybox", "sh", "-c", loop, outside]
    swapping = subprocess.Popen(argv, env={"PATH": "/bin"}, start_new_session=True)
    numbers: dict[int, int] = {}
    try:
        deadline = time.monotonic() + 60 * PATIENCE
        for turn in itertools.count():
            if turn >= 200 and len(numbers) > 2:
                break
            assert time.monotonic() < deadline, numbers
            if turn % 4:
                number = _number(lambda: container.put_file(source, "/home/web/x", "root"))
            else:
                number = _number(lambda: container.fetch_file("/home/web/x", f"{source}-back", "root"))
            numbers[number] = numbers.get(number, 0) + 1
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(swapping.pid, signal.SIGKILL)
        swapping.wait()
        with open(outside, encoding="ascii") as file:
            text = file.read()
        os.unlink(outside)
    assert text == "the host's"
    # ENXIO would be an opened device. The others are what the path was at that time.
    assert set(numbers) <= {0, errno.EINVAL, errno.EISDIR, errno.ENOENT, errno.EBUSY}, numbers


def test_removed_directory_is_no_place_for_a_file(host: Host, source: str) -> None:
    container, process = _container(host)
    loop = "while :; do mkdir -p /home/web/d; rm -rf /home/web/d; done 2>/dev/null"
    argv = ["nsenter", "-t", str(process.pid), "--all", "--", "/bin/busybox", "sh", "-c", loop]
    removing = subprocess.Popen(argv, env={"PATH": "/bin"}, start_new_session=True)
    try:
        numbers = {_number(lambda: container.put_file(source, "/home/web/d/f")) for _turn in range(60)}
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(removing.pid, signal.SIGKILL)
        removing.wait()
    assert numbers <= {0, errno.ENOENT} and errno.ENOENT in numbers


def test_process_id_of_an_ended_container_is_not_followed(host: Host, source: str) -> None:
    container, process = _container(host)
    recorded = container.state
    other = subprocess.Popen(["sleep", "100"])
    try:
        # The record of a process that has ended since, and whose number another one has now.
        changed = recorded.process._replace(pid=other.pid)
        with container.batch():
            container._state = recorded._replace(process=changed)
            with pytest.raises(ContainerStopped, match="the container is ending, and has to run"):
                transfer.put(container, source, "/tmp/reused", None)
    finally:
        other.kill()
        other.wait()
    assert not os.path.exists("/tmp/reused") and not os.path.exists(process.path("root/tmp/reused"))


def test_many_at_once_do_not_mix_their_users(host: Host, source: str) -> None:
    container, process = _container(host)
    users = ["root", "web", "1234", "web:extra"]
    errors: list[BaseException] = []

    def put(number: int) -> None:
        try:
            own = Runtime(host.parts).container("c")
            for turn in range(5):
                own.put_file(source, f"/tmp/{number}-{turn}", users[number % 4])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
    owners = [(0, 0), (1000, 1000), (1234, 0), (1000, 2000)]
    for number in range(8):
        for turn in range(5):
            status = os.stat(process.path(f"root/tmp/{number}-{turn}"))
            assert (status.st_uid, status.st_gid) == owners[number % 4] and status.st_size == len(CONTENT)
    assert container.put_file(source, "/tmp/last") == len(CONTENT)


BIG = """
import os, sys, threading
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.hosts import Host
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
size, block, folder = 1 << 30, bytes(range(256)) * 4096, sys.argv[1]
host = Host()
container = Runtime(host.parts).container("c")
container.put_file("/etc/hosts", "/big/first")  # what is imported is not what is measured
before = peak()
reader, writer = os.pipe()
def feed():
    for _turn in range(size // len(block)):
        left = memoryview(block)
        while left:
            left = left[os.write(writer, left):]
    os.close(writer)
thread = threading.Thread(target=feed)
thread.start()
assert container.put_file(reader, "/big/put") == size
thread.join()
assert container.fetch_file("/big/put", folder + "/back") == size
assert container.put_file(folder + "/back", "/big/again") == size
assert peak() - before < 16 << 10, (before, peak())
"""


def test_gibibyte_goes_through_in_bounded_memory(host: Host, tmp_path: Path) -> None:
    """On a disk, through a pipe and from a file, and compared in the end."""
    (tmp_path / "big").mkdir()
    _container(host, volume=[f"{tmp_path}/big:/big"])
    done = subprocess.run([sys.executable, "-c", BIG, str(tmp_path)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    try:
        for left, right in (("big/put", "back"), ("back", "big/again")):
            assert (tmp_path / left).stat().st_size == 1 << 30
            subprocess.run(["cmp", tmp_path / left, tmp_path / right], check=True)
        with open(tmp_path / "back", "rb") as file:
            file.seek((1 << 30) - (1 << 20))
            assert file.read() == bytes(range(256)) * 4096
    finally:
        for name in ("big/put", "big/again", "back"):
            (tmp_path / name).unlink()


FROM_PIPE = """
import sys
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.hosts import Host
Runtime(Host().parts).container("c").put_file(0, sys.argv[1], "root")
"""


@pytest.mark.parametrize("userns", [{}, USERNS])
def test_killed_transfer_leaves_the_part_and_no_process(host: Host, userns: dict[str, Any]) -> None:
    container, process = _container(host, **userns)
    # In a user namespace the file is in a folder that root may enter by its capabilities alone, so in a child process.
    _inside(process, "mkdir -m 700 /home/web/own; chown 1000 /home/web/own")
    argv = [sys.executable, "-c", FROM_PIPE, "/home/web/own/f"]
    with in_background(argv, stdin=subprocess.PIPE) as putting:
        assert putting.stdin is not None
        putting.stdin.write(CONTENT)
        putting.stdin.flush()
        path = process.path("root/home/web/own/f")
        eventually(lambda: os.path.exists(path) and os.stat(path).st_size == len(CONTENT), seconds=60)
        with open(f"/proc/{putting.pid}/task/{putting.pid}/children", encoding="ascii") as file:
            children = file.read().split()
        assert len(children) == len(userns) // 2
        putting.kill()
        putting.wait()
        for child in children:
            eventually(lambda child=child: not start_time(int(child)))
    assert container.put_file("/etc/hosts", "/home/web/own/f") > 0


def _children() -> set[str]:
    """Return the processes that this one, or a thread of it, has started and not reaped."""
    return {pid for path in glob.glob("/proc/self/task/*/children") for pid in Path(path).read_text("ascii").split()}


@pytest.mark.parametrize("userns", [{}, USERNS])
def test_transfer_that_waits_ends_at_the_callers_time_limit(host: Host, userns: dict[str, Any]) -> None:
    """As Ansible's ``timeout`` of a task does it: a signal whose handler raises."""
    container, process = _container(host, **userns)
    _inside(process, "mkdir -m 700 /home/web/own; chown 1000 /home/web/own")
    reader, writer = os.pipe()
    threads, children = len(os.listdir("/proc/self/task")), _children()

    def over(*_frame: object) -> None:
        raise TimeoutError("the time limit")

    before = signal.signal(signal.SIGALRM, over)
    began = time.monotonic()
    try:
        signal.setitimer(signal.ITIMER_REAL, 2.0)
        with pytest.raises(TimeoutError, match="the time limit"):
            container.put_file(reader, "/home/web/own/f", "root")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        os.close(reader)
        os.close(writer)
    assert time.monotonic() - began < 60
    eventually(lambda: len(os.listdir("/proc/self/task")) == threads)
    assert not _children() - children
    assert container.put_file("/etc/hosts", "/home/web/own/f", "root") > 0


def test_killed_fetch_leaves_the_hosts_file_as_it_was(host: Host, tmp_path: Path) -> None:
    _container(host)
    (tmp_path / "target").write_text("old")
    script = (
        "import os, signal, sys\n"
        "from ansible_collections.libpod.engine.plugins.module_utils._model import failpoints\n"
        "from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime\n"
        "from ansible_collections.libpod.engine.tests.support.hosts import Host\n"
        "failpoints.observe(lambda name: name == sys.argv[2] and os.kill(os.getpid(), signal.SIGKILL))\n"
        "Runtime(Host().parts).container('c').fetch_file('/bin/busybox', sys.argv[1])\n"
    )
    for name, text in (("create a fetched file", "old"), ("rename a fetched file", "old")):
        done = subprocess.run([sys.executable, "-c", script, f"{tmp_path}/target", name], check=False)
        assert (done.returncode, (tmp_path / "target").read_text()) == (-signal.SIGKILL, text)
    assert all(name == "target" or name.startswith(".libpod-fetch-") for name in os.listdir(tmp_path))
    done = subprocess.run([sys.executable, "-c", script, f"{tmp_path}/target", "nothing"], check=False)
    assert done.returncode == 0 and (tmp_path / "target").read_bytes()[:4] == b"\x7fELF"
