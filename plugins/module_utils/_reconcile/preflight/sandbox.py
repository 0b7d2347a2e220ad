# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container in a sandbox of gVisor's runsc cannot have: runsc itself leaves it out without a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable

from ..._drivers.oci.runtime import OciRuntime
from ..._model.errors import NotImplementedByHost, warn
from ..._model.options.table import OPTIONS
from ..._model.records import namespaces as kinds

if TYPE_CHECKING:
    from ..._model.options.types import ContainerOptions, NamespaceOption


def check(oci: OciRuntime, name: str, options: ContainerOptions) -> None:
    """Check the options of a container that ``oci`` is to make.

    :raises NotImplementedByHost: one needs the host's kernel, and the container has that of a sandbox.
    """
    if not oci.makes_sandboxes():
        return
    requested = list[tuple[str, str, str]]()
    namespaces: tuple[NamespaceOption, ...] = ("ipc", "pid", "uts")
    for option in namespaces:
        if options[option]["mode"] in ("host", "container", "ns"):
            requested.append((option, options[option]["mode"], "namespaces"))
    if options["userns"]["mode"] in ("auto", "container", "ns"):
        requested.append(("userns", options["userns"]["mode"], "user namespaces"))
    for key in ("uidmap", "gidmap", "subuidname", "subgidname"):
        if options[key]:
            requested.append((key, "a user namespace of the host", "user namespaces"))
    if options["sysctl"]:
        requested.append(("sysctl", ", ".join(options["sysctl"]), "kernel parameters"))
    if options["umask"] != OPTIONS["umask"].default:
        warn(
            f"umask: has no effect on container {name}: {oci.path} is gVisor's runsc, whose processes have 0022",
            ineffective=True,
        )
    for key, value, own in requested:
        raise NotImplementedByHost(
            f"{key}: {value} is not possible for container {name}: {oci.path} is gVisor's runsc, whose sandboxes have "
            f"{own} of their own: omit the option, or choose another oci_runtime"
        )


def check_shared(oci: OciRuntime, name: str, share: Iterable[str]) -> None:
    """Check the namespaces that the containers of a pod share.

    :raises NotImplementedByHost: there are others than that of the network.
    """
    network = kinds.OPTIONS["network"].value
    others = sorted({*share} - {network})
    if others and oci.makes_sandboxes():
        raise NotImplementedByHost(
            f"share: {', '.join(others)} cannot be shared in pod {name}: {oci.path} is gVisor's runsc, whose sandboxes "
            f"have namespaces of their own: give share: {network}, or choose another oci_runtime"
        )
