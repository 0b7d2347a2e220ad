# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page on Ansible in the containers is followed as it stands."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.libpod.engine.tests.support import scenario
from ansible_collections.libpod.engine.tests.support.hosts import Host

PAGE = scenario.INSIDE


def test_page_is_followed_from_its_files_to_its_last_command(host: Host, tmp_path: Path) -> None:
    project = f"{tmp_path}/project"
    scenario.have_images(host)
    scenario.write(project, scenario.page_files(PAGE))
    commands = scenario.page_commands(PAGE)
    printed = [scenario.succeeded(scenario.start(host, project, "sh", "-ec", line)) for line in commands]
    programs = ["ansible-playbook", "ansible-inventory", "ansible", "ansible-playbook", "ansible-playbook"]
    assert [line.split()[0] for line in commands] == programs
    assert "label_role_probe" in printed[1] and "image_docker_io_library_debian_12" in printed[1]
    probe = printed[2]
    assert "probe | CHANGED" in probe and "app |" not in probe
    assert "app " in printed[3] and "unreachable=0    failed=0" in printed[3]
