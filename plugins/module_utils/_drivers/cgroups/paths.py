# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a container's cgroups are under the two managers: ``cgroupfs``, plain directories, and ``systemd``, scopes."""

from __future__ import annotations

import os

from ..._model.errors import InvalidArgument
from .manager import CgroupHost

DEFAULT_PARENT = "/libpod_parent"
DEFAULT_SLICE = "machine.slice"


def systemd_runs() -> bool:
    """Whether systemd is PID 1 (sd_booted(3))."""
    return os.path.isdir("/run/systemd/system")


def default_manager(host: CgroupHost) -> str:
    """``systemd`` where it runs on a v2 host, else ``cgroupfs``."""
    return "systemd" if host.unified and systemd_runs() else "cgroupfs"


def checked_parent(manager: str, parent: str) -> str:
    """The option ``cgroup_parent`` in the one form that is kept: an absolute path, or a slice's name.

    Empty means the manager's default; for systemd a path of slices means its last.

    :raises InvalidArgument: it is no path below the root, or no slice's name.
    """
    if manager == "systemd":
        name = os.path.basename(parent.rstrip("/")) or DEFAULT_SLICE
        slice_path(name)
        return name
    parts = [part for part in parent.split("/") if part] or [DEFAULT_PARENT.strip("/")]
    if any(part in (".", "..") for part in parts) or "\0" in parent or "\n" in parent:
        raise InvalidArgument(f"cgroup_parent {parent!r} is no cgroup's path: expected one such as {DEFAULT_PARENT}")
    if parts[-1].endswith(".slice"):
        raise InvalidArgument(
            f"cgroup_parent {parent!r} is a systemd slice, but the cgroup manager is cgroupfs: "
            "name a path, or set cgroup_manager to systemd"
        )
    return "/" + "/".join(parts)


def slice_path(name: str) -> str:
    """The path of a slice below the cgroup mounts: ``a-b.slice`` is at ``/a.slice/a-b.slice`` (systemd.slice(5)).

    :raises InvalidArgument: it is no slice's name.
    """
    stem = name[: -len(".slice")] if name.endswith(".slice") else ""
    if stem == "-":
        return ""
    parts = stem.split("-")
    if "" in parts or "/" in stem or any(char.isspace() or not char.isprintable() for char in stem):
        raise InvalidArgument(
            f"cgroup_parent {name!r} is no slice: with the cgroup manager systemd a name such as {DEFAULT_SLICE} "
            "is expected, with single dashes between its levels"
        )
    return "".join(f"/{'-'.join(parts[: depth + 1])}.slice" for depth in range(len(parts)))


def manager_of(parent: str) -> str:
    """Whose a parent is that ``checked_parent`` has returned: a path is ``cgroupfs``'s, a name ``systemd``'s."""
    return "cgroupfs" if parent.startswith("/") else "systemd"


def parent_path(parent: str) -> str:
    """The parent's own cgroup below the mounts."""
    return parent if parent.startswith("/") else slice_path(parent)


def oci_path(manager: str, parent: str, container_id: str) -> str:
    """``linux.cgroupsPath`` of the OCI spec, in the form the runtime's manager expects."""
    return f"{parent}:libpod:{container_id}" if manager == "systemd" else f"{parent}/libpod-{container_id}"


def container_path(manager: str, parent: str, container_id: str) -> str:
    """The container's cgroup below the mounts; ``parent`` as ``checked_parent`` returns it, here and below."""
    return _path(manager, parent, f"libpod-{container_id}")


def conmon_path(manager: str, parent: str, container_id: str) -> str:
    """The cgroup of the container's conmon."""
    return _path(manager, parent, f"libpod-conmon-{container_id}")


def _path(manager: str, parent: str, name: str) -> str:
    return f"{slice_path(parent)}/{name}.scope" if manager == "systemd" else f"{parent}/{name}"
