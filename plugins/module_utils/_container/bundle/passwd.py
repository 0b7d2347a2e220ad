# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of /etc/passwd and /etc/group for users that the image lacks: copies with added lines, bound over these."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Mapping

from ..._model.errors import InvalidArgument
from ..._model.failpoints import failpoint
from ..._spec.users import User

if TYPE_CHECKING:
    from ..base import ContainerBase


def write(container: ContainerBase, user: User, passwd: str, group: str) -> dict[str, str]:
    """Write the image's files that lack an entry, with it, and return them by path in the container.

    An image without such a file gets none.

    :raises InvalidArgument: the host has no user that hostuser names.
    """
    options, result = container.config.options, {}
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
            result[f"/etc/{name}"] = path
    return result


def _user_entry(template: str | None, user: User) -> str:
    fields = {"USERNAME": str(user.uid), "UID": user.uid, "GID": user.gid, "NAME": "container user", "HOME": user.home}
    return _filled(template or "$USERNAME:*:$UID:$GID:$NAME:$HOME:/bin/sh", fields)


def _group_entry(template: str | None, user: User) -> str:
    fields = {"GROUPNAME": str(user.gid), "GID": user.gid, "USERLIST": user.name or str(user.uid)}
    return _filled(template or "$GROUPNAME:x:$GID:$USERLIST", fields)


def _filled(template: str, fields: Mapping[str, object]) -> str:
    from string import Template

    return Template(template).safe_substitute(fields) + "\n"


def host_users(names: list[str], passwd: str) -> str:
    """Return the entries of the host's users, except where the image has a user of that name.

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
