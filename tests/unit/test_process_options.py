# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Umask, time zone, init, OOM score, and a container's default variables."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._model.options.process_options import host_variables
from ansible_collections.libpod.engine.plugins.module_utils._model.records.config import resolved


@pytest.mark.parametrize(
    ("option", "value", "meaning"),
    [
        ("umask", "0027", 0o27),
        ("umask", "77", 0o77),
        ("timezone", "Europe/Berlin", "Europe/Berlin"),
        ("timezone", "local", "local"),
        ("oom_score_adj", -1000, -1000),
        ("group_add", ["b", "a", "b"], ["a", "b"]),
        ("hostname", "web-1.example.org", "web-1.example.org"),
    ],
)
def test_value_is_parsed(option: str, value: object, meaning: object) -> None:
    assert normalise({option: value})[option] == meaning


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("umask", "18"),
        ("umask", "1777"),
        ("umask", "-1"),
        ("umask", ""),
        ("timezone", "../../etc/passwd"),
        ("timezone", "/UTC"),
        ("timezone", ""),
        ("oom_score_adj", 1001),
        ("init_path", "tini"),
        ("hostname", "x" * 65),
        ("hostname", "-web"),
        ("hostname", "web."),
        ("env_merge", {"A=B": "x"}),
    ],
)
def test_refused_value_is_named(option: str, value: object) -> None:
    with pytest.raises(InvalidArgument, match=f"^{option}: .* cannot be used: expected "):
        normalise({"init": True, option: value})


@pytest.mark.parametrize(
    "options",
    [
        {"no_hosts": True, "etc_hosts": {"a": "192.0.2.1"}},
        {"dns": ["none"], "dns_option": ["debug"]},
        {"init_path": "/bin/x", "init": False},
    ],
)
def test_mutually_exclusive_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument):
        normalise(options)


IMAGE: Any = {"Env": ["PATH=/bin", "COLOUR=green", "EMPTY="]}


@pytest.mark.parametrize(
    ("options", "env"),
    [
        ({"unsetenv": ["COLOUR", "absent"]}, {"PATH": "/bin", "EMPTY": ""}),
        ({"unsetenv_all": True}, {}),
        ({"unsetenv_all": True, "env": {"A": "b"}}, {"A": "b"}),
        ({"unsetenv": ["COLOUR"], "env": {"COLOUR": "red"}}, {"PATH": "/bin", "EMPTY": "", "COLOUR": "red"}),
    ],
)
def test_default_variables_can_be_removed(options: dict[str, object], env: dict[str, str]) -> None:
    assert resolved(normalise(options), IMAGE)["env"] == env


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        ("/opt/bin:${PATH}", "/opt/bin:/bin"),
        ("$COLOUR-ish", "green-ish"),
        ("${NONE}$NONE", ""),
        ("${EMPTY:-red}", "red"),
        ("${COLOUR:-red}", "green"),
        ("${COLOUR:+yes}${NONE:+no}", "yes"),
        (r"\$COLOUR", "$COLOUR"),
        ("a $ b", "a $ b"),
        ("a=b", "a=b"),
    ],
)
def test_env_merge_names_the_images_variables(value: str, meaning: str) -> None:
    assert resolved(normalise({"env_merge": {"X": value}}), IMAGE)["env"]["X"] == meaning


def test_env_wins_over_env_merge() -> None:
    assert resolved(normalise({"env": {"X": "1"}, "env_merge": {"X": "2"}}), IMAGE)["env"]["X"] == "1"


def test_environment_of_the_host_is_passed_only_on_request() -> None:
    environ = {"HTTPS_PROXY": "http://proxy", "no_proxy": "localhost", "HOME": "/root"}
    assert host_variables(normalise({"env_host": True}), environ) == environ
    assert set(host_variables(normalise({}), environ)) == {"HTTPS_PROXY", "no_proxy"}
    assert host_variables(normalise({"http_proxy": False}), environ) == {}


@pytest.mark.parametrize(
    ("option", "value", "meaning"),
    [
        ("hostuser", "web, db,web", ["db", "web"]),
        ("chrootdirs", "/b,/a/,/", ["/a", "/b"]),
        ("passwd_entry", "$USERNAME:*:$UID", "$USERNAME:*:$UID"),
        ("cgroup_conf", {"memory.high": 1, "cpu.max.burst": "2"}, {"cpu.max.burst": "2", "memory.high": "1"}),
    ],
)
def test_structured_option_is_parsed(option: str, value: object, meaning: object) -> None:
    assert normalise({option: value})[option] == meaning


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("hostuser", "a b"),
        ("hostuser", "../x"),
        ("chrootdirs", "a"),
        ("passwd_entry", "x"),
        ("group_entry", "a:b\nc:d"),
        ("cgroup_conf", {"../x": "1"}),
        ("rdt_class", "a/b"),
    ],
)
def test_refused_option_is_named(option: str, value: object) -> None:
    with pytest.raises(InvalidArgument, match=f"^{option}: .* cannot be used: expected "):
        normalise({option: value})
