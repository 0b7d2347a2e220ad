# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod rename``: the same container, process and addresses under another name, and the old name free."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli.main import main
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command as self_program
from ansible_collections.libpod.engine.plugins.module_utils._model import failpoints
from ansible_collections.libpod.engine.plugins.module_utils._resources import units
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support import hosts, kernel
from ansible_collections.libpod.engine.tests.support.concurrent_tasks import run_concurrently
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result, in_child
from ansible_collections.libpod.engine.tests.support.names import expect_names, names, running
from ansible_collections.libpod.engine.tests.support.operator_command import libpod
from ansible_collections.libpod.engine.tests.support.process import PATIENCE, WAITING, Process, eventually
from ansible_collections.libpod.engine.tests.support.sweep_tasks import without_exit_command

MS_RDONLY = 1
BASE: dict[str, Any] = {"image": "busybox", "command": WAITING}
ALONE: dict[str, Any] = {**BASE, "network": "none"}


def run(host: Host, name: str, **options: Any) -> dict[str, Any]:
    """Run a container and return its inspection."""
    made = host.container(name, **{**BASE, **options})
    assert not made.failed, made
    found: dict[str, Any] = made["container"]
    return found


def unchanged(host: Host, name: str, **options: Any) -> dict[str, Any]:
    """Assert that the container is as the task has it; return its inspection."""
    for check in (True, False):
        task = host.container(name, **{**BASE, **options}, check=check)
        assert (task["changed"], task.get("warnings", [])) == (False, []), task
    found: dict[str, Any] = task["container"]
    return found


def names_on_disk(host: Host) -> list[str]:
    return sorted(os.listdir(f"{host.parts.static_root}/names"))


def test_running_container_is_renamed_with_its_neighbours_files(host: Host) -> None:
    options = {"publish": ["8080:80"], "memory": "64m", "network_aliases": ["db"], "healthcheck": "true"}
    first, second = run(host, "first", **options), run(host, "second")
    assert libpod(host, "rename", first["Id"][:8], "renamed").stdout == ""
    assert names_on_disk(host) == ["renamed.json", "second.json"]
    one = unchanged(host, "renamed", **options)
    assert [one[key] for key in ("Id", "Created")] == [first[key] for key in ("Id", "Created")]
    assert one["State"]["Pid"] == first["State"]["Pid"] and one["Config"]["Hostname"] == first["Config"]["Hostname"]
    assert {"renamed", "second"} == {one["Name"] for one in expect_names(host, "first")}
    assert names(second)["db"] == names(second)["renamed"] == [one["NetworkSettings"]["IPAddress"]]
    said = libpod(host, "events", "--no-stream", "--format", "json", "-f", "event=rename").stdout
    assert [(event["Name"], event["OldName"]) for event in map(json.loads, said.splitlines())] == [("renamed", "first")]
    another = run(host, "first")
    assert another["Id"] != first["Id"] and len(expect_names(host)) == 3
    libpod(host, "rm", "-f", "renamed")
    assert "renamed" not in names(second) and names(second)["first"] == [another["NetworkSettings"]["IPAddress"]]


def test_who_waits_for_its_end_goes_on_waiting(host: Host) -> None:
    """A wait by the old name, also for its removal, is not ended by a rename, and has the exit code at its end."""
    run(host, "old", **{**ALONE, "command": ["sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.1; done"]})
    argv = [*self_program.argv(host.parts), "wait", "old", "--condition"]
    environment = {**os.environ, **host.parts.environment()}
    waits = [
        subprocess.Popen([*argv, one], env=environment, stdout=subprocess.PIPE, text=True)
        for one in ("exited", "removed")
    ]
    try:
        eventually(lambda: all(_looks(one.pid) for one in waits))
        for names in (("old", "new"), ("new", "newest")):
            libpod(host, "rename", *names)
            time.sleep(1)  # several looks
            assert [one.poll() for one in waits] == [None, None]
        libpod(host, "stop", "newest")
        assert waits[0].communicate(timeout=60) == ("7\n", None) and waits[1].poll() is None
        libpod(host, "rm", "newest")
        assert waits[1].communicate(timeout=60) == ("7\n", None)
    finally:
        for one in waits:
            one.kill()
            one.communicate()


def _looks(pid: int) -> bool:
    """Return whether a program has begun to wait for the end of a process."""
    opened = f"/proc/{pid}/fd"
    return any("pidfd" in os.readlink(f"{opened}/{one}") for one in os.listdir(opened))


@pytest.mark.parametrize("state", ["created", "stopped", "paused"])
def test_container_in_any_state_is_renamed(host: Host, state: str) -> None:
    made = host.container("old", **ALONE, state="started" if state == "stopped" else state)
    if state == "stopped":
        assert host.container("old", state=state).changed
    libpod(host, "rename", "old", "new")
    assert "old.lock" not in os.listdir(f"{host.parts.run_root}/locks")
    found = unchanged(host, "new", network="none", state="stopped" if state == "stopped" else state)
    assert found["Id"] == made["container"]["Id"]
    assert "no container has the name" in host.container("old", state="started")["msg"]
    assert not host.container("new", state="started").failed
    assert not host.container("new", state="absent").failed


def test_pods_and_dependents_follow_the_name(host: Host) -> None:
    """Containers that join, require or borrow from a renamed one are as a task with the new name has them."""
    assert not host.module("libpod_pod", {"name": "shop"}).failed
    neighbour = run(host, "neighbour", volume=["data:/data"])
    run(host, "till", pod="shop")
    joined = {name: run(host, name, **options) for name, options in _dependents("neighbour").items()}
    libpod(host, "rename", "till", "desk")
    libpod(host, "rename", "neighbour", "owner")
    for name, options in _dependents("owner").items():
        assert unchanged(host, name, **options)["State"]["Pid"] == joined[name]["State"]["Pid"], name
    unchanged(host, "desk", pod="shop")
    assert names(neighbour).keys() >= {"desk", "owner", "guest"} and not names(neighbour).keys() & {"till", "neighbour"}
    libpod(host, "rename", "guest", "visitor")
    assert names(neighbour)["visitor"] == ["127.0.0.1"] and "guest" not in names(neighbour)
    assert "'neighbour'" in host.container("visitor", **BASE, network="container:neighbour")["msg"]
    for name in ("visitor", "needs", "borrows"):
        # By name only, a new one has the options of the old one.
        again = host.container(name, state="started", recreate=True)
        assert again.changed and not again.failed, again
    (infra,) = (one["Name"] for one in running(host) if one["Name"].endswith("-infra"))
    assert "infra_name" in libpod(host, "rename", infra, "other", code=125).stderr
    assert host.module("libpod_pod", {"name": "shop", "state": "absent"}).changed
    assert "desk" not in names(neighbour)


def test_hosts_file_that_cannot_be_written_keeps_no_other_part_from_the_name(host: Host) -> None:
    one, neighbour = run(host, "old"), run(host, "neighbour")
    joined = {name: run(host, name, **options) for name, options in _dependents("old").items() if name != "guest"}
    folder = f"{host.parts.run_root}/containers/{one['Id']}"
    kernel.mount(folder, folder, flags=kernel.MS_BIND)
    kernel.mount("none", folder, flags=kernel.MS_BIND | kernel.MS_REMOUNT | MS_RDONLY)
    try:
        warned = libpod(host, "rename", "old", "new").stderr
    finally:
        kernel.umount(folder)
    assert f"cannot access {folder}/hosts: Read-only" in warned and warned.endswith(": restart it\n"), warned
    for name, container in joined.items():
        assert unchanged(host, name, **_dependents("new")[name])["State"]["Pid"] == container["State"]["Pid"], name
    assert "OldName=old" in libpod(host, "events", "--no-stream", "-f", "event=rename").stdout
    libpod(host, "restart", "new")
    assert "new" in names(neighbour) and "old" not in names(neighbour)


def _dependents(owner: str) -> dict[str, dict[str, Any]]:
    return {
        "guest": {"network": f"container:{owner}"},
        "needs": {**ALONE, "requires": [owner], "ipc": f"container:{owner}"},
        "borrows": {**ALONE, "volumes_from": [owner]},
    }


def test_what_cannot_be_renamed_is_refused_and_stays(host: Host) -> None:
    for name in ("one", "two"):
        host.container(name, **ALONE, state="created")
    host.module("libpod_pod", {"name": "shop", "state": "created"})
    for words, said in (
        (("one", "two"), "another container has the name 'two'"),
        (("one", "shop"), "'shop' is a pod's name"),
        (("one", "one"), "it has the name 'one'"),
        (("one", "-a/b"), "new-name"),
        (("three", "four"), "'three'"),
    ):
        failed = libpod(host, "rename", "--", *words, code=125)
        assert said in failed.stderr, failed.stderr
        assert {"one.json", "shop.json", "two.json"} < set(names_on_disk(host)) and len(names_on_disk(host)) == 4
    assert host.module("libpod_pod", {"name": "shop", "state": "absent"}).changed


def test_id_of_a_container_or_pod_is_no_name_of_another(host: Host) -> None:
    """Its lock has that name."""
    ids = [host.container(name, **ALONE, state="created")["container"]["Id"] for name in ("one", "two")]
    ids.append(host.module("libpod_pod", {"name": "shop", "state": "created"})["pod"]["Id"])
    for name in ids:
        for check in (True, False):
            options = {"name": name, "state": "created"}
            refused = [host.module("libpod_container", {**ALONE, **options}, check=check)]
            refused.append(host.module("libpod_pod", options, check=check))
            refused.append(host.module("libpod_pod", {"name": "p", "infra_name": name}, check=check))
            for one in refused:
                assert one.failed and f"{name!r} is the ID of another container or pod" in one["msg"], one
        assert "is the ID of another" in libpod(host, "rename", "one", name, code=125).stderr
    assert host.module("libpod_pod", {"name": "shop", "state": "absent"}).changed


def test_rename_and_a_creation_in_its_pod_do_not_wait_for_one_another(host: Host, tmp_path: Path) -> None:
    """The new container has the lock of the one whose network it joins, until it joins the pod."""
    assert not host.module("libpod_pod", {"name": "p", "state": "created"}).failed
    made = host.container("one", **ALONE, pod="p")
    assert not made.failed, made
    reached, go_on = tmp_path / "reached", tmp_path / "go-on"

    def prepare() -> None:
        def observe(effect: str) -> None:
            if effect == "event create":
                reached.touch()
                eventually(go_on.exists)
                signal.setitimer(signal.ITIMER_REAL, 60 * PATIENCE)  # it could wait for ever

        failpoints.observe(observe)

    task = {**ALONE, "name": "guest", "pod": "p", "network": "container:one"}
    with ThreadPoolExecutor() as pool:
        creation = pool.submit(host.module, "libpod_container", task, prepare=prepare)
        eventually(reached.exists)
        renaming = pool.submit(libpod, host, "rename", "one", "two")
        eventually(lambda: Runtime(host.parts).store.lock("two").busy)
        wait([renaming], 1)
        go_on.touch()
        assert not creation.result().failed, creation.result()
        renaming.result()
    for name in ("guest", "two"):
        assert not host.container(name, state="absent").failed
    assert host.module("libpod_pod", {"name": "p", "state": "absent"}).changed


def test_container_that_a_unit_starts_keeps_its_name(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "DIRECTORY", str(tmp_path))
    os.symlink("/dev/null", f"{tmp_path}/a-masked.service")
    host.container("old", **ALONE, state="created")
    unit = {"name": "old", "dest": str(tmp_path)}
    assert host.module("libpod_unit", unit).changed
    refused = _renaming(host, "old", "new")
    assert f"the unit {tmp_path}/container-old.service" in refused.stderr and names_on_disk(host) == ["old.json"]
    assert host.module("libpod_unit", {**unit, "state": "absent"}).changed
    assert _renaming(host, "old", "new").exit_code == 0 and names_on_disk(host) == ["new.json"]


def test_plugin_that_knows_the_name_forgets_it_at_the_end(host: Host) -> None:
    with open("/srv/cni/91-served.conflist", "w", encoding="utf-8") as file:
        config = hosts.network("served", "cni-served0", "10.98")
        config["plugins"].append({"type": "dnsname", "domainName": "dns.podman", "capabilities": {"aliases": True}})
        json.dump(config, file)
    run(host, "stays", network="served")
    run(host, "old", network="served")
    assert _served() == {"stays", "old"}
    libpod(host, "rename", "old", "new")
    libpod(host, "rename", "new", "newest")
    unchanged(host, "newest", network="served")
    assert _served() == {"stays", "old"}, "the plugin learns the new name at the next start"
    libpod(host, "stop", "newest")
    assert _served() == {"stays"}, "a later container of this address would have the old name"
    host.container("newest", state="started")
    assert _served() == {"stays", "newest"}
    host.empty()
    os.unlink("/srv/cni/91-served.conflist")
    host.run("rm", "-r", "/run/containers")
    host.run("iptables", "-D", "INPUT", "-i", "cni-served0", "-p", "udp", "-m", "udp", "--dport", "53", "-j", "ACCEPT")


def _served() -> set[str]:
    """Return the containers that the network's DNS server knows."""
    with open("/run/containers/cni/dnsname/served/addnhosts", encoding="utf-8") as file:
        return {line.split()[1] for line in file}


def _renaming(host: Host, old: str, new: str) -> Result:
    def body() -> None:
        os.environ.update(host.parts.environment())
        raise SystemExit(main(["rename", old, new]))

    return in_child(body)


def test_tasks_on_both_names_at_the_same_time(host: Host) -> None:
    """Of the renames of one container one comes first; a task on either name finds a whole container or none."""
    made = host.container("a", **ALONE)["container"]["Id"]
    for old, new, other in (("a", "b", "c"), ("b", "c", "a"), ("c", "a", "b")) * 2:
        first, second, looks, task = run_concurrently(
            host,
            [
                lambda: _renaming(host, old, new),  # noqa: B023
                lambda: _renaming(host, old, other),  # noqa: B023
                {},
                {"name": old, **ALONE},
            ],
        )
        # Both rename something where the second one finds the container that the task has made.
        assert sorted([first.exit_code, second.exit_code]) in ([0, 125], [0, 0]), (first, second)
        assert [one["Id"] for one in looks["containers"]].count(made) == 1, looks
        assert not task.failed, task
        named = Runtime(host.parts).by_id(made).name
        assert named in (new, other)
        for name in {old, new, other} - {named}:
            assert not host.container(name, state="absent").failed
        if named == other:
            libpod(host, "rename", other, new)
        assert names_on_disk(host) == [f"{new}.json"], (old, new)
        assert unchanged(host, new, network="none")["Id"] == made


def test_container_is_removed_at_its_end_though_it_is_renamed_meanwhile(host: Host) -> None:
    """The exit command has read the old name, and waits for its lock while the container is renamed."""
    options = {"name": "old", **ALONE, "rm": True}
    process = Process(host.module("libpod_container", options, prepare=without_exit_command))
    os.kill(process.pid, 9)
    eventually(lambda: not os.path.exists(f"/proc/{process.pid}"))
    runtime = Runtime(host.parts)
    container_id = runtime.container("old").id
    libpod(host, "rename", "old", "new")
    assert runtime.remove_ended("old", container_id) and names_on_disk(host) == []
