# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_save: images of the store, as an archive or directory."""

from __future__ import annotations

from ..._model import caller
from ..._resources.images.save import FORMATS, Save, save
from .. import arguments
from ..module import EngineModule, run


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_save."""
    return {
        "image": {"type": "list", "elements": "str", "required": True},
        "dest": {"type": "path", "required": True, "aliases": ["path"]},
        "format": {"type": "str", "default": FORMATS[0], "choices": list(FORMATS)},
        "compress": {"type": "bool"},
        "multi_image_archive": {"type": "bool"},
        "force": {"type": "bool", "default": True},
        "executable": {"type": "str"},
        **arguments.parts_spec(),
    }


def work(module: EngineModule) -> dict[str, object]:
    """Write the archive, or in check mode say whether it would be."""
    params = module.params
    wanted = Save(
        images=params["image"],
        dest=caller.absolute(params["dest"]),
        format=params["format"],
        compress=params["compress"],
        one_image=params["multi_image_archive"] is False,
        force=params["force"],
    )
    changed, chosen = save(arguments.parts(params), wanted, module.check_mode)
    actions = [f"saved image {name}" for name in params["image"]] if changed else []
    images = [{"Id": image_id, "RepoTags": list(names)} for image_id, names in chosen.items()]
    return {"changed": changed, "actions": actions, "dest": wanted.dest, "images": images}


def main() -> None:
    """libpod_save, from a task's arguments to its result."""
    predicted = {"changed": True, "actions": [], "images": []}
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), work, predicted)
