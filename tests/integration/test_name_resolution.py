# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Name resolution in a container: which line of its hosts file the C library uses, and which resolvers it has."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any, Callable, Iterator, Optional
from zlib import crc32

import pytest
from ansible_collections.libpod.engine.tests.support import hosts, kernel
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

# The host's C library and getent(1), with the usual configuration of distributions.
GLIBC = [
    *(f"{folder}:{folder}:ro" for folder in ("/usr", "/lib", "/lib64") if os.path.isdir(folder)),
    "/srv/host.conf:/etc/host.conf:ro",
    "/srv/nsswitch.conf:/etc/nsswitch.conf:ro",
]
WAIT: dict[str, Any] = {"image": "busybox", "command": WAITING}
Put = Callable[[str, Optional[bytes]], None]


@pytest.fixture
def put(host: Host) -> Iterator[Put]:
    """Replace a file of the host by one with this content, or by a FIFO if the content is None."""
    with contextlib.ExitStack() as undo:

        def put(path: str, content: bytes | None) -> None:
            source = f"/srv/{os.path.basename(path)}"
            if content is None:
                os.mkfifo(source)
            else:
                with open(source, "wb") as file:
                    file.write(content)
            undo.callback(os.unlink, source)
            if os.path.dirname(path) == "/srv":
                return
            if not os.path.exists(path):
                os.mkdir(os.path.dirname(path))
                undo.callback(os.rmdir, os.path.dirname(path))
                open(path, "x").close()
                undo.callback(os.unlink, path)
            kernel.mount(source, path, flags=kernel.MS_BIND)
            undo.callback(kernel.umount, path)

        yield put


@pytest.fixture
def glibc(put: Put) -> dict[str, Any]:
    """Options of a container that looks up names with the host's C library."""
    put("/srv/host.conf", b"multi on\n")
    put("/srv/nsswitch.conf", b"hosts: files\n")
    return {**WAIT, "volume": GLIBC}


def run(host: Host, name: str = "c", **options: Any) -> Result:
    """Start a container: check mode predicts its warnings, and a second run changes nothing."""
    options = {**WAIT, **options}
    predicted = host.container(name, check=True, **options)
    made = host.container(name, **options)
    assert not made.failed, made
    assert predicted.get("warnings", []) == made.get("warnings", []), (predicted, made)
    again = host.container(name, **options)
    assert (again["changed"], again["actions"], again.get("warnings", [])) == (False, [], []), again
    return made


def hosts_lines(made: Result) -> list[str]:
    """Return the lines of a container's hosts file, without those on its neighbours."""
    return [line for line in Process(made).read("root/etc/hosts").splitlines() if not line.endswith("# by libpod")]


def looked_up(made: Result, name: str, database: str = "ahosts") -> set[str]:
    """Return every address that getaddrinfo(3) finds for a name."""
    done = Process(made).run("env", "/usr/bin/getent", database, name)
    assert done.returncode == 0, done
    answer = done.stdout
    return {line.split()[0] for line in answer.splitlines()}


def test_hosts_precedence_is_task_then_container_then_host(host: Host, put: Put, glibc: dict[str, Any]) -> None:
    put(
        "/etc/hosts",
        b"# of the host\n127.0.0.1 localhost\n127.0.0.1\tdb.example.org db other # three\n127.0.1.1 WEB\n::1 db\n"
        b"192.0.2.77 of-the-host\n",
    )
    etc_hosts = {"db.example.org": "10.99.99.1", "DB": ["10.99.99.1", "2001:db8::1"], "gate": "host-gateway"}
    made = run(host, hostname="web", etc_hosts=etc_hosts, **glibc)
    settings = made["container"]["NetworkSettings"]
    assert hosts_lines(made) == [
        "10.99.99.1\tDB",
        "2001:db8::1\tDB",
        "10.99.99.1\tdb.example.org",
        f"{settings['Gateway']}\tgate",
        f"{settings['IPAddress']}\tweb c",
        "# of the host",
        "127.0.0.1 localhost",
        "127.0.0.1\tother",
        "192.0.2.77 of-the-host",
    ]
    assert looked_up(made, "db.example.org") == {"10.99.99.1"}
    assert looked_up(made, "db", "ahostsv4") == {"10.99.99.1"}
    assert looked_up(made, "db", "hosts") == {"2001:db8::1"}
    assert looked_up(made, "web") == looked_up(made, "c") == {settings["IPAddress"]}
    assert looked_up(made, "other") == looked_up(made, "localhost", "ahostsv4") == {"127.0.0.1"}
    assert looked_up(made, "of-the-host") == {"192.0.2.77"}
    extra = made["container"]["HostConfig"]["ExtraHosts"]
    assert extra == ["DB:10.99.99.1", "DB:2001:db8::1", "db.example.org:10.99.99.1", "gate:host-gateway"]


def test_etc_hosts_overrides_own_names_and_localhost(host: Host, put: Put, glibc: dict[str, Any]) -> None:
    put("/etc/hosts", b"127.0.0.1 localhost here\n")
    made = run(host, hostname="web", etc_hosts={"web": "192.0.2.9", "localhost": "127.0.0.2"}, **glibc)
    address = made["container"]["NetworkSettings"]["IPAddress"]
    assert hosts_lines(made) == ["127.0.0.2\tlocalhost", "192.0.2.9\tweb", f"{address}\tc", "127.0.0.1\there"]
    assert looked_up(made, "web") == {"192.0.2.9"}


@pytest.mark.parametrize("content", [b"", b"192.0.2.77 a\n127.0.0.1 localhost6 # localhost\n"])
def test_localhost_is_added_if_missing(host: Host, put: Put, glibc: dict[str, Any], content: bytes) -> None:
    put("/etc/hosts", content)
    made = run(host, hostname="localhost", network="none", **glibc)
    assert hosts_lines(made) == [
        "127.0.0.1\tc",
        *content.decode().splitlines(),
        "127.0.0.1\tlocalhost",
        "::1\tlocalhost",
    ]
    assert looked_up(made, "localhost") == {"127.0.0.1", "::1"}


def test_own_hostname_resolves_without_a_network(host: Host, glibc: dict[str, Any]) -> None:
    made = run(host, hostname="web", network="none", **glibc)
    assert hosts_lines(made)[0] == "127.0.0.1\tweb c"
    assert looked_up(made, "web") == looked_up(made, "c") == {"127.0.0.1"}
    assert Process(made).run("env", "/usr/bin/hostname", "-i").stdout.split() == ["127.0.0.1"]


def test_host_network_has_the_hosts_file_unchanged(host: Host, put: Put) -> None:
    put("/etc/hosts", b"127.0.0.1 localhost\n127.0.1.1 c\n")
    assert hosts_lines(run(host, network="host")) == ["127.0.0.1 localhost", "127.0.1.1 c"]


def test_one_line_for_each_address_of_every_network(host: Host, second_network: str) -> None:
    with open("/srv/cni/91-dual.conflist", "w", encoding="utf-8") as file:
        config = hosts.network("dual", "cni-dual0", "10.98")
        ipam = config["plugins"][0]["ipam"]
        ipam["ranges"].append([{"subnet": "fd00:98::/64"}])
        ipam["routes"].append({"dst": "::/0"})
        json.dump(config, file)
    made = run(host, hostname="web", network=[second_network, "dual"])
    networks = made["container"]["NetworkSettings"]["Networks"]
    six = networks["dual"]["GlobalIPv6Address"]
    assert six.startswith("fd00:98::")
    wanted = [networks["second"]["IPAddress"], networks["dual"]["IPAddress"], six]
    assert hosts_lines(made)[:3] == [f"{address}\tweb c" for address in wanted]
    os.unlink("/srv/cni/91-dual.conflist")


def test_live_changes_keep_the_order_of_the_hosts_file(host: Host, put: Put, second_network: str) -> None:
    put("/etc/hosts", b"127.0.0.1 localhost db\n192.0.2.77 of-the-host\n")
    before = run(host, hostname="web")
    changes: tuple[dict[str, Any], ...] = (
        {"etc_hosts": {"db": "192.0.2.9"}},
        {"etc_hosts": {"db": "192.0.2.9"}, "network": ["bridge", second_network]},
        {"etc_hosts": {"of-the-host": "192.0.2.10"}, "network": [second_network]},
    )
    for options in changes:
        made = run(host, hostname="web", **options)
        assert Process(made).pid == Process(before).pid, made["actions"]
        networks = made["container"]["NetworkSettings"]["Networks"].values()
        own = [f"{network['IPAddress']}\tweb c" for network in networks]
        base = ["127.0.0.1\tlocalhost", "192.0.2.77 of-the-host"]
        if "db" not in options["etc_hosts"]:
            base = ["127.0.0.1 localhost db"]
        requested = [f"{address}\t{name}" for name, address in options["etc_hosts"].items()]
        assert (hosts_lines(made)[: len(requested)], hosts_lines(made)[-len(base) :]) == (requested, base)
        assert sorted(hosts_lines(made)[len(requested) : -len(base)]) == sorted(own)


def test_joining_container_has_the_hosts_lines_of_the_owner(host: Host, put: Put) -> None:
    put("/etc/hosts", b"127.0.0.1 localhost\n")
    web = run(host, "web", hostname="web-host", etc_hosts={"db": "192.0.2.9"})
    helper = run(host, "helper", network="container:web")
    address = web["container"]["NetworkSettings"]["IPAddress"]
    assert (
        hosts_lines(helper) == hosts_lines(web) == ["192.0.2.9\tdb", f"{address}\tweb-host web", "127.0.0.1 localhost"]
    )


def test_file_of_an_earlier_version_is_no_drift_and_is_replaced_by_a_restart(host: Host, put: Put) -> None:
    put("/etc/hosts", b"127.0.0.1 localhost\n")
    made = run(host, etc_hosts={"db": "192.0.2.9"})
    earlier = b"127.0.0.1 localhost\n10.87.0.2\tc\n192.0.2.9\tdb\n"
    with open(Process(made).path("root/etc/hosts"), "wb") as file:
        file.write(earlier)
    path = f"/srv/run/containers/{made['container']['Id']}/state.json"
    with open(path, encoding="utf-8") as file:
        state = json.load(file)
    state["etc_files"]["hosts"] = crc32(earlier)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(state, file)
    run_again = host.container("c", etc_hosts={"db": "192.0.2.9"}, **WAIT)
    assert (run_again["actions"], hosts_lines(run_again)[0]) == ([], "127.0.0.1 localhost")
    assert hosts_lines(host.container("c", restart=True))[0] == "192.0.2.9\tdb"


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"127.0.0.1 localhost\r\n192.0.2.77 a\r\n", ["127.0.0.1 localhost", "192.0.2.77 a"]),
        (b"127.0.0.1 localhost\n192.0.2.77 a", ["127.0.0.1 localhost", "192.0.2.77 a"]),
        (b"127.0.0.1 localhost\0 b\n192.0.2.77 a\0\n", ["127.0.0.1 localhost", "192.0.2.77 a"]),
        (
            b"127.0.0.1 localhost\n# caf\xe9\n\n192.0.2.77 a\n",
            ["127.0.0.1 localhost", "# caf\ufffd", "", "192.0.2.77 a"],
        ),
    ],
)
def test_hosts_file_in_another_format_is_read(host: Host, put: Put, content: bytes, lines: list[str]) -> None:
    put("/etc/hosts", content)
    assert hosts_lines(run(host, network="none"))[1:] == lines


@pytest.mark.parametrize(
    ("times", "why"),
    [
        (5 << 20 >> 4, "/etc/hosts: longer than the 4194304 bytes that are read"),
        (0, "/etc/hosts: not a regular file"),
    ],
    ids=["5 MiB", "FIFO"],
)
def test_invalid_hosts_file_is_skipped_with_a_warning(host: Host, put: Put, times: int, why: str) -> None:
    put("/etc/hosts", b"192.0.2.77 of-the-host\n" * times or None)
    made = run(host, "app", network="none")
    assert hosts_lines(made)[1:] == ["127.0.0.1\tlocalhost", "::1\tlocalhost"]
    assert made["warnings"] == [f"container app: its /etc/hosts lacks the names of the host's ({why}): mend that file"]
    assert "warnings" not in run(host, "own", network="none", no_hosts=True)


# Resolvers

LOCAL = b"search example.org\nnameserver 127.0.0.1\nnameserver ::1\noptions ndots:2\n"
NONE = (
    "no name will resolve in it, for the host's resolvers (127.0.0.1, ::1) answer the host alone, and none is known "
    "behind them: set dns to servers that the container can reach"
)


def resolv_conf(made: Result) -> str:
    return Process(made).read("root/etc/resolv.conf")


def test_container_without_a_resolver_has_a_warning(host: Host, put: Put) -> None:
    put("/etc/resolv.conf", LOCAL)
    made = run(host, "app")
    assert made["warnings"] == [f"container app: {NONE}"]
    assert resolv_conf(made) == "search example.org\noptions ndots:2\n"
    for options in ({"dns": ["192.0.2.53"]}, {"network": "host"}, {"network": "none"}, {"network": "container:app"}):
        assert "warnings" not in run(host, "other", **options), options
    changed = run(host, "app", dns=["192.0.2.53"])
    assert changed["changed"] and "warnings" not in changed
    assert run(host, "app")["warnings"] == [f"container app: {NONE}"], "changed back, in place"
    assert "warnings" not in run(host, "app", label={"a": "b"}), "its files stay as they are"
    host.container("app", state="stopped")
    started = host.container("app", state="started")
    assert started["changed"] and started["warnings"] == [f"container app: {NONE}"]


def test_each_of_several_containers_has_its_warning(host: Host, put: Put) -> None:
    put("/etc/resolv.conf", LOCAL)
    task = {"containers": [{"name": name, **WAIT} for name in ("a", "b")]}
    predicted = host.module("libpod_containers", task, check=True)
    made = host.module("libpod_containers", task)
    assert predicted["warnings"] == made["warnings"] == [f"container {name}: {NONE}" for name in ("a", "b")]
    again = host.module("libpod_containers", task)
    assert not again["changed"] and "warnings" not in again


def test_pod_without_a_resolver_has_the_warning(host: Host, put: Put) -> None:
    put("/etc/resolv.conf", LOCAL)
    for state, wanted in (("created", None), ("started", [f"pod p: {NONE}"])):
        task = {"name": "p", "state": state}
        predicted, made = (host.module("libpod_pod", task, check=check) for check in (True, False))
        assert made["changed"] and predicted.get("warnings") == made.get("warnings") == wanted
        assert not host.module("libpod_pod", task)["changed"]
    assert "warnings" not in run(host, "member", pod="p")
    assert host.module("libpod_pod", {"name": "p", "state": "stopped"})["changed"]
    started = host.container("member", state="started")
    assert started["warnings"] == [f"pod p: {NONE}"]
    assert not host.module("libpod_pod", {"name": "p", "state": "absent"}).failed


def test_servers_behind_a_local_resolver_are_used(host: Host, put: Put) -> None:
    put("/etc/resolv.conf", LOCAL)
    put("/run/NetworkManager/no-stub-resolv.conf", b"search b.example\nnameserver 192.0.2.53 ; comment\n")
    made = run(host)
    assert resolv_conf(made) == "search b.example\nnameserver 192.0.2.53\noptions ndots:2\n"
    assert "warnings" not in made
    assert resolv_conf(run(host, "same", network="host")) == (
        "search example.org\nnameserver 127.0.0.1\nnameserver ::1\noptions ndots:2\n"
    )


@pytest.mark.parametrize("times", [100_000, 0], ids=["2 MB", "FIFO"])
def test_invalid_resolv_conf_is_skipped_with_a_warning(host: Host, put: Put, times: int) -> None:
    put("/etc/resolv.conf", b"nameserver 192.0.2.53\n" * times or None)
    made = run(host, "app")
    (warning,) = made["warnings"]
    assert warning.startswith("container app: no name will resolve in it, for the host's resolvers are unknown (/etc/")
    assert warning.endswith("set dns") and resolv_conf(made) == ""
    assert "warnings" not in run(host, "other", dns=["192.0.2.53"])
