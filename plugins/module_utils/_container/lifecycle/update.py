# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Update in place: changes that the kernel or the engine can make while the container runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable

from ..._model.errors import LibpodError
from ..._model.options.table import MOUNTS
from ..._model.records.config import ContainerConfig
from ..drift import MOUNT, SECRET

if TYPE_CHECKING:
    from ..base import ContainerBase

_NETWORK = ("network", "publish", "publish_all", "expose")
# Options of which the files over /etc are made.
_FILES = ("dns", "dns_search", "dns_option", "etc_hosts")


def writes_files(parts: Iterable[str]) -> bool:
    """Return whether changing these parts of a live container, as for ``update``, writes the files over /etc."""
    return any(part in _FILES or part.startswith(("network", "/etc/")) for part in parts)


def update(container: ContainerBase, config: ContainerConfig, changed: Iterable[str]) -> None:
    """Apply the ``changed`` parts of ``config`` to a live container: options, and parts of ``drift`` to be repaired.

    Where it ends meanwhile, its next start applies the rest.
    """
    parts = set(changed)
    if not parts or not container.state.status.has_process:
        return
    try:
        _put_in_force(container, config, parts)
    except (LibpodError, OSError):
        container.sync()
        if container.state.status.has_process:
            raise


def _put_in_force(container: ContainerBase, config: ContainerConfig, parts: set[str]) -> None:
    from ..live import limits

    limits.apply(container, config, parts)
    if any(part.partition(" ")[0] in _NETWORK for part in parts):
        from ..live import network

        network.apply(container, config, thorough=any(part.startswith("network rules ") for part in parts))
    if writes_files(parts):
        from ..bundle import etc_files

        container.save(etc_files=etc_files.fill(container, config, container.state.process))
    if any(part.startswith(SECRET) for part in parts):
        from ..live import secrets

        secrets.replace(container, [part[len(SECRET) :] for part in parts if part.startswith(SECRET)])
    if "log_opt" in parts:
        from ..runners import log_limit

        log_limit.end(container)
    if any(part in MOUNTS or part.startswith(MOUNT) for part in parts):
        from ..live import mounts

        mounts.apply(container, config, [part[len(MOUNT) :] for part in parts if part.startswith(MOUNT)])
