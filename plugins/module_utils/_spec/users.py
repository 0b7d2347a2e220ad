# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user that a container runs as, looked up in the container's own passwd and group files."""

from __future__ import annotations

from typing import Iterable, Iterator, NamedTuple, Optional, Sequence

from .._model.errors import InvalidArgument, shortened
from .._model.options.syntax.parsers import natural

# Docker and podman refuse IDs beyond this, which the kernel would take.
MAX_ID = 2**31 - 1


class User(NamedTuple):
    """The user of a process; ``name`` is empty for a user ID that has no entry."""

    uid: int
    gid: int
    additional_gids: tuple[int, ...]
    home: str
    name: str


def resolve(user: str, passwd: str, group: str, group_add: Sequence[str] = ()) -> User:
    """Resolve ``user`` (``name``, ``uid``, either with ``:group`` or ``:gid``; empty is root) as Docker and podman do.

    ``passwd`` and ``group`` are the files' texts, empty where the image has none. Without a group the user has the
    entry's, and those that list the user as a member. A user ID without an entry has group 0 and home ``/``. A group in
    ``user`` is the only one; ``group_add`` adds to it too. The group is among the additional ones too (CVE-2022-2989).

    :raises InvalidArgument: a name that is in neither file, or an ID out of range.
    """
    name, _colon, group_name = user.partition(":")
    uid = _number("user", user, name or "0")
    entry = next((one for one in _passwd(passwd) if (one.name == name if uid is None else one.uid == uid)), None)
    if entry is None:
        if uid is None:
            raise _unknown("user", user, "user", name, "/etc/passwd")
        entry = User(uid, 0, (), "/", "")
    groups = list(_groups(group))
    if group_name:
        gids = [gid := _find("user", user, group_name, groups)]
    else:
        gid = entry.gid
        gids = [gid, *(number for _name, number, members in groups if entry.name and entry.name in members)]
    gids += [_find("group_add", item, item, groups) for item in group_add]
    return User(entry.uid, gid, tuple(dict.fromkeys(gids)), entry.home or "/", entry.name)


def _find(option: str, value: str, text: str, groups: Iterable[tuple[str, int, list[str]]]) -> int:
    gid = _number(option, value, text)
    if gid is not None:
        return gid
    for name, number, _members in groups:
        if name == text:
            return number
    raise _unknown(option, value, "group", text, "/etc/group")


def _number(option: str, value: str, text: str) -> Optional[int]:
    """Return an ID, or None for a name."""
    digits = text[1:] if text.startswith("-") else text
    if not (digits.isascii() and digits.isdigit()):
        return None
    number = natural(text, MAX_ID)
    if number is None:
        shown = f"{value[:40]}…" if len(value) > 40 else value
        raise InvalidArgument(f"{option} {shown!r}: the ID is out of range: expected 0 to {MAX_ID}")
    return number


def _unknown(option: str, value: str, kind: str, name: str, file: str) -> InvalidArgument:
    value, name = shortened(value, 80), shortened(name, 80)
    return InvalidArgument(
        f"{option} {value!r}: the image's {file} has no {kind} {name!r}: name one that it has, or give a number"
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
    """Yield the fields of each entry, missing ones at the end empty (passwd(5), group(5)); comments are left out."""
    for line in text.split("\n"):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            fields = stripped.split(":")
            yield fields + [""] * (count - len(fields))


def _entry_id(text: str) -> Optional[int]:
    """Return an entry's ID; None, which drops the entry, where it is no number."""
    return natural(text, MAX_ID)
