# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod inspect``: a container, or what else has the name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Sequence

from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, NoSuchContainer
from ..._runtime.inspect import inspect as inspected
from ..._runtime.runtime import Runtime
from ..arguments import add_latest, new_parser, selected
from ..resources.verbs import add_inspection, inspect_each

if TYPE_CHECKING:
    from ..._resources.types import InspectedImage

_TYPES = ("all", "container", "image", "pod", "volume", "network", "secret")


def inspect(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Show everything about containers, and with ``--type`` about other things, as JSON."""
    parser = new_parser("inspect", "Everything about containers or images, as a JSON list.", formats=False)
    parser.add_argument(
        *("-t", "--type"), choices=_TYPES, default="all", help="what has the names (default: container, or image)"
    )
    parser.add_argument("-s", "--size", action="store_true", help="with SizeRw and SizeRootFs of containers, in bytes")
    add_inspection(parser)
    add_latest(parser)
    parser.add_argument("name", nargs="*", help="a name, an ID, or the beginning of an ID")
    options = parser.parse_args(arguments)
    options.name = selected(parts, options)
    if options.type not in ("all", "container"):
        from importlib import import_module

        module = import_module(f"..resources.{options.type}", __package__)
        words = ["inspect", "--format", options.format, *options.name]
        return int(getattr(module, options.type)(parts, words))
    runtime = Runtime(parts)

    def find(name: str) -> object:
        try:
            container = runtime.container(name).peek()
        except NoSuchContainer:
            image = _image(parts, name) if options.type == "all" else None
            if image is None:
                raise
            return image
        shown = inspected(container, env_values=True)
        if not options.size:
            return shown
        own, whole = container.storage.sizes(container.id)
        return {**shown, "SizeRw": own, "SizeRootFs": whole}

    return inspect_each(options, find, {})


def _image(parts: EngineConfig, name: str) -> Optional[InspectedImage]:
    from ..._resources.images.inspect import Inspector

    try:
        return Inspector(parts).inspect(name)
    except InvalidArgument:
        return None  # it can be no image's name
