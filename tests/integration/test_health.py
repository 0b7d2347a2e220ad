# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health checks on real containers: states, the runner, failure actions, waiting, and a kill at each effect."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from typing import Any, Callable, Mapping

import pytest
import yaml
from ansible_collections.libpod.engine.plugins.module_utils._drivers import process
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.transport import Images
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import ContainerStopped
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.plugins.modules import libpod_container_wait
from ansible_collections.libpod.engine.tests.support import cgroup_files, images
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import NOWHERE, Result, in_child
from ansible_collections.libpod.engine.tests.support.process import WAITING, eventually, kill_all

# Healthy once /tmp/ok is there.
WEB: dict[str, Any] = {
    "name": "web",
    "image": "busybox",
    "command": WAITING,
    "network": ["none"],
    "stop_timeout": 0,
    "healthcheck": "echo looking; test -f /tmp/ok",
    "healthcheck_interval": "200ms",
    "healthcheck_retries": 2,
}
# At once: its first check waits for the command, since the second is minutes later.
READY = {
    **WEB,
    "command": ["sh", "-c", "touch /tmp/ok; exec sleep 1000"],
    "healthcheck": "until test -f /tmp/ok; do sleep 0.01; done",
    "healthcheck_interval": "300s",
}
ON_DEMAND = {**WEB, "healthcheck_interval": "disable"}
HANGING = {**ON_DEMAND, "healthcheck": "sleep 4711 & sleep 4712; true"}
LONG = 60.0


def _health(host: Host, name: str = "web") -> dict[str, Any]:
    (one,) = host.module("libpod_container_info", {"name": [name]})["containers"]
    health: dict[str, Any] = one["State"]["Health"]
    return health


def _reaches(host: Host, status: str) -> dict[str, Any]:
    health: dict[str, Any] = eventually(lambda: (h := _health(host))["Status"] == status and h, seconds=LONG)
    return health


def _runner(host: Host, result: Mapping[str, Any]) -> int:
    """Return the PID of the runner on record, 0 if there was none."""
    path = f"{host.parts.run_root}/containers/{result['container']['Id']}/health-runner.json"
    try:
        with open(path, encoding="utf-8") as file:
            return int(json.load(file)[0])
    except FileNotFoundError:
        return 0


def _touch(result: Result, name: str, *, there: bool = True) -> None:
    path = f"/proc/{result['container']['State']['Pid']}/root/tmp/{name}"
    if there:
        with open(path, "w", encoding="ascii"):
            pass
    else:
        os.unlink(path)


def _processes_with(host: Host, *args: str) -> list[int]:
    """Return the host's processes whose command line has all of these arguments."""
    pids = []
    for pid in host.cgroups.processes():
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                line = file.read().split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if all(arg in line for arg in args):
            pids.append(pid)
    return pids


def test_states_log_live_change_and_dead_runner(host: Host) -> None:
    first = host.container(**WEB)
    assert not first.failed, first
    runner = _runner(host, first)
    eventually(lambda: runner in _processes_with(host, "health", first["container"]["Id"]))
    conmon_cgroup = f"libpod-conmon-{first['container']['Id']}"
    with open(f"/proc/{runner}/cgroup", encoding="ascii") as file:
        lines = [line for line in file if ":memory:" in line or ":pids:" in line or cgroup_files.unified()]
    assert lines and all(line.rstrip().endswith(conmon_cgroup) for line in lines)

    sick = _reaches(host, "unhealthy")
    assert sick["FailingStreak"] >= 2
    assert sick["Log"][-1]["ExitCode"] == 1 and sick["Log"][-1]["Output"] == "looking\n"
    assert not host.container(**WEB).changed
    _touch(first, "ok")
    well = eventually(lambda: (h := _health(host))["Status"] == "healthy" and len(h["Log"]) == 5 and h, seconds=LONG)
    assert well["FailingStreak"] == 0 and well["Log"][-1]["ExitCode"] == 0
    assert well["Log"][-1]["Start"] <= well["Log"][-1]["End"]

    os.kill(runner, signal.SIGKILL)
    eventually(lambda: not process.start_time(runner))
    predicted = host.container(**WEB, check=True, diff=True)
    assert predicted["actions"] == ["updated web"] and "health runner" in predicted["diff"]["before"]
    mended = host.container(**WEB)
    assert mended["actions"] == ["updated web"]
    again = _runner(host, mended)
    assert again != runner and process.start_time(again)
    assert not host.container(**WEB).changed

    # A second runner exits when it sees the first; so does a runner of an earlier process of the container.
    state = first["container"]["State"]
    for started in (process.start_time(state["Pid"]), 1):
        args = ["health", first["container"]["Id"], str(state["Pid"]), str(started)]
        environment = {**os.environ, **host.parts.environment()}
        subprocess.run([*command.argv(host.parts), *args], env=environment, check=True, timeout=LONG)
    # The runner has a child while it checks.
    eventually(lambda: _processes_with(host, "health", first["container"]["Id"]) == [again], seconds=LONG)

    other = {**WEB, "healthcheck": ["CMD", "echo", "fine"], "healthcheck_interval": "1h"}
    changed = host.container(**other)
    assert changed["actions"] == ["updated web"]
    assert changed["container"]["State"]["Pid"] == state["Pid"]
    assert _reaches(host, "healthy")["Log"][-1]["Output"] == "fine\n"
    without = host.container(**{**WEB, "healthcheck": "none"})
    assert without["container"]["State"]["Pid"] == state["Pid"]
    assert "Healthcheck" not in without["container"]["Config"]
    eventually(lambda: not _processes_with(host, "health", first["container"]["Id"]))  # killed, and not waited for
    assert not host.container(**{**WEB, "healthcheck": None, "no_healthcheck": True}).changed


def test_check_on_demand_keeps_the_beginning_of_its_output(host: Host) -> None:
    started = host.container(**{**ON_DEMAND, "healthcheck": "cat /tmp/said; exit 3"})
    assert not _runner(host, started)
    _touch(started, "said")
    path = f"/proc/{started['container']['State']['Pid']}/root/tmp/said"
    with open(path, "w", encoding="ascii") as file:
        file.write("x" * 100_000)
    result = Runtime(host.parts).container("web").healthcheck()
    assert (result.status, result.failing_streak) == ("starting", 1)
    assert result.log[-1]["ExitCode"] == 3 and result.log[-1]["Output"] == "x" * 500


def test_processes_that_a_check_leaves_are_not_waited_for(host: Host) -> None:
    """They may even hold its output."""
    leaving = {**ON_DEMAND, "healthcheck": "sleep 4713 & yes & echo said >&2; exit 4"}
    host.container(**leaving, healthcheck_timeout="10m")
    began = time.monotonic()
    result = Runtime(host.parts).container("web").healthcheck()
    assert time.monotonic() - began < LONG and result.log[-1]["ExitCode"] == 4 and len(result.log[-1]["Output"]) <= 500
    kill_all(eventually(lambda: _processes_with(host, "sleep", "4713")))  # the shell may not have started it yet
    eventually(lambda: not _processes_with(host, "yes"))


def test_check_is_killed_at_its_timeout_with_its_processes(host: Host) -> None:
    host.container(**HANGING, healthcheck_timeout="500ms")
    result = Runtime(host.parts).container("web").healthcheck()
    assert result.log[-1]["ExitCode"] == -1 and "exceeded timeout (0.5s)" in result.log[-1]["Output"]
    assert not _processes_with(host, "sleep", "4711") and not _processes_with(host, "sleep", "4712")


def test_check_kills_what_a_killed_one_left(host: Host) -> None:
    host.container(**HANGING, healthcheck_timeout="10m")
    web = Runtime(host.parts).container("web")
    killed = _in_child(web.healthcheck)
    eventually(lambda: _processes_with(host, "sleep", "4712"), seconds=LONG)
    os.kill(killed, signal.SIGKILL)
    os.waitpid(killed, 0)
    host.container(**{**HANGING, "healthcheck": "true"})
    assert web.healthcheck().status == "healthy"
    assert not _processes_with(host, "sleep", "4711") and not _processes_with(host, "sleep", "4712")


def test_next_check_is_due_after_the_interval_where_the_clock_is_set_back(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.container(**{**ON_DEMAND, "healthcheck": "true"})
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    result = Runtime(host.parts).container("web").healthcheck()
    monkeypatch.undo()
    assert result.log[-1]["Start"].startswith("1970-01-01")
    assert abs(result.counted - time.clock_gettime(time.CLOCK_BOOTTIME)) < LONG


def test_concurrent_checks_are_serialised(host: Host) -> None:
    host.container(**{**ON_DEMAND, "healthcheck": "true"})
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(Runtime(host.parts).container("web").healthcheck()))
        for _number in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.status for one in results] == ["healthy", "healthy"]
    assert len(Runtime(host.parts).container("web").healthcheck().log) == 3


def test_check_ends_with_its_container(host: Host) -> None:
    host.container(**HANGING, healthcheck_timeout="10m")
    errors: list[Exception] = []

    def until_it_ends() -> None:
        try:
            Runtime(host.parts).container("web").healthcheck()
        except ContainerStopped as error:
            errors.append(error)

    thread = threading.Thread(target=until_it_ends)
    thread.start()
    eventually(lambda: _processes_with(host, "sleep", "4712"), seconds=LONG)
    assert not host.container("web", state="stopped").failed
    thread.join(LONG)
    assert errors and _health(host)["Status"]


def _in_child(work: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


@pytest.mark.parametrize("action", ["kill", "stop", "restart"])
def test_failure_action(host: Host, action: str) -> None:
    policy = "on-failure:1" if action == "kill" else "no"
    first = host.container(**WEB, healthcheck_failure_action=action, restart_policy=policy)

    def acted() -> Any:
        (one,) = host.module("libpod_container_info", {"name": ["web"]})["containers"]
        ended = action == "stop" and one["State"]["Status"] == "exited" and not one["State"]["Mounted"]
        return (ended or action != "stop" and one["RestartCount"] >= 1) and one

    one = eventually(acted, seconds=LONG)
    assert one["State"]["Pid"] != first["container"]["State"]["Pid"]
    if action == "stop":
        assert one["State"]["Health"]["Status"] == "unhealthy" and one["RestartCount"] == 0
        eventually(lambda: not _processes_with(host, "health", one["Id"]))  # it has done the stop itself


def test_waiting(host: Host) -> None:
    refused = host.container(**{**WEB, "healthcheck": None}, wait="healthy")
    assert refused.failed and "no health check" in refused["msg"]
    assert not host.module("libpod_container_info")["containers"]
    sick = host.container(**WEB, wait="healthy", wait_timeout=LONG)
    assert sick.failed and sick["error"] == "Unhealthy" and "exit code 1: looking" in sick["msg"], sick
    assert sick.changed and sick["actions"], "what was done before stays, and is reported"
    well = host.container(**READY, wait="healthy", wait_timeout=LONG)
    assert well["container"]["State"]["Health"]["Status"] == "healthy", well

    # The new container never becomes healthy: the old one is restored.
    new = {**WEB, "healthcheck_interval": "200ms"}
    failed = host.container(**new, wait_for_healthy=True, wait_timeout=LONG)
    assert failed.failed and failed["error"] == "Unhealthy", failed
    assert failed.changed and failed["actions"] == ["restarted web"], failed
    (one,) = host.module("libpod_container_info")["containers"]
    assert one["Id"] == well["container"]["Id"] and one["State"]["Status"] == "running"

    # With the runner dead, a waiting task runs the checks itself.
    runner = _runner(host, well)
    process.send_signal(process.ref(runner), signal.SIGKILL)
    said = host.module("libpod_container_wait", {"name": "web", "condition": ["healthy"], "timeout": LONG})
    assert (said.get("condition"), said.get("status"), said.changed) == ("healthy", "running", False), said
    late = host.module("libpod_container_wait", {"name": "web", "timeout": 0.2})
    assert late.failed and "is running, healthy after 0.2 seconds" in late["msg"]
    assert host.module("libpod_container_wait", {"name": "web"}, check=True)["condition"] == ""

    job: dict[str, Any] = {
        "name": "job",
        "image": "busybox",
        "network": ["none"],
        "wait": "exited",
        "wait_timeout": LONG,
    }
    ended = host.container(**job, command=["sh", "-c", "sleep 0.3; exit 7"])
    assert ended.failed and ended["rc"] == 7 and ended["container"]["State"]["Status"] == "exited"
    assert host.container(**job, command=["true"], rm=True)["rc"] == 0
    gone = host.module("libpod_container_wait", {"name": "job", "condition": ["removed"], "timeout": LONG})
    assert gone["condition"] == "removed"


def _image_with_check(host: Host, check: dict[str, Any]) -> str:
    """Build an image with a check in its configuration, as docker and podman do; return its name to pull."""
    folder = "/srv/checked"
    shutil.copytree(host.layout, folder)

    def blob(entry: dict[str, Any]) -> str:
        return f"{folder}/blobs/{entry['digest'].replace(':', '/')}"

    def replaced(entry: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> None:
        with open(blob(entry), encoding="utf-8") as file:
            content = json.load(file)
        change(content)
        data = json.dumps(content).encode()
        entry.update(digest=f"sha256:{hashlib.sha256(data).hexdigest()}", size=len(data))
        with open(blob(entry), "wb") as out:
            out.write(data)

    with open(f"{folder}/index.json", encoding="utf-8") as file:
        index = json.load(file)
    tag = "org.opencontainers.image.ref.name"
    (entry,) = [one for one in index["manifests"] if one.get("annotations", {}).get(tag) == "busybox"]
    entry["annotations"][tag] = "checked"
    replaced(
        entry,
        lambda manifest: replaced(manifest["config"], lambda image: image["config"].update(Healthcheck=check)),
    )
    with open(f"{folder}/index.json", "w", encoding="utf-8") as file:
        json.dump(index, file)
    return f"oci:{folder}:checked"


def test_image_has_a_check_and_a_startup_check_precedes_it(host: Host) -> None:
    image = _image_with_check(host, {"Test": ["CMD-SHELL", "test -f /tmp/ok"], "Interval": 2 * 10**8, "Retries": 1})
    startup = {"health_startup_cmd": "test -f /tmp/up", "health_startup_interval": "200ms"}
    task: dict[str, Any] = {
        "name": "web",
        "image": image,
        "command": WAITING,
        "network": ["none"],
        "stop_timeout": 0,
        **startup,
    }
    made = host.container(**task)
    assert made["container"]["Config"]["Healthcheck"]["Test"] == ["CMD-SHELL", "test -f /tmp/ok"]
    spelled: dict[str, Any] = {
        "healthcheck": "test -f /tmp/ok",
        "healthcheck_interval": "0.2s",
        "healthcheck_retries": 1,
    }
    assert not host.container(**task, **spelled).changed
    # The regular check would make it unhealthy at its first failure.
    eventually(lambda: len(_health(host)["Log"]) >= 3, seconds=LONG)
    assert _health(host)["Status"] == "starting"
    _touch(made, "up")
    _reaches(host, "unhealthy")
    _touch(made, "ok")
    _reaches(host, "healthy")
    refused = host.container(**{**task, "image": "busybox"})
    assert refused.failed and "health_startup_cmd" in refused["msg"]
    host.container("web", state="absent")
    assert Images(host.parts).remove(made["container"]["ImageName"])
    shutil.rmtree("/srv/checked")


def test_killed_start_is_finished_by_its_next_run(host: Host) -> None:
    made = host.container(**READY)
    host.container("web", state="stopped")
    effects = list(host.module("libpod_container", READY, kill_at=NOWHERE).effects)
    own = effects[next(number for number, name in enumerate(effects) if "health.json" in name) :]
    points = [name for name in own if "health" in name or name == own[4]]
    assert len(points) >= 6
    for point in points:
        host.container("web", state="stopped")
        eventually(lambda: not _processes_with(host, "health", made["container"]["Id"]))
        assert host.module("libpod_container", READY, kill_at=point).killed, point
        again = host.container(**READY)
        assert not again.failed, (point, again)
        runner = _runner(host, again)
        eventually(lambda: _processes_with(host, "health", made["container"]["Id"]) == [runner], seconds=LONG)  # noqa: B023
        assert not host.container(**READY).changed, point
        _reaches(host, "healthy")


def test_killed_check_leaves_nothing_behind(host: Host) -> None:
    host.container(**{**READY, "healthcheck_interval": "disable", "healthcheck_retries": 1, "healthcheck": "false"})

    def check() -> None:
        Runtime(host.parts).container("web").healthcheck()

    points = in_child(check, kill_at=NOWHERE).effects
    assert any("exec" in name for name in points)
    for point in points:
        in_child(check, kill_at=point)
        assert Runtime(host.parts).container("web").healthcheck().status == "unhealthy", point
        assert not host.container("web", state="started").changed


def test_examples_run_unmodified(host: Host) -> None:
    """The module's examples, with the server of docs/examples/health (which test_examples runs separately)."""
    with open(f"{images.PROJECT}/docs/examples/health/site.yml", encoding="utf-8") as file:
        serve = yaml.safe_load(file)[0]["tasks"][0]
    host.container("job", image="busybox", command=["sleep", "0.2"], network="none")
    waits = yaml.safe_load(libpod_container_wait.EXAMPLES)
    played = host.play([waits[0], serve, waits[1]], variables={"image": "busybox", "page": "first"})
    assert played.exit_code == 0, played.output
    assert played["Wait until a job has ended"]["exit_code"] == 0
    assert played["Wait until the server is healthy, or has ended"]["condition"] == "healthy"
    # The runner works from the archive that the action plugin sends as well.
    made = host.play([serve], variables={"image": "busybox", "page": "second"})[serve["name"]]
    assert made["actions"] == ["recreated web"] and _reaches(host, "healthy")["Log"]
    with open(f"/proc/{_runner(host, made)}/cmdline", encoding="utf-8") as file:
        assert f"\0{host.parts.static_root}/engine/" in file.read()
