# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields of another tool's YAML, read by kind, and those that cannot be translated."""

from __future__ import annotations

from typing import Callable, Iterator, Mapping, NoReturn, Optional

from .._model.errors import MalformedData
from .._model.foreign import Foreign
from .stack import Options

Translate = Callable[[Foreign], Options]
_KEPT = ("command", "entrypoint", "content", "value")  # fields that are something where they are empty
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class Fields:
    """Reads the fields of mappings; ``file_of`` names the file that has a field, and ``ineffective`` gathers fields.

    ``page`` is the page of the documentation that lists the fields.
    """

    def __init__(self, file_of: Callable[[str], str], page: str) -> None:
        self._file_of = file_of
        self._page = page
        self.ineffective: list[str] = []

    def of(self, node: Foreign, known: Mapping[str, Translate], idle: tuple[str, ...] = ()) -> Options:
        """Return what the fields of a mapping translate to; a null and an extension (``x-``) count as absent.

        So does an empty text, such as a variable without a value leaves, as the tools that have the fields take it.

        :raises MalformedData: there is a field that is neither ``known`` nor without effect.
        """
        options: Options = {}
        for key, value in node.items():
            if key.startswith("x-") or not value and key not in ("command", "entrypoint"):
                continue
            if value.value == "" and key in (*known, *idle) and key not in _KEPT:
                continue
            if key in known:
                options.update(known[key](value))
            elif key in idle:
                self.ignore(value)
            else:
                self.refuse(value)
        return options

    def ignore(self, node: Foreign) -> None:
        """Note a field that has no effect."""
        self.ineffective.append(f"{self._file_of(node.path)}: {node.path}")

    def refuse(self, node: Foreign, remedy: str = "remove it") -> NoReturn:
        """Raise MalformedData if the field has no counterpart."""
        raise MalformedData(
            f"{self._file_of(node.path)}: {node.path} has no counterpart here: {remedy}; {self._page} lists the fields"
        )


def scalar(node: Foreign) -> str:
    """Return a text, number or truth value as text."""
    if isinstance(node.value, bool):
        return "true" if node.value else "false"
    if isinstance(node.value, (int, float)):
        return str(node.value)
    return node.text(required=True)


def word(node: Foreign) -> str:
    """Return what ``scalar`` does, for an option that joins its parts with commas.

    :raises MalformedData: it has a comma, and would be read as several parts.
    """
    text = scalar(node)
    if "," in text:
        node.fail("a text without commas")
    return text


def flag(node: Foreign) -> bool:
    """Return a truth value, which a variable may have made a text."""
    if isinstance(node.value, str) and node.value.lower() in _TRUE + _FALSE:
        return node.value.lower() in _TRUE
    return node.flag(required=True)


def whole(node: Foreign) -> int:
    """Return a whole number, which a variable may have made a text."""
    if isinstance(node.value, str):
        text = node.value.strip()
        if text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() and len(text) < 20:
            return int(text)
    return node.integer(required=True)


def scalars(node: Foreign) -> list[str]:
    """Return a list of texts; a text alone is one of them."""
    if isinstance(node.value, (str, int)):
        return [scalar(node)]
    return [scalar(one) for one in node]


def pairs(node: Foreign) -> dict[str, Optional[str]]:
    """Return a mapping whose values are text or None, also from a list of KEY=VALUE.

    :raises MalformedData: there is no key in one of them.
    """
    if isinstance(node.value, list):
        split = [scalar(one).partition("=") for one in node]
        found = {key: value if equals else None for key, equals, value in split}
    else:
        found = {key: scalar(one) if one else None for key, one in node.items()}
    if "" in found:  # the message has no value, which may be a secret
        raise MalformedData(f"{node.origin}: {node.path}: expected a name in each element, found an empty one")
    return found


def labels(node: Foreign) -> dict[str, str]:
    """Return labels, of which one without a value has an empty one."""
    return {key: value or "" for key, value in pairs(node).items()}


def elements(node: Foreign) -> Iterator[Foreign]:
    """Yield the elements of a list, or the one value that is there in its place."""
    if isinstance(node.value, (str, int)):
        yield node
    else:
        yield from node


def size(node: Foreign) -> str:
    """Return a number of bytes as the engine's options take it: ``2gb`` as ``2g``."""
    text = scalar(node).lower()
    return text[:-1] if len(text) > 1 and text.endswith("b") and text[-2] in "kmgtp" else text


def mode(node: Foreign) -> str:
    """Return a file's mode in octal digits: YAML makes a number of 0440, and a text has the digits themselves."""
    return scalar(node) if isinstance(node.value, str) else f"0{whole(node):o}"


def boolean(node: Foreign) -> bool:
    """Return a truth value, which no text stands for."""
    return node.flag(required=True)


def unread(_node: Foreign) -> Options:
    """Return nothing for a field that is read elsewhere, or asks for nothing."""
    return {}


def to(option: str, read: Callable[[Foreign], object]) -> Translate:
    """Return the translation of a field into one option, by the function that reads it."""
    return lambda node: {option: read(node)}
