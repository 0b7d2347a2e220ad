# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attaching a container to its CNI networks, and detaching it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping

from .._drivers import cni_config, netns
from .._model.network import Attachment, port_mappings
from .attachments import RECORD, attachments, save

if TYPE_CHECKING:
    from .container import Container


def _configuration(container: Container, name: str) -> Mapping[str, Any]:
    parts = container.host.parts
    return cni_config.network(parts, name) if name else cni_config.default_network(parts)


def attach(container: Container) -> None:
    """Attach the container's network namespace to its networks, as eth0, eth1, …

    :raises NoSuchNetwork: one is not defined. :raises ToolFailed: a plugin refused.
    """
    networks = container.config.options["network"]["networks"]
    runtime_config = {"portMappings": port_mappings(container.config.ports)} if container.config.ports else {}
    made = [
        Attachment(
            network=found["name"],
            interface=f"eth{index}",
            config=found,
            # A published port leads to the first network alone, as podman's.
            runtime_config=runtime_config if index == 0 else {},
        )
        for index, found in enumerate(_configuration(container, name) for name in networks)
    ]
    save(container, made)
    for index, attachment in enumerate(made):
        made[index] = container.host.cni.add(container.id, container.netns_path, attachment)
    save(container, made)


def detach(container: Container) -> None:
    """Undo what ``attach`` did, or began, and remove the network namespace; what is gone is fine."""
    for attachment in reversed(attachments(container)):
        container.host.cni.delete(container.id, container.netns_path, attachment)
    netns.delete(container.netns_path)
    if container.store.side_record(container.id, RECORD) is not None:
        container.store.remove_side_record(container.id, RECORD)
