# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that read like the domain: a test ``host``, its images, and the leak check around each."""

from __future__ import annotations

import fcntl
import gc
import json
import os
import signal
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import take_warnings
from ansible_collections.libpod.engine.tests.support import (
    adoption,
    ansible_fork,
    hosts,
    images,
    kernel,
    leaks,
    playbooks,
    preload,
)
from ansible_collections.libpod.engine.tests.support.dealing import Dealing
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.podman import Podman

# A shell ignores SIGINT for what it runs by &, and the engine goes on ignoring what its caller ignores.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Dealing:
    """Return what deals the tests (a hook of xdist's)."""
    return Dealing(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests without root, which a test host needs; begin with those that run alone.

    These wait for what runs, which later on may be a test of minutes, while every other process waits for them.
    """
    items.sort(key=lambda item: item.get_closest_marker("alone") is None)
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="needs root: containers, namespaces and cgroups are made for real"))


def pytest_collection_finish() -> None:
    """Import the engine once, for the modules that the tests run in forked children, and have a fork cost little.

    Likewise Ansible, in a process beside this one.

    What is imported is taken out of garbage collection: one in a child would copy all of its memory.
    """
    ansible_fork.start(playbooks.environment)
    preload.engine()
    gc.collect()
    preload.fill_gaps()
    gc.freeze()
    kernel.use_huge_pages()


@pytest.fixture(scope="session", autouse=True)
def _machine_is_left_alone() -> Iterator[None]:
    """Assert that the session leaves the machine outside the test hosts unchanged."""
    if os.geteuid() != 0:
        yield
        return
    before = leaks.machine()
    yield
    changed = leaks.difference(before, leaks.machine())
    assert not changed, "the tests changed the machine itself:\n  " + "\n  ".join(changed)


@pytest.fixture(autouse=True)
def _no_warnings() -> None:
    """Clear another test's warnings before each test, as a module runs in a child of this process."""
    take_warnings()


@pytest.fixture(autouse=True)
def _turn(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run a test marked ``alone`` while no other process runs one: it depends on a time that load prolongs.

    It waits for the running tests and delays new ones, so that it waits no longer than the running ones take.
    """
    os.makedirs(f"{images.PROJECT}/build", exist_ok=True)
    alone = request.node.get_closest_marker("alone") is not None
    with (
        open(f"{images.PROJECT}/build/begin.lock", "w") as begin,
        open(f"{images.PROJECT}/build/turn.lock", "w") as turn,
    ):
        fcntl.flock(begin, fcntl.LOCK_EX)
        fcntl.flock(turn, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(begin, fcntl.LOCK_UN)
        yield
        # Explicitly: a process left by the test would keep it locked through the inherited descriptor.
        fcntl.flock(turn, fcntl.LOCK_UN)


@pytest.fixture
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    """Enter a test host; after the test the engine removes its containers and nothing may be left.

    ``@pytest.mark.parametrize("host", [{"unified": False}], indirect=True)`` gives a hybrid host's v1 side alone.
    """
    with Host(**getattr(request, "param", {})) as made:
        failed_before = request.session.testsfailed
        yield made
        if request.session.testsfailed == failed_before:
            made.empty()
            made.expect_clean()


@pytest.fixture
def cleared(both: tuple[Host, Podman]) -> Iterator[None]:
    """Remove after the test what the engine and podman have on the host of ``both``, a fixture of the test's file."""
    yield
    adoption.clear(*both)


@pytest.fixture
def second_network(host: Host) -> Iterator[str]:
    """Define another CNI network of the host, ``second``."""
    with open("/srv/cni/90-second.conflist", "w", encoding="utf-8") as file:
        json.dump(hosts.network("second", "cni-second0", "10.99"), file)
    yield "second"
    # The removal takes what it needs of it from the container's record.
    os.unlink("/srv/cni/90-second.conflist")
