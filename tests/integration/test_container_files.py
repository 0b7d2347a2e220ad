# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's files: copied in and out, exported and compared, and never accessed through a link that escapes."""

from __future__ import annotations

import os
import tarfile
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument, InvalidState
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, files

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}


@pytest.fixture
def work(host: Host) -> Iterator[str]:
    """Return a folder on the host with a file, a tree and a link that leads out of it."""
    os.makedirs("/srv/work/tree/sub")
    for path, text in (("file", "one\n"), ("tree/a", "a\n"), ("tree/sub/b", "b\n")):
        with open(f"/srv/work/{path}", "w", encoding="ascii") as file:
            file.write(text)
    os.chmod("/srv/work/file", 0o640)
    os.chown("/srv/work/file", 7, 8)
    os.symlink("/etc/passwd", "/srv/work/tree/link")
    yield "/srv/work"
    host.run("rm", "-r", "/srv/work")


def _copy(host: Host, src: str, dest: str, check: bool = False, **options: Any) -> Result:
    return host.module("libpod_container_copy", {"container": "c", "src": src, "dest": dest, **options}, check=check)


def _inside(host: Host, script: str) -> str:
    done = host.module("libpod_container_exec", {"name": "c", "argv": ["sh", "-c", script], "user": "root"})
    assert not done.failed, done
    return str(done["stdout"])


def _untouched() -> dict[str, tuple[Any, ...]]:
    return {path: facts for path, facts in files("/srv", "/run").items() if "/locks" not in path}


@pytest.mark.parametrize("state", ["started", "present", "stopped"])
def test_copy_in_is_predicted_idempotent_and_owned_by_the_containers_user(host: Host, work: str, state: str) -> None:
    if state == "stopped":
        host.container("c", user="web", **OPTIONS)
    host.container("c", state=state, user="web", **OPTIONS)
    before = _untouched()
    assert _copy(host, f"{work}/file", "/data", check=True)["copied"] == ["/data/file"]
    assert _untouched() == before
    assert _copy(host, f"{work}/file", "/data")["copied"] == ["/data/file"]
    assert _copy(host, f"{work}/file", "/data")["copied"] == []
    assert _copy(host, f"{work}/tree", "/new")["copied"] == ["/new", "/new/a", "/new/link", "/new/sub", "/new/sub/b"]
    assert not _copy(host, f"{work}/tree", "/new", check=True).failed
    assert _copy(host, f"{work}/tree/.", "/new").changed is False
    os.chmod(f"{work}/tree/a", 0o700)
    assert _copy(host, f"{work}/tree/.", "/new")["copied"] == ["/new/a"]
    kept = _copy(host, f"{work}/file", "/data/kept", archive=False)
    assert kept["copied"] == ["/data/kept"]
    host.container("c", user="web", **OPTIONS)
    listing = _inside(host, "cd /data; stat -c '%n %a %u %g' file kept; cat file; cat /new/sub/b; readlink /new/link")
    assert listing.splitlines() == ["file 640 1000 1000", "kept 640 7 8", "one", "b", "/etc/passwd"]


def test_copy_out_and_back_is_the_same(host: Host, work: str) -> None:
    host.container("c", **OPTIONS)
    _inside(host, "mkdir -p /x/y; echo 1 > /x/y/z; ln -s ../.. /x/up; chown 5:6 /x/y/z; mkfifo /x/fifo")
    done = _copy(host, "/x", work, from_container=True, archive=False)
    assert done["copied"] == [f"{work}/x", f"{work}/x/up", f"{work}/x/y", f"{work}/x/y/z"], done
    assert (os.stat(f"{work}/x/y/z").st_uid, os.readlink(f"{work}/x/up")) == (5, "../..")
    assert _copy(host, "/x", work, from_container=True, archive=False).changed is False
    host.container("c", state="stopped")
    assert _copy(host, "/x", work, from_container=True, archive=False).changed is False
    assert _copy(host, "/x/y/z", f"{work}/one", from_container=True)["copied"] == [f"{work}/one"]
    assert os.stat(f"{work}/one").st_uid == 0


def test_file_whose_name_is_no_utf8_is_copied_and_exported(host: Host, work: str) -> None:
    host.container("c", **OPTIONS)
    odd, shown = "caf\udce9", "caf\\udce9"  # café in Latin-1, as Python has it
    os.rename(f"{work}/file", f"{work}/{odd}")
    done = _copy(host, f"{work}/{odd}", f"/{odd}")
    assert not done.failed and done["copied"] == [f"/{shown}"], (done, done.stderr)
    assert done["invocation"]["module_args"]["src"] == f"{work}/{shown}"
    assert _inside(host, "cat /caf?; mkdir /d; mv /caf? /d") == "one\n"
    exported = host.module("libpod_export", {"container": "c", "dest": f"{work}/{odd}.tar"})
    assert exported.changed, exported
    with tarfile.open(f"{work}/{odd}.tar") as tar:
        assert tar.getmember(f"d/{odd}").size == 4
    # Ansible itself takes the results.
    copy = {"container": "c", "src": "/d", "dest": f"{work}/out", "from_container": True}
    played = host.play([{"libpod.engine.libpod_container_copy": copy}])
    assert played.changed == 1 and os.listdir(f"{work}/out") == [odd], played.output


@pytest.mark.parametrize("running", [True, False])
def test_links_cannot_escape_the_root_filesystem(host: Host, work: str, running: bool) -> None:
    host.container("c", **OPTIONS)
    outside = "/srv/work/tree/sub"
    _inside(host, f"ln -s {outside} /out; ln -s ../../../../../../../..{outside} /up; ln -s /srv/work/file /secret")
    if not running:
        host.container("c", state="stopped")
    for dest in ("/out", "/up/"):
        _copy(host, f"{work}/file", dest)
    assert os.listdir(outside) == ["b"]
    refused = _copy(host, "/secret", f"{work}/stolen", from_container=True)
    assert refused.failed and "/secret" in refused["msg"] and "container c" in refused["msg"]
    assert not os.path.exists(f"{work}/stolen")


@pytest.mark.parametrize("running", [True, False])
def test_copy_reaches_into_volumes(host: Host, work: str, running: bool) -> None:
    os.mkdir(f"{work}/bound")
    host.container("c", volume=[f"{work}/bound:/data", "named:/www"], **OPTIONS)
    if not running:
        host.container("c", state="stopped")
    assert _copy(host, f"{work}/file", "/data/").changed
    assert _copy(host, f"{work}/file", "/www/").changed
    assert os.listdir(f"{work}/bound") == ["file"]
    assert sorted(os.listdir("/srv/static/volumes/named/_data")) == ["file", "index.html"]
    assert _copy(host, "/data/file", f"{work}/back", from_container=True).changed


def test_replacing_another_file_type_requires_overwrite(host: Host, work: str) -> None:
    host.container("c", **OPTIONS)
    _inside(host, "mkdir -p /d/file; touch /d/file/x /d/tree")
    for src in ("file", "tree"):
        refused = _copy(host, f"{work}/{src}", "/d")
        assert refused.failed and "overwrite" in refused["msg"] and refused["error"] == "InvalidArgument"
    assert _copy(host, f"{work}/file", "/d", overwrite=True).changed
    assert _copy(host, f"{work}/tree", "/d", overwrite=True).changed
    assert _inside(host, "cat /d/file /d/tree/a") == "one\na\n"


def test_copy_with_a_missing_source_or_destination_is_refused(host: Host, work: str) -> None:
    host.container("c", **OPTIONS)
    for src, dest, word in (
        (f"{work}/nothing", "/data", "nothing"),
        (f"{work}/file", "/no/such/folder", "/no/such/folder"),
        (f"{work}/file", "relative", "dest"),
        (f"{work}/file", "/nowhere/", "/nowhere/"),
    ):
        refused = _copy(host, src, dest)
        assert refused.failed and word in refused["msg"], refused


def test_killed_copy_is_finished_by_the_next(host: Host, work: str) -> None:
    host.container("c", **OPTIONS)
    for number in range(1, 40):
        args = {"container": "c", "src": f"{work}/tree", "dest": "/data"}
        killed = host.module("libpod_container_copy", args, kill_at=number)
        again = host.module("libpod_container_copy", args)
        assert not again.failed
        assert host.module("libpod_container_copy", args).changed is False
        inside = _inside(host, "cd /data; find . | sort; rm -r tree").split()
        assert inside == [".", "./seed", *(f"./tree{rest}" for rest in ("", "/a", "/link", "/sub", "/sub/b"))]
        if not killed.killed_at:
            break
    assert number > 5


def test_export_contains_the_tree_and_is_idempotent(host: Host, work: str) -> None:
    host.container("c", volume=["named:/www"], **OPTIONS)
    _inside(host, "echo 1 > /root/new; chown 3:4 /root/new; chmod 4750 /root/new; ln -s /etc /root/link; rm -r /home")
    export = {"container": "c", "dest": f"{work}/c.tar"}
    assert host.module("libpod_export", export, check=True).changed and not os.path.exists(export["dest"])
    done = host.module("libpod_export", export)
    assert done.changed and oct(os.stat(export["dest"]).st_mode)[-3:] == "600", done
    with tarfile.open(export["dest"]) as tar:
        names = tar.getnames()
        new = tar.getmember("root/new")
        assert (new.uid, new.gid, new.mode, tar.getmember("root/link").linkname) == (3, 4, 0o4750, "/etc")
    assert "bin/busybox" in names and "home" not in names and not any(name.startswith("proc/") for name in names)
    volume = {"volume": "named", "dest": f"{work}/named.tar"}
    assert host.module("libpod_export", volume)["actions"] == ["exported volume named"]
    with tarfile.open(volume["dest"]) as tar:
        assert "index.html" in tar.getnames()
    assert host.module("libpod_export", volume).changed is False
    os.unlink(volume["dest"])
    for wrong_volume in ("none", "../named"):
        assert host.module("libpod_export", {**volume, "volume": wrong_volume}).failed
    host.container("c", state="stopped")
    assert host.module("libpod_export", export).changed is False
    assert host.module("libpod_export", {**export, "force": False}, check=True).changed is False
    with open(export["dest"], "w", encoding="ascii") as file:
        file.write("other")
    assert host.module("libpod_export", {**export, "force": False}).changed is False
    assert host.module("libpod_export", export).changed
    for wrong in ({"dest": work}, {"dest": f"{work}/no/such"}, {"container": "nobody"}):
        assert host.module("libpod_export", {**export, **wrong}).failed
    assert sorted(os.listdir(work)) == ["c.tar", "file", "tree"]


def test_diff_matches_the_overlay_and_containers_storage(host: Host) -> None:
    host.container("c", **OPTIONS)
    container = Runtime(host.parts).container("c")
    assert container.diff() == []
    _inside(
        host,
        "echo x > /root/added; rm /www/index.html; echo y >> /data/seed; rm -r /home; mkdir /home; echo z > /home/z;"
        "mkdir /new; ln -s / /new/link; chmod 700 /tmp",
    )
    changes = [f"{change.kind} {change.path}" for change in container.diff()]
    assert changes == [
        "C /data/seed", "C /home", "D /home/web", "A /home/z", "A /new", "A /new/link", "C /root",
        "A /root/added", "C /tmp", "C /www", "D /www/index.html",
    ]  # fmt: skip
    letters = {"Add": "A", "Modify": "C", "Delete": "D"}
    from_the_tool = set()
    for line in host.store("changes", container.host.storage.layer(container.id)).splitlines():
        kind, path = line.split(" ", 1)
        if letters.get(kind):
            from_the_tool.add(f"{letters[kind]} {path.strip(chr(34))}")
    ours = ("/dev", "/etc", "/proc", "/sys", "/run")
    # The tool reports a directory that was removed and created again as removed.
    ours = (*ours, "/home")
    assert {line for line in from_the_tool if not line[2:].startswith(ours)} == {
        line for line in changes if not line[2:].startswith("/home")
    }


def test_mount_lasts_until_unmount_of_a_stopped_container(host: Host) -> None:
    host.container("c", state="present", **OPTIONS)
    container = Runtime(host.parts).container("c")
    point = container.mount()
    assert os.path.exists(f"{point}/bin/busybox") and container.mount() == point == container.mountpoint()
    container.unmount()
    assert not os.path.ismount(point) and not container.mounted()
    container.unmount()
    container.mount()
    container.start()
    with pytest.raises(InvalidState, match="running"):
        container.unmount()
    assert container.mount() == container.mountpoint()


def test_artifacts_are_kept_with_the_container(host: Host) -> None:
    host.container("c", state="present", **OPTIONS)
    container = Runtime(host.parts).container("c")
    container.add_artifact("notes.txt", b"one")
    container.add_artifact("notes.txt", b"\0two")
    host.reboot()
    container = Runtime(host.parts).container("c")
    assert container.get_artifact("notes.txt") == b"\0two"
    container.remove_artifact("notes.txt")
    for refused in (container.get_artifact, container.remove_artifact):
        for name in ("notes.txt", "../config.json", ""):
            with pytest.raises(InvalidArgument):
                refused(name)


def test_reboot_keeps_configuration_and_top_layer(host: Host) -> None:
    for name, state in (("configured", "present"), ("running", "started"), ("paused", "started"), ("ended", "started")):
        host.container(name, state=state, **OPTIONS)
    for name in ("running", "paused", "ended"):
        (one,) = host.module("libpod_container_info", {"name": [name]})["containers"]
        Process(one).run("sh", "-c", f"echo {name} > /root/kept")
    host.container("paused", state="paused")
    host.container("ended", state="stopped")
    before = {one.name: one.config for one in Runtime(host.parts).containers()}
    ended = Runtime(host.parts).container("ended").exits
    host.reboot()
    for container in Runtime(host.parts).containers():
        assert container.status().value == "configured"
        assert container.config == before[container.name]
        started = host.container(container.name, **OPTIONS)
        assert started["actions"] == [f"started {container.name}"]
        kept = Process(started).run("cat", "/root/kept").stdout
        assert kept == ("" if container.name == "configured" else f"{container.name}\n")
    assert Runtime(host.parts).container("ended").exits == ended
