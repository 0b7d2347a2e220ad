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
    """Yield (option, container's name or ID) of each container that the options name."""
    for option in OPTIONS:
        if options[option]["mode"] == "container":
            yield option, options[option]["target"]
    if options["pod"]:
        yield "pod", options["pod"]
    for name in options["requires"]:
        yield "requires", name


def namespace_containers(runtime: Runtime, options: ContainerOptions) -> dict[str, str]:
    """Return LinuxNS value to the ID of the container to join.

    :raises NoSuchContainer: an option names one that does not exist.
    """
    ids = {}
    for option, name in named(options):
        if option == "pod":
            infra = container(runtime, option, name)
            ids.update(dict.fromkeys(_pods_own(_pod(runtime, name), options), infra.id))
        elif option != "requires":
            ids[OPTIONS[option].value] = container(runtime, option, name).id
    return ids


def _pods_own(pod: PodConfig, options: ContainerOptions) -> list[str]:
    """Return the kinds of namespaces that are the pod's: those it shares and the options do not set."""
    return [kind for kind in pod.share if options[option_of(kind)] == TABLE[option_of(kind)].default]


def is_pods(runtime: Runtime, options: ContainerOptions, kind: LinuxNS) -> bool:
    """Return whether the container's namespace of this kind is its pod's. :raises NoSuchPod: the pod does not exist."""
    joined_pod = pod(runtime, options)
    return joined_pod is not None and kind.value in _pods_own(joined_pod, options)


def pod(runtime: Runtime, options: ContainerOptions) -> Optional[PodConfig]:
    """Return the pod that the container is in, None for no pod. :raises NoSuchPod: it does not exist."""
    return _pod(runtime, options["pod"]) if options["pod"] else None


def _pod(runtime: Runtime, key: str) -> PodConfig:
    try:
        return pods.find(runtime.store, key)
    except NoSuchPod as error:
        raise NoSuchPod(f"pod: {error}: name one that there is, or make it with libpod_pod first") from error


def requires(runtime: Runtime, options: ContainerOptions) -> tuple[str, ...]:
    """Return the IDs of the containers to start before this one."""
    return tuple(
        sorted(
            {container(runtime, option, name).id for option, name in named(options) if option in ("requires", "pod")}
        )
    )


def container(runtime: Runtime, option: str, key: str, name: str = "") -> Container:
    """Return the container that an option names; for the option ``pod``, that pod's infra container.

    :raises NoSuchContainer, NoSuchPod: naming the option, and the container ``name`` that has it.
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
    """Return the ID maps of the container's user namespace, empty for the host's.

    An omitted map is as the other one, and those of a joined namespace are its owner's. ``image`` and ``previous``,
    the container that is replaced, count for ``auto`` only.

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
    if options["pod"] and is_pods(runtime, options, LinuxNS.USER):
        return dict(container(runtime, "pod", options["pod"]).config.id_mappings)
    uid, gid = options["uidmap"], options["gidmap"]
    name, group = options["subuidname"] or options["subgidname"], options["subgidname"] or options["subuidname"]
    if name and group:
        from .._drivers import id_maps

        uid = uid or id_maps.subordinate(name, "uid")
        gid = gid or id_maps.subordinate(group, "gid")
    return {"uid": uid or gid, "gid": gid or uid} if uid or gid else {}


def check_running(runtime: Runtime, name: str, options: ContainerOptions) -> None:
    """Check that the containers a new one joins run; only those that ``requires`` names are started for it.

    :raises ContainerStopped: a container to be joined has no process.
    """
    required = requires(runtime, options)
    for option, key in named(options):
        other = container(runtime, option, key).peek()
        if option not in ("requires", "pod") and other.id not in required and not other.state.status.has_process:
            raise ContainerStopped(
                f"{option}: container {other.name}, whose namespace {name} is to join, is {other.state.status}: "
                f"start it first, or name it in requires"
            )


def check(runtime: Runtime, name: str, options: ContainerOptions) -> None:
    """Check that the containers, pods and namespaces that the options name can be joined.

    :raises NoSuchContainer: an option names one that does not exist.
    :raises InvalidArgument: the container would depend on itself, or the other one does not share.
    """
    if options["pod"]:
        _check_pod(runtime, name, options["pod"], options)
    for option, key in named(options):
        # By its name first: it may be the beginning of another container's ID.
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
    # Only the number of IDs depends on the image, which may not have been pulled yet.
    from .._drivers import id_maps

    for kind in ("uid", "gid"):
        id_maps.subordinate("containers", kind, "userns")


def _check_pod(runtime: Runtime, name: str, pod_name: str, options: ContainerOptions) -> None:
    """Check that no option sets what belongs to the pod.

    :raises InvalidArgument: one does, and is named.
    """
    joined = _pod(runtime, pod_name)
    own = _pods_own(joined, options)
    for option, value in select(options, ("hostname", "publish", *ALONE, *SHARED_FILES)).items():
        kind = "uts" if option == "hostname" else "net"
        if value and kind in own:
            raise InvalidArgument(
                f"{option}: container {name} uses the {kind} namespace of pod {joined.name}: give {option} to the pod"
            )
    if options["cgroup_parent"]:
        raise InvalidArgument(
            f"cgroup_parent: the cgroup of container {name} is under that of pod {joined.name}: omit it"
        )


def _way(runtime: Runtime, start: Container, name: str, seen: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names from ``start`` along its dependencies to the container ``name``, empty for no such path."""
    if start.name == name:
        return (name,)
    for other in runtime.dependencies(start.config):
        way = () if other.id in seen else _way(runtime, other, name, (*seen, start.id))
        if way:
            return (start.name, *way)
    return ()


def to_start(runtime: Runtime, first: Iterator[Container] | list[Container]) -> list[Container]:
    """Return those without a process of these containers and all their dependencies, in the order of their start."""
    order: dict[str, Container] = {}
    for one in first:
        for other in to_start(runtime, runtime.dependencies(one.config)):
            order[other.id] = other
        if not one.peek().state.status.has_process or one.state.status.value == "created":
            order[one.id] = one
    return list(order.values())
