# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's configuration of a container of podman's, and what keeps one from being adopted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Iterator

from ..._container.live_status import cgroup_path
from ..._drivers.cgroups import manager
from ..._drivers.images.store import ImageStore
from ..._drivers.podman import status
from ..._drivers.podman.container import PodmanContainer
from ..._drivers.podman.networks import interfaces, published
from ..._model.errors import InvalidArgument, InvalidState, NotImplementedByHost
from ..._model.foreign import Foreign
from ..._model.options.mounts import volumes
from ..._model.options.network.ports import PortMapping
from ..._model.options.table import MOUNTS
from ..._model.records.config import ContainerConfig
from ..._runtime import adoption
from ..._runtime.runtime import Runtime
from . import options as podmans_options

if TYPE_CHECKING:
    from ..._model.options.types import ContainerOptions, Network

_NAMESPACES = ("ipcNsCtr", "mountNsCtr", "netNsCtr", "pidNsCtr", "userNsCtr", "utsNsCtr", "cgroupNsCtr")
_READ_ONLY = {"/run", "/tmp", "/var/tmp"}  # where podman mounts file systems by itself
_UNIT = "PODMAN_SYSTEMD_UNIT"  # the label of a container that a systemd unit of podman's runs


def configuration(runtime: Runtime, theirs: PodmanContainer) -> ContainerConfig:
    """Return the configuration with which the engine takes the container over, once that is known to be possible.

    :raises InvalidArgument, NotImplementedByHost: it has an option that has no counterpart here, which is named.
    :raises InvalidState: it is in a state in which it cannot be adopted.
    """
    for reason in _reasons(theirs):
        raise NotImplementedByHost(f"container {theirs.name} cannot be adopted: {reason}")
    its_status = status.of(theirs)
    config = theirs.config
    image = ImageStore(runtime.parts).get(config["rootfsImageID"].text(required=True))
    found = podmans_options.described(theirs, image.config)
    _check_volumes(theirs, found.options)
    _settle_networks(runtime, theirs, found.options)
    made = ContainerConfig(
        id=theirs.id,
        name=theirs.name,
        created_time=status.time(config["createdTime"].text()),
        options=found.options,
        static_dir=runtime.store.static_dir(theirs.id),
        rootfs_image_id=image.id,
        rootfs_image_digest=image.digest,
        rootfs_image_name=config["rootfsImageName"].text(),
        image_config=image.config,
        ports=tuple(_ports(theirs)),
        cgroup_manager=config["cgroupManager"].text("cgroupfs"),
        host_env=found.host_env,
        oci_runtime=config["runtime"].text("runc"),
        network_backend=runtime.host.network_backend,
    )
    for option, recorded, ours in _facts(config, made):
        if recorded != ours:
            raise InvalidArgument(
                f"container {theirs.name} cannot be adopted: {option}: podman's record differs from the command that "
                "created it: re-create it by a task"
            )
    if its_status.has_process:
        _check_process(runtime, theirs, made)
    adoption.check(runtime, theirs, made)
    return made


def _reasons(theirs: PodmanContainer) -> Iterator[str]:
    """Yield what prevents an adoption, as the end of a sentence."""
    config, spec = theirs.config, theirs.config["spec"]
    if config["pod"].text() or config["isInfra"].flag():
        yield "pod: it is in a pod of podman's, which is not adopted: re-create the pod by libpod_pod"
    if any(config[key].text() for key in _NAMESPACES) or config["Dependencies"].texts():
        yield "requires: it depends on another container of podman's: re-create both by tasks"
    if theirs.dependents:
        yield f"{', '.join(theirs.dependents)} of podman's depends on it: re-create both by tasks"
    if config["rootfs"].text():
        yield "rootfs: a container of a directory is not adopted: re-create it by a task"
    if not config["idMappingsOptions"]["HostUIDMapping"].flag(True):
        yield "userns: a container with a user namespace is not adopted: re-create it by a task"
    if any(list(config[key]) for key in ("overlayVolumes", "ctrImageVolumes")):
        yield "volume: it has a volume with an overlay or of an image, which is not adopted: re-create it by a task"
    for name in theirs.volumes:
        yield from _of_volume(theirs.volume(name), name)
    if list(config["secrets"]) or config["secret_env"]:
        yield "secrets: podman keeps the secrets that it has: re-create it by a task with secrets of the engine"
    if config["labels"][_UNIT].text():
        unit = config["labels"][_UNIT].text()
        yield f"sdnotify: podman runs it in the systemd unit {unit}: re-create it by a task, and remove the unit"
    if config["healthcheck"]["Test"].texts()[:1] not in ([], ["NONE"]) and manager.systemd_runs():
        yield "healthcheck: podman has a systemd timer for its health check: re-create it by a task"
    if config["sdnotifySocket"].text():
        yield "sdnotify: a service waits for its message: re-create it by a task"
    if theirs.exec_sessions:
        yield "podman exec runs a command in it: wait for its end"
    if spec["linux"]["intelRdt"]:
        yield "rdt_class: it has a class of podman's: re-create it by a task"


def _of_volume(volume: Foreign, name: str) -> Iterator[str]:
    """Yield what keeps a volume from being used by the engine."""
    if volume["isAnon"].flag():
        yield "image_volume: it has an anonymous volume, which would not go with it: re-create it by a task"
    elif volume["volumeDriver"].text("local") != "local" or list(volume["volumeOptions"].items()):
        yield f"volume: podman's volume {name} has options, and only plain ones are adopted: re-create it by a task"


def _settle_networks(runtime: Runtime, theirs: PodmanContainer, options: ContainerOptions) -> None:
    """Have the options name the networks that it is on, where podman has another default or has changed them since."""
    network = options["network"]
    if network["mode"] != "cni":
        return
    default = str(runtime.host.networks.network("")["name"])
    there = interfaces(theirs)
    if {name or default for name in network["networks"]} != set(there):
        kept = {name: one for name, one in network.get("settings", {}).items() if name in there}
        changed: Network = {"mode": "cni", "target": "", "networks": sorted(there, key=lambda name: there[name])}
        options["network"] = {**changed, "settings": kept} if kept else changed


def _check_volumes(theirs: PodmanContainer, options: ContainerOptions) -> None:
    if options["volumes_from"]:
        raise NotImplementedByHost(
            f"container {theirs.name} cannot be adopted: volumes_from: it has the volumes of another container of "
            "podman's: re-create both by tasks"
        )


def _ports(theirs: PodmanContainer) -> Iterator[PortMapping]:
    """Yield the published ports, one by one."""
    ports: set[PortMapping] = set()
    for (host_ip, host, inside, protocol), count in published(theirs):
        ports.update(PortMapping(host_ip, host + offset, inside + offset, protocol) for offset in range(count))
    yield from sorted(ports)


def _facts(config: Foreign, made: ContainerConfig) -> Iterator[tuple[str, object, object]]:
    """Yield options with the value that podman's record has and that of the configuration."""
    argv, effective = config["spec"]["process"]["args"].texts(), made.resolved
    if made.options["init"]:  # /run/podman-init --
        argv = argv[2:]
    yield "command and entrypoint", argv, made.argv
    recorded = dict(one.partition("=")[::2] for one in config["spec"]["process"]["env"].texts())
    yield "env", {}, {key: value for key, value in effective["env"].items() if recorded.get(key) != value}
    yield "user", config["user"].text(), effective["user"]
    yield "label", config["labels"].text_map(), effective["label"]
    times = config["restart_retries"].integer()
    policy = config["restart_policy"].text("no") or "no"
    yield "restart_policy", f"{policy}:{times}" if times else policy, made.options["restart_policy"]
    yield "privileged", config["privileged"].flag(), made.options["privileged"]
    if not made.options["publish_all"]:
        published = [(one.host_ip, one.container_port, one.protocol) for one in made.ports]
        asked = [(one.host_ip, one.container_port, one.protocol) for one in made.options["publish"]]
        yield "publish", sorted(published), sorted(asked)
    targets = {target for option in MOUNTS for target in volumes.targets(made.options[option])}
    added = _READ_ONLY if made.options["read_only"] else set()
    yield "volume, mount and tmpfs", {*config["userVolumes"].texts()} - added, targets - added


def _check_process(runtime: Runtime, theirs: PodmanContainer, made: ContainerConfig) -> None:
    """Check that a live container is where the engine looks for it.

    :raises NotImplementedByHost: it is in another cgroup. :raises InvalidState: its process is gone.
    """
    pid, path = theirs.state["pid"].integer(), cgroup_path(made, runtime.host)
    lines = (manager.read_file(f"/proc/{pid}/cgroup") or "").splitlines()
    if not lines:
        raise InvalidState(
            f"container {theirs.name} cannot be adopted: its process {pid} has ended: run podman ps, which notices that"
        )
    if not any(line.split(":", 2)[2] == path for line in lines):
        raise NotImplementedByHost(
            f"container {theirs.name} cannot be adopted: cgroups: its process is not in {path}: re-create it by a task"
        )
    root = status.oci_root(made.oci_runtime)
    if not os.path.isdir(f"{root}/{theirs.id}"):
        raise NotImplementedByHost(
            f"container {theirs.name} cannot be adopted: {root} has no state of it: expected the default directory of "
            f"{made.oci_runtime}"
        )
