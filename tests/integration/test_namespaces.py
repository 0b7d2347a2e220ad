# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each kind of namespace is new, the host's, another container's or that of a path, by the inodes of /proc/PID/ns."""

from __future__ import annotations

import os
import subprocess
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.container import Container
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.store import ImageStore
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.driver import Storage
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import NotImplementedByHost
from ansible_collections.libpod.engine.plugins.module_utils._model.id_map import IdMap
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}
# option: the namespace's name in /proc/PID/ns
KINDS = {"ipc": "ipc", "pid": "pid", "uts": "uts", "cgroupns": "cgroup", "network": "net"}
MAP = ["0:100000:65536"]


def _own(kind: str) -> int:
    return os.stat(f"/proc/self/ns/{kind}").st_ino


def _run(host: Host, name: str, **options: Any) -> Process:
    made = host.container(name, **{**OPTIONS, **options})
    assert not made.failed, made.get("stderr") or made
    return Process(made)


@pytest.fixture
def namespaces(tmp_path: Any) -> Iterator[int]:
    """Yield the PID of a process in namespaces of its own."""
    kinds = ["--ipc", "--uts", "--net", "--cgroup"]
    with subprocess.Popen(["unshare", *kinds, "sleep", "1000"]) as process:
        while os.path.basename(os.readlink(f"/proc/{process.pid}/exe")) != "sleep":
            os.sched_yield()
        yield process.pid
        process.kill()


@pytest.mark.parametrize("option", KINDS)
def test_namespace_is_new_joined_or_the_hosts(host: Host, option: str) -> None:
    """A change of the namespace recreates the container; the same value changes nothing."""
    kind = KINDS[option]
    first = _run(host, "first", cgroupns="private")
    second = _run(host, "second", **{option: "container:first"})
    assert second.namespace(kind) == first.namespace(kind)
    others = set(KINDS.values()) - {kind, "cgroup"}
    assert all(second.namespace(other) != first.namespace(other) for other in others)
    again = host.container("second", **{**OPTIONS, option: "container:first"})
    assert not again.changed and not again.failed, again
    hosts = host.container("second", **{**OPTIONS, option: "host"})
    assert hosts["actions"] == ["recreated second"]
    assert Process(hosts).namespace(kind) == _own(kind)
    new = _run(host, "second", **{option: "private"})
    assert new.namespace(kind) not in (_own(kind), first.namespace(kind))


@pytest.mark.parametrize("option", KINDS)
def test_user_namespace_with_host_or_joined_namespaces(host: Host, option: str) -> None:
    """File systems that show such a namespace cannot be mounted within the user namespace."""
    kind = KINDS[option]
    mapped = _run(host, "mapped", uidmap=MAP, **{option: "host"})
    assert mapped.namespace(kind) == _own(kind) and mapped.namespace("user") != _own("user")
    pid = os.getpid() if option == "pid" else 1
    assert mapped.run("test", "-e", f"/proc/{pid}/status").returncode == 0
    if option in ("pid", "cgroupns"):
        return  # another container's is refused
    first = _run(host, "first", ipc="shareable", cgroupns="private")
    mapped = _run(host, "mapped", uidmap=MAP, **{option: "container:first"})
    assert mapped.namespace(kind) == first.namespace(kind) != _own(kind)


def test_device_under_another_name_in_a_user_namespace(host: Host) -> None:
    mapped = _run(host, "mapped", uidmap=MAP, device=["/dev/zero:/dev/nought", "/dev/null"])
    read = mapped.run("sh", "-c", "head -c 3 /dev/nought | od -An -tx1; echo x > /dev/null")
    assert (read.stdout.split(), read.returncode) == (["00"] * 3, 0), read


@pytest.mark.parametrize("option", ["ipc", "uts", "cgroupns", "network"])
def test_namespace_of_a_path_is_joined(host: Host, namespaces: int, option: str) -> None:
    path = f"/proc/{namespaces}/ns/{KINDS[option]}"
    joined = _run(host, "c", **{option: f"ns:{path}"})
    assert joined.namespace(KINDS[option]) == os.stat(path).st_ino != _own(KINDS[option])


def test_all_kinds_are_joined_at_once(host: Host) -> None:
    first = _run(host, "first", cgroupns="private", hostname="one")
    second = host.container("second", **{**OPTIONS, **dict.fromkeys(KINDS, "container:first")})
    assert {kind: Process(second).namespace(kind) for kind in KINDS.values()} == {
        kind: first.namespace(kind) for kind in KINDS.values()
    }
    assert Process(second).environ["HOSTNAME"] == "one"
    assert Process(second).run("hostname").stdout == "one\n"
    first_id = host.module("libpod_container_info", {"name": ["first"]})["containers"][0]["Id"]
    config = second["container"]["HostConfig"]
    assert {config[key] for key in ("IpcMode", "PidMode", "UTSMode", "CgroupMode", "NetworkMode")} == {
        f"container:{first_id}"
    }
    assert second["container"]["Dependencies"] == [first_id]


def test_shared_ipc_shares_shm(host: Host) -> None:
    first = _run(host, "first", shm_size="1m")
    second = _run(host, "second", ipc="container:first")
    third = _run(host, "third", ipc="container:second")
    assert first.run("sh", "-c", "echo hello > /dev/shm/x").returncode == 0
    assert third.run("cat", "/dev/shm/x").stdout == second.run("cat", "/dev/shm/x").stdout == "hello\n"
    assert "size=1024k" in second.mounts["/dev/shm"].super_options


def test_ipc_none_has_no_shm_and_ipc_host_has_the_hosts(host: Host) -> None:
    assert "/dev/shm" not in _run(host, "none", ipc="none").mounts
    host_shm = _run(host, "hosts", ipc="host")
    # On the machine, whose other clones run this test too.
    file = f"dev/shm/libpod-test-{os.getpid()}"
    with open(f"/{file}", "w", encoding="ascii"):
        pass
    try:
        assert os.path.exists(host_shm.path(f"root/{file}"))
    finally:
        os.unlink(f"/{file}")


def test_private_ipc_cannot_be_joined(host: Host) -> None:
    host.container("first", **OPTIONS, ipc="private")
    refused = host.container("second", **OPTIONS, ipc="container:first")
    assert refused.failed and "first does not share its IPC namespace" in refused["msg"]


def test_uts_host_shows_the_hostname_and_leaves_it_unchanged(host: Host) -> None:
    before = os.uname().nodename
    shared = _run(host, "c", uts="host")
    assert (shared.environ["HOSTNAME"], shared.read("root/etc/hostname")) == (before, f"{before}\n")
    assert os.uname().nodename == before


def test_invalid_namespace_path_is_refused(host: Host) -> None:
    refused = host.container("c", **OPTIONS, pid="ns:/no/such")
    assert refused.failed and "pid: /no/such" in refused["msg"]


@pytest.mark.parametrize("network", ["none", "bridge", "host"])
def test_ids_outside_are_the_mapped_ones(host: Host, network: str) -> None:
    """The process, the image's files and new files have mapped IDs; root inside is not root outside."""
    mapped = _run(host, "c", uidmap=MAP, gidmap=["0:200000:65536"], network=network, command=["sleep", "1000"])
    assert mapped.namespace("user") != _own("user")
    assert mapped.read("uid_map").split() == ["0", "100000", "65536"]
    assert mapped.read("gid_map").split() == ["0", "200000", "65536"]
    assert mapped.status["Uid"].split()[0] == "100000"
    for path in ("root/", "root/bin", "root/etc/hosts", "root/etc/resolv.conf"):
        status = os.stat(mapped.path(path))
        assert (status.st_uid, status.st_gid) == (100000, 200000), path
    made = mapped.run("sh", "-c", "touch /made /dev/shm/made && stat -c %u:%g /made /bin")
    assert made.stdout.split() == ["0:0", "0:0"]
    assert os.stat(mapped.path("root/made")).st_uid == 100000
    if network == "bridge":
        assert "10.87." in mapped.run("ip", "address", "show", "eth0").stdout
    again = host.container(
        "c",
        **{**OPTIONS, "uidmap": MAP, "gidmap": ["0:200000:65536"], "network": network, "command": ["sleep", "1000"]},
    )
    assert not again.changed and not again.failed, again
    assert again["container"]["HostConfig"]["IDMappings"] == {"UidMap": MAP, "GidMap": ["0:200000:65536"]}


def test_mapped_containers_volume_is_its_own(host: Host) -> None:
    mapped = _run(host, "c", uidmap=MAP, volume=["data:/new", "image:/www"])
    assert mapped.run("touch", "/new/x", "/www/x").returncode == 0
    assert os.stat("/srv/static/volumes/data/_data/x").st_uid == 100000


@pytest.fixture
def subordinate(host: Host) -> Iterator[Callable[[str, int], None]]:
    """Yield a function that gives a user subordinate IDs; those of groups begin 100000 later."""

    def give(user: str, amount: int) -> None:
        for name, first in (("subuid", 300000), ("subgid", 400000)):
            with open(f"/etc/{name}", "w", encoding="ascii") as file:
                file.write(f"{user}:{first}:{amount}\n")

    give("nobody-here", 1)
    yield give
    host.run("rm", "-f", "/etc/subuid", "/etc/subgid")
    host.run("rm", "-rf", "/run/libpod-test/etc/upper/subuid", "/run/libpod-test/etc/upper/subgid")


def test_subordinate_ids_of_a_name_are_mapped(host: Host, subordinate: Callable[[str, int], None]) -> None:
    subordinate("someone", 70000)
    mapped = _run(host, "c", subuidname="someone")
    assert mapped.read("uid_map").split() == ["0", "300000", "70000"]
    assert mapped.read("gid_map").split() == ["0", "400000", "70000"]
    refused = host.container("d", **OPTIONS, subuidname="nobody")
    assert refused.failed and "'nobody' has no range in /etc/subuid" in refused["msg"]


def test_userns_auto_allocates_unique_ids_and_keeps_them(host: Host, subordinate: Callable[[str, int], None]) -> None:
    """Also with two containers at once and one of another engine. The image has a user 2000."""
    refused = host.container("a", **OPTIONS, userns="auto")
    assert refused.failed and "userns: 'containers' has no range in /etc/subuid" in refused["msg"]
    subordinate("containers", 7000)
    image = ImageStore(host.parts).get("localhost/busybox:latest").id
    Storage(host.parts).create("f" * 64, image, {"uid": [IdMap(0, 300000, 10)], "gid": [IdMap(0, 400000, 10)]})
    try:
        two = {"containers": [{"name": "a"}, {"name": "b"}], "defaults": {**OPTIONS, "userns": "auto"}}
        made = host.module("libpod_containers", two)
        assert not made.failed, [one.get("msg") for one in made["fates"]]
        containers = host.module("libpod_container_info", {"name": ["a", "b"]})["containers"]
        ends = {one["Name"]: Process({"container": one}) for one in containers}
        for kind, first in (("uid", 300010), ("gid", 400010)):
            maps = sorted(one.read(f"{kind}_map").split() for one in ends.values())
            assert maps == [["0", str(first), "2001"], ["0", str(first + 2001), "2001"]]
        again = host.module("libpod_containers", two)
        assert not again.changed and not again.failed, again
        before = ends["a"].read("uid_map")
        other = _run(host, "a", userns="auto", env={"NEW": "1"})
        assert other.read("uid_map") == before and other.pid != ends["a"].pid
    finally:
        Storage(host.parts).delete("f" * 64)
    refused = host.container("c", **OPTIONS, userns="auto:size=9000")
    assert (
        refused.failed and "fewer than 9000 subordinate IDs of 'containers' in /etc/subuid are free" in refused["msg"]
    )
    sized = _run(host, "c", userns="auto:size=2010")
    assert sized.read("gid_map").split() == ["0", "404012", "2010"], "the ten that are free before are no longer enough"


def test_user_namespace_is_joined_with_its_maps(host: Host) -> None:
    first = _run(host, "first", uidmap=MAP)
    options = dict.fromkeys(("userns", "ipc", "pid", "uts", "network"), "container:first")
    second = _run(host, "second", **options)
    assert second.namespace("user") == first.namespace("user")
    assert os.stat(second.path("root/bin")).st_uid == 100000
    again = host.container("second", **{**OPTIONS, **options})
    assert not again.changed and not again.failed, again
    third = _run(host, "third", userns=f"ns:/proc/{first.pid}/ns/user")
    assert third.namespace("user") == first.namespace("user")
    assert os.stat(third.path("root/bin")).st_uid == 100000


def test_joined_mount_namespace_is_a_dependency_or_refused_by_the_runtime(host: Host) -> None:
    """No option sets it, only the engine's configuration does."""
    host.container("first", **OPTIONS)
    host.container("second", **OPTIONS, state="present")
    runtime = Runtime(host.parts)
    first, second = runtime.container("first"), runtime.container("second")
    runtime.store.write_config(second.config._replace(namespace_containers={"mnt": first.id}))
    second = runtime.container("second")
    assert second.config.dependencies == (first.id,)
    with pytest.raises(NotImplementedByHost, match="mount namespace of container first"):
        Container(runtime.store, runtime.host, second.config).start()
    assert host.container("first", state="absent")["error"] == "DependencyExists"
