# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walking a plan: each step done as it was printed."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import Callable, Iterator, Optional

from .._container.container import Container
from .._container.live_status import timestamp
from .._container.network import attachments, host_ports
from .._drivers.cgroups import manager
from .._drivers.images.store import ImageStore
from .._model import caller, journal
from .._model.errors import (
    CleanupIncomplete,
    Internal,
    LibpodError,
    NoSuchContainer,
    NoSuchImage,
    RemovalIncomplete,
    raise_all,
)
from .._model.options.ports import with_exposed
from .._model.options.process_options import host_variables
from .._model.options.table import Change
from .._model.records.config import ContainerConfig
from .._model.records.image import Image, name_meant
from .._model.records.status import ContainerStatus
from .._runtime import anonymous_volumes
from .._runtime.runtime import Runtime
from . import dependencies, planner
from .desired import Desired
from .plan import Plan, Step, Verb

# The statuses in which nothing of a configuration is in force.
_DOWN = ("configured", "exited", "unknown")


def apply(runtime: Runtime, container: Optional[Container], desired: Desired, plan: Plan) -> Optional[Container]:
    """Do the plan's steps under the name's lock and return the container, None where it is gone.

    A container that is made and started is one step to the outside: until it runs, the name is not its own.
    """
    journal.clear()
    incomplete: list[RemovalIncomplete] = []
    for step in plan.steps:
        if step.verb is Verb.RMI and incomplete:
            continue  # what is left may use it
        begun = journal.mark()
        try:
            container = _apply_step(runtime, container, desired, plan, step)
        except RemovalIncomplete as error:
            # It is no more; what is left of it does not keep the others.
            incomplete.append(error)
            container = None
        journal.complete(begun, step.verb, step.subject)
    raise_all(incomplete, ())  # the journal has what was done
    return container


def _apply_step(
    runtime: Runtime, container: Optional[Container], desired: Desired, plan: Plan, step: Step
) -> Optional[Container]:
    if step.verb is Verb.CREATE:
        return _create(runtime, desired, plan)
    if step.verb is Verb.RECREATE:
        return _recreate(runtime, _present(container), desired, plan)
    if step.verb is Verb.DELETE:
        _delete(runtime, step.subject, desired)
        return None
    if step.verb is Verb.PULL:
        _pull(runtime, desired, step)
    elif step.verb is Verb.START and step.subject != desired.name:
        runtime.start_dependency(step.subject)
    elif step.verb is Verb.START and plan.has(Verb.CREATE) or step.verb is Verb.RMI:
        pass  # done by create, which commits the name only then; by delete, which is over only then
    elif step.verb is Verb.UPDATE:
        _update(runtime, _present(container), desired, plan)
    elif step.verb is Verb.RESTART:
        _restart(runtime, _present(container), desired, plan)
    else:
        _move(_present(container), step.verb, desired, plan)
    return container


def _present(container: Optional[Container]) -> Container:
    if container is None:
        raise Internal("a plan's step needs a container, and there is none")
    return container


def _move(container: Container, verb: Verb, desired: Desired, plan: Plan) -> None:
    # What has ended of itself since the plan is to run all the same; what the plan has begun, and has ended, is not.
    begins = plan.has(Verb.CREATE, Verb.RECREATE, Verb.START, Verb.RESTART)
    moves: dict[Verb, Callable[[], None]] = {
        Verb.START: container.ensure_started,
        Verb.STOP: lambda: container.keep_down(desired.stop_time),
        Verb.CANCEL: lambda: container.keep_down(desired.stop_time),
        Verb.PAUSE: lambda: container.ensure_paused(start=not begins),
        Verb.UNPAUSE: lambda: container.ensure_unpaused(start=desired.state == "started" and not begins),
        Verb.REPAIR: container.repair,
    }
    moves[verb]()


def _pull(runtime: Runtime, desired: Desired, step: Step) -> None:
    """Pull the image that the plan resolved, whatever its tag leads to by now."""
    from .._drivers.images.transport import Images
    from .._model.options.pulling import DEFAULT

    image = step.image
    if image is None:
        raise Internal(f"image {step.subject} is to be pulled, and the plan does not say from where")
    if image.error:
        raise image.error
    Images(runtime.parts).pull(image.source, desired.pulling or DEFAULT, digest=image.digest)


def configuration(runtime: Runtime, desired: Desired, previous: Optional[Container]) -> ContainerConfig:
    """A new container's configuration, with an ID of its own.

    :raises NoSuchImage: the image is not in the store.
    """
    options = desired.wanted
    image: Optional[Image] = None
    if desired.image and not desired.rootfs:
        image = ImageStore(runtime.parts).get(desired.image)
    container_id = os.urandom(32).hex()
    pod = dependencies.pod(runtime, options)
    kept = previous.config if previous is not None and not desired.image else None
    image_id = image.id if image else kept.rootfs_image_id if kept else ""
    return ContainerConfig(
        id=container_id,
        name=desired.name,
        created_time=timestamp(),
        options=options,
        static_dir=runtime.store.static_dir(container_id),
        rootfs_image_id=image_id,
        rootfs_image_digest=image.digest if image else kept.rootfs_image_digest if kept else "",
        rootfs_image_name=name_meant(desired.image, image) if image else kept.rootfs_image_name if kept else "",
        image_config=image.config if image else kept.image_config if kept else {},
        rootfs=desired.image if desired.rootfs else kept.rootfs if kept else "",
        overlay=desired.overlay or bool(kept and kept.overlay),
        namespace_containers=dependencies.namespace_containers(runtime, options),
        ports=host_ports.choose(with_exposed(options, image.config if image else kept.image_config if kept else {})),
        cgroup_manager=manager.manager_of(pod.cgroup) if pod else runtime.host.cgroup_manager,
        host_env=host_variables(options, caller.environment),
        borrowed_volumes=anonymous_volumes.borrowed(runtime, options),
        id_mappings=dependencies.id_mappings(runtime, options, image_id, previous.config if previous else None),
        requires=dependencies.requires(runtime, options),
        pod=pod.id if pod else "",
        pod_cgroup=pod.cgroup if pod else "",
    )


@contextmanager
def _joined_held(runtime: Runtime, desired: Desired) -> Iterator[None]:
    """Hold the container whose network is joined, lest it stop or go before it is seen to have a dependent.

    :raises NoSuchContainer: it has gone. The order of locks: a name, then the ID of what its container joins, which
    nobody who waits for a name holds.
    """
    network = desired.wanted["network"]
    if network["mode"] != "container":
        yield
        return
    while True:
        found = runtime.store.lookup(network["target"])
        with runtime.store.lock(found) as lock:
            try:
                current = runtime.store.lookup(network["target"])
            except NoSuchContainer:
                lock.discard()
                raise
            if current == found:
                yield
                return


def _create(runtime: Runtime, desired: Desired, plan: Plan) -> Container:
    with _joined_held(runtime, desired):
        container = _begin(runtime, desired, plan)
        try:
            _bring_up(runtime, container, plan.has(Verb.START))
        except BaseException:
            runtime.undo(desired.name)
            raise
        runtime.commit(container)
    return container


def _begin(
    runtime: Runtime, desired: Desired, plan: Plan, old: Optional[Container] = None, *, resume: bool = False
) -> Container:
    """Write the new container's record; an image that was pulled is looked at before the old container stops."""
    if plan.has(Verb.PULL):
        _check_pulled(runtime, desired, plan, old)
    if desired.wanted["userns"]["mode"] != "auto":
        return runtime.begin(configuration(runtime, desired, old), resume=resume)
    from .auto_userns import held

    with held(runtime):
        return runtime.begin(configuration(runtime, desired, old), resume=resume)


def _check_pulled(runtime: Runtime, desired: Desired, plan: Plan, old: Optional[Container]) -> None:
    from .preflight import host
    from .preflight import image as image_contents

    config = ImageStore(runtime.parts).get(desired.image).config
    host.check_mounts(runtime, desired, config)
    host.check_command(desired.name, desired.image, desired.wanted, config)
    if plan.status_after in ("running", "paused"):
        image_contents.check(runtime, old, desired)


def _bring_up(runtime: Runtime, container: Container, run: bool) -> None:
    with container.batch():
        if run:
            container.start(fresh=True)
        else:
            from .._container.lifecycle import restart

            runtime.prepare_storage(container)
            restart.not_at_boot(container)


def _recreate(runtime: Runtime, old: Container, desired: Desired, plan: Plan) -> Container:
    """The old container gives way only once the new one is up; otherwise it comes back as it was."""
    from .._container.lifecycle import restart

    with _joined_held(runtime, desired), old.batch():
        runs = old.state.status in (ContainerStatus.RUNNING, ContainerStatus.PAUSED) or restart.is_to_come(old)
        new = _begin(runtime, desired, plan, old, resume=runs)
        return _replace(runtime, old, new, desired, plan)


def _replace(runtime: Runtime, old: Container, new: Container, desired: Desired, plan: Plan) -> Container:
    from . import beside

    status = old.state.status
    runs = plan.status_after in ("running", "paused")
    try:
        with new.batch():
            if runs and beside.possible(old, new):
                beside.create(new, lambda: _give_way(old, desired))
            else:
                _give_way(old, desired)
            _bring_up(runtime, new, runs)
        if runs and desired.wait_for_healthy and new.config.has_health_check:
            from .._runtime import waiting

            waiting.healthy(new, desired.wait_timeout)
    except BaseException:
        runtime.undo(new.name)
        if old.unreadable:
            raise
        # This error stays the one reported; where the old one cannot start now, the next run has it run again.
        with suppress(LibpodError, OSError):
            if runtime.to_resume(old):
                old.start()
            if status is ContainerStatus.PAUSED and old.status() is ContainerStatus.RUNNING:
                old.pause()
            runtime.resumed(new.name)
        raise
    if not desired.delete_volumes:
        anonymous_volumes.keep(old)
    runtime.commit(new)
    return new


def _give_way(old: Container, desired: Desired) -> None:
    """Stop the old container, and take down what is in the new one's way."""
    status = old.state.status
    attachments.remember(old)
    if status is ContainerStatus.PAUSED:
        old.unpause()
    # What cannot be taken down of it is not in the new one's way, and its removal tries again.
    with suppress(CleanupIncomplete):
        if old.state.status is ContainerStatus.RUNNING:
            old.stop(desired.replace_time)
        elif old.state.mounted or status in (ContainerStatus.CREATED, ContainerStatus.UNKNOWN):
            old.cleanup()


def _update(runtime: Runtime, container: Container, desired: Desired, plan: Plan) -> None:
    """Take the changed options over, the kernel's part of them first."""
    parts = [found.option for found in plan.differences if found.change == Change.LIVE]
    begun = any(found.change in (Change.LIVE, Change.RESTART) for found in plan.differences)
    with container.batch():
        if begun and plan.status_before in _DOWN and container.state.status is ContainerStatus.RUNNING:
            # Its start was to take them, and its policy or another task was first.
            _restart(runtime, container, desired, plan)
        else:
            # From the configuration as it is under the lock: a dependency that was re-created is in it.
            container.update(_updated(runtime, container, desired, plan), parts)


def _restart(runtime: Runtime, container: Container, desired: Desired, plan: Plan) -> None:
    """Restart, with the options that are taken at a start; where it does not start with them, as it was before."""
    with container.batch():
        earlier, config = container.config, _updated(runtime, container, desired, plan)
        seconds = desired.stop_time if desired.restart_time is None else desired.restart_time
        runtime.wish_resumed(container)
        if config == earlier:
            container.restart(seconds)
            return
        attachments.remember(container)
        if container.state.status is ContainerStatus.RUNNING:
            container.stop(seconds)
        try:
            container.update(config, [])
            container.start()
        except BaseException:
            container.update(earlier, [])  # as which it is brought back, for it is to be resumed
            raise


def _updated(runtime: Runtime, container: Container, desired: Desired, plan: Plan) -> ContainerConfig:
    names = [found.option for found in plan.differences if found.change != Change.RECREATE and not found.drift]
    config = container.config.with_options({name: desired.wanted[name] for name in names})
    if "requires" in names:
        config = config._replace(requires=dependencies.requires(runtime, desired.wanted))
    if {"publish", "publish_all", "expose"} & set(names):
        ports = with_exposed(config.options, config.image_config)
        config = config._replace(ports=host_ports.choose(ports, config.ports))
    return config


def foreseen(runtime: Runtime, container: Optional[Container], desired: Desired, plan: Plan) -> ContainerConfig:
    """The configuration that a container will have after the plan, as far as others depend on it: the ID stays."""
    if container is not None and not plan.has(Verb.RECREATE):
        return _updated(runtime, container, desired, plan) if plan.differences else container.config
    try:
        made = configuration(runtime, desired, container)
    except NoSuchImage:  # it is to be pulled
        made = configuration(runtime, desired._replace(image="", rootfs=False), container)
    return made._replace(id=container.id) if container else made


def _delete(runtime: Runtime, name: str, desired: Desired) -> None:
    """Stop and remove a container; its dependents' names are locked only now, the task's own is already."""
    with runtime.store.lock(name) as lock:
        container = runtime.find(name)
        if container is not None:
            container.given_up = desired.abandon
            # In one piece: nobody can come to depend on it in between.
            with container.batch():
                runtime.check_removable(container)
                if name == desired.name:
                    planner.check_force(container, desired)  # it may have been started since
                if container.state.status is ContainerStatus.PAUSED:
                    container.unpause()
                if container.state.status is ContainerStatus.RUNNING:
                    container.end(desired.delete_time)
                if not desired.delete_volumes and not container.config.options["rm"]:
                    anonymous_volumes.keep(container)
                if name == desired.name and desired.rmi is not None:
                    container.update(container.config.with_options({"rmi": desired.rmi}), [])
                runtime.remove(container, force=True, abandon=desired.abandon)
        else:
            runtime.finish_removal(name, abandon=desired.abandon)
        if lock.depth == 1:
            lock.discard()
