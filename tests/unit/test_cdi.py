# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the Container Device Interface are read in JSON and in YAML, and hostile YAML is refused at once."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
import yaml
from ansible_collections.libpod.engine.plugins.module_utils._container.bundle import cdi
from ansible_collections.libpod.engine.plugins.module_utils._model import foreign_yaml
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    InvalidArgument,
    MalformedData,
    NotImplementedByHost,
)
from ansible_collections.libpod.engine.plugins.module_utils._spec.types import Spec

# As nvidia-ctk cdi generate writes it.
GENERATED = """---
cdiVersion: 0.5.0
containerEdits:
  deviceNodes:
  - path: /dev/null
    fileMode: 0666
  env:
  - NVIDIA_VISIBLE_DEVICES=void
  hooks:
  - args:
    - nvidia-cdi-hook
    - create-symlinks
    - --link
    - ../libnvidia-allocator.so.1::/usr/lib/gbm/nvidia-drm_gbm.so
    hookName: createContainer
    path: /usr/bin/nvidia-cdi-hook
  mounts:
  - containerPath: /usr/lib/libcuda.so.1
    hostPath: /usr/lib/libcuda.so.1
    options:
    - ro
    - nosuid
    - rbind
devices:
- containerEdits:
    deviceNodes:
    - path: /dev/full
  name: "0"
- containerEdits:
    deviceNodes:
    - path: /dev/full
  name: all
kind: nvidia.com/gpu
"""


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return the directories of CDI files; the later one's devices take precedence."""
    both = tmp_path / "etc", tmp_path / "run"
    for folder in both:
        folder.mkdir()
    monkeypatch.setattr(cdi, "_DIRECTORIES", tuple(map(str, both)))
    return both


def applied(*names: str) -> Spec:
    """Return an empty specification with the edits of these devices applied."""
    spec: Spec = {
        "process": {"env": [], "user": {"additionalGids": []}},
        "linux": {"resources": {"devices": []}},
        "mounts": [],
    }
    cdi.apply(spec, cdi.edits(names))
    return spec


@pytest.mark.parametrize("name", ["gpu.yaml", "gpu.yml"])
def test_yaml_adds_what_the_same_json_adds(folders: tuple[Path, Path], name: str) -> None:
    written = folders[0] / name
    written.write_text(GENERATED)
    spec = applied("all")
    assert spec["process"]["env"] == ["NVIDIA_VISIBLE_DEVICES=void"]
    assert [one["path"] for one in spec["linux"]["devices"]] == ["/dev/null", "/dev/full"]
    assert spec["linux"]["devices"][0]["fileMode"] == 0o666
    written.unlink()
    (folders[0] / "gpu.json").write_text(json.dumps(yaml.safe_load(GENERATED)))
    assert applied("all") == spec


def test_device_of_the_later_directory_replaces_the_earlier_one(folders: tuple[Path, Path]) -> None:
    (folders[0] / "gpu.json").write_text(json.dumps(yaml.safe_load(GENERATED)))
    (folders[1] / "gpu.yaml").write_text(GENERATED.replace("/dev/full", "/dev/zero"))
    assert [one["path"] for one in applied("0")["linux"]["devices"]] == ["/dev/null", "/dev/zero"]


def test_file_of_another_kind_adds_nothing(folders: tuple[Path, Path]) -> None:
    (folders[0] / "gpu.yaml").write_text(GENERATED.replace("nvidia.com/gpu", "example.org/net"))
    with pytest.raises(NotImplementedByHost, match="those there: none"):
        cdi.check(["0"])


def test_yaml_without_pyyaml_is_refused_with_file_and_package(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folders[0] / "gpu.yaml").write_text(GENERATED)
    monkeypatch.setitem(sys.modules, "yaml", None)
    for names in (["0"], ["all"]):
        with pytest.raises(NotImplementedByHost, match=f"{folders[0]}/gpu.yaml cannot be read.*python3-yaml"):
            cdi.check(names)
    # JSON files need no YAML library.
    (folders[0] / "gpu.json").write_text(json.dumps(yaml.safe_load(GENERATED)))
    cdi.check(["0"])


BOMB = "a: &a [x]\n" + "".join(f"{two}: &{two} [*{one}, *{one}]\n" for one, two in zip("abcdefghi", "bcdefghij"))
HOSTILE = {
    "alias": ("kind: &k nvidia.com/gpu\ndevices: *k\n", "aliases are not read: write"),
    "alias bomb": (BOMB, "aliases are not read"),
    "merge": ("a: &a {x: 1}\nb: {<<: *a}\n", "aliases are not read"),
    "python tag": (
        "kind: !!python/object/apply:os.system ['exit 1']\n",
        "not valid YAML: line 1 has a tag that is not read",
    ),
    "unknown tag": ("kind: !gpu nvidia.com/gpu\n", "not valid YAML: line 1 has a tag that is not read"),
    "two documents": ("kind: a\n---\nkind: b\n", "not valid YAML: expected a single document"),
    "deep": ("[" * 900, "nested too deeply"),
    "deeper": ("[" * 10_000, "not valid YAML|nested too deeply"),
    "deep blocks": ("".join(" " * level + "a:\n" for level in range(200)), "nested too deeply"),
    "long number": ("kind: " + "9" * 60_000, "not valid YAML|expected a string"),
    "longer number": ("kind: 1" + ":1" * 50_000, "too long to be read"),
    "number in base 60": ("kind: 1" + ":1" * 30_000, "expected a string"),
    "unhashable key": ("? [a]\n: b\n", "not valid YAML"),
    "control character": ("kind: \x01\n", "not valid YAML"),
    "no mapping": ("- a\n", "expected an object"),
    "date": ("kind: 2026-01-31\n", "kind: expected a string, found"),
    "large": ("#" * (foreign_yaml.MAX_BYTES + 1), "longer than the"),
    "no text": ("\udcff", "not valid YAML"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_yaml_is_refused_in_one_sentence(folders: tuple[Path, Path], name: str) -> None:
    text, message = HOSTILE[name]
    (folders[0] / "gpu.yaml").write_bytes(text.encode(errors="surrogateescape"))
    began = time.process_time()
    with pytest.raises(InvalidArgument, match=rf"^gpus: the CDI file {folders[0]}/gpu.yaml: .*({message})") as refused:
        cdi.check(["0"])
    assert time.process_time() - began < 5 and len(str(refused.value)) < 700 and "\n" not in str(refused.value)


def test_pure_python_and_libyaml_loaders_refuse_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    for text, _message in HOSTILE.values():
        try:
            value = foreign_yaml.parse(text.encode(errors="surrogateescape"), "gpu.yaml").value
        except MalformedData:
            continue
        assert not isinstance(value, dict) or not isinstance(value["kind"], str), text[:80]
