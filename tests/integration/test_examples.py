# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks under docs/examples: each runs, runs again unchanged, and is removed with nothing left.

An example is a folder with ``site.yml`` and ``remove.yml``, for ``hosts: all``; what images it uses are variables whose
names are in IMAGES. The demo has a runner of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile

import pytest
from ansible_collections.libpod.engine.tests.support import images, playbooks
from ansible_collections.libpod.engine.tests.support.hosts import Host

EXAMPLES = f"{images.PROJECT}/docs/examples"
NAMES = sorted(name for name in os.listdir(EXAMPLES) if name != "demo")
# Variable of an example: the test store's image that stands for it.
IMAGES = {"image": "localhost/busybox:latest"}


def play(host: Host, book: str) -> int:
    """Run a playbook as a user does, the roots in the environment; the number of changed tasks."""
    with tempfile.TemporaryDirectory(prefix="libpod-play-") as folder:
        argv = [playbooks.program(), "-i", "localhost,", "-c", "local", book, "-e", json.dumps(IMAGES)]
        variables = {**playbooks.environment(folder), **host.parts.environment()}
        done = subprocess.run(argv, check=False, cwd=folder, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    totals = (json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"totals"'))
    return int(next(totals)["totals"]["changed"])


@pytest.mark.parametrize("name", NAMES)
def test_example_runs_settles_and_is_removed(host: Host, name: str) -> None:
    assert play(host, f"{EXAMPLES}/{name}/site.yml") > 0
    assert play(host, f"{EXAMPLES}/{name}/site.yml") == 0
    assert play(host, f"{EXAMPLES}/{name}/remove.yml") > 0
    assert play(host, f"{EXAMPLES}/{name}/remove.yml") == 0
    host.expect_clean()
