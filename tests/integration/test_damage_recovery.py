# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damage done outside of the engine: ``started`` restores the container, ``absent`` leaves nothing of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import shutil
import signal
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.tests.support import kernel
from ansible_collections.libpod.engine.tests.support.hosts import NETWORK, Host, network
from ansible_collections.libpod.engine.tests.support.operator_command import libpod
from ansible_collections.libpod.engine.tests.support.process import eventually

OPTIONS: dict[str, Any] = {
    "name": "web",
    "image": "localhost/busybox:latest",
    "command": ["sh", "-c", "trap 'exit 0' TERM; httpd -f -p 80 -h /www & wait"],
    "publish": ["8080:80"],
    "memory": "64m",
}
BESIDE: dict[str, Any] = {
    "image": "localhost/busybox:latest",
    "command": ["sleep", "100000"],
    "network": "none",
    "volume": ["kept:/data"],
    "stop_signal": "KILL",
}
Inspected = dict[str, Any]


def _run(host: Host, **changes: Any) -> Inspected:
    """Return the container after asserting that it runs as the options say and answers on its network."""
    result = host.module("libpod_container", {**OPTIONS, **changes})
    assert not result.failed, result
    container: Inspected = result["container"]
    assert container["State"]["Status"] == "running"
    address = container["NetworkSettings"]["IPAddress"]
    assert eventually(lambda: _page(address)) == b"It works.\n"
    with open(f"/proc/{container['State']['Pid']}/cmdline", encoding="utf-8") as file:
        assert file.read().split("\0")[:-1] == OPTIONS["command"]
    return container


def _page(address: str) -> bytes:
    """Return the server's answer."""
    with contextlib.closing(http.client.HTTPConnection(address, 80, timeout=20)) as connection:
        connection.request("GET", "/")
        return connection.getresponse().read()


def _remove(host: Host) -> None:
    gone = host.container("web", state="absent")
    assert not gone.failed and gone["actions"] == ["deleted web"], gone
    host.expect_clean()
    assert host.container("web", state="absent")["changed"] is False


def _end(pid: int) -> None:
    """Send SIGKILL and wait for the exit."""
    descriptor = os.pidfd_open(pid)
    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    _wait_end(descriptor)


def _wait_end(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    assert poll.poll(60_000)
    os.close(descriptor)


def _nothing(_host: Host, _web: Inspected) -> None:
    pass


def _runc_kill(host: Host, web: Inspected) -> None:
    descriptor = os.pidfd_open(web["State"]["Pid"])
    host.run("runc", "--root", f"{host.parts.run_root}/runc", "kill", web["Id"], "KILL")
    _wait_end(descriptor)


def _process_killed(_host: Host, web: Inspected) -> None:
    _end(web["State"]["Pid"])


def _conmon_killed(_host: Host, web: Inspected) -> None:
    _end(web["State"]["ConmonPid"])


def _both_killed(host: Host, web: Inspected) -> None:
    _conmon_killed(host, web)
    _process_killed(host, web)


def _namespace_deleted(_host: Host, web: Inspected) -> None:
    """Do what `ip netns del` does."""
    path = web["NetworkSettings"]["SandboxKey"]
    kernel.umount(path)
    os.unlink(path)


def _namespace_deleted_and_killed(host: Host, web: Inspected) -> None:
    _namespace_deleted(host, web)
    _process_killed(host, web)


def _rootfs_unmounted(_host: Host, web: Inspected) -> None:
    kernel.umount(web["State"]["Mountpoint"])


def _rootfs_unmounted_and_killed(host: Host, web: Inspected) -> None:
    _rootfs_unmounted(host, web)
    _process_killed(host, web)


def _rebooted(host: Host, _web: Inspected) -> None:
    host.reboot()


def _run_root_emptied(host: Host, _web: Inspected) -> None:
    """Empty the run root; the container keeps running."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        points = [line.split()[4] for line in file]
    for point in reversed([one for one in points if one.startswith(f"{host.parts.run_root}/")]):
        kernel.umount(point)
    for name in os.listdir(host.parts.run_root):
        host.run("rm", "-rf", f"{host.parts.run_root}/{name}")


def _restarted_and_run_root_emptied(host: Host, _web: Inspected) -> None:
    """As above after a restart of the container, when there is an exit on record."""
    again = _run(host, restart=True)
    _run_root_emptied(host, again)


def _spoilt(kind: str, content: bytes) -> Callable[[Host, Inspected], None]:
    def spoil(host: Host, web: Inspected) -> None:
        root = host.parts.run_root if kind == "state" else host.parts.static_root
        with open(f"{root}/containers/{web['Id']}/{kind}.json", "wb") as file:
            file.write(content)

    return spoil


def _network_defined_no_more(host: Host, _web: Inspected) -> None:
    """Remove its definition; another network exists for the next container."""
    folder = host.parts.cni_config_dir
    os.unlink(f"{folder}/87-{NETWORK}.conflist")
    with open(f"{folder}/90-other.conflist", "w", encoding="utf-8") as file:
        json.dump(network("other", "cni-other0", "10.88"), file)
    # Removed by the administrator, so no leak.
    host._clean["files"] ^= {f"file {folder}/87-{NETWORK}.conflist", f"file {folder}/90-other.conflist"}


def _link_deleted(host: Host, _web: Inspected) -> None:
    links = json.loads(host.run("ip", "-json", "link", "show", "type", "veth"))
    host.run("ip", "link", "del", links[0]["ifname"])


def _rules_flushed(host: Host, _web: Inspected) -> None:
    for table in ("nat", "filter"):
        host.run("iptables", "-t", table, "-F")


def _runtime_state_gone(host: Host, web: Inspected) -> None:
    shutil.rmtree(f"{host.parts.run_root}/runc/{web['Id']}")


def _runtime_state_gone_and_killed(host: Host, web: Inspected) -> None:
    _runtime_state_gone(host, web)
    _process_killed(host, web)


def _frozen(host: Host, _web: Inspected) -> None:
    assert host.container("web", state="paused")["actions"] == ["paused web"]


def _frozen_by_others(host: Host, web: Inspected) -> None:
    host.run("runc", "--root", f"{host.parts.run_root}/runc", "pause", web["Id"])


def _frozen_and_conmon_killed(host: Host, web: Inspected) -> None:
    _frozen(host, web)
    _conmon_killed(host, web)


def _top_layer_deleted(host: Host, web: Inspected) -> None:
    _process_killed(host, web)
    # The exit command unmounts it.
    eventually(lambda: not host.inspected("web")[0]["State"]["Mounted"])
    host.store("delete-container", web["Id"])


Damage = Callable[[Host, Inspected], None]
DAMAGES: dict[str, dict[str, Damage]] = {
    "processes": {
        "nothing": _nothing,
        "runc kill": _runc_kill,
        "process killed": _process_killed,
        "conmon killed": _conmon_killed,
        "both killed": _both_killed,
        "frozen": _frozen,
        "frozen by others": _frozen_by_others,
        "frozen, conmon killed": _frozen_and_conmon_killed,
    },
    "mounts": {
        "namespace deleted": _namespace_deleted,
        "namespace deleted, process killed": _namespace_deleted_and_killed,
        "rootfs unmounted": _rootfs_unmounted,
        "rootfs unmounted, process killed": _rootfs_unmounted_and_killed,
        "top layer deleted": _top_layer_deleted,
    },
    "run root": {
        "host rebooted": _rebooted,
        "run root emptied": _run_root_emptied,
        "run root emptied in its second life": _restarted_and_run_root_emptied,
        "runtime's state gone": _runtime_state_gone,
        "runtime's state gone, process killed": _runtime_state_gone_and_killed,
    },
    "records": {
        "state cut short": _spoilt("state", b'{"status":"run'),
        "state garbage": _spoilt("state", b"\x00\xff\x00"),
        "state empty": _spoilt("state", b""),
        "state of another shape": _spoilt("state", b"[1]"),
        "configuration cut short": _spoilt("config", b'{"version":1,"id":'),
        "configuration empty": _spoilt("config", b""),
        "configuration of another shape": _spoilt("config", b'{"version":1,"options":[]}'),
    },
}
# The container itself keeps running; the missing parts of its network are network drift.
NETWORK_DAMAGES: dict[str, Damage] = {
    "network record cut short": _spoilt("network", b'[{"network":'),
    "network record of another shape": _spoilt("network", b"5"),
    "network defined no more": _network_defined_no_more,
    "link deleted": _link_deleted,
    "rules flushed": _rules_flushed,
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_started_recovers(host: Host, kind: str) -> None:
    _run(host)
    others = kind != "run root"  # whose damages are every container's
    if others:
        assert not host.container("beside", **BESIDE).failed
    for name, damage in DAMAGES[kind].items():
        # Restart it: a container that kept running still has the damage of the case before.
        damage(host, _run(host, restart=True))
        try:
            if others:
                _look_beside(host)
            _run(host)
            settled = host.module("libpod_container", OPTIONS)
            assert settled["changed"] is False, settled
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
    if others:
        assert not host.container("beside", state="absent").failed
        assert host.module("libpod_volume", {"name": "kept", "state": "absent"}).changed
        os.rmdir(f"{host.parts.static_root}/volumes")
    _remove(host)


def _look_beside(host: Host) -> None:
    """Look at another container, and have the damaged one keep nothing from it."""
    again = host.container("beside", **BESIDE)
    assert again.get("actions") == [], again
    for names in (["beside"], []):
        shown = {one["Name"]: one for one in host.inspected(*names)}
        assert shown["beside"]["State"]["Running"], shown
    (volume,) = host.module("libpod_volume_info", {"name": "kept"})["volumes"]
    assert volume["UsedBy"] == ["beside"]
    assert "beside" in libpod(host, "ps").stdout and "beside" in libpod(host, "system", "df", "--verbose").stdout
    pruned = host.module("libpod_prune", {"container": True}, check=True)
    assert "beside" not in pruned["containers"], pruned


@pytest.mark.parametrize("kind", [*DAMAGES, "network"])
def test_removal_leaves_nothing(host: Host, kind: str) -> None:
    for name, damage in {**DAMAGES, "network": NETWORK_DAMAGES}[kind].items():
        damage(host, _run(host))
        try:
            _remove(host)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def test_start_without_its_network_is_refused(host: Host) -> None:
    web = _run(host)
    path = f"{host.parts.cni_config_dir}/87-{NETWORK}.conflist"
    os.rename(path, "/srv/kept")
    assert host.module("libpod_container", OPTIONS)["changed"] is False
    _process_killed(host, web)
    refused = host.module("libpod_container", OPTIONS)
    assert refused.failed and refused["error"] == "NoSuchNetwork", refused
    os.rename("/srv/kept", path)
    _run(host)
