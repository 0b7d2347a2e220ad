# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers' layers as the engine makes them, compared with those of containers-storage(1)."""

from __future__ import annotations

import errno
import json
import os
import random
import re
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import limits
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.store import ImageStore
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel import mount_api
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel.userns import Maps
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage import store_records
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.container_layers import ContainerLayers
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.driver import Storage
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.roots import Labels, storage_roots
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.store_records import unfinished
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import LibpodError, NoSuchImage
from ansible_collections.libpod.engine.plugins.module_utils._model.id_map import IdMap
from ansible_collections.libpod.engine.tests.support import kernel
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import in_child
from ansible_collections.libpod.engine.tests.support.podman import OF_DEBIAN_13, OWN, Podman
from ansible_collections.libpod.engine.tests.support.process import WAITING

ONE = "1" * 64
MAPS = {kind: [IdMap(0, 100_000, 65_536)] for kind in ("uid", "gid")}
MOUNTS = Path("/srv/storage-run/overlay-layers/mountpoints.json")
MOUNT_POINT = "storage/overlay/LAYER/merged d"

_SHOWN = r"""cd /srv
find storage/overlay -name diff -prune -printf '%p %y %m %U:%G\n' -o -name merged -prune -printf '%p %y\n' \
  -o -printf '%p %y %m %U:%G %l\n'
cd storage && grep -r . overlay-layers/*.json overlay-containers/*.json ../storage-run/overlay-layers/*.json
find overlay-* ../storage-run/overlay-* -printf '%p %y %m %U:%G\n'
grep -H . overlay/*/link overlay/*/lower
grep /srv/storage /proc/self/mountinfo | cut -d' ' -f4-"""


def shown(layer: str) -> list[str]:
    """Return all of the store that a container changes, its own IDs and times as letters."""
    text = subprocess.run(["sh", "-c", _SHOWN], check=True, capture_output=True, text=True).stdout
    if layer and os.path.exists(f"/srv/storage/overlay/{layer}/link"):
        with open(f"/srv/storage/overlay/{layer}/link", encoding="ascii") as file:
            text = text.replace(file.read(), "LINK")
    text = text.replace(layer or "none", "LAYER")
    text = re.sub(r"""("created":")[^"]*""", r"\1TIME", text)
    text = re.sub(r" \d+:\d+ | 0:\d+ ", " ", text)
    return sorted(text.splitlines())


def without_native(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ContainerLayers, "usable", lambda self: False)


@pytest.fixture
def storage(host: Host) -> Storage:
    return Storage(host.parts)


@pytest.fixture
def image_id(host: Host) -> str:
    return ImageStore(host.parts).get("localhost/busybox").id


@pytest.mark.parametrize("native", [True, False])
def test_labels_are_recorded_whoever_makes_the_container(
    storage: Storage, image_id: str, native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = Labels("system_u:system_r:container_t:s0:c1,c2", "system_u:object_r:container_file_t:s0:c1,c2")
    if not native:
        monkeypatch.setattr(ContainerLayers, "create", lambda *_arguments: False)
    storage.create(ONE, image_id, None, labels)
    assert storage.labels(ONE) == labels and labels in storage.all_labels()
    with open("/srv/storage/overlay-layers/layers.json", encoding="utf-8") as file:
        layers = {layer["id"]: layer.get("mountlabel") for layer in json.load(file)}
    assert layers.pop(storage.layer(ONE)) == labels.mount and not any(layers.values())
    # Where SELinux was disabled since, the engine mounts it without.
    assert os.path.ismount(storage.mount(ONE))
    storage.delete(ONE)


@pytest.mark.parametrize("maps", [{}, MAPS], ids=["host's IDs", "mapped"])
def test_store_is_as_the_tool_leaves_it(storage: Storage, image_id: str, maps: Maps) -> None:
    seen: list[list[list[str]]] = []
    for native in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            if not native:
                without_native(patch)
            storage.create(ONE, image_id, maps)
            layer = storage.layer(ONE)
            steps = [shown(layer)]
            for step in (storage.mount, storage.unmount, storage.mount, storage.delete):
                step(ONE)
                steps.append(shown(layer))
        seen.append(steps)
    # The tool of Debian 13 keeps the mount point of an unmounted layer, that of Debian 12 does not.
    tool, engine = seen
    assert MOUNT_POINT not in engine[2]
    tool[2] = [line for line in tool[2] if line != MOUNT_POINT]
    # It has the mapped root own the layer, which that of Debian 12 does not and the engine does for a start.
    for lines in tool:
        lines[:] = [line.replace("LAYER/diff d 755 100000:100000", "LAYER/diff d 755 0:0") for line in lines]
    # The tool mounts the mapped layers in a folder that it leaves, the engine where nothing of them stays.
    for lines in tool:
        lines[:] = [
            line.replace("/srv/storage/overlay/LAYER/mapped/0/", "")
            for line in lines
            if "LAYER/mapped" not in line or "lowerdir" in line
        ]
    for by_tool, by_engine in zip(tool, engine):
        assert by_tool == by_engine


def test_no_program_is_started(storage: Storage, image_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **_how: object) -> None:
        raise AssertionError(arguments)

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(os, "posix_spawn", refuse)
    for _again in range(2):
        storage.create(ONE, image_id)
        assert os.path.exists(f"{storage.mount(ONE)}/bin/busybox")
        storage.unmount(ONE)
        assert not storage.mountpoint(ONE)
    storage.mount(ONE)
    storage.delete(ONE)
    assert not storage.exists(ONE)


def test_layers_too_many_for_the_options_of_a_mount_are_named_from_their_directory(
    host: Host, storage: Storage, image_id: str
) -> None:
    """The options are a page, as mount(2) has it; the tool's limit is 128 layers."""
    below = next(iter(storage._roots.layers()))
    made = [below]
    for _number in range(100):
        made.append(host.store("create-layer", made[-1]).split()[0])
    host.store("create-image", "-n", "localhost/deep:latest", made[-1])
    storage.create(ONE, ImageStore(host.parts).get("localhost/deep:latest").id)
    assert os.path.exists(f"{storage.mount(ONE)}/bin/busybox")
    assert not os.path.exists("bin/busybox")
    storage.delete(ONE)
    host.store("delete-image", "localhost/deep:latest")


def test_container_lives_on_a_host_without_the_tool(host: Host) -> None:
    Path("/srv/none").touch()
    kernel.mount("/srv/none", "/usr/bin/containers-storage", flags=kernel.MS_BIND)
    web: dict[str, Any] = {"image": "localhost/busybox", "command": WAITING, "network": "none"}
    done = [host.container("web", **web, **how) for how in ({}, {"restart": True}, {"state": "stopped"}, {})]
    done.append(host.container("web", state="absent"))
    kernel.umount("/usr/bin/containers-storage")
    os.unlink("/srv/none")
    steps = [["created web", "started web"], ["restarted web"], ["stopped web"], ["started web"], ["deleted web"]]
    assert [one.get("actions") for one in done] == steps, done


@pytest.mark.parametrize("of_the_tool", ["mount program", "first use"])
def test_store_of_another_kind_is_left_to_the_tool(storage: Storage, image_id: str, of_the_tool: str) -> None:
    mark = "/srv/storage/overlay/.has-mount-program"
    with open(mark, encoding="ascii") as file:
        assert file.read() == "false"
    if of_the_tool == "first use":
        os.unlink(mark)
    else:
        with open(mark, "w", encoding="ascii") as file:
            file.write("true")
    assert not ContainerLayers(storage._roots).usable()
    storage.create(ONE, image_id)
    with open(mark, "w", encoding="ascii") as file:
        file.write("false")
    assert ContainerLayers(storage._roots).usable()
    storage.delete(ONE)


def test_ids_that_the_kernel_does_not_map_are_left_to_the_tool(
    storage: Storage, image_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: str, namespace: int) -> int:
        raise OSError(errno.EINVAL, "no idmapped mounts", source)

    monkeypatch.setattr(mount_api, "idmapped", refuse)
    storage.create(ONE, image_id, MAPS)
    assert storage.layer(ONE) != storage._layer_id(ONE)
    assert not os.path.exists(f"/srv/storage/overlay/{storage._layer_id(ONE)}")
    monkeypatch.undo()
    assert os.stat(f"{storage.mount(ONE)}/bin").st_uid == 100_000
    storage.delete(ONE)


def test_layer_is_undone_where_another_program_keeps_the_containers_locked(storage: Storage, image_id: str) -> None:
    limits.override("containers-storage=0.3")
    try:
        held = store_records.locked("/srv/storage/overlay-containers/containers.lock")
        with held, pytest.raises(LibpodError, match="has held .*containers.lock for 0.3 seconds"):
            storage.create(ONE, image_id)
    finally:
        limits.override("")
    layer = storage._layer_id(ONE)
    assert not os.path.lexists(f"/srv/storage/overlay/{layer}")
    assert layer not in Path("/srv/storage/overlay-layers/layers.json").read_text()


def test_mounts_are_counted_beside_the_tools(host: Host, storage: Storage, image_id: str) -> None:
    storage.create(ONE, image_id)
    host.store("mount", ONE)
    counts = []
    layers_mount = partial(ContainerLayers(storage._roots).mount, own=storage._layer_id(ONE))
    for mount in (partial(host.store, "mount"), layers_mount):
        mount(ONE)
        (record,) = json.loads(MOUNTS.read_text())
        counts.append(record["count"])
    host.store("unmount", ONE)
    host.store("unmount", ONE)
    assert counts == [2, 3] and storage.mountpoint(ONE)
    host.store("unmount", ONE)
    assert not storage.mountpoint(ONE)
    MOUNTS.write_text(json.dumps([{**record, "count": 7}]))  # of before a boot, in a run root that outlived it
    storage.mount(ONE)
    assert json.loads(MOUNTS.read_text()) == [{**record, "count": 1}]
    storage.delete(ONE)


@pytest.mark.parametrize("place", ["/srv/storage", "/srv/storage-run"], ids=["store", "transient store"])
def test_container_that_a_reboot_ends_is_found_and_deleted(storage: Storage, image_id: str, place: str) -> None:
    """Other engines have such containers in files of their own, which newer versions of their library write."""
    storage.create(ONE, image_id)
    layer, kept = storage.layer(ONE), []
    for kind, record_id in (("containers", ONE), ("layers", layer)):
        path = Path(f"/srv/storage/overlay-{kind}/{kind}.json")
        records = json.loads(path.read_text())
        Path(f"{place}/overlay-{kind}/volatile-{kind}.json").write_text(
            json.dumps([one for one in records if one["id"] == record_id])
        )
        kept.append(json.dumps([one for one in records if one["id"] != record_id], separators=(",", ":")))
        path.write_text(kept[-1])
    storage.create(ONE, image_id)
    assert (storage.layer(ONE), storage.forgotten()) == (layer, [ONE])
    assert os.path.exists(f"{storage.mount(ONE)}/bin/busybox")
    assert storage.sizes(ONE)[1] > 1_000_000
    storage.delete(ONE)
    for kind, records in zip(("containers", "layers"), kept):
        volatile = Path(f"{place}/overlay-{kind}/volatile-{kind}.json")
        assert volatile.read_text() == "[]" and Path(f"/srv/storage/overlay-{kind}/{kind}.json").read_text() == records
        volatile.unlink()
    assert not storage.exists(ONE) and not os.path.exists(f"/srv/storage/overlay/{layer}")


def test_files_are_copied_whole_where_storage_conf_has_metacopy(
    host: Host, image_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Red Hat's has it."""
    conf = Path("/srv/storage.conf")
    lines = ('[storage]\ndriver = "overlay"', 'graphroot = "/srv/storage"', 'runroot = "/srv/storage-run"')
    conf.write_text("\n".join([*lines, "[storage.options.overlay]", 'mountopt = "nodev,metacopy=on"']))
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(conf))
    storage = Storage(host.parts._replace(storage_root="", storage_run_root="", storage_driver=""))
    assert storage._roots.mount_options == ("nodev", "metacopy=on")
    storage.create(ONE, image_id)
    os.chmod(f"{storage.mount(ONE)}/bin/busybox", 0o700)
    copied = f"{storage.layers(ONE).upper}/bin/busybox"
    assert os.stat(copied).st_blocks > 1000 and "trusted.overlay.metacopy" not in os.listxattr(copied)
    storage.delete(ONE)
    with monkeypatch.context() as patch:  # one that the tool made has such files
        without_native(patch)
        storage.create(ONE, image_id)
        os.chmod(f"{storage.mount(ONE)}/bin/busybox", 0o700)
        storage.unmount(ONE)
    assert "trusted.overlay.metacopy" in os.listxattr(f"{storage.layers(ONE).upper}/bin/busybox")
    with open(f"{storage.mount(ONE)}/bin/busybox", "rb") as file:
        assert file.read(4) == b"\x7fELF"
    storage.delete(ONE)
    conf.unlink()


def test_removal_takes_away_the_record_that_a_kill_left_unfinished(storage: Storage, image_id: str) -> None:
    storage.create(ONE, image_id)
    records = Path("/srv/storage-run/overlay-layers/mountpoints.json")
    records.unlink(missing_ok=True)
    left = Path(unfinished(str(records)))
    left.write_text("[")  # a kill during the first mount of this boot
    storage.delete(ONE)
    assert not left.exists() and not records.exists()
    left = Path(unfinished("/srv/storage/overlay-layers/layers.json"))
    left.write_text("[")  # a kill at the beginning of its creation
    storage.delete(ONE)
    assert not left.exists()


def test_unknown_image_is_named(storage: Storage) -> None:
    with pytest.raises(NoSuchImage, match="image 7{64} is not in the store"):
        storage.create(ONE, "7" * 64)


def expect_content(podman: Podman, containers: list[str], image: str) -> None:
    """Assert that a podman finds these containers, and nothing wrong in the store."""
    rows = podman.rows("ps", "--all", "--external")
    assert sorted(row["Id"] for row in rows) == containers and {row["ImageID"] for row in rows} == {image}
    refused = podman.call("rmi", image)
    assert refused.returncode == 2 and "image is in use by a container" in refused.stderr
    assert "Images 5 1\n" in podman.run("system", "df", "--format", "{{.Type}} {{.Total}} {{.Active}}")
    if podman.release == OF_DEBIAN_13:
        # Without the contents of layers: it takes a tar file with a member / for a changed layer, as umoci makes it.
        podman.run("system", "check", "--quick")
    podman.remove()


def test_engine_and_tool_agree_after_random_operations_and_kills(host: Host, storage: Storage, image_id: str) -> None:
    chosen = random.Random(os.environ.get("LIBPOD_TEST_SEED", "13"))
    numbers = [str(number) * 64 for number in range(1, 4)]
    for _time in range(int(os.environ.get("LIBPOD_TEST_OPERATIONS", "40"))):
        number = chosen.choice(numbers)
        verb = chosen.choice(("mount", "unmount", "delete")) if storage.exists(number) else "create"
        side = chosen.choice(("tool", "engine", "killed"))
        if side == "tool":
            arguments = {"create": ("-i", number, "-m", "x", image_id), "unmount": ("-f", number)}.get(verb, (number,))
            if verb != "unmount" or storage.mountpoint(number):
                host.store({"create": "create-container", "delete": "delete-container"}.get(verb, verb), *arguments)
        else:
            work = (
                partial(storage.create, number, image_id, chosen.choice(({}, MAPS)))
                if verb == "create"
                else partial(getattr(storage, verb), number)
            )
            if side == "killed":
                in_child(work, kill_at=chosen.randrange(1, 14))
            work()
        known = host.store("containers")
        assert [number in known for number in numbers] == [storage.exists(number) for number in numbers]
        assert os.path.exists(f"{storage.mountpoint(number)}/bin/busybox") == (verb == "mount")
    for number in numbers:
        storage.create(number, image_id, MAPS if number == numbers[-1] else {})
    storage.mount(numbers[0])
    for release in (OWN, OF_DEBIAN_13):
        expect_content(Podman(host, release=release, backend="netavark"), numbers, image_id)
    for number in numbers:
        storage.delete(number)
    links = [Path("/srv/storage/overlay", layer, "link").read_text() for layer in storage_roots(host.parts).layers()]
    assert os.listdir("/srv/storage/overlay/l") == links
