# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod volume``: ``ls`` and ``inspect``."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from .._model.engine_config import EngineConfig
from .._model.errors import NoSuchVolume
from .._resources.volumes.inspect import everyone, inspect
from .._resources.volumes.usage import users
from .._runtime.base import RuntimeBase
from . import table
from .arguments import listing

_HEADINGS = ("DRIVER", "VOLUME NAME", "TYPE", "DEVICE", "CONTAINERS")


def volume(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """List volumes, or show everything about some."""
    options = listing("volume", "The named volumes and the containers that use them.", "volumes", arguments)
    used = users(RuntimeBase(parts))
    found = {one.name: inspect(parts, one, used.get(one.name, [])) for one in everyone(parts)}
    if options.verb == "inspect":
        missing = [name for name in options.name if name not in found]
        if missing:
            raise NoSuchVolume(f"no volume has the name {missing[0]!r}")
        table.write_json([found[name] for name in options.name])
    else:
        table.write_list(options, found, _HEADINGS, _row)
    return 0


def _row(one: Mapping[str, Any]) -> Sequence[object]:
    options = one["Options"]
    return one["Driver"], one["Name"], options.get("type", ""), options.get("device", ""), table.users(one["UsedBy"])
