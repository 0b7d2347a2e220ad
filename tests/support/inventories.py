# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources of the inventory plugin, and what ansible-inventory makes of them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any, Optional, Sequence

from . import ansible_fork, playbooks
from .hosts import Host

PLUGIN = "libpod.engine.libpod_containers"


class Inventory:
    """What ansible-inventory wrote: the hosts' variables, the groups' hosts, and its messages."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.exit_code, self.messages = done.returncode, " ".join(done.stderr.split())
        listed = json.loads(done.stdout, object_hook=_text) if done.returncode == 0 else {}
        self.hosts: dict[str, Any] = listed.pop("_meta", {}).get("hostvars", {})
        self.groups = {name: sorted(group.get("hosts", ())) for name, group in listed.items()}


def _text(value: dict[str, Any]) -> Any:
    """Return the text in what ansible-inventory makes of one that is no template."""
    return value.get("__ansible_unsafe", value)


def source(folder: Path, host: Host, name: str = "a", **options: Any) -> str:
    """Write a source with the test host's roots and return its path."""
    path = folder / f"{name}.libpod_containers.yml"
    networks = ("cni_config_dir", "network_backend", "network_config_dir")  # of no use to a look at containers
    roots = {key: value for key, value in host.arguments.items() if key not in networks}
    path.write_text(json.dumps({"plugin": PLUGIN, **roots, **options}), encoding="utf-8")
    return str(path)


def read(*sources: str, settings: Optional[dict[str, str]] = None, prefix: Sequence[str] = ()) -> Inventory:
    """Return the inventory of these sources; ``settings`` are Ansible's, by their environment variables.

    ``prefix`` is a program that runs ansible-inventory.
    """
    folder = os.path.dirname(sources[0])
    program = os.path.join(os.path.dirname(playbooks.program()), "ansible-inventory")
    argv = [*prefix, program, "--list", *(word for one in sources for word in ("-i", one))]
    more = {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1", **(settings or {})}
    able = contextlib.nullcontext() if prefix else ansible_fork.server(playbooks.environment, more)
    with able as server:
        env = {**playbooks.environment(server.folder if server else folder), **more}
        return Inventory(ansible_fork.run(server, argv, env, folder))
