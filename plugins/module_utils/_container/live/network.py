# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks and published ports of a container that runs: connected, disconnected, and put right.

An interface keeps its name and address as long as the container runs; a new network takes the ethN of its place in the
option, or where that is taken the first free one, and the next start numbers them anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Collection, Optional

from ..._drivers.kernel import netns
from ..._model import journal
from ..._model.errors import LibpodError, ToolFailed
from ..._model.records.config import ContainerConfig
from ..._model.records.network import NetworkAttachment
from ..network import foreign_rules, host_ports, setup
from ..network.attachments import attachments, save
from ..network.drift import lacks_route, whole

if TYPE_CHECKING:
    from ..base import ContainerBase

# Plugins that can be run again without the others: they keep rules, and no link or address.
_RULES = ("portmap", "firewall")


def apply(container: ContainerBase, config: ContainerConfig, *, thorough: bool = False) -> None:
    """Bring the attachments of a live container in line with ``config``; what is as it should be is not touched.

    ``thorough``: each is looked at by its plugins too (CHECK). Every step is recorded before and after, so that an
    interrupted one is a difference from the record, or drift, and repeated.

    :raises NoSuchNetwork: a network is not defined. :raises ToolFailed: a plugin refused.
    """
    if not netns.exists(container.netns_path):
        netns.adopt(container.netns_path, container.state.pid)
    if not config.create_net_ns:
        return
    wanted = setup.planned(container, config)
    made = attachments(container)
    if config.ports or container.config.ports:
        # New ports are taken first, and old ones let go of last. Half done is drift for who takes the change back.
        if config.ports != container.config.ports and made:
            made[0] = made[0]._replace(forwarding=True)
            save(container, made)
        host_ports.hold(container, config.ports)
    kept, lost = _sorted_out(container, made, {new.network for new in wanted}, thorough)
    wanted = _carry_ports(wanted, kept)
    for new in wanted:
        if new.network in kept:
            kept[new.network] = _forward(container, made, kept[new.network], new)
            _route(container, kept[new.network])
    for new in wanted:
        if new.network not in kept:
            kept[new.network] = _connect(container, made, new, lost.get(new.network))
    if config.ports or container.config.ports or any(one.forwarding for one in made):
        host_ports.release(container, config.ports)
    made = [kept[new.network]._replace(forwarding=False) for new in wanted]
    save(container, made)
    for one in made if thorough else ():
        foreign_rules.release(container, one)


def _sorted_out(
    container: ContainerBase, made: list[NetworkAttachment], wanted: set[str], thorough: bool
) -> tuple[dict[str, NetworkAttachment], dict[str, NetworkAttachment]]:
    """The attachments by network that are as they should be, and those that were not and are gone from ``made``."""
    kept: dict[str, NetworkAttachment] = {}
    lost: dict[str, NetworkAttachment] = {}
    for one in list(made):
        sound = one.result is not None and one.network in wanted and whole(container, one)
        if sound and thorough and _complaint(container, one):
            sound = _mended(container, one)
        if sound:
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
    """Attach to a network; it is among ``made`` from before on, with the interface of the ``old`` one that was lost."""
    taken = {one.interface for one in made}
    free = (name for name in (new.interface, *(f"eth{n}" for n in range(len(made) + 1))) if name not in taken)
    made.append(new._replace(interface=old.interface if old else next(free)))
    save(container, made)
    made[-1] = setup.add(container, made[-1], old)
    journal.begun_update(container.id, container.name)
    save(container, made)
    return made[-1]


def rules(container: ContainerBase, known: Collection[str] = ()) -> list[tuple[str, str]]:
    """What the plugins themselves (CHECK), or the rules for the way out, say is wrong with each interface.

    Others' rules are not looked at where the option ``publish`` is ``known`` to differ.

    :raises InvalidState: a port is taken by rules of a container that lives.
    """
    if not container.config.create_net_ns:
        return []
    found = []
    for one in attachments(container):
        words = [_complaint(container, one)]
        if "publish" not in known:
            words.append(foreign_rules.captured(container, one))
        if any(words):
            found.append((f"rules of {one.interface}", " and ".join(filter(None, words))))
    return found


def _complaint(container: ContainerBase, attachment: NetworkAttachment) -> str:
    from ..._drivers.cni.recovery import masquerades

    try:
        container.host.cni.check(container.id, container.netns_path, attachment)
    except ToolFailed as error:
        return error.stderr
    return "" if masquerades(container.id, attachment) else "its masquerading rules are gone"


def _mended(container: ContainerBase, attachment: NetworkAttachment) -> bool:
    """Run the plugins again that only keep rules; whether that was enough."""
    try:
        container.host.cni.again(container.id, container.netns_path, attachment, attachment, _RULES)
    except LibpodError:
        return False
    return not _complaint(container, attachment)


def _carry_ports(wanted: list[NetworkAttachment], kept: dict[str, NetworkAttachment]) -> list[NetworkAttachment]:
    """Return the wanted attachments, the published ports on the one that has them for as long as it is there.

    Only where that goes, or none has any, do they lead to the option's first network.
    """
    here = next((name for name, one in kept.items() if one.ports), wanted[0].network)
    return [one._replace(ports=wanted[0].ports if one.network == here else ()) for one in wanted]


def _forward(
    container: ContainerBase, made: list[NetworkAttachment], had: NetworkAttachment, new: NetworkAttachment
) -> NetworkAttachment:
    """Give a kept attachment the published ports it now has; meanwhile the record says that it is half done."""
    if not (had.ports or new.ports) or had.ports == new.ports and not had.forwarding:
        return had
    # Without any the plugin deletes nothing.
    had_some = had._replace(ports=had.ports or new.ports, forwarding=True)
    done = had_some._replace(ports=new.ports)
    index = made.index(had)
    made[index] = had_some
    save(container, made)
    journal.begun_update(container.id, container.name)  # half of it closes ports
    container.host.cni.again(container.id, container.netns_path, had_some, done, ("portmap",))
    made[index] = done
    save(container, made)
    return done


def _route(container: ContainerBase, attachment: NetworkAttachment) -> None:
    """The attachment's routes, where those of a network that is gone stood in their way."""
    facts, routes = attachment.facts, []
    for route in (attachment.result or {}).get("routes") or []:
        six = ":" in route["dst"]
        gateway = route.get("gw") or next((one.gateway for one in (facts.ipv6 if six else facts.ipv4)), "")
        if gateway and lacks_route(container, route["dst"]):
            routes.append((route["dst"], gateway))
    if routes:
        from ..._drivers.kernel import netlink

        netlink.add_routes(container.netns_path, attachment.interface, routes)
