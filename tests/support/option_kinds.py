# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of every option, the kind of its values: what they mean, and how each is written (``option_strategies``)."""

from __future__ import annotations

import json
from functools import partial

from ansible_collections.libpod.engine.plugins.module_utils._model.options.table import OPTIONS
from hypothesis import strategies as st

from .option_strategies import (
    Kind,
    addresses,
    as_is,
    comma,
    commands,
    cpus,
    devices,
    entrypoints,
    exposed,
    id_maps,
    limits,
    list_of,
    mapping_of,
    mounts,
    namespaces,
    networks,
    numbers,
    one_of,
    paths,
    published,
    rules,
    secrets,
    security,
    signals,
    sizes,
    sysctls,
    tmpfs,
    ulimits,
    volumes,
    word,
)

WORDS = st.sampled_from(["a", "A", "b c", "x=1", "'", "ä", "$HOME"])
NAMES = st.sampled_from(["a", "A", "b", "web-1", "x.y"])
MEMORY = (6 << 20, 64 << 20, 512 << 20, 1 << 30, 3 << 29)
DOMAINS = Kind(one_of("example.org", "a.b", "x"), lambda one: one_of(one, one.upper(), f"{one}."))


def _rate(path: str, size: object) -> str:
    return f"{path}:{str(size).strip()}"


FLAG = Kind(
    st.booleans(),
    lambda on: one_of(True, "true", "yes", "on", "1", 1, "True") if on else one_of(False, "false", "no", "off", 0, "0"),
)
# What YAML makes of such a text without quotes.
_UNQUOTED: dict[str, list[object]] = {"1": [1], "1.5": [1.5], "True": [True], "": [None]}
_POLICIES: dict[str, list[object]] = {"no": ["", "none", False, "False"], "on-failure": ["on-failure:0"]}
TEXT = Kind(WORDS, word)
NAME = as_is(NAMES)
MAPPING = mapping_of(
    NAMES,
    Kind(
        one_of("1", "1.5", "True", "x", "X", ""),
        lambda value: one_of(value, *_UNQUOTED.get(value, [])),
    ),
)
ABSOLUTE = Kind(one_of("/a", "/a/b", "/A"), paths)
SIZE = Kind(one_of(*MEMORY), sizes)
NO_SIZE = Kind(one_of(0, *MEMORY), sizes)
NAME_LIST = list_of(NAME)
LIMIT = Kind(one_of(0, 1, 100, 2048), limits)
CPUS = Kind(st.frozensets(st.integers(0, 5), min_size=1), cpus)
ADDRESSES = Kind(one_of("192.0.2.1", "192.0.2.10", "2001:db8::1", "::1", "fe80::a"), addresses)
_CAPABILITIES = list_of(Kind(one_of("NET_ADMIN", "KILL"), lambda n: one_of(n, n.lower(), f"CAP_{n}", f"cap_{n}")))
CAPABILITIES = Kind(
    st.one_of(_CAPABILITIES.meanings, st.just("ALL")),
    lambda value: (
        st.permutations(["kill", "ALL", "all"]).map(lambda order: order[order.index("all") :])
        if value == "ALL"
        else _CAPABILITIES.spellings(value)
    ),
)
BY_DEVICE = st.dictionaries(one_of("/dev/sda", "/dev/sdb"), one_of(1 << 10, 1 << 20), max_size=2)
RATES = Kind(
    BY_DEVICE.map(lambda one: tuple(sorted(one.items()))),
    lambda value: st.permutations([f"{path}:{number}" for path, number in value]),
)
BYTE_RATES = Kind(
    RATES.meanings,
    lambda value: st.permutations([sizes(number).map(partial(_rate, path)) for path, number in value]).flatmap(
        lambda order: st.tuples(*order).map(list)
    ),
)
ID_MAP = Kind(st.lists(one_of(10, 20), min_size=1, max_size=2).map(tuple), id_maps)
ENTRY = as_is(one_of("a:x", "A:x", "$NAME:y"))
VOLUME = Kind(
    st.tuples(one_of("data", "/srv/x", "/srv/y"), one_of("/t"), st.booleans(), one_of("rprivate", "slave")), volumes
)
HEALTH = Kind(
    one_of(("CMD-SHELL", "test -e /x"), ("CMD", "test", "-e", "/x"), ("NONE",)),
    lambda value: one_of(
        list(value),
        json.dumps(value),
        *{"NONE": ["none"], "CMD-SHELL": [value[-1], f"{value[-1]}\n", f"CMD-SHELL {value[-1]}"]}.get(value[0], []),
    ),
)
DURATION = Kind(one_of(1, 30, 90, 3600), lambda n: one_of(n, str(n), f"{n}s", f"{n}000ms", f"{n // 60}m{n % 60}s"))
INTERVAL = Kind(
    one_of(0, 1, 30, 90), lambda n: one_of(n, f"{n}s", f"{n // 60}m{n % 60}s") if n else one_of("disable", 0, "0s")
)

HOST_IPS, PROTOCOLS = one_of("0.0.0.0", "127.0.0.1", "2001:db8::1"), one_of("tcp", "udp")
SECRETS = one_of(*(("s", uid, mode) for uid in (0, 5) for mode in (0o444, 0o400)), ("s", 0, 0))

KINDS: dict[str, Kind] = {
    **{name: FLAG for name, row in OPTIONS.items() if row.type == "bool"},
    "command": Kind(st.lists(WORDS, min_size=1, max_size=3).map(tuple), commands),
    "entrypoint": Kind(st.lists(one_of("/a", "b c", "C"), min_size=1, max_size=2).map(tuple), entrypoints),
    "env": MAPPING,
    "env_merge": MAPPING,
    "annotation": MAPPING,
    "label": MAPPING,
    "cgroup_conf": mapping_of(one_of("memory.high", "cpu.weight"), numbers(1, 2)),
    "workdir": ABSOLUTE,
    "init_path": ABSOLUTE,
    "cidfile": ABSOLUTE,
    "pid_file": ABSOLUTE,
    "conmon_pidfile": ABSOLUTE,
    "systemd": Kind(one_of("true", "false", "always"), lambda m: one_of(m, m.capitalize(), f" {m}")),
    "shm_size_systemd": NO_SIZE,
    "cgroups": as_is(one_of("enabled", "no-conmon", "split")),
    "sdnotify": as_is(one_of("container", "conmon", "ignore")),
    "gpus": Kind(
        one_of(("all",), ("0",), ("0", "1:2")),
        lambda m: one_of(",".join(m), " ,".join((*m[::-1], m[0])), f"device={','.join(m)}", f'"device={",".join(m)}"'),
    ),
    "init_ctr": as_is(one_of("once", "always")),
    "hooks_dir": list_of(Kind(one_of("/a", "/b"), paths), ordered=True),
    "personality": Kind(one_of("LINUX", "LINUX32"), lambda m: one_of(m, m.lower())),
    "seccomp_policy": as_is(one_of("default", "image")),
    "user": TEXT,
    "group_add": NAME_LIST,
    "unsetenv": NAME_LIST,
    "requires": NAME_LIST,
    "hostuser": comma(NAME_LIST),
    "chrootdirs": comma(list_of(ABSOLUTE, min_size=1)),
    "passwd_entry": ENTRY,
    "group_entry": ENTRY,
    "umask": Kind(one_of(0o022, 0o077, 0), lambda m: one_of(f"{m:o}", f"{m:03o}", f"0{m:03o}")),
    "timezone": as_is(one_of("UTC", "Europe/Berlin", "local")),
    "oom_score_adj": numbers(-1000, 0, 5),
    "hostname": as_is(one_of("web", "Web", "web.example")),
    "volume": list_of(VOLUME, max_size=1),
    "mount": list_of(Kind(st.tuples(one_of("/srv/x", "/srv/y"), one_of("/t"), st.booleans()), mounts), max_size=1),
    "tmpfs": mapping_of(
        one_of("/t", "/u"), Kind(st.tuples(one_of(1 << 20, 2 << 20), one_of(0o755, 0o1777), st.booleans()), tmpfs)
    ),
    "volumes_from": list_of(Kind(one_of("a", "b"), lambda one: one_of(one, f"{one}:", f"{one}:z")), ordered=True),
    "image_volume": as_is(one_of("bind", "tmpfs", "ignore")),
    "publish": Kind(
        st.one_of(
            st.frozensets(
                st.tuples(HOST_IPS, one_of(0, 8080), one_of(80), PROTOCOLS),
                max_size=3,
            ),
            st.frozensets(one_of(*(("0.0.0.0", 8000 + n, 80 + n, "tcp") for n in (0, 1, 2, 4))), max_size=4),
        ),
        published,
    ),
    "expose": Kind(st.frozensets(st.tuples(one_of(80, 81, 82, 90), PROTOCOLS), max_size=4), exposed),
    "network": Kind(
        one_of(
            ("none",),
            ("host",),
            ("",),
            ("front",),
            ("front", ""),
            ("", "front"),
            ("front:ip6=2001:db8::1",),
            ("", "front:mac=92:d0:c6:0a:29:33"),
        ),
        networks,
    ),
    "ipc": namespaces(("shareable", "private", "host", "none")),
    "pid": namespaces(("private", "host")),
    "uts": namespaces(("private", "host")),
    "userns": namespaces(("private", "host", "auto", "auto:size=9", "auto:size=9,uidmapping=0:1:1,uidmapping=1:5:1")),
    "cgroupns": namespaces(("private", "host")),
    "uidmap": ID_MAP,
    "gidmap": ID_MAP,
    "subuidname": TEXT,
    "subgidname": TEXT,
    "pod": NAME,
    "rdt_class": NAME,
    "ip": as_is(one_of("192.0.2.1", "192.0.2.10")),
    "ip6": Kind(
        one_of("2001:db8::1", "fe80::a"),
        addresses,
    ),
    "mac_address": Kind(
        one_of("92:d0:c6:0a:29:33", "92:d0:c6:0a:29:34"),
        lambda one: one_of(one, one.upper(), one.replace(":", "-")),
    ),
    "network_aliases": NAME_LIST,
    "dns": list_of(ADDRESSES, ordered=True),
    "dns_option": list_of(as_is(one_of("ndots:1", "rotate")), ordered=True),
    "dns_search": list_of(DOMAINS, ordered=True),
    "etc_hosts": mapping_of(NAMES, ADDRESSES),
    "memory": NO_SIZE,
    "memory_swap": Kind(one_of(-1, *MEMORY), lambda n: one_of(-1, "-1", " -1 ", "unlimited") if n == -1 else sizes(n)),
    "memory_reservation": NO_SIZE,
    "kernel_memory": NO_SIZE,
    "shm_size": SIZE,
    "cpu_quota": Kind(one_of(0, 1000, 50000), lambda n: one_of(n, str(n)) if n else one_of(0, -1, "-1")),
    "cpu_period": numbers(0, 1000, 100000),
    "cpu_shares": numbers(0, 2, 1024),
    "cpuset_cpus": CPUS,
    "cpuset_mems": CPUS,
    "pids_limit": LIMIT,
    "cpu_rt_period": LIMIT,
    "cpu_rt_runtime": LIMIT,
    "memory_swappiness": numbers(-1, 0, 60),
    "blkio_weight": numbers(0, 10, 1000),
    "blkio_weight_device": mapping_of(one_of("/dev/sda", "/dev/sdb"), numbers(10, 1000)),
    "device_read_bps": BYTE_RATES,
    "device_write_bps": BYTE_RATES,
    "device_read_iops": RATES,
    "device_write_iops": RATES,
    "cap_add": CAPABILITIES,
    "cap_drop": CAPABILITIES,
    "device": list_of(
        Kind(st.tuples(one_of("/dev/null", "/dev/zero"), one_of("/dev/null"), one_of("rwm", "rw", "r")), devices),
        max_size=1,
    ),
    "device_cgroup_rule": Kind(
        st.tuples(one_of("a", "b", "c"), one_of("1", "*"), one_of("3", "*"), one_of("rwm", "r")), rules
    ),
    "security_opt": Kind(
        st.tuples(
            st.booleans(),
            one_of("", "unconfined", "/p.json"),
            st.frozensets(one_of("/a", "/b")),
            st.frozensets(one_of("apparmor", "unmask", "proc", "label"), max_size=2),
        ),
        security,
    ),
    "ulimit": Kind(
        st.dictionaries(one_of("core", "nofile"), one_of((0, 0), (1, 2), (-1, -1), (5, -1)), max_size=2).map(
            lambda one: tuple(sorted(one.items()))
        ),
        ulimits,
    ),
    "sysctl": Kind(
        st.dictionaries(
            one_of("net.ipv4.ip_forward", "net.ipv4.conf.eth0/1.forwarding"), one_of("1", "1 2"), max_size=2
        ).map(lambda one: tuple(sorted(one.items()))),
        sysctls,
    ),
    "secrets": list_of(Kind(SECRETS, secrets), max_size=1),
    "healthcheck": HEALTH,
    "health_startup_cmd": HEALTH,
    "healthcheck_interval": INTERVAL,
    "health_startup_interval": INTERVAL,
    "healthcheck_timeout": DURATION,
    "health_startup_timeout": DURATION,
    "healthcheck_start_period": DURATION,
    "healthcheck_retries": numbers(1, 3),
    "health_startup_retries": numbers(0, 3),
    "health_startup_success": numbers(0, 3),
    "healthcheck_failure_action": as_is(one_of("none", "kill", "restart", "stop")),
    "stop_signal": Kind(one_of(1, 9, 15, 34, 37, 64), signals),
    "stop_timeout": DURATION,
    "timeout": DURATION,
    "restart_policy": Kind(
        one_of("no", "always", "on-failure", "on-failure:3", "unless-stopped"),
        lambda one: one_of(
            one,
            one.upper(),
            f" {one} ",
            *_POLICIES.get(one, []),
        ),
    ),
    "cgroup_parent": Kind(
        one_of("/a", "/a/b", "x.slice"),
        lambda p: one_of(p, f"{p}/", f"/{p}", p.lstrip("/")) if p[0] == "/" else st.just(p),
    ),
    "log_driver": Kind(
        one_of("k8s-file", "journald", "none"),
        lambda m: one_of("k8s-file", "json-file") if m == "k8s-file" else st.just(m),
    ),
    "log_opt": Kind(
        st.tuples(one_of("", "/l"), one_of(0, 1 << 20), one_of("", "t")),
        lambda m: st.tuples(
            paths(m[0]) if m[0] else one_of("", None), sizes(m[1]) if m[1] else st.none(), one_of(m[2])
        ).map(lambda one: dict(zip(("path", "max_size", "tag"), one))),
    ),
}
