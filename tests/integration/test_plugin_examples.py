# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The EXAMPLES of the connection and inventory plugins run as they stand, on a host with the default roots."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.tests.support import inventories, playbooks, scenario, sshd
from ansible_collections.libpod.engine.tests.support.hosts import Host

PLUGINS = "ansible_collections.libpod.engine.plugins"
IMAGE = "registry.example.com/debian:12"
SERVER = "server1.example.com"
DEPLOY = {"ansible_user": "admin", "ansible_python_interpreter": "/usr/bin/python3"}
SETTINGS = {"ANSIBLE_REMOTE_TEMP": "~/.ansible/tmp", "ANSIBLE_PYTHON_INTERPRETER": "auto_silent"}
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
HOSTS = {"all": {"hosts": {"localhost": LOCAL}, "children": {"servers": {"hosts": {SERVER: DEPLOY}}}}}


@pytest.fixture(scope="module", name="home")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a home with an ssh key, on a host that has images and is also ``server1.example.com``."""
    home = tmp_path_factory.mktemp("home")
    with Host() as host, sshd.Sshd():
        host.debian()
        host.store("add-names", "--name", IMAGE, "localhost/debian:latest")
        host.store("shutdown")
        os.makedirs("/var/lib/containers", exist_ok=True)  # skopeo's, if it has just made the image's store
        shutil.move(host.parts.storage_root, "/var/lib/containers/storage")
        shutil.copytree(host.parts.cni_config_dir, "/etc/cni/net.d", dirs_exist_ok=True)
        host.parts = EngineConfig(cgroup_manager=host.parts.cgroup_manager, oci_runtime=host.parts.oci_runtime)
        with open("/etc/hosts", "a", encoding="utf-8") as file:
            file.write(f"127.0.0.1 {SERVER}\n")
        sshd.add_user(name="admin")
        (home / ".ssh").mkdir()
        shutil.copy(f"{sshd.FOLDER}/key", home / ".ssh/id_ed25519")
        yield home
        host.empty()


def _examples(kind: str, name: str) -> list[Any]:
    return list(yaml.safe_load_all(importlib.import_module(f"{PLUGINS}.{kind}.{name}").EXAMPLES))


@pytest.mark.parametrize("name", ["libpod", "libpod_ssh"])
def test_examples_of_connection_plugins_run(home: Path, name: str) -> None:
    (plays,) = _examples("connection", name)
    (home / "book.yml").write_text(json.dumps(plays))
    (home / "hosts.json").write_text(json.dumps(HOSTS))
    argv = [playbooks.program(), str(home / "book.yml"), "-i", str(home / "hosts.json")]
    env = {**playbooks.environment(str(home)), **sshd.settings(), **SETTINGS, "HOME": str(home)}
    done = subprocess.run(argv, check=False, cwd=home, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    last = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")][-2]
    assert last["stdout"] == "www-data", last
    # The container's host logs in as the server's user, and not as the controller's.
    assert "Accepted publickey for root" not in Path(f"{sshd.FOLDER}/log").read_text()


def test_examples_of_the_inventory_plugin_are_read(home: Path) -> None:
    every = [["web"], [], ["server1-web"], ["web"], ["server1-web"]]
    named = scenario.page_files(scenario.INSIDE)["server1.libpod_containers.yml"]
    examples = [*_examples("inventory", "libpod_containers"), yaml.safe_load(named)]
    assert len(examples) == len(every)
    for number, (example, hosts) in enumerate(zip(examples, every)):
        path = home / f"{number}.libpod_containers.yml"
        path.write_text(json.dumps(example))
        found = inventories.read(str(path), settings={**sshd.settings(), "HOME": str(home)})
        assert found.exit_code == 0, found.messages
        assert sorted(found.hosts) == hosts
