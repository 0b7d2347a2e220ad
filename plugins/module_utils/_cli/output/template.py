# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Go's text/template, as far as podman's and docker's users write it for ``--format``.

There are fields, variables, pipelines, the functions of ``functions``, and the blocks ``if``, ``with`` and ``range``. A
template is parsed once, into functions of the variables that return text.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Mapping, NamedTuple, Optional, Sequence

from ..._model.errors import InvalidArgument, printable
from .functions import FUNCTIONS, NO_VALUE, is_true, shown

Variables = Mapping[str, Any]  # by their names with the dollar; "." is the value at hand
_Evaluate = Callable[[Variables], object]
_Render = Callable[[Variables], str]

# What has to be looked at to find an action's end: strings, which may contain braces, and quotes that nothing closes.
_INSIDE = re.compile(r'"(?:\\.|[^"\\])*"|`[^`]*`|["`]|\}\}', re.S)
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:\\.|[^"\\])*"|`[^`]*`)|(?P<number>-?[0-9]{1,19}(?:\.[0-9]{1,19})?)(?![\w.])
    |(?P<path>\$\w*(?:\.\w+)*|\.\w+(?:\.\w+)*|\.)|(?P<word>\w+)|(?P<sign>:=|[|(),]))""",
    re.X,
)
_ESCAPES = {"\\t": "\t", "\\n": "\n"}
_KEPT = "kept"  # beside the variables, whose names have a dollar
_BLOCKS = ("if", "with", "range")
# Fields that only some things have: a field that all of these things have, and what Go prints in the place.
_UNSET: Mapping[str, tuple[str, object]] = {
    **dict.fromkeys(("Healthcheck", "StartupHealthCheck"), ("StopSignal", None)),
    "HealthcheckOnFailureAction": ("StopSignal", ""),
    "IDMappings": ("NetworkMode", None),
    **dict.fromkeys(("Name", "SubPath"), ("Destination", "")),
}


class Template:
    """A template, which ``render`` fills in; ``text`` has its escapes replaced, ``fields`` are its top-level ones."""

    def __init__(self, text: str) -> None:
        for written, letter in _ESCAPES.items():
            text = text.replace(written, letter)
        self.text = text
        self.fields: list[str] = []
        parser = _Parser(_pieces(text), self.fields)
        try:
            self._render = parser.block()
        except RecursionError:
            raise _wrong("it is nested too deeply") from None
        if parser.at is not None:
            raise _wrong("{{" + parser.at + "}} has no beginning")

    def render(self, value: object, kept: str = "\n\t") -> str:
        """Return the text for a value, each interpolated value without what would move the terminal's cursor.

        ``kept`` are control characters of values that stay.

        :raises InvalidArgument: the value lacks a field, or a function cannot take a value.
        """
        try:
            return self._render({".": value, "$": value, _KEPT: kept})
        except RecursionError:
            raise _wrong("it is nested too deeply") from None


def _wrong(why: str) -> InvalidArgument:
    expected = "expected table, json, or a template such as '{{.Name}}'"
    return InvalidArgument(f"--format: {printable(why, '')}: {expected}")


class _Piece(NamedTuple):
    """Text, or the inside of an action."""

    text: str
    action: bool


def _pieces(text: str) -> list[_Piece]:
    pieces, end, trim = [], 0, False
    while (begin := text.find("{{", end)) >= 0:
        close = _close(text, begin)
        inside = text[begin + 2 : close]
        # "{{- " and " -}}" take the blanks before and behind the action away.
        left, right = bool(re.match(r"-\s", inside)), bool(re.search(r"\s-\Z", inside[-2:]))
        before = text[end:begin].lstrip() if trim else text[end:begin]
        pieces.append(_Piece(before.rstrip() if left else before, False))
        action = inside[left : len(inside) - right].strip()
        if not action.startswith("/*"):
            pieces.append(_Piece(action, True))
        end, trim = close + 2, right
    return [*pieces, _Piece(text[end:].lstrip() if trim else text[end:], False)]


def _close(text: str, begin: int) -> int:
    """Return where the braces are that end the action at ``begin``; those in a comment or a string do not."""
    comment = re.compile(r"\{\{(?:-\s)?\s*/\*").match(text, begin)
    at = text.find("*/", comment.end()) if comment else begin + 2
    for found in _INSIDE.finditer(text, at) if at >= 0 else ():
        if found[0] == "}}":
            return found.start()
        if len(found[0]) == 1:
            break
    raise _wrong(f"{text[begin:]!r} does not end in }}}}")


class _Parser:
    """Parses pieces; ``at`` is the action that ended the last block, ``end`` or ``else …``, None for the text's end."""

    def __init__(self, pieces: Sequence[_Piece], fields: list[str]) -> None:
        self._pieces = iter(pieces)
        self._fields = fields
        self._depth = 0
        self.at: str | None = None

    def block(self) -> _Render:
        """Return what renders the pieces up to the end of this block."""
        parts: list[_Render] = []
        self.at = None
        for piece in self._pieces:
            if not piece.action:
                parts.append(_text(piece.text))
                continue
            word = piece.text.partition(" ")[0]
            if word in ("end", "else"):
                self.at = piece.text
                break
            parts.append(self._block(word, piece.text) if word in _BLOCKS else self._value(piece.text))
        return lambda variables: "".join(part(variables) for part in parts)

    def _value(self, text: str) -> _Render:
        evaluate = self._pipeline(text)
        return lambda variables: printable(shown(evaluate(variables)), variables[_KEPT])

    def _pipeline(self, text: str) -> _Evaluate:
        return Pipeline(text, self._fields, top=self._depth == 0).parsed()

    def _block(self, word: str, text: str) -> _Render:
        names, evaluate = self._head(text.partition(" ")[2])
        inner = word != "if"  # the value at hand is another one there
        self._depth += inner
        body = self.block()
        self._depth -= inner
        if self.at is None:
            raise _wrong("{{" + text + "}} has no {{end}}")
        otherwise = _text("")
        if self.at.startswith("else "):
            rest = self.at.partition(" ")[2].strip()
            otherwise = self._block(rest.partition(" ")[0], rest)
        elif self.at == "else":
            otherwise = self.block()
            if self.at != "end":
                raise _wrong("{{" + text + "}} has no {{end}}")
        self.at = None
        render = _range if word == "range" else _choice
        return render(names, evaluate, body, otherwise, moves=inner)

    def _head(self, text: str) -> tuple[list[str], _Evaluate]:
        """Return the variables that a block sets, and its pipeline."""
        match = re.match(r"\s*(\$\w+)(?:\s*,\s*(\$\w+))?\s*:=", text)
        if match is None:
            return [], self._pipeline(text)
        return [name for name in match.groups() if name], self._pipeline(text[match.end() :])


def _text(text: str) -> _Render:
    return lambda _variables: text


def _choice(names: list[str], evaluate: _Evaluate, body: _Render, otherwise: _Render, *, moves: bool) -> _Render:
    def render(variables: Variables) -> str:
        value = evaluate(variables)
        inner = {**variables, **dict.fromkeys(names[:1], value)}
        if not is_true(value):
            return otherwise(inner)
        return body({**inner, ".": value} if moves else inner)

    return render


def _range(names: list[str], evaluate: _Evaluate, body: _Render, otherwise: _Render, *, moves: bool) -> _Render:
    def render(variables: Variables) -> str:
        value = evaluate(variables)
        if not is_true(value):
            return otherwise(variables)
        if not isinstance(value, (dict, list, tuple)):
            raise _wrong(f"range cannot go over {value!r}")
        pairs = sorted(value.items()) if isinstance(value, dict) else list(enumerate(value))
        # One name is the item, two are its key or place and the item.
        return "".join(
            body({**variables, ".": item, **dict(zip(names, (key, item) if len(names) > 1 else (item,)))})
            for key, item in pairs
        )

    return render if moves else _text("")


class Pipeline:
    """One pipeline's text; ``fields`` gets the names of its top-level fields where the value at hand is the ``top``."""

    def __init__(self, text: str, fields: list[str], *, top: bool) -> None:
        self._text = text
        self._fields = fields
        self._top = top
        self._tokens = self._split()
        self._place = 0

    def parsed(self) -> _Evaluate:
        """Return what evaluates it."""
        result = self._pipe()
        if self._place < len(self._tokens):
            raise self._error()
        return result

    def _error(self) -> InvalidArgument:
        return _wrong("{{" + self._text + "}} cannot be understood")

    def _split(self) -> list[tuple[str, str]]:
        tokens, place, text = [], 0, self._text.rstrip()
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                raise self._error()
            tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            place = match.end()
        return tokens

    def _next(self) -> tuple[str, str]:
        return self._tokens[self._place] if self._place < len(self._tokens) else ("", "")

    def _pipe(self) -> _Evaluate:
        command = self._command(None)
        while self._next() == ("sign", "|"):
            self._place += 1
            command = self._command(command)
        return command

    def _command(self, last: _Evaluate | None) -> _Evaluate:
        """Return a value or a call; ``last`` is a further argument, from the pipe."""
        kind, word = self._next()
        if kind != "word" or word in ("true", "false", "nil"):
            if last is not None:
                raise self._error()
            return self._term()
        self._place += 1
        function = FUNCTIONS.get(word)
        if function is None:
            raise _wrong(f"there is no function {word}, but {', '.join(sorted(FUNCTIONS))}")
        arguments: list[_Evaluate] = []
        while self._next()[0] and self._next() not in (("sign", "|"), ("sign", ")")):
            arguments.append(self._term())
        if last is not None:
            arguments.append(last)
        return lambda variables: _called(word, function, [one(variables) for one in arguments])

    def _term(self) -> _Evaluate:
        kind, text = self._next()
        self._place += 1
        if kind == "path":
            return self._path(text)
        if (kind, text) == ("sign", "("):
            inner = self._pipe()
            if self._next() != ("sign", ")"):
                raise self._error()
            self._place += 1
            if self._next()[0] == "path" and self._next()[1].startswith("."):
                names = self._next()[1][1:].split(".")
                self._place += 1
                return lambda variables: _field(inner(variables), names)
            return inner
        value: object
        if kind == "string":
            value = text[1:-1] if text.startswith("`") else self._unquoted(text)
        elif kind == "number":
            value = float(text) if "." in text else int(text)
        elif kind == "word" and text in ("true", "false", "nil"):
            value = {"true": True, "false": False, "nil": None}[text]
        else:
            raise self._error()
        return lambda _variables: value

    def _unquoted(self, text: str) -> str:
        try:
            return str(json.loads(text, strict=False))
        except ValueError as error:
            raise self._error() from error

    def _path(self, text: str) -> _Evaluate:
        root, *names = text.split(".")
        names = [name for name in names if name]
        if names and (root == "$" or not root and self._top):
            self._fields.append(names[0])
        if not root:
            return lambda variables: _field(variables["."], names)

        def variable(variables: Variables) -> object:
            if root not in variables:
                raise _wrong(f"there is no variable {root}")
            return _field(variables[root], names)

        return variable


def _called(word: str, function: Callable[..., object], arguments: list[object]) -> object:
    try:
        return function(*arguments)
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
        given = ", ".join(shown(one)[:40] for one in arguments)
        raise _wrong(f"{word} cannot take {given or 'nothing'}") from error


def _key(value: Mapping[str, object], name: str) -> Optional[str]:
    """Return the key of a field, which Go names in capitals; the name itself for one that is only unset."""
    if name in value:
        return name
    beside, _value = _UNSET.get(name, ("", None))
    if beside in value:
        return name
    plain = name.lower()
    return next((key for key in value if name[0].isupper() and key.replace("_", "").lower() == plain), None)


def _field(value: object, names: Sequence[str]) -> object:
    """Return the field of a field. Go's maps have keys with a small letter, and may lack them."""
    for name in names:
        if isinstance(value, dict) and (known := _key(value, name)) is not None:
            value = value.get(known, _UNSET.get(name, ("", ""))[1])
        elif not name[0].isupper() and isinstance(value, dict) or value is None or value is NO_VALUE:
            value = NO_VALUE
        else:
            listed = ", ".join(f".{key}" for key in value) if isinstance(value, dict) else ""
            raise _wrong(
                f"there is no .{name}, but {listed}" if listed else f"{shown(value)[:40]} has no field .{name}"
            )
    return value
