# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bind mounts with IDs of their own (``idmap``): as asked under crun, refused by name where the OCI runtime cannot."""

from __future__ import annotations

import os
import shutil
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING

SOURCE = "/srv/owned"
BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}
MAPPED: dict[str, Any] = {"uidmap": ["0:100000:65536"], "gidmap": ["0:200000:65536"]}


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    # crun does not run beside a hybrid host's cgroup2 mount.
    with Host(unified=False) as made:
        yield made


@pytest.fixture(autouse=True)
def _source(host: Host) -> Iterator[None]:
    os.mkdir(SOURCE)
    for name, owner in (("root", 0), ("web", 1000)):
        with open(f"{SOURCE}/{name}", "w", encoding="ascii") as file:
            file.write(f"{name}\n")
        os.chown(f"{SOURCE}/{name}", owner, owner)
    yield
    host.empty()
    shutil.rmtree(SOURCE)
    host.expect_clean()


def _run(host: Host, idmap: str, **more: Any) -> Result:
    mount = [f"type=bind,src={SOURCE},dst=/data,{idmap}"]
    return host.container("c", **{**BASE, "mount": mount, "oci_runtime": "crun", **more})


def _sh(host: Host, script: str) -> str:
    done = host.module("libpod_container_exec", {"name": "c", "argv": ["sh", "-c", script]})
    assert not done.failed, done
    return str(done["stdout"])


@pytest.mark.parametrize("idmap", ["idmap", "idmap=uids=@0-0-2000;gids=@0-0-2000", "idmap=true"])
def test_files_have_the_containers_ids_in_a_user_namespace(host: Host, idmap: str) -> None:
    done = _run(host, idmap, **MAPPED)
    assert done["actions"] == ["created c", "started c"], done
    assert _sh(host, "stat -c %n:%u:%g /data/* && echo new > /data/new") == "/data/root:0:0\n/data/web:1000:1000\n"
    found = os.stat(f"{SOURCE}/new")
    assert (found.st_uid, found.st_gid) == (0, 0), "written as the container's root, who is nobody on the host"
    assert _run(host, idmap, **MAPPED, drift="full")["actions"] == []
    without = _run(host, "idmap=false", **MAPPED)
    assert without["plan"]["recreated_because_of"] == ["mount"], without
    assert _sh(host, "stat -c %u /data/root") == "65534\n"


def test_ranges_map_without_a_user_namespace(host: Host) -> None:
    idmap = "idmap=uids=1000-0-1#0-5-1;gids=1000-7-1#0-6-1"
    done = _run(host, idmap)
    assert done["actions"] == ["created c", "started c"], done
    assert _sh(host, "stat -c %n:%u:%g /data/*") == "/data/root:5:6\n/data/web:0:7\n"
    assert _run(host, idmap)["actions"] == [] and idmap in done["container"]["HostConfig"]["Binds"][0]
    assert not _run(host, idmap, restart=True).failed
    assert _sh(host, "stat -c %u /data/web") == "0\n"


def test_a_map_to_no_user_namespace_is_refused(host: Host) -> None:
    for idmap in ("idmap", "idmap=uids=@0-0-10;gids=0-0-10"):
        refused = _run(host, idmap, state="present")
        assert refused.failed and "idmap maps to the container's user namespace" in refused["msg"], refused
    beyond = _run(host, "idmap=uids=@0-65530-10;gids=0-0-10", **MAPPED)
    assert beyond.failed and "@0-65530-10 is no part of one range" in beyond["msg"], beyond


def test_a_runtime_that_maps_no_mount_is_refused_before_any_effect(host: Host) -> None:
    assert not _run(host, "ro", oci_runtime="runc").failed
    refused = _run(host, "idmap=uids=0-0-10;gids=0-0-10", oci_runtime="runc")
    assert refused.failed and refused["error"] == "NotImplementedByHost", refused
    assert refused["msg"].startswith("mount: idmap of /data: ") and "crun" in refused["msg"]
    assert refused["actions"] == [] and _run(host, "ro", oci_runtime="runc")["actions"] == []
