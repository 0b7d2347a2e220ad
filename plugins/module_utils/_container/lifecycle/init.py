# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Init: mount the storage, set the network up and create the OCI container, which then waits for start.

Storage, network and preparation overlap: the rootfs is needed only by the OCI container, the network only by start.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, Optional

from ..._drivers import process
from ..._drivers.cgroups import hierarchy
from ..._drivers.kernel import netns, syscalls
from ..._drivers.storage.roots import Labels
from ..._model import caller
from ..._model.errors import LibpodError
from ..._model.failpoints import failpoint
from ..._model.records.status import ContainerStatus
from ..bundle import lsm
from ..network import host_ports, shared_namespaces
from . import conmon_cgroup, notify
from .background import Background

if TYPE_CHECKING:
    from ..base import ContainerBase


def init(container: ContainerBase, fresh: bool, give_way: Optional[Callable[[], None]] = None) -> None:
    """Bring a configured or exited container to created.

    Until the end the recorded status is ``unknown``, so that the next operation takes an interrupted init down first.
    After a failure everything is taken down here.

    ``give_way`` stops the container that this one replaces, so that its addresses and ports are free. It is called
    once the OCI runtime has created this one, and is safe to call again.

    :raises InvalidState: it is created, running or paused.
    :raises ContainerStopped: a container whose namespace is joined has no process, or its process ended meanwhile.
    """
    container.state.status.check("init", container.name)
    if not fresh:
        from .cleanup import cleanup

        cleanup(container)
    joined = shared_namespaces.owners(container)
    labels = lsm.labels_of(container)
    container.save(status=ContainerStatus.UNKNOWN, process_label=labels.process, mount_label=labels.mount)
    try:
        _init(container, give_way)
    except BaseException as error:
        take_down(container)
        # Where a joined container ended meanwhile, the OCI runtime's message on its namespaces or files is of no use.
        if not isinstance(error, LibpodError) or shared_namespaces.owners(container) == joined:
            raise
        init(container, False, give_way)


def take_down(container: ContainerBase) -> None:
    """Clean up after an error, which is the one to be reported; the next run takes down what cannot be now."""
    from .cleanup import cleanup

    try:
        cleanup(container, thorough=True)
    except Exception:  # pylint: disable=broad-exception-caught
        pass


def _init(container: ContainerBase, give_way: Optional[Callable[[], None]]) -> None:
    config = container.config
    running: list[Background[object]] = []
    # With a user namespace the runtime makes the network namespace; a replaced container holds addresses and ports.
    late = bool(config.id_mappings or give_way)
    try:
        _prepare_cgroups(container)
        with host_ports.pair(config) as sockets:
            if not give_way:
                host_ports.take(config, sockets)
            storage = Background(lambda: _mount(container))
            running.append(storage)
            if config.own_net_ns and not config.id_mappings:
                netns.create(container.netns_path)
            if not late:
                running += _attaching(container)
            ends = [socket.fileno() for socket in sockets]
            mountpoint, pid, conmon_pid = _create_when_mounted(container, storage, ends)
            if config.own_net_ns and config.id_mappings:
                netns.adopt(container.netns_path, pid)
            if give_way:
                give_way()
                host_ports.take(config, sockets)
            if late:
                running += _attaching(container)
            for work in running:
                work.result()
    finally:
        for work in running:
            work.join()
    _record_created(container, mountpoint, (pid, conmon_pid), ends)


def _create_when_mounted(
    container: ContainerBase, storage: Background[str], descriptors: list[int]
) -> tuple[str, int, int]:
    """Have the OCI runtime create the container; return its root filesystem's path, and its PID and conmon's."""
    # Made, and the code for it imported, while the programs of storage and network run.
    _make_shm(container)
    from ..bundle import builder
    from ..mounts import tmpfs_modes, volumes

    draft = builder.draft(container)
    mountpoint = storage.result()
    mounts = builder.write(container, draft, mountpoint)
    pid, conmon_pid = _create(container, descriptors)
    if not container.oci.sandboxes(f"/proc/{pid}", mountpoint):
        tmpfs_modes.enforce(pid, mounts)
        volumes.check_mounted(container, pid)
    return mountpoint, pid, conmon_pid


def _record_created(container: ContainerBase, mountpoint: str, pids: tuple[int, int], ends: list[int]) -> None:
    """Fill the files over its /etc and record the created container.

    ``pids`` are its own and conmon's, ``ends`` the pair that holds its host ports.
    """
    from ..bundle import etc_files

    pid, conmon_pid = pids
    files = etc_files.fill(container, container.config, process.ref(pid))
    container.save(
        status=ContainerStatus.CREATED,
        exit_code=0,
        oom_killed=False,
        started_time="",
        finished_time="",
        config_path=f"{container.run_dir}/config.json",
        mounted=True,
        mountpoint=mountpoint,
        process=process.ref(pid),
        conmon=process.ref(conmon_pid),
        netns_path=container.netns_path if container.config.own_net_ns else "",
        etc_files=files,
        ports_in=ends[0] if ends else 0,
        ports_out=ends[1] if ends else 0,
    )


def _mount(container: ContainerBase) -> str:
    """Mount the rootfs and return its path on the host; its storage is made first where there is none."""
    config, state = container.config, container.state
    labels = Labels(state.process_label, state.mount_label)
    container.storage.create(container.id, config.rootfs_image_id, config.id_mappings, labels)
    return container.storage.mount(container.id, labels.mount)


def _attaching(container: ContainerBase) -> list[Background[object]]:
    """Have the CNI plugins set the network namespace up meanwhile, where it has networks."""
    if not container.config.create_net_ns:
        return []
    from ..network.setup import attach

    return [Background(lambda: attach(container))]


def _prepare_cgroups(container: ContainerBase) -> None:
    config = container.config
    if config.pod:
        from .. import pod_cgroup

        pod_cgroup.prepare(container)
    if config.cgroup_manager == "cgroupfs":
        hierarchy.prepare(container.host.cgroups, container.conmon_cgroup_path)
    # Not before: the kernel makes no cgroup while it waits.
    Background(lambda: hierarchy.expect_moves(container.host.cgroups))


def _make_shm(container: ContainerBase) -> None:
    """Mount the tmpfs behind /dev/shm, unless it is another container's or the host's."""
    if not shared_namespaces.makes_shm(container):
        return
    if not os.path.isdir(container.shm_dir):
        failpoint("mkdir shm")
        os.mkdir(container.shm_dir, 0o700)
    size = container.config.options["shm_size"]
    flags = syscalls.MS_NOSUID | syscalls.MS_NOEXEC | syscalls.MS_NODEV
    label = container.state.mount_label
    syscalls.mount("shm", container.shm_dir, "tmpfs", flags, f"mode=1777,size={size}", label=label)


def _create(container: ContainerBase, descriptors: list[int]) -> tuple[int, int]:
    from ..._drivers import host_log
    from ..._drivers.conmon.conmon import Monitored
    from ..._drivers.engine import command as engine_command

    config = container.config
    engine = engine_command.argv(container.host.parts)
    monitored = Monitored(
        container_id=config.id,
        name=config.name,
        run_dir=container.run_dir,
        log_path=config.log_path,
        log_size_max=config.options["log_opt"]["max_size"],
        log_tag=config.options["log_opt"]["tag"],
        stdin=config.options["interactive"],
        terminal=config.options["tty"],
        keep_open=descriptors,
        timeout=config.options["timeout"] or 0,
        exit_command=[*engine, "exit", config.id] if engine else (),
        environment={**container.host.parts.environment(), **host_log.environment()},
        notify_socket=notify.relayed(config),
        journal=config.options["log_driver"] == "journald",
    )

    def enter(pid: int) -> None:
        # In a unit's cgroup, the journal has the container's output as the unit's.
        if config.options["cgroups"] != "no-conmon" and config.name != caller.unit_of:
            conmon_cgroup.enter(container, pid)

    if config.log_path and not os.path.isdir(os.path.dirname(config.log_path)):
        raise LibpodError(
            f"log_opt: the directory of {config.log_path} does not exist: make it, or omit path for container "
            f"{config.name}"
        )
    return container.host.conmon.create(monitored, container.oci, enter)
