# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_load: the images of an archive, into the store."""

from __future__ import annotations

from ..._model import caller
from ..._resources.images.load import load
from .. import arguments
from ..module import EngineModule, run


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_load."""
    return {
        "input": {"type": "path", "required": True, "aliases": ["path"]},
        "executable": {"type": "str"},
        **arguments.parts_spec(),
    }


def work(module: EngineModule) -> dict[str, object]:
    """Load the images, or in check mode say which would be."""
    path = caller.absolute(module.params["input"])
    loaded = load(arguments.parts(module.params), path, module.check_mode)
    images = [{"Id": image_id, "RepoTags": list(names)} for image_id, names in loaded.names.items()]
    actions = [f"loaded image {(*loaded.names[one], one[:12])[0]}" for one in loaded.changed]
    return {"changed": bool(actions), "actions": actions, "images": images}


def main() -> None:
    """libpod_load, from a task's arguments to its result."""
    predicted = {"changed": True, "actions": [], "images": []}
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), work, predicted)
