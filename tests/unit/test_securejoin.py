# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths inside an untrusted tree never lead out of it."""

from __future__ import annotations

import errno
import itertools
import os
import random
import stat
import threading
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel import securejoin


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a tree with a secret file beside it."""
    (tmp_path / "secret").write_text("outside")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("the host's")
    tree = tmp_path / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc/passwd").write_text("the container's")
    (tree / "a/b").mkdir(parents=True)
    for name, target in {
        "absolute": "/etc/passwd",
        "etc-link": "/etc",
        "up": "../../../../secret",
        "a/up": "../../..",
        "a/b/deep": "../../../../../etc/passwd",
        "loop": "loop",
        "ping": "pong",
        "pong": "/ping",
        "dangling": "/not/there",
        "host": str(tmp_path),
        "empty-tail": "/etc/",
    }.items():
        os.symlink(target, tree / name)
    return tree


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("etc/passwd", "etc/passwd"),
        ("/absolute", "etc/passwd"),
        ("etc-link/passwd", "etc/passwd"),
        ("a/b/deep", "etc/passwd"),
        ("../../../etc/passwd", "etc/passwd"),
        ("a/up/etc/../etc/./passwd", "etc/passwd"),
        ("empty-tail/passwd", "etc/passwd"),
        ("a/b/..", "a"),
        ("a/up", ""),
        ("", ""),
        ("/", ""),
        ("up", "secret"),
        ("dangling/x", "not/there/x"),
        ("not/../x", "x"),
        ("not/../../../x", "x"),
    ],
)
def test_links_are_followed_as_if_chrooted(root: Path, path: str, inside: str) -> None:
    assert securejoin.resolve(str(root), path) == str(root / inside).rstrip("/")


def test_file_is_read_beneath_the_root(root: Path) -> None:
    for path in ("absolute", "a/b/deep", "etc-link/passwd", "a/up/../../etc/passwd"):
        assert securejoin.read_beneath(str(root), path) == b"the container's"
    for path in ("up", "host/secret", "dangling", "no/such", "a/up/secret"):
        assert securejoin.read_beneath(str(root), path) is None


@pytest.mark.parametrize(
    ("path", "number"), [("loop", errno.ELOOP), ("ping", errno.ELOOP), ("etc/passwd/x", errno.ENOTDIR)]
)
def test_bad_path_is_the_kernels_error(root: Path, path: str, number: int) -> None:
    for call in (securejoin.resolve, securejoin.read_beneath, securejoin.make_directories):
        with pytest.raises(OSError) as error:
            call(str(root), path)
        assert (error.value.errno, error.value.filename) == (number, path)


def test_at_most_forty_links_are_followed(root: Path) -> None:
    os.symlink("etc/passwd", root / "l0")
    for number in range(1, 41):
        os.symlink(f"l{number - 1}", root / f"l{number}")
    assert securejoin.read_beneath(str(root), "l39") == b"the container's"
    with pytest.raises(OSError, match="[Tt]oo many"):
        securejoin.read_beneath(str(root), "l40")


def test_only_regular_files_of_a_bounded_size_are_read(root: Path) -> None:
    os.mkfifo(root / "fifo")
    for path in ("fifo", "etc"):
        with pytest.raises(OSError) as error:
            securejoin.read_beneath(str(root), path)
        assert error.value.errno == errno.EINVAL
    with pytest.raises(OSError) as error:
        securejoin.read_beneath(str(root), "etc/passwd", limit=14)
    assert error.value.errno == errno.EFBIG
    assert securejoin.read_beneath(str(root), "etc/passwd", limit=15) is not None


def test_files_are_opened_and_created_beneath_the_root_only(root: Path) -> None:
    made = securejoin.open_beneath(str(root), "/a/up/etc-link/new", os.O_WRONLY | os.O_CREAT, 0o640)
    os.close(made)
    assert stat.S_IMODE((root / "etc/new").stat().st_mode) == 0o640
    descriptor = securejoin.open_beneath(str(root), "absolute", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.write(descriptor, b"changed")
    os.close(descriptor)
    assert (root / "etc/passwd").read_text() == "changed"
    assert (root.parent / "etc/passwd").read_text() == "the host's"
    os.close(securejoin.open_beneath(str(root), "a/up", os.O_RDONLY | os.O_DIRECTORY))
    for path, flags, number in [
        ("no", os.O_RDONLY, errno.ENOENT),
        ("no/such", os.O_WRONLY | os.O_CREAT, errno.ENOENT),
        ("etc", os.O_WRONLY, errno.EISDIR),
        ("etc/passwd", os.O_WRONLY | os.O_CREAT | os.O_EXCL, errno.EEXIST),
    ]:
        with pytest.raises(OSError) as error:
            securejoin.open_beneath(str(root), path, flags)
        assert error.value.errno == number


def test_resolved_parent_stays_open_and_missing_components_are_named(root: Path) -> None:
    for path, folder, name in (
        ("etc-link/passwd", "etc", "passwd"),
        ("a/up/etc", ".", "etc"),
        ("absolute", "etc", "passwd"),
    ):
        held, leaf = securejoin.hold(str(root), path)
        assert os.path.samestat(os.fstat(held), os.stat(root / folder)) and leaf == name
        os.close(held)
    for path, end, missing in (
        ("etc-link", "etc", []),
        ("absolute", "etc/passwd", []),
        ("a/b/new/../deeper", "a/b", ["new", "..", "deeper"]),
        ("dangling/x", ".", ["not", "there", "x"]),
    ):
        held, rest = securejoin.way_to(str(root), path)
        assert os.path.samestat(os.fstat(held), os.stat(root / end)) and rest == missing
        os.close(held)
    for path, number in (("dangling", errno.ENOENT), ("a/up", errno.EBUSY), ("/", errno.EBUSY), ("loop", errno.ELOOP)):
        with pytest.raises(OSError) as caught:
            securejoin.hold(str(root), path)
        assert caught.value.errno == number


def test_missing_directories_are_made_inside(root: Path) -> None:
    owner = (os.geteuid(), os.getegid())
    made = securejoin.make_directories(str(root), "/dangling/x", 0o751, owner)
    assert made == str(root / "not/there/x") == securejoin.make_directories(str(root), "dangling/x", 0o751, owner)
    assert stat.S_IMODE((root / "not").stat().st_mode) == 0o751
    assert securejoin.make_directories(str(root), "host/y", 0o755, owner).startswith(f"{root}/")
    assert sorted(path.name for path in root.parent.iterdir()) == ["etc", "secret", "tree"]


def link_farm(root: Path, seed: int) -> list[str]:
    """Create random directories, files and links; return paths to try in them."""
    chance = random.Random(seed)
    names = ["a", "b", "c", "d"]
    folders = [root]
    for _number in range(25):
        place = chance.choice(folders) / chance.choice(names)
        if place.exists() or place.is_symlink():
            continue
        kind = chance.randrange(4)
        if kind == 0:
            place.mkdir()
            folders.append(place)
        elif kind == 1:
            place.write_text("inside")
        else:
            parts = [chance.choice([*names, "..", "..", "."]) for _part in range(chance.randint(1, 6))]
            os.symlink(chance.choice(["", "/", "../../../../"]) + "/".join(parts), place)
    steps = list(itertools.product([*names, ".."], repeat=3))
    return ["/".join(step) for step in chance.sample(steps, 60)]


@pytest.mark.skipif(os.geteuid() != 0, reason="compares with chroot(2)")
@pytest.mark.parametrize("seed", range(12))
def test_walk_agrees_with_the_kernels_chroot(tmp_path: Path, seed: int) -> None:
    paths = link_farm(tmp_path, seed)
    ours = [outcome(tmp_path, path) for path in paths]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.chroot(tmp_path)
        os.chdir("/")
        with os.fdopen(writing, "w") as pipe:
            pipe.write("\n".join(kernels(path) for path in paths))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        theirs = pipe.read().split("\n")
    os.waitpid(child, 0)
    assert dict(zip(paths, ours)) == dict(zip(paths, theirs))


def kernels(path: str) -> str:
    try:
        return str(os.stat(f"/{path}").st_ino)
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def outcome(root: Path, path: str) -> str:
    try:
        descriptor = securejoin.open_beneath(str(root), path, os.O_PATH)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    try:
        return str(os.fstat(descriptor).st_ino)
    finally:
        os.close(descriptor)


@pytest.fixture
def swapping(root: Path) -> Iterator[None]:
    """Let a thread swap ``a`` between a directory and a link to the host's tree."""
    done = threading.Event()
    os.symlink(root.parent, root / "evil")
    (root / "a/secret").write_text("inside")

    def swap() -> None:
        while not done.is_set():
            for first, second in (("a", "good"), ("evil", "a"), ("a", "evil"), ("good", "a")):
                os.rename(root / first, root / second)

    thread = threading.Thread(target=swap)
    thread.start()
    yield
    done.set()
    thread.join()


@pytest.mark.usefixtures("swapping")
def test_tree_changed_concurrently_never_leads_outside(root: Path) -> None:
    seen = {
        securejoin.read_beneath(str(root), path) for path in ("a/secret", "a/b/../secret", "a/b/../../a/secret") * 700
    }
    assert seen <= {b"inside", None}


def test_descriptors_are_not_leaked(root: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for path in ("absolute", "loop", "no/such", "etc/passwd/x", "a/up", "fifo"):
        for call in (securejoin.resolve, securejoin.read_beneath):
            try:
                call(str(root), path)
            except OSError:
                pass
    assert len(os.listdir("/proc/self/fd")) == before


def _regular(root: Path, path: str, *, write: bool, user: int = -2) -> int:
    """Open a file, by default as this process's user."""
    folder = os.open(root, os.O_PATH | os.O_DIRECTORY)
    try:
        return securejoin.open_regular(folder, path, os.geteuid() if user == -2 else user, write=write)
    finally:
        os.close(folder)


def test_regular_file_is_created_emptied_or_read_by_links_that_stay_inside(root: Path) -> None:
    for path, place in (("/new", "new"), ("etc-link/new", "etc/new"), ("absolute", "etc/passwd"), ("up", "secret")):
        with open(_regular(root, path, write=True), "w", encoding="ascii") as file:
            file.write("written")
        assert (root / place).read_text() == "written", path
        with open(_regular(root, path, write=False), encoding="ascii") as file:
            assert file.read() == "written"
        os.close(_regular(root, path, write=True))
        assert (root / place).stat().st_size == 0
    assert (root.parent / "secret").read_text() == "outside"
    assert (root.parent / "etc/passwd").read_text() == "the host's"
    os.symlink("made-by-link", root / "dangling-here")
    os.close(_regular(root, "dangling-here", write=True))
    assert (root / "made-by-link").is_file() and (root / "dangling-here").is_symlink()


@pytest.mark.parametrize(
    ("path", "write", "number"),
    [
        ("no", False, errno.ENOENT),
        ("no/such", True, errno.ENOENT),
        ("no/..", True, errno.ENOENT),
        ("dangling", True, errno.ENOENT),
        ("etc", False, errno.EISDIR),
        ("etc", True, errno.EISDIR),
        ("", True, errno.EISDIR),
        ("/", False, errno.EISDIR),
        ("new/", True, errno.EISDIR),
        ("new/.", True, errno.EISDIR),
        ("etc/passwd/", True, errno.ENOTDIR),
        ("etc/passwd/x", False, errno.ENOTDIR),
        ("loop", True, errno.ELOOP),
        ("fifo", False, errno.EINVAL),
        ("fifo", True, errno.EINVAL),
    ],
)
def test_what_is_no_regular_file_is_not_opened(root: Path, path: str, write: bool, number: int) -> None:
    os.mkfifo(root / "fifo")
    before = sorted(os.listdir(root))
    with pytest.raises(OSError) as error:
        os.close(_regular(root, path, write=write))
    assert error.value.errno == number
    assert sorted(os.listdir(root)) == before


def test_files_of_the_kernel_are_not_opened() -> None:
    for path in ("proc/self/status", "proc/sys/kernel/hostname", "sys/kernel/notes"):
        if os.path.exists(f"/{path}"):
            with pytest.raises(OSError, match="a file of the kernel"):
                os.close(_regular(Path("/"), path, write=False))


def test_links_and_files_of_others_in_a_shared_folder_are_refused(root: Path) -> None:
    (root / "shared").mkdir()
    (root / "shared/file").write_text("x")
    (root / "shared/link").symlink_to("/etc/passwd")
    other = os.geteuid() + 1
    for path, write in (("shared/link", False), ("shared/link", True), ("shared/file", True)):
        os.close(_regular(root, path, write=write, user=other))
    if os.geteuid() == 0:
        for name in ("file", "link"):
            os.chown(root / f"shared/{name}", 12, 12, follow_symlinks=False)
        (root / "shared").chmod(0o1777)
        for path, write in (("shared/link", False), ("shared/link", True), ("shared/file", True)):
            with pytest.raises(PermissionError, match="in a directory that all may write to"):
                os.close(_regular(root, path, write=write, user=other))
            os.close(_regular(root, path, write=write, user=12))
        os.close(_regular(root, "shared/file", write=False, user=other))


def test_file_that_is_swapped_meanwhile_is_never_one_outside(root: Path) -> None:
    (root / "kinds").mkdir()
    os.mkfifo(root / "kinds/fifo")
    os.symlink("/../../secret", root / "kinds/link")
    (root / "kinds/file").write_text("x")
    ended = threading.Event()

    def swap() -> None:
        for name in itertools.cycle(("fifo", "link", "file", "")):
            if ended.is_set():
                return
            if not name:
                (root / "end").unlink(missing_ok=True)
                continue
            os.link(root / f"kinds/{name}", root / "next", follow_symlinks=False)
            os.rename(root / "next", root / "end")
            (root / "next").unlink(missing_ok=True)  # a rename between two names of one file does nothing

    thread = threading.Thread(target=swap)
    thread.start()
    numbers = set()
    try:
        for _turn in range(3000):
            try:
                os.close(_regular(root, "end", write=True))
                numbers.add(0)
            except OSError as error:
                numbers.add(error.errno or 0)
    finally:
        ended.set()
        thread.join()
    assert numbers <= {0, errno.EINVAL, errno.EBUSY} and len(numbers) > 1
    assert (root.parent / "secret").read_text() == "outside"
