# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod's pods: each is a record, an infra container, and the containers that have joined."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Iterable, Iterator, Mapping, cast

from .._container import pod_cgroup
from .._container.bundle import init_program
from .._container.container import Container
from .._container.live_status import timestamp
from .._container.network import host_ports
from .._drivers.cgroups import manager
from .._model.attempts import Attempts
from .._model.errors import (
    ConfigMismatch,
    ContainerExists,
    DependencyExists,
    InvalidState,
    LibpodError,
    NoSuchContainer,
    NoSuchPod,
    PodExists,
    RemovalIncomplete,
    StateCorrupt,
    warn,
)
from .._model.failpoints import failpoint
from .._model.options.normalise import normalise
from .._model.options.table import OPTIONS, select
from .._model.records.config import DEFAULT_CGROUP_PARENT, DEFAULT_CGROUP_SLICE, ContainerConfig
from .._model.records.pod import INFRA, PodConfig, status
from .._model.records.status import ContainerStatus
from .._store import pods as records
from .runtime import Runtime

if TYPE_CHECKING:
    from .._model.id_map import IdMap
    from .._model.options.types import ContainerOptions, PodOptions

_INIT = "catatonit"
_UNFINISHED = ("pod_pending", "pod_retired")  # keys of a name's record: a pod that is being made, or removed
_FOREVER = 10.0 * 365 * 86400
# The OCI runtime's mount points, made beforehand, for the root file system is read-only.
_FOLDERS = ("proc", "sys", "dev", "etc", "run", "tmp", "var/tmp")
_FILES = ("etc/hosts", "etc/hostname", "etc/resolv.conf")


def lasting(members: Iterable[Container]) -> list[Container]:
    """Return those of a pod's containers that run as long as the pod: all but its init containers."""
    return [one for one in members if not one.config.options["init_ctr"]]


def _infra_options(pod: PodConfig) -> dict[str, object]:
    """Return the infra container's share of the pod's options."""
    hostname = pod.options["hostname"] or pod.name[:64].strip("._-")
    return {**select(pod.options, INFRA), "hostname": hostname}


class Pods:
    """The pods beside a runtime's containers. Methods that change one are called under its name's lock."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.store = runtime.store

    def find(self, name: str, *, removal: bool = False, abandon: bool = False) -> PodConfig | None:
        """Return the pod with this name, or None; for a ``removal`` without options if its record is damaged.

        :raises ConfigMismatch: a newer version created it, and the task does not ``abandon`` it.
        """
        pod_id = self.store.name_record(name).get("pod")
        return self._read(pod_id, name, removal, abandon) if pod_id else None

    def _read(self, pod_id: str, name: str, removal: bool, abandon: bool) -> PodConfig | None:
        try:
            return records.read(self.store, pod_id)
        except StateCorrupt:
            if not removal:
                raise
        except ConfigMismatch as error:
            if not abandon:
                raise ConfigMismatch(
                    f"pod {name}: {error}, or give it up with state: absent and force_delete: true"
                ) from error
        members = self.members(pod_id)
        infra = next((one.name for one in members if one.config.infra), f"{pod_id[:12]}-infra")
        cgroup = next((one.config.pod_cgroup for one in members), self.cgroup(pod_id, None))
        return PodConfig(pod_id, name, "", cast("PodOptions", {}), infra, cgroup)

    def everyone(self) -> Iterator[PodConfig]:
        return records.everyone(self.store)

    def members(self, pod_id: str) -> list[Container]:
        """Return the pod's containers: the infra container first, each after its dependencies in the pod."""
        left = [one for one in self.runtime.containers() if one.config.pod == pod_id or pod_id in one.newer]
        order: list[Container] = []
        while left:
            waiting = {one.id for one in left}
            free = [one for one in left if not waiting & set(one.config.dependencies)] or left
            order += sorted(free, key=lambda one: not one.config.infra)
            left = [one for one in left if one not in free]
        return order

    def status(self, pod_id: str) -> str:
        return status([one.peek().state.status.value for one in lasting(self.members(pod_id))])

    # Creating

    def cgroup(self, pod_id: str, parent: str | None) -> str:
        """Return the parent of the cgroups of the pod's containers, in the form of ``cgroup_parent``."""
        if self.runtime.host.cgroup_manager == "systemd":
            return f"{(parent or DEFAULT_CGROUP_SLICE)[: -len('.slice')]}-libpod_pod_{pod_id}.slice"
        return f"{parent or DEFAULT_CGROUP_PARENT}/libpod-pod-{pod_id}"

    def create(self, name: str, options: PodOptions, infra: str, maps: Mapping[str, list[IdMap]]) -> PodConfig:
        """Create a pod and its infra container, without starting it.

        :raises ToolMissing: catatonit is not installed. Else as ``check_infra_name``.
        """
        pod_id = os.urandom(32).hex()
        cgroup = self.cgroup(pod_id, options["cgroup_parent"])
        pod = PodConfig(pod_id, name, timestamp(), options, infra or f"{pod_id[:12]}-infra", cgroup)
        program = init_program.path(None)
        self.store.write_name(name, {"pod_pending": pod_id})
        try:
            records.write(self.store, pod)
            self._make_rootfs(pod, program)
            self.renew_infra(pod, maps)
        except BaseException:
            self.recover(name)
            raise
        self.store.write_name(name, {"pod": pod_id})
        return pod

    def check_infra_name(self, name: str, pod_name: str, pod_id: str = "") -> None:
        """Check that a pod's infra container may have the name, which is empty for one that is made of the pod's ID.

        :raises PodExists: it is a pod's. :raises ContainerExists: it is that of a container outside the pod.
        """
        self.store.check_new_name(name)
        record = self.store.name_record(name) if name else {}
        taken = f"infra_name: {name!r} cannot be the name of the infra container of pod {pod_name}"
        if name and name == pod_name or any(key.startswith("pod") for key in record):
            raise PodExists(f"{taken}: it is a pod's: give another one")
        container = self.runtime.find(name) if record.get("id") else None
        # What is left of a pod of this name goes before the new one is made.
        own = {*self.left(pod_name), *([pod_id] if pod_id else [])}
        if container is not None and container.config.pod not in own:
            raise ContainerExists(f"{taken}: it is another container's: give another one")

    def renew_infra(self, pod: PodConfig, maps: Mapping[str, list[IdMap]], *, start: bool = False) -> Container:
        """Create the infra container; the pod's containers depend on it from now on, if it replaces another one.

        ``start``: the other one was running, and this one replaces it once it runs.
        """
        with self.store.lock(pod.infra):
            self.runtime.recover(pod.infra)
            self.check_infra_name(pod.infra, pod.name, pod.id)
            container = self.runtime.begin(self._infra_config(pod, maps), resume=start)
            try:
                if start:
                    container.start()
                self.runtime.commit(container)
            except BaseException:
                self.runtime.recover(pod.infra)
                raise
        return container

    def outdated(self, pod: PodConfig) -> bool:
        """Return whether the infra container's options differ from the pod's record."""
        infra = self.runtime.find(pod.infra)
        if infra is None:
            return False
        recorded: Mapping[str, object] = infra.config.options
        return any(recorded.get(name, OPTIONS[name].default) != value for name, value in _infra_options(pod).items())

    # Running again

    def request_resume(self, members: Iterable[Container]) -> None:
        """Record that they are stopped only briefly; see ``Runtime.request_resume``."""
        for one in members:
            with self.store.lock(one.name):
                if self.runtime.find(one.name):
                    self.runtime.request_resume(one)

    def resume_after_error(self, name: str) -> None:
        """Start containers again that were stopped only briefly; errors are ignored, for another one is reported."""
        with suppress(LibpodError, OSError):
            pod = self.find(name)
            for one in self.members(pod.id) if pod else ():
                with self.store.lock(one.name):
                    self.runtime.resume_after_error(one.name)

    def clear_resume(self, members: Iterable[Container]) -> None:
        """Record that none need be started again; see ``Runtime.clear_resume``."""
        for one in members:
            if self.store.name_record(one.name).get("resume"):
                with self.store.lock(one.name):
                    self.runtime.clear_resume(one.name)

    def _infra_config(self, pod: PodConfig, maps: Mapping[str, list[IdMap]]) -> ContainerConfig:
        container_id = os.urandom(32).hex()
        fixed = {"command": [f"/{_INIT}", "-P"], "read_only": True, "read_only_tmpfs": False}
        options = cast("ContainerOptions", {**normalise(fixed), **_infra_options(pod)})
        return ContainerConfig(
            id=container_id,
            name=pod.infra,
            created_time=timestamp(),
            options=options,
            static_dir=self.store.static_dir(container_id),
            rootfs=f"{records.directory(self.store, pod.id)}/rootfs",
            ports=host_ports.choose(pod.options["publish"]),
            cgroup_manager=manager.manager_of(pod.cgroup),
            id_mappings=maps,
            pod=pod.id,
            pod_cgroup=pod.cgroup,
            infra=True,
            oci_runtime=self.runtime.host.oci.path,
            network_backend=self.runtime.host.network_backend,
        )

    def _make_rootfs(self, pod: PodConfig, program: str) -> None:
        """Make a root file system that contains nothing but an init that sleeps."""
        rootfs = f"{records.directory(self.store, pod.id)}/rootfs"
        failpoint("make the infra container's root file system")
        for folder in _FOLDERS:
            os.makedirs(f"{rootfs}/{folder}", 0o755, exist_ok=True)
        for file in _FILES:
            open(f"{rootfs}/{file}", "wb").close()
        shutil.copyfile(program, f"{rootfs}/{_INIT}")
        for path in (rootfs, f"{rootfs}/{_INIT}", *(f"{rootfs}/{name}" for name in ("var", *_FOLDERS))):
            os.chmod(path, 0o755)

    def update(self, pod: PodConfig) -> None:
        """Record changed options and apply the limits among them."""
        pod_cgroup.limit(self.runtime.host.cgroups, pod)
        records.write(self.store, pod)

    # Init containers

    def run_init_containers(self, pod: PodConfig) -> None:
        """Run the pod's init containers to their end, in the order of creation; those of kind ``once`` are removed.

        After an interruption the next start runs them again.

        :raises InvalidState: one fails.
        """
        init_containers = [one for one in self.members(pod.id) if one.config.options["init_ctr"]]
        for container in sorted(init_containers, key=lambda one: one.config.created_time):
            with container.batch():
                if container.state.status is not ContainerStatus.RUNNING:
                    container.start()
            code = container.wait(_FOREVER)
            if code:
                raise InvalidState(
                    f"pod {pod.name} cannot start: its init container {container.name} ended with exit code {code}: "
                    "its log says more"
                )
            if container.config.options["init_ctr"] == "once" and not self.runtime.dependents(container.id):
                self._purge_container(container.name, pod.id)

    # Removing

    def remove(self, pod: PodConfig, *, abandon: bool = False) -> None:
        """Remove a pod with all its containers; ``abandon`` as for ``Runtime.remove``.

        :raises RemovalIncomplete: something of it is left.
        """
        with self.store.lock(pod.id):
            # From now on no container can join.
            self.store.write_name(pod.name, {"pod_retired": pod.id})
        self.recover(pod.name, abandon=abandon)

    def check_removable(self, pod: PodConfig) -> None:
        """Check that no container outside the pod depends on one in it.

        :raises DependencyExists: one does; it is named.
        """
        for member in self.members(pod.id):
            for other in self.runtime.dependents(member.id):
                if other.config.pod != pod.id:
                    raise DependencyExists(
                        f"pod {pod.name} cannot be removed: container {other.name}, which is not in it, depends on "
                        f"{member.name}: remove {other.name} first"
                    )

    def recover(self, name: str, *, abandon: bool = False) -> None:
        """Finish or undo what an interrupted run has left under this pod's name.

        :raises RemovalIncomplete: something is left.
        """
        for pod_id in self.left(name):
            self._purge(pod_id, name, abandon)
            self.store.write_name(name, {})

    def left(self, name: str) -> list[str]:
        """Return the IDs of pods of this name that an interrupted run has left, which ``recover`` removes."""
        record = self.store.name_record(name)
        return [record[key] for key in _UNFINISHED if record.get(key)]

    def _purge(self, pod_id: str, pod_name: str, abandon: bool) -> None:
        """Remove everything of a pod, at any stage of its creation or removal."""
        from .._drivers.trees import removal as tree_removal

        directory, attempts = records.directory(self.store, pod_id), Attempts()
        try:
            pod = self._read(pod_id, pod_name, True, abandon)
        except NoSuchPod:
            pod = None
        if pod is not None:
            names = [*self._unfinished(pod_id), *(one.name for one in reversed(self.members(pod_id))), pod.infra]
            for name in dict.fromkeys(names):
                attempts.attempt(f"container {name}", partial(self._purge_container, name, pod_id, abandon))
            attempts.attempt("its cgroup", partial(pod_cgroup.remove, self.runtime.host.cgroups, pod))
        if os.path.isdir(directory) and (abandon or not attempts.failed):
            failpoint(f"remove {directory}")
            attempts.attempt(directory, partial(tree_removal.remove, directory))
        if attempts.failed:
            self._incomplete(pod_name, attempts, abandon)
        with self.store.lock(pod_id) as lock:
            lock.discard()
        with suppress(OSError):  # there are other pods
            os.rmdir(os.path.dirname(directory))

    @staticmethod
    def _incomplete(name: str, attempts: Attempts, abandon: bool) -> None:
        if abandon:
            error = RemovalIncomplete(
                f"pod {name} and its records are removed, but the host still has", attempts.failed
            )
            warn(str(error))
            return
        after = "; run the removal again once that is mended, or with force_delete: true, which gives it up"
        raise RemovalIncomplete(f"pod {name} does not run, but the host still has", attempts.failed, after)

    def _unfinished(self, pod_id: str) -> Iterator[str]:
        """Yield the names of containers of the pod whose creation or removal is unfinished."""
        for name, container_id in self.store.unfinished():
            try:
                if self.store.config(container_id).pod == pod_id:
                    yield name
            except (NoSuchContainer, StateCorrupt, ConfigMismatch):
                continue

    def _purge_container(self, name: str, pod_id: str, abandon: bool = False) -> None:
        with self.store.lock(name) as lock:
            self.runtime.recover(name, abandon=abandon)
            container = self.runtime.find(name)
            if container is not None and container.config.pod == pod_id:
                self.runtime.remove(container, force=True, abandon=abandon)
                container = None
            self.runtime.finish_removal(name, abandon=abandon)
            if container is None and lock.depth == 1:
                lock.discard()
