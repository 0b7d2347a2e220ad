# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod's accessors: their values in each status, checked against the kernel, and returned as copies."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.container import Container
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import ContainerStopped, InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._model.records.namespaces import LinuxNS
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING}


def _container(host: Host, name: str = "c") -> Container:
    return Runtime(host.parts).container(name)


def test_accessors_of_a_running_container_agree_with_the_kernel(host: Host) -> None:
    process = Process(host.container("c", label={"a": "1"}, stop_timeout=3, **OPTIONS))
    container = _container(host)
    assert container.pid() == process.pid
    for kind in LinuxNS:
        if os.path.exists(f"/proc/self/ns/{kind.value}"):
            assert os.stat(container.namespace_path(kind)).st_ino == process.namespace(kind.value)
    with pytest.raises(InvalidArgument):
        container.namespace_path("nonsense")  # type: ignore[arg-type]
    assert container.ip_address() in process.run("ip", "-4", "address", "show", "eth0").stdout
    assert container.mounted() and os.path.ismount(container.mountpoint())
    assert os.path.exists(f"{container.mountpoint()}/bin/busybox")
    assert container.conmon_cgroup_path == f"/libpod_parent/libpod-conmon-{container.id}"
    conmon = container.state.conmon.pid
    assert container.conmon_cgroup_path in open(f"/proc/{conmon}/cgroup").read()
    assert container.runtime_name == "runc" and os.path.exists(container.log_path)
    assert container.spec() == json.load(open(container.state.config_path))
    assert container.started_time() and not container.finished_time()
    own, every = container.rw_size(), container.rootfs_size()
    process.run("sh", "-c", "head -c 100000 /dev/zero > /root/more")
    assert (container.rw_size(), container.rootfs_size()) == (own + 100_000, every + 100_000)


def test_accessors_of_a_container_that_does_not_run(host: Host) -> None:
    host.container("c", state="present", **OPTIONS)
    container = _container(host)
    for refused in (container.pid, lambda: container.namespace_path(LinuxNS.NET)):
        with pytest.raises(ContainerStopped, match="container c"):
            refused()
    with pytest.raises(InvalidArgument, match="container c"):
        container.ip_address()
    assert (container.exit_code(), container.oom_killed(), container.started_time()) == (0, False, "")
    assert (container.mounted(), container.mountpoint()) == (False, "")
    assert container.spec()["process"]["args"] == WAITING
    container.start()
    container.kill(signal.SIGKILL)
    assert container.wait(60) == 137
    assert (container.exit_code(), container.oom_killed()) == (137, False)
    assert container.started_time() < container.finished_time()
    with pytest.raises(ContainerStopped):
        container.pid()


def test_container_without_a_network_of_its_own_has_no_address(host: Host) -> None:
    host.container("c", network="none", **OPTIONS)
    with pytest.raises(InvalidArgument, match="network"):
        _container(host).ip_address()


def test_returned_structures_are_copies(host: Host) -> None:
    host.container("c", state="present", label={"a": "1"}, network="none", **OPTIONS)
    container = _container(host)
    container.labels["b"] = "2"
    container.spec()["process"]["args"].append("more")
    taken = container.config_copy()
    taken.options["command"].append("more")  # type: ignore[union-attr]
    assert container.labels == {"a": "1"}
    assert container.spec()["process"]["args"] == WAITING
    assert container.config.options["command"] == WAITING and container.config_copy() == container.config
    container.dependencies.add("x")
    assert container.dependencies == set()


def test_every_exit_is_recorded_and_survives_a_reboot(host: Host) -> None:
    command = ["sh", "-c", "echo x >> /data/runs; exit $(wc -l < /data/runs)"]
    host.container("c", state="present", image="busybox", command=command, network="none")
    container = _container(host)
    for code in (1, 2, 3):
        container.start()
        assert container.wait(60) == code
    assert [run["exit_code"] for run in container.exits] == [1, 2, 3]
    assert all(run["started_time"] <= run["finished_time"] for run in container.exits)
    host.reboot()
    after = _container(host)
    assert [run["exit_code"] for run in after.exits] == [1, 2, 3]
    assert (after.status().value, after.exit_code()) == ("configured", 3)
    after.start()
    assert after.wait(60) == 4


def test_batch_locks_and_syncs_once_and_reports_a_removed_container(host: Host) -> None:
    host.container("c", network="none", **OPTIONS)
    container = _container(host)
    with container.batch():
        first = container.state
        assert container.pid() == first.pid and container.state is first
    host.container("c", state="absent")
    from ansible_collections.libpod.engine.plugins.module_utils._model.errors import ContainerRemoved

    with pytest.raises(ContainerRemoved):
        container.pid()
