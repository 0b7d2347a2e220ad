# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each reader of other programs' files accepts a damaged value in any place, or reports it in one sentence."""

from __future__ import annotations

import base64
import copy
import json
import os
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.bundle import cdi, hooks
from ansible_collections.libpod.engine.plugins.module_utils._container.bundle.builder import seccomp_filter
from ansible_collections.libpod.engine.plugins.module_utils._container.io import journal_lines
from ansible_collections.libpod.engine.plugins.module_utils._container.rootfs import commit
from ansible_collections.libpod.engine.plugins.module_utils._drivers import seccomp_profiles
from ansible_collections.libpod.engine.plugins.module_utils._drivers.conmon import conmon
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images import id_usage
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.store import ImageStore
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.driver import Storage
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.roots import storage_roots
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    InvalidArgument,
    LibpodError,
    StateCorrupt,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.foreign import Foreign
from ansible_collections.libpod.engine.plugins.module_utils._reconcile import env_files

ONE, TWO, LAYER, BELOW = "a" * 64, "b" * 64, "c" * 64, "d" * 64
DAMAGE: list[Any] = [None, 5, -1, 1 << 70, 0.5, True, "", "x", "\0", "\ud800", [], [5], {}, {"x": 5}]
Reader = Callable[[Path, Any], object]


def _image(image_id: str, name: str) -> dict[str, Any]:
    items = ["manifest", f"sha256:{image_id}"]
    return {"id": image_id, "names": [name], "digest": "", "layer": LAYER, "created": "", "big-data-names": items}


def _parts(root: Path) -> EngineConfig:
    return EngineConfig(storage_root=str(root), storage_run_root=str(root / "run"), storage_driver="vfs")


def _store(root: Path, name: str, content: Any) -> None:
    folder = root / f"vfs-{name}"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.lock").touch()
    (folder / f"{name}.json").write_text(json.dumps(content))


def _configuration(root: Path, image_id: str, content: Any) -> None:
    folder = root / "vfs-images" / image_id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"={base64.b64encode(f'sha256:{image_id}'.encode()).decode()}").write_text(json.dumps(content))


def read_images(root: Path, document: Any) -> None:
    _store(root, "images", document)
    for image_id in (ONE, TWO):
        _configuration(root, image_id, {"config": {}})
    store = ImageStore(_parts(root))
    store.all()
    if isinstance(document, list) and len(document) == 2 and document[1] == _image(TWO, "localhost/two:latest"):
        assert store.get("two").id == TWO, "another image's damage"
    store.find("one")
    store.find(ONE[:12])
    store.find(f"one@sha256:{ONE}")


def read_configuration(root: Path, document: Any) -> None:
    _store(root, "images", [_image(ONE, "localhost/one:latest")])
    _configuration(root, ONE, document)
    store = ImageStore(_parts(root))
    store.all()
    store.find("one")
    commit._history(store.configuration(ONE))


def read_layers(root: Path, document: Any) -> None:
    _store(root, "containers", [{"id": ONE, "layer": LAYER}])
    _store(root, "layers", document)
    (root / "vfs" / "dir" / LAYER).mkdir(parents=True, exist_ok=True)
    id_usage.needed(_parts(root), LAYER)
    Storage(_parts(root)).mountpoint(ONE)


def read_containers(root: Path, document: Any) -> None:
    _store(root, "containers", document)
    for record in storage_roots(_parts(root)).containers():
        assert isinstance(record.value, dict)
    list(id_usage.mapped(_parts(root), "uid"))
    Storage(_parts(root)).exists(ONE)


def read_hooks(root: Path, document: Any) -> None:
    (root / "a.json").write_text(json.dumps(document))
    hooks.chosen(hooks.read([str(root)]), {"annotations": {"a": "b"}, "process": {"args": ["sh"]}}, True)


def read_cdi(root: Path, document: Any) -> None:
    (root / "gpu.json").write_text(json.dumps(document))
    cdi.check(["all"])


def read_profile(root: Path, document: Any) -> None:
    (root / "profile.json").write_text(json.dumps(document))
    seccomp_filter(str(root / "profile.json"), ["CAP_CHOWN"])


def read_answer(root: Path, document: Any) -> None:
    it = conmon.Monitored(ONE, "web", str(root), "")
    conmon._created_pid(json.dumps(document).encode(), it)


def read_runtime_log(root: Path, document: Any) -> None:
    (root / "oci-log").write_text(f"{json.dumps(document)}\n" * 2)
    assert isinstance(conmon.runtime_error(str(root / "oci-log")), str)


def read_journal(root: Path, document: Any) -> None:
    list(journal_lines.JournalReader(ONE)._entry(Foreign(document, "journal")))


DOCUMENTS: dict[Reader, Any] = {
    read_images: [_image(ONE, "localhost/one:latest"), _image(TWO, "localhost/two:latest")],
    read_configuration: {"config": {"Env": ["A=b"]}, "rootfs": {"diff_ids": ["x"]}, "history": [{"created": "x"}]},
    read_layers: [
        {"id": LAYER, "parent": BELOW, "uidset": [0, 5], "gidset": [7], "diff-size": 5},
        {"id": BELOW, "parent": LAYER, "diff-size": 7},
    ],
    read_containers: [
        {"id": ONE, "layer": LAYER, "image": TWO, "uidmap": [{"container_id": 0, "host_id": 1, "size": 5}]},
        {"id": TWO, "layer": BELOW, "image": ""},
    ],
    read_hooks: {
        "version": "1.0.0",
        "hook": {"path": "/bin/sh", "args": ["sh"], "env": ["A=b"], "timeout": 5},
        "when": {"always": True, "annotations": {"^a$": "b"}, "commands": ["sh"], "hasBindMounts": True},
        "stages": ["prestart"],
    },
    read_cdi: {
        "cdiVersion": "0.6.0",
        "kind": cdi.KIND,
        "devices": [{"name": "0", "containerEdits": {"deviceNodes": [{"path": "/dev/null", "major": 1, "uid": 0}]}}],
        "containerEdits": {
            "env": ["A=b"],
            "additionalGids": [5],
            "mounts": [{"hostPath": "/a", "containerPath": "/b", "options": ["ro"]}],
            "hooks": [{"hookName": "prestart", "path": "/bin/sh", "args": ["sh"], "timeout": 5}],
        },
    },
    read_profile: {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrno": "ENOSYS",
        "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
        "syscalls": [
            {
                "names": ["clone"],
                "action": "SCMP_ACT_ALLOW",
                "errnoRet": 1,
                "args": [{"index": 0, "value": 1 << 63, "valueTwo": 0, "op": "SCMP_CMP_EQ"}],
                "includes": {"caps": ["CAP_CHOWN"], "minKernel": "4.8"},
                "excludes": {"arches": ["x"], "caps": ["x"], "minKernel": "99.1"},
            }
        ],
    },
    read_journal: {
        "__CURSOR": "s=1",
        "__REALTIME_TIMESTAMP": "1764144000000042",
        "_PID": "7",
        "PRIORITY": "3",
        "CONTAINER_PARTIAL_MESSAGE": "true",
        "MESSAGE": [104, 255],
    },
    read_answer: {"data": 5, "message": "words"},
    read_runtime_log: {"level": "error", "msg": "words"},
}


def damaged(document: Any) -> Iterator[Any]:
    """Yield the document with each value and key in turn replaced by each kind of damage."""
    places: list[tuple[Any, ...]] = [()]
    for place in places:
        value = document
        for key in place:
            value = value[key]
        keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
        places.extend((*place, key) for key in keys)
    for place in places:
        for damage in DAMAGE:
            if not place:
                yield damage
                continue
            made = copy.deepcopy(document)
            holder = made
            for key in place[:-1]:
                holder = holder[key]
            holder[place[-1]] = damage
            yield made


@pytest.mark.parametrize("read", DOCUMENTS, ids=lambda read: read.__name__)
def test_damage_in_any_place_is_reported_in_one_sentence(
    read: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cdi, "_DIRECTORIES", (str(tmp_path),))
    read(tmp_path, DOCUMENTS[read])
    for document in damaged(DOCUMENTS[read]):
        try:
            read(tmp_path, document)
        except LibpodError as error:
            assert "\n" not in str(error) and len(str(error)) < 800, document
        except Exception as error:
            raise AssertionError(f"{document} is read with {error!r}") from error


def test_unreadable_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdi, "_DIRECTORIES", (str(tmp_path),))
    (tmp_path / "vfs-images").mkdir()
    (tmp_path / "vfs-images/images.lock").touch()
    os.mkfifo(tmp_path / "vfs-images/images.json")
    os.mkfifo(tmp_path / "x.json")
    with pytest.raises(StateCorrupt, match="images.json: not a regular file"):
        ImageStore(_parts(tmp_path)).find("one")
    for read in (
        lambda: hooks.read([str(tmp_path)]),
        lambda: env_files.read([str(tmp_path / "x.json")]),
        lambda: cdi.check(["all"]),
        lambda: seccomp_profiles.find(str(tmp_path / "x.json")),
    ):
        with pytest.raises(InvalidArgument, match="x.json: not a regular file"):
            read()


@pytest.mark.parametrize(
    "line", ["VOLUME [5]", 'EXPOSE [["a"]]', "CMD [null]", 'CMD ["\\u0000"]', "CMD " + "[" * 100_000]
)
def test_values_of_a_commit_are_checked(line: str) -> None:
    with pytest.raises(InvalidArgument, match="^changes: "):
        commit.apply_changes({}, [line])
