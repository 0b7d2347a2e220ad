# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options with a grammar of their own: network modes, security options, log options."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._model.options.syntax.modes import (
    log_options,
    network,
    security,
)


def mode(kind: str, target: str = "", *networks: str) -> dict[str, Any]:
    return {"mode": kind, "target": target, "networks": list(networks)}


@pytest.mark.parametrize(
    ("networks", "meaning"),
    [
        (["bridge"], mode("cni", "", "")),
        (["private"], mode("cni", "", "")),
        (["bridge", "default", "front", "front"], mode("cni", "", "", "front")),
        (["back", "front"], mode("cni", "", "back", "front")),
        (["none"], mode("none")),
        ([], mode("none")),
        (["host"], mode("host")),
        (["container:web"], mode("container", "web")),
        (["ns:/run//netns/x"], mode("ns", "/run/netns/x")),
    ],
)
def test_network_mode(networks: list[str], meaning: dict[str, Any]) -> None:
    assert network(networks, "network") == meaning


@pytest.mark.parametrize(
    "networks",
    [["host", "front"], ["front", "none"], ["container:a", "container:b"], ["ns:/a", "b"], ["container:"]]
    + [["container:a/b"], ["ns:"], ["ns:a"], [""], ["a b"], ["host:1"], ["../x"]],
)
def test_refused_network_is_named(networks: list[str]) -> None:
    with pytest.raises(InvalidArgument, match="^network: .* cannot be used: expected ") as refusal:
        network(networks, "network")
    assert any(repr(part) in str(refusal.value) for word in networks for part in (word, word.partition(":")[2]))


def test_security_options_and_their_notations() -> None:
    assert security([], "security_opt") == {"no_new_privileges": False, "seccomp": ""}
    for word in ("no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"):
        assert security([word], "security_opt")["no_new_privileges"] is True
    assert security(["no-new-privileges:false"], "security_opt") == security([], "security_opt")
    assert security(["seccomp:unconfined"], "s") == security(["seccomp=unconfined"], "s")
    assert security(["seccomp=/a//b.json"], "s")["seccomp"] == "/a/b.json"


@pytest.mark.parametrize(
    "word", ["label=x", "apparmor=", "seccomp", "seccomp=", "seccomp=a.json", "no-new-privileges=x", ""]
)
def test_refused_security_option_is_named(word: str) -> None:
    with pytest.raises(InvalidArgument, match="^security_opt: .* cannot be used: expected ") as refusal:
        security(["no-new-privileges", word], "security_opt")
    assert repr(word) in str(refusal.value) or repr(word.partition("=")[2]) in str(refusal.value)


def test_log_options() -> None:
    assert log_options({}, "log_opt") == {"path": None, "max_size": None, "tag": None}
    options = {"path": "/var/log//a", "max_size": "10m", "tag": "x"}
    assert log_options(options, "log_opt") == {"path": "/var/log/a", "max_size": 10 << 20, "tag": "x"}


@pytest.mark.parametrize(("key", "value"), [("path", "a"), ("max_size", "10x")])
def test_refused_log_option_is_named(key: str, value: str) -> None:
    with pytest.raises(InvalidArgument, match=f"^log_opt.{key}: '{value}' cannot be used: expected "):
        log_options({key: value}, "log_opt")
