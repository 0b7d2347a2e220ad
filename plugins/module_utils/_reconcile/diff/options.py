# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Desired against recorded configuration: which options differ, and what each difference needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable

from ..._container.container import Container
from ..._container.drift import CGROUP, findings
from ..._model.errors import LibpodError, NoSuchContainer, NoSuchImage
from ..._model.options.mounts import volumes
from ..._model.options.table import MOUNTS, Change, Option, changed_options, select
from ..._model.options.table import OPTIONS as TABLE
from ..._model.records.config import ContainerConfig, resolved
from ..._model.records.image import is_short, local_names, name_for_source, of_any_registry
from ..._model.records.namespaces import OPTIONS
from ..._model.records.status import ContainerStatus
from ..._runtime.runtime import Runtime
from ..desired import Desired
from ..plan import Difference

if TYPE_CHECKING:
    from ..._model.options.types import ContainerOptions, Lender

_USER = ("user", "group_add")
# A restart would leave another status.
_NOT_RESTARTED = (ContainerStatus.CREATED, ContainerStatus.PAUSED)
# Options that name containers, or a pod, beside those that name the owner of a namespace.
_CONTAINERS = ("requires", "pod", "volumes_from")
_ID_ENOUGH = 12  # digits of an image's ID that cannot be taken for a name


def differences(runtime: Runtime, config: ContainerConfig, desired: Desired) -> list[Difference]:
    """Return the options in which a container is not as desired; no program is started."""
    if desired.by_name or desired.options is None:
        return []
    differing = [] if desired.comparisons.get("image") == "ignore" else _image_difference(runtime, config, desired)
    wanted, recorded = resolved(desired.options, config.image_config), config.resolved
    for row in changed_options(desired.options, config.options):
        before = recorded.get(row.name, row.value(config.options))
        after = wanted.get(row.name, row.value(desired.options))
        if before != after and not _both_join(config, desired, row.name):
            if row.name in _CONTAINERS and _same_containers(runtime, config, desired.options, row.name):
                continue
            differing.append(Difference(row.name, before, after, _needs(runtime, config, desired, row), row.secret))
    if differing:
        from . import equivalence

        differing = equivalence.without(runtime, config, desired.options, differing)
    if any(one.option in _USER for one in differing) and _same_user(runtime, config, wanted["user"], desired.options):
        differing = [one for one in differing if one.option not in _USER]
    if not plain(desired.options):
        differing += _joined_differences(runtime, config, desired)
    if any(one.option in MOUNTS for one in differing) and not any(one.change == Change.RECREATE for one in differing):
        differing = _with_obstacles(runtime, config, desired.options, differing)
    if desired.secrets_changed != "ignore" and config.options["secrets"]:
        from . import secrets

        differing += secrets.differences(Container(runtime.store, runtime.host, config), desired.secrets_changed)
    if desired.recreate or any(one.change == Change.RECREATE for one in differing):
        from . import image

        differing = image.with_image(runtime, config, desired, differing)
    if desired.forcing is not None:
        differing = [one._replace(ignored=one.option not in desired.forcing) for one in differing]
    return [one for one in differing if desired.comparisons.get(one.option) != "ignore"]


def _needs(runtime: Runtime, config: ContainerConfig, desired: Desired, row: Option) -> Change:
    """Return what a difference in this option needs, for this container."""
    after = row.value(desired.wanted)
    needs = row.needs(row.value(config.options), after)

    def container() -> Container:
        return Container(runtime.store, runtime.host, config)

    if row.name == "log_opt" and needs == Change.LIVE:
        from ..._container.runners.log_limit import reachable

        needs = needs if reachable(container(), after["max_size"]) else row.otherwise
    if row.name == "network" and needs == Change.LIVE and container().peek().sandboxed:
        return Change.RECREATE  # a sandbox knows the interfaces that there were when it began
    if needs == Change.RESTART and container().peek().state.status in _NOT_RESTARTED:
        return Change.RECREATE
    return needs


def _with_obstacles(
    runtime: Runtime, config: ContainerConfig, options: ContainerOptions, differing: list[Difference]
) -> list[Difference]:
    """Return the differences; mounts that cannot change in the live container need a new one."""
    container = Container(runtime.store, runtime.host, config).peek()
    if not container.state.status.has_process:
        return differing
    from ..._container.live.mount_changes import obstacles

    changed = config.with_options(select(options, (one.option for one in differing)))
    reasons = obstacles(container, changed)
    if not reasons:
        return differing
    changing = {
        option: volumes.differing(config.options[option], options[option])
        for option in MOUNTS
        if any(one.option == option for one in differing)
    }
    # What an interrupted change has left belongs to no option.
    left = set(reasons).difference(*changing.values())
    result = []
    for one in differing:
        targets = sorted(changing.get(one.option, set()) & set(reasons) or (left if one.option in changing else ()))
        reason = "; ".join(f"{target}: {reasons[target]}" for target in targets)
        result.append(one._replace(change=Change.RECREATE, reason=reason) if reason else one)
    return result


def _same_user(runtime: Runtime, config: ContainerConfig, user: str, options: ContainerOptions) -> bool:
    """Return whether another spelling, such as a name for a number, is the same user by the container's own files.

    Before it has any files, spellings count.
    """
    from ..._container.rootfs.private_mount import with_rootfs
    from ..._drivers.kernel.securejoin import user_files
    from ..._spec.users import resolve

    def same(rootfs: str) -> bool:
        passwd, group = user_files(rootfs)
        had = resolve(config.resolved["user"], passwd, group, config.options["group_add"])
        wanted = resolve(user, passwd, group, options["group_add"])
        return had._replace(additional_gids=()) == wanted._replace(additional_gids=()) and (
            sorted(had.additional_gids) == sorted(wanted.additional_gids)
        )

    try:
        return with_rootfs(Container(runtime.store, runtime.host, config), same, volumes=False)
    except (LibpodError, OSError):
        return False  # the new container's creation reports a user that does not exist


def _same_containers(runtime: Runtime, config: ContainerConfig, options: ContainerOptions, option: str) -> bool:
    """Return whether another spelling, such as an ID for a name, is the same containers or the same pod."""
    from .. import dependencies

    def lenders(listed: Iterable[Lender]) -> list[tuple[str, str]]:
        return [(runtime.store.lookup(one["container"]), one["access"]) for one in listed]

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
    """Return whether no option names a container or a pod, or needs an ID map."""
    names = (*OPTIONS, "uidmap", "gidmap", "subuidname", "subgidname")
    return not (options["requires"] or options["pod"]) and all(
        value == TABLE[name].default or name == "network" and value["mode"] != "container"
        for name, value in select(options, names).items()
    )


def drift(container: Container, desired: Desired, known: Iterable[Difference]) -> list[Difference]:
    """Return how a container differs in the kernel from its record, but in ``known`` options.

    What needs a restart is looked for only where the container is to run.
    """
    if desired.by_name or not container.state.status.has_process:
        return []
    changes = findings(container, {difference.option for difference in known}, full=desired.drift == "full")
    return [
        Difference(one.part, one.before, one.after, Change.RESTART if one.restart else Change.LIVE, drift=True)
        for one in changes
        if (not one.restart or desired.state == "started" or one.part == CGROUP and desired.state == "paused")
        and not _is_ignored(desired, one.part)
    ]


def _is_ignored(desired: Desired, part: str) -> bool:
    """Return whether the task's comparisons ignore all options that this part derives from."""
    options = {"/etc/hosts": ("etc_hosts",), "/etc/resolv.conf": ("dns", "dns_option", "dns_search")}.get(part, (part,))
    return all(desired.comparisons.get(option) == "ignore" for option in options)


def _image_difference(runtime: Runtime, config: ContainerConfig, desired: Desired) -> list[Difference]:
    if not desired.image:
        return []
    if desired.rootfs or config.rootfs:
        before = config.rootfs + (":O" if config.overlay else "") or config.rootfs_image_name
        after = desired.image + (":O" if desired.overlay else "")
        return [Difference("image", before, after, Change.RECREATE)] if before != after else []
    # An ID, or enough of one, always names the same image. The store is read only where the name does not decide.
    key = desired.image.partition("sha256:")[2] or desired.image
    by_id = len(key) >= _ID_ENOUGH and config.rootfs_image_id.startswith(key)
    same = by_id or not desired.image_strict and _same_name(runtime, config.rootfs_image_name, desired.image)
    if same and _fits(runtime, config, desired):
        return []
    from ..image_resolution import resolve_image

    image = resolve_image(runtime, desired)
    image_id = image.id
    if image_id and image_id == config.rootfs_image_id:
        return []
    before, after = config.rootfs_image_name, name_for_source(image.source)
    if before == after:
        before, after = f"{before} ({config.rootfs_image_id[:12]})", f"{after} ({image_id[:12] or 'newer'})"
    return [Difference("image", before, after, Change.RECREATE)]


def _same_name(runtime: Runtime, recorded: str, image: str) -> bool:
    """Return whether the name of a container's image is that for which the task's stands."""
    if recorded in local_names(image):
        return True
    if not is_short(image):
        return False
    from ..._drivers.images.store import ImageStore
    from ..._drivers.registries import short_names

    stored = ImageStore(runtime.parts).find(image)
    if stored is not None:
        return short_names.stored_name(image, stored) == recorded
    return bool(of_any_registry(image, [recorded])) or recorded in short_names.local(image)


def _fits(runtime: Runtime, config: ContainerConfig, desired: Desired) -> bool:
    """Return whether the container's image fits the task's platform; one that the store no longer has does."""
    how = desired.pulling
    if how is None or not (how.os or how.arch or how.variant):
        return True
    from ..._drivers.images.store import ImageStore

    try:
        return how.fits(ImageStore(runtime.parts).configuration(config.rootfs_image_id))
    except NoSuchImage:
        return True


def _both_join(config: ContainerConfig, desired: Desired, option: str) -> bool:
    """Return whether both name a container, so that not spellings are compared but which one it is."""
    had, wanted = TABLE[option].value(config.options), TABLE[option].value(desired.wanted)
    return isinstance(had, dict) and isinstance(wanted, dict) and had.get("mode") == wanted.get("mode") == "container"


def _joined_differences(runtime: Runtime, config: ContainerConfig, desired: Desired) -> list[Difference]:
    """Return the options that name another container by now, and userns where the IDs of a user or group differ."""
    from .. import dependencies

    differing = []
    for option, key in dependencies.named(desired.wanted):
        before = config.namespace_containers.get(OPTIONS[option].value, "") if option in OPTIONS else ""
        if option not in OPTIONS or not _both_join(config, desired, option):
            continue
        try:
            after = runtime.store.lookup(key)
        except NoSuchContainer:
            after = ""
        if before != after:
            # By name where that differs: the ID of a container that the same task re-creates is not known yet.
            had = config.options[option]["target"]
            differing.append(Difference(option, had if had != key else f"{had} ({before[:12]})", key, Change.RECREATE))
    # IDs that userns: auto has chosen stay.
    chosen = desired.wanted["userns"]["mode"] == "auto"
    if not chosen and not any(one.change == Change.RECREATE for one in differing):
        maps = dependencies.id_mappings(runtime, desired.wanted)
        if maps != config.id_mappings:
            differing.append(Difference("userns", config.id_mappings, maps, Change.RECREATE))
    return differing


def lost_joins(container: Container) -> list[Difference]:
    """Return the joined namespaces that a running container no longer shares with their owners, without a fork."""
    if not container.config.namespace_containers or not container.state.status.has_process:
        return []
    from ..._container.network.shared_namespaces import moved

    def owner(kind: str) -> str:
        """Return its name: if the same task re-creates it, its ID is not known yet."""
        container_id = container.config.namespace_containers[kind]
        try:
            return container.store.config(container_id).name
        except LibpodError:
            return container_id[:12]

    names = {namespace.value: option for option, namespace in OPTIONS.items()}
    return [
        Difference(names.get(kind, kind), "no longer shared", f"that of {owner(kind)}", Change.RESTART, drift=True)
        for kind in moved(container)
    ]
