# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks on one volume at once: each starts from the volume as it is under its lock."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any, Callable, ContextManager

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._store import volumes as store
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result

DATA = "/srv/static/volumes/v/_data"
TMPFS = ["type=tmpfs", "device=tmpfs"]


def _after_another(host: Host, task: dict[str, Any], other: dict[str, Any]) -> Result:
    """Run the task, with another one just before it locks the volume."""

    def prepare() -> None:
        locked: Callable[..., ContextManager[None]] = vars(store)["locked"]

        def late(*args: Any) -> ContextManager[None]:
            vars(store)["locked"] = locked
            assert not host.module("libpod_volume", {"name": "v", **other}).failed
            return locked(*args)

        vars(store)["locked"] = late

    return host.module("libpod_volume", {"name": "v", **task}, prepare=prepare)


def _labels(host: Host) -> dict[str, str]:
    (one,) = host.module("libpod_volume_info", {"name": "v"})["volumes"]
    return dict(one["Labels"])


def test_filling_a_volume_keeps_what_another_task_has_changed(host: Host, tmp_path: Path) -> None:
    archive = tmp_path / "v.tar"
    with tarfile.open(archive, "w") as file:
        file.addfile(tarfile.TarInfo("kept"))
    host.module("libpod_volume", {"name": "v"})
    done = _after_another(host, {"src": str(archive), "state": "mounted"}, {"label": {"a": "1"}})
    assert not done.failed and _labels(host) == {"a": "1"} and Path(f"{DATA}/kept").exists(), done


@pytest.mark.parametrize(("options", "size"), [([*TMPFS, "o=size=2m"], 2), ([], 0)])
def test_volume_is_mounted_as_another_task_has_changed_it(host: Host, options: list[str], size: int) -> None:
    host.module("libpod_volume", {"name": "v", "options": [*TMPFS, "o=size=1m"]})
    done = _after_another(host, {"state": "mounted"}, {"options": options})
    assert not done.failed, done
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounted = [line.rpartition("size=")[2].partition(",")[0].strip() for line in file if line.split()[4] == DATA]
    assert mounted == ([f"{size << 10}k"] if size else []), done
    host.module("libpod_volume", {"name": "v", "state": "unmounted"})
