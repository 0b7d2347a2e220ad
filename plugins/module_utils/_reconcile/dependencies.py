# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers that a container's options lead to: those it joins, and those it requires."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Iterator, Literal, Optional

from .._container.container import Container
from .._model.errors import ContainerStopped, InvalidArgument, NoSuchContainer, NoSuchPod
from .._model.options.table import ALONE, SHARED_FILES, select
from .._model.options.table import OPTIONS as TABLE
from .._model.records.config import ContainerConfig
from .._model.records.namespaces import OPTIONS, LinuxNS
from .._model.records.pod import PodConfig, option_of
from .._runtime.runtime import Runtime
from .._store import pods

if TYPE_CHECKING:
    from .._model.id_map import IdMap
    from .._model.options.types import ContainerOptions, NamespaceOption

Maps = dict[str, "list[IdMap]"]


def named(options: ContainerOptions) -> Iterator[tuple[NamespaceOption | Literal["pod", "requires"], str]]:
    """(option, container's name or ID) of each container the options name."""
    for option in OPTIONS:
        if options[option]["mode"] == "container":
            yield option, options[option]["target"]
    if options["pod"]:
        yield "pod", options["pod"]
    for name in options["requires"]:
        yield "requires", name


def namespace_containers(runtime: Runtime, options: ContainerOptions) -> dict[str, str]:
    """LinuxNS value to the ID of the container to join. :raises NoSuchContainer: an option names none that is there."""
    found = {}
    for option, name in named(options):
        if option == "pod":
            infra = container(runtime, option, name)
            found.update(dict.fromkeys(_pods_own(_pod(runtime, name), options), infra.id))
        elif option != "requires":
            found[OPTIONS[option].value] = container(runtime, option, name).id
    return found


def _pods_own(pod: PodConfig, options: ContainerOptions) -> list[str]:
    """The kinds of namespaces that are the pod's: those it shares and the container's options leave alone."""
    return [kind for kind in pod.share if options[option_of(kind)] == TABLE[option_of(kind)].default]


def pod(runtime: Runtime, options: ContainerOptions) -> Optional[PodConfig]:
    """The pod that the container is in. :raises NoSuchPod: there is none of this name."""
    return _pod(runtime, options["pod"]) if options["pod"] else None


def _pod(runtime: Runtime, key: str) -> PodConfig:
    try:
        return pods.find(runtime.store, key)
    except NoSuchPod as error:
        raise NoSuchPod(f"pod: {error}: name one that there is, or make it with libpod_pod first") from error


def requires(runtime: Runtime, options: ContainerOptions) -> tuple[str, ...]:
    """The IDs of the containers to start before this one."""
    return tuple(
        sorted(
            {container(runtime, option, name).id for option, name in named(options) if option in ("requires", "pod")}
        )
    )


def container(runtime: Runtime, option: str, key: str, name: str = "") -> Container:
    """The container; for the option ``pod`` that pod's infra container.

    :raises NoSuchContainer: naming the option, and the container ``name`` whose it is. :raises NoSuchPod: likewise.
    """
    if option == "pod":
        key = _pod(runtime, key).infra
    try:
        return runtime.container(key)
    except NoSuchContainer as error:
        needed = f", which container {name} needs" if name else ""
        raise NoSuchContainer(f"{option}: {error}{needed}: make it first") from error


def id_mappings(
    runtime: Runtime, options: ContainerOptions, image: str = "", previous: Optional[ContainerConfig] = None
) -> Maps:
    """The ID maps of the container's user namespace, empty for the host's.

    One map that is not given is as the other, and those of a joined namespace are its owner's. ``image`` and the
    container that is replaced, ``previous``, count for ``auto`` alone.

    :raises InvalidArgument: a name has no subordinate IDs, or too few.
    """
    mode, target = options["userns"]["mode"], options["userns"]["target"]
    if mode == "auto":
        from . import auto_userns

        return auto_userns.maps(runtime, options, image, previous)
    if mode == "container":
        return dict(container(runtime, "userns", target).config.id_mappings)
    if mode == "ns":
        from .._drivers import id_maps

        return id_maps.of_namespace(target)
    found = pod(runtime, options)
    if found and LinuxNS.USER.value in _pods_own(found, options):
        return dict(container(runtime, "pod", found.name).config.id_mappings)
    uid, gid = options["uidmap"], options["gidmap"]
    name, group = options["subuidname"] or options["subgidname"], options["subgidname"] or options["subuidname"]
    if name and group:
        from .._drivers import id_maps

        uid = uid or id_maps.subordinate(name, "uid")
        gid = gid or id_maps.subordinate(group, "gid")
    return {"uid": uid or gid, "gid": gid or uid} if uid or gid else {}


def check_running(runtime: Runtime, name: str, options: ContainerOptions) -> None:
    """A new container joins what runs; only what ``requires`` names is started for it.

    :raises ContainerStopped: a container to be joined has no process.
    """
    asked = requires(runtime, options)
    for option, key in named(options):
        other = container(runtime, option, key).peek()
        if option not in ("requires", "pod") and other.id not in asked and not other.state.status.has_process:
            raise ContainerStopped(
                f"{option}: container {other.name}, whose namespace {name} is to join, is {other.state.status}: "
                f"start it first, or name it in requires"
            )


def check(runtime: Runtime, name: str, options: ContainerOptions) -> None:
    """Refuse what can never be joined.

    :raises NoSuchContainer: an option names none that is there.
    :raises InvalidArgument: the container would depend on itself, or the other one does not share.
    """
    if options["pod"]:
        _check_pod(runtime, name, options["pod"], options)
    for option, key in named(options):
        # By its name first: no container has it yet, and it may be the beginning of another's ID.
        itself = option != "pod" and key == name
        other = None if itself else container(runtime, option, key, name)
        if other is None or other.name == name:
            what = "require itself"
            if option != "requires" and option != "pod":
                what = f"join its own {OPTIONS[option].oci_type} namespace"
            raise InvalidArgument(f"{option}: container {name} cannot {what}")
        way = _way(runtime, other, name, ())
        if way:
            raise InvalidArgument(f"{option}: container {name} would depend on itself: {' → '.join((name, *way))}")
        if option == "ipc" and other.config.options["ipc"]["mode"] in ("private", "none"):
            raise InvalidArgument(
                f"ipc: container {other.name} does not share its IPC namespace: give it ipc: shareable, or omit this"
            )
    for option in OPTIONS:
        target = options[option]["target"]
        if options[option]["mode"] == "ns" and not os.path.exists(target):
            raise InvalidArgument(f"{option}: {target} is not a {OPTIONS[option].oci_type} namespace on this host")
    if options["userns"]["mode"] != "auto":
        id_mappings(runtime, options)
        return
    # How many IDs it takes is known where the image is there, but whose they are is not the image's matter.
    from .._drivers import id_maps

    for kind in ("uid", "gid"):
        id_maps.subordinate("containers", kind, "userns")


def _check_pod(runtime: Runtime, name: str, pod_name: str, options: ContainerOptions) -> None:
    """:raises InvalidArgument: an option is about what is the pod's."""
    found = _pod(runtime, pod_name)
    own = _pods_own(found, options)
    for option, value in select(options, ("hostname", "publish", *ALONE, *SHARED_FILES)).items():
        kind = "uts" if option == "hostname" else "net"
        if value and kind in own:
            raise InvalidArgument(
                f"{option}: container {name} uses the {kind} namespace of pod {found.name}: give {option} to the pod"
            )
    if options["cgroup_parent"]:
        raise InvalidArgument(
            f"cgroup_parent: the cgroup of container {name} is under that of pod {found.name}: omit it"
        )


def _way(runtime: Runtime, start: Container, name: str, seen: tuple[str, ...]) -> tuple[str, ...]:
    """The names from ``start`` along its dependencies to the container ``name``, empty where none leads there."""
    if start.name == name:
        return (name,)
    for other in runtime.dependencies(start.config):
        way = () if other.id in seen else _way(runtime, other, name, (*seen, start.id))
        if way:
            return (start.name, *way)
    return ()


def to_start(runtime: Runtime, first: Iterator[Container] | list[Container]) -> list[Container]:
    """These containers and all they depend on that have no process, in the order in which they start."""
    order: dict[str, Container] = {}
    for one in first:
        for other in to_start(runtime, runtime.dependencies(one.config)):
            order[other.id] = other
        if not one.peek().state.status.has_process or one.state.status.value == "created":
            order[one.id] = one
    return list(order.values())
