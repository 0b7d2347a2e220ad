# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd unit files: sections of KEY=VALUE lines (systemd.syntax(7)), with their drop-in files."""

from __future__ import annotations

import os
import re
from typing import Iterator, NamedTuple, NoReturn

from ..._drivers import foreign_files
from ..._model.errors import InvalidArgument, MalformedData

MAX_BYTES = 1 << 20
_SPECIFIERS = re.compile(r"%(.)", re.DOTALL)


class Entry(NamedTuple):
    """One assignment, and where it stands, as FILE:LINE."""

    section: str
    key: str
    value: str
    where: str

    def fail(self, expected: str) -> NoReturn:
        """Raise MalformedData, naming the file, the line and the key; not the value, which may be a password."""
        raise MalformedData(f"{self.where}: [{self.section}] {self.key}: expected {expected}")


class Unit(NamedTuple):
    """A unit: its file's name without the extension, the extension, and its assignments in their order."""

    name: str
    kind: str
    path: str
    entries: tuple[Entry, ...]

    @property
    def file(self) -> str:
        """The name of the unit's file, by which other units name it."""
        return f"{self.name}.{self.kind}"

    def value(self, section: str, key: str, default: str = "") -> str:
        """Return the last value of a key."""
        found = [one.value for one in self.entries if (one.section, one.key) == (section, key)]
        return found[-1] if found else default


def read(path: str) -> Unit:
    """Return the unit of a file, with the ``*.conf`` files of its drop-in directories.

    :raises InvalidArgument: a file cannot be read. :raises MalformedData: it is no unit file.
    """
    name, _dot, kind = os.path.basename(path).rpartition(".")
    files = [path, *_drop_ins(os.path.dirname(path), name, kind)]
    entries = [one for file in files for one in parse(_text(file), file, name, kind)]
    return Unit(name, kind, path, tuple(_reset(entries)))


def _drop_ins(folder: str, name: str, kind: str) -> list[str]:
    """Return the drop-in files of a unit in the order of their names.

    Those of ``a-b.container`` are in ``a-b.container.d``, ``a-.container.d`` and ``container.d``. Of the same name the
    first counts.
    """
    dashes = [f"{name[:index]}-." for index in range(len(name) - 1, 0, -1) if name[index] == "-"]
    found: dict[str, str] = {}
    for unit in (f"{name}.", *dashes, ""):
        directory = os.path.join(folder, f"{unit}{kind}.d")
        for one in os.listdir(directory) if os.path.isdir(directory) else ():
            if one.endswith(".conf"):
                found.setdefault(one, f"{directory}/{one}")
    return [found[one] for one in sorted(found)]


def _text(path: str) -> str:
    try:
        return foreign_files.read(path, max_bytes=MAX_BYTES).decode()
    except OSError as error:
        raise InvalidArgument(f"files: {path} cannot be read on the target: {error.strerror}") from error
    except UnicodeDecodeError:
        raise MalformedData(f"{path}: not UTF-8 text") from None
    except ValueError:
        raise InvalidArgument("files: the path of a file has a NUL byte") from None


def parse(text: str, origin: str, name: str, kind: str) -> Iterator[Entry]:
    """Yield the assignments of a file's text; those of sections and keys that begin with ``X-`` are left out.

    :raises MalformedData: a line is none of a section, an assignment and a comment.
    """
    if "\0" in text:
        raise MalformedData(f"{origin}: has a NUL byte")
    section, pending, begun = "", "", 0
    for number, raw in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        line = raw.strip()
        if not pending and (not line or line[0] in "#;"):
            continue
        if pending and line[:1] in ("#", ";"):
            continue  # a comment between continued lines
        begun = begun if pending else number
        if line.endswith("\\"):
            pending += f"{line[:-1]} "
            continue
        line, pending = pending + line, ""
        where = f"{origin}:{begun}"
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            continue
        key, equals, value = line.partition("=")
        if not (equals and key.strip() and section):
            raise MalformedData(f"{where}: neither a section, nor KEY=VALUE in one")
        if not section.startswith("X-") and not key.startswith("X-"):
            entry = Entry(section, key.strip(), value.strip(), where)
            yield entry._replace(value=_specified(entry, name, kind))
    if pending:
        raise MalformedData(f"{origin}: the last line is continued by nothing")


def _specified(entry: Entry, name: str, kind: str) -> str:
    """Return a value with its specifiers, of which those of the unit's name are known (systemd.unit(5))."""
    known = {"%": "%", "N": name, "n": f"{name}.service", "p": name, "i": "", "I": ""}

    def of(found: re.Match[str]) -> str:
        if found[1] not in known:
            entry.fail(f"none of the specifiers but %N, %n, %p, %i and %%, and %{found[1]} is in the .{kind} file")
        return known[found[1]]

    return _SPECIFIERS.sub(of, entry.value)


def _reset(entries: list[Entry]) -> list[Entry]:
    """Return the assignments without those that a later empty one of the same key takes back."""
    found: list[Entry] = []
    taken_back: set[tuple[str, str]] = set()
    for one in reversed(entries):
        if not one.value:
            taken_back.add((one.section, one.key))
        elif (one.section, one.key) not in taken_back:
            found.append(one)
    return found[::-1]


def words(entry: Entry) -> list[str]:
    """Return the words of a value, quoted as in a shell.

    :raises MalformedData: a quote is not closed.
    """
    import shlex

    try:
        return shlex.split(entry.value)
    except ValueError:
        entry.fail("a value whose quotes are closed")
