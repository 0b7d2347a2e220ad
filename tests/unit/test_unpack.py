# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tar file is unpacked as by tar(1), changes only what differs, and never anything outside the directory."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.trees import unpack
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    InvalidArgument,
    LibpodError,
    MalformedData,
)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: owners are kept")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Provide a directory ``to`` beside a file that nothing may change."""
    (tmp_path / "to").mkdir()
    (tmp_path / "outside").write_text("untouched")
    return tmp_path


def member(name: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    one = tarfile.TarInfo(name)
    one.size = len(content)
    for field, value in fields.items():
        setattr(one, field, value)
    return one, content


def archive(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> str:
    with tarfile.open(path / "a.tar", mode, format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
        for one, content in members:
            tar.addfile(one, io.BytesIO(content))
    return str(path / "a.tar")


def run(top: Path, path: str, dry: bool = False) -> bool:
    root = os.open(top / "to", os.O_RDONLY)
    before = sorted(os.listdir("/proc/self/fd"))
    try:
        return unpack.unpack(path, root, ".temporary", 60, dry=dry)
    finally:
        assert sorted(os.listdir("/proc/self/fd")) == before
        os.close(root)
        assert (top / "outside").read_text() == "untouched"
        assert not (top / "to" / ".temporary").exists()


def test_unpacked_tree_is_the_packed_one_and_a_second_time_nothing_differs(top: Path) -> None:
    source = top / "from"
    (source / "d" / "inner").mkdir(parents=True, mode=0o2750)
    (source / "d" / "file").write_bytes(b"content")
    os.chown(source / "d" / "file", 5, 6)
    (source / "d" / "file").chmod(0o4711)
    os.link(source / "d" / "file", source / "same")
    os.symlink("/etc/passwd", source / "link")
    os.mkfifo(source / "fifo", 0o640)
    with open(source / "sparse", "wb") as file:
        file.truncate(1 << 30)
        file.seek(1 << 29)
        file.write(b"x")
    os.setxattr(source / "d" / "file", "user.note", b"\xff\0z")
    names = sorted(os.listdir(source))
    argv = ["tar", "-C", str(source), "-cSzf", str(top / "a.tar"), "--format=posix", "--xattrs", "--xattrs-include=*"]
    subprocess.run([*argv, *names], check=True)
    path = str(top / "a.tar")
    assert run(top, path, dry=True) and os.listdir(top / "to") == []
    assert run(top, path)
    listing = ["find", ".", "-mindepth", "1", "-printf", "%P %y %m %U %G %s %l %n %Ts\n"]
    seen = [
        sorted(subprocess.run(listing, check=True, cwd=top / folder, capture_output=True).stdout.splitlines())
        for folder in ("from", "to")
    ]
    timeless = (b"link l", b"fifo p")  # of which the time does not count
    seen = [[line.rpartition(b" ")[0] if line.startswith(timeless) else line for line in one] for one in seen]
    assert seen[0] == seen[1]
    assert os.getxattr(top / "to" / "d" / "file", "user.note") == b"\xff\0z"
    assert os.stat(top / "to" / "sparse").st_blocks < 100
    assert not run(top, path, dry=True) and not run(top, path)


@pytest.mark.parametrize(
    "change",
    [
        lambda to: (to / "file").write_bytes(b"CONTENT"),
        lambda to: (to / "file").chmod(0o600),
        lambda to: os.chown(to / "file", 1, 1),
        lambda to: (to / "file").unlink(),
        lambda to: ((to / "file").unlink(), os.symlink("../outside", to / "file")),
        lambda to: ((to / "file").unlink(), os.link(to.parent / "outside", to / "file")),
    ],
)
def test_what_differs_is_replaced(top: Path, change: Callable[[Path], object]) -> None:
    path = archive(top, member("file", b"content", mtime=5), member("link", type=tarfile.SYMTYPE, linkname="x"))
    assert run(top, path)
    change(top / "to")
    (top / "to" / "more").mkdir()
    assert run(top, path, dry=True) and run(top, path) and not run(top, path)
    assert (top / "to" / "file").read_bytes() == b"content" and (top / "to" / "more").is_dir()


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "..", "x/..", "a" * 5000, "d/" + "é" * 128])
def test_path_that_leads_out_is_refused_before_anything_is_unpacked(top: Path, name: str) -> None:
    with pytest.raises(MalformedData, match="nothing of it can be used"):
        run(top, archive(top, member("first", b"x"), member(name, b"y")))
    assert os.listdir(top / "to") == []


def test_absolute_name_is_taken_below_the_directory(top: Path) -> None:
    inside = str(top / "outside").lstrip("/")
    assert run(top, archive(top, member(str(top / "outside"), b"x")))
    assert (top / "to" / inside).read_bytes() == b"x"


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_device_is_refused(top: Path, kind: bytes) -> None:
    with pytest.raises(MalformedData, match="a device"):
        run(top, archive(top, member("first", b"x"), member("dev", type=kind)))
    assert os.listdir(top / "to") == []


@pytest.mark.parametrize("by", ["archive", "volume"])
def test_link_in_a_path_is_never_followed(top: Path, by: str) -> None:
    link = member("way", type=tarfile.SYMTYPE, linkname=str(top))
    if by == "volume":
        os.symlink(top, top / "to" / "way")
    with pytest.raises(InvalidArgument, match="a file or link has that name"):
        run(top, archive(top, *([link] if by == "archive" else []), member("way/outside", b"x")))


def test_hard_link_reaches_no_file_outside(top: Path) -> None:
    with pytest.raises(MalformedData):
        run(top, archive(top, member("new", type=tarfile.LNKTYPE, linkname="../outside")))
    os.symlink(top, top / "to" / "way")
    with pytest.raises(InvalidArgument):
        run(top, archive(top, member("new", type=tarfile.LNKTYPE, linkname="way/outside")))
    with pytest.raises(MalformedData, match="which is no file of it"):
        run(top, archive(top, member("new", type=tarfile.LNKTYPE, linkname=str(top / "outside"))))
    assert os.listdir(top / "to") == ["way"]


def test_whiteout_is_an_ordinary_file(top: Path) -> None:
    (top / "to" / "kept").write_text("x")
    assert run(top, archive(top, member(".wh.kept"), member(".wh..wh..opq")))
    assert sorted(os.listdir(top / "to")) == [".wh..wh..opq", ".wh.kept", "kept"]


def test_interrupted_entry_is_removed_whatever_it_is(top: Path) -> None:
    (top / "to" / ".temporary" / "deep").mkdir(parents=True)
    assert run(top, archive(top, member("file", b"x")))


def _huge_header(path: Path) -> str:
    one = tarfile.TarInfo("x")
    one.type, one.size = tarfile.XHDTYPE, 1 << 40
    (path / "a.tar").write_bytes(one.tobuf() + bytes(4096))
    return str(path / "a.tar")


def _cut(path: Path) -> str:
    whole = Path(archive(path, member("file", b"x" * 5000)))
    whole.write_bytes(whole.read_bytes()[:1500])
    return str(whole)


def _damaged(path: Path) -> str:
    whole = Path(archive(path, member("file", os.urandom(5000)), mode="w:gz"))
    content = bytearray(whole.read_bytes())
    content[200:300] = bytes(100)
    whole.write_bytes(content)
    return str(whole)


def _fifo(path: Path) -> str:
    os.mkfifo(path / "a.tar")
    return str(path / "a.tar")


def _text(path: Path) -> str:
    (path / "a.tar").write_bytes(b"no archive" * 1000)
    return str(path / "a.tar")


@pytest.mark.parametrize("made", [_huge_header, _cut, _damaged, _fifo, _text])
def test_damaged_archive_is_one_sentence(top: Path, made: Callable[[Path], str]) -> None:
    path = made(top)
    with pytest.raises(LibpodError, match="(?s)a.tar"):
        run(top, path)


@pytest.mark.parametrize(("field", "value"), [("uid", 2**40), ("gid", -1), ("mtime", 2**62), ("mtime", -5)])
def test_impossible_number_is_refused_or_of_no_effect(top: Path, field: str, value: int) -> None:
    one, content = member("file", b"x")
    setattr(one, field, value)
    with tarfile.open(top / "a.tar", "w", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(one, io.BytesIO(content))
    if field == "mtime":
        assert run(top, str(top / "a.tar")) and os.stat(top / "to" / "file").st_mtime == 0
    else:
        with pytest.raises(MalformedData, match="whose number no file can have"):
            run(top, str(top / "a.tar"))


def test_last_of_several_members_of_one_name_counts_and_a_second_time_nothing_differs(top: Path) -> None:
    folder = tarfile.DIRTYPE
    first = [member("file", b"old"), member("d", type=folder, mode=0o755), member("d/in", b"x"), member("kind", b"x")]
    second = [member("./file", b"older"), member("d", type=folder, mode=0o700), member("kind", type=folder)]
    path = archive(top, *first, *second, member("file", b"new"))
    assert run(top, path, dry=True) and run(top, path)
    assert (top / "to" / "file").read_bytes() == b"new" and (top / "to" / "kind").is_dir()
    assert (top / "to" / "d").stat().st_mode & 0o777 == 0o700 and (top / "to" / "d" / "in").exists()
    assert not run(top, path, dry=True) and not run(top, path)


def test_link_to_a_name_of_several_members_has_the_earlier_ones_content(top: Path) -> None:
    path = archive(top, member("a", b"1"), member("b", type=tarfile.LNKTYPE, linkname="a"), member("a", b"2"))
    assert run(top, path)
    assert [(top / "to" / name).read_bytes() for name in "ab"] == [b"2", b"1"]


def test_error_of_the_host_names_archive_and_member(top: Path) -> None:
    invalid = member("file", pax_headers={"SCHILY.xattr.system.posix_acl_access": "not an ACL"})
    with pytest.raises(OSError) as refusal:
        run(top, archive(top, invalid))
    assert str(refusal.value.filename) == f"'file' of {top / 'a.tar'}"


def test_link_to_itself_counts_only_behind_its_file(top: Path) -> None:
    link = member("a", type=tarfile.LNKTYPE, linkname="./a")
    for dry in (True, False):
        with pytest.raises(MalformedData, match="a link to itself"):
            run(top, archive(top, link), dry=dry)
    path = archive(top, member("a", b"content"), link)
    assert run(top, path, dry=True) and run(top, path) and not run(top, path)
    assert (top / "to" / "a").read_bytes() == b"content"
