# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces of a container: new ones, the host's, and those it joins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._model.errors import ContainerStopped
from .._model.namespaces import LinuxNS

if TYPE_CHECKING:
    from .container import Container

_ALWAYS_NEW = (LinuxNS.MOUNT, LinuxNS.IPC, LinuxNS.PID, LinuxNS.UTS)


def other(container: Container, container_id: str) -> Container:
    """Another container of the same store, as it is now."""
    from .container import Container as Kind

    return Kind(container.store, container.host, container.store.config(container_id)).peek()


def paths(container: Container) -> dict[str, str]:
    """OCI namespace type to the path to join, "" for a new one; the host's are left out.

    :raises ContainerStopped: a container whose namespace is joined has no process.
    """
    config = container.config
    found = {namespace.oci_type: "" for namespace in _ALWAYS_NEW}
    if config.own_net_ns:
        found["network"] = container.netns_path
    elif config.options["network"]["mode"] == "ns":
        found["network"] = config.options["network"]["target"]
    if container.host.cgroups.unified:
        found["cgroup"] = ""
    for value, container_id in config.namespace_containers.items():
        joined = other(container, container_id)
        if not joined.state.status.has_process:
            raise ContainerStopped(
                f"container {config.name} joins the {value} namespace of container {joined.name}, which is "
                f"{joined.state.status}: start {joined.name} first"
            )
        found[LinuxNS(value).oci_type] = f"/proc/{joined.state.pid}/ns/{value}"
    return found


def network_owner(container: Container) -> Container:
    """The container whose network this one uses: itself, or the one it joins, however many steps away."""
    while container.config.namespace_container(LinuxNS.NET):
        container = other(container, container.config.namespace_container(LinuxNS.NET))
    return container


def shm_dir(container: Container) -> str:
    """The host's side of /dev/shm: the one of the container whose IPC namespace is used."""
    while container.config.namespace_container(LinuxNS.IPC):
        container = other(container, container.config.namespace_container(LinuxNS.IPC))
    return container.shm_dir
