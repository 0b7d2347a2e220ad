# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of a container in the tables nat that the engine makes and removes in the plugins' place.

A plugin starts ``iptables`` for each step, and the kernel waits for a grace period after most removals. The engine
makes each change in one transaction. The plugins know its rules, which are those of containernetworking/plugins
(``ip.SetupIPMasq``). What a plugin keeps elsewhere, in nftables' own tables, is left to it.
"""

from __future__ import annotations

import os
from typing import Mapping, Optional

from ..._model.errors import LibpodError, ToolFailed, ToolMissing
from ..._model.failpoints import failpoint
from ..._model.records.network import NetworkAttachment
from .. import command, limits
from . import nat_rules

_MASQUERADING = ("bridge", "ptp")  # the plugins that have ipMasq


class Masquerading:
    """The masquerading rules of an ADD, which are made beside the plugins that follow; the context waits for them.

    :raises ToolFailed: at the end of the context, with the message of iptables-restore.
    """

    def __init__(self, container_id: str, attachment: NetworkAttachment, lock: int) -> None:
        """``lock`` is inherited by the programs, as by the plugins."""
        self._container_id, self._lock = container_id, lock
        self._wanted, self._due = _are_made_here(attachment), False
        self._started: list[tuple[str, command.Started]] = []

    def without(self, plugin: Mapping[str, object]) -> Mapping[str, object]:
        """Return what a plugin is told: not to masquerade, where the engine does."""
        if not (self._wanted and plugin.get("ipMasq")):
            return plugin
        self._due = True
        return {**plugin, "ipMasq": False}

    def begin(self, attachment: NetworkAttachment) -> None:
        """Start to make the rules for the addresses of the result, once the plugin has run that would have."""
        if not self._due:
            return
        self._wanted = self._due = False
        failpoint("cni ADD rules")
        for six in _families(attachment):
            script = nat_rules.masquerading(six, self._container_id, attachment)
            started = nat_rules.begin_restore(six, script, (self._lock,))
            self._started.append((nat_rules.program("restore", six), started))

    def __enter__(self) -> Masquerading:
        return self

    def __exit__(self, _kind: object, raised: Optional[BaseException], _trace: object) -> None:
        failed: Optional[LibpodError] = None
        for program, started in self._started:
            doing = f"masquerading of container {self._container_id[:12]}"
            try:
                ended = command.finish(started, limits.of("iptables"), doing)
                if ended.code != 0:
                    failed = command.failure([program, *nat_rules.ADD_TO_TABLE], ended, doing)
            except LibpodError as error:
                failed = error
        if failed and not raised:
            raise failed


def masquerade_again(container_id: str, attachment: NetworkAttachment, lock: int) -> None:
    """Make the masquerading rules of an attachment in place of what is left of them.

    :raises ToolFailed: as ``Masquerading``, or the tables cannot be read.
    """
    if _are_made_here(attachment):
        for six in _families(attachment):
            nat_rules.remove(six, nat_rules.Owner(attachment.network, container_id).chains[:1])
        with Masquerading(container_id, attachment, lock) as masquerading:
            for plugin in attachment.config["plugins"]:
                masquerading.without(plugin)
            masquerading.begin(attachment)


def _are_made_here(attachment: NetworkAttachment) -> bool:
    """Return whether a plugin of the network would make masquerading rules with the programs of iptables."""
    plugins = [one for one in attachment.config["plugins"] if one.get("ipMasq") and one["type"] in _MASQUERADING]
    if not plugins or any(one.get("ipMasqBackend") not in (None, "iptables") for one in plugins):
        return False
    folders = command.TOOL_PATH.split(":")
    programs = (nat_rules.program("restore", six) for six in (False, True))
    return all(any(os.access(f"{folder}/{one}", os.X_OK) for folder in folders) for one in programs)


class Removal:
    """The removal of a container's rules before DEL, of which the plugins are then told that there are none."""

    def __init__(self, container_id: str, attachment: NetworkAttachment) -> None:
        self._attachment, self._owner = attachment, nat_rules.Owner(attachment.network, container_id)
        self._doing = f"rules of container {container_id[:12]} on network {attachment.network}"
        self._tried = self._masquerading_gone = self.ports_closed = False

    def are_kept_by(self, plugin: Mapping[str, object]) -> bool:
        """Return whether a plugin keeps rules in these tables."""
        return bool(plugin.get("ipMasq")) or plugin["type"] == nat_rules.PORTMAP and bool(self._attachment.ports)

    def remove(self) -> None:
        """Remove them, at the first call; where that fails the plugins are left to do it."""
        if self._tried or not any(map(self.are_kept_by, self._attachment.config["plugins"])):
            return
        self._tried = True
        failpoint("cni DEL rules")
        try:
            found = [nat_rules.remove(six, self._owner.chains, self._doing) for six in _families(self._attachment)]
        except (ToolFailed, ToolMissing):
            return
        masquerading, ports = self._owner.chains
        self._masquerading_gone = all(masquerading in there for there in found)
        self.ports_closed = any(ports in there for there in found)

    def without(
        self, attachment: NetworkAttachment, plugin: Mapping[str, object]
    ) -> tuple[NetworkAttachment, Mapping[str, object]]:
        """Return what a plugin is told for DEL: without what is removed already."""
        if plugin["type"] == nat_rules.PORTMAP and self.ports_closed:
            return attachment._replace(ports=()), plugin
        if plugin.get("ipMasq") and self._masquerading_gone:
            return attachment, {**plugin, "ipMasq": False}
        return attachment, plugin


def close_ports(container_id: str, attachment: NetworkAttachment) -> None:
    """Remove what is left of a container's rules for published ports after DEL.

    :raises ToolFailed: a rule remains, or the rules cannot be read.
    """
    if nat_rules.forwarded(attachment):
        doing = f"rules of published ports of container {container_id[:12]} on network {attachment.network}"
        for six in _families(attachment):
            nat_rules.remove(six, nat_rules.Owner(attachment.network, container_id).chains[-1:], doing)


def _families(attachment: NetworkAttachment) -> list[bool]:
    """Return in which tables an attachment may have rules, false for IPv4's and true for IPv6's."""
    facts = attachment.facts
    known = attachment.result is not None
    return [six for six in (False, True) if not known or (facts.ipv6 if six else facts.ipv4)]
