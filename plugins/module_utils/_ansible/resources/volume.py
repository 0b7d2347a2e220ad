# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_volume: a task's arguments → the volume as it is described → the task's result."""

from __future__ import annotations

from typing import Any, Mapping

from ..._model import caller
from ..._model.engine_config import EngineConfig
from ..._model.errors import note_done
from ..._model.options.mounts.volume_options import volume_options
from ..._model.options.syntax.parsers import mapping, wrong
from ..._model.options.syntax.parsers import name as checked_name
from ..._resources.volumes import changes
from ..._resources.volumes.inspect import differences, inspect
from ..._store import volumes as store
from .. import arguments
from ..module import EngineModule, run

STATES = ("present", "absent", "mounted", "unmounted")


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_volume."""
    return {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "default": "present", "choices": list(STATES)},
        "label": {"type": "dict"},
        "driver": {"type": "str"},
        "options": {"type": "list", "elements": "str"},
        "src": {"type": "path"},
        "recreate": {"type": "bool", "default": False},
        "executable": {"type": "str"},
        "debug": {"type": "bool", "default": False},
        **arguments.parts_spec(),
    }


# What an action changes that is not in a volume's record: its key in a diff, and the values before and after.
_UNRECORDED = {
    "mounted": ("mounted", False, True),
    "unmounted": ("mounted", True, False),
    "recreated": ("content", "as it is", "empty"),
    "filled": ("content", "as it is", "with that of src"),
}


def desired(params: Mapping[str, Any]) -> changes.DesiredVolume:
    """Return the volume that a task describes.

    :raises InvalidArgument: a value cannot be used.
    """
    if params["driver"] not in (None, "", "local"):
        raise wrong("driver", params["driver"], "local, the one driver that the engine has")
    described = params["state"] == "present" or params["label"] is not None or params["options"] is not None
    return changes.DesiredVolume(
        checked_name(params["name"], "name"),
        mapping(params["label"] or {}, "label"),
        volume_options(params["options"] or ()),
        params["recreate"],
        described,
    )


def volume(module: EngineModule) -> dict[str, object]:
    """libpod_volume: reconcile one volume."""
    parts, wanted, dry = arguments.parts(module.params), desired(module.params), module.check_mode
    state, src = module.params["state"], module.params["src"]
    if src and state not in ("present", "mounted"):
        raise wrong("src", src, "state to be present or mounted, since only these fill a volume")
    if src:
        _check_source(parts, wanted, caller.absolute(src), state)
    if state == "absent":
        outcome = changes.absent(parts, wanted.name, dry=dry)
    elif state == "unmounted":
        outcome = changes.unmounted(parts, wanted.name, dry=dry)
    elif state == "mounted":
        outcome = changes.mounted(parts, wanted, dry=dry)
    else:
        outcome = changes.present(parts, wanted, dry=dry)
    if src:
        outcome = _filled(parts, wanted, outcome, caller.absolute(src), dry=dry)
    result: dict[str, object] = {
        "changed": bool(outcome.actions),
        "actions": outcome.actions,
        "volume": inspect(parts, outcome.after) if outcome.after else {},
    }
    if state == "mounted":
        result["mount_point"] = store.data(parts, wanted.name)
    if module._diff:
        result["diff"] = _diff(outcome, filled=bool(src))
    return result


def _check_source(parts: EngineConfig, wanted: changes.DesiredVolume, src: str, state: str) -> None:
    """Refuse what cannot fill the volume, before that is made, emptied or changed.

    :raises MalformedData: the file is no archive for a volume. :raises InvalidState: the volume is in memory.
    """
    from ..._resources.volumes import content

    before = store.read(store.folder(parts, wanted.name))
    if state == "present" and wanted.options.type == "tmpfs":
        content.check_mounted(parts, wanted.name, changes.keeps_files(before, wanted))
    if before is None or wanted.recreate:
        content.check(src)


def _filled(
    parts: EngineConfig, wanted: changes.DesiredVolume, outcome: changes.Outcome, src: str, *, dry: bool
) -> changes.Outcome:
    """Fill the volume from a tar file; return the outcome with that, of which a new volume says nothing."""
    from ..._resources.volumes import content

    new = outcome.before is None or wanted.recreate
    empty = f"mounted {wanted.name}" in outcome.actions and outcome.after and outcome.after.options.type == "tmpfs"
    try:
        if dry and (empty or not changes.keeps_files(outcome.before, wanted)):
            if not new:
                content.check(src)
            filled = True
        else:
            filled = content.fill(parts, wanted.name, src, dry=dry)
    except Exception as error:
        note_done(error, outcome.actions)
        raise
    said = [f"filled {wanted.name}"] if filled and not new else []
    after = outcome.after if dry else store.read(store.folder(parts, wanted.name))
    return outcome._replace(actions=[*outcome.actions, *said], after=after)


def _diff(outcome: changes.Outcome, *, filled: bool) -> dict[str, Any]:
    before, after = outcome.before, outcome.after
    if before is None or after is None:
        return {"before": {"exists": before is not None}, "after": {"exists": after is not None}}
    diff = differences(before, after)
    for verb in (action.partition(" ")[0] for action in outcome.actions):
        if verb in _UNRECORDED:
            key, was, now = _UNRECORDED[verb]
            diff["before"][key], diff["after"][key] = was, "that of src" if filled and verb == "recreated" else now
    return diff


def main() -> None:
    """libpod_volume, from a task's arguments to its result."""
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), volume)
