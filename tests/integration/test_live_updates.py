# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live changes of a running container: the process stays, and the kernel has the new value."""

from __future__ import annotations

import os
import socket
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support.cgroup_files import v1_only
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.networks import define_networks, forget_networks, links
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually

PLAIN: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}
WEB: dict[str, Any] = {"image": "busybox", "command": "httpd -f -p 80 -h /www", "stop_signal": "KILL"}


def change(host: Host, process: Process, name: str = "c", **options: Any) -> Result:
    """Run the task, which changes the container in place, as predicted; a second run changes nothing."""
    predicted = host.container(name, check=True, diff=True, **options)
    done = host.container(name, diff=True, **options)
    assert not done.failed and done["actions"] == [f"updated {name}"] == predicted["actions"], (predicted, done)
    assert done["diff"] == predicted["diff"]
    assert Process(done).pid == process.pid
    assert host.container(name, **options).get("actions") == []
    return done


def page(host: Host, port: int) -> str:
    request = f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 60 127.0.0.1 {port}"
    return host.run("sh", "-c", request).partition("\n\n")[2]


@pytest.fixture
def networks(host: Host) -> Iterator[None]:
    define_networks("second", "third")
    yield
    forget_networks()


def _block_device() -> str:
    return next(f"/dev/{name}" for name in ("vda", "sda", "loop0") if os.path.exists(f"/dev/{name}"))


@v1_only
def test_every_limit_is_applied_and_lifted_live(host: Host) -> None:
    block = _block_device()
    numbers = f"{os.major(os.stat(block).st_rdev)}:{os.minor(os.stat(block).st_rdev)}"
    process = Process(host.container("c", **PLAIN, device_read_bps=[f"{block}:1m"], device_write_iops=[f"{block}:9"]))
    usual = process.cgroup("memory", "memory.swappiness")

    def throttle(what: str) -> str:
        return process.cgroup("blkio", f"blkio.throttle.{what}_device") or ""

    limits: dict[str, Any] = {
        "memory_swappiness": 11,
        "oom_kill_disable": True,
        "device_read_bps": [f"{block}:2m"],
        "device_write_bps": [f"{block}:3m"],
        "device_read_iops": [f"{block}:100"],
        "memory": "64m",
        "pids_limit": 77,
    }
    change(host, process, **PLAIN, **limits)
    assert process.cgroup("memory", "memory.swappiness") == "11"
    assert "oom_kill_disable 1" in (process.cgroup("memory", "memory.oom_control") or "")
    assert process.cgroup("memory", "memory.limit_in_bytes") == str(64 << 20)
    assert process.cgroup("pids", "pids.max") == "77"
    expected = {"read_bps": 2 << 20, "write_bps": 3 << 20, "read_iops": 100}
    assert {what: throttle(what) for what in expected} == {what: f"{numbers} {n}" for what, n in expected.items()}
    assert throttle("write_iops") == ""

    change(host, process, **PLAIN, memory_swappiness=12, device_read_bps=[f"{block}:2m"])
    assert process.cgroup("memory", "memory.swappiness") == "12"
    change(host, process, **PLAIN)
    assert process.cgroup("memory", "memory.swappiness") == usual
    assert "oom_kill_disable 0" in (process.cgroup("memory", "memory.oom_control") or "")
    assert [throttle(what) for what in expected] == ["", "", ""]


def test_hosts_and_resolvers_change_in_the_mounted_files(host: Host) -> None:
    process = Process(host.container("c", **PLAIN, dns=["192.0.2.1"], etc_hosts={"db": "192.0.2.9"}))
    before = [os.stat(process.path(f"root/etc/{name}")).st_ino for name in ("hosts", "resolv.conf")]
    change(
        host,
        process,
        **PLAIN,
        dns=["192.0.2.2"],
        dns_search=["example.org"],
        dns_option=["ndots:3"],
        etc_hosts={"db": "192.0.2.10", "other": "192.0.2.11"},
        annotation={"note": "x"},
    )
    assert process.read("root/etc/resolv.conf") == "search example.org\nnameserver 192.0.2.2\noptions ndots:3\n"
    assert {"192.0.2.10\tdb", "192.0.2.11\tother"} <= set(process.read("root/etc/hosts").splitlines())
    assert "192.0.2.9" not in process.read("root/etc/hosts")
    assert before == [os.stat(process.path(f"root/etc/{name}")).st_ino for name in ("hosts", "resolv.conf")]


@pytest.mark.usefixtures("networks")
def test_networks_are_added_and_removed_without_touching_others(host: Host) -> None:
    options = {**WEB, "publish": ["8080:80"]}
    made = host.container("c", **options)
    process = Process(made)
    first = links(process)

    done = change(host, process, **options, network=["libpod", "second", "third"])
    there = links(process)
    assert there["eth0"] == first["eth0"] and there["eth1"][0].startswith("10.90.")
    assert there["eth2"][0].startswith("10.91.")
    settings = done["container"]["NetworkSettings"]["Networks"]
    assert {name: [one["IPAddress"]] for name, one in settings.items()} == {
        "libpod": there["eth0"],
        "second": there["eth1"],
        "third": there["eth2"],
    }
    for addresses in there.values():
        assert f"{addresses[0]}\t{process.read('root/etc/hostname').strip()} c" in process.read("root/etc/hosts")

    change(host, process, **options, network=["libpod", "third"])
    assert links(process) == {"eth0": there["eth0"], "eth2": there["eth2"]}
    eventually(lambda: process.run("netstat", "-ltn").stdout.count(":80 "))
    assert page(host, 8080) == "It works.\n"

    # The published port and the default route move to the remaining network.
    change(host, process, **options, network=["third", "second"])
    now = links(process)
    assert now["eth2"] == there["eth2"] and now["eth1"][0].startswith("10.90.")
    assert page(host, 8080) == "It works.\n"
    assert "default via 10.91.0.1 dev eth2" in process.run("ip", "route").stdout
    order = host.container("c", **options, network=["second", "third"])
    assert order["actions"] == ["updated c"] and links(process) == now

    restarted = Process(host.container("c", **options, network=["second", "third"], restart=True))
    assert [links(restarted)[name][0][:6] for name in ("eth0", "eth1")] == ["10.90.", "10.91."]


def test_other_network_mode_needs_a_new_container(host: Host) -> None:
    host.container("c", **PLAIN)
    done = host.container("c", **{**PLAIN, "network": "bridge"})
    assert done["actions"] == ["recreated c"]


def bindable(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("0.0.0.0", port))
            one.listen(1)
            return True
        except OSError:
            return False


def test_published_ports_are_added_and_removed_live_and_reserved(host: Host) -> None:
    process = Process(host.container("c", **WEB))
    eventually(lambda: process.run("netstat", "-ltn").stdout.count(":80 "))
    change(host, process, **WEB, publish=["8080:80"])
    assert page(host, 8080) == "It works.\n" and not bindable(8080)

    done = change(host, process, **WEB, publish=["80", "8081:80", "9000-9019:9000-9019"])
    ((chosen, _given), *_more) = done["container"]["NetworkSettings"]["Ports"].values()
    assert chosen["HostPort"] == "8080", "where any port will do, the one it has"
    assert [port for port in (8080, 8081, 9000, 9019) if bindable(port)] == []
    assert page(host, 8081) == "It works.\n"

    # Another container can take a released port at once, but none that is still published.
    change(host, process, **WEB, publish=["8081:80"])
    assert [port for port in (8080, 8081, 9000, 9019) if bindable(port)] == [8080, 9000, 9019]
    other = Process(host.container("other", **WEB, publish=["8080:80"]))
    eventually(lambda: other.run("netstat", "-ltn").stdout.count(":80 "))
    refused = host.container("c", **WEB, publish=["8080:80"])
    assert refused.failed and "8080/tcp" in refused["msg"] and "in use" in refused["msg"]
    assert page(host, 8081) == page(host, 8080) == "It works.\n"
    change(host, process, **WEB, publish=["127.0.0.1:8081:80"])
    assert page(host, 8081) == "It works.\n" and not bindable(8081)
    change(host, process, **WEB)
    assert bindable(8081) and "dport 8081" not in host.run("iptables", "-t", "nat", "-S")
