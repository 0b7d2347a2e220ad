# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_commit: an image made of a container."""

from __future__ import annotations

from ..._container.rootfs.commit import Commit
from ..._runtime.runtime import Runtime
from .. import arguments
from ..module import EngineModule, run


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_commit."""
    return {
        "container": {"type": "str", "required": True, "aliases": ["name"]},
        "image": {"type": "str", "required": True},
        "author": {"type": "str", "default": ""},
        "comment": {"type": "str", "default": ""},
        "pause": {"type": "bool", "default": True},
        "changes": {"type": "list", "elements": "str", "default": [], "aliases": ["change"]},
        **arguments.parts_spec(),
    }


def commit(module: EngineModule) -> dict[str, object]:
    """Make the image, or in check mode only say so."""
    params = module.params
    wanted = Commit(**{field: params[field] for field in Commit._fields if field != "dry"}, dry=module.check_mode)
    container = Runtime(arguments.parts(params)).container(params["container"])
    made = container.commit(wanted)
    actions = [f"committed {container.name} to {made.name}"] if made.changed else []
    return {"changed": made.changed, "actions": actions, "image_id": made.id, "name": made.name}


def main() -> None:
    """libpod_commit, from a task's arguments to its result."""
    run(
        EngineModule(argument_spec=spec(), supports_check_mode=True),
        commit,
        {"changed": True, "actions": [], "image_id": "", "name": ""},
    )
