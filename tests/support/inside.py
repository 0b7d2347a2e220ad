# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of a test host as Ansible's hosts, by the collection's connection plugin."""

from __future__ import annotations

import os
from typing import Any, Sequence

from . import playbooks
from .hosts import Host

CONNECTION = "libpod.engine.libpod"
PIPELINED = {"ANSIBLE_PIPELINING": "1"}
# A container of the busybox image that is given these has the machine's Python.
PYTHON = ["/usr:/usr:ro", "/usr/lib:/lib:ro", "/usr/lib64:/lib64:ro"]


def variables(host: Host, **more: Any) -> dict[str, Any]:
    """Return the variables of such a host; ``more`` have no prefix ``ansible_``."""
    roots = {f"libpod_{name}": value for name, value in host.arguments.items() if name != "cni_config_dir"}
    given = {**roots, "connection": CONNECTION, "python_interpreter": "/usr/bin/python3", **more}
    return {f"ansible_{name}": value for name, value in given.items()}


def held(host: Host) -> list[str]:
    """Return the files of commands that run in containers."""
    folder = f"{host.parts.run_root}/containers"
    return [name for one in os.listdir(folder) for name in os.listdir(f"{folder}/{one}") if name.startswith("exec-")]


def play(
    host: Host, tasks: Sequence[dict[str, Any]], name: str = "c", *, ok: bool = True, **how: Any
) -> playbooks.Played:
    """Run tasks in a container; ``how`` are ``settings``, and variables as ``variables`` takes them."""
    settings = {"ANSIBLE_REMOTE_TEMP": "/tmp/ansible", **(how.pop("settings", None) or {})}
    return playbooks.play(tasks, hosts={name: variables(host, **how)}, settings=settings, ok=ok)
