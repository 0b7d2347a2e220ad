# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's root filesystem from an image; the store's container has the same ID.

The engine writes overlay layers itself (``container_layers``). The rest is left to containers-storage(1).
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Optional

from ..._model.engine_config import EngineConfig
from ..._model.errors import (
    Internal,
    MalformedData,
    NoSuchImage,
    NotImplementedByHost,
    NotRemoved,
    ToolFailed,
    ToolMissing,
)
from ..._model.failpoints import failpoint
from ..._model.foreign import Foreign
from ..._model.options.syntax.parsers import natural
from ..command import TOOL_PATH, run
from . import host_config
from .roots import PACKAGE, UNLABELLED, Labels, Layers, member, records, storage_roots

if TYPE_CHECKING:
    from ..kernel.userns import Maps
    from .container_layers import ContainerLayers


class Storage:
    """The operations on a storage container; create and mount run no program where it is done."""

    def __init__(self, parts: EngineConfig) -> None:
        self._roots = storage_roots(parts)
        self._run_root = parts.run_root
        self._static_root = parts.static_root
        self._containers = f"{parts.static_root}/containers"
        # It marks the engine's containers in the store. It is not JSON, so that no other engine takes them for its own.
        self._mark = f"libpod.engine {parts.static_root}"

    def create(
        self, container_id: str, image_id: str, maps: Optional[Maps] = None, labels: Labels = UNLABELLED
    ) -> None:
        """Create the container's layer on top of the image's, unless it exists.

        ``maps`` are the maps ``uid`` and ``gid`` of its user namespace; the files belong to the mapped IDs.

        :raises NoSuchImage: the store does not have the image.
        """
        layer = self._layer(container_id)
        if layer and self._roots.driver == "overlay" and not os.path.exists(f"{self._roots.layer_home(layer)}/link"):
            self.delete(container_id)  # what a killed removal has left
        elif layer is not None:
            return
        layers = self._container_layers()
        new = self._layer_id(container_id)
        usable = layers.usable()
        if not usable or not layers.create(container_id, image_id, new, self._mark, maps or {}, labels):
            self._create(container_id, image_id, maps or {}, layers.need)
            if usable and any(labels):
                layers.label(container_id, labels)
        self._keep_rooms()
        if not self._roots.configured:
            host_config.keep(self._run_root)

    def _create(self, container_id: str, image_id: str, maps: Maps, need: tuple[str, str]) -> None:
        try:
            # All entries in one argument: of a repeated option, the tool takes the last.
            values = {kind: ":".join(str(number) for entry in maps[kind] for number in entry) for kind in maps}
            options = [f"--{kind}map={value}" for kind, value in values.items()]
            words = ("-i", container_id, "-m", self._mark, *options, image_id)
            self._tool("create-container", *words, need=need)
        except ToolFailed as error:
            # A tool that outlived its killed caller may have created it meanwhile.
            if self.exists(container_id):
                return
            if "image not known" in error.stderr:
                raise NoSuchImage(f"image {image_id} is not in the store") from error
            raise

    def exists(self, container_id: str) -> bool:
        """Return whether the store has the container."""
        return self._layer(container_id) is not None

    def labels(self, container_id: str) -> Labels:
        """Return the labels that the store has on record for the container, empty where it has none."""
        found = (one for one in self._roots.containers(container_id) if member(one, "id") == container_id)
        return next(map(_labels, found), UNLABELLED)

    def all_labels(self) -> list[Labels]:
        """Return the labels of all containers of the store, other engines' too."""
        return [_labels(one) for one in self._roots.containers()]

    def mount(self, container_id: str, label: str = "") -> str:
        """Mount the root filesystem, with SELinux's ``label``, unless it is mounted; return its mount point."""
        mounted = self.mountpoint(container_id)
        if not mounted:
            layers = self._container_layers()
            mounted = layers.mount(container_id, self._layer_id(container_id), label) if layers.usable() else None
            mounted = mounted or self._tool("mount", container_id, need=layers.need).strip("\n")
        return mounted

    def tool_need(self, *, mapped: bool) -> tuple[str, str]:
        """Return why layers, ``mapped`` ones with a user namespace, need containers-storage(1), as ``ToolMissing``."""
        from .container_layers import UNMAPPED

        layers = self._container_layers()
        if not layers.configured() or not mapped:
            return layers.need
        from ..kernel import mount_api

        return ("", "") if mount_api.supported() else UNMAPPED

    def _container_layers(self) -> ContainerLayers:
        from .container_layers import ContainerLayers

        return ContainerLayers(self._roots)

    def mountpoint(self, container_id: str) -> Optional[str]:
        """Return the mount point of the root filesystem, None where it is not mounted; the kernel is asked."""
        layer = self._layer(container_id)
        if not layer:
            return None
        if self._roots.driver == "overlay":
            merged = f"{self._roots.layer_home(layer)}/merged"
            return merged if os.path.ismount(merged) else None
        points = records(f"{self._roots.run_root}/{self._roots.driver}-layers/mountpoints.json")
        paths = (member(point, "path") for point in points if member(point, "id") == layer)
        return next(filter(os.path.isdir, paths), None)

    def unmount(self, container_id: str) -> None:
        """Unmount the root filesystem, whatever the store's mount count is."""
        if not self.mountpoint(container_id):
            return
        layers = self._container_layers()
        if layers.usable():
            layers.unmount(self.layer(container_id))
            return
        try:
            self._tool("unmount", "-f", container_id)
        except ToolFailed as error:
            from .. import reserve
            from ..kernel import syscalls

            mounted = self.mountpoint(container_id)
            if mounted and reserve.full(error) and self._roots.driver == "overlay":
                syscalls.umount(mounted, syscalls.MNT_DETACH)
            elif mounted:
                raise

    def delete(self, container_id: str) -> None:
        """Unmount and delete the container's layer and record, where they exist.

        :raises ToolFailed, NotRemoved, OSError: a part of it is left.
        """
        layer, note = self._layer(container_id), f"{self._containers}/{container_id}/layer"
        known = layer is not None
        # A creation that was killed may have left a layer without a container.
        layer = layer or _read(note) or self._layer_id(container_id)
        if not self._container_layers().usable():
            self._delete_by_tool(container_id, layer, note if known else "")
        elif known or self._has_layer(layer) or self._is_unfinished():
            from . import removal

            removal.delete(self._roots, self._static_root, container_id, layer)
        if os.path.exists(note):
            failpoint("forget layer")
            os.unlink(note)

    def _delete_by_tool(self, container_id: str, layer: str, note: str) -> None:
        """Delete the layer and, with ``note``, the container.

        The tool drops its record of the container even where it cannot delete the layer, or is killed in between. So
        the layer is noted beside the engine's own records until it is gone.
        """
        failed: Optional[ToolFailed] = None
        if note:
            _write(note, layer)
            try:
                # It unmounts by itself, with MNT_DETACH and whatever the count, which saves a program.
                self._tool("delete-container", container_id)
            except ToolFailed as error:
                self._delete_on_full(container_id, layer, error)
                if self.exists(container_id):
                    raise
                failed = error
        if not self._has_layer(layer):
            return
        try:
            if failed and self._roots.driver == "overlay":
                from ..trees import removal

                # An obstacle for the tool, such as a file that chattr(1) made immutable, may not be one for us.
                removal.remove(f"{self._roots.layer_home(layer)}/diff")
            self._tool("delete-layer", layer)
        except (ToolFailed, NotRemoved) as error:
            self._delete_on_full(container_id, layer, error)
            if self._has_layer(layer):
                raise failed or error from None

    def _delete_on_full(self, container_id: str, layer: str, error: Exception) -> None:
        """Delete it without the tool, where that failed for lack of disk space."""
        from .. import reserve
        from . import removal

        if reserve.full(error) and removal.possible(self._roots):
            removal.delete(self._roots, self._static_root, container_id, layer)

    def _keep_rooms(self) -> None:
        """Grow the reserve to the size of the store's records, for a removal on a full disk."""
        roots, needed, rooms = self._roots, 0, f"{self._static_root}/reserve/room"
        with suppress(OSError):
            for kind in ("layers", "containers"):
                needed = max(needed, os.stat(f"{roots.root}/{roots.driver}-{kind}/{kind}.json").st_size)
            if all(os.stat(f"{rooms}{number}").st_blocks * 512 >= needed for number in (0, 1)):
                return
        from ..reserve import keep_rooms

        keep_rooms(self._static_root, needed)

    def forgotten(self) -> list[str]:
        """Return the IDs of this static root's containers in the store of which the engine has no record any more."""
        ours = (
            member(one, "id") for one in self._roots.containers(self._mark) if member(one, "metadata") == self._mark
        )
        return sorted(one for one in ours if not os.path.isdir(f"{self._containers}/{one}"))

    def layers(self, container_id: str) -> Layers:
        """Return the directories of the layers. :raises Internal: the container has no layer yet."""
        layer = self._layer(container_id)
        if not layer:
            raise Internal(f"container {container_id[:12]} has no layer in the store: start it, or re-create it")
        return self.layers_of(layer)

    def layers_of(self, layer: str) -> Layers:
        """Return the directories of a layer of the store, such as an image's top one, and of those below it."""
        roots = self._roots
        if roots.driver != "overlay":
            return Layers(roots.layer_home(layer))
        homes = [f"{root}/overlay" for root in (roots.root, *roots.more)]

        def resolve(name: str) -> str:
            return next(filter(os.path.isdir, (f"{top}/{name}" for top in homes)), f"{homes[0]}/{name}")

        home = resolve(layer)
        try:
            with open(f"{home}/lower", encoding="utf-8", errors="replace") as file:
                links = file.read().strip().split(":")
        except FileNotFoundError:
            links = []
        return Layers(f"{home}/diff", f"{home}/work", tuple(os.path.realpath(resolve(link)) for link in links))

    def layer(self, container_id: str) -> str:
        """Return the store's ID of the container's own layer, "" where it has none."""
        return self._layer(container_id) or ""

    def diff(self, container_id: str, path: str) -> None:
        """Write the changes of the container's own layer to the tar file ``path``, as a layer of an image has them.

        :raises NotImplementedByHost, ToolMissing: it is a layer for the tool, which is not installed.
        """
        layer, layers = self.layer(container_id), self._container_layers()
        if layers.readable():
            import shutil

            from . import layer_archive, mapped_overlay

            record = next(one for one in self._roots.containers(container_id) if member(one, "id") == container_id)
            try:
                layer_archive.write(self.layers_of(layer), path, mapped_overlay.from_record(record))
                return
            except NotImplementedByHost:
                if not shutil.which(PACKAGE, path=TOOL_PATH):
                    raise
        self._tool("diff", "-u", "-f", path, layer)

    def sizes(self, container_id: str) -> tuple[int, int]:
        """Return the bytes of the container's own layer, and of all its layers (libpod's RWSize and RootFsSize)."""
        layer = self._layer(container_id)
        if not layer:
            return 0, 0
        roots = self._roots
        known = roots.layers()
        if roots.driver == "overlay":
            from ..trees.disk_usage import directory_size

            own = directory_size(f"{roots.layer_home(layer)}/diff")
        else:
            fields = self._tool("diffsize", layer, changes=False).split()
            number = natural(fields[-1]) if fields else None
            if number is None:
                raise MalformedData(
                    f"containers-storage diffsize: no number of bytes in its answer for layer {layer[:12]}"
                )
            own = number
        total, parent = own, member(known.pop(layer), "parent") if layer in known else ""
        while parent in known:
            record = known.pop(parent)  # each once, even if the records form a circle
            total += record["diff-size"].integer(low=0)
            parent = member(record, "parent")
        return own, total

    def shutdown(self) -> bool:
        """Undo the tool's bind mount of ``<root>/overlay`` on itself; return False while a layer is still mounted."""
        try:
            # Never with -f, which makes 1.43 loop forever.
            self._tool("shutdown")
        except ToolFailed as error:
            if "in use" not in error.stderr:
                raise
            return False
        return True

    def _layer_id(self, container_id: str) -> str:
        """Return the ID of the layer that the engine makes: what a kill has left of it is found without a record."""
        import hashlib

        return hashlib.sha256(f"{self._mark} {container_id}".encode()).hexdigest()

    def _layer(self, container_id: str) -> Optional[str]:
        """Return the ID of the container's layer; None without a container."""
        for record in self._roots.containers(container_id):
            if member(record, "id") == container_id:
                return record["layer"].text(required=True)
        return None

    def _has_layer(self, layer: str) -> bool:
        """Return whether the store has a layer's directory or record."""
        roots = self._roots
        return os.path.isdir(roots.layer_home(layer)) or any(
            member(one, "id") == layer for file in roots.layer_files for one in records(file, layer)
        )

    def _is_unfinished(self) -> bool:
        """Return whether the store may have the record that a creation was killed at; another program may write it."""
        from .store_records import unfinished

        return os.path.exists(unfinished(f"{self._roots.root}/{self._roots.driver}-layers/layers.json"))

    def _tool(self, verb: str, *arguments: str, changes: bool = True, need: tuple[str, str] = ("", "")) -> str:
        argv = ["containers-storage", verb, *self._roots.arguments, *arguments]
        doing = f"{verb.replace('-', ' ')} in the image store"
        # A mount program of the host's storage.conf (fuse-overlayfs) stays for as long as the mount.
        lasting = verb == "mount" and not self._roots.configured
        try:
            env = self._roots.environment()
            return run(argv, package=PACKAGE, env=env, changes=changes, doing=doing, lasting=lasting)
        except ToolMissing as error:
            layers = self._container_layers()
            layers.usable()
            raise ToolMissing(PACKAGE, PACKAGE, need=need if need[0] else layers.need) from error


def _labels(record: Foreign) -> Labels:
    flags = record["flags"]
    if not isinstance(flags.value, dict):
        return UNLABELLED
    return Labels(member(flags, "ProcessLabel"), member(flags, "MountLabel"))


def _write(path: str, text: str) -> None:
    # An unchanged note is not written again, since that could lose it on a full disk.
    if _read(path) == text:
        return
    failpoint("note layer")
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:  # there may be no records of the container
        from .. import reserve

        if reserve.full(error):
            reserve.replace(path, text.encode(), 0o600)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            layer = file.read(100)
    except OSError:
        return ""
    return layer if re.fullmatch("[0-9a-f]{64}", layer) else ""
