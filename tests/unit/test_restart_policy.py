# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restart policies: their notations, and when an exited container is started again."""

from __future__ import annotations

from typing import Any, Optional

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._model.options.restart_policy import (
    FIRST_SECONDS,
    LONGEST_SECONDS,
    Ended,
    delay,
    normalise,
    parts,
)

CRASH, LASTED = Ended(1, 0.2, 3, 0.4), Ended(1, 11.0, 3, 0.4)


@pytest.mark.parametrize(
    ("written", "policy"),
    [
        ("", "no"),
        ("none", "no"),
        ("No", "no"),
        (False, "no"),
        ("on-failure:0", "on-failure"),
        ("on-failure:03", "on-failure:3"),
        ("Always", "always"),
        ("unless-stopped", "unless-stopped"),
    ],
)
def test_policy_notations(written: Any, policy: str) -> None:
    assert normalise(written, "restart_policy") == policy == normalise(policy, "restart_policy")


@pytest.mark.parametrize("written", ["sometimes", "on-failure:", "on-failure:-1", "always:3", True])
def test_invalid_policy_is_refused(written: Any) -> None:
    with pytest.raises(InvalidArgument, match="^restart_policy: .*unless-stopped"):
        normalise(written, "restart_policy")


@pytest.mark.parametrize(
    ("policy", "ended", "seconds"),
    [
        ("no", CRASH, None),
        ("always", CRASH, 0.8),
        ("always", LASTED, FIRST_SECONDS),
        ("always", Ended(0, 0.1, 0, 0.0), FIRST_SECONDS),
        ("always", Ended(0, 0.1, 99, LONGEST_SECONDS), LONGEST_SECONDS),
        # The clock that measures a run cannot be set; the wait is bounded for any value of it.
        ("always", Ended(0, -5.0, 99, 40.0), LONGEST_SECONDS),
        ("always", Ended(0, 20.0, 2, 0.4, failed=True), 0.8),
        ("unless-stopped", CRASH, 0.8),
        ("on-failure", CRASH, 0.8),
        ("on-failure", Ended(0, 0.1, 0, 0.0), None),
        ("on-failure", Ended(0, 0.1, 0, 0.0, failed=True), FIRST_SECONDS),
        ("on-failure:4", CRASH, 0.8),
        ("on-failure:3", CRASH, None),
    ],
)
def test_wait_before_the_next_start(policy: str, ended: Ended, seconds: Optional[float]) -> None:
    assert delay(policy, ended) == seconds


def test_parts_of_a_policy() -> None:
    assert (parts("always"), parts("on-failure:7")) == (("always", 0), ("on-failure", 7))


def test_roots_and_parts_survive_the_environment() -> None:
    moved = EngineConfig(static_root="/a b", oci_runtime="crun", cni_plugin_dirs=("/x", "/y"))
    assert EngineConfig.from_environment(moved.environment()) == moved
    assert (
        EngineConfig().environment() == {} and EngineConfig.from_environment({"LIBPOD_RUN_ROOT": ""}) == EngineConfig()
    )
