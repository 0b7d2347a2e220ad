# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database of podman's containers: read back as written, whole after any cut, and refused where it is damaged."""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path
from typing import Iterator, Optional

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.podman import bolt
from ansible_collections.libpod.engine.plugins.module_utils._drivers.podman.bolt import Bucket
from ansible_collections.libpod.engine.plugins.module_utils._model import failpoints
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidState, MalformedData
from hypothesis import given, settings
from hypothesis import strategies as st

PAGE = 4096
VALUES = st.binary(max_size=40) | st.sampled_from([b"", b"x" * 3000, b"y" * 20000])
TREES = st.recursive(
    st.dictionaries(st.binary(min_size=1, max_size=12), VALUES, max_size=6),
    lambda inner: st.dictionaries(st.binary(min_size=1, max_size=12), VALUES | inner, max_size=12),
    max_leaves=40,
)


def empty(path: Path) -> str:
    """Write a database as bbolt creates one: two metas, a list of free pages, and an empty root."""

    def page(number: int, flags: int, body: bytes = b"") -> bytes:
        return (struct.pack("<QHHI", number, flags, 0, 0) + body).ljust(PAGE, b"\0")

    def meta(number: int) -> bytes:
        body = struct.pack("<IIIIQQQQQ", 0xED0CDAED, 2, PAGE, 0, 3, 0, 2, 4, number)
        return page(number, 4, body + struct.pack("<Q", bolt._checksum(body)))

    path.write_bytes(meta(0) + meta(1) + page(2, 0x10) + page(3, 2))
    return str(path)


def made(tree: object) -> Bucket:
    """Return a tree as a bucket."""
    assert isinstance(tree, dict)
    return Bucket({key: made(value) if isinstance(value, dict) else value for key, value in tree.items()})


def content(path: str) -> Bucket:
    with bolt.opened(path) as database:
        return database.root


def write(path: str, tree: object) -> None:
    with bolt.opened(path) as database:
        database.root = made(tree)
        database.commit()


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> str:
    return empty(tmp_path / "db")


@settings(max_examples=60, deadline=None)
@given(trees=st.lists(TREES, min_size=1, max_size=4))
def test_what_is_written_is_read(trees: list[object], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = empty(tmp_path_factory.mktemp("bolt") / "db")
    for tree in trees:
        write(path, tree)
        assert content(path) == made(tree)


def test_large_trees_have_branches_and_the_file_stops_growing(path: str) -> None:
    tree = {b"%05d" % number: b"v" * (number % 300) for number in range(3000)}
    sizes = []
    for _turn in range(4):
        write(path, {b"all": tree, b"one": {b"a": {b"b": b"c"}}})
        sizes.append(os.stat(path).st_size)
    assert content(path).bucket(b"all") == tree and content(path).bucket(b"one", b"a") == {b"b": b"c"}
    assert sizes[1] == sizes[2] == sizes[3] and sizes[0] % PAGE == 0


def test_sequence_of_a_bucket_stays(path: str) -> None:
    with bolt.opened(path) as database:
        inner = made({b"k": b"v"})
        inner.sequence = 7
        database.root[b"b"] = inner
        database.commit()
    assert content(path).bucket(b"b").sequence == 7


@contextlib.contextmanager
def ended_at(name: str) -> Iterator[None]:
    """End a commit at a failpoint, as a kill does."""

    def end(reached: str) -> None:
        if reached == name:
            raise KeyboardInterrupt

    failpoints.observe(end)
    with contextlib.suppress(KeyboardInterrupt):
        yield
    failpoints.observe(None)


@pytest.mark.parametrize("point", ("write podman's database", "commit podman's database"))
def test_ended_commit_leaves_what_was_there(path: str, point: str) -> None:
    write(path, {b"before": b"x" * 10000})
    with ended_at(point):
        write(path, {b"after": b"y" * 10000})
    assert content(path) == {b"before": b"x" * 10000}


@pytest.mark.parametrize("length", (0, 8, 30, 60, 72))
def test_torn_meta_page_leaves_what_was_there(path: str, length: int) -> None:
    write(path, {b"before": b"1"})
    before = Path(path).read_bytes()
    write(path, {b"after": b"2"})
    after = Path(path).read_bytes()
    # txid 1, 2, 3: the last commit wrote meta 1.
    torn = after[: PAGE + 16] + after[PAGE + 16 :][:length] + before[PAGE + 16 + length : 2 * PAGE] + after[2 * PAGE :]
    Path(path).write_bytes(torn)
    assert content(path) in ({b"before": b"1"}, {b"after": b"2"}) and (length == 72) == (b"after" in content(path))


def damage(path: str, offset: int, data: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


@pytest.mark.parametrize(
    "offset, data",
    (
        (0, b"\xff" * 2 * PAGE),
        (3 * PAGE + 8, struct.pack("<HHI", 1, 1, 0) + struct.pack("<IIQ", 16, 0, 3)),
        (3 * PAGE + 8, struct.pack("<HHI", 1, 1, 0) + struct.pack("<IIQ", 16, 0, 999)),
        (3 * PAGE + 8, struct.pack("<HHI", 2, 9, 0)),
        (3 * PAGE + 8, struct.pack("<HHI", 2, 1, 0) + struct.pack("<IIII", 0, 16, 9999, 1)),
        (3 * PAGE + 8, struct.pack("<HHI", 2, 1, 50)),
        (3 * PAGE + 8, struct.pack("<HHI", 7, 0, 0)),
        # Two elements with one value of most of the page.
        (3 * PAGE + 8, struct.pack("<HHI", 2, 2, 0) + struct.pack("<IIIIIIII", 0, 32, 1, 4000, 0, 16, 1, 4000)),
    ),
)
def test_damaged_database_is_refused(path: str, offset: int, data: bytes) -> None:
    damage(path, offset, data)
    with pytest.raises(MalformedData, match="is no database of podman's, or is damaged"):
        content(path)


def test_nesting_without_end_is_refused(path: str) -> None:
    tree: Optional[dict[bytes, object]] = {b"k": b"v"}
    for _level in range(100):
        tree = {b"b": tree, b"filler": b"f" * 2000}
    write(path, tree)
    with pytest.raises(MalformedData, match="nested too deep"):
        content(path)


def test_database_that_cannot_be_opened_for_a_change_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(empty(tmp_path / "db"))
    for there in (tmp_path / "link", tmp_path):
        with pytest.raises(InvalidState, match="expected a file on a file system that can be written to, and no link"):
            content(str(there))
