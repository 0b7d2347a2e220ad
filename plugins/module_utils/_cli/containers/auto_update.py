# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod auto-update``."""

from __future__ import annotations

import sys
from typing import Mapping, Sequence

from ..._model.engine_config import EngineConfig
from ..._model.options.syntax.durations import seconds
from ..._reconcile import auto_update as updates
from ..._reconcile.reconcile import check_root
from ..arguments import new_parser
from ..output.listing import Shape, add_format, show
from ..resources.registry_access import access, add_access

_COLUMNS = {
    "Unit": "UNIT",
    "Container": "CONTAINER",
    "Image": "IMAGE",
    "Policy": "POLICY",
    "Updated": "UPDATED",
}
_ABOUT = (
    f"Have running containers with the label {updates.LABEL} (registry or local) re-created where the name of their "
    "image leads to another image by now."
)


def auto_update(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Update the containers, and list what became of each; return 125 where one failed."""
    parser = new_parser("auto-update", _ABOUT, formats=False)
    parser.add_argument("--dry-run", action="store_true", help="only list what is pending")
    parser.add_argument(
        "--rollback",
        nargs="?",
        const="true",
        default="true",
        choices=("true", "false"),
        help="go back to the earlier image where the new container fails (default: true)",
    )
    parser.add_argument("--wait-timeout", default="300", metavar="TIME", help="for becoming healthy (default: 5m)")
    parser.add_argument(
        "--settle", default="5", metavar="TIME", help="that one without a health check must run for (default: 5s)"
    )
    add_format(parser)
    add_access(parser)
    options = parser.parse_args(arguments)
    check_root()
    how = updates.AutoUpdate(
        dry_run=options.dry_run,
        rollback=options.rollback == "true",
        pull=access(options, pull="always"),
        wait_timeout=seconds(options.wait_timeout, "--wait-timeout"),
        settle=seconds(options.settle, "--settle"),
    )
    found = []
    for one in updates.auto_update(parts, how):
        if one.error:
            sys.stderr.write(f"libpod: {one.error}\n")
        found.append(_shown(one))
    options.quiet = options.noheading = False
    show(options, found, Shape(_COLUMNS, _row, "ContainerID"))
    return 125 if any(one["Updated"] in (updates.FAILED, updates.ROLLED_BACK) for one in found) else 0


def _shown(one: updates.Report) -> dict[str, object]:
    """Return podman's fields of a report."""
    return {
        "Unit": one.unit,
        "Container": f"{one.container_id[:12]} ({one.name})",
        "ContainerName": one.name,
        "ContainerID": one.container_id,
        "Image": one.image,
        "Policy": one.policy,
        "Updated": one.updated,
    }


def _row(one: Mapping[str, object]) -> Mapping[str, object]:
    return one
