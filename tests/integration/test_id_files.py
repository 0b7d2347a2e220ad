# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that tell other programs of a container; its personality, its image's seccomp profile, its log's driver."""

from __future__ import annotations

import json
import os
import shutil
import socket
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.transport import Images
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}
FILES = {option: f"/srv/told/{option}" for option in ("cidfile", "pid_file", "conmon_pidfile")}


def _told() -> dict[str, str]:
    return {name: open(f"/srv/told/{name}", encoding="ascii").read() for name in os.listdir("/srv/told")}


def _facts(result: dict[str, Any]) -> dict[str, str]:
    """What the files should say; conmon is the parent of the container's process."""
    process = Process(result)
    return {
        "cidfile": result["container"]["Id"],
        "pid_file": str(process.pid),
        "conmon_pidfile": process.status["PPid"],
    }


def test_id_files_exist_as_long_as_the_container(host: Host) -> None:
    os.mkdir("/srv/told")
    refused = host.container("c", **BASE, **{**FILES, "pid_file": "/srv/none/pid"})
    assert refused.failed and "pid_file" in refused["msg"], refused
    made = host.container("c", **BASE, **FILES)
    assert _told() == _facts(made)
    assert host.container("c", **BASE, **FILES)["actions"] == []
    anew = host.container("c", recreate=True, **BASE, **FILES)
    assert _told() == _facts(anew) and anew["container"]["Id"] != made["container"]["Id"]
    host.container("c", state="stopped")
    assert _told() == {"cidfile": anew["container"]["Id"]}
    again = host.container("c", **BASE, **FILES)
    assert _told() == _facts(again)
    os.kill(Process(again).pid, 9)
    eventually(lambda: set(_told()) == {"cidfile"})
    # Killed as it writes one: the next run removes the half-made container, and its files with it.
    host.container("c", state="absent")
    assert _told() == {}
    for failpoint in ("write cidfile", "write pid_file", "write conmon_pidfile"):
        state = "present" if failpoint == "write cidfile" else "started"
        wanted = {"name": "c", "state": state, **BASE, **FILES}
        killed = host.module("libpod_container", wanted, kill_at=f"{failpoint} #1")
        assert killed.killed, failpoint
        host.container("c", state="absent")
        assert _told() == {}, failpoint
    os.rmdir("/srv/told")


def test_delete_time_and_pod_id_file(host: Host) -> None:
    pod = host.module("libpod_pod", {"name": "p"})
    with open("/srv/pod-id", "w", encoding="ascii") as file:
        file.write(pod["pod"]["Id"] + "\n")
    stubborn = {**BASE, "command": ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], "stop_signal": "TERM"}
    made = host.container("c", **{**stubborn, "network": None}, pod_id_file="/srv/pod-id", stop_timeout=600)
    assert made["container"]["Pod"] == pod["pod"]["Id"], made
    assert host.container("c", state="absent", delete_time="1")["actions"] == ["deleted c"]
    host.module("libpod_pod", {"name": "p", "state": "absent"})
    os.unlink("/srv/pod-id")


def test_seccomp_profile_of_the_image(host: Host) -> None:
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["chmod"], "action": "SCMP_ACT_ERRNO"}]}
    label = f"io.containers.seccomp.profile={json.dumps(profile)}"
    shutil.copytree(host.layout, "/srv/layout")
    words = ("--no-history", "--image", "/srv/layout:busybox", "--tag", "strict", "--config.label", label)
    host.run("umoci", "config", *words)
    job = {"image": "oci:/srv/layout:strict", "network": "none", "detach": False, "command": ["chmod", "600", "/www"]}
    assert not host.container("default", **job).failed
    refused = host.container("strict", seccomp_policy="image", **job)
    assert refused.failed and "Operation not permitted" in refused["stderr"], refused
    host.empty()
    assert Images(host.parts).remove("oci:/srv/layout:strict")
    shutil.rmtree("/srv/layout")


def test_personality_is_refused_where_the_runtime_does_not_set_it(host: Host) -> None:
    refused = host.container("c", **BASE, personality="linux32")
    assert refused.failed and refused["error"] == "NotImplementedByHost" and "crun" in refused["msg"], refused


@pytest.mark.parametrize("host", [{"unified": False}], indirect=True)
def test_personality_is_the_process_own(host: Host) -> None:
    made = host.container("c", **BASE, personality="linux32", oci_runtime="/usr/bin/crun")
    assert not made.failed, made
    assert Process(made).read("personality").strip() == "00000008", "PER_LINUX32 of personality(2)"
    assert host.container("c", state="absent", oci_runtime="/usr/bin/crun")["actions"] == ["deleted c"]


def test_log_driver_none_and_both_names_of_k8s_file(host: Host) -> None:
    job = {**BASE, "command": ["echo", "hello"], "detach": False}
    assert host.container("c", **job, log_driver="json-file")["stdout"] == "hello\n"
    assert (
        host.container("c", **{**BASE, "command": job["command"]}, state="present", log_driver="k8s-file")["actions"]
        == []
    )
    done = host.container("c", **job, log_driver="none", diff=True)
    assert done["actions"] == ["updated c", "started c"] and done["stdout"] == "", done
    with open(done["container"]["StaticDir"] + "/ctr.log", encoding="ascii") as file:
        assert file.read().count("hello") == 1, "nobody writes it any more"
    logs = host.module("libpod_container_logs", {"name": "c"})
    assert logs.failed and "none" in logs["msg"], logs


def test_output_goes_to_the_hosts_journal(host: Host) -> None:
    """What journald receives is conmon's own words, by its native protocol."""
    job = {**BASE, "command": ["sh", "-c", "echo hello; echo oops >&2"], "log_driver": "journald"}
    refused = host.container("c", **job)
    assert refused["error"] == "NotImplementedByHost" and "/run/systemd/journal/socket is not there" in refused["msg"]
    os.makedirs("/run/systemd/journal")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind("/run/systemd/journal/socket")
        journal.settimeout(60)
        made = host.container("c", **job, detach=False, log_opt={"tag": "shop"})
        assert not made.failed and made["stdout"] == "", made
        found = dict(_entry(journal.recv(65536)) for _stream in range(2))
    shutil.rmtree("/run/systemd")
    ours = made["container"]["Id"]
    shared = {"CONTAINER_NAME": "c", "CONTAINER_ID_FULL": ours, "CONTAINER_ID": ours[:12], "CONTAINER_TAG": "shop"}
    assert set(found) == {"hello", "oops"}
    assert all(shared.items() <= fields.items() for fields in found.values()), found
    assert (found["hello"]["PRIORITY"], found["oops"]["PRIORITY"]) == ("6", "3")
    assert made["container"]["HostConfig"]["LogConfig"] == {"Type": "journald", "Path": "", "Size": "0B", "Tag": "shop"}


def _entry(datagram: bytes) -> tuple[str, dict[str, str]]:
    """An entry's message and its fields: NAME=VALUE, or NAME and the length (64 bits, little-endian) and VALUE."""
    fields = {}
    while datagram:
        name, _end, rest = datagram.partition(b"\n")
        if b"=" in name:
            name, _equals, value = name.partition(b"=")
        else:
            end = 8 + int.from_bytes(rest[:8], "little")
            value, rest = rest[8:end], rest[end + 1 :]
        fields[name.decode()] = value.decode()
        datagram = rest
    return fields["MESSAGE"].rstrip("\n"), fields
