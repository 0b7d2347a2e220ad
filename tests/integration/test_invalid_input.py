# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Invalid input results in a one-line error that names the cause, and changes nothing on the host."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from typing import Any, Iterator, Optional

import pytest
from ansible_collections.libpod.engine.tests.support import kernel, leaks
from ansible_collections.libpod.engine.tests.support.hosts import NETWORK, Host
from ansible_collections.libpod.engine.tests.support.process import settled

PLAIN: dict[str, Any] = {
    "image": "localhost/busybox:latest",
    "command": ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"],
    "network": "none",
}
BRIDGE: dict[str, Any] = {**PLAIN, "network": "bridge"}
NOBODY = 65534
TAKEN = 8082
MS_RDONLY = 1
ANY = "any"

# What is wrong: the task, the kind of the error, and texts its message must contain.
Case = tuple[dict[str, Any], str, tuple[str, ...]]
VALUES: dict[str, Case] = {
    "name with a blank": ({"name": "a b"}, "InvalidArgument", ("name", "'a b'")),
    "name that leads out": ({"name": "../x"}, "InvalidArgument", ("name", "'../x'")),
    "name that is empty": ({"name": ""}, "InvalidArgument", ("name", "''")),
    "name with a newline": ({"name": "a\n"}, "InvalidArgument", ("name", r"'a\n'")),
    "memory 12x": ({"memory": "12x"}, "InvalidArgument", ("memory", "'12x'", "512m")),
    "memory below zero": ({"memory": "-5"}, "InvalidArgument", ("memory", "'-5'")),
    "memory too small": ({"memory": "1k"}, "InvalidArgument", ("memory", "6m")),
    "swap below memory": ({"memory": "64m", "memory_swap": "32m"}, "InvalidArgument", ("memory_swap", "memory")),
    "shm_size 12x": ({"shm_size": "12x"}, "InvalidArgument", ("shm_size", "'12x'")),
    "tmpfs size 12x": ({"tmpfs": {"/x": "size=12x"}}, "InvalidArgument", ("tmpfs", "'12x'")),
    "cpus below zero": ({"cpus": "-1"}, "InvalidArgument", ("cpus", "'-1'")),
    "cpu_shares below zero": ({"cpu_shares": -1}, "InvalidArgument", ("cpu_shares", "-1")),
    "cpu_quota below zero": ({"cpu_quota": -5}, "InvalidArgument", ("cpu_quota", "-5")),
    "shares above the kernel's": ({"cpu_shares": 1 << 20}, "InvalidArgument", ("cpu_shares", "262144")),
    "more processes than there can be": ({"pids_limit": 1 << 23}, "InvalidArgument", ("pids_limit", "4194304")),
    "memory that is none": ({"memory": str(1 << 62)}, "InvalidArgument", ("memory", "2^61")),
    "command that YAML made a boolean": ({"command": True}, "InvalidArgument", ("command", "quoted")),
    "variable too long for a program": ({"env": {"A": "x" * (1 << 17)}}, "InvalidArgument", ("env", "A", "131071")),
    "mount that Ansible has split": (
        {"mount": "type=bind,source=/srv,target=/x"},
        "InvalidArgument",
        ("mount", "'type=bind'", "in a list"),
    ),
    "pids_limit below zero": ({"pids_limit": -5}, "InvalidArgument", ("pids_limit", "-5")),
    "cpuset of no CPU": ({"cpuset_cpus": "0-9999"}, "InvalidArgument", ("cpuset_cpus", "no CPU")),
    "stop_timeout below zero": ({"stop_timeout": -3}, "InvalidArgument", ("stop_timeout", "-3")),
    "unknown signal": ({"stop_signal": "NOPE"}, "InvalidArgument", ("stop_signal", "'NOPE'")),
    "unknown capability": ({"cap_add": ["NOPE"]}, "InvalidArgument", ("cap_add", "CAP_NOPE")),
    "unknown security option": ({"security_opt": ["foo=bar"]}, "InvalidArgument", ("security_opt", "foo=bar")),
    "unknown resource": ({"ulimit": ["foo=1"]}, "InvalidArgument", ("ulimit", "foo=1")),
    "soft above hard": ({"ulimit": ["nofile=10:5"]}, "InvalidArgument", ("ulimit", "nofile=10:5")),
    "relative workdir": ({"workdir": "etc"}, "InvalidArgument", ("workdir", "'etc'")),
    "open quotes": ({"command": "sh -c 'x"}, "InvalidArgument", ("command", "quote")),
    "variable with =": ({"env": {"A=B": "x"}}, "InvalidArgument", ("env", "'A=B'")),
    "address that is none": ({"dns": ["x"]}, "InvalidArgument", ("dns", "'x'")),
    "unknown network mode": ({"network": "pod:foo"}, "InvalidArgument", ("network", "'pod:foo'")),
    "port too high": ({**BRIDGE, "publish": ["70000:80"]}, "InvalidArgument", ("publish", "70000:80", "65535")),
    "port zero": ({**BRIDGE, "publish": ["80:0"]}, "InvalidArgument", ("publish", "80:0", "65535")),
    "port without a network": ({"publish": ["8083:80"], "strict": True}, "InvalidArgument", ("publish", "network")),
    "cgroup parent that leads out": ({"cgroup_parent": "../../x"}, "InvalidArgument", ("cgroup_parent", "../../x")),
    "bad name beside a new pod": ({"name": "a b", "pod": "new:p"}, "InvalidArgument", ("name", "'a b'")),
    "relative root": ({"static_root": "here"}, "InvalidArgument", ("static_root", "'here'", "absolute")),
}
HOSTS: dict[str, Case] = {
    "unknown image": ({"image": "localhost/none"}, "NoSuchImage", ("localhost/none",)),
    "image without a source": ({"image": "oci:/srv/none:x"}, "NoSuchImage", ("oci:/srv/none:x",)),
    "image that is no reference": ({"image": "UPPER CASE"}, "InvalidArgument", ("'UPPER CASE'",)),
    "no image": ({"image": None}, "InvalidArgument", ("image", "web")),
    "rootfs that is a file": ({"image": "/srv/file", "rootfs": True}, "InvalidArgument", ("/srv/file", "directory")),
    "rootfs that is not there": ({"image": "/srv/no", "rootfs": True}, "InvalidArgument", ("/srv/no", "directory")),
    "unknown user": ({"user": "nemo"}, "InvalidArgument", ("user", "nemo", "/etc/passwd")),
    "unknown group": ({"user": "root:nemo"}, "InvalidArgument", ("user", "nemo", "/etc/group")),
    "missing bind source": ({"volume": ["/srv/no:/x"]}, "InvalidArgument", ("volume", "/srv/no", "exist")),
    "missing env_file": ({"env_file": ["/srv/no"]}, "InvalidArgument", ("env_file", "/srv/no")),
    "missing seccomp profile": ({"security_opt": ["seccomp=/srv/no"]}, "InvalidArgument", ("security_opt", "/srv/no")),
    "seccomp profile that is none": ({"security_opt": ["seccomp=/srv/file"]}, "InvalidArgument", ("/srv/file", "JSON")),
    "missing log directory": ({"log_opt": {"path": "/srv/no/x.log"}}, "InvalidArgument", ("log_opt", "/srv/no/x.log")),
    "log that is a directory": ({"log_opt": {"path": "/srv"}}, "InvalidArgument", ("log_opt", "/srv")),
    "no such memory node": ({"cpuset_mems": "999"}, "InvalidArgument", ("cpuset_mems", "no memory node 999")),
    "nobody's IDs for userns": ({"userns": "auto"}, "InvalidArgument", ("userns", "containers", "/etc/subuid")),
    "nobody's subordinate IDs": ({"subuidname": "nobody-there"}, "InvalidArgument", ("subuidname", "/etc/subuid")),
    "missing pod": ({"pod": "no"}, "NoSuchPod", ("pod:", "'no'", "libpod_pod")),
    "volumes of a missing container": ({"volumes_from": ["no"]}, "NoSuchContainer", ("volumes_from", "'no'", "make")),
    "missing namespace": ({"network": "ns:/srv/no"}, "InvalidArgument", ("network", "/srv/no")),
    "namespace that is a file": ({"network": "ns:/srv/file"}, "InvalidArgument", ("network", "/srv/file")),
    "join of a missing container": ({"network": "container:no"}, "NoSuchContainer", ("network", "'no'", "web")),
    "join of a stopped container": ({"network": "container:idle"}, "ContainerStopped", ("network", "idle", "start it")),
    "DNS of a joined network": (
        {"network": "container:other", "dns": ["192.0.2.1"]},
        "InvalidArgument",
        ("dns", "container other"),
    ),
    "join of itself": ({"network": "container:web"}, "InvalidArgument", ("network", "web", "its own")),
    "undefined network": (
        {"network": "nowhere"},
        "NoSuchNetwork",
        ("nowhere", "/srv/cni", NETWORK, "make it with libpod_network"),
    ),
    "port taken by a listener": ({**BRIDGE, "publish": [f"{TAKEN}:80"]}, "InvalidArgument", (str(TAKEN), "in use")),
    "port taken by a container": (
        {**BRIDGE, "publish": ["8081:80"]},
        "InvalidArgument",
        ("8081", "in use by container other"),
    ),
    "address of another host": (
        {**BRIDGE, "publish": ["203.0.113.9:8084:80"]},
        "InvalidArgument",
        ("publish", "203.0.113.9", "address of this host"),
    ),
    "limit above the host's": (
        {"ulimit": ["nofile=99999999999:99999999999"]},
        "InvalidArgument",
        ("ulimit", "nofile=99999999999"),
    ),
    "command not found": ({"command": ["/no/such"]}, "InvalidArgument", ("web", "command", "/no/such")),
    "command that is no program": (
        {"command": ["/etc/passwd"]},
        "InvalidArgument",
        ("web", "command", "/etc/passwd", "permission denied"),
    ),
    "workdir that is a file": ({"workdir": "/etc/passwd"}, "InvalidArgument", ("workdir", "/etc/passwd", "directory")),
    "sysctl of the host": ({"sysctl": {"kernel.nope": "1"}}, "InvalidArgument", ("sysctl", "kernel.nope", "host")),
    "sysctl that is none": ({"sysctl": {"kernel.shmnope": "1"}}, "InvalidArgument", ("kernel.shmnope",)),
    "no OCI runtime": (
        {"oci_runtime": "/srv/no/runc"},
        "ToolMissing",
        ("/srv/no/runc", "package runc", "say in oci_runtime"),
    ),
    "no conmon": (
        {"conmon_path": "/srv/no/conmon"},
        "ToolMissing",
        ("/srv/no/conmon", "package conmon", "say in conmon_path"),
    ),
    "no CNI plugin": (
        {**BRIDGE, "cni_plugin_dirs": ["/srv/no"]},
        "ToolMissing",
        ("bridge", "/srv/no", "containernetworking-plugins", "say in cni_plugin_dirs"),
    ),
    "sysctl of no network": ({"sysctl": {"net.ipv4.nope": "1"}}, "InvalidArgument", ("sysctl", "net.ipv4.nope")),
    "refused value of a sysctl": (
        {"sysctl": {"kernel.msgmax": "abc"}},
        "InvalidArgument",
        ("sysctl", "kernel.msgmax=abc", "Invalid argument"),
    ),
    "volume in /proc": ({"volume": ["/srv/file:/proc/x"]}, "InvalidArgument", ("volume", "/proc/x", "uptime")),
    "tmpfs over /proc": ({"tmpfs": {"/proc": ""}}, "InvalidArgument", ("tmpfs", "/proc")),
    "volume in /sys": ({"volume": ["/srv:/sys/x"]}, "InvalidArgument", ("volume", "/sys/x")),
    "volume without devices": ({"volume": ["named:/dev"]}, "InvalidArgument", ("volume", "/dev", "devices")),
    "directory on a file": ({"volume": ["/srv:/etc/passwd"]}, "InvalidArgument", ("volume", "/etc/passwd", "file")),
    "file on a directory": ({"volume": ["/srv/file:/data"]}, "InvalidArgument", ("volume", "/data", "directory")),
    "tmpfs on a file": ({"tmpfs": {"/etc/passwd": ""}}, "InvalidArgument", ("tmpfs", "/etc/passwd", "file")),
    "target below a file": ({"volume": ["v:/etc/passwd/x"]}, "InvalidArgument", ("volume", "/etc/passwd/x", "Not a")),
    "tmpfs over the program": ({"tmpfs": {"/bin": "notmpcopyup"}}, "InvalidArgument", ("command", "hides", "web")),
    "tmpfs without exec": ({"tmpfs": {"/bin": ""}}, "InvalidArgument", ("command", "noexec", "web")),
    "volume over the program": ({"volume": ["/srv/cni:/bin"]}, "InvalidArgument", ("command", "hides", "web")),
    "empty volume over the program": ({"volume": ["n:/bin:nocopy"]}, "InvalidArgument", ("command", "hides", "web")),
    "too few open files": ({"ulimit": ["nofile=5"]}, "InvalidArgument", ("ulimit", "nofile=5", "runc")),
    "slice without systemd": ({"cgroup_parent": "a.slice"}, "InvalidArgument", ("cgroup_parent", "a.slice")),
    "systemd that does not run": ({"cgroup_manager": "systemd"}, "NotImplementedByHost", ("cgroup_manager", "systemd")),
}
# An earlier task of the play may create these: check mode warns of them.
TO_COME = (
    *("unknown image", "rootfs that is not there", "missing bind source", "missing seccomp profile", "missing pod"),
    *("volumes of a missing container", "join of a missing container", "join of a stopped container"),
    *("undefined network", "no OCI runtime", "no conmon", "no CNI plugin", "missing env_file"),
)


class Furnished:
    """A host with a running and a configured container, a port in use, and a plain file."""

    def __init__(self, host: Host) -> None:
        self.host = host
        for name, options in (("other", {**BRIDGE, "publish": ["8081:80"]}), ("idle", {**PLAIN, "state": "created"})):
            made = host.container(name, **options)
            assert not made.failed, made
            if name == "other":
                settled(made)
        self.remember()

    def remember(self) -> None:
        """Record the current state as the one to be preserved."""
        self._before = leaks.snapshot(self.host)
        self._listed = self.host.inspected()

    def refuses(self, options: dict[str, Any], error: Optional[str], *expected: str, **how: Any) -> None:
        """Assert that the task fails with these texts in its one-line message and changes nothing on the host."""
        refused = self.host.module("libpod_container", {"name": "web", **options}, **how)
        if how.get("check") and not refused.failed and cases_to_come(expected):
            # An earlier task of the play may create it.
            sentence = str(refused["warnings"])
        else:
            assert refused.failed, refused
            assert error == ANY or refused.get("error") == error, refused
            sentence = refused["msg"]
        assert "\n" not in sentence and "Traceback" not in f"{refused}{refused.stderr}", refused
        assert not [part for part in expected if part not in sentence], sentence
        changed = leaks.difference(self._before, leaks.snapshot(self.host))
        assert not changed, f"{sentence}\n  " + "\n  ".join(changed)
        assert self.host.inspected() == self._listed


def cases_to_come(expected: tuple[str, ...]) -> bool:
    """Return whether these are the expected texts of something that an earlier task could have created."""
    return expected in [HOSTS[case][2] for case in TO_COME]


@pytest.fixture
def furnished(host: Host) -> Iterator[Furnished]:
    with open("/srv/file", "w", encoding="ascii"), socket.create_server(("127.0.0.1", TAKEN)):
        yield Furnished(host)
    os.unlink("/srv/file")


@pytest.mark.parametrize("cases", [VALUES, HOSTS], ids=["by itself", "on this host"])
def test_bad_value_is_refused_with_a_one_line_message(furnished: Furnished, cases: dict[str, Case]) -> None:
    for case, (options, error, expected) in cases.items():
        try:
            furnished.refuses({**PLAIN, **options}, error, *expected)
            furnished.refuses({**PLAIN, **options}, error, *expected, check=True)
        except AssertionError as failure:
            raise AssertionError(f"{case}: {failure}") from failure


def test_bad_value_leaves_a_running_container_unchanged(furnished: Furnished) -> None:
    made = furnished.host.container("web", **PLAIN)
    settled(made)
    furnished.remember()
    for case in ("unknown image", "missing bind source", "undefined network", "port taken by a container", "no conmon"):
        options, error, expected = HOSTS[case]
        furnished.refuses({**PLAIN, "hostname": "another", **options}, error, *expected)
    again = furnished.host.container("web", **PLAIN)
    assert (again.changed, again["container"]["State"]["Pid"]) == (False, made["container"]["State"]["Pid"])


def test_unknown_option_is_refused_by_name_with_what_takes_its_place(furnished: Furnished) -> None:
    unknown = {
        "networks": "networks (here it is network)",
        "generate_systemd": "generate_systemd (leave it out",
        "imgae": "imgae (did you mean image?)",
        "no_such_option": "no_such_option",
    }
    for option, said in unknown.items():
        furnished.refuses({**PLAIN, option: "x"}, "InvalidArgument", said, "ansible-doc libpod_container")


def test_unprivileged_task_is_refused(furnished: Furnished) -> None:
    for options in (PLAIN, {"state": "absent"}, {"state": "stopped"}):
        furnished.refuses(options, "InvalidArgument", "root", "become", prepare=lambda: kernel.lose_root(NOBODY))


def test_tool_that_cannot_run_is_named(furnished: Furnished) -> None:
    kernel.mount("/srv/file", "/usr/bin/containers-storage", flags=kernel.MS_BIND)
    furnished.remember()
    try:
        other = {**PLAIN, "image": "busybox", "storage_driver": "vfs"}
        furnished.refuses(other, "ToolMissing", "containers-storage", "package containers-storage")
    finally:
        kernel.umount("/usr/bin/containers-storage")


@contextlib.contextmanager
def _disk(options: str, flags: int = 0) -> Iterator[dict[str, str]]:
    """Yield a small separate file system for both roots."""
    os.mkdir("/srv/small")
    kernel.mount("small", "/srv/small", "tmpfs", flags=flags, options=options)
    try:
        yield {"static_root": "/srv/small/static", "run_root": "/srv/small/run"}
    finally:
        kernel.umount("/srv/small")
        os.rmdir("/srv/small")


def _fill(folder: str, left: int) -> None:
    """Fill the file system except for this many bytes."""
    with open(f"{folder}/filler", "wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        file.truncate(max(0, os.fstat(file.fileno()).st_size - left))


@pytest.mark.parametrize("left", range(0, 40_960, 4096))
def test_full_disk_is_reported_and_nothing_is_left(furnished: Furnished, left: int) -> None:
    """With more space, one more record is written before the write that fails."""
    with _disk("size=64k,mode=755") as roots:
        for root in roots.values():
            for name in ("names", "containers", "locks"):
                os.makedirs(f"{root}/{name}")
        _fill("/srv/small", left)
        furnished.remember()
        # The engine's or the OCI runtime's message, depending on which write fails.
        furnished.refuses({**PLAIN, **roots}, ANY, "space left on device")


def test_read_only_disk_is_reported(furnished: Furnished) -> None:
    with _disk("mode=755", flags=MS_RDONLY) as roots:
        furnished.remember()
        for options in (PLAIN, {"state": "absent"}):
            furnished.refuses({**options, **roots}, "OSError", "/srv/small", "Read-only file system")


@contextlib.contextmanager
def _network_file(furnished: Furnished, content: str) -> Iterator[None]:
    path = f"{furnished.host.parts.cni_config_dir}/10-broken.conflist"
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
    furnished.remember()
    try:
        yield
    finally:
        os.unlink(path)


def test_malformed_network_is_named(furnished: Furnished) -> None:
    for content in (
        "{",
        "[]",
        '{"name": "broken"}',
        '{"name": "broken", "plugins": []}',
        '{"name": "broken", "plugins": [{"type": "../../bin/sh"}]}',
    ):
        with _network_file(furnished, content):
            furnished.refuses({**PLAIN, "network": "broken"}, "NoSuchNetwork", "10-broken")
    with _network_file(furnished, '{"cniVersion": "1.0.0", "name": "broken", "plugins": [{"type": "no-such"}]}'):
        furnished.refuses({**PLAIN, "network": "broken"}, "ToolMissing", "no-such")


def test_network_whose_plugin_refuses_leaves_nothing(furnished: Furnished) -> None:
    ranges = [[{"subnet": "nonsense"}]]
    plugin = {"type": "bridge", "bridge": "cni-broken0", "ipam": {"type": "host-local", "ranges": ranges}}
    with _network_file(furnished, json.dumps({"cniVersion": "0.4.0", "name": "broken", "plugins": [plugin]})):
        furnished.refuses({**PLAIN, "network": "broken"}, "ToolFailed", "ADD", "broken", "nonsense")
