# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_image_info: images of the store, read without a program and without a change."""

from __future__ import annotations

from ..._resources.images.inspect import Inspector
from .. import arguments
from ..module import EngineModule, run


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_image_info."""
    return {
        "name": {"type": "list", "elements": "str", "aliases": ["names"]},
        "executable": {"type": "str"},
        **arguments.parts_spec(),
    }


def images(module: EngineModule) -> dict[str, object]:
    """Return the named images, or all; names of no image are left out."""
    inspector = Inspector(arguments.parts(module.params))
    if not module.params["name"]:
        return {"changed": False, "images": list(inspector.all())}
    found = (inspector.inspect(name) for name in module.params["name"])
    return {"changed": False, "images": [one for one in found if one]}


def main() -> None:
    """libpod_image_info, from a task's arguments to its result."""
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), images)
