# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several containers brought to what a task asks for, under one round of locks: all planned first, then done at once
where they do not depend on each other.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional, Sequence

from .._container.container import Container
from .._drivers import process
from .._model.engine_config import EngineConfig
from .._model.errors import may_come, take_warnings, warn
from .._model.records.state import ContainerState
from .._model.records.status import ContainerStatus
from .._runtime.inspect import inspect
from .._runtime.runtime import Runtime
from .._store.locks import hold_all
from .._store.planned import PlannedStore
from . import order
from .desired import Desired
from .order import Member
from .plan import Plan, Verb
from .reconcile import Outcome, apply_one, check_root, checked_plan, foretold_plan, found, settled, waits

if TYPE_CHECKING:
    from .worker_pool import Workers

CHANGED, UNCHANGED, FAILED, NOT_BEGUN = "changed", "unchanged", "failed", "not begun"
# What makes the process of a container another one.
_NEW_PROCESS = (Verb.CREATE, Verb.RECREATE, Verb.START, Verb.RESTART)


class Words(NamedTuple):
    """How an outcome and an error are told: both give the JSON of a container's result."""

    outcome: Callable[[Outcome, str], dict[str, Any]]
    error: Callable[[Exception], dict[str, Any]]


class BatchReconcile:
    """The task: ``wanted`` containers, and with ``purge`` (label and value, None for any) those to be removed.

    ``fates`` has each container's result, ``fate`` and ``name`` among it, once ``run`` is through. At most ``workers``
    are worked on at once. ``shown`` gives what is told of a container. After a failure no other is begun, unless
    ``keep_going``; then only those that need it.
    """

    def __init__(
        self,
        parts: EngineConfig,
        wanted: Sequence[Desired],
        words: Words,
        *,
        purge: Optional[tuple[str, Optional[str]]] = None,
        workers: int = 1,
        keep_going: bool = False,
        shown: Callable[[Container], dict[str, Any]] = inspect,
    ) -> None:
        self.runtime = Runtime(parts)
        self.fates: dict[str, dict[str, Any]] = {}
        self.stopped_by = ""
        self._wanted = {desired.name: desired for desired in wanted}
        self._words = words
        self._purge = purge
        self._workers = workers
        self._keep_going = keep_going
        self._shown = shown
        # A store of its own for what is planned: its locks are the runtime's.
        self._foreseen_store = PlannedStore(self.runtime.store)
        self._foreseen = Runtime(parts, self._foreseen_store)
        self._foreseen.source_answers = self.runtime.source_answers
        self._members: dict[str, Member] = {}
        self._after: order.After = {}
        self._claims: dict[tuple[Verb, str], str] = {}

    def run(self, *, check_mode: bool = False) -> None:
        """Do it, or in check mode only tell.

        What befalls one container is its fate. :raises LibpodError: the list as a whole cannot be done; nothing was.
        """
        check_root()
        with nullcontext() if check_mode else self._locks():
            self._find()
            self._after = order.after(self._foreseen, self._members)
            self._plan(check_mode)
            if check_mode:
                return
            try:
                self._apply()
            finally:
                for name in self._bad:
                    self.runtime.bring_back(name)
                self._discard_locks()

    # Finding

    def _locks(self) -> ExitStack:
        """The locks of all the names, those to be purged or removed as dependents included."""
        self.runtime.store.prepare()
        names: set[str] = set()
        while True:
            names |= {*self._wanted, *self._others()}
            with ExitStack() as stack:
                stack.enter_context(hold_all([self.runtime.store.lock(name) for name in sorted(names)]))
                if names >= self._others():
                    return stack.pop_all()

    def _others(self) -> set[str]:
        """The containers beside the wanted ones that may be removed."""
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
        return [
            one.name
            for one in self.runtime.containers()
            if one.name not in self._wanted
            and not (one.unreadable or one.config.infra)
            and one.config.labels.get(label) is not None
            and value in (None, one.config.labels[label])
        ]

    def _find(self) -> None:
        self._wanted.update((name, Desired(name, "absent")) for name in self._purged())
        for name, desired in self._wanted.items():
            container = found(self.runtime, name)
            if container:
                container.store = self._foreseen_store  # for what it joins
            self._members[name] = Member(settled(self._foreseen, container, desired), container)

    # Planning

    def _plan(self, check_mode: bool) -> None:
        """Plan each as if what was planned before had been done; those that end first come first.

        Where one cannot be planned, nothing is begun unless ``keep_going``.
        """
        first = order.early(self._members, self._after)
        for name in sorted(self._after, key=lambda name: name not in first):
            if not self._after[name] & self._bad:
                try:
                    self._plan_one(name, *self._members[name], check_mode)
                except Exception as error:  # pylint: disable=broad-exception-caught
                    self.fates[name] = {"name": name, "fate": FAILED, **self._words.error(error)}
            else:
                self._cannot_begin(name)
        for name in self._after if self._bad else ():
            if self.fates[name]["fate"] == CHANGED:
                self._cannot_begin(name)

    @property
    def _bad(self) -> set[str]:
        return {name for name, fate in self.fates.items() if fate["fate"] in (FAILED, NOT_BEGUN)}

    def _plan_one(self, name: str, desired: Desired, container: Optional[Container], check_mode: bool) -> None:
        plan = (foretold_plan if check_mode else checked_plan)(self._foreseen, container, desired)
        for step in plan.steps:
            # What two need (an image, a container started) the first one does, and the other comes after it.
            claimed = step.subject != name and step.verb in (Verb.PULL, Verb.START)
            key = step.verb, step.subject
            if claimed and self._claims.setdefault(key, name) != name:
                plan = plan._replace(steps=tuple(one for one in plan.steps if one != step))
                self._after[name].add(self._claims[key])
        outcome = Outcome(plan, self._shown(container) if container else {})
        fate = CHANGED if plan.steps else UNCHANGED
        self.fates[name] = {"name": name, "fate": fate, **self._words.outcome(outcome, name)}
        if plan.steps:
            try:
                self._foresee(desired, container, plan)
            except Exception as error:
                if not (check_mode and may_come(error)):
                    raise

    def _foresee(self, desired: Desired, container: Optional[Container], plan: Plan) -> None:
        from .apply.configuration import predicted

        store = self._foreseen_store
        for step in plan.steps:
            if step.verb is Verb.DELETE:
                store.foresee_removal(step.subject)
        if plan.status_after == "absent":
            self._foreseen.freed_ports += container.config.ports if container else ()
            return
        state = container.state if container else ContainerState(boot_id=self.runtime.host.boot_id)
        if plan.status_after in ("running", "paused") and plan.has(*_NEW_PROCESS):
            # This very process stands in for the one to be: it lives, and shares no namespace with a container.
            state = state._replace(process=process.ref(os.getpid()))
        state = state._replace(boot_id=self.runtime.host.boot_id, status=ContainerStatus(plan.status_after))
        new = container is None or plan.has(Verb.RECREATE)
        store.foresee(predicted(self._foreseen, container, desired, plan), state, new=new)

    # Doing

    def _apply(self) -> None:
        """Hand what is to change to the workers; what comes after a change is looked at again once that is done."""
        due: list[str] = []
        for name, before in self._after.items():
            fate, desired = self.fates[name]["fate"], self._wanted[name]
            if fate == CHANGED or fate == UNCHANGED and (waits(desired) or before & set(due)):
                due.append(name)
            elif fate == UNCHANGED:
                self.runtime.resumed(name)
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
                    words = f"the process that worked on it {how}: the next run repairs it"
                    result = {"fate": FAILED, "msg": words, "error": "Internal"}
                undone.discard(name)
                for sentence in result.pop("warnings", ()):
                    warn(sentence)
                self.fates[name] = {"name": name, **result}

    def _begin(self, name: str, undone: set[str], workers: Workers) -> None:
        try:
            workers.begin(name)
        except OSError as error:
            undone.discard(name)
            self.fates[name] = {"name": name, "fate": FAILED, **self._words.error(error)}

    def _one(self, name: str) -> dict[str, Any]:
        """A worker's part: one container, as a task of its own would do it."""
        self.runtime.store.lock(name).alone_inherited()
        from .._model import journal

        take_warnings()  # the task's own, inherited by the fork
        journal.clear()
        try:
            outcome = apply_one(self.runtime, self._wanted[name], self._shown)
        except Exception as error:  # pylint: disable=broad-exception-caught
            return {"fate": FAILED, **self._words.error(error), "warnings": take_warnings()}
        told = self._words.outcome(outcome, name)
        fate = FAILED if told.get("failed") else CHANGED if outcome.changed else UNCHANGED
        return {"fate": fate, **told, "warnings": take_warnings()}

    def _cannot_begin(self, name: str, signals: Sequence[str] = ()) -> bool:
        """Whether the container's fate is not to be begun, which is then written down."""
        bad = sorted(self._bad, key=lambda other: (self.fates[other]["fate"], other))
        before = [other for other in bad if other in self._after[name]]
        why = ""
        if before:
            why = f"it comes after {', '.join(before)}, which {'was' if len(before) == 1 else 'were'} not done"
        elif signals:
            why = f"the task was ended by {signals[0]}"
        elif bad and not self._keep_going:
            why = f"{bad[0]} failed before, and keep_going is false"
        if why:
            self.fates[name] = {"name": name, "fate": NOT_BEGUN, "msg": why}
        return bool(why)

    def _discard_locks(self) -> None:
        """Remove the files of the locks whose names no container has."""
        for name in self._members:
            lock = self.runtime.store.lock(name)
            stays = self.fates[name]["fate"] == UNCHANGED and self._members[name].container is not None
            if not stays and lock.held and not self.runtime.store.name_record(name).get("id"):
                lock.discard()
