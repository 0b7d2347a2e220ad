# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver of netavark on what releases of it answer, as ``tests/support/netavark_answers.py`` has recorded them.

The programs were Debian's: 1.4.0-3 of bookworm, 1.14.0-2 of trixie, 1.17.2-3 of sid and 2.0.0-1 of experimental. What
2.0 does otherwise is in containers/netavark, src/network/bridge.rs at 005013be: a bridge without the option ``isolate``
is isolated. It has no driver for iptables, which remain behind where a host is updated without a boot.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Iterator, Sequence

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import command, network_backend
from ansible_collections.libpod.engine.plugins.module_utils._drivers.netavark import config as networks
from ansible_collections.libpod.engine.plugins.module_utils._drivers.netavark import (
    driver,
    leases,
    removal,
    result,
    rules,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    InvalidArgument,
    ToolFailed,
    ToolMissing,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.options.network.ports import PortMapping
from ansible_collections.libpod.engine.plugins.module_utils._model.records.network import NetworkAttachment
from ansible_collections.libpod.engine.tests.support import netavark_answers
from ansible_collections.libpod.engine.tests.support.netavark_answers import ATTACHMENT, NETWORK

# It answers with the next file of its folder, and keeps what it was given.
FAKE = """#!/bin/sh
cd {folder} || exit 9
count=$(ls | grep -c input) || true
cat > input.$count
echo "$@" > argv.$count
cat output.$count
exit $(cat code.$count)
"""
NAMESPACE = "/run/netns/libpod-recorded"


def _nothing(*_what: object) -> None:
    """Delete no tracked connection."""


class Links:
    """The namespaces, and the links that runs of netavark make and remove in them."""

    def __init__(self, runs: Sequence[dict[str, Any]]) -> None:
        self._runs = runs
        self._links: dict[str, set[str]] = {NAMESPACE: set()}

    def ran(self, number: int, namespace: str) -> None:
        """Note a run."""
        run = self._runs[number]
        if run["code"] == 0:
            self._links[namespace] = {"eth0"} if run["verb"] == "setup" else set()

    def exists(self, path: str) -> bool:
        return path in self._links

    def addresses(self, path: str) -> dict[str, list[str]]:
        return {link: [] for link in self._links[path]}

    def create(self, path: str) -> None:
        self._links[path] = set()

    def delete(self, path: str) -> None:
        self._links.pop(path, None)


@pytest.mark.parametrize("version", netavark_answers.versions())
def test_driver_says_and_understands_what_is_recorded(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = netavark_answers.recorded(version)
    answers, programs = tmp_path / "answers", tmp_path / "programs"
    for folder in (answers, programs):
        folder.mkdir()
    for number, run in enumerate(recorded["runs"]):
        (answers / f"output.{number}").write_text(run["output"])
        (answers / f"code.{number}").write_text(str(run["code"]))
    (programs / "netavark").write_text(FAKE.format(folder=answers))
    (programs / "netavark").chmod(0o755)
    links = Links(recorded["runs"])

    def ran(one: driver.Netavark, verb: str, container: str, namespace: str, *more: Any) -> str:
        number = len([*answers.glob("input.*")])
        try:
            return real(one, verb, container, namespace, *more)
        finally:
            links.ran(number, namespace)

    real = driver.Netavark._run
    monkeypatch.setattr(driver.Netavark, "_run", ran)
    monkeypatch.setattr(driver, "netns", links)
    monkeypatch.setattr(driver, "conntrack", SimpleNamespace(forget_ports=_nothing, forget_unforwarded=_nothing))
    monkeypatch.setattr(leases, "_elsewhere", set)
    monkeypatch.setattr(network_backend, "_HELPER_DIRS", (str(programs),))
    monkeypatch.setattr(rules, "_output", lambda *argv, **_how: "\n".join(recorded["rules"].get(argv[0], ())))
    parts = EngineConfig(run_root=str(tmp_path / "run"), network_config_dir=str(tmp_path / "networks"))
    steps = dict(netavark_answers.conversation(driver.Netavark(parts), NAMESPACE))

    inputs = [json.loads((answers / f"input.{number}").read_text()) for number in range(len(recorded["runs"]))]
    assert inputs == [run["input"] for run in recorded["runs"]], "record it again: the releases have not seen this"
    for number, run in enumerate(recorded["runs"]):
        argv = (answers / f"argv.{number}").read_text().split()
        assert argv[:4:2] == ["--config", "--rootless"] and argv[-2] == run["verb"]
    attached = steps["attached"]
    assert attached.result == recorded["steps"]["attached"] and attached.facts.mac == ATTACHMENT.mac
    assert [one.ip for one in (*attached.facts.ipv4, *attached.facts.ipv6)] == ["10.91.0.254", "fd91::ffff"]
    assert steps["complaint"] == "" and "interface eth0 already exists on container namespace" in steps["second"]
    assert not leases.Leases(parts.run_root).any("front")


def attached(version: str, **more: Any) -> NetworkAttachment:
    output = netavark_answers.recorded(version)["runs"][0]["output"]
    one = ATTACHMENT._replace(**more)
    return one._replace(result=result.parse(output, one, NAMESPACE))


def ours(program: str, line: str) -> bool:
    """Return whether the engine looks for a rule."""
    if program == "nft":
        return any(one in line for one in (" jump nv_", "fib daddr", "dnat ip")) or line.endswith(
            ("/24 accept", "/64 accept")
        )
    masked = "-j NETAVARK-HOSTPORT" in line and "SETMARK" not in line and "MASQ" not in line
    return masked or "DNAT --to" in line or "-j NETAVARK-DN-" in line or line.startswith("-A POSTROUTING -s")


@pytest.mark.parametrize("version", netavark_answers.versions())
def test_missing_firewall_rule_is_named(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    there: dict[str, list[str]] = netavark_answers.recorded(version)["rules"]
    monkeypatch.setattr(rules, "_output", lambda *argv, **_how: "\n".join(there.get(argv[0], ())))
    one = attached(version)
    assert rules.complaint(one) == ""
    for port in (PortMapping("0.0.0.0", 8080, 80, "udp"), PortMapping("0.0.0.0", 8080, 81, "tcp")):
        assert f"published port 8080/{port.protocol} is gone" in rules.complaint(attached(version, ports=(port,)))
    looked = 0
    for program, lines in there.items():
        for index, line in enumerate(list(lines)):
            if ours(program, line) and "daddr 10." not in line and "daddr fd" not in line:
                del lines[index]
                assert "gone" in rules.complaint(one) or "no longer pass" in rules.complaint(one), line
                lines.insert(index, line)
                looked += 1
    assert looked >= 10, looked


@pytest.mark.parametrize("version", netavark_answers.versions())
def test_engine_removes_the_rules_of_the_version_that_it_knows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str
) -> None:
    """The rules are those of 1.4.0, which another version may find after an update."""
    there: dict[str, list[str]] = netavark_answers.recorded("1.4.0")["rules"]
    monkeypatch.setattr(rules, "_output", lambda *argv, **_how: "\n".join(there.get(argv[0], ())))
    monkeypatch.setattr(command, "is_installed", lambda _name: False)
    output = json.dumps(netavark_answers.recorded(version)["version"])
    monkeypatch.setattr(command, "run", lambda *_argv, **_how: output)
    one = attached("1.4.0", ips=("10.91.0.254", "fd91::ffff"))
    made = removal.Removal.of(netavark_answers.CONTAINER, one, "netavark", str(tmp_path))
    assert bool(made) == (version == "1.4.0")
    if made:
        left = made.without_rules
        assert left.config["internal"] and not left.forwarded and left.ips == one.ips
        there["iptables-save"] = [line for line in there["iptables-save"] if "--dport 8081" not in line]
        assert not removal.Removal.of(netavark_answers.CONTAINER, one, "netavark", str(tmp_path))


@pytest.mark.parametrize("version", netavark_answers.versions())
def test_host_without_iptables_needs_nftables_and_a_version_that_has_it(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    told = json.dumps(netavark_answers.recorded(version)["version"])
    monkeypatch.setattr(command, "run", lambda *_argv, **_how: told)
    monkeypatch.setattr(command, "is_installed", lambda name: name == "nft")
    if version == "1.4.0":
        with pytest.raises(ToolMissing, match="package iptables"):
            rules.require_nftables("netavark")
        return
    rules.require_nftables("netavark")
    monkeypatch.setattr(command, "is_installed", lambda _name: False)
    with pytest.raises(ToolMissing, match="package nftables"):
        rules.require_nftables("netavark")


def test_rules_left_by_an_earlier_netavark_hide_none_of_a_later_one(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {**netavark_answers.recorded("1.4.0")["rules"], "nft": netavark_answers.recorded("2.0.0")["rules"]["nft"]}
    for program in ("iptables-save", "ip6tables-save"):
        there[program] = [line for line in there[program] if "10.91" not in line and "fd91" not in line]
        assert any("NETAVARK" in line for line in there[program])
    monkeypatch.setattr(rules, "_output", lambda *argv, **_how: "\n".join(there.get(argv[0], ())))
    assert rules.complaint(attached("2.0.0")) == ""
    there["nft"] = [line for line in there["nft"] if "8081 dnat" not in line]
    assert rules.complaint(attached("2.0.0")).startswith("the IPv4 rule of the published port 8081/udp is gone")


@pytest.mark.parametrize(
    "output",
    ["", "null", "[]", '{"front": []}', '{"front": {"interfaces": 5}}', '{"front": {"interfaces": {"eth0": null}}}']
    + ['{"front": {"interfaces": {"eth0": {"mac_address": "x", "subnets": [{"ipnet": "here"}]}}}}', "x" * (17 << 20)],
)
def test_answer_of_another_form_is_an_error_that_names_the_member(output: str, tmp_path: Path) -> None:
    parts = EngineConfig(run_root=str(tmp_path))
    netavark = driver.Netavark(parts)
    with pytest.raises(ToolFailed, match="its result"), contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(driver.Netavark, "_run", lambda *_what: output)
        patch.setattr(leases, "_elsewhere", set)
        netavark._setup("a" * 64, NAMESPACE, ATTACHMENT, ())


def six_first() -> Iterator[dict[str, Any]]:
    yield from ({"subnet": subnet} for subnet in ("fd91::/64", "10.91.0.0/24"))


def test_addresses_are_given_in_the_order_of_the_subnets(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {**NETWORK, "subnets": [*six_first()]}
    assert networks.one_each(config, ["10.91.0.7", "fd91::7", "10.91.0.8"]) == ["fd91::7", "10.91.0.7"]
    given: Any = driver._options("a" * 64, NetworkAttachment("front", "eth0", config, ips=("10.91.0.7", "fd91::7")))
    assert given["networks"]["front"]["static_ips"] == ["fd91::7", "10.91.0.7"]
    monkeypatch.setattr(driver, "_program", str)
    with pytest.raises(InvalidArgument, match="several addresses of one subnet of network front"):
        several = NetworkAttachment("front", "eth0", config, ips=("10.91.0.7", "10.91.0.8"))
        driver.Netavark(EngineConfig()).require(several)
