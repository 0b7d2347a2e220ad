# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_network: one CNI network of the host."""

from __future__ import annotations

from ..._model.options.network.definition import network_name, wanted
from ..._resources.networks import files, networks
from ..._resources.networks.files import Files
from .. import arguments
from ..module import EngineModule, run

_RATES = ("ingress_rate", "ingress_burst", "egress_rate", "egress_burst")


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_network."""
    opt = {"isolate": "bool", "metric": "int", "mode": "str", "mtu": "int", "parent": "str", "vlan": "int"}
    subnet = {"subnet": {"type": "str", "required": True}, "gateway": {"type": "str"}, "ip_range": {"type": "str"}}
    return {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
        "driver": {"type": "str"},
        "interface_name": {"type": "str"},
        "macvlan": {"type": "str"},
        "subnet": {"type": "str"},
        "gateway": {"type": "str"},
        "ip_range": {"type": "str"},
        "net_config": {"type": "list", "elements": "dict", "options": subnet},
        "ipv6": {"type": "bool"},
        "ipam_driver": {"type": "str", "choices": ["host-local", "dhcp", "none"]},
        "internal": {"type": "bool"},
        "disable_dns": {"type": "bool"},
        "dns": {"type": "list", "elements": "str"},
        "route": {"type": "list", "elements": "str"},
        "opt": {"type": "dict", "options": {name: {"type": kind} for name, kind in opt.items()}},
        "bandwidth": {"type": "dict", "options": {name: {"type": "int"} for name in _RATES}},
        "labels": {"type": "dict", "aliases": ["label"]},
        "force": {"type": "bool", "default": False},
        "recreate": {"type": "bool", "default": False},
        "executable": {"type": "str"},
        "debug": {"type": "bool", "default": False},
        **arguments.parts_spec(),
    }


def network(module: EngineModule) -> dict[str, object]:
    """Have the network be as the task describes it, or be gone."""
    params, dry = module.params, module.check_mode
    parts = arguments.parts(params)
    if params["state"] == "absent":
        name = network_name(params["name"])
        outcome = networks.absent(parts, name, force=params["force"], dry=dry)
    else:
        given = wanted(params)
        name = given.name
        outcome = networks.present(parts, given, force=params["force"], recreate=params["recreate"], dry=dry)
    result: dict[str, object] = {"changed": bool(outcome.actions), "actions": outcome.actions, "network": outcome.after}
    if outcome.after and not (dry and outcome.actions):
        found = [outcome.definition] if outcome.definition else Files(parts).of(name)
        result["network"] = {**outcome.after, **(files.created(found[0]) if found else {})}
    if module._diff:
        result["diff"] = {"before": outcome.before, "after": outcome.after}
    return result


def main() -> None:
    """libpod_network, from a task's arguments to its result."""
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), network)
