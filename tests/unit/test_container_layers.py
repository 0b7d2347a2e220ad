# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a store's settings the engine leaves to containers-storage(1), and how a refusal names it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.container_layers import ContainerLayers
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.roots import StorageRoots
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import ToolMissing

ROOTS = StorageRoots("/g", "/r", "overlay", mount_options=("nodev",))
CONF = """
[storage]
driver = "overlay"
transient_store = true
[storage.options.overlay]
ignore_chown_errors = "true"
use_composefs = "false"
"""


@pytest.mark.parametrize(
    ("roots", "begin", "end"),
    [
        (ROOTS._replace(driver="btrfs"), "the storage driver btrfs needs", "or use the driver overlay"),
        (ROOTS._replace(more=("/shared",)), "additionalimagestores of storage.conf needs", "storage_run_root"),
        (ROOTS._replace(mount_options=("nodev", "index=on")), "mountopt index=on of storage.conf needs", "remove it"),
        (
            ROOTS._replace(mount_options=None),
            "ignore_chown_errors, transient_store of storage.conf needs",
            "remove it there",
        ),
    ],
)
def test_unknown_setting_is_named(
    roots: StorageRoots, begin: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = tmp_path / "storage.conf"
    conf.write_text(CONF)
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(conf))
    layers = ContainerLayers(roots)
    assert not layers.configured()
    message = str(ToolMissing("containers-storage", "containers-storage", need=layers.need))
    assert message.startswith(f"{begin} containers-storage, which is not installed"), message
    assert end in message and "the role" not in message


@pytest.mark.parametrize("options", [(), ("nodev",), ("nosuid", "noexec"), ("nodev", "metacopy=on")])
def test_known_settings_need_no_tool(options: tuple[str, ...]) -> None:
    layers = ContainerLayers(ROOTS._replace(mount_options=options))
    assert (layers.configured(), layers.need) == (True, ("", ""))
