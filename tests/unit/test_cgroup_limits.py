# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of cgroup limits: complete, and each conversion reads back what it writes, as the kernel shows it."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.cgroup_limits import (
    LIMITS,
    Absent,
    File,
    Property,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._model.options.table import OPTIONS, Change
from hypothesis import given
from hypothesis import strategies as st

DOCUMENT = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "architecture", "cgroup-limits.md")
# Options that name a limit; cgroup_conf names the cgroup's files themselves.
SUBJECTS = "memory|kernel_memory|oom_kill|cpu_|cpuset_|pids_|blkio_|device_(read|write)_"
CODECS = [
    (option, version, file)
    for option, row in LIMITS.items()
    for version, column in (("v1", row.v1), ("v2", row.v2))
    if not isinstance(column, Absent)
    for file in column
    if file.codec
]
EACH = pytest.mark.parametrize(
    ("option", "version", "file"), CODECS, ids=[f"{option}-{file.name}" for option, _version, file in CODECS]
)
PAGE = os.sysconf("SC_PAGE_SIZE")


def test_each_limit_among_the_options_has_a_row() -> None:
    assert {name for name in OPTIONS if re.match(SUBJECTS, name)} == set(LIMITS)
    assert all(row.option == name for name, row in LIMITS.items())


@pytest.mark.parametrize("option", LIMITS)
def test_each_column_has_files_or_a_reason_for_none(option: str) -> None:
    row = LIMITS[option]
    for column in (row.v1, row.v2, row.systemd):
        if isinstance(column, Absent):
            assert len(column.split()) > 3
        else:
            assert isinstance(column, Property) or column and all(isinstance(file, File) for file in column)
    assert not isinstance(row.v1, Absent)
    assert (row.set_by == "runtime") == (row.unlimited is not None or option.startswith("cpuset"))


@pytest.mark.parametrize("option", LIMITS)
def test_only_limits_set_by_runtime_or_engine_change_in_place(option: str) -> None:
    assert (OPTIONS[option].change == Change.LIVE) == (LIMITS[option].set_by in ("runtime", "engine"))


def test_places_are_used_once() -> None:
    for places in (
        [row.oci for row in LIMITS.values()],
        [row.inspected[0] for row in LIMITS.values()],
        [row.systemd.name for row in LIMITS.values() if isinstance(row.systemd, Property)],
    ):
        assert len(set(places)) == len(places)
    shared = {"cpu.max": 2, "io.max": 4, "io.bfq.weight": 2}
    for unified in (False, True):
        names = [file.name for row in LIMITS.values() for file in row.files(unified)]
        assert {name: names.count(name) for name in names if names.count(name) > 1} == (shared if unified else {})


def test_document_has_the_table() -> None:
    with open(DOCUMENT, encoding="utf-8") as file:
        shown = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \| (.*) \| (.*) \|$", file.read(), re.M)

    def files(column: Any) -> str:
        return "–" if isinstance(column, Absent) else ", ".join(f"`{one.name}`" for one in column)

    assert shown == [
        (
            option,
            files(row.v1),
            files(row.v2),
            f"`{row.systemd.name}`" if isinstance(row.systemd, Property) else "–",
            {"runtime": "OCI runtime", "engine": "engine"}.get(row.set_by, "–"),
        )
        for option, row in LIMITS.items()
    ]


# Conversions, there and back

BYTES = st.integers(6 << 20, (1 << 61) - 1)
WEIGHTS = st.integers(10, 1000)
TASKS = st.fixed_dictionaries(
    {},
    optional={
        "memory": BYTES,
        "cpu_quota": st.integers(1000, 1 << 40),
        "cpu_period": st.integers(1000, 1000000),
        "cpu_shares": st.integers(2, 1 << 18),
        "cpuset_cpus": st.sets(st.integers(0, 300), min_size=1).map(lambda numbers: ",".join(map(str, numbers))),
        "cpuset_mems": st.sampled_from(["0", "0-1", "1,3"]),
        "pids_limit": st.integers(-1, 4000),
        "memory_reservation": st.integers(1 << 20, 6 << 20),
        "memory_swappiness": st.integers(0, 100),
        "cpu_rt_period": st.integers(1, 1000000),
        "cpu_rt_runtime": st.integers(1, 1000000),
        "blkio_weight": WEIGHTS,
        "blkio_weight_device": st.dictionaries(st.sampled_from(["/8:0", "/8:16"]), WEIGHTS),
        "oom_kill_disable": st.booleans(),
        **{
            f"device_{rate}": st.dictionaries(st.sampled_from(["/8:0", "/8:16"]), st.integers(1, 1 << 50)).map(
                lambda limits: [f"{device}:{limit}" for device, limit in limits.items()]
            )
            for rate in ("read_bps", "write_bps", "read_iops", "write_iops")
        },
    },
)


def by_number(task: dict[str, Any]) -> dict[str, Any]:
    """Return the normalised options, with devices named by their numbers already."""
    options: dict[str, Any] = {**normalise(task)}
    for name in options.keys() & LIMITS.keys():
        if LIMITS[name].device_field:
            options[name] = {device[1:]: limit for device, limit in options[name].items()}
    return options


@st.composite
def tasks(draw: st.DrawFn) -> dict[str, Any]:
    """Return a strategy for normalised limits."""
    task: dict[str, Any] = draw(TASKS)
    if "memory" in task:
        task["memory_swap"] = draw(st.sampled_from([-1, 0]) | st.integers(task["memory"], (1 << 61) - 1))
    return {name: value for name, value in by_number(task).items() if name in LIMITS}


def kernel(option: str, file: File, options: dict[str, Any]) -> str:
    """Return the content of a new cgroup's file after the option is written to it."""
    assert file.codec
    if LIMITS[option].device_field:
        limits = [file.codec.format({option: {device: limit}}) for device, limit in options[option].items()]
        if file.name != "io.max":
            return "\n".join(["default 100"] * ("bfq" in file.name) + limits)
        keys = ("rbps", "wbps", "riops", "wiops")
        lines = ((line.split()[0], line.split()[1].split("=")) for line in limits)
        return "\n".join(
            " ".join([device, *(f"{key}={limit if key == name else 'max'}" for key in keys)])
            for device, (name, limit) in lines
        )
    if LIMITS[option].inherits and options[option] in (None, ""):
        return "60" if option == "memory_swappiness" else ""
    text = file.codec.format(options)
    if file.name == "memory.oom_control":
        return f"oom_kill_disable {text}\nunder_oom 0\noom_kill 0"
    if file.name.startswith("memory.") and file.name.endswith("_in_bytes") and text == "-1":
        return str((1 << 63) - PAGE)
    if file.name.startswith("memory.") and text.isdecimal() and option != "memory_swappiness":
        return str(int(text) // PAGE * PAGE)
    return f"default {text}" if "bfq" in file.name else text


def read_back(option: str, version: str, file: File, options: dict[str, Any]) -> Any:
    """Return the value that the engine reads after it has written the options."""
    assert file.codec
    others = {one.name: (name, one) for name, row in LIMITS.items() for one in row.files(version == "v2") if one.codec}
    return file.codec.parse(
        kernel(option, file, options), lambda name: kernel(others[name][0], others[name][1], options)
    )


@given(options=tasks())
def test_written_limit_reads_back_as_wanted(options: dict[str, Any]) -> None:
    for option, version, file in CODECS:
        live = read_back(option, version, file, options)
        inherited = LIMITS[option].inherits and options[option] in (None, "")
        assert inherited or file.codec and file.codec.same(options[option], live), (option, file.name, live)


DEVICES = {"device_read_bps": 1, "device_write_bps": 2, "device_read_iops": 3, "device_write_iops": 4}
ONE, OTHER, NONE = (
    by_number(task)
    for task in (
        {"memory": "64m", "memory_swap": "96m", "memory_reservation": "8m", "memory_swappiness": 10}
        | {"oom_kill_disable": True, "cpu_quota": 50000, "cpu_period": 90000, "cpu_shares": 512, "cpuset_cpus": "0,2"}
        | {"cpuset_mems": "0", "pids_limit": 5, "cpu_rt_period": 9000, "cpu_rt_runtime": 900, "blkio_weight": 200}
        | {"blkio_weight_device": {"/8:0": 100}, **{name: [f"/8:0:{rate}"] for name, rate in DEVICES.items()}},
        {"memory": "32m", "memory_swap": "-1", "memory_reservation": "4m", "memory_swappiness": 0}
        | {"oom_kill_disable": False, "cpu_quota": 60000, "cpu_period": 80000, "cpu_shares": 600, "cpuset_cpus": "1"}
        | {"cpuset_mems": "1", "pids_limit": 6, "cpu_rt_period": 8000, "cpu_rt_runtime": 800, "blkio_weight": 300}
        | {"blkio_weight_device": {"/8:0": 101}, **{name: [f"/8:16:{rate}"] for name, rate in DEVICES.items()}},
        {"pids_limit": -1},
    )
)


@EACH
def test_limit_that_differs_from_the_requested_one_is_drift(option: str, version: str, file: File) -> None:
    assert file.codec
    for live, wanted in ((ONE, OTHER), (OTHER, ONE), (NONE, ONE), (ONE, NONE)):
        # Without memory_swap any value is accepted, and the driver compares inherited values with the parent's.
        if live[option] == wanted[option] or wanted is NONE and (option == "memory_swap" or LIMITS[option].inherits):
            continue
        assert not file.codec.same(wanted[option], read_back(option, version, file, live)), (live[option], wanted)
