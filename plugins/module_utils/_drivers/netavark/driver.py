# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attachments to networks by netavark(1): ``setup`` and ``teardown`` of one network at a time."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from typing import Iterator, Mapping, Optional, Sequence

from ..._model import shared_locks
from ..._model.engine_config import DEFAULT_RUN_ROOT, EngineConfig
from ..._model.errors import (
    InvalidArgument,
    LibpodError,
    MalformedData,
    NotImplementedByHost,
    ToolFailed,
    ToolMissing,
    ToolTimedOut,
)
from ..._model.failpoints import failpoint
from ..._model.options.network.ports import ANY_ADDRESS
from ..._model.records.network import NetworkAttachment
from .. import command, limits, overdue
from ..cni.config import MARK
from ..kernel import conntrack, netns
from ..network_backend import helper
from ..storage import store_records
from . import config as networks
from . import result
from .leases import Leases

PACKAGE = "netavark"
_BRIDGE, _MACVLAN = "bridge", "macvlan"
_PODMAN_DIR = "/etc/containers/networks"
_PODMAN_LOCK = "/run/lock/netavark.lock"  # of newer versions, for podman's own directories


class Netavark:
    """Attach containers to netavark's networks; see ``network_backend.NetworkBackend``."""

    def __init__(self, parts: EngineConfig) -> None:
        self._parts = parts
        self._leases = Leases(parts.run_root)

    def network(self, name: str) -> Mapping[str, object]:
        """Return the network ``name`` as its file has it, the default one where it is empty.

        :raises NoSuchNetwork: it is not defined.
        """
        return networks.network(self._parts, name)

    def families(self, attachment: NetworkAttachment) -> set[int]:
        """Return the address families, 4 and 6, of the network."""
        return networks.families(attachment.config)

    def require(self, attachment: NetworkAttachment) -> None:
        """Check, without changing anything, that the network can be attached like this.

        :raises ToolMissing: netavark is not installed, or the firewall's program, or the network's aardvark-dns.
        :raises InvalidArgument: the network lacks an address that is asked for, or cannot forward ports.
        :raises NotImplementedByHost: the engine does not use this driver, or IPAM driver, with netavark.
        """
        config, name = attachment.config, attachment.network
        _program(PACKAGE)
        if config["driver"] == _BRIDGE and not command.is_installed("iptables"):
            from .rules import require_nftables

            require_nftables(_program(PACKAGE))
        if config.get("dns_enabled"):
            _program("aardvark-dns")
        if config["driver"] not in (_BRIDGE, _MACVLAN) or networks.ipam_driver(config) != "host-local":
            raise NotImplementedByHost(
                f"network {name} has the driver {config['driver']} and the IPAM driver {networks.ipam_driver(config)}: "
                f"with netavark the engine uses {_BRIDGE} and {_MACVLAN} with host-local: choose another network, or "
                "network_backend cni"
            )
        if attachment.ports and config["driver"] != _BRIDGE:
            raise InvalidArgument(
                f"network {name} cannot give published ports, since its driver is {config['driver']}: choose a bridge"
            )
        outside = networks.outside(config, attachment.ips)
        if outside:
            raise InvalidArgument(
                f"ip: {', '.join(outside)} is in no subnet of network {name}, which has "
                f"{', '.join(map(str, networks.subnets(config)))}"
            )
        if len(networks.one_each(config, attachment.ips)) < len(attachment.ips):
            raise InvalidArgument(
                f"ip: {', '.join(attachment.ips)} are several addresses of one subnet of network {name}, of which "
                "netavark gives one: choose one of each subnet"
            )

    def add(self, container_id: str, netns_path: str, attachment: NetworkAttachment) -> NetworkAttachment:
        """Lease addresses, run ``setup`` and return the attachment with its result; what fails is undone.

        :raises ToolFailed: with netavark's message. :raises ToolMissing, InvalidArgument: as ``require``.
        """
        self.require(attachment)
        with self._turn() as held:
            try:
                return self._setup(container_id, netns_path, attachment, held)
            except BaseException:
                # The next removal undoes what fails here: the caller still has the attachment on record.
                with contextlib.suppress(LibpodError, OSError):
                    self._undo(container_id, netns_path, attachment, held)
                raise

    def complaint(self, container_id: str, netns_path: str, attachment: NetworkAttachment) -> str:
        """Return which firewall rule of the attachment is missing, empty for none.

        :raises ToolFailed: the rules cannot be read.
        """
        from .rules import complaint

        return complaint(attachment)

    def repair(self, container_id: str, netns_path: str, attachment: NetworkAttachment) -> bool:
        """Have ``setup`` make the missing rules, for a stand-in in another namespace; return whether that was enough.

        netavark makes rules with a link alone. The stand-in has the attachment's addresses and MAC, and goes at once.
        """
        config, facts = attachment.config, attachment.facts
        if config["driver"] != _BRIDGE:
            return True  # it has no rules
        if config.get("network_interface") not in [name for _index, name in socket.if_nameindex()]:
            return False
        complete = not self.complaint(container_id, netns_path, attachment)
        if complete and not command.is_installed("firewall-cmd"):
            return True
        known = tuple(one.ip for one in (*facts.ipv4, *facts.ipv6))
        # The name server goes on as it is.
        same = attachment._replace(ips=known, mac=facts.mac, config={**config, "dns_enabled": False})
        try:
            with self._turn() as held:
                if complete:
                    self._trust(container_id, same, held)
                    return True
                self._make_rules(container_id, same, held)
            conntrack.forget_unforwarded(attachment)
        except (LibpodError, OSError):
            return False
        return not self.complaint(container_id, netns_path, attachment)

    def forward(
        self, container_id: str, netns_path: str, had: NetworkAttachment, new: NetworkAttachment
    ) -> NetworkAttachment:
        """Attach again, with the same addresses and the ports of the ``new`` attachment; return that.

        :raises ToolFailed: with netavark's message.
        """
        ips = tuple(one.ip for one in (*had.facts.ipv4, *had.facts.ipv6))
        with self._turn() as held:
            self._teardown(container_id, netns_path, had, held)
            same = new._replace(ips=ips, mac=had.facts.mac)
            done = self._setup(container_id, netns_path, same, held)
        conntrack.forget_ports(had, new.ports)
        return done._replace(ips=new.ips, mac=new.mac)

    def delete(self, container_id: str, netns_path: str, attachment: NetworkAttachment) -> None:
        """Run ``teardown`` and release the addresses, whatever is left of the attachment.

        :raises ToolFailed: with netavark's message.
        :raises ToolMissing: netavark is not installed.
        """
        with self._turn() as held:
            self._undo(container_id, netns_path, attachment, held)

    def adopt(self, container_id: str, attachment: NetworkAttachment) -> None:
        """Lease the addresses that podman has given the container; podman's own leases stay."""
        facts = attachment.facts
        with self._turn():
            ips = [one.ip for one in (*facts.ipv4, *facts.ipv6)]
            self._leases.take(container_id, attachment.interface, attachment.config, ips)

    def disown(self, container_id: str, attachment: NetworkAttachment) -> None:
        """Release the leases: podman has its own."""
        with self._turn():
            self._leases.release(container_id, attachment.network)

    def has_address(self, container_id: str, netns_path: str, attachment: NetworkAttachment) -> bool:
        """Return whether the container has, or leases, an address on the network."""
        return attachment.result is not None or bool(self._leases.of(container_id, attachment.network))

    def is_leased(self, network: str) -> bool:
        """Return whether a container of this engine has an address of the network."""
        return self._leases.any(network)

    def ask_for_names(self, network: str, servers: Sequence[str]) -> None:
        """Have a running aardvark-dns ask other servers, by ``netavark update``.

        :raises ToolFailed: with netavark's message.
        """
        if os.path.exists(f"{self._run_dir}/aardvark-dns/{network}"):  # else no container is on the network
            argv = [*_netavark(self._run_dir, dns=True), "update", network, "--network-dns-servers", ",".join(servers)]
            failpoint("netavark update")
            _answer(argv, f"update of network {network}")

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes, and podman, from attaching and detaching in this context."""
        with self._turn():
            yield

    def _setup(
        self, container_id: str, netns_path: str, attachment: NetworkAttachment, held: Sequence[int]
    ) -> NetworkAttachment:
        ips = self._leases.take(container_id, attachment.interface, attachment.config, attachment.ips)
        output = self._run("setup", container_id, netns_path, attachment._replace(ips=ips), held)
        try:
            done = attachment._replace(result=result.parse(output, attachment, netns_path))
        except MalformedData as error:
            doing = f"setup of container {container_id[:12]} on network {attachment.network}"
            raise ToolFailed([PACKAGE, "setup"], 0, str(error), doing) from error
        conntrack.forget_unforwarded(done)
        return done

    def _undo(self, container_id: str, netns_path: str, attachment: NetworkAttachment, held: Sequence[int]) -> None:
        leased = networks.one_each(attachment.config, self._leases.of(container_id, attachment.network))
        # ``setup`` comes after the last lease.
        if attachment.result is not None or len(leased) == len(networks.subnets(attachment.config)):
            self._teardown(container_id, netns_path, attachment, held)
            conntrack.forget_ports(attachment)
        self._leases.release(container_id, attachment.network)

    def _teardown(self, container_id: str, netns_path: str, attachment: NetworkAttachment, held: Sequence[int]) -> None:
        """Run ``teardown``, and remove the rules. Where the link, the bridge or a rule is gone, do it for a stand-in.

        That is the same attachment in another namespace, for which ``setup`` makes what is missing.
        """
        from .removal import Removal

        facts = attachment.facts
        known = tuple(one.ip for one in (*facts.ipv4, *facts.ipv6))
        attachment = attachment._replace(ips=known or tuple(self._leases.of(container_id, attachment.network)))
        if netns.exists(netns_path) and attachment.interface in netns.addresses(netns_path):
            try:
                removal = Removal.of(container_id, attachment, _program(PACKAGE), self._run_dir)
                ruleless = removal.without_rules if removal else attachment
                self._run("teardown", container_id, netns_path, ruleless, held)
                if not removal or removal.remove(held):
                    return
            except ToolTimedOut:
                raise
            except ToolFailed:
                pass
        if attachment.config["driver"] != _BRIDGE:
            return  # it has no rules, and its link is gone
        gone = f"{netns_path}-gone"
        try:
            netns.create(gone)
            if attachment.interface not in netns.addresses(gone):
                self._run("setup", container_id, gone, attachment, held)
            self._run("teardown", container_id, gone, attachment, held)
        finally:
            netns.delete(gone)

    def _make_rules(self, container_id: str, attachment: NetworkAttachment, held: Sequence[int]) -> None:
        """Make the rules of an attachment on a stand-in, each once.

        netavark adds only missing rules, but in nftables each of a published port.
        """
        from .rules import are_repeated

        with netns.temporary() as namespace:
            self._run("setup", container_id, namespace, attachment, held)
            netns.set_down(namespace, attachment.interface)
            repeated = are_repeated()
            if repeated:
                self._run("teardown", container_id, namespace, attachment, held)
                self._run("setup", container_id, namespace, attachment, held)
                netns.set_down(namespace, attachment.interface)

    def _trust(self, container_id: str, attachment: NetworkAttachment, held: Sequence[int]) -> None:
        """Have firewalld trust the network's subnets again, which a reload has it forget; the rules are there.

        netavark keeps what it has done of a stand-in without ports in a directory of its own, which goes.
        """
        from shutil import rmtree

        folder = f"{self._run_dir}/stand-in"
        try:
            with netns.temporary() as namespace:
                self._run("setup", container_id, namespace, attachment._replace(ports=(), ranges=()), held, folder)
                netns.set_down(namespace, attachment.interface)
        finally:
            rmtree(folder, ignore_errors=True)

    def _run(
        self,
        verb: str,
        container_id: str,
        namespace: str,
        attachment: NetworkAttachment,
        held: Sequence[int],
        folder: str = "",
    ) -> str:
        """Run netavark for one network and return what it prints; it inherits the locks, unless aardvark-dns may.

        ``folder`` is where it keeps what it has done, by default ``_run_dir``.

        :raises ToolFailed: with its message.
        """
        dns = bool(attachment.config.get("dns_enabled"))
        folder = folder or self._run_dir
        os.makedirs(folder, 0o755, exist_ok=True)
        failpoint(f"netavark {verb}")
        return _answer(
            [*_netavark(folder, dns=dns), verb, namespace],
            f"{verb} of container {container_id[:12]} on network {attachment.network}",
            json.dumps(_options(container_id, attachment)),
            () if dns else (*shared_locks.descriptors, *held),
        )

    @property
    def _run_dir(self) -> str:
        """The directory of aardvark-dns: podman's own, whose networks it may share, unless the roots are moved."""
        own = self._parts.run_root == DEFAULT_RUN_ROOT and self._parts.network_config_dir == _PODMAN_DIR
        return "/run/containers/networks" if own else f"{self._parts.run_root}/netavark"

    @contextlib.contextmanager
    def _turn(self) -> Iterator[tuple[int, ...]]:
        """Hold the lock, and podman's; yield their descriptors, which netavark inherits."""
        with contextlib.ExitStack() as stack:
            own = stack.enter_context(overdue.held(f"{self._parts.run_root}/netavark.lock"))
            yield (own, *(stack.enter_context(store_records.locked(one)) for one in self._podmans_locks()))

    def _podmans_locks(self) -> list[str]:
        folder = self._parts.network_config_dir
        own = f"{folder}/netavark.lock"
        if folder != _PODMAN_DIR:
            return [own] if os.path.isdir(folder) else []
        newer = [_PODMAN_LOCK] if os.path.isdir(os.path.dirname(_PODMAN_LOCK)) else []
        return [*newer, *([own] if os.path.exists(own) else [])]


def _program(name: str) -> str:
    """Return the path of a program of podman's.

    :raises ToolMissing: it is not installed.
    """
    path = helper(name)
    if not path:
        raise ToolMissing(name, name)
    return path


def _netavark(folder: str, *, dns: bool) -> list[str]:
    """Return the command line without its verb; ``folder`` is where netavark keeps what it has done."""
    names = ["--aardvark-binary", _program("aardvark-dns")] if dns else []
    return [_program(PACKAGE), "--config", folder, "--rootless", "false", *names]


def _answer(argv: Sequence[str], doing: str, input: Optional[str] = None, pass_fds: Sequence[int] = ()) -> str:
    """Run netavark, and return what it prints.

    :raises ToolFailed: with its message.
    """
    limit = limits.of(PACKAGE)
    env = command.tool_environment({})
    started = command.start(argv, package=PACKAGE, env=env, limit=limit, input=input, pass_fds=pass_fds)
    ended = command.finish(started, limit, doing)
    if ended.code != 0:
        raise command.failure([argv[0], doing.split()[0]], ended, doing, result.error(ended.output or ended.errors))
    return ended.output


def _options(container_id: str, attachment: NetworkAttachment) -> dict[str, object]:
    """Return netavark's input for one network: NetworkOptions of containers/common with the definitions."""
    settings = {
        "static_ips": networks.one_each(attachment.config, attachment.ips),
        "interface_name": attachment.interface,
        "aliases": list(attachment.aliases),
        **({"static_mac": attachment.mac} if attachment.mac else {}),
    }
    ports = [
        {
            # netavark takes 0.0.0.0 for an address that packets must have.
            "host_ip": "" if port.host_ip == ANY_ADDRESS else port.host_ip,
            "host_port": port.host_port,
            "container_port": port.container_port,
            "protocol": port.protocol,
            "range": length,
        }
        for port, length in attachment.forwarded
    ]
    config = {key: value for key, value in attachment.config.items() if key != MARK}
    config.setdefault("ipam_options", {"driver": "host-local"})
    return {
        "container_id": container_id,
        "container_name": attachment.container,
        "networks": {attachment.network: settings},
        "network_info": {attachment.network: config},
        **({"port_mappings": ports} if ports else {}),
    }
