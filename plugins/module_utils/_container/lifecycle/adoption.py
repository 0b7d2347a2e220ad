# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a container that podman began: its parts taken over as they are, and handed back.

The process, its conmon, layer, links and rules stay as they are. podman's files of the life are found by links in the
run directory, which go with the life. What a path names on the host, the OCI runtime's state and the network namespace,
is moved to where the engine has it. Each step is safe to repeat, in both directions.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Iterator, NamedTuple, TypedDict
from zlib import crc32

from ..._drivers import foreign_files, process
from ..._drivers.cgroups import hierarchy
from ..._drivers.kernel import netns, syscalls
from ..._drivers.oci.moved_state import move
from ..._drivers.podman import networks, paths, status
from ..._drivers.podman.container import PodmanContainer
from ..._drivers.storage.roots import storage_roots
from ..._drivers.trees import removal
from ..._model.errors import InvalidState, MalformedData, StateCorrupt, sentence, warn
from ..._model.failpoints import failpoint
from ..._model.records.network import NetworkAttachment, own_lines
from ..._model.records.process_ref import ProcessRef, possible
from ..._model.records.status import ContainerStatus
from ..._store import records
from ..network import attachments, names
from ..network.setup import planned
from ..runners import adopted, health, log_limit
from . import restart

if TYPE_CHECKING:
    from ..base import ContainerBase


class LastRun(TypedDict):
    """How a run ended, as the state has it."""

    exit_code: int
    oom_killed: bool
    started_time: str
    finished_time: str


class Adopted(NamedTuple):
    """What podman had of a container when it was adopted, with the processes of its life."""

    theirs: PodmanContainer
    boot_id: str
    process: ProcessRef
    conmon: ProcessRef

    def to_json(self) -> dict[str, object]:
        return {**self._asdict(), "theirs": self.theirs.to_json()}


def write(container: ContainerBase, adopted: Adopted) -> None:
    """Record what podman has, before it is taken out of podman's database."""
    records.write(container.podmans_record, adopted.to_json())


def read(container: ContainerBase) -> Adopted:
    """Return what podman had.

    :raises InvalidState: it is no container of podman's.
    """
    path = container.podmans_record
    record = records.read(path, rare=True)
    if not isinstance(record, dict):
        raise InvalidState(
            f"container {container.name} was not adopted from podman, and so cannot be given back: create it by podman"
        )
    try:
        return Adopted(
            PodmanContainer.from_json(record["theirs"], path),
            str(record["boot_id"]),
            ProcessRef.of(*record["process"]),
            ProcessRef.of(*record["conmon"]),
        )
    except (KeyError, TypeError) as error:
        raise MalformedData(f"{path} is no record of a container of podman's: {error}") from error


def check(container: ContainerBase, theirs: PodmanContainer) -> list[str]:
    """Check that ``arrive`` can take the life over: once podman has it no more, it is too late for a refusal.

    Return the files of which it makes hard links.

    :raises MalformedData: podman's record cannot be used. :raises InvalidState: a part of the life is missing.
    """
    paths.check(theirs)
    PodmanContainer.from_json(theirs.to_json(), f"podman's record of container {theirs.name}")
    if not status.of(theirs).has_process:
        _end(theirs)
        _was_stopped(theirs)
        return []
    state, files = theirs.state, list(_etc_files(theirs).values())
    for key in ("pid", "conmonPid"):
        if not possible(state[key].integer()):
            state[key].fail("the number of a process")
    state["startedTime"].text(required=True)
    mounted = container.storage.mountpoint(container.id) or ""
    if not _is_same(state["mountPoint"].text(required=True), mounted):
        state["mountPoint"].fail(f"the mount point of its root filesystem, {mounted or 'which is not mounted'}")
    pid = state["pid"].integer()
    if os.path.lexists(theirs.netns) and not _is_same(theirs.netns, f"/proc/{process.living_thread(pid)}/ns/net"):
        raise InvalidState(
            f"container {container.name} cannot be adopted: network: its process {pid} is not in the namespace "
            f"{theirs.netns} that podman has on record: restart it by podman"
        )
    list(_links(container, theirs))
    for path in (state["configPath"].text(), *files):
        if not os.path.isfile(path):
            raise InvalidState(
                f"container {container.name} cannot be adopted: its file {path!r} is missing: restart it by podman"
            )
    if container.config.create_net_ns:
        attached(container, theirs)
    return files


def _is_same(path: str, other: str) -> bool:
    """Return whether both paths lead to one file or namespace."""
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False


def arrive(container: ContainerBase) -> None:
    """Take over what podman had made for the container (in a batch)."""
    found = read(container)
    its_status = status.of(found.theirs)
    if not its_status.has_process:
        _keep_exit(container, found.theirs)
        return
    if found.boot_id != container.host.boot_id:
        return  # nothing of that life is left
    _link(container, found.theirs)
    move(status.oci_root(container.oci.path), container.oci.root, container.id)
    _take_network(container, found)
    state, labels = found.theirs.state, container.storage.labels(container.id)
    container.save(
        status=its_status,
        process_label=labels.process,
        mount_label=labels.mount,
        started_time=status.time(state["startedTime"].text()),
        config_path=state["configPath"].text(),
        mounted=True,
        mountpoint=state["mountPoint"].text(),
        process=found.process,
        conmon=found.conmon,
        netns_path=container.netns_path if container.config.own_net_ns else "",
        etc_files=_checksums(container),
    )
    container.sync()
    if container.state.status.has_process:
        _begin(container)


def _keep_exit(container: ContainerBase, theirs: PodmanContainer) -> None:
    """Record how the last run ended that podman began.

    With ``unless-stopped``, podman starts again what ends by itself, so that the user has stopped the container. Not
    every podman has that on record.
    """
    end, stopped = _end(theirs), _was_stopped(theirs)
    restart.not_at_boot(container)
    if end["finished_time"] and not container.exits:
        container.save(status=ContainerStatus.EXITED, stopped_by_user=stopped, **end)
        container.store.write_side_record(container.id, "exits", [end])


def _was_stopped(theirs: PodmanContainer) -> bool:
    """Return whether the user has stopped it.

    :raises MalformedData: podman's record of it cannot be used.
    """
    return theirs.state["stoppedByUser"].flag()


def _end(theirs: PodmanContainer) -> LastRun:
    """Return how the last run ended.

    :raises MalformedData: podman's record of it cannot be used.
    """
    state = theirs.state
    return {
        "exit_code": state["exitCode"].integer(),
        "oom_killed": state["oomKilled"].flag(),
        "started_time": status.time(state["startedTime"].text()),
        "finished_time": status.time(state["finishedTime"].text()),
    }


def _links(container: ContainerBase, theirs: PodmanContainer) -> Iterator[tuple[str, str]]:
    """Yield the links to podman's files of the life, and what they lead to."""
    config, bundle = theirs.config, os.path.dirname(theirs.state["configPath"].text())
    yield f"{container.run_dir}/exits", f"{theirs.tmp_dir}/exits"
    yield f"{container.run_dir}/persist", bundle  # where conmon leaves a file "oom"
    yield f"{container.run_dir}/shm", config["ShmDir"].text()
    for name in ("attach", "ctl", "winsz", "config.json"):
        yield f"{container.run_dir}/{name}", f"{bundle}/{name}"
    log = container.log_path
    if log.startswith(f"{container.config.static_dir}/"):
        yield log, config["logPath"].text()


def _link(container: ContainerBase, theirs: PodmanContainer) -> None:
    if not os.path.isdir(container.run_dir):
        failpoint("mkdir run directory")
        os.makedirs(container.run_dir, 0o700, exist_ok=True)
    for link, target in _links(container, theirs):
        # podman has no /dev/shm with ipc none, and no log file with some log drivers.
        if target and not os.path.lexists(link):
            failpoint(f"link {os.path.basename(link)}")
            os.symlink(target, link)
    for name, source in _etc_files(theirs).items():
        path = f"{container.run_dir}/{name}"
        if not os.path.lexists(path):
            failpoint(f"link {name}")
            os.link(source, path)


def _etc_files(theirs: PodmanContainer) -> dict[str, str]:
    """Return podman's files over /etc, which are written in place, never through a symbolic link."""
    found = {name: theirs.state["bindMounts"][f"/etc/{name}"].text() for name in paths.ETC_FILES}
    return {name: path for name, path in found.items() if path}


def _checksums(container: ContainerBase) -> dict[str, int]:
    """Return the checksums of the files over /etc, as the engine's own have them."""
    found = {}
    for name in paths.ETC_FILES:
        with suppress(FileNotFoundError):
            content = foreign_files.read(f"{container.run_dir}/{name}")
            found[name] = crc32(own_lines(content) if name == "hosts" else content)
    return found


def _take_network(container: ContainerBase, found: Adopted) -> None:
    theirs, config = found.theirs, container.config
    if config.own_net_ns:
        with suppress(OSError):  # the process has just ended
            netns.adopt(container.netns_path, found.process.pid)
        if theirs.netns:
            netns.delete(theirs.netns)
    if config.create_net_ns:
        made = attached(container, theirs)
        attachments.save(container, made)
        for one in made:
            container.networks.adopt(container.id, one)


def attached(container: ContainerBase, theirs: PodmanContainer) -> list[NetworkAttachment]:
    """Return the attachments that podman made, as the engine would record them.

    :raises NoSuchNetwork: a network is not defined here. :raises InvalidState: podman has attached it to others.
    """
    made = planned(container, container.config)
    if sorted(one.network for one in made) != sorted(theirs.networks):
        raise InvalidState(
            f"container {container.name} cannot be adopted: network: podman has it on "
            f"{', '.join(sorted(theirs.networks))}, and it would be on {', '.join(one.network for one in made)} here"
        )
    return [networks.with_result(one, theirs, container.netns_path, container.config.ports) for one in made]


def check_networks(container: ContainerBase, found: Adopted) -> None:
    """Check that a live container is on the networks on which podman has it.

    :raises InvalidState: it is on others.
    """
    now = sorted(one.network for one in attachments.attachments(container))
    before = sorted(found.theirs.networks)
    if now != before:
        raise InvalidState(
            f"container {container.name} cannot be given back: network: it is on {', '.join(now)}, and podman has it "
            f"on {', '.join(before)}: put it on those again, or stop it first"
        )


def _begin(container: ContainerBase) -> None:
    """Begin what goes with a life of the engine's own: neighbours' names, the health check, and the exit command."""
    config = container.config
    if config.create_net_ns and "hosts" in container.state.etc_files:
        own = own_lines(foreign_files.read(f"{container.run_dir}/hosts"))
        names.write(container, config, own, container.state.process)
    if config.options["rm"]:
        restart.remember_begin(container)
    if config.cgroup_manager == "cgroupfs":
        hierarchy.prepare(container.host.cgroups, container.conmon_cgroup_path)
    adopted.begin(container)
    if config.has_health_check:
        health.begin(container)


def depart(container: ContainerBase, found: Adopted) -> None:
    """Hand the life back, as podman had it (in a batch)."""
    theirs, config = found.theirs, container.config
    adopted.end(container)
    log_limit.end(container)
    if config.has_health_check:
        health.end(container)
    if config.create_net_ns:
        names.forget(container)
        hosts = f"{container.run_dir}/hosts"
        if os.path.exists(hosts):
            foreign_files.overwrite(hosts, own_lines(foreign_files.read(hosts)))
        for one in attachments.attachments(container):
            container.networks.disown(container.id, one)
    if theirs.netns:
        netns.adopt(theirs.netns, container.state.pid)
    netns.delete(container.netns_path)
    if config.cgroup_manager == "cgroupfs":  # systemd's scope of this name has podman's conmon
        hierarchy.kill(container.host.cgroups, container.conmon_cgroup_path)
        hierarchy.remove(container.host.cgroups, container.conmon_cgroup_path)
    move(container.oci.root, status.oci_root(container.oci.path), container.id)


def take_down(container: ContainerBase) -> None:
    """Remove what podman had made for a life that has ended, beside the parts that the engine took over."""
    shm = paths.shm_dir(storage_roots(container.host.parts), container.id)
    while os.path.ismount(shm):
        syscalls.umount(shm, syscalls.MNT_DETACH)
    try:
        theirs = read(container).theirs
        left = _left(theirs)
    except (InvalidState, MalformedData, StateCorrupt) as error:
        warn(
            f"container {container.name}: what podman noted of its last run stays on the host, for the record of that "
            f"cannot be used: {sentence(error)}"
        )
        return
    if theirs.netns:
        netns.delete(theirs.netns)
    for path in left:
        if os.path.exists(path):
            failpoint(f"remove {os.path.basename(path)}")
            removal.remove(path)


def _left(theirs: PodmanContainer) -> list[str]:
    """Return the paths of podman's notes of a life; podman 5 has a directory for what conmon leaves."""
    ends = [f"{theirs.tmp_dir}/{folder}/{theirs.id}" for folder in ("exits", "persist")]
    return [*ends, f"{theirs.config['staticDir'].text()}/oom", *networks.records(theirs)]
