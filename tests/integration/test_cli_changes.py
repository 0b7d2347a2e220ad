# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's command makes volumes, networks, secrets and pods, and changes containers in place."""

from __future__ import annotations

import json
import os
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command as self_program
from ansible_collections.libpod.engine.tests.support.concurrent_tasks import run_concurrently
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.operator_command import libpod
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

RUNNING: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}


def test_update_changes_limits_in_place(host: Host) -> None:
    options = {**RUNNING, "memory": "64m", "label": {"tier": "web"}, "env": {"A": "1"}}
    made = host.container("c", **options)
    process = Process(made)
    updated = libpod(host, "update", "-m", "32m", "--cpus", "0.5", "--pids-limit", "100", made["container"]["Id"][:9])
    assert updated.stdout == made["container"]["Id"] + "\n"
    (shown,) = host.module("libpod_container_info", {"name": ["c"], "env_values": True})["containers"]
    limits = shown["HostConfig"]
    assert (limits["Memory"], limits["NanoCpus"], limits["PidsLimit"]) == (32 << 20, 500_000_000, 100)
    assert int(process.cgroup("memory", "memory.limit_in_bytes") or 0) == 32 << 20
    assert shown["State"]["Pid"] == process.pid and shown["Config"]["Labels"] == {"tier": "web"}
    assert "A=1" in shown["Config"]["Env"]
    libpod(host, "update", "--restart", "on-failure:3", "c")
    changed = host.container(
        "c", **{**options, "memory": "32m"}, cpus=0.5, pids_limit=100, restart_policy="on-failure:3"
    )
    assert not changed.changed, changed
    for words, said in (
        (("c",), "expected a limit"),
        (("-m", "lots", "c"), "memory: 'lots'"),
        (("-m", "1g", "x"), "'x'"),
    ):
        assert said in libpod(host, "update", *words, code=125).stderr


def test_containers_are_connected_and_disconnected(host: Host) -> None:
    flags = ("--subnet", "10.99.7.0/24", "--gateway", "10.99.7.1", "--label", "a=b", "--opt", "mtu=1400", "--internal")
    assert libpod(host, "network", "create", *flags, "inner").stdout == "inner\n"
    (shown,) = json.loads(libpod(host, "network", "inspect", "inner").stdout)
    assert (shown["subnets"][0]["gateway"], shown["labels"], shown["internal"]) == ("10.99.7.1", {"a": "b"}, True)
    assert "has the name 'inner'" in libpod(host, "network", "create", "inner", code=125).stderr
    assert libpod(host, "network", "create", "--ignore", "inner").stdout == "inner\n"
    assert "--subnet for each" in libpod(host, "network", "create", "--gateway", "10.1.1.1", "x", code=125).stderr
    process = Process(host.container("c", **{**RUNNING, "network": "bridge"}))
    host.container("alone", **RUNNING)
    host.container("fixed", **{**RUNNING, "network": "bridge"}, network_aliases=["first"])
    libpod(host, "network", "connect", "--ip", "10.99.7.9", "--alias", "web", "inner", "c")
    assert "10.99.7.9" in process.run("ip", "-4", "addr").stdout
    assert "is already on inner" in libpod(host, "network", "connect", "inner", "c", code=125).stderr
    libpod(host, "network", "disconnect", "inner", "c")
    assert "10.99.7.9" not in process.run("ip", "-4", "addr").stdout
    assert "is not on inner" in libpod(host, "network", "disconnect", "inner", "c", code=125).stderr
    (shown,) = host.module("libpod_container_info", {"name": ["c"]})["containers"]
    assert shown["State"]["Pid"] == process.pid
    (default,) = shown["NetworkSettings"]["Networks"]
    assert "the only network" in libpod(host, "network", "disconnect", default, "c", code=125).stderr
    refused = libpod(host, "network", "connect", "inner", "fixed", code=125).stderr
    assert "other values of network, network_aliases need a new container" in refused, refused
    assert "no networks of its own" in libpod(host, "network", "connect", "inner", "alone", code=125).stderr
    assert libpod(host, "network", "rm", "inner").stdout == "inner\n"


def test_volumes_and_secrets_are_made(host: Host, tmp_path: Path) -> None:
    assert libpod(host, "volume", "create", "-l", "tier=web", "-o", "type=tmpfs", "data").stdout == "data\n"
    (shown,) = json.loads(libpod(host, "volume", "inspect", "data").stdout)
    assert (shown["Labels"], shown["Options"]["type"]) == ({"tier": "web"}, "tmpfs")
    assert "has the name 'data'" in libpod(host, "volume", "create", "data", code=125).stderr
    assert libpod(host, "volume", "create", "--ignore", "data").stdout == "data\n"
    random = libpod(host, "volume", "create").stdout.strip()
    assert len(random) == 64 and libpod(host, "volume", "rm", "data", random).stdout == f"data\n{random}\n"
    (tmp_path / "key").write_text("canary-4711")
    first = libpod(host, "secret", "create", "-l", "a=b", "key", "key", folder=tmp_path).stdout
    assert first == libpod(host, "secret", "inspect", "-f", "{{.ID}}", "key").stdout
    mount = ("--rm", "--network=none", "--secret", "key", "busybox", "cat", "/run/secrets/key")
    assert libpod(host, "run", *mount).stdout == "canary-4711"
    refused = libpod(host, "secret", "create", "key", "-", input="changed", code=125).stderr
    assert "has the name 'key'" in refused and "changed" not in refused
    libpod(host, "secret", "create", "--replace", "key", "-", input="changed")
    assert libpod(host, "run", *mount).stdout == "changed"
    assert "1 to 512000 bytes" in libpod(host, "secret", "create", "none", "-", code=125).stderr
    assert "FILE: 'no'" in libpod(host, "secret", "create", "none", "no", code=125, folder=tmp_path).stderr
    libpod(host, "secret", "rm", "key")


def test_pods_are_made(host: Host) -> None:
    made = libpod(host, "pod", "create", "-n", "p", "--label", "a=b", "-p", "8099:80", "--hostname", "inner").stdout
    assert (
        libpod(host, "pod", "inspect", "-f", "{{.Id}} {{.State}} {{.Labels.a}}", "p").stdout
        == f"{made[:-1]} Created b\n"
    )
    libpod(host, "run", "-d", "--pod", "p", "--name", "c", "busybox", *WAITING)
    assert libpod(host, "exec", "c", "hostname").stdout == "inner\n"
    assert "has the name 'p'" in libpod(host, "pod", "create", "p", code=125).stderr
    again = libpod(host, "pod", "create", "--replace", "--share", "net", "p").stdout
    assert again != made and libpod(host, "ps", "-q").stdout == ""
    assert libpod(host, "pod", "rm", "p").stdout == again
    assert "--share" in libpod(host, "pod", "create", "--share", "all", "p", code=125).stderr


@pytest.mark.parametrize(
    "lock, kind, words, label",
    [
        ("+volume-one", "volume", ("create", "-l", "by={}", "one"), "{{.Labels.by}}"),
        ("../cni", "network", ("create", "--label", "by={}", "one"), "{{.labels.by}}"),
        ("one", "pod", ("create", "--label", "by={}", "one"), "{{.Labels.by}}"),
        ("+secrets", "secret", ("create", "-l", "by={}", "one", "-"), "{{.Spec.Labels.by}}"),
        ("one", "", ("create", "--name", "one", "-l", "by={}", "busybox"), "{{.Config.Labels.by}}"),
    ],
    ids=["volume", "network", "pod", "secret", "container"],
)
def test_of_two_commands_at_once_one_makes_it_and_the_other_is_refused(
    host: Host, lock: str, kind: str, words: tuple[str, ...], label: str
) -> None:
    nouns = [kind] if kind else []

    def maker(number: str) -> Callable[[], Result]:
        argv = [*self_program.argv(host.parts), *nouns, *(word.format(number) for word in words)]
        start = partial(subprocess.run, argv, env={**os.environ, **host.parts.environment()}, input="x")

        def make() -> Result:
            done = start(capture_output=True, text=True, check=False)
            return Result({"by": number, "code": done.returncode, "said": done.stderr})

        return make

    results = run_concurrently(host, [maker("first"), maker("second")], lock)
    made, refused = sorted(results, key=lambda one: one["code"])
    assert (made["code"], refused["code"]) == (0, 125) and "has the name 'one'" in refused["said"], results
    assert libpod(host, *nouns, "inspect", "-f", label, "one").stdout == f"{made['by']}\n"
    libpod(host, *nouns, "rm", "one")


def test_several_containers_are_stopped_side_by_side(host: Host) -> None:
    """None of them ends at TERM, so that one after another takes the sum of their times."""
    names = ["d", "b", "c", "a"]
    for name in names:
        host.container(name, image="busybox", command=["sleep", "1000"], network="none")
    host.container("joined", image="busybox", command=WAITING, network="container:d")
    begun = time.monotonic()
    done = libpod(host, "stop", "-t", "8", *names, "none", code=125)
    took = time.monotonic() - begun
    assert done.stdout.split() == names and done.stderr.count("\n") == 1 and "'none'" in done.stderr
    assert took < 8 * len(names), took
    for name in names:
        host.container(name, state="started")
    begun = time.monotonic()
    assert libpod(host, "rm", "-f", "-t", "8", "d", "joined", "c", "c", "a").stdout.split() == ["d", "joined", "c", "a"]
    assert time.monotonic() - begun < 8 * 3
    assert libpod(host, "ps", "-a", "--format", "{{.Names}}").stdout.split() == ["b"]


def test_missing_image_is_the_argument_that_run_names(host: Host) -> None:
    message = libpod(host, "run", "-d", code=125).stderr
    assert "required: image\n" in message, message
