# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit tests reach nothing outside: no network, and no program that changes a host."""

from __future__ import annotations

import gc
import socket
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._ansible import module as glue
from ansible_collections.libpod.engine.plugins.module_utils._cli import main as helper
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import take_warnings

# Else a quarter of the CPU time of a collection of tests, which keeps all that it makes.
gc.set_threshold(50_000)


def pytest_collection_finish() -> None:
    """Take what is imported out of garbage collection."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_warnings() -> None:
    """Discard warnings left by other tests."""
    take_warnings()


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that connects to anything but a Unix socket."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        assert self.family == socket.AF_UNIX, f"a unit test connects to {address}"
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _no_hardening(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep modules and the operator's command from changing the tests' own process."""
    for module in (glue, helper):
        monkeypatch.setattr(module, "harden", lambda: None)
