# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as shown to users: its actions, and a diff that names what forced a new container and hides secrets."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.options.table import Change
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.plan import (
    ACTIONS,
    Difference,
    Plan,
    Step,
    Verb,
)
from hypothesis import given, settings
from hypothesis import strategies as st

ENV = st.dictionaries(st.sampled_from("ABCD"), st.sampled_from(["hunter2", "swordfish", "opensesame"]))


WORDS = {
    "pull": "pulled image", "create": "created", "start": "started", "stop": "stopped", "kill": "killed",
    "restart": "restarted", "recreate": "recreated", "update": "updated", "pause": "paused", "unpause": "unpaused",
    "repair": "repaired", "delete": "deleted", "cancel": "cancelled the restart of",
    "rmi": "removed image", "mark": "marked", "rewind": "rewound",
    "adopt": "adopted {} from podman", "give_back": "gave {} back to podman",
}  # fmt: skip


@pytest.mark.parametrize("verb", Verb)
def test_action_is_rendered_as_text(verb: Verb) -> None:
    assert str(Step(verb, "web")) == f"{Step(verb, 'web')}" == _text(WORDS[verb])


def _text(words: str) -> str:
    return words.format("web") if "{}" in words else f"{words} web"


def test_every_verb_has_a_text() -> None:
    assert set(ACTIONS) == set(WORDS) == set(Verb)
    assert Plan((Step(Verb.PULL, "i"), Step(Verb.CREATE, "web"))).actions == ["pulled image i", "created web"]


def test_every_effect_in_the_journal_is_a_verb() -> None:
    sources = [path.read_text() for path in (Path(__file__).parents[2] / "plugins/module_utils").rglob("*.py")]
    noted = {verb for source in sources for verb in re.findall(r'journal\.note\("(\w+)"', source)}
    assert {"start", "recreate"} <= noted <= set(Verb)


def test_plan_without_steps_has_no_diff() -> None:
    assert Plan().diff() == Plan(status_before="running", status_after="exited").diff() == {"before": {}, "after": {}}


def test_diff_shows_the_options_that_differ_and_the_status() -> None:
    plan = Plan((Step(Verb.UPDATE, "web"),), (Difference("memory", 1, None, Change.LIVE),), "running", "running")
    assert plan.diff() == {"before": {"memory": 1}, "after": {"memory": None}}
    plan = Plan((Step(Verb.CREATE, "web"),), (), "absent", "configured")
    assert plan.diff() == {"before": {"status": "absent"}, "after": {"status": "configured"}}


def test_diff_names_what_forced_a_new_container() -> None:
    differences = (
        Difference("memory", 1, 2, Change.LIVE),
        Difference("image", "a", "b", Change.RECREATE),
        Difference("label", {}, {"a": "b"}, Change.RECORD),
        Difference("tty", False, True, Change.RECREATE),
    )
    plan = Plan((Step(Verb.RECREATE, "web"),), differences, "running", "running")
    assert plan.forcing == plan.diff()["after"]["recreated because of"] == ["image", "tty"]
    assert Plan((Step(Verb.UPDATE, "web"),), differences[:1]).diff()["after"] == {"memory": 2}


def test_diff_reports_a_requested_recreate() -> None:
    plan = Plan((Step(Verb.RECREATE, "web"),), (), "running", "running")
    assert plan.diff()["after"] == {"recreated because of": ["recreate"]}


def test_diff_distinguishes_added_removed_and_changed_variables() -> None:
    changed = Difference("env", {"A": "x", "B": "x", "C": "x"}, {"B": "y", "C": "x", "D": "y"}, Change.RECREATE, True)
    assert changed.shown() == ({"A": "(hidden)", "B": "(hidden)"}, {"B": "(hidden) changed", "D": "(hidden)"})


@settings(max_examples=30, deadline=None)
@given(ENV, ENV)
def test_no_value_of_a_variable_is_shown(before: dict[str, str], after: dict[str, str]) -> None:
    plan = Plan(
        (Step(Verb.RECREATE, "web"),), (Difference("env", before, after, Change.RECREATE, True),), "running", "running"
    )
    shown = json.dumps([plan.diff(), plan.actions, plan.forcing])
    assert not any(value in shown for value in (*before.values(), *after.values()))
    assert (plan.diff()["before"]["env"] == plan.diff()["after"]["env"]) == (before == after)


def test_plan_as_data_has_each_step_and_difference_before_and_after() -> None:
    steps = (
        Step(Verb.PULL, "app"),
        Step(Verb.START, "db", "exited"),
        Step(Verb.RECREATE, "web"),
        Step(Verb.PAUSE, "web"),
    )
    differences = (
        Difference("memory", 1, 2, Change.LIVE, drift=True),
        Difference("label", {}, {"a": "b"}, Change.RECORD, ignored=True),
        Difference("env", {"A": "x"}, {"A": "y"}, Change.RECREATE, secret=True),
        Difference("tty", False, True, Change.RECREATE, ignored=True),
        Difference("volume", [], ["x"], Change.RECREATE, reason="/x: it is in use"),
    )
    plan = Plan(steps, differences, "running", "paused")
    data = plan.to_json()
    assert {type(step["verb"]) for step in data["steps"]} == {str}
    assert json.loads(json.dumps(data)) == data
    assert [tuple(step.values()) for step in data["steps"]] == [
        ("pull", "app", "pulled image app", "absent", "present"),
        ("start", "db", "started db", "exited", "running"),
        ("recreate", "web", "recreated web", "running", "running"),
        ("pause", "web", "paused web", "running", "paused"),
    ]
    assert data["status"] == {"before": "running", "after": "paused"}
    assert data["recreated_because_of"] == ["env", "volume"]
    assert [(one["option"], one["effect"], one["drift"], one["ignored"]) for one in data["differences"]] == [
        ("memory", "live", True, False),
        ("label", "record", False, True),
        ("env", "recreate", False, False),
        ("tty", "recreate", False, True),
        ("volume", "recreate", False, False),
    ]
    assert [one["reason"] for one in data["differences"]] == ["", "", "", "", "/x: it is in use"]
    assert "  volume: recreate (/x: it is in use)\n" in plan.text()
    assert data["differences"][2]["after"] == {"A": "(hidden) changed"}
    assert "  memory: live, drift\n  label: record, ignored by comparisons\n" in plan.text()
    assert Plan().text() == "" and Plan().to_json()["steps"] == []
