# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renaming: a container gets another name, also while it runs, for its parts on the host are named after its ID.

During it, the records of both names have the container's ID as ``renamed``: its configuration then says which of the
two it has. So exactly one name leads to it, and a run that is killed at any instruction is finished or undone by the
next holder of either name's lock.
"""

from __future__ import annotations

import os
from contextlib import nullcontext, suppress

from .._container.bundle import etc_files
from .._container.container import Container
from .._container.network import attachments
from .._model.errors import (
    ConfigMismatch,
    ContainerExists,
    ContainerRemoved,
    InvalidState,
    LibpodError,
    NoSuchContainer,
    PodExists,
    StateCorrupt,
    sentence,
    warn,
)
from .._model.records.config import ContainerConfig
from .._model.records.namespaces import OPTIONS
from .._store import pods
from .._store.store import NameRecord
from .base import RuntimeBase


def check(container: Container, taken: NameRecord, new: str) -> None:
    """Check that a container can get a name, of which ``taken`` is the record.

    :raises ContainerExists, PodExists: the name is taken. :raises InvalidArgument: it is an ID.
    :raises InvalidState: it is the infra container of a pod.
    :raises ConfigMismatch, StateCorrupt: its configuration is a newer version's, or damaged.
    """
    doing = f"container {container.name} cannot be renamed"
    container.store.check_new_name(new)
    if any(key.startswith("pod") for key in taken):
        raise PodExists(f"{doing}: {new!r} is a pod's name: give it another one")
    if taken.get("id"):
        raise ContainerExists(f"{doing}: {'it' if new == container.name else 'another container'} has the name {new!r}")
    if container.config.infra:
        raise InvalidState(f"{doing}: it is a pod's infra container: give that pod another infra_name")
    container.check_version()
    if container.unreadable:
        raise StateCorrupt(f"{doing}: {container.unreadable}")


def rename(runtime: RuntimeBase, container: Container, new: str) -> None:
    """Give a container a name that it can have; the locks of both names are held."""
    store, old, pod = runtime.store, container.name, container.config.pod
    mark = {"renamed": container.id, "from": old, "to": new}
    try:
        # In this order: a creation has the lock of the container whose network it joins, and takes that of its pod.
        with container.batch(), store.lock(pod) if pod else nullcontext():
            if pod:
                pods.find(store, pod)  # one that is being removed goes with the containers of the names that it has
            attachments.keep_name(container)
            record = store.name_record(old)
            store.write_name(old, {**record, **mark})
            store.write_name(new, {**store.name_record(new), "resume": record.get("resume", ""), **mark})
            store.write_config(container.config._replace(name=new))
    finally:
        settle(runtime, new, {**store.name_record(new), **mark})


def settle(runtime: RuntimeBase, name: str, record: NameRecord) -> NameRecord:
    """Finish or undo what an interrupted rename has left, by the container's configuration; return the name's record.

    The other name's record is left to its next task where its lock is not free.
    """
    store, container_id = runtime.store, record["renamed"]
    try:
        container = runtime.by_id(container_id)
        if container.name == record["to"] and store.name_record(record["to"]).get("renamed"):
            _finish(runtime, container, record["from"])
    except (NoSuchContainer, ContainerRemoved):
        pass  # both names are free
    except (LibpodError, OSError) as error:
        warn(f"container {record['to']} is renamed, but not everywhere: {sentence(error)}: restart it")
    # That which leads to the container comes last, so that its next task comes upon what is left.
    for one in sorted((record["from"], record["to"]), key=lambda one: store.name_record(one).get("id") == container_id):
        with store.lock(one).if_free() as taken:
            if taken:
                _unmark(runtime, one, container_id)
    return store.name_record(name)


def _unmark(runtime: RuntimeBase, name: str, container_id: str) -> None:
    store, lock = runtime.store, runtime.store.lock(name)
    record = store.name_record(name)
    if record.get("renamed") == container_id:
        gone = ("renamed", "from", "to", *(() if record["id"] else ("resume",)))
        store.write_name(name, {key: value for key, value in record.items() if key not in gone})
    if not store.name_record(name):
        store.forget_name(name)
        if lock.depth == 1:
            lock.discard()


def _finish(runtime: RuntimeBase, container: Container, old: str) -> None:
    """Have neighbours, and the options of containers that depend on it, name a container as it is called by now.

    One of these that cannot be written keeps none of the others from it.
    """
    failed: list[Exception] = []
    with suppress(FileNotFoundError):
        os.rename(runtime.store.unproved_update(old), runtime.store.unproved_update(container.name))
    for other in runtime.containers():
        if _renamed(other.config, old, container.name):
            try:
                with other.batch():
                    changed = _renamed(other.config, old, container.name)
                    runtime.store.write_config(other.config.with_options(changed))
            except (ContainerRemoved, ConfigMismatch):
                continue
            except (LibpodError, OSError) as error:
                failed.append(error)
    with container.batch():
        try:
            if container.state.status.has_process and "hosts" in container.state.etc_files:
                files = etc_files.fill(container, container.config, container.state.process, ("hosts",))
                container.save(etc_files={**container.state.etc_files, **files})
        finally:
            container.event("rename", OldName=old)
    if failed:
        raise failed[0]


def _renamed(config: ContainerConfig, old: str, new: str) -> dict[str, object]:
    """Return the options that name the container, with its new name."""
    options = config.options
    named: dict[str, object] = {
        option: {**options[option], "target": new}
        for option in OPTIONS
        if options[option]["mode"] == "container" and options[option]["target"] == old
    }
    if old in options["requires"]:
        named["requires"] = [new if one == old else one for one in options["requires"]]
    if any(one["container"] == old for one in options["volumes_from"]):
        named["volumes_from"] = [
            {**one, "container": new} if one["container"] == old else one for one in options["volumes_from"]
        ]
    return named
