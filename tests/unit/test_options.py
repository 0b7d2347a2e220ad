# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of options: how a whole task is normalised, and which combinations are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model import cgroup_limits
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument, take_warnings
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._model.options.table import (
    MOUNTS,
    OPTIONS,
    Change,
    changed_options,
    from_json,
)
from hypothesis import given, settings
from hypothesis import strategies as st

MIB = 1 << 20


def test_omitted_options_have_the_documented_defaults() -> None:
    options = normalise({})
    assert options == normalise(dict.fromkeys(OPTIONS)) and set(options) == set(OPTIONS)
    assert (options["pids_limit"], options["shm_size"], options["stop_timeout"]) == (2048, 64 * MIB, 10)
    assert options["network"] == normalise({"network": ["bridge"]})["network"]


def test_normalised_options_survive_their_record() -> None:
    requested = {
        "env": {"A": 1},
        "publish": ["80"],
        "volume": ["a:/b"],
        "ulimit": ["core=0"],
        "security_opt": [],
        "cpus": 1,
    }
    for options in (normalise({}), normalise(requested)):
        assert from_json(json.loads(json.dumps(options))) == options


def test_normalised_options_are_the_callers_own() -> None:
    mine = normalise({})
    for value in mine.values():
        if isinstance(value, (dict, list)):
            value.clear()
    assert normalise({}) != mine and OPTIONS["network"].default["mode"] == "cni"


# The other defaults come from the image or the kernel, and have no notation.
DEFAULTS: dict[str, Any] = {
    "env": {}, "label": {}, "volume": [], "tmpfs": {}, "publish": [], "network": ["bridge"], "dns": [],
    "dns_option": [], "dns_search": [], "etc_hosts": {}, "memory": "0", "memory_swap": "-1", "cpu_quota": -1,
    "cpu_period": 0, "cpu_shares": 0, "pids_limit": "2048", "cap_add": [], "cap_drop": [], "privileged": False,
    "read_only": False, "security_opt": [], "ulimit": [], "sysctl": {}, "shm_size": "64m", "stop_timeout": 10,
    "log_driver": "k8s-file", "log_opt": {}, "interactive": False, "tty": False, "group_add": [], "passwd": True,
    "hostuser": "", "umask": "0022", "init": False, "env_host": False, "env_merge": {}, "unsetenv": [],
    "unsetenv_all": False, "http_proxy": True, "annotation": {}, "mount": [], "volumes_from": [],
    "image_volume": "bind", "expose": [], "ipc": "shareable", "pid": "private", "uts": "private", "userns": "host",
    "uidmap": [], "gidmap": [], "requires": [], "no_hosts": False, "memory_reservation": "0", "memory_swappiness": -1,
    "kernel_memory": "0", "oom_kill_disable": False, "cpu_rt_period": 0, "cpu_rt_runtime": 0, "blkio_weight": 0,
    "blkio_weight_device": {"/dev/a": 0}, "device_read_bps": ["/dev/a:0"], "device_write_bps": [],
    "device_read_iops": ["/dev/a:0"], "device_write_iops": [], "cgroup_conf": {}, "device": [], "publish_all": False,
    "device_cgroup_rule": "", "read_only_tmpfs": True, "secrets": [], "rewindable": False,
}  # fmt: skip


@pytest.mark.parametrize("name", DEFAULTS)
def test_explicit_default_is_no_difference(name: str) -> None:
    assert not changed_options(normalise({name: DEFAULTS[name]}), normalise({}))


BAD: dict[str, Any] = {
    "command": "a 'b", "entrypoint": "[a", "env": {"": "x"}, "workdir": "a", "hostname": "a b", "volume": ["a"],
    "tmpfs": {"a": ""}, "publish": ["x"], "network": ["a b"], "dns": ["x"], "etc_hosts": {"a": "x"}, "memory": "12x",
    "memory_swap": "12x", "cpu_quota": 5, "cpu_period": 5, "cpu_shares": -5, "cpuset_cpus": "x", "pids_limit": "-5",
    "security_opt": ["x"], "ulimit": ["x"], "shm_size": "-1", "stop_signal": "FOO", "stop_timeout": -1,
    "ip": "::1", "ip6": "10.0.0.1", "mac_address": "01:00:00:00:00:00", "network_aliases": ["a b"],
    "cidfile": "x", "pid_file": "x", "conmon_pidfile": "x", "personality": "x",
    "hooks_dir": ["x"], "systemd": "x", "gpus": "a b", "shm_size_systemd": "x",
    "cgroup_parent": "/", "log_opt": {"path": "x"}, "passwd_entry": "x", "group_entry": "x", "hostuser": "a b",
    "umask": "9", "timezone": "../x", "init_path": "a", "oom_score_adj": 2000, "env_merge": {"": "x"},
    "chrootdirs": "a", "mount": ["type=x,target=/a"], "volumes_from": ["a:x"], "expose": ["x"], "ipc": "x", "pid": "x",
    "uts": "x", "userns": "x", "cgroupns": "x", "uidmap": ["x"], "gidmap": ["x"], "pod": "a b", "requires": ["a b"],
    "memory_reservation": "12x", "memory_swappiness": 500, "kernel_memory": "12x", "cpuset_mems": "x",
    "cpu_rt_period": -5, "cpu_rt_runtime": -5, "blkio_weight": 5, "blkio_weight_device": {"/dev/a": 5},
    "device_read_bps": ["x"], "device_write_bps": ["/dev/a:x"], "device_read_iops": ["a:1"],
    "device_write_iops": ["/dev/a:-1"], "cgroup_conf": {"../x": 1}, "rdt_class": "a/b", "device": ["a"],
    "device_cgroup_rule": "x", "secrets": ["a,type=x"],
    "timeout": -1, "restart_policy": "on-failure:x", "healthcheck": "CMD", "healthcheck_interval": "1d",
    "healthcheck_timeout": 0, "healthcheck_retries": 0, "healthcheck_start_period": "x", "health_startup_cmd": "CMD",
    "health_startup_interval": "1ms", "health_startup_retries": -1, "health_startup_success": -1,
    "health_startup_timeout": "x",
}  # fmt: skip
# Any text is valid for these, or the host or Ansible validates them.
FREE = set(
    "user label dns_option dns_search cap_add cap_drop privileged read_only sysctl log_driver interactive tty"
    " group_add passwd init env_host unsetenv unsetenv_all http_proxy annotation image_volume publish_all subuidname"
    " subgidname no_hosts rm rmi seccomp_policy cgroups sdnotify init_ctr oom_kill_disable read_only_tmpfs rewindable"
    " healthcheck_failure_action no_healthcheck".split()
)


def test_every_option_refuses_a_value_or_is_listed() -> None:
    assert set(BAD) | FREE == set(OPTIONS) and not set(BAD) & FREE


@pytest.mark.parametrize("name", BAD)
def test_refusal_names_the_option_and_what_was_expected(name: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"^{name}[.\w]*: .* cannot be used: expected .{{5,}}"):
        normalise({name: BAD[name]})


@pytest.mark.parametrize(
    ("requested", "memory", "swap"),
    [
        ({"memory": "64m"}, 64 * MIB, 128 * MIB),
        ({"memory": "64m", "memory_swap": "0"}, 64 * MIB, 128 * MIB),
        ({"memory": "64m", "memory_swap": "64m"}, 64 * MIB, 64 * MIB),
        ({"memory": "64m", "memory_swap": "1g"}, 64 * MIB, 1024 * MIB),
        ({"memory": "64m", "memory_swap": "-1"}, 64 * MIB, -1),
        ({"memory": "64m", "memory_swap": -1}, 64 * MIB, -1),
        ({"memory_swap": "-1"}, None, None),
        ({"memory": "0", "memory_swap": "0"}, None, None),
        ({"memory": "6m"}, 6 * MIB, 12 * MIB),
    ],
)
def test_swap_is_podmans(requested: dict[str, Any], memory: object, swap: object) -> None:
    options = normalise(requested)
    assert (options["memory"], options["memory_swap"]) == (memory, swap)


@settings(max_examples=30, deadline=None)
@given(st.integers(6 * MIB, 2**40), st.integers(0, 2**40))
def test_memory_and_swap_together_are_never_below_memory(memory: int, more: int) -> None:
    assert normalise({"memory": memory, "memory_swap": memory + more})["memory_swap"] == memory + more
    if more:
        with pytest.raises(InvalidArgument, match=rf"^memory_swap: .*expected -1 or at least memory \({memory}\)"):
            normalise({"memory": memory, "memory_swap": max(1, memory - more)})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"init_ctr": "once"}, r"^init_ctr: needs pod"),
        ({"init_ctr": "once", "pod": "p", "rm": True}, r"^rm: cannot be combined with init_ctr"),
        ({"rm": True, "restart_policy": "always"}, r"^restart_policy: 'always' cannot be combined with rm"),
        ({"rmi": True, "restart_policy": "on-failure"}, r"^restart_policy: 'on-failure' cannot be combined with rm"),
        ({"shm_size": "1m", "ipc": "host"}, r"^shm_size: with ipc 'host' the container's /dev/shm is the host's"),
        ({"shm_size": "1m", "ipc": "container:x"}, r"^shm_size: .* is another container's"),
        ({"shm_size": "1m", "ipc": "none"}, r"^shm_size: .* is not there"),
        (
            {"sysctl": {"net.ipv4.ip_forward": 1}, "network": ["host"]},
            r"^sysctl: net.ipv4.ip_forward .* network is host",
        ),
        (
            {"sysctl": {"kernel.shmmax": 1}, "ipc": "host"},
            r"^sysctl: kernel.shmmax would be the host's, for ipc is host",
        ),
        (
            {"dns": ["::1"], "network": ["container:x"]},
            r"^dns: container x shares its files with its network: give it dns",
        ),
        ({"etc_hosts": {"a": "::1"}, "network": ["container:x"]}, r"^etc_hosts: container x shares"),
        ({"sysctl": {"kernel.panic": 1}}, r"^sysctl: kernel.panic is the whole host's"),
        ({"memory_swap": "1g"}, r"^memory_swap: 1073741824 needs memory"),
        ({"memory": "1m"}, r"^memory: 1048576 bytes cannot be used: expected at least 6m"),
        ({"cpus": "x"}, r"^cpus: 'x' cannot be used: expected a number of CPUs"),
        ({"cpus": 1, "cpu_quota": 5000}, r"^cpus: cannot be combined with cpu_quota or cpu_period"),
        ({"cpus": 1, "cpu_period": 5000}, r"^cpus: cannot be combined"),
        ({"tmpfs": {"/a/": ""}, "volume": ["v:/a"]}, r"^tmpfs: '/a' cannot be used: volume mounts there too"),
    ],
)
def test_contradictory_options_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        normalise(options)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6400))
def test_cpus_are_quota_over_period(hundredths: int) -> None:
    options = normalise({"cpus": f"{hundredths / 100:.2f}"})
    assert options == normalise({"cpu_quota": hundredths * 1000, "cpu_period": 100000})
    assert options == normalise({"cpu_quota": hundredths * 1000})


# Of several options together.
SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"cpus": "1.5"}, {"cpu_quota": 150000, "cpu_period": 100000}),
    ({"memory": "0.5g"}, {"memory": 536870912, "memory_swap": "1g"}),
    ({"uidmap": ["0:1000:10"]}, {"gidmap": ["0:1000:5", "5:1005:5"], "uidmap": ["0:1000:10"]}),
    ({"gidmap": ["0:1000:10"]}, {"uidmap": ["0:1000:10"]}),
    ({"subgidname": "web"}, {"subuidname": "web"}),
    ({"network": ["front"], "ip": "10.88.0.5"}, {"network": ["front:ip=10.88.0.5"]}),
    ({"ip6": "::5", "network_aliases": ["b", "a"]}, {"network": ["bridge:alias=a,ip6=0::5,alias=b"]}),
    ({"network": ["a:ip=10.88.0.5"], "network_aliases": ["x"]}, {"network": ["a:ip=10.88.0.5,alias=x"]}),
    ({"network": ["a", "b:alias=y"], "network_aliases": ["x"]}, {"network": ["a:alias=x", "b:alias=y,alias=x"]}),
    ({"mac_address": "92-D0-C6-0A-29-33"}, {"network": ["bridge:mac=92:d0:c6:0a:29:33"]}),
    ({"rmi": True}, {"rmi": True, "rm": True}),
    ({"healthcheck": "none"}, {"no_healthcheck": True}),
    ({"health_startup_cmd": "none"}, {}),
    ({"privileged": True}, {"privileged": True, "security_opt": ["seccomp=unconfined"]}),
    ({"ipc": "shareable", "pid": "private", "userns": "host"}, {}),
    ({"network": ["bridge", "default"]}, {}),
    ({"memory_swap": "-1"}, {}),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equivalent_options_normalise_equally(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"uidmap": ["0:1000:10"]}, {"uidmap": ["0:1000:10"], "gidmap": ["0:2000:10"]}),
        ({"uidmap": ["0:1000:10"], "subgidname": "a"}, {"uidmap": ["0:1000:10"]}),
        ({"ip": "10.88.0.5"}, {"network": ["bridge:ip=10.88.0.5,interface_name=lan"]}),
        ({"network": ["front:ip=10.88.0.5"]}, {"network": ["bridge:ip=10.88.0.5"]}),
        ({"network": ["front:ip=10.88.0.5", "back"]}, {"network": ["front", "back:ip=10.88.0.5"]}),
    ],
)
def test_different_options_normalise_differently(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert normalise(one) != normalise(other)


def test_no_cpus_is_no_quota() -> None:
    assert normalise({"cpus": "0"}) == normalise({"cpu_quota": -1}) == normalise({})


def test_privileged_container_has_no_seccomp_unless_requested() -> None:
    def seccomp(*options: str) -> str:
        return str(normalise({"privileged": True, "security_opt": list(options) or None})["security_opt"]["seccomp"])

    assert seccomp() == seccomp("no-new-privileges") == seccomp("seccomp=unconfined") == "unconfined"
    assert seccomp("seccomp=/a.json") == "/a.json"
    assert normalise({})["security_opt"]["seccomp"] == ""


@pytest.mark.parametrize("network", ["host", "none", "container:web", "ns:/run/netns/x"])
def test_publish_without_a_network_of_its_own_has_no_effect(network: str) -> None:
    assert normalise({"publish": ["80:80"], "network": [network]}) == normalise({"network": [network]})
    (warned,) = take_warnings()
    assert warned.startswith(f"publish: has no effect with the network '{network.partition(':')[0]}'")
    assert normalise({"publish": [], "network": [network]})["publish"] == [] == take_warnings()


def test_option_that_a_record_lacks_is_at_its_default() -> None:
    older = {name: value for name, value in normalise({}).items() if name not in ("tty", "shm_size")}
    assert not changed_options(normalise({}), older)
    assert [row.name for row in changed_options(normalise({"tty": True}), older)] == ["tty"]


def test_limits_are_live_and_only_the_environment_is_secret() -> None:
    live = {name for name, row in OPTIONS.items() if row.change == Change.LIVE}
    ports = {"publish", "publish_all", "expose"}
    limits = {*cgroup_limits.USUAL, *cgroup_limits.RARE, "cgroup_conf"}
    assert live == {*limits, "network", "dns", "dns_option", "dns_search", "etc_hosts", "log_opt", *ports, *MOUNTS}
    checks = {name for name in OPTIONS if name.startswith("health")}
    assert {name for name, row in OPTIONS.items() if row.change == Change.RECORD} == {
        *checks,
        "no_healthcheck",
        "annotation",
        "label",
        "requires",
        "restart_policy",
        "rm",
        "rmi",
        "stop_signal",
        "stop_timeout",
    }
    at_a_start = {"log_driver", "no_hosts", "oom_score_adj", "shm_size", "sysctl", "timeout", "ulimit"}
    assert {name for name, row in OPTIONS.items() if row.change == Change.RESTART} == at_a_start
    assert [name for name, row in OPTIONS.items() if row.secret] == ["env", "env_merge"]


@pytest.mark.parametrize(
    ("option", "before", "after", "needs"),
    [
        ("network", ["bridge"], ["bridge", "other"], Change.LIVE),
        ("network", ["bridge"], ["none"], Change.RECREATE),
        ("network", ["host"], ["bridge"], Change.RECREATE),
        ("cgroup_conf", {"memory.high": "1"}, {"memory.high": "2", "memory.low": "1"}, Change.LIVE),
        ("cgroup_conf", {"memory.high": "1"}, {}, Change.RECREATE),
        ("log_opt", {"path": "/x"}, {"path": "/x", "max_size": "1m"}, Change.LIVE),
        ("log_opt", {"path": "/x", "max_size": "1m"}, {"max_size": "1m"}, Change.RESTART),
        ("annotation", {"a": "1"}, {"b": "1"}, Change.RECORD),
        ("annotation", {"run.oci.hooks": "1", "a": "1"}, {"run.oci.hooks": "1"}, Change.RECORD),
        ("annotation", {}, {"run.oci.hooks": "1"}, Change.RECREATE),
        ("volume", ["/a:/x", "k:/k:U"], ["/b:/x:ro,rslave", "k:/k:U", "/new"], Change.LIVE),
        *(("volume", [], [f"/a:/x:{word}"], Change.RECREATE) for word in ("U", "O", "z", "Z", "shared", "rshared")),
        ("volume", ["/a:/x:U", "/b:/y"], ["/b:/y"], Change.RECREATE),
        ("mount", ["type=tmpfs,target=/t"], ["type=bind,src=/a,target=/t"], Change.LIVE),
        ("mount", ["type=ramfs,target=/t"], [], Change.RECREATE),
        ("mount", [], ["type=devpts,target=/t"], Change.RECREATE),
        ("tmpfs", {"/t": "size=1m"}, {"/t": "mode=700"}, Change.LIVE),
    ],
)
def test_some_changes_of_an_option_need_a_new_container(option: str, before: Any, after: Any, needs: Change) -> None:
    had, wanted = normalise({option: before})[option], normalise({option: after})[option]
    assert OPTIONS[option].needs(had, wanted) == needs


def test_no_two_options_share_a_name() -> None:
    names = [name for row in OPTIONS.values() for name in (row.name, *row.aliases)]
    assert len(names) == len(set(names))
