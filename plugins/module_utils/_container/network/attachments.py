# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a container's attachments to CNI networks, kept from before ADD until after DEL."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..._model.errors import StateCorrupt
from ..._model.records.network import NetworkAttachment, NetworkFacts
from ..._store import records

if TYPE_CHECKING:
    from ..base import ContainerBase

RECORD = "network"
_BEFORE = "network-before"


def attachments(container: ContainerBase) -> list[NetworkAttachment]:
    """What is recorded: made, or begun and perhaps not finished (no result).

    :raises StateCorrupt: the record cannot be read.
    """
    path = f"{container.store.static_dir(container.id)}/{RECORD}.json"
    record = records.read(path) or []
    if not isinstance(record, list):
        raise StateCorrupt(f"{path} is not a list of network attachments")
    return [NetworkAttachment.from_json(entry, path) for entry in record]


def attached(container: ContainerBase) -> list[NetworkFacts]:
    """Addresses of the finished attachments, in the order of the networks; none where the record cannot be read."""
    try:
        return [attachment.facts for attachment in attachments(container) if attachment.result is not None]
    except StateCorrupt:
        return []


def save(container: ContainerBase, made: list[NetworkAttachment], *, spare: bool = False) -> None:
    """Record them; ``spare``: for a removal, which is to get through on a full disk."""
    record = [attachment.to_json() for attachment in made]
    container.store.write_side_record(container.id, RECORD, record, spare=spare)


def remember(container: ContainerBase) -> None:
    """Have the container's next start, whoever makes it, ask for the addresses that it has now."""
    try:
        made = [attachment.to_json() for attachment in attachments(container) if attachment.result is not None]
    except StateCorrupt:
        return
    if made:
        container.store.write_side_record(container.id, _BEFORE, made, spare=False)


def remembered(container: ContainerBase) -> dict[str, NetworkAttachment]:
    """The attachments, by network, whose addresses are to be asked for."""
    record = container.store.side_record(container.id, _BEFORE) or []
    return {entry["network"]: NetworkAttachment.from_json(entry, _BEFORE) for entry in record}


def forget(container: ContainerBase) -> None:
    """The container has started: it has what it asked for, or another had it."""
    if os.path.exists(f"{container.store.static_dir(container.id)}/{_BEFORE}.json"):
        container.store.remove_side_record(container.id, _BEFORE)
