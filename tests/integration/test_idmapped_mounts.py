# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts with IDs of their own (``idmap``): as asked under crun, refused by name where the OCI runtime cannot."""

from __future__ import annotations

import os
import shutil
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

pytestmark = pytest.mark.skipif(
    tuple(map(int, os.uname().release.split(".")[:2])) < (6, 3),
    reason="what a test host has is on a tmpfs, of which Linux maps the IDs of mounts from 6.3 on",
)

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
        refused = host.container("c", **BASE, volume=[f"{SOURCE}:/data:{idmap}"], check=True)
        assert refused["msg"].startswith("volume: idmap maps to the container's user namespace"), refused
    beyond = _run(host, "idmap=uids=@0-65530-10;gids=0-0-10", **MAPPED)
    assert beyond.failed and "@0-65530-10 is no part of one range" in beyond["msg"], beyond
    volume = [f"{SOURCE}:/data:idmap=uids=@0-65530-10;gids=0-0-10"]
    beyond = host.container("c", **{**BASE, **MAPPED, "volume": volume, "oci_runtime": "crun"})
    assert beyond["msg"].startswith("volume: idmap of /data: @0-65530-10 is no part"), beyond


def test_a_runtime_that_maps_no_mount_is_refused_before_any_effect(host: Host) -> None:
    assert not _run(host, "ro", oci_runtime="runc").failed
    refused = _run(host, "idmap=uids=0-0-10;gids=0-0-10", oci_runtime="runc")
    assert refused.failed and refused["error"] == "NotImplementedByHost", refused
    assert refused["msg"].startswith("mount: idmap of /data: ") and "crun" in refused["msg"]
    volume = {**BASE, "volume": [f"{SOURCE}:/data:idmap=uids=0-0-10;gids=0-0-10"]}
    assert host.container("c", **volume)["msg"].startswith("volume: idmap of /data: ")
    assert refused["actions"] == [] and _run(host, "ro", oci_runtime="runc")["actions"] == []


def test_source_that_is_a_link_is_followed(host: Host) -> None:
    os.symlink("owned", "/srv/link")
    for _number in range(2):
        done = host.container(
            "c", mount=["type=bind,src=/srv/link,dst=/data,idmap"], oci_runtime="crun", drift="full", **BASE, **MAPPED
        )
        assert not done.failed, done
        assert _sh(host, "stat -c %n:%u:%g /data/*") == "/data/root:0:0\n/data/web:1000:1000\n"
    assert done["actions"] == []
    os.unlink("/srv/link")


def _commit(host: Host, base: str, script: str, name: str) -> None:
    made = host.container("base", **{**BASE, "image": base})
    assert Process(made).run("sh", "-ec", script).returncode == 0
    assert not host.module("libpod_commit", {"container": "base", "image": name}).failed
    assert not host.container("base", state="absent").failed


@pytest.fixture(name="owned")
def _owned(host: Host) -> Iterator[str]:
    """Have an image with files of several owners in /own."""
    _commit(host, "busybox", "mkdir /own; echo a >/own/root; echo a >/own/web; chown 1000:1001 /own/web", "owned")
    yield "owned"
    host.empty()
    assert not host.module("libpod_image", {"name": "owned", "state": "absent"}).failed


OWNERS = "stat -c %n:%u:%g /own /own/*"


@pytest.mark.parametrize("way", ["mount", "volume"])
def test_a_volume_has_the_containers_ids_on_the_host_too(host: Host, owned: str, way: str) -> None:
    """So containers with other user namespaces, or with none, share it."""

    def run(name: str, **more: Any) -> Result:
        idmap = ",idmap" if "uidmap" in more else ""
        volume = {"mount": [f"type=volume,src=shared,dst=/own{idmap}"], "volume": [f"shared:/own:rw{idmap}"]}[way]
        options = {**BASE, "image": owned, "oci_runtime": "crun", way: volume, **more}
        assert host.container(name, check=True, **options)["actions"] == host.container(name, **options)["actions"]
        return host.container(name, drift="full", **options)

    assert run("c", **MAPPED)["actions"] == []
    expected = "/own:0:0\n/own/root:0:0\n/own/web:1000:1001\n"
    assert _sh(host, f"{OWNERS} && echo new > /own/written") == expected
    data = f"{host.parts.static_root}/volumes/shared/_data"
    for name, owner in (("", (0, 0)), ("root", (0, 0)), ("web", (1000, 1001)), ("written", (0, 0))):
        found = os.stat(f"{data}/{name}")
        assert (found.st_uid, found.st_gid) == owner, name
    assert not host.container("c", state="absent").failed
    assert run("c", uidmap=["0:300000:65536"])["actions"] == []
    assert _sh(host, "stat -c %u:%g /own/web") == "1000:1001\n"
    assert not host.container("c", state="absent").failed
    assert run("c")["actions"] == []
    assert _sh(host, "stat -c %u:%g /own/web") == "1000:1001\n"
    host.empty()
    assert host.module("libpod_volume", {"name": "shared", "state": "absent"}).changed


def test_ranges_map_a_part_of_a_volume_and_the_content_of_the_image(host: Host, owned: str) -> None:
    idmap = "idmap=uids=5000-0-2000;gids=6000-0-2000"
    mount = [f"type=volume,src=shared,dst=/own,{idmap}"]
    options = {**BASE, "image": owned, "oci_runtime": "crun"}
    assert not host.container("c", mount=mount, **options).failed
    assert _sh(host, f"{OWNERS} && mkdir /own/part") == "/own:0:0\n/own/root:0:0\n/own/web:1000:1001\n"
    found = os.stat(f"{host.parts.static_root}/volumes/shared/_data/web")
    assert (found.st_uid, found.st_gid) == (6000, 7001)
    assert not host.container("c", mount=[f"{mount[0]},subpath=part"], **options).failed
    assert _sh(host, "stat -c %u /own && touch /own/x && stat -c %u /own/x") == "0\n0\n"
    assert os.stat(f"{host.parts.static_root}/volumes/shared/_data/part/x").st_uid == 5000
    host.empty()
    assert host.module("libpod_volume", {"name": "shared", "state": "absent"}).changed


def test_an_image_of_one_layer_is_mounted_in_a_user_namespace(host: Host, owned: str) -> None:
    """What only one layer has is such a part as well; layers together are an overlay, whose IDs the kernel keeps."""

    def run(mount: str, **more: Any) -> Result:
        return host.container("c", **{**BASE, "mount": [f"type=image,{mount}"], "oci_runtime": "crun", **more})

    done = run("src=owned,dst=/own,subpath=own,idmap", **MAPPED)
    assert done["actions"] == ["created c", "started c"], done
    assert _sh(host, OWNERS) == "/own:0:0\n/own/root:0:0\n/own/web:1000:1001\n"
    assert _sh(host, "touch /own/x 2>&1 || true") == "touch: /own/x: Read-only file system\n"
    assert run("src=owned,dst=/own,subpath=own,idmap", **MAPPED, drift="full")["actions"] == []
    assert not run("src=busybox,dst=/own,idmap", **MAPPED).failed
    assert _sh(host, "stat -c %u:%g /own/bin/busybox") == "0:0\n"
    for mount, words in (
        ("src=owned,dst=/own,idmap", "its 2 layers are an overlay, whose IDs the kernel does not map"),
        ("src=busybox,dst=/own,idmap,rw", "either idmap or rw"),
        ("src=busybox,dst=/own", "has a user namespace"),
    ):
        refused = run(mount, **MAPPED)
        assert refused.failed and words in refused["msg"] and refused["actions"] == [], refused
    assert not host.container("c", state="absent").failed
    of_runc = run("src=busybox,dst=/own,idmap", **MAPPED, oci_runtime="runc")
    assert of_runc["error"] == "NotImplementedByHost" and "idmap of /own" in of_runc["msg"], of_runc
