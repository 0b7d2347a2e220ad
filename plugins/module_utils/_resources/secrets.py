# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets by themselves: what is known of one, who uses it, and its creation, replacement and removal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Collection, Iterator, Mapping, NamedTuple, Optional

from .._container.live_status import timestamp
from .._drivers import foreign_files
from .._model import caller
from .._model.engine_config import EngineConfig
from .._model.errors import DependencyExists, InvalidArgument, MalformedData, not_yet, some
from .._model.options.syntax.parsers import wrong
from .._model.options.table import HIDDEN
from .._store import secrets as store
from .._store.store import Store

if TYPE_CHECKING:
    from .types import InspectedSecret

_ID_DIGITS = 25  # podman's


class Outcome(NamedTuple):
    """What was done to a secret, or in check mode would be; before and after have no content."""

    actions: list[str]
    before: Mapping[str, object]
    after: Mapping[str, object]


def inspect(parts: EngineConfig, name: str) -> Optional[InspectedSecret]:
    """Return a secret as ``podman secret inspect`` shows it, None where there is none."""
    try:
        info = os.lstat(store.path_of(parts, name))
    except FileNotFoundError:
        return None
    record, written = store.record(parts, name), timestamp(info.st_mtime)
    return {
        "ID": str(record.get("id") or _own_id(name)),
        "CreatedAt": str(record.get("created") or written),
        "UpdatedAt": written,
        "Spec": {
            "Name": name,
            "Driver": {"Name": "file", "Options": {"path": store.folder(parts)}},
            "Labels": _labels(record),
        },
    }


def _own_id(name: str) -> str:
    """Return the ID of a secret that a user wrote."""
    import hashlib

    return hashlib.sha256(f"secret {name}".encode()).hexdigest()[:_ID_DIGITS]


def _labels(record: Mapping[str, object]) -> dict[str, str]:
    labels = record.get("labels")
    return {str(key): str(value) for key, value in labels.items()} if isinstance(labels, dict) else {}


def users(parts: EngineConfig, name: str) -> Iterator[str]:
    """Yield the names of the containers that use a secret, those being created too."""
    from .._container.unreadable import mentions
    from .._runtime.base import RuntimeBase

    runtime = RuntimeBase(parts)
    for container in runtime.containers_and_new():
        wanted = container.config.options["secrets"]
        unknown = container.unreadable and mentions(runtime.store.config_text(container.id), name)
        if unknown or any(one["name"] == name for one in wanted):
            yield container.name


def of_file(path: str, option: str) -> bytes:
    """Return the content of a file of the host; messages begin with ``option``, and none has the content.

    :raises InvalidArgument: it cannot be read, or is larger than a secret can be.
    """
    try:
        return foreign_files.read(caller.absolute(path), path, max_bytes=store.LARGEST)
    except MalformedData as error:
        raise InvalidArgument(f"{option}: {error}") from error
    except OSError as error:
        refusal = wrong(option, path, f"a file on the host ({error.strerror})")
        raise (not_yet(refusal) if isinstance(error, FileNotFoundError) else refusal) from error


def present(
    parts: EngineConfig, name: str, content: bytes, labels: dict[str, str], *, keep: bool, check_mode: bool
) -> Outcome:
    """Create a secret, or replace what differs; with ``keep`` one that is there stays as it is."""
    opened = Store(parts)
    if check_mode:
        return _present(parts, name, content, labels, keep=keep, check_mode=True)
    opened.prepare()
    with store.lock(parts):
        return _present(parts, name, content, labels, keep=keep, check_mode=False)


def _present(
    parts: EngineConfig, name: str, content: bytes, labels: dict[str, str], *, keep: bool, check_mode: bool
) -> Outcome:
    store.check_place(parts, name)
    before, record = inspect(parts, name), store.record(parts, name)
    same = bool(before) and _has(parts, name, content)
    if before and keep or same and _labels(record) == labels:
        return Outcome([], _shown(before), _shown(before))
    verb = "updated" if same else "replaced" if before else "created"
    after = {"labels": labels, "content": HIDDEN + (" changed" if verb == "replaced" else "")}
    outcome = Outcome([f"{verb} secret {name}"], _shown(before), after)
    if not check_mode:
        if not before:
            record = {}  # one of an interrupted removal
        created = before["CreatedAt"] if before else timestamp()
        # The record first: without a content there is no secret yet.
        known = {"id": record.get("id") or os.urandom(16).hex()[:_ID_DIGITS], "created": created, "labels": labels}
        store.write_record(parts, name, known)
        if not same:
            store.write(parts, name, content)
    return outcome


def _has(parts: EngineConfig, name: str, content: bytes) -> bool:
    try:
        return store.read(parts, name) == content
    except InvalidArgument:
        return False  # others may read it, or it is no file: it is replaced


def _shown(secret: Optional[InspectedSecret]) -> dict[str, object]:
    return {"labels": secret["Spec"]["Labels"], "content": HIDDEN} if secret else {}


def absent(parts: EngineConfig, name: str, *, force: bool, check_mode: bool, gone: Collection[str] = ()) -> Outcome:
    """Remove a secret; in check mode the containers ``gone`` count as removed.

    :raises DependencyExists: a container uses it, and ``force`` is not set.
    """
    Store(parts)
    store.check_place(parts, name)
    before = inspect(parts, name)
    if not before and not store.left(parts, name):
        return Outcome([], {}, {})
    if before and not force:
        _refuse_used(name, [one for one in users(parts, name) if one not in gone])
    if not check_mode:
        Store(parts).prepare()
        with store.lock(parts):
            store.remove(parts, name)
    return Outcome([f"removed secret {name}"] if before else [], _shown(before), {})


def _refuse_used(name: str, names: list[str]) -> None:
    if names:
        raise DependencyExists(
            f"secret {name} is used by {some(names)}: remove them first, or set force; a container "
            "cannot start without its secrets"
        )


def everyone(parts: EngineConfig) -> list[InspectedSecret]:
    """Return all secrets, sorted by name."""
    return [one for name in store.names(parts) if (one := inspect(parts, name))]
