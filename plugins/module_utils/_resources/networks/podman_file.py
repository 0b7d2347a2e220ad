# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network's file as podman has it for netavark: its meaning read, and written into it without a change of the rest.

The form is ``types.Network`` of containers/common, libnetwork/types.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Mapping, Optional

from ..._container.live_status import timestamp
from ..._drivers.cni.config import MARK  # here a member, which podman does not know and reads over
from ..._model.errors import MalformedData
from ..._model.foreign import Foreign
from ..._model.options.network.definition import usable
from ..._model.options.syntax.parsers import natural
from ..._model.records.defined_network import BRIDGE, HOST_LOCAL, DefinedNetwork, Route, Subnet

Config = dict[str, Any]

EXTENSION, INDENT = ".json", 5
_LONGEST = 40  # characters of a wrong value that are shown
_OPTIONS = ("mtu", "vlan", "mode", "isolate")  # of podman's, those that the engine knows


def read(config: Mapping[str, object], origin: str) -> DefinedNetwork:
    """Return what a network's file means.

    :raises MalformedData: a member has another type or form than podman wants; ``origin`` names the file.
    """
    top = Foreign(config, origin)
    options = top["options"].text_map()
    name = top["name"].text(required=True)
    own_id = DefinedNetwork(name).network_id
    return DefinedNetwork(
        name=name,
        driver=top["driver"].text(required=True),
        interface=top["network_interface"].text(),
        subnets=tuple(_subnet(one) for one in top["subnets"]),
        ipam_driver=top["ipam_options"]["driver"].text() or (HOST_LOCAL if top["subnets"] else "none"),
        internal=top["internal"].flag(),
        dns_enabled=top["dns_enabled"].flag(),
        dns=tuple(top["network_dns_servers"].texts()),
        routes=tuple(sorted(Route(one["destination"].text(), one["gateway"].text()) for one in top["routes"])),
        mtu=_number(options, "mtu", origin),
        vlan=_number(options, "vlan", origin),
        mode=options.get("mode", ""),
        isolate=options.get("isolate", "") in ("true", "1", "strict"),
        labels=top["labels"].text_map(),
        id="" if top["id"].text() == own_id else top["id"].text(),
    )


def _subnet(one: Foreign) -> Subnet:
    try:
        subnet = ipaddress.ip_network(one["subnet"].text(required=True), strict=False)
    except ValueError:
        one["subnet"].fail("a subnet such as 10.89.0.0/24")
    limits = one["lease_range"]
    last = limits["end_ip"].text()
    return Subnet(str(subnet), one["gateway"].text(), limits["start_ip"].text(), last and usable(last, subnet))


def _number(options: Mapping[str, str], name: str, origin: str) -> int:
    text = options.get(name, "0")
    number = natural(text)
    if number is None:
        raise MalformedData(f"{origin}: options.{name}: expected a number, found {text[:_LONGEST]!r}")
    return number


def written(
    wanted: DefinedNetwork, had: Optional[DefinedNetwork] = None, config: Optional[Config] = None, kept: bool = False
) -> Config:
    """Return the file of a network: a new one, or ``config``, which means ``had``, with its changes.

    Members and options that the engine does not know stay in it.
    """
    made: Config = {**config} if config is not None else {"name": wanted.name, "id": wanted.network_id}
    fields = {
        "driver": wanted.driver,
        "interface": wanted.interface,
        "subnets": [_written(one) for one in wanted.subnets],
        "ipv6_enabled": any(one.six for one in wanted.subnets),
        "internal": wanted.internal,
        "dns_enabled": wanted.dns_enabled,
        "dns": list(wanted.dns),
        "labels": dict(wanted.labels),
    }
    if config is None or had is None:
        made["created"] = timestamp()
        made["ipam_options"] = {"driver": wanted.ipam_driver}
        made[MARK] = {}
    for field, value in fields.items():
        same = had is not None and field != "ipv6_enabled" and getattr(had, field) == getattr(wanted, field)
        key = {"interface": "network_interface", "dns": "network_dns_servers"}.get(field, field)
        if not same and (value or isinstance(value, bool) or key in made):
            made[key] = value
    if had is None or had.options != wanted.options:
        others = {key: value for key, value in (made.get("options") or {}).items() if key not in _OPTIONS}
        kept_isolation = had is not None and had.isolate and wanted.isolate and "isolate" in (made.get("options") or {})
        isolation = {"isolate": made["options"]["isolate"]} if kept_isolation else {}
        if wanted.driver == BRIDGE and not wanted.isolate and (had is None or had.isolate):
            isolation["isolate"] = "false"  # netavark isolates a bridge without this option from 2.0 on
        made["options"] = {**others, **wanted.options, **isolation}
    return made


def _written(subnet: Subnet) -> Config:
    limits = {key: ip for key, ip in (("start_ip", subnet.first), ("end_ip", subnet.last)) if ip}
    return {
        "subnet": subnet.subnet,
        **({"gateway": subnet.gateway} if subnet.gateway else {}),
        **({"lease_range": limits} if limits else {}),
    }


def subnets(config: Mapping[str, object], origin: str) -> list[Subnet]:
    """Return the subnets of a network, none where they cannot be read."""
    try:
        return [_subnet(one) for one in Foreign(config, origin)["subnets"]]
    except MalformedData:
        return []


def link(config: Mapping[str, object]) -> str:
    """Return the name of a network's bridge, empty where it has none."""
    return str(config.get("network_interface") or "") if config["driver"] == BRIDGE else ""


def is_own(config: Mapping[str, object]) -> bool:
    """Return whether this engine made a network."""
    return MARK in config


def is_marked(config: Mapping[str, object], file: str) -> bool:
    """Return whether this engine or podman wrote a file: both note when."""
    return MARK in config or bool(config.get("created"))


def keeps_bridge(config: Mapping[str, object]) -> bool:
    """Return false: netavark removes a bridge with the last container, and none is used that was there before."""
    return False


def created(config: Mapping[str, object]) -> str:
    """Return when the network was made, as its file says, empty where it does not."""
    when = config.get("created")
    return when if isinstance(when, str) else ""
