# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Equivalent notations become one value, different ones stay different, and invalid ones are refused by name."""

from __future__ import annotations

import ipaddress
import signal as signals
import time
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._model.options import (
    normalise,
    process_options,
    resource_limits,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.options.network import resolver as resolver_options
from ansible_collections.libpod.engine.plugins.module_utils._model.options.syntax import parsers
from ansible_collections.libpod.engine.plugins.module_utils._model.options.table import OPTIONS
from hypothesis import given, settings
from hypothesis import strategies as st

Normaliser = Callable[[Any, str], Any]
quick = settings(max_examples=30, deadline=None)
CPUS = st.sets(st.integers(0, 40), min_size=1)


@quick
@given(st.integers(0, 2**30), st.sampled_from("bkmgtp"), st.sampled_from(["", "b", "ib"]), st.booleans())
def test_size_is_the_number_times_its_unit(number: int, unit: str, tail: str, upper: bool) -> None:
    word = f"{number}{unit}{tail}" if unit != "b" else f"{number}b"
    expected = number * 1024 ** "bkmgtp".index(unit)
    if expected < 2**63:
        assert parsers.size(word.upper() if upper else word, "memory") == expected
        assert parsers.size(f" {expected} ", "memory") == expected
    else:
        with pytest.raises(InvalidArgument, match="^memory: "):
            parsers.size(word, "memory")


@quick
@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_different_sizes_in_bytes_stay_different(one: int, other: int) -> None:
    assert (parsers.size(one, "memory") == parsers.size(str(other), "memory")) == (one == other)


def test_size_takes_fractions() -> None:
    assert parsers.size("1.5g", "memory") == parsers.size("1536m", "memory") == 3 << 29


@quick
@given(CPUS, st.randoms(use_true_random=False))
def test_cpu_list_ignores_order_and_ranges(cpus: set[int], random: Any) -> None:
    ranges = [str(cpu) for cpu in cpus] + [f"{cpu}-{cpu + 1}" for cpu in cpus if cpu + 1 in cpus]
    random.shuffle(ranges)
    parsed = resource_limits.cpu_list(", ".join(ranges), "cpuset_cpus")
    assert parsed == resource_limits.cpu_list(",".join(map(str, sorted(cpus))), "cpuset_cpus")
    assert resource_limits.cpu_list(parsed, "cpuset_cpus") == parsed


@quick
@given(CPUS, CPUS)
def test_cpu_lists_of_different_cpus_differ(one: set[int], other: set[int]) -> None:
    spelled = [resource_limits.cpu_list(",".join(map(str, cpus)), "cpuset_cpus") for cpus in (one, other)]
    assert (spelled[0] == spelled[1]) == (one == other)


def test_cpu_list_joins_its_runs() -> None:
    assert resource_limits.cpu_list("5,2,0-1", "cpuset_cpus") == "0-2,5"


@pytest.mark.parametrize("known", [s for s in signals.Signals if s.name not in ("SIGRTMIN", "SIGRTMAX")])
def test_signal_has_four_notations(known: signals.Signals) -> None:
    spellings = (known.name, known.name[3:], known.name.lower(), str(known.value), known.value)
    assert {parsers.signal(word, "stop_signal") for word in spellings} == {known.value}


def test_real_time_signals_count_from_both_ends() -> None:
    assert parsers.signal("RTMIN", "s") == parsers.signal("SIGRTMIN+0", "s") == parsers.signal(34, "s") == 34
    assert parsers.signal("RTMIN+3", "s") == parsers.signal("sigrtmax-27", "s") == 37


@quick
@given(st.lists(st.sampled_from(["a", "b", ".", "", "c.d"]), min_size=1, max_size=5), st.integers(1, 4))
def test_extra_slashes_and_dots_in_a_path_are_ignored(parts: list[str], slashes: int) -> None:
    plain = "/" + "/".join(part for part in parts if part not in ("", "."))
    assert parsers.absolute_path("/" * slashes + "/".join(parts), "workdir") == plain
    assert parsers.absolute_path(plain + "/", "workdir") == plain


@quick
@given(st.ip_addresses(v=6))
def test_long_and_short_ipv6_notations_are_equal(address: ipaddress.IPv6Address) -> None:
    long, short = address.exploded, address.compressed
    parsed = {parsers.address(word, "dns") for word in (long, short, long.upper(), f"[{short}]")}
    assert len(parsed) == 1 and ipaddress.ip_address(parsed.pop()) == address


@quick
@given(st.ip_addresses(v=4))
def test_ipv4_address_is_unchanged(address: ipaddress.IPv4Address) -> None:
    assert parsers.address(str(address), "dns") == str(address)


@quick
@given(st.lists(st.text("aZ 0'\"$\\-", max_size=6), max_size=5))
def test_command_as_a_list_equals_its_shell_notation(command: list[str]) -> None:
    import shlex

    assert parsers.words(command, "command") == parsers.words(shlex.join(command), "command") == command


def test_entrypoint_is_a_list_a_json_list_or_one_program() -> None:
    assert parsers.entrypoint('["/bin/sh", "-c"]', "e") == parsers.entrypoint(["/bin/sh", "-c"], "e")
    assert parsers.entrypoint("/bin/my program", "e") == ["/bin/my program"]
    assert parsers.entrypoint("", "e") == []
    assert parsers.entrypoint(5, "e") == ["5"]


def test_order_and_repetition_are_ignored_for_sets() -> None:
    assert parsers.mapping({"b": 1, "a": None}, "label") == {"a": "", "b": "1"}
    assert list(parsers.mapping({"b": 1, "a": 2}, "label")) == ["a", "b"]
    assert parsers.string_set(["b", "a", "b"], "group_add") == ["a", "b"]
    assert process_options.capabilities(["net_admin", "CAP_NET_ADMIN", "all"], "cap_add") == ["ALL"]
    assert process_options.ulimits(["nofile=5", "core=1:-1"], "ulimit") == {"core": [1, -1], "nofile": [5, 5]}


def test_labels_are_case_sensitive() -> None:
    assert parsers.mapping({"A": "x"}, "label") != parsers.mapping({"a": "x"}, "label")
    assert parsers.mapping({"a": "X"}, "label") != parsers.mapping({"a": "x"}, "label")


@pytest.mark.parametrize("word", [0, "0", " 00 ", -1, "-1", "unlimited"])
def test_no_limit_has_several_notations(word: object) -> None:
    assert resource_limits.limit(word, "pids_limit") is None


def test_cpus_are_a_quota_of_the_default_period() -> None:
    assert parsers.cpus("1.5", "cpus") == parsers.cpus(1.5, "cpus") == 150000
    assert parsers.cpus(0, "cpus") is None
    assert resource_limits.cpu_quota(-1, "cpu_quota") is resource_limits.cpu_quota(0, "cpu_quota") is None


def test_cgroup_parent_is_a_path_or_a_slice() -> None:
    assert parsers.cgroup_parent("a//b/", "c") == parsers.cgroup_parent("//a/./b", "c") == "/a/b"
    assert parsers.cgroup_parent("machine.slice", "c") == "machine.slice"
    assert parsers.cgroup_parent("", "c") is None


def test_dns_none_excludes_servers() -> None:
    assert resolver_options.dns_servers(["none"], "dns") == ["none"]
    for wrong in (["none", "192.0.2.1"], ["all"]):
        with pytest.raises(InvalidArgument, match="^dns: .* cannot be used: expected "):
            resolver_options.dns_servers(wrong, "dns")


def test_etc_hosts_keeps_host_gateway() -> None:
    assert resolver_options.hosts({"a": "host-gateway", "b": "0::1"}, "etc_hosts") == {"a": "host-gateway", "b": "::1"}


def test_host_has_every_requested_address() -> None:
    expected = {"a": "192.0.2.1,2001:db8::1", "b": "2001:db8::1"}
    for value in (["192.0.2.1", "2001:DB8::1", "192.0.2.1"], "192.0.2.1, 2001:db8:0::1"):
        assert resolver_options.hosts({"b": "2001:db8::1", "a": value}, "etc_hosts") == expected
    assert resolver_options.hosts({"a": "192.0.2.1", "b;a": "2001:db8::1"}, "etc_hosts") == expected
    for value in ([], "", None, "192.0.2.1,", ["x"], {"v4": "192.0.2.1"}):
        with pytest.raises(InvalidArgument, match="^etc_hosts: .* cannot be used"):
            resolver_options.hosts({"a": value}, "etc_hosts")


HUGE = "9" * 5000  # int() of CPython 3.11 raises a ValueError of its own for it
REFUSED: list[tuple[Normaliser, list[object]]] = [
    (parsers.name, ["", "a b", "-a", "a\n", "a/b", "ä", "a" * 201, ".", None]),
    (parsers.count, ["", "x", -1, 1.5, "1 2", 2**63, HUGE]),
    (resource_limits.limit, ["-2", "none", "1.5", HUGE]),
    (parsers.size, ["", "12x", "-1", "1 2", "m", "1e3", "5mm", "nan", "1,5g", "8192p", 2**63, "٣m", HUGE]),
    (parsers.size_limit, ["-1", "12x", 2**61]),
    (parsers.swap_limit, ["-2", "12x", 2**62]),
    (resource_limits.pids, [2**22 + 1, "-2"]),
    (resource_limits.shares, [1, 2**18 + 1, -1]),
    (parsers.cpus, ["", "x", -1, "nan", "inf", "-0.5", 0.001, 0.000001, 1e6]),
    (resource_limits.cpu_quota, [999, -2, "x"]),
    (resource_limits.cpu_period, [999, 1000001, -1]),
    (resource_limits.cpu_list, ["", "a", "3-1", "1-", "-1", "1,,2", "1-2-3", "²", "0-99999", "0-99999999999", HUGE]),
    (parsers.signal, ["", "FOO", 0, 65, -1, "15+1", "RTMIN-1", "RTMAX+1", "SIGSIGTERM", "SIG_IGN", "TERM KILL", HUGE]),
    (parsers.words, ["a 'b", True, {"a": 1}]),
    (
        parsers.entrypoint,
        ["[a", '["a"', False, {"a": 1}],
    ),
    (parsers.address, ["", "1.2.3", "1.2.3.4/24", "a.b", "::g", "1.2.3.4\0", "fe80::1%eth0", "\udc80"]),
    (parsers.cgroup_parent, ["/", "//", ".", "/.", "/a/../b", "..", "a\0b"]),
    (parsers.absolute_path, ["", "a", "./a", "~/a", "/a\0b"]),
    (parsers.host_path, ["", "a", "~/a"]),
]


@pytest.mark.parametrize(
    ("normalise", "value"),
    [pytest.param(f, value, id=f"{f.__name__}-{str(value)[:20]!a}") for f, values in REFUSED for value in values],
)
def test_refusal_names_the_option_the_value_and_what_was_expected(normalise: Normaliser, value: object) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        normalise(value, "the_option")
    said = str(refusal.value)
    assert said.startswith(f"the_option: {repr(value)[:200]}") and len(said) < 500
    assert len(said.split(" cannot be used: expected ")[1]) > 10


@pytest.mark.parametrize(
    "item",
    [
        "nofile",
        f"nofile={2**63}",
        "nofile=",
        "nofile=a",
        "nofile=1:a",
        "files=1",
        "nofile=2:1",
        "nofile=-1:5",
        "nofile=-2",
        "=1",
    ],
)
def test_refused_ulimit_is_named(item: str) -> None:
    with pytest.raises(InvalidArgument, match="expected RESOURCE=SOFT") as refusal:
        process_options.ulimits(["core=0", item], "ulimit")
    assert repr(item) in str(refusal.value)


@pytest.mark.parametrize("variable", ["", "A=B", "A\0"])
def test_error_for_a_variable_hides_its_value(variable: str) -> None:
    with pytest.raises(InvalidArgument, match="^env: ") as refusal:
        parsers.environment({variable: "hunter2"}, "env")
    assert repr(variable) in str(refusal.value) and "hunter2" not in str(refusal.value)


@quick
@given(
    st.sampled_from([f for f, _value in REFUSED]),
    st.text("0159-+.:/,[]= kmgSIGRTMNcpu\"'\0²٣é", max_size=12) | st.integers() | st.floats(),
)
def test_any_value_is_accepted_or_refused_as_invalid_argument(normalise: Normaliser, value: object) -> None:
    try:
        normalise(str(value) if normalise is parsers.name else value, "the_option")
    except InvalidArgument as refusal:
        assert str(refusal).startswith("the_option: ")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("command", ["sh", "a\0"], "'a\\x00' cannot be used: expected words without a NUL byte"),
        ("entrypoint", "a\0", "'a\\x00' cannot be used: expected words without a NUL byte"),
        ("entrypoint", '["a\\u0000"]', "'a\\x00' cannot be used: expected words without a NUL byte"),
        ("command", ["a" * (1 << 17)], "expected words of at most 131071 bytes"),
        ("env", {"A": "x" * (1 << 17)}, "A and its value have more than 131071 bytes"),
        ("etc_hosts", {"a b": "192.0.2.1"}, "'a b' cannot be used: expected a host's name"),
        ("etc_hosts", {"": "192.0.2.1"}, "'' cannot be used"),
        ("etc_hosts", {"a\n192.0.2.9 b": "192.0.2.1"}, "cannot be used"),
        ("sysctl", {"net.ipv4.ip_forward": True}, "'net.ipv4.ip_forward: True' cannot be used"),
        ("unsetenv", ["A=1"], "'A=1' cannot be used: expected a variable's name without '='"),
        ("group_add", [""], "'' cannot be used: expected no empty entry"),
        ("volume", ["a:/a:noexec,exec"], "'a:/a:noexec,exec' cannot be used: expected at most one of exec and noexec"),
        ("volume", ["a:/a:z,Z"], "at most one of z and Z"),
        ("volume", ["a:/a:ro,rw"], "at most one of ro and rw"),
        ("volume", ["a:/a:slave,shared"], "at most one propagation"),
        ("tmpfs", {"/t": "ro,rw"}, "'ro,rw' cannot be used: expected at most one of ro and rw"),
        ("tmpfs", {"/t": "size=1m,size=2m"}, "one size for each target"),
        ("tmpfs", {"/t": "ro", "/t/": ""}, "one mount for each target"),
        ("mount", ["type=bind,source=/a,target=/b,dev,nodev"], "at most one of dev and nodev"),
        ("mount", ["type=bind,source=/a,src=/c,target=/b"], "expected source only once"),
        ("mount", ["type=bind", "source=/a", "target=/b"], "'type=bind' cannot be used: expected target=/PATH"),
        ("mount", ["type=bind,source=/a,target=/b,ro=maybe"], "expected ro, ro=true or ro=false"),
        ("mount", ["type=bind,source=/a,target=/b,ro="], "expected ro, ro=true or ro=false"),
        ("network", ["front:ip=192.0.2.1", "front:alias=x"], "'front:alias=x' cannot be used"),
        ("security_opt", ["seccomp=x.json"], "an absolute path on the host"),
        ("cidfile", "x", "an absolute path on the host"),
    ],
)
def test_values_that_the_kernel_refuses_or_that_conflict_are_named(option: str, value: object, message: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        OPTIONS[option].normalise(value, option)
    assert str(refusal.value).startswith(f"{option}: ") and message in str(refusal.value)


def test_empty_value_is_omitted_and_two_host_names_share_an_address() -> None:
    assert all(OPTIONS[option].normalise("", option) is None for option in ("user", "subuidname", "subgidname"))
    assert OPTIONS["etc_hosts"].normalise({"b;a": "::1"}, "etc_hosts") == {"a": "::1", "b": "::1"}


@pytest.mark.parametrize("value", ["²", "٣", "-1", "+1", "1_0", "", " 1", "9" * 5000, str(1 << 63)])
def test_natural_is_ascii_digits_of_64_bits(value: str) -> None:
    assert parsers.natural(value) is None
    assert parsers.natural("0" * 5000 + "42") == 42


@pytest.mark.parametrize("value", ["\ud800", ["a", "\udcff"], {"\ud800": "x"}, {"x": ["\udfff"]}])
@pytest.mark.parametrize("option", ["command", "env", "label", "user"])
def test_invalid_utf8_is_refused_in_one_sentence(option: str, value: object) -> None:
    with pytest.raises(InvalidArgument, match=f"^{option}: a value has a lone surrogate: expected text in UTF-8$"):
        normalise.normalise({option: value})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("restart_policy", "on-failure:²"),
        ("restart_policy", "on-failure:" + "9" * 5000),
        ("healthcheck_interval", "9" * 1600 + "s"),
        ("stop_timeout", "9" * 5000),
        ("publish", ["9" * 5000]),
        ("ulimit", ["nofile=" + "9" * 5000]),
        ("tmpfs", {"/x": "uid=" + "9" * 5000}),
        ("tmpfs", {"/x": "uid=³"}),
        ("tmpfs", {"/x": "size=x%"}),
        ("device_cgroup_rule", "c " + "9" * 5000 + ":1 r"),
        ("oom_score_adj", "9" * 5000),
        ("userns", "auto:size=" + "9" * 5000),
        ("uidmap", ["0:1:" + "9" * 5000]),
        ("memory", "9" * 5000),
    ],
)
def test_numbers_of_any_length_are_refused_at_once(option: str, value: object) -> None:
    began = time.process_time()
    with pytest.raises(InvalidArgument, match=f"^{option}: ") as refused:
        normalise.normalise({option: value})
    assert len(str(refused.value)) < 500 and time.process_time() - began < 0.5
