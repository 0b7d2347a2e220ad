# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection with ``meta``, ``plugins``, ``roles`` and ``playbooks`` alone, as some packages of Ansible have it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.tests.support import images, playbooks
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING

KEPT = ("meta", "plugins", "roles", "playbooks")
WEB: dict[str, Any] = {"image": "localhost/busybox:latest", "command": WAITING, "network": "none"}
TASKS: list[dict[str, Any]] = [
    {"libpod.engine.libpod_container": {"name": "web", **WEB}},
    {"libpod.engine.libpod_container_exec": {"name": "web", "command": "echo done"}},
    {
        "ansible.builtin.raw": "echo inside",
        "vars": {"ansible_connection": "libpod.engine.libpod", "ansible_host": "web"},
    },
    {"ansible.builtin.include_role": {"name": "libpod.engine.libpod_service"}, "vars": {"libpod_service_name": "shop"}},
]


@pytest.fixture(name="settings")
def _settings(tmp_path: Path) -> dict[str, str]:
    """Return settings with which Ansible finds this collection alone; its own tree is on Python's path otherwise."""
    copy = tmp_path / "ansible_collections/libpod/engine"
    for name in KEPT:
        shutil.copytree(f"{images.PROJECT}/{name}", copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    return {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path), "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false"}


def test_tasks_connection_and_roles_work(host: Host, settings: dict[str, str]) -> None:
    service = {"libpod_service_containers": [{"name": "one", **WEB}]}
    settings = {**settings, **host.parts.environment()}
    played = playbooks.play(TASKS, defaults=host.arguments, settings=settings, variables=service)
    printed = [one["stdout"].strip() for one in played.tasks if one.get("stdout")]
    assert printed == ["done", "inside"] and played.changed >= 3, played.output
    assert [one["Name"] for one in host.module("libpod_container_info")["containers"]] == ["one", "web"]


def test_inventory_and_playbooks_are_found(host: Host, settings: dict[str, str], tmp_path: Path) -> None:
    assert not host.container("web", **WEB).failed
    source = tmp_path / "here.libpod_containers.yml"
    source.write_text("plugin: libpod.engine.libpod_containers\n", "utf-8")
    env = {**playbooks.environment(str(tmp_path / "home")), **host.parts.environment(), **settings}
    program = os.path.join(os.path.dirname(playbooks.program()), "ansible-inventory")
    done = subprocess.run([program, "-i", source, "--list"], check=True, env=env, capture_output=True, text=True)
    assert "web" in json.loads(done.stdout)["_meta"]["hostvars"]
    argv = [playbooks.program(), "--list-tasks", "libpod.engine.molecule_create", "libpod.engine.molecule_destroy"]
    subprocess.run(argv, check=True, env=env, capture_output=True, text=True)
