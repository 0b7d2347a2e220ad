# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Execution of a plugin chain, observed by plugins that record their input."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import limits
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cni import container_rules, nat_rules
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cni.chain import Cni
from ansible_collections.libpod.engine.plugins.module_utils._model import failpoints
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import ToolFailed, ToolMissing, ToolTimedOut
from ansible_collections.libpod.engine.plugins.module_utils._model.options.network.ports import PortMapping
from ansible_collections.libpod.engine.plugins.module_utils._model.records.network import NetworkAttachment

CONTAINER = "0123456789ab" + "c" * 52
PLUGIN = """#!/usr/bin/python3 -IS
import json, os, sys
kind, given = os.path.basename(sys.argv[0]), json.load(sys.stdin)
verb = os.environ["CNI_COMMAND"]
env = {key: value for key, value in os.environ.items() if key.startswith("CNI_")}
with open(os.path.dirname(sys.argv[0]) + "/../log", "a") as log:
    log.write(json.dumps([verb, kind, given, env, os.listdir("/proc/self/fd")]) + "\\n")
words = given.get("say", {}).get(verb)
if words is not None:
    print(words)
    sys.exit(given.get("exit", 1))
if verb == "ADD":
    result = given.get("prevResult") or {"cniVersion": given["cniVersion"], "ips": []}
    print(json.dumps({**result, "ips": result["ips"] + [{"address": "10.0.0.%d/8" % len(result["ips"])}]}))
"""


class Chain:
    """A network of recording plugins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        self.parts = EngineConfig(run_root=str(folder / "run"), cni_plugin_dirs=("/nowhere", str(folder / "bin")))
        self.cni = Cni(self.parts)
        self.netns = str(folder / "netns" / "x")

    def attachment(self, *plugins: dict[str, Any], version: str = "1.0.0", **asked: Any) -> NetworkAttachment:
        for plugin in plugins:
            program = self.folder / "bin" / plugin["type"]
            program.write_text(PLUGIN, encoding="utf-8")
            program.chmod(0o755)
        config = {"cniVersion": version, "name": "net", "plugins": list(plugins)}
        return NetworkAttachment("net", "eth0", config, **asked)

    def add(self, attachment: NetworkAttachment) -> NetworkAttachment:
        return self.cni.add(CONTAINER, self.netns, attachment)

    def delete(self, attachment: NetworkAttachment) -> None:
        self.cni.delete(CONTAINER, self.netns, attachment)

    @property
    def calls(self) -> list[list[Any]]:
        log = self.folder / "log"
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        return [json.loads(line) for line in lines]

    @property
    def order(self) -> list[str]:
        return [f"{verb} {kind}" for verb, kind, *_rest in self.calls]


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path)


def test_add_passes_each_result_on_and_delete_goes_backwards_with_the_last(chain: Chain) -> None:
    added = chain.add(chain.attachment({"type": "a"}, {"type": "b"}, {"type": "c"}))
    chain.delete(added)
    assert chain.order == ["ADD a", "ADD b", "ADD c", "DEL c", "DEL b", "DEL a"]
    previous = [config.get("prevResult") for *_start, config, _env, _answer in chain.calls]
    assert [len(one["ips"]) if one else None for one in previous] == [None, 1, 2, 3, 3, 3]
    assert added.result is not None and len(added.result["ips"]) == 3


def test_plugin_input_follows_the_specification(chain: Chain) -> None:
    chain.add(chain.attachment({"type": "a", "own": 1}))
    ((_path, _command, config, environment, _answer),) = chain.calls
    assert config == {"type": "a", "own": 1, "name": "net", "cniVersion": "1.0.0"}
    assert environment == {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": CONTAINER,
        "CNI_NETNS": chain.netns,
        "CNI_IFNAME": "eth0",
        "CNI_PATH": f"/nowhere:{chain.folder}/bin",
        "CNI_ARGS": "IgnoreUnknown=1",
    }


def test_runtime_configuration_goes_to_the_plugins_that_declare_it(chain: Chain) -> None:
    declared = {"portMappings": True, "mac": False, "ips": True}
    ports = (PortMapping("0.0.0.0", 80, 8080, "tcp"), PortMapping("127.0.0.1", 53, 53, "udp"))
    plugins = {"type": "a"}, {"type": "b", "capabilities": declared}
    chain.add(chain.attachment(*plugins, ports=ports))
    assert [config.get("runtimeConfig") for *_start, config, _env, _answer in chain.calls] == [
        None,
        {
            "portMappings": [
                {"hostPort": 80, "containerPort": 8080, "protocol": "tcp"},
                {"hostPort": 53, "containerPort": 53, "protocol": "udp", "hostIP": "127.0.0.1"},
            ]
        },
    ]


def test_delete_without_a_namespace_passes_no_path(chain: Chain) -> None:
    chain.delete(chain.add(chain.attachment({"type": "a"})))
    assert chain.calls[-1][3]["CNI_NETNS"] == ""


def test_version_before_0_4_has_no_result_on_delete_and_no_check(chain: Chain) -> None:
    added = chain.add(chain.attachment({"type": "a"}, version="0.3.1"))
    chain.cni.check(CONTAINER, chain.netns, added)
    chain.delete(added)
    assert chain.order == ["ADD a", "DEL a"] and "prevResult" not in chain.calls[-1][2]


def test_check_receives_the_result_and_is_no_effect(chain: Chain) -> None:
    added = chain.add(chain.attachment({"type": "a"}, {"type": "b"}))
    seen: list[str] = []
    failpoints.observe(seen.append)
    try:
        chain.cni.check(CONTAINER, chain.netns, added)
    finally:
        failpoints.observe(None)
    assert chain.order[2:] == ["CHECK a", "CHECK b"] and not seen
    assert chain.calls[-1][2]["prevResult"] == added.result


def test_failed_check_is_reported(chain: Chain) -> None:
    answer = json.dumps({"code": 105, "msg": "no link", "details": "eth0"})
    added = chain.add(chain.attachment({"type": "a", "say": {"CHECK": answer}}))
    with pytest.raises(ToolFailed, match=r"CHECK of container 0123456789ab on network net: .*no link eth0"):
        chain.cni.check(CONTAINER, chain.netns, added)


@pytest.mark.parametrize(
    ("printed", "message"),
    [
        (json.dumps({"code": 11, "msg": "try again", "details": "later"}), r"try again later \(CNI error 11\)"),
        (json.dumps({"code": 7, "msg": "bad"}), r"bad \(CNI error 7\)"),
        ("panic!", "panic!"),
        ("", "no message"),
    ],
)
def test_failed_add_is_quoted_and_undone(chain: Chain, printed: str, message: str) -> None:
    with pytest.raises(ToolFailed, match=message):
        chain.add(chain.attachment({"type": "a"}, {"type": "b", "say": {"ADD": printed}}, {"type": "c"}))
    assert chain.order == ["ADD a", "ADD b", "DEL c", "DEL b", "DEL a"]


def test_result_that_is_invalid_json_is_a_failure(chain: Chain) -> None:
    with pytest.raises(ToolFailed, match="its result: not valid JSON"):
        chain.add(chain.attachment({"type": "a", "say": {"ADD": "done"}, "exit": 0}))


@pytest.mark.parametrize(
    "result",
    [
        "null",
        "[]",
        "5",
        "[" * 100_000,
        '{"interfaces": 5}',
        '{"interfaces": [{"name": "eth0", "sandbox": 5}]}',
        '{"interfaces": [{"mac": "aa"}]}',
        '{"ips": [{}]}',
        '{"ips": [{"address": "10.0.0.5"}]}',
        '{"ips": [{"address": "10.0.0.5/33"}]}',
        '{"ips": [{"address": "10.0.0.5/16", "gateway": "here"}]}',
        '{"ips": [{"address": "10.0.0.5/16", "interface": 2}], "interfaces": [{"name": "eth0"}]}',
        '{"routes": [{"gw": "10.0.0.1"}]}',
        '{"dns": {"nameservers": "10.0.0.1"}}',
        '{"ip4": {"ip": "x"}}',
    ],
)
def test_malformed_result_is_a_failure_and_undone(chain: Chain, result: str) -> None:
    with pytest.raises(ToolFailed, match="ADD of container 0123456789ab on network net: .*its result: "):
        chain.add(chain.attachment({"type": "a"}, {"type": "b", "say": {"ADD": result}, "exit": 0}))
    assert chain.order == ["ADD a", "ADD b", "DEL b", "DEL a"]


@pytest.mark.parametrize(
    ("version", "result"),
    [
        ("0.2.0", {"ip4": {"ip": "10.0.0.5/16", "gateway": "10.0.0.1", "routes": [{"dst": "0.0.0.0/0"}]}}),
        ("0.4.0", {"ips": [{"version": "4", "address": "10.0.0.5/16", "gateway": "10.0.0.1", "interface": 0}]}),
        (
            "1.1.0",
            {"ips": [{"address": "10.0.0.5/16", "gateway": "10.0.0.1"}], "interfaces": [{"name": "x", "mtu": 9}]},
        ),
    ],
)
def test_results_of_all_versions_are_understood(chain: Chain, version: str, result: dict[str, Any]) -> None:
    said = {"type": "a", "say": {"ADD": json.dumps({"cniVersion": version, **result})}, "exit": 0}
    assert chain.add(chain.attachment(said, version=version)).facts.ipv4 == (("10.0.0.5", 16, "10.0.0.1"),)


def test_plugin_that_the_kernel_cannot_run_is_named_with_its_network(chain: Chain) -> None:
    attachment = chain.attachment({"type": "a"}, {"type": "b"})
    (chain.folder / "bin" / "b").write_bytes(b"\x7fELF no program")
    with pytest.raises(ToolFailed, match="on network net: .*/bin/b .*Exec format error"):
        chain.add(attachment)
    assert chain.order == ["ADD a", "DEL a"]


@pytest.mark.parametrize(("code", "message"), [(0, "its result: not valid JSON"), (1, "ended with exit code 1: xxx")])
def test_flood_of_a_plugin_is_bounded_and_undone(chain: Chain, code: int, message: str) -> None:
    attachment = chain.attachment({"type": "a"}, {"type": "b"})
    flood = f"#!/bin/sh\nhead -c 10485760 /dev/zero | tr '\\0' x\nexit {code}\n"
    (chain.folder / "bin" / "b").write_text(flood, encoding="ascii")
    with pytest.raises(ToolFailed, match=f"ADD of container 0123456789ab on network net: .*{message}") as caught:
        chain.add(attachment)
    assert len(str(caught.value)) < 100_000 and chain.order == ["ADD a", "DEL a"]


def test_hanging_plugin_is_killed_and_releases_the_lock(chain: Chain) -> None:
    attachment = chain.attachment({"type": "a"}, {"type": "b"})
    (chain.folder / "bin" / "b").write_text("#!/bin/sh\nsleep 1000 & sleep 1000\n", encoding="ascii")
    limits.override("cni=2")
    try:
        with pytest.raises(ToolTimedOut, match="ADD of container 0123456789ab on network net: .*/b did not end within"):
            chain.add(attachment)
    finally:
        limits.override("")
    assert chain.order == ["ADD a", "DEL a"]
    with chain.cni._turn(fcntl.LOCK_EX | fcntl.LOCK_NB):
        pass


def test_failed_delete_is_retried_and_other_plugins_delete(chain: Chain) -> None:
    added = chain.add(chain.attachment({"type": "a"}, {"type": "b", "say": {"DEL": "stuck"}}, {"type": "c"}))
    with pytest.raises(ToolFailed, match="stuck"):
        chain.delete(added)
    assert chain.order[3:] == ["DEL c", "DEL b", "DEL a"] * 2


def test_missing_chain_or_ipam_plugin_is_named_before_anything_runs(chain: Chain) -> None:
    attachment = chain.attachment({"type": "a", "ipam": {"type": "host-remote"}})
    with pytest.raises(ToolMissing, match="host-remote.*/nowhere.*containernetworking-plugins"):
        chain.add(attachment)
    (chain.folder / "bin" / "a").unlink()
    with pytest.raises(ToolMissing, match="the CNI plugin a "):
        chain.add(attachment)
    assert not chain.calls


def test_port_and_address_rules_are_made_in_parallel_before_later_plugins(chain: Chain) -> None:
    attachment = chain.attachment({"type": "bridge"}, {"type": "portmap"}, {"type": "firewall"}, {"type": "tuning"})
    chain.add(attachment)
    assert chain.order[0] == "ADD bridge" and chain.order[3] == "ADD tuning"
    assert {
        config["type"]: len(config.get("prevResult", {}).get("ips", ""))
        for *_start, config, _env, _answer in chain.calls
    } == {
        "bridge": 0,
        "portmap": 1,
        "firewall": 1,
        "tuning": 2,
    }


def test_address_is_released_after_the_rules_that_name_it(chain: Chain) -> None:
    added = chain.add(chain.attachment({"type": "bridge"}, {"type": "portmap"}, {"type": "firewall"}))
    chain.delete(added)
    deleted = [one for one in chain.order if one.startswith("DEL") and one != "DEL portmap"]
    assert deleted == ["DEL firewall", "DEL bridge"] and "DEL portmap" in chain.order


def test_effects_have_a_fixed_order_while_plugins_overlap(chain: Chain) -> None:
    attachment = chain.attachment({"type": "bridge"}, {"type": "portmap"}, {"type": "firewall"})
    seen: list[str] = []
    failpoints.observe(seen.append)
    try:
        chain.delete(chain.add(attachment))
    finally:
        failpoints.observe(None)
    assert seen == [f"cni ADD {one}" for one in ("bridge", "portmap", "firewall")] + [
        f"cni DEL {one}" for one in ("firewall", "portmap", "bridge")
    ]


@pytest.mark.parametrize(
    ("removed", "masquerades", "forwards"),
    [((0, 1), False, False), ((0,), False, True), ((1,), True, False), ((), True, True)],
)
def test_plugins_are_told_to_remove_what_the_engine_has_not(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, removed: tuple[int, ...], masquerades: bool, forwards: bool
) -> None:
    monkeypatch.setattr(container_rules, "_are_made_here", lambda _attachment: False)
    monkeypatch.setattr(nat_rules, "remove", lambda _six, chains, _doing: {chains[one] for one in removed})
    plugins = {"type": "bridge", "ipMasq": True}, {"type": "portmap", "capabilities": {"portMappings": True}}
    chain.delete(chain.add(chain.attachment(*plugins, ports=(PortMapping("0.0.0.0", 80, 8080, "tcp"),))))
    told = {kind: config for verb, kind, config, *_rest in chain.calls if verb == "DEL"}
    assert told["bridge"]["ipMasq"] is masquerades
    assert ("runtimeConfig" in told["portmap"]) is forwards


def test_plugins_inherit_the_lock_and_nothing_else(chain: Chain) -> None:
    chain.add(chain.attachment({"type": "a"}))
    # Standard input, output and error, the lock, the log, and the listing itself.
    assert len(chain.calls[0][4]) == 6
