# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted against recorded configuration: which options differ, and what each difference needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable

from ..._container.container import Container
from ..._container.drift import CGROUP, findings
from ..._model.errors import LibpodError, NoSuchContainer, NoSuchImage
from ..._model.options import volumes
from ..._model.options.table import MOUNTS, Change, Option, changed_options, select
from ..._model.options.table import OPTIONS as TABLE
from ..._model.records.config import ContainerConfig, resolved
from ..._model.records.image import local_names, name_for_source
from ..._model.records.namespaces import OPTIONS
from ..._model.records.status import ContainerStatus
from ..._runtime.runtime import Runtime
from ..desired import Desired
from ..plan import Difference

if TYPE_CHECKING:
    from ..._model.options.types import ContainerOptions, Lender

_USER = ("user", "group_add")
# Stopped and started again, they would not be what they were.
_NOT_RESTARTED = (ContainerStatus.CREATED, ContainerStatus.PAUSED)
# Options that name containers, or a pod, beside those that name the owner of a namespace.
_CONTAINERS = ("requires", "pod", "volumes_from")
_ID_ENOUGH = 12  # digits of an image's ID that cannot be taken for a name


def differences(runtime: Runtime, config: ContainerConfig, desired: Desired) -> list[Difference]:
    """Every option in which the container is not as wanted; no program is started."""
    if desired.by_name or desired.options is None:
        return []
    found = [] if desired.comparisons.get("image") == "ignore" else _image_difference(runtime, config, desired)
    wanted, recorded = resolved(desired.options, config.image_config), config.resolved
    for row in changed_options(desired.options, config.options):
        before = recorded.get(row.name, row.value(config.options))
        after = wanted.get(row.name, row.value(desired.options))
        if before != after and not _both_join(config, desired, row.name):
            if row.name in _CONTAINERS and _same_containers(runtime, config, desired.options, row.name):
                continue
            found.append(Difference(row.name, before, after, _needs(runtime, config, desired, row), row.secret))
    if found:
        from . import equivalence

        found = equivalence.without(runtime, config, desired.options, found)
    if any(one.option in _USER for one in found) and _same_user(runtime, config, wanted["user"], desired.options):
        found = [one for one in found if one.option not in _USER]
    if not plain(desired.options):
        found += _joined_differences(runtime, config, desired)
    if any(one.option in MOUNTS for one in found) and not any(one.change == Change.RECREATE for one in found):
        found = _mounts_in_the_way(runtime, config, desired.options, found)
    if desired.recreate or any(one.change == Change.RECREATE for one in found):
        from . import image

        found = image.told(runtime, config, desired, found)
    if desired.forcing is not None:
        found = [one._replace(ignored=one.option not in desired.forcing) for one in found]
    return [one for one in found if desired.comparisons.get(one.option) != "ignore"]


def _needs(runtime: Runtime, config: ContainerConfig, desired: Desired, row: Option) -> Change:
    """What the difference in this option asks for of this very container."""
    after = row.value(desired.wanted)
    needs = row.needs(row.value(config.options), after)

    def container() -> Container:
        return Container(runtime.store, runtime.host, config)

    if row.name == "log_opt" and needs == Change.LIVE:
        from ..._container.io.log_limit import reachable

        needs = needs if reachable(container(), after["max_size"]) else row.otherwise
    if needs == Change.RESTART and container().peek().state.status in _NOT_RESTARTED:
        return Change.RECREATE
    return needs


def _mounts_in_the_way(
    runtime: Runtime, config: ContainerConfig, options: ContainerOptions, found: list[Difference]
) -> list[Difference]:
    """The differences, those that the live container's mounts do not let be changed in place needing a new one."""
    container = Container(runtime.store, runtime.host, config).peek()
    if not container.state.status.has_process:
        return found
    from ..._container.live.mount_changes import obstacles

    changed = config.with_options(select(options, (one.option for one in found)))
    reasons = obstacles(container, changed)
    if not reasons:
        return found
    here = {
        option: volumes.differing(config.options[option], options[option])
        for option in MOUNTS
        if any(one.option == option for one in found)
    }
    # What an interrupted change has left is no option's own.
    left = set(reasons).difference(*here.values())
    told = []
    for one in found:
        targets = sorted(here.get(one.option, set()) & set(reasons) or (left if one.option in here else ()))
        why = "; ".join(f"{target}: {reasons[target]}" for target in targets)
        told.append(one._replace(change=Change.RECREATE, reason=why) if why else one)
    return told


def _same_user(runtime: Runtime, config: ContainerConfig, user: str, options: ContainerOptions) -> bool:
    """Whether other words, such as a name for a number, mean the same user by the container's own files.

    Before it has any, words count.
    """
    from ..._container.rootfs.private_mount import with_rootfs
    from ..._drivers.kernel.securejoin import user_files
    from ..._spec.users import resolve

    def same(rootfs: str) -> bool:
        passwd, group = user_files(rootfs)
        had = resolve(config.resolved["user"], passwd, group, config.options["group_add"])
        meant = resolve(user, passwd, group, options["group_add"])
        return had._replace(additional_gids=()) == meant._replace(additional_gids=()) and (
            sorted(had.additional_gids) == sorted(meant.additional_gids)
        )

    try:
        return with_rootfs(Container(runtime.store, runtime.host, config), same, volumes=False)
    except (LibpodError, OSError):
        return False  # there is no such user, or he cannot be looked up: a new container says so


def _same_containers(runtime: Runtime, config: ContainerConfig, options: ContainerOptions, option: str) -> bool:
    """Whether other words, such as an ID for a name, mean the same containers, or the same pod."""
    from .. import dependencies

    def lenders(given: Iterable[Lender]) -> list[tuple[str, str]]:
        return [(runtime.store.lookup(one["container"]), one["access"]) for one in given]

    try:
        if option == "requires":
            return dependencies.requires(runtime, options) == config.requires
        if option == "pod":
            pod = dependencies.pod(runtime, options)
            return pod is not None and pod.id == config.pod
        return lenders(options["volumes_from"]) == lenders(config.options["volumes_from"])
    except LibpodError:
        return False


def plain(options: ContainerOptions) -> bool:
    """Whether no option names a container or needs an ID map: then nothing here is to be done."""
    names = (*OPTIONS, "uidmap", "gidmap", "subuidname", "subgidname")
    return not (options["requires"] or options["pod"]) and all(
        value == TABLE[name].default or name == "network" and value["mode"] != "container"
        for name, value in select(options, names).items()
    )


def drift(container: Container, desired: Desired, known: Iterable[Difference]) -> list[Difference]:
    """What somebody changed behind our back, as the kernel has it; ``known`` options are left out.

    What needs a restart is looked for only where the container is to run.
    """
    if desired.by_name or not container.state.status.has_process:
        return []
    found = findings(container, {difference.option for difference in known}, full=desired.drift == "full")
    return [
        Difference(one.part, one.before, one.after, Change.RESTART if one.restart else Change.LIVE, drift=True)
        for one in found
        if (not one.restart or desired.state == "started" or one.part == CGROUP and desired.state == "paused")
        and not _is_let_be(desired, one.part)
    ]


def _is_let_be(desired: Desired, part: str) -> bool:
    """Whether the task's comparisons leave alone what this part is of."""
    options = {"/etc/hosts": ("etc_hosts",), "/etc/resolv.conf": ("dns", "dns_option", "dns_search")}.get(part, (part,))
    return all(desired.comparisons.get(option) == "ignore" for option in options)


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
    same_name = by_id or config.rootfs_image_name in local_names(desired.image) and not desired.image_strict
    if same_name and _fits(runtime, config, desired):
        return []
    from ..image_resolution import resolve_image

    image_id = resolve_image(runtime, desired).id
    if image_id and image_id == config.rootfs_image_id:
        return []
    before, after = config.rootfs_image_name, name
    if before == after:
        before, after = f"{before} ({config.rootfs_image_id[:12]})", f"{after} ({image_id[:12] or 'newer'})"
    return [Difference("image", before, after, Change.RECREATE)]


def _fits(runtime: Runtime, config: ContainerConfig, desired: Desired) -> bool:
    """Whether the container's image is for the platform that the task names; one that is gone from the store is."""
    how = desired.pulling
    if how is None or not (how.os or how.arch or how.variant):
        return True
    from ..._drivers.images.store import ImageStore

    try:
        return how.fits(ImageStore(runtime.parts).configuration(config.rootfs_image_id))
    except NoSuchImage:
        return True


def _both_join(config: ContainerConfig, desired: Desired, option: str) -> bool:
    """Both name a container: what counts is which one, not how its name is written."""
    had, wanted = TABLE[option].value(config.options), TABLE[option].value(desired.wanted)
    return isinstance(had, dict) and isinstance(wanted, dict) and had.get("mode") == wanted.get("mode") == "container"


def _joined_differences(runtime: Runtime, config: ContainerConfig, desired: Desired) -> list[Difference]:
    """A container named in an option may be another one by now, and so may the IDs of a user or group."""
    from .. import dependencies

    found = []
    for option, key in dependencies.named(desired.wanted):
        before = config.namespace_containers.get(OPTIONS[option].value, "") if option in OPTIONS else ""
        if option not in OPTIONS or not _both_join(config, desired, option):
            continue
        try:
            after = runtime.store.lookup(key)
        except NoSuchContainer:
            after = ""
        if before != after:
            # By name, as far as that tells: nobody knows beforehand the ID of one that the same task makes anew.
            had = config.options[option]["target"]
            found.append(Difference(option, had if had != key else f"{had} ({before[:12]})", key, Change.RECREATE))
    # IDs that were chosen stay.
    chosen = desired.wanted["userns"]["mode"] == "auto"
    if not chosen and not any(one.change == Change.RECREATE for one in found):
        maps = dependencies.id_mappings(runtime, desired.wanted)
        if maps != config.id_mappings:
            found.append(Difference("userns", config.id_mappings, maps, Change.RECREATE))
    return found


def lost_joins(container: Container) -> list[Difference]:
    """The joined namespaces that a running container no longer shares with their owners; no program is started."""
    if not container.config.namespace_containers or not container.state.status.has_process:
        return []
    from ..._container.network.shared_namespaces import moved

    def owner(kind: str) -> str:
        """By name: where it is to be re-created, its ID is not known beforehand."""
        found = container.config.namespace_containers[kind]
        try:
            return container.store.config(found).name
        except LibpodError:
            return found[:12]

    names = {namespace.value: option for option, namespace in OPTIONS.items()}
    return [
        Difference(names.get(kind, kind), "no longer shared", f"that of {owner(kind)}", Change.RESTART, drift=True)
        for kind in moved(container)
    ]
