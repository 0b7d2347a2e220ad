# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods on disk: ``<static>/pods/ID/pod.json``; the names are shared with containers.

``<static>/names/NAME.json`` says which pod has a name (``pod``), is being created for it (``pod_pending``) or removed
(``pod_retired``).
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Iterator

from .._model.errors import ConfigMismatch, NoSuchPod, StateCorrupt
from .._model.failpoints import failpoint
from .._model.options.syntax.parsers import is_name
from .._model.records.pod import PodConfig
from . import records
from .store import Store


def directory(store: Store, pod_id: str) -> str:
    return f"{store.parts.static_root}/pods/{pod_id}"


def read(store: Store, pod_id: str) -> PodConfig:
    """Return the pod with this ID.

    :raises NoSuchPod: there is none. :raises StateCorrupt: its record cannot be read.
    :raises ConfigMismatch: a newer version of the engine wrote it.
    """
    path = f"{directory(store, pod_id)}/pod.json"
    record = records.read(path)
    if record is None:
        raise NoSuchPod(f"no pod has the ID {pod_id}")
    return PodConfig.from_json(record, path)


def write(store: Store, pod: PodConfig) -> None:
    path = directory(store, pod.id)
    if not os.path.isdir(path):
        failpoint(f"mkdir {path}")
        os.makedirs(path, 0o700, exist_ok=True)
    records.write(f"{path}/pod.json", pod._asdict())


def everyone(store: Store) -> Iterator[PodConfig]:
    """Yield every pod in the order of names; a record that cannot be read is reported by the pod's own tasks."""
    for _name, pod_id in store.pods():
        try:
            pod = read(store, pod_id)
        except (NoSuchPod, StateCorrupt, ConfigMismatch):
            continue
        yield pod


def find(store: Store, key: str) -> PodConfig:
    """Return the pod with this name, full ID or unambiguous ID prefix.

    :raises NoSuchPod: there is none, or several. :raises ConfigMismatch: a newer version made the one of this name.
    """
    matches = [pod for pod in everyone(store) if key and (pod.name == key or pod.id.startswith(key))]
    exact = [pod for pod in matches if key in (pod.name, pod.id)]
    if not matches and is_name(key):
        with suppress(NoSuchPod, StateCorrupt):
            read(store, store.name_record(key).get("pod", ""))
    if len(exact or matches) != 1:
        raise NoSuchPod(f"{'several pods have' if matches else 'no pod has'} the name or ID {key!r}")
    return (exact or matches)[0]
