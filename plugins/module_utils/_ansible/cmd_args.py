# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of ``podman run`` as the options they stand for; imported only for tasks that have any."""

from __future__ import annotations

from typing import Any, Mapping

from .._model.errors import InvalidArgument
from .._model.options.syntax.command_line import LONG, arguments, merged, pair

# Options of the task itself, for which there is no argument.
_NONE = frozenset(
    "name state image rootfs image_strict force_restart recreate recreate_policy expect_plan comparisons force_delete"
    " delete_depend delete_volumes delete_time stop_time restart_time wait wait_timeout wait_for_healthy drift strict"
    " cmd_args executable debug command".split()
)


def understood(params: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, object]:
    """Return the task's arguments with those of ``cmd_args`` as options; ``spec`` is the container's argument spec.

    :raises InvalidArgument: an argument has no option here, lacks its value, or is given as an option too.
    """
    names = {
        alias: option
        for option, one in spec.items()
        if option not in _NONE and "fallback" not in one
        for alias in (option, *one.get("aliases", ()))
    }
    options = dict(params)
    words, types = (str(one) for one in params["cmd_args"]), {option: one["type"] for option, one in spec.items()}
    for argument, option, value in arguments(words, {**names, **LONG}, types, "cmd_args"):
        if not option:
            raise InvalidArgument(f"cmd_args: {argument} cannot be used: no option here stands for it: omit it")
        kind = types[option]
        if kind == "dict":
            options[option] = merged(
                option, pair(f"cmd_args: the value of {argument}", option, str(value)), options[option] or {}
            )
        elif kind == "list":
            options[option] = [*(options[option] or []), value]
        elif params[option] not in (None, value, spec[option].get("default")):
            raise InvalidArgument(f"cmd_args: {argument} conflicts with the option {option}: set only one of them")
        else:
            options[option] = value
    return options
