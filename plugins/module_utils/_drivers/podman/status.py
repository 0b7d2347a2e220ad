# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What podman's state of a container means, and the state that podman is to find once it has the container back."""

from __future__ import annotations

import os
import re
from typing import Mapping, Optional

from ..._model.errors import InvalidState
from ..._model.records.status import ContainerStatus
from .container import PodmanContainer

# The numbers of libpod's ContainerStatus that can be adopted; a stopped one is not cleaned up yet.
_ADOPTED = {
    1: ContainerStatus.CONFIGURED,
    3: ContainerStatus.RUNNING,
    5: ContainerStatus.PAUSED,
    6: ContainerStatus.EXITED,
}
_CONFIGURED, _EXITED = 1, 6
_NO_TIME = "0001-01-01T00:00:00Z"  # Go's zero
# What a state says of a life, and is dropped with it.
_OF_A_LIFE = ("pid", "conmonPid", "mountPoint", "networkStatus", "bindMounts", "execSessions", "configPath", "netns")


def of(theirs: PodmanContainer) -> ContainerStatus:
    """Return the status.

    :raises InvalidState: podman is about to change it, or a part of it is not taken down.
    """
    number, mounted = theirs.state["state"].integer(), theirs.state["mounted"].flag()
    found = _ADOPTED.get(number)
    if found is None or mounted and not found.has_process:
        raise InvalidState(
            f"container {theirs.name} cannot be adopted: podman has not finished its start or stop, or has it mounted: "
            "run podman container cleanup, or podman umount"
        )
    return found


def oci_root(runtime: str) -> str:
    """Return the directory in which podman's OCI runtime keeps its states: the runtime's own default."""
    return f"/run/{os.path.basename(runtime)}"


def time(text: str) -> str:
    """Return a time of Go's as the engine writes times, empty for Go's zero."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", text)
    if not match or text == _NO_TIME:
        return ""
    seconds, fraction, zone = match.groups()
    return f"{seconds}.{(fraction or '')[:6].ljust(6, '0')}{'+00:00' if zone == 'Z' else zone}"


def ended(
    theirs: PodmanContainer, exit_code: Optional[int], finished: str, by_user: bool = False
) -> Mapping[str, object]:
    """Return podman's state of a container without a process; an ``exit_code`` of None is one that never ran.

    ``by_user`` is whether the user has stopped it.
    """
    kept = {key: value for key, value in theirs.state.mapping().items() if key not in _OF_A_LIFE}
    if exit_code is None:
        return {**kept, "state": _CONFIGURED, "mounted": False}
    ran = {"exitCode": exit_code, "exited": True, "finishedTime": finished or _NO_TIME, "stoppedByUser": by_user}
    return {**kept, **ran, "state": _EXITED, "mounted": False}
