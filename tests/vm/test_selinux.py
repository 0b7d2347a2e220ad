# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux in enforcing mode (``VM_SELINUX=1 .ci/vm``): containers' labels, what these keep them from, and volumes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel import selinux
from ansible_collections.libpod.engine.tests.support import playbooks
from ansible_collections.libpod.engine.tests.support.machine import STORE, Machine
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

ENFORCE = "/sys/fs/selinux/enforce"
pytestmark = pytest.mark.skipif(not os.path.exists(ENFORCE), reason="this guest has no SELinux")
ON_CRUN = pytest.mark.parametrize("host", ["crun"], indirect=True)

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}
PROCESS, FILE = "system_u:system_r:container_t:", "system_u:object_r:container_file_t:"
SHARED, RESERVED = f"{FILE}s0", f"{FILE}s0:c1022,c1023"
LEVEL = re.compile(r"s0:c\d+,c\d+")


@contextmanager
def without_tool() -> Iterator[None]:
    """Hide the tool that RHEL and Fedora do not package."""
    path = shutil.which("containers-storage")
    assert path
    os.rename(path, f"{path}.hidden")
    try:
        yield
    finally:
        os.rename(f"{path}.hidden", path)


@pytest.fixture(autouse=True, scope="module")
def _labelled() -> None:
    """Label the store of images, as container-selinux does where it is made and the role where it was made before."""
    subprocess.run(["restorecon", "-R", STORE[0]], check=True)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[str]:
    """Yield a directory of the host with a file, in a place whose label no container may use."""
    folder = f"/srv/{tmp_path.name}"
    os.makedirs(f"{folder}/inner")
    Path(f"{folder}/inner/file").write_text("content\n", encoding="utf-8")
    yield folder
    shutil.rmtree(folder)


def run(host: Machine, name: str = "c", **options: Any) -> Result:
    made = host.container(name, **{**BASE, **options})
    assert not made.failed, made
    return made


def output(host: Machine, script: str, **options: Any) -> str:
    return str(run(host, "short", command=["sh", "-c", script], detach=False, recreate=True, **options)["stdout"])


def label(process: Process) -> str:
    return process.read("attr/current").rstrip("\0\n")


def mount_labels(process: Process) -> dict[str, str]:
    """Return the label that all files of a mount have, by its target."""
    lines = re.finditer(r'^(?:\S+ ){4}(\S+) .* - .*context="([^"]+)"', process.read("mountinfo"), re.MULTILINE)
    return {line[1]: line[2] for line in lines}


def file_label(process: Process, path: str) -> str:
    return selinux.label_of(process.path(f"root{path}"))


def test_container_has_its_own_label_and_so_have_its_files(host: Machine) -> None:
    with open(ENFORCE, encoding="ascii") as file:
        assert file.read() == "1"
    with without_tool():
        assert not host.module("libpod_secret", {"name": "s", "data": "top"}).failed
        first, second = run(host, "a", secrets=["s"]), run(host, "b")
        process, other = Process(first), Process(second)
        level = label(process)[len(PROCESS) :]
        assert label(process) == PROCESS + level and LEVEL.fullmatch(level)
        assert label(other).startswith(PROCESS) and label(other) != label(process)
        own = mount_labels(process)
        assert {FILE + level} == set(own.values()) and {"/", "/dev", "/dev/shm", "/run/secrets/s"} <= set(own)
        for path in ("/bin/busybox", "/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/run/.containerenv"):
            assert file_label(process, path) == FILE + level, path
        assert host.command("exec", "a", "cat", "/proc/self/attr/current").stdout.rstrip("\0\n") == label(process)
        assert host.command("exec", "a", "cat", "/run/secrets/s").stdout == "top"
        assert first["container"]["ProcessLabel"] == label(process) and first["container"]["MountLabel"] == FILE + level
        with open(f"{STORE[0]}/overlay-containers/containers.json", encoding="utf-8") as file:
            flags = {one["id"]: one["flags"] for one in json.load(file)}
        assert flags[first["container"]["Id"]] == {"MountLabel": FILE + level, "ProcessLabel": label(process)}
        assert not run(host, "a", secrets=["s"]).changed
        run(host, "a", secrets=["s"], state="stopped")
        assert label(Process(run(host, "a", secrets=["s"]))) == PROCESS + level
        assert "written" in output(host, "echo x > /f && echo x > /dev/shm/f && echo x > /tmp/f && echo written")


@ON_CRUN
def test_options_say_what_the_label_is(host: Machine) -> None:
    own = label(Process(host.container("plain", **BASE)))
    named = Process(run(host, security_opt=["label=level:s0:c100,c200"]))
    assert label(named) == f"{PROCESS}s0:c100,c200" and mount_labels(named)["/"] == f"{FILE}s0:c100,c200"
    for options in ({"security_opt": ["label=disable"]}, {"privileged": True}, {"pid": "host"}, {"ipc": "host"}):
        made = run(host, **options)
        process = Process(made)
        assert ":unconfined_t:" in label(process) and mount_labels(process)["/"] == RESERVED, options
        assert not made["container"]["ProcessLabel"]
    assert label(Process(run(host, ipc="container:plain"))) == own
    refused = host.container("c", **BASE, security_opt=["label=type:nowhere_t"])
    assert refused.failed and "system_u:system_r:nowhere_t:s0: name another" in refused["msg"], refused
    pod = host.module("libpod_pod", {"name": "p", "state": "started"})
    assert not pod.failed, pod
    shared = [label(Process(run(host, name, pod="p", network=None))) for name in ("p1", "p2")]
    assert shared[0] == shared[1] and shared[0].startswith(PROCESS)


@ON_CRUN
def test_volume_is_relabelled_where_the_task_says_so(host: Machine, data: str) -> None:
    read = "cat /data/inner/file 2>&1; echo x > /data/inner/new && echo written; true"
    before = selinux.label_of(data)
    assert "Permission denied" in output(host, read, volume=[f"{data}:/data"])
    assert selinux.label_of(data) == before
    assert output(host, read, volume=[f"{data}:/data:Z"]) == "content\nwritten\n"
    private = selinux.label_of(f"{data}/inner/file")
    assert private.startswith(FILE) and private == selinux.label_of(data) != SHARED
    # The next container has another level, which does not reach the files of the first.
    assert "Permission denied" in output(host, read, volume=[f"{data}:/data"])
    assert "Permission denied" not in output(host, read, volume=[f"{data}:/data"], security_opt=["label=disable"])
    assert output(host, "cat /data/inner/file", volume=[f"{data}:/data:z"]) == "content\n"
    assert selinux.label_of(data) == selinux.label_of(f"{data}/inner/file") == SHARED
    for path in ("/etc", "/usr"):
        refused = host.container("c", **BASE, volume=[f"{path}:/data:Z"])
        assert refused.failed and f"{path}, to be bound at /data" in refused["msg"], refused
    assert selinux.label_of("/etc").endswith(":etc_t:s0")


@ON_CRUN
def test_named_volume_is_every_containers(host: Machine) -> None:
    assert not host.module("libpod_volume", {"name": "made"}).failed
    script = "echo x > /new/f && echo x > /made/f && echo written"
    assert output(host, script, volume=["new:/new", "made:/made"]) == "written\n"
    for name in ("made", "new"):
        assert selinux.label_of(f"{host.parts.static_root}/volumes/{name}/_data") == SHARED
    copied = Process(run(host, volume=["copied:/etc"]))
    assert file_label(copied, "/etc/passwd") in (SHARED, SHARED.replace("system_u", "unconfined_u"))
    assert output(host, "cat /other/passwd", volume=["copied:/other"]).startswith("root:")
    host.empty()
    for name in ("made", "new", "copied"):
        assert host.module("libpod_volume", {"name": name, "state": "absent"}).changed


@ON_CRUN
def test_mounts_of_a_running_container_have_its_label(host: Machine, data: str) -> None:
    process = Process(run(host))
    made = run(host, tmpfs={"/scratch": "size=1m"})
    assert made.changed and Process(made).pid == process.pid
    assert mount_labels(process)["/scratch"] == mount_labels(process)["/"]
    assert host.command("exec", "c", "touch", "/scratch/f").returncode == 0
    relabelled = run(host, volume=[f"{data}:/data:Z"], tmpfs={"/scratch": "size=1m"})
    assert Process(relabelled).pid != process.pid and selinux.label_of(data) == mount_labels(Process(relabelled))["/"]


@ON_CRUN
def test_files_over_a_rootfs_and_of_a_rewindable_container_have_the_label(host: Machine) -> None:
    for options in ({"rewindable": True}, {"uidmap": ["0:100000:1000"], "gidmap": ["0:100000:1000"]}):
        process = Process(run(host, **options))
        level = label(process)[len(PROCESS) :]
        assert label(process) == PROCESS + level and LEVEL.fullmatch(level)
        assert mount_labels(process)["/"] == FILE + level, options
        assert host.command("exec", "c", "touch", "/f").returncode == 0


def test_role_labels_what_is_there_once() -> None:
    static, overlay = "/var/lib/libpod", f"{STORE[0]}/overlay"
    for path in (static, overlay):
        subprocess.run(["chcon", "--type=var_lib_t", path], check=True)
    unwanted = ("install", "boot", "network", "auto_update")
    role = {
        "name": "role",
        "ansible.builtin.import_role": {"name": "libpod.engine.libpod_host"},
        "vars": {f"libpod_host_{one}": False for one in unwanted},
    }
    local = {"guest": {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}}
    played = [playbooks.play([role], hosts=local).tasks for _turn in range(2)]
    first, second = ([one["task"].rpartition(" : ")[2] for one in tasks if one["changed"]] for tasks in played)
    assert "Label the files" in first and not second
    assert ":container_ro_file_t:" in selinux.label_of(overlay) and ":container_var_lib_t:" in selinux.label_of(static)
