# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reader of TOML (v1.0) that the engine did not write. Python 3.9 has none, and tomllib's import takes milliseconds.

What tomllib reads is read the same, but for dates and times, which no file of containers/image has: they are values
that no accessor of ``Foreign`` returns. Of what TOML forbids, some is accepted.
"""

from __future__ import annotations

import re
from typing import Optional, Sequence

from .errors import MalformedData
from .foreign import Foreign

MAX_BYTES = 1 << 20
_DEEPEST = 32  # levels of arrays and inline tables
# Patterns are compiled where they are first used, which most are in few files.
_SPACE = r"[ \t]*"
_LINES = r"(?:[ \t\n]|#[^\n]*)*"
_END = r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)"
_BARE = r"[A-Za-z0-9_-]+"
# Most lines of a file: a key and a string without an escape.
_SIMPLE = r"""[ \t\n]*(?:([A-Za-z0-9_-]+)|"([^"\\\n]+)")[ \t]*=[ \t]*"([^"\\\n]*)"[ \t]*(?=\n|\Z)"""
# Strings, and whether there are escapes in them.
_LONG = (
    (r'"""\n?((?:[^"\\]|\\[\s\S]|"(?!""))*"{0,2})"""(?!")', True),
    (r"'''\n?((?:[^']|'(?!''))*'{0,2})'''(?!')", False),
)
_SHORT = ((r'"(?!"")((?:[^"\\\n]|\\[^\n])*)"', True), (r"'(?!'')([^'\n]*)'", False))
_ESCAPE = r"\\(?:([ \t]*\n[ \t\n]*)|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))"
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}
_WORD = r"[A-Za-z0-9_+.:-]+(?: [0-9][0-9:.]*(?:Z|[+-][0-9:]+)?)?"
_DIGITS = "(?:0|[1-9](?:_?[0-9])*)"
_INTEGER = rf"[+-]?{_DIGITS}|0x[0-9a-fA-F](?:_?[0-9a-fA-F])*|0o[0-7](?:_?[0-7])*|0b[01](?:_?[01])*"
_FLOAT = rf"[+-]?(?:{_DIGITS}(?:\.[0-9](?:_?[0-9])*)?(?:[eE][+-]?[0-9](?:_?[0-9])*)?|inf|nan)"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ].+)?|[0-9]{2}:[0-9]{2}:.+"
_LONGEST_NUMBER = 100  # characters; the time that Python takes for an integer grows with their square


def parse(content: bytes, origin: str) -> Foreign:
    """Return the document; ``origin`` names the file in messages.

    :raises MalformedData: it is no TOML, too large, or nested too deeply.
    """
    if len(content) > MAX_BYTES:
        raise MalformedData(f"{origin}: longer than the {MAX_BYTES} bytes that are read")
    try:
        text = content.decode().replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise MalformedData(f"{origin}: not valid TOML: it is not in UTF-8") from None
    return Foreign(_Reader(text, origin).document(), origin)


class _Reader:
    """Reads a document from its beginning to its end."""

    def __init__(self, text: str, origin: str) -> None:
        self._text, self._at, self._origin = text, 0, origin
        self._depth = 0
        # By identity, for the document holds them all: tables with a header, and what is written as a value.
        self._headed: set[int] = set()
        self._written: set[int] = set()

    def document(self) -> dict[str, object]:
        """Return the root table."""
        root: dict[str, object] = {}
        table = root
        while True:
            while simple := self._take(_SIMPLE):
                self._set(table, [simple[1] or simple[2]], simple[3])
            self._take(_LINES)
            if self._at == len(self._text):
                return root
            if self._has("["):
                table = self._header(root)
            else:
                self._pair(table)
            if not self._take(_END):
                raise self._wrong("the end of the line")

    def _header(self, root: dict[str, object]) -> dict[str, object]:
        """Return the table of a header, ``[a.b]`` or ``[[a.b]]``, of which the first bracket is read."""
        listed = self._has("[")
        *path, last = self._key()
        if not self._has("]]" if listed else "]"):
            raise self._wrong("]] after the name" if listed else "] after the name")
        parent, table = self._below(root, path), dict[str, object]()
        if listed:
            tables = parent.setdefault(last, [])
            if not isinstance(tables, list) or id(tables) in self._written:
                raise self._wrong(f"one kind of value for {last!r}")
            tables.append(table)
        else:
            table = self._below(parent, [last])
            if id(table) in self._headed:
                raise self._wrong(f"each table once, not {last!r} again")
        self._headed.add(id(table))
        return table

    def _below(self, table: dict[str, object], path: list[str]) -> dict[str, object]:
        """Return the table at a path, of an array of tables the last one; missing ones are made."""
        for key in path:
            found = table.setdefault(key, {})
            if isinstance(found, list) and found and id(found) not in self._written:
                found = found[-1]
            if not isinstance(found, dict) or id(found) in self._written:
                raise self._wrong(f"a table as {key!r}")
            table = found
        return table

    def _pair(self, table: dict[str, object]) -> None:
        path = self._key()
        if not self._has("="):
            raise self._wrong("= after a key")
        self._take(_SPACE)
        self._set(table, path, self._value())

    def _set(self, table: dict[str, object], path: list[str], value: object) -> None:
        table = self._below(table, path[:-1])
        if path[-1] in table:
            raise self._wrong(f"each key once, not {path[-1]!r} again")
        table[path[-1]] = value

    def _key(self) -> list[str]:
        """Return a key, which may be dotted, with the space around it read."""
        path = []
        while True:
            self._take(_SPACE)
            bare = self._take(_BARE)
            path.append(bare[0] if bare else self._string(_SHORT, "a key"))
            self._take(_SPACE)
            if not self._has("."):
                return path

    def _value(self) -> object:
        if self._text.startswith(("[", "{"), self._at):
            self._depth += 1
            if self._depth > _DEEPEST:
                raise MalformedData(f"{self._origin}: nested too deeply to be read")
            made: object = self._array() if self._has("[") else self._inline_table()
            self._depth -= 1
            self._written.add(id(made))
            return made
        if self._text.startswith(('"', "'"), self._at):
            return self._string((*_LONG, *_SHORT), "the end of a string")
        word = self._take(_WORD)
        return self._plain(word[0] if word else "")

    def _array(self) -> list[object]:
        values = []
        self._take(_LINES)
        while not self._has("]"):
            values.append(self._value())
            self._take(_LINES)
            if not self._has(",") and not self._text.startswith("]", self._at):
                raise self._wrong(", or ] in an array")
            self._take(_LINES)
        return values

    def _inline_table(self) -> dict[str, object]:
        table: dict[str, object] = {}
        self._at += 1
        self._take(_SPACE)
        while not self._has("}"):
            self._pair(table)
            self._take(_SPACE)
            if self._has(","):
                self._take(_SPACE)
            elif not self._text.startswith("}", self._at):
                raise self._wrong(", or } in a table")
        return table

    def _string(self, kinds: Sequence[tuple[str, bool]], expected: str) -> str:
        for pattern, escapes in kinds:
            if found := self._take(pattern):
                return re.sub(_ESCAPE, self._unescaped, found[1]) if escapes else found[1]
        raise self._wrong(expected)

    def _unescaped(self, escape: re.Match[str]) -> str:
        newline, short, long, char = escape.groups()
        code = int(short or long or "0", 16)
        if char and char not in _ESCAPED or code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise self._wrong("an escape that TOML has")
        return "" if newline else _ESCAPED[char] if char else chr(code)

    def _plain(self, word: str) -> object:
        """Return the value that is no string and has no parts."""
        if word in ("true", "false"):
            return word == "true"
        if len(word) <= _LONGEST_NUMBER:
            if re.fullmatch(_INTEGER, word):
                return int(word, 0)
            if re.fullmatch(_FLOAT, word):
                return float(word)
            if re.fullmatch(_TIME, word):
                return word.encode()
        raise self._wrong("a value")

    def _take(self, pattern: str) -> Optional[re.Match[str]]:
        """Return the pattern's match at this place, which is then read."""
        found = re.compile(pattern).match(self._text, self._at)
        self._at = found.end() if found else self._at
        return found

    def _has(self, text: str) -> bool:
        """Return whether the text stands at this place, which is then read."""
        if not self._text.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def _wrong(self, expected: str) -> MalformedData:
        """Return the error to raise at this place."""
        line = self._text.count("\n", 0, self._at) + 1
        return MalformedData(f"{self._origin}: not valid TOML: line {line}: expected {expected}")
