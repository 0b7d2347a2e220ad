# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of the store named by the engine and removed by skopeo, compared with what containers-storage(1) does."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Callable, Iterator, Sequence

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.transport import Images
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.volume_mounts import is_mounted
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import NoSuchImage
from ansible_collections.libpod.engine.tests.support import kernel
from ansible_collections.libpod.engine.tests.support.hosts import Host

RECORDS = Path("/srv/storage/overlay-images/images.json")
LOCK = Path("/srv/storage/overlay-images/images.lock")
OTHER, OWN = "localhost/busybox:latest", "localhost/configured:latest"


def _copy(source: str, target: str) -> None:
    if os.path.exists(target) and is_mounted(f"{target}/overlay"):  # by the store's programs, on itself
        kernel.umount(f"{target}/overlay")
    subprocess.run(["sh", "-ec", 'rm -rf "$1"; cp -a "$0" "$1"', source, target], check=True)


@pytest.fixture
def images(host: Host) -> Iterator[Images]:
    """Yield the store's images, which are as before in the end."""
    _copy("/srv/storage", "/srv/before")
    yield Images(host.parts)
    _copy("/srv/before", "/srv/storage")
    subprocess.run(["rm", "-r", "/srv/before"], check=True)


def _by_tool(host: Host, verb: str, image_id: str, names: Sequence[str]) -> None:
    host.store(verb, *(argument for one in names for argument in ("--name", one)), image_id)


def test_names_are_written_as_the_tool_writes_them(host: Host, images: Images) -> None:
    image, before, texts = images.store.get(OWN).id, RECORDS.read_bytes(), list[list[str]]()
    added = ["localhost/a:1", OTHER, "quay.io/ä&<>:1"]
    steps: dict[str, Sequence[Callable[[], None]]] = {
        "engine": [
            lambda: images.tag(image, added),
            lambda: images.untag(image, [OWN, "localhost/none:1"]),
            lambda: images.untag(image, added, keep=True),
        ],
        "tool": [
            lambda: _by_tool(host, "add-names", image, added),
            lambda: _by_tool(host, "set-names", image, added),
            lambda: _by_tool(host, "set-names", image, []),
        ],
    }
    for side, work in steps.items():
        RECORDS.write_bytes(before)
        LOCK.write_bytes(side.encode() * 8)
        texts.append([])
        for step in work:
            mark = LOCK.read_bytes()
            step()
            texts[-1].append(RECORDS.read_text())
            assert LOCK.read_bytes() != mark  # so that others read the records again
    assert texts[0] == texts[1]
    assert [len(json.loads(text)) for text in texts[0]] == [5, 5, 5]
    assert images.store.get(image).names == () and not images.store.find(OTHER)


def test_image_that_is_gone_gets_no_name(images: Images) -> None:
    with pytest.raises(NoSuchImage, match="image 777777777777 is not in the store"):
        images.tag("7" * 64, ["localhost/a:1"])
    images.untag("7" * 64, ["localhost/a:1"])
    assert images.store.get(OTHER)


def test_images_are_removed_as_the_tool_removes_them(host: Host, images: Images) -> None:
    """Layers stay that another image has, or that have others on them."""
    seen = []
    below = json.loads(Path("/srv/storage/overlay-layers/layers.json").read_text())[0]["id"]
    middle, top, child = "1" * 64, "2" * 64, "3" * 64
    for layer, parent in ((middle, below), (top, middle), (child, middle)):
        host.store("create-layer", "-i", layer, parent)
    for number, layer in (("4", top), ("5", top), ("6", middle)):
        host.store("create-image", "-i", number * 64, "-n", f"localhost/{number}:1", layer)
    _copy("/srv/storage", "/srv/made")
    for remove in (images.remove, lambda image: host.store("delete-image", image)):
        _copy("/srv/made", "/srv/storage")
        steps = []
        for number in ("4", "5", "6"):
            assert remove(number * 64) is not False
            shown = ["sh", "-c", "cat /srv/storage/overlay-*/*.json; find /srv/storage ! -name '*.lock' | sort"]
            steps.append(subprocess.run(shown, check=True, capture_output=True, text=True).stdout)
        seen.append(steps)
    subprocess.run(["rm", "-r", "/srv/made"], check=True)
    assert seen[0] == seen[1]
    assert [top in step for step in seen[0]] == [True, False, False] and all(middle in step for step in seen[0])
    assert not images.remove("4" * 64)
