# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The static root that an earlier version of the engine left on a host: recorded by that version, unpacked for a test.

``git worktree add ../earlier COMMIT``, make its ``.venv``, and there, as root::

    .venv/bin/python THIS_TREE/tests/support/earlier_host.py THIS_TREE/tests/integration/data/static_root_COMMIT.json

The file is text: the tasks, which containers have a layer in the store, and the files of the static root. Images and
layers are made by the test; the kept archives, which are large, are left out.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from typing import Any

WAITING = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
BASE = {"image": "busybox", "command": WAITING, "stop_timeout": 5}
# The tasks of the earlier version's playbook, by container or pod; a test gives today's engine the same ones.
TASKS: dict[str, dict[str, Any]] = {
    "web": {
        **BASE,
        "network": ["bridge"],
        "publish": ["127.0.0.1:8080:80", "9000:9000/udp"],
        "healthcheck": "true",
        "healthcheck_interval": "30s",
        "volume": ["web-data:/data", "/srv/shared:/shared:ro"],
        "tmpfs": {"/scratch": "size=1m"},
        "secrets": ["token,mode=0400"],
        "env": {"COLOUR": "green"},
        "label": {"role": "web"},
        "memory": "64m",
        "pids_limit": 50,
        "cpus": "0.5",
        "ulimit": ["nofile=256:512"],
        "cap_drop": ["NET_RAW"],
        "etc_hosts": {"db.example": "192.0.2.7"},
        "restart_policy": "on-failure:3",
        "log_opt": {"max_size": "1m"},
    },
    "daemon": {**BASE, "network": ["none"], "restart_policy": "always"},
    "made": {**BASE, "network": ["none"], "state": "created", "hostname": "made"},
    "member": {**BASE, "pod": "team", "state": "started"},
    "half": {**BASE, "network": ["none"]},
    "again": {**BASE, "network": ["none"]},
    "leaving": {**BASE, "network": ["none"]},
}
POD = {"name": "team", "publish": ["7070:70"], "share": "net,ipc,uts"}


def record(path: str) -> None:
    """Run the tasks in a test host of the version in the working directory, and write what it leaves."""
    from ansible_collections.libpod.engine.tests.support import modules
    from ansible_collections.libpod.engine.tests.support.hosts import Host

    with Host() as host:
        os.makedirs("/srv/shared")
        os.makedirs("/srv/static/secrets", 0o700)
        with open("/srv/static/secrets/token", "w", encoding="utf-8") as file:
            file.write("of no worth")
        os.chmod("/srv/static/secrets/token", 0o600)

        def task(name: str, options: dict[str, Any], **how: Any) -> Any:
            done = modules.run("libpod_container", {**host.arguments, "name": name, **options}, **how)
            assert how.get("kill_at") or not done.failed, done
            return done

        # With a playbook, so that the engine is kept as on a target.
        for name in ("web", "daemon"):
            host.play([{"libpod.engine.libpod_container": {"name": name, **TASKS[name]}}])
        host.play([{"libpod.engine.libpod_container": {"name": "web", "state": "stopped"}}])
        task("made", TASKS["made"])
        done = modules.run("libpod_pod", {**host.arguments, **POD})
        assert not done.failed, done
        for name in ("member", "again", "leaving"):
            task(name, TASKS[name])
        for name, options, effect in (
            ("half", TASKS["half"], "mount libpod-ID #1"),
            ("again", {**TASKS["again"], "hostname": "again"}, "runc start #1"),
            ("leaving", {"state": "absent"}, "containers-storage delete-container #1"),
        ):
            killed = task(name, options, kill_at=effect)
            assert killed.killed, killed
        with open(path, "w", encoding="utf-8") as output:
            json.dump(_described(host), output, indent=1, sort_keys=True)
            output.write("\n")


def _described(host: Any) -> dict[str, Any]:
    root = host.parts.static_root
    with open(f"{host.parts.storage_root}/overlay-containers/containers.json", encoding="utf-8") as file:
        layers = sorted(each["id"] for each in json.load(file))
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
    files = {}
    for parent, folders, names in os.walk(root):
        for name in [*folders, *names]:
            path = os.path.join(parent, name)
            if not (parent.endswith("/engine") and name.endswith(".zip")):
                files[os.path.relpath(path, root)] = _entry(path)
    return {"commit": commit, "tasks": TASKS, "pod": POD, "image": _image(host), "layers": layers, "files": files}


def _image(host: Any) -> dict[str, str]:
    """Return what records have of the image, which differs where the tests' busybox does."""
    with open(f"{host.parts.storage_root}/overlay-images/images.json", encoding="utf-8") as file:
        (image,) = [each for each in json.load(file) if "localhost/busybox:latest" in each.get("names", ())]
    return {key: image[key] for key in ("id", "digest")}


def _entry(path: str) -> dict[str, Any]:
    info = os.lstat(path)
    entry: dict[str, Any] = {"mode": oct(stat.S_IMODE(info.st_mode))}
    if stat.S_ISREG(info.st_mode):
        with open(path, "rb") as file:
            content = file.read()
        if not content.strip(b"\0"):
            entry["zeros"] = len(content)
        elif content.isascii():
            entry["text"] = content.decode()
        else:  # of a pod's root filesystem
            entry["program"] = os.path.basename(path)
    elif stat.S_ISLNK(info.st_mode):
        entry["link"] = os.readlink(path)
    else:
        assert stat.S_ISDIR(info.st_mode), path
    return entry


def restore(host: Any, path: str) -> dict[str, Any]:
    """Make the recorded static root in a test host, as after a reboot, and the layers of its containers; return all."""
    from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.driver import Storage

    with open(path, encoding="utf-8") as file:
        text = file.read()
    image = _image(host)
    for key, value in json.loads(text)["image"].items():
        text = text.replace(value, image[key])
    # Hosts side by side share the PIDs, and the engine knows processes by the ID in their arguments: no two have one.
    names = [name for name in json.loads(text)["files"] if name.startswith(("containers/", "pods/"))]
    for old in {name.split("/")[1] for name in names}:
        new = os.urandom(32).hex()
        text = text.replace(old, new).replace(old[:12], new[:12])
    recorded: dict[str, Any] = json.loads(text)
    os.umask(0o022)
    os.makedirs("/srv/shared")
    os.mkdir(host.parts.static_root, 0o700)
    for name, entry in recorded["files"].items():
        _make(f"{host.parts.static_root}/{name}", entry)
    for container_id in recorded["layers"]:
        Storage(host.parts).create(container_id, image["id"])
    return recorded


def _make(path: str, entry: dict[str, Any]) -> None:
    if "link" in entry:
        os.symlink(entry["link"], path)
        return
    if "program" in entry:
        program = shutil.which(entry["program"])
        assert program, entry
        shutil.copyfile(program, path)
    elif {"text", "zeros"} & entry.keys():
        with open(path, "w", encoding="utf-8") as file:
            file.write(entry.get("text", "\0" * entry.get("zeros", 0)))
    else:
        os.mkdir(path)
    os.chmod(path, int(entry["mode"], 8))


if __name__ == "__main__":
    record(sys.argv[1])
