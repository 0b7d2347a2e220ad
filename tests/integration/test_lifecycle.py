# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lifecycle of a container: every state from every status, by name alone, restart, removal, exit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.process import start_time
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually, files

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}

# The states that tasks request, in order, to reach a status.
STATUSES = {
    "absent": (),
    "configured": ("present",),
    "running": ("started",),
    "exited": ("started", "stopped"),
    "paused": ("paused",),
}
# state: status before → the actions, and the status after them.
STEPS: dict[str, dict[str, tuple[list[str], str]]] = {
    "started": {
        "absent": (["created c", "started c"], "running"),
        "configured": (["started c"], "running"),
        "running": ([], "running"),
        "exited": (["started c"], "running"),
        "paused": (["unpaused c"], "running"),
    },
    "present": {
        "absent": (["created c"], "configured"),
        **{status: ([], status) for status in ("configured", "running", "exited", "paused")},
    },
    "created": {"absent": (["created c"], "configured"), "running": ([], "running")},
    "stopped": {
        "absent": (["created c"], "configured"),
        "configured": ([], "configured"),
        "running": (["stopped c"], "exited"),
        "exited": ([], "exited"),
        "paused": (["unpaused c", "stopped c"], "exited"),
    },
    "paused": {
        "absent": (["created c", "started c", "paused c"], "paused"),
        "configured": (["started c", "paused c"], "paused"),
        "running": (["paused c"], "paused"),
        "exited": (["started c", "paused c"], "paused"),
        "paused": ([], "paused"),
    },
    "absent": {
        **{status: (["deleted c"], "absent") for status in ("configured", "running", "exited", "paused")},
        "absent": ([], "absent"),
    },
}


def _everything() -> dict[str, tuple[Any, ...]]:
    return files("/srv", "/run", "/var/lib", "/run/libpod-test/etc/upper")


def _without_locks(entries: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    return {path: facts for path, facts in entries.items() if not path.startswith("/srv/run/locks")}


def _status_by_the_kernel(host: Host, result: Result) -> str:
    """Return the container's status by its processes and its freezer; the result must agree."""
    processes = [pid for pid in host.cgroups.processes() if _is_containers(pid)]
    container = result["container"]
    if not container:
        assert not processes
        return "absent"
    said = container["State"]["ModelStatus"]
    if not processes:
        assert said in ("configured", "exited")
        assert container["State"]["Pid"] == 0
        return str(said)
    frozen = Process(result).cgroup("freezer", "freezer.state")
    assert said == ("paused" if frozen == "FROZEN" else "running")
    return str(said)


def _is_containers(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
            return "/libpod-" in file.read().partition("libpod_parent")[2] and os.readlink(
                f"/proc/{pid}/ns/pid"
            ) != os.readlink("/proc/self/ns/pid")
    except (FileNotFoundError, ProcessLookupError):
        return False  # one that was about to end, such as conmon


def _over(host: Host) -> None:
    """Wait until the conmon of a container that has ended, and its exit command, write nothing any more."""

    def conmons() -> int:
        return sum(Path(f"/proc/{pid}/comm").read_text("ascii") == "conmon\n" for pid in host.cgroups.processes())

    up = sum(one["State"]["Pid"] > 0 for one in host.module("libpod_container_info")["containers"])
    eventually(lambda: conmons() == up)


@pytest.mark.parametrize("state", STEPS)
def test_state_is_reached_from_every_status(host: Host, state: str) -> None:
    """Check mode predicts the actions and changes nothing; a second run is unchanged."""
    for before, (actions, after) in STEPS[state].items():
        for step in STATUSES[before]:
            arranged = host.container("c", state=step, **OPTIONS)
            assert not arranged.failed, arranged
        where = f"{before} to {state}"
        _over(host)
        untouched = _everything()
        predicted = host.container("c", state=state, check=True, **OPTIONS)
        assert _everything() == untouched, where
        assert (predicted.failed, predicted["actions"]) == (False, actions), where
        untouched = _without_locks(untouched)
        done = host.container("c", state=state, **OPTIONS)
        assert (done.failed, done.get("actions"), done.changed) == (False, actions, bool(actions)), f"{where}: {done}"
        assert _status_by_the_kernel(host, done) == after, where
        if actions:
            _over(host)
            untouched = _without_locks(_everything())
            again = host.container("c", state=state, **OPTIONS)
            assert (again.changed, again["actions"]) == (False, []), where
        assert _without_locks(_everything()) == untouched, f"{where}: an unchanged run writes nothing"
        host.container("c", state="absent")


def test_diff_shows_status_before_and_after(host: Host) -> None:
    made = host.container("c", diff=True, **OPTIONS)
    prepared = "plan:\ncreated c\nstarted c\n"
    assert made["diff"] == {"before": {"status": "absent"}, "after": {"status": "running"}, "prepared": prepared}
    assert host.container("c", diff=True, **OPTIONS)["diff"] == {"before": {}, "after": {}}
    gone = host.container("c", state="absent", diff=True, check=True)
    assert gone["diff"]["before"] == {"status": "running"} and gone["diff"]["after"] == {"status": "absent"}


def test_name_alone_starts_stops_restarts_and_removes(host: Host) -> None:
    host.container("c", state="present", memory="32m", env={"A": "1"}, **OPTIONS)
    started = host.container("c")
    assert started["actions"] == ["started c"]
    assert Process(started).environ["A"] == "1"
    assert host.container("c")["actions"] == []
    restarted = host.container("c", restart=True)
    assert restarted["actions"] == ["restarted c"]
    assert Process(restarted).cgroup("memory", "memory.limit_in_bytes") == str(32 << 20)
    assert host.container("c", state="paused")["actions"] == ["paused c"]
    assert host.container("c", state="stopped")["actions"] == ["unpaused c", "stopped c"]
    assert host.container("c", state="stopped")["actions"] == []
    assert host.container("c", state="absent")["actions"] == ["deleted c"]
    assert host.container("c", state="absent")["actions"] == []


@pytest.mark.parametrize("state", ["started", "stopped", "paused", "present"])
def test_name_alone_of_no_container_is_refused(host: Host, state: str) -> None:
    refused = host.container("nobody", state=state)
    assert refused.failed and refused["error"] == "NoSuchContainer"
    assert "'nobody'" in refused["msg"]


def test_stopped_never_recreates_and_ignores_other_options(host: Host) -> None:
    made = host.container("c", **OPTIONS)
    stopped = host.container("c", state="stopped", image="bare", command="other", memory="12x", network="no-such")
    assert (stopped.get("actions"), stopped.get("msg")) == (["stopped c"], None)
    assert stopped["container"]["Id"] == made["container"]["Id"]
    started = host.container("c", **OPTIONS)
    assert started["actions"] == ["started c"]


@pytest.mark.parametrize("task", [{"state": "absent"}, {"state": "stopped"}, {"restart": True}])
def test_by_name_no_other_option_is_validated(host: Host, task: dict[str, Any]) -> None:
    host.container("c", **OPTIONS)
    done = host.container("c", memory="12x", publish=["99999:1"], cap_add=["NO_SUCH"], **task)
    assert not done.failed and done.changed, done


def test_stopped_with_invalid_options_creates_no_container(host: Host) -> None:
    refused = host.container("c", state="stopped", image="busybox", memory="12x")
    assert refused.failed and "memory" in refused["msg"] and "12x" in refused["msg"]
    assert host.module("libpod_container_info")["containers"] == []


def test_stop_signal_comes_first_and_kill_after_the_timeout(host: Host) -> None:
    trap = ["sh", "-c", "trap 'echo got it; exit 7' USR2; trap '' TERM; echo ready; while :; do sleep 0.01; done"]
    made = host.container("c", image="busybox", command=trap, network="none", stop_signal="USR2")
    log = made["container"]["HostConfig"]["LogConfig"]["Path"]
    eventually(lambda: "ready" in open(log).read())
    stopped = host.container("c", state="stopped")
    assert stopped["container"]["State"]["ExitCode"] == 7
    assert open(log).read().splitlines()[-1].endswith("stdout F got it")
    deaf = host.container("c", image="busybox", command=trap, network="none", stop_signal="TERM", stop_timeout=1)
    assert deaf["actions"] == ["updated c", "started c"]
    eventually(lambda: open(log).read().count("ready") == 2)
    killed = host.container("c", state="stopped")
    assert killed["container"]["State"]["ExitCode"] == 137


def test_restart_keeps_the_container_and_renews_the_process(host: Host) -> None:
    first = host.container("c", **OPTIONS)
    restarted = host.container("c", restart=True, **OPTIONS)
    assert restarted["actions"] == ["restarted c"]
    assert restarted["container"]["Id"] == first["container"]["Id"]
    assert restarted["container"]["State"]["Pid"] != first["container"]["State"]["Pid"]
    assert not start_time(first["container"]["State"]["Pid"])
    assert Process(restarted).argv == WAITING
    host.container("c", state="stopped")
    assert host.container("c", force_restart=True)["actions"] == ["started c"]
    host.container("c", state="paused")
    assert host.container("c", restart=True)["actions"] == ["unpaused c", "restarted c"]


def test_pause_freezes_and_started_thaws_the_same_process(host: Host) -> None:
    counting = ["sh", "-c", "trap 'exit 0' TERM; while :; do echo x; sleep 0.01; done"]
    running = host.container("c", image="busybox", command=counting, network="none")
    log = running["container"]["HostConfig"]["LogConfig"]["Path"]
    eventually(lambda: os.path.getsize(log))
    paused = host.container("c", state="paused")
    size = os.path.getsize(log)
    assert Process(paused).cgroup("freezer", "freezer.state") == "FROZEN"
    assert paused["container"]["State"]["Pid"] == running["container"]["State"]["Pid"]
    thawed = host.container("c")
    assert Process(thawed).cgroup("freezer", "freezer.state") == "THAWED"
    assert thawed["container"]["State"]["Pid"] == running["container"]["State"]["Pid"]
    eventually(lambda: os.path.getsize(log) > size)


def test_force_delete_false_refuses_what_runs(host: Host) -> None:
    running = host.container("c", **OPTIONS)
    for check in (True, False):
        refused = host.container("c", state="absent", force_delete=False, check=check)
        assert refused.failed and refused["error"] == "InvalidState"
        assert "c is running" in refused["msg"] and "force_delete" in refused["msg"]
    assert Process(running).argv == WAITING
    host.container("c", state="stopped")
    assert host.container("c", state="absent", force_delete=False)["actions"] == ["deleted c"]


def test_removal_of_a_shared_namespace_needs_delete_depend(host: Host) -> None:
    host.container("web", image="busybox", command=WAITING, network="none")
    joined = host.container("helper", image="busybox", command=WAITING, network="container:web")
    for check in (True, False):
        refused = host.container("web", state="absent", check=check)
        assert refused.failed and refused["error"] == "DependencyExists"
        assert "helper" in refused["msg"] and "delete_depend" in refused["msg"]
    assert Process(joined).argv == WAITING
    removed = host.container("web", state="absent", delete_depend=True)
    assert removed["actions"] == ["deleted helper", "deleted web"]
    host.expect_clean()


def test_attached_run_returns_output_and_exit_code(host: Host) -> None:
    script = "echo out; echo err >&2; printf tail"
    done = host.container("c", image="busybox", command=["sh", "-c", script], network="none", detach=False)
    assert not done.failed
    assert (done["stdout"], done["stderr"], done["rc"]) == ("out\ntail", "err\n", 0)
    assert done["actions"] == ["created c", "started c"]
    again = host.container("c", image="busybox", command=["sh", "-c", script], network="none", detach=False)
    assert (again["stdout"], again["actions"]) == ("out\ntail", ["started c"])
    assert again["container"]["State"]["Status"] == "exited"


def test_attached_run_fails_where_the_container_does(host: Host) -> None:
    failed = host.container("c", image="busybox", command=["sh", "-c", "echo no; exit 3"], network="none", detach=False)
    assert failed.failed
    assert (failed["rc"], failed["stdout"]) == (3, "no\n")
    assert failed["msg"] == "container c ended with exit code 3"
    script = "echo no way >&2; exit 4"
    failed = host.container("c", image="busybox", command=["sh", "-c", script], network="none", detach=False)
    assert failed["msg"] == "container c ended with exit code 4: no way"
    assert failed["container"]["State"]["ExitCode"] == 4


def _ended(host: Host, name: str = "c") -> dict[str, Any]:
    """Return the container's state once it has exited by itself."""

    def look() -> Any:
        (container,) = host.module("libpod_container_info", {"name": [name]})["containers"]
        return container["State"] if container["State"]["Status"] == "exited" else None

    state: dict[str, Any] = eventually(look)
    return state


def test_exit_code_is_the_commands(host: Host) -> None:
    host.container("c", image="busybox", command=["sh", "-c", "exit 3"], network="none")
    state = _ended(host)
    assert (state["ExitCode"], state["OOMKilled"], state["Pid"]) == (3, False, 0)
    assert state["StartedAt"] < state["FinishedAt"]
    restarted = host.container("c")
    assert restarted["actions"] == ["started c"]


def test_exit_code_of_a_killed_container_is_137(host: Host) -> None:
    made = host.container("c", **OPTIONS)
    os.kill(made["container"]["State"]["Pid"], 9)
    state = _ended(host)
    assert (state["ExitCode"], state["OOMKilled"]) == (137, False)


def test_out_of_memory_is_flagged(host: Host) -> None:
    eater = ["sh", "-c", "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done"]
    host.container("c", image="busybox", command=eater, network="none", memory="16m", memory_swap="16m")
    state = _ended(host)
    assert (state["ExitCode"], state["OOMKilled"]) == (137, True)
    kept = host.container("c", state="stopped")
    assert kept["container"]["State"]["OOMKilled"] is True
    assert (
        host.container("c", image="busybox", command=WAITING, network="none")["container"]["State"]["OOMKilled"]
        is False
    )


def test_attached_run_killed_by_oom_reports_it(host: Host) -> None:
    eater = ["sh", "-c", "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done"]
    options: dict[str, Any] = {
        "image": "busybox",
        "command": eater,
        "network": "none",
        "memory": "16m",
        "memory_swap": "16m",
    }
    failed = host.container("c", detach=False, **options)
    message = "ended with exit code 137: the kernel killed a process of it at its memory limit of 16777216 bytes"
    assert failed.failed and message in failed["msg"], failed
    assert message in host.container("c", wait="exited", **options)["msg"]
    listed = {"containers": [{"name": "c", "wait": "exited", "recreate": True, **options}], "inspect": "outline"}
    outlined = host.module("libpod_containers", listed)
    message = "ended with exit code 137: the kernel killed a process of it for want of memory, of the host, of its own"
    assert outlined.failed and message in outlined["msg"], outlined


@pytest.mark.parametrize(
    ("command", "message"),
    [("no-such-program", "no-such-program"), ("/etc/passwd", "permission denied"), ("/no/such/path", "/no/such/path")],
)
def test_command_that_cannot_run_is_refused_and_leaves_nothing(host: Host, command: str, message: str) -> None:
    refused = host.container("c", image="busybox", command=[command])
    assert refused.failed
    assert "container c" in refused["msg"] and message in refused["msg"]
    assert "\n" not in refused["msg"] and "Traceback" not in refused.stderr
    assert host.module("libpod_container_info")["containers"] == []
    host.expect_clean()


def test_missing_working_directory_is_created(host: Host) -> None:
    made = host.container("c", workdir="/not/there", **OPTIONS)
    assert Process(made).folder == "/not/there"


def test_container_that_ended_by_itself_is_cleaned_up_by_removal(host: Host) -> None:
    host.container("c", image="busybox", command=["true"])
    _ended(host)
    assert host.container("c", state="absent")["actions"] == ["deleted c"]
    host.expect_clean()


def test_lifecycle_in_a_playbook(host: Host) -> None:
    module = "libpod.engine.libpod_container"
    played = host.play(
        [
            {"name": "start", module: {"name": "c", **OPTIONS}},
            {"name": "again", module: {"name": "c", **OPTIONS}},
            {"name": "info", "libpod.engine.libpod_container_info": {"name": ["c", "nobody"]}},
            {"name": "remove", module: {"name": "c", "state": "absent"}},
        ]
    )
    assert [task["changed"] for task in played.tasks] == [True, False, False, True]
    assert [one["Name"] for one in played["info"]["containers"]] == ["c"]
    assert played["start"]["actions"] == ["created c", "started c"]
    host.expect_clean()
