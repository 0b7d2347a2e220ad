# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that differ in spelling only, by this host's defaults or by other options; imported where one differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._model.errors import LibpodError
from ..._model.options.mounts import volumes
from ..._model.options.network import ports
from ..._model.options.table import MOUNTS
from ..._model.records.config import ContainerConfig
from ..._runtime.runtime import Runtime
from ..plan import Difference

if TYPE_CHECKING:
    from ..._model.options.types import CommonOptions, ContainerOptions, Namespace, Network


def without(
    runtime: Runtime, config: ContainerConfig, options: ContainerOptions, differing: list[Difference]
) -> list[Difference]:
    """Return the differences but those in which the desired ``options`` are equivalent to the container's."""
    names = {one.option for one in differing}
    after = config.with_options(options)
    same = (
        set(MOUNTS)
        if len(names & set(MOUNTS)) > 1 and volumes.by_target(config.options) == volumes.by_target(options)
        else set()
    )
    if "network" in names and _same_names(runtime, config, options):
        same.add("network")
    if "cgroupns" in names and not options["pod"] and _cgroupns(runtime, config) == _cgroupns(runtime, after):
        same.add("cgroupns")
    if "expose" in names and _exposed(config, config.options) == _exposed(config, options):
        same.add("expose")
    if "cgroup_parent" in names and config.cgroup_parent == after.cgroup_parent:
        same.add("cgroup_parent")
    return [one for one in differing if one.option not in same]


def _exposed(config: ContainerConfig, options: ContainerOptions) -> list[tuple[object, ...]]:
    """Return the exposed ports with those of the image, which publish_all publishes too."""
    image = ports.expose(config.image_config.get("ExposedPorts") or (), "expose")
    return sorted(map(tuple, {tuple(one) for one in (*options["expose"], *image)}))


def _same_names(runtime: Runtime, config: ContainerConfig, options: CommonOptions) -> bool:
    backend = config.network_backend
    return _networks(runtime, backend, config.options) == _networks(runtime, backend, options)


def _networks(runtime: Runtime, backend: str, options: CommonOptions) -> Network:
    """Return the option with the default network by its name."""
    network = options["network"]
    if "" not in network["networks"]:
        return network
    try:
        default = runtime.host.networks_of(backend).network("")["name"]
    except LibpodError:
        return network
    named: Network = {**network, "networks": [name or default for name in network["networks"]]}
    if "settings" in network:
        named["settings"] = {name or default: setting for name, setting in network["settings"].items()}
    return named


def same_networks(runtime: Runtime, one: CommonOptions, other: CommonOptions) -> bool:
    """Return whether two containers' options name the same networks, in any order."""
    first, second = (_networks(runtime, runtime.host.network_backend, each) for each in (one, other))
    return {**first, "networks": sorted(first["networks"])} == {**second, "networks": sorted(second["networks"])}


def _cgroupns(runtime: Runtime, config: ContainerConfig) -> Namespace:
    """Return the option with the default of this host (``shared_namespaces``)."""
    namespace = config.options["cgroupns"]
    own = runtime.host.cgroups.unified or config.systemd
    return namespace if namespace["mode"] else {**namespace, "mode": "private" if own else "host"}
