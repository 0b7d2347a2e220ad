# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod inventory``: what the inventory plugin reads of a remote host."""

from __future__ import annotations

from typing import Sequence

from .._model.engine_config import EngineConfig
from .._model.errors import take_warnings
from .._runtime.inventory import listed
from . import table
from .arguments import new_parser


def inventory(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Write all containers as JSON, environment variables without their values, and the warnings beside them."""
    new_parser("inventory", "All containers as JSON, for the inventory plugin.", formats=False).parse_args(arguments)
    containers = list(listed(parts))
    table.write_json({"containers": containers, "warnings": take_warnings()}, indent=None)
    return 0
