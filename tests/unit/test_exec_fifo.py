# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The FIFO of a created container: both ends that the OCI runtimes have there, and none."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Callable, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.oci import exec_fifo
from ansible_collections.libpod.engine.plugins.module_utils._model import failpoints

ANY_TIME = 0.0


@pytest.fixture
def fifo(tmp_path: Path) -> str:
    path = str(tmp_path / "exec.fifo")
    os.mkfifo(path)
    return path


@pytest.fixture
def observed() -> Iterator[list[str]]:
    names: list[str] = []
    failpoints.observe(names.append)
    yield names
    failpoints.observe(None)


def _writes(path: str, wait: Callable[[], None] = lambda: None) -> threading.Thread:
    """Wait for a reader and write, as the process of runc's container does."""
    held = os.open(path, os.O_PATH)

    def write() -> None:
        descriptor = os.open(f"/proc/self/fd/{held}", os.O_WRONLY)
        wait()
        os.write(descriptor, b"0")
        os.close(descriptor)
        os.close(held)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def test_process_that_waits_for_a_reader_goes_on(fifo: str) -> None:
    process = _writes(fifo)
    assert exec_fifo.release(fifo, process.is_alive, ANY_TIME)
    process.join()
    assert not os.path.exists(fifo)


def test_slow_process_is_waited_for_while_it_lives(fifo: str) -> None:
    asked: list[float] = []
    process = _writes(fifo, lambda: time.sleep(0.4))

    def lives() -> bool:
        asked.append(time.monotonic())
        return process.is_alive()

    assert exec_fifo.release(fifo, lives, ANY_TIME) and asked
    process.join()


def test_process_that_reads_goes_on(fifo: str, observed: list[str]) -> None:
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    assert exec_fifo.release(fifo, lambda: True, ANY_TIME)
    assert os.read(reader, 10) == b"\0"
    os.close(reader)
    assert observed == ["release exec.fifo", "unlink exec.fifo"] and not os.listdir(os.path.dirname(fifo))


@pytest.mark.parametrize(("lives", "seconds"), [(False, ANY_TIME), (True, 0.3)])
def test_fifo_without_a_process_is_left_to_the_command(fifo: str, lives: bool, seconds: float) -> None:
    assert not exec_fifo.release(fifo, lambda: lives, seconds)
    assert os.listdir(os.path.dirname(fifo)) == ["exec.fifo"]


def test_process_that_ends_before_it_writes_is_left_to_the_command(fifo: str) -> None:
    held = os.open(fifo, os.O_PATH)
    process = threading.Thread(target=lambda: os.close(os.open(f"/proc/self/fd/{held}", os.O_WRONLY)))
    process.start()
    assert not exec_fifo.release(fifo, process.is_alive, ANY_TIME)
    process.join()
    os.close(held)
    assert os.path.exists(fifo)


def test_no_fifo_is_left_to_the_command(tmp_path: Path) -> None:
    assert not exec_fifo.release(f"{tmp_path}/exec.fifo", lambda: True, ANY_TIME)


def test_fifo_that_the_exit_command_has_removed_is_no_error(fifo: str) -> None:
    process = _writes(fifo)
    failpoints.observe(lambda name: os.unlink(exec_fifo.interrupted(fifo)) if name.startswith("unlink") else None)
    try:
        assert exec_fifo.release(fifo, process.is_alive, ANY_TIME)
    finally:
        failpoints.observe(None)
    process.join()


@pytest.mark.parametrize(
    ("hooks", "suffices"), [(None, True), ({"prestart": []}, True), ({"poststart": [{"path": "/bin/true"}]}, False)]
)
def test_hooks_after_the_start_need_the_command(tmp_path: Path, hooks: object, suffices: bool) -> None:
    spec = {"ociVersion": "1.0.2", **({"hooks": hooks} if hooks else {})}
    (tmp_path / "config.json").write_text(json.dumps(spec, separators=(",", ":")), encoding="utf-8")
    assert exec_fifo.suffices(str(tmp_path)) is suffices


def test_bundle_without_a_specification_needs_the_command(tmp_path: Path) -> None:
    assert not exec_fifo.suffices(str(tmp_path))
