# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seven kinds of Linux namespaces a container has, shares or leaves to the host."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..options.types import NamespaceOption


class LinuxNS(str, enum.Enum):
    """libpod's LinuxNS; the value is the namespace's name under ``/proc/PID/ns``."""

    IPC = "ipc"
    MOUNT = "mnt"
    NET = "net"
    PID = "pid"
    USER = "user"
    UTS = "uts"
    CGROUP = "cgroup"

    @property
    def oci_type(self) -> str:
        """The ``linux.namespaces[].type`` of the OCI runtime specification."""
        return {"mnt": "mount", "net": "network"}.get(self.value, self.value)


# The option that says what becomes of each kind; sharing a mount namespace has no option, as in podman.
OPTIONS: dict[NamespaceOption, LinuxNS] = {
    "ipc": LinuxNS.IPC,
    "network": LinuxNS.NET,
    "pid": LinuxNS.PID,
    "uts": LinuxNS.UTS,
    "userns": LinuxNS.USER,
    "cgroupns": LinuxNS.CGROUP,
}
