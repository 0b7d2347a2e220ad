# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_container_logs: what a container printed."""

from __future__ import annotations

import re
import time
from typing import Any, Optional

from .._container.log_lines import Wanted, seconds
from .._model.errors import InvalidArgument
from .._model.spelling import wrong
from .._runtime.runtime import Runtime
from . import arguments
from .module import EngineModule, run

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def spec() -> dict[str, Any]:
    """The argument spec of libpod_container_logs."""
    return {
        "name": {"type": "str", "required": True},
        "tail": {"type": "int"},
        "since": {"type": "str"},
        "until": {"type": "str"},
        "follow": {"type": "bool", "default": False},
        "timeout": {"type": "float", "default": 10.0},
        "timestamps": {"type": "bool", "default": False},
        **arguments.parts_spec(),
    }


def logs(module: EngineModule) -> dict[str, Any]:
    """The lines asked for, together and by stream."""
    params = module.params
    if params["tail"] is not None and params["tail"] < 0:
        raise wrong("tail", params["tail"], "a number of lines, 0 or more")
    if params["timeout"] <= 0:
        raise wrong("timeout", params["timeout"], "seconds, more than 0")
    wanted = Wanted(
        params["tail"],
        moment(params["since"], "since"),
        moment(params["until"], "until"),
        params["timeout"] if params["follow"] else 0.0,
    )
    found = Runtime(arguments.parts(params)).container(params["name"]).logs(wanted)
    result: dict[str, Any] = {"changed": False, "log_lines": [line._asdict() for line in found]}
    for stream in ("stdout", "stderr"):
        texts = [
            f"{line.time} {line.text}" if params["timestamps"] else line.text for line in found if line.stream == stream
        ]
        result[stream] = "\n".join(texts)
    return result


def moment(value: Optional[str], option: str, now: Optional[float] = None) -> Optional[float]:
    """Seconds since the epoch of an RFC 3339 time, of such seconds, or of a duration before ``now`` (``1h30m``).

    :raises InvalidArgument: it is none of them.
    """
    if value is None:
        return None
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhd])", value)
    if parts and "".join(map("".join, parts)) == value:
        return (time.time() if now is None else now) - sum(float(number) * _UNITS[unit] for number, unit in parts)
    try:
        return seconds(value)
    except InvalidArgument as error:
        raise wrong(
            option, value, "a time such as 2026-01-31T12:00:00Z, seconds since the epoch, or a duration such as 10m"
        ) from error


def main() -> None:
    """libpod_container_logs, from a task's arguments to its result."""
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), logs)
