# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that become OCI spec, cgroup files and mounts, by the kernel's word."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}


def started(host: Host, **options: Any) -> Process:
    """A container with these options, which a second run leaves as it is."""
    wanted = {**OPTIONS, **options}
    made = host.container("c", **wanted)
    assert not made.failed, made
    again = host.container("c", diff=True, **wanted)
    assert not again.changed, again
    return Process(again)


def refused(host: Host, **options: Any) -> Result:
    """The refusal, in check mode and in earnest alike, before anything is made."""
    predicted = host.container("c", check=True, **{**OPTIONS, **options})
    refusal = host.container("c", **{**OPTIONS, **options})
    assert refusal.failed and predicted["msg"] == refusal["msg"], (predicted, refusal)
    assert refusal["msg"].startswith(f"{next(iter(options))}: "), refusal
    host.expect_clean()
    return refusal


def test_process_is_as_its_options_say(host: Host) -> None:
    with open("/srv/labels", "w", encoding="ascii") as file:
        file.write("# who\nowner=me\nalone\nrole=file\n")
    process = started(
        host,
        user="web",
        group_add=["extra", "3000"],
        umask="0027",
        oom_score_adj=321,
        annotation={"org.example.note": "a=b"},
        timezone="Asia/Tokyo",
        hostname="box.example.org",
        no_hosts=True,
        label={"role": "task"},
        label_file="/srv/labels",
        init=True,
    )
    status = process.status
    assert set(status["Groups"].split()) == {"1000", "2000", "3000"}
    assert process.read("oom_score_adj") == "321\n"
    assert process.argv[0] == "/dev/init"
    assert process.run("hostname").stdout == "box.example.org\n"
    assert process.run("date", "+%Z").stdout == "JST\n"
    assert not os.path.exists(process.path("root/etc/hosts"))
    with open(f"/srv/run/containers/{os.listdir('/srv/run/containers')[0]}/config.json", encoding="ascii") as config:
        spec = json.load(config)
    assert spec["annotations"]["org.example.note"] == "a=b"
    children = eventually(lambda: process.read(f"task/{process.pid}/children").split())
    assert Process({"State": {"Pid": int(children[0])}}).status["Umask"] == "0027"
    shown = host.module("libpod_container_info", {"name": ["c"]})["containers"][0]
    os.unlink("/srv/labels")
    assert shown["Config"]["Labels"] == {"owner": "me", "alone": "", "role": "task"}


def test_init_ends_the_container_at_its_signal(host: Host) -> None:
    done = host.container("c", **{**OPTIONS, "command": "sh -c 'exit 3'", "init": True, "detach": False})
    assert done["rc"] == 3, done
    host.container("c", **{**OPTIONS, "command": "sleep 1000", "init": True, "stop_signal": "TERM", "stop_timeout": 9})
    stopped = host.container("c", state="stopped")
    assert stopped["container"]["State"]["ExitCode"] == 128 + 15, stopped


def test_environment_is_put_together_in_order(host: Host) -> None:
    os.environ.update({"https_proxy": "http://proxy", "FROM_HOST": "yes"})
    try:
        process = started(
            host,
            image="configured",
            env_merge={"COLOUR": "dark${COLOUR}"},
            unsetenv=["SPACED", "HOSTNAME"],
            env={"A": "b"},
        )
        environ = process.environ
        assert environ["https_proxy"] == "http://proxy"
        assert (environ["COLOUR"], environ["A"]) == ("darkgreen", "b")
        assert not {"SPACED", "HOSTNAME", "FROM_HOST"} & set(environ)
        process = started(host, env_host=True, http_proxy=False)
        assert process.environ["FROM_HOST"] == "yes"
        process = started(host, unsetenv_all=True, command=["/bin/sleep", "1000"], http_proxy=False, env={"A": "b"})
        assert process.environ == {"A": "b", "HOME": "/root"}, "runc itself adds HOME"
    finally:
        for name in ("https_proxy", "FROM_HOST"):
            del os.environ[name]


@pytest.mark.parametrize("given", [True, False])
def test_read_only_root_has_tmpfs_where_wanted(host: Host, given: bool) -> None:
    process = started(host, read_only=True, read_only_tmpfs=given)
    assert ({"/run", "/tmp", "/var/tmp"} & set(process.mounts)) == ({"/run", "/tmp", "/var/tmp"} if given else set())
    assert "ro" in process.mounts["/"].options


def test_what_the_host_lacks_for_the_process_is_named(host: Host) -> None:
    refused(host, timezone="Nowhere/Land")
    refused(host, init_path="/srv/none", init=True)
