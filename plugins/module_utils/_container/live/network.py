# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks and published ports of a running container: connect, disconnect, and repair them.

An interface keeps its name and address as long as the container runs. A new network takes the ethN of its place in the
option, or the first free one where that is taken; the next start numbers them again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Collection, Optional

from ..._drivers.kernel import netns
from ..._model import journal
from ..._model.records.config import ContainerConfig
from ..._model.records.network import NetworkAttachment
from ..network import foreign_rules, host_ports, setup
from ..network.attachments import attachments, save
from ..network.drift import findings, is_intact, lacks_route

if TYPE_CHECKING:
    from ..base import ContainerBase


def apply(container: ContainerBase, config: ContainerConfig, *, thorough: bool = False) -> None:
    """Bring the attachments of a live container in line with ``config``; intact ones are not touched.

    ``thorough`` also has the backend check each. Every step is recorded before and after, so that one that is
    interrupted is a difference from the record, or drift, and repeated.

    :raises NoSuchNetwork: a network is not defined. :raises ToolFailed: the backend's program failed.
    """
    if not netns.exists(container.netns_path):
        netns.adopt(container.netns_path, container.state.pid)
    if not config.create_net_ns:
        return
    wanted = setup.planned(container, config)
    made = attachments(container)
    changed = config.ports != container.config.ports
    # Where podman began the life, its conmon holds the ports, and goes on to where they are the same.
    held = bool(config.ports or container.config.ports) and (changed or host_ports.can_change(container))
    if held:
        # New ports are taken first, and old ones released last. A half-done change is drift where it is reverted.
        if changed and made:
            made[0] = made[0]._replace(forwarding=True)
            save(container, made)
        host_ports.hold(container, config.ports)
    kept, lost = _detach_others(container, made, {new.network for new in wanted}, thorough)
    wanted = _carry_ports(wanted, kept)
    for new in wanted:
        if new.network in kept:
            kept[new.network] = _forward(container, made, kept[new.network], new)
            _route(container, kept[new.network])
    for new in wanted:
        if new.network not in kept:
            kept[new.network] = _connect(container, made, new, lost.get(new.network))
    if held or any(one.forwarding for one in made) and host_ports.can_change(container):
        host_ports.release(container, config.ports)
    made = [kept[new.network]._replace(forwarding=False) for new in wanted]
    save(container, made)
    for one in made if thorough else ():
        foreign_rules.release(container, one)


def disconnect(container: ContainerBase, network: str) -> None:
    """Detach a live container from one network, which its configuration may still name."""
    made = attachments(container)
    for one in [one for one in made if one.network == network]:
        setup.delete(container, one)
        made.remove(one)
        save(container, made)


def _detach_others(
    container: ContainerBase, made: list[NetworkAttachment], wanted: set[str], thorough: bool
) -> tuple[dict[str, NetworkAttachment], dict[str, NetworkAttachment]]:
    """Detach all but the intact attachments, also from ``made``; return the intact and the others, by network."""
    kept: dict[str, NetworkAttachment] = {}
    lost: dict[str, NetworkAttachment] = {}
    networks = container.networks
    for one in list(made):
        intact = one.result is not None and one.network in wanted and is_intact(container, one)
        if intact and thorough:
            intact = networks.repair(container.id, container.netns_path, one)
        if intact:
            kept[one.network] = one
            continue
        lost[one.network] = one
        setup.delete(container, one)
        journal.begun_update(container.id, container.name)
        made.remove(one)
        save(container, made)
    return kept, lost


def _connect(
    container: ContainerBase, made: list[NetworkAttachment], new: NetworkAttachment, old: Optional[NetworkAttachment]
) -> NetworkAttachment:
    """Attach to a network, recorded in ``made`` beforehand; it has the interface of the ``old``, lost attachment."""
    taken = {one.interface for one in made}
    free = (name for name in (new.interface, *(f"eth{n}" for n in range(len(made) + 1))) if name not in taken)
    made.append(new._replace(interface=old.interface if old else next(free)))
    save(container, made)
    made[-1] = setup.add(container, made[-1], old)
    journal.begun_update(container.id, container.name)
    save(container, made)
    return made[-1]


def reload(container: ContainerBase) -> bool:
    """Make the missing firewall rules of a live container, and leave its links as they are.

    Return false where it needs new links, by ``apply`` with ``thorough``.
    """
    if findings(container):
        return False
    made = attachments(container)
    return all(container.networks.repair(container.id, container.netns_path, one) for one in made)


def rules(container: ContainerBase, known: Collection[str] = ()) -> list[tuple[str, str]]:
    """Return what the backend finds to be wrong with rules, by interface.

    Rules of others are not looked at where the option ``publish`` is ``known`` to differ.

    :raises InvalidState: a port is taken by rules of another, live container.
    """
    if not container.config.create_net_ns:
        return []
    result, made = [], attachments(container)
    if container.adopted and sum(bool(one.ports) for one in made) > 1:
        return []  # podman's rules of several networks for one port, of which the last one's come first
    for one in made:
        complaints = [container.networks.complaint(container.id, container.netns_path, one)]
        if "publish" not in known:
            complaints.append(foreign_rules.captured(container, one))
        if any(complaints):
            result.append((f"rules of {one.interface}", " and ".join(filter(None, complaints))))
    return result


def _carry_ports(wanted: list[NetworkAttachment], kept: dict[str, NetworkAttachment]) -> list[NetworkAttachment]:
    """Return the wanted attachments with the published ports on the one that has them already.

    Where that one goes, or none has any, the option's first network gets them.
    """
    here = next((name for name, one in kept.items() if one.ports), wanted[0].network)
    return [one._replace(ports=wanted[0].ports if one.network == here else ()) for one in wanted]


def _forward(
    container: ContainerBase, made: list[NetworkAttachment], had: NetworkAttachment, new: NetworkAttachment
) -> NetworkAttachment:
    """Give a kept attachment its new published ports; meanwhile the record says that this is half done."""
    if not (had.ports or new.ports) or had.ports == new.ports and not had.forwarding:
        return had
    had_some = had._replace(ports=had.ports or new.ports, forwarding=True)
    index = made.index(had)
    made[index] = had_some
    save(container, made)
    journal.begun_update(container.id, container.name)  # already half of it closes ports
    done = had_some._replace(ports=new.ports, ranges=())
    made[index] = container.networks.forward(container.id, container.netns_path, had, done)
    save(container, made)
    return made[index]


def _route(container: ContainerBase, attachment: NetworkAttachment) -> None:
    """Add the attachment's routes that those of a removed network prevented."""
    facts, routes = attachment.facts, []
    for route in (attachment.result or {}).get("routes") or []:
        six = ":" in route["dst"]
        gateway = route.get("gw") or next((one.gateway for one in (facts.ipv6 if six else facts.ipv4)), "")
        if gateway and lacks_route(container, route["dst"]):
            routes.append((route["dst"], gateway))
    if routes:
        from ..._drivers.kernel import netlink

        netlink.add_routes(container.netns_path, attachment.interface, routes)
