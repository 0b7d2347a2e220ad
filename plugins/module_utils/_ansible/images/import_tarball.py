# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_import: an image made of a root filesystem's tar file."""

from __future__ import annotations

import json
from typing import Iterator, Sequence

from ..._model import caller
from ..._model.errors import InvalidArgument
from ..._model.options.syntax.parsers import wrong
from ..._resources.images.import_tarball import Import, import_tarball
from .. import arguments
from ..module import EngineModule, run


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_import."""
    return {
        "src": {"type": "path", "required": True},
        "image": {"type": "str", "aliases": ["name", "reference"]},
        "commit_message": {"type": "str", "default": ""},
        "change": {"type": "list", "elements": "raw", "default": [], "aliases": ["changes"]},
        "volume": {"type": "str"},
        "executable": {"type": "str"},
        **arguments.parts_spec(),
    }


def work(module: EngineModule) -> dict[str, object]:
    """Make the image, or in check mode say whether it would be."""
    params = module.params
    if params["volume"]:
        raise InvalidArgument("volume: cannot be used here: libpod_volume fills a volume from a tar file")
    if params["src"].partition("://")[0].lower() in ("http", "https", "ftp"):
        raise InvalidArgument(
            "src: expected a path on the host, not a URL: get the file by ansible.builtin.get_url first"
        )
    changes = list(_lines(params["change"]))
    wanted = Import(caller.absolute(params["src"]), params["image"] or "", params["commit_message"], changes)
    made = import_tarball(arguments.parts(params), wanted, module.check_mode)
    actions = [f"imported image {made.name or wanted.src}"] if made.changed else []
    return {"changed": made.changed, "actions": actions, "image_id": made.id, "name": made.name}


def _lines(changes: Sequence[object]) -> Iterator[str]:
    """Yield lines of a Containerfile, from lines and from mappings such as ``CMD: /bin/sh``."""
    for change in changes:
        if isinstance(change, str):
            yield change
        elif isinstance(change, dict):
            for word, value in change.items():
                yield f"{word}={json.dumps(value) if isinstance(value, list) else value}"
        else:
            raise wrong("change", change, "lines such as 'CMD sh', or mappings such as {CMD: sh}")


def main() -> None:
    """libpod_import, from a task's arguments to its result."""
    predicted = {"changed": True, "actions": [], "image_id": "", "name": ""}
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), work, predicted)
