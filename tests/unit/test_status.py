# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of state transitions: what each status allows, against the container model."""

from __future__ import annotations

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import ContainerStopped, InvalidState
from ansible_collections.libpod.engine.plugins.module_utils._model.records.status import (
    TRANSITIONS,
    ContainerStatus,
    status_text,
)

# Operation: its initial statuses, "*" for any. As the container model's table, except that an unknown container's next
# start repairs it.
ALLOWED = {
    "init": "configured exited unknown",
    "start": "created configured exited unknown",
    "restart": "created configured exited running unknown",
    "mark": "configured exited running unknown",
    "rewind": "created configured exited running unknown",
    "stop": "running",
    "kill": "running",
    "pause": "running",
    "unpause": "paused",
    "exec": "running",
    "attach": "created running",
    "pid": "running paused",
    "namespace_path": "running",
    "wait": "*",
    "logs": "*",
    "export": "*",
    "diff": "*",
    "commit": "*",
    "copy": "*",
    "mount": "*",
    "unmount": "configured exited unknown",
    "update": "*",
    "remove": "configured created exited unknown",
    "force_remove": "*",
}
ENDS = {
    "init": "created",
    "start": "running",
    "restart": "running",
    "rewind": "running",
    "stop": "exited",
    "pause": "paused",
    "unpause": "running",
}


def test_every_operation_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(ALLOWED)


@pytest.mark.parametrize("operation", TRANSITIONS)
@pytest.mark.parametrize("status", ContainerStatus)
def test_status_allows_the_table_and_refuses_the_rest_with_a_message(status: ContainerStatus, operation: str) -> None:
    allowed = ALLOWED[operation]
    if allowed == "*" or status.value in allowed.split():
        assert status.allows(operation)
        status.check(operation, "web")
        return
    assert not status.allows(operation)
    with pytest.raises(InvalidState) as refusal:
        status.check(operation, "web")
    said = str(refusal.value)
    assert said.startswith(f"cannot {operation} container web: it is {status.value}, and ")
    assert all(word in said.partition(" needs it to be ")[2] for word in allowed.split())
    assert said.endswith(": unpause it first") == (status is ContainerStatus.PAUSED)


@pytest.mark.parametrize("operation", TRANSITIONS)
def test_operation_leads_to_the_status_of_the_table(operation: str) -> None:
    ends = TRANSITIONS[operation][1]
    assert (ends.value if ends else None) == ENDS.get(operation)


@pytest.mark.parametrize("operation", ["exec", "attach", "namespace_path", "pid", "kill", "pause", "stop"])
@pytest.mark.parametrize("status", ["unknown", "configured", "exited"])
def test_operation_that_needs_a_process_reports_a_stopped_container(status: str, operation: str) -> None:
    with pytest.raises(ContainerStopped):
        ContainerStatus(status).check(operation, "web")


def test_paused_container_is_not_called_stopped() -> None:
    with pytest.raises(InvalidState) as refusal:
        ContainerStatus.PAUSED.check("stop", "web")
    assert not isinstance(refusal.value, ContainerStopped)


def test_statuses_with_a_process() -> None:
    assert {status.value for status in ContainerStatus if status.has_process} == {"created", "running", "paused"}


@pytest.mark.parametrize("status", ContainerStatus)
def test_status_prints_as_users_see_it(status: ContainerStatus) -> None:
    assert str(status) == f"{status}" == status_text(status) == status_text(status.value) == status.value


@pytest.mark.parametrize("value", ["stopped", "Running", "", None, 7])
def test_any_other_value_is_a_bad_state(value: object) -> None:
    assert status_text(value) == "bad state"
