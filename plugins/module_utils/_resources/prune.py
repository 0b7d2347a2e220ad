# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prune: removal of ended containers, and of unused volumes and images."""

from __future__ import annotations

import os
from functools import partial
from typing import Callable, Collection, Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence

from .._container.container import Container
from .._drivers.images.store import ImageStore
from .._model.errors import (
    ConfigMismatch,
    InvalidState,
    LibpodError,
    NoSuchContainer,
    NoSuchPod,
    RemovalIncomplete,
    StateCorrupt,
    sentence,
    warn,
)
from .._model.records.image import Image
from .._runtime.images import in_use
from .._runtime.runtime import Runtime, has_ended
from .._store import pods


class Filters(NamedTuple):
    """Selects what is older than ``until`` (seconds since the epoch) and has all ``labels``; None is any value."""

    until: Optional[float] = None
    labels: Mapping[str, Optional[str]] = {}

    def match(self, made: float, labels: Mapping[str, str]) -> bool:
        older = self.until is None or made < self.until
        return older and all(name in labels and value in (None, labels[name]) for name, value in self.labels.items())


Errors = list[Exception]


def containers(runtime: Runtime, filters: Filters, errors: Errors, *, dry: bool = False) -> list[tuple[str, str]]:
    """Remove the matching containers that have ended for good, and return them as (name, ID).

    One that others need stays, and so does one that cannot be removed, whose error is added to ``errors``.
    """
    candidates = list(_ended(runtime, filters, errors))
    gone: dict[str, str] = {}
    while True:
        ready = [one for one in candidates if one.id not in gone and not _needed(runtime, one, gone)]
        if not ready:
            return [(name, container_id) for container_id, name in gone.items()]
        for one in ready:
            try:
                removed = dry or runtime.remove_ended(one.name, one.id)
            except Exception as error:  # pylint: disable=broad-exception-caught
                errors.append(error)
                # It is removed, though something of it is left.
                removed = isinstance(error, RemovalIncomplete)
            if removed:
                gone[one.id] = one.name
            else:
                candidates.remove(one)


def _ended(runtime: Runtime, filters: Filters, errors: Errors) -> Iterator[Container]:
    from .._container.io.log_parts import seconds

    for one in runtime.containers():
        try:
            if not one.newer and has_ended(one.peek()) and filters.match(seconds(one.config.created_time), one.labels):
                yield one
        except Exception as error:  # pylint: disable=broad-exception-caught
            errors.append(InvalidState(f"container {one.name} cannot be looked at: {sentence(error)}"))


def remains(runtime: Runtime, errors: Errors, tried: Collection[str], *, dry: bool = False) -> list[str]:
    """Remove what interrupted or incomplete removals have left, except those just ``tried``; return the names."""
    from .._runtime.pods import Pods

    def finish(name: str) -> None:
        runtime.recover(name)
        runtime.finish_removal(name)

    unfinished = [(name, container_id) for name, container_id in runtime.store.unfinished() if name not in tried]
    kinds: list[tuple[Iterable[str], Callable[[str], None]]] = [
        (_readable(runtime.store.unfinished_pods(), partial(pods.read, runtime.store)), Pods(runtime).recover),
        (_readable(unfinished, runtime.store.config), finish),
    ]
    gone = [name for names, work in kinds for name in names if _finished(runtime, name, work, errors, dry)]
    for container_id in dict.fromkeys((*runtime.store.forgotten(), *runtime.host.storage.forgotten())):
        try:
            if not dry:
                runtime.purge(container_id)
            gone.append(container_id[:12])
        except Exception as error:  # pylint: disable=broad-exception-caught
            errors.append(error)
    return list(dict.fromkeys(gone))


def _readable(unfinished: Iterable[tuple[str, str]], read: Callable[[str], object]) -> Iterator[str]:
    """Yield the names of unfinished removals, except those that only a newer version of the engine can finish."""
    for name, unfinished_id in unfinished:
        try:
            read(unfinished_id)
        except ConfigMismatch as error:
            warn(f"what was left of {name} stays: {error}")
            continue
        except (NoSuchContainer, NoSuchPod, StateCorrupt):
            pass
        yield name


def rules(runtime: Runtime, *, dry: bool = False) -> list[str]:
    """Remove the nat rules of this engine's removed containers, and return their IDs.

    :raises ToolFailed: the rules cannot be read or removed.
    """
    from .._container.network.foreign_rules import Owners, remove
    from .._drivers.cni import nat_rules

    owners = Owners(runtime.store)
    there = {one for six in (False, True) for one in nat_rules.owners(nat_rules.saved(six))}
    gone = {one for one in there if owners.is_gone(one.container_id)}
    if gone and not dry:
        # This waits for containers that are being attached, which then have a record.
        with runtime.host.networks_of("").alone():
            remove("", {one for one in gone if owners.is_gone(one.container_id)})
    for one in sorted(one for one in there - gone if not owners.living(one.container_id)):
        warn(
            f"the nat tables have rules of unknown container {one.container_id} on network {one.network}; they were "
            f"kept: if no engine on this host has it any more, delete those that jump to {one.chains[1]}"
        )
    return sorted({one.container_id[:12] for one in gone})


def builds(runtime: Runtime, *, dry: bool = False) -> list[str]:
    """Remove the containers in which killed builds worked, and return their IDs.

    :raises ToolFailed, ToolMissing: they cannot be removed.
    """
    from .._drivers.images import buildah

    return [one[:12] for one in buildah.remove_left(runtime.parts, dry=dry)]


def _finished(runtime: Runtime, name: str, work: Callable[[str], None], errors: Errors, dry: bool) -> bool:
    """Do ``work`` under the name's lock, unless another process holds it; return whether it was done."""
    lock = runtime.store.lock(name)
    if dry or lock.busy:
        return not lock.busy
    with lock:
        try:
            work(name)
        except Exception as error:  # pylint: disable=broad-exception-caught
            errors.append(error)
            return False
        if not runtime.store.name_record(name):
            lock.discard()
    return True


def _needed(runtime: Runtime, container: Container, gone: Mapping[str, str]) -> bool:
    return any(other.id not in gone for other in runtime.dependents(container.id))


def volumes(
    runtime: Runtime, filters: Filters, errors: Errors, *, dry: bool = False, gone: Collection[str] = ()
) -> list[str]:
    """Remove the volumes that no container has and return their names; ``errors`` as for ``containers``.

    With ``dry``, containers ``gone`` count as removed, with the anonymous volumes that go with them.
    """
    from .._runtime.anonymous_volumes import leaving
    from .volumes import removal, usage

    top = f"{runtime.parts.static_root}/volumes"
    used = {*usage.users(runtime, gone)}.union(*(leaving(runtime, runtime.by_id(one), gone) for one in gone))
    removed = []
    for name in sorted(os.listdir(top)) if os.path.isdir(top) else []:
        try:
            if name.startswith(removal.TRASH):
                if not dry:
                    removal.finish(runtime.parts, name[len(removal.TRASH) :])
            elif name not in used and _matches(runtime, name, filters) and (dry or not removal.remove(runtime, name)):
                removed.append(name)
        except Exception as error:  # pylint: disable=broad-exception-caught
            what = f"volume {name.removeprefix(removal.TRASH)}"
            errors.append(RemovalIncomplete("the host still has", [(what, error)]))
    return removed


def _matches(runtime: Runtime, name: str, filters: Filters) -> bool:
    """Return whether a volume is to be removed; not one that is being created, or that the operator holds mounted."""
    from .._container.io.log_parts import seconds
    from .._store import volumes as store
    from .volumes.inspect import created

    try:
        record = store.read(store.folder(runtime.parts, name))
    except ConfigMismatch as error:
        warn(f"volume {name} stays: {error}")
        return False
    if record is None or store.held_by_operator(runtime.parts, name, runtime.host.boot_id):
        return False
    return filters.match(seconds(created(runtime.parts, record)), record.labels)


def images(
    runtime: Runtime,
    filters: Filters,
    errors: Errors,
    *,
    every: bool = False,
    dry: bool = False,
    gone: Collection[str] = (),
) -> list[str]:
    """Remove unused images without a name, with ``every`` also those with names; return their IDs.

    Those that an image which stays was made of stay too. ``errors`` as for ``containers``. With ``dry``, containers
    ``gone`` count as removed.
    """
    from .._container.io.log_parts import seconds
    from .._drivers.images.transport import Images
    from .images.work_folder import clear

    if not dry:
        clear(runtime.parts)
    removed, known = [], ImageStore(runtime.parts).all()
    staying = _staying(runtime, [image for image, _created in known], every, gone)
    for image, created in known:
        if image.id in staying:
            continue
        try:
            if not filters.match(seconds(created) if created else 0.0, image.config.get("Labels") or {}):
                continue
            if dry or _is_as_before(runtime, image) and Images(runtime.parts).remove(image.id):
                removed.append(image.id)
        except (LibpodError, OSError) as error:
            # A container of another engine may use it; the store then refuses.
            if ImageStore(runtime.parts).find(image.id) is None:
                removed.append(image.id)
            elif image.id not in {used for used, _container in in_use(runtime)}:
                errors.append(error)
    return removed


def _is_as_before(runtime: Runtime, image: Image) -> bool:
    """Return whether an image is there with the same names: a pull or a tag may have given it one."""
    now = ImageStore(runtime.parts).find(image.id)
    return now is not None and now.names == image.names


def _staying(runtime: Runtime, known: Sequence[Image], every: bool, gone: Collection[str]) -> set[str]:
    """Return the IDs of the images that are used, have names that keep them, or of which such an image was made."""
    from .images.parents import parents

    used = {image for image, container in in_use(runtime) if container not in gone}
    staying = [image for image in known if image.id in used or image.names and not every]
    used |= {image.id for image in staying}
    return used | parents(
        runtime.parts, [image for image in known if image.id not in used and not image.names], staying
    )
