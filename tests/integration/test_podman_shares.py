# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images, networks and volumes beside Debian's podman: what one makes the other sees, uses and does not take away."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.process import start_time
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.podman import Podman
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

BACKENDS = ("cni", "netavark")
RUNNING: dict[str, Any] = {"image": "busybox", "command": WAITING, "state": "started"}


@pytest.fixture(scope="module", params=BACKENDS, name="both")
def _both(request: pytest.FixtureRequest) -> Iterator[tuple[Host, Podman]]:
    with Host(network_backend=request.param) as host:
        podman = Podman(host)
        yield host, podman
        if not request.session.testsfailed:
            host.empty()
            podman.remove()
            host.expect_clean()


def done(host: Host, module: str, **options: Any) -> Any:
    """Return the result of a module's run that changed something; once more it changes nothing."""
    result = host.module(module, options)
    assert not result.failed and result.changed, result
    assert not host.module(module, options).changed
    return result


def listed(podman: Podman) -> dict[str, str]:
    """Return the IDs of podman's images by name."""
    return {name: image["Id"] for image in podman.rows("images") for name in image.get("Names") or ()}


def page(folder: str) -> str:
    """Make a build context whose image has a page; return its Containerfile."""
    os.makedirs(folder)
    Path(folder, "page").write_text("theirs\n", "ascii")
    Path(folder, "Containerfile").write_text("FROM localhost/busybox\nCOPY page /page\n", "ascii")
    return f"{folder}/Containerfile"


def test_images_of_one_are_the_others(both: tuple[Host, Podman]) -> None:
    host, podman = both
    podman.run("build", "-q", "-t", "localhost/theirs", "-f", page("/srv/podman/context"), "/srv/podman/context")
    (theirs,) = host.module("libpod_image_info", {"name": "theirs"})["images"]
    assert theirs["Id"] == listed(podman)["localhost/theirs:latest"]
    made = host.container("c", image="theirs", command=["cat", "/page"], network="none", detach=False)
    assert made["stdout"] == "theirs\n"
    assert host.module("libpod_commit", {"container": "c", "image": "ours"}).changed
    (ours,) = host.module("libpod_image_info", {"name": "ours"})["images"]
    assert listed(podman)["localhost/ours:latest"] == ours["Id"]
    (seen,) = podman.rows("image", "inspect", "ours")
    assert seen["RootFS"]["Layers"] == ours["RootFS"]["Layers"] and seen["Digest"] == ours["Digest"]
    host.container("c", state="absent")
    podman.run("rmi", "ours")
    assert host.module("libpod_image_info", {"name": "ours"})["images"] == []
    done(host, "libpod_image", name="theirs", state="absent")
    assert "localhost/theirs:latest" not in listed(podman)


def test_neither_removes_an_image_that_the_others_container_uses(both: tuple[Host, Podman]) -> None:
    host, podman = both
    made = host.container("c", **RUNNING, network="none")["container"]
    (shown,) = podman.rows("ps", "--all", "--external")
    assert shown["Id"] == made["Id"]
    refused = podman.call("rmi", "busybox")
    assert refused.returncode and made["Id"] in refused.stderr
    host.container("c", state="absent")
    theirs = podman.run("create", "--name", "theirs", "localhost/busybox", "true").strip()
    kept = host.module("libpod_image", {"name": "busybox", "state": "absent"})
    assert kept.failed and kept["error"] == "ImageInUse" and "used by theirs:" in kept["msg"], kept
    podman.run("rm", theirs)


def test_container_whose_image_podman_has_removed_by_force_can_be_removed(both: tuple[Host, Podman]) -> None:
    """The layers below the running container are gone."""
    host, podman = both
    podman.run("build", "-q", "-t", "localhost/theirs", "-f", page("/srv/podman/forced"), "/srv/podman/forced")
    options = {**RUNNING, "image": "theirs", "network": "none"}
    process = Process(host.container("c", **options))
    assert not host.container("other", **RUNNING, network="none").failed
    podman.run("rmi", "--force", "theirs")
    assert os.path.exists(process.path("")) and not host.container("other", **RUNNING, network="none").changed
    # What needs it to start again is refused before the process is stopped.
    assert not host.container("c", **options).changed
    for again in (host.container("c", **options, restart=True), host.container("c", restart=True)):
        assert again["error"] == "NoSuchImage" and again["actions"] == [] and "localhost/theirs" in again["msg"], again
    assert os.path.exists(process.path(""))
    gone = host.container("c", state="absent")
    assert not gone.failed and not start_time(process.pid), gone
    host.empty()


def test_networks_of_one_are_the_others(both: tuple[Host, Podman]) -> None:
    host, podman = both
    podman.run("network", "create", "--disable-dns", "--subnet", "10.98.0.0/24", "--label", "of=them", "theirs")
    (theirs,) = host.module("libpod_network_info", {"name": "theirs"})["networks"]
    assert theirs["subnets"] == [{"subnet": "10.98.0.0/24", "gateway": "10.98.0.1"}] and theirs["labels"] == {
        "of": "them"
    }
    # As it is, it is as a task would have it.
    assert not host.module(
        "libpod_network", {"name": "theirs", "subnet": "10.98.0.0/24", "labels": {"of": "them"}, "disable_dns": True}
    ).changed
    member = host.container("c", **RUNNING, network="theirs")
    assert not member.failed, member
    assert member["container"]["NetworkSettings"]["Networks"]["theirs"]["IPAddress"].startswith("10.98.0.")
    host.container("c", state="absent")

    ours = done(host, "libpod_network", name="ours", labels={"of": "us"})["network"]
    (seen,) = podman.rows("network", "inspect", "ours")
    assert (seen["name"], seen["id"], seen["network_interface"]) == ("ours", ours["id"], ours["network_interface"])
    assert seen["subnets"] == ours["subnets"] and seen["labels"] == {"of": "us"}
    # Each takes what is free beside the other's.
    podman.run("network", "create", "next")
    last = done(host, "libpod_network", name="last")["network"]
    rows = podman.rows("network", "inspect", "theirs", "ours", "next", "last")
    assert {row["name"] for row in rows} == {"theirs", "ours", "next", "last"}
    assert len({row["subnets"][0]["subnet"] for row in rows}) == 4, rows
    assert len({row["network_interface"] for row in rows}) == 4, rows
    assert last["subnets"] == rows[-1]["subnets"]

    podman.run("network", "rm", "ours")
    assert host.module("libpod_network_info", {"name": "ours"})["networks"] == []
    for name in ("theirs", "next", "last"):
        done(host, "libpod_network", name=name, state="absent")
    assert {row["name"] for row in podman.rows("network", "ls")} == {"libpod"}


def test_volume_of_one_is_a_directory_for_the_other(both: tuple[Host, Podman]) -> None:
    """podman keeps its volumes in a database of its own (docs/migrating.md)."""
    host, podman = both
    podman.run("volume", "create", "theirs")
    device = podman.run("volume", "inspect", "--format", "{{.Mountpoint}}", "theirs").strip()
    Path(device, "kept").write_text("by podman\n", "ascii")
    wanted: dict[str, Any] = {"name": "data", "options": ["type=none", "o=bind", f"device={device}"]}
    done(host, "libpod_volume", **wanted)
    read: dict[str, Any] = {
        "image": "busybox",
        "command": ["cat", "/data/kept"],
        "volume": ["data:/data"],
        "network": "none",
    }
    assert host.container("c", **read, detach=False)["stdout"] == "by podman\n"
    host.container("c", state="absent")
    done(host, "libpod_volume", name="data", state="absent")
    assert Path(device, "kept").read_text("ascii") == "by podman\n"
    podman.run("volume", "rm", "theirs")

    mine = done(host, "libpod_volume", name="mine")["volume"]["Mountpoint"]
    podman.run("volume", "create", "--opt", "type=none", "--opt", "o=bind", "--opt", f"device={mine}", "mine")
    assert podman.rows("volume", "inspect", "mine")[0]["Options"]["device"] == mine
    podman.run("volume", "rm", "mine")
    assert os.path.isdir(mine)
    done(host, "libpod_volume", name="mine", state="absent")


def test_rules_and_bridge_are_left_to_podmans_container(both: tuple[Host, Podman]) -> None:
    host, podman = both
    podman.run("network", "create", "--disable-dns", "--subnet", "10.97.0.0/24", "shared")

    def around() -> list[str]:
        """Return the names of the bridges, and the rules."""
        bridges = host.run("ip", "-o", "-br", "link", "show", "type", "bridge").splitlines()
        names = [line.split()[0] for line in bridges]
        return names + [line for line in host.run("iptables-save").splitlines() if line.startswith("-A ")]

    on_it = ("--network", "shared", "--publish", "8097:80", "localhost/busybox")
    podman.run("run", "-d", "--name", "theirs", "--stop-signal", "KILL", *on_it, "sleep", "1000")
    before = around()
    assert any("8097" in line for line in before)
    # With CNI neither knows the other's leases in these roots.
    member = host.container("c", **RUNNING, network=["shared:ip=10.97.0.77"], publish=["8098:80"])
    assert not member.failed, member
    assert any("8098" in line for line in around())
    assert not host.container("c", state="absent").failed
    assert sorted(set(before) ^ set(around())) == []
    podman.run("rm", "--force", "theirs")
    podman.run("network", "rm", "shared")
    assert not any("10.97." in line for line in around())
