# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of the store, a registry's manifest, skopeo's layout and os-release are read, or refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli import about
from ansible_collections.libpod.engine.plugins.module_utils._drivers import foreign_files
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images import archive_writer, id_usage
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.options.pulling import DEFAULT
from ansible_collections.libpod.engine.plugins.module_utils._model.records.image import Image
from ansible_collections.libpod.engine.plugins.module_utils._resources.images import push
from ansible_collections.libpod.engine.tests.support import fuzz

TOP, BELOW, ID = "1" * 64, "2" * 64, "a" * 64
LAYERS = [
    {"id": TOP, "parent": BELOW, "uidset": [0, 33], "gidset": [5]},
    {"id": BELOW, "uidset": None, "diff-size": 5},
]
MAP = {"container_id": 0, "host_id": 100_000, "size": 65_536}
CONTAINERS = [{"id": "b" * 64, "names": ["x"], "layer": TOP, "uidmap": [MAP], "gidmap": [MAP, MAP]}]
MANIFEST = {
    "schemaVersion": 2,
    "config": {"mediaType": "x", "digest": f"sha256:{ID}", "size": 5},
    "layers": [{"mediaType": "x", "digest": "sha256:" + "0" * 64, "size": 5}],
}
NAMED = {"org.opencontainers.image.ref.name": "0"}
INDEX = {"schemaVersion": 2, "manifests": [{"digest": "sha256:" + "c" * 64, "size": 5, "annotations": NAMED}]}


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


def _config(folder: Path) -> EngineConfig:
    return EngineConfig(storage_root=str(folder), storage_run_root=str(folder), storage_driver="overlay")


@fuzz.fuzzed(
    100,
    layers=fuzz.documents(LAYERS),
    passwd=fuzz.lines(
        "root:x:0:0:root:/:/bin/sh", "app:x:65535:70000::/:", "nobody:x:65534:65534::/:", "::", "x:x:²:9"
    ),
)
def test_ids_that_an_image_needs(folder: Path, layers: bytes, passwd: bytes) -> None:
    etc = folder / f"overlay/{TOP}/diff/etc"
    for directory in (folder / "overlay-layers", etc):
        directory.mkdir(parents=True, exist_ok=True)
    (folder / "overlay-layers/layers.json").write_bytes(layers)
    (etc / "passwd").write_bytes(passwd)
    needed = fuzz.refused_or(lambda: id_usage.needed(_config(folder), TOP))
    assert needed is None or 0 <= needed <= 1 << 32


@fuzz.fuzzed(100, document=fuzz.documents(CONTAINERS))
def test_ids_that_containers_use(folder: Path, document: bytes) -> None:
    (folder / "overlay-containers").mkdir(exist_ok=True)
    (folder / "overlay-containers/containers.json").write_bytes(document)
    for kind in ("uid", "gid"):
        fuzz.refused_or(lambda kind=kind: list(id_usage.mapped(_config(folder), kind)))


@fuzz.fuzzed(100, document=fuzz.documents(MANIFEST))
def test_manifest_at_a_registry(document: bytes) -> None:
    images: Any = SimpleNamespace(manifest=lambda *_about: document.decode(errors="replace"))
    fuzz.refused_or(lambda: push._digest_there(images, Image(ID, (), "", ""), "docker://r.io/x", DEFAULT))


@fuzz.fuzzed(100, index=fuzz.documents(INDEX), manifest=fuzz.documents(MANIFEST))
def test_layout_that_is_given_names(folder: Path, index: bytes, manifest: bytes) -> None:
    (folder / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    (folder / "index.json").write_bytes(index)
    (folder / "blobs/sha256" / ("c" * 64)).write_bytes(manifest)

    def name() -> bytes:
        archive_writer.name_layout(str(folder), [["x:1"]], [ID])
        return (folder / "index.json").read_bytes()

    json.loads(fuzz.refused_or(name) or b"{}")


@fuzz.fuzzed(60, content=fuzz.lines('ID="debian"', "VERSION_ID='12'", "# x", "NAME=", "=", "ID"))
def test_os_release(content: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(foreign_files, "read", lambda _path: content)
        assert set(about._distribution()) == {"distribution", "version"}
