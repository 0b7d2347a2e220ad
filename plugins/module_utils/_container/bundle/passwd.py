# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of /etc/passwd and /etc/group for users the image does not know: its files with lines added, bound over."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Mapping

from ..._model.errors import InvalidArgument
from ..._model.failpoints import failpoint
from ..._spec.users import User

if TYPE_CHECKING:
    from ..base import ContainerBase


def write(container: ContainerBase, user: User, passwd: str, group: str) -> dict[str, str]:
    """Path in the container to the file with its entries, for the files that lack some; an image without has none made.

    :raises InvalidArgument: the host has no user that hostuser names.
    """
    options, found = container.config.options, {}
    added = {
        "passwd": host_users(options["hostuser"], passwd),
        "group": "",
    }
    if options["passwd"]:
        added["passwd"] += "" if user.name else _user_entry(options["passwd_entry"], user)
        known = {line.split(":")[2] for line in group.splitlines() if line.count(":") >= 2}
        added["group"] = "" if str(user.gid) in known else _group_entry(options["group_entry"], user)
    for name, text in (("passwd", passwd), ("group", group)):
        if text and added[name]:
            path = f"{container.run_dir}/{name}"
            failpoint(f"write {name}")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.rstrip("\n") + "\n" + added[name])
            os.chmod(path, 0o644)
            found[f"/etc/{name}"] = path
    return found


def _user_entry(template: str | None, user: User) -> str:
    words = {"USERNAME": str(user.uid), "UID": user.uid, "GID": user.gid, "NAME": "container user", "HOME": user.home}
    return _filled(template or "$USERNAME:*:$UID:$GID:$NAME:$HOME:/bin/sh", words)


def _group_entry(template: str | None, user: User) -> str:
    words = {"GROUPNAME": str(user.gid), "GID": user.gid, "USERLIST": user.name or str(user.uid)}
    return _filled(template or "$GROUPNAME:x:$GID:$USERLIST", words)


def _filled(template: str, words: Mapping[str, Any]) -> str:
    from string import Template

    return Template(template).safe_substitute(words) + "\n"


def host_users(names: list[str], passwd: str) -> str:
    """The entries of the host's users, but of those that the image has a user of the same name for.

    :raises InvalidArgument: the host has no such user.
    """
    if not names:
        return ""
    import pwd

    known = {line.partition(":")[0] for line in passwd.splitlines()}
    lines = []
    for name in names:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            raise InvalidArgument(f"hostuser: the host has no user {name!r}: name one that it has") from None
        if name not in known:
            fields = (entry.pw_name, "*", entry.pw_uid, entry.pw_gid, entry.pw_gecos, entry.pw_dir, entry.pw_shell)
            lines.append(":".join(map(str, fields)) + "\n")
    return "".join(lines)
