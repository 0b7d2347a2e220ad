# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces: created, pinned, listed and deleted on the kernel of a test host."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel import netns, syscalls
from ansible_collections.libpod.engine.plugins.module_utils._model import failpoints
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import eventually


@pytest.fixture
def host() -> Iterator[Host]:
    """Enter a test host on which a test must leave nothing."""
    with Host() as made:
        yield made
        made.expect_clean()


def test_created_namespace_is_new_and_its_loopback_is_up(host: Host) -> None:
    path = f"{host.parts.netns_dir}/one"
    ours = os.stat("/proc/self/ns/net").st_ino
    netns.create(path)
    assert netns.exists(path) and os.stat(path).st_ino != ours == os.stat("/proc/thread-self/ns/net").st_ino
    shown = json.loads(host.run("nsenter", f"--net={path}", "ip", "-json", "address"))
    assert [(one["ifname"], "UP" in one["flags"]) for one in shown] == [("lo", True)]
    assert "127.0.0.1" in json.dumps(shown)
    netns.delete(path)
    assert not os.path.lexists(path) and path not in host.run("cat", "/proc/self/mountinfo")


def test_creating_and_deleting_again_changes_nothing(host: Host) -> None:
    path = f"{host.parts.netns_dir}/one"
    netns.create(path)
    inode = os.stat(path).st_ino
    seen: list[str] = []
    failpoints.observe(seen.append)
    try:
        netns.create(path)
        assert os.stat(path).st_ino == inode and not seen
        netns.delete(path)
        seen.clear()
        netns.delete(path)
        assert not seen
    finally:
        failpoints.observe(None)


def test_empty_file_left_by_a_kill_becomes_a_namespace(host: Host) -> None:
    path = f"{host.parts.netns_dir}/one"
    os.makedirs(host.parts.netns_dir)
    with open(path, "w", encoding="ascii"):
        pass
    assert not netns.exists(path)
    netns.create(path)
    assert netns.exists(path)
    netns.delete(path)


def test_namespaces_created_concurrently_at_one_path_are_one(host: Host) -> None:
    import threading

    path = f"{host.parts.netns_dir}/one"
    threads = [threading.Thread(target=netns.create, args=(path,)) for _turn in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert host.run("cat", "/proc/self/mountinfo").count(f" {path} ") == 1
    netns.delete(path)


def test_namespaces_of_ip_netns_and_ours_live_in_one_directory(host: Host) -> None:
    netns.create("/run/netns/ours")
    host.run("ip", "netns", "add", "theirs")
    assert set(host.run("ip", "netns", "list").split()) >= {"ours", "theirs"}
    netns.delete("/run/netns/ours")
    netns.delete("/run/netns/theirs")
    assert "nsfs" not in host.run("cat", "/proc/self/mountinfo")
    assert os.listdir("/run/netns") == []


def test_namespace_of_a_live_process_is_pinned_again_after_ip_netns_del(host: Host) -> None:
    netns.create("/run/netns/web")
    inode = os.stat("/run/netns/web").st_ino
    process = subprocess.Popen(["nsenter", "--net=/run/netns/web", "sleep", "60"])
    try:
        eventually(lambda: os.stat(f"/proc/{process.pid}/ns/net").st_ino == inode)
        host.run("ip", "netns", "del", "web")
        assert not netns.exists("/run/netns/web")
        netns.adopt("/run/netns/web", process.pid)
        assert os.stat("/run/netns/web").st_ino == inode
    finally:
        process.kill()
        process.wait()
        netns.delete("/run/netns/web")


def test_refused_system_call_names_the_path(host: Host) -> None:
    with pytest.raises(FileNotFoundError, match="/srv/nowhere"):
        syscalls.mount("none", "/srv/nowhere", "tmpfs")
    with pytest.raises(FileNotFoundError, match="/srv/nowhere"):
        netns.addresses("/srv/nowhere")


def test_addresses_of_a_namespace_match_the_kernel(host: Host) -> None:
    path = f"{host.parts.netns_dir}/one"
    netns.create(path)
    lines = "link add eth0 type bridge\naddr add 10.1.2.3/24 dev eth0\naddr add 10.1.2.4/24 dev eth0\n"
    lines += "addr add fd00::1:2/64 dev eth0 nodad\nlink set eth0 up\nlink add eth1 type bridge\n"
    host.run("nsenter", f"--net={path}", "ip", "-batch", "-", input=lines)
    addresses = netns.addresses(path)
    assert addresses["lo"] == {"127.0.0.1", "::1"} and addresses["eth1"] == set()
    assert {one for one in addresses["eth0"] if not one.startswith("fe80")} == {"10.1.2.3", "10.1.2.4", "fd00::1:2"}
    netns.delete(path)
