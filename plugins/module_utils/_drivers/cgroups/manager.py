# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's cgroups: their kind, where a container's are under the two managers, and the limits in force.

The managers are ``cgroupfs``, with plain directories, and ``systemd``, with scopes. Here is only what an unchanged task
needs: ``hierarchy`` changes the tree, ``limits`` writes limits, ``stats`` measures. A cgroup's path is relative to the
mounts: ``/libpod_parent/libpod-<id>``.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Iterable, Mapping, Optional

from ..._model.cgroup_codecs import Codec
from ..._model.cgroup_limits import LIMITS, RARE, USUAL, File, Limit
from ..._model.errors import InvalidArgument
from ..._model.failpoints import failpoint
from ..._model.records.config import DEFAULT_CGROUP_PARENT, DEFAULT_CGROUP_SLICE

CGROUP_ROOT = "/sys/fs/cgroup"
_CHUNK = 1 << 12
Numbers = Mapping[str, tuple[int, int]]  # major and minor number by a device's path


class CgroupHost:
    """Where a host's hierarchies are.

    ``kind`` is ``v1``, ``hybrid`` (v1, and a v2 hierarchy at ``unified`` that has no controllers of ours) or ``v2``;
    ``hierarchies`` are the mounts, each once; ``controllers`` gives a controller's mount.
    """

    def __init__(self, kind: str, hierarchies: tuple[str, ...], controllers: Mapping[str, str]) -> None:
        self.kind = kind
        self.hierarchies = hierarchies
        self.controllers = controllers
        self.unified = kind == "v2"

    def read(self, path: str, controller: str, name: str) -> Optional[str]:
        """Return a cgroup file's content without the final newline, None where it does not exist."""
        file = self.file(path, controller, name)
        return read_file(file) if file else None

    def file(self, path: str, controller: str, name: str) -> str:
        """Return the path of a cgroup's file; "" where the host does not use the controller."""
        mount = self.hierarchies[0] if self.unified else self.controllers.get(controller)
        return f"{mount}{path}/{name}" if mount else ""


def write_file(file: str, text: str, announced: bool = False) -> None:
    """Write a file of a cgroup; with ``announced`` the caller has called ``failpoint``.

    :raises OSError: the kernel does not take it, or the file is not there.
    """
    if not announced:
        failpoint(f"write {file}")
    # No O_CREAT: on a recorded tree as in the kernel, a file that is not there is an error.
    handle = os.open(file, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


def read_file(file: str) -> Optional[str]:
    """Return a small file's content without the final newline, or None where it cannot be read."""
    try:
        # Without a file object: a look at a container reads two dozen of them.
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            content = os.read(descriptor, _CHUNK)
            # The kernel fills a page with as many lines as fit (seq_file): half a page was all that there is.
            while len(content) > _CHUNK // 2 and (part := os.read(descriptor, _CHUNK)):
                content += part
        finally:
            os.close(descriptor)
        return content.decode("ascii", "replace").rstrip("\n")
    except OSError:
        # A cgroup that is removed while it is read answers ENODEV: it is gone all the same.
        return None


def detect(root: str = CGROUP_ROOT) -> CgroupHost:
    """Detect the hierarchies mounted below ``root``, by names alone (cgroups(7)); none on a host without cgroups."""
    if os.path.exists(f"{root}/cgroup.controllers"):
        return CgroupHost("v2", (root,), {})
    try:
        names = sorted(os.listdir(root))
    except OSError:
        names = []
    mounts = [name for name in names if not os.path.islink(f"{root}/{name}")]
    # A directory that nothing is mounted on has no cgroup.procs.
    mounts = [name for name in mounts if os.path.exists(f"{root}/{name}/cgroup.procs")]
    hybrid = "unified" in mounts and os.path.exists(f"{root}/unified/cgroup.controllers")
    # Controllers mounted together share a directory named after all of them: "cpu,cpuacct".
    controllers = {part: f"{root}/{name}" for name in mounts if name != "unified" for part in name.split(",")}
    return CgroupHost("hybrid" if hybrid else "v1", tuple(f"{root}/{name}" for name in mounts), controllers)


def lost(host: CgroupHost, path: str) -> bool:
    """Return whether a container's cgroup is missing in a hierarchy of its limits, process count or freezer."""
    known = host.controllers
    mounts = host.hierarchies if host.unified else [known[name] for name in _OURS if name in known]
    return not all(os.path.isdir(mount + path) for mount in mounts)


# The controllers in which each runtime makes a container's cgroup.
_OURS = ("memory", "cpu", "pids", "freezer")


def plain(host: CgroupHost, path: str) -> bool:
    """Return whether none of the rare limits is in force, as far as the first lines of their files tell."""
    files = ((row, file) for row in map(LIMITS.__getitem__, RARE) for file in row.files(host.unified))
    initial = {(row.controller, file.name): file.initial for row, file in files if file.initial is not None}
    for (controller, name), line in initial.items():
        text = host.read(path, controller, name)
        if text and text.partition("\n")[0] != line:
            return False
    return True


def frozen(host: CgroupHost, path: str) -> bool:
    """Return whether this cgroup itself is paused.

    A frozen ancestor does not count, since the OCI runtime could not resume this one.
    """
    name = "cgroup.freeze" if host.unified else "freezer.self_freezing"
    return host.read(path, "freezer", name) == "1"


def systemd_runs() -> bool:
    """Return whether systemd is PID 1 (sd_booted(3))."""
    return os.path.isdir("/run/systemd/system")


def default_manager(host: CgroupHost) -> str:
    """Return ``systemd`` where it runs on a v2 host, else ``cgroupfs``."""
    return "systemd" if host.unified and systemd_runs() else "cgroupfs"


def checked_parent(manager: str, parent: str) -> str:
    """Return the option ``cgroup_parent`` in the form that is recorded: an absolute path, or a slice's name.

    An empty one means the manager's default; for systemd a path of slices means the last slice.

    :raises InvalidArgument: it is no path below the root, or no slice's name.
    """
    if manager == "systemd":
        name = os.path.basename(parent.rstrip("/")) or DEFAULT_CGROUP_SLICE
        slice_path(name)
        return name
    parts = [part for part in parent.split("/") if part] or [DEFAULT_CGROUP_PARENT.strip("/")]
    if any(part in (".", "..") for part in parts) or "\0" in parent or "\n" in parent:
        raise InvalidArgument(
            f"cgroup_parent {parent!r} is no cgroup's path: expected one such as {DEFAULT_CGROUP_PARENT}"
        )
    if parts[-1].endswith(".slice"):
        raise InvalidArgument(
            f"cgroup_parent {parent!r} is a systemd slice, but the cgroup manager is cgroupfs: "
            "name a path, or set cgroup_manager to systemd"
        )
    return "/" + "/".join(parts)


def slice_path(name: str) -> str:
    """Return the path of a slice below the cgroup mounts, as ``/a.slice/a-b.slice`` for ``a-b.slice``.

    See systemd.slice(5).

    :raises InvalidArgument: it is no slice's name.
    """
    stem = name[: -len(".slice")] if name.endswith(".slice") else ""
    if stem == "-":
        return ""
    parts = stem.split("-")
    if "" in parts or "/" in stem or any(char.isspace() or not char.isprintable() for char in stem):
        raise InvalidArgument(
            f"cgroup_parent {name!r} is no slice: with the cgroup manager systemd a name such as "
            f"{DEFAULT_CGROUP_SLICE} is expected, with single dashes between its levels"
        )
    return "".join(f"/{'-'.join(parts[: depth + 1])}.slice" for depth in range(len(parts)))


def manager_of(parent: str) -> str:
    """Return the manager of a parent from ``checked_parent``: ``cgroupfs`` for a path, ``systemd`` for a name."""
    return "cgroupfs" if parent.startswith("/") else "systemd"


def parent_path(parent: str) -> str:
    """Return the path of the parent's own cgroup below the mounts."""
    return parent if parent.startswith("/") else slice_path(parent)


def oci_path(manager: str, parent: str, container_id: str) -> str:
    """Return ``linux.cgroupsPath`` of the OCI specification, in the form that the runtime's manager expects."""
    return f"{parent}:libpod:{container_id}" if manager == "systemd" else f"{parent}/libpod-{container_id}"


def container_path(manager: str, parent: str, container_id: str) -> str:
    """Return the path of the container's cgroup below the mounts; ``parent`` is as ``checked_parent`` returns it."""
    return _path(manager, parent, f"libpod-{container_id}")


def conmon_path(manager: str, parent: str, container_id: str) -> str:
    """Return the path of the cgroup of the container's conmon."""
    return _path(manager, parent, f"libpod-conmon-{container_id}")


def _path(manager: str, parent: str, name: str) -> str:
    return f"{slice_path(parent)}/{name}.scope" if manager == "systemd" else f"{parent}/{name}"


def find(host: CgroupHost, path: str, row: Limit) -> tuple[Optional[File], Optional[str]]:
    """Return the file that keeps a limit, with its content.

    Without content the kernel has none of the limit's files here; without a file, it knows no such limit.
    """
    first = None
    for file in row.files(host.unified):
        if file.codec:
            first = first or file
            text = host.read(path, row.controller, file.name)
            if text is not None:
                return file, text
    return first, None


def _live(host: CgroupHost, path: str, row: Limit) -> tuple[Optional[Codec], object]:
    file, text = find(host, path, row)
    codec = file.codec if file else None
    if codec is None or text is None:
        return codec, None
    return codec, codec.parse(text, partial(host.read, path, row.controller))


def limits(host: CgroupHost, path: str, names: Iterable[str] = USUAL) -> dict[str, object]:
    """Return the values in force, by option name.

    Bytes, microseconds, shares and counts are numbers, cpusets the kernel's lists as text, limits by device numbers by
    ``MAJOR:MINOR``. None is no limit, or a file that this kernel does not have; ``memory_swap`` has -1 for no limit.
    """
    return {name: _live(host, path, LIMITS[name])[1] for name in names}


def drift(
    host: CgroupHost, path: str, wanted: Mapping[str, object], numbers: Optional[Numbers] = None
) -> dict[str, object]:
    """Return the live values of those ``wanted`` limits that are not in force, by option name.

    None, 0 and "" stand for no limit. ``numbers`` are the major and minor number of each device that is named and
    there. A value counts as in force where the kernel rounds it (pages), inherits it (cpusets) or the runtime converts
    it (shares); one without a file in this kernel is unknown and does not count as drift.
    """
    differing: dict[str, object] = {}
    numbers = numbers or {}
    for name, value in wanted.items():
        row = LIMITS[name]
        codec, live = _live(host, path, row)
        if codec is None or _in_force(host, path, row, codec, by_number(value, numbers), live):
            continue
        if isinstance(live, dict):  # a limit by device
            devices = {f"{major}:{minor}": device for device, (major, minor) in numbers.items()}
            live = {devices.get(device, device): limit for device, limit in live.items()}
        differing[name] = live
    return differing


def _in_force(host: CgroupHost, path: str, row: Limit, codec: Codec, wanted: object, live: object) -> bool:
    free = wanted is None or wanted == ""
    if not row.inherits or not (free or live == ""):
        return codec.same(wanted, live)
    if live is None or (free and live == ""):
        return True
    # On v2 an empty cpuset has what its parent has; once set, it can be emptied only while nothing runs in it.
    text = inherited(host, path, row)
    parent = None if text is None else codec.parse(text, partial(host.read, path, row.controller))
    return row.inherits(live, parent) if free else codec.same(wanted, parent or "")


def inherited(host: CgroupHost, path: str, row: Limit) -> Optional[str]:
    """Return what a new cgroup takes over from its parent, as text: what the parent has or, on v2, can give."""
    parent, name = os.path.dirname(path.rstrip("/")), row.files(host.unified)[0].name
    return host.read(parent, row.controller, name) or host.read(parent, row.controller, f"{name}.effective")


def by_number(value: object, numbers: Numbers) -> object:
    """Return limits by device by ``MAJOR:MINOR``, without devices that are not there; other limits' values as is."""
    if not isinstance(value, dict):
        return value
    return {f"{numbers[path][0]}:{numbers[path][1]}": limit for path, limit in value.items() if path in numbers}
