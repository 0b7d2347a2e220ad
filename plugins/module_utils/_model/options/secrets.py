# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets as users name them, ``NAME[,KEY=VALUE]``; imported only for tasks that have one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Iterable, Mapping

from .syntax.parsers import NAME_PATTERN, count, plain_path, wrong

if TYPE_CHECKING:
    from .types import Secret

_FOLDER = "/run/secrets"
_EXPECTED = "NAME[,type=mount|env][,target=TARGET][,uid=UID][,gid=GID][,mode=MODE]"


def secrets(value: Iterable[object], option: str) -> list[Secret]:
    """Return the secrets, sorted; a target is a path or a variable's name."""
    result: dict[tuple[str, str], Secret] = {}
    for item in value:
        name, *settings = str(item).split(",")
        if not NAME_PATTERN.fullmatch(name):
            raise wrong(option, item, _EXPECTED)
        fields = {"type": "mount", "target": "", "uid": "0", "gid": "0", "mode": ""}
        for key, text in dict(setting.partition("=")[::2] for setting in settings).items():
            if key not in fields or not text:
                raise wrong(option, item, _EXPECTED)
            fields[key] = text
        secret = _secret(name, fields, item, option)
        if result.setdefault((secret["type"], secret["target"]), secret) != secret:
            raise wrong(option, item, f"one secret for each target, and {secret['target']} has two")
    return [result[key] for key in sorted(result)]


def _secret(name: str, fields: Mapping[str, str], item: object, option: str) -> Secret:
    uid, gid = (count(fields[key], option) for key in ("uid", "gid"))
    target, mode = fields["target"] or name, fields["mode"]
    if fields["type"] == "env":
        if "=" in target or "\0" in target:
            raise wrong(option, item, "a variable's name as target")
        return {"name": name, "type": "env", "target": target, "uid": 0, "gid": 0, "mode": 0}
    if fields["type"] != "mount":
        raise wrong(option, item, "type=mount or type=env")
    if mode and not re.fullmatch("0?[0-7]{1,3}", mode):
        raise wrong(option, item, "a mode in octal digits such as 0400")
    target = plain_path(target if target.startswith("/") else f"{_FOLDER}/{target}")
    return {"name": name, "type": "mount", "target": target, "uid": uid, "gid": gid, "mode": int(mode or "0444", 8)}
