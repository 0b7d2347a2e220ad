# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any manifest, image archive, auth file, registries.conf and storage.conf is read, or refused in one sentence."""

from __future__ import annotations

import io
import json
import os
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.rootfs import commit
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import hardened
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images import archive_reader as reader
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images import build_context
from ansible_collections.libpod.engine.plugins.module_utils._drivers.registries import (
    credential_helpers,
    registries_conf,
    short_names,
)
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage import host_config
from ansible_collections.libpod.engine.plugins.module_utils._model import caller
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import sentence
from ansible_collections.libpod.engine.plugins.module_utils._model.options.pulling import DEFAULT
from ansible_collections.libpod.engine.plugins.module_utils._model.records.image import is_short
from ansible_collections.libpod.engine.plugins.module_utils._model.records.login import Access
from ansible_collections.libpod.engine.plugins.module_utils._resources.images import resolution
from ansible_collections.libpod.engine.plugins.module_utils._resources.registries import auth_file, logins
from ansible_collections.libpod.engine.tests.support import fuzz
from hypothesis import strategies as st

CONFIG = b'{"config": {}, "rootfs": {"type": "layers", "diff_ids": []}}'
ID = sha256(CONFIG).hexdigest()
AUTH = {
    "auths": {
        "docker.io": {"auth": "dTpw"},
        "https://index.docker.io/v1/": {"auth": "dTpwOnE="},
        "quay.io/team": {"identitytoken": "t", "auth": ""},
        "localhost:5000": {},
    },
    "credHelpers": {"gcr.io": "gcloud"},
    "credsStore": "x",
}
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": {"mediaType": "x", "digest": f"sha256:{ID}", "size": 5},
    "layers": [{"mediaType": "x", "digest": "sha256:" + "0" * 64, "size": 5}],
    "annotations": {"a": "b"},
}
REGISTRIES: dict[str, Any] = {
    "unqualified-search-registries": ["a.io", "b.io:5000"],
    "registries": {"search": {"registries": ["old.io"]}},
    "credential-helpers": ["containers-auth.json", "x"],
    "short-name-mode": "permissive",
    "aliases": {"web": "c.io/team/site", "team/web": "d.io/web"},
    "registry": [
        {"prefix": "*.io", "blocked": True},
        {"location": "a.io", "blocked": True, "insecure": False, "mirror": [{"location": "m.io/a"}]},
    ],
}
STORAGE = {
    "storage": {
        "driver": "overlay",
        "graphroot": "/g",
        "runroot": "/r",
        "options": {
            "additionalimagestores": ["/s"],
            "mountopt": "nodev",
            "pull_options": {"enable_partial_images": "false"},
            "overlay": {"mountopt": "nodev,metacopy=on"},
        },
    }
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Yield a folder that is the user's home, and has all that is read."""
    made = tmp_path_factory.mktemp("images")
    (made / ".config/containers").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(made))
        patch.setenv("CONTAINERS_STORAGE_CONF", str(made / "storage.conf"))
        patch.setattr(caller, "environment", {})
        patch.setattr(registries_conf, "_ALIASES", str(made / "aliases.conf"))
        patch.setattr(hardened, "TOOL_PATH", f"{made}:{hardened.TOOL_PATH}")
        yield made


@fuzz.fuzzed(50, document=fuzz.documents(AUTH), key=st.one_of(fuzz.texts(*AUTH["auths"]), fuzz.texts("a.io/b/c")))
def test_auth_files(folder: Path, document: bytes, key: str) -> None:
    path = folder / "auth.json"
    path.write_bytes(document)
    known = fuzz.refused_or(lambda: auth_file.read(str(path)))
    if known is None:
        return
    for ask in (known.helper, known.login, known.found, lambda _key: known.helpers(), lambda _key: known.entries):
        found = fuzz.refused_or(lambda ask=ask: ask(key))  # type: ignore[misc]
        json.dumps(found).encode()
    parts = EngineConfig(run_root=str(folder))
    access = Access("a.io/b", "u", "p")
    fuzz.refused_or(lambda: logins.logout(parts, "no.helper.io", str(path), dry=False))
    changed = fuzz.refused_or(lambda: auth_file.update(parts, str(path), auth_file.entry(access)) or True)
    if changed:
        login = auth_file.read(str(path)).login("a.io/b")
        assert login and login.password == "p", "what was written is read"


@fuzz.fuzzed(15, document=fuzz.documents({"ServerURL": "a.io", "Username": "u", "Secret": "p"}, {"a.io": "u"}))
def test_answers_of_credential_helpers(folder: Path, document: bytes) -> None:
    program = folder / "docker-credential-fuzz"
    if not program.exists():
        program.write_text(f"#!/bin/sh\nexec cat {folder}/answer\n")
        program.chmod(0o755)
    (folder / "answer").write_bytes(document)
    fuzz.refused_or(lambda: credential_helpers.get("fuzz", "a.io"))
    fuzz.refused_or(lambda: credential_helpers.registries("fuzz"))


@fuzz.fuzzed(50, document=fuzz.tomls(REGISTRIES), name=fuzz.texts("web", "team/web:1", "x.io/a", "a.io/web:2"))
def test_registries_conf(folder: Path, document: bytes, name: str) -> None:
    (folder / ".config/containers/registries.conf").write_bytes(document)
    for ask in (short_names.candidates, short_names.local) if is_short(name) else (short_names.check_allowed,):
        fuzz.refused_or(lambda ask=ask: ask(name))
    fuzz.refused_or(registries_conf.credential_helpers)
    os.rename(folder / ".config/containers/registries.conf", registries_conf._ALIASES)
    fuzz.refused_or(lambda: short_names.candidates(name))
    os.unlink(registries_conf._ALIASES)


@fuzz.fuzzed(50, document=st.one_of(fuzz.tomls(STORAGE), fuzz.lines("driver = 'vfs'", "[storage]", "a = [", "# x")))
def test_storage_conf(folder: Path, document: bytes) -> None:
    (folder / "storage.conf").write_bytes(document)
    fuzz.refused_or(lambda: host_config.read("/no"))


GROWING_TOML: tuple[Callable[[int], str], ...] = (
    lambda count: "\n" * count,
    lambda count: " " * count,
    lambda count: "#" * count,
    lambda count: "#\n" * (count // 2),
    lambda count: "[" * count,
    lambda count: "[storage]\ngraphroot = '" + "a" * count,
    lambda count: "additionalimagestores = [" * (count // 25),
    lambda count: "additionalimagestores = [" + "'" * count + "]",
    lambda count: "a." * (count // 2) + "b = 1",
    lambda count: "x = " + "9" * count,
    lambda count: 'x = "' + "\\" * count + '"',
)


@pytest.mark.parametrize("make", GROWING_TOML)
def test_storage_conf_takes_linear_time(folder: Path, make: Callable[[int], str]) -> None:
    def read(text: str) -> None:
        (folder / "storage.conf").write_text(text)
        fuzz.refused_or(lambda: host_config.read("/no"))

    assert fuzz.grows_linearly(read, make)


@fuzz.fuzzed(50, document=fuzz.documents(MANIFEST, {"schemaVersion": 2, "manifests": [{"digest": "sha256:0"}]}))
def test_manifest_of_a_registry(document: bytes) -> None:
    text = document.decode(errors="replace")
    source = "docker://a.io/x:1"
    access = (DEFAULT.authfile, DEFAULT.creds, DEFAULT.cert_dir, DEFAULT.tls_verify)
    # As if the registry had been asked before in this task; of an index, skopeo names the image's ID.
    digests = ("", f"sha256:{sha256(text.encode(errors='surrogatepass')).hexdigest()}")
    ids = {(source, digest, "", "", "", *access): ID for digest in digests}
    answers: resolution.Answers = {(source, *access): text, **ids}
    parts = EngineConfig(storage_root="/no", storage_run_root="/no", storage_driver="overlay")
    fuzz.refused_or(lambda: resolution._at_source(parts, answers, source, DEFAULT))


def _tar(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def _blob(content: bytes) -> tuple[str, dict[str, Any]]:
    digest = sha256(content).hexdigest()
    return f"blobs/sha256/{digest}", {"mediaType": "x", "digest": f"sha256:{digest}", "size": len(content)}


def _described(content: bytes, **more: Any) -> dict[str, Any]:
    return {**_blob(content)[1], **more}


DOCKER = [{"Config": f"{ID}.json", "RepoTags": ["a:1", "b.io/c:2"], "Layers": ["layer.tar"]}]
PLATFORMS = [{"os": "linux", "architecture": "amd64"}, {"os": "linux", "architecture": "arm64"}]


def _nested(manifest: bytes) -> dict[str, Any]:
    return {"schemaVersion": 2, "manifests": [_described(manifest, platform=one) for one in PLATFORMS]}


def _top(*blobs: bytes) -> dict[str, Any]:
    return {"manifests": [_described(one, annotations={reader.REF_NAME: "a.io/b:1"}) for one in blobs]}


INNER = json.dumps(MANIFEST).encode()
INDEX = json.dumps(_nested(INNER)).encode()


@st.composite
def layouts(draw: st.DrawFn) -> dict[str, bytes]:
    """Draw the files of an OCI layout, one of whose documents was mutated: the top, an index, or a manifest."""
    place = draw(st.sampled_from(["index", "nested", "manifest", "layout"]))
    inner = draw(fuzz.documents(MANIFEST)) if place == "manifest" else INNER
    nested = draw(fuzz.documents(_nested(inner))) if place == "nested" else json.dumps(_nested(inner)).encode()
    top = draw(fuzz.documents(_top(nested, inner))) if place == "index" else json.dumps(_top(nested, inner)).encode()
    layout = draw(fuzz.documents({"imageLayoutVersion": "1.0.0"})) if place == "layout" else b"{}"
    blobs = {_blob(one)[0]: one for one in (CONFIG, inner, nested)}
    return {"oci-layout": layout, "index.json": top, **blobs}


def _read(path: Path, read: Callable[[str], reader.ImageArchive]) -> None:
    def work() -> None:
        for one in read(str(path)).images:
            json.dumps(one).encode()

    try:
        fuzz.refused_or(work)
    except OSError as error:  # the file system's own word on a name, which modules put as a sentence
        assert error.errno and sentence(error)


@fuzz.fuzzed(50, files=layouts())
def test_oci_archives_and_layouts(folder: Path, files: dict[str, bytes]) -> None:
    (folder / "archive").write_bytes(_tar(files))
    _read(folder / "archive", reader.read)
    layout = folder / "layout"
    for name, content in files.items():
        (layout / name).parent.mkdir(parents=True, exist_ok=True)
        (layout / name).write_bytes(content)
    _read(layout, reader.read_folder)


@fuzz.fuzzed(50, document=fuzz.documents(DOCKER), config=st.one_of(st.just(CONFIG), fuzz.documents(json.loads(CONFIG))))
def test_docker_archives(folder: Path, document: bytes, config: bytes) -> None:
    (folder / "archive").write_bytes(_tar({f"{ID}.json": config, "layer.tar": b"x", "manifest.json": document}))
    _read(folder / "archive", reader.read)


@fuzz.fuzzed(40, document=fuzz.documents(MANIFEST))
def test_directories_of_skopeo(folder: Path, document: bytes) -> None:
    (folder / "dir").mkdir(exist_ok=True)
    (folder / "dir" / "manifest.json").write_bytes(document)
    _read(folder / "dir", reader.read_folder)


def _same_manifest(count: int) -> dict[str, bytes]:
    """Return an archive whose index names one long manifest many times."""
    manifest = json.dumps({**MANIFEST, "layers": [{}] * (count // 4)}).encode()
    return {"index.json": json.dumps(_top(*[manifest] * (count // 40))).encode(), _blob(manifest)[0]: manifest}


def _same_index(count: int) -> dict[str, bytes]:
    """Return an archive with many indexes, each of which names the same long one."""
    long = json.dumps(_nested(INNER) | {"annotations": {"x": "y" * count}}).encode()
    indexes = [json.dumps(_nested(long) | {"annotations": {"x": str(one)}}).encode() for one in range(count // 200)]
    return {"index.json": json.dumps(_top(*indexes)).encode()} | {_blob(one)[0]: one for one in (INNER, long, *indexes)}


def _same_configuration(count: int) -> dict[str, bytes]:
    """Return an archive with many images of one long configuration."""
    config = json.dumps({"config": {}, "x": [{}] * (count // 4)}).encode()
    images = [{"Config": "x.json", "RepoTags": [f"a:{one}"], "Layers": []} for one in range(count // 40)]
    return {"x.json": config, "manifest.json": json.dumps(images).encode()}


@pytest.mark.parametrize("make", [_same_manifest, _same_index, _same_configuration])
def test_archives_take_linear_time(folder: Path, make: Callable[[int], dict[str, bytes]]) -> None:
    def read(content: bytes) -> None:
        (folder / "archive").write_bytes(content)
        _read(folder / "archive", reader.read)

    assert fuzz.grows_linearly(read, lambda count: _tar(make(count)), 4_000)


@fuzz.fuzzed(
    60, lines=st.lists(fuzz.texts('CMD ["sh", "-c"]', "ENV A=1 B='2'", "EXPOSE 80/udp", "LABEL a b", "VOLUME /a /b"))
)
def test_lines_of_a_commit(lines: list[str]) -> None:
    made = fuzz.refused_or(lambda: commit.apply_changes({"Env": ["A=0"], "Labels": None}, lines))
    if made:
        json.dumps(made)


@fuzz.fuzzed(40, content=fuzz.lines("**/*.py", "!a/b?", "[a-z]*", "a/**", "# x", "[!x]", "\\*"), path=fuzz.texts("a/b"))
def test_ignore_files(folder: Path, content: bytes, path: str) -> None:
    (folder / ".containerignore").write_bytes(content)
    patterns = fuzz.refused_or(lambda: build_context.ignored(str(folder)))
    build_context._is_ignored(path, patterns or ())


@pytest.mark.parametrize("line", ["*a", "**/", "[", "\\"])
def test_ignore_file_is_read_in_linear_time(folder: Path, line: str) -> None:
    def read(text: str) -> None:
        (folder / ".containerignore").write_text(text)
        build_context.ignored(str(folder))

    assert fuzz.grows_linearly(read, lambda count: f"{line}\n" * (count // 16))


def test_each_image_of_an_archive_is_read_with_its_names(folder: Path) -> None:
    (folder / "archive").write_bytes(_tar(_same_index(2_000)))
    (image,) = reader.read(str(folder / "archive")).images
    assert (image.id, image.names) == (ID, ("a.io/b:1",) * 10)
    images = [{"Config": f"./{ID}.json", "RepoTags": [f"a.io/b:{one}"], "Layers": ["x"]} for one in range(3)]
    manifest = json.dumps(images).encode()
    (folder / "archive").write_bytes(_tar({f"{ID}.json": CONFIG, "x": b"", "manifest.json": manifest}))
    found = reader.read(str(folder / "archive")).images
    assert [(one.id, *one.names, one.number) for one in found] == [(ID, f"a.io/b:{one}", one) for one in range(3)]
