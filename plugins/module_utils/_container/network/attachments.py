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
# The run record of the containers that have joined a container's network namespace (``names``).
GUESTS = "guests"
_BEFORE = "network-before"


def attachments(container: ContainerBase) -> list[NetworkAttachment]:
    """Return the recorded attachments; one without a result was begun and perhaps not finished.

    :raises StateCorrupt: the record cannot be read.
    """
    path = f"{container.store.static_dir(container.id)}/{RECORD}.json"
    record = records.read(path, rare=True) or []
    if not isinstance(record, list):
        raise StateCorrupt(f"{path} is not a list of network attachments")
    made = [NetworkAttachment.from_json(entry, path) for entry in record]
    return [one._replace(container=one.known_as or container.name) for one in made]


def attached(container: ContainerBase) -> list[NetworkFacts]:
    """Return the addresses of finished attachments by order of networks; none where the record cannot be read."""
    try:
        return [attachment.facts for attachment in attachments(container) if attachment.result is not None]
    except StateCorrupt:
        return []


def save(container: ContainerBase, made: list[NetworkAttachment], *, spare: bool = False) -> None:
    """Record the attachments; ``spare`` is for a removal, which has to succeed on a full disk."""
    record = [attachment.to_json() for attachment in made]
    container.store.write_side_record(container.id, RECORD, record, spare=spare)


def keep_name(container: ContainerBase) -> None:
    """Record the container's name where plugins of its networks know it by that, before it gets another one."""
    from ..._drivers.cni.config import capabilities

    made = attachments(container)
    if any("aliases" in capabilities(one.config) for one in made if one.backend == "cni"):
        save(container, [one._replace(known_as=one.container) for one in made])


def remember(container: ContainerBase) -> None:
    """Have the container's next start ask for the addresses that it has now."""
    try:
        made = [attachment.to_json() for attachment in attachments(container) if attachment.result is not None]
    except StateCorrupt:
        return
    if made:
        container.store.write_side_record(container.id, _BEFORE, made, spare=False)


def remembered(container: ContainerBase) -> dict[str, NetworkAttachment]:
    """Return the attachments whose addresses are to be asked for, by network."""
    record = container.store.side_record(container.id, _BEFORE)
    made = [NetworkAttachment.from_json(entry, _BEFORE) for entry in record] if isinstance(record, list) else []
    return {one.network: one for one in made}


def forget(container: ContainerBase) -> None:
    """Forget the remembered addresses: a started container has them, or another one does."""
    if os.path.exists(f"{container.store.static_dir(container.id)}/{_BEFORE}.json"):
        container.store.remove_side_record(container.id, _BEFORE)
