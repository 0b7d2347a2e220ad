# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gpus: the container edits of a CDI device apply, for any type of device."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}
LIBRARY = {"hostPath": "/srv/driver", "containerPath": "/usr/lib/driver", "options": ["ro", "nosuid", "bind"]}


def _write(path: str, *devices: dict[str, Any], kind: str = "nvidia.com/gpu", **edits: Any) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"cdiVersion": "0.6.0", "kind": kind, "devices": devices, "containerEdits": edits}, file)


def _device(name: str, **edits: Any) -> dict[str, Any]:
    return {"name": name, "containerEdits": edits}


def test_container_has_the_edits_of_the_cdi_files(host: Host) -> None:
    refused = host.container("c", **BASE, gpus="all")
    assert refused.failed and refused["error"] == "NotImplementedByHost" and "CDI" in refused["msg"], refused
    os.mkdir("/srv/driver")
    # /dev/full stands for the first processor, /dev/kmsg for the second, which no container may open otherwise.
    first = _device("0", deviceNodes=[{"path": "/dev/gpu0", "hostPath": "/dev/full"}], env=["FIRST=here"])
    second = _device("1", deviceNodes=[{"path": "/dev/gpu1", "hostPath": "/dev/kmsg", "permissions": "w"}])
    hook = {"hookName": "createRuntime", "path": "/bin/touch", "args": ["touch", "/srv/hooked"]}
    _write("/etc/cdi/gpu.json", first, second, env=["PATH=/gpu:/bin"], mounts=[LIBRARY], hooks=[hook])
    _write("/etc/cdi/other.json", _device("2"), kind="other.com/net")

    made = host.container("c", **BASE, gpus="0")
    assert not made.failed, made
    process = Process(made)
    assert process.environ["FIRST"] == "here" and process.environ["PATH"] == "/gpu:/bin"
    assert os.stat(process.path("root/dev/gpu0")).st_rdev == os.stat("/dev/full").st_rdev
    assert not os.path.exists(process.path("root/dev/gpu1"))
    assert {"ro", "nosuid"} <= set(process.mounts["/usr/lib/driver"].options)
    assert os.path.exists("/srv/hooked")
    assert host.container("c", **BASE, gpus='"device=0"')["actions"] == []
    missing = host.container("c", **BASE, gpus="0,7")
    assert missing["error"] == "NotImplementedByHost" and "nvidia.com/gpu=7 (those there: 0, 1)" in missing["msg"]

    # The later directory's device replaces the other; the device cgroup enforces its permissions.
    _write("/run/cdi/gpu.json", _device("0", env=["FIRST=later"]))
    script = "(: > /dev/gpu1) && echo opened; (: < /dev/gpu1) 2> /dev/null || echo no"
    job = {**BASE, "command": ["sh", "-c", f"echo $FIRST; {script}"], "detach": False}
    both = host.container("d", **job, gpus="all", recreate=True)
    assert both["stdout"].split() == ["later", "opened", "no"], both
    _write("/run/cdi/gpu.json", _device("0", netDevices=[{"hostInterfaceName": "x"}]))
    refused = host.container("e", **BASE, gpus="0")
    assert refused["error"] == "NotImplementedByHost" and "netDevices" in refused["msg"], refused
    with open("/run/cdi/gpu.json", "w", encoding="utf-8") as file:
        file.write("[]")
    refused = host.container("e", **BASE, gpus="0")
    assert refused["error"] == "InvalidArgument" and "/run/cdi/gpu.json" in refused["msg"], refused
    for path in ("/etc/cdi/gpu.json", "/etc/cdi/other.json", "/run/cdi/gpu.json", "/srv/hooked"):
        os.unlink(path)
    for directory in ("/etc/cdi", "/run/cdi", "/srv/driver"):
        os.rmdir(directory)
