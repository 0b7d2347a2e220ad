# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images mounted in a container: their files, changes of them, and that they stay while a container has them."""

from __future__ import annotations

import os
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

PLAIN: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}
# The upper layer replaces a directory, removes a file and a directory, and adds files to another directory.
LOWER = (
    "mkdir -p /top/merged /top/hidden /top/gone; echo low >/top/merged/low; echo low >/top/hidden/low; echo f >/top/f"
)
UPPER = (
    "rm -r /top/hidden /top/gone /top/f; mkdir /top/hidden; echo up >/top/hidden/up; echo up >/top/merged/up;"
    " ln -s /top/merged /top/link; ln -s ../../../../etc/shadow /top/away"
)


@pytest.fixture(scope="module")
def shared() -> Iterator[Host]:
    """Yield a host with the image ``data`` of two layers over busybox's."""
    with Host() as made:
        _commit(made, "busybox", LOWER, "lower")
        _commit(made, "lower", UPPER, "data")
        yield made
        made.empty()
        for name in ("data", "lower"):
            assert not made.module("libpod_image", {"name": name, "state": "absent"}).failed
        made.expect_clean()


@pytest.fixture
def images(shared: Host) -> Iterator[Host]:
    yield shared
    shared.empty()


def _commit(host: Host, base: str, script: str, name: str) -> None:
    made = host.container("base", **{**PLAIN, "image": base})
    assert Process(made).run("sh", "-ec", script).returncode == 0
    done = host.module("libpod_commit", {"container": "base", "image": name})
    assert not done.failed, done
    assert not host.module("libpod_container", {"name": "base", "state": "absent"}).failed


def mount(target: str = "/x", more: str = "", source: str = "data") -> str:
    return f"type=image,src={source},dst={target}{more}"


def run(host: Host, *mounts: str, **options: Any) -> Result:
    return host.container("c", mount=list(mounts), **{**PLAIN, **options})


def started(host: Host, *mounts: str, **options: Any) -> Process:
    done = run(host, *mounts, **options)
    assert not done.failed, done
    return Process(done)


def test_an_image_is_mounted_read_only_with_what_its_layers_show(images: Host) -> None:
    mounts = [mount(), mount("/part", ",subpath=top/link,rw=false"), mount("/hidden", ",subpath=/top/hidden")]
    mounts.append(mount("/file", ",subpath=top/merged/low"))
    predicted, done = run(images, *mounts, check=True), run(images, *mounts)
    assert not done.failed and predicted["actions"] == done["actions"] == ["created c", "started c"], (predicted, done)
    process = Process(done)
    assert sorted(os.listdir(process.path("root/x/top"))) == ["away", "hidden", "link", "merged"]
    assert sorted(os.listdir(process.path("root/part"))) == ["low", "up"]
    assert os.listdir(process.path("root/hidden")) == ["up"] and process.read("root/file") == "low\n"
    for path in ("/x/new", "/part/new", "/hidden/new", "/file"):
        assert "Read-only file system" in process.run("touch", path).stderr
    assert process.run("/x/bin/true").returncode == 0
    shown = {one["Destination"]: one for one in done["container"]["Mounts"]}
    assert shown["/x"]["Type"] == "image" and shown["/x"]["Source"] == "data" and shown["/x"]["RW"] is False
    assert shown["/part"]["SubPath"] == "top/link"
    for again in (run(images, *mounts), run(images, *mounts, check=True)):
        assert again["actions"] == [], again


def test_a_writable_image_keeps_its_changes_as_long_as_the_container(images: Host) -> None:
    wanted = [mount(more=",rw=true"), mount("/part", ",subpath=top/merged,readwrite")]
    process = started(images, *wanted)
    assert process.run("sh", "-ec", "echo mine >/x/top/mine; rm /part/low; echo mine >/part/up").returncode == 0
    process = started(images, *wanted, restart=True)
    assert process.read("root/x/top/mine") == "mine\n" and os.listdir(process.path("root/part")) == ["up"]
    assert run(images, *wanted)["actions"] == []
    assert sorted(os.listdir(started(images, mount("/part", ",subpath=top/merged")).path("root/part"))) == ["low", "up"]


def test_other_mounts_change_beside_a_mounted_image_which_a_restart_restores(images: Host) -> None:
    process = started(images, mount())
    done = run(images, mount(), "type=tmpfs,target=/t")
    assert done["actions"] == ["updated c"] and Process(done).pid == process.pid, done
    assert process.run("umount", "/x").returncode == 0
    predicted, done = (run(images, mount(), "type=tmpfs,target=/t", check=check) for check in (True, False))
    assert predicted["actions"] == done["actions"] == ["restarted c"], (predicted, done)
    assert "merged" in os.listdir(Process(done).path("root/x/top"))


def test_an_image_in_use_is_not_removed(images: Host) -> None:
    started(images, mount())
    (identity,) = (one["Id"] for one in images.module("libpod_image_info", {"name": ["data"]})["images"])
    assert not images.module("libpod_container", {"name": "c", "state": "stopped"}).failed
    refused = images.module("libpod_image", {"name": "data", "state": "absent"})
    assert refused.failed and "data is used by c" in refused["msg"], refused
    pruned = images.module("libpod_prune", {"image": True, "image_filters": {"dangling": False}}, check=True)
    assert not pruned.failed and identity not in pruned["images"], pruned
    assert not images.module("libpod_container", {"name": "c", "state": "absent"}).failed
    pruned = images.module("libpod_prune", {"image": True, "image_filters": {"dangling": False}}, check=True)
    assert identity in pruned["images"], pruned


def test_prune_keeps_a_nameless_image_that_a_used_one_was_made_of(images: Host) -> None:
    _commit(images, "data", "echo step >/top/step", "step")
    _commit(images, "step", "echo last >/top/last", "last")
    (step,) = (one["Id"] for one in images.module("libpod_image_info", {"name": ["step"]})["images"])
    assert not images.module("libpod_image", {"name": step, "untag": ["step"]}).failed
    for check in (True, False):
        assert images.module("libpod_prune", {"image": True}, check=check)["images"] == []
    started(images, mount(source="last"))
    everything = {"image": True, "image_filters": {"dangling": False}}
    assert step not in images.module("libpod_prune", everything, check=True)["images"]
    assert not images.module("libpod_image", {"name": "last", "state": "absent", "force": True}).failed
    for check in (True, False):
        assert images.module("libpod_prune", {"image": True}, check=check)["images"] == [step]


def test_a_name_that_leads_to_another_image_makes_a_new_container(images: Host) -> None:
    assert not images.module("libpod_image", {"name": "lower", "tags": ["moving"]}).failed
    first = started(images, mount(source="moving"))
    assert "gone" in os.listdir(first.path("root/x/top"))
    assert not images.module("libpod_image", {"name": "data", "tags": ["moving"]}).failed
    predicted, done = (run(images, mount(source="moving"), check=check) for check in (True, False))
    assert done["actions"] == predicted["actions"] == ["recreated c"], (predicted, done)
    assert "gone" not in os.listdir(Process(done).path("root/x/top"))
    assert run(images, mount(source="moving"))["actions"] == []
    assert not images.module("libpod_image", {"name": "data", "untag": ["moving"]}).failed


def test_forced_removal_of_an_image_removes_the_container_that_mounts_it(images: Host) -> None:
    _commit(images, "data", "echo more >/top/more", "more")
    started(images, mount(source="more"))
    predicted, done = (
        images.module("libpod_image", {"name": "more", "state": "absent", "force": True}, check=check)
        for check in (True, False)
    )
    assert predicted["actions"] == done["actions"] == ["deleted c", "removed image localhost/more:latest"], done


@pytest.mark.parametrize(
    ("more", "source", "words"),
    [
        ("", "none", "not in the store"),
        (",subpath=top/none", "data", "no top/none inside it"),
        (",subpath=top/away", "data", "no top/away inside it"),
        (",subpath=top/merged/low,rw", "data", "only be mounted read-only"),
        (",subpath=a/../..", "data", "without '..'"),
        (",nocopy", "data", "of image: source"),
        ("", "", "the name or ID of an image"),
    ],
)
def test_what_cannot_be_mounted_is_refused(images: Host, more: str, source: str, words: str) -> None:
    done = run(images, mount(more=more, source=source))
    assert done.failed and words in done["msg"] and len(done["msg"]) < 400, done
    assert images.module("libpod_container_info")["containers"] == []


def test_a_user_namespace_is_refused(images: Host) -> None:
    done = run(images, mount(), uidmap=["0:100000:1000"], gidmap=["0:100000:1000"])
    assert done.failed and "user namespace" in done["msg"], done


def test_interrupted_creations_and_removals_leave_nothing(images: Host) -> None:
    task = {"name": "c", **PLAIN, "mount": [mount(more=",rw"), mount("/part", ",subpath=top/merged")]}
    points = images.module("libpod_container", task, kill_at="nowhere").effects
    assert any("mounted image" in point for point in points), points
    for at in [point for point in points if "mounted image" in point or "config.json" in point or "start" in point]:
        images.module("libpod_container", {"name": "c", "state": "absent"})
        images.module("libpod_container", task, kill_at=at)
        done = images.module("libpod_container", task)
        assert not done.failed and Process(done).read("root/part/up") == "up\n", (at, done)
    gone = {"name": "c", "state": "absent"}
    images.module("libpod_container", gone, kill_at=2)
    assert not images.module("libpod_container", gone).failed
    assert os.listdir("/srv/static/containers") == []
