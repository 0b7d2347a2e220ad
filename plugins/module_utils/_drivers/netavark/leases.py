# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases of addresses on netavark's networks, which has none of its own: podman keeps its in a database of its own.

A lease is a symbolic link ``<run root>/leases/NETWORK/ADDRESS`` to ``CONTAINER-ID/INTERFACE``: made and removed by one
system call, and gone after a reboot. podman gives the lowest free address. The highest are taken here, and none that a
namespace of podman has, for podman does not know these leases.
"""

from __future__ import annotations

import ipaddress
import os
from contextlib import suppress
from typing import Any, Iterator, Mapping, Sequence

from ..._model.errors import InvalidArgument, InvalidState
from ..._model.failpoints import failpoint
from ..kernel import netns

_NAMESPACES = "/run/netns"
_OTHERS = "netns-"  # how the namespaces of podman and CRI-O are named
_MOST = 1 << 16  # addresses of a subnet that are given


class Leases:
    """The leases of one run root; the caller holds the lock of attachments for a change."""

    def __init__(self, run_root: str) -> None:
        self._root = f"{run_root}/leases"

    def of(self, container_id: str, network: str) -> list[str]:
        """Return the addresses that a container has leased on a network."""
        return [ip for ip, owner in self._all(network).items() if owner.partition("/")[0] == container_id]

    def take(
        self, container_id: str, interface: str, config: Mapping[str, Any], requested: Sequence[str]
    ) -> tuple[str, ...]:
        """Lease the requested addresses, and one of each subnet of which none is requested; return them.

        :raises InvalidArgument: a requested one is another container's. :raises InvalidState: a subnet is used up.
        """
        network, owner = config["name"], f"{container_id}/{interface}"
        leased = self._all(network)
        for ip in requested:
            if leased.get(ip, owner) != owner:
                raise InvalidArgument(
                    f"ip: address {ip} of network {network} is that of container {leased[ip][:12]}: choose another, or "
                    "stop that container"
                )
        ips, taken = list(requested), set[str]()
        for subnet in config["subnets"]:
            there = ipaddress.ip_network(subnet["subnet"], strict=False)
            if not any(ipaddress.ip_address(ip) in there for ip in ips):
                taken = taken or {*leased, *_elsewhere()}
                ips.append(_free(network, subnet, taken))
        folder = f"{self._root}/{network}"
        os.makedirs(folder, 0o700, exist_ok=True)
        for ip in ips:
            if leased.get(ip) != owner:
                failpoint(f"lease an address of {network}")
                os.symlink(owner, f"{folder}/{ip}")
        return tuple(ips)

    def release(self, container_id: str, network: str) -> None:
        """End the leases of a container on a network; safe to repeat."""
        folder = f"{self._root}/{network}"
        for ip in self.of(container_id, network):
            failpoint(f"release an address of {network}")
            os.unlink(f"{folder}/{ip}")
        try:
            os.rmdir(folder)
        except OSError:
            pass  # others have leases, or there is none

    def any(self, network: str) -> bool:
        """Return whether a container has an address of a network."""
        return bool(self._all(network))

    def _all(self, network: str) -> dict[str, str]:
        """Return the owner of each leased address of a network."""
        folder = f"{self._root}/{network}"
        leased = {}
        with suppress(FileNotFoundError):  # there is none
            for ip in os.listdir(folder):
                with suppress(FileNotFoundError):  # released meanwhile by another process
                    leased[ip] = os.readlink(f"{folder}/{ip}")
        return leased


def _free(network: str, subnet: Mapping[str, object], taken: set[str]) -> str:
    """Return the highest free address of a subnet, within its lease range.

    :raises InvalidState: all are taken.
    """
    for ip in _candidates(subnet):
        if ip not in taken:
            return ip
    raise InvalidState(
        f"network {network}: no address of subnet {subnet['subnet']} is free: remove containers from it, or give it a "
        "larger subnet or range"
    )


def _candidates(subnet: Mapping[str, Any]) -> Iterator[str]:
    there = ipaddress.ip_network(subnet["subnet"], strict=False)
    limits = subnet.get("lease_range") or {}
    low = int(ipaddress.ip_address(limits.get("start_ip") or int(there.network_address) + 1))
    most = min(there.num_addresses, _MOST) - 1
    high = int(ipaddress.ip_address(limits.get("end_ip") or there[most]))
    kind = type(there.network_address)
    last = there.broadcast_address if there.version == 4 else None
    # As an address: a file that was written by hand may have another spelling than podman's.
    gateway = kind(subnet.get("gateway") or there[1 if there.num_addresses > 1 else 0])
    for number in range(high, low - 1, -1):
        ip = kind(number)
        if ip not in (last, gateway):
            yield str(ip)


def _elsewhere() -> set[str]:
    """Return the addresses in namespaces of other engines."""
    found: set[str] = set()
    for name in os.listdir(_NAMESPACES) if os.path.isdir(_NAMESPACES) else ():
        path = f"{_NAMESPACES}/{name}"
        if name.startswith(_OTHERS) and netns.exists(path):
            try:
                found.update(*netns.addresses(path).values())
            except OSError:
                continue  # removed in this moment
    return found
