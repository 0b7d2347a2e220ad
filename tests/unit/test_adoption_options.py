# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a container of podman's, from its command and its record."""

from __future__ import annotations

import json
from typing import Any, Mapping, Sequence

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.podman import status
from ansible_collections.libpod.engine.plugins.module_utils._drivers.podman.bolt import Bucket
from ansible_collections.libpod.engine.plugins.module_utils._drivers.podman.container import PodmanContainer
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    InvalidArgument,
    LibpodError,
    MalformedData,
    NotImplementedByHost,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.adoption.options import Described, described

GLOBAL = ["podman", "--root", "/srv/storage", "--log-level", "warning", "run"]
IMAGE: Any = {"Env": ["PATH=/bin", "COLOUR=green"], "Labels": {"of": "image"}, "StopSignal": "SIGUSR1"}


def container(words: Sequence[str], **record: Any) -> PodmanContainer:
    """Return a container with this command and record."""
    spec = {"process": {"env": record.pop("env", [])}, "linux": {"resources": record.pop("resources", {})}}
    pids = {"pids": {"limit": 2048}}
    spec["linux"]["resources"] = {**pids, **spec["linux"]["resources"]}
    config = {"CreateCommand": [*words], "spec": spec, "stopSignal": 10, "stopTimeout": 10, "logDriver": "k8s-file"}
    return PodmanContainer("a" * 64, "web", Bucket({b"config": json.dumps({**config, **record}).encode()}), "", "/tmp")


def found(*words: str, **record: Any) -> Described:
    return described(container([*GLOBAL, *words], **record), IMAGE)


def test_command_is_read_as_podman_reads_it() -> None:
    words = [
        "-dit",
        "--name=web",
        "-p8080:80,9090:90",
        "--cap-drop",
        "a,b",
        "--rm=false",
        "--memory",
        "64m",
        "--pull=always",
    ]
    options = found(*words, "-v", "/srv:/data", "image", "--verbose", "-p", "no port").options
    task: Mapping[str, object] = {
        "interactive": True,
        "tty": True,
        "publish": ["8080:80", "9090:90"],
        "cap_drop": ["a", "b"],
        "volume": ["/srv:/data"],
        "command": ["--verbose", "-p", "no port"],
        "memory": "64m",
    }
    assert options == normalise(task)


def test_arguments_that_say_nothing_of_the_container_are_passed_over() -> None:
    words = ["-qd", "--retry=3", "--retry-delay", "1s", "--health-max-log-count", "9", "--health-log-destination=/x"]
    assert found(*words, "--health-max-log-size=1", "--preserve-fd", "4", "image").options == normalise({})


def test_variables_and_labels_are_the_records_beside_the_images() -> None:
    env = ["PATH=/bin", "TERM=xterm", "container=podman", "COLOUR=green", "A=from a file", "B=1", "HOSTNAME=h"]
    options = found(
        *("--env-file", "/gone", "-e", "B", "-e", "COLOUR=green", "--label-file=/gone", "image"),
        env=env,
        labels={"of": "image", "mine": "yes"},
    ).options
    assert options["env"] == {"A": "from a file", "B": "1", "COLOUR": "green"} and options["label"] == {"mine": "yes"}


def test_variables_of_podmans_environment_are_apart() -> None:
    env = ["PATH=/bin", "http_proxy=http://proxy", "OTHER=x"]
    assert found("image", env=env)[1] == {"http_proxy": "http://proxy"}
    every = found("--env-host", "-e", "OTHER=x", "image", env=[*env, "FROM=host"])
    assert every.options["env"] == {"OTHER": "x"} and every.host_env == {"http_proxy": "http://proxy", "FROM": "host"}


def test_limits_are_those_of_the_record() -> None:
    """As podman update has changed them."""
    resources = {"memory": {"limit": 1 << 27, "swap": 1 << 28}, "cpu": {"cpus": "0-1"}, "pids": {"limit": 7}}
    options = found("--memory", "64m", "image", resources=resources).options
    assert (options["memory"], options["memory_swap"], options["cpuset_cpus"], options["pids_limit"]) == (
        1 << 27,
        1 << 28,
        "0-1",
        7,
    )


def test_stop_signal_is_recorded_where_it_is_not_the_images() -> None:
    assert found("image").options["stop_signal"] is None
    assert found("image", stopSignal=15).options["stop_signal"] == 15


@pytest.mark.parametrize(
    "words, error, named",
    (
        (["--storage-opt", "size=1G", "image"], InvalidArgument, "--storage-opt"),
        (["--memory", "much", "image"], InvalidArgument, "memory"),
        (["--memory"], InvalidArgument, "--memory has no value"),
        (["--tty"], InvalidArgument, "names no image"),
        (["-X", "image"], InvalidArgument, "-X cannot be used: no option here stands for it: re-create it by a task"),
        (["--no-hostname", "image"], InvalidArgument, "--no-hostname cannot be used: .*: re-create it by a task"),
    ),
)
def test_what_has_no_counterpart_is_refused_by_name(words: list[str], error: type[LibpodError], named: str) -> None:
    with pytest.raises(error, match=named):
        found(*words)


def test_container_of_podmans_api_is_refused() -> None:
    with pytest.raises(NotImplementedByHost, match="its API is used"):
        described(container([]), IMAGE)


def test_record_of_podmans_container_is_read_as_it_was_written() -> None:
    bucket = Bucket({b"config": b"{}", b"\xff": b"", b"networks": Bucket({b"n": b'{"aliases": ["a"]}'})})
    bucket.sequence = 3
    there = PodmanContainer("b" * 64, "web", bucket, "space", "/tmp")
    again = PodmanContainer.from_json(json.loads(json.dumps(there.to_json())), "test")
    assert again == there and again.bucket.sequence == 3 and again.networks["n"]["aliases"].texts() == ["a"]
    with pytest.raises(MalformedData):
        PodmanContainer.from_json({"id": 1}, "test")


@pytest.mark.parametrize(
    "theirs, ours",
    (
        ("2026-11-30T06:22:13.188719215Z", "2026-11-30T06:22:13.188719+00:00"),
        ("2026-11-30T06:22:13+01:00", "2026-11-30T06:22:13.000000+01:00"),
        ("0001-01-01T00:00:00Z", ""),
        ("", ""),
    ),
)
def test_time_of_podmans(theirs: str, ours: str) -> None:
    assert status.time(theirs) == ours


def test_state_that_podman_gets_back_has_nothing_of_a_life_that_ended() -> None:
    state = {"state": 3, "pid": 7, "mounted": True, "mountPoint": "/x", "runDir": "/run/x", "netNS": "n"}
    there = PodmanContainer("c" * 64, "web", Bucket({b"state": json.dumps(state).encode(), b"netns": b"/n"}), "", "")
    ended = there.with_state(status.ended(there, 3, "2026-11-30T06:22:13.000000+00:00"), "")
    assert (ended.state["state"].integer(), ended.state["exitCode"].integer(), ended.netns) == (6, 3, "")
    stopped = there.with_state(status.ended(there, 0, "", by_user=True), "")
    assert stopped.state["stoppedByUser"].flag() and not ended.state["stoppedByUser"].flag()
    assert not ended.state["pid"] and ended.state["runDir"].text() == "/run/x" and not ended.state["mounted"].flag()
    assert there.with_state(status.ended(there, None, ""), "").state["state"].integer() == 1 and there.netns == "/n"
