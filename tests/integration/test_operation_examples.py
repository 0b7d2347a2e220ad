# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of the operations' modules, run as they stand by ansible-playbook."""

from __future__ import annotations

import importlib
from typing import Any

import yaml
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images import Images
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING

MODULES = "ansible_collections.libpod.engine.plugins.modules"
CHANGING = ("libpod_container_exec", "libpod_container_logs", "libpod_container_copy", "libpod_export", "libpod_commit")


def _examples(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(importlib.import_module(f"{MODULES}.{name}").EXAMPLES)
    return found


def test_examples_run_as_they_stand(host: Host) -> None:
    host.container("web", image="busybox", command=WAITING, network="none")
    host.container("job", image="busybox", command=["sh", "-c", "sleep 1; echo done"], network="none")
    tasks = [task for name in CHANGING for task in _examples(name)]
    played = host.play(tasks)
    assert len(played.tasks) == len(tasks)
    assert played["Run a command given as words, with variables"]["stdout"] == "hello world goodbye world\n"
    assert not any(task["changed"] for task in host.play(_examples("libpod_export"), check=False).tasks)
    pruned = host.play(_examples("libpod_prune"), check=True)
    assert pruned.exit_code == 0
    host.container("web", state="absent")
    host.run("rm", "-r", "/srv/web.tar", "/srv/web-first.tar", "/srv/index.html")
    for image in ("localhost/web:configured", "localhost/web:job"):
        assert Images(host.parts).remove(image)
