# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's plan applied: one applier for each verb, each step done as it was printed."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Callable, Mapping, Optional

from ..._container.container import Container
from ..._container.network import attachments
from ..._model import journal
from ..._model.attempts import raise_all
from ..._model.errors import Internal, RemovalIncomplete
from ..._model.options.table import Change
from ..._model.records.image import Image
from ..._model.records.status import ContainerStatus
from ..._runtime import anonymous_volumes
from ..._runtime.runtime import Runtime
from .. import planner
from ..desired import Desired
from ..plan import NEW_PROCESS, Plan, Step, Verb

# The statuses in which no option is in force.
_DOWN = ("configured", "exited", "unknown")


def apply(runtime: Runtime, container: Optional[Container], desired: Desired, plan: Plan) -> Optional[Container]:
    """Apply the plan's steps under the name's lock and return the container, None where it is gone."""
    journal.clear()
    with ExitStack() as held:
        application = Application(runtime, container, desired, plan, held)
        try:
            application.run()
        except BaseException:
            if application.pending:
                runtime.undo(desired.name)
            raise
    return application.container


class Application:
    """A plan being applied; ``container`` is the present one, and ``held`` has the locks to release at the end.

    A new container that is to be started is ``pending`` until it runs: it does not have its name before, and where its
    start fails, its creation is undone.
    """

    def __init__(
        self, runtime: Runtime, container: Optional[Container], desired: Desired, plan: Plan, held: ExitStack
    ) -> None:
        self.runtime = runtime
        self.container = container
        self.desired = desired
        self.plan = plan
        self.pending = False
        self._held = held
        self._pulled: Optional[Image] = None
        self._removing = False  # of the container, only the image and the records are left

    def run(self) -> None:
        """Apply all steps.

        :raises RemovalIncomplete: a container is removed, but something of it is left.
        """
        incomplete: list[RemovalIncomplete] = []
        begun, done = journal.mark(), list[tuple[Verb, str]]()
        for step in self.plan.steps:
            if step.verb is Verb.RMI and not self._removing:
                continue  # what is left of its container may use the image
            try:
                self.apply(step)
            except RemovalIncomplete as error:
                # The container is removed; what is left of it does not prevent the other steps.
                incomplete.append(error)
                self.container = None
                if step.verb is Verb.RMI:
                    break
            done.append((step.verb, step.subject))
            if not self.pending:
                journal.complete(begun, done)
                begun, done = journal.mark(), []
        raise_all(incomplete, ())  # the journal has what was done

    def apply(self, step: Step) -> None:
        """Apply one step, after those before it."""
        APPLIERS[step.verb](self, step)

    @property
    def present(self) -> Container:
        """The container, for a step that needs one."""
        if self.container is None:
            raise Internal("a plan's step needs a container, and there is none")
        return self.container

    def pull(self, step: Step) -> None:
        """Pull the image that the plan resolved, whatever its tag leads to by now."""
        from ..._drivers.images.store import ImageStore
        from ..._model.options.pulling import DEFAULT
        from ..._resources.images.pull import fetch

        image = step.image
        if image is None:
            raise Internal(f"image {step.subject} is to be pulled, and the plan does not say from where")
        if image.error:
            raise image.error
        pulled = fetch(self.runtime.parts, image.source, self.desired.pulling or DEFAULT, image.digest)
        self._pulled = ImageStore(self.runtime.parts).find(image.id) or pulled if image.digest else pulled

    def create(self, _step: Step) -> None:
        """Create the container; where it is started next, the start creates its root filesystem."""
        from ..._resources.images.resolution import clear_killed
        from . import creation

        clear_killed(self.runtime.parts)
        self._held.enter_context(creation.joined_held(self.runtime, self.desired))
        self.container = creation.begin(self.runtime, self.desired, self.plan, self._pulled)
        self.pending = True
        if not self.plan.has(Verb.START, subject=self.desired.name):
            creation.prepare(self.runtime, self.container)
            self._commit()

    def _commit(self) -> None:
        """Give the name to the new container."""
        self.runtime.commit(self.present)
        self.pending = False
        self._held.close()

    def recreate(self, _step: Step) -> None:
        """Put a new container in the place of the old one."""
        from . import creation

        self.container = creation.recreate(self.runtime, self.present, self.desired, self.plan, self._pulled)

    def start(self, step: Step) -> None:
        """Start the container, or one that it needs."""
        if step.subject != self.desired.name:
            self.runtime.start_dependency(step.subject)
        elif self.pending:
            self.present.start(fresh=True)
            self._commit()
        else:
            self.present.ensure_started()

    def restart(self, _step: Step) -> None:
        """Restart the container, with the options that are taken at a start."""
        _restart(self.runtime, self.present, self.desired, self.plan)

    def mark(self, _step: Step) -> None:
        """Freeze the container's files, for a rewind."""
        with self.present.batch():
            if self.present.state.status is ContainerStatus.RUNNING:
                self.runtime.request_resume(self.present)
            self.present.mark(self._restart_time)

    def rewind(self, _step: Step) -> None:
        """Take the container back to its mark."""
        with self.present.batch():
            self.runtime.request_resume(self.present)
            self.present.rewind(self._restart_time)

    @property
    def _restart_time(self) -> Optional[int]:
        desired = self.desired
        return desired.stop_time if desired.restart_time is None else desired.restart_time

    def update(self, _step: Step) -> None:
        """Change options of the container in place."""
        _update(self.runtime, self.present, self.desired, self.plan)

    def keep_down(self, _step: Step) -> None:
        """Stop the container where it runs, and cancel its restart by its policy."""
        self.present.keep_down(self.desired.stop_time)

    def pause(self, _step: Step) -> None:
        """Pause the container."""
        self.present.ensure_paused(start=not self._begins)

    def unpause(self, _step: Step) -> None:
        """Unpause the container."""
        self.present.ensure_unpaused(start=self.desired.state == "started" and not self._begins)

    @property
    def _begins(self) -> bool:
        """Whether the plan starts the container: if that has ended since, it is not started a second time."""
        return self.plan.has(*NEW_PROCESS)

    def repair(self, _step: Step) -> None:
        """Take down what an interrupted operation left."""
        self.present.repair()

    def delete(self, step: Step) -> None:
        """Remove a container; of one whose image goes with it, the records stay until then."""
        keep_image = step.subject == self.desired.name and self.plan.has(Verb.RMI)
        _delete(self.runtime, step.subject, self.desired, keep_image)
        self._removing = keep_image and bool(self.runtime.store.name_record(step.subject).get("retired"))
        self.container = None

    def remove_image(self, _step: Step) -> None:
        """Remove the image of the container that was removed, and then its records."""
        self.runtime.recover(self.desired.name, abandon=self.desired.abandon)
        self.runtime.finish_removal(self.desired.name, abandon=self.desired.abandon)

    def adopt(self, _step: Step) -> None:
        """Take the container over from podman."""
        from ..adoption import plan

        self.container = plan.adopt(self.runtime, self.desired.name)

    def give_back(self, _step: Step) -> None:
        """Give the container back to podman."""
        from ..._runtime import adoption

        adoption.give_back(self.runtime, self.present)
        self.container = None


APPLIERS: Mapping[Verb, Callable[[Application, Step], None]] = {
    Verb.PULL: Application.pull,
    Verb.CREATE: Application.create,
    Verb.START: Application.start,
    Verb.STOP: Application.keep_down,
    Verb.CANCEL: Application.keep_down,
    Verb.RESTART: Application.restart,
    Verb.MARK: Application.mark,
    Verb.REWIND: Application.rewind,
    Verb.RECREATE: Application.recreate,
    Verb.UPDATE: Application.update,
    Verb.PAUSE: Application.pause,
    Verb.UNPAUSE: Application.unpause,
    Verb.REPAIR: Application.repair,
    Verb.DELETE: Application.delete,
    Verb.RMI: Application.remove_image,
    Verb.ADOPT: Application.adopt,
    Verb.GIVE_BACK: Application.give_back,
}


def _update(runtime: Runtime, container: Container, desired: Desired, plan: Plan) -> None:
    """Change the options of the plan's differences, the kernel's part of them first."""
    from . import configuration

    parts = [one.option for one in plan.differences if one.change == Change.LIVE]
    begun = any(one.change in (Change.LIVE, Change.RESTART) for one in plan.differences)
    with container.batch():
        if begun and plan.status_before in _DOWN and container.state.status is ContainerStatus.RUNNING:
            # Its restart policy or another task has started it since the plan was made.
            _restart(runtime, container, desired, plan)
        else:
            # The configuration is read under the lock: a dependency may have been re-created.
            container.update(configuration.of_changed(runtime, container, desired, plan), parts)


def _restart(runtime: Runtime, container: Container, desired: Desired, plan: Plan) -> None:
    """Restart with the options that take effect at a start, or where that fails, with the earlier ones."""
    from . import configuration

    with container.batch():
        earlier, config = container.config, configuration.of_changed(runtime, container, desired, plan)
        seconds = desired.stop_time if desired.restart_time is None else desired.restart_time
        runtime.request_resume(container)
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
            container.update(earlier, [])  # with which resume_after_error starts it
            raise


def _delete(runtime: Runtime, name: str, desired: Desired, keep_image: bool) -> None:
    """Stop and remove a container; a dependent's name is locked only now, the task's own already is."""
    with runtime.store.lock(name) as lock:
        container = runtime.find(name)
        if container is not None:
            container.given_up = desired.abandon
            # In one batch: no other container can start to depend on it in between.
            with container.batch():
                runtime.check_removable(container)
                if name == desired.name:
                    planner.check_force(container, desired)  # it may have been started since the plan
                if container.state.status is ContainerStatus.PAUSED:
                    container.unpause()
                if container.state.status is ContainerStatus.RUNNING:
                    container.end(desired.delete_time)
                if not desired.delete_volumes and not container.config.options["rm"]:
                    anonymous_volumes.keep(container)
                if name == desired.name and desired.rmi is not None:
                    container.update(container.config.with_options({"rmi": desired.rmi}), [])
                runtime.remove(container, force=True, abandon=desired.abandon, keep_image=keep_image)
        else:
            runtime.finish_removal(name, abandon=desired.abandon)
        if lock.depth == 1:
            lock.discard()
