# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of every option: two spellings of one meaning normalise to the same, two meanings to different values.

A row of the option table without a kind here fails the test.
"""

from __future__ import annotations

import ipaddress
import json
import os
import shlex
from typing import Any, Callable, NamedTuple

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.options import OPTIONS
from hypothesis import given, settings
from hypothesis import strategies as st

Strategy = st.SearchStrategy[Any]


class Kind(NamedTuple):
    """Meanings of a type of option, and the spellings of each."""

    meanings: Strategy
    spellings: Callable[[Any], Strategy]


def _one_of(*words: Any) -> Strategy:
    return st.sampled_from(words)


def _as_is(meanings: Strategy) -> Kind:
    return Kind(meanings, st.just)


def _list_of(kind: Kind, *, ordered: bool = False, min_size: int = 0, max_size: int = 3) -> Kind:
    """Lists of the kind's meanings; where the order means nothing, neither do repetitions."""
    if ordered:
        return Kind(
            st.lists(kind.meanings, max_size=max_size, unique_by=repr).map(tuple),
            lambda meant: st.tuples(*map(kind.spellings, meant)).map(list),
        )

    def spellings(meant: frozenset[Any]) -> Strategy:
        items = sorted(meant, key=repr)
        return st.permutations([*items, *items[:1]]).flatmap(
            lambda order: st.tuples(*map(kind.spellings, order)).map(list)
        )

    return Kind(st.frozensets(kind.meanings, min_size=min_size, max_size=max_size), spellings)


def _mapping_of(keys: Strategy, kind: Kind) -> Kind:
    def spellings(meant: tuple[tuple[Any, Any], ...]) -> Strategy:
        return st.permutations(meant).flatmap(
            lambda order: st.tuples(*(kind.spellings(value) for _key, value in order)).map(
                lambda values: {key: value for (key, _meant), value in zip(order, values)}
            )
        )

    meanings = st.dictionaries(keys, kind.meanings, max_size=3).map(lambda one: tuple(sorted(one.items(), key=repr)))
    return Kind(meanings, spellings)


def _sizes(number: int) -> Strategy:
    found: list[Any] = [number, str(number), f"{number}b", f" {number} B"]
    for power, unit in enumerate("kmg", 1):
        if number and number % 1024**power == 0:
            whole = number // 1024**power
            found += [f"{whole}{unit}", f"{whole}{unit.upper()}", f"{whole}{unit}b", f"{whole} {unit.upper()}iB"]
        if number and number * 2 % 1024**power == 0:
            found.append(f"{number / 1024**power:.1f}{unit}")
    return st.sampled_from(found)


def _addresses(text: str) -> Strategy:
    one = ipaddress.ip_address(text)
    words = [text] if one.version == 4 else [text, one.exploded, one.compressed, one.exploded.upper(), f"[{text}]"]
    return st.sampled_from(words)


def _ports(meant: tuple[str, int, int, str]) -> Strategy:
    host_ip, host, port, protocol = meant
    ends = [f"{port}/{protocol}", f"{port}/{protocol.upper()}", f"{port}-{port}/{protocol}"]
    ends += [f"{port}"] if protocol == "tcp" else []
    starts = [f"{ip}:{host or ''}:" for ip in _bracketed(host_ip)]
    if host_ip == "0.0.0.0":
        starts += [f"{host}:", f"{host}-{host}:"] if host else ["", ":"]
    return st.sampled_from([start + end for start in starts for end in ends])


def _exposed(meant: tuple[int, str]) -> Strategy:
    port, protocol = meant
    words = [f"{port}/{protocol}", f"{port}-{port}/{protocol.upper()}"]
    return st.sampled_from([*words, str(port)] if protocol == "tcp" else words)


def _bracketed(host_ip: str) -> list[str]:
    one = ipaddress.ip_address(host_ip)
    return [host_ip] if one.version == 4 else [f"[{one.compressed}]", f"[{one.exploded.upper()}]"]


def _signals(number: int) -> Strategy:
    name = {1: "HUP", 9: "KILL", 15: "TERM", 34: "RTMIN", 37: "RTMIN+3", 64: "RTMAX"}[number]
    return _one_of(number, str(number), name, f"SIG{name}", name.lower(), f"sig{name.lower()}")


def _paths(path: str) -> Strategy:
    return _one_of(path, f"{path}/", path.replace("/", "//"), f"{path}/.", f"{path}/x/..")


def _volumes(meant: tuple[str, str, bool, str]) -> Strategy:
    source, target, read_only, propagation = meant
    sources = [source]
    if source.startswith("/"):
        sources += [
            f"{source}/",
            f"{source}/x/..",
            os.path.relpath(source) if "/" in os.path.relpath(source) else source,
        ]
    given = [word for word in ("ro" if read_only else "", "" if propagation == "rprivate" else propagation) if word]
    words = [given, given[::-1], [*given, "rbind"]] + ([["rw", *given]] if not read_only else [])
    words += [[*given, "rprivate"]] if propagation == "rprivate" else []
    ends = [f":{','.join(one)}" for one in words if one] + ([""] if not given else [])
    return st.sampled_from([f"{one}:{target}{slash}{end}" for one in sources for slash in ("", "/") for end in ends])


def _mounts(meant: tuple[str, str, bool]) -> Strategy:
    source, target, read_only = meant
    parts = [_one_of("type=bind"), _one_of(f"source={source}", f"src={source}/")]
    parts.append(_one_of(f"target={target}", f"dst={target}", f"destination={target}/"))
    parts.append(
        _one_of("ro", "readonly", "ro=true", "rw=false") if read_only else _one_of("rw", "ro=false", "rw=true")
    )
    return st.permutations(parts).flatmap(lambda order: st.tuples(*order)).map(",".join)


def _tmpfs(meant: tuple[int, int, bool]) -> Strategy:
    number, mode, read_only = meant
    words = [_sizes(number).map(lambda text: f"size={str(text).strip()}"), _one_of(f"mode={mode:o}", f"mode=0{mode:o}")]
    words.append(_one_of("ro") if read_only else _one_of("rw", "tmpcopyup"))
    return st.permutations(words).flatmap(lambda order: st.tuples(*order)).map(",".join)


def _secrets(meant: tuple[str, int, int]) -> Strategy:
    name, uid, mode = meant
    targets = ["", f",target={name}", f",target=/run/secrets/{name}", ",type=mount"]
    modes = [f",mode={mode:o}", f",mode=0{mode:o}"] + ([""] if mode == 0o444 else [])
    return st.sampled_from([f"{name}{t},uid={uid}{m}" for t in targets for m in modes])


def _devices(meant: tuple[str, str, str]) -> Strategy:
    host, inside, access = meant
    accesses = [f":{access}", f":{access[::-1]}"] + ([""] if access == "rwm" else [])
    insides = [f":{inside}", f":{inside}/"] + ([""] if inside == host else [])
    return st.sampled_from([f"{host}{i}{a}" for i in insides for a in accesses])


def _ulimits(meant: tuple[tuple[str, tuple[int, int]], ...]) -> Strategy:
    def one(item: tuple[str, tuple[int, int]]) -> Strategy:
        name, (soft, hard) = item
        words = [f"{name}={soft}:{hard}", f"{name.upper()}={soft}:{hard}", f" {name} = {soft}:{hard}".strip()]
        return st.sampled_from(words + ([f"{name}={soft}"] if soft == hard else []))

    return st.permutations(meant).flatmap(lambda order: st.tuples(*map(one, order)).map(list))


def _id_maps(meant: tuple[int, ...]) -> Strategy:
    """Lengths of ranges inside, from 0 on; outside each begins a thousand after the one before."""
    entries, inside = [], 0
    for number, length in enumerate(meant):
        entries.append((inside, 100000 + number * 1000, length))
        inside += length
    halves = [part for i, o, n in entries for part in ((i, o, n // 2), (i + n // 2, o + n // 2, n - n // 2))]
    whole, split = ([":".join(map(str, entry)) for entry in given] for given in (entries, halves))
    return st.one_of(st.permutations(whole), st.permutations(split)).map(list)


def _cpus(meant: frozenset[int]) -> Strategy:
    numbers = sorted(meant)
    ranges = [f"{number}-{number}" for number in numbers]
    run = [f"{numbers[0]}-{numbers[-1]}"] if numbers == list(range(numbers[0], numbers[-1] + 1)) else []
    return st.one_of(st.permutations([*map(str, numbers)]), st.permutations(ranges), st.just(run or ranges)).map(
        ",".join
    )


def _commands(meant: tuple[str, ...]) -> Strategy:
    return st.one_of(st.just(list(meant)), st.just(shlex.join(meant)), st.just("  ".join(map(shlex.quote, meant))))


def _entrypoints(meant: tuple[str, ...]) -> Strategy:
    return st.sampled_from([list(meant), json.dumps(meant), *([meant[0]] if len(meant) == 1 else [])])


def _limits(number: int) -> Strategy:
    """No limit is 0 here."""
    return _one_of(number, str(number)) if number else _one_of(0, -1, "0", "-1", "unlimited")


def _comma(kind: Kind) -> Kind:
    return Kind(kind.meanings, lambda meant: kind.spellings(meant).map(_join))


def _join(words: list[str]) -> str:
    return ", ".join(words)


def _rules(meant: tuple[str, str, str, str]) -> Strategy:
    kind, major, minor, access = meant
    return _one_of(f"{kind} {major}:{minor} {access}", f" {kind}  {major}:{minor}  {access[::-1]} ")


def _sysctls(meant: tuple[tuple[str, str], ...]) -> Strategy:
    def one(item: tuple[str, str]) -> Strategy:
        name, value = item
        names = (name, name.translate({46: "/", 47: "."}))
        return st.tuples(st.sampled_from(names), _one_of(value, value.replace(" ", "\t"), f" {value} ")).map(tuple)

    return st.permutations(meant).flatmap(lambda order: st.tuples(*map(one, order)).map(dict))


def _networks(meant: tuple[str, ...]) -> Strategy:
    return st.tuples(*(_one_of("bridge", "private", "default") if not one else st.just(one) for one in meant)).map(list)


def _namespaces(words: tuple[str, ...]) -> Kind:
    return Kind(_one_of(*words, "container:web", "ns:/run/ns/x"), lambda word: _one_of(word, f" {word} "))


def _security(meant: tuple[bool, str, frozenset[str]]) -> Strategy:
    plain, profile, masks = meant
    words = [_one_of("no-new-privileges", "no-new-privileges:true", "no-new-privileges=true")] if plain else []
    if profile:
        words.append(_one_of(f"seccomp={profile}", f"seccomp:{profile}"))
    one_by_one = [_one_of(f"mask={path}", f"mask:{path}/") for path in sorted(masks)]
    together = [_one_of(f"mask={':'.join(sorted(masks))}")] if masks else []
    return st.one_of(st.just(one_by_one), st.just(together)).flatmap(
        lambda mask: st.permutations([*words, *mask]).flatmap(lambda order: st.tuples(*order).map(list))
    )


def _numbers(*numbers: int) -> Kind:
    return Kind(_one_of(*numbers), lambda number: _one_of(number, str(number)))


WORDS = st.sampled_from(["a", "A", "b c", "x=1", "'", "ä", "$HOME"])
NAMES = st.sampled_from(["a", "A", "b", "web-1", "x.y"])
MEMORY = (6 << 20, 64 << 20, 512 << 20, 1 << 30, 3 << 29)
DOMAINS = Kind(_one_of("example.org", "a.b", "x"), lambda one: _one_of(one, one.upper(), f"{one}."))
FLAG = Kind(
    st.booleans(),
    lambda on: (
        _one_of(True, "true", "yes", "on", "1", 1, "True") if on else _one_of(False, "false", "no", "off", 0, "0")
    ),
)
TEXT = _as_is(WORDS)
NAME = _as_is(NAMES)
MAPPING = _mapping_of(NAMES, Kind(_one_of("1", "x", "X", ""), lambda v: _one_of(v, *([1] if v == "1" else []))))
ABSOLUTE = Kind(_one_of("/a", "/a/b", "/A"), _paths)
SIZE = Kind(_one_of(*MEMORY), _sizes)
NO_SIZE = Kind(_one_of(0, *MEMORY), _sizes)
NAME_LIST = _list_of(NAME)
LIMIT = Kind(_one_of(0, 1, 100, 2048), _limits)
CPUS = Kind(st.frozensets(st.integers(0, 5), min_size=1), _cpus)
ADDRESSES = Kind(_one_of("192.0.2.1", "192.0.2.10", "2001:db8::1", "::1", "fe80::a"), _addresses)
CAPABILITIES = _list_of(
    Kind(
        _one_of("NET_ADMIN", "KILL", "ALL"),
        lambda n: _one_of(n, n.lower(), *([] if n == "ALL" else [f"CAP_{n}", f"cap_{n}"])),
    )
)
BY_DEVICE = st.dictionaries(_one_of("/dev/sda", "/dev/sdb"), _one_of(1 << 10, 1 << 20), max_size=2)
RATES = Kind(
    BY_DEVICE.map(lambda one: tuple(sorted(one.items()))),
    lambda meant: st.permutations([f"{path}:{number}" for path, number in meant]),
)
BYTE_RATES = Kind(
    RATES.meanings,
    lambda meant: st.permutations(
        [_sizes(number).map(lambda text, path=path: f"{path}:{str(text).strip()}") for path, number in meant]
    ).flatmap(lambda order: st.tuples(*order).map(list)),
)
ID_MAP = Kind(st.lists(_one_of(10, 20), min_size=1, max_size=2).map(tuple), _id_maps)
ENTRY = _as_is(_one_of("a:x", "A:x", "$NAME:y"))
VOLUME = Kind(
    st.tuples(_one_of("data", "/srv/x", "/srv/y"), _one_of("/t"), st.booleans(), _one_of("rprivate", "slave")), _volumes
)
HEALTH = Kind(
    _one_of(("CMD-SHELL", "test -e /x"), ("CMD", "test", "-e", "/x"), ("NONE",)),
    lambda meant: _one_of(list(meant), json.dumps(meant), *(["none"] if meant == ("NONE",) else [])),
)
DURATION = Kind(_one_of(1, 30, 90, 3600), lambda n: _one_of(n, str(n), f"{n}s", f"{n}000ms", f"{n // 60}m{n % 60}s"))
INTERVAL = Kind(
    _one_of(0, 1, 30, 90), lambda n: _one_of(n, f"{n}s", f"{n // 60}m{n % 60}s") if n else _one_of("disable", 0, "0s")
)

KINDS: dict[str, Kind] = {
    **{name: FLAG for name, row in OPTIONS.items() if row.type == "bool"},
    "command": Kind(st.lists(WORDS, min_size=1, max_size=3).map(tuple), _commands),
    "entrypoint": Kind(st.lists(_one_of("/a", "b c", "C"), min_size=1, max_size=2).map(tuple), _entrypoints),
    "env": MAPPING,
    "env_merge": MAPPING,
    "annotation": MAPPING,
    "label": MAPPING,
    "cgroup_conf": _mapping_of(_one_of("memory.high", "cpu.weight"), _numbers(1, 2)),
    "workdir": ABSOLUTE,
    "init_path": ABSOLUTE,
    "cidfile": ABSOLUTE,
    "pid_file": ABSOLUTE,
    "conmon_pidfile": ABSOLUTE,
    "systemd": Kind(_one_of("true", "false", "always"), lambda m: _one_of(m, m.capitalize(), f" {m}")),
    "shm_size_systemd": NO_SIZE,
    "cgroups": _as_is(_one_of("enabled", "no-conmon", "split")),
    "sdnotify": _as_is(_one_of("container", "conmon", "ignore")),
    "gpus": Kind(_one_of(("all",), ("0",), ("0", "1:2")), lambda m: _one_of(",".join(m), " ,".join((*m[::-1], m[0])))),
    "init_ctr": _as_is(_one_of("once", "always")),
    "hooks_dir": Kind(st.lists(_one_of("/a", "/b"), min_size=1, max_size=2).map(tuple), lambda m: _one_of(list(m))),
    "personality": Kind(_one_of("LINUX", "LINUX32"), lambda m: _one_of(m, m.lower())),
    "seccomp_policy": _as_is(_one_of("default", "image")),
    "user": TEXT,
    "group_add": NAME_LIST,
    "unsetenv": NAME_LIST,
    "requires": NAME_LIST,
    "hostuser": _comma(NAME_LIST),
    "chrootdirs": _comma(_list_of(ABSOLUTE, min_size=1)),
    "passwd_entry": ENTRY,
    "group_entry": ENTRY,
    "umask": Kind(_one_of(0o022, 0o077, 0), lambda m: _one_of(f"{m:o}", f"{m:03o}", f"0{m:03o}")),
    "timezone": _as_is(_one_of("UTC", "Europe/Berlin", "local")),
    "oom_score_adj": _numbers(-1000, 0, 5),
    "hostname": _as_is(_one_of("web", "Web", "web.example")),
    "volume": _list_of(VOLUME, max_size=1),
    "mount": _list_of(Kind(st.tuples(_one_of("/srv/x", "/srv/y"), _one_of("/t"), st.booleans()), _mounts), max_size=1),
    "tmpfs": _mapping_of(
        _one_of("/t", "/u"), Kind(st.tuples(_one_of(1 << 20, 2 << 20), _one_of(0o755, 0o1777), st.booleans()), _tmpfs)
    ),
    "volumes_from": _list_of(Kind(_one_of("a", "b"), lambda one: _one_of(one, f"{one}:", f"{one}:z")), ordered=True),
    "image_volume": _as_is(_one_of("bind", "tmpfs", "ignore")),
    "publish": _list_of(
        Kind(
            st.tuples(
                _one_of("0.0.0.0", "127.0.0.1", "2001:db8::1"), _one_of(0, 8080), _one_of(80), _one_of("tcp", "udp")
            ),
            _ports,
        )
    ),
    "expose": _list_of(Kind(st.tuples(_one_of(80, 81), _one_of("tcp", "udp")), _exposed)),
    "network": Kind(_one_of(("none",), ("host",), ("",), ("front",), ("front", ""), ("", "front")), _networks),
    "ipc": _namespaces(("shareable", "private", "host", "none")),
    "pid": _namespaces(("private", "host")),
    "uts": _namespaces(("private", "host")),
    "userns": _namespaces(("private", "host", "auto")),
    "cgroupns": _namespaces(("private", "host")),
    "uidmap": ID_MAP,
    "gidmap": ID_MAP,
    "subuidname": TEXT,
    "subgidname": TEXT,
    "pod": NAME,
    "rdt_class": NAME,
    "ip": _as_is(_one_of("192.0.2.1", "192.0.2.10")),
    "ip6": Kind(
        _one_of("2001:db8::1", "fe80::a"),
        lambda one: _one_of(one, ipaddress.ip_address(one).exploded, ipaddress.ip_address(one).exploded.upper()),
    ),
    "mac_address": Kind(
        _one_of("92:d0:c6:0a:29:33", "92:d0:c6:0a:29:34"),
        lambda one: _one_of(one, one.upper(), one.replace(":", "-")),
    ),
    "network_aliases": NAME_LIST,
    "dns": _list_of(ADDRESSES, ordered=True),
    "dns_option": _list_of(_as_is(_one_of("ndots:1", "rotate")), ordered=True),
    "dns_search": _list_of(DOMAINS, ordered=True),
    "etc_hosts": _mapping_of(NAMES, ADDRESSES),
    "memory": NO_SIZE,
    "memory_swap": Kind(_one_of(-1, *MEMORY), lambda n: _one_of(-1, "-1", " -1 ") if n == -1 else _sizes(n)),
    "memory_reservation": NO_SIZE,
    "kernel_memory": NO_SIZE,
    "shm_size": SIZE,
    "cpu_quota": Kind(_one_of(0, 1000, 50000), lambda n: _one_of(n, str(n)) if n else _one_of(0, -1, "-1")),
    "cpu_period": _numbers(0, 1000, 100000),
    "cpu_shares": _numbers(0, 2, 1024),
    "cpuset_cpus": CPUS,
    "cpuset_mems": CPUS,
    "pids_limit": LIMIT,
    "cpu_rt_period": LIMIT,
    "cpu_rt_runtime": LIMIT,
    "memory_swappiness": _numbers(-1, 0, 60),
    "blkio_weight": _numbers(0, 10, 1000),
    "blkio_weight_device": _mapping_of(_one_of("/dev/sda", "/dev/sdb"), _numbers(10, 1000)),
    "device_read_bps": BYTE_RATES,
    "device_write_bps": BYTE_RATES,
    "device_read_iops": RATES,
    "device_write_iops": RATES,
    "cap_add": CAPABILITIES,
    "cap_drop": CAPABILITIES,
    "device": _list_of(
        Kind(st.tuples(_one_of("/dev/null", "/dev/zero"), _one_of("/dev/null"), _one_of("rwm", "rw", "r")), _devices),
        max_size=1,
    ),
    "device_cgroup_rule": Kind(
        st.tuples(_one_of("a", "b", "c"), _one_of("1", "*"), _one_of("3", "*"), _one_of("rwm", "r")), _rules
    ),
    "security_opt": Kind(
        st.tuples(st.booleans(), _one_of("", "unconfined", "/p.json"), st.frozensets(_one_of("/a", "/b"))), _security
    ),
    "ulimit": Kind(
        st.dictionaries(_one_of("core", "nofile"), _one_of((0, 0), (1, 2), (-1, -1), (5, -1)), max_size=2).map(
            lambda one: tuple(sorted(one.items()))
        ),
        _ulimits,
    ),
    "sysctl": Kind(
        st.dictionaries(
            _one_of("net.ipv4.ip_forward", "net.ipv4.conf.eth0/1.forwarding"), _one_of("1", "1 2"), max_size=2
        ).map(lambda one: tuple(sorted(one.items()))),
        _sysctls,
    ),
    "secrets": _list_of(Kind(st.tuples(_one_of("s"), _one_of(0, 5), _one_of(0o444, 0o400)), _secrets), max_size=1),
    "healthcheck": HEALTH,
    "health_startup_cmd": HEALTH,
    "healthcheck_interval": INTERVAL,
    "health_startup_interval": INTERVAL,
    "healthcheck_timeout": DURATION,
    "health_startup_timeout": DURATION,
    "healthcheck_start_period": DURATION,
    "healthcheck_retries": _numbers(1, 3),
    "health_startup_retries": _numbers(0, 3),
    "health_startup_success": _numbers(0, 3),
    "healthcheck_failure_action": _as_is(_one_of("none", "kill", "restart", "stop")),
    "stop_signal": Kind(_one_of(1, 9, 15, 34, 37, 64), _signals),
    "stop_timeout": _numbers(0, 1, 10),
    "timeout": _numbers(0, 1, 10),
    "restart_policy": Kind(
        _one_of("no", "always", "on-failure", "on-failure:3", "unless-stopped"),
        lambda one: _one_of(
            one, one.upper(), f" {one} ", *{"no": ["", "none", False], "on-failure": ["on-failure:0"]}.get(one, [])
        ),
    ),
    "cgroup_parent": Kind(
        _one_of("/a", "/a/b", "x.slice"),
        lambda p: _one_of(p, f"{p}/", f"/{p}", p.lstrip("/")) if p[0] == "/" else st.just(p),
    ),
    "log_driver": Kind(
        _one_of("k8s-file", "journald", "none"),
        lambda m: _one_of("k8s-file", "json-file") if m == "k8s-file" else st.just(m),
    ),
    "log_opt": Kind(
        st.tuples(_one_of("", "/l"), _one_of(0, 1 << 20), _one_of("", "t")),
        lambda m: st.tuples(
            _paths(m[0]) if m[0] else _one_of("", None), _sizes(m[1]) if m[1] else st.none(), _one_of(m[2])
        ).map(lambda one: dict(zip(("path", "max_size", "tag"), one))),
    ),
}


@pytest.mark.parametrize("option", OPTIONS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_spellings_of_one_meaning_are_equal_and_those_of_two_differ(option: str, data: st.DataObject) -> None:
    assert option in KINDS, f"{option} has no kind: say here what its values mean and how each can be written"
    kind = KINDS[option]
    meant = data.draw(kind.meanings, "meaning")
    other = data.draw(st.one_of(st.just(meant), kind.meanings), "other meaning")
    spelled, also = data.draw(kind.spellings(meant), "spelling"), data.draw(kind.spellings(other), "other spelling")
    one, two = (OPTIONS[option].normalise(value, option) for value in (spelled, also))
    assert (one == two) == (meant == other), f"{spelled!r} is {one!r}, and {also!r} is {two!r}"


def test_every_kind_is_an_option() -> None:
    assert set(KINDS) <= set(OPTIONS)
