# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container sees of its engine: /run/.containerenv and the variable ``container``, as under podman."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

FILE = "run/.containerenv"
BASE: dict[str, Any] = {"image": "busybox", "network": "none", "command": WAITING}


def _printed(host: Host, *argv: str) -> str:
    done = host.module("libpod_container_exec", {"name": "c", "argv": list(argv)})
    assert not done.failed and done["rc"] == 0, done
    return str(done["stdout"])


def _remade(host: Host, **options: Any) -> Process:
    done = host.container("c", **{**BASE, **options}, recreate=True)
    assert not done.failed, done
    return Process(done)


def test_file_is_empty_or_has_podmans_keys_where_privileged(host: Host) -> None:
    plain = host.container("c", **BASE)
    info = os.stat(Process(plain).path(f"root/{FILE}"))
    assert (info.st_size, info.st_mode & 0o777, info.st_uid) == (0, 0o644, 0)
    assert host.container("c", **BASE)["actions"] == []
    made = host.container("c", **BASE, privileged=True)
    lines = Path(Process(made).path(f"root/{FILE}")).read_text("utf-8").splitlines()
    values = dict(line.split("=", 1) for line in lines)
    assert list(values) == ["engine", "name", "id", "image", "imageid", "rootless"]
    container = made["container"]
    assert values["name"] == '"c"' and values["id"] == f'"{container["Id"]}"' and values["rootless"] == "0"
    assert values["image"] == f'"{container["ImageName"]}"' and values["imageid"] == f'"{container["Image"]}"'
    assert host.container("c", state="absent").changed
    host.expect_clean()


def test_variable_is_podman_unless_image_or_task_say_otherwise(host: Host) -> None:
    assert _remade(host).environ["container"] == "podman"
    assert "container=podman" in _printed(host, "env").split("\n")
    assert _remade(host, env={"container": "oci"}).environ["container"] == "oci"
    assert "container=oci" in _printed(host, "env").split("\n")
    assert "container" not in _remade(host, unsetenv=["container"]).environ
    host.empty()


def test_file_is_in_a_tmpfs_a_volume_and_a_read_only_root(host: Host) -> None:
    for options in (
        {"tmpfs": {"/run": "size=1m"}},
        {"volume": ["kept:/run"]},
        {"read_only": True},
        {"read_only": True, "read_only_tmpfs": False},
        {"uidmap": ["0:100000:65536"], "gidmap": ["0:100000:65536"]},
        {"tmpfs": {"/run": "ro"}, "env": {"ro": "1"}},
    ):
        process = _remade(host, **options)
        assert os.path.exists(process.path(f"root/{FILE}")) == ("env" not in options), options
    host.empty()


def test_users_own_file_and_directories_of_the_host_stay_theirs(host: Host) -> None:
    """With the host's /run in the container, a mount point would make the host look like a container."""
    os.makedirs("/srv/own/run")
    for target in ("/run", "/run/inner"):
        process = _remade(host, volume=[f"/srv/own/run:{target}"])
        assert os.path.exists(process.path(f"root/{FILE}")) == (target != "/run")
        assert [name for name in os.listdir("/srv/own/run") if name.startswith(".")] == []
    Path("/srv/own/env").write_text("mine", "utf-8")
    process = _remade(host, volume=["/srv/own/env:/run/.containerenv:ro"], privileged=True)
    assert Path(process.path(f"root/{FILE}")).read_text("utf-8") == "mine"
    host.empty()
    host.run("rm", "-r", "/srv/own")


def test_containerenv_says_that_the_store_is_in_the_container(host: Host) -> None:
    process = _remade(host, volume=["/srv:/host:ro"])
    assert Path(process.path(f"root/{FILE}")).read_text("utf-8") == "graphRootMounted=1\n"
    host.empty()


def test_directory_behind_a_link_is_the_hosts_too(host: Host) -> None:
    """An image's /run may be a link, and a directory of the host be mounted at its end."""
    for folder in ("root/bin", "root/etc", "root/behind", "own"):
        os.makedirs(f"/srv/{folder}")
    host.run("cp", "/bin/busybox", "/srv/root/bin/sh")
    os.symlink("/behind", "/srv/root/run")
    wanted: dict[str, Any] = {"image": "/srv/root", "rootfs": True, "network": "none", "command": WAITING}
    for volume in ([], ["/srv/own:/behind"]):
        done = host.container("c", **wanted, volume=volume, recreate=True)
        assert not done.failed, done
        assert os.path.exists(Process(done).path("root/behind/.containerenv")) == (not volume)
    assert os.listdir("/srv/own") == []
    host.empty()
    host.run("rm", "-r", "/srv/root", "/srv/own")


def test_directory_of_the_host_that_is_not_the_mapped_roots_has_none(host: Host) -> None:
    """The runtime makes a missing mount point as the container's root, who may not do so there."""
    for folder in ("bin", "etc", "run", "dev", "proc", "sys"):
        os.makedirs(f"/srv/root/{folder}")
    host.run("cp", "/bin/busybox", "/srv/root/bin/sh")
    for name in ("hosts", "hostname", "resolv.conf"):
        open(f"/srv/root/etc/{name}", "wb").close()
    wanted: dict[str, Any] = {"image": "/srv/root", "rootfs": True, "network": "none", "command": WAITING}
    mapped = {**wanted, "uidmap": ["0:100000:65536"]}
    for there in (False, True):
        done = host.container("c", **mapped, recreate=True)
        assert not done.failed, done
        assert (f"/{FILE}" in Process(done).mounts) == there
        open(f"/srv/root/{FILE}", "wb").close()
    host.empty()
    host.run("rm", "-r", "/srv/root")


def test_tmpfs_at_run_can_still_come_and_go(host: Host) -> None:
    """The mounted file is in the way of a change in place, so that a new container is made."""
    assert not host.container("c", **BASE).failed
    for tmpfs in ({"/run": "size=1m"}, {"/run": "size=2m"}, {}):
        planned = host.container("c", **BASE, tmpfs=tmpfs, check=True)
        done = host.container("c", **BASE, tmpfs=tmpfs)
        assert not done.failed and done["actions"] == planned["actions"], done
        assert os.path.exists(Process(done).path(f"root/{FILE}"))
        assert host.container("c", **BASE, tmpfs=tmpfs)["actions"] == []
    host.empty()
