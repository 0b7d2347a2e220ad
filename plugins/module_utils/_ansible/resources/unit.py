# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_unit: a container's systemd unit, as a file on the host."""

from __future__ import annotations

import os
import re
from contextlib import nullcontext
from typing import Any, ContextManager, Mapping, Sequence

from ..._model import caller
from ..._model.errors import InvalidArgument, NoSuchContainer, warn, warn_of_missing
from ..._model.options.syntax.durations import whole_seconds
from ..._model.options.syntax.parsers import name as checked_name
from ..._model.options.syntax.parsers import wrong
from ..._resources import units
from ..._runtime.runtime import Runtime
from .. import arguments
from ..module import EngineModule, run

# systemd.unit(5): a name and the kind of unit; a specifier such as %i stands for itself.
_UNIT = re.compile(r"[A-Za-z0-9:_.\\@%-]{1,240}\.(service|socket|device|mount|swap|target|path|timer|slice|scope)")
_TIMES = ("restart_sec", "start_timeout", "stop_timeout")
_DEPENDENCIES = ("after", "wants", "requires", "wanted_by")


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_unit."""
    return {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
        "dest": {"type": "path", "default": units.DIRECTORY},
        "container_prefix": {"type": "str", "default": "container"},
        "separator": {"type": "str", "default": "-"},
        "restart_policy": {"type": "str", "default": "on-failure", "choices": list(units.RESTARTS)},
        **{name: {"type": "str"} for name in _TIMES},
        **{name: {"type": "list", "elements": "str"} for name in ("after", "wants", "requires")},
        "wanted_by": {"type": "list", "elements": "str", "default": ["multi-user.target"]},
        "sdnotify": {"type": "str", "default": "conmon", "choices": list(units.READY)},
        **{option: {"type": "bool"} for option in ("force", "new", "no_header", "use_names")},
        **{option: {"type": "str"} for option in ("executable", "pod_prefix")},
        **arguments.parts_spec(),
    }


def work(module: EngineModule) -> dict[str, object]:
    """Write the unit's file or remove it, or in check mode say whether it would be."""
    params = module.params
    name = checked_name(params["name"], "name")
    unit = f"{params['container_prefix']}{params['separator'] if params['container_prefix'] else ''}{name}"
    if not _UNIT.fullmatch(f"{unit}.service") or "%" in unit:
        raise wrong("container_prefix", params["container_prefix"], "text that a unit's name can begin with")
    path = f"{caller.absolute(params['dest'])}/{unit}.service"
    if params["new"]:
        warn("new: has no effect here: the unit starts the container that a task has made, and makes none")
    if params["use_names"] is False:
        warn("use_names: has no effect here: the unit is named after the container")
    if params["state"] == "absent":
        with _alone(module):
            outcome = units.absent(path, check_mode=module.check_mode)
    else:
        outcome = _present(module, path, name)
    result = {
        "changed": bool(outcome.actions),
        "actions": outcome.actions,
        "path": path,
        "unit": f"{unit}.service",
        "systemd_units": {unit: outcome.after} if outcome.after else {},
    }
    if module._diff:
        result["diff"] = {"before": outcome.before, "after": outcome.after, "before_header": path, "after_header": path}
    return result


def _present(module: EngineModule, path: str, name: str) -> units.Outcome:
    parts, wanted = arguments.parts(module.params), _wanted(module.params)
    runtime = Runtime(parts)
    try:
        container = runtime.container(name)
    except NoSuchContainer as error:
        if any(name == pod for pod, _pod_id in runtime.store.pods()):
            raise InvalidArgument(
                f"name: {name} is a pod, and a unit is one container's: write one for each container of the pod"
            ) from error
        if not module.check_mode:
            raise
        warn_of_missing(error)
        return units.Outcome([f"wrote unit {os.path.basename(path)}"], "", "")
    with _alone(module):
        return units.present(path, units.text_of(parts, container, wanted), check_mode=module.check_mode)


def _alone(module: EngineModule) -> ContextManager[object]:
    """Return what has no other task write at the same time; check mode writes nothing, no lock file either."""
    return nullcontext() if module.check_mode else units.lock(arguments.parts(module.params))


def _wanted(params: Mapping[str, Any]) -> units.Unit:
    """Return what the unit has. :raises InvalidArgument: a value cannot be used."""
    times = {name: None if params[name] is None else whole_seconds(params[name], name) for name in _TIMES}
    dependencies = {option: _names(option, params[option] or ()) for option in _DEPENDENCIES}
    return units.Unit(
        restart=params["restart_policy"],
        restart_sec=times["restart_sec"],
        start_timeout=times["start_timeout"],
        stop_timeout=times["stop_timeout"],
        ready=params["sdnotify"],
        **dependencies,
    )


def _names(option: str, names: Sequence[str]) -> Sequence[str]:
    for one in names:
        if not _UNIT.fullmatch(one):
            raise wrong(option, one, "the name of a unit, such as network-online.target")
    return names


def main() -> None:
    """libpod_unit, from a task's arguments to its result."""
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), work)
