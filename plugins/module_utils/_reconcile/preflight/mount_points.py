# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's mount points: whether the OCI runtime can mount there, and what they hide of the image."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Iterable, NamedTuple, Optional, Sequence

from ..._drivers.kernel import securejoin
from ..._model.errors import InvalidArgument
from ..._model.options.mounts import volumes

if TYPE_CHECKING:
    from ..._model.options.types import ContainerOptions, Mount, Volume
    from ..._model.records.image_config import ImageConfig

# What runc lets be bound in /proc (libcontainer's checkProcMount).
_IN_PROC = (
    *("cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg", "slabinfo", "net/dev"),
    *("sys/kernel/ns_last_pid", "sys/crypto/fips_enabled"),
)
_KERNELS = ("/proc", "/sys", "/dev")


class MountPoint(NamedTuple):
    """One mount, and the option that sets it."""

    option: str
    target: str
    mount: Mount
    subpath: str = ""  # its host path where a part of a volume is mounted

    @property
    def source(self) -> str:
        """The host path of a bind mount, empty for anything else."""
        return self.mount["source"] if "source" in self.mount and self.mount["type"] == "bind" else ""

    @property
    def is_directory(self) -> bool:
        """Whether a directory is mounted, and not a file."""
        path = self.source or self.subpath
        return not path or os.path.isdir(path)

    @property
    def remedy(self) -> str:
        """What to do where it cannot be mounted, as the end of a message."""
        return "; the image declares it: set image_volume to ignore" if self.option == "image_volume" else ""


def of_options(
    options: ContainerOptions, image: ImageConfig, borrowed: Iterable[Volume], static_root: str
) -> list[MountPoint]:
    """Return the mounts of the options, the image's configuration and the lenders of volumes_from."""
    lent = tuple(borrowed)
    by = {one["target"]: "volumes_from" for one in lent}
    by.update((one["target"], option) for option in ("volume", "mount") for one in options[option])
    by.update(dict.fromkeys(options["tmpfs"], "tmpfs"))
    mounts: list[Mount] = [*volumes.of_container("", options, image, lent)]
    mounts += volumes.file_systems(options, image, [one["target"] for one in mounts])
    return [
        MountPoint(by.get(one["target"], "image_volume"), one["target"], one, _subpath(one, static_root))
        for one in mounts
    ]


def _subpath(mount: Mount, static_root: str) -> str:
    if "subpath" not in mount or mount["type"] != "volume":
        return ""
    from ..._container.mounts import subpaths

    return subpaths.resolved(_data(mount["source"], static_root), mount["subpath"])


def _data(volume: str, static_root: str) -> str:
    return f"{static_root}/volumes/{volume}/_data"


def check_kernels_own(name: str, mounts: Sequence[MountPoint], runtime: str) -> None:
    """Check the targets in the kernel's own file systems.

    :raises InvalidArgument: the OCI runtime can mount nothing there.
    """
    targets = [one.target for one in mounts]
    for one in mounts:
        top, _slash, rest = one.target[1:].partition("/")
        why = ""
        if top == "proc" and runtime == "runc" and one.source != "/proc" and rest not in _IN_PROC:
            why = f"in /proc runc lets only {', '.join(_IN_PROC)} be bound"
        elif one.target == "/dev" and not (one.source and os.path.exists(f"{one.source}/null")):
            why = "what is mounted at /dev must have the devices, as the host's /dev has"
        elif top == "sys" and rest and not os.path.exists(one.target) and "/sys" not in targets:
            why = "/sys is the kernel's, where nothing can be made to mount on"
        if why:
            raise InvalidArgument(
                f"{one.option}: nothing can be mounted at {one.target} in container {name}: {why}{one.remedy}"
            )


def check_targets(name: str, mounts: Sequence[MountPoint], root: str) -> None:
    """Check the targets in the root filesystem ``root``.

    :raises InvalidArgument: one leads through a file, in a circle or into /proc, or is a file where a directory is to
    be mounted.
    """
    for one in mounts:
        others = (*_KERNELS, *(other.target for other in mounts if other is not one))
        if any(f"{one.target}/".startswith(f"{other}/") for other in others):
            continue
        if (one.source or one.subpath) and not os.path.exists(one.source or one.subpath):
            continue  # it is reported elsewhere
        if one.mount["type"] == "image" and "subpath" in one.mount:
            continue  # which may be a file
        try:
            leads = securejoin.resolve(root, one.target)[len(root.rstrip("/")) :]
            held, missing = securejoin.way_to(root, one.target)
        except OSError as error:
            raise InvalidArgument(
                f"{one.option}: {one.target} cannot be a mount point in container {name}: {error.strerror}{one.remedy}"
            ) from error
        try:
            if f"{leads}/".startswith("/proc/"):
                # Where a link in /proc leads depends on the process that follows it.
                raise InvalidArgument(
                    f"{one.option}: {one.target} of container {name} leads to {leads}, and nothing can be mounted "
                    f"through /proc{one.remedy or ': name another target'}"
                )
            if not missing and stat.S_ISDIR(os.fstat(held).st_mode) != one.is_directory:
                kinds = ("directory", "file") if one.is_directory else ("file", "directory")
                advice = one.remedy or f": name a target that is a {kinds[0]}, or is not there yet"
                raise InvalidArgument(
                    f"{one.option}: {one.target} of container {name} is a {kinds[1]}, and a {kinds[0]} is to be "
                    f"mounted there{advice}"
                )
        finally:
            os.close(held)


def behind(mounts: Sequence[MountPoint], root: str, static_root: str, path: str) -> Optional[str]:
    """Return the host path of the file that a container has at ``path``, a path below ``root``, under its mounts.

    That is ``path`` itself where nothing is mounted over it, or a mount that gets a copy of the image's content. It is
    None where that cannot be known, and empty where a mount hides it.
    """
    over: Optional[tuple[str, MountPoint]] = None
    for one in mounts:
        with suppress(OSError):
            point = securejoin.resolve(root, one.target)
            if f"{path}/".startswith(f"{point}/") and len(point) >= len(over[0] if over else ""):
                over = (point, one)
    if over is None:
        return path
    point, one = over
    if "source" not in one.mount:
        flags = one.mount["options"]
        if one.mount["type"] != "tmpfs":
            return None
        return "" if "notmpcopyup" in flags or "exec" not in flags else path
    if "O" in one.mount["flags"] or one.mount["type"] == "image":
        return None
    source = one.source or one.subpath
    if not source:
        source = _data(one.mount["source"], static_root)
        if not os.path.exists(f"{os.path.dirname(source)}/volume.json"):
            return "" if "nocopy" in one.mount["flags"] else path
    there = source + path[len(point) :]
    if not os.path.exists(source) or os.path.islink(there):
        return None
    return there if os.path.exists(there) else ""
