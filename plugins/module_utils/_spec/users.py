# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user a container runs as: the option's words looked up in the container's own passwd and group files."""

from __future__ import annotations

from typing import Iterable, Iterator, NamedTuple, Optional, Sequence

from .._model.errors import InvalidArgument, shortened
from .._model.options.parsers import natural

# Docker and podman refuse IDs beyond this, which the kernel would take.
MAX_ID = 2**31 - 1


class User(NamedTuple):
    """Who the process is; ``name`` is empty for a user ID that has no entry."""

    uid: int
    gid: int
    additional_gids: tuple[int, ...]
    home: str
    name: str


def resolve(user: str, passwd: str, group: str, group_add: Sequence[str] = ()) -> User:
    """Resolve ``user`` (``name``, ``uid``, either with ``:group`` or ``:gid``; empty is root) as Docker and podman do.

    ``passwd`` and ``group`` are the files' texts, empty where the image has none. A user without a group has his
    entry's and those that list him as a member; a user ID without an entry has group 0 and home ``/``; a group given
    is the only one. ``group_add`` adds to either. The group stands among the additional ones too (CVE-2022-2989).

    :raises InvalidArgument: a name that is in neither file, or an ID out of range.
    """
    who, _colon, group_word = user.partition(":")
    uid = _number("user", user, who or "0")
    entry = next((one for one in _passwd(passwd) if (one.name == who if uid is None else one.uid == uid)), None)
    if entry is None:
        if uid is None:
            raise _unknown("user", user, "user", who, "/etc/passwd")
        entry = User(uid, 0, (), "/", "")
    groups = list(_groups(group))
    if group_word:
        gids = [gid := _find("user", user, group_word, groups)]
    else:
        gid = entry.gid
        gids = [gid, *(number for _name, number, members in groups if entry.name and entry.name in members)]
    gids += [_find("group_add", word, word, groups) for word in group_add]
    return User(entry.uid, gid, tuple(dict.fromkeys(gids)), entry.home or "/", entry.name)


def _find(option: str, value: str, word: str, groups: Iterable[tuple[str, int, list[str]]]) -> int:
    gid = _number(option, value, word)
    if gid is not None:
        return gid
    for name, number, _members in groups:
        if name == word:
            return number
    raise _unknown(option, value, "group", word, "/etc/group")


def _number(option: str, value: str, word: str) -> Optional[int]:
    """An ID, or None for a name."""
    digits = word[1:] if word.startswith("-") else word
    if not (digits.isascii() and digits.isdigit()):
        return None
    number = natural(word, MAX_ID)
    if number is None:
        shown = f"{value[:40]}…" if len(value) > 40 else value
        raise InvalidArgument(f"{option} {shown!r}: the ID is out of range: expected 0 to {MAX_ID}")
    return number


def _unknown(option: str, value: str, kind: str, word: str, file: str) -> InvalidArgument:
    value, word = shortened(value, 80), shortened(word, 80)
    return InvalidArgument(
        f"{option} {value!r}: the image's {file} has no {kind} {word!r}: name one that it has, or give a number"
    )


def _passwd(text: str) -> Iterator[User]:
    for fields in _lines(text, 7):
        uid, gid = _entry_id(fields[2]), _entry_id(fields[3])
        if uid is not None and gid is not None:
            yield User(uid, gid, (), fields[5], fields[0])


def _groups(text: str) -> Iterator[tuple[str, int, list[str]]]:
    for fields in _lines(text, 4):
        gid = _entry_id(fields[2])
        if gid is not None:
            yield fields[0], gid, fields[3].split(",")


def _lines(text: str, count: int) -> Iterator[list[str]]:
    """The fields of each entry, missing ones at the end empty (passwd(5), group(5)); comments are none."""
    for line in text.split("\n"):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            fields = stripped.split(":")
            yield fields + [""] * (count - len(fields))


def _entry_id(word: str) -> Optional[int]:
    """An entry's ID; None, and the entry does not count, where it is not one: never 0 by mistake."""
    return natural(word, MAX_ID)
