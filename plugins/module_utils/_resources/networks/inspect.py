# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks under the keys of ``podman network inspect``, with the containers that are attached to them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Sequence

from ..._model.errors import MalformedData, warn
from ..._model.records.network import NetworkAttachment
from ..._runtime.runtime import Runtime
from . import files, usage
from .files import Files

if TYPE_CHECKING:
    from ..types import InspectedNetwork


def inspected(runtime: Runtime, names: Sequence[str] = ()) -> Iterator[InspectedNetwork]:
    """Yield the named networks, or all, those whose files cannot be understood by their names alone."""
    found = Files(runtime.parts)
    for one in found.malformed:
        warn(f"a file in {found.folder} is no network's: {one}")
    on = [attached for each in usage.of_all(runtime, found.default) for attached in each]
    for definition in found.effective():
        name = definition.config["name"]
        if names and name not in names:
            continue
        try:
            described = files.inspected(definition)
        except MalformedData as error:
            warn(f"what is shown of network {name} is incomplete: {error}")
            described = {"name": name, "driver": _driver(definition.config), "subnets": []}
        yield {
            **described,
            "containers": {
                user.container.id: _attached(user.container.name, user.attachment)
                for network, user in on
                if network == name and user.attachment
            },
            "used_by": sorted({user.container.name for network, user in on if network == name}),
            "default": name == found.default,
            "file": definition.path,
            "managed": found.form.is_marked(definition.config, os.path.basename(definition.path)),
        }


def _driver(config: Mapping[str, Any]) -> str:
    return str(config["plugins"][0]["type"] if "plugins" in config else config["driver"])


def _attached(name: str, attachment: NetworkAttachment) -> dict[str, object]:
    facts = attachment.facts
    subnets = [
        {"ipnet": f"{one.ip}/{one.prefix_length}", **({"gateway": one.gateway} if one.gateway else {})}
        for one in (*facts.ipv4, *facts.ipv6)
    ]
    return {"name": name, "interfaces": {attachment.interface: {"subnets": subnets, "mac_address": facts.mac}}}
