# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of the engine's earlier versions stay while a container or a process uses them; then prune removes them."""

from __future__ import annotations

import os
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.images import PROJECT
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually, in_background

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "restart_policy": "always"}


def _another_version(collections: Path) -> dict[str, str]:
    """Make a copy of the collection whose engine no other host has, and return the settings that use it."""
    copied = collections / "ansible_collections/libpod/engine"
    for folder in ("plugins", "meta"):
        shutil.copytree(f"{PROJECT}/{folder}", copied / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(f"{PROJECT}/galaxy.yml", copied)
    with open(copied / "plugins/module_utils/_model/version.py", "a", encoding="utf-8") as file:
        file.write(f"# {os.urandom(16).hex()}\n")
    return {"ANSIBLE_COLLECTIONS_PATH": str(collections)}


def _kept(host: Host) -> dict[str, list[str]]:
    """Return the names of the engine's archives on the host by their version."""
    versions: dict[str, list[str]] = {}
    paths = sorted(Path(host.parts.static_root, "engine").glob("*.zip"))
    assert len([path for path in paths if path.name.startswith("ansible-")]) == 1
    for path in [path for path in paths if not path.name.startswith("ansible-")]:
        versions.setdefault(path.name.partition(".")[0], []).append(path.name)
    return versions


def _play(host: Host, module: str, options: dict[str, Any], **how: Any) -> dict[str, Any]:
    return host.play([{f"libpod.engine.{module}": options}], sends=True, **how).tasks[0]


def _pruned(host: Host) -> list[str]:
    """Prune by the engine that the host keeps, as check mode predicts; return the actions."""
    predicted = _play(host, "libpod_prune", {"container": True}, check=True)
    done = _play(host, "libpod_prune", {"container": True})
    assert done["actions"] == predicted["actions"] and done["changed"] is predicted["changed"]
    return list(done["actions"])


def _removals(names: list[str]) -> list[str]:
    return [f"removed engine archive {name}" for name in names]


def _restarted(host: Host, name: str) -> bool:
    (container,) = host.module("libpod_container_info", {"name": [name]})["containers"]
    return bool(container["RestartCount"] == 1 and container["State"]["Running"])


def test_prune_removes_the_archives_that_no_container_and_no_process_uses(host: Host, tmp_path: Path) -> None:
    first = _another_version(tmp_path / "first")
    _play(host, "libpod_container", {"name": "old", **OPTIONS}, settings=first)
    (of_first,) = list(_kept(host))
    _play(host, "libpod_container", {"name": "new", **OPTIONS}, settings=_another_version(tmp_path / "second"))
    (of_second,) = set(_kept(host)) - {of_first}
    environment = {**os.environ, **host.parts.environment()}
    session = [f"{host.parts.static_root}/engine/libpod", "exec", "--interactive", "old", "cat"]
    with in_background(session, stdin=-1, stdout=-1, env=environment) as process:
        assert process.stdin and process.stdout
        process.stdin.write(b"begun\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"begun\n"
        # The checkout's version is the operator's command from now on.
        _play(host, "libpod_container", {"name": "new", "state": "absent"})
        kept = _kept(host)
        (of_third,) = set(kept) - {of_first, of_second}
        tag = sys.implementation.cache_tag
        assert kept[of_first] == [f"{of_first}.{tag}.zip", f"{of_first}.zip"], "the monitor of old starts it"
        assert f"{of_second}.{tag}.zip" in kept[of_second], "a session of libpod exec runs it"
        assert _pruned(host) == [] and _kept(host) == kept
        process.stdin.close()
        assert process.wait() == 0
    assert _pruned(host) == _removals(kept[of_second])
    (container,) = host.module("libpod_container_info", {"name": ["old"]})["containers"]
    os.kill(Process(container).pid, 9)
    eventually(partial(_restarted, host, "old"))
    assert _pruned(host) == [] and of_first in _kept(host), "its archive has restarted old, and will again"
    _play(host, "libpod_container", {"name": "old", "state": "absent"})
    assert _pruned(host) == _removals(kept[of_first])
    assert list(_kept(host)) == [of_third]
