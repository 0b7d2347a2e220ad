# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_container_logs: what a container printed."""

from __future__ import annotations

from ..._container.io.log_lines import Wanted, moment
from ..._model.options.syntax.durations import seconds
from ..._model.options.syntax.parsers import wrong
from ..._runtime.runtime import Runtime
from .. import arguments
from ..module import EngineModule, run


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_container_logs."""
    return {
        "name": {"type": "str", "required": True},
        "tail": {"type": "int"},
        "since": {"type": "str"},
        "until": {"type": "str"},
        "follow": {"type": "bool", "default": False},
        "timeout": {"type": "str", "default": "10"},
        "timestamps": {"type": "bool", "default": False},
        **arguments.parts_spec(),
    }


def logs(module: EngineModule) -> dict[str, object]:
    """Return the selected lines, together and by stream."""
    params = module.params
    if params["tail"] is not None and params["tail"] < 0:
        raise wrong("tail", params["tail"], "a number of lines, 0 or more")
    limit = seconds(params["timeout"], "timeout", "a duration above 0 such as 1m30s, or a number of seconds", least=1)
    selection = Wanted(
        params["tail"],
        moment(params["since"], "since"),
        moment(params["until"], "until"),
        limit if params["follow"] else 0.0,
    )
    lines = Runtime(arguments.parts(params)).container(params["name"]).logs(selection)
    result: dict[str, object] = {"changed": False, "log_lines": [line._asdict() for line in lines]}
    for stream in ("stdout", "stderr"):
        texts = [
            f"{line.time} {line.text}" if params["timestamps"] else line.text for line in lines if line.stream == stream
        ]
        result[stream] = "\n".join(texts)
    return result


def main() -> None:
    """libpod_container_logs, from a task's arguments to its result."""
    run(
        EngineModule(argument_spec=spec(), supports_check_mode=True),
        logs,
        {"changed": False, "log_lines": [], "stdout": "", "stderr": ""},
    )
