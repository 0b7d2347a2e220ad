# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Warnings: a task's result has each once, whether it succeeds or fails."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._ansible.module import EngineModule, run
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import LibpodError, take_warnings, warn
from ansible_collections.libpod.engine.tests.support import modules


@pytest.mark.parametrize("fails", [False, True])
def test_result_has_each_warning_once(fails: bool) -> None:
    def work(_module: EngineModule) -> dict[str, Any]:
        warn("it does nothing")
        warn("it does nothing")
        if fails:
            raise LibpodError("it broke")
        return {"changed": False}

    def body() -> None:
        modules.give_arguments({})
        run(EngineModule(argument_spec={}), work)

    result = modules.in_child(body)
    assert (result.failed, result["warnings"]) == (fails, ["it does nothing"])


def test_collected_warnings_are_cleared() -> None:
    warn("once")
    assert (take_warnings(), take_warnings()) == (["once"], [])
