# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook that is run before and after the host's reboot."""

from __future__ import annotations

import os
from typing import Any

import pytest
from ansible_collections.libpod.engine.tests.support.process import WAITING

RECORD = "/var/lib/libpod-test-before.json"
only = pytest.mark.skipif(os.environ.get("LIBPOD_VM_REBOOT") != "1", reason=".ci/vm runs it, around a reboot")
DEAF = ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]


def _container(name: str, **options: Any) -> dict[str, Any]:
    task = {"name": name, "image": "busybox", "command": WAITING, "network": "none", **options}
    return {"name": name, "libpod.engine.libpod_container": task}


def tasks() -> list[dict[str, Any]]:
    serving = {"command": "httpd -f -p 80 -h /www", "network": "libpod", "publish": ["8080:80"], "memory": "64m"}
    return [
        {"name": "role", "ansible.builtin.import_role": {"name": "libpod.engine.libpod_host"}},
        _container("always", restart_policy="always", **serving),
        _container("unless", restart_policy="unless-stopped", oci_runtime="runc"),
        _container("deaf", restart_policy="always", command=DEAF, stop_timeout=1),
        _container("plainfs", restart_policy="always", command=DEAF, stop_timeout=1, cgroup_manager="cgroupfs"),
        _container("stopped", restart_policy="unless-stopped", state="stopped"),
        _container("halted", restart_policy="unless-stopped", state="present"),
        _container("once", state="present"),
    ]
