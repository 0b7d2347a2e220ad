# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images with hostile layers, by each way that images come in: nothing outside the roots is changed or shown."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import urllib.request
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import files
from ansible_collections.libpod.engine.tests.support.registry import APP, HTTP, REGISTRY, Registry

EVIL = "/srv/evil"  # an OCI layout with the image to be brought in
VICTIM = "/srv/victim"
CANARY = "canary-word"
UP = "../" * 30
WAYS = ["docker", "oci", "dir", "docker-archive", "oci-archive", "import"]
TOPS = ("/srv/.", "/var/lib/.")
OWNED = (
    "/var/lib/containers",
    "/srv/storage",
    "/srv/storage-run",
    "/srv/static",
    "/srv/run",
    "/srv/registry",
    EVIL,
    f"{EVIL}.tar",
)
SYMLINK, HARDLINK, BLOCK, CHARACTERS = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.BLKTYPE, tarfile.CHRTYPE
# What each layer has in it, as name, type and target.
LAYERS: dict[str, list[tuple[str, bytes, str]]] = {
    "link out": [("way", SYMLINK, VICTIM), ("way/secret", b"0", "")],
    "link out to a new file": [("way", SYMLINK, VICTIM), ("way/new", b"0", "")],
    "link upwards": [("way", SYMLINK, f"{UP}srv/victim"), ("way/secret", b"0", "")],
    "name upwards": [(f"{UP}srv/victim/secret", b"0", "")],
    "name upwards inside": [(f"www/{UP}srv/victim/secret", b"0", "")],
    "absolute name": [(f"{VICTIM}/secret", b"0", "")],
    "hard link out": [("stolen", HARDLINK, f"{VICTIM}/secret")],
    "hard link upwards": [("stolen", HARDLINK, f"{UP}srv/victim/secret")],
    "hard link by a link": [("way", SYMLINK, VICTIM), ("stolen", HARDLINK, "way/secret")],
    "whiteout out": [(f"{VICTIM}/.wh.secret", b"0", "")],
    "whiteout upwards": [(f"{UP}srv/victim/.wh.secret", b"0", "")],
    "whiteout by a link": [("way", SYMLINK, VICTIM), ("way/.wh.secret", b"0", "")],
    "opaque by a link": [("way", SYMLINK, VICTIM), ("way/.wh..wh..opq", b"0", "")],
    "whiteout of what is above": [("www/.wh...", b"0", ""), (".wh...", b"0", "")],
    "whiteout of itself": [("www/.wh..", b"0", ""), (".wh..", b"0", "")],
    "whiteout of no name": [("www/.wh.", b"0", "")],
    "device": [("disk", BLOCK, ""), ("memory", CHARACTERS, "")],
}


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host() as made:
        os.mkdir(VICTIM)
        with open(f"{VICTIM}/secret", "w", encoding="ascii") as file:
            file.write(CANARY)
        yield made


@pytest.fixture(scope="module")
def registry(host: Host) -> Iterator[Registry]:
    made = Registry(host, HTTP)
    yield made
    made.remove()


def _layer(members: list[tuple[str, bytes, str]]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, kind, target in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.devmajor, entry.devminor = kind, target, 1, 1
            archive.addfile(entry)
    return file.getvalue()


def _write(host: Host, layer: bytes, **descriptor: Any) -> str:
    """Make the layout of an image of busybox and this layer; return the digest of its manifest."""
    shutil.rmtree(EVIL, ignore_errors=True)
    shutil.copytree(host.layout, EVIL)
    with open(f"{EVIL}/index.json", encoding="utf-8") as file:
        index = json.load(file)
    (chosen,) = [one for one in index["manifests"] if "busybox" in one["annotations"].values()]
    manifest = json.loads(_blob(chosen["digest"]))
    config = json.loads(_blob(manifest["config"]["digest"]))
    put = _put(layer)
    config["rootfs"]["diff_ids"].append(put["digest"])
    config["history"].append({"created_by": "a stranger"})
    manifest["config"].update(_put(json.dumps(config).encode()))
    manifest["layers"].append({"mediaType": "application/vnd.oci.image.layer.v1.tar", **put, **descriptor})
    chosen.update(_put(json.dumps(manifest).encode()))
    chosen["annotations"] = {"org.opencontainers.image.ref.name": "evil"}
    with open(f"{EVIL}/index.json", "w", encoding="utf-8") as file:
        json.dump({**index, "manifests": [chosen]}, file)
    digest: str = chosen["digest"]
    return digest


def _path(digest: str) -> str:
    return f"{EVIL}/blobs/{digest.replace(':', '/')}"


def _blob(digest: str) -> bytes:
    with open(_path(digest), "rb") as file:
        return file.read()


def _put(content: bytes) -> dict[str, Any]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    with open(_path(digest), "wb") as file:
        file.write(content)
    return {"digest": digest, "size": len(content)}


def _upload(digest: str) -> None:
    """Put the image into the registry, which knows of a layer only its digest."""
    url, manifest = f"http://{REGISTRY}/v2/team/app", _blob(digest)
    document = json.loads(manifest)
    for one in (document["config"], *document["layers"]):
        request = urllib.request.Request(f"{url}/blobs/uploads/", b"", method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            there = answer.headers["Location"]
        content = {"Content-Type": "application/octet-stream"}
        there += f"&digest={one['digest']}"
        request = urllib.request.Request(there, _blob(one["digest"]), content, method="PUT")
        urllib.request.urlopen(request, timeout=60).close()
    kind = {"Content-Type": document.get("mediaType", "application/vnd.oci.image.manifest.v1+json")}
    urllib.request.urlopen(urllib.request.Request(f"{url}/manifests/1", manifest, kind, method="PUT"), timeout=60)


def _flat(digest: str) -> str:
    """Make a directory as for ``dir:`` of the layout, and return its path."""
    os.mkdir(f"{EVIL}/flat")
    manifest = _blob(digest)
    for one in (json.loads(manifest)["config"], *json.loads(manifest)["layers"]):
        shutil.copy(_path(one["digest"]), f"{EVIL}/flat/{one['digest'].partition(':')[2]}")
    for name, content in (("manifest.json", manifest), ("version", b"Directory Transport Version: 1.1\n")):
        with open(f"{EVIL}/flat/{name}", "wb") as file:
            file.write(content)
    return f"{EVIL}/flat"


def _docker_archive(digest: str) -> None:
    manifest = json.loads(_blob(digest))
    members = [(one["digest"].replace(":", "-"), _blob(one["digest"])) for one in manifest["layers"]]
    described = {"Config": "c.json", "RepoTags": ["evil:1"], "Layers": [name for name, _content in members]}
    members += [("c.json", _blob(manifest["config"]["digest"])), ("manifest.json", json.dumps([described]).encode())]
    with tarfile.open(f"{EVIL}.tar", "w") as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def _bring(host: Host, way: str, digest: str) -> Result:
    """Bring the image in as docker.io/library/evil:1, or under the name of its path."""
    if way == "docker":
        _upload(digest)
        return host.module("libpod_image", {"name": APP, "pull": "always"})
    if way in ("oci", "dir"):
        name = f"oci:{EVIL}:evil" if way == "oci" else f"dir:{_flat(digest)}"
        return host.module("libpod_image", {"name": name, "pull": "always"})
    if way == "import":
        shutil.copy(_path(json.loads(_blob(digest))["layers"][-1]["digest"]), f"{EVIL}.tar")
        return host.module("libpod_import", {"src": f"{EVIL}.tar", "image": "evil:1"})
    if way == "docker-archive":
        _docker_archive(digest)
    else:
        host.run("tar", "-C", EVIL, "-cf", f"{EVIL}.tar", "oci-layout", "index.json", "blobs")
    return host.module("libpod_load", {"input": f"{EVIL}.tar"})


def _outside() -> dict[str, tuple[Any, ...]]:
    # An exit command may still be at work in the engine's own folders.
    found = files("/srv", "/etc", "/var/lib", without=OWNED)
    return {path: what for path, what in found.items() if path not in TOPS}


def _images(host: Host) -> set[str]:
    return {image["id"] for image in json.loads(host.store("images", "--json"))}


@pytest.fixture(autouse=True)
def _nothing_outside_changes(host: Host, registry: Registry) -> Iterator[None]:
    """Check that a test changes nothing outside, and remove its images."""
    before, known = _outside(), _images(host)
    yield
    try:
        assert _outside() == before
    finally:
        host.empty()
        for image in _images(host) - known:
            host.store("delete-image", image)
        host.run("rm", "-rf", EVIL, f"{EVIL}.tar")


def _expect_a_sentence(host: Host, refused: Result, known: set[str]) -> None:
    message = refused["msg"]
    assert refused.failed and refused["error"] != "Internal" and not refused.changed, refused
    assert message.isprintable() and len(message) < 1000 and (EVIL in message or APP in message), refused
    assert _images(host) == known and os.listdir("/srv/static/images") == []


def _expect_good(host: Host, way: str) -> None:
    good = _bring(host, way, _write(host, _layer([("good", b"0", "")])))
    assert good.changed and not good.failed, good


LOOK = "cat /way/secret /stolen /srv/victim/secret; head -c1 /disk; head -c1 /memory; echo x > /way/secret"
EVERYWHERE = ["link out", "name upwards", "hard link out", "whiteout by a link", "device"]


@pytest.mark.parametrize(
    ("way", "kind"),
    [("oci", kind) for kind in LAYERS] + [(way, kind) for way in WAYS for kind in EVERYWHERE if way != "oci"],
)
def test_hostile_layer_is_refused_or_stays_inside(host: Host, way: str, kind: str) -> None:
    known = _images(host)
    done = _bring(host, way, _write(host, _layer(LAYERS[kind])))
    if done.failed:
        _expect_a_sentence(host, done, known)
    else:
        (image,) = _images(host) - known
        host.run("rm", "-rf", EVIL)
        if way != "import":  # which has no program
            ran = host.container("c", image=image, network="none", detach=False, command=["sh", "-c", LOOK])
            assert ran["stdout"] == "" and CANARY not in str(ran), ran
            if kind == "device":
                refusals = re.findall("/(?:disk|memory): (?:Permission denied|Operation not permitted)", ran["stderr"])
                assert len(refusals) == 2, ran
    if kind == EVERYWHERE[0]:
        _expect_good(host, way)


@pytest.mark.parametrize("way", WAYS)
def test_layer_of_garbage_is_refused(host: Host, way: str) -> None:
    known = _images(host)
    _expect_a_sentence(host, _bring(host, way, _write(host, os.urandom(10 << 20))), known)
    _expect_good(host, way)


@pytest.mark.parametrize("way", ["docker", "oci", "dir", "oci-archive"])
@pytest.mark.parametrize("difference", [-1, 1 << 40])
def test_size_that_a_manifest_says_of_a_layer_counts_for_nothing(host: Host, way: str, difference: int) -> None:
    # skopeo reads the layer to its end, whose digest counts.
    known, layer = _images(host), _layer([("good", b"0", "")])
    done = _bring(host, way, _write(host, layer, size=len(layer) + difference))
    assert done.changed and not done.failed, done
    (image,) = _images(host) - known
    ran = host.container("c", image=image, network="none", detach=False, command=["ls", "/good"])
    assert (ran["rc"], ran["stdout"]) == (0, "/good\n"), ran


@pytest.mark.parametrize("way", ["oci", "dir", "docker-archive", "oci-archive"])
def test_layer_of_another_digest_is_refused(host: Host, way: str) -> None:
    # A registry's answer of another digest is in test_registry_failures.py.
    known = _images(host)
    digest = _write(host, _layer([("good", b"0", "")]))
    with open(_path(json.loads(_blob(digest))["layers"][-1]["digest"]), "wb") as file:
        file.write(_layer([("evil", b"0", "")]))
    done = _bring(host, way, digest)
    _expect_a_sentence(host, done, known)
    _expect_good(host, way)
