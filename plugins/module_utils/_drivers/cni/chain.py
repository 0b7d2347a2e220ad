# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CNI plugin chains, executed as the CNI specification 1.0 says (https://www.cni.dev/docs/spec)."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import Any, Collection, Iterator, Mapping, Sequence

from ..._model.engine_config import EngineConfig
from ..._model.errors import LibpodError, ToolFailed, ToolTimedOut
from ..._model.options.ports import PortMapping
from ..._model.records.network import NetworkAttachment
from .. import overdue
from ..kernel import netns
from . import nat_rules
from .config import runtime_arguments, version
from .plugin import PluginRun, program

# Both pass the result they are given on as it is, and work on tables (nat, filter) the other does not touch.
_SIDE_BY_SIDE = ("portmap", "firewall")
# Deletes by the container's ID alone, in a chain of its own: nothing it needs is another plugin's to take away.
_APART = ("portmap",)


class Cni:
    """Attaches containers to networks; ``container_id`` is the full ID, ``netns_path`` where its namespace is kept."""

    def __init__(self, parts: EngineConfig) -> None:
        self._parts = parts

    def require(self, attachment: NetworkAttachment) -> None:
        """Check without touching anything that the network can be attached so.

        :raises ToolMissing: a plugin of the chain is not in ``cni_plugin_dirs``.
        :raises InvalidArgument: a value of the runtime configuration has no plugin that heeds it.
        """
        runtime_arguments(attachment.config, attachment.runtime_config)
        for plugin in attachment.config["plugins"]:
            program(self._parts, plugin["type"])
            if (plugin.get("ipam") or {}).get("type"):
                program(self._parts, plugin["ipam"]["type"])

    def add(self, container_id: str, netns_path: str, attachment: NetworkAttachment) -> NetworkAttachment:
        """ADD; the attachment with its result. Where a plugin fails, what the others did is undone.

        :raises ToolFailed: with the plugin's own words.
        :raises ToolMissing: and
        :raises InvalidArgument: as ``require``.
        """
        self.require(attachment)
        done = attachment._replace(result=None)
        with self._turn(fcntl.LOCK_EX) as lock:
            try:
                for stage in _stages(attachment.config["plugins"]):
                    runs = (
                        PluginRun(self._parts, "ADD", container_id, netns_path, done, plugin, lock) for plugin in stage
                    )
                    done = done._replace(result=_together(runs)[-1])
            except BaseException:
                # What cannot be undone now is undone by the next DEL: the caller still has the attachment on record.
                with contextlib.suppress(LibpodError, OSError):
                    self._undo(container_id, netns_path, done, lock)
                raise
        return done

    def check(self, container_id: str, netns_path: str, attachment: NetworkAttachment) -> None:
        """CHECK, where the network's CNI version has it and the network does not disable it.

        :raises ToolFailed: the attachment is not as it was added; the plugin's words say what differs.
        """
        config = attachment.config
        if attachment.result is None or version(config) < (0, 4, 0) or config.get("disableCheck"):
            return
        for plugin in config["plugins"]:
            try:
                PluginRun(self._parts, "CHECK", container_id, netns_path, attachment, plugin).answer()
            except ToolFailed as error:
                # portmap 1.1 looks for each address's rules in the tables of both families, IPv4 first.
                seen = "could not check ipv6 dnat" if not attachment.facts.ipv6 else "could not check ipv"
                if seen not in error.stderr:
                    raise
                lacking = nat_rules.lacking(container_id, attachment) if attachment.facts.ipv6 else ""
                if lacking:
                    raise ToolFailed(error.argv, error.exit_code, lacking) from error

    def again(
        self, container_id: str, netns_path: str, had: NetworkAttachment, new: NetworkAttachment, kinds: Sequence[str]
    ) -> None:
        """DEL of what is, and ADD, of the plugins of these ``kinds`` alone; they pass the result they are given on.

        :raises ToolFailed: with the plugin's own words.
        """
        with self._turn(fcntl.LOCK_EX) as lock:
            for plugin in had.config["plugins"]:
                if plugin["type"] in kinds:
                    PluginRun(self._parts, "DEL", container_id, netns_path, had, plugin, lock).answer()
                    if plugin["type"] == nat_rules.PORTMAP:
                        _remove_rules(container_id, had)
                    PluginRun(self._parts, "ADD", container_id, netns_path, new, plugin, lock).answer()
        _forget_connections(had, new.ports)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """While nothing is attached or detached."""
        with self._turn(fcntl.LOCK_EX):
            yield

    def delete(self, container_id: str, netns_path: str, attachment: NetworkAttachment) -> None:
        """DEL, whatever is left of the attachment, its namespace and its result; nothing left is fine.

        Every plugin is tried. A link that is gone (with its namespace, or alone) would keep the bridge and ptp
        plugins from taking back their masquerading rules: there a stand-in with the same name and addresses, in a
        namespace of its own, is theirs to delete.

        :raises ToolFailed: the first plugin that failed, with its words.
        :raises ToolMissing: a plugin is not installed, or, where a stand-in is needed, pyroute2 is not.
        """
        with self._turn(fcntl.LOCK_SH) as lock:
            try:
                done = self._undo(container_id, netns_path, attachment, lock)
            except ToolTimedOut:
                raise
            except LibpodError:
                # A plugin may stumble over a rule somebody flushed, with its link already deleted: look afresh.
                done = False
            if not done:
                self._undo(container_id, netns_path, attachment, lock)

    def _undo(self, container_id: str, netns_path: str, attachment: NetworkAttachment, lock: int) -> bool:
        """One DEL of the chain; false where a link that had lost its addresses may have left rules."""
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
        """Each plugin's DEL in reverse order, those that stand apart beside the others.

        An address is released by the last of the others: firewall rules, which name only the address, are gone by then.
        Published ports are closed whatever the plugins do: the next container may be given them.
        """
        apart: list[PluginRun] = []
        failed: list[LibpodError] = []
        backwards = list(reversed(attachment.config["plugins"]))
        for plugin in sorted(backwards, key=lambda one: one["type"] not in _APART):
            try:
                run = PluginRun(self._parts, "DEL", container_id, namespace, attachment, plugin, lock)
                if plugin["type"] in _APART:
                    apart.append(run)
                else:
                    run.answer()
            except LibpodError as error:
                failed.append(error)
        for run in apart:
            try:
                run.answer()
            except LibpodError as error:
                failed.append(error)
        try:
            # portmap's DEL succeeds also where a call of iptables fails.
            _remove_rules(container_id, attachment)
            _forget_connections(attachment)
        except LibpodError as error:
            failed.append(error)
        if failed:
            raise failed[0]

    @contextlib.contextmanager
    def _turn(self, kind: int) -> Iterator[int]:
        """One ADD at a time, and none beside a DEL; the lock's descriptor, which the plugins inherit.

        Two first ADDs would race to make the bridge and the chains all containers share. And where this process is
        killed, the plugin it was running lives on: whoever repairs has to wait until that one has ended.
        """
        os.makedirs(self._parts.run_root, 0o700, exist_ok=True)
        path = f"{self._parts.run_root}/cni.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            overdue.lock(descriptor, path, kind)
            yield descriptor
        finally:
            os.close(descriptor)


def _remove_rules(container_id: str, attachment: NetworkAttachment) -> None:
    """Remove what is left of a container's rules after the DEL of a chain with published ports.

    :raises ToolFailed: something still is, or it cannot be known.
    """
    if nat_rules.forwarded(attachment):
        facts = attachment.facts
        known = attachment.result is not None
        doing = f"rules of published ports of container {container_id[:12]} on network {attachment.network}"
        for six in (False, True):
            if not known or (facts.ipv6 if six else facts.ipv4):
                nat_rules.remove(six, nat_rules.Owner(attachment.network, container_id).chains[-1:], doing)


def _forget_connections(attachment: NetworkAttachment, kept: Collection[PortMapping] = ()) -> None:
    """Let the kernel forget who talks to the attachment's published ports, but ``kept`` ones."""
    facts = attachment.facts
    if all(port.protocol == "tcp" for port in attachment.ports):
        return
    from ..kernel.conntrack import Forwarding, forget

    forget(
        Forwarding(port, address.ip)
        for addresses in (facts.ipv4, facts.ipv6)
        for address in addresses[:1]
        for port in attachment.ports
        if port not in kept and port.forwards(":" in address.ip)
    )


def _stages(plugins: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """The chain in order, neighbours that may work at the same time in one stage."""
    stages: list[list[Mapping[str, Any]]] = []
    for plugin in plugins:
        beside = stages[-1] if stages else []
        kinds = [one["type"] for one in (*beside, plugin)]
        if beside and set(kinds) <= set(_SIDE_BY_SIDE) and len(set(kinds)) == len(kinds):
            beside.append(plugin)
        else:
            stages.append([plugin])
    return stages


def _together(runs: Iterator[PluginRun]) -> list[Any]:
    """The answers of plugins begun one after another, once all have ended."""
    begun: list[PluginRun] = []
    try:
        for run in runs:
            begun.append(run)
    finally:
        for run in begun:
            run.wait()
    return [run.answer() for run in begun]
