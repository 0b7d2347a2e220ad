# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets as users name them, ``NAME[,KEY=VALUE]``; imported only for tasks that have one."""

from __future__ import annotations

import re
from typing import Any

from .parsers import NAME_PATTERN, count, plain_path, wrong

_FOLDER = "/run/secrets"
_EXPECTED = "NAME[,type=mount|env][,target=TARGET][,uid=UID][,gid=GID][,mode=MODE]"


def secrets(value: Any, option: str) -> list[dict[str, Any]]:
    """``{"name", "type", "target", "uid", "gid", "mode"}``, sorted; a target is a path or a variable's name."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for item in value:
        name, *words = str(item).split(",")
        if not NAME_PATTERN.fullmatch(name):
            raise wrong(option, item, _EXPECTED)
        secret: dict[str, Any] = {"name": name, "type": "mount", "target": "", "uid": 0, "gid": 0, "mode": 0o444}
        given = dict(word.partition("=")[::2] for word in words)
        for key, text in given.items():
            if key not in secret or key == "name" or not text:
                raise wrong(option, item, _EXPECTED)
            secret[key] = count(text, option) if key in ("uid", "gid") else text
        secret.update(_target(secret, item, option))
        if found.setdefault((secret["type"], secret["target"]), secret) != secret:
            raise wrong(option, item, f"one secret for each target, and {secret['target']} has two")
    return [found[key] for key in sorted(found)]


def _target(secret: dict[str, Any], item: Any, option: str) -> dict[str, Any]:
    target, mode = secret["target"] or secret["name"], str(secret["mode"])
    if secret["type"] == "env":
        if "=" in target or "\0" in target:
            raise wrong(option, item, "a variable's name as target")
        return {"target": target, "uid": 0, "gid": 0, "mode": 0}
    if secret["type"] != "mount":
        raise wrong(option, item, "type=mount or type=env")
    if secret["mode"] != 0o444 and not re.fullmatch("0?[0-7]{1,3}", mode):
        raise wrong(option, item, "a mode in octal digits such as 0400")
    target = plain_path(target if target.startswith("/") else f"{_FOLDER}/{target}")
    return {"target": target, "mode": secret["mode"] if secret["mode"] == 0o444 else int(mode, 8)}
