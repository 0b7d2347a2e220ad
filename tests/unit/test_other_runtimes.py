# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OCI runtimes other than runc and crun: what the engine reads of their state, and how it pauses for them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import process
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cgroups import hierarchy
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cgroups.manager import CgroupHost
from ansible_collections.libpod.engine.plugins.module_utils._drivers.conmon.conmon import runtime_error
from ansible_collections.libpod.engine.plugins.module_utils._drivers.host import Host
from ansible_collections.libpod.engine.plugins.module_utils._drivers.oci.other_runtime import OtherRuntime, descent
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import LibpodError

ID = "4f" * 32
# What runsc 20221219 prints (runsc ps), and youki 0.5 (tracing_subscriber, flattened).
TABLE = """UID       PID       PPID      C         TTY       STIME     TIME      CMD
0         1         0         0         ?         04:18     10ms      sleep
0         2         0         0         ?         04:18     0s        sh
0         3         2         0         ?         04:18     10ms      sleep
0         4         3         0         ?         04:18     10ms      sleep
"""
YOUKIS_ERROR = {"timestamp": "2026-12-01T04:00:00.1Z", "level": "ERROR", "message": "error in executing command: no"}


@pytest.mark.parametrize(
    ("path", "by_specification"),
    [
        *((path, False) for path in ("runc", "/usr/sbin/runc", "crun", "/opt/crun-1.21", "crun-wasm")),
        *((path, True) for path in ("runsc", "/opt/runsc-kvm", "youki", "/opt/kata-runtime", "krun")),
    ],
)
def test_only_runc_and_crun_are_known_by_more_than_the_specification(path: str, by_specification: bool) -> None:
    oci = Host(EngineConfig(oci_runtime=path, cgroup_manager="cgroupfs")).oci
    assert oci.by_specification is by_specification
    assert (oci.path, oci.root) == (path, f"/run/libpod/{path.rpartition('/')[2]}")


def _runtime(folder: Path, script: str = "exit 1") -> OtherRuntime:
    program = folder / "other"
    program.write_text(f'#!/bin/sh\necho "$*" >>{folder}/calls\n{script}\n')
    program.chmod(0o755)
    return OtherRuntime(str(program), str(folder))


@pytest.mark.parametrize(
    ("answer", "unstarted"),
    [
        ('{"ociVersion": "1.0.2", "status": "created", "pid": 1}', True),
        ('{"status": "Created"}', True),
        ('{"status": "running"}', False),
        ('{"status": "stopped"}', False),
        ("no JSON", True),
        ('{"status": 7}', True),
    ],
)
def test_command_state_says_whether_a_container_was_started(tmp_path: Path, answer: str, unstarted: bool) -> None:
    """Where it does not, the record holds."""
    assert _runtime(tmp_path, f"echo '{answer}'").unstarted(ID, True) is unstarted
    assert _runtime(tmp_path).unstarted(ID, True)


def test_container_that_is_recorded_as_started_is_not_asked_for(tmp_path: Path) -> None:
    assert not _runtime(tmp_path).unstarted(ID, False)
    assert not (tmp_path / "calls").exists()


def test_state_is_found_by_the_id_in_each_runtimes_layout(tmp_path: Path) -> None:
    oci, root = _runtime(tmp_path), tmp_path / "other"
    root.unlink()
    assert not oci.has_state(ID)
    root.mkdir()
    (root / f"{'0' * 64}_sandbox:{ID}.state").touch()
    (root / f"runsc-{ID}.sock").touch()
    assert not oci.has_state(ID)
    (root / ID).mkdir()  # youki
    (root / f"{ID}_sandbox:{ID}.state").touch()  # runsc
    assert {Path(path).name for path in oci.state_files(ID)} == {ID, f"{ID}_sandbox:{ID}.state"}


def test_runtime_that_a_wrapper_has_become_is_found(tmp_path: Path) -> None:
    """nvidia-container-runtime becomes runc or crun, which a killed task may have left at work."""
    oci = OtherRuntime("/usr/bin/nvidia-container-runtime", str(tmp_path))
    for name in ("runc", "crun", "nvidia-container-runtime"):
        argv = [f"/usr/sbin/{name}", "-c", "echo it runs; read x", "create", ID]
        with subprocess.Popen(argv, executable="/bin/sh", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
            assert started.stdout and started.stdout.readline() == b"it runs\n"
            assert list(process.with_argument(ID, oci.programs)) == [started.pid], name


def test_descendants_in_a_sandbox() -> None:
    assert descent(TABLE, 2) == [2, 3, 4]
    assert descent(TABLE, 9) == descent("", 1) == descent("UID PID\nx\n0 a b\n", 1) == []


def test_only_a_noted_pid_has_a_command_in_a_sandbox_ended(tmp_path: Path) -> None:
    oci = _runtime(tmp_path, f"case $3 in ps) echo '{TABLE}';; esac")
    folder = tmp_path / ID
    folder.mkdir()
    oci.end_inside(f"{folder}/exec-1-2-3.pid")
    assert not (tmp_path / "calls").exists()
    (folder / "exec-1-2-3.inner").write_text("3")
    oci.end_inside(f"{folder}/exec-1-2-3.pid")
    calls = [line.split(" ", 2)[2] for line in (tmp_path / "calls").read_text().splitlines()]
    assert calls == [f"ps {ID}", f"kill --pid 3 {ID} KILL", f"kill --pid 4 {ID} KILL"]


def test_error_in_youkis_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(json.dumps(YOUKIS_ERROR) + "\n")
    assert runtime_error(str(log)) == "error in executing command: no"


def test_what_does_not_freeze_goes_on(tmp_path: Path) -> None:
    host, folder = CgroupHost("v2", (str(tmp_path),), {}), tmp_path / "c"
    folder.mkdir()
    (folder / "cgroup.freeze").write_text("0\n")
    (folder / "cgroup.events").write_text("populated 1\nfrozen 0\n")
    with pytest.raises(LibpodError, match="not frozen after 0 seconds"):
        hierarchy.freeze(host, "/c", timeout=0)
    assert (folder / "cgroup.freeze").read_text() == "0"
