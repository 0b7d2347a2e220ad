# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OCI runtime: the host's own by default, and each container keeps the one that it was made with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cgroups.manager import CgroupHost
from ansible_collections.libpod.engine.plugins.module_utils._drivers.oci import auto
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig, PlanningConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import take_warnings
from ansible_collections.libpod.engine.tests.support import cgroup_files
from ansible_collections.libpod.engine.tests.support.hooks import after_start
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually

AUTO: dict[str, Any] = {"oci_runtime": "auto"}
BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}
without_unified = pytest.mark.parametrize("host", [{"unified": False}], indirect=True)


def _of(host: Host, name: str) -> str:
    """Return the OCI runtime that has the container's state, which ``inspect`` names too."""
    one = host.module("libpod_container_info", {"name": [name]})["containers"][0]
    holders = [kind for kind in ("crun", "runc") if os.path.isdir(f"/srv/run/{kind}/{one['Id']}")]
    assert holders == [one["OCIRuntime"]], (holders, one["OCIRuntime"])
    return holders[0]


def _made(host: Host, name: str, **options: Any) -> Result:
    made = host.container(name, **{**BASE, **options})
    assert not made.failed and made["changed"], made
    return made


@pytest.mark.skipif(cgroup_files.unified(), reason="the machine has no cgroup v1 controllers")
def test_hybrid_host_gets_runc(host: Host) -> None:
    _made(host, "c", **AUTO)
    assert _of(host, "c") == "runc"


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return an empty directory that is searched for the programs, instead of the machine's."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setattr(auto, "TOOL_PATH", str(folder))
    return folder


def test_crun_is_taken_where_it_works(programs: Path, tmp_path: Path) -> None:
    parts, plain = EngineConfig(run_root=str(tmp_path)), CgroupHost("v2", ("/sys/fs/cgroup",), {})
    assert auto.choose(plain, parts) == "runc", "none is installed"
    (programs / "crun").symlink_to("/usr/bin/crun")
    (programs / "runc").symlink_to("/usr/sbin/runc")
    assert auto.choose(CgroupHost("hybrid", (), {}), parts) == "runc"
    assert auto.choose(CgroupHost("v1", (), {}), parts) == "crun"
    assert not take_warnings()


def test_crun_that_does_not_start_is_passed_over(programs: Path, tmp_path: Path) -> None:
    """Each container would fail, as for want of a library; the proof that it starts is not sought twice."""
    parts, plain = EngineConfig(run_root=str(tmp_path)), CgroupHost("v2", ("/sys/fs/cgroup",), {})
    crun, calls = programs / "crun", tmp_path / "calls"
    crun.write_text("#!/bin/sh\necho 'crun: error while loading shared libraries: libyajl.so.2' >&2; exit 127\n")
    crun.chmod(0o755)
    assert auto.choose(plain, parts) == "crun", "where there is no other, its own message says why"
    (programs / "runc").symlink_to("/usr/sbin/runc")
    for _again in range(2):
        assert auto.choose(plain, parts) == "runc"
        (warning,) = take_warnings()
        assert "oci_runtime: auto takes runc" in warning and "libyajl.so.2" in warning
    crun.write_text(f"#!/bin/sh\necho $* >>{calls}\n")
    for choice in (PlanningConfig(run_root=str(tmp_path)), parts, parts):
        assert auto.choose(plain, choice) == "crun"
    assert calls.read_text() == "--help\n" * 2, "check mode leaves no record"
    os.utime(crun, ns=(1, 1))
    assert auto.choose(plain, parts) == "crun" and not take_warnings()
    assert calls.read_text() == "--help\n" * 3, "the program was replaced"


def test_record_that_crun_starts_cannot_be_written(programs: Path, tmp_path: Path) -> None:
    """On a full run root, and with another process at the same: one draft stays at most, and crun is asked again."""
    root, plain = tmp_path / "run", CgroupHost("v2", ("/sys/fs/cgroup",), {})
    for name in ("crun", "runc"):
        (programs / name).symlink_to(f"/usr/{'s' if name == 'runc' else ''}bin/{name}")
    root.mkdir()
    (root / "crun-starts").mkdir()  # the record cannot be put in place
    for run_root in (str(root), str(root), "/proc/sys"):
        assert auto.choose(plain, EngineConfig(run_root=run_root)) == "crun" and not take_warnings()
    assert sorted(os.listdir(root)) == ["crun-starts", "crun-starts.new"]
    (root / "crun-starts").rmdir()
    assert auto.choose(plain, EngineConfig(run_root=str(root))) == "crun"
    assert os.listdir(root) == ["crun-starts"]


@without_unified
def test_container_keeps_its_runtime_until_it_is_recreated(host: Host) -> None:
    _made(host, "old", oci_runtime="runc")
    _made(host, "new", **AUTO)
    assert (_of(host, "old"), _of(host, "new")) == ("runc", "crun")
    for name, other in (("old", "crun"), ("new", "runc")):
        same = host.container(name, **BASE, oci_runtime=other)
        assert not same["changed"], same
        assert not host.container(name, **BASE, oci_runtime=other, restart=True).failed
        done = host.module("libpod_container_exec", {"name": name, "argv": ["id", "-u"], "oci_runtime": other})
        assert done["stdout"] == "0\n", done
    assert (_of(host, "old"), _of(host, "new")) == ("runc", "crun")
    _made(host, "old", env={"A": "1"}, **AUTO)
    assert _of(host, "old") == "crun"


@without_unified
def test_program_that_moved_is_used_where_it_is_configured(host: Host) -> None:
    os.mkdir("/srv/older")
    shutil.copy("/usr/bin/crun", "/srv/older/crun")
    _made(host, "c", oci_runtime="/srv/older/crun")
    shutil.rmtree("/srv/older")
    assert not host.container("c", **BASE, oci_runtime="crun", restart=True).failed
    assert _of(host, "c") == "crun"


@without_unified
def test_record_without_a_runtime_is_of_runc_unless_another_is_configured(host: Host) -> None:
    for name, made_with in (("default", "runc"), ("named", "crun")):
        path = f"/srv/static/containers/{_made(host, name, oci_runtime=made_with)['container']['Id']}/config.json"
        config = json.loads(Path(path).read_text())
        assert config.pop("oci_runtime") == made_with
        Path(path).write_text(json.dumps(config))
    assert not host.container("default", **BASE, **AUTO, restart=True).failed
    assert not host.container("named", **BASE, oci_runtime="crun", restart=True).failed
    gone = [
        host.container(name, state="absent", oci_runtime=kind)
        for name, kind in (("default", "auto"), ("named", "crun"))
    ]
    assert [one["actions"] for one in gone] == [["deleted default"], ["deleted named"]]


@without_unified
def test_life_of_a_container_under_crun(host: Host) -> None:
    options: dict[str, Any] = {
        **BASE,
        "network": "libpod",
        "publish": ["127.0.0.1:8080:80"],
        "memory": "64m",
        "pids_limit": 50,
        **AUTO,
    }
    made = _made(host, "c", **options, healthcheck="true", healthcheck_interval="disable")
    assert Process(made).cgroup("memory", "memory.limit_in_bytes") == str(64 << 20)
    assert not host.container("c", **{**options, "memory": "96m"}).failed
    assert Process(made).cgroup("memory", "memory.limit_in_bytes") == str(96 << 20), "changed by crun, live"
    assert host.container("c", state="paused", **AUTO)["container"]["State"]["Status"] == "paused"
    assert host.container("c", state="started", **AUTO)["container"]["State"]["Status"] == "running"
    failed = host.module("libpod_container_exec", {"name": "c", "argv": ["sh", "-c", "echo no >&2; exit 3"]})
    assert (failed["rc"], failed["stderr"]) == (3, "no\n")
    assert host.container("c", state="stopped", stop_timeout=1, **AUTO)["changed"]
    assert not host.container("c", state="stopped", **AUTO)["changed"]
    job = host.container("job", **{**BASE, "command": ["sh", "-c", "echo out; exit 7"]}, detach=False, **AUTO)
    assert (job["rc"], job["stdout"]) == (7, "out\n"), job
    member = host.module("libpod_pod", {"name": "p", **AUTO})
    assert not member.failed, member
    assert not _made(host, "m", pod="p", network=None, userns=None, **AUTO).failed
    assert _of(host, "m") == "crun"
    os.kill(Process(host.container("c", state="started", **AUTO)).pid, 9)
    eventually(
        lambda: host.module("libpod_container_info", {"name": ["c"]})["containers"][0]["State"]["ExitCode"] == 137
    )
    assert host.module("libpod_pod", {"name": "p", "state": "absent"})["changed"]


class _Logged:
    """A runtime whose calls are noted; ``options`` select it."""

    def __init__(self, folder: Path, runtime: str) -> None:
        self._calls = folder / "calls"
        program = folder / runtime
        program.write_text(f'#!/bin/sh\necho "$*" >>{self._calls}\nexec {runtime} "$@"\n', encoding="ascii")
        program.chmod(0o755)
        self.options = {"oci_runtime": str(program)}

    def verbs(self) -> list[str]:
        """Return the verbs of the calls since the last time."""
        lines = [line.split() for line in self._calls.read_text(encoding="ascii").splitlines()]
        self._calls.unlink()
        return [verb for line in lines for verb in ("create", "start", "delete") if verb in line]


both = pytest.mark.parametrize(
    ("host", "runtime"), [({}, "runc"), ({"unified": False}, "crun")], indirect=["host"], ids=["runc", "crun"]
)


@both
def test_created_container_is_started_without_a_program(host: Host, runtime: str, tmp_path: Path) -> None:
    logged = _Logged(tmp_path, runtime)
    made = _made(host, "c", **logged.options)
    assert logged.verbs() == ["create"]
    assert Process(made).argv == WAITING and _of(host, "c") == runtime
    container_id = made["container"]["Id"]
    state = subprocess.check_output([runtime, "--root", f"/srv/run/{runtime}", "state", container_id])
    assert json.loads(state)["status"] == "running"
    _made(host, "c", **logged.options, state="absent")
    assert logged.verbs() == ["delete"]


@both
def test_hooks_after_the_start_run(host: Host, runtime: str, tmp_path: Path) -> None:
    """It is crun's command ``start`` that runs them."""
    logged, ran = _Logged(tmp_path, runtime), tmp_path / "ran"
    # One that ends before crun has written the state to it fails.
    hook = after_start(tmp_path, "/bin/sh", "-c", f"cat >/dev/null; echo ran >>{ran}")
    _made(host, "c", **logged.options, **hook)
    assert logged.verbs() == ["create", "start"]
    assert ran.read_text(encoding="ascii") == "ran\n"


@both
@pytest.mark.parametrize("at", ["release exec.fifo #1", "unlink exec.fifo #1"])
def test_start_that_is_killed_is_taken_down_and_done_again(host: Host, runtime: str, at: str) -> None:
    wanted = {"name": "c", **BASE, "stop_signal": "KILL", "oci_runtime": runtime}
    assert not host.module("libpod_container", {**wanted, "state": "present"}).failed
    assert host.module("libpod_container", wanted, kill_at=at).killed
    assert host.module("libpod_container_info")["containers"][0]["State"]["ModelStatus"] == "unknown"
    made = _made(host, "c", stop_signal="KILL", oci_runtime=runtime)
    assert Process(made).argv == WAITING and not host.module("libpod_container", wanted)["changed"]
