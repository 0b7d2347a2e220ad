# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The digest of a build context: its files, modes and links, without what its ignore file leaves out, and no times."""

from __future__ import annotations

import os
import posixpath
import re
import stat
from hashlib import sha256
from typing import Iterator, NamedTuple, Sequence

from .. import foreign_files

_IGNORE_FILES = (".containerignore", ".dockerignore")
_BLOCK = 1 << 20


class Pattern(NamedTuple):
    """A line of an ignore file; with ``kept``, what it matches is part of the context after all."""

    expression: re.Pattern[str]
    kept: bool


def digest(folder: str) -> str:
    """Return the digest of what a build can copy from ``folder``. Nothing but regular files is opened.

    :raises OSError: something cannot be read. :raises MalformedData: the ignore file is too long.
    """
    result = sha256()
    for path in _paths(folder, ignored(folder)):
        info = os.lstat(f"{folder}/{path}")
        kind = stat.S_IFMT(info.st_mode)
        content = os.readlink(f"{folder}/{path}") if kind == stat.S_IFLNK else ""
        if kind == stat.S_IFREG:
            content = _file_digest(f"{folder}/{path}")
        elif kind in (stat.S_IFCHR, stat.S_IFBLK):
            content = str(info.st_rdev)
        mode = 0 if kind == stat.S_IFLNK else info.st_mode
        for text in (path, f"{kind:o} {mode:o}", content):
            result.update(text.encode(errors="surrogateescape") + b"\0")
    return result.hexdigest()


def _file_digest(path: str) -> str:
    result = sha256()
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            result.update(block)
    return result.hexdigest()


def _paths(folder: str, patterns: Sequence[Pattern]) -> Iterator[str]:
    """Yield the paths in ``folder`` in order, links not followed."""
    exceptions = any(pattern.kept for pattern in patterns)
    waiting = [""]
    while waiting:
        top = waiting.pop()
        for name in sorted(os.listdir(f"{folder}/{top}")):
            path = f"{top}{name}"
            left_out = _is_ignored(path, patterns)
            if not left_out:
                yield path
            # An exception may bring something back that is in a directory which is left out.
            if (not left_out or exceptions) and stat.S_ISDIR(os.lstat(f"{folder}/{path}").st_mode):
                waiting.append(f"{path}/")


def ignored(folder: str) -> list[Pattern]:
    """Return the patterns of the context's ignore file."""
    for name in _IGNORE_FILES:
        try:
            text = foreign_files.read(f"{folder}/{name}").decode(errors="surrogateescape")
        except FileNotFoundError:
            continue
        return [_pattern(line) for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]
    return []


def _pattern(line: str) -> Pattern:
    kept = line.startswith("!")
    path = posixpath.normpath(line[1:].strip() if kept else line).lstrip("/")
    # As Docker's ignore files: ** is any number of directories, and what is below a match is matched too.
    expression = ""
    for part in re.findall(r"\*\*/?|\*|\?|\[\^?[^\]]+\]|\\.|.", path, re.S):
        if part.startswith("**"):
            expression += "(?:.*/)?" if part.endswith("/") else ".*"
        elif part in ("*", "?"):
            expression += f"[^/]{part if part == '*' else ''}"
        elif part.startswith("[") and len(part) > 2:
            # All but a range's own characters, so that none begins one of Python's future set operations.
            expression += "[" + re.sub(r"[\\\[&~|]|(?<=-)-", r"\\\g<0>", part[1:])
        else:
            expression += re.escape(part[-1])
    try:
        return Pattern(re.compile(f"{expression}(?:/.*)?", re.S), kept)
    except re.error:  # a range such as [z-a], which matches nothing; what is not left out is safe
        return Pattern(re.compile(r"(?!)"), kept)


def _is_ignored(path: str, patterns: Sequence[Pattern]) -> bool:
    """Return whether the last pattern that matches leaves the path out."""
    return next((not one.kept for one in reversed(patterns) if one.expression.fullmatch(path)), False)
