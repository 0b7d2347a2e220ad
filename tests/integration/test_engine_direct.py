# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks run directly from what the host keeps, and by Ansible's own way where that is missing or not wanted."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.tests.support import leaks, playbooks
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import eventually

INFO: dict[str, Any] = {"libpod.engine.libpod_container_info": {}}
DIRECTLY, SENT = "libpod_engine.py", "libpod_container_info.py"
KEPT = "/srv/static/engine/ansible-*.zip"


def ways(played: playbooks.Played) -> list[str]:
    """Return the files that Ansible made modules of, in order."""
    return re.findall(r"Using module file \S*/(\S+)", played.output)


def play(host: Host, *tasks: dict[str, Any], sends: bool = True, **how: Any) -> playbooks.Played:
    settings = {"ANSIBLE_VERBOSITY": "3", **how.pop("settings", {})}
    return host.play(list(tasks), sends=sends, settings=settings, **how)


@pytest.mark.parametrize("pipelining", ["0", "1"])
def test_only_the_first_task_of_a_host_is_sent(host: Host, pipelining: str) -> None:
    settings = {"ANSIBLE_PIPELINING": pipelining}
    assert ways(play(host, INFO, INFO, settings=settings)) == [DIRECTLY, SENT, DIRECTLY]
    assert len(glob.glob(KEPT)) == 1
    assert ways(play(host, INFO, settings=settings)) == [DIRECTLY]


def test_check_mode_keeps_nothing(host: Host) -> None:
    assert ways(play(host, INFO, INFO, check=True)) == 2 * [DIRECTLY, SENT]
    assert not os.path.exists(host.parts.static_root)
    play(host, INFO)
    assert ways(play(host, INFO, check=True)) == [DIRECTLY]


@pytest.mark.parametrize("damage", ["removed", "cut", "of another time"])
def test_what_is_missing_or_damaged_is_made_again(host: Host, damage: str) -> None:
    play(host, INFO, sends=False)
    (kept,) = glob.glob(KEPT)
    content, status = Path(kept).read_bytes(), os.stat(kept)
    if damage == "removed":
        os.unlink(kept)
    elif damage == "cut":
        Path(kept).write_bytes(content[: len(content) // 2])
        os.utime(kept, ns=(status.st_mtime_ns, status.st_mtime_ns))
    else:
        os.utime(kept)
    assert ways(play(host, INFO, INFO)) == [DIRECTLY, SENT, DIRECTLY]
    assert os.stat(kept).st_mtime_ns == status.st_mtime_ns
    assert os.listdir(os.path.dirname(kept)).count(os.path.basename(kept)) == 1


def test_settings_that_only_ansibles_own_way_has_are_kept_to(host: Host, tmp_path: Path) -> None:
    own = {"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_PYTHON_MODULE_RLIMIT_NOFILE": "512"}
    for name, value in own.items():
        assert ways(play(host, INFO, sends=False, settings={name: value})) == [SENT]
    (tmp_path / "own.py").touch()
    assert ways(play(host, INFO, settings={"ANSIBLE_MODULE_UTILS": str(tmp_path)})) == [SENT]
    assert ways(play(host, INFO, settings={"ANSIBLE_MODULE_UTILS": str(tmp_path / "none")})) == [DIRECTLY]


def test_arguments_arrive_as_they_are(host: Host) -> None:
    texts = [
        "it's",
        '"',
        "\\",
        "\\n",
        "\n\r\t",
        "'''\"\"\"",
        "{{ '{{' }}",
        "é😀\u2028\x7f",
        "#!",
        "%s {0}",
        "<<",
        "null",
        "Accept-Encoding: gzip",
        "-*- coding: utf-7 -*-",
    ]
    labels: dict[str, Any] = {f"label{number}": text for number, text in enumerate(texts)}
    container = {"name": "web", "image": "localhost/busybox:latest", "state": "created", "label": labels}
    made, mark = {**container}, "<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>"
    played = play(host, {"libpod.engine.libpod_container": made}, sends=False)
    (found,) = host.module("libpod_container_info")["containers"]
    expected = {**labels, "label6": "{{"}
    assert {name: found["Config"]["Labels"].get(name) for name in labels} == expected
    assert ways(played) == [DIRECTLY]
    # What Ansible would replace comes its own way.
    played = play(host, {"libpod.engine.libpod_container": {**made, "label": {"mark": f"x'{mark}"}}})
    assert ways(played) == ["libpod_container.py"] and played.changed == 1
    (found,) = host.module("libpod_container_info")["containers"]
    assert found["Config"]["Labels"]["mark"] == f"x'{mark}"


def test_job_in_the_background_and_failure_report_as_before(host: Host) -> None:
    played = play(host, {**INFO, "async": 60, "poll": 1}, sends=False)
    assert played.tasks[-1]["containers"] == []
    eventually(lambda: not [line for line in leaks.snapshot(host)["processes"] if "async_wrapper" in line], seconds=60)
    wrong = {"libpod.engine.libpod_container": {"name": "web", "memory": "lots", "image": "x"}}
    failed = play(host, wrong, ok=False)
    assert failed.exit_code == 2 and "memory" in failed.tasks[-1]["msg"] and "Traceback" not in failed.output
