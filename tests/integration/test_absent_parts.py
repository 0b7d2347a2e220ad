# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with the packages of RHEL 10: crun and netavark, but no runc, CNI plugins or command containers-storage."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.transport import Images
from ansible_collections.libpod.engine.tests.support import absent, kernel
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.networks import links, page
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually

ABSENT = ("/usr/bin/containers-storage", "/usr/sbin/runc")
PLUGINS = "/usr/lib/cni"
BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "oci_runtime": "auto"}
WEB = {**BASE, "command": "httpd -f -p 80 -h /www", "stop_signal": "KILL", "network": ["front"], "publish": ["8080:80"]}

pytestmark = pytest.mark.parametrize("host", [{"unified": False, "network_backend": "auto"}], indirect=True)


@contextlib.contextmanager
def absent_parts() -> Iterator[None]:
    """Have no file of ``ABSENT`` in its folder, and none at all in ``PLUGINS``."""
    with contextlib.ExitStack() as undo:
        undo.enter_context(absent.without(*ABSENT))
        kernel.mount("absent", PLUGINS, "tmpfs")
        undo.callback(kernel.umount, PLUGINS)
        assert not any(shutil.which(os.path.basename(path)) for path in ABSENT) and shutil.which("crun")
        yield


@pytest.fixture
def bare(host: Host) -> Iterator[Host]:
    """Yield the test host without these parts, until the leak check, which uses one of them."""
    with absent_parts():
        yield host


def test_life_of_a_container_without_network(bare: Host) -> None:
    made = bare.container("c", **BASE, memory="64m", healthcheck="true", healthcheck_interval="disable")
    assert made.get("actions") == ["created c", "started c"], made
    assert made["container"]["OCIRuntime"] == "crun"
    assert Process(made).cgroup("memory", "memory.limit_in_bytes") == str(64 << 20)
    options = {**BASE, "memory": "96m", "healthcheck": "true", "healthcheck_interval": "disable"}
    grown = bare.container("c", **options)
    assert Process(grown).cgroup("memory", "memory.limit_in_bytes") == str(96 << 20)
    assert grown["container"]["State"]["Pid"] == made["container"]["State"]["Pid"]
    assert not bare.container("c", **options)["changed"]
    done = bare.module("libpod_container_exec", {"name": "c", "argv": ["sh", "-c", "echo out; exit 3"]})
    assert (done["rc"], done["stdout"]) == (3, "out\n"), done
    steps = [
        bare.container("c", **{**options, **how})
        for how in ({"state": "paused"}, {"state": "started"}, {"restart": True}, {"env": {"A": "1"}})
    ]
    assert [one.failed or one["changed"] for one in steps] == [True] * 4, steps
    assert not any(one.failed for one in steps), steps
    job = bare.container("job", **{**BASE, "command": ["sh", "-c", "echo out; exit 7"]}, detach=False, rm=True)
    assert (job["rc"], job["stdout"]) == (7, "out\n"), job
    assert bare.container("c", state="absent")["actions"] == ["deleted c"]


def test_life_of_a_container_on_netavarks_networks(bare: Host) -> None:
    for name in ("front", "back"):
        assert bare.module("libpod_network", {"name": name}).changed
    made = bare.container("web", **WEB)
    assert made.get("actions") == ["created web", "started web"], made
    networks = made["container"]["NetworkSettings"]["Networks"]
    process, front = Process(made), networks["front"]["IPAddress"]
    assert networks.keys() == {"front"} and links(process) == {"eth0": [front]}
    assert eventually(lambda: b"It works" in page("198.51.100.1", 8080))
    assert bare.container("web", **WEB)["actions"] == []
    both = bare.container("web", **{**WEB, "network": ["front", "back"], "publish": ["8081:80"]})
    assert links(process).keys() == {"eth0", "eth1"} and links(process)["eth0"] == [front], both
    assert b"It works" in page("198.51.100.1", 8081)
    back = bare.container("web", **{**WEB, "network": ["back"]})
    assert back["container"]["State"]["Pid"] == process.pid and links(process).keys() == {"eth1"}
    assert b"It works" in page("198.51.100.1", 8080)
    assert bare.container("web", restart=True, **{**WEB, "network": ["back"]})["actions"] == ["restarted web"]
    assert eventually(lambda: b"It works" in page("198.51.100.1", 8080))
    assert bare.container("web", state="absent")["actions"] == ["deleted web"]
    for name in ("front", "back"):
        assert bare.module("libpod_network", {"name": name, "state": "absent"}).changed


def test_member_of_a_pod_without_network_needs_no_plugin_of_the_default_network(bare: Host) -> None:
    bare.parts = bare.parts._replace(network_backend="cni")
    pod = bare.module("libpod_pod", {"name": "p", "network": "none", "oci_runtime": "auto"})
    assert not pod.failed, pod
    member = bare.container("m", **{**BASE, "network": None}, pod="p")
    assert member.get("actions", [])[-2:] == ["created m", "started m"], member
    assert bare.module("libpod_pod", {"name": "p", "state": "absent"})["changed"]


def test_image_is_named_and_removed(bare: Host) -> None:
    made = bare.container("c", **BASE)
    named = bare.module("libpod_image", {"name": "localhost/busybox", "tags": ["new:1", "new:2"]})
    assert named.get("actions") == ["tagged image localhost/new:1", "tagged image localhost/new:2"], named
    untagged = bare.module("libpod_image", {"name": "localhost/new:1", "state": "absent"})
    assert untagged.get("actions") == ["untagged image localhost/new:1"], untagged
    copied = bare.module("libpod_commit", {"container": "c", "image": "localhost/new:2", "changes": ["CMD sleep 100"]})
    assert copied.get("changed"), copied
    other = bare.container("d", **{**BASE, "image": "localhost/new:2"})
    refused = bare.module("libpod_image", {"name": "localhost/new:2", "state": "absent"})
    assert refused["error"] == "ImageInUse" and "used by d" in refused["msg"], refused
    # Without skopeo, what uses the image stays.
    kernel.mount("/dev/null", "/usr/bin/skopeo", flags=kernel.MS_BIND)
    for check in (True, False):
        refused = bare.module("libpod_image", {"name": "new:2", "state": "absent", "force": True}, check=check)
        assert refused["error"] == "ToolMissing" and "package skopeo" in refused["msg"], refused
    kernel.umount("/usr/bin/skopeo")
    same = bare.container("d", **{**BASE, "image": "localhost/new:2"})
    assert (same["changed"], same["container"]["State"]["Pid"]) == (False, other["container"]["State"]["Pid"])
    removed = bare.module("libpod_image", {"name": "new:2", "state": "absent", "force": True})
    assert removed.get("actions") == ["deleted d", "removed image localhost/new:2"], removed
    # The image that lost its name is in use.
    pruned = bare.module("libpod_prune", {"image": True})
    assert not pruned.failed and not pruned["changed"], pruned
    assert bare.container("c", **BASE)["container"]["State"]["Pid"] == made["container"]["State"]["Pid"]
    assert bare.container("c", state="absent")["actions"] == ["deleted c"]


def test_container_is_committed(bare: Host) -> None:
    made = Process(bare.container("c", **BASE))
    made.run("sh", "-c", "rm /etc/group; echo kept > /made")
    committed = bare.module("libpod_commit", {"container": "c", "image": "localhost/new:1"})
    assert committed.get("changed"), committed
    second = Process(bare.container("d", **{**BASE, "image": "localhost/new:1"}))
    assert second.run("sh", "-c", "cat /made; ls /etc/group 2>/dev/null").stdout == "kept\n"
    for name in ("c", "d"):
        assert not bare.container(name, state="absent").failed
    bare.run("skopeo", "delete", Images(bare.parts)._target("localhost/new:1"))


def test_life_of_a_container_in_a_user_namespace(bare: Host) -> None:
    """The map has two ranges, which containers-storage of Debian 12 does not mount."""
    ranges = ["0:100000:1000", "1000:300000:1000"]
    mapped = {**BASE, "uidmap": ranges, "gidmap": ranges}
    made = Process(bare.container("c", **mapped))
    made.run("sh", "-c", "echo > /roots; echo > /webs; chown 1000:1001 /webs")
    owners = [(one.st_uid, one.st_gid) for one in (os.stat(made.path(f"root/{name}")) for name in ("roots", "webs"))]
    assert owners == [(100_000, 100_000), (300_000, 300_001)]
    assert made.run("stat", "-c", "%u:%g", "/home/web", "/").stdout == "1000:1000\n0:0\n"
    assert not bare.container("c", **mapped)["changed"]
    assert Process(bare.container("c", **mapped, restart=True)).run("cat", "/webs").stdout == "\n"
    assert bare.container("c", state="absent")["actions"] == ["deleted c"]


@pytest.mark.parametrize("part", ["flags", "composefs-data", "mount program"])
def test_what_the_engine_does_not_know_of_a_store_is_named(bare: Host, part: str) -> None:
    changed = Path("/srv/storage/overlay-layers/layers.json")
    layers = json.loads(changed.read_text())
    need = f"whose layer has {part}, needs containers-storage"
    if part == "flags":
        layers[0]["flags"] = {"new": True}
    elif part == "mount program":
        changed, need = Path("/srv/storage/overlay/.has-mount-program"), "an image store with a mount program needs"
    else:
        changed = Path(f"/srv/storage/overlay/{layers[0]['id']}/composefs-data")
    before = changed.read_text() if changed.exists() else None
    changed.write_text("true" if part == "mount program" else json.dumps(layers))
    refused = bare.container("c", **BASE)
    if before is None:
        changed.unlink()
    else:
        changed.write_text(before)
    assert refused["error"] == "ToolMissing" and need in refused["msg"] and ", or use " in refused["msg"], refused
    assert not bare.container("c", state="absent").failed


def test_what_needs_an_absent_part_names_it_and_its_package(bare: Host) -> None:
    vfs = bare.container("c", **{**BASE, "storage_driver": "vfs"})
    assert vfs["msg"].startswith("the storage driver vfs needs containers-storage, which is not installed"), vfs
    assert vfs["msg"].endswith("or use the driver overlay"), vfs
    refused = {
        "containernetworking-plugins": bare.container("c", **{**BASE, "network": "libpod", "network_backend": "cni"}),
        "runc": bare.container("c", **{**BASE, "oci_runtime": "runc"}),
        "containers-storage": vfs,
    }
    for package, result in refused.items():
        assert result.failed and result["error"] == "ToolMissing", result
        assert f"package {package}" in result["msg"] and "\n" not in result["msg"], result
