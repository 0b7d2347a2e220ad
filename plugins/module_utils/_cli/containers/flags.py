# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags of the options of libpod_container, as podman has them, and their values in the types that a task has."""

from __future__ import annotations

import argparse
from typing import Any

from ..._model.options.syntax import command_line
from ..._model.options.table import OPTIONS, Option

_FLAGS = {option: argument for argument, option in command_line.LONG.items()}
_LETTERS = {option: letter for letter, option in command_line.SHORT.items()}


def add_option(parser: argparse.ArgumentParser, option: Option, *, without: str = "") -> None:
    """Add the flags of an option: its names and aliases, podman's name, and a letter but those ``without``."""
    names = [_FLAGS.get(option.name, ""), option.name, *option.aliases]
    flags = [f"--{name.replace('_', '-')}" for name in names if name]
    letters = [f"-{_LETTERS[option.name]}"] if _LETTERS.get(option.name, without) not in without else []
    about = f"see {option.name} in ansible-doc libpod.engine.libpod_container"
    if option.type == "bool":
        # argparse takes a flag with "=" in its name as a flag of its own.
        parser.add_argument(*letters, *flags, dest=option.name, action="store_const", const=True, help=about)
        for value, words in ((True, ("true", "1")), (False, ("false", "0"))):
            written = [f"{flag}={word}" for flag in flags for word in words]
            parser.add_argument(
                *written, dest=option.name, action="store_const", const=value, help=argparse.SUPPRESS, default=None
            )
        return
    kind: dict[str, Any] = {"type": int} if option.type == "int" else {}
    if option.type in ("list", "dict"):
        kind = {"action": "append"}
    if option.choices:
        kind["choices"] = option.choices
    parser.add_argument(*letters, *flags, dest=option.name, metavar="VALUE", help=about, **kind)


def option_values(options: argparse.Namespace) -> dict[str, Any]:
    """Return the values of the options that are given."""
    values: dict[str, Any] = {}
    for name, option in OPTIONS.items():
        given = getattr(options, name, None)
        if given is None:
            continue
        if option.type != "dict":
            values[name] = given
            continue
        for one in given:
            pair = command_line.pair(f"--{_FLAGS.get(name, name).replace('_', '-')}: the value", name, one)
            entries = values.get(name, {})
            # A host has all its addresses; of another key the last value counts.
            values[name] = command_line.merged(name, pair, entries) if name == "etc_hosts" else {**entries, **pair}
    if options.cpus is not None:
        values["cpus"] = options.cpus
    return values
