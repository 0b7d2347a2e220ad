# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libpod_containers does, between the arguments and the result."""

from __future__ import annotations

import os
import re
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional, Sequence

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.validation import check_type_str

from .._model import caller
from .._model.engine_config import EngineConfig
from .._model.errors import InvalidArgument, take_warnings, warn
from .._reconcile.batch import CHANGED, FAILED, NOT_BEGUN, BatchReconcile, Renderers
from .._reconcile.desired import Desired
from .._reconcile.reconcile import Outcome
from .._runtime.inspect import inspect, outline
from . import arguments
from .container import result
from .module import (
    MOUNT_OPTIONS,
    SECRET_MAPPINGS,
    EngineModule,
    check_quoting,
    failure,
    hidden,
    password_hidden,
    run,
    unasked,
)

if TYPE_CHECKING:
    from .._container.container import Container
    from .._runtime.types import Shown

# As many containers are inspected as a whole; of more, each value costs Ansible more than the engine's look at it.
_INSPECTED = 50


def spec() -> dict[str, Any]:
    """Return the argument spec of libpod_containers.

    Each container's own options are checked here, not by Ansible: it would fill in every omitted one, for each
    container, in the task's result.
    """
    return {
        "containers": {"type": "list", "elements": "dict", "required": True},
        "defaults": {"type": "dict", "default": {}},
        "purge": {"type": "str", "aliases": ["purge_label"]},
        "workers": {"type": "int", "aliases": ["parallel"]},
        "keep_going": {"type": "bool", "default": False},
        "expect_plan": {"type": "str", "default": ""},
        "inspect": {"type": "str", "default": "auto", "choices": ["auto", "full", "outline"]},
        "debug": {"type": "bool", "default": False},
        **arguments.parts_spec(),
    }


def one_spec() -> dict[str, Any]:
    """Return the options of one container in the list: libpod_container's, without the roots and parts."""
    return {
        name: {key: _path if key in ("type", "elements") and value == "path" else value for key, value in one.items()}
        for name, one in arguments.container_spec().items()
        if name not in EngineConfig._fields
    }


def _path(value: object) -> str:
    """Return what Ansible makes of a path, which it does for a module's own options before the engine has begun."""
    text = re.sub(
        r"\$(?:(\w+)|\{([^}]*)\})",
        lambda found: caller.environment.get(found[1] or found[2], found[0]),
        check_type_str(value),
    )
    return os.path.expanduser(text)


class Module(EngineModule):
    """Hides the secrets of every container in the list."""

    def shown_params(self) -> dict[str, Any]:
        shown = super().shown_params()
        lists = {key: shown.get(key) for key in ("containers", "defaults")}
        shown["containers"] = [_shown(one) for one in lists["containers"] or []]
        shown["defaults"] = _shown(lists["defaults"] or {})
        return shown


def _shown(one: object) -> object:
    if not isinstance(one, dict):
        return one
    shown = {key: hidden(value) if key in SECRET_MAPPINGS else value for key, value in one.items()}
    shown.update((key, password_hidden(shown[key])) for key in MOUNT_OPTIONS if key in shown)
    return shown


def wanted(params: Mapping[str, Any]) -> list[Desired]:
    """Return what the task asks for of each container.

    :raises InvalidArgument: naming the container, and what of it cannot be used.
    """
    own = one_spec()
    validators: dict[frozenset[str], ArgumentSpecValidator] = {}
    canonical = {alias: name for name, one in own.items() for alias in one.get("aliases", ())}
    defaults = {canonical.get(key, key): value for key, value in params["defaults"].items()}
    found: dict[str, Desired] = {}
    earlier = take_warnings()
    for number, given in enumerate(params["containers"]):
        whose = f"container {given['name']}" if given.get("name") else f"containers: number {number + 1} of the list"
        merged = _merged(defaults, _unaliased(given, canonical, whose))
        for name in unasked(merged, own) if not merged.keys() <= own.keys() else ():
            del merged[name]
        keys = frozenset(merged)
        if not keys <= set(own):
            raise _unknown(whose, min(keys - set(own)), own)
        if keys not in validators:
            validators[keys] = _validator(own, keys)
        checked = validators[keys].validate(merged)
        if checked.error_messages:
            raise InvalidArgument(f"{whose}: {checked.error_messages[0]}")
        if arguments.is_nothing(checked.validated_parameters):
            continue
        try:
            desired = arguments.desired({**dict.fromkeys(own), **checked.validated_parameters})
        except InvalidArgument as error:
            raise InvalidArgument(f"{whose}: {error}") from error
        check_quoting(merged)
        for sentence in take_warnings():
            warn(f"container {desired.name}: {sentence}")
        if desired.name in found:
            raise InvalidArgument(f"containers: the name {desired.name!r} stands there twice, expected it once")
        found[desired.name] = desired
    for sentence in earlier:
        warn(sentence)
    return list(found.values())


def _unaliased(given: Mapping[str, object], canonical: Mapping[str, str], whose: str) -> dict[str, object]:
    """Return a container's options under their own names; ``canonical`` has these by the aliases.

    :raises InvalidArgument: two names mean the same option.
    """
    options = {canonical.get(key, key): one for key, one in given.items()}
    if len(options) < len(given):
        names = [canonical.get(key, key) for key in given]
        twice = " and ".join(sorted(key for key in given if names.count(canonical.get(key, key)) > 1))
        raise InvalidArgument(f"{whose}: {twice} mean the same option: give one of them")
    return options


def _unknown(whose: str, key: str, own: Mapping[str, object]) -> InvalidArgument:
    from .unknown_options import remedy

    meant = remedy(key, own, container=True) or "libpod_container's documentation lists them"
    return InvalidArgument(f"{whose}: {key!r} is no option of a container in a list: {meant}")


def _validator(own: Mapping[str, Any], keys: frozenset[str]) -> ArgumentSpecValidator:
    """Ansible's, for the options a container has: it goes through the whole spec a dozen times for each container."""
    return ArgumentSpecValidator(
        {name: one for name, one in own.items() if name in keys or "default" in one or one.get("required")}
    )


def _merged(defaults: Mapping[str, Any], given: Mapping[str, object]) -> dict[str, object]:
    """Return the container's options over the defaults; of mappings, key by key."""
    both = {
        key: {**defaults[key], **value}
        for key, value in given.items()
        if isinstance(value, dict) and isinstance(defaults.get(key), dict)
    }
    return {**defaults, **given, **both}


def _purge(label: Optional[str]) -> Optional[tuple[str, Optional[str]]]:
    """Return the label of ``purge`` as its name and value; raise InvalidArgument where it has no name."""
    if label is None:
        return None
    key, equals, value = label.partition("=")
    if not key.strip():
        raise InvalidArgument(f"purge: {label!r} cannot be used: expected a label, as KEY or KEY=VALUE")
    return key, value if equals else None


def containers(module: EngineModule) -> dict[str, object]:
    """libpod_containers: reconcile them all."""
    params = module.params
    number = workers(params)
    asked = wanted(params)
    several = BatchReconcile(
        arguments.parts(params),
        asked,
        Renderers(partial(rendered, diff=module._diff), failure),
        purge=_purge(params["purge"]),
        workers=number,
        keep_going=params["keep_going"],
        expected=_expected(params["expect_plan"]),
        shown=shown(asked, params["inspect"]),
    )
    several.run(check_mode=module.check_mode)
    return summary(several, [one.name for one in asked], module._diff)


def workers(params: Mapping[str, Any]) -> int:
    """Return how many containers are changed at a time, by default one for each CPU.

    :raises InvalidArgument: the task asks for less than one.
    """
    number = len(os.sched_getaffinity(0)) if params["workers"] is None else int(params["workers"])
    if number < 1:
        raise InvalidArgument(f"workers: {number} cannot be used: expected 1 or more")
    return number


def shown(asked: Sequence[Desired], how: str = "auto") -> Callable[[Container], Shown]:
    """Return what a result shows of each container: of many an outline, unless the task says ``how``."""
    return inspect if how == "full" or how == "auto" and len(asked) <= _INSPECTED else outline


def rendered(outcome: Outcome, name: str, *, diff: bool) -> dict[str, object]:
    """Return what a result has of one of several containers."""
    found = result(outcome, name, diff)
    # Of a hundred containers each value costs Ansible more than the engine's look at it.
    if not (outcome.plan.steps or outcome.plan.differences):
        del found["plan"]
    return found


def _expected(text: str) -> Optional[dict[str, str]]:
    """Return the digests of the approved plans by name, None where the task expects none."""
    if not text:
        return None
    from .._reconcile import approval

    return approval.split(text, "expect_plan")


def summary(several: BatchReconcile, names: Sequence[str], diff: bool) -> dict[str, Any]:
    """Return the result of a batch: what was done, and the containers of these names in their order."""
    fates = [{"changed": False, "actions": [], **fate} for fate in several.results.values()]
    values: dict[str, object] = {
        "changed": any(fate["changed"] for fate in fates),
        "actions": [action for fate in fates for action in fate["actions"]],
        "containers": [one for name in names if (one := several.results[name].get("container"))],
        "plan": {"digest": several.digest},
        "fates": [{key: value for key, value in fate.items() if key != "container"} for fate in fates],
    }
    if diff:
        values["diff"] = [
            {**fate["diff"], "before_header": fate["name"], "after_header": fate["name"]}
            for fate in fates
            if fate["fate"] == CHANGED and "diff" in fate
        ]
    if any("stdout" in fate for fate in fates):
        values.update((stream, "".join(fate.get(stream, "") for fate in fates)) for stream in ("stdout", "stderr"))
    bad = [fate for fate in fates if fate["fate"] == FAILED]
    left = [fate["name"] for fate in fates if fate["fate"] == NOT_BEGUN]
    if bad or left:
        messages = [f"container {fate['name']}: {fate['msg']}" for fate in bad]
        messages += [f"ended by {several.stopped_by}"] if several.stopped_by else []
        messages += [f"not begun: {', '.join(left)}"] if left else []
        values.update(failed=True, msg="; ".join(messages))
    return values


def main() -> None:
    """libpod_containers, from a task's arguments to its result."""
    run(Module(argument_spec=spec(), supports_check_mode=True), containers)
