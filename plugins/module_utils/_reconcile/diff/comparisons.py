# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option comparisons, with the semantics of community.docker.docker_container; imported only where it is given.

Where no new container is needed, an ignored option keeps the container's value. A new container is as the task
describes it: one that kept values of its predecessor could be reproduced by no playbook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, cast

from ..._model.errors import InvalidArgument
from ..._model.options import normalise
from ..._model.options.mounts import volumes
from ..._model.options.network.ports import PortMapping
from ..._model.options.syntax.parsers import wrong
from ..._model.options.table import ALONE, MOUNTS, OPTIONS, Change, Option
from ..._model.records.config import ContainerConfig, resolved
from ..._runtime.runtime import Runtime
from ..desired import Desired
from .options import differences

if TYPE_CHECKING:
    from ..._model.options.types import ContainerOptions

MODES = ("strict", "ignore", "allow_more_present")
# Options that set others, by name.
_SPELLINGS = {"cpus": ("cpu_quota", "cpu_period"), "label_file": ("label",)}
_SPELLINGS.update(dict.fromkeys(("env_file", "env_files"), ("env",)))
# The lists whose order counts; the others are sorted when they are normalised.
_ORDERED = ("command", "entrypoint", "dns", "dns_option", "dns_search", "volumes_from", "network")

# Options that, where the task omits them, derive from another one, and are compared as that one.
_FOLLOWS = {
    "memory_swap": "memory",
    "cpu_period": "cpu_quota",
    "uidmap": "gidmap",
    "gidmap": "uidmap",
    "subuidname": "subgidname",
    "subgidname": "subuidname",
    "healthcheck": "no_healthcheck",
    "no_healthcheck": "healthcheck",
    "rm": "rmi",
    "security_opt": "privileged",
    **dict.fromkeys(ALONE, "network"),
}

# The mappings whose values are mappings or lists that are compared by themselves.
_PARTS = ("network", "security_opt")


def parse(value: Mapping[Any, Any]) -> tuple[dict[str, str], frozenset[str]]:
    """Return the mode of each option that is not compared strictly, and the options that are named.

    :raises InvalidArgument: a key is no option, or its option does not support the mode.
    """
    spellings: dict[str, tuple[str, ...]] = {
        alias: (row.name,) for row in OPTIONS.values() for alias in (row.name, *row.aliases)
    }
    spellings.update(_SPELLINGS, image=("image",))
    everything = value.get("*", "strict")
    if everything not in MODES[:2]:
        raise wrong("comparisons", f"*: {everything}", "strict or ignore for '*'")
    modes = dict.fromkeys((*OPTIONS, "image"), everything)
    taken: dict[str, str] = {}
    for key, mode in value.items():
        if key == "*":
            continue
        if key not in spellings:
            raise wrong("comparisons", key, "an option that describes the container, an alias of one, image or '*'")
        for name in spellings[key]:
            if taken.setdefault(name, key) != key:
                raise wrong("comparisons", key, f"{name} only once, and {taken[name]} means it too")
            accepted = MODES if name != "image" and _has_members(OPTIONS[name]) else MODES[:2]
            if mode not in accepted:
                raise wrong("comparisons", f"{key}: {mode}", f"{', '.join(accepted[:-1])} or {accepted[-1]} for {key}")
            modes[name] = mode
    return {name: mode for name, mode in modes.items() if mode != "strict"}, frozenset(taken)


def _has_members(row: Option) -> bool:
    return row.type in ("list", "dict", "raw") or isinstance(row.default, list)


def apply(runtime: Runtime, config: ContainerConfig, desired: Desired) -> Desired:
    """Return what the task desires of this container: ignored options as recorded, unless a new one is needed.

    :raises InvalidArgument: an ignored option's recorded value cannot be combined with the rest of the task.
    """
    if desired.by_name or desired.options is None:
        return desired
    lenient = desired._replace(comparisons=_with_followers(config, desired))
    options, refused = _lenient(config, lenient), None
    try:
        normalise.settle(options)
    except InvalidArgument as error:
        refused = error
    lenient = lenient._replace(options=options)
    different = differences(runtime, config, lenient)
    forcing = {one.option for one in different if one.change == Change.RECREATE and not one.ignored}
    if desired.recreate or forcing:
        forcing.update(ALONE if "network" in forcing else ())
        return desired._replace(comparisons={}, forcing=frozenset(forcing))
    if refused:
        raise InvalidArgument(
            f"comparisons: what they let be in container {config.name} does not go with the rest of the task: {refused}"
        ) from refused
    return lenient


def _with_followers(config: ContainerConfig, desired: Desired) -> dict[str, str]:
    """Return the modes of all options: one that derives from another has that one's, unless the task names it.

    With '*' it does so only where the other is named and changes: its recorded value may not fit the new one.
    """
    modes = dict(desired.comparisons)
    for name, leader in _FOLLOWS.items():
        # healthcheck and no_healthcheck are two spellings of one setting.
        present = name in desired.specified and name not in ("healthcheck", "no_healthcheck")
        if present or name in desired.compared:
            continue
        mode = desired.comparisons.get(leader, "strict")
        if mode != "strict":
            modes.setdefault(name, mode)
        elif leader in desired.compared:
            row = OPTIONS[leader]
            if row.value(desired.wanted) != row.value(config.options):
                modes.pop(name, None)
    return modes


def _lenient(config: ContainerConfig, desired: Desired) -> ContainerOptions:
    """Return the desired options, with recorded values of those that the comparisons ignore or extend."""
    requested, recorded = desired.wanted, config.options
    wanted, present = resolved(requested, config.image_config), config.resolved
    if desired.comparisons.get("network") == "allow_more_present":
        from ..._model.options.network.options import spread

        requested, recorded = spread(requested), spread(recorded)
    options: dict[str, object] = {**requested}
    for name, mode in desired.comparisons.items():
        if name not in options:
            continue
        had = OPTIONS[name].value(recorded)
        omitted = name not in desired.specified and options[name] == OPTIONS[name].default
        both = (wanted.get(name, options[name]), present.get(name, had))
        if mode == "ignore" or omitted or includes(name, *both):
            options[name] = had
        else:
            options[name] = merged(name, options[name], had)
    if not desired.comparisons.keys().isdisjoint(MOUNTS):
        _one_option_each(config, desired, options)
    return cast("ContainerOptions", options)


def _one_option_each(config: ContainerConfig, desired: Desired, options: dict[str, object]) -> None:
    """Keep each mount point in one option, where the container has it in another option than the task.

    The same mount exists already; a different one replaces the container's.
    """
    had, wanted = volumes.by_target(config.options), volumes.by_target(desired.wanted)
    for option in MOUNTS:
        for target in _targets(desired.wanted[option]):
            for other in MOUNTS:
                if other == option or target not in _targets(options[other]):
                    continue
                if had.get(target) == wanted[target]:
                    options[option] = _without(options[option], target)
                elif desired.comparisons.get(other) == "allow_more_present":
                    options[other] = _without(options[other], target)


def _targets(mounts: Any) -> list[str]:
    return list(mounts) if isinstance(mounts, dict) else [one["target"] for one in mounts]


def _without(mounts: Any, target: str) -> object:
    if isinstance(mounts, dict):
        return {key: value for key, value in mounts.items() if key != target}
    return [one for one in mounts if one["target"] != target]


def includes(name: str, wanted: object, present: object) -> bool:
    """Return whether all that is wanted is present: keys with their values, items in their order."""
    if isinstance(wanted, dict) and isinstance(present, dict):
        inside = includes if name in _PARTS else lambda _name, one, other: bool(one == other)
        return all(
            _is_default(name, key, value) or key in present and inside(name, value, present[key])
            for key, value in wanted.items()
        )
    if isinstance(wanted, list) and isinstance(present, list):
        rest = iter(present)
        return all(any(item == other for other in rest) for item in wanted)
    return bool(wanted == present)


def merged(name: str, wanted: Any, present: Any) -> object:
    """Return what is wanted with what is present beside it; where they exclude each other, what is wanted."""
    if name == "ulimit" and "host" in {*wanted, *present}:
        return wanted
    if isinstance(wanted, dict) and isinstance(present, dict):
        both = dict(present)
        for key, value in wanted.items():
            if not _is_default(name, key, value):
                both[key] = merged(name, value, present[key]) if name in _PARTS and key in present else value
        return dict(sorted(both.items()))
    if isinstance(wanted, list) and isinstance(present, list):
        places = [_place(item) for item in wanted]
        extras = [item for item in present if _place(item) not in places]
        return [*wanted, *extras] if name in _ORDERED else sorted([*wanted, *extras], key=_order)
    return wanted


def _is_default(name: str, key: str, value: object) -> bool:
    return name in ("log_opt", "security_opt") and value == OPTIONS[name].default.get(key, ...)


def _order(item: object) -> Any:
    """Return the key by which the normalisers sort lists."""
    if not isinstance(item, dict):
        return item
    return item["type"] if "name" in item else "", item.get("target") or item["container"]


def _place(item: object) -> object:
    """Return what an item of a list has exclusively: a mount its target, a published port its host side."""
    if isinstance(item, PortMapping) and item.host_port:
        return item.host_ip, item.host_port, item.protocol
    return _order(item)
