# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""hooks_dir: the OCI runtime really runs the programs of the hooks whose conditions hold."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}
# The runtime passes a hook the container's state (runtime.md#state) on its standard input.
SCRIPT = '#!/bin/sh\necho "$1 $WORD $(sed \'s/.*"id":"\\([0-9a-f]*\\)".*/\\1/\')" >> /srv/ran\n'


def _hook(path: str, when: dict[str, Any], *stages: str, instead: Any = None) -> None:
    word = os.path.basename(path).partition(".")[0]
    program = {"path": "/srv/hook", "args": ["hook", word], "env": ["WORD=w"], "timeout": 60}
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"version": "1.0.0", "hook": program, "when": when, "stages": stages, **(instead or {})}, file)


def _ran(result: dict[str, Any]) -> list[str]:
    """Return the hooks that ran since the last call, all for this container."""
    with open("/srv/ran", encoding="utf-8") as file:
        runs = [line.split() for line in file]
    os.unlink("/srv/ran")
    assert all(fields[1:] == ["w", result["container"]["Id"]] for fields in runs), runs
    return [fields[0] for fields in runs]


def test_hooks_run_at_start_and_stop(host: Host) -> None:
    first, second = "/srv/hooks1", "/srv/hooks2"
    for directory in (first, second):
        os.mkdir(directory)
    with open("/srv/hook", "w", encoding="utf-8") as file:
        file.write(SCRIPT)
    os.chmod("/srv/hook", 0o755)
    _hook(f"{first}/b-begin.json", {"always": True}, "prestart")
    _hook(f"{first}/a-end.json", {"commands": ["^nothing$", "sh$"]}, "prestart", "poststop")
    _hook(f"{first}/c-not.json", {"always": True, "hasBindMounts": True}, "prestart")
    _hook(f"{first}/d-told.json", {"annotations": {"^for$": "^hooks"}}, "poststart")
    _hook(f"{first}/e-other.json", {"always": True}, "prestart")
    _hook(f"{second}/e-other.json", {"always": False}, "prestart")

    wanted = {**BASE, "hooks_dir": [first, second], "annotation": {"for": "hooks too"}}
    made = host.container("c", **wanted)
    assert not made.failed, made
    assert _ran(made) == ["a-end", "b-begin", "d-told"]
    assert host.container("c", **wanted)["actions"] == []
    host.container("c", state="stopped")
    assert _ran(made) == ["a-end"]
    _hook(f"{first}/a-end.json", {"hasBindMounts": True}, "prestart")
    recreated = host.container("c", **{**wanted, "volume": ["/srv:/here"]})
    assert _ran(recreated) == ["a-end", "b-begin", "c-not", "d-told"]
    host.container("c", state="absent")

    for field, bad in {
        "version": {"version": "0.1.0"},
        "stages": {"stages": ["before"]},
        "when": {"when": {}},
        "when.or": {"when": {"or": True}},
        "regular expression": {"when": {"commands": ["("]}},
        "/srv/none": {"hook": {"path": "/srv/none"}},
    }.items():
        _hook(f"{first}/bad.json", {"always": True}, "prestart", instead=bad)
        refused = host.container("c", **wanted)
        assert refused.failed and refused["error"] == "InvalidArgument" and field in refused["msg"], (field, refused)
        assert f"hooks_dir: {first}/bad.json" in refused["msg"]
    refused = host.container("c", **{**wanted, "hooks_dir": ["/srv/none"]})
    assert refused.failed and "hooks_dir: /srv/none cannot be used: No such file" in refused["msg"], refused
    for path in (first, second):
        shutil.rmtree(path)
    os.unlink("/srv/hook")
