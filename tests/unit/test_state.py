# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ContainerState: its record in the run root."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import StateCorrupt
from ansible_collections.libpod.engine.plugins.module_utils._model.records.process_ref import ProcessRef
from ansible_collections.libpod.engine.plugins.module_utils._model.records.state import ContainerState
from ansible_collections.libpod.engine.plugins.module_utils._model.records.status import ContainerStatus

FULL = ContainerState(
    status=ContainerStatus.PAUSED,
    boot_id="boot",
    config_path="/run/x/config.json",
    run_dir="/run/x",
    mounted=True,
    mountpoint="/m",
    started_time="2026-01-01T00:00:00.000000+00:00",
    finished_time="2026-01-01T00:00:01.000000+00:00",
    exit_code=137,
    oom_killed=True,
    process=ProcessRef(5, 6),
    conmon=ProcessRef(7, 8),
    netns_path="/run/netns/x",
    ran=1.5,
    stopped_by_user=True,
    restart_count=2,
    restart_delay=0.2,
    restart_at="2026-01-01T00:00:01.200000+00:00",
    restarter=ProcessRef(9, 10),
    error="no",
    etc_files={"hosts": 1},
    restart_wanted=True,
    ports_in=11,
    ports_out=12,
    changing_mounts={"/data": "kept"},
    held_volumes=("kept",),
    process_label="u:r:p_t:s0:c1,c2",
    mount_label="u:r:f_t:s0:c1,c2",
)


@pytest.mark.parametrize("state", [FULL, *(ContainerState(status=status) for status in ContainerStatus)])
def test_state_round_trips(state: ContainerState) -> None:
    again = ContainerState.from_json(json.loads(json.dumps(state.to_json())), "p")
    assert again == state and isinstance(again.status, ContainerStatus)


def test_process_is_recorded_by_pid_and_start_time() -> None:
    numbers = {"pid": 5, "pid_start": 6, "conmon_pid": 7, "conmon_start": 8, "restarter_pid": 9, "restarter_start": 10}
    assert numbers.items() <= FULL.to_json().items() and not FULL.to_json().keys() & {"process", "conmon", "restarter"}


def test_every_field_is_recorded() -> None:
    assert all(FULL.to_json()[key] != value for key, value in ContainerState().to_json().items())


def test_older_record_has_the_defaults_of_what_it_lacks() -> None:
    assert ContainerState.from_json({"status": "exited"}, "p") == ContainerState(status=ContainerStatus.EXITED)


def test_unknown_key_of_a_newer_record_is_ignored() -> None:
    newer = {"status": "exited", "x": 1}
    assert ContainerState.from_json(newer, "p") == ContainerState(status=ContainerStatus.EXITED)


@pytest.mark.parametrize("record", [{}, {"status": "stopped"}, {"status": None}, [], "x", 5])
def test_invalid_state_is_corrupt(record: Any) -> None:
    with pytest.raises(StateCorrupt, match="^/a/state.json is not a container's state"):
        ContainerState.from_json(record, "/a/state.json")


@pytest.mark.parametrize("key", sorted(set(FULL.to_json()) - {"status"}))
@pytest.mark.parametrize("value", [None, {"a": [5]}, [5], "other", -5, True])
def test_value_of_another_type_is_refused_by_its_key(key: str, value: Any) -> None:
    right = FULL.to_json()[key]
    if value.__class__ is right.__class__ or isinstance(right, float) and value.__class__ is int:
        return
    with pytest.raises(StateCorrupt, match="^/a/state.json is not a container's state: ") as error:
        ContainerState.from_json(json.loads(json.dumps({**FULL.to_json(), key: value})), "/a/state.json")
    assert key in str(error.value) or key.partition("_")[0] in ("pid", "conmon", "restarter")
