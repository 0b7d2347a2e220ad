# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod healthcheck``."""

from __future__ import annotations

from typing import Sequence

from .._model.engine_config import EngineConfig
from .._model.errors import InvalidState
from .._runtime.runtime import Runtime
from . import table
from .arguments import new_parser


def healthcheck(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Check a container's health now and record the result; 0 where the check succeeded, 1 where it failed."""
    parser = new_parser("healthcheck", "Check a container's health now: 0 where the check succeeds, 1 where it fails.")
    parser.add_argument("run", choices=("run",), help="the word run")
    parser.add_argument("name", help="the container's name or ID")
    options = parser.parse_args(arguments)
    health = Runtime(parts).container(options.name).healthcheck()
    if not health.log:
        raise InvalidState(f"the health check of container {options.name} was changed while it ran: run it again")
    last = health.log[-1]
    if options.format == "json":
        table.write_json({"Status": health.status, "FailingStreak": health.failing_streak, **last}, indent=None)
    else:
        table.write_line(f"{health.status}: {' '.join(last['Output'].split()) or 'no output'}")
    return 1 if last["ExitCode"] else 0
