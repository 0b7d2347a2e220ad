# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A volume as a task describes it: created, changed in place, re-created, mounted, unmounted, removed.

Plan and execution take the same way; ``dry`` leaves out what changes the host.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Collection, Mapping, NamedTuple, Optional

from ..._container.live_status import timestamp
from ..._drivers.host import Host
from ..._drivers.storage import project_quota, volume_mounts
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidState, NotImplementedByHost, StateCorrupt
from ..._model.failpoints import failpoint
from ..._model.options.mounts.volume_options import VolumeOptions
from ..._model.records.volume import COPY_TO_COME, VolumeRecord
from ..._store import volumes as store
from ..._store.store import Store


class DesiredVolume(NamedTuple):
    """``described`` is whether the task says what it is like, and not only its name.

    With ``keep`` one that is there stays as it is.
    """

    name: str
    labels: Mapping[str, str] = {}
    options: VolumeOptions = VolumeOptions()
    recreate: bool = False
    described: bool = True
    keep: bool = False


class Outcome(NamedTuple):
    """The actions, in the past tense, and the volume's record before and after, None where there is no volume."""

    actions: list[str]
    before: Optional[VolumeRecord]
    after: Optional[VolumeRecord]


def present(parts: EngineConfig, desired: DesiredVolume, *, dry: bool = False) -> Outcome:
    """Make the volume, or bring it in line with what is described.

    :raises InvalidState: containers use it, or the change would hide its content.
    """
    folder = store.folder(parts, desired.name)
    record = store.read(folder)
    if record is not None and not desired.recreate and _same(record, desired):
        return Outcome([], record, record)
    with _locked(parts, desired.name, dry):
        record = store.read(folder)
        if record is None:
            outcome = Outcome([f"created {desired.name}"], None, _new(desired))
        elif desired.recreate:
            outcome = Outcome([f"recreated {desired.name}"], record, _new(desired))
        elif _same(record, desired):
            outcome = Outcome([], record, record)
        else:
            after = record._replace(labels=desired.labels, options=desired.options)
            outcome = Outcome([f"updated {desired.name}"], record, after)
        if outcome.actions:
            _check(parts, outcome, desired)
            if outcome.after and not dry:
                _apply(parts, outcome.before, outcome.after, desired)
    return outcome


def _locked(parts: EngineConfig, name: str, dry: bool) -> AbstractContextManager[None]:
    return nullcontext() if dry else store.locked(parts, name)


def _same(record: VolumeRecord, desired: DesiredVolume) -> bool:
    return (
        desired.keep
        or not desired.described
        or (dict(record.labels), record.options) == (dict(desired.labels), desired.options)
    )


def keeps_files(record: Optional[VolumeRecord], desired: DesiredVolume) -> bool:
    """Return whether the volume as described has the files that it has now, and their top directory its owner."""
    if record is None or desired.recreate:
        return False
    if _same(record, desired):
        return True
    kinds = [(_kind(one), one.uid, one.gid) for one in (record.options, desired.options)]
    return kinds[0] == kinds[1]


def _new(desired: DesiredVolume) -> VolumeRecord:
    return VolumeRecord(desired.name, timestamp(), desired.labels, desired.options, COPY_TO_COME)


def _check(parts: EngineConfig, outcome: Outcome, desired: DesiredVolume) -> None:
    """Raise InvalidState if the volume cannot be changed so, NotImplementedByHost if it cannot be made so here."""
    before, name = outcome.before, desired.name
    if desired.options.has_quota:
        _check_quota(parts, desired)
    if before is None:
        return
    kinds = [(one.type, one.device, one.o) for one in (before.options, desired.options)]
    if not desired.recreate and kinds[0] == kinds[1]:
        return
    from ..._runtime.runtime import Runtime
    from .usage import named, users

    runtime = Runtime(parts)
    used = users(runtime).get(name, [])
    if desired.recreate and used:
        raise InvalidState(f"volume {name} cannot be re-created while {named(used)} uses it: remove that first")
    on = [one for one in runtime.containers_and_new() if one.name in used]
    live = [one.name for one in on if one.peek().state.status.has_process]
    if live:
        raise InvalidState(
            f"options: volume {name} cannot be changed while {named(live)} runs with it: stop that first"
        )
    data = store.data(parts, name)
    if not desired.recreate and not before.options.mounts and os.path.isdir(data) and os.listdir(data):
        raise InvalidState(
            f"options: volume {name} has content, which a mount on it would hide: export or remove that, or set "
            "recreate, which removes it"
        )


def _check_quota(parts: EngineConfig, desired: DesiredVolume) -> None:
    """Raise NotImplementedByHost or InvalidState if the volume's directory cannot be limited."""
    data, where = store.data(parts, desired.name), store.folder(parts, desired.name)
    while not os.path.isdir(where):
        where = os.path.dirname(where)
    limits = ", ".join(f"{key}={value}" for key, value in desired.options.shown().items() if key in ("SIZE", "INODES"))
    if not project_quota.possible(where):
        raise NotImplementedByHost(
            f"options: volume {desired.name} cannot have {limits.lower()}: the file system of {where} has no project "
            "quotas in force: mount XFS, or ext4 with its feature project, with prjquota, or give type=tmpfs"
        )
    kept = os.path.isdir(data) and not desired.recreate
    if kept and os.listdir(data) and not project_quota.has_project(data):
        raise InvalidState(
            f"options: volume {desired.name} has content, which a later {limits.lower()} would not count: export that, "
            "or set recreate, which removes it"
        )


def _apply(parts: EngineConfig, before: Optional[VolumeRecord], after: VolumeRecord, desired: DesiredVolume) -> None:
    folder = store.folder(parts, desired.name)
    data = f"{folder}/_data"
    if before is not None and desired.recreate:
        from ..._runtime.base import RuntimeBase
        from .removal import discard

        discard(RuntimeBase(parts), desired.name)
    Store(parts).prepare()
    if before is not None and not desired.recreate and _kind(before.options) != _kind(after.options):
        volume_mounts.unmount(data)
    if not os.path.isdir(data):
        store.prepare(folder)
        failpoint("make the volume's directory")
        os.mkdir(data, 0o755)
        from ..._container.bundle import lsm

        if lsm.selinux():
            from ..._container.bundle import labels

            labels.label_new_volume(data)
    if not after.options.mounts:
        volume_mounts.own(after.options, data)
        if after.options.has_quota or before is not None and not desired.recreate and before.options.has_quota:
            project_quota.limit(data, after.options.size, after.options.inodes)
    elif volume_mounts.is_mounted(data):
        volume_mounts.adapt(after.options, data)
    store.write(folder, after)


def _kind(options: VolumeOptions) -> tuple[object, ...]:
    return options.type, options.device, options.o


def absent(parts: EngineConfig, name: str, *, dry: bool = False, gone: Collection[str] = ()) -> Outcome:
    """Remove the volume, unless containers name it; in check mode the containers ``gone`` count as removed.

    :raises InvalidState: they do. :raises NotRemoved: something of it is left.
    """
    from ..._runtime.base import RuntimeBase
    from .removal import remove
    from .usage import named, users

    folder = store.folder(parts, name)
    there = os.path.isdir(folder)
    before = VolumeRecord(name) if there else None
    with suppress(StateCorrupt):  # it is removed all the same
        before = store.read(folder) or before
    runtime = RuntimeBase(parts)
    if dry:
        used = [one for one in users(runtime).get(name, ()) if one not in gone] if there else []
    else:
        used = remove(runtime, name)
    if used:
        raise InvalidState(f"volume {name} cannot be removed while {named(used)} uses it: remove that first")
    return Outcome([f"deleted {name}"] if there else [], before, None)


def mounted(parts: EngineConfig, desired: DesiredVolume, *, dry: bool = False) -> Outcome:
    """Make the volume where it is missing, and mount it until ``unmounted`` or the next boot."""
    outcome = present(parts, desired, dry=dry)
    if outcome.after is None or not outcome.after.options.mounts:
        return outcome
    data, boot_id = store.data(parts, desired.name), _boot_id(parts)
    held = not outcome.actions and store.held_by_operator(parts, desired.name, boot_id)
    if held and volume_mounts.is_mounted(data):
        return outcome
    if not dry:
        with store.locked(parts, desired.name):
            options = store.existing(parts, desired.name).options
            if options.mounts:
                store.hold(parts, desired.name, boot_id)
                volume_mounts.mount(options, data, desired.name)
    return outcome._replace(actions=[*outcome.actions, f"mounted {desired.name}"])


def unmounted(parts: EngineConfig, name: str, *, dry: bool = False) -> Outcome:
    """Hold the volume mounted no longer; it is unmounted where no container holds it.

    :raises NoSuchVolume: there is none of this name.
    """
    record = store.existing(parts, name)
    boot_id, data, actions = _boot_id(parts), store.data(parts, name), [f"unmounted {name}"]
    with _locked(parts, name, dry):
        holders = {*store.holders(Store(parts), name, boot_id)}
        left = not holders - {""} and os.path.isdir(data) and volume_mounts.is_mounted(data)
        if not (left or "" in holders):
            actions = []
        elif not dry:
            if left:
                volume_mounts.unmount(data)
            store.release(parts, name)
    return Outcome(actions, record, record)


def _boot_id(parts: EngineConfig) -> str:
    return Host(parts).boot_id
