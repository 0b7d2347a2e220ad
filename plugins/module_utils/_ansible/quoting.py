# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that a playbook does not quote and YAML reads as something else than text; imported where there are any."""

from __future__ import annotations

from typing import Mapping

from .._model.errors import warn

_QUOTE = "quote it in the playbook, or end a template with '| string'"
PORTS = ("publish", "ports", "published", "published_ports")
_LAST_PORT = 65535
_FIRST_USER = 1000


def check(given: Mapping[str, object]) -> None:
    """Warn of each option whose value YAML may have changed; no value of a mapping is shown."""
    for option, value in sorted(given.items()):
        for where, one in _parts(option, value):
            changed = _changed(option, one)
            if changed:
                warn(f"{where} is {changed}: {_QUOTE}")


def _parts(option: str, value: object) -> list[tuple[str, object]]:
    if isinstance(value, dict):
        return [(f"{option}: the value of {key}", one) for key, one in value.items()]
    return [(f"{option}: {one}", one) for one in (value if isinstance(value, list) else [value])]


def _changed(option: str, value: object) -> str:
    """Return what YAML made of a value, empty where its text is kept."""
    if isinstance(value, bool):
        return f"a boolean to YAML and becomes the text {value}, whatever the playbook has (such as yes)"
    if isinstance(value, float):
        return "a floating-point number to YAML, whose text may differ from the playbook's (1.10 becomes 1.1)"
    pair = _sexagesimal(option, value) if isinstance(value, int) else ""
    return f"a number to YAML, which also reads {pair} as that number" if pair else ""


def _sexagesimal(option: str, value: int) -> str:
    """Return the pair ``A:B`` that YAML 1.1 reads as this number, where that is the likelier meaning."""
    first, second = divmod(value, 60)
    same = 0 < first == second
    root_group = option == "user" and second == 0 and first >= _FIRST_USER
    no_port = option in PORTS and value > _LAST_PORT
    return f"{first}:{second}" if same and option in (*PORTS, "user") or root_group or no_port else ""
