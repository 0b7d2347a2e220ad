# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that take over a whole host, with its systemd, journal and boots: ``make vm`` runs them in a guest."""

from __future__ import annotations

import os
from typing import Iterator

import pytest
from ansible_collections.libpod.engine.tests.support import machine
from ansible_collections.libpod.engine.tests.support.machine import Machine

OURS = os.environ.get("LIBPOD_VM") == "1" and os.geteuid() == 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests outside a disposable guest."""
    for item in items:
        if not OURS:
            item.add_marker(pytest.mark.skip(reason="takes the whole host over: make vm runs it in a guest"))


@pytest.fixture(scope="session", autouse=True)
def _prepared() -> None:
    if OURS:
        machine.prepare()


@pytest.fixture(params=["runc", "crun"])
def host(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """Yield the machine; after the test the engine removes its containers, and nothing may be left."""
    with Machine(request.param) as made:
        failed_before = request.session.testsfailed
        yield made
        for pod in made.module("libpod_pod_info")["pods"]:
            made.module("libpod_pod", {"name": pod["Name"], "state": "absent"})
        made.empty()
        if request.session.testsfailed == failed_before:
            made.expect_clean()
