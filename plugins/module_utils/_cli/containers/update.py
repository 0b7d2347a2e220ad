# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod update``, ``libpod rename``, and changes of a container's networks: the same container otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping, Optional, Sequence

from ..._container.container import Container
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, InvalidState, RecreateRefused
from ..._model.options.network import options as network_options
from ..._model.options.normalise import normalise
from ..._model.options.syntax import modes
from ..._model.options.syntax.parsers import name as checked_name
from ..._model.options.syntax.parsers import wrong
from ..._model.options.table import OPTIONS
from ..._reconcile.desired import Desired
from ..._reconcile.diff import comparisons
from ..._reconcile.reconcile import check_root, reconcile
from ..._runtime.runtime import Runtime
from .. import table
from ..arguments import new_parser
from .flags import add_option, option_values

if TYPE_CHECKING:
    from ..._model.options.types import Network

_OPTIONS = (
    *("blkio_weight", "blkio_weight_device", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime"),
    *("cpu_shares", "cpuset_cpus", "cpuset_mems", "device_read_bps", "device_read_iops", "device_write_bps"),
    *("device_write_iops", "memory", "memory_reservation", "memory_swap", "memory_swappiness", "pids_limit"),
    *("restart_policy", "stop_signal", "stop_timeout"),
)


def update(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Change the limits of a container and print its ID."""
    parser = new_parser("update", "Change limits of a container, also while it runs, and print its ID.", formats=False)
    parser.add_argument("--cpus", help="such as 1.5, in the place of --cpu-quota and --cpu-period")
    for name in _OPTIONS:
        add_option(parser, OPTIONS[name])
    parser.add_argument("name", help="a container's name, ID, or the beginning of an ID")
    options = parser.parse_args(arguments)
    values = option_values(options)
    if not values:
        raise InvalidArgument("update: expected a limit, such as --memory 256m")
    check_root()
    container = Runtime(parts).container(options.name).peek()
    _change(parts, container, values)
    table.write_line(container.id)
    return 0


def rename(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Give a container another name."""
    from ..._resources import units

    parser = new_parser("rename", "Give a container another name, also while it runs.", formats=False)
    parser.add_argument("name", help="a container's name, ID, or the beginning of an ID")
    parser.add_argument("new_name", metavar="new-name", help="a name that no container or pod has")
    options = parser.parse_args(arguments)
    new = checked_name(options.new_name, "new-name")
    check_root()
    runtime = Runtime(parts)
    container = runtime.container(options.name)
    units.check_unused(container.name)
    runtime.rename(container, new)
    return 0


def change_networks(parts: EngineConfig, key: str, network: str, asked: Optional[str]) -> None:
    """Have a container be on a network, with what is asked of it in the option's words, or with None not on it.

    :raises InvalidArgument: it is there already, or not there, or on no other, or has no networks of its own.
    """
    check_root()
    runtime = Runtime(parts)
    container = runtime.container(key).peek()
    options = network_options.spread(container.config.options)
    own = options["network"]
    if own["mode"] != "cni":
        raise InvalidArgument(f"container {container.name} has no networks of its own, and only a new one could have")
    names = [name or container.networks.network("")["name"] for name in own["networks"]]
    if (network in names) == (asked is not None):
        raise InvalidArgument(f"container {container.name} is {'already' if asked is not None else 'not'} on {network}")
    networks, settings = list(own["networks"]), dict(own.get("settings", {}))
    if asked is None:
        settings.pop(networks.pop(names.index(network)), None)
        if not networks:
            raise InvalidArgument(f"{network} is the only network of container {container.name}: connect another first")
    else:
        added = modes.network([f"{network}:{asked}" if asked else network], "NETWORK")
        if added["mode"] != "cni":
            raise wrong("NETWORK", network, "a network's name")
        networks, settings = [*networks, *added["networks"]], {**settings, **added.get("settings", {})}
    changed: Network = {"mode": "cni", "target": "", "networks": networks}
    options = {**options, "network": {**changed, "settings": settings} if settings else changed}
    network_options.check(options)
    network_options.settle(options)
    _apply(parts, Desired(container.name, "present", options))


def _change(parts: EngineConfig, container: Container, values: Mapping[str, object]) -> None:
    ignored, compared = comparisons.parse({"*": "ignore", **dict.fromkeys(values, "strict")})
    desired = Desired(
        container.name,
        "present",
        options=normalise(dict(values)),
        specified=frozenset(values),
        comparisons=ignored,
        compared=compared,
    )
    _apply(parts, desired)


def _apply(parts: EngineConfig, desired: Desired) -> None:
    """Change the container in place. :raises InvalidState: that needs a new one."""
    try:
        reconcile(parts, desired._replace(recreate_policy="never"))
    except RecreateRefused as error:
        forcing = ", ".join(error.plan["recreated_because_of"])
        raise InvalidState(
            f"container {desired.name} cannot be changed in place, for other values of {forcing} need a new container: "
            "create one with libpod run --replace, or by a task; nothing was changed"
        ) from error
