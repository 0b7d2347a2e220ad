# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes copied between files, pipes and sockets, whatever blocks; and the IDs and capabilities of a file's user."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from pathlib import Path
from typing import Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.trees import content
from ansible_collections.libpod.engine.plugins.module_utils._model.id_map import IdMap, mapped_to, to_host
from ansible_collections.libpod.engine.plugins.module_utils._spec import capabilities

BYTES = bytes(range(256)) * 12_345


def _read_all(descriptor: int, into: list[bytes]) -> threading.Thread:
    def read() -> None:
        while block := os.read(descriptor, 1 << 16):
            into.append(block)
            time.sleep(0)

    thread = threading.Thread(target=read)
    thread.start()
    return thread


def _write_all(descriptor: int, close: Callable[[int], None]) -> threading.Thread:
    def write() -> None:
        for place in range(0, len(BYTES), 100_000):
            left = memoryview(BYTES[place : place + 100_000])
            while left:
                left = left[os.write(descriptor, left) :]
        close(descriptor)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


@pytest.mark.parametrize("append", [False, True])
@pytest.mark.parametrize("size", [0, 1, len(BYTES)])
def test_file_is_copied_from_its_position_on(tmp_path: Path, size: int, append: bool) -> None:
    (tmp_path / "source").write_bytes(b"before" + BYTES[:size])
    reader = os.open(tmp_path / "source", os.O_RDONLY)
    writer = os.open(tmp_path / "target", os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else 0))
    os.lseek(reader, 6, os.SEEK_SET)
    os.write(writer, b"first")
    assert content.copy(reader, writer) == size
    os.write(writer, b"last")
    os.close(reader)
    os.close(writer)
    assert (tmp_path / "target").read_bytes() == b"first" + BYTES[:size] + b"last"


def test_file_without_a_size_is_copied(tmp_path: Path) -> None:
    reader, writer = os.open("/proc/self/cmdline", os.O_RDONLY), os.open(tmp_path / "f", os.O_WRONLY | os.O_CREAT)
    assert content.copy(reader, writer) > 0
    os.close(reader)
    os.close(writer)
    assert (tmp_path / "f").read_bytes() == Path("/proc/self/cmdline").read_bytes()


@pytest.mark.parametrize("blocking", [False, True])
@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_stream_is_copied_into_a_file_and_out_of_one(tmp_path: Path, kind: str, blocking: bool) -> None:
    for into in (True, False):
        if kind == "pipe":
            reader, writer = os.pipe()
        else:
            reader, writer = (one.detach() for one in socket.socketpair())
        path = tmp_path / "f"
        got: list[bytes] = []
        if into:
            os.set_blocking(reader, blocking)
            thread = _write_all(writer, os.close)
            file = os.open(path, os.O_WRONLY | os.O_CREAT)
            assert content.copy(reader, file) == len(BYTES)
            os.close(reader)
        else:
            os.set_blocking(writer, blocking)
            thread = _read_all(reader, got)
            file = os.open(path, os.O_RDONLY)
            assert content.copy(file, writer) == len(BYTES)
            os.close(writer)
        thread.join()
        os.close(file)
        assert path.read_bytes() == BYTES and b"".join(got) == (b"" if into else BYTES)


def test_error_says_which_side_failed(tmp_path: Path) -> None:
    full, zeros = os.open("/dev/full", os.O_WRONLY), os.open("/dev/zero", os.O_RDONLY)
    (tmp_path / "f").write_bytes(BYTES)
    for reader in (os.open(tmp_path / "f", os.O_RDONLY), zeros):
        with pytest.raises(OSError) as error:
            content.copy(reader, full)
        assert (error.value.errno, isinstance(error.value, content.ReadFailed)) == (errno.ENOSPC, False)
        os.close(reader)
    folder = os.open(tmp_path, os.O_RDONLY)
    null = os.open("/dev/null", os.O_WRONLY)
    with pytest.raises(content.ReadFailed) as failed:
        content.copy(folder, null)
    assert failed.value.errno == errno.EISDIR
    for descriptor in (folder, null, full):
        os.close(descriptor)


def test_interruption_ends_a_copy_that_waits(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    full_reader, full = os.pipe()
    os.set_blocking(full, False)
    (tmp_path / "f").write_bytes(BYTES)
    file = os.open(tmp_path / "f", os.O_RDONLY)
    for source, target in ((reader, full), (file, full)):
        ends = time.monotonic() + 0.2
        with pytest.raises(content.Interrupted):
            content.copy(source, target, lambda ends=ends: time.monotonic() < ends)  # type: ignore[misc]
    for descriptor in (reader, writer, full_reader, full, file):
        os.close(descriptor)


def test_only_a_mapped_id_has_a_number_outside() -> None:
    maps = [IdMap(0, 100_000, 1000), IdMap(5000, 7, 1)]
    numbers = (0, 999, 5000, 1000, 4999, 5001)
    assert [mapped_to(number, maps) for number in numbers] == [100_000, 100_999, 7, None, None, None]
    assert [to_host(number, maps) for number in numbers] == [100_000, 100_999, 7, 1000, 4999, 5001]


def test_set_of_capabilities_has_the_kernels_bits() -> None:
    assert capabilities.bits(["CAP_CHOWN", "CAP_FOWNER", "CAP_CHECKPOINT_RESTORE"]) == 1 | 1 << 3 | 1 << 40
    assert capabilities.bits([]) == 0
    for number in (0, 0x1FF, (1 << 41) - 1):
        assert capabilities.bits(capabilities.named(number)) == number
