# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts file of a container, changed in place: what it says before, during and after, and that it does not grow."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator, Sequence

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import hosts_file
from ansible_collections.libpod.engine.plugins.module_utils._drivers.hosts_file import Line, Neighbours
from ansible_collections.libpod.engine.plugins.module_utils._model.records.network import own_lines
from hypothesis import given, settings
from hypothesis import strategies as st

OWN = b"10.0.0.1\tme self # of the container\n127.0.0.1\tlocalhost\n::1\tlocalhost\n"
BLOCK = 1024
# 30 containers of one or two lines; some names are of several.
LINES = st.builds(
    lambda number, aliases: Line(f"10.0.1.{number}", (f"container-{number}", *sorted(aliases), f"{number:012x}")),
    st.integers(1, 30),
    st.sets(st.sampled_from(["db", "cache", "web", "a-name-that-is-so-long-that-its-line-takes-a-slot-of-128"])),
)
MEMBERS = st.lists(LINES, max_size=20, unique_by=lambda line: line.address)


def applied(content: bytes, neighbours: Neighbours) -> bytes:
    states = list(during(content, neighbours))
    return states[-1]


def during(content: bytes, neighbours: Neighbours) -> Iterator[bytes]:
    """Yield the file before and after each write."""
    file = bytearray(content)
    yield bytes(file)
    for offset, data in hosts_file.changes(content, neighbours):
        assert offset <= len(file), "a hole"
        file[offset : offset + len(data)] = data
        yield bytes(file)


def read(content: bytes) -> list[tuple[str, tuple[str, ...]]]:
    """Return addresses and names by line, as a C library finds them."""
    found = []
    for line in content.decode().split("\n"):
        address, *names = line.partition("#")[0].split() or [""]
        if names:
            found.append((address, tuple(names)))
    return found


def plain(lines: Sequence[Line]) -> set[tuple[str, tuple[str, ...]]]:
    return {(line.address, line.names) for line in lines}


@given(st.lists(MEMBERS, max_size=8))
@settings(max_examples=60, deadline=None)
def test_file_has_its_own_lines_and_exactly_the_neighbours(turns: list[list[Line]]) -> None:
    content, most = OWN, 0
    for lines in turns:
        neighbours = Neighbours(lines)
        content = applied(content, neighbours)
        assert own_lines(content) == OWN
        assert sorted(read(content)) == sorted([*read(OWN), *plain(lines)])
        for name in ("db", "cache", "web"):
            addresses = [address for address, names in read(content) if name in names]
            assert addresses == [line.address for line in lines if name in line.names], "in the order asked for"
        assert not hosts_file.changes(content, neighbours), "nothing is left to do"
        most = max(most, len(lines))
    # Free slots are used again: a line takes 128 bytes at most, a moved one leaves one behind, and blocks have ends.
    assert len(content) <= len(OWN) + 64 + 2 * 160 * (most + 1)


@given(MEMBERS, MEMBERS)
@settings(max_examples=60, deadline=None)
def test_reader_never_sees_a_torn_or_missing_line(before: list[Line], after: list[Line]) -> None:
    old = applied(OWN, Neighbours(before))
    states = list(during(old, Neighbours(after)))
    may, must = {*read(OWN), *plain(before), *plain(after)}, {*read(OWN), *(plain(before) & plain(after))}
    seen = [*states]
    # A reader takes a block at a time, and changes come in between.
    for earlier, later in zip(states, states[1:]):
        seen += [earlier[:end] + later[end:] for end in range(BLOCK, len(earlier) + 1, BLOCK)]
        # What is appended may be there up to the end of a block.
        seen += [later[:end] for end in range(BLOCK, len(later), BLOCK) if end > len(earlier)]
    seen += [old[:end] + states[-1][end:] for end in range(BLOCK, len(old) + 1, BLOCK)]
    for content in seen:
        assert must <= set(read(content)) <= may


def test_program_that_reads_all_the_time_finds_every_line(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    stays = [Line(f"10.0.2.{number}", (f"stays-{number}", f"{number:012x}")) for number in range(0, 40, 2)]
    flaps = [Line(f"10.0.2.{number}", (f"flaps-{number}", f"{number:012x}")) for number in range(1, 40, 2)]
    both = sorted([*stays, *flaps])
    hosts_file.replace(str(path), OWN, Neighbours(both))
    pid = os.fork()
    if pid == 0:
        for turn in range(400):
            hosts_file.put(str(path), Neighbours([line for line in both if line in stays or hash((line, turn)) % 3]))
        os._exit(0)
    may, must, looks = {*read(OWN), *plain(both)}, {*read(OWN), *plain(stays)}, 0
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        content = b""
        with open(path, "rb", buffering=0) as file:
            while block := file.read(BLOCK):
                content += block
        assert must <= set(read(content)) <= may
        looks += 1
    assert looks > 10


def test_line_is_written_behind_a_comment_sign_that_goes_last() -> None:
    first = Neighbours([Line("10.0.0.2", ("first",))])
    content = applied(OWN, first)
    gone = hosts_file.changes(content, Neighbours(()))
    assert [data for _offset, data in gone] == [b"#"] and content[gone[0][0] :].startswith(b"10.0.0.2\tfirst ")
    content = applied(content, Neighbours(()))
    (at, body), (first_at, byte) = hosts_file.changes(content, Neighbours([Line("10.0.0.3", ("second",))]))
    assert (at - 1, byte) == (first_at, b"1") and body.startswith(b"0.0.0.3\tsecond ") and body.endswith(b"libpod\n")


def test_own_names_are_never_a_neighbours() -> None:
    content = applied(OWN, Neighbours([Line("10.0.0.2", ("SELF", "other", "localhost")), Line("10.0.0.3", ("me",))]))
    assert read(content)[len(read(OWN)) :] == [("10.0.0.2", ("other",))]
    # Once a user writes a name into the file, it is theirs; and then again the neighbour's.
    edited = content.replace(b"self # of", b"self other # of")
    both = Neighbours([Line("10.0.0.2", ("other",))])
    assert ("10.0.0.2", ("other",)) not in read(applied(edited, both))
    assert ("10.0.0.2", ("other",)) in read(applied(content, both))


@pytest.mark.parametrize(
    "own",
    [b"", b"192.0.2.1 x", b"192.0.2.1 x\r\n", b"\0\xff x y\n", b"#\n" * 3000, b"# by libpod\n", b" # by libpod\n\n"],
)
def test_whatever_the_file_has_neighbours_are_found_and_the_rest_stays(own: bytes) -> None:
    line = Line("10.0.0.2", ("other",))
    content = applied(own, Neighbours([line]))
    assert content.startswith(own) and (b"\n" + content).count(b"\n10.0.0.2\tother ") == 1
    assert not hosts_file.changes(content, Neighbours([line]))
    assert b"10.0.0.2" not in applied(content, Neighbours(()))


def test_lines_are_short_enough_for_every_c_library() -> None:
    names = [f"{'n' * 180}{number}" for number in range(12)]
    content = applied(OWN, Neighbours([Line("2001:db8::1", tuple(names))]))
    assert max(map(len, content.split(b"\n"))) < 512
    assert [name for address, found in read(content) if address == "2001:db8::1" for name in found] == names
    assert not hosts_file.changes(content, Neighbours([Line("2001:db8::1", tuple(names))]))


def test_replacement_keeps_the_inode_and_puts_the_whole_text_at_once(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_bytes(b"192.0.2.1 old\n" * 1000)
    inode = os.stat(path).st_ino
    hosts_file.replace(str(path), OWN, Neighbours([Line("10.0.0.2", ("other",))]))
    assert os.stat(path).st_ino == inode and own_lines(path.read_bytes()) == OWN
    assert ("10.0.0.2", ("other",)) in read(path.read_bytes())
    hosts_file.put(str(path), Neighbours(()))
    assert read(path.read_bytes()) == read(OWN)


def test_file_that_the_container_has_filled_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    with open(path, "wb") as file:
        file.truncate(1 << 40)
    hosts_file.put(str(path), Neighbours([Line("10.0.0.2", ("other",))]))
    assert os.stat(path).st_size == 1 << 40
