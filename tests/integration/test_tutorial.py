# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tutorial, from the prepared host on, and the how-tos are followed as they stand, these in one start."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ansible_collections.libpod.engine.tests.support import images, scenario, tutorial
from ansible_collections.libpod.engine.tests.support.hosts import Host

DEBUG = f"{images.PROJECT}/docs/howto/debug-an-exit.md"
# A machine for tests may have others, in places that Ansible finds first.
INTERPRETER = {"ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3"}


def _ready(host: Host, project: str) -> None:
    """Have the image of the pages, and the operator's command in the path."""
    host.store("add-names", "-n", "docker.io/library/busybox:latest", "localhost/busybox:latest")
    os.makedirs(f"{project}/.bin")
    os.symlink(f"{host.parts.static_root}/engine/libpod", f"{project}/.bin/libpod")


def _run(host: Host, project: str, command: str) -> str:
    """Return what a command printed that succeeded, in the project's folder."""
    return scenario.succeeded(scenario.start(host, project, "sh", "-ec", command, **INTERPRETER))


def test_tutorial_is_followed_from_its_files_to_its_last_command(host: Host, tmp_path: Path) -> None:
    project = f"{tmp_path}/project"
    scenario.write(project, scenario.page_files(scenario.TUTORIAL))
    _ready(host, project)
    tutorial.check([_run(host, project, command) for command in tutorial.commands()])
    host.expect_clean()


def test_howtos_run_and_remove_what_they_made(host: Host, tmp_path: Path) -> None:
    project = f"{tmp_path}/project"
    files = {name: text for page in scenario.HOWTOS for name, text in scenario.page_files(page).items()}
    assert list(files) == [f"{Path(page).stem}.yml" for page in scenario.HOWTOS] and len(files) >= 9
    assert [page for page in scenario.HOWTOS if scenario.page_commands(page)] == [DEBUG]
    scenario.write(project, files)
    _ready(host, project)
    printed = _run(host, project, f"ansible-playbook -i localhost, -c local --tags all,remove {' '.join(files)}")
    assert re.search(r"localhost +: ok=\d+ .*unreachable=0 +failed=0", printed), printed
    job = "docker.io/library/busybox:latest sh -c 'echo no such order >&2; exit 3'"
    _run(host, project, f"libpod run -d --name exit-job {job} && libpod wait exit-job")
    listed, log, state, events = [_run(host, project, one) for one in scenario.page_commands(DEBUG)]
    assert "exit-job" in listed and log == "no such order\n" and '"ExitCode":3' in state and "died" in events
    _run(host, project, "libpod rm exit-job")
    host.expect_clean()
