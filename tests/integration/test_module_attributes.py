# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each module's check mode, diff mode and idempotency are as its documentation says."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.transport import Images
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING

TOP = Path(__file__).resolve().parents[2]
# Those that ask a registry are tried in test_login.py.
ASKS = {"libpod_login", "libpod_logout"}
MODULES = sorted({path.stem for path in (TOP / "plugins/modules").glob("*.py")} - ASKS)
RUNNING: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}
COMPOSED = {"image": "localhost/busybox", "command": WAITING, "network_mode": "none", "stop_signal": "KILL"}
KUBE: dict[str, Any] = {"name": "new", "image": "localhost/busybox", "args": WAITING}
KUBE_POD = {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"hostNetwork": True, "containers": [KUBE]}}
# A task of each module, which changes something if the module can; container ``c`` runs, ``ended`` has exited.
TASKS: dict[str, dict[str, Any]] = {
    "libpod_commit": {"container": "c", "image": "saved"},
    "libpod_compose": {"project_name": "p", "definition": {"services": {"new": COMPOSED}}},
    "libpod_container": {"name": "new", **RUNNING},
    "libpod_container_copy": {"container": "c", "src": "/etc/passwd", "dest": "/file"},
    "libpod_container_exec": {"name": "c", "command": "true"},
    "libpod_container_info": {"name": "c"},
    "libpod_container_logs": {"name": "c"},
    "libpod_container_wait": {"name": "c", "condition": ["running"]},
    "libpod_containers": {"containers": [{"name": "new", **RUNNING}]},
    "libpod_export": {"container": "c", "dest": "/srv/c.tar"},
    "libpod_image": {"name": "busybox", "tags": ["another"]},
    "libpod_image_info": {},
    "libpod_import": {"src": "/srv/some.tar", "image": "made"},
    "libpod_kube": {"name": "set", "definition": KUBE_POD},
    "libpod_load": {"input": "/srv/other.tar"},
    "libpod_login_info": {"registry": "registry.example.com"},
    "libpod_network": {"name": "n"},
    "libpod_network_info": {},
    "libpod_pod": {"name": "p"},
    "libpod_pod_info": {},
    "libpod_prune": {"container": True},
    "libpod_quadlet": {"name": "set", "files": ["/srv/new.container"]},
    "libpod_save": {"image": ["busybox"], "dest": "/srv/c.tar"},
    "libpod_secret": {"name": "key", "data": "content"},
    "libpod_secret_info": {},
    "libpod_unit": {"name": "c", "dest": "/srv"},
    "libpod_volume": {"name": "v", "label": {"a": "b"}},
    "libpod_volume_info": {},
}
LOOKS = {
    "libpod_container_info",
    "libpod_container_logs",
    "libpod_container_wait",
    "libpod_image_info",
    "libpod_login_info",
    "libpod_network_info",
    "libpod_pod_info",
    "libpod_secret_info",
    "libpod_volume_info",
}


@pytest.fixture(scope="module")
def attributes() -> dict[str, Any]:
    """Return each module's attributes, as ansible-doc shows them."""
    names = [f"libpod.engine.{module}" for module in MODULES]
    shown = subprocess.run(
        [TOP / ".venv/bin/ansible-doc", "-t", "module", "-j", *names], check=True, capture_output=True
    )
    return {name.rpartition(".")[2]: one["doc"]["attributes"] for name, one in json.loads(shown.stdout).items()}


@pytest.mark.parametrize("module", MODULES)
def test_module_does_what_its_attributes_say(host: Host, attributes: dict[str, Any], module: str) -> None:
    support = {name: one["support"] for name, one in attributes[module].items()}
    assert not host.container("c", **RUNNING).failed
    assert not host.container("ended", **{**RUNNING, "command": "true"}, wait="exited").failed
    if module == "libpod_quadlet":
        lines = f"Image=localhost/busybox\nExec={shlex.join(WAITING)}\nNetwork=none\nStopSignal=KILL\n"
        Path("/srv/new.container").write_text(f"[Container]\n{lines}")
    if module == "libpod_import":
        host.run("tar", "--create", "--file=/srv/some.tar", "/etc/passwd")
    if module == "libpod_load":
        two_names = {"image": ["busybox", "example.org/other:1"], "multi_image_archive": False}
        assert host.module("libpod_save", {**two_names, "dest": "/srv/other.tar"}).changed
    predicted = host.module(module, TASKS[module], check=True, diff=True)
    first = host.module(module, TASKS[module], diff=True)
    again = host.module(module, TASKS[module], check=True), host.module(module, TASKS[module])
    assert not any(result.failed for result in (predicted, first, *again)), (predicted, first, again)

    assert predicted.changed == first.changed == (module not in LOOKS)
    assert ("diff" in predicted, "diff" in first) == (
        (True, True) if support["diff_mode"] == "full" else (False, False)
    )
    assert again[1].changed == (support["idempotent"] == "none")
    assert (again[0].changed == again[1].changed) == (support["check_mode"] == "full")
    assert (support["diff_mode"] == "N/A") == (module in LOOKS)
    if module == "libpod_commit":
        host.empty()
        Images(host.parts).remove("saved")
        assert not host.module("libpod_prune", {"image": True}).failed
    if module == "libpod_import":
        host.store("delete-image", "localhost/made:latest")
    if module == "libpod_load":
        host.store("set-names", "--name", "localhost/busybox:latest", "localhost/busybox:latest")
    for name in ("container-c.service", "new.container"):
        Path(f"/srv/{name}").unlink(missing_ok=True)
    for left in ("c", "some", "other"):
        Path(f"/srv/{left}.tar").unlink(missing_ok=True)
    for made in ("libpod_kube", "libpod_network", "libpod_pod", "libpod_secret"):
        if module == made:
            assert host.module(module, {"name": TASKS[module]["name"], "state": "absent"}).changed
