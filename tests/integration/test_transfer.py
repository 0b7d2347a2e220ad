# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file written or read in a running container: its owner, its user's permissions, its mounts, and sentences."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any, Optional

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.container import Container
from ansible_collections.libpod.engine.plugins.module_utils._container.rootfs.transfer import TransferFailed
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel import file_user
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import ContainerStopped, InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}
EVERY_BYTE = bytes(range(256)) * 5000
USERNS: dict[str, Any] = {"uidmap": ["0:100000:65536"], "gidmap": ["0:200000:65536"]}


@pytest.fixture
def source(host: Host, tmp_path: Path) -> str:
    """Return a host file with every byte."""
    (tmp_path / "source").write_bytes(EVERY_BYTE)
    return f"{tmp_path}/source"


def _container(host: Host, **options: Any) -> tuple[Container, Process]:
    made = host.container("c", **{**OPTIONS, **options})
    assert not made.failed, made
    return Runtime(host.parts).container("c"), Process(made)


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _inside(process: Process, script: str) -> None:
    done = process.run("sh", "-ec", script)
    assert done.returncode == 0, done.stderr


def _refused(container: Container, path: str, user: Optional[str], number: int, source: str = "/etc/hosts") -> str:
    """Return the sentence with which writing and reading are refused."""
    with pytest.raises(TransferFailed) as error:
        container.put_file(source, path, user)
    assert error.value.errno == number, error.value
    return str(error.value)


def _unreadable(container: Container, path: str, user: Optional[str], number: int) -> str:
    null = os.open("/dev/null", os.O_WRONLY)
    try:
        with pytest.raises(TransferFailed) as error:
            container.fetch_file(path, null, user)
    finally:
        os.close(null)
    assert error.value.errno == number, error.value
    return str(error.value)


@pytest.mark.parametrize("userns", [{}, USERNS])
@pytest.mark.parametrize("user", [None, "0", "web", "1234", "web:extra"])
def test_new_file_is_the_users_by_the_containers_umask(
    host: Host, source: str, user: Optional[str], userns: dict[str, Any]
) -> None:
    container, process = _container(host, umask="0027", **userns)
    assert container.put_file(source, "/tmp/new", user) == len(EVERY_BYTE)
    path = process.path("root/tmp/new")
    status = os.stat(path)
    shift = (100000, 200000) if userns else (0, 0)
    uid, gid = {None: (0, 0), "0": (0, 0), "web": (1000, 1000), "1234": (1234, 0), "web:extra": (1000, 2000)}[user]
    assert (status.st_uid, status.st_gid) == (uid + shift[0], gid + shift[1])
    assert stat.S_IMODE(status.st_mode) == 0o640
    assert _content(path) == EVERY_BYTE
    assert container.fetch_file("/tmp/new", f"{source}-back", user) == len(EVERY_BYTE)
    assert _content(f"{source}-back") == EVERY_BYTE


@pytest.mark.parametrize("userns", [{}, USERNS])
def test_existing_file_is_emptied_and_keeps_owner_and_mode(host: Host, source: str, userns: dict[str, Any]) -> None:
    container, process = _container(host, **userns)
    _inside(process, "umask 077; mkdir /home/web/own; head -c 3000000 /dev/zero > /home/web/own/f; chown -R 1000 /home")
    path = process.path("root/home/web/own/f")
    before = os.stat(path)
    for user in ("web", "root"):  # in a user namespace, that is the root's there by its capabilities alone
        container.put_file(source, "/home/web/own/f", user)
        after = os.stat(path)
        assert (after.st_ino, after.st_uid, after.st_gid) == (before.st_ino, before.st_uid, before.st_gid)
        assert (stat.S_IMODE(after.st_mode), after.st_size) == (0o600, len(EVERY_BYTE))
        container.fetch_file("/home/web/own/f", f"{source}-{user}", user)
        assert _content(f"{source}-{user}") == EVERY_BYTE
    container.put_file("/dev/null", "/home/web/own/f", "root")
    assert os.stat(path).st_size == 0


@pytest.mark.parametrize("architecture", ["known", "unknown"])
@pytest.mark.parametrize("userns", [{}, USERNS])
def test_kernel_checks_the_users_permissions(
    host: Host, userns: dict[str, Any], architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an architecture whose setgroups(2) the engine does not know by number, all is done in child processes."""
    if architecture == "unknown":
        monkeypatch.setattr(file_user, "_SETGROUPS", {})
    container, process = _container(host, **userns)
    _inside(
        process,
        "umask 077; echo x > /root/secret; mkdir -m 770 /data/group; chgrp 2000 /data/group;"
        "echo x > /data/group/f; chgrp 2000 /data/group/f; chmod 640 /data/group/f",
    )
    assert "/root/secret" in _unreadable(container, "/root/secret", "web", errno.EACCES)
    sentence = _refused(container, "/etc/new", "web", errno.EACCES)
    assert sentence == "cannot write /etc/new in container c as user web: this user has no permission"
    _refused(container, "/root/new", "web", errno.EACCES)
    container.put_file("/etc/hosts", "/data/group/new", "web")  # by its supplementary group
    container.fetch_file("/data/group/f", process.path("root/dev/null"), "web")
    _refused(container, "/data/group/f", "web", errno.EACCES)
    _refused(container, "/data/group/new", "1234", errno.EACCES)
    container.put_file("/etc/hosts", "/root/secret")


def test_root_without_its_capabilities_has_the_permissions_that_are_left(host: Host) -> None:
    container, process = _container(host, cap_drop=["DAC_OVERRIDE"])
    _inside(process, "umask 077; echo x > /home/web/f; chown 1000:1000 /home/web/f")
    _refused(container, "/home/web/f", "root", errno.EACCES)
    _unreadable(container, "/home/web/f", "root", errno.EACCES)
    container.put_file("/etc/hosts", "/home/web/f", "web")


def test_callers_credentials_and_umask_stay(host: Host, source: str) -> None:
    container, _process = _container(host, umask="0077")
    with open("/proc/self/status", encoding="ascii") as file:
        before = [line for line in file if line.startswith(("Uid", "Gid", "Groups", "Cap", "Umask"))]
    for user in ("web", "root"):
        container.put_file(source, f"/tmp/{user}", user)
        _refused(container, "/nowhere/x", user, errno.ENOENT)
    with open("/proc/self/status", encoding="ascii") as file:
        assert [line for line in file if line.startswith(("Uid", "Gid", "Groups", "Cap", "Umask"))] == before


def test_mounts_are_those_that_the_container_sees(host: Host, source: str, tmp_path: Path) -> None:
    for folder in ("bind", "ro"):
        (tmp_path / folder).mkdir()
    volumes = ["named:/named", f"{tmp_path}/bind:/bind", f"{tmp_path}/ro:/ro:ro"]
    options: dict[str, Any] = {"read_only": True, "tmpfs": {"/scratch": "size=4m"}}
    container, process = _container(host, volume=volumes, **options)
    for folder in ("/named", "/bind", "/scratch", "/dev/shm"):
        container.put_file(source, f"{folder}/f", "root")
        assert _content(process.path(f"root{folder}/f")) == EVERY_BYTE
    assert (tmp_path / "bind/f").read_bytes() == EVERY_BYTE
    for path in ("/ro/f", "/etc/f", "/etc/passwd"):
        assert "read-only" in _refused(container, path, "root", errno.EROFS)
    _inside(process, "mount -t tmpfs later /named")
    container.put_file("/etc/hosts", "/named/f", "root")
    assert _content(process.path("root/named/f")) == _content("/etc/hosts")
    _inside(process, "umount /named")
    assert _content(process.path("root/named/f")) == EVERY_BYTE


def test_full_file_system_is_one_sentence_and_leaves_no_new_file(host: Host, source: str) -> None:
    container, process = _container(host, tmpfs={"/scratch": "size=64k"})
    sentence = _refused(container, "/scratch/f", "web", errno.ENOSPC, source)
    assert sentence == "cannot write /scratch/f in container c as user web: its file system is full"
    assert not os.path.exists(process.path("root/scratch/f"))
    _inside(process, "echo old > /scratch/f")
    _refused(container, "/scratch/f", "root", errno.ENOSPC, source)
    assert os.stat(process.path("root/scratch/f")).st_size > len("old\n")  # as by cat in the container


@pytest.mark.parametrize("userns", [{}, USERNS])
def test_what_cannot_be_is_refused_in_one_sentence(host: Host, userns: dict[str, Any]) -> None:
    container, process = _container(host, **userns)
    for path, number, words in (
        ("/no/such/f", errno.ENOENT, "a directory in its path does not exist"),
        ("/etc/passwd/f", errno.ENOTDIR, "not a directory"),
        ("/etc/passwd/", errno.ENOTDIR, "not a directory"),
        ("/etc", errno.EISDIR, "it is a directory"),
        ("/new/", errno.EISDIR, "it is a directory"),
        ("/", errno.EISDIR, "it is a directory"),
        ("/bin/busybox", errno.ETXTBSY, "it is a program that runs"),
        ("/" + "x" * 256, errno.ENAMETOOLONG, "File name too long"),
    ):
        assert _refused(container, path, "root", number).endswith(words), path
    assert _unreadable(container, "/no", "web", errno.ENOENT).endswith("as user web: it does not exist")
    for path in ("etc/passwd", "", "/etc/\0"):
        with pytest.raises(InvalidArgument, match="absolute path"):
            container.put_file("/etc/hosts", path)
    with pytest.raises(InvalidArgument, match="nobody-here"):
        container.put_file("/etc/hosts", "/tmp/f", "nobody-here")
    with pytest.raises(FileNotFoundError, match="/no/such"):
        container.put_file("/no/such", "/tmp/f")
    assert not os.path.exists(process.path("root/tmp/f"))


def test_file_of_any_name_is_written_and_read(host: Host, source: str) -> None:
    container, process = _container(host)
    for name in ("two\nlines", " ", "$(reboot)", "-rf", "\\", "ü", os.fsdecode(b"\xff\xfe"), "x" * 255):
        container.put_file(source, f"/tmp/{name}", "web")
        assert _content(process.path(f"root/tmp/{name}")) == EVERY_BYTE
        container.fetch_file(f"/tmp/{name}", f"{source}-back", "web")
        assert _content(f"{source}-back") == EVERY_BYTE
    refused = _refused(container, os.fsdecode(b"/no/\xff\n"), "web", errno.ENOENT)
    assert refused.isprintable() or refused.replace("\n", "").isprintable()


def test_image_without_shell_or_users_will_do(host: Host, source: str) -> None:
    container, process = _container(host, command=["busybox", "sleep", "1000"])
    for path in ("bin/cat", "bin/sh", "etc/passwd", "etc/group"):
        os.unlink(process.path(f"root/{path}"))
    container.put_file(source, "/tmp/f", "1000:1000")
    assert os.stat(process.path("root/tmp/f")).st_uid == 1000
    container.fetch_file("/tmp/f", f"{source}-back")
    assert _content(f"{source}-back") == EVERY_BYTE


def test_container_that_does_not_run_is_refused(host: Host, source: str) -> None:
    container, _process = _container(host)
    assert not host.container("c", state="paused").failed
    assert container.put_file(source, "/tmp/f") == len(EVERY_BYTE)
    host.container("c", state="stopped")
    with pytest.raises(ContainerStopped, match="cannot write /tmp/f in container c: the container is exited"):
        container.put_file(source, "/tmp/f")
    with pytest.raises(ContainerStopped, match="cannot read"):
        container.fetch_file("/tmp/f", f"{source}-back")
    assert not os.path.exists(f"{source}-back")


def test_fetched_file_replaces_the_hosts_only_as_a_whole(host: Host, source: str, tmp_path: Path) -> None:
    container, process = _container(host)
    target = tmp_path / "target"
    target.write_text("old")
    target.chmod(0o604)
    (tmp_path / "link").symlink_to("target")
    _unreadable(container, "/no", None, errno.ENOENT)
    with pytest.raises(TransferFailed):
        container.fetch_file("/no", str(target))
    assert target.read_text() == "old"
    _inside(process, "echo new > /tmp/f")
    assert container.fetch_file("/tmp/f", f"{tmp_path}/link") == 4
    assert (target.read_text(), stat.S_IMODE(target.stat().st_mode)) == ("new\n", 0o604)
    assert (tmp_path / "link").is_symlink()
    with pytest.raises(FileNotFoundError, match="no-folder"):
        container.fetch_file("/tmp/f", f"{tmp_path}/no-folder/f")
    (tmp_path / "dangling").symlink_to("made")
    container.fetch_file("/tmp/f", f"{tmp_path}/dangling")
    assert (tmp_path / "made").read_text() == "new\n"
    os.mknod(tmp_path / "full", 0o600 | stat.S_IFCHR, os.makedev(1, 7))
    with pytest.raises(OSError, match="No space left.*full"):
        container.fetch_file("/tmp/f", f"{tmp_path}/full")
    assert sorted(os.listdir(tmp_path)) == ["dangling", "full", "link", "made", "source", "target"]
