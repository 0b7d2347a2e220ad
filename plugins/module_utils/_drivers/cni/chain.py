# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CNI plugin chains, executed as the CNI specification 1.0 says (https://www.cni.dev/docs/spec)."""

from __future__ import annotations

import contextlib
import fcntl
from typing import Collection, Iterator, Mapping, Optional, Sequence

from ..._model.engine_config import EngineConfig
from ..._model.errors import LibpodError, ToolFailed, ToolMissing, ToolTimedOut
from ..._model.options.network.ports import PortMapping
from ..._model.records.network import NetworkAttachment
from .. import command, overdue
from ..kernel import netns
from . import config as cni_config
from . import container_rules, nat_rules
from .config import runtime_arguments, version
from .plugin import PluginRun, program

# Both pass the previous result on unchanged, and each works on a table (nat, filter) that the other does not touch.
_SIDE_BY_SIDE = ("portmap", "firewall")
# It deletes by the container's ID alone, in a chain of its own, and so depends on no other plugin.
_APART = ("portmap",)
# Plugins that can be run again without the others: they keep rules only, no link or address.
_RULES = ("portmap", "firewall")


class Cni:
    """Attach containers to CNI networks; see ``network_backend.NetworkBackend``."""

    def __init__(self, parts: EngineConfig) -> None:
        self._parts = parts

    def network(self, name: str) -> Mapping[str, object]:
        """Return the configuration list of the network ``name``, of the default one where it is empty.

        :raises NoSuchNetwork: it is not defined.
        """
        return cni_config.network(self._parts, name) if name else cni_config.default_network(self._parts)

    def families(self, attachment: NetworkAttachment) -> set[int]:
        """Return the address families, 4 and 6, that the attachment may get."""
        return cni_config.families(attachment.config, attachment.ips)

    def require(self, attachment: NetworkAttachment) -> None:
        """Check, without changing anything, that the network can be attached like this.

        :raises ToolMissing: a plugin of the chain is not in ``cni_plugin_dirs``, or iptables is not installed.
        :raises InvalidArgument: no plugin takes a value of the runtime configuration.
        """
        runtime_arguments(attachment.config, attachment.runtime_config)
        for plugin in attachment.config["plugins"]:
            program(self._parts, plugin["type"])
            if (plugin.get("ipam") or {}).get("type"):
                program(self._parts, plugin["ipam"]["type"])
            uses_iptables = plugin["type"] == "firewall" and plugin.get("backend") in (None, "", "iptables")
            # Without a backend it uses firewalld where that runs.
            if uses_iptables and not any(map(command.is_installed, ("iptables", "firewall-cmd"))):
                raise ToolMissing("iptables", "iptables")

    def add(self, container_id: str, netns_path: str, attachment: NetworkAttachment) -> NetworkAttachment:
        """Run ADD and return the attachment with its result; where a plugin fails, the others' work is undone.

        :raises ToolFailed: with the plugin's own message.
        :raises ToolMissing: as ``require``. :raises InvalidArgument: as ``require``.
        """
        self.require(attachment)
        done = attachment._replace(result=None)
        with self._turn(fcntl.LOCK_EX) as lock:
            try:
                with container_rules.Masquerading(container_id, done, lock) as masquerading:
                    for stage in _stages(attachment.config["plugins"]):
                        told = map(masquerading.without, stage)
                        runs = (
                            PluginRun(self._parts, "ADD", container_id, netns_path, done, one, lock) for one in told
                        )
                        done = done._replace(result=_together(runs)[-1])
                        masquerading.begin(done)
            except BaseException:
                # The next DEL undoes what fails here: the caller still has the attachment on record.
                with contextlib.suppress(LibpodError, OSError):
                    self._undo(container_id, netns_path, done, lock)
                raise
        return done

    def check(self, container_id: str, netns_path: str, attachment: NetworkAttachment) -> None:
        """Run CHECK, where the network's CNI version has it and the network does not disable it.

        :raises ToolFailed: the attachment is not as it was added; the plugin's message says what differs.
        """
        if not _has_check(attachment):
            return
        for plugin in attachment.config["plugins"]:
            try:
                PluginRun(self._parts, "CHECK", container_id, netns_path, attachment, plugin).answer()
            except ToolFailed as error:
                # portmap 1.1 looks for the rules of each address in the tables of both families, IPv4 first.
                seen = "could not check ipv6 dnat" if not attachment.facts.ipv6 else "could not check ipv"
                if seen not in error.stderr:
                    raise
                lacking = nat_rules.lacking(container_id, attachment) if attachment.facts.ipv6 else ""
                if lacking:
                    raise ToolFailed(error.argv, error.exit_code, lacking) from error

    def complaint(self, container_id: str, netns_path: str, attachment: NetworkAttachment) -> str:
        """Return what CHECK or the masquerading rules show to be wrong, empty for nothing."""
        from .recovery import masquerades

        try:
            self.check(container_id, netns_path, attachment)
        except ToolFailed as error:
            return error.stderr
        return "" if masquerades(container_id, attachment) else "its masquerading rules are gone"

    def repair(self, container_id: str, netns_path: str, attachment: NetworkAttachment) -> bool:
        """Make masquerading rules again, and run the plugins that only keep rules; return whether that was enough.

        Where nothing tells whether rules are missing, the plugins run as well.
        """
        from .recovery import masquerades

        if _has_check(attachment) and not self.complaint(container_id, netns_path, attachment):
            return True
        try:
            if not masquerades(container_id, attachment):  # those that are there serve connections
                with self._turn(fcntl.LOCK_EX) as lock:
                    container_rules.masquerade_again(container_id, attachment, lock)
            self.again(container_id, netns_path, attachment, attachment, _RULES)
        except LibpodError:
            return False
        return not self.complaint(container_id, netns_path, attachment)

    def forward(
        self, container_id: str, netns_path: str, had: NetworkAttachment, new: NetworkAttachment
    ) -> NetworkAttachment:
        """Have portmap forward the ports of the ``new`` attachment in place of the old one's; return the new one.

        :raises ToolFailed: with the plugin's own message.
        """
        # Without ports the plugin deletes nothing, and a killed run may have forwarded the new ones.
        had = had._replace(ports=had.ports or new.ports)
        self.again(container_id, netns_path, had, new, (nat_rules.PORTMAP,))
        return new

    def has_address(self, container_id: str, netns_path: str, attachment: NetworkAttachment) -> bool:
        """Return whether the container has, or reserves, an address on the network."""
        from .recovery import with_result

        return with_result(container_id, netns_path, attachment).result is not None

    def again(
        self, container_id: str, netns_path: str, had: NetworkAttachment, new: NetworkAttachment, kinds: Sequence[str]
    ) -> None:
        """Run DEL of the old and ADD of the new attachment, for plugins of these ``kinds`` alone.

        They must be plugins that pass the previous result on.

        :raises ToolFailed: with the plugin's own message.
        """
        with self._turn(fcntl.LOCK_EX) as lock:
            for plugin in had.config["plugins"]:
                if plugin["type"] in kinds:
                    PluginRun(self._parts, "DEL", container_id, netns_path, had, plugin, lock).answer()
                    if plugin["type"] == nat_rules.PORTMAP:
                        container_rules.close_ports(container_id, had)
                    PluginRun(self._parts, "ADD", container_id, netns_path, new, plugin, lock).answer()
        _forget_connections(had, new.ports)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep others from attaching and detaching meanwhile."""
        with self._turn(fcntl.LOCK_EX):
            yield

    def adopt(self, container_id: str, attachment: NetworkAttachment) -> None:
        """Do nothing: the plugins know the container by its ID."""

    def disown(self, container_id: str, attachment: NetworkAttachment) -> None:
        """Do nothing, as ``adopt``."""

    def ask_for_names(self, network: str, servers: Sequence[str]) -> None:
        """Do nothing: the plugin dnsname asks the host's servers."""

    def delete(self, container_id: str, netns_path: str, attachment: NetworkAttachment) -> None:
        """Run DEL, whatever is left of the attachment, its namespace and its result.

        Every plugin is run, even after a failure. Without the link, the bridge and ptp plugins would not remove their
        masquerading rules: they are given a stand-in with its name and addresses, in another namespace.

        :raises ToolFailed: the first plugin that failed, with its message.
        :raises ToolMissing: a plugin is not installed, or, where a stand-in is needed, pyroute2 is not.
        """
        with self._turn(fcntl.LOCK_SH) as lock:
            try:
                done = self._undo(container_id, netns_path, attachment, lock)
            except ToolTimedOut:
                raise
            except LibpodError:
                # A plugin may fail at a flushed rule after it has deleted the link: start over from what is left.
                done = False
            if not done:
                self._undo(container_id, netns_path, attachment, lock)

    def _undo(self, container_id: str, netns_path: str, attachment: NetworkAttachment, lock: int) -> bool:
        """Run DEL of the chain once; return false where a link without its addresses may have left rules."""
        gone = f"{netns_path}-gone"
        namespace = netns_path if netns.exists(netns_path) else ""
        there = netns.addresses(namespace).get(attachment.interface) if namespace else None
        try:
            if attachment.result is None or there is None:
                from . import recovery

                attachment = recovery.with_result(container_id, netns_path, attachment)
                if there is None and recovery.stand_in(gone, container_id, attachment):
                    namespace = gone
            self._delete_chain(container_id, namespace, attachment, lock)
        finally:
            netns.delete(gone)
        facts = attachment.facts
        return there is None or {one.ip for one in (*facts.ipv4, *facts.ipv6)} <= there

    def _delete_chain(self, container_id: str, namespace: str, attachment: NetworkAttachment, lock: int) -> None:
        """Run each plugin's DEL in reverse order; the container's nat rules go before the plugins that keep them.

        The last plugin releases the address: firewall rules, which name only the address, are gone by then.
        Published ports are closed even if plugins fail: the next container may get them.
        """
        apart: list[PluginRun] = []
        failed: list[LibpodError] = []
        rules = container_rules.Removal(container_id, attachment)
        for plugin in reversed(attachment.config["plugins"]):
            try:
                if rules.are_kept_by(plugin):
                    rules.remove()
                told, remaining = rules.without(attachment, plugin)
                run = PluginRun(self._parts, "DEL", container_id, namespace, told, remaining, lock)
                if plugin["type"] in _APART:
                    apart.append(run)
                    continue
                if plugin["type"] in _SIDE_BY_SIDE:
                    rules.remove()
                run.answer()
            except LibpodError as error:
                failed.append(error)
        for run in apart:
            try:
                run.answer()
            except LibpodError as error:
                failed.append(error)
        try:
            if not rules.ports_closed:
                # portmap's DEL succeeds even if a call of iptables fails.
                container_rules.close_ports(container_id, attachment)
            _forget_connections(attachment)
        except LibpodError as error:
            failed.append(error)
        if failed:
            raise failed[0]

    def _turn(self, kind: int) -> contextlib.AbstractContextManager[int]:
        """Return the lock, held, with its descriptor, which plugins inherit: one ADD at a time, and no DEL beside it.

        Two first ADDs would race to create the bridge and the chains that all containers share.
        """
        return overdue.held(f"{self._parts.run_root}/cni.lock", kind)


def _has_check(attachment: NetworkAttachment) -> bool:
    """Return whether CHECK is run: the network's CNI version has it, and the network does not disable it."""
    config = attachment.config
    return attachment.result is not None and version(config) >= (0, 4, 0) and not config.get("disableCheck")


def _forget_connections(attachment: NetworkAttachment, kept: Collection[PortMapping] = ()) -> None:
    if any(port.protocol != "tcp" for port in attachment.ports):
        from ..kernel.conntrack import forget_ports

        forget_ports(attachment, kept)


def _stages(plugins: Sequence[Mapping[str, object]]) -> list[list[Mapping[str, object]]]:
    """Return the chain in order, neighbours that may run concurrently in one stage."""
    stages: list[list[Mapping[str, object]]] = []
    for plugin in plugins:
        beside = stages[-1] if stages else []
        kinds = [one["type"] for one in (*beside, plugin)]
        if beside and set(kinds) <= set(_SIDE_BY_SIDE) and len(set(kinds)) == len(kinds):
            beside.append(plugin)
        else:
            stages.append([plugin])
    return stages


def _together(runs: Iterator[PluginRun]) -> list[Optional[dict[str, object]]]:
    """Return the answers of plugins that are started one after another, once all have ended."""
    begun: list[PluginRun] = []
    try:
        for run in runs:
            begun.append(run)
    finally:
        for run in begun:
            run.wait()
    return [run.answer() for run in begun]
