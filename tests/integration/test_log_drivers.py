# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log drivers: none, k8s-file under both of its names, and the host's journal."""

from __future__ import annotations

import os
import shutil
import socket
from typing import Any

from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}


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
        assert file.read().count("hello") == 1, "conmon no longer writes it"
    logs = host.module("libpod_container_logs", {"name": "c"})
    assert logs.failed and "none" in logs["msg"], logs


def test_output_goes_to_the_hosts_journal(host: Host) -> None:
    """Entries are written by conmon in journald's native protocol."""
    job = {**BASE, "command": ["sh", "-c", "echo hello; echo oops >&2"], "log_driver": "journald"}
    refused = host.container("c", **job)
    assert refused["error"] == "NotImplementedByHost" and "/run/systemd/journal/socket is not there" in refused["msg"]
    os.makedirs("/run/systemd/journal")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind("/run/systemd/journal/socket")
        journal.settimeout(60)
        made = host.container("c", **job, detach=False, log_opt={"tag": "shop"})
        assert not made.failed and made["stdout"] == "", made
        entries = dict(_entry(journal.recv(65536)) for _stream in range(2))
    shutil.rmtree("/run/systemd")
    ours = made["container"]["Id"]
    shared = {"CONTAINER_NAME": "c", "CONTAINER_ID_FULL": ours, "CONTAINER_ID": ours[:12], "CONTAINER_TAG": "shop"}
    assert set(entries) == {"hello", "oops"}
    assert all(shared.items() <= fields.items() for fields in entries.values()), entries
    assert (entries["hello"]["PRIORITY"], entries["oops"]["PRIORITY"]) == ("6", "3")
    assert made["container"]["HostConfig"]["LogConfig"] == {"Type": "journald", "Path": "", "Size": "0B", "Tag": "shop"}


def _entry(datagram: bytes) -> tuple[str, dict[str, str]]:
    """Return an entry's message and fields: NAME=VALUE, or NAME, the length (64 bits, little-endian) and VALUE."""
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
