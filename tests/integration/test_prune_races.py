# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removals of what a task at the same moment begins to use."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator, Sequence

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.store import ImageStore
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.transport import Images
from ansible_collections.libpod.engine.plugins.module_utils._model import failpoints
from ansible_collections.libpod.engine.plugins.module_utils._resources import prune
from ansible_collections.libpod.engine.plugins.module_utils._resources.networks import usage
from ansible_collections.libpod.engine.plugins.module_utils._resources.volumes import removal
from ansible_collections.libpod.engine.plugins.module_utils._runtime.images import in_use
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.plugins.module_utils._store.store import Store
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, eventually

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}
VOLUMES = Path("/srv/static/volumes")


@contextmanager
def _being_created(host: Host, folder: Path, **options: Any) -> Iterator[Callable[[], Result]]:
    """Enter while a task creates the container ``new``, whose configuration is there; yield what lets it go on."""
    reached, go_on = folder / "reached", folder / "go-on"

    def prepare() -> None:
        def observe(effect: str) -> None:
            if effect == "event create":
                reached.touch()
                eventually(go_on.exists)

        failpoints.observe(observe)

    task = {"name": "new", "state": "present", **OPTIONS, **options}
    with ThreadPoolExecutor() as pool:
        creation = pool.submit(host.module, "libpod_container", task, prepare=prepare)

        def finish() -> Result:
            go_on.touch()
            return creation.result()

        try:
            eventually(reached.exists)
            yield finish
        finally:
            finish()


def test_anonymous_volume_stays_for_a_container_that_is_being_created(host: Host, tmp_path: Path) -> None:
    made = host.container("old", volume=["/data"], **OPTIONS)
    (kept,) = (Path(one["Source"]) / "kept" for one in made["container"]["Mounts"])
    kept.touch()
    with _being_created(host, tmp_path, volumes_from=["old"], state="started") as finish:
        assert not host.container("old", state="absent", delete_volumes=True).failed
        done = finish()
    assert not done.failed and kept.exists(), done


def test_container_that_is_being_created_uses_its_image(host: Host, tmp_path: Path) -> None:
    runtime = Runtime(host.parts)
    with _being_created(host, tmp_path):
        assert [image for image, _container in in_use(runtime)] == [ImageStore(host.parts).get("busybox").id]


def test_image_that_gets_a_name_during_a_prune_stays(host: Host) -> None:
    host.container("c", **OPTIONS)
    for text in ("one", "two"):
        assert host.module("libpod_commit", {"container": "c", "image": "mine", "changes": [f"LABEL t={text}"]}).changed
    images = {image.id for image, _created in ImageStore(host.parts).all()}

    def prepare() -> None:
        staying: Callable[..., set[str]] = vars(prune)["_staying"]

        def and_named(*args: Any) -> set[str]:
            stays = staying(*args)
            (dangling,) = images - stays
            host.store("add-names", "--name", "localhost/named:latest", dangling)
            return stays

        vars(prune)["_staying"] = and_named

    assert not host.module("libpod_prune", {"image": True}, prepare=prepare).changed
    assert {image.id for image, _created in ImageStore(host.parts).all()} == images
    for name in ("named", "mine"):
        host.store("delete-image", f"localhost/{name}:latest")


def test_loaded_image_that_is_pruned_before_it_has_its_name_is_loaded_again(host: Host, tmp_path: Path) -> None:
    host.container("c", **OPTIONS)
    assert host.module("libpod_commit", {"container": "c", "image": "mine"}).changed
    archive = {"image": ["mine"], "dest": str(tmp_path / "mine.tar")}
    assert host.module("libpod_save", archive).changed
    host.store("delete-image", "localhost/mine:latest")

    def prepare() -> None:
        tag = Images.tag

        def after_a_prune(images: Images, image_id: str, names: Sequence[str]) -> None:
            Images.tag = tag  # type: ignore[method-assign]
            assert host.module("libpod_prune", {"image": True})["images"] == [image_id]
            tag(images, image_id, names)

        Images.tag = after_a_prune  # type: ignore[method-assign]

    done = host.module("libpod_load", {"input": archive["dest"]}, prepare=prepare)
    assert done.changed and ImageStore(host.parts).find("mine"), done
    host.store("delete-image", "localhost/mine:latest")


def test_imported_image_is_never_without_its_name(host: Host, tmp_path: Path) -> None:
    host.container("c", **OPTIONS)
    tar = str(tmp_path / "c.tar")
    assert host.module("libpod_export", {"container": "c", "dest": tar}).changed

    def prepare() -> None:
        tag = Images.tag

        def after_a_prune(images: Images, image_id: str, names: Sequence[str]) -> None:
            assert host.module("libpod_prune", {"image": True})["images"] == [image_id]
            tag(images, image_id, names)

        Images.tag = after_a_prune  # type: ignore[method-assign]

    done = host.module("libpod_import", {"src": tar, "image": "mine"}, prepare=prepare)
    assert done.changed and ImageStore(host.parts).find("mine"), done
    host.store("delete-image", "localhost/mine:latest")


def test_container_whose_creation_ends_during_a_look_uses_its_network(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime, names = Runtime(host.parts), Store.names
    with _being_created(host, tmp_path, network="libpod") as finish:

        def just_before(store: Store) -> Iterator[tuple[str, str]]:
            listed = list(names(store))
            assert not finish().failed
            return iter(listed)

        monkeypatch.setattr(Store, "names", just_before)
        assert [one.container.name for one in usage.users(runtime, "libpod", "")] == ["new"]


@pytest.mark.parametrize(
    "other", [("libpod_prune", {"volume": True}), ("libpod_volume", {"name": "v", "state": "absent"})]
)
def test_volume_that_a_removal_restores_is_not_removed_by_another(
    host: Host, other: tuple[str, Any], tmp_path: Path
) -> None:
    """As where a container that names it is made after the first look."""
    host.module("libpod_volume", {"name": "v"})
    (VOLUMES / "v/_data/kept").touch()

    renamed, go_on = tmp_path / "renamed", tmp_path / "go-on"

    def prepare() -> None:
        look: Callable[..., dict[str, list[str]]] = vars(removal)["users"]
        looks = list[None]()

        def users(*args: Any, **named: Any) -> dict[str, list[str]]:
            looks.append(None)
            if len(looks) == 2:
                assert not os.path.exists(VOLUMES / "v")
                renamed.touch()
                eventually(go_on.exists)
            return look(*args, **named)

        vars(removal)["users"] = users

    with ThreadPoolExecutor() as pool:
        task = pool.submit(host.module, "libpod_volume", {"name": "v", "state": "absent"}, prepare=prepare)
        eventually(renamed.exists)
        assert not host.container("c", state="present", volume=["v:/data"], **OPTIONS).failed
        wait([pool.submit(host.module, *other)], 1)
        go_on.touch()
    done = task.result()
    assert done.failed and "container c uses it" in done["msg"], done
    assert os.listdir(VOLUMES / "v/_data") == ["kept"]
