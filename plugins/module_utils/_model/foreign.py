# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one reader of JSON that the engine did not write: images, networks, plugins, conmon, runtimes, other stores.

``parse`` turns text into a ``Foreign``, whose accessors return values of one type each or raise ``MalformedData`` with
one sentence that names the file or tool and the member, such as ``image busybox: config.Healthcheck.Test: expected a
list, found an integer``. JSON's null counts as absent, as in Go's encoding/json, in which all of this is written.
"""

from __future__ import annotations

import json
from typing import Iterator, Mapping, NoReturn, Optional, TypeVar, Union

from .errors import MalformedData, shortened

MAX_BYTES = 16 << 20  # larger than any image configuration, network or answer of a tool in use
_SHOWN = 80  # characters of an unexpected value in a message
_WHERE = 500  # and of where it stands
KINDS = {
    dict: "an object",
    list: "a list",
    str: "a string",
    int: "an integer",
    bool: "true or false",
    float: "a number",
}
_INT64 = 1 << 63
T = TypeVar("T")


def parse(text: Union[str, bytes], origin: str, *, max_bytes: int = MAX_BYTES) -> Foreign:
    """Return the JSON value in ``text``; ``origin`` names the file or tool it came from in messages.

    :raises MalformedData: it is too long, no JSON (RFC 8259), or nested too deeply.
    """
    if len(text) > max_bytes:
        raise MalformedData(f"{origin}: longer than the {max_bytes} bytes that are read")
    try:
        return Foreign(json.loads(text, parse_constant=_no_constant), origin)
    except RecursionError:
        raise MalformedData(f"{origin}: nested too deeply to be read") from None
    except ValueError as error:
        raise MalformedData(f"{origin}: not valid JSON: {str(error)[:_SHOWN]}") from None


class Foreign:
    """One value of a foreign JSON text, and where in it that value is."""

    __slots__ = ("value", "origin", "path")

    def __init__(self, value: object, origin: str, path: str = "") -> None:
        self.value = value
        self.origin = origin
        self.path = path

    def __bool__(self) -> bool:
        """Return whether the value is there (JSON null counts as absent)."""
        return self.value is not None

    def __getitem__(self, key: str) -> Foreign:
        """Return the member ``key`` of an object; an absent one where the object or the member is absent."""
        mapping = self._typed(dict, {})
        return Foreign(mapping.get(key), self.origin, f"{self.path}.{key}" if self.path else key)

    def items(self) -> Iterator[tuple[str, Foreign]]:
        """Yield the members of an object, keys checked as ``text`` checks strings; none where it is absent."""
        for key in self._typed(dict, {}):
            yield Foreign(key, self.origin, f"{self.path} (a key)").text(required=True), self[key]

    def __iter__(self) -> Iterator[Foreign]:
        """Yield the elements of a list; none where it is absent."""
        for index, value in enumerate(self._typed(list, [])):
            yield Foreign(value, self.origin, f"{self.path}[{index}]")

    def text(self, default: str = "", *, required: bool = False) -> str:
        """Return a string without NUL bytes and lone surrogates, which no file name and no argument can hold."""
        value: str = self._typed(str, default, required)
        if "\0" in value or not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            self.fail("a string without NUL bytes and lone surrogates", "one that has them")
        return value

    def integer(self, default: int = 0, *, low: int = -_INT64, high: int = _INT64 - 1, required: bool = False) -> int:
        """Return an integer from ``low`` to ``high``, by default of 64 bits."""
        value: int = self._typed(int, default, required)
        if not low <= value <= high:
            self.fail(f"an integer from {low} to {high}")
        return value

    def flag(self, default: bool = False, *, required: bool = False) -> bool:
        """Return true or false."""
        value: bool = self._typed(bool, default, required)
        return value

    def texts(self) -> list[str]:
        """Return a list of strings, each checked as ``text`` does; a null among them is refused."""
        values: list[str] = self._typed(list, [])  # to be checked
        if all(isinstance(one, str) and one.isascii() and "\0" not in one for one in values):
            return list(values)  # the usual case, ten times as fast
        return [one.text(required=True) for one in self]

    def text_map(self) -> dict[str, str]:
        """Return an object whose values are strings, each checked as ``text`` does."""
        return {key: one.text(required=True) for key, one in self.items()}

    def mapping(self) -> Mapping[str, object]:
        """Return an object as it is, for what is handed on unread; its members are not checked."""
        value: Mapping[str, object] = self._typed(dict, {})
        return value

    def fail(self, expected: str, found: str = "") -> NoReturn:
        """Raise an error about the value, which it shows unless ``found`` says in other words what was found.

        :raises MalformedData: naming the origin, the member and what was found there.
        """
        where = shortened(f"{self.origin}: {self.path}" if self.path else self.origin, _WHERE)
        if not where.isprintable():
            where = ascii(where)[1:-1]
        raise MalformedData(f"{where}: expected {expected}, found {found or _shown(self.value)}")

    def _typed(self, kind: type[T], default: T, required: bool = False) -> T:
        if self.value is None and not required:
            return default
        # bool is a subclass of int.
        if not isinstance(self.value, kind) or kind is int and isinstance(self.value, bool):
            # What stands in the place of variables or of a secret's members may be one of their values.
            self.fail(KINDS[kind], kind_of(self.value) if kind in (dict, list) else "")
        return self.value


def kind_of(value: object) -> str:
    """Return JSON's type of a value for a message."""
    return "null" if value is None else KINDS.get(type(value), "a value of another kind")


def _shown(value: object) -> str:
    if not isinstance(value, (str, int, float, type(None))):
        return kind_of(value)
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        return "an integer of more than 64 bits"
    shown = json.dumps(value[:_SHOWN] if isinstance(value, str) else value)
    return f"{shown[:_SHOWN]}…" if len(shown) > _SHOWN else shown


def _no_constant(name: str) -> Optional[float]:
    raise ValueError(f"{name} is not a JSON value")
