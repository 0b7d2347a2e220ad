# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's status, and the one table of state transitions."""

from __future__ import annotations

import enum

from ..errors import ContainerStopped, InvalidState


class ContainerStatus(str, enum.Enum):
    """libpod's ContainerStatus; the value is what users see."""

    UNKNOWN = "unknown"
    CONFIGURED = "configured"
    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    PAUSED = "paused"

    def __str__(self) -> str:
        return self.value

    @property
    def podmans(self) -> str:
        """podman's word for it, which differs for what was never started."""
        return {"configured": "created", "created": "initialized"}.get(self.value, self.value)

    def allows(self, operation: str) -> bool:
        """Whether ``operation`` (a key of TRANSITIONS) may begin in this status."""
        return self in TRANSITIONS[operation][0]

    def check(self, operation: str, name: str) -> None:
        """Refuse an operation this status does not allow.

        :raises InvalidState: naming the container, its status, what is allowed and what to do.
        """
        if not self.allows(operation):
            stopped = operation == "namespace_path" or operation in _NEED_PROCESS and not self.has_process
            error = ContainerStopped if stopped else InvalidState
            wanted = ", ".join(sorted(TRANSITIONS[operation][0]))
            remedy = ""
            if self is ContainerStatus.PAUSED:
                remedy = ": unpause it first"
            elif operation in ("exec", "attach"):
                remedy = ": start it first, or read libpod logs and libpod inspect"
            reason = f"it is {self}, and {operation} needs it to be {wanted}"
            raise error(f"cannot {operation} container {name}: {reason}{remedy}")

    @property
    def has_process(self) -> bool:
        """Whether an OCI container with a live init process stands behind this status."""
        return self in (self.CREATED, self.RUNNING, self.PAUSED)


def status_text(value: object) -> str:
    """libpod's ContainerStatus.String(): the status as users see it, or ``bad state``."""
    try:
        return ContainerStatus(value).value
    except ValueError:
        return "bad state"


_S = ContainerStatus
_ANY = frozenset(_S)
_NEED_PROCESS = frozenset(("exec", "attach", "namespace_path", "pid", "kill", "pause", "stop"))

# operation: (statuses it may begin in, status it ends in; None where it leaves the status alone)
# An unknown container is repaired by its next start or init, and may always be removed.
TRANSITIONS: dict[str, tuple[frozenset[ContainerStatus], ContainerStatus | None]] = {
    "init": (frozenset((_S.CONFIGURED, _S.EXITED, _S.UNKNOWN)), _S.CREATED),
    "start": (frozenset((_S.CONFIGURED, _S.CREATED, _S.EXITED, _S.UNKNOWN)), _S.RUNNING),
    "restart": (_ANY - {_S.PAUSED}, _S.RUNNING),
    "mark": (_ANY - {_S.PAUSED, _S.CREATED}, None),
    "rewind": (_ANY - {_S.PAUSED}, _S.RUNNING),
    "stop": (frozenset((_S.RUNNING,)), _S.EXITED),
    "kill": (frozenset((_S.RUNNING,)), None),
    "pause": (frozenset((_S.RUNNING,)), _S.PAUSED),
    "unpause": (frozenset((_S.PAUSED,)), _S.RUNNING),
    "exec": (frozenset((_S.RUNNING,)), None),
    "attach": (frozenset((_S.CREATED, _S.RUNNING)), None),
    "pid": (frozenset((_S.RUNNING, _S.PAUSED)), None),
    "namespace_path": (frozenset((_S.RUNNING,)), None),
    "wait": (_ANY, None),
    "logs": (_ANY, None),
    "mount": (_ANY, None),
    "unmount": (frozenset((_S.CONFIGURED, _S.EXITED, _S.UNKNOWN)), None),
    "export": (_ANY, None),
    "diff": (_ANY, None),
    "commit": (_ANY, None),
    "copy": (_ANY, None),
    "update": (_ANY, None),
    "remove": (frozenset((_S.CONFIGURED, _S.CREATED, _S.EXITED, _S.UNKNOWN)), None),
    "force_remove": (_ANY, None),
}
