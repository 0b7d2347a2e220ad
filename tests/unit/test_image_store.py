# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image store's reader, on stores as containers/storage writes them."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.command import tool_environment
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.store import ImageStore
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.roots import storage_roots
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    InvalidArgument,
    NoSuchImage,
    StateCorrupt,
)

ONE, TWO, THREE = ("aaaa1" + "0" * 59, "aaaa2" + "0" * 59, "b" * 64)
DIGEST = "sha256:" + "cd" * 32


def record(image_id: str, *names: str, digest: str = "") -> dict[str, Any]:
    return {
        "id": image_id,
        "names": list(names) or None,
        "digest": digest,
        "layer": "1" * 64,
        "big-data-names": ["manifest", f"manifest-{digest}", f"sha256:{image_id}"],
    }


def write(root: Path, *records: dict[str, Any]) -> Path:
    folder = root / "overlay-images"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "images.lock").touch()
    (folder / "images.json").write_text(json.dumps(records))
    for one in records:
        blob = base64.b64encode(f"sha256:{one['id']}".encode()).decode()
        (folder / one["id"]).mkdir(exist_ok=True)
        (folder / one["id"] / f"={blob}").write_text(json.dumps({"config": {"Env": [f"ID={one['id'][:5]}"]}}))
    return folder


@pytest.fixture
def parts(tmp_path: Path) -> EngineConfig:
    write(
        tmp_path,
        record(ONE, "docker.io/library/busybox:latest", "localhost/app:1", digest=DIGEST),
        record(TWO, "docker.io/library/app:1"),
        record(THREE),
    )
    return EngineConfig(storage_root=str(tmp_path), storage_run_root="/nowhere", storage_driver="overlay")


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("busybox", ONE),
        ("docker://busybox:latest", ONE),
        ("app:1", ONE),
        ("docker.io/app:1", TWO),
        (f"busybox@{DIGEST}", ONE),
        (f"localhost/app@{DIGEST}", ONE),
        (f"quay.io/app@{DIGEST}", None),
        (DIGEST, ONE),
        (THREE, THREE),
        (f"sha256:{THREE}", THREE),
        ("bbbbbbbbbbbb", THREE),
        ("aaaa2", TWO),
        ("app", None),
        ("bbb", None),
        ("f" * 64, None),
        ("oci:/aaaa1", None),
    ],
)
def test_image_is_found_by_each_of_its_names(parts: EngineConfig, image: str, expected: Any) -> None:
    result = ImageStore(parts).find(image)
    assert (result and result.id) == expected


def test_image_has_its_configuration(parts: EngineConfig) -> None:
    image = ImageStore(parts).get("busybox")
    assert image.config == {"Env": ["ID=aaaa1"]}
    assert image.names == ("docker.io/library/busybox:latest", "localhost/app:1")
    assert (image.digest, image.layer) == (DIGEST, "1" * 64)


def test_ambiguous_prefix_lists_the_images(parts: EngineConfig) -> None:
    with pytest.raises(InvalidArgument, match="matches 2 images: aaaa1.*app:1.*aaaa2"):
        ImageStore(parts).find("aaaa")


def test_image_names_in_a_message_are_on_one_line(tmp_path: Path) -> None:
    write(tmp_path, record(ONE, "\ud800docker.io/library/x:latest"), record(TWO, "a\nb\u202e"))
    parts = EngineConfig(storage_root=str(tmp_path), storage_run_root="/nowhere", storage_driver="overlay")
    with pytest.raises(
        InvalidArgument, match=r"aaaa1\S+ \(\?docker.io/library/x:latest\), aaaa2\S+ \(a\?b\?\)"
    ) as refused:
        ImageStore(parts).find("aaaa")
    assert str(refused.value).isprintable()


def test_missing_image_is_named(parts: EngineConfig) -> None:
    with pytest.raises(NoSuchImage, match="'other'"):
        ImageStore(parts).get("other")


def test_store_that_is_not_there_has_no_images(tmp_path: Path) -> None:
    parts = EngineConfig(storage_root=str(tmp_path / "none"), storage_run_root="/nowhere", storage_driver="overlay")
    assert ImageStore(parts).find("busybox") is None
    assert list(tmp_path.iterdir()) == []


def test_image_without_its_configuration_counts_as_missing(parts: EngineConfig) -> None:
    for file in Path(parts.storage_root, "overlay-images", ONE).iterdir():
        file.unlink()
    assert ImageStore(parts).find("busybox") is None


def test_unreadable_store_is_named(parts: EngineConfig) -> None:
    Path(parts.storage_root, "overlay-images", "images.json").write_text("[{")
    with pytest.raises(StateCorrupt, match="overlay-images"):
        ImageStore(parts).find("busybox")


def test_reader_waits_for_a_writer(parts: EngineConfig) -> None:
    code = (
        "import sys\n"
        "from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.store import ImageStore\n"
        "from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig\n"
        "print('ready', flush=True)\n"
        f"print(ImageStore(EngineConfig(storage_root={parts.storage_root!r}, storage_run_root='/n',"
        " storage_driver='overlay')).find('late'))\n"
    )
    folder = Path(parts.storage_root, "overlay-images")
    with open(folder / "images.lock", "r+") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        reader = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert reader.stdout and reader.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            reader.wait(0.2)
        write(Path(parts.storage_root), record(ONE, "localhost/late:latest"))
    assert ONE in reader.communicate(timeout=300)[0]


def test_omitted_roots_are_the_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "storage.conf"
    config.write_text(
        f'# graphroot = "/no"\n[storage]\ndriver = "vfs"\n  graphroot="{tmp_path}/g"\nrunroot = "/r"\n'
        f'[storage.options]\nadditionalimagestores = [\n  # "/no",\n  "{tmp_path}/shared",\n]\n'
    )
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(config))
    roots = storage_roots(EngineConfig())
    assert (roots.root, roots.run_root, roots.driver) == (f"{tmp_path}/g", "/r", "vfs")
    assert roots.more == (f"{tmp_path}/shared",)
    assert tool_environment(roots.environment())["CONTAINERS_STORAGE_CONF"] == str(config)
    write(tmp_path / "shared", record(ONE, "localhost/shared:latest"))
    os.rename(tmp_path / "shared/overlay-images", tmp_path / "shared/vfs-images")
    assert ImageStore(EngineConfig()).get("shared").id == ONE


def test_requested_roots_override_the_hosts_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(tmp_path / "no"))
    roots = storage_roots(EngineConfig(storage_root="/g"))
    assert (roots.root, roots.run_root, roots.driver) == ("/g", "/run/containers/storage", "overlay")
    assert tool_environment(roots.environment())["CONTAINERS_STORAGE_CONF"] == "/dev/null"
