# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print containers.podman.podman_container's options against libpod_container's: implemented, not applicable, missing.

Its names and types are in ``tests/unit/data/podman_container_options.json``.
"""

from __future__ import annotations

import json
import os
from typing import Any

_DATA = f"{os.path.dirname(os.path.realpath(__file__))}/unit/data/podman_container_options.json"
_LATER = "systemd units and quadlets come later"
# Options without a meaning here, and the reasons.
NOT_APPLICABLE = {
    "generate_systemd": _LATER,
    "quadlet_dir": _LATER,
    "quadlet_file_mode": _LATER,
    "quadlet_filename": _LATER,
    "quadlet_options": _LATER,
}


def podmans() -> dict[str, dict[str, Any]]:
    """Return podman_container's options with ``type`` and any ``elements`` and ``aliases``."""
    with open(_DATA, encoding="utf-8") as file:
        options: dict[str, dict[str, Any]] = json.load(file)
    return options


def ours() -> dict[str, dict[str, Any]]:
    """Return libpod_container's argument spec."""
    from ansible_collections.libpod.engine.plugins.module_utils._ansible.arguments import container_spec

    return container_spec()


def missing() -> list[str]:
    """Return podman_container's applicable options that are not implemented."""
    return sorted(set(podmans()) - set(ours()) - set(NOT_APPLICABLE))


def main() -> None:
    """Print a line an option, and how many there are of each kind."""
    there, absent = set(ours()), set(missing())
    for name in sorted(podmans()):
        word = "implemented" if name in there else "missing" if name in absent else "not applicable"
        reason = f": {NOT_APPLICABLE[name]}" if word == "not applicable" else ""
        print(f"{name:28}{word}{reason}")
    print(f"implemented {len(there & set(podmans()))}, not applicable {len(NOT_APPLICABLE)}, missing {len(absent)}")


if __name__ == "__main__":
    main()
