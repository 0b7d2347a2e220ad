# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule's create and destroy, killed at random times: the next ones complete or undo what was begun."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import time
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.libpod.engine.plugins.plugin_utils._molecule_instances import container_name, scenario_id
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import kill_all
from ansible_collections.libpod.engine.tests.support.scenario import BACKENDS, Books
from ansible_collections.libpod.engine.tests.support.seeds import SEED, seeded
from ansible_collections.libpod.engine.tests.support.sweep import in_turn

KILLS = int(os.environ.get("LIBPOD_TEST_KILLS", "2"))
LONGEST = 8.0  # seconds that a playbook takes at most, as a rule
PLATFORM = {
    "image": "localhost/busybox:latest",
    "networks": [{"name": "back"}],
    "volumes": ["/data"],
    "capabilities": ["NET_RAW"],
}
PLATFORMS = [{**PLATFORM, "name": name} for name in ("one", "two")]


def _descent(pid: int) -> Iterator[int]:
    """Yield what descends from a process, as long as that runs."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = [int(word) for word in file.read().split()]
        for child in children:
            yield child
            yield from _descent(child)


def _kill(playbook: subprocess.Popen[str], whom: str, pick: random.Random) -> None:
    """Kill the playbook, something that it has started, or all of both."""
    started = list(_descent(playbook.pid))
    victims = {"controller": [playbook.pid], "all": [playbook.pid, *started], "one": [pick.choice([0, *started])]}
    kill_all(filter(None, victims[whom]))
    if whom == "one":
        playbook.communicate(timeout=600)  # it fails, or goes on where that was nothing of importance
    else:
        playbook.wait()


@seeded
def test_killed_create_and_destroy_are_completed_or_undone_by_the_next(host: Host, tmp_path: Path) -> None:
    pick, scenario = random.Random(SEED), Books(host, tmp_path, PLATFORMS)
    for number in range(KILLS):
        book, whom = pick.choice(["create", "destroy"]), pick.choice(["controller", "all", "one"])
        after, follows = pick.uniform(0.5, LONGEST), pick.choice(["create", "destroy"])
        if book == "destroy":
            scenario.changes("create")
        playbook = scenario.start(book)
        time.sleep(after)
        _kill(playbook, whom, pick)
        story = f"seed {SEED}, kill {number}: {whom} of {book} after {after:.1f} s, then {follows}"
        scenario.changes(follows)
        if follows == "create":
            assert not scenario.changes("create"), story
        scenario.changes("destroy")
        left = host.leaks()
        assert not left, (story, left)
        assert os.listdir("/srv/cni") == ["87-libpod.conflist"], story
        assert not os.path.exists(tmp_path / "instance.yml"), story


@pytest.mark.parametrize("host", in_turn(*BACKENDS), indirect=True)
def test_check_mode_predicts_what_create_and_destroy_change(host: Host, tmp_path: Path) -> None:
    """The networks are of the host's backend, beside one that the scenario has not made."""
    scenario, other = Books(host, tmp_path, PLATFORMS), {"name": f"other-{scenario_id(str(tmp_path))}"}
    host.module("libpod_network", other)
    assert scenario.changes("create", "--check") == scenario.changes("create") == 3
    name = container_name("one", scenario_id(str(tmp_path)))
    reached = host.module("libpod_container_exec", {"name": name, "argv": ["ping", "-c", "1", "-w", "10", "two"]})
    assert not reached.failed, reached
    assert not scenario.changes("create")
    assert scenario.changes("destroy", "--check") == scenario.changes("destroy") == 3
    assert not scenario.changes("destroy")
    left = [found["name"] for found in host.module("libpod_network_info")["networks"] if not found["default"]]
    assert left == [other["name"]]
    host.module("libpod_network", {**other, "state": "absent"})
    shutil.rmtree("/srv/networks", ignore_errors=True)
    host.expect_clean()


def test_network_that_create_had_begun_to_write_is_destroyed(host: Host, tmp_path: Path) -> None:
    begun = f"/srv/cni/back-{scenario_id(str(tmp_path))}.conflist.tmp"
    Path(begun).write_text("{")
    Books(host, tmp_path, PLATFORMS).changes("destroy")
    assert os.listdir("/srv/cni") == ["87-libpod.conflist"]
