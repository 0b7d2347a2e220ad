# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names between containers: who finds whom at which address, by each container's own hosts file and C library."""

from __future__ import annotations

import json
import os
import signal
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import process
from ansible_collections.libpod.engine.tests.support import hosts
from ansible_collections.libpod.engine.tests.support.concurrent_tasks import run_concurrently
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.names import expect_names, names, running
from ansible_collections.libpod.engine.tests.support.networks import define_networks, forget_networks
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually
from ansible_collections.libpod.engine.tests.support.sweep_tasks import program, without_exit_command

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING}


@pytest.fixture
def networks(host: Host) -> Iterator[None]:
    """Yield the networks front and back beside the default one."""
    define_networks("front", "back")
    yield
    host.empty()
    forget_networks()


def run(host: Host, name: str, **options: Any) -> dict[str, Any]:
    """Run a container: a second run changes nothing. Return its inspection."""
    options = {**BASE, **options}
    made = host.container(name, **options)
    assert not made.failed, made
    again = host.container(name, **options)
    assert (again["changed"], again.get("warnings", [])) == (False, []), again
    found: dict[str, Any] = made["container"]
    return found


def stop(host: Host, name: str) -> Result:
    done = host.container(name, state="stopped")
    assert done.changed, done
    return done


def address(one: dict[str, Any], network: str = "libpod") -> str:
    found: str = one["NetworkSettings"]["Networks"][network]["IPAddress"]
    return found


def pings(one: dict[str, Any], name: str) -> bool:
    return Process(one).run("ping", "-c", "1", "-W", "5", name).returncode == 0


@pytest.mark.usefixtures("networks")
def test_aliases_beside_several_networks_are_of_each_of_them(host: Host) -> None:
    first = run(host, "first", network=["front", "back:alias=own"], network_aliases=["db"])
    assert names(run(host, "second", network="front"))["db"] == [address(first, "front")]
    third = names(run(host, "third", network="back"))
    assert third["db"] == third["own"] == [address(first, "back")]


def test_containers_find_one_another_by_name_hostname_alias_and_id(host: Host) -> None:
    first = run(host, "first", hostname="one.example.org", network_aliases=["db", "cache"])
    second = run(host, "second")
    inode = os.stat(Process(first).path("root/etc/hosts")).st_ino
    for name in ("first", "one.example.org", "db", "cache", first["Id"][:12]):
        assert names(second)[name] == [address(first)], name
        assert names(first)[name] == [address(first)], "by its own names too"
        assert pings(second, name)
    for name in ("second", second["Id"][:12]):
        assert names(first)[name] == [address(second)]
        assert pings(first, name)
    assert first["NetworkSettings"]["Networks"]["libpod"]["Aliases"] == ["cache", "db", first["Id"][:12]]
    stop(host, "second")
    assert "second" not in names(first) and second["Id"][:12] not in names(first)
    third = run(host, "second", hostname="new")
    assert names(first)["second"] == names(first)["new"] == [address(third)]
    assert os.stat(Process(first).path("root/etc/hosts")).st_ino == inode
    assert host.container("second", state="absent").changed
    assert "second" not in names(first)
    host.empty()
    host.expect_clean()


def test_names_are_scoped_to_the_networks_that_two_containers_share(host: Host, networks: None) -> None:
    front, back = run(host, "a", network="front"), run(host, "b", network="back")
    both = run(host, "c", network=["front:alias=only-in-front", "back"])
    assert "b" not in names(front) and "a" not in names(back)
    assert names(front)["c"] == [address(both, "front")] and names(back)["c"] == [address(both, "back")]
    assert "only-in-front" in names(front) and "only-in-front" not in names(back)
    assert names(both)["a"] == [address(front, "front")] and names(both)["b"] == [address(back, "back")]
    alone = run(host, "d", network="none")
    assert not names(alone).keys() & {"a", "b", "c"} and "d" not in names(front)
    more = run(host, "e", network=["back", "front"])
    assert names(both)["e"] == [address(more, "front"), address(more, "back")], "the reader's first network first"
    assert pings(both, "e") and pings(more, "a") and not pings(front, "b")


def test_live_connect_and_disconnect_move_the_names(host: Host, networks: None) -> None:
    front, back, moved = (
        run(host, "a", network="front"),
        run(host, "b", network="back"),
        run(host, "c", network="front"),
    )
    both = run(host, "c", network=["front", "back"])
    assert both["State"]["Pid"] == moved["State"]["Pid"]
    assert names(back)["c"] == [address(both, "back")] and names(both)["b"] == [address(back, "back")]
    assert names(front)["c"] == [address(both, "front")] and pings(back, "c")
    gone = run(host, "c", network=["back"])
    assert gone["State"]["Pid"] == moved["State"]["Pid"]
    assert "c" not in names(front) and "a" not in names(gone)
    assert names(back)["c"] == [address(gone, "back")] and names(gone)["b"] == [address(back, "back")]


def test_name_goes_with_a_crash_and_comes_back_with_the_restart_policy(host: Host) -> None:
    first = run(host, "first")
    crashing = run(host, "second")
    os.kill(crashing["State"]["Pid"], signal.SIGKILL)
    eventually(lambda: "second" not in names(first))
    policy = {"restart_policy": "always", "command": ["sleep", "1000"]}
    steady = run(host, "second", **policy)
    assert names(first)["second"] == [address(steady)]
    os.kill(steady["State"]["Pid"], signal.SIGKILL)

    def back() -> bool:
        (one,) = host.module("libpod_container_info", {"name": ["second"]})["containers"]
        return one["State"]["Running"] and one["RestartCount"] == 1 and names(first).get("second") == [address(one)]

    eventually(back)


def test_next_change_of_the_network_forgets_who_ended_without_an_exit_command(host: Host) -> None:
    first = run(host, "first")
    second = host.container("second", prepare=without_exit_command, **BASE)["container"]
    assert names(first)["second"] == [address(second)]
    os.kill(second["State"]["Pid"], signal.SIGKILL)
    eventually(lambda: not process.start_time(second["State"]["Pid"]))
    third = run(host, "third")
    assert "second" not in names(first) and "second" not in names(third)
    assert names(first)["third"] == [address(third)]


def test_new_address_is_known_after_re_creation_and_reboot(host: Host) -> None:
    run(host, "first", restart_policy="always")
    run(host, "second", ip="10.87.9.1", restart_policy="always")
    second = run(host, "second", ip="10.87.9.2", restart_policy="always")
    assert address(second) == "10.87.9.2"
    host.reboot()
    assert program("boot", check=lambda host: None).run(host, "").exit_code == 0
    one, two = (host.module("libpod_container_info", {"name": [name]})["containers"][0] for name in ("first", "second"))
    assert names(one)["second"] == ["10.87.9.2"] and names(two)["first"] == [address(one)]
    assert pings(one, "second") and pings(two, "first")


def test_restart_and_pause_keep_the_names(host: Host) -> None:
    first = run(host, "first")
    second = run(host, "second")
    restarted = host.container("second", state="started", force_restart=True)["container"]
    assert restarted["State"]["Pid"] != second["State"]["Pid"]
    assert names(first)["second"] == [address(restarted)] and names(restarted)["first"] == [address(first)]
    assert host.container("second", state="paused").changed
    third = run(host, "third")
    assert names(first)["second"] == [address(restarted)]
    assert names(restarted)["third"] == [address(third)], "a paused container's file is kept too"


def test_who_has_a_name_that_several_claim(host: Host) -> None:
    reader = run(host, "reader", etc_hosts={"fixed": "192.0.2.9"})
    fixed = run(host, "fixed")
    # In another order than that of the names.
    second = run(host, "b", network_aliases=["db", "fixed"], hostname="same")
    first = run(host, "a", network_aliases=["db", "localhost", host.run("hostname").strip()], hostname="same")
    found = names(reader)
    assert found["fixed"] == ["192.0.2.9"], "the container's own lines come first"
    assert names(first)["fixed"] == names(second)["fixed"] == [address(fixed)], "a name wins over an alias"
    assert found["db"] == found["same"] == [address(first), address(second)], "in the order of the names"
    assert set(found["localhost"]) <= {"127.0.0.1", "::1"}
    assert address(first) not in found.get(host.run("hostname").strip(), [])
    assert names(first)["same"] == [address(first)], "one's own host name is one's own"
    stop(host, "a")
    assert names(reader)["db"] == [address(second)]
    again = host.container("a", state="started")["container"]
    assert names(reader)["db"] == [address(again), address(second)]


def test_guests_and_neighbours_of_a_shared_namespace_have_one_file(host: Host) -> None:
    neighbour, web = run(host, "neighbour"), run(host, "web")
    guest = run(host, "guest", network="container:web")
    inode = os.stat(Process(web).path("root/etc/hosts")).st_ino
    assert os.stat(Process(guest).path("root/etc/hosts")).st_ino == inode
    assert names(web)["guest"] == ["127.0.0.1"] and names(guest)["neighbour"] == [address(neighbour)]
    assert names(neighbour)["guest"] == names(neighbour)["web"] == [address(web)]
    assert pings(neighbour, "guest") and pings(guest, "neighbour") and pings(web, "guest")
    stop(host, "guest")
    assert "guest" not in names(web) and "guest" not in names(neighbour) and "web" in names(neighbour)
    # The owner without a network has guests too.
    lonely = run(host, "lonely", network="none")
    run(host, "guest", network="container:lonely")
    assert names(lonely)["guest"] == ["127.0.0.1"] and "guest" not in names(neighbour)
    host.container("lonely", **BASE, network="none", etc_hosts={"x": "192.0.2.7"})
    assert names(lonely)["guest"] == ["127.0.0.1"] and names(lonely)["x"] == ["192.0.2.7"]


def test_owner_that_changes_its_network_keeps_its_guests(host: Host, networks: None) -> None:
    front, back = run(host, "a", network="front"), run(host, "b", network="back")
    run(host, "web", network="front")
    run(host, "guest", network="container:web")
    web = run(host, "web", network="back")
    assert "guest" not in names(front) and names(back)["guest"] == [address(web, "back")]
    assert names(web)["guest"] == ["127.0.0.1"]
    # A restart leaves the guest in the old namespace, until its own task restarts it.
    host.container("web", state="started", force_restart=True)
    assert "guest" not in names(back) and names(back)["web"]
    (joined,) = (host.container("guest", **BASE, network="container:web")["container"],)
    assert names(joined)["guest"] == ["127.0.0.1"] and "guest" in names(back)


def test_pod_is_found_by_its_name_and_its_members(host: Host) -> None:
    neighbour = run(host, "neighbour")
    pod = host.module("libpod_pod", {"name": "shop", "state": "started", "network_alias": ["store"]})
    assert not pod.failed, pod
    member = run(host, "till", pod="shop")
    other = run(host, "desk", pod="shop")
    infra = pod["pod"]["InfraContainerID"]
    (owner,) = host.module("libpod_container_info", {"name": [infra]})["containers"]
    for name in ("shop", "store", "till", "desk", infra[:12]):
        assert names(neighbour)[name] == [address(owner)], name
    assert names(member)["desk"] == names(other)["till"] == ["127.0.0.1"]
    assert names(member)["neighbour"] == [address(neighbour)]
    assert pings(neighbour, "till") and pings(member, "desk")
    assert host.module("libpod_pod", {"name": "shop", "state": "absent"}).changed
    assert not names(neighbour).keys() & {"shop", "store", "till", "desk"}


def test_both_families_have_the_names(host: Host) -> None:
    with open("/srv/cni/91-dual.conflist", "w", encoding="utf-8") as file:
        config = hosts.network("dual", "cni-dual0", "10.98")
        config["plugins"][0]["ipam"]["ranges"].append([{"subnet": "fd00:98::/64"}])
        json.dump(config, file)
    first, second = run(host, "first", network="dual"), run(host, "second", network="dual")
    found = second["NetworkSettings"]["Networks"]["dual"]
    assert names(first)["second"] == [found["IPAddress"], found["GlobalIPv6Address"]]
    assert Process(first).run("nslookup", "second").returncode != 0, "there is no server"
    assert Process(first).run("ping", "-6", "-c", "1", "-W", "5", "second").returncode == 0
    host.empty()
    os.unlink("/srv/cni/91-dual.conflist")


def test_network_with_dnsname_has_its_server_and_the_hosts_files(host: Host) -> None:
    with open("/srv/cni/91-served.conflist", "w", encoding="utf-8") as file:
        config = hosts.network("served", "cni-served0", "10.98")
        config["plugins"].append({"type": "dnsname", "domainName": "dns.podman", "capabilities": {"aliases": True}})
        json.dump(config, file)
    first = run(host, "first", network="served", network_aliases=["db"])
    second = run(host, "second", network="served")
    reader = Process(second)
    assert reader.read("root/etc/resolv.conf").startswith("search dns.podman"), reader.read("root/etc/resolv.conf")
    assert "nameserver 10.98.0.1\n" in reader.read("root/etc/resolv.conf")
    for name in ("first", "db"):
        assert names(second)[name] == [address(first, "served")]
        asked = ("nslookup", f"{name}.dns.podman", "10.98.0.1")
        answer = f"Address: {address(first, 'served')}\n"
        eventually(lambda asked=asked, answer=answer: answer in reader.run(*asked).stdout)
    given = run(host, "second", network="served", dns=["192.0.2.53"], dns_search=["example.org"])
    resolvers = Process(given).read("root/etc/resolv.conf").splitlines()
    assert resolvers[:2] == ["search example.org", "nameserver 192.0.2.53"] and "10.98" not in str(resolvers)
    host.empty()
    os.unlink("/srv/cni/91-served.conflist")
    host.run("rm", "-r", "/run/containers")
    # What the plugin leaves, for as long as the network exists.
    host.run("iptables", "-D", "INPUT", "-i", "cni-served0", "-p", "udp", "-m", "udp", "--dport", "53", "-j", "ACCEPT")


def test_edit_in_the_container_survives_its_neighbours_until_its_own_task(host: Host) -> None:
    first = run(host, "first")
    Process(first).run("sh", "-c", "printf '192.0.2.1 mine\n192.0.2.2 second' >> /etc/hosts")
    second = run(host, "second")
    assert names(first)["mine"] == ["192.0.2.1"] and names(first)["second"] == ["192.0.2.2"], "what is theirs stays"
    assert names(first)[second["Id"][:12]] == [address(second)]
    again = host.container("first", **BASE)
    assert [one["option"] for one in again["plan"]["differences"]] == ["drift"] or again.changed
    assert "mine" not in names(first) and names(first)["second"] == [address(second)]
    assert not host.container("first", **BASE).changed
    # Whatever a container does to the lines on others, their next change mends.
    Process(first).run("sh", "-c", "sed '/by libpod/d' /etc/hosts > /tmp/hosts; cat /tmp/hosts > /etc/hosts")
    run(host, "third")
    assert names(first)["second"] == [address(second)] and "third" in names(first)


def test_container_without_a_hosts_file_is_found_and_finds_nobody(host: Host) -> None:
    first = run(host, "first", no_hosts=True)
    second = run(host, "second")
    assert names(second)["first"] == [address(first)]
    assert not os.path.exists(Process(first).path("root/etc/hosts")) or "second" not in names(first)


def test_members_are_found_where_the_network_has_no_record_or_a_damaged_one(host: Host) -> None:
    first = run(host, "first", network_aliases=["db"])
    record = f"{host.parts.run_root}/networks/libpod.json"
    for damage in (None, b"", b"[]", b'{"boot_id": "other", "members": {}}', b'{"members": {"x": {"names": 5}}}'):
        os.unlink(record)
        if damage is not None:
            with open(record, "wb") as file:
                file.write(damage)
        second = run(host, "second")
        assert names(second)["first"] == names(second)["db"] == [address(first)]
        assert names(first)["second"] == [address(second)]
        stop(host, "second")
        assert "second" not in names(first)


def test_file_that_cannot_be_written_stops_no_other_container(host: Host) -> None:
    first, second = run(host, "first"), run(host, "second")
    os.unlink(f"{host.parts.run_root}/containers/{first['Id']}/hosts")
    Process(second).run("sh", "-c", "dd if=/dev/zero of=/etc/hosts bs=1M count=9")
    third = run(host, "third")
    assert names(third)["first"] == [address(first)] and names(third)["second"] == [address(second)]
    host.empty()
    host.expect_clean()


def test_many_at_once_know_one_another(host: Host, networks: None) -> None:
    def options(number: int) -> dict[str, Any]:
        return {**BASE, "name": f"c{number}", "network": ["front", "back"] if number % 2 else ["front"]}

    for round in range(2):
        for done in run_concurrently(host, [options(number) for number in range(6)]):
            assert not done.failed, done
        assert len(expect_names(host)) == 6
        ends = [{"name": f"c{number}", "state": "stopped"} for number in range(round, 6, 2)]
        for done in run_concurrently(host, [*ends, {**options(6), "network": ["back"]}]):
            assert not done.failed, done
        assert len(expect_names(host, *(one["name"] for one in ends))) == 7 - len(ends)
        assert host.container("c6", state="absent").changed


def test_many_containers_on_three_networks_all_know_the_right_ones(host: Host, networks: None) -> None:
    every = ["libpod", "front", "back"]
    listed = [
        {"name": f"c{number}", "network": [name for bit, name in enumerate(every) if (number % 7 + 1) >> bit & 1]}
        for number in range(21)
    ]
    quick = {**BASE, "command": ["sleep", "1000"], "stop_signal": "KILL"}
    made = host.module("libpod_containers", {"containers": listed, "defaults": quick})
    assert not made.failed, made
    assert len(expect_names(host)) == len(listed)
    sizes = {one["Name"]: os.stat(Process(one).path("root/etc/hosts")).st_size for one in running(host)}
    for one in running(host)[::5]:
        process = Process(one)
        for name in [name for name in names(one) if name in sizes][::4]:
            assert process.run("ping", "-c", "1", "-W", "5", name).returncode == 0, (one["Name"], name)
    # A part goes, one way or another, and comes back.
    crashed = [f"c{number}" for number in range(0, 21, 5)]
    for one in running(host):
        if one["Name"] in crashed:
            os.kill(one["State"]["Pid"], signal.SIGKILL)
    gone = [{"name": f"c{number}", "state": "stopped" if number % 2 else "absent"} for number in range(1, 21, 3)]
    assert not host.module("libpod_containers", {"containers": gone}).failed
    down = {*crashed, *(one["name"] for one in gone)}
    eventually(lambda: not any(names(one).keys() & down for one in running(host)))
    assert len(expect_names(host, *down)) == len(listed) - len(down)
    assert not host.module("libpod_containers", {"containers": listed, "defaults": quick}).failed
    assert len(expect_names(host)) == len(listed)
    for one in running(host):
        assert os.stat(Process(one).path("root/etc/hosts")).st_size < 2 * sizes[one["Name"]] + 4096, one["Name"]
