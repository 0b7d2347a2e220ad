# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attach a container to its networks, and detach it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Optional, Sequence

from ..._drivers.kernel import netns
from ..._model.attempts import Attempts
from ..._model.errors import (
    CleanupIncomplete,
    InvalidArgument,
    LibpodError,
    NoSuchNetwork,
    StateCorrupt,
    ToolFailed,
    ToolTimedOut,
    without_effect,
)
from ..._model.options.network.ports import ANY_ADDRESS, PortMapping
from ..._model.options.table import ALONE
from ..._model.records.config import ContainerConfig
from ..._model.records.network import NetworkAttachment
from . import names
from .attachments import RECORD, attachments, remembered, save

if TYPE_CHECKING:
    from ..._drivers.network_backend import NetworkBackend
    from ..._model.options.types import ContainerOptions, NetworkSettings
    from ..base import ContainerBase


def require(networks: NetworkBackend, subject: str, options: ContainerOptions, strict: bool = False) -> None:
    """Check that networks can be attached as options say, as far as that is known beforehand.

    ``subject`` is the container, or the pod, by its name in a message.

    Ports published on an address of a family that their network lacks have no effect. That is a warning, and an error
    where ``strict``.

    :raises NoSuchNetwork: one is not defined. :raises ToolMissing: a plugin is not installed.
    :raises InvalidArgument: a network cannot give what is requested, or is named twice under two names.
    """
    requested = _planned(networks, options)
    listed = [attachment.network for attachment in requested]
    for one in listed:
        if listed.count(one) > 1:
            raise InvalidArgument(f"network: {one} is listed twice, since bridge is another name of it: list it once")
    for attachment in requested:
        networks.require(attachment)
    # As with podman, published ports lead to the first network alone.
    for attachment in requested[:1]:
        if any(port.host_ip != ANY_ADDRESS for port in options["publish"]):
            _check_families(subject, attachment, networks.families(attachment), options["publish"], strict)


def _check_families(
    subject: str, attachment: NetworkAttachment, families: set[int], publish: Sequence[PortMapping], strict: bool
) -> None:
    """Warn of ports published on an address of a family that the network lacks.

    :raises InvalidArgument: there is one, and ``strict``.
    """
    for port in publish:
        if port.host_ip == ANY_ADDRESS:
            continue
        family = 6 if ":" in port.host_ip else 4
        if family not in families:
            without_effect(
                f"publish: {port.to_option()} of {subject} has no effect, for its network {attachment.network} "
                f"gives it no IPv{family} address to forward to: publish it on an IPv{10 - family} address, or give "
                f"the network an IPv{family} subnet",
                strict,
            )


def planned(container: ContainerBase, config: ContainerConfig, *, missing_ok: bool = False) -> list[NetworkAttachment]:
    """Return the attachments that ``config`` requests; ``missing_ok`` leaves networks out that are not defined."""
    planned = _planned(container.networks, config.options, missing_ok=missing_ok)
    return [
        one._replace(ports=() if index else config.ports, container=container.name) for index, one in enumerate(planned)
    ]


def _planned(
    networks: NetworkBackend, options: ContainerOptions, *, missing_ok: bool = False
) -> list[NetworkAttachment]:
    special = "settings" in options["network"] or any(options.get(option) for option in ALONE)
    planned = []
    for index, name in enumerate(options["network"]["networks"]):
        try:
            network = networks.network(name)
        except NoSuchNetwork:
            if missing_ok:
                continue
            raise
        settings: NetworkSettings = {}
        if special:
            from ..._model.options.network.options import of_network

            settings = of_network(options, name)
        planned.append(
            NetworkAttachment(
                network=network["name"],
                interface=settings.get("interface", f"eth{index}"),
                config=network,
                ips=tuple(settings.get("ips", ())),
                mac=settings.get("mac", ""),
                aliases=tuple(settings.get("aliases", ())),
            )
        )
    return planned


def attach(container: ContainerBase) -> None:
    """Attach the container's network namespace to its networks, as eth0, eth1 and so on.

    :raises NoSuchNetwork: one is not defined. :raises ToolFailed: the backend's program failed.
    """
    made = planned(container, container.config)
    for attachment in made:
        container.networks.require(attachment)
    save(container, made)
    before = remembered(container)
    for index, attachment in enumerate(made):
        made[index] = add(container, attachment, before.get(attachment.network))
    save(container, made)


def add(container: ContainerBase, new: NetworkAttachment, old: Optional[NetworkAttachment]) -> NetworkAttachment:
    """Attach, asking for the addresses of the ``old`` attachment where the network can give fixed ones."""
    networks = container.networks
    if old and old.result:
        facts = old.facts
        same_ips = tuple(one.ip for one in (*facts.ipv4, *facts.ipv6))
        same = new._replace(ips=new.ips or same_ips, mac=new.mac or facts.mac)
        try:
            networks.require(same)
            return networks.add(container.id, container.netns_path, same)._replace(ips=new.ips, mac=new.mac)
        except ToolTimedOut:
            raise
        except (InvalidArgument, ToolFailed):
            pass
    return networks.add(container.id, container.netns_path, new)


def delete(container: ContainerBase, attachment: NetworkAttachment) -> None:
    """Undo an attachment; where none of its addresses is left, an error is ignored.

    A program that does not accept its configuration would otherwise keep the container forever.
    """
    # Before the addresses are free for others.
    names.forget(container, [attachment.network])
    # By the attachment, since a damaged configuration does not tell the container's backend.
    networks = container.host.networks_of(attachment.backend)
    try:
        networks.delete(container.id, container.netns_path, attachment)
    except LibpodError:
        if networks.has_address(container.id, container.netns_path, attachment):
            raise


def detach(container: ContainerBase) -> None:
    """Undo what ``attach`` did or began, and remove the network namespace; safe to repeat.

    An attachment that cannot be removed stays on record for the next try, and does not stop the others.

    :raises CleanupIncomplete: naming the networks that the container is still attached to.
    """
    try:
        made = attachments(container)
    except StateCorrupt:
        # Damaged, for instance by a power cut: what the record must have had.
        made = planned(container, container.config, missing_ok=True)
    attempts = Attempts()
    left: list[NetworkAttachment] = []
    for attachment in reversed(made):
        part = f"its attachment to network {attachment.network}"
        if not attempts.attempt(part, partial(delete, container, attachment)):
            left.insert(0, attachment)
    path = container.netns_path
    attempts.attempt(f"the network namespace {path}", partial(netns.delete, path))
    if left and len(left) < len(made):
        save(container, left, spare=True)
    elif made and not left:
        container.store.remove_side_record(container.id, RECORD)
    if attempts.failed:
        raise CleanupIncomplete("the host still has", attempts.failed)
