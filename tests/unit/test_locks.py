# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks: one holder at a time among threads and processes, even if the file is removed."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._store.locks import FileLock, hold_all
from ansible_collections.libpod.engine.tests.support.process import eventually


def wait_for_waiters(path: str, count: int = 1) -> None:
    """Return once this many processes wait for the lock according to proc_locks(5)."""
    inode = os.stat(path).st_ino

    def waiting() -> bool:
        with open("/proc/locks", encoding="ascii") as file:
            return sum("->" in line and f":{inode} " in line for line in file) >= count

    eventually(waiting)


def is_free(path: str) -> bool:
    """Return whether another process gets the lock without waiting."""
    return subprocess.run(["flock", "-n", path, "true"], check=False).returncode == 0


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "web.lock")


def test_lock_excludes_other_processes_until_released(path: str) -> None:
    with FileLock(path):
        assert not is_free(path)
    assert is_free(path)


def test_lock_can_be_entered_again_and_is_free_after_the_last_exit(path: str) -> None:
    lock = FileLock(path)
    assert not lock.held
    with lock as outer, lock as inner:
        assert outer is inner is lock and lock.depth == 2
    assert not lock.held
    with lock:
        with lock:
            pass
        assert lock.held and lock.depth == 1 and not is_free(path)
    assert is_free(path)


def test_lock_is_released_on_an_exception(path: str) -> None:
    lock = FileLock(path)
    with pytest.raises(ValueError, match="x"), lock:
        raise ValueError("x")
    assert not lock.held and is_free(path)


def test_lock_of_a_process_that_was_killed_is_free(path: str) -> None:
    command = ["flock", "--no-fork", path, "sh", "-c", "echo held; exec sleep 60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout and holder.stdout.readline() == b"held\n"
        assert not is_free(path)
        holder.kill()
    with FileLock(path):
        assert not is_free(path)


def test_lock_is_not_inherited_by_programs(path: str) -> None:
    with FileLock(path):
        child = subprocess.Popen(["sleep", "60"])
    try:
        assert is_free(path)
    finally:
        child.kill()
        child.wait()


def test_waiter_locks_a_new_file_after_the_old_one_is_removed(path: str) -> None:
    held, go = threading.Event(), threading.Event()

    def wait() -> None:
        with FileLock(path):
            held.set()
            go.wait(60)

    waiter = threading.Thread(target=wait)
    with FileLock(path) as lock:
        waiter.start()
        wait_for_waiters(path)
        lock.discard()
        assert not os.path.exists(path) and not held.is_set()
    assert held.wait(60)
    try:
        assert os.path.exists(path) and not is_free(path)
    finally:
        go.set()
        waiter.join()
    assert is_free(path)


def test_lock_file_may_be_removed_twice(path: str) -> None:
    with FileLock(path) as lock:
        lock.discard()
        lock.discard()
    assert not os.path.exists(path)


def test_lock_has_one_holder_at_a_time_while_each_removes_the_file(path: str) -> None:
    inside, most, rounds = [0], [0], [0]

    def work() -> None:
        for number in range(60):
            with FileLock(path) as lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                rounds[0] += 1
                time.sleep(0)
                inside[0] -= 1
                # From here on another process may hold a new file.
                if number % 2:
                    lock.discard()

    threads = [threading.Thread(target=work) for _turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] and rounds == [240]


def test_lock_recreates_directories_lost_in_a_reboot(tmp_path: Path) -> None:
    folder = tmp_path / "run/locks"
    with FileLock(str(folder / "web.lock")):
        assert not is_free(str(folder / "web.lock"))
    assert [one.stat().st_mode & 0o777 for one in (folder, folder.parent)] == [0o700, 0o700]


def test_lock_whose_directory_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    for folder in ("file", "file/locks", "dangling"):
        lock = FileLock(f"{tmp_path}/{folder}/web.lock")
        with pytest.raises(OSError, match="file|dangling"):
            lock.__enter__()
        assert not lock.held


def test_waiting_for_one_of_several_locks_holds_no_other(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{name}.lock") for name in "abc"]
    done = threading.Event()

    def take_all() -> None:
        with hold_all([FileLock(path) for path in paths]):
            assert not any(is_free(path) for path in paths)
            done.set()

    with FileLock(paths[1]):
        waiting = threading.Thread(target=take_all)
        waiting.start()
        wait_for_waiters(paths[1])
        assert is_free(paths[0]) and is_free(paths[2]) and not done.is_set()
    waiting.join(60)
    assert done.is_set() and all(is_free(path) for path in paths)
