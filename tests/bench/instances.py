# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Part h: molecule's create and destroy, against the same by podman_container as molecule-plugins' driver has it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from typing import Any, Mapping

from ansible_collections.libpod.engine.tests.bench.contenders import COMMAND, IMAGE, PEERS, Podman
from ansible_collections.libpod.engine.tests.bench.rows import Row, interleave
from ansible_collections.libpod.engine.tests.support import playbooks
from ansible_collections.libpod.engine.tests.support.hosts import NETWORK, Host

INSTANCES = ("one", "two", "three")
# A round runs four playbooks.
_MOST_ROUNDS = 5


def instances(host: Host, rounds: int) -> list[Row]:
    """Measure the scenario's create and destroy; podman's columns stay empty where it or its collection is missing."""
    measures = {"ours": lambda: _ours(host)}
    if Podman.has_collection():
        program = Podman(host).program()
        measures["theirs"] = lambda: _theirs(host, program)
    samples = interleave(measures, min(rounds, _MOST_ROUNDS), warm_up=1)
    many = len(INSTANCES)
    return [
        Row(
            f"h  molecule {verb}, {many} instances",
            samples[verb],
            "podman_container",
            samples.get(f"podman {verb}", []),
        )
        for verb in ("create", "destroy")
    ]


def _ours(host: Host) -> Mapping[str, float]:
    platform = {"image": IMAGE, "command": COMMAND, "networks": [NETWORK]}
    inventory = {"all": {"hosts": {name: {"molecule_platform": platform} for name in INSTANCES}}}
    variables = {"molecule_instance_config": "/srv/scenario/instance_config.yml"}
    os.makedirs("/srv/scenario", exist_ok=True)
    with open("/srv/scenario/hosts.json", "w", encoding="utf-8") as file:
        json.dump(inventory, file)
    return {
        verb: _played(
            host, f"libpod.engine.molecule_{verb}", "-i", "/srv/scenario/hosts.json", "-e", json.dumps(variables)
        )
        for verb in ("create", "destroy")
    }


def _theirs(host: Host, executable: str) -> Mapping[str, float]:
    made = {"image": IMAGE, "command": COMMAND, "network": NETWORK, "state": "started"}
    gone = {"state": "absent"}
    return {
        f"podman {verb}": _played(host, _book(verb, {"executable": executable, **options}))
        for verb, options in (("create", made), ("destroy", gone))
    }


def _book(verb: str, options: dict[str, Any]) -> str:
    """Write the driver's tasks: all instances at once by ``async``, then a wait for each."""
    started = {
        "containers.podman.podman_container": {"name": "{{ item }}", **options},
        "loop": list(INSTANCES),
        "async": 7200,
        "poll": 0,
        "register": "made",
    }
    waited = {
        "ansible.builtin.async_status": {"jid": "{{ item.ansible_job_id }}"},
        "loop": "{{ made.results }}",
        "register": "jobs",
        "until": "jobs.finished",
        "retries": 300,
        "delay": 1,
    }
    path = f"/srv/podman/{verb}.yml"
    with open(path, "w", encoding="utf-8") as file:
        json.dump([{"hosts": "localhost", "gather_facts": False, "tasks": [started, waited]}], file)
    return path


def _played(host: Host, book: str, *more: str) -> float:
    """Return the milliseconds that a whole ansible-playbook takes."""
    with tempfile.TemporaryDirectory(prefix="libpod-bench-") as folder:
        env = {**playbooks.environment(folder), **host.parts.environment(), "ANSIBLE_COLLECTIONS_PATH": PEERS}
        env["MOLECULE_EPHEMERAL_DIRECTORY"] = "/srv/scenario"
        before = time.perf_counter()
        argv = [playbooks.program(), book, *more]
        done = subprocess.run(argv, check=False, cwd=folder, env=env, capture_output=True, text=True)
        took = (time.perf_counter() - before) * 1000
    if done.returncode != 0:
        raise RuntimeError(f"{book}: {done.stdout}{done.stderr}")
    return took
