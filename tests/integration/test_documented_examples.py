# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README's example, the commands of docs/operating.md, and each module's EXAMPLES, run as they stand.

They run on a host that the role has readied.

The roots are the defaults, the interpreter the host's own with what the role installs. Only images cannot come from
their registries: the test's own stand under their names.
"""

from __future__ import annotations

import importlib
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.tests.support import images, playbooks, registry
from ansible_collections.libpod.engine.tests.support.hosts import Host

Task = dict[str, Any]
MODULES = "ansible_collections.libpod.engine.plugins.modules"
STAND_INS = {
    "docker.io/library/busybox:latest": "localhost/busybox:latest",
    "docker.io/library/postgres:17": "localhost/entrypoint:latest",
    "registry.example.com/web:1.4": "localhost/entrypoint:latest",
    "registry.example.com/debian-systemd:12": "localhost/debian:latest",
}
# Those that need the registry of their examples.
LOGINS = ("libpod_login", "libpod_login_info", "libpod_logout")
# The modules in an order in which the containers named in each one's examples exist.
FIRST = ("libpod_container_info", "libpod_container_exec", "libpod_container_copy", "libpod_container_logs")
FIRST += ("libpod_container_wait", "libpod_export", "libpod_import", "libpod_save", "libpod_load", "libpod_commit")
FIRST += ("libpod_containers", "libpod_compose", "libpod_quadlet", "libpod_kube")
LAST = ("libpod_image_info", "libpod_image", "libpod_network", "libpod_network_info", "libpod_pod", "libpod_pod_info")
LAST += ("libpod_secret", "libpod_secret_info", "libpod_unit", "libpod_volume", "libpod_volume_info", "libpod_prune")


def _examples(module: str) -> list[Task]:
    tasks: list[Task] = yaml.safe_load(importlib.import_module(f"{MODULES}.{module}").EXAMPLES)
    return tasks


def _readme() -> tuple[Task, list[list[str]]]:
    """Return the play of the README and the operator's commands of docs/operating.md."""
    pages = [Path(images.PROJECT, name).read_text("utf-8") for name in ("README.md", "docs/operating.md")]
    (book,) = re.findall(r"```yaml\n(.*?)```", pages[0], re.DOTALL)
    (play,) = yaml.safe_load(book)
    return play, [line.split() for line in re.findall(r"^# libpod (.*)", pages[1], re.MULTILINE)]


def _command(host: Host, args: list[str], folder: str) -> None:
    """Assert that the command succeeds in ``folder``, or keeps running if it follows or watches."""
    goes_on = "--follow" in args or args[0] == "events"
    argv = ["timeout", "2" if goes_on else "300", "/srv/libpod", *args]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=host.parts.environment(), cwd=folder)
    assert done.returncode == (124 if goes_on else 0), (args, done.stdout, done.stderr)


def test_every_example_runs_on_a_host_prepared_only_by_the_role(tmp_path: Path) -> None:
    documented = {name[:-3] for name in os.listdir(f"{images.PROJECT}/plugins/modules") if name.startswith("libpod")}
    assert {"libpod_container", *LOGINS, *FIRST, *LAST} == documented
    readme, commands = _readme()
    assert (readme["roles"], len(commands)) == (["libpod.engine.libpod_host"], 10)
    role = {"ansible.builtin.include_role": {"name": readme["roles"][0]}}
    readied = {**role, "vars": {"libpod_host_install": False, "libpod_host_command": "/srv/libpod"}}
    *container, removal = _examples("libpod_container")
    first = [*readme["tasks"], *container, *(task for name in FIRST for task in _examples(name))]
    last = [removal, *(task for name in LAST for task in _examples(name))]
    (tmp_path / "index.html").write_text("It works.\n")
    with Host() as host:
        host.debian()
        for name, stand_in in STAND_INS.items():
            host.store("add-names", "--name", name, stand_in)
        parts = {key: value for key, value in host.arguments.items() if key.startswith(("storage", "cgroup"))}
        host.parts = EngineConfig(**parts, oci_runtime=host.parts.oci_runtime)
        how: dict[str, Any] = {"defaults": parts, "variables": {"ansible_python_interpreter": "/usr/bin/python3"}}
        how["variables"]["units"] = "/srv"
        played = playbooks.play([readied, _impatient(first)], **how)
        assert played["Run a command given as words, with variables"]["stdout"] == "hello world goodbye world\n"
        for args in commands:
            if "-it" not in args:  # which is for a terminal
                _command(host, args, str(tmp_path))
        playbooks.play([_impatient(last)], **how)
        how["variables"]["registry_password"] = registry.PASSWORD
        with registry.example(host):
            logins = playbooks.play([task for name in LOGINS for task in _examples(name)], **how)
        assert (logins.exit_code, logins.changed) == (0, 4)


def _impatient(tasks: list[Task]) -> Task:
    """Return the tasks unchanged except for a short stop timeout, as their process 1 ignores the signal."""
    return {"block": tasks, "module_defaults": {"libpod.engine.libpod_container": {"stop_timeout": 1}}}
