# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted against recorded configuration: which options differ, and what each difference needs."""

from __future__ import annotations

from typing import Iterable

from .._container.container import Container
from .._drivers import cgroups
from .._model.config import ContainerConfig, resolved
from .._model.errors import NoSuchContainer
from .._model.image import local_names, name_for_source
from .._model.options import Change, changed_options
from .._runtime.runtime import Runtime
from .._spec.resources import LIMITS
from .desired import Desired
from .plan import Difference

_ID_ENOUGH = 12  # digits of an image's ID that cannot be taken for a name


def differences(runtime: Runtime, config: ContainerConfig, desired: Desired) -> list[Difference]:
    """Every option in which the container is not as wanted; no program is started."""
    if desired.by_name or desired.options is None:
        return []
    found = _image_difference(runtime, config, desired)
    wanted, recorded = resolved(desired.options, config.image_config), config.resolved
    for row in changed_options(desired.options, config.options):
        before = recorded.get(row.name, config.options.get(row.name, row.default))
        after = wanted.get(row.name, desired.options[row.name])
        if before != after and not (row.name == "network" and _both_join(config, desired)):
            found.append(Difference(row.name, before, after, row.change, row.secret))
    return found + _joined_difference(runtime, config, desired)


def drift(container: Container, desired: Desired, known: Iterable[Difference]) -> list[Difference]:
    """The limits that somebody changed behind our back, as the kernel has them; ``known`` options are left out."""
    if desired.by_name or not container.state.status.has_process:
        return []
    wanted = {name: container.config.options[name] for name in LIMITS}
    for difference in known:
        wanted.pop(difference.option, None)
    live = cgroups.drift(container.host.cgroups, container.cgroup_path, wanted)
    return [Difference(name, before, wanted[name], Change.LIVE) for name, before in live.items()]


def _image_difference(runtime: Runtime, config: ContainerConfig, desired: Desired) -> list[Difference]:
    if not desired.image:
        return []
    if desired.rootfs or config.rootfs:
        before = config.rootfs + (":O" if config.overlay else "") or config.rootfs_image_name
        after = desired.image + (":O" if desired.overlay else "")
        return [Difference("image", before, after, Change.RECREATE)] if before != after else []
    name = name_for_source(desired.image)
    # An ID, or enough of one, stays what it is. The store is read only where the name does not say enough.
    key = desired.image.partition("sha256:")[2] or desired.image
    by_id = len(key) >= _ID_ENOUGH and config.rootfs_image_id.startswith(key)
    if by_id or config.rootfs_image_name in local_names(desired.image) and not desired.image_strict:
        return []
    from .._drivers.image_store import ImageStore

    image = ImageStore(runtime.parts).find(desired.image)
    if image is not None and image.id == config.rootfs_image_id:
        return []
    before, after = config.rootfs_image_name, name
    if before == after:
        before, after = f"{before} ({config.rootfs_image_id[:12]})", f"{after} ({image.id[:12] if image else 'newer'})"
    return [Difference("image", before, after, Change.RECREATE)]


def _both_join(config: ContainerConfig, desired: Desired) -> bool:
    return bool(config.options["network"]["mode"] == desired.wanted["network"]["mode"] == "container")


def _joined_difference(runtime: Runtime, config: ContainerConfig, desired: Desired) -> list[Difference]:
    """What counts is the container joined: its name may be another's by now, or be written in another way."""
    if not _both_join(config, desired):
        return []
    before, target = config.namespace_containers.get("net", ""), desired.wanted["network"]["target"]
    try:
        after = runtime.store.lookup(target)
    except NoSuchContainer:
        after = ""
    if before == after:
        return []
    was = config.options["network"]["target"]
    return [Difference("network", f"{was} ({before[:12]})", f"{target} ({after[:12]})", Change.RECREATE)]
