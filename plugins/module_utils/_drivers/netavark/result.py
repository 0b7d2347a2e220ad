# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What netavark prints: the status of a network's interfaces, or an error."""

from __future__ import annotations

import ipaddress
import json

from ..._model import foreign
from ..._model.foreign import Foreign
from ..._model.records.network import NetworkAttachment

_DEFAULT_ROUTE = {False: "0.0.0.0/0", True: "::/0"}


def parse(output: str, attachment: NetworkAttachment, netns_path: str) -> dict[str, object]:
    """Return what ``setup`` printed, in the form of a CNI result, which the record of an attachment has.

    :raises MalformedData: a member, which it names, is wrong.
    """
    return of_status(foreign.parse(output, "its result"), attachment, netns_path)


def of_status(networks: Foreign, attachment: NetworkAttachment, netns_path: str) -> dict[str, object]:
    """Return the status of an attachment's network, as netavark prints and podman keeps it, in the form of a result.

    :raises MalformedData: a member, which it names, is wrong.
    """
    status = networks[attachment.network]
    interface = status["interfaces"][attachment.interface]
    if not interface:
        interface.fail("the interface that was asked for")
    ips: list[dict[str, object]] = []
    gateways: dict[bool, str] = {}
    for one in interface["subnets"]:
        address, gateway = _address(one["ipnet"]), one["gateway"].text()
        ips.append({"address": address, "interface": 0, **({"gateway": gateway} if gateway else {})})
        if gateway:
            gateways[":" in address] = gateway
    internal = attachment.config.get("internal")
    dns = {
        # netavark names its own server alone; without that one, the network's are the container's own.
        "nameservers": status["dns_server_ips"].texts() or attachment.config.get("network_dns_servers") or [],
        "search": status["dns_search_domains"].texts(),
    }
    return {
        "interfaces": [
            {"name": attachment.interface, "mac": interface["mac_address"].text(), "sandbox": netns_path},
        ],
        "ips": ips,
        "routes": [] if internal else [{"dst": _DEFAULT_ROUTE[six], "gw": gw} for six, gw in gateways.items()],
        "dns": {key: value for key, value in dns.items() if value},
    }


def _address(value: Foreign) -> str:
    try:
        ipaddress.ip_interface(value.text(required=True))
    except ValueError:
        value.fail("an IP address with a prefix length, such as 10.88.0.5/16")
    return value.text()


def error(output: str) -> str:
    """Return the message of netavark's error, its whole output where it has none."""
    try:
        return str(json.loads(output)["error"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return output
