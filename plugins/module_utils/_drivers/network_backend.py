# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What attaches containers to networks, CNI or netavark: their common interface, and the choice between them."""

from __future__ import annotations

import os
from typing import Any, ContextManager, Mapping, Protocol, Sequence

from .._model.engine_config import AUTO, EngineConfig
from .._model.errors import LibpodError
from .._model.records.network import NetworkAttachment

CNI, NETAVARK = "cni", "netavark"
# podman's helper_binaries_dir of containers.conf(5).
_HELPER_DIRS = ("/usr/local/libexec/podman", "/usr/local/lib/podman", "/usr/libexec/podman", "/usr/lib/podman")


class NetworkBackend(Protocol):
    """Attaches containers to networks; ``container_id`` is the full ID, ``netns_path`` the namespace's mount."""

    def network(self, name: str) -> Mapping[str, Any]:
        """Return the definition of the network ``name``, of the default one where it is empty.

        :raises NoSuchNetwork: it is not defined.
        """

    def families(self, attachment: NetworkAttachment) -> set[int]:
        """Return the address families, 4 and 6, that the attachment may get."""

    def require(self, attachment: NetworkAttachment) -> None:
        """Check, without changing anything, that the network can be attached like this.

        :raises ToolMissing: a program is not installed.
        :raises InvalidArgument: the network cannot give what the attachment requests.
        """

    def add(self, container_id: str, netns_path: str, attachment: NetworkAttachment) -> NetworkAttachment:
        """Attach and return the attachment with its result; what fails is undone.

        :raises ToolFailed: with the program's message. :raises ToolMissing, InvalidArgument: as ``require``.
        """

    def complaint(self, container_id: str, netns_path: str, attachment: NetworkAttachment) -> str:
        """Return what is wrong with the attachment's links and firewall rules, empty for nothing."""

    def repair(self, container_id: str, netns_path: str, attachment: NetworkAttachment) -> bool:
        """Make the firewall rules of a live attachment that are missing, and leave its link as it is.

        Return false where only a new link brings them.
        """

    def forward(
        self, container_id: str, netns_path: str, had: NetworkAttachment, new: NetworkAttachment
    ) -> NetworkAttachment:
        """Publish the ports of the ``new`` attachment in place of the old one's; return the new one.

        :raises ToolFailed: with the program's message.
        """

    def delete(self, container_id: str, netns_path: str, attachment: NetworkAttachment) -> None:
        """Undo the attachment, whatever is left of it, its namespace and its result.

        :raises ToolFailed, ToolMissing: as ``add``.
        """

    def adopt(self, container_id: str, attachment: NetworkAttachment) -> None:
        """Note that the engine looks after an attachment that podman made; safe to repeat."""

    def disown(self, container_id: str, attachment: NetworkAttachment) -> None:
        """Note that podman looks after an attachment again; safe to repeat."""

    def has_address(self, container_id: str, netns_path: str, attachment: NetworkAttachment) -> bool:
        """Return whether the container has, or reserves, an address on the network."""

    def ask_for_names(self, network: str, servers: Sequence[str]) -> None:
        """Have a network's name server, where one runs, ask these servers for others' names; ``alone`` is held.

        :raises ToolFailed: with the program's message.
        """

    def alone(self) -> ContextManager[None]:
        """Keep other processes from attaching and detaching in this context."""


def helper(name: str) -> str:
    """Return the path of one of podman's helper programs, empty where it is not installed."""
    paths = (f"{folder}/{name}" for folder in _HELPER_DIRS)
    return next((path for path in paths if os.access(path, os.X_OK)), "")


def folder(parts: EngineConfig, backend: str) -> str:
    """Return the directory of a backend's networks."""
    return parts.network_config_dir if backend == NETAVARK else parts.cni_config_dir


def backend(parts: EngineConfig) -> str:
    """Return the backend for new containers: the configured one, or the host's."""
    return _choose(parts) if parts.network_backend == AUTO else parts.network_backend


def _choose(parts: EngineConfig) -> str:
    """Return the backend for new containers of a host whose configuration names none.

    CNI stays where the engine's own networks are CNI's. Else it is podman's choice, as it has recorded it for this
    store; CNI where plugins and networks are there; and netavark where that is installed.
    """
    from .cni import config as cni_config

    plugins = any(os.access(f"{folder}/bridge", os.X_OK) for folder in parts.cni_plugin_dirs)
    defined = cni_config.networks(parts) if plugins else {}
    if any(name == cni_config.DEFAULT_NETWORK or cni_config.is_own(one) for name, one in defined.items()):
        return CNI
    if not helper(NETAVARK):
        return CNI
    recorded = _recorded(parts)
    if recorded == NETAVARK or recorded == CNI and plugins:
        return recorded
    return CNI if defined else NETAVARK


def _recorded(parts: EngineConfig) -> str:
    """Return the backend that podman has recorded for the store; empty where it has not."""
    from .storage.roots import storage_roots

    try:
        with open(f"{storage_roots(parts).root}/defaultNetworkBackend", encoding="ascii", errors="replace") as file:
            return file.read(64).strip()
    except (LibpodError, OSError):
        return ""
