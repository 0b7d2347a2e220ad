# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets whose content has changed since a container started, by what the task's ``secrets_changed`` makes of it.

No difference has any content.
"""

from __future__ import annotations

from ..._container.bundle import secrets
from ..._container.container import Container
from ..._container.drift import SECRET
from ..._model.options.table import Change
from ..._model.records.status import ContainerStatus
from ..plan import Difference

_EARLIER, _PRESENT = "content from before", "its present content"


def differences(container: Container, how: str) -> list[Difference]:
    """Return a difference for each secret whose content has changed.

    A container that does not run takes the present content at its next start, and differs only for ``recreate``.
    """
    status = container.peek().state.status
    if how != "recreate" and not status.has_process:
        return []
    names = sorted(secrets.changed(container))
    reasons: dict[str, str] = {}
    if how == "replace" and names:
        from ..._container.live.secrets import obstacles

        reasons = obstacles(container, names)
    # A restart would leave another status.
    restart = Change.RESTART if status is ContainerStatus.RUNNING else Change.RECREATE
    needs = {"recreate": Change.RECREATE, "restart": restart, "replace": Change.LIVE}[how]
    return [
        Difference(
            f"{SECRET}{name}",
            _EARLIER,
            _PRESENT,
            restart if name in reasons else needs,
            drift=True,
            reason=reasons.get(name, ""),
        )
        for name in names
    ]
