# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage and image drivers on the real store, in a test host."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import json
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator, Optional

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import reserve
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.store import ImageStore
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.transport import Images
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage import removal
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.driver import Storage
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.rewindable import Rewindable
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.rootfs import Rootfs
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.roots import storage_roots
from ansible_collections.libpod.engine.plugins.module_utils._model import failpoints
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    InvalidArgument,
    NoSuchImage,
    NotImplementedByHost,
    ToolFailed,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.options.pulling import Pull
from ansible_collections.libpod.engine.tests.support import kernel
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.images import store_arguments
from ansible_collections.libpod.engine.tests.support.modules import in_child

ONE, TWO = "1" * 64, "2" * 64


@pytest.fixture
def host() -> Iterator[Host]:
    """Yield a test host in which only drivers run; nothing may be left."""
    with Host() as made:
        yield made
        # skopeo's blob location cache, which it keeps there independent of the roots.
        made.run("rm", "-rf", "/var/lib/containers")
        made.expect_clean()


@pytest.fixture
def done(host: Host) -> Iterator[list[str]]:
    """Return the effects since the start of the test."""
    names: list[str] = []
    failpoints.observe(names.append)
    yield names
    failpoints.observe(None)


@pytest.fixture
def storage(host: Host) -> Storage:
    return Storage(host.parts)


@pytest.fixture
def image_id(host: Host) -> str:
    return ImageStore(host.parts).get("busybox").id


@pytest.fixture
def empty(host: Host) -> Iterator[EngineConfig]:
    """Yield an engine configuration with an empty store."""
    parts = host.parts._replace(storage_root="/srv/empty/storage", storage_run_root="/srv/empty/run")
    yield parts
    Storage(parts).shutdown()
    host.run("rm", "-rf", "/srv/empty")


def mounts(under: str = "/srv") -> list[str]:
    with open("/proc/self/mountinfo") as file:
        points = [line.split()[4] for line in file]
    return [point for point in points if point.startswith(f"{under}/") and point != "/srv/storage/overlay"]


def test_image_is_read_from_the_real_store(host: Host) -> None:
    image = ImageStore(host.parts).get("configured")
    assert image.names == ("localhost/configured:latest",)
    assert image.config["Env"] == ["PATH=/bin", "COLOUR=green", "SPACED=two words"]
    assert (image.config["User"], image.config["StopSignal"]) == ("web", "SIGUSR1")
    assert ImageStore(host.parts).get(image.id[:12]) == image == ImageStore(host.parts).get(image.digest)


def test_new_container_runs_no_program(host: Host, storage: Storage, image_id: str, done: list[str]) -> None:
    storage.create(ONE, image_id)
    root = storage.mount(ONE)
    programs = [name for name in done if name.startswith("containers-storage")]
    assert programs == []
    assert os.path.exists(f"{root}/bin/busybox") and mounts() == [root] == [storage.mountpoint(ONE)]
    with open("/proc/self/mountinfo") as file:
        assert "nodev" in next(line for line in file if f" {root} " in line).split()[5]
    done.clear()
    storage.create(ONE, image_id)
    assert storage.exists(ONE) and storage.mount(ONE) == root
    assert done == []
    storage.delete(ONE)


def test_changes_survive_unmounting_and_end_with_deleting(host: Host, storage: Storage, image_id: str) -> None:
    storage.create(ONE, image_id)
    with open(f"{storage.mount(ONE)}/tmp/new", "w") as file:
        file.write("x" * 5000)
    storage.unmount(ONE)
    assert mounts() == [] and storage.mountpoint(ONE) is None
    own, total = storage.sizes(ONE)
    assert own == 5000
    layer = json.loads(host.store("layer", "-j", ImageStore(host.parts).get(image_id).layer))[0]
    assert total == 5000 + layer["diff-size"]
    assert os.path.getsize(f"{storage.mount(ONE)}/tmp/new") == 5000
    storage.delete(ONE)
    assert mounts() == [] and not storage.exists(ONE)


def test_undoing_missing_resources_does_nothing(storage: Storage, done: list[str]) -> None:
    storage.unmount(ONE)
    storage.delete(ONE)
    assert done == [] and storage.mountpoint(ONE) is None and storage.sizes(ONE) == (0, 0)


def test_all_counted_mounts_are_released_at_once(host: Host, storage: Storage, image_id: str) -> None:
    storage.create(ONE, image_id)
    for _time in range(3):
        host.store("mount", ONE)
    storage.unmount(ONE)
    assert mounts() == []
    for _time in range(3):
        host.store("mount", ONE)
    storage.delete(ONE)
    assert mounts() == []


@pytest.mark.parametrize("lost", ["records", "mounts", "records and mounts"])
def test_store_recovers_from_a_lost_run_root(host: Host, storage: Storage, image_id: str, lost: str) -> None:
    for number in (ONE, TWO):
        storage.create(number, image_id)
        storage.mount(number)
    if "mounts" in lost:
        for point in mounts():
            kernel.umount(point)
    if "records" in lost:
        host.run("rm", "-rf", host.parts.storage_run_root)
    root = storage.mount(ONE)
    assert os.path.exists(f"{root}/bin/busybox") and mounts().count(root) == 1
    storage.unmount(ONE)
    assert root not in mounts()
    storage.delete(ONE)
    storage.delete(TWO)
    assert mounts() == []


def test_busy_root_filesystem_can_be_deleted(host: Host, storage: Storage, image_id: str) -> None:
    storage.create(ONE, image_id)
    user = subprocess.Popen(["sleep", "60"], cwd=storage.mount(ONE))
    storage.delete(ONE)
    user.kill()
    user.wait()
    assert mounts() == []


def test_concurrent_creates_make_one_container(host: Host, image_id: str) -> None:
    def make(_number: int) -> str:
        storage = Storage(host.parts)
        storage.create(ONE, image_id)
        return storage.mount(ONE)

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(make, range(2)))) == 1
        list(pool.map(lambda _number: Storage(host.parts).delete(ONE), range(2)))
    assert mounts() == []


def test_deletions_by_two_threads_exclude_each_other(host: Host, storage: Storage, image_id: str) -> None:
    roots, begun, go_on = storage_roots(host.parts), threading.Semaphore(0), threading.Event()

    def hold(name: str) -> None:
        if name == "remove layer":
            begun.release()
            go_on.wait(60)

    layers = []
    for number in (ONE, TWO):
        storage.create(number, image_id)
        layers.append(storage.layer(number))
    reserve.keep(host.parts.static_root)
    reserve.keep_rooms(host.parts.static_root, 1)
    failpoints.observe(hold)
    try:
        with ThreadPoolExecutor(2) as pool:
            work = [
                pool.submit(removal.delete, roots, host.parts.static_root, *pair) for pair in zip((ONE, TWO), layers)
            ]
            assert begun.acquire(timeout=60)
            # The other thread has opened and closed nothing that would end the first one's lock, and waits for it.
            alone = not begun.acquire(timeout=0.5)
            tool = subprocess.Popen([*store_arguments(roots.root, roots.run_root), "layers"], stdout=subprocess.DEVNULL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                tool.wait(0.5)
            waits = tool.poll() is None
            go_on.set()
            for one in work:
                one.result()
            assert tool.wait(60) == 0
    finally:
        go_on.set()
        failpoints.observe(None)
    assert alone and waits
    assert not storage.exists(ONE) and not storage.exists(TWO)
    host.run("rm", "-rf", host.parts.static_root)


def test_container_of_a_missing_image_is_refused(storage: Storage) -> None:
    with pytest.raises(NoSuchImage, match="ffff is not in the store"):
        storage.create(ONE, "f" * 64)
    assert not storage.exists(ONE)


def test_image_in_use_is_not_removed(host: Host, storage: Storage, image_id: str) -> None:
    storage.create(ONE, image_id)
    with pytest.raises(ToolFailed, match="image is in use by a container"):
        Images(host.parts).remove("busybox")
    storage.delete(ONE)
    assert ImageStore(host.parts).find("busybox")


def test_shutdown_removes_the_tools_own_mount(host: Host, storage: Storage, image_id: str) -> None:
    storage.create(ONE, image_id)
    storage.mount(ONE)
    assert not storage.shutdown() and len(mounts()) == 1
    storage.delete(ONE)
    assert storage.shutdown()
    assert not os.path.ismount("/srv/storage/overlay")
    storage.create(ONE, image_id)
    storage.delete(ONE)


def test_other_drivers_work(host: Host) -> None:
    parts = EngineConfig(
        static_root="/srv/static", storage_root="/srv/v", storage_run_root="/srv/vr", storage_driver="vfs"
    )
    image, storage = Images(parts).pull(f"oci:{host.layout}:busybox"), Storage(parts)
    storage.create(ONE, image.id)
    assert storage.mountpoint(ONE) is None
    root = storage.mount(ONE)
    assert storage.mountpoint(ONE) == root and os.path.exists(f"{root}/bin/busybox")
    own, total = storage.sizes(ONE)
    assert 0 <= own < total
    storage.unmount(ONE)
    storage.delete(ONE)
    assert not os.path.exists(root)
    parts = parts._replace(run_root="/srv/run")
    rewindable = Rewindable(parts, storage)
    rewindable.create(ONE, image.id)
    for name in ("first", "second"):
        open(f"{rewindable.mount(ONE)}/{name}", "wb").close()
        rewindable.unmount(ONE)
        assert rewindable.differs(ONE)
        if name == "first":
            rewindable.mark(ONE)
            assert not rewindable.differs(ONE)
    rewindable.rewind(ONE)
    root = rewindable.mount(ONE)
    assert {"bin", "first"} <= set(os.listdir(root)) and "second" not in os.listdir(root)
    rewindable.delete(ONE)
    assert not rewindable.exists(ONE) and not os.path.exists(root)
    host.run("rm", "-rf", "/srv/v", "/srv/vr", *(f"{top}/containers/{ONE}" for top in ("/srv/run", "/srv/static")))


@pytest.mark.parametrize(
    ("kind", "tag", "name"),
    [
        ("oci", ":v1", "localhost/srv/image:v1"),
        ("oci-archive", "", "localhost/srv/image:latest"),
        ("docker-archive", ":quay.io/a/b:1", "quay.io/a/b:1"),
        ("dir", "", "localhost/srv/image:latest"),
    ],
)
def test_image_is_pulled_from_every_source(host: Host, empty: EngineConfig, kind: str, tag: str, name: str) -> None:
    source, images = f"{kind}:/srv/image{tag}", Images(empty)
    host.run("skopeo", "--insecure-policy", "copy", "-q", f"oci:{host.layout}:configured", source)
    assert images.store.find(source) is None
    pulled = images.pull(source)
    assert pulled == images.store.find(source) == images.pull(source)
    assert pulled.names == (name,) and pulled.config == ImageStore(host.parts).get("configured").config
    assert images.remove(name) and not images.remove(name)
    host.run("rm", "-rf", "/srv/image")


def test_tags_of_one_layout_are_distinguished(host: Host, empty: EngineConfig) -> None:
    images = Images(empty)
    pulled = {tag: images.pull(f"oci:{host.layout}:{tag}") for tag in ("busybox", "volume")}
    assert pulled["busybox"].id != pulled["volume"].id
    assert all(images.store.find(f"oci:{host.layout}:{tag}") == image for tag, image in pulled.items())


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("oci:/srv/none:x", NoSuchImage, "there is no /srv/none"),
        ("oci-archive:/srv/none", NoSuchImage, "there is no /srv/none"),
        ("docker-archive:/srv", InvalidArgument, "/srv is a directory"),
        ("dir:/etc/passwd", InvalidArgument, "/etc/passwd is no directory"),
        ("localhost/none", NoSuchImage, "no registry has"),
        ("f" * 64, NoSuchImage, "an ID cannot be pulled"),
        ("docker://127.0.0.1:1/none", ToolFailed, "connection refused"),
        ("oci:LAYOUT:none", NoSuchImage, "none"),
    ],
)
def test_source_without_the_image_is_reported(host: Host, source: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as refusal:
        Images(host.parts).pull(source.replace("LAYOUT", host.layout))
    assert "\n" not in str(refusal.value) and "level=" not in str(refusal.value)


class Registry(http.server.BaseHTTPRequestHandler):
    """Serves an OCI layout as ``app``, its tags by name, to the user ``me`` with the password ``secret``."""

    layout = ""

    def do_GET(self) -> None:
        wanted = "Basic " + base64.b64encode(b"me:secret").decode()
        if self.headers["Authorization"] != wanted:
            self.answer(401, b"{}", "application/json", {"WWW-Authenticate": 'Basic realm="test"'})
        elif self.path == "/v2/":
            self.answer(200, b"{}", "application/json")
        else:
            self.serve(self.path.rsplit("/", 1)[-1])

    do_HEAD = do_GET

    def serve(self, key: str) -> None:
        with open(f"{self.layout}/index.json") as file:
            manifests = json.load(file)["manifests"]
        tags = {one["annotations"]["org.opencontainers.image.ref.name"]: one["digest"] for one in manifests}
        digest = tags.get(key, key).partition(":")[2]
        if not self.path.startswith("/v2/app/") or not digest:
            errors = json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]})
            self.answer(404, errors.encode(), "application/json")
            return
        with open(f"{self.layout}/blobs/sha256/{digest}", "rb") as blob:
            content = blob.read()
        self.answer(200, content, "application/vnd.oci.image.manifest.v1+json")

    def answer(self, status: int, content: bytes, kind: str, headers: Optional[dict[str, str]] = None) -> None:
        self.send_response(status)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        sent = {"Content-Type": kind, "Content-Length": str(len(content)), "Docker-Content-Digest": digest}
        for name, value in {**sent, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def registry(host: Host) -> Iterator[str]:
    Registry.layout = host.layout
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_registry_serves_an_image_to_an_authorised_client(host: Host, empty: EngineConfig, registry: str) -> None:
    images, digest = Images(empty), ImageStore(host.parts).get("volume").digest
    tagged, digested = f"{registry}/app:volume", f"docker://{registry}/app@{digest}"
    pulled = images.pull(tagged, Pull(tls_verify=False), username="me", password="secret")
    assert pulled.id == ImageStore(host.parts).get("volume").id and pulled.names == (tagged,)
    assert images.store.find(digested) == pulled
    assert images.remove(tagged) and images.store.find(digested) is None
    assert images.pull(digested, Pull(tls_verify=False), username="me", password="secret").id == pulled.id


def test_image_missing_from_a_registry_is_not_a_tool_failure(host: Host, registry: str) -> None:
    images = Images(host.parts)
    with pytest.raises(NoSuchImage, match="manifest unknown"):
        images.pull(f"{registry}/app:none", Pull(tls_verify=False), username="me", password="secret")
    with pytest.raises(ToolFailed) as failure:
        images.pull(f"{registry}/app:volume", Pull(tls_verify=False), username="me", password="wrong-word")
    assert "wrong-word" not in str(failure.value) + repr(failure.value.argv) and failure.value.__cause__ is not None


def make_tree(path: str) -> None:
    os.makedirs(f"{path}/etc")
    os.chmod(path, 0o751)
    with open(f"{path}/etc/motd", "w") as file:
        file.write("hello")


def test_rootfs_in_place_is_left_as_it_is(host: Host, done: list[str]) -> None:
    make_tree("/srv/tree")
    rootfs = Rootfs(host.parts, "/srv/tree")
    rootfs.create(ONE)
    assert rootfs.mount(ONE) == rootfs.mountpoint(ONE) == "/srv/tree"
    assert rootfs.sizes(ONE) == (5, 5)
    rootfs.unmount(ONE)
    rootfs.delete(ONE)
    assert done == [] and os.path.exists("/srv/tree/etc/motd")
    host.run("rm", "-r", "/srv/tree")


@pytest.mark.parametrize("path", ["/srv/tree", "/srv/a,b:c\\d\\", "/srv/ü b=1,upperdir=/x"])
def test_rootfs_under_an_overlay_keeps_the_directory(host: Host, path: str) -> None:
    before = set(os.listdir("/srv"))
    make_tree(path)
    rootfs = Rootfs(host.parts, path, overlay=True)
    rootfs.create(ONE)
    assert rootfs.exists(ONE) and rootfs.mountpoint(ONE) is None
    root = rootfs.mount(ONE)
    assert root == rootfs.mount(ONE) == rootfs.mountpoint(ONE) and mounts().count(root) == 1
    assert os.stat(root).st_mode & 0o7777 == 0o751
    with open(f"{root}/etc/motd", "w") as file:
        file.write("changed here")
    assert open(f"{path}/etc/motd").read() == "hello"
    assert rootfs.sizes(ONE) == (12, 17)
    rootfs.unmount(ONE)
    assert mounts() == [] and not os.path.exists(root)
    assert open(f"{rootfs.mount(ONE)}/etc/motd").read() == "changed here"
    rootfs.delete(ONE)
    rootfs.delete(ONE)
    assert mounts() == [] and not rootfs.exists(ONE)
    host.run("rm", "-rf", "/srv/static", "/srv/run", *(f"/srv/{one}" for one in set(os.listdir("/srv")) - before))


def test_rootfs_that_is_not_a_directory_is_refused(host: Host) -> None:
    for path in ("/srv/none", "/etc/passwd"):
        for overlay in (False, True):
            with pytest.raises(InvalidArgument, match=f"rootfs {path} is no directory"):
                Rootfs(host.parts, path, overlay).create(ONE)


def test_overlay_on_an_overlay_is_refused_with_advice(host: Host) -> None:
    make_tree("/srv/tree")
    rootfs = Rootfs(EngineConfig(static_root="/etc/libpod-test", run_root="/srv/run"), "/srv/tree", overlay=True)
    rootfs.create(ONE)
    with pytest.raises(NotImplementedByHost, match="static_root /etc/libpod-test must be on a file system"):
        rootfs.mount(ONE)
    rootfs.delete(ONE)
    host.run("rm", "-r", "/srv/tree", "/srv/run", "/etc/libpod-test")


@pytest.mark.parametrize("overlay", [False, True])
def test_next_run_converges_after_a_kill_at_any_effect(host: Host, image_id: str, overlay: bool) -> None:
    make_tree("/srv/tree")
    roots = Rootfs(host.parts, "/srv/tree", overlay=True) if overlay else Storage(host.parts)

    def whole_life() -> None:
        roots.create(ONE, image_id)
        assert os.path.isdir(f"{roots.mount(ONE)}/etc")
        roots.unmount(ONE)
        roots.delete(ONE)

    killed_at, finished = 0, False
    while not finished:
        killed_at += 1
        finished = in_child(whole_life, kill_at=killed_at).exit_code == 0
        whole_life()
        assert mounts() == [] and not roots.exists(ONE)
    assert killed_at > 4
    host.run("rm", "-rf", "/srv/tree", "/srv/run", f"/srv/static/containers/{ONE}")
