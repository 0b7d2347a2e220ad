# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod network``: list, inspect, create, remove networks; connect, disconnect and reload containers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Mapping, Optional, Sequence

from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidState, NoSuchNetwork
from ..._reconcile.reconcile import check_root
from ..._resources.networks.files import Files
from ..._resources.networks.inspect import inspected
from ..._runtime.runtime import Runtime
from .. import table
from ..arguments import containers, for_each
from ..output import filters
from ..output.listing import Shape
from . import creation, verbs

if TYPE_CHECKING:
    from ..._resources.types import InspectedNetwork

_COLUMNS = {
    "Name": "NAME",
    "Driver": "DRIVER",
    "Interface": "INTERFACE",
    "Subnets": "SUBNETS",
    "Containers": "CONTAINERS",
}
_FILTERS: filters.Known[InspectedNetwork] = {
    "name": filters.pattern(lambda one: [one["name"]]),
    "id": filters.beginning(lambda one: [one.get("id", "")]),
    "driver": filters.equal(lambda one: [one["driver"]]),
    "dangling": filters.flag(lambda one: not one["used_by"]),
    **filters.labels(lambda one: one.get("labels")),
}


def _connection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--alias", action="append", default=[], help="a further name there; several can be given")
    for option in ("ip", "ip6", "mac-address"):
        parser.add_argument(f"--{option}", help="of the container there")
    _disconnection(parser)


def _disconnection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", help="the network's name")
    parser.add_argument("container", help="a container's name, ID, or the beginning of an ID")


def _reloading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="*", help="a container's name, ID, or the beginning of an ID")
    parser.add_argument("-a", "--all", action="store_true", help="every container that runs and has networks")


_VERBS = {
    "ls": verbs.listing("networks", "names", _FILTERS),
    "inspect": verbs.inspection("networks"),
    "create": creation.NETWORK,
    "connect": verbs.Verb("connect a container to a network, also while it runs", _connection),
    "disconnect": verbs.Verb("disconnect a container from a network", _disconnection),
    "reload": verbs.Verb("bring the firewall rules of running containers back", _reloading),
    "rm": verbs.removal("networks", "remove the containers on them first"),
    "prune": verbs.pruning("network", "networks that nothing is on"),
    "exists": verbs.naming("exit with 0 if the network exists, else 1"),
}
_CODES: dict[type[Exception], int] = {NoSuchNetwork: 1, InvalidState: 2}


def network(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """List, show, make, remove networks, or change who is on them."""
    options = verbs.parsed("network", "The networks of the host and the containers on them.", _VERBS, arguments)
    changes = {
        **dict.fromkeys(("connect", "disconnect"), _reconnect),
        **{"create": creation.network, "reload": _reload, "rm": _rm},
    }
    if options.verb in changes:
        return changes[options.verb](parts, options)
    if options.verb == "prune":
        from .. import prune

        return prune.prune(parts, options, "network")
    found = {one["name"]: one for one in inspected(Runtime(parts), getattr(options, "name", ()))}
    if options.verb == "exists":
        return 0 if all(name in found for name in options.name) else 1
    if options.verb == "ls":
        return verbs.write_list(options, list(found.values()), Shape(_COLUMNS, _row, "Name"), _FILTERS)
    return verbs.inspect_each(options, lambda name: _known(parts, found, name), {})


def _undefined(parts: EngineConfig, name: str) -> NoSuchNetwork:
    return NoSuchNetwork(f"network {name} is not defined in {Files(parts).folder}")


def _known(parts: EngineConfig, found: Mapping[str, object], name: str) -> object:
    if name not in found:
        raise _undefined(parts, name)
    return found[name]


def _row(one: InspectedNetwork) -> Mapping[str, object]:
    return {
        "ID": one.get("id", "")[:12],
        "Name": one["name"],
        "Driver": one["driver"],
        "Interface": one.get("network_interface", ""),
        "Subnets": ", ".join(subnet["subnet"] for subnet in one["subnets"]),
        "Containers": table.users(one["used_by"]),
        "Labels": one.get("labels", {}),
    }


def _rm(parts: EngineConfig, options: argparse.Namespace) -> int:
    from ..._resources.networks import networks

    names = verbs.chosen(
        options,
        "networks' names, or --all (but for the default network)",
        lambda: [one["name"] for one in inspected(Runtime(parts)) if not one["default"]],
    )

    def work(name: str) -> str:
        if not networks.absent(parts, name, force=options.force, dry=False).actions and not options.force:
            raise _undefined(parts, name)
        return name

    return for_each(names, work, _CODES)


def _reconnect(parts: EngineConfig, options: argparse.Namespace) -> int:
    """Connect a container to the network or disconnect it, whether it runs or not."""
    from ..containers.update import change_networks

    asked: Optional[str] = None
    if options.verb == "connect":
        words = [("alias", one) for one in options.alias]
        words += [("ip", options.ip), ("ip6", options.ip6), ("mac", options.mac_address)]
        asked = ",".join(f"{key}={value}" for key, value in words if value)
    change_networks(parts, options.container, options.network, asked)
    return 0


def _reload(parts: EngineConfig, options: argparse.Namespace) -> int:
    """Make firewall rules again that a reload of the firewall has removed, and print the containers' names or IDs."""
    check_root()

    def running() -> list[str]:
        live = (one for one in containers(parts, ()) if one.state.status.has_process)
        return [one.id for one in live if one.config.create_net_ns]

    runtime = Runtime(parts)

    def work(key: str) -> str:
        runtime.container(key).reload_network()
        return key

    return for_each(verbs.chosen(options, "containers' names or IDs, or --all", running), work)
