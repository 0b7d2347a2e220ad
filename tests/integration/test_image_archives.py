# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images saved to archives, loaded from them and made of tar files; skopeo reads ours, we read its and buildah's."""

from __future__ import annotations

import io
import json
import lzma
import os
import shutil
import stat
import tarfile
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel import syscalls
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import NOWHERE
from ansible_collections.libpod.engine.tests.support.process import files

BUSYBOX, CONFIGURED = "localhost/busybox:latest", "localhost/configured:latest"
STORE = "containers-storage:[overlay@/srv/storage+/srv/storage-run]"


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host() as made:
        os.mkdir("/srv/out")
        yield made
        shutil.rmtree("/srv/out")
        assert not [one for one in made.leaks() if "/srv/storage/overlay-images" not in one]


def _ids(host: Host) -> dict[str, str]:
    """Return the store's images by name, by containers-storage(1)."""
    listed = json.loads(host.store("images", "--json"))
    return {name: image["id"] for image in listed for name in image.get("names") or [image["id"]]}


def _save(host: Host, dest: str, check: bool = False, **options: Any) -> Any:
    return host.module("libpod_save", {"image": ["busybox", "configured"], "dest": dest, **options}, check=check)


def _load(host: Host, path: str, **how: Any) -> Any:
    return host.module("libpod_load", {"input": path}, **how)


def _skopeo(host: Host, source: str, target: str) -> None:
    host.run("skopeo", "--insecure-policy", "copy", "--quiet", source, target)
    shutil.rmtree("/var/lib/containers", ignore_errors=True)


@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive", "oci-dir"])
def test_saved_images_are_left_alone_read_by_skopeo_and_loaded_again(host: Host, kind: str) -> None:
    dest, known = f"/srv/out/{kind}", _ids(host)
    before = files("/srv", "/var/lib")
    predicted = _save(host, dest, check=True, format=kind)
    assert files("/srv", "/var/lib") == before
    done = _save(host, dest, format=kind)
    assert predicted.changed and done.changed and predicted["actions"] == done["actions"], (predicted, done)
    assert stat.S_IMODE(os.stat(dest).st_mode) & 0o077 == 0 and os.listdir("/srv/out") == [kind]
    inode = os.stat(dest).st_ino
    assert not _save(host, dest, check=True, format=kind).changed and not _save(host, dest, format=kind).changed
    assert os.stat(dest).st_ino == inode
    transport = kind.replace("oci-dir", "oci")
    config = host.run("skopeo", "inspect", "--config", f"{transport}:{dest}:{CONFIGURED}")
    assert "green" in config
    if kind != "oci-dir":
        for name in (BUSYBOX, CONFIGURED):
            host.store("delete-image", name)
        assert [_load(host, dest, check=True).changed, _load(host, dest).changed] == [True, True]
        assert _ids(host) == known
        assert host.container("c", image="configured", network="none", state="present")["container"]["Image"]
        again = _load(host, dest, kill_at=NOWHERE)
        assert (again.changed, list(again.effects)) == (False, []), "an unchanged archive is only read"
    removed = _save(host, dest, format=kind, image=["busybox"])
    assert removed.changed and CONFIGURED not in str(removed["images"])
    host.container("c", state="absent")
    host.run("rm", "-r", dest)
    # A docker-archive's images have another manifest, with which an OCI one's have another ID.
    for name in ("busybox", "configured"):
        _skopeo(host, f"oci:{host.layout}:{name}", f"{STORE}localhost/{name}:latest")


def test_directory_of_one_image_and_files_that_may_not_be_replaced(host: Host) -> None:
    dest = "/srv/out/image"
    made = _save(host, dest, format="docker-dir", image=["busybox"], compress=True)
    assert made.changed and not _save(host, dest, format="docker-dir", image=["busybox"]).changed
    assert "sh" in host.run("skopeo", "inspect", "--config", f"dir:{dest}")
    os.mkdir("/srv/out/full")
    os.mknod("/srv/out/full/precious")
    for wrong, word in (
        ({"dest": "/srv/out/full", "format": "oci-dir"}, "other things"),
        ({"dest": "/srv/out/image"}, "it is a directory"),
        ({"dest": "/srv/nowhere/x"}, "/srv/nowhere does not exist"),
        ({"dest": "/dev/null"}, "no regular file"),
        ({"dest": dest, "format": "docker-dir"}, "expected one"),
        ({"compress": True}, "compress"),
        ({"image": []}, "image: is empty"),
        ({"image": ["nobody"]}, "nobody"),
    ):
        task: dict[str, Any] = {"dest": "/srv/out/x", **wrong}
        refused = _save(host, **task)
        assert refused.failed and word in refused["msg"], refused
    assert _save(host, "/srv/out/x", check=True, image=["nobody"]).changed, "an earlier task may make the image"
    host.run("rm", "-r", dest, "/srv/out/full")


def test_further_names_and_untouched_files(host: Host) -> None:
    dest = "/srv/out/named:1"  # a colon, which no reference of skopeo's can have
    made = _save(host, dest, image=["busybox", "example.org/other:1"], multi_image_archive=False)
    assert made["images"][0]["RepoTags"] == [BUSYBOX, "example.org/other:1"], made
    assert not _save(host, dest, force=False, compress=False).changed
    assert _load(host, dest).changed and _ids(host)["example.org/other:1"] == _ids(host)[BUSYBOX]
    host.store("set-names", "--name", BUSYBOX, BUSYBOX)
    host.run("rm", dest)


@pytest.mark.parametrize("transport", ["docker-archive", "oci-archive"])
def test_archive_that_skopeo_or_buildah_wrote_is_loaded_under_its_name(host: Host, transport: str) -> None:
    path, known = f"/srv/out/{transport}", _ids(host)
    name = "example.org/theirs:1"
    _skopeo(host, f"{STORE}{CONFIGURED}", f"{transport}:{path}:{name}")
    host.run("gzip", path)
    done = _load(host, f"{path}.gz")
    assert done["actions"] == [f"loaded image {name}"], done
    assert _ids(host)[name] == known[CONFIGURED], "the ID is that of the image it was made of"
    host.store("set-names", "--name", CONFIGURED, known[CONFIGURED])
    if shutil.which("buildah"):
        store = ["--root", "/srv/storage", "--runroot", "/srv/storage-run", "--storage-driver", "overlay"]
        push = ("push", "-q", BUSYBOX, f"{transport}:{path}:{name}")
        host.run("env", "CONTAINERS_CONF=/dev/null", "buildah", *store, *push)
        assert _load(host, path).changed and _ids(host)[name] == known[BUSYBOX]
        host.store("set-names", "--name", BUSYBOX, known[BUSYBOX])
        host.run("rm", "-rf", "/srv/storage/defaultNetworkBackend", "/var/lib/containers", "/etc/cni", path)
    host.run("rm", f"{path}.gz")


def _hostile(kind: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo("blobs")
        if kind == "link out":
            entry.type, entry.linkname = tarfile.SYMTYPE, "/srv/victim"
            archive.addfile(entry)
            entry = tarfile.TarInfo("blobs/sha256/" + "0" * 64)
        elif kind == "way out":
            entry = tarfile.TarInfo("../../../../../../srv/victim/x")
        elif kind == "device":
            entry.type = tarfile.BLKTYPE
        archive.addfile(entry)
        index = b'{"manifests": []}'
        entry = tarfile.TarInfo("index.json")
        entry.size = len(index)
        archive.addfile(entry, io.BytesIO(index))
    return file.getvalue()


@pytest.mark.parametrize("kind", ["link out", "way out", "device", "garbage", "layer of garbage"])
def test_hostile_archive_is_refused_in_a_sentence_and_writes_nothing(host: Host, kind: str) -> None:
    os.mkdir("/srv/victim")
    if kind == "layer of garbage":
        layer = b"\0" * 5000 + os.urandom(10 << 20)
        config = b'{"config": {}, "rootfs": {"type": "layers", "diff_ids": ["sha256:' + b"0" * 64 + b'"]}}'
        manifest = json.dumps([{"Config": "c.json", "RepoTags": ["evil:1"], "Layers": ["l.tar"]}]).encode()
        with tarfile.open("/srv/victim.tar", "w") as archive:
            for name, content in (("c.json", config), ("l.tar", layer), ("manifest.json", manifest)):
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    else:
        with open("/srv/victim.tar", "wb") as file:
            file.write(os.urandom(10 << 20) if kind == "garbage" else _hostile(kind))
    known, before = _ids(host), files("/srv/victim", "/srv/out", "/etc")
    pulled = host.container("c", image="oci-archive:/srv/victim.tar", network="none")
    assert pulled.failed and "\n" not in pulled["msg"], pulled
    refused = _load(host, "/srv/victim.tar")
    assert refused.failed and "/srv/victim.tar" in refused["msg"] and "\n" not in refused["msg"], refused
    assert _ids(host) == known and files("/srv/victim", "/srv/out", "/etc") == before
    assert os.listdir("/srv/static/images") == [] if os.path.exists("/srv/static/images") else True
    host.run("rm", "-r", "/srv/victim", "/srv/victim.tar")


def test_time_limits_of_a_task_count(host: Host) -> None:
    assert _save(host, "/srv/out/late.tar").changed
    limits = {"image_archive": 0.000000001, "skopeo": 0.000000001}
    late = host.module("libpod_load", {"input": "/srv/out/late.tar", "tool_timeouts": limits})
    assert late.failed and "tool_timeouts: {image_archive: SECONDS}" in late["msg"], late
    late = _save(host, "/srv/out/other.tar", tool_timeouts=limits)
    assert late.failed and "tool_timeouts: {skopeo: SECONDS}" in late["msg"], late
    assert os.listdir("/srv/out") == ["late.tar"] and os.listdir("/srv/static/images") == []
    host.run("rm", "/srv/out/late.tar")


def test_image_is_made_of_a_tar_file_once(host: Host) -> None:
    host.container("web", image="busybox", command=["true"], network="none", state="present")
    assert host.module("libpod_export", {"container": "web", "dest": "/srv/out/web.tar"}).changed
    host.container("web", state="absent")
    with open("/srv/out/web.tar", "rb") as plain, lzma.open("/srv/out/web.tar.xz", "wb", preset=0) as packed:
        shutil.copyfileobj(plain, packed)
    how = {"image": "made", "commit_message": "why", "change": ['CMD ["cat", "/www/index.html"]', {"ENV": "A=b"}]}
    args = {"src": "/srv/out/web.tar.xz", **how}
    before = files("/srv", "/var/lib")
    predicted = host.module("libpod_import", args, check=True)
    assert files("/srv", "/var/lib") == before
    made = host.module("libpod_import", args)
    assert predicted["actions"] == made["actions"] == ["imported image localhost/made:latest"], (predicted, made)
    assert _ids(host)["localhost/made:latest"] == made["image_id"]
    for check in (True, False):
        again = host.module("libpod_import", args, check=check)
        assert (again.changed, again["image_id"]) == (False, made["image_id"]), again
    named = host.module("libpod_import", {**args, "image": "other"})
    assert named.changed and named["image_id"] == made["image_id"], "the same file and options are the same image"
    ran = host.container("c", image="made", network="none", detach=False)
    assert (ran["stdout"], ran["rc"]) == ("It works.\n", 0), ran
    changed = host.module("libpod_import", {**args, "change": ["CMD sh"]})
    assert changed.changed and changed["image_id"] != made["image_id"]
    host.container("c", state="absent")
    for wrong, word in (
        ({"src": "/srv/storage/overlay-images/images.json"}, "no archive"),
        ({"src": "/srv/nowhere"}, "/srv/nowhere"),
        ({"src": "https://host/web.tar"}, "ansible.builtin.get_url"),
        ({"image": "Not A Name"}, "Not A Name"),
        ({"change": ["NONSENSE x"]}, "NONSENSE"),
        ({"change": [5]}, "change"),
        ({"volume": "v"}, "volume"),
    ):
        refused = host.module("libpod_import", {**args, **wrong})
        assert refused.failed and word in refused["msg"] and "\n" not in refused["msg"], refused
    assert host.module("libpod_import", {**args, "src": "/srv/later"}, check=True).changed
    for image_id in sorted({made["image_id"], changed["image_id"]}):
        host.store("delete-image", image_id)
    host.run("rm", "/srv/out/web.tar", "/srv/out/web.tar.xz")


@pytest.mark.parametrize("exchanges", [True, False])
def test_saved_directory_is_there_wherever_its_replacement_is_killed(host: Host, exchanges: bool) -> None:
    def prepare() -> None:
        if not exchanges:
            syscalls.RENAME_EXCHANGE = 1 << 20  # as on a file system that cannot

    dest = "/srv/out/images"
    args: dict[str, Any] = {"dest": dest, "format": "oci-dir"}
    assert host.module("libpod_save", {**args, "image": ["busybox"]}).changed
    point = "rename saved images #1" if exchanges else "put old directory aside #1"
    killed = host.module("libpod_save", {**args, "image": ["configured"]}, kill_at=point, prepare=prepare)
    assert killed.killed and "busybox" in Path(f"{dest}/index.json").read_text("utf-8"), killed
    if not exchanges:
        (new,) = [name for name in os.listdir("/srv/out") if name.startswith(".libpod-save-")]
        os.rename(dest, f"/srv/out/{new}.old")  # killed just after that
        refused = host.module("libpod_save", {**args, "image": ["nowhere"]}, prepare=prepare)
        assert refused.failed and host.module("libpod_save", {**args, "image": ["busybox"], "force": False})["dest"]
        assert "busybox" in Path(f"{dest}/index.json").read_text("utf-8")
    assert host.module("libpod_save", {**args, "image": ["configured"]}, prepare=prepare).changed
    assert os.listdir("/srv/out") == ["images"] and "busybox" not in Path(f"{dest}/index.json").read_text("utf-8")
    host.run("rm", "-r", dest)


def test_killed_operations_leave_what_the_next_one_removes(host: Host) -> None:
    assert _save(host, "/srv/out/web.tar", format="oci-archive").changed
    effects = _save_effects(host)
    for effect in effects:
        killed = host.module("libpod_save", {"image": ["busybox"], "dest": "/srv/out/b.tar"}, kill_at=effect)
        # skopeo's cache is there from the first kill on.
        assert killed.killed or "/var/lib/containers" in effect, (effect, killed)
        host.run("rm", "-f", "/srv/out/b.tar")
    assert _save(host, "/srv/out/b.tar", image=["busybox"])["dest"] == "/srv/out/b.tar"
    assert sorted(os.listdir("/srv/out")) == ["b.tar", "web.tar"] and os.listdir("/srv/static/images") == []
    known = _ids(host)
    host.store("delete-image", CONFIGURED)
    for effect in _load(host, "/srv/out/web.tar", kill_at=NOWHERE).effects:
        host.store("delete-image", known[CONFIGURED])
        assert _load(host, "/srv/out/web.tar", kill_at=effect).killed or "/var/lib/containers" in effect, effect
        assert not _load(host, "/srv/out/web.tar").failed
        assert _ids(host) == known and os.listdir("/srv/static/images") == [], effect
    host.run("rm", "/srv/out/b.tar", "/srv/out/web.tar")


def _save_effects(host: Host) -> list[str]:
    done = host.module("libpod_save", {"image": ["busybox"], "dest": "/srv/out/b.tar"}, kill_at=NOWHERE)
    os.unlink("/srv/out/b.tar")
    return list(done.effects)
