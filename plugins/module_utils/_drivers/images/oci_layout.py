# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writer of an OCI image layout (image-layout.md) of one image, whose lower layers are in the store already."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from typing import Callable, Iterator, Mapping, TypedDict

from ..._model.failpoints import failpoint

_LAYER = "application/vnd.oci.image.layer.v1.tar"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_BLOCK = 1 << 20


class _Descriptor(TypedDict):
    """What refers to a blob (image-spec descriptor.md)."""

    mediaType: str
    digest: str
    size: int


class Layout:
    """A layout in the directory ``path``, with the tag ``image``; layers are added from the lowest on."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.image_id = ""  # once it is finished
        self._layers: list[_Descriptor] = []

    def expect_layer(self, diff_id: str) -> None:
        """Add a layer that is only in the store, where skopeo finds it by the digest of its tar file."""
        self._layers.append({"mediaType": _LAYER, "digest": diff_id, "size": -1})

    def add_layer(self, write: Callable[[str], None]) -> None:
        """Add a layer, the tar file of which ``write`` makes at a path."""
        path = f"{self.path}/layer"
        write(path)
        digest, size = hashlib.sha256(), 0
        with open(path, "rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
        failpoint("rename layer")
        os.rename(path, f"{self.path}/blobs/sha256/{digest.hexdigest()}")
        self._layers.append({"mediaType": _LAYER, "digest": f"sha256:{digest.hexdigest()}", "size": size})

    def finish(self, config: Callable[[list[str]], dict[str, object]]) -> dict[str, object]:
        """Write the configuration, made from the layers' digests, and what refers to it; return the configuration."""
        configuration = config([layer["digest"] for layer in self._layers])
        failpoint("write image layout")
        described = self._add(configuration, _CONFIG)
        self.image_id = described["digest"].partition("sha256:")[2]
        manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": described}
        descriptor = self._add({**manifest, "layers": self._layers}, _MANIFEST)
        tagged = {**descriptor, "annotations": {"org.opencontainers.image.ref.name": "image"}}
        for name, content in (
            ("oci-layout", {"imageLayoutVersion": "1.0.0"}),
            ("index.json", {"schemaVersion": 2, "manifests": [tagged]}),
        ):
            with open(f"{self.path}/{name}", "w", encoding="utf-8") as file:
                json.dump(content, file)
        return configuration

    def _add(self, content: Mapping[str, object], kind: str) -> _Descriptor:
        data = json.dumps(content).encode()
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{self.path}/blobs/sha256/{digest}", "wb") as file:
            file.write(data)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}


@contextmanager
def new_layout(path: str) -> Iterator[Layout]:
    """Yield a layout at ``path``, which is removed in the end; what a killed run left there is removed first."""
    failpoint("make image layout")
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(f"{path}/blobs/sha256", 0o700)
    try:
        yield Layout(path)
    finally:
        failpoint("remove image layout")
        shutil.rmtree(path, ignore_errors=True)
