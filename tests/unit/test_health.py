# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health checks: podman's notations, and a container's health after each result."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument, StateCorrupt
from ansible_collections.libpod.engine.plugins.module_utils._model.options import health
from ansible_collections.libpod.engine.plugins.module_utils._model.options.health import Health, HealthChecks, Result
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._model.records.config import resolved

SECOND = 10**9
GOOD, BAD = Result("", "", 0, "fine"), Result("", "", 1, "broken")


def checks(image: dict[str, Any] | None = None, **requested: Any) -> HealthChecks:
    options = normalise({"healthcheck": "true", **requested})
    return HealthChecks.of(options, resolved(options, {"Healthcheck": image} if image else {}))


@pytest.mark.parametrize(
    ("spelled", "command"),
    [
        ("curl -f localhost", ["CMD-SHELL", "curl -f localhost"]),
        ("CMD-SHELL a && b", ["CMD-SHELL", "a && b"]),
        (["CMD-SHELL", "a && b"], ["CMD-SHELL", "a && b"]),
        ('["CMD-SHELL", "a && b"]', ["CMD-SHELL", "a && b"]),
        (["a && b"], ["CMD-SHELL", "a && b"]),
        ("CMD curl 'a b'", ["CMD", "curl", "a b"]),
        (["curl", "a b"], ["CMD", "curl", "a b"]),
        ('["curl", "a b"]', ["CMD", "curl", "a b"]),
        ('["CMD", "curl", "a b"]', ["CMD", "curl", "a b"]),
        ("[ -f /ok ]", ["CMD-SHELL", "[ -f /ok ]"]),
        ("none", ["NONE"]),
        ('["NONE"]', ["NONE"]),
    ],
)
def test_health_command_is_parsed(spelled: Any, command: list[str]) -> None:
    assert health.command(spelled, "healthcheck") == command


@pytest.mark.parametrize("spelled", ["", "  ", "CMD", "CMD 'a", "CMD-SHELL", [], ["CMD"], "[]", 5])
def test_invalid_command_is_refused(spelled: Any) -> None:
    with pytest.raises(InvalidArgument, match="healthcheck"):
        health.command(spelled, "healthcheck")


def test_values_below_the_minimum_are_refused() -> None:
    assert normalise({"healthcheck_interval": "disable"})["healthcheck_interval"] == 0
    for requested in ({"healthcheck_interval": "99ms"}, {"healthcheck_timeout": 0}, {"healthcheck_retries": 0}):
        with pytest.raises(InvalidArgument, match=next(iter(requested))):
            normalise(requested)


def test_every_notation_of_none_is_equal() -> None:
    assert normalise({"healthcheck": "none"}) == normalise({"no_healthcheck": True})
    plain = normalise({})
    assert resolved(plain, {}) == resolved(normalise({"no_healthcheck": True}), {"Healthcheck": {"Test": ["CMD", "x"]}})
    for contradiction in ({"healthcheck": "true"}, {"health_startup_cmd": "true"}):
        with pytest.raises(InvalidArgument, match="health"):
            normalise({"no_healthcheck": True, **contradiction})


def test_image_provides_omitted_values() -> None:
    image = {"Test": ["CMD", "x"], "Interval": 5 * SECOND, "Retries": 7}
    values = resolved(normalise({"healthcheck_interval": "9s"}), {"Healthcheck": image})
    assert values["healthcheck"] == ["CMD", "x"]
    assert (values["healthcheck_interval"], values["healthcheck_retries"]) == (9 * SECOND, 7)
    assert (values["healthcheck_timeout"], values["healthcheck_start_period"]) == (30 * SECOND, 0)


def test_failures_in_succession_make_it_unhealthy_and_a_success_healthy() -> None:
    wanted = checks(healthcheck_retries=2, healthcheck_failure_action="kill")
    one, action = Health(began=1.0).after(BAD, wanted, 2.0)
    assert (one.status, one.failing_streak, action) == ("starting", 1, "none")
    two, action = one.after(BAD, wanted, 3.0)
    assert (two.status, two.failing_streak, action) == ("unhealthy", 2, "kill")
    assert two.after(BAD, wanted, 4.0)[1] == "kill"
    well, action = two.after(GOOD, wanted, 4.0)
    assert (well.status, well.failing_streak, action) == ("healthy", 0, "none")
    assert well.after(BAD, wanted, 5.0)[0].status == "healthy"


def test_failures_in_the_start_period_do_not_count_until_a_success() -> None:
    wanted = checks(healthcheck_retries=1, healthcheck_start_period="10s")
    early = Health(began=100.0).after(BAD, wanted, 109.0)[0]
    assert (early.status, early.failing_streak, len(early.log)) == ("starting", 0, 1)
    assert early.after(BAD, wanted, 111.0)[0].status == "unhealthy"
    well = early.after(GOOD, wanted, 102.0)[0]
    assert well.status == "healthy" and well.after(BAD, wanted, 103.0)[0].status == "unhealthy"


def test_startup_check_comes_first() -> None:
    startup: dict[str, Any] = {"health_startup_cmd": "up", "health_startup_success": 2, "health_startup_retries": 3}
    wanted = checks(**startup, health_startup_interval="1s", health_startup_timeout="2s", healthcheck_interval="1h")
    fresh = Health(began=5.0)
    assert fresh.due(wanted) == 5.0
    assert fresh.current(wanted) is wanted.startup
    one = fresh.after(GOOD, wanted, 6.0)[0]
    assert one.status == "starting" and one.due(wanted) == 7.0
    passed = one.after(GOOD, wanted, 7.0)[0]
    assert passed.current(wanted) is wanted.regular and passed.due(wanted) == 5.0 and passed.status == "starting"
    well = passed.after(GOOD, wanted, 7.5)[0]
    assert well.status == "healthy" and well.due(wanted) == 3607.5
    ill, action = fresh, ""
    for now in (6.0, 7.0, 8.0):
        assert action in ("", "none")
        ill, action = ill.after(BAD, wanted, now)
    assert action == "restart"


def test_log_keeps_the_last_five() -> None:
    state = Health()
    for code in range(7):
        state = state.after(Result("", "", code, ""), checks(), 1.0)[0]
    assert [entry["ExitCode"] for entry in state.log] == [2, 3, 4, 5, 6]
    assert Health.from_json(state.to_json(), "x") == state


def test_invalid_record_is_refused() -> None:
    for record in ({}, [], {"log": [], "surprise": 1}):
        with pytest.raises(StateCorrupt):
            Health.from_json(record, "health.json")


def test_health_command_as_text_runs_in_a_shell() -> None:
    assert checks(healthcheck="a && b").regular.argv(None) == ["/bin/sh", "-c", "a && b"]
    assert checks(healthcheck="a").regular.argv(["/bin/ash", "-ec"]) == ["/bin/ash", "-ec", "a"]
    assert checks(healthcheck=["a", "b"]).regular.argv(["/bin/ash"]) == ["a", "b"]
