# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commit: a new image of a container's root filesystem as it is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Callable, Mapping, NamedTuple, Optional, Sequence

from ..._drivers.images.oci_layout import Layout, new_layout
from ..._drivers.images.store import ImageStore
from ..._drivers.images.transport import Images
from ..._drivers.trees.descent import longer_than
from ..._model import foreign
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, MalformedData, TreeChanged
from ..._model.failpoints import failpoint
from ..._model.foreign import Foreign
from ..._model.options.pulling import ARCHITECTURES
from ..._model.options.syntax.parsers import shell_words
from ..._model.records.image import Image, local_names
from ..._model.records.status import ContainerStatus
from ..lifecycle.pause import pause, unpause
from ..live_status import timestamp

if TYPE_CHECKING:
    from ..base import ContainerBase

Config = dict[str, Any]
# A file whose presence means that a commit paused its container.
_PAUSED = "paused"
# The longest path in a root filesystem: with the store's path before it, it is to fit into PATH_MAX.
_PATH_BYTES = 3584


class Commit(NamedTuple):
    """``image`` is the new image's name, None for none; ``changes`` are lines of a Containerfile such as ``CMD sh``."""

    image: Optional[str]
    author: str = ""
    comment: str = ""
    pause: bool = True
    changes: Sequence[str] = ()
    dry: bool = False


class Committed(NamedTuple):
    """The image, with an empty ID where it was not made, and whether it differs from the image that had the name."""

    id: str
    name: str
    changed: bool


def commit(container: ContainerBase, wanted: Commit) -> Committed:
    """Add the container's own layer to its image's, or the whole tree where it has none or several, under a new name.

    Volumes are left out. An image of that name with the same layers and configuration is left alone.

    :raises InvalidArgument: the name or a change cannot be used.
    :raises TreeChanged: the container moved a directory meanwhile.
    """
    name = _name(wanted.image)
    config = apply_changes(dict(container.config.image_config), wanted.changes)
    if wanted.dry:
        return Committed("", name, True)
    folder = f"{container.store.static_dir(container.id)}/commit"
    if os.path.exists(f"{folder}/{_PAUSED}") and container.state.status is ContainerStatus.PAUSED:
        unpause(container)  # left paused by a killed commit
    paused = wanted.pause and container.state.status is ContainerStatus.RUNNING
    with new_layout(folder) as layout:
        if paused:
            failpoint("mark as paused")
            os.close(os.open(f"{folder}/{_PAUSED}", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            pause(container)
        try:
            base = _write_layers(container, layout)
        except TreeChanged as error:
            raise TreeChanged(
                f"container {container.name} was not committed: {error}; try again, or pause it"
            ) from error
        finally:
            if paused:
                unpause(container)
                failpoint("unmark as paused")
                os.unlink(f"{folder}/{_PAUSED}")
        made = layout.finish(_image_config(base, config, wanted))
        return _store(container.host.parts, layout, name, made)


def _store(parts: EngineConfig, layout: Layout, name: str, made: Config) -> Committed:
    """Copy the image into the store, unless it has there what has its name."""
    store, images = ImageStore(parts), Images(parts)
    if not name:
        source, target = f"oci:{layout.path}:image", images.reference(layout.image_id)
        images.copy(source, target, doing="storing the image", scratch=layout.path)
        return Committed(layout.image_id, name, True)
    earlier = store.find(name)
    if earlier is not None and name in earlier.names and _same(store, earlier, made):
        return Committed(earlier.id, name, False)
    return Committed(images.add_layout(layout.path, name).id, name, True)


def _name(image: Optional[str]) -> str:
    """Return the full name, empty for none. :raises InvalidArgument: it cannot be a new image's."""
    if image is None:
        return ""
    name = next(iter(local_names(image)), "")
    if not name or "@" in name:
        raise InvalidArgument(f"image: {image!r} cannot be used: expected a name for the new image, not an ID")
    return name


def _write_layers(container: ContainerBase, layout: Layout) -> Config:
    """Add the layers and return the configuration of the image below them, {} for none."""
    config = container.config
    if config.rootfs or container.rewindable:
        from .export import archive
        from .private_mount import with_rootfs

        def write(root: str, path: str) -> None:
            _check_paths(container, root)
            archive(root, path)

        layout.add_layer(lambda path: with_rootfs(container, lambda root: write(root, path), volumes=False))
        return {}
    base = ImageStore(container.host.parts).configuration(config.rootfs_image_id)
    known = Foreign(base, f"the configuration of image {config.rootfs_image_id[:12]}")
    for diff_id in known["rootfs"]["diff_ids"].texts():
        layout.expect_layer(diff_id)
    storage = container.host.storage
    _check_paths(container, storage.layers(config.id).upper)
    layout.add_layer(lambda path: storage.diff(config.id, path))
    return base


def _check_paths(container: ContainerBase, root: str) -> None:
    """Check that no path is too long for the directories of the image's layers.

    :raises InvalidArgument: one is.
    """
    too_long = longer_than(root, _PATH_BYTES)
    if too_long:
        raise InvalidArgument(
            f"container {container.name} cannot be committed: {too_long} has files whose paths have more than "
            f"{_PATH_BYTES} bytes, which the image store cannot hold: remove them, or use libpod_export"
        )


def _image_config(base: Config, config: Config, wanted: Commit) -> Callable[[list[str]], Config]:
    """Return a function from the layers' diff IDs to the new image's configuration (image-spec config.md)."""

    def made(diff_ids: list[str]) -> Config:
        now = timestamp()
        machine = os.uname().machine
        entry = {
            "created": now,
            "created_by": "libpod.engine commit",
            "comment": wanted.comment,
            "author": wanted.author,
        }
        return {
            **{key: base[key] for key in ("variant", "os.version", "os.features") if key in base},
            "created": now,
            **({"author": wanted.author or base.get("author", "")}),
            "architecture": base.get("architecture", ARCHITECTURES.get(machine, machine)),
            "os": base.get("os", "linux"),
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": [*_history(base), {key: value for key, value in entry.items() if value}],
        }

    return made


def _same(store: ImageStore, earlier: Image, made: Config) -> bool:
    """Return whether an image is the one just made, but for its times."""
    before = store.configuration(earlier.id)
    last = [dict((_history(one) or [{}])[-1], created="") for one in (before, made)]
    keys = ("config", "rootfs", "author", "architecture", "os")
    return last[0] == last[1] and all((before.get(key) or {}) == (made.get(key) or {}) for key in keys)


def _history(config: Config) -> list[Mapping[str, object]]:
    return [entry.mapping() for entry in Foreign(config, "the image's configuration")["history"]]


def apply_changes(config: Config, changes: Sequence[str]) -> Config:
    """Apply lines of a Containerfile to an image's ``config`` as ``podman commit --change`` does, and return it.

    These are CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME and WORKDIR.

    :raises InvalidArgument: a line is something else.
    """
    for line in changes:
        # podman takes CMD=… too.
        assigned = line.strip().partition("=")[0].strip().upper() in _CHANGES
        word, _space, rest = line.strip().partition("=" if assigned else " ")
        handler = _CHANGES.get(word.strip().upper())
        if handler is None or not rest.strip():
            known = ", ".join(_CHANGES)
            raise InvalidArgument(f"changes: {line!r} cannot be used: expected one of {known}, and a value")
        try:
            handler(config, rest.strip())
        except (ValueError, MalformedData) as error:
            raise InvalidArgument(f"changes: {line!r} cannot be used: {error}") from error
    return config


def _words(value: str) -> list[str]:
    if value.startswith("["):
        return foreign.parse(value, "its value").texts()
    return ["/bin/sh", "-c", value]


def _pairs(value: str) -> dict[str, str]:
    words = shell_words(value)
    if words and "=" not in words[0]:
        return {words[0]: " ".join(words[1:])}
    if not all("=" in word[1:] for word in words):
        raise ValueError("NAME=VALUE is expected")
    return dict(word.partition("=")[::2] for word in words)


def _set(key: str, parse: Callable[[str], object]) -> Callable[[Config, str], None]:
    def change(config: Config, value: str) -> None:
        config[key] = parse(value)

    return change


def _env(config: Config, value: str) -> None:
    known = dict(item.partition("=")[::2] for item in config.get("Env") or [])
    config["Env"] = [f"{name}={word}" for name, word in {**known, **_pairs(value)}.items()]


def _label(config: Config, value: str) -> None:
    config["Labels"] = {**(config.get("Labels") or {}), **_pairs(value)}


def _many(key: str, spell: Callable[[str], str]) -> Callable[[Config, str], None]:
    def change(config: Config, value: str) -> None:
        words = foreign.parse(value, "its value").texts() if value.startswith("[") else shell_words(value)
        config[key] = {**(config.get(key) or {}), **{spell(word): {} for word in words}}

    return change


_CHANGES: Mapping[str, Callable[[Config, str], None]] = {
    "CMD": _set("Cmd", _words),
    "ENTRYPOINT": _set("Entrypoint", _words),
    "ENV": _env,
    "EXPOSE": _many("ExposedPorts", lambda word: word if "/" in word else f"{word}/tcp"),
    "LABEL": _label,
    "STOPSIGNAL": _set("StopSignal", str),
    "USER": _set("User", str),
    "VOLUME": _many("Volumes", str),
    "WORKDIR": _set("WorkingDir", str),
}
