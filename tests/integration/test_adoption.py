# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of Debian's podman that the engine takes over while they run, and gives back, with nobody noticing."""

from __future__ import annotations

import os
import shutil
import signal
from glob import glob
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support.adoption import (
    BACKENDS,
    COMMAND,
    PORT,
    PUBLISHED,
    Probe,
    begun,
    handed,
    of_backend,
)
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.names import names
from ansible_collections.libpod.engine.tests.support.operator_command import libpod
from ansible_collections.libpod.engine.tests.support.podman import Podman
from ansible_collections.libpod.engine.tests.support.process import Process, eventually

pytestmark = pytest.mark.usefixtures("cleared")


@pytest.fixture(scope="module", params=BACKENDS, name="both")
def _both(request: pytest.FixtureRequest) -> Iterator[tuple[Host, Podman]]:
    with of_backend(request) as both:
        os.mkdir("/srv/data")
        yield both
        shutil.rmtree("/srv/data")


# What podman run is given, and the options of a task that describes the same.
OPTION_SETS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "plain": ([], {}),
    "process": (
        [
            *("-e", "A=one", "--env=B=two words", "-l", "role=web", "-w", "/tmp"),
            *("--hostname", "inside", "--user", "0:0", "--group-add", "12", "--umask", "0027"),
            *("--cap-drop", "mknod,net_raw", "--cap-add=sys_ptrace", "--security-opt", "no-new-privileges", "--init"),
            *("--log-opt", "path=/srv/data/web.log"),
        ],
        {
            "env": {"A": "one", "B": "two words"},
            "label": {"role": "web"},
            "workdir": "/tmp",
            "hostname": "inside",
            "user": "0:0",
            "group_add": ["12"],
            "umask": "0027",
            "cap_drop": ["mknod", "net_raw"],
            "cap_add": ["sys_ptrace"],
            "security_opt": ["no-new-privileges"],
            "init": True,
            "log_opt": {"path": "/srv/data/web.log"},
        },
    ),
    "limits, names and end": (
        [
            *("--memory", "64m", "--cpus", "0.5", "--pids-limit", "100", "--cpu-shares=512"),
            *("--add-host", "other:192.0.2.9"),
            *("--dns", "192.0.2.53", "--dns-search", "example.com", "--dns-option=ndots:2"),
            *("--restart", "on-failure:3", "--stop-timeout", "3", "--stop-signal", "TERM"),
        ],
        {
            "memory": "64m",
            "cpus": "0.5",
            "pids_limit": 100,
            "cpu_shares": 512,
            "etc_hosts": {"other": "192.0.2.9"},
            "dns": ["192.0.2.53"],
            "dns_search": ["example.com"],
            "dns_option": ["ndots:2"],
            "restart_policy": "on-failure:3",
            "stop_timeout": 3,
            "stop_signal": "TERM",
        },
    ),
    "mounts": (
        [
            *("-v", "/srv/data:/data:ro", "--mount", "type=bind,src=/srv/data,dst=/more"),
            *("-v", "data:/named", "-v", "more:/read:ro"),
            *("--read-only", "--tmpfs", "/www", "--tmpfs", "/scratch:size=1m"),
        ],
        {
            "volume": ["/srv/data:/data:ro", "data:/named", "more:/read:ro"],
            "tmpfs": {"/scratch": "size=1m", "/www": ""},
            "mount": ["type=bind,src=/srv/data,dst=/more"],
            "read_only": True,
        },
    ),
    "health and a terminal": (
        ["--health-cmd", "true", "--health-interval", "1s", "--health-retries", "2", "-t", "-i"],
        {
            "healthcheck": "true",
            "healthcheck_interval": "1s",
            "healthcheck_retries": 2,
            "tty": True,
            "interactive": True,
        },
    ),
    "a fixed address": (
        ["--ip", "10.{subnet}.0.77", "--mac-address", "02:00:00:00:00:77"],
        {"ip": "10.{subnet}.0.77", "mac_address": "02:00:00:00:00:77"},
    ),
    "two networks": (
        ["--network", "{default}", "--network", "other"],
        {"network": ["{default}", "other"]},
    ),
}


@pytest.mark.parametrize("named", OPTION_SETS)
def test_running_container_is_adopted_and_given_back(both: tuple[Host, Podman], named: str) -> None:
    host, podman = both
    arguments, options = _of_backend(host, *OPTION_SETS[named])
    if named == "two networks":
        podman.run("network", "create", "--disable-dns", "other")
    before = begun(podman, *PUBLISHED, *arguments)
    state = before["State"]
    with Probe() as probe:
        done = handed(host, "adopted")
        assert podman.rows("ps", "--all") == [] and podman.run("volume", "ls", "-q") == ""
        # A task that describes it finds it as it is to be, and so did nothing to it.
        task = host.container("web", image="busybox", command=COMMAND, publish=[f"{PORT}:80"], drift="full", **options)
        assert not task.failed and not task.changed, task
        assert host.module("libpod_container_exec", {"name": "web", "command": "echo ours"})["stdout"] == "ours\n"
        handed(host, "given_back")
        assert [row["Id"] for row in podman.rows("ps")] == [before["Id"]]
        assert podman.run("exec", "web", "echo", "theirs") == "theirs\n"
    assert probe.failures == [] and len(probe.answers) > 20, (probe.failures, len(probe.answers))
    ours = done["container"]
    assert (ours["Id"], ours["State"]["Pid"], ours["State"]["ConmonPid"]) == (
        before["Id"],
        state["Pid"],
        state["ConmonPid"],
    )
    after = podman.rows("inspect", "web")[0]
    assert (after["State"]["Pid"], after["State"]["ConmonPid"]) == (state["Pid"], state["ConmonPid"])
    assert after["NetworkSettings"]["Networks"] == before["NetworkSettings"]["Networks"]
    podman.run("stop", "-t", "3", "web")
    podman.run("start", "web")
    podman.run("stop", "-t", "3", "web")
    podman.run("rm", "web")
    if named == "two networks":
        podman.run("network", "rm", "other")


def _of_backend(host: Host, arguments: list[str], options: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Return arguments and options with the name and subnet of the backend's default network."""
    default, subnet, _release = BACKENDS[host.parts.network_backend]

    def of(text: str) -> str:
        return text.replace("{subnet}", subnet).replace("{default}", default)

    changed = {key: of(one) if isinstance(one, str) else one for key, one in options.items()}
    if "network" in options:
        changed["network"] = [of(one) for one in options["network"]]
    return [of(one) for one in arguments], changed


def test_adopted_container_lives_on_as_the_engines(both: tuple[Host, Podman]) -> None:
    """It is stopped, started, restarted and removed, and podman's parts of it go."""
    host, podman = both
    before = begun(podman, *PUBLISHED, "--restart", "always", "-v", "/srv/data:/data")
    handed(host, "adopted")
    stopped = host.container("web", state="stopped")["container"]["State"]
    assert (stopped["Status"], stopped["ExitCode"]) == ("exited", 0)
    assert not os.path.exists(before["NetworkSettings"]["SandboxKey"])
    started = host.container("web", state="started")
    assert started["container"]["Id"] == before["Id"] and started["container"]["State"]["Pid"] != before["State"]["Pid"]
    with Probe() as probe:
        pass
    assert probe.failures == []
    again = host.container("web", state="started", force_restart=True)
    assert not again.failed and again["actions"] == ["restarted web"], again
    podman.run("rm", "--force", "--time", "0", "--all")
    assert not host.container("web", state="started").changed
    gone = host.container("web", state="absent")
    assert not gone.failed and not os.path.exists(before["StaticDir"]), gone
    # netavark 1.10 and later has the rules on record for a reload of the firewall.
    assert glob(f"/run/containers/networks/firewall/ports/*_{before['Id']}") == []
    assert podman.rows("ps", "--all", "--external") == []


def test_end_of_an_adopted_container_is_noticed(both: tuple[Host, Podman]) -> None:
    """podman's conmon runs podman's exit command, which finds no container; the engine's runner does the rest."""
    host, podman = both
    before = begun(podman, *PUBLISHED, "--restart", "always")
    assert handed(host, "adopted")["container"]["State"]["Status"] == "running"
    os.kill(before["State"]["Pid"], signal.SIGTERM)

    def again() -> bool:
        state = host.container("web", check=True, state="stopped")["container"]["State"]
        return bool(state["Status"] == "running" and state["Pid"] != before["State"]["Pid"])

    eventually(again)
    host.container("web", state="absent")
    for_once = begun(podman, "--rm", "--network", "none")
    handed(host, "adopted")
    os.kill(for_once["State"]["Pid"], signal.SIGTERM)
    eventually(lambda: host.inspected() == [])
    eventually(lambda: not os.path.exists(for_once["StaticDir"]))


def test_podman_waits_for_the_last_exit_code(both: tuple[Host, Podman]) -> None:
    host, podman = both
    script = "test -e /tmp/again && exit 3; touch /tmp/again; exit 7"
    begun(podman, "--network", "none", command=["sh", "-c", script])
    assert podman.run("wait", "web") == "7\n"
    _cleaned_up(podman)
    handed(host, "adopted")
    assert not host.container("web", state="started").failed
    eventually(lambda: host.container("web", check=True, state="stopped")["container"]["State"]["ExitCode"] == 3)
    handed(host, "given_back")
    assert podman.run("wait", "web") == "3\n"


def _cleaned_up(podman: Podman) -> None:
    """Wait for podman's cleanup, which conmon begins at the container's end; until then the plan may change."""
    eventually(lambda: podman.rows("inspect", "web")[0]["State"]["Status"] == "exited")


def test_container_without_a_process_is_adopted_and_given_back(both: tuple[Host, Podman]) -> None:
    host, podman = both
    podman.call("run", "--name", "web", "--network", "none", "localhost/busybox", "sh", "-c", "exit 7")
    _cleaned_up(podman)
    podman.run("create", "--name", "new", "--network", "none", "localhost/busybox", "true")
    assert handed(host, "adopted")["container"]["State"]["ExitCode"] == 7
    handed(host, "adopted", "new")
    assert podman.rows("ps", "--all") == []
    assert not host.container("new", state="started", detach=False).failed
    for name in ("web", "new"):
        handed(host, "given_back", name)
    codes = {row["Names"][0]: (row["State"], row["ExitCode"]) for row in podman.rows("ps", "--all")}
    assert codes["web"] == ("exited", 7) and codes["new"] == ("exited", 0), codes
    assert podman.call("start", "--attach", "web").returncode == 7
    _cleaned_up(podman)
    # What the engine has started runs on by the engine's conmon.
    handed(host, "adopted")
    assert not host.container("web", image="busybox", command=COMMAND, network="none", state="started").failed
    refused = host.container("web", state="given_back")
    assert refused["error"] == "InvalidState" and refused["actions"] == [], refused


def test_adopted_container_on_several_networks_leaves_nothing(both: tuple[Host, Podman]) -> None:
    """podman forwards a published port on each network; the rules of all go."""
    host, podman = both
    podman.run("network", "create", "--disable-dns", "other")
    arguments, _options = _of_backend(host, *OPTION_SETS["two networks"])
    begun(podman, *PUBLISHED, *arguments)
    handed(host, "adopted")
    assert not host.container("web", state="started", drift="full").changed
    assert not host.container("web", state="absent").failed
    assert str(PORT) not in host.run("iptables-save")
    podman.run("network", "rm", "other")


def test_adopted_container_is_re_created(both: tuple[Host, Podman]) -> None:
    host, podman = both
    before = begun(podman, *PUBLISHED)
    handed(host, "adopted")
    done = host.container("web", image="busybox", command=COMMAND, publish=[f"{PORT}:80"], env={"NEW": "1"})
    assert done["actions"] == ["recreated web"] and done["container"]["Id"] != before["Id"], done
    with Probe() as probe:
        pass
    assert probe.failures == [] and not os.path.exists(before["StaticDir"])


def test_adopted_container_and_its_neighbours_know_one_another(both: tuple[Host, Podman]) -> None:
    """By the engine's lines in their hosts files, which go when it is given back."""
    host, podman = both
    before = begun(podman, *PUBLISHED)
    own = before["HostsPath"]
    with open(own, encoding="utf-8") as file:
        podmans = file.read()
    neighbour = Process(host.container("near", image="busybox", command=COMMAND))
    handed(host, "adopted")
    with open(own, encoding="utf-8") as file:
        assert "near" in file.read() and "\tweb" in neighbour.read("root/etc/hosts")
    fetched = host.module("libpod_container_exec", {"name": "near", "command": "wget -qO- http://web/"})
    assert fetched["stdout"] == "served\n", fetched
    handed(host, "given_back")
    with open(own, encoding="utf-8") as file:
        assert file.read() == podmans and "\tweb" not in live(neighbour.read("root/etc/hosts"))


def live(hosts: str) -> str:
    """Return the lines of a hosts file that are no comments."""
    return "\n".join(line for line in hosts.splitlines() if not line.startswith("#"))


def test_renamed_container_is_given_back_under_podmans_name(both: tuple[Host, Podman]) -> None:
    host, podman = both
    before = begun(podman, *PUBLISHED)
    handed(host, "adopted")
    libpod(host, "rename", "web", "ours")
    task = host.container("ours", image="busybox", command=COMMAND, publish=[f"{PORT}:80"], drift="full")
    assert not task.failed and not task.changed, task
    known = names(task["container"])
    assert "ours" in known and "web" not in known, known
    assert libpod(host, "adopt", "--give-back", "ours").stdout == "ours\n"
    (after,) = podman.rows("inspect", "web")
    assert (after["Id"], after["State"]["Pid"]) == (before["Id"], before["State"]["Pid"])
    podman.run("rm", "-f", "-t", "1", "web")


def test_volume_goes_with_the_last_container_that_uses_it(both: tuple[Host, Podman]) -> None:
    """podman would prune a volume that none of its containers uses."""
    host, podman = both
    podman.run("volume", "create", "--label", "of=podman", "data")
    for name in ("a", "b"):
        begun(podman, "--network", "none", "-v", "data:/data", name=name)
    podman.run("exec", "a", "sh", "-c", "echo kept > /data/file")
    handed(host, "adopted", "a")
    assert podman.run("volume", "ls", "-q") == "data\n"
    handed(host, "adopted", "b")
    podman.run("volume", "prune", "--force")
    assert podman.run("volume", "ls", "-q") == ""
    (volume,) = host.module("libpod_volume_info", {"name": "data"})["volumes"]
    assert volume["Labels"]["of"] == "podman" and volume["Options"]["device"].endswith("/volumes/data/_data")
    # Both engines' starts find the same files.
    assert not host.container("a", state="started", force_restart=True).failed
    read = {"name": "a", "command": "cat /data/file"}
    assert host.module("libpod_container_exec", read)["stdout"] == "kept\n"
    host.container("a", state="stopped")
    handed(host, "given_back", "a")
    assert podman.run("volume", "inspect", "data", "--format", "{{.Labels}}") == "map[of:podman]\n"
    handed(host, "given_back", "b")
    assert host.module("libpod_volume_info")["volumes"] == []
    podman.run("start", "a")
    assert [podman.run("exec", name, "cat", "/data/file") for name in ("a", "b")] == ["kept\n", "kept\n"]
    assert "is being used" in podman.call("volume", "rm", "data").stderr


def test_volume_of_the_same_name_is_in_the_way(both: tuple[Host, Podman]) -> None:
    host, podman = both
    begun(podman, "--network", "none", "-v", "data:/data")
    assert host.module("libpod_volume", {"name": "data"}).changed
    refused = host.container("web", state="adopted")
    assert refused["error"] == "InvalidState" and "volume data: " in refused["msg"], refused
    host.module("libpod_volume", {"name": "data", "state": "absent"})
    handed(host, "adopted")
    podman.run("volume", "create", "data")
    refused = host.container("web", state="given_back")
    assert refused["error"] == "InvalidState" and "another volume data" in refused["msg"], refused
    assert host.container("web", state="adopted")["container"]["State"]["Running"]
    podman.run("volume", "rm", "data")
    handed(host, "given_back")


REFUSED: dict[str, tuple[list[str], str]] = {
    "pod": (["--pod", "group"], "pod: "),
    "anonymous volume": (["-v", "/data"], "image_volume: "),
    "another's volumes": (["--volumes-from", "first"], "volumes_from: "),
    "another's network": (["--network", "container:first"], "requires: "),
    "user namespace": (["--uidmap", "0:100000:1000"], "userns: "),
    "unit": (["-l", "PODMAN_SYSTEMD_UNIT=web.service"], "sdnotify: "),
}


@pytest.mark.parametrize("named", REFUSED)
def test_container_that_cannot_be_adopted_is_refused_by_name_and_stays(both: tuple[Host, Podman], named: str) -> None:
    host, podman = both
    arguments, option = REFUSED[named]
    begun(podman, "--network", "none", name="first")
    if named == "pod":
        podman.run("pod", "create", "--infra=false", "group")
    podman.run("create", "--name", "web", *arguments, "localhost/busybox", "true")
    before = podman.rows("ps", "--all")
    for check in (True, False):
        refused = host.container("web", state="adopted", check=check)
        assert refused.failed and option in refused["msg"] and "web cannot be adopted" in refused["msg"], refused
    assert [row["Id"] for row in podman.rows("ps", "--all")] == [row["Id"] for row in before]
    assert host.inspected() == []
    if named == "pod":
        podman.run("pod", "rm", "--force", "--time", "0", "group")
    else:
        podman.run("rm", "web")
    podman.run("volume", "prune", "--force")


def test_command_adopts_all_and_gives_all_back(both: tuple[Host, Podman]) -> None:
    host, podman = both
    begun(podman, "--network", "none", name="a")
    begun(podman, *PUBLISHED, name="b")
    with Probe() as probe:
        assert libpod(host, "adopt", "--all").stdout.split() == ["a", "b"]
        assert podman.rows("ps") == []
        assert libpod(host, "adopt", "--all", "--give-back").stdout.split() == ["a", "b"]
    assert probe.failures == [] and sorted(row["Names"][0] for row in podman.rows("ps")) == ["a", "b"]
    assert "no container has the name 'c'" in libpod(host, "adopt", "c", code=125).stderr
