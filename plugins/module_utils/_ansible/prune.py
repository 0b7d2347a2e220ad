# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_prune: removal of unused containers, networks, volumes and images."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator, Optional

from .._container.io.log_lines import moment
from .._drivers.engine import archives
from .._model.attempts import raise_all
from .._model.errors import warn
from .._model.options.syntax.parsers import wrong
from .._resources import prune
from .._resources.networks.prune import unused_networks
from .._runtime.runtime import Runtime
from . import arguments
from .module import EngineModule, run

_KINDS = ("container", "image", "volume", "network")


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_prune."""
    flags = (*_KINDS, "system", "system_all", "system_volumes")
    return {
        **{flag: {"type": "bool", "default": False} for flag in flags},
        **{f"{kind}_filters": {"type": "dict"} for kind in _KINDS},
        "executable": {"type": "str"},
        **arguments.parts_spec(),
    }


def work(module: EngineModule) -> dict[str, object]:
    """Prune the kinds that the task names, containers first, so that what only they used is removed too."""
    params = module.params
    system = params["system"]
    filters = {kind: _filters(params[f"{kind}_filters"], f"{kind}_filters") for kind in _KINDS}
    image_filters = params["image_filters"] or {}
    dangling = [_flag(image_filters[key], key) for key in ("dangling", "dangling_only") if key in image_filters]
    every = system and params["system_all"] or False in dangling
    if _flag(image_filters.get("external", False), "external"):
        warn("image_filters: external has no effect, since images that any engine's container uses stay")
    runtime, dry = Runtime(arguments.parts(params)), module.check_mode
    result: dict[str, Any] = {"containers": [], "images": [], "networks": [], "volumes": []}
    actions: list[str] = []
    errors: prune.Errors = []
    gone: list[str] = []  # in check mode, containers that are still there
    if params["container"] or system:
        result["containers"] = _prune_containers(runtime, filters["container"], actions, errors, dry)
        gone = result["containers"] if dry else []
    if params["network"] or system:
        with _isolated(errors):
            result["networks"] = unused_networks(runtime, filters["network"].match, errors, dry=dry, gone=gone)
            actions += [f"removed network {name}" for name in result["networks"]]
    if params["volume"] or system and params["system_volumes"]:
        with _isolated(errors):
            result["volumes"] = prune.volumes(runtime, filters["volume"], errors, dry=dry, gone=gone)
            actions += [f"removed volume {name}" for name in result["volumes"]]
    if params["image"] or system:
        with _isolated(errors):
            result["images"] = prune.images(runtime, filters["image"], errors, every=every, dry=dry, gone=gone)
            actions += [f"removed image {image_id[:12]}" for image_id in result["images"]]
    raise_all(errors, actions)
    return {"changed": bool(actions), "actions": actions, **result}


def _prune_containers(
    runtime: Runtime, filters: prune.Filters, actions: list[str], errors: prune.Errors, dry: bool
) -> list[str]:
    """Remove containers and what earlier ones have left, add what is done to ``actions``, and return their IDs."""
    removed: list[tuple[str, str]] = []
    with _isolated(errors):
        removed += prune.containers(runtime, filters, errors, dry=dry)
        actions += [f"deleted {name}" for name, _container_id in removed]
    with _isolated(errors):
        names = [name for name, _container_id in removed]
        actions += [f"removed what was left of {name}" for name in prune.remains(runtime, errors, names, dry=dry)]
    with _isolated(errors):
        actions += [f"removed rules of container {short}" for short in prune.rules(runtime, dry=dry)]
    with _isolated(errors):
        actions += [f"removed container {short} of a killed build" for short in prune.builds(runtime, dry=dry)]
    # The archives that a newer version's containers need are unknown.
    if not any(one.newer for one in runtime.containers()):
        unused = archives.remove_unused(f"{runtime.parts.static_root}/engine", dry=dry)
        actions += [f"removed engine archive {name}" for name in unused]
    return [container_id for _name, container_id in removed]


@contextmanager
def _isolated(errors: prune.Errors) -> Iterator[None]:
    """Collect the error of one kind, so that the others are pruned all the same."""
    try:
        yield
    except Exception as error:  # pylint: disable=broad-exception-caught
        errors.append(error)


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
