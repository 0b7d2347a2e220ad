# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree of any depth is copied as by cp(1), and never contains the target of a swapped link."""

from __future__ import annotations

import os
import shutil
import stat
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Iterator, Mapping

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.trees import descent, replica
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument, TreeTooLarge
from ansible_collections.libpod.engine.tests.support.process import in_background
from ansible_collections.libpod.engine.tests.support.trees import depth, nest

pytestmark = pytest.mark.slow

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: owners, devices and capabilities are kept")

TEMPORARY = ".unfinished"
# capabilities(7): CAP_NET_RAW permitted and effective; acl(5): owner, user 7, group, mask and others.
CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)
ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", tag, bits, who)
    for tag, bits, who in ((1, 7, 2**32 - 1), (2, 5, 7), (4, 4, 2**32 - 1), (16, 5, 2**32 - 1), (32, 4, 2**32 - 1))
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Provide a directory with empty ``from`` and ``to``, removed afterwards since pytest's own removal recurses."""
    for name in ("from", "to"):
        (tmp_path / "t" / name).mkdir(parents=True)
    before = sorted(os.listdir("/proc/self/fd"))
    yield tmp_path / "t"
    assert sorted(os.listdir("/proc/self/fd")) == before
    subprocess.run(["rm", "-rf", str(tmp_path / "t")], check=True)


def fill(folder: Path, source: str = "from", target: str = "to", seconds: float = 0) -> None:
    opened = [os.open(folder / name, os.O_RDONLY) for name in (source, target)]
    try:
        replica.fill(opened[0], opened[1], TEMPORARY, seconds)
    finally:
        for descriptor in opened:
            os.close(descriptor)


def seen(top: Path) -> Mapping[str, Any]:
    """Return the entries of a tree by path, with the first name of each hard-linked file."""
    entries: dict[str, Any] = {}
    names: dict[int, str] = {}
    for path in sorted((top, *top.rglob("*"))):
        status, name = os.lstat(path), str(path.relative_to(top))
        facts: list[Any] = [stat.filemode(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns]
        facts.append({key: os.getxattr(path, key, follow_symlinks=False) for key in _attributes(path)})
        if not path.is_dir() or path.is_symlink():
            first = names.setdefault(status.st_ino, name)
            facts += [status.st_rdev, status.st_nlink, status.st_size, first]
        if path.is_symlink():
            facts.append(os.readlink(path))
        elif path.is_file():
            facts += [path.read_bytes(), status.st_blocks]
        entries[name] = facts
    return entries


def _attributes(path: Path) -> list[str]:
    return sorted(os.listxattr(path, follow_symlinks=False))


def test_copy_preserves_what_cp_preserves(folder: Path) -> None:
    top = folder / "from"
    (top / "plain").write_text("content", encoding="ascii")
    os.chown(top / "plain", 1000, 1001)
    (top / "setuid").write_text("program", encoding="ascii")
    os.chown(top / "setuid", 33, 44)
    os.chmod(top / "setuid", 0o6751)
    os.setxattr(top / "setuid", "security.capability", CAPABILITY)
    (top / "shared" / "in").mkdir(parents=True)
    os.chmod(top / "shared", 0o3770)
    for kind in ("access", "default"):
        os.setxattr(top / "shared", f"system.posix_acl_{kind}", ACL)
    os.setxattr(top / "shared" / "in", "trusted.mine", b"x")
    (top / "shared" / "file").write_bytes(b"inherited an ACL")
    with open(top / "holes", "wb") as file:
        for place in (5 << 20, 9 << 20):
            file.seek(place)
            file.write(b"x" * 5000)
        file.truncate(20 << 20)
    with open(top / "nothing but a hole", "wb") as file:
        file.truncate(3 << 20)
    os.link(top / "plain", top / "shared" / "in" / "again")
    os.link(top / "plain", top / "third")
    os.symlink("/etc/../etc/passwd", top / "link")
    os.symlink("nowhere", top / "shared" / "dangling")
    os.chown(top / "link", 5, 6, follow_symlinks=False)
    os.setxattr(top / "link", "trusted.of_link", b"y", follow_symlinks=False)
    os.link(top / "link", top / "link again", follow_symlinks=False)
    os.mknod(top / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(top / "disk", stat.S_IFBLK | 0o640, os.makedev(7, 9))
    os.mkfifo(top / "fifo", 0o620)
    os.mknod(top / "socket", stat.S_IFSOCK | 0o700)
    (top / b"\xff\n name".decode(errors="surrogateescape")).write_bytes(b"")
    os.chmod(top, 0o2751)
    for number, path in enumerate(sorted(top.rglob("*"), reverse=True)):
        os.utime(path, ns=(10**18 + number, 10**18 + 7 * number), follow_symlinks=False)
    os.utime(top, ns=(5, 123456789))
    (folder / "cp").mkdir()
    subprocess.run(["cp", "-a", "-T", f"{top}/.", folder / "cp"], check=True)
    before = seen(top)
    fill(folder)
    made = seen(folder / "to")
    assert made == seen(folder / "cp") == before
    assert made["setuid"][4] == {"security.capability": CAPABILITY} and os.stat(folder / "to/holes").st_blocks < 1000


@pytest.mark.parametrize("levels, name", [(2000, "d"), (1500, "long" * 60)])
def test_any_depth_is_copied_with_few_descriptors(
    folder: Path, monkeypatch: pytest.MonkeyPatch, levels: int, name: str
) -> None:
    numbers: list[int] = []
    original = descent._identity

    def noted(descriptor: int) -> descent._Identity:
        numbers.append(descriptor)
        return original(descriptor)

    monkeypatch.setattr(descent, "_identity", noted)
    nest(folder / "from", levels, name)
    fill(folder)
    assert depth(folder / "to", name) == levels and max(numbers) < min(numbers) + 3 * descent.HELD


def test_hard_links_in_many_directories_are_preserved(folder: Path) -> None:
    first = folder / "from" / "file"
    first.write_bytes(b"x")
    for number in range(200):
        (folder / "from" / str(number)).mkdir()
        os.link(first, folder / "from" / str(number) / "file")
    fill(folder)
    assert {os.stat(path).st_nlink for path in (folder / "to").rglob("file")} == {201}


def test_copy_into_itself_or_over_its_time_limit_is_refused(folder: Path) -> None:
    (folder / "from" / "in").mkdir()
    with pytest.raises(InvalidArgument, match="the copy would lie in what is copied"):
        fill(folder, target="from/in")
    with pytest.raises(TreeTooLarge, match="it was not finished within 1e-09 seconds"):
        fill(folder, seconds=1e-9)
    assert os.listdir(folder / "to") == [TEMPORARY], "the mark of what is unfinished stays"


SWAP = """
import os, sys
os.chdir(sys.argv[1])
while True:
    for name in ("d", "f"):
        os.rename(name, f"{name}.kept")
        os.symlink(f"../outside/{name}", name)
        os.unlink(name)
        os.rename(f"{name}.kept", name)
"""


def test_swapped_link_is_never_followed(folder: Path) -> None:
    """Copy while another process continuously swaps a directory and a file with links to the host's."""
    for top, said in (("from", "own"), ("outside", "the host's")):
        (folder / top / "d").mkdir(parents=True)
        for name in ("f", "d/f"):
            (folder / top / name).write_text(said, encoding="ascii")
    (folder / "outside" / "d" / "secret").write_text("the host's", encoding="ascii")
    links = 0
    with in_background([sys.executable, "-c", SWAP, folder / "from"]):
        end = time.monotonic() + 4
        while time.monotonic() < end:
            fill(folder)
            for path in (folder / "to").rglob("*"):
                assert path.name != "secret" and (path.parent.name != "d" or not path.parent.is_symlink())
                if path.is_symlink():
                    links += 1
                    assert os.readlink(path) in ("../outside/d", "../outside/f")
                elif path.is_file():
                    assert path.read_text(encoding="ascii") == "own"
            shutil.rmtree(folder / "to")
            (folder / "to").mkdir()
    assert links, "no link was there when it was copied: nothing was tried"
