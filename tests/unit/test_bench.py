# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's own parts: what it measures, where it finds podman, and when it fails."""

from __future__ import annotations

import os
import re
import struct
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.tests.bench import (
    bench,
    contenders,
    lifecycle,
    limits,
    subject,
    true_floor,
    waterfall,
)
from ansible_collections.libpod.engine.tests.bench.rows import Row, table
from ansible_collections.libpod.engine.tests.support import images


def test_each_part_is_in_the_help() -> None:
    assert bench.__doc__ is not None
    described = re.findall(r"^(\w)  ", bench.__doc__, re.M)
    assert described == sorted({"c", *(part for part, _measure, _arguments in bench.PARTS)})


def test_installed_podman_comes_before_the_unpacked_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(images, "PROJECT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert contenders.podman_program() == ""
    for folder in ("build/podman/usr/bin", "bin"):
        (tmp_path / folder).mkdir(parents=True)
        program = tmp_path / folder / "podman"
        program.touch(0o755)
        assert contenders.podman_program() == str(program)


@pytest.mark.parametrize(("theirs", "holds", "verdict"), [(10.0, True, "ok"), (9.0, False, "OVER")])
def test_row_holds_up_to_its_limit(theirs: float, holds: bool, verdict: str) -> None:
    row = Row("z  work", [2.0, 5.0, 100.0], "other", [theirs], 0.5)
    assert row.holds is holds and row.record()["holds"] is holds
    assert table([row]).splitlines()[1].split()[-2:] == ["0.5", verdict]


def test_row_without_reference_or_limit_has_no_verdict() -> None:
    assert Row("z  work", [5.0], "other", [], 0.5).holds is None
    assert Row("z  work", [5.0], "other", [1.0]).holds is None


@pytest.mark.parametrize(
    ("runtime", "backend", "net", "up"),
    [
        ("runc", "cni", "none", 0.8),
        ("crun", "cni", "none", 0.6),
        ("runc", "cni", "bridge", 0.6),
        ("runc", "netavark", "bridge", 0.8),
    ],
)
def test_each_ratio_to_podman_has_its_limit(runtime: str, backend: str, net: str, up: float) -> None:
    parts = EngineConfig()._replace(oci_runtime=runtime, network_backend=backend)
    contenders_of_a_round = ("engine", "floor", "floor, kill", "podman")
    samples = {f"{name} {verb}": [50.0] for name in contenders_of_a_round for verb in ("up", "down")}
    rows = lifecycle.compared(parts, net, {**samples, "podman up": [50.0 / up]})
    against = {row.what.split()[1]: row for row in rows if row.against == "podman"}
    assert {what: (row.limit, row.holds) for what, row in against.items()} == {
        "create+start,": (up, True),
        "stop+remove,": (0.5, False),
    }


def test_limits_are_as_documented() -> None:
    with open(f"{images.PROJECT}/docs/benchmarks.md", encoding="utf-8") as file:
        cells = [line.strip("| \n").split(" | ") for line in file if line.startswith("| ")]
    documented = {row[0]: row[-1] for row in cells}
    up, podman = limits.FLOOR_UP, limits.PODMAN_UP
    down = f"{limits.FLOOR_DOWN:g}; {limits.PODMAN_DOWN:g}"
    expected = {
        "create and start, no network": f"{up['none']:g}; {podman['none', 'runc']:g}",
        "create and start, bridge and one port": f"{up['bridge']:g}; {podman['bridge', 'cni']:g}",
        "stop and remove, no network": down,
        "stop and remove, bridge and one port": down,
        "an unchanged task; in a loop of 20, less an empty play": f"{limits.UNCHANGED:g}",
        "100 unchanged containers in one task, less an empty play": f"{limits.UNCHANGED_100:g}",
        "100 creations in one `libpod_containers` task, no network": f"{limits.CREATED_100:g}",
        "what `libpod_container_info` does for 1,000 containers": f"{limits.INFO_OF_1000:g}",
    }
    assert {what: documented.get(what) for what in expected} == expected


def _spec() -> dict[str, Any]:
    return {
        "process": {
            "args": ["sleep", "1"],
            "env": ['QUOTED="a\\b"'],
            "cwd": "/",
            "capabilities": {"effective": ["CAP_CHOWN", "CAP_KILL"]},
            "noNewPrivileges": True,
            "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 5, "hard": 6}],
        },
        "mounts": [
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {"destination": "/dev/shm", "type": "bind", "source": "/c/shm", "options": ["rbind", "nodev"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]},
        ],
        "hostname": "c",
        "linux": {
            "cgroupsPath": "/parent/own",
            "namespaces": [{"type": "mount"}, {"type": "cgroup"}],
            "resources": {"devices": [{"allow": False, "access": "rwm"}], "pids": {"limit": 7}},
            "maskedPaths": ["/proc/keys"],
            "readonlyPaths": ["/proc/sys"],
        },
    }


def test_true_floor_does_what_the_spec_says() -> None:
    made = true_floor.header(
        _spec(), "/c", "lowerdir=/image", ["/sys/fs/cgroup/pids"], struct.pack("=HBBI", 6, 0, 1, 9)
    )
    assert '#define LAYERS "lowerdir=/image,upperdir=/c/diff,workdir=/c/work"' in made
    assert "#define NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP)" in made
    assert "#define CAPABILITIES 0x21ULL" in made and "#define NO_NEW_PRIVILEGES 1" in made
    assert '{"tmpfs", "/dev", "tmpfs", MS_NOSUID, "mode=755"}' in made
    assert '{"/c/shm", "/dev/shm", "bind", MS_BIND | MS_NODEV, ""}' in made
    assert '{"/sys/fs/cgroup/pids/parent/own", "/sys/fs/cgroup/pids", "bind", MS_BIND | MS_RDONLY, ""}' in made
    assert '{"/pids.max", "7"}' in made and "{RLIMIT_NOFILE, {5, 6}}" in made and "{6, 0, 1, 9}" in made
    unified = true_floor.header(_spec(), "/c", "lowerdir=/image", ["/sys/fs/cgroup"], b"")
    assert '{"cgroup", "/sys/fs/cgroup", "cgroup2", MS_RDONLY, ""}' in unified


@pytest.mark.skipif(not true_floor.TrueFloor.is_possible(), reason="needs a C compiler")
def test_true_floor_compiles(tmp_path: Path) -> None:
    (tmp_path / "floor.h").write_text(true_floor.header(_spec(), "/c", "lowerdir=/image", ["/sys/fs/cgroup"], b""))
    program = true_floor.compile_into(str(tmp_path), "-Wall", "-Wextra", "-Werror")
    assert os.access(program, os.X_OK)


def test_steps_are_timed_by_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread's last step ends with it, and one with the identifier of an ended one is another thread."""
    times = iter(range(100))
    monkeypatch.setattr(subject, "clock", lambda: next(times) / 1000)
    monkeypatch.setattr(threading.Thread, "run", threading.Thread.run)  # undone afterwards
    measure = subject.Measure(SimpleNamespace(AnsibleModule=type("AnsibleModule", (), {})), True)
    measure.watch_threads()
    measure.note("one")
    for name in ("beside", "beside too"):
        thread = threading.Thread(target=measure.note, args=(name,))
        thread.start()
        thread.join()
    measure.note("two")
    steps = [(name, thread, round(begin, 6), round(took, 6)) for name, thread, begin, took in measure.steps_until(0.01)]
    assert steps == [("one", 0, 1, 5), ("beside", 1, 2, 1), ("beside too", 2, 4, 1), ("two", 0, 6, 4)]


def test_waterfall_has_each_step_at_its_time() -> None:
    folder = "/srv/cgroup/" + "0a" * 32
    runs = [
        [("mkdir " + folder, 0, 0.0, 4.0 + more), ("ADD", 1, 1.0, 6.0), ("mkdir " + folder, 0, 4.0 + more, 1.0)]
        for more in (0.0, 2.0)
    ]
    steps = waterfall.medians([waterfall.named(run) for run in runs])
    assert steps == [("", "mkdir ID", 0, 5), ("ADD", "ADD", 1, 6), ("", "mkdir ID #2", 5, 1)]
    assert waterfall.whole(steps) == 7
    drawn = waterfall.picture({"create": steps})
    assert re.findall(r">([^<]+)</text>", drawn) == [
        "create: 7.0 ms",
        *("mkdir ID", "5.00", "mkdir ID #2", "1.00"),
        *("in a thread beside it", "ADD", "6.00"),
    ]
    bars = [tuple(map(float, found)) for found in re.findall(r'<rect x="([\d.]+)" y="\d+" width="([\d.]+)"', drawn)]
    left, scale = bars[0][0], bars[0][1] / 5
    assert bars == [
        pytest.approx((left + begin * scale, took * scale), abs=0.2) for begin, took in ((0, 5), (5, 1), (1, 6))
    ]
