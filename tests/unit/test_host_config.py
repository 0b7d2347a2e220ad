# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's storage.conf is read as TOML, and from its copy while it is unchanged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Optional

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage import host_config
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.host_config import HostConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import MalformedData

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CONF = """
# graphroot = "/no"
[storage]
driver = "vfs" # as tests have it
  graphroot="/g"
runroot = '/r'
[storage.options]
additionalimagestores = [
  # "/no",
  "/shared",
]
pull_options = {enable_partial_images = "false"}
[storage.options.overlay]
mountopt = "nodev"
"""
# As packaged by Debian and by Fedora.
FEDORA = """
[storage]
driver = "overlay"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
transient_store = true
[storage.options]
additionalimagestores = [
"/usr/lib/containers/storage",
]
pull_options = {enable_partial_images = "true", use_hard_links = "false", ostree_repos="", convert_images = "false"}
[storage.options.overlay]
mountopt = "nodev,metacopy=on"
[storage.options.thinpool]
"""
REAL = [path for path in ("/etc/containers/storage.conf", "/usr/share/containers/storage.conf") if os.path.exists(path)]


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a storage.conf for the host and return its path."""
    path = tmp_path / "storage.conf"
    path.write_text(CONF)
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(path))
    return path


@pytest.mark.parametrize("text", [CONF, FEDORA, *(Path(path).read_text() for path in REAL)])
def test_file_is_read_as_by_tomllib(conf: Path, text: str) -> None:
    conf.write_text(text)
    storage = tomllib.loads(text)["storage"]
    read = host_config.read("/no")
    assert [read.driver, read.root, read.run_root] == [
        storage[key] for key in ("driver", "graphroot", "runroot") if key in storage
    ]
    assert list(read.image_stores) == storage["options"].get("additionalimagestores", [])


def test_strings_are_parsed_as_in_toml(conf: Path) -> None:
    conf.write_text(
        'storage.graphroot = "/with\\u0020blank"\n[storage.options]\nadditionalimagestores = ["/a#b", "/c"]'
    )
    assert host_config.read("/no") == HostConfig(root="/with blank", image_stores=("/a#b", "/c"))


@pytest.mark.parametrize(
    ("text", "mount_options"),
    [
        ("", ()),
        (CONF, ("nodev",)),
        ("[storage.options]\nmountopt = 'nodev,nosuid'", ("nodev", "nosuid")),
        ("[storage.options.overlay]\nmountopt = ''\nsize = ''\nskip_mount_home = 'false'", ()),
        ("[storage.options.overlay]\nmount_program = '/usr/bin/fuse-overlayfs'", None),
        ("[storage.options]\nremap-uids = '0:1000:65536'", None),
        (FEDORA, None),
        ("[storage]\na_setting_of_tomorrow = 1", None),
    ],
)
def test_mount_options_are_those_of_a_file_without_settings_of_layers(
    conf: Path, text: str, mount_options: Optional[tuple[str, ...]]
) -> None:
    conf.write_text(text)
    assert host_config.read("/no").mount_options == mount_options


def test_no_file_means_the_defaults(conf: Path) -> None:
    conf.unlink()
    assert host_config.read("/no") == HostConfig()
    host_config.keep("/no")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[storage", "not valid TOML"),
        (b"\xff", "not valid TOML"),
        (b"a = " + b"[" * 100_000, "nested too deeply to be read"),
        (b"[storage]\ndriver = 5", "storage.driver: expected a string, found 5"),
        (b"[storage]\ndriver = 1979-05-27", "storage.driver: expected a string, found"),
        (b"[storage.options]\nadditionalimagestores = '/a'", "additionalimagestores: expected a list"),
    ],
)
def test_file_that_cannot_be_used_is_refused_by_name(conf: Path, text: bytes, message: str) -> None:
    conf.write_bytes(text)
    with pytest.raises(MalformedData, match=f"^{conf}: .*{message}.*: correct"):
        host_config.read("/no")


def test_null_device_has_no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", "/dev/null")
    host_config.keep(str(tmp_path))
    assert (host_config.read(str(tmp_path)), os.listdir(tmp_path)) == (HostConfig(), [])


def test_copy_is_used_until_the_file_changes(conf: Path, tmp_path: Path) -> None:
    host_config.keep(str(tmp_path))
    copy = tmp_path / "storage-conf.json"
    record = json.loads(copy.read_text())
    record["settings"][1] = "/copied"
    copy.write_text(json.dumps(record))
    assert host_config.read(str(tmp_path)).root == "/copied"
    conf.write_text(CONF.replace("/g", "/h"))
    assert host_config.read(str(tmp_path)).root == "/h"
    host_config.keep(str(tmp_path))
    assert json.loads(copy.read_text())["settings"] == ["vfs", "/h", "/r", ["/shared"], ["nodev"]]


@pytest.mark.parametrize("text", ["", "5", "[]", '{"file": []}', "{"])
def test_damaged_copy_is_ignored(conf: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "storage-conf.json").write_text(text)
    assert host_config.read(str(tmp_path)).driver == "vfs"


def test_unchanged_file_is_read_without_the_reader_of_toml(conf: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.roots import storage_roots\n"
        "from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig\n"
        f"driver = storage_roots(EngineConfig(run_root={str(tmp_path)!r})).driver\n"
        "print(driver, any(name.endswith('.foreign_toml') for name in sys.modules))\n"
    )

    def loaded() -> str:
        return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert loaded() == "vfs True\n"
    host_config.keep(str(tmp_path))
    assert loaded() == "vfs False\n"
