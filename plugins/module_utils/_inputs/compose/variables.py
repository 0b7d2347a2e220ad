# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of Compose files: their interpolation, and files such as ``.env`` (Compose Specification, 12)."""

from __future__ import annotations

import re
from typing import Callable, NoReturn, Optional, Sequence

from ..._model.errors import MalformedData, warn
from ..yaml_files import decoded

Lookup = Callable[[str], Optional[str]]
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
_DEEPEST = 16  # levels of ${A:-${B:-…}}
_LONGEST = 1 << 16  # characters of a value
_ASSIGNMENT = re.compile(
    r"""[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*
    (?:[=:][ \t]*(?:'([^']*)'|"((?:[^"\\]|\\.)*)"|([^\n]*)))?[ \t]*(?:(?<=\s)\#[^\n]*)?(?:\n|\Z)""",
    re.VERBOSE | re.DOTALL,
)
_BLANK = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_COMMENT = re.compile(r"(?:^|[ \t])#")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "$": "$$"}


def interpolate(text: str, look_up: Lookup, where: str) -> str:
    """Return the text with its variables; ``look_up`` returns a variable's value, None where it is not set.

    The forms are ``$NAME``, ``${NAME}``, ``${NAME:-WORD}``, ``${NAME:?WORD}``, ``${NAME:+WORD}``, these without the
    colon, and ``$$`` for a dollar sign.

    :raises MalformedData: a form is none of these, or ``?`` has a variable that is not set; it begins with ``where``.
    """
    if "$" not in text:
        return text
    return _Interpolation(text, look_up, where).result()


class _Interpolation:
    """One text, read from left to right."""

    def __init__(self, text: str, look_up: Lookup, where: str) -> None:
        self._text = text
        self._look_up = look_up
        self._where = where
        self._at = 0

    def result(self) -> str:
        return self._until("", 0)

    def _until(self, end: str, depth: int) -> str:
        """Return what is before ``end``, which is passed over, or the end of the text."""
        found: list[str] = []
        if depth > _DEEPEST:
            self._fail("is nested too deeply")
        while self._at < len(self._text):
            letter = self._text[self._at]
            if letter == end:
                break
            self._at += 1
            found.append(self._variable(depth) if letter == "$" else letter)
        else:
            if end:
                self._fail(f"lacks a {end}")
        self._at += 1
        value = "".join(found)
        if len(value) > _LONGEST:
            self._fail(f"stands for more than {_LONGEST} characters")
        return value

    def _variable(self, depth: int) -> str:
        if self._text.startswith("$", self._at):
            self._at += 1
            return "$"
        braced = self._text.startswith("{", self._at)
        self._at += braced
        name = _NAME.match(self._text, self._at)
        if not name:
            self._fail("has a $ that begins no variable: write $$ for a dollar sign")
        self._at = name.end()
        value = self._look_up(name[0])
        operator = _OPERATOR.match(self._text, self._at) if braced else None
        if value is None and not operator:
            warn(f"{self._where}: the variable {name[0]} is not set, and counts as empty")
        if not braced:
            return value or ""
        if operator:
            self._at = operator.end()
        elif self._at == len(self._text):
            self._fail("lacks a }")
        elif not self._text.startswith("}", self._at):
            self._fail(f"has {name[0]!r} with what is no operator of a variable: expected one of :- - :? ? :+ +")
        word = self._until("}", depth + 1)
        return self._applied(name[0], value, operator[0], word) if operator else value or ""

    def _applied(self, name: str, value: Optional[str], operator: str, word: str) -> str:
        is_set = bool(value) if operator.startswith(":") else value is not None
        if operator.endswith("+"):
            return word if is_set else ""
        if not is_set and operator.endswith("?"):
            raise MalformedData(f"{self._where}: the variable {name} is needed: {word or 'set it'}")
        return value or "" if is_set else word

    def _fail(self, what: str) -> NoReturn:
        raise MalformedData(f"{self._where}: {what}")  # without the text, which may be a password


def assignments(text: str, look_up: Lookup, origin: str) -> dict[str, str]:
    """Return the variables that a file such as ``.env`` sets; ``look_up`` has those that it may use.

    A value in single quotes is taken as it is; any other is interpolated, also with variables set before it. A name
    alone takes its value from ``look_up``, and is not set where that has none.

    :raises MalformedData: a line sets no variable.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    values: dict[str, str] = {}

    def known(name: str) -> Optional[str]:
        outer = look_up(name)
        return values.get(name) if outer is None else outer

    at = 0
    while at < len(text):
        number = text.count("\n", 0, at) + 1
        found = _BLANK.match(text, at)
        if not found:
            found = _ASSIGNMENT.match(text, at)
            if not found or (found[4] or "").startswith(("'", '"')):
                raise MalformedData(f"{origin}: line {number} sets no variable: expected NAME=VALUE")
            value = _value(found, known, f"{origin}: line {number}")
            if value is not None:
                values[found[1]] = value
        at = found.end() if found.end() > at else len(text)
    return values


def with_files(look_up: Lookup, paths: Sequence[str], option: str) -> Lookup:
    """Return the look-up of variables: those of ``look_up``, then of files; ``option`` is the one that names these.

    :raises InvalidArgument: a file cannot be read. :raises MalformedData: a line of one sets no variable.
    """
    found: dict[str, str] = {}

    def known(name: str) -> Optional[str]:
        outer = look_up(name)
        return found.get(name) if outer is None else outer

    for path in paths:
        found.update(assignments(decoded(path, option), known, path))
    return known


def _value(found: re.Match[str], known: Lookup, where: str) -> Optional[str]:
    name, literal, quoted, plain = found.groups()
    if literal is not None:
        return str(literal)
    if quoted is not None:
        escaped = re.sub(r"\\(.)", lambda one: _ESCAPES.get(one[1], one[1]), quoted, flags=re.DOTALL)
        return interpolate(escaped, known, where)
    if plain is not None:
        return interpolate(_COMMENT.split(plain, 1)[0].strip(), known, where)
    return known(name)
