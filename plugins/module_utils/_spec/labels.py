# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux's labels of a container (config.md: selinuxLabel, config-linux.md: mountLabel); used only with SELinux."""

from __future__ import annotations

from typing import TYPE_CHECKING, Container, Mapping

if TYPE_CHECKING:
    from .._model.options.types import Security

_PARTS = ("user", "role", "type", "level")
_CATEGORIES = 1024  # of the policies' MCS, c0 to c1023
# Of the files of a container without a label of its own: no other container's level dominates it.
_RESERVED = f"s0:c{_CATEGORIES - 2},c{_CATEGORIES - 1}"


def labels(
    security: Security,
    contexts: Mapping[str, str],
    level: str,
    *,
    joined: str = "",
    init: bool = False,
    disabled: bool = False,
) -> tuple[str, str]:
    """Return SELinux's labels of the process and of its files, as opencontainers/selinux makes them of the options.

    ``contexts`` are the policy's (lxc_contexts(5)): without them there are no labels. ``joined`` is the process label
    of a container whose processes or IPC objects this one shares, which it takes over. ``init`` says that systemd is
    its first process. ``disabled`` and ``label=disable`` leave the process without a label, and give its files one
    that no confined container may use.
    """
    process, file = (_parts(contexts.get(key, "")) for key in ("process", "file"))
    if not process or not file:
        return "", ""
    wanted = security.get("label", {})
    if disabled or "disable" in wanted:
        return "", _label({**file, "level": _RESERVED})
    if init:
        process["type"] = _parts(contexts.get("init_process", "")).get("type", process["type"])
    own = {"level": level} if "level" in process else {}
    changed = {**own, **{key: wanted[key] for key in _PARTS if key in wanted}, **_parts(joined)}
    of_file = {key: value for key, value in changed.items() if key in ("user", "level")}
    return _label({**process, **changed}), _label({**file, **of_file, "type": wanted.get("filetype", file["type"])})


def shared(label: str) -> str:
    """Return the label of a file with a level that all containers may use."""
    parts = _parts(label)
    return _label({**parts, "level": "s0"}) if "level" in parts else label


def level_of(label: str) -> str:
    """Return the level of a label, "" where it has none."""
    return _parts(label).get("level", "")


def level(container_id: str, taken: Container[str]) -> str:
    """Return a container's own level: a pair of categories that follows from its ID, or the next that is not taken.

    There are 523775 pairs but for the reserved one.
    """
    pairs = _CATEGORIES * (_CATEGORIES - 1) // 2 - 1
    start = int(container_id[:15], 16) % pairs
    numbers = (*range(start, pairs), *range(start))
    return next((found for found in map(_pair, numbers) if found not in taken), _pair(start))


def _pair(number: int) -> str:
    """Return a pair of categories by its number: the pairs below (a, b) are those whose greater one is below b."""
    from math import isqrt

    greater = (1 + isqrt(8 * number + 1)) // 2
    return f"s0:c{number - greater * (greater - 1) // 2},c{greater}"


def _parts(label: str) -> dict[str, str]:
    """Return the parts of a label; a policy without MLS has no level. Empty where it is no label."""
    found = label.split(":", 3)
    return dict(zip(_PARTS, found)) if len(found) >= 3 else {}


def _label(parts: Mapping[str, str]) -> str:
    return ":".join(parts[key] for key in _PARTS if key in parts)
