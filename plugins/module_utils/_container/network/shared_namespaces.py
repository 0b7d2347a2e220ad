# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces of a container: new ones, the host's, and those it joins."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Mapping, Optional

from ..._model.errors import ContainerStopped, NotImplementedByHost
from ..._model.records.namespaces import OPTIONS, LinuxNS
from ..._model.records.process_ref import ProcessRef

if TYPE_CHECKING:
    from ..._model.options.types import NamespaceOption
    from ..base import ContainerBase

# Option of a namespace: the file system that shows it, and where that is mounted.
_SHOWN_BY: dict[NamespaceOption, tuple[str, str]] = {
    "network": ("sysfs", "/sys"),
    "ipc": ("mqueue", "/dev/mqueue"),
    "pid": ("proc", "/proc"),
}


def other(container: ContainerBase, container_id: str) -> ContainerBase:
    """Return another container of the same store, as it is now."""
    return type(container).load(container.store, container.host, container_id).peek()


def paths(container: ContainerBase) -> dict[str, str]:
    """Return the paths to join by OCI namespace type, "" for a new one; the host's are left out.

    :raises ContainerStopped: a container whose namespace is joined has no process.
    :raises NotImplementedByHost: no OCI runtime starts a container in another one's mount namespace.
    """
    config = container.config
    result = {"mount": ""}
    for option, namespace in OPTIONS.items():
        path = _path(container, option)
        if path is not None:
            result[namespace.oci_type] = path
    for value, container_id in config.namespace_containers.items():
        joined = _running(container, container_id, value)
        if value == LinuxNS.MOUNT.value:
            raise NotImplementedByHost(
                f"container {config.name} is to join the mount namespace of container {joined.name}, and "
                f"{container.runtime_name} would rebuild the root filesystem there: join its other namespaces, and "
                "share files by a volume"
            )
        result[LinuxNS(value).oci_type] = f"{joined.proc}/ns/{value}"
    return result


def _path(container: ContainerBase, option: NamespaceOption) -> Optional[str]:
    """Return the path that the option names, "" for a new namespace or a joined container's, None for the host's."""
    config = container.config
    mode, target = config.options[option]["mode"], config.options[option]["target"]
    if mode == "ns":
        return target
    if mode == "host":
        return None
    if option == "network":
        # With a user namespace the OCI runtime makes it, so that the container's root may change it.
        return ("" if config.id_mappings else container.netns_path) if config.own_net_ns else None
    if option == "userns":
        return "" if config.id_mappings else None
    if option == "cgroupns" and not mode:
        # systemd expects its cgroup at the root of the hierarchy that it sees.
        return "" if container.host.cgroups.unified or config.systemd else None
    return ""


def _running(container: ContainerBase, container_id: str, value: str) -> ContainerBase:
    joined = other(container, container_id)
    if not joined.state.status.has_process:
        raise ContainerStopped(
            f"container {container.name} joins the {value} namespace of container {joined.name}, which is "
            f"{joined.state.status}: start {joined.name} first"
        )
    return joined


def owners(container: ContainerBase) -> set[tuple[str, ProcessRef]]:
    """Return ID and process of the containers whose namespaces it uses, directly or through others.

    :raises ContainerStopped: one has no process.
    """
    result = set()
    for value, container_id in container.config.namespace_containers.items():
        joined = _running(container, container_id, value)
        result |= {(joined.id, joined.state.process), *owners(joined)}
    return result


def foreign(container: ContainerBase, namespaces: Mapping[str, str]) -> dict[str, str]:
    """Return the file systems that a user namespace may not mount, by type: the host path to bind instead, or "".

    Such a file system shows a namespace, which must be new as the user namespace is, or of the same owner. Another
    container's mounts cannot be bound. The host's /sys shows nothing of a network namespace.
    """
    joined, result = container.config.namespace_containers, {}
    for option, (kind, place) in _SHOWN_BY.items():
        namespace = OPTIONS[option]
        path = namespaces.get(namespace.oci_type)
        if path != "" and (namespace.value not in joined or joined[namespace.value] != joined.get(LinuxNS.USER.value)):
            bound = path is None or option == "network"
            result[kind] = place if bound and os.path.isdir(place) else ""
    return result


def moved(container: ContainerBase) -> list[str]:
    """Return the kinds of namespaces that a running container no longer shares with those it joined.

    The other container was stopped, started again or re-created since. No program is started.
    """
    result = []
    for value, container_id in container.config.namespace_containers.items():
        if value != LinuxNS.NET.value and container.sandboxed:
            continue  # the kernel in the sandbox has its own
        joined = other(container, container_id)
        if not joined.state.status.has_process or _inode(joined.proc, value) != _inode(container.proc, value):
            result.append(value)
    return result


def _inode(proc: str, value: str) -> str:
    try:
        return os.readlink(f"{proc}/ns/{value}")
    except OSError:
        return f"gone with {proc}"


def owner(container: ContainerBase, namespace: LinuxNS) -> ContainerBase:
    """Return the container whose namespace this one uses: itself, or one that it joins, directly or through others."""
    while container.config.namespace_container(namespace):
        container = other(container, container.config.namespace_container(namespace))
    return container


def network_owner(container: ContainerBase) -> ContainerBase:
    return owner(container, LinuxNS.NET)


def hostname(container: ContainerBase) -> str:
    """Return the host name that the container sees."""
    return owner(container, LinuxNS.UTS).config.hostname(container.host.hostname)


def shm_dir(container: ContainerBase) -> Optional[str]:
    """Return the host path of /dev/shm, that of the IPC namespace's owner; None where there is none."""
    container = owner(container, LinuxNS.IPC)
    mode = container.config.options["ipc"]["mode"]
    return None if mode == "none" else "/dev/shm" if mode == "host" else container.shm_dir


def makes_shm(container: ContainerBase) -> bool:
    """Return whether the container has a /dev/shm of its own."""
    return shm_dir(container) == container.shm_dir
