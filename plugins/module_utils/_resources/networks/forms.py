# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms of networks' files: configuration lists of CNI, and podman's for netavark."""

from __future__ import annotations

from typing import Mapping, Optional, Protocol

from ..._model.records.defined_network import DefinedNetwork, Subnet


class Form(Protocol):
    """One form of a network's file; ``conflist`` and ``podman_file`` are the two."""

    EXTENSION: str
    INDENT: int

    def read(self, config: Mapping[str, object], origin: str) -> DefinedNetwork:
        """Return what a file means.

        :raises MalformedData: a member has another type or form than it must have; ``origin`` names the file.
        """

    def written(
        self,
        wanted: DefinedNetwork,
        had: Optional[DefinedNetwork] = None,
        config: Optional[dict[str, object]] = None,
        kept: bool = False,
    ) -> dict[str, object]:
        """Return a new network, or ``config``, which means ``had``, with its changes.

        Members that the engine does not know stay in it. ``kept`` says that the bridge is not the network's.
        """

    def subnets(self, config: Mapping[str, object], origin: str) -> list[Subnet]:
        """Return the subnets of a network, none where they cannot be read."""

    def link(self, config: Mapping[str, object]) -> str:
        """Return the name of the network's bridge, empty where it has none."""

    def is_own(self, config: Mapping[str, object]) -> bool:
        """Return whether this engine made the network."""

    def is_marked(self, config: Mapping[str, object], file: str) -> bool:
        """Return whether this engine or podman wrote the file."""

    def keeps_bridge(self, config: Mapping[str, object]) -> bool:
        """Return whether the bridge was there before the network."""

    def created(self, config: Mapping[str, object]) -> str:
        """Return when the network was made, as its file says, empty where it does not."""


def of(config: Mapping[str, object]) -> Form:
    """Return the form that a network's file has."""
    return of_backend("cni" if "plugins" in config else "netavark")


def of_backend(backend: str) -> Form:
    """Return the form of a backend's files."""
    if backend == "netavark":
        from . import podman_file

        return podman_file
    from . import conflist

    return conflist
