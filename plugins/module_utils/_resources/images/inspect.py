# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images in the shape of ``podman image inspect``, read from the store's files; no program is run."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Callable, Iterator, Optional, TypeVar

from ..._drivers.images.store import Description, ImageStore
from ..._drivers.storage.driver import Storage
from ..._drivers.storage.roots import member, records, storage_roots
from ..._model.engine_config import EngineConfig
from ..._model.errors import MalformedData
from ..._model.foreign import Foreign

if TYPE_CHECKING:
    from ..types import InspectedImage

_OCI = "application/vnd.oci.image.manifest.v1+json"
_NO_TIME = "0001-01-01T00:00:00Z"
_MANIFEST = "manifest-"  # begins the name of an item of the store, and ends in a digest
_Value = TypeVar("_Value")


class Inspector:
    """Inspects images of one store, whose layers it reads once."""

    def __init__(self, parts: EngineConfig) -> None:
        self._store, self._roots, self._storage = ImageStore(parts), storage_roots(parts), Storage(parts)
        self._known: Optional[dict[str, Foreign]] = None

    def all(self) -> Iterator[InspectedImage]:
        """Yield all images, those of read-only stores too."""
        return map(self._inspected, self._store.descriptions())

    def inspect(self, image: str) -> Optional[InspectedImage]:
        """Return the image with this name or ID, None where there is none; errors are those of ``ImageStore.find``."""
        described = self._store.describe(image)
        return self._inspected(described) if described else None

    def _inspected(self, described: Description) -> InspectedImage:
        """Return the image; what is malformed in its configuration or manifest is left empty."""
        image, whole, manifest = described.image, described.configuration, described.manifest
        kind = _manifest_type(manifest)
        history: list[dict[str, object]] = _usable(lambda: [dict(one.mapping()) for one in whole["history"]], [])
        comment = history[0].get("comment", "") if kind == _OCI and history else _text(whole, "comment")
        size = self._size(image.layer) + _items_size(described.record)
        annotations: dict[str, str] = _usable(lambda: dict(manifest["annotations"].text_map()), {})
        config: dict[str, object] = {**image.config}
        config.pop("Healthcheck", None)
        inspected: InspectedImage = {
            "Id": image.id,
            "Digest": image.digest,
            "RepoTags": [name for name in image.names if "@" not in name],
            "RepoDigests": _repo_digests(described),
            "Parent": "",
            "Comment": comment,
            "Created": _text(whole, "created") or _NO_TIME,
            "Config": config,
            "Version": _text(whole, "docker_version"),
            "Author": _text(whole, "author"),
            "Architecture": _text(whole, "architecture"),
            "Os": _text(whole, "os"),
            "Size": size,
            "VirtualSize": size,
            "GraphDriver": {"Name": self._roots.driver, "Data": self._directories(image.layer)},
            "RootFS": {
                "Type": _text(whole, "rootfs", "type"),
                "Layers": _texts(whole, "rootfs", "diff_ids"),
            },
            "Labels": image.config.get("Labels"),
            "Annotations": annotations,
            "ManifestType": kind,
            "User": image.config.get("User", ""),
            "History": history,
            "NamesHistory": _texts(described.record, "names-history"),
        }
        if check := image.config.get("Healthcheck"):
            inspected["HealthCheck"] = check
        return inspected

    def _layers(self) -> dict[str, Foreign]:
        if self._known is None:
            paths = (
                f"{root}/{self._roots.driver}-layers/layers.json" for root in (self._roots.root, *self._roots.more)
            )
            self._known = {member(record, "id"): record for path in paths for record in records(path)}
        return self._known

    def _size(self, layer: str) -> int:
        """Return the bytes of the layer and those below it, as containers/storage has recorded them."""
        known, size = dict(self._layers()), 0
        while record := known.pop(layer, None):  # each once, also where the records form a circle
            size += _usable(record["diff-size"].integer, 0)
            layer = member(record, "parent")
        return size

    def _directories(self, layer: str) -> dict[str, str]:
        if not layer or self._roots.driver != "overlay":
            return {}
        directories = self._storage.layers_of(layer)
        lower = {"LowerDir": ":".join(directories.lower)} if directories.lower else {}
        return {**lower, "UpperDir": directories.upper, "WorkDir": directories.work}


def _items_size(record: Foreign) -> int:
    return _usable(lambda: sum(size.integer(low=0) for _name, size in record["big-data-sizes"].items()), 0)


def _repo_digests(described: Description) -> list[str]:
    items = _texts(described.record, "big-data-names")
    digests = [item[len(_MANIFEST) :] for item in items if item.startswith(_MANIFEST)]
    digests = list(dict.fromkeys([described.image.digest, *sorted(digests)] if described.image.digest else digests))
    repositories = dict.fromkeys(_repository(name) for name in described.image.names)
    return [f"{repository}@{digest}" for repository in repositories for digest in digests]


def _repository(name: str) -> str:
    name = name.partition("@")[0]
    host, slash, rest = name.rpartition("/")
    return f"{host}{slash}{rest.partition(':')[0]}"


def _manifest_type(manifest: Foreign) -> str:
    """Return the media type of a manifest; an OCI one need not name it."""
    return (_text(manifest, "mediaType") or _OCI) if isinstance(manifest.value, dict) else ""


def _text(value: Foreign, *path: str) -> str:
    return _usable(lambda: reduce(Foreign.__getitem__, path, value).text(), "")


def _texts(value: Foreign, *path: str) -> list[str]:
    none: list[str] = []
    return _usable(lambda: reduce(Foreign.__getitem__, path, value).texts(), none)


def _usable(read: Callable[[], _Value], otherwise: _Value) -> _Value:
    """Return what ``read`` returns, or ``otherwise`` where the data is malformed."""
    try:
        return read()
    except MalformedData:
        return otherwise
