# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of a desired configuration against the host, made before anything is changed."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Iterable, Optional

from ..._container.bundle import etc_files, init_program, lsm
from ..._container.container import Container
from ..._container.live import kernel_limits
from ..._container.mounts.volumes import check_source
from ..._container.network import host_ports
from ..._container.rootfs import device_nodes
from ..._drivers.cgroups import manager as cgroups
from ..._drivers.command import TOOL_PATH
from ..._drivers.kernel import netns
from ..._drivers.process import bounding_set
from ..._model.cgroup_codecs import cpu_list
from ..._model.errors import InvalidArgument, NoSuchContainer, NoSuchImage, NotImplementedByHost, ToolMissing, not_yet
from ..._model.options import health
from ..._model.options.mounts import volumes
from ..._model.options.network.ports import PortMapping
from ..._model.options.table import ID_FILES
from ..._model.records.config import ContainerConfig, resolved
from ..._model.records.namespaces import LinuxNS
from ..._runtime import anonymous_volumes
from ..._runtime.runtime import Runtime
from ..._spec import capabilities
from .. import dependencies
from ..desired import Desired
from . import mount_points

if TYPE_CHECKING:
    from ..._model.options.types import ContainerOptions, Volume
    from ..._model.records.image_config import ImageConfig

_JOURNAL = "/run/systemd/journal/socket"  # sd_journal_sendv(3)'s, which conmon uses
_RUNC_FILES = 12  # descriptors that runc 1.1 has open when the limit is in force
# Why a container is not created so, and what to do.
_NO_CGROUPS = {
    "disabled": "cannot be: runc makes no container without a cgroup, and the engine finds there what it has to end: "
    "omit the option",
    "split": "cannot be: the container would be in the cgroup of the task that makes it, such as an SSH session's, and "
    "end with it: name a cgroup in cgroup_parent",
}


def check_tools(runtime: Runtime, desired: Desired) -> None:
    """Check that the programs are installed that a container needs.

    :raises ToolMissing: naming the program and the package that has it.
    """
    tools = [(runtime.host.oci.path, runtime.host.oci.name, "oci_runtime")]
    tools.append((runtime.parts.conmon_path, "conmon", "conmon_path"))
    mapped = desired.options is not None and _mapped(desired.options)  # a task by name only makes no root filesystem
    for tool, package, option in tools:
        if not shutil.which(tool, path=TOOL_PATH):
            raise ToolMissing(tool, package, option)
    need = ("", "") if desired.rootfs else runtime.host.storage.tool_need(mapped=mapped)
    if need[0] and not shutil.which("containers-storage", path=TOOL_PATH):
        raise ToolMissing("containers-storage", "containers-storage", need=need)


def _mapped(options: ContainerOptions) -> bool:
    """Return whether the options give the container a user namespace."""
    by_map = any(options[option] for option in ("uidmap", "gidmap", "subuidname", "subgidname"))
    return by_map or options["userns"]["mode"] in ("auto", "container", "ns")


def check(runtime: Runtime, container: Optional[Container], desired: Desired, *, new: bool) -> None:
    """Check the desired options against the host; ``new`` says that a new container is made with them.

    :raises InvalidArgument: an option names what does not exist. :raises NoSuchNetwork, NoSuchContainer: likewise.
    :raises NotImplementedByHost: the kernel or the OCI runtime lacks what an option needs.
    """
    options = desired.wanted
    if options["rewindable"] and (desired.rootfs or not desired.image and container and container.config.rootfs):
        raise InvalidArgument(
            f"rewindable: true cannot be used for container {desired.name}, whose root filesystem is a host directory: "
            "give it an image, or omit rewindable"
        )
    oci = runtime.host.oci if new or not container else container.oci
    if oci.by_specification:
        from . import sandbox

        sandbox.check(oci, desired.name, options)
    _check_image(runtime, container, desired)
    _check_lenders(runtime, desired)
    image = image_config(runtime, container, desired)
    check_mounts(runtime, desired, image or {})
    _check_security(options, desired.strict)
    _check_files(runtime, options)
    _check_first_process(runtime, options)
    _check_cgroups(runtime, desired)
    _check_devices(options)
    if not (container and container.unreadable):
        own = (*container.config.ports, *host_ports.of_live(container)) if container else ()
        check_ports(runtime, f"container {desired.name}", options["publish"], own)
    check_network(runtime, f"container {desired.name}", options, None if new else container, desired.strict)
    if image is not None:
        check_command(desired.name, desired.image or "its image", options, image)
        if options["health_startup_cmd"]:
            health.check_startup(options["health_startup_cmd"], resolved(options, image)["healthcheck"])


def check_mounts(runtime: Runtime, desired: Desired, image: ImageConfig) -> None:
    """Check the mounts of a container of an image with this configuration.

    :raises InvalidArgument: a source does not exist, or the OCI runtime can mount nothing at a target.
    """
    borrowed = anonymous_volumes.borrowed(runtime, desired.wanted)
    mounts = mount_points.of_options(desired.wanted, image, borrowed, runtime.parts.static_root)
    for one in mounts:
        if "source" in one.mount:
            _check_source(runtime, one.mount, desired.name, _mapped(desired.wanted))
            _check_idmap(runtime, one.mount, one.option)
    mount_points.check_kernels_own(desired.name, mounts, runtime.host.oci.name)


def check_command(name: str, image: str, options: ContainerOptions, config: ImageConfig) -> None:
    """Check that the options or the image name a program to run.

    :raises InvalidArgument: neither the options nor the image's ``config`` name a program to run.
    """
    options_with_image = resolved(options, config)
    if not (options_with_image["entrypoint"] or options_with_image["command"]):
        raise InvalidArgument(
            f"command: container {name} has none, neither from its options nor from {image}: give command or entrypoint"
        )


def check_recorded(runtime: Runtime, container: Container) -> None:
    """Check what the start of a container as recorded needs of the host, before a stop; errors as ``check``'s."""
    config = container.config
    options = config.options
    for volume in config.volumes:
        _check_source(runtime, volume, config.name, bool(config.id_mappings))
        _check_idmap(runtime, volume, volumes.setter(options, volume["target"]))
    _check_security(options)
    _check_files(runtime, options)
    _check_first_process(runtime, options)
    _check_limits(runtime, config.cgroup_manager, options)
    _check_devices(options)
    own = config.ports if container.state.status.has_process else ()
    check_ports(runtime, f"container {config.name}", config.ports, own)
    if config.create_net_ns or options["network"]["mode"] == "ns":
        check_network(runtime, f"container {config.name}", options, container)


def _check_source(runtime: Runtime, volume: Volume, name: str, mapped: bool) -> None:
    if volume["type"] == "bind":
        check_source(runtime.parts, volume["source"], name)
        lsm.check_volume(volume, name)
    elif volume["type"] == "image":
        from ..._container.mounts import image_mounts
        from ..._resources.images.resolution import planned

        if not planned(runtime.parts, volume["source"]):
            image_mounts.look(runtime.parts, volume, name, mapped=mapped)
    elif "subpath" in volume:
        from ..._container.mounts import subpaths

        subpaths.look(runtime.parts, volume, name)


def _check_idmap(runtime: Runtime, volume: Volume, option: str) -> None:
    if any(flag.startswith("idmap") for flag in volume["flags"]) and not runtime.host.oci.knows_idmap():
        raise NotImplementedByHost(
            f"{option}: idmap of {volume['target']}: {runtime.host.oci.path} maps the IDs of no mount (runc does from "
            "1.2 on, crun from 1.5 on): omit it, or set oci_runtime to crun"
        )


def check_ports(runtime: Runtime, subject: str, publish: Iterable[PortMapping], own: Iterable[PortMapping]) -> None:
    """Check that host ports are free, or the subject's ``own``; errors as ``host_ports.check_free``'s."""
    host_ports.check_free(subject, publish, (*own, *runtime.freed_ports), _port_holder(runtime))


def _port_holder(runtime: Runtime) -> host_ports.Holder:
    """Return a function that finds the running container with a published port, for the error message."""

    def holder(port: PortMapping) -> str:
        for one in runtime.containers():
            if one.unreadable or not one.state.status.has_process:
                continue
            if any((held.host_port, held.protocol) == (port.host_port, port.protocol) for held in one.config.ports):
                return f"container {one.name}"
        return ""

    return holder


def _check_rootfs(config: ContainerConfig) -> None:
    if config.rootfs and not os.path.isdir(config.rootfs):
        raise InvalidArgument(
            f"container {config.name}: its root filesystem {config.rootfs} is no directory on the host any more: "
            "restore it, or remove the container"
        )


def check_root_filesystem(runtime: Runtime, container: Container) -> None:
    """Check that the root filesystem is there, or the image of which it is made again.

    Others, such as ``podman rmi --force``, may have removed both from the store.

    :raises InvalidArgument: it is a directory that is not there. :raises NoSuchImage: the store has neither.
    """
    config = container.config
    _check_rootfs(config)
    if not config.rootfs and not runtime.host.storage.exists(config.id):
        from ..._drivers.images.store import ImageStore

        if not ImageStore(runtime.parts).find(config.rootfs_image_id):
            raise NoSuchImage(
                f"container {config.name}: its root filesystem and its image {config.rootfs_image_name} were removed "
                "from the store by other means: pull the image and re-create the container, or remove it"
            )


def _check_image(runtime: Runtime, container: Optional[Container], desired: Desired) -> None:
    if container is not None and not desired.image and not container.unreadable:
        _check_rootfs(container.config)
    if desired.rootfs and not os.path.isdir(desired.image):
        refusal = InvalidArgument(f"image: {desired.image} is not a directory, which rootfs: true needs it to be")
        raise refusal if os.path.lexists(desired.image) else not_yet(refusal)
    if container is None and desired.recreate_policy == "never" and desired.image and not desired.rootfs:
        from ..image_resolution import resolve_image

        resolve_image(runtime, desired._replace(recreate_policy="auto"))


def _check_lenders(runtime: Runtime, desired: Desired) -> None:
    for lender in desired.wanted["volumes_from"]:
        try:
            owner = runtime.container(lender["container"])
        except NoSuchContainer as error:
            raise NoSuchContainer(f"volumes_from: {error}: make it first") from error
        if owner.name == desired.name:
            raise InvalidArgument(f"volumes_from: container {desired.name} cannot have its own volumes from itself")


def _check_security(options: ContainerOptions, strict: bool = False) -> None:
    granted = capabilities.named(bounding_set())
    bounding = capabilities.compute(options["cap_add"], options["cap_drop"], granted, privileged=options["privileged"])
    profile = options["security_opt"]["seccomp"]
    if profile not in ("", "unconfined"):
        if not os.path.isfile(profile):
            raise not_yet(InvalidArgument(f"security_opt: the seccomp profile {profile} is not a file on the host"))
        from ..._container.bundle.builder import seccomp_filter

        seccomp_filter(profile, bounding)
    lsm.check(options, strict)


def _check_files(runtime: Runtime, options: ContainerOptions) -> None:
    """Check the sources of files that are written for the container, on the host and in its root filesystem."""
    if options["hostuser"]:
        from ..._container.bundle.passwd import host_users

        host_users(options["hostuser"], "")
    if options["secrets"]:
        from ..._container.bundle import secrets

        secrets.variables(runtime.parts, options["secrets"])
    if options["log_driver"] == "journald" and not os.path.exists(_JOURNAL):
        raise NotImplementedByHost(
            f"log_driver: {_JOURNAL} is not there, so that no systemd-journald takes lines on this host: use k8s-file"
        )
    _check_written(options)
    if options["timezone"]:
        etc_files.zone_file(options["timezone"])


def _check_written(options: ContainerOptions) -> None:
    """Check the paths of the log and of the files with the container's ID and PIDs.

    :raises InvalidArgument: the directory of one does not exist, or it is not a regular file.
    """
    for option, path in (*((option, options[option]) for option in ID_FILES), ("log_opt", options["log_opt"]["path"])):
        if path and (not os.path.isdir(os.path.dirname(path)) or os.path.exists(path) and not os.path.isfile(path)):
            raise InvalidArgument(
                f"{option}: {path} cannot be written: expected a regular file in a directory that is there"
            )


def _check_first_process(runtime: Runtime, options: ContainerOptions) -> None:
    if options["ulimit"]:
        from ..._container.bundle import builder

        builder.check_ulimits(options["ulimit"])
        if runtime.host.oci.name == "runc" and 0 <= options["ulimit"].get("nofile", (-1,))[0] < _RUNC_FILES:
            raise InvalidArgument(
                f"ulimit: nofile={options['ulimit']['nofile'][0]} is less than runc needs to make a container: give "
                f"{_RUNC_FILES} or more"
            )
    if options["sysctl"]:
        from ..._container.bundle import sysctls

        sysctls.check(options)
    if options["init"]:
        init_program.path(options["init_path"])
    if options["systemd"] == "always" and not _has_systemd(runtime.host.cgroups):
        raise NotImplementedByHost(
            "systemd: this host has neither cgroup v2 nor cgroup v1's hierarchy name=systemd, without which systemd "
            "does not run: mount it at /sys/fs/cgroup/systemd, or omit the option"
        )
    if options["personality"] and not runtime.host.oci.knows_personality():
        raise NotImplementedByHost(
            f"personality: {runtime.host.oci.path} does not set it (runc does from 1.2 on): omit it, or set "
            "oci_runtime to crun"
        )


def _check_devices(options: ContainerOptions) -> None:
    """Check devices, CDI devices, hooks and the host's own definitions of them."""
    if options["gpus"]:
        from ..._container.bundle import cdi

        cdi.check(options["gpus"])
    if options["hooks_dir"]:
        from ..._container.bundle import hooks

        hooks.read(options["hooks_dir"])
    device_nodes.rules(options)


def _has_systemd(host: cgroups.CgroupHost) -> bool:
    return host.unified or "systemd" in host.controllers


def image_config(runtime: Runtime, container: Optional[Container], desired: Desired) -> Optional[ImageConfig]:
    """Return the desired image's configuration, None where it has still to be pulled."""
    if desired.rootfs or not desired.image:
        return container.config.image_config if container and not desired.rootfs else {}
    from ..._resources.images.resolution import stored

    image = stored(runtime.parts, desired.image)
    return image.config if image else None


def _check_cgroups(runtime: Runtime, desired: Desired) -> None:
    options, manager = desired.wanted, runtime.host.cgroup_manager
    _check_limits(runtime, manager, options)
    if "memory_swap" in desired.specified and options["memory_swap"] not in (None, -1) and not runtime.host.swap:
        raise NotImplementedByHost(
            "memory_swap: this kernel does not account for swap (boot with swapaccount=1): omit the option"
        )


def _check_limits(runtime: Runtime, manager: str, options: ContainerOptions) -> None:
    if options["cgroups"] in ("disabled", "split"):
        raise NotImplementedByHost(f"cgroups: {options['cgroups']} {_NO_CGROUPS[options['cgroups']]}")
    if manager == "systemd" and not cgroups.systemd_runs():
        raise NotImplementedByHost("cgroup_manager: systemd does not run on this host: use cgroupfs")
    if options["cgroup_parent"]:
        cgroups.checked_parent(manager, options["cgroup_parent"])
    for option in ("cpuset_cpus", "cpuset_mems"):
        kind, what = ("cpu", "CPU") if option == "cpuset_cpus" else ("node", "memory node")
        online = cgroups.read_file(f"/sys/devices/system/{kind}/online") if options[option] else None
        missing = cpu_list(options[option] or "") - cpu_list(online or "")
        if missing and online:
            raise InvalidArgument(f"{option}: this host has no {what} {min(missing)}, its {what}s are {online}")
    kernel_limits.check(runtime.host.cgroups, options)


def check_network(
    runtime: Runtime, subject: str, options: ContainerOptions, kept: Optional[Container], strict: bool = False
) -> None:
    """Check that the networks, or the namespace, can be used; ``kept`` is a container that has a backend of its own.

    :raises InvalidArgument: the namespace does not exist. Else as ``setup.require``.
    """
    network = options["network"]
    if network["mode"] == "cni":
        if dependencies.is_pods(runtime, options, LinuxNS.NET):
            return
        from ..._container.network import setup

        setup.require(kept.networks if kept else runtime.host.networks, subject, options, strict)
    elif network["mode"] == "ns" and not netns.exists(network["target"]):
        raise InvalidArgument(f"network: {network['target']} is not a network namespace on this host")
