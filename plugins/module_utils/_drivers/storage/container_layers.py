# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers' own layers in an overlay store, made, mounted and unmounted as containers-storage(1) does, without it.

The directories, the records and the order of the locks are those of containers/storage (storage.lock, layers.lock,
containers.lock, mountpoints.lock), so that podman, buildah, CRI-O and the tool find what they would have made. What the
engine does not know is left to the tool: another driver or mount program, ID-mapped layers, composefs.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from random import SystemRandom
from typing import TYPE_CHECKING, Callable, Optional, Sequence

from ..._model.errors import LibpodError, NoSuchImage
from ..._model.failpoints import failpoint
from ..._model.foreign import Foreign
from ..kernel import netns, syscalls
from . import host_config, store_records
from .roots import Labels, StorageRoots
from .store_records import find, locked
from .volume_mounts import is_mounted

if TYPE_CHECKING:
    from ..kernel.userns import Maps

_LINK_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_LINK_LENGTH = 26
_LABELS = {"MountLabel", "ProcessLabel"}  # the flags of a container; with others, it is one for the tool
_FLAGS = {"": 0, "nodev": syscalls.MS_NODEV, "nosuid": syscalls.MS_NOSUID, "noexec": syscalls.MS_NOEXEC}
# Red Hat's storage.conf has it, which spares copies of files that change in owner or mode alone. The engine makes the
# copies: its other overlays, such as an export's, and layers of images have the whole file in one place.
_METACOPY = "metacopy=on"
_FLAGS[_METACOPY] = 0
_MAPS = ("uidmap", "gidmap")
_MOUNT_PROGRAM = "an image store with a mount program", "use one without it"
UNMAPPED = (
    "a user namespace on a kernel or file system that maps no IDs of an overlay's layers",
    "use Linux 5.19 or later",
)


class ContainerLayers:
    """The operations on containers' layers; each returns None or False where it is one for the tool.

    ``need`` then says why, and what the engine would do without it, for ``ToolMissing``.
    """

    def __init__(self, roots: StorageRoots) -> None:
        self._roots = roots
        self._home = f"{roots.root}/overlay"
        self._layers = f"{roots.root}/overlay-layers"
        self._containers = f"{roots.root}/overlay-containers"
        self._mounts = f"{roots.run_root}/overlay-layers"
        self.need = ("", "")

    def configured(self) -> bool:
        """Return whether the store's settings are those that the engine knows."""
        options = self._roots.mount_options
        unknown = [*host_config.unknown()] if options is None else [f"mountopt {one}" for one in {*options} - {*_FLAGS}]
        if self._roots.driver != "overlay":
            self.need = f"the storage driver {self._roots.driver}", "use the driver overlay"
        elif self._roots.more or unknown:
            settings = ", ".join(sorted(unknown)) or "additionalimagestores"
            self.need = f"{settings} of storage.conf", "remove it there, or give storage_root and storage_run_root"
        return not self.need[0]

    def usable(self) -> bool:
        """Return whether the store is of the kind that the engine writes."""
        if not self.configured():
            return False
        if not self.readable():
            fresh = not os.path.exists(f"{self._home}/.has-mount-program")
            self.need = ("the first use of the image store", "pull an image into it") if fresh else _MOUNT_PROGRAM
        return not self.need[0]

    def readable(self) -> bool:
        """Return whether the kernel's overlayfs has written the layers, whatever the store's settings are."""
        try:
            # Its programs write it at their first use of a store, and look for traces of fuse-overlayfs.
            with open(f"{self._home}/.has-mount-program", encoding="ascii", errors="replace") as file:
                return self._roots.driver == "overlay" and file.read(10).strip() == "false"
        except OSError:
            return False

    def create(self, container_id: str, image_id: str, layer: str, mark: str, maps: Maps, labels: Labels) -> bool:
        """Create the container with the ID ``layer`` of its layer, on top of the image's, and ``mark`` it.

        What a kill has left of the layer is replaced. The ``maps`` are those of its user namespace, {} without one.

        :raises NoSuchImage: the store does not have the image. :raises OSError: it cannot be written.
        """
        with locked(f"{self._layers}/layers.lock") as lock:
            if find(store_records.read(f"{self._containers}/containers.json"), container_id):
                return True
            path = f"{self._layers}/layers.json"
            image = find(store_records.read(f"{self._roots.root}/overlay-images/images.json"), image_id)
            if not image:
                raise NoSuchImage(f"image {image_id} is not in the store")
            layers = store_records.read(path)
            parent = find(layers, str(image.get("layer")))
            if not self._is_plain(parent) or parent.get("mountlabel"):
                self.need = f"image {image_id[:12]}, whose layer has {self._foreign(parent)},", "use another image"
                return False
            if find(layers, layer) or os.path.lexists(f"{self._home}/{layer}"):
                self._clear(layer)
                layers = store_records.without(layers, layer)
            label = {"mountlabel": labels.mount} if labels.mount else {}
            record = {"id": layer, "parent": parent["id"], **label, "created": _now()}
            # Its programs remove a layer that is incomplete; until then it has its record.
            store_records.write(path, [*layers, {**record, "flags": {"incomplete": True}}], lock)
            try:
                self._make_directories(layer, parent["id"])
                if maps and not self._can_map(layer, maps):
                    self.need = UNMAPPED
                    self._clear(layer)
                    store_records.write(path, layers, lock)
                    return False
                store_records.write(path, [*layers, record], lock)
                record = {"id": container_id, "image": image_id, "layer": layer, "metadata": mark, "created": _now()}
                self._put_container({**record, **_map_record(maps), "flags": _flags(labels)})
            except (OSError, LibpodError):  # such as a lock that another program keeps
                self._clear(layer)
                store_records.write(path, layers, lock)
                raise
        return True

    def _clear(self, layer: str) -> None:
        from .removal import remove_directories

        remove_directories(self._roots, layer)

    def _is_plain(self, layer: dict[str, object]) -> bool:
        """Return whether the layer is one that the engine can mount: overlay directories, for the host's IDs."""
        return not self._foreign(layer)

    def _foreign(self, layer: dict[str, object]) -> str:
        """Return what a layer has that the engine does not know, "" for nothing."""
        home = f"{self._home}/{layer.get('id')}"
        found = [key for key in (*_MAPS, "flags") if layer.get(key)]
        found += ["composefs-data"] if os.path.exists(f"{home}/composefs-data") else []
        if not layer or not os.path.isfile(f"{home}/link"):
            return "no record or link"
        return ", ".join(found)

    def _make_directories(self, layer: str, parent: str) -> None:
        home, below = f"{self._home}/{layer}", f"{self._home}/{parent}"
        owner, mode = os.stat(below), os.stat(f"{below}/diff").st_mode & 0o777
        lower = [f"l/{_text(f'{below}/link')}"]
        if os.path.exists(f"{below}/lower"):
            lower.append(_text(f"{below}/lower"))
        link = "".join(SystemRandom().choices(_LINK_CHARACTERS, k=_LINK_LENGTH))
        failpoint("make layer")
        os.mkdir(home, 0o700)
        self._make_directory(f"{home}/diff", mode, owner)
        # In this order, for a removal after a kill between both finds the link by its name.
        _write(f"{home}/link", link)
        os.symlink(f"../{layer}/diff", f"{self._home}/l/{link}")
        self._make_directory(f"{home}/work", 0o700, owner)
        self._make_directory(f"{home}/merged", 0o700, owner)
        _write(f"{home}/lower", ":".join(lower))

    @staticmethod
    def _make_directory(path: str, mode: int, owner: os.stat_result) -> None:
        os.mkdir(path, mode)
        os.chown(path, owner.st_uid, owner.st_gid)

    def _can_map(self, layer: str, maps: Maps) -> bool:
        """Return whether the kernel and the file system map the IDs of the layers below; nothing stays mounted."""
        from .mapped_overlay import overlay

        try:
            self._keep_private()
            os.close(overlay(self._home, layer, self._lower(layer), maps))
        except OSError:
            return False
        return True

    def _put_container(self, record: dict[str, object]) -> None:
        path = f"{self._containers}/containers.json"
        with locked(f"{self._containers}/containers.lock") as lock:
            others = store_records.without(store_records.read(path), str(record["id"]))
            store_records.write(path, [*others, record], lock)

    def label(self, container_id: str, labels: Labels) -> None:
        """Record the labels of a container that the tool has made, which gives it others."""
        with locked(f"{self._layers}/layers.lock") as lock:
            container = find(store_records.read(f"{self._containers}/containers.json"), container_id)
            path = f"{self._layers}/layers.json"
            layers = store_records.read(path)
            find(layers, str(container.get("layer")))["mountlabel"] = labels.mount
            store_records.write(path, layers, lock)
            if container:
                self._put_container({**container, "flags": _flags(labels)})

    def mount(self, container_id: str, own: str, label: str = "") -> Optional[str]:
        """Mount the container's layer and return the mount point; ``own`` is the ID that one of the engine's has.

        ``label`` is that of SELinux that all its files have.
        """
        files = self._roots.container_files
        container = find([one for path in files for one in store_records.read(path, container_id)], container_id)
        layer = container.get("layer")
        maps: Maps = {}
        if any(container.get(key) for key in _MAPS):
            from .mapped_overlay import from_record

            maps = from_record(Foreign(container, f"container {container_id[:12]} in the image store"))
        self.need = "a layer that another program has made", "re-create the container"
        partial = layer != own and _METACOPY in (self._roots.mount_options or ())
        flags = container.get("flags", {})
        if not isinstance(flags, dict) or {*flags} != _LABELS or partial:
            return None
        os.makedirs(self._mounts, 0o700, exist_ok=True)
        with locked(f"{self._roots.root}/storage.lock"), locked(f"{self._layers}/layers.lock"):
            layers = [one for path in self._roots.layer_files for one in store_records.read(path)]
            lower = self._lower(str(layer)) if self._is_plain(find(layers, str(layer))) else []
            if not lower:
                return None
            point = f"{self._home}/{layer}/merged"
            with locked(f"{self._mounts}/mountpoints.lock") as lock:
                mounted = os.path.ismount(point)  # by another program, in this moment
                if not mounted:
                    self._keep_private()
                    self._mount(str(layer), lower, maps, label)
                self._count(layers, str(layer), point, lock, again=mounted)
        return point

    def unmount(self, layer: str) -> None:
        """Unmount the layer, and drop the count of its mounts.

        :raises OSError: the kernel refuses.
        """
        from .removal import forget_mount, unmount

        point = f"{self._home}/{layer}/merged"
        with locked(f"{self._layers}/layers.lock"):
            unmount(point)
            # Before the directory: its programs look at that of a layer which has a count.
            forget_mount(self._roots, layer)
            failpoint("rmdir merged")
            with suppress(FileNotFoundError):
                os.rmdir(point)

    def _lower(self, layer: str) -> list[str]:
        """Return the layers below as ``overlay/l`` names them; [] where one is not there or has parts of its own."""
        try:
            links = _text(f"{self._home}/{layer}/lower").split(":")
        except FileNotFoundError:
            return []
        homes = [f"{self._home}/{layer}", *(f"{self._home}/{link}/.." for link in links)]
        whole = all(os.path.isdir(f"{self._home}/{link}/.") for link in links)
        return links if whole and not any(os.path.lexists(f"{home}/diff1") for home in homes) else []

    def _keep_private(self) -> None:
        """Make the layers' directory a mount point of its own, private, so that no other namespace keeps mounts."""
        # os.path.ismount does not see a directory that is bound to itself.
        if not is_mounted(self._home):
            syscalls.mount(self._home, self._home, flags=syscalls.MS_BIND)
        syscalls.mount("", self._home, flags=syscalls.MS_PRIVATE)

    def _mount(self, layer: str, lower: list[str], maps: Maps, label: str) -> None:
        os.makedirs(f"{self._home}/{layer}/merged", 0o700, exist_ok=True)
        flags = 0
        for option in self._roots.mount_options or ():
            flags |= _FLAGS[option]
        if maps:
            from ..kernel import mount_api
            from .mapped_overlay import overlay

            mounted = overlay(self._home, layer, lower, maps, flags, label)
            try:
                mount_api.attach_here(mounted, f"{self._home}/{layer}/merged")
            finally:
                os.close(mounted)
            return

        def mount(home: str) -> None:
            directories = ":".join(f"{home}{link}" for link in lower)
            options = f"lowerdir={directories},upperdir={home}{layer}/diff,workdir={home}{layer}/work"
            syscalls.mount("overlay", f"{home}{layer}/merged", "overlay", flags, options, label=label)

        longest = len(self._home) + 1 + max(map(len, [*lower, f"{layer}/work"]))
        if longest * (len(lower) + 2) + 60 + len(label) < os.sysconf("SC_PAGE_SIZE") and not {*":,\\"} & {*self._home}:
            mount(f"{self._home}/")
        else:
            _in_directory(self._home, lambda: mount(""))

    def _count(self, layers: Sequence[object], layer: str, point: str, lock: int, *, again: bool) -> None:
        """Count the mount, ``again`` beside those of others; the records are in the order of the layers."""
        path = f"{self._mounts}/mountpoints.json"
        mounts = store_records.read(path)
        # A count of a layer that is not mounted is of before, such as of another mount namespace.
        before = find(mounts, layer).get("count") if again else 0
        count = before + 1 if isinstance(before, int) else 1
        mounts = [*store_records.without(mounts, layer), {"id": layer, "path": point, "count": count}]
        known = [find(mounts, str(one.get("id"))) for one in layers if isinstance(one, dict)]
        store_records.write(path, [one for one in known if one], lock)


def _flags(labels: Labels) -> dict[str, str]:
    return {"MountLabel": labels.mount, "ProcessLabel": labels.process}


def _map_record(maps: Maps) -> dict[str, list[dict[str, int]]]:
    if not maps:
        return {}
    from .mapped_overlay import to_record

    return to_record(maps)


def _in_directory(path: str, work: Callable[[], None]) -> None:
    """Do ``work`` in a thread whose working directory is ``path``, for names short enough for a page of options."""

    def body() -> None:
        syscalls.unshare(syscalls.CLONE_FS)
        os.chdir(path)
        work()

    netns.in_thread(body)


def _now() -> str:
    """Return the time as Go's time.RFC3339Nano."""
    seconds, rest = divmod(time.time_ns(), 1_000_000_000)
    fraction = f".{rest:09d}".rstrip("0").rstrip(".")
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}{fraction}Z"


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read().strip()


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
