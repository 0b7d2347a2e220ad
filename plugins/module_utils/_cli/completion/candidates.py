# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod __complete``: the words that can follow a command line, taken from the commands' own parsers."""

from __future__ import annotations

import argparse
import re
import sys
from typing import Iterator, Mapping, NamedTuple, Sequence

from ..._model.engine_config import EngineConfig
from ..arguments import Commands, parser_of
from . import names

# No other words are proposed: a shell could take what is in them as its own, or a terminal.
_PLAIN = re.compile(r"[A-Za-z0-9_.:/@=+,-]+")
# What the words of a command are, the last kind being that of all further ones; empty for files, or what has no list.
_KINDS: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(
        "inspect start stop restart rm kill pause unpause wait diff mark rewind stats update export logs".split(),
        ("container",),
    ),
    **dict.fromkeys(("attach", "exec", "exists", "top", "port", "rename"), ("container", "")),
    "cp": ("path",),
    "commit": ("container", "image"),
    **dict.fromkeys(("run", "create"), ("image", "")),
    **dict.fromkeys(("pull", "push", "rmi", "tag", "untag", "save", "images"), ("image",)),
    **dict.fromkeys(
        ("image inspect", "image rm", "image exists", "image tag", "image untag", "image save"), ("image",)
    ),
    **dict.fromkeys(("image pull", "image push"), ("image",)),
    **dict.fromkeys((f"volume {verb}" for verb in ("inspect", "rm", "exists")), ("volume",)),
    **dict.fromkeys(("volume export", "volume import"), ("volume", "")),
    **dict.fromkeys((f"network {verb}" for verb in ("inspect", "rm", "exists")), ("network",)),
    "network reload": ("container",),
    **dict.fromkeys(("network connect", "network disconnect"), ("network", "container")),
    **dict.fromkeys((f"secret {verb}" for verb in ("inspect", "rm", "exists")), ("secret",)),
    **dict.fromkeys(
        (f"pod {verb}" for verb in "inspect start stop restart kill pause unpause rm exists".split()), ("pod",)
    ),
    "healthcheck": ("", "container"),
}
# The values of flags, by what argparse stores them as.
_VALUES = {
    "pod": "pod",
    "network": "network",
    "secrets": "secret",
    "volumes_from": "container",
    "requires": "container",
}


class _Place(NamedTuple):
    """Where in a command line the last word is: ``path`` is the command with its verb, ``before`` the plain words."""

    parser: argparse.ArgumentParser
    path: str
    before: Sequence[str]


def complete(parts: EngineConfig, arguments: Sequence[str], commands: Commands) -> int:
    """Print what can stand for the last argument, a line each; nothing where that is unknown or cannot be read."""
    *before, current = arguments or [""]
    try:
        found = sorted({word for word in _words(parts, commands, before, current) if word.startswith(current)})
    except Exception:  # pylint: disable=broad-exception-caught
        return 0  # a message would disturb the line that is typed
    sys.stdout.writelines(f"{word}\n" for word in found if _PLAIN.fullmatch(word))
    return 0


def _words(parts: EngineConfig, commands: Commands, before: Sequence[str], current: str) -> Iterator[str]:
    if not before:
        yield from (name for name, (_module, _function, what) in commands.items() if "; run by " not in what)
        yield from ("--help", "--version") if current.startswith("-") else ()
        return
    if before[0] == "image" and len(before) == 1:
        from ..resources.image import VERBS

        yield from VERBS
        return
    if before[0] == "container" and len(before) == 1:
        yield from ("ls", "prune", "run", "create", "cp")
        yield from (name for name, kinds in _KINDS.items() if kinds[0] == "container")
        return
    if before[0] == "container" and before[1] in commands:
        before = before[1:]
    place, flag = _place(parts, commands, before)
    name, equals, _value = current.partition("=")
    if flag is not None:
        yield from _values(parts, flag)
    elif equals and name.startswith("-"):
        given = place.parser._option_string_actions.get(name)
        yield from (f"{name}={word}" for word in (_values(parts, given) if given else ()))
    elif current.startswith("-"):
        yield from (
            word
            for action in place.parser._actions
            if action.help is not argparse.SUPPRESS
            for word in action.option_strings
        )
    else:
        yield from _positionals(parts, place)


def _positionals(parts: EngineConfig, place: _Place) -> Iterator[str]:
    positionals = [action for action in place.parser._actions if not action.option_strings]
    index = len(place.before)
    if index < len(positionals) and positionals[index].choices:
        yield from map(str, positionals[index].choices or ())
        return
    kinds = _KINDS.get(place.path, ("",))
    kind = kinds[min(index, len(kinds) - 1)]
    if kind:
        yield from names.of(parts, kind)


def _values(parts: EngineConfig, flag: argparse.Action) -> Iterator[str]:
    if flag.choices:
        yield from map(str, flag.choices)
    elif flag.dest in _VALUES:
        yield from names.of(parts, _VALUES[flag.dest])


def _place(parts: EngineConfig, commands: Commands, before: Sequence[str]) -> tuple[_Place, argparse.Action | None]:
    """Return the place after the words, and the flag that the next word is a value of, if it is one."""
    path, words = before[0], list(before[1:])
    if path == "image":
        path = " ".join(before[:2])
        words = words[1:]
    parser = parser_of(parts, commands, *(before[:2] if before[0] == "image" else before[:1]))
    plain: list[str] = []
    flag: argparse.Action | None = None
    for word in words:
        if flag is not None:
            flag = None
            continue
        if word.startswith("-"):
            action = parser._option_string_actions.get(word)
            flag = action if action is not None and action.nargs is None else None
            continue
        verbs = next((one for one in parser._actions if isinstance(one, argparse._SubParsersAction)), None)
        if verbs is not None and word in verbs.choices:
            parser, path, plain = verbs.choices[word], f"{path} {word}", []
        else:
            plain.append(word)
    return _Place(parser, path, plain), flag
