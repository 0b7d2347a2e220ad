# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets kept in flight: held, listed and released by copies of another process's descriptors."""

from __future__ import annotations

import os
import socket
from typing import Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.conmon import fd_store
from ansible_collections.libpod.engine.plugins.module_utils._model import failpoints


@pytest.fixture
def ends() -> Iterator[fd_store.Pair]:
    """Return a pair of copied descriptors, as another process would have it."""
    try:
        made = fd_store.pair()
    except PermissionError:
        pytest.skip("needs CAP_NET_ADMIN")
    with fd_store.of_process(os.getpid(), (made[0].fileno(), made[1].fileno())) as copies:
        yield copies
    for one in made:
        one.close()


def bound(ends: fd_store.Pair, label: str) -> tuple[str, int]:
    """Hold a bound socket under this label and return its address."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        fd_store.put(ends[0], label, one)
        name: tuple[str, int] = one.getsockname()
        return name


def free(name: tuple[str, int]) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(name)
            one.listen(1)
        except OSError:
            return False
        return True


def test_held_socket_is_in_use_and_released_socket_is_free(ends: fd_store.Pair) -> None:
    names = {f"port {number}": bound(ends, f"port {number}") for number in range(400)}
    assert fd_store.labels(ends[1]) == fd_store.labels(ends[1]) == list(names)
    wanted = {"port 0", "port 7", "port 399"}
    fd_store.keep(ends, wanted)
    assert set(fd_store.labels(ends[1])) == wanted
    assert {label for label, name in names.items() if not free(name)} == wanted
    fd_store.keep(ends, set())
    assert fd_store.labels(ends[1]) == [] and all(free(name) for name in names.values())


def test_socket_held_twice_is_held_once(ends: fd_store.Pair) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        for _time in range(3):
            fd_store.put(ends[0], "same", one)
        name = one.getsockname()
    fd_store.keep(ends, {"same"})
    assert fd_store.labels(ends[1]) == ["same"] and not free(name)


def test_interruption_drops_no_wanted_socket(ends: fd_store.Pair) -> None:
    names = [bound(ends, str(number)) for number in range(4)]
    wanted = {"1", "3"}

    class Killed(BaseException):
        pass

    def observer(_effect: str) -> None:
        left.pop()
        if not left:
            raise Killed

    for stop in range(1, 5):
        left = [0] * stop
        failpoints.observe(observer)
        try:
            fd_store.keep(ends, wanted)
        except Killed:
            pass
        finally:
            failpoints.observe(None)
        assert wanted <= set(fd_store.labels(ends[1]))
        assert not free(names[1]) and not free(names[3])
    fd_store.keep(ends, wanted)
    assert sorted(fd_store.labels(ends[1])) == ["1", "3"] and free(names[0]) and free(names[2])
