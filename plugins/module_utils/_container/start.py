# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start: the process of a created container runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._model.status import ContainerStatus
from .observe import timestamp

if TYPE_CHECKING:
    from .container import Container


def start(container: Container, fresh: bool) -> None:
    """Bring a created, configured or exited container to running, initialising it first where needed.

    :raises InvalidState: it runs already or is paused.
    """
    status = container.state.status
    status.check("start", container.name)
    if status is not ContainerStatus.CREATED:
        container.init(fresh=fresh)
    # A short command may have ended before the runtime returns.
    began = timestamp()
    try:
        container.host.oci.start(container.id, container.name)
    except BaseException:
        from .init import take_down

        take_down(container)
        raise
    container.save(status=ContainerStatus.RUNNING, started_time=began)
