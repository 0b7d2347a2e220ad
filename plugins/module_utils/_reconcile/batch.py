# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reconcile several containers under one round of locks: plan all, then apply side by side what is independent."""

from __future__ import annotations

import os
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Any, Callable, Collection, Mapping, NamedTuple, Optional, Sequence

from .._container.container import Container
from .._drivers import process
from .._model import journal
from .._model.engine_config import EngineConfig
from .._model.errors import may_come, take_warnings, warn
from .._model.records.image import name_for_source
from .._model.records.state import ContainerState
from .._model.records.status import ContainerStatus
from .._runtime.inspect import inspect
from .._runtime.runtime import Runtime
from .._store.locks import hold_all
from .._store.planned import PlannedStore
from . import order
from .desired import Desired
from .order import Member
from .plan import NEW_PROCESS, Plan, Verb, digests, joined
from .reconcile import Outcome, apply_one, check_root, checked_plan, find_synced, for_container, predicted_plan, waits

if TYPE_CHECKING:
    from .._runtime.types import Shown
    from .worker_pool import Workers

CHANGED, UNCHANGED, FAILED, NOT_BEGUN = "changed", "unchanged", "failed", "not begun"


class Renderers(NamedTuple):
    """Functions that render an outcome, with its container's name, and an error as a container's result."""

    outcome: Callable[[Outcome, str], dict[str, object]]
    error: Callable[[Exception], dict[str, object]]


class BatchReconcile:
    """A task of several ``wanted`` containers; with ``purge`` (label, and value or None for any) others are removed.

    After ``run``, ``results`` has each container's result by name, with ``fate`` and ``name`` in it, and ``plans`` the
    plans. At most ``workers`` containers are worked on at once, and ``shown`` inspects one for its result. After a
    failure no other container is begun; with ``keep_going``, none that depends on the failed one. ``expected`` are the
    digests of the approved plans by name, see ``approval``: where one plan is another, none is begun. ``after`` has
    containers' names with those that they depend on beside what their options say. ``gone`` are containers that count
    as not there, for a step before would remove them.
    """

    def __init__(
        self,
        parts: EngineConfig,
        wanted: Sequence[Desired],
        renderers: Renderers,
        *,
        purge: Optional[tuple[str, Optional[str]]] = None,
        workers: int = 1,
        keep_going: bool = False,
        expected: Optional[Mapping[str, str]] = None,
        shown: Callable[[Container], Shown] = inspect,
        after: Optional[Mapping[str, Sequence[str]]] = None,
        gone: Collection[str] = (),
    ) -> None:
        self.runtime = Runtime(parts)
        self.results: dict[str, dict[str, Any]] = {}
        self.stopped_by = ""
        self._wanted = {desired.name: desired for desired in wanted}
        self._renderers = renderers
        self._purge = purge
        self._workers = workers
        self._keep_going = keep_going and expected is None
        self._expected = expected
        self._shown = shown
        self._given = after or {}
        self._gone = gone
        # The host as it will be: a store of its own, with the runtime's locks.
        self._planned_store = PlannedStore(self.runtime.store)
        self._planned = Runtime(parts, self._planned_store)
        self._planned.source_answers = self.runtime.source_answers
        self._members: dict[str, Member] = {}
        self.plans: dict[str, Plan] = {}
        self._after: order.After = {}
        self._claims: dict[tuple[Verb, str], str] = {}

    def run(self, *, check_mode: bool = False) -> None:
        """Plan and apply the task, or in check mode only plan it.

        An error of one container is in its result. :raises LibpodError: one of the list as a whole; nothing was done.
        """
        check_root()
        with nullcontext() if check_mode else self._locks():
            self._find()
            self._after = order.after(self._planned, self._members, self._given)
            self._plan(check_mode)
            self._check_expected()
            if check_mode:
                return
            try:
                self._apply()
            finally:
                for name in self._unsuccessful:
                    self.runtime.resume_after_error(name)
                self._discard_locks()

    # Find

    def _locks(self) -> ExitStack:
        """Take the locks of all names, those to be purged or removed as dependents included."""
        self.runtime.store.prepare()
        names: set[str] = set()
        while True:
            names |= {*self._wanted, *self._others()}
            with ExitStack() as stack:
                stack.enter_context(hold_all([self.runtime.store.lock(name) for name in sorted(names)]))
                if names >= self._others():
                    return stack.pop_all()

    def _others(self) -> set[str]:
        """Return the names of other containers than the wanted ones that may be removed."""
        names = set(self._purged())
        gone = [one.name for one in self._wanted.values() if one.state == "absent" and one.delete_depend]
        while gone:
            container = self.runtime.find(gone.pop())
            more = [one.name for one in self.runtime.dependents(container.id)] if container else []
            gone += [name for name in more if name not in names]
            names.update(more)
        return names

    def _purged(self) -> list[str]:
        if self._purge is None:
            return []
        label, value = self._purge

        def has(labels: Mapping[str, str]) -> bool:
            return label in labels and value in (None, labels[label])

        there = (one for one in self.runtime.containers() if not (one.unreadable or one.config.infra))
        names = [*(one.name for one in there if has(one.config.labels)), *self.runtime.interrupted(has)]
        return [name for name in names if name not in self._wanted]

    def _find(self) -> None:
        self._wanted.update((name, Desired(name, "absent")) for name in self._purged())
        for name, desired in self._wanted.items():
            container = None if name in self._gone else find_synced(self.runtime, name)
            if name in self._gone:
                self._planned_store.plan_removal(name)
            if container:
                container.store = self._planned_store  # also what it joins is then as planned
            self._members[name] = Member(for_container(self._planned, container, desired), container)

    # Plan

    def _plan(self, check_mode: bool) -> None:
        """Plan each as if those planned before had been applied; those that end come first.

        Where one cannot be planned, none is begun unless ``keep_going``.
        """
        first = order.early(self._members, self._after)
        for name in sorted(self._after, key=lambda name: name not in first):
            if not self._after[name] & self._unsuccessful:
                try:
                    self._plan_one(name, *self._members[name], check_mode)
                except Exception as error:  # pylint: disable=broad-exception-caught
                    self.results[name] = {"name": name, "fate": FAILED, **self._renderers.error(error)}
            else:
                self._cannot_begin(name)
        for name in self._after if self._unsuccessful else ():
            if self.results[name]["fate"] == CHANGED:
                self._cannot_begin(name)

    @property
    def digest(self) -> str:
        """The digest of all plans; see ``plan.joined``."""
        return joined(digests(self.plans))

    def _check_expected(self) -> None:
        """Check the plans against those that the task expects.

        :raises PlanDiffers: naming the containers whose plans differ.
        """
        if self._expected is None:
            return
        from . import approval

        if found := approval.differences(self._expected, self.plans):
            raise approval.differs(found, self.digest, self.plans)

    @property
    def _unsuccessful(self) -> set[str]:
        return {name for name, result in self.results.items() if result["fate"] in (FAILED, NOT_BEGUN)}

    def _plan_one(self, name: str, desired: Desired, container: Optional[Container], check_mode: bool) -> None:
        plan = (predicted_plan if check_mode else checked_plan)(self._planned, container, desired)
        for step in plan.steps:
            # A pull or start that two plans have stays in the first one, and the other comes after it.
            claimed = step.subject != name and step.verb in (Verb.PULL, Verb.START)
            subject = name_for_source(step.subject) if step.verb is Verb.PULL else step.subject
            key = step.verb, subject
            if claimed and self._claims.setdefault(key, name) != name:
                plan = plan._replace(steps=tuple(one for one in plan.steps if one != step))
                self._after[name].add(self._claims[key])
        self.plans[name] = plan
        outcome = Outcome(plan, self._shown(container) if container else None)
        status = CHANGED if plan.steps else UNCHANGED
        self.results[name] = {"name": name, "fate": status, **self._renderers.outcome(outcome, name)}
        if plan.steps:
            try:
                self._predict(desired, container, plan)
            except Exception as error:
                if not (check_mode and may_come(error)):
                    raise

    def _predict(self, desired: Desired, container: Optional[Container], plan: Plan) -> None:
        from .apply.configuration import predicted

        store = self._planned_store
        for step in plan.steps:
            if step.verb is Verb.DELETE:
                store.plan_removal(step.subject)
        if plan.status_after == "absent":
            self._planned.freed_ports += container.config.ports if container else ()
            return
        state = container.state if container else ContainerState(boot_id=self.runtime.host.boot_id)
        if plan.leaves_running and plan.has(*NEW_PROCESS):
            # This process stands in for the coming one: it lives, and shares no namespace with a container.
            state = state._replace(process=process.ref(os.getpid()))
        state = state._replace(boot_id=self.runtime.host.boot_id, status=ContainerStatus(plan.status_after))
        new = container is None or plan.has(Verb.RECREATE)
        store.plan(predicted(self._planned, container, desired, plan), state, new=new)

    # Apply

    def _apply(self) -> None:
        """Have workers apply the plans; what comes after a change is planned again once that is done."""
        due: list[str] = []
        for name, before in self._after.items():
            status, desired = self.results[name]["fate"], self._wanted[name]
            if status == CHANGED or status == UNCHANGED and (waits(desired) or before & set(due)):
                due.append(name)
            elif status == UNCHANGED:
                self.runtime.clear_resume(name)
        if not due:
            return
        from .apply import containers as _preloaded  # noqa: F401 (once here, instead of in each worker)
        from .worker_pool import Workers, signals_noted

        first = order.early(self._members, self._after)
        workers = Workers(self._one, self._workers)
        with signals_noted() as signals:
            try:
                undone = set(due)
                for phase in ([name for name in due if name in first], [name for name in due if name not in first]):
                    self._work_off(phase, undone, workers, signals)
            finally:
                workers.close()
        self.stopped_by = signals[0] if signals else ""

    def _work_off(self, waiting: list[str], undone: set[str], workers: Workers, signals: list[str]) -> None:
        while waiting or workers.busy:
            for name in list(waiting):
                if self._cannot_begin(name, signals):
                    waiting.remove(name)
                    undone.discard(name)
                elif workers.room and not self._after[name] & undone:
                    waiting.remove(name)
                    self._begin(name, undone, workers)
            if workers.busy:
                name, result, how = workers.ended()
                if result is None:
                    message = f"the process that worked on it {how}: the next run repairs it"
                    result = {"fate": FAILED, "msg": message, "error": "Internal"}
                undone.discard(name)
                for sentence in result.pop("warnings", ()):
                    warn(sentence)
                journal.pulls += result.pop("pulls", ())
                self.results[name] = {"name": name, **result}

    def _begin(self, name: str, undone: set[str], workers: Workers) -> None:
        try:
            workers.begin(name)
        except OSError as error:
            undone.discard(name)
            self.results[name] = {"name": name, "fate": FAILED, **self._renderers.error(error)}

    def _one(self, name: str) -> dict[str, object]:
        """Reconcile one container in a worker, as a task of its own would."""
        self.runtime.store.lock(name).alone_inherited()
        take_warnings()  # the task's own, which the fork has copied
        journal.clear()
        try:
            # The plan, made again with what was done before it, is the one that was checked.
            outcome = apply_one(self.runtime, self._wanted[name]._replace(expect_plan=""), self._shown)
            outcome = outcome._replace(plan=outcome.plan._replace(digest=self.plans[name].digest))
        except Exception as error:  # pylint: disable=broad-exception-caught
            return {"fate": FAILED, **self._renderers.error(error), **_noted()}
        result = self._renderers.outcome(outcome, name)
        status = FAILED if result.get("failed") else CHANGED if outcome.changed else UNCHANGED
        return {"fate": status, **result, **_noted()}

    def _cannot_begin(self, name: str, signals: Sequence[str] = ()) -> bool:
        """Return whether a container cannot be begun, and record the reason as its result."""
        failed = sorted(self._unsuccessful, key=lambda other: (self.results[other]["fate"], other))
        before = [other for other in failed if other in self._after[name]]
        message = ""
        if before:
            message = f"it comes after {', '.join(before)}, which {'was' if len(before) == 1 else 'were'} not done"
        elif signals:
            message = f"the task was ended by {signals[0]}"
        elif failed and not self._keep_going:
            message = f"{failed[0]} failed before, and keep_going is false"
        if message:
            self.results[name] = {"name": name, "fate": NOT_BEGUN, "msg": message}
        return bool(message)

    def _discard_locks(self) -> None:
        """Remove the lock files of names that no container has any more."""
        for name in self._members:
            lock = self.runtime.store.lock(name)
            stays = self.results[name]["fate"] == UNCHANGED and self._members[name].container is not None
            if not stays and lock.held and not self.runtime.store.name_record(name).get("id"):
                lock.discard()


def _noted() -> dict[str, object]:
    """Return what a worker has noted beside a container's result, for the task's own."""
    return {"warnings": take_warnings(), "pulls": journal.pulls}
