# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule's create and destroy, killed at random times: the next ones complete or undo what was begun."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.plugin_utils.molecule_instances import container_name, scenario_id
from ansible_collections.libpod.engine.tests.support import playbooks
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import kill_all
from ansible_collections.libpod.engine.tests.support.seeds import SEED, seeded

KILLS = int(os.environ.get("LIBPOD_TEST_KILLS", "2"))
LONGEST = 8.0  # seconds that a playbook takes at most, as a rule
PLATFORM = {
    "image": "localhost/busybox:latest",
    "networks": [{"name": "back"}],
    "volumes": ["/data"],
    "capabilities": ["NET_RAW"],
}
PLATFORMS = [{**PLATFORM, "name": name} for name in ("one", "two")]


class Scenario:
    """The two playbooks, for the platforms of one scenario."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host, self._folder = host, folder
        config = {"molecule_yml": {"platforms": PLATFORMS}, "molecule_instance_config": f"{folder}/instance.yml"}
        (folder / "vars.json").write_text(json.dumps(config))
        self._environment = {
            **playbooks.environment(str(folder)),
            **host.parts.environment(),
            "MOLECULE_EPHEMERAL_DIRECTORY": str(folder),
        }

    def start(self, book: str, *more: str) -> subprocess.Popen[str]:
        argv = [playbooks.program(), f"libpod.engine.molecule_{book}", "--extra-vars=@vars.json", *more]
        how: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(argv, cwd=self._folder, env=self._environment, **how)

    def changes(self, book: str, *more: str) -> int:
        """Run a playbook, which succeeds; return how many of its tasks have changed something."""
        started = self.start(book, *more)
        printed = started.communicate(timeout=600)[0]
        assert started.returncode == 0, printed
        changed: int = json.loads(printed.splitlines()[-1])["totals"]["changed"]
        return changed


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
    pick, scenario = random.Random(SEED), Scenario(host, tmp_path)
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


@pytest.mark.parametrize("host", [{}, {"network_backend": "netavark"}], indirect=True, ids=["cni", "netavark"])
def test_check_mode_predicts_what_create_and_destroy_change(host: Host, tmp_path: Path) -> None:
    """The networks are of the host's backend, beside one that the scenario has not made."""
    scenario, other = Scenario(host, tmp_path), {"name": f"other-{scenario_id(str(tmp_path))}"}
    host.module("libpod_network", other)
    assert scenario.changes("create", "--check") == scenario.changes("create") == 3
    name = container_name("one", scenario_id(str(tmp_path)))
    reached = host.module("libpod_container_exec", {"name": name, "argv": ["ping", "-c", "1", "-w", "10", "two"]})
    assert not reached.failed, reached
    assert not scenario.changes("create")
    assert scenario.changes("destroy", "--check") == scenario.changes("destroy") == 3
    left = [found["name"] for found in host.module("libpod_network_info")["networks"] if not found["default"]]
    assert left == [other["name"]]
    host.module("libpod_network", {**other, "state": "absent"})
    shutil.rmtree("/srv/networks", ignore_errors=True)
    host.expect_clean()


def test_network_that_create_had_begun_to_write_is_destroyed(host: Host, tmp_path: Path) -> None:
    begun = f"/srv/cni/back-{scenario_id(str(tmp_path))}.conflist.tmp"
    Path(begun).write_text("{")
    Scenario(host, tmp_path).changes("destroy")
    assert os.listdir("/srv/cni") == ["87-libpod.conflist"]
