# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers that use a network."""

from __future__ import annotations

import ipaddress
from typing import Iterable, Iterator, NamedTuple, Optional, Sequence

from ..._container.container import Container
from ..._container.network.attachments import attachments
from ..._container.unreadable import mentions
from ..._model.errors import InvalidArgument, NoSuchContainer, StateCorrupt, some
from ..._model.records.defined_network import Subnet
from ..._model.records.network import NetworkAttachment
from ..._runtime.runtime import Runtime

_SHOWN = 5  # containers named in a message


class User(NamedTuple):
    """A container that names a network, or is attached to it: then with its ``attachment``."""

    container: Container
    attachment: Optional[NetworkAttachment]


def users(runtime: Runtime, name: str, default: str) -> list[User]:
    """Return the containers of a network; those whose configuration names none are on the ``default`` one.

    Those being created or removed are among them, and those of a newer version that mention it.
    """
    found = [one for on in of_all(runtime, default) for network, one in on if network == name]
    known = {one.container.id for one in found}
    newer = (
        one for one in runtime.containers_and_new() if one.newer and one.id not in known and mentions(one.newer, name)
    )
    return [*found, *(User(one, None) for one in newer)]


def of_all(runtime: Runtime, default: str) -> Iterator[list[tuple[str, User]]]:
    """Yield each container's networks."""
    # In this order: one that is being created may be complete a moment later, and one that is complete be removed.
    named = dict.fromkeys((*runtime.store.being_made(), *runtime.store.names(), *runtime.store.unfinished()))
    seen: set[str] = set()
    for name, container_id in named:
        if container_id in seen:
            continue
        seen.add(container_id)
        try:
            container = runtime.by_id(container_id, name)
        except NoSuchContainer:
            continue
        try:
            made = {one.network: one for one in attachments(container)}
        except StateCorrupt:
            made = {}
        config = container.config
        if (config.network_backend or "cni") != runtime.host.network_backend:
            continue  # on networks of the other backend
        wanted = config.options["network"]["networks"] if config.create_net_ns else []
        on = dict.fromkeys((*(one or default for one in wanted), *made))
        yield [(network, User(container, made.get(network))) for network in on]


def listed(names: Iterable[str]) -> str:
    """Return some of the names, and how many more there are."""
    return some(sorted(set(names)), _SHOWN)


def check_addresses(name: str, on: Sequence[User], subnets: Sequence[Subnet]) -> None:
    """Check that the addresses that containers ask for are in the subnets.

    :raises InvalidArgument: one is not; it names the containers.
    """
    from ..._model.options.network.options import of_network

    networks = [ipaddress.ip_network(one.subnet) for one in subnets]
    outside = []
    for one in on:
        options = one.container.config.options
        entries = options["network"]["networks"]
        settings = of_network(options, name if name in entries else "")
        for ip in settings.get("ips", ()):
            if not any(ipaddress.ip_address(ip) in network for network in networks):
                outside.append(f"{one.container.name} ({ip})")
    if outside:
        raise InvalidArgument(
            f"network {name}: its subnets have no longer the addresses of containers {listed(outside)}: give these "
            "others first, or keep the subnet"
        )
