# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts of a part of a named volume: what is mounted, what is refused, and that a volume leads nowhere else."""

from __future__ import annotations

import os
import shutil
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

PLAIN: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}
DATA = "/srv/static/volumes/data/_data"
SECRET = "/srv/secret"
SWAPPING = """#!/bin/sh
case " $* " in *" create "*) mv {data}/a {data}/moved; ln -s {secret} {data}/a;; esac
exec {runtime} "$@"
"""


@pytest.fixture(autouse=True)
def _files(host: Host) -> Iterator[None]:
    """Make a volume with two directories, a file and links, and a directory of the host beside it."""
    assert not host.module("libpod_volume", {"name": "data"}).failed
    for name in ("a", "b/c"):
        os.makedirs(f"{DATA}/{name}")
        _write(f"{DATA}/{name}/which", name)
    _write(f"{DATA}/file", "a file")
    os.mkdir(SECRET)
    _write(f"{SECRET}/which", "the host's")
    for link, target in {"current": "/b/c", "away": SECRET, "up": "../../../../secret", "circle": "circle"}.items():
        os.symlink(target, f"{DATA}/{link}")
    yield
    shutil.rmtree(SECRET)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def mount(subpath: str, target: str = "/x", more: str = "") -> str:
    return f"type=volume,src=data,dst={target},subpath={subpath}{more}"


def run(host: Host, *mounts: str, **options: Any) -> Result:
    return host.container("c", mount=list(mounts), **{**PLAIN, **options})


def which(done: Result, target: str = "/x") -> str:
    assert not done.failed, done
    return Process(done).read(f"root{target}/which")


def test_a_directory_a_file_and_a_link_inside_the_volume_are_mounted(host: Host) -> None:
    mounts = [mount("a"), mount("/b/./c/", "/deep", ",ro"), mount("file", "/etc/file"), mount("current", "/now")]
    assert run(host, *mounts, check=True)["actions"] == ["created c", "started c"]
    done = run(host, *mounts)
    assert [which(done, target) for target in ("/x", "/deep", "/now")] == ["a", "b/c", "b/c"]
    process = Process(done)
    assert process.read("root/etc/file") == "a file"
    assert "Read-only file system" in process.run("touch", "/deep/x").stderr
    assert process.run("touch", "/x/made").returncode == 0 and os.path.exists(f"{DATA}/a/made")
    assert {"nosuid", "nodev"} <= set(process.mounts["/x"].options)
    shown = {one["Destination"]: one for one in done["container"]["Mounts"]}
    assert shown["/deep"]["SubPath"] == "b/c" and shown["/x"]["Source"] == DATA and shown["/x"]["Name"] == "data"
    for again in (run(host, *mounts), run(host, *mounts[::-1]), run(host, *mounts, check=True)):
        assert again["actions"] == [], again
    assert host.module("libpod_volume", {"name": "data", "state": "absent"}).failed, "the container uses it"
    restarted = run(host, *mounts, restart=True)
    assert which(restarted, "/now") == "b/c"


def test_another_subpath_is_mounted_under_the_running_process(host: Host) -> None:
    process = Process(run(host, mount("a"), "type=volume,source=data,target=/all"))
    for mounts in (
        [mount("b/c"), mount("a", "/all")],
        [mount("current", "/new"), mount("file", "/f"), "type=volume,source=data,target=/all"],
    ):
        predicted = run(host, *mounts, check=True, diff=True)
        done = run(host, *mounts, diff=True)
        assert done["actions"] == predicted["actions"] == ["updated c"] and done["diff"] == predicted["diff"], done
        assert Process(done).pid == process.pid and run(host, *mounts)["actions"] == []
    assert process.read("root/new/which") == "b/c" and process.read("root/f") == "a file"
    assert process.read("root/all/a/which") == "a" and "/x" not in process.mounts


def test_a_mount_taken_away_is_restored(host: Host) -> None:
    process = Process(run(host, mount("a")))
    assert process.run("umount", "/x").returncode == 0
    done = run(host, mount("a"), diff=True)
    assert done["actions"] == ["updated c"] and set(done["diff"]["after"]) == {"mount /x"}, done
    assert process.read("root/x/which") == "a"


def test_the_container_user_is_given_the_subpath_alone(host: Host) -> None:
    done = run(host, mount("b", more=",U"), mount("file", "/f", ",U"), user="7:8")
    assert not done.failed, done
    owners = {name: (os.stat(f"{DATA}/{name}").st_uid, os.stat(f"{DATA}/{name}").st_gid) for name in ("a", "b/c")}
    assert owners == {"a": (0, 0), "b/c": (7, 8)}
    assert os.stat(f"{DATA}/file").st_uid == 7 and os.stat(f"{SECRET}/which").st_uid == 0


@pytest.mark.parametrize("subpath", ["none", "a/none", "away", "up", "circle", "file/none"])
def test_what_is_not_inside_the_volume_is_refused(host: Host, subpath: str) -> None:
    for result in (run(host, mount(subpath)), run(host, mount(subpath), state="created")):
        assert result.failed and "volume data" in result["msg"] and subpath in result["msg"], result
        assert "/x" in result["msg"] and "container c" in result["msg"] and len(result["msg"]) < 300, result
    assert host.module("libpod_container_info")["containers"] == []
    running = Process(run(host, mount("a")))
    assert run(host, mount(subpath)).failed and running.read("root/x/which") == "a"


@pytest.mark.parametrize(
    "text",
    [
        "type=volume,src=data,dst=/x,subpath=a/../../..",
        "type=volume,src=data,dst=/x,subpath",
        "type=volume,dst=/x,volume-subpath=a",
        "type=bind,src=/srv,dst=/x,subpath=a",
        "type=image,src=busybox,dst=/x,rw,idmap=uids=0-1-10#10-11-10;gids=0-100-10",
        "type=bind,src=/srv,dst=/x,idmap=uids=0-1;gids=0-100-10",
        "type=bind,src=/srv,dst=/x,idmap=uids=0-1-1",
        "type=bind,src=/srv,dst=/x,idmap=uids=0-1-1;gids=0-1-1,U",
    ],
)
def test_a_mount_that_names_no_path_in_a_volume_is_refused(host: Host, text: str) -> None:
    done = run(host, text)
    assert done.failed and done["msg"].startswith("mount: ") and "expected" in done["msg"], done


def test_a_new_volume_has_no_subpath(host: Host) -> None:
    done = run(host, "type=volume,src=fresh,dst=/x,subpath=a")
    assert done.failed and "volume fresh has no a" in done["msg"], done
    assert not os.path.exists("/srv/static/volumes/fresh")
    # An earlier task of the play may be to make it.
    assert not run(host, "type=volume,src=fresh,dst=/x,subpath=a", check=True).failed


def test_a_volume_of_a_driver_is_mounted_before_its_subpath_is_looked_for(host: Host) -> None:
    options = {"name": "bound", "options": ["type=none", f"device={DATA}/b", "o=bind"]}
    assert not host.module("libpod_volume", options).failed
    wanted = "type=volume,src=bound,dst=/x,volume-subpath=c"
    assert which(run(host, wanted)) == "b/c" and run(host, wanted)["actions"] == []
    assert not host.module("libpod_container", {"name": "c", "state": "stopped"}).failed
    copied = {"container": "c", "src": "/x/which", "dest": "/srv/fetched", "from_container": True}
    assert not host.module("libpod_container_copy", copied).failed
    with open("/srv/fetched", encoding="ascii") as file:
        assert file.read() == "b/c"
    os.unlink("/srv/fetched")
    assert run(host, "type=volume,src=bound,dst=/y,subpath=none").failed


def test_a_link_put_in_the_way_while_the_container_is_made_leads_nowhere(host: Host) -> None:
    """The OCI runtime follows the link that replaces the directory just before it mounts; nothing runs with that."""
    oci = f"/srv/swapping/{host.parts.oci_runtime}"
    os.mkdir(os.path.dirname(oci))
    with open(os.open(oci, os.O_WRONLY | os.O_CREAT, 0o755), "w", encoding="ascii") as file:
        file.write(SWAPPING.format(data=DATA, secret=SECRET, runtime=shutil.which(host.parts.oci_runtime)))
    os.makedirs(f"{DATA}{SECRET}")  # where the link leads inside the volume
    done = run(host, mount("a"), oci_runtime=oci)
    assert done.failed and "the volume data was replaced while container c was created" in done["msg"], done
    (one,) = host.module("libpod_container_info", {"name": ["c"]})["containers"] or [{"State": {"Running": False}}]
    assert not one["State"]["Running"]
    shutil.rmtree(os.path.dirname(oci))
    os.unlink(f"{DATA}/a")
    os.rename(f"{DATA}/moved", f"{DATA}/a")
    assert which(run(host, mount("a"))) == "a"


def test_interrupted_changes_of_subpaths_are_finished(host: Host) -> None:
    one: dict[str, Any] = {"mount": [mount("a"), mount("file", "/f")]}
    other: dict[str, Any] = {"mount": [mount("b/c"), mount("a", "/g")]}
    process = Process(host.container("c", **PLAIN, **one))
    points = host.module("libpod_container", {"name": "c", **PLAIN, **other}, kill_at="nowhere").effects
    assert any("move_mount /x" in point for point in points), points
    for at in [point for point in points if "mount" in point]:
        host.container("c", **PLAIN, **one)
        host.module("libpod_container", {"name": "c", **PLAIN, **other}, kill_at=at)
        done = host.container("c", **PLAIN, **other)
        assert which(done) == "b/c" and which(done, "/g") == "a" and "/f" not in Process(done).mounts, at
        assert Process(done).pid == process.pid and not host.container("c", **PLAIN, **other).changed, at
