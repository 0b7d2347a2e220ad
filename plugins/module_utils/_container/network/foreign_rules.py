# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of published ports that belong to another container, or to one that no longer exists.

Rules of other engines look the same. So a rule is removed only where the container that it names is in this engine's
records or events, and no longer attached.
"""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import TYPE_CHECKING, Iterator

from ..._drivers.cni import nat_rules
from ..._drivers.storage.roots import member, storage_roots
from ..._model.errors import InvalidState, LibpodError, NoSuchContainer
from ..._model.records.network import NetworkAttachment
from .attachments import RECORD

if TYPE_CHECKING:
    from ..._store.store import Store
    from ..base import ContainerBase

# libcni keeps the result of each ADD here until its DEL, for podman, CRI-O and containerd.
_RESULTS = "/var/lib/cni/results"
_ID = re.compile("[0-9a-f]{64}")


class Owners:
    """The containers that rules name: whether they still exist."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def is_gone(self, container_id: str) -> bool:
        """Return whether it was this engine's and is not attached, or is the rest of an earlier removal."""
        if not _ID.fullmatch(container_id):
            return False
        try:
            name = self._store.config(container_id).name
            if self._attached(container_id):
                return container_id in self._store.name_record(name).get("left", "").split()
        except NoSuchContainer:
            if self._attached(container_id):
                return False
            return os.path.isdir(self._store.static_dir(container_id)) or container_id in self._had
        except LibpodError:
            return False  # a newer engine's, whose records this one cannot read
        return True

    def living(self, container_id: str) -> str:
        """Return a description of the container or its engine; empty where nothing is known of it."""
        short = container_id[:12]
        if self._attached(container_id):
            try:
                return f"container {self._store.config(container_id).name} ({short})"
            except LibpodError:
                return f"container {short}"
        for record in storage_roots(self._store.parts).containers(container_id):
            if member(record, "id") == container_id:
                names = record.mapping().get("names")
                name = names[0] if isinstance(names, list) and names else short
                return f"container {name} ({short}) of another engine"
        if any(f"-{container_id}-" in name for name in self._results):
            return f"container {short} of another engine"
        return ""

    def _attached(self, container_id: str) -> bool:
        return bool(_ID.fullmatch(container_id)) and os.path.exists(
            f"{self._store.static_dir(container_id)}/{RECORD}.json"
        )

    @cached_property
    def _had(self) -> set[str]:
        from ..._store import events

        return {str(event.get("ID")) for event in events.read(self._store.parts.run_root) if isinstance(event, dict)}

    @cached_property
    def _results(self) -> list[str]:
        return os.listdir(_RESULTS) if os.path.isdir(_RESULTS) else []


def captured(container: ContainerBase, attachment: NetworkAttachment) -> str:
    """Return which published ports of an attachment are taken by rules of removed containers; empty for none.

    :raises InvalidState: rules of another container do; the message names it.
    """
    taken = {
        f"{port.host_port}/{port.protocol} is still taken by a rule of removed container {owner.container_id[:12]}"
        for owner, port, _ip in _stale(container, attachment)
    }
    return " and ".join(sorted(taken))


def release(container: ContainerBase, attachment: NetworkAttachment) -> None:
    """Remove those rules.

    :raises InvalidState: as ``captured``.
    """
    if next(_stale(container, attachment), None) is None:
        return
    # Wait for a container that is being attached: it has a record afterwards.
    with container.networks.alone():
        owners = {one.owner for one in _stale(container, attachment)}
        remove(container.id, owners)


def remove(container_id: str, owners: set[nat_rules.Owner]) -> None:
    """Remove the rules of these owners, except the container's own masquerading rules."""
    chains = [chain for one in owners for chain in one.chains[one.container_id == container_id :]]
    for six in (False, True):
        nat_rules.remove(six, chains, "rules of removed containers")


def _stale(container: ContainerBase, attachment: NetworkAttachment) -> Iterator[nat_rules.Forward]:
    if not nat_rules.forwarded(attachment):
        return
    owners = Owners(container.store)
    for one in nat_rules.captured(container.id, attachment):
        other = one.owner.container_id
        # Rules of its own on a network that its ports once led to may be removed.
        if other != container.id and not owners.is_gone(other):
            raise InvalidState(_refused(container.name, one, owners.living(other)))
        yield one


def _refused(name: str, one: nat_rules.Forward, living: str) -> str:
    port = f"publish: port {one.port.host_port}/{one.port.protocol} of container {name} is taken by rules of "
    if living:
        return f"{port}{living} on network {one.owner.network}: stop that container, or publish another port"
    return (
        f"{port}unknown container {one.owner.container_id} on network {one.owner.network}: if no engine on this host "
        f"has it any more, delete the rule of the nat table that jumps to {one.owner.chains[1]}"
    )
