# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations are read as Go's time.ParseDuration reads them, by every option and flag."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._ansible.arguments import longest_wait
from ansible_collections.libpod.engine.plugins.module_utils._ansible.resources import unit as unit_module
from ansible_collections.libpod.engine.plugins.module_utils._container.io.exec import time_limit
from ansible_collections.libpod.engine.plugins.module_utils._container.io.log_lines import moment
from ansible_collections.libpod.engine.plugins.module_utils._drivers import limits
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._model.options import normalise, pulling, table
from ansible_collections.libpod.engine.plugins.module_utils._model.options.syntax import durations
from hypothesis import given
from hypothesis import strategies as st

NS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
SECOND, MINUTE, HOUR, MOST = NS["s"], NS["m"], NS["h"], 2**63 - 1
# The table of Go's own test (src/time/time_test.go, parseDurationTests).
GO: dict[str, int] = {
    "0": 0, "5s": 5 * SECOND, "30s": 30 * SECOND, "1478s": 1478 * SECOND, "-5s": -5 * SECOND, "+5s": 5 * SECOND,
    "-0": 0, "+0": 0, "5.0s": 5 * SECOND, "5.6s": 5600 * 10**6, "5.s": 5 * SECOND, ".5s": 500 * 10**6,
    "1.0s": SECOND, "1.00s": SECOND, "1.004s": 1004 * 10**6, "1.0040s": 1004 * 10**6, "100.00100s": 100001 * 10**6,
    "10ns": 10, "11us": 11000, "12µs": 12000, "12μs": 12000, "13ms": 13 * 10**6, "14s": 14 * SECOND,
    "15m": 15 * MINUTE, "16h": 16 * HOUR, "3h30m": 3 * HOUR + 30 * MINUTE, "10.5s4m": 4 * MINUTE + 10500 * 10**6,
    "-2m3.4s": -(2 * MINUTE + 3400 * 10**6), "1h2m3s4ms5us6ns": HOUR + 2 * MINUTE + 3 * SECOND + 4005006,
    "39h9m14.425s": 39 * HOUR + 9 * MINUTE + 14425 * 10**6, "52763797000ns": 52763797000,
    "0.3333333333333333333h": 20 * MINUTE, "9007199254740993ns": (1 << 53) + 1, "9223372036854775807ns": MOST,
    "9223372036854775.807us": MOST, "9223372036s854ms775us807ns": MOST, "-9223372036854775808ns": -MOST - 1,
    "-9223372036854775.808us": -MOST - 1, "-9223372036s854ms775us808ns": -MOST - 1,
    "-2562047h47m16.854775808s": -MOST - 1, "0.100000000000000000000h": 6 * MINUTE,
    "0.830103483285477580700h": 49 * MINUTE + 48 * SECOND + 372539827,
}  # fmt: skip
# parseDurationErrorTests, and further texts that Go refuses.
GO_REFUSES = [
    "", "3", "-", "s", ".", "-.", ".s", "+.s", "1d", "\x85\x85", "\xffff", "hello \xffff world", "\ufffd",
    "\ufffd hello \ufffd world", "9223372036854775810ns", "9223372036854775808ns", "-9223372036854775809ns",
    "9223372036854776us", "3000000h", "9223372036854775.808us", "9223372036854ms775us808ns",
    "1s ", " 1s", "1 s", "1h 5m", "1S", "--1s", "1h-1m", "1e3s", "00", "0.0", "1s.", "١s", "1" * 200 + "s",
]  # fmt: skip


@pytest.mark.parametrize("text", GO)
def test_duration_is_parsed_as_by_go(text: str) -> None:
    assert durations.parse(text) == GO[text]


@pytest.mark.parametrize("text", GO_REFUSES)
def test_text_that_go_refuses_is_no_duration(text: str) -> None:
    assert durations.parse(text) is None


@given(st.integers(-MOST - 1, MOST), st.data())
def test_duration_written_as_a_sum_of_units_is_the_same_duration(number: int, data: st.DataObject) -> None:
    units = data.draw(st.lists(st.sampled_from(sorted(NS)), unique_by=lambda unit: NS[unit]))
    rest, text = abs(number), ""
    for unit in sorted(units, key=lambda unit: -NS[unit]):
        count, rest = divmod(rest, NS[unit])
        text += f"{count}{unit}"
    text = f"{'-' if number < 0 else data.draw(st.sampled_from(['', '+']))}{text}{rest}ns"
    assert durations.parse(text) == number


@given(st.integers(0, 10**6), st.text("0123456789", min_size=1, max_size=30), st.sampled_from(sorted(NS)))
def test_fraction_is_exact_to_a_nanosecond(whole: int, digits: str, unit: str) -> None:
    exact = Fraction(f"{whole}.{digits}") * NS[unit]
    number = durations.parse(f"{whole}.{digits}{unit}")
    assert number is not None and abs(number - exact) <= 1


@given(st.text("0123456789.+-nuµmshd ", max_size=12))
def test_duration_is_accepted_only_in_gos_syntax(text: str) -> None:
    form = r"[+-]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))+)"
    number = durations.parse(text)
    assert (number is not None) <= bool(re.fullmatch(form, text))
    assert number is not None or not re.fullmatch(form, text) or "h" in text or len(text) > 8


UNSET = dict.fromkeys(unit_module.spec())
READERS: dict[str, Callable[[Any], Any]] = {
    **{
        name: lambda value, name=name: normalise.normalise({name: value})[name] / NS["s"]
        for name in table.OPTIONS
        if name.startswith(("healthcheck_", "health_startup_"))
        and name.endswith(("_interval", "_timeout", "_start_period"))
    },
    **{name: lambda value, name=name: normalise.normalise({name: value})[name] for name in ("stop_timeout", "timeout")},
    "retry_delay": lambda value: pulling.pulling({"retry_delay": value}).delay,
    "wait_timeout": lambda value: longest_wait(value, "wait_timeout"),
    **{
        name: lambda value, name=name: getattr(
            unit_module._wanted({**dict.fromkeys(unit_module.spec()), name: value}), name
        )
        for name in ("restart_sec", "start_timeout")
    },
    "--timeout": lambda value: time_limit(value, "--timeout"),
    "tool_timeouts": lambda value: limits.parse(limits.spell({"cni": value}))["cni"],
    "since": lambda value: 10**6 - (moment(f"{value}s" if str(value).isdigit() else value, "since", 10**6) or 0.0),
}


@pytest.mark.parametrize("option", READERS)
@pytest.mark.parametrize("value", ["1m30s", "90s", "90", 90, "1.5m", ".025h", "90000ms", "89s1000000us"])
def test_every_option_takes_durations_and_plain_seconds(option: str, value: Any) -> None:
    assert READERS[option](value) == 90


@pytest.mark.parametrize("option", READERS)
@pytest.mark.parametrize("value", ["soon", "1 s", "s", "1d", "1e9h", "9999999h", "1m30"])
def test_refusal_names_option_value_and_what_was_expected(option: str, value: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"^{option}(: cni)?: '{value}' cannot be used: expected .*such as \w"):
        READERS[option](value)


@pytest.mark.parametrize("value", ["1.5", "500ms", "1m0.5s", "-1s", "-1"])
def test_stop_timeout_is_whole_seconds(value: str) -> None:
    with pytest.raises(InvalidArgument, match="stop_timeout: .*whole seconds"):
        normalise.normalise({"stop_timeout": value})


def test_limits_have_bounds() -> None:
    for refused in ("0", "-1s", "8785h"):
        with pytest.raises(InvalidArgument, match="--timeout"):
            time_limit(refused, "--timeout")
    assert (longest_wait("-1", "timeout"), longest_wait("-1m", "timeout"), longest_wait("0.2", "timeout")) == (
        -1,
        -60,
        0.2,
    )
    assert limits.parse(limits.spell({"cni": 0.000000001})) == {"cni": 1e-9}
    assert limits.spell({"cni": "1ns", "conmon": "0.5", "skopeo": 60}) == "cni=0.000000001,conmon=0.5,skopeo=60"
