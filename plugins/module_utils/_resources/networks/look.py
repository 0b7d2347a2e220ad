# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network as it is beside the one that a task describes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, Optional

from ..._drivers.cni.config import Definition
from ..._drivers.network_backend import helper
from ..._model.engine_config import EngineConfig
from ..._model.errors import warn
from ..._model.options.network.definition import Wanted
from ..._model.records.defined_network import DefinedNetwork
from . import files
from .desired import Surroundings, desired
from .files import Files

if TYPE_CHECKING:
    from ..._model.records.defined_network import InspectedDefinition


class Outcome(NamedTuple):
    """What was done, or in check mode would be, and the network before and after, empty where there is none.

    ``definition`` is the file of a network that was there.
    """

    actions: list[str]
    before: InspectedDefinition
    after: InspectedDefinition
    definition: Optional[Definition] = None


class Look(NamedTuple):
    """The networks at one moment, and what a task wants of one of them; ``had`` is what is there of it."""

    files: Files
    definition: Optional[Definition]
    had: Optional[DefinedNetwork]
    wanted: DefinedNetwork

    @property
    def changed(self) -> list[str]:
        if self.had is None:
            return []
        return [one for one in DefinedNetwork._fields if getattr(self.had, one) != getattr(self.wanted, one)]


def look_at(parts: EngineConfig, given: Wanted) -> Look:
    found = Files(parts)
    there = found.of(given.name)
    had = files.described(there[0]) if there else None
    if len(there) > 1:
        hidden = ", ".join(os.path.basename(one.path) for one in there[1:])
        warn(
            f"network {given.name} is defined by more than one file: {os.path.basename(there[0].path)} counts, as it "
            f"comes first, and {hidden} {'does' if len(there) == 2 else 'do'} not"
        )
    if found.backend == "netavark":
        has_dns = bool(helper("aardvark-dns"))
    else:
        has_dns = any(os.access(f"{folder}/dnsname", os.X_OK) for folder in parts.cni_plugin_dirs)
    wanted = desired(given, had, Surroundings(found.others(given.name), has_dns, found.backend))
    return Look(found, there[0] if there else None, had, wanted)


def outcome(look: Look, actions: list[str]) -> Outcome:
    """Return what has come of a look at a network and these actions."""
    after = look.wanted.inspected()
    before = {} if look.had is None else look.had.inspected() if look.changed else after
    return Outcome(actions, before, after, look.definition)
