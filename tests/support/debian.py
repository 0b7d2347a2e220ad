# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Debian 12 image with Python, sudo and systemd: made once by ``.ci/debian``, shared by all stores without a copy."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from typing import Any

from ansible_collections.libpod.engine.tests.support import images

NAME = "localhost/debian:latest"
FOLDER = f"{images.CACHE}/debian"
PACKAGES = ("python3", "sudo", "systemd-sysv", "dbus", "iproute2", "procps")
OPTIONS = (
    f"--include={','.join(PACKAGES)}",
    "--skip=output/dev",
    '--aptopt=Apt::Install-Recommends "false"',
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "info", "locale", "man")),
)
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CONFIG = {"Env": [PATH], "Cmd": ["/sbin/init"], "StopSignal": "SIGRTMIN+3"}


def add(root: str, run_root: str, *, copy: bool = False) -> str:
    """Add the image to a store and return its name; the store's layer is a link to the files, unless ``copy``.

    A container with a user namespace needs the copy. containers-storage mounts the store with mapped IDs for it, and
    the link leads out of that mount.
    """
    made = _store()
    layers, found = (_records(f"{made}/overlay-{name}/{name}.json") for name in ("layers", "images"))
    if NAME in [name for one in _records(f"{root}/overlay-images/images.json") for name in one.get("names", [])]:
        return NAME
    layer, image = layers[0]["id"], found[0]["id"]
    with open(f"{made}/overlay/{layer}/link", encoding="ascii") as file:
        short = file.read()
    shutil.copytree(f"{made}/overlay/{layer}", f"{root}/overlay/{layer}", ignore=shutil.ignore_patterns("diff"))
    if copy:
        _run("cp", "-a", f"{made}/overlay/{layer}/diff", f"{root}/overlay/{layer}/diff")
    else:
        os.symlink(f"{made}/overlay/{layer}/diff", f"{root}/overlay/{layer}/diff")
    os.symlink(f"../{layer}/diff", f"{root}/overlay/l/{short}")
    split = f"overlay-layers/{layer}.tar-split.gz"
    os.symlink(f"{made}/{split}", f"{root}/{split}")
    shutil.copytree(f"{made}/overlay-images/{image}", f"{root}/overlay-images/{image}")
    for name, more in (("layers", layers), ("images", found)):
        path = f"{root}/overlay-{name}/{name}.json"
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump([*_records(path), *more], file)
        os.rename(f"{path}.new", path)
    # The tools read the records again where the lock file holds another writer's mark.
    for name in ("layers", "images"):
        with open(f"{root}/overlay-{name}/{name}.lock", "wb") as file:
            file.write(os.urandom(64))
    return NAME


def layout() -> str:
    """Return the OCI layout of the image, whose tag is ``debian``; made at the first call, in about a minute."""
    folder = f"{FOLDER}/layout"
    with _lock("layout"):
        if not _is_made(folder):
            archive = f"{FOLDER}/debian.tar"
            _run(f"{images.PROJECT}/.ci/debian", archive, *OPTIONS)
            shutil.rmtree(folder, ignore_errors=True)
            _write_layout(folder, archive)
            os.unlink(archive)
            _mark(folder)
    return folder


def _store() -> str:
    """Return a storage root with the image alone, made once."""
    folder = f"{FOLDER}/storage"
    source = layout()
    with _lock("storage"):
        if not _is_made(folder):
            shutil.rmtree(folder, ignore_errors=True)
            target = f"containers-storage:[overlay@{folder}+{FOLDER}/storage-run]{NAME}"
            _run("skopeo", "--insecure-policy", "copy", "--quiet", f"oci:{source}:debian", target)
            command = images.store_arguments(folder, f"{FOLDER}/storage-run")
            subprocess.run([*command, "shutdown"], check=False, capture_output=True)
            _mark(folder)
    return folder


def _recipe() -> str:
    with open(f"{images.PROJECT}/.ci/debian", "rb") as script:
        return hashlib.sha256(script.read() + repr((OPTIONS, CONFIG)).encode()).hexdigest()


def _is_made(folder: str) -> bool:
    try:
        with open(f"{folder}.recipe", encoding="ascii") as file:
            return file.read() == _recipe()
    except FileNotFoundError:
        return False


def _mark(folder: str) -> None:
    with open(f"{folder}.recipe", "w", encoding="ascii") as file:
        file.write(_recipe())


class _lock:
    """A lock between all processes of this tree."""

    def __init__(self, name: str) -> None:
        os.makedirs(FOLDER, exist_ok=True)
        self._path = f"{FOLDER}/{name}.lock"

    def __enter__(self) -> None:
        self._file = open(self._path, "w", encoding="ascii")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_reason: object) -> None:
        self._file.close()


def _records(path: str) -> list[dict[str, Any]]:
    with open(path, encoding="utf-8") as file:
        found: list[dict[str, Any]] = json.load(file)
    return found


def _write_layout(folder: str, archive: str) -> None:
    """Write an OCI layout whose one layer is this archive."""
    os.makedirs(f"{folder}/blobs/sha256")
    kind = "application/vnd.oci.image"
    digest = _run("sha256sum", archive).split()[0]
    os.link(archive, f"{folder}/blobs/sha256/{digest}")
    layer = {"mediaType": f"{kind}.layer.v1.tar", "digest": f"sha256:{digest}", "size": os.path.getsize(archive)}
    rootfs = {"type": "layers", "diff_ids": [layer["digest"]]}
    described = {
        "architecture": _run("dpkg", "--print-architecture").strip(),
        "os": "linux",
        "config": CONFIG,
        "rootfs": rootfs,
    }
    config = {"mediaType": f"{kind}.config.v1+json", **_blob(folder, described)}
    manifest = {"mediaType": f"{kind}.manifest.v1+json"}
    manifest |= _blob(folder, {"schemaVersion": 2, **manifest, "config": config, "layers": [layer]})
    tagged = {**manifest, "annotations": {"org.opencontainers.image.ref.name": "debian"}}
    for name, content in (
        ("index.json", {"schemaVersion": 2, "manifests": [tagged]}),
        ("oci-layout", {"imageLayoutVersion": "1.0.0"}),
    ):
        with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
            json.dump(content, file)


def _blob(folder: str, content: dict[str, Any]) -> dict[str, Any]:
    data = json.dumps(content).encode()
    digest = hashlib.sha256(data).hexdigest()
    with open(f"{folder}/blobs/sha256/{digest}", "wb") as file:
        file.write(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def _run(*argv: str) -> str:
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(argv)} ended with {done.returncode}: {done.stderr or done.stdout}"
    return done.stdout


if __name__ == "__main__":
    print(layout())
