# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback that prints each task's result as one line of JSON, then the totals."""

from __future__ import annotations

import json
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: results
type: stdout
short_description: One line of JSON for each result
description: For the tests of libpod.engine.
author: The libpod.engine authors
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Prints ``{"task": NAME, "inventory_host": NAME, ...result}`` for each task, and ``{"totals": {...}}``."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "results"

    def _print(self, result: Any, **more: Any) -> None:
        task = getattr(result, "_task", None) or result.task
        values = getattr(result, "_result", None) or result.result
        host = getattr(result, "_host", None) or result.host
        names = {"task": task.get_name().strip(), "inventory_host": host.get_name()}
        record = {**json.loads(self._dump_results(values, indent=None)), **names, **more}
        self._display.display(json.dumps(record))

    def v2_runner_on_ok(self, result: Any) -> None:
        self._print(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._print(result, failed=True)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._print(result, skipped=True)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._print(result, failed=True, unreachable=True)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._display.display(json.dumps({"totals": stats.summarize("localhost")}))
