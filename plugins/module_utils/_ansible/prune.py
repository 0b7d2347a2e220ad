# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_prune: removal of unused containers, networks, volumes and images."""

from __future__ import annotations

from typing import Optional

from .._container.io.log_lines import moment
from .._model.attempts import raise_all
from .._model.errors import warn
from .._model.options.syntax.parsers import wrong
from .._resources import prune
from .._resources.unused import KINDS, prune_kinds
from .._runtime.runtime import Runtime
from . import arguments
from .module import EngineModule, run


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_prune."""
    flags = (*KINDS, "system", "system_all", "system_volumes")
    return {
        **{flag: {"type": "bool", "default": False} for flag in flags},
        **{f"{kind}_filters": {"type": "dict"} for kind in KINDS},
        "executable": {"type": "str"},
        **arguments.parts_spec(),
    }


def work(module: EngineModule) -> dict[str, object]:
    """Prune the kinds that the task names, containers first, so that what only they used is removed too."""
    params = module.params
    system = params["system"]
    filters = {kind: _filters(params[f"{kind}_filters"], f"{kind}_filters") for kind in KINDS}
    image_filters = params["image_filters"] or {}
    dangling = [_flag(image_filters[key], key) for key in ("dangling", "dangling_only") if key in image_filters]
    every = system and params["system_all"] or False in dangling
    if _flag(image_filters.get("external", False), "external"):
        warn("image_filters: external has no effect, since images that any engine's container uses stay")
    asked = [kind for kind in KINDS if params[kind] or system and (kind != "volume" or params["system_volumes"])]
    pruned = prune_kinds(
        Runtime(arguments.parts(params)),
        {kind: filters[kind] for kind in asked},
        every=every,
        dry=module.check_mode,
    )
    actions = pruned.actions
    raise_all(pruned.errors, actions)
    return {
        "changed": bool(actions),
        "actions": actions,
        "containers": pruned.containers,
        "images": pruned.images,
        "networks": pruned.networks,
        "volumes": pruned.volumes,
    }


def _flag(value: object, option: str) -> bool:
    if not isinstance(value, bool) and str(value).lower() not in ("true", "false"):
        raise wrong("image_filters", value, f"{option} to be true or false")
    return str(value).lower() == "true"


def _filters(value: Optional[dict[str, object]], option: str) -> prune.Filters:
    known = {
        "until",
        "label",
        *(["dangling", "dangling_only", "external"] if "image" in option else []),
    }
    filters = value or {}
    for name in filters:
        if name not in known:
            raise wrong(option, name, f"one of {', '.join(sorted(known))}")
    labels = filters.get("label") or []
    if isinstance(labels, dict):
        labels = [f"{key}={value}" for key, value in labels.items()]
    texts = [str(label) for label in (labels if isinstance(labels, list) else [labels])]
    until = filters.get("until")
    return prune.Filters(
        moment(None if until is None else str(until), option),
        {name: value if equals else None for name, equals, value in (text.partition("=") for text in texts)},
    )


def main() -> None:
    """libpod_prune, from a task's arguments to its result."""
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), work)
