# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of volumes, mounts and tmpfs that another configuration asks of a live container, and what prevents them.

Plan and execution both decide by what is read here: /proc, the container's own view of its files, and what the kernel
says is in use. Nothing is changed.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Iterable, Iterator, NamedTuple, Optional

from ..._drivers import process
from ..._drivers.kernel import mount_api, securejoin
from ..._model.errors import ContainerStopped
from ..._model.options.mounts import volumes as model
from ..._model.options.syntax.parsers import natural
from ..._model.records.config import ContainerConfig
from ..._spec.generate import INIT_PATH, root_propagation
from ..._spec.mounts import mounts, requested_mounts
from ..bundle import etc_files
from ..lifecycle import notify
from ..mounts import volumes

if TYPE_CHECKING:
    from ..._model.options import types
    from ..._spec.types import Mount
    from ..base import ContainerBase

_FLAGS = {
    "ro": mount_api.RDONLY,
    "nosuid": mount_api.NOSUID,
    "nodev": mount_api.NODEV,
    "noexec": mount_api.NOEXEC,
    "noatime": mount_api.NOATIME,
}
# Options that a mount is made with, and cannot get later.
_MADE_SO = ("bind", "slave", "rslave")
_KERNELS_OWN = ("/proc", "/sys", "/dev")
ADD, CHANGE, REPLACE, REMOVE, NOTHING = "add", "change", "replace", "remove", ""


class Live(NamedTuple):
    """A mount of proc_pid_mountinfo(5); ``root`` is the part of its file system that is mounted."""

    number: int
    parent: int
    root: str
    point: str
    options: tuple[str, ...]
    shared: bool
    kind: str


class Inside(NamedTuple):
    """A live container from within: a lasting path of its root directory, its mount namespace, its mounts."""

    root: str
    namespace: int
    mounts: list[Live]


class Wanted(NamedTuple):
    """The mount that a target had and that it is to have, as in the OCI spec; None for none.

    ``point`` is the target with links followed, empty where they lead nowhere. ``stack`` has the mounts there now, the
    top last. ``volume`` is the requested bind mount or volume.
    """

    target: str
    point: str
    before: Optional[Mount]
    after: Optional[Mount]
    stack: tuple[Live, ...]
    movable: bool
    volume: Optional[types.Volume] = None

    @property
    def volume_name(self) -> str:
        return self.volume["source"] if self.volume and self.volume["type"] == "volume" else ""

    def action(self, inside: Inside) -> str:
        """Return what leads from the one to the other; of several mounts there, those on top are removed first."""
        if self.after is None:
            return REMOVE if self.stack else NOTHING
        if not self.stack:
            return ADD
        return CHANGE if len(self.stack) == 1 and _is_there(self, inside) else REPLACE


@contextmanager
def entered(container: ContainerBase) -> Iterator[Inside]:
    """Open a live container's root directory and mount namespace, and read its mounts.

    :raises ContainerStopped: its process has just ended.
    """
    proc, held = container.proc, list[int]()
    try:
        for name, flags in (("root", os.O_PATH | os.O_DIRECTORY), ("ns/mnt", os.O_RDONLY)):
            held.append(os.open(f"{proc}/{name}", flags | os.O_CLOEXEC))
        with open(f"{proc}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            mounts = [_live(line) for line in file]
        if not process.alive(container.state.process):
            raise ProcessLookupError
    except (FileNotFoundError, ProcessLookupError) as error:
        for descriptor in held:
            os.close(descriptor)
        raise ContainerStopped(f"container {container.name} has just ended: run the task again") from error
    try:
        yield Inside(f"/proc/self/fd/{held[0]}", held[1], mounts)
    finally:
        for descriptor in held:
            os.close(descriptor)


def _live(line: str) -> Live:
    left, right = line.split(" - ", 1)
    number, parent, _device, root, point, options, *tags = left.split(" ")
    shared = any(tag.startswith("shared:") for tag in tags)
    kind = right.split(" ", 1)[0]
    return Live(int(number), int(parent), root, process.unescaped(point), tuple(options.split(",")), shared, kind)


def wanted(container: ContainerBase, config: ContainerConfig, also: Iterable[str], inside: Inside) -> list[Wanted]:
    """Return the targets at which ``config`` differs from the record, and those in ``also``."""
    before, after = _mounts(container, container.config), _mounts(container, config)
    requested = [_by_target(container.config), _by_target(config)]
    targets = {target for target in {*before, *after} if before.get(target) != after.get(target)}
    result = []
    for target in sorted({*targets, *also, *container.state.changing_mounts}):
        point = point_of(inside, target)
        movable = all(model.movable(of[target]) for of in requested if target in of)
        new = requested[1].get(target)
        stack = tuple(_stack(inside.mounts, point))
        one = Wanted(target, point, before.get(target), after.get(target), stack, movable)
        result.append(one._replace(volume=new) if new and "source" in new else one)
    return result


def _by_target(config: ContainerConfig) -> dict[str, types.Mount]:
    mounts: list[types.Mount] = [*config.file_systems, *config.volumes]
    return {mount["target"]: mount for mount in mounts}


def _mounts(container: ContainerBase, config: ContainerConfig) -> dict[str, Mount]:
    sources = {one["target"]: volumes.host_path(container, one) for one in config.volumes}
    return requested_mounts(config, sources, volumes.source_guards(container, config))


def point_of(inside: Inside, target: str) -> str:
    try:
        return securejoin.resolve(inside.root, target)[len(inside.root) :]
    except OSError:
        return ""


def _stack(mounts: list[Live], point: str) -> Iterator[Live]:
    """Yield the mounts at a point, each on the one before."""
    here = {one.parent: one for one in mounts if one.point == point}
    numbers = {one.number for one in here.values()}
    above = next((parent for parent in here if parent not in numbers), 0)
    while above in here:
        yield here[above]
        above = here.pop(above).number


def flags(mount: Mount) -> int:
    """Return the flags that a mount's options stand for."""
    return sum(number for word, number in _FLAGS.items() if word in mount["options"])


def size(mount: Mount) -> str:
    """Return the size of a tmpfs; the kernel's default is half of the memory."""
    return next((word[5:] for word in mount["options"] if word.startswith("size=")), "50%")


def _is_there(one: Wanted, inside: Inside) -> bool:
    """Return whether the requested mount is there, but for its flags and size."""
    before, after = one.before, one.after
    if after is None:
        return False
    # A mount can stop being a slave, but not become one.
    if before is not None and not _structure(before) ^ _structure(after) <= {"slave", "rslave"} & _structure(before):
        return False
    folder, name = securejoin.hold(inside.root, one.target)
    try:
        there = os.stat(name, dir_fd=folder, follow_symlinks=False)
    finally:
        os.close(folder)
    if after["type"] == "bind":
        return _same(there, after["source"])
    of_tmpfs = one.stack[0].kind == "tmpfs" and one.stack[0].root == "/"
    return of_tmpfs and not (before is not None and before["type"] == "bind" and _same(there, before["source"]))


def _same(there: os.stat_result, path: str) -> bool:
    try:
        return os.path.samestat(there, os.stat(path))
    except OSError:
        return False


def _structure(mount: Mount) -> set[str]:
    """Return type and options of a mount that cannot be changed."""
    fixed = (one for one in mount.get("options", ()) if one in _MADE_SO or "=" in one and one[:5] != "size=")
    return {mount.get("type", ""), *fixed}


# What is in the way


def obstacles(container: ContainerBase, config: ContainerConfig, also: Iterable[str] = ()) -> dict[str, str]:
    """Return why the mounts of ``config`` need a new container, by target; empty where all can change in place.

    ``also`` are targets to be repaired whose configuration stays.
    """
    try:
        with entered(container) as inside:
            targets = wanted(container, config, also, inside)
            general = targets and everywhere(container, config, inside)
            if general:
                return {one.target: general for one in targets}
            engines = _engines(container, config)
            points = [one.point for one in targets]
            reasons = {one.target: _in_the_way(container, one, inside, engines, points) for one in targets}
            return {target: why for target, why in reasons.items() if why}
    except ContainerStopped:
        return {}


def everywhere(container: ContainerBase, config: ContainerConfig, inside: Inside) -> str:
    """Return what prevents any change; empty for nothing."""
    if container.sandboxed:
        return "the container's mounts are those of a sandbox"
    if not mount_api.supported():
        return "the kernel lacks mount_setattr(2) or does not let the engine use it"
    if os.readlink(f"{container.proc}/ns/user") != os.readlink("/proc/self/ns/user"):
        return "the container has a user namespace"
    if all(one.point != "/" for one in inside.mounts):
        return "the container's process has changed its root directory"
    if config.options["hooks_dir"]:
        return "hooks look at the mounts when a container is made"
    if root_propagation(container.config.volumes) != root_propagation(config.volumes):
        return "the root's propagation changes with it"
    return ""


def _engines(container: ContainerBase, config: ContainerConfig) -> set[str]:
    """Return the paths at which the engine itself mounts or masks something, whatever the options."""
    bare = config.with_options({"volume": [], "mount": [], "tmpfs": {}, "image_volume": "ignore"})
    secrets = (one["target"] for one in config.options["secrets"] if one["type"] == "mount")
    files = (*etc_files.paths(container), "/etc/passwd", "/etc/group", notify.TARGET, INIT_PATH, *secrets)
    made = mounts(bare._replace(borrowed_volumes=()), volume_sources={}, shm="", files=dict.fromkeys(files, ""))
    return {*(one["destination"] for one in made), *config.options["security_opt"].get("mask", ())}


def _in_the_way(container: ContainerBase, one: Wanted, inside: Inside, engines: set[str], points: list[str]) -> str:
    if not one.movable:
        return "such a mount comes with a new container"
    if not one.point or points.count(one.point) > 1:
        return "its target leads nowhere, or where another one leads"
    if {one.target, one.point} & engines or any(f"{one.point}/".startswith(f"{own}/") for own in _KERNELS_OWN):
        return "the engine or the kernel has something of its own there"
    unfinished = one.target in container.state.changing_mounts
    if not unfinished and (len(one.stack) > 1 or one.stack and one.before is None):
        return "something else is mounted there"
    action = one.action(inside)
    if action not in (CHANGE, NOTHING):
        around = [*points, *engines, *(live.point for live in inside.mounts)]
        if any(other.startswith(f"{one.point}/") for other in around):
            return "there are mounts below it"
        if any(live.shared for live in holders(inside.mounts, one.point)):
            return "the mount around it passes mounts on"
    if action in (ADD, REPLACE):
        why = _misfit(one, inside, action) or _content(container, one, inside, action)
        if why:
            return why
    if action == CHANGE and one.after is not None and one.after["type"] == "tmpfs" and not _fits(one, inside):
        return "it holds more than the new size, or had no limit"
    becomes_read_only = action == CHANGE and effective(one) & mount_api.RDONLY and "ro" not in one.stack[0].options
    if (action in (REMOVE, REPLACE) or becomes_read_only) and not unused(one, inside):
        return "a process uses it"
    return ""


def effective(one: Wanted) -> int:
    """Return the flags that a mount is to have; a bind mount without any has those of its source's mount."""
    after = one.after
    if after is None:
        return 0
    requested = flags(after)
    if requested or after["type"] != "bind":
        return requested
    return os.statvfs(after["source"]).f_flag & mount_api.FLAGS


def unused(one: Wanted, inside: Inside) -> bool:
    """Return whether the kernel would let the topmost mount be removed."""
    folder, name = securejoin.hold(inside.root, one.target)
    try:
        return mount_api.unused(inside.namespace, folder, name)
    finally:
        os.close(folder)


def holders(mounts: list[Live], point: str) -> list[Live]:
    """Return the mounts that a point lies on, without those mounted at the point itself."""
    over = [one for one in mounts if one.point != point and f"{point}/".startswith(f"{one.point.rstrip('/')}/")]
    nearest = max((len(one.point) for one in over), default=0)
    return [one for one in over if len(one.point) == nearest]


def _misfit(one: Wanted, inside: Inside, action: str) -> str:
    """Return why such a mount cannot be at its target, which is there or to be made; empty where it can."""
    if action == REPLACE and not mount_api.supports_beneath():
        return "the kernel lacks MOVE_MOUNT_BENEATH (Linux 6.5)"
    may_be_file = one.volume and (one.volume["type"] == "bind" or "subpath" in one.volume)
    directory = not (may_be_file and one.after) or os.path.isdir(one.after["source"])
    try:
        held, missing = securejoin.way_to(inside.root, one.target)
    except OSError as error:
        return f"its target cannot be used: {error.strerror}"
    try:
        if not missing:
            same = stat.S_ISDIR(os.fstat(held).st_mode) == directory
            return "" if same else "its source and its target are not of one kind, file or directory"
        if ".." in missing or os.fstatvfs(held).f_flag & os.ST_RDONLY:
            return "its target is not there, and what it would be in is read-only"
        return ""
    finally:
        os.close(held)


def _content(container: ContainerBase, one: Wanted, inside: Inside, action: str) -> str:
    """Return why the mount would have to begin with the image's content, which only a new container gives; or empty."""
    copies = "tmpcopyup" in (one.after or {"options": ()})["options"]
    if one.volume_name and one.volume is not None and one.after is not None:
        begins = not {"nocopy", "subpath"} & {*one.volume["flags"], *one.volume}
        copies = begins and not volumes.made(container, one.volume)
    if not copies:
        return ""
    rootfs = container.storage.mountpoint(container.id)
    if not rootfs:
        return "the root filesystem, whose content it may begin with, is no longer mounted"
    views = [rootfs, *([inside.root] if action == ADD else [])]
    return "it begins with the image's content" if any(_holds(root, one.target) for root in views) else ""


def _holds(root: str, path: str) -> bool:
    try:
        held = securejoin.open_beneath(root, path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        return bool(os.listdir(held))
    finally:
        os.close(held)


def _fits(one: Wanted, inside: Inside) -> bool:
    """Return whether a tmpfs can have its new size; a size limit can neither be added nor removed."""
    number, _per, _cent = (text := size(one.after) if one.after else "").partition("%")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 100
    room = (natural(number) or 0) * (memory if text != number else 1)
    held, _missing = securejoin.way_to(inside.root, one.target)
    try:
        info = os.fstatvfs(held)
    finally:
        os.close(held)
    used = (info.f_blocks - info.f_bfree) * info.f_frsize
    return bool(info.f_blocks) and room > 0 and used <= room
