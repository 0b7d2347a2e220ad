# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How podman has attached a container to its networks, in the form of the engine's records."""

from __future__ import annotations

import base64
import os
from glob import glob
from typing import Iterator

from ..._model import foreign
from ..._model.errors import MalformedData
from ..._model.foreign import Foreign
from ..._model.options.network.ports import ANY_ADDRESS, PortMapping
from ..._model.records.network import NetworkAttachment, PortRange
from .. import foreign_files
from ..cni import config as cni_config
from ..cni import result as cni_result
from ..netavark import result as netavark_result
from .container import PodmanContainer

_CACHE = "/var/lib/cni/results"  # libcni's
_PORTS = "/run/containers/networks/firewall/ports"  # netavark's, whose rules it makes again after the firewall's reload


def records(theirs: PodmanContainer) -> list[str]:
    """Return the paths of what podman's programs have on record of the container's attachments."""
    results = [_cached(theirs, name, interface) for name, interface in interfaces(theirs).items()]
    return [*results, *glob(f"{_PORTS}/*_{theirs.id}")]


def with_result(
    attachment: NetworkAttachment, theirs: PodmanContainer, netns_path: str, ports: tuple[PortMapping, ...]
) -> NetworkAttachment:
    """Return the attachment with what podman has of it; ``netns_path`` is to be in its result.

    podman forwards the published ``ports`` on each network.

    :raises MalformedData: podman's record of it cannot be used.
    """
    interface = interfaces(theirs).get(attachment.network, "")
    attachment = attachment._replace(interface=interface, ports=ports)
    if attachment.backend == "cni":
        path = _cached(theirs, attachment.network, interface)
        try:
            cached = foreign_files.read_json(path)
        except OSError as error:
            raise MalformedData(f"{path} cannot be read: podman's network backend is not CNI ({error})") from error
        return attachment._replace(config=_config(cached["config"]), result=_moved(cached["result"], netns_path))
    if os.path.exists(_cached(theirs, attachment.network, interface)):
        raise MalformedData(f"container {theirs.name}: podman's network backend is CNI, and the engine's is netavark")
    status, ranges = theirs.state["networkStatus"], tuple(published(theirs))
    return attachment._replace(result=netavark_result.of_status(status, attachment, netns_path), ranges=ranges)


def published(theirs: PodmanContainer) -> Iterator[PortRange]:
    """Yield the published ports as podman has them, those in a row together.

    :raises MalformedData: one is no port.
    """
    for one in theirs.config["newPortMappings"]:
        host, inside = (one[key].integer(low=0, high=65535) for key in ("host_port", "container_port"))
        count = one["range"].integer(1, low=0, high=65536 - max(host, inside)) or 1
        for protocol in one["protocol"].text("tcp").split(","):
            yield PortRange(PortMapping(one["host_ip"].text() or ANY_ADDRESS, host, inside, protocol), count)


def _config(encoded: Foreign) -> cni_config.Config:
    """Return the configuration list with which podman attached the container."""
    try:
        text = base64.b64decode(encoded.text(required=True))
    except ValueError:
        encoded.fail("a configuration in base64")
    return cni_config.as_list(foreign.parse(text, encoded.origin))


def _moved(result: Foreign, netns_path: str) -> dict[str, object]:
    """Return a result of CNI's with another path of the network namespace."""
    checked = cni_result.checked(result)
    interfaces = checked.get("interfaces")
    if isinstance(interfaces, list):
        checked["interfaces"] = [{**one, "sandbox": netns_path} if one.get("sandbox") else one for one in interfaces]
    return checked


def interfaces(theirs: PodmanContainer) -> dict[str, str]:
    """Return the interface of a container on each of its networks; of one that does not run, as it will be."""
    status, asked = theirs.state["networkStatus"], theirs.networks
    return {
        name: next((key for key, _value in status[name]["interfaces"].items()), asked[name]["interface_name"].text())
        for name in asked
    }


def _cached(theirs: PodmanContainer, network: str, interface: str) -> str:
    return f"{_CACHE}/{os.path.basename(network)}-{theirs.id}-{os.path.basename(interface)}"
