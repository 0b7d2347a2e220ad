# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task about a stack, from what it wants to the result."""

from __future__ import annotations

from functools import partial
from typing import Callable, Iterator, Mapping, Optional, Sequence

from ..._inputs.stack import Options, Stack
from ..._model.engine_config import PlanningConfig
from ..._model.errors import InvalidArgument, LibpodError, PlanDiffers, note_done, take_warnings, warn
from ..._model.errors import done as done_before
from ..._reconcile.batch import BatchReconcile, Renderers
from ..._reconcile.desired import Desired
from ..._reconcile.plan import Plan, digests, joined
from ..._runtime.base import RuntimeBase
from .. import arguments, containers
from ..module import EngineModule, failure, hidden
from .stack import Changes, Owner

# Options of a container that say how its registry is reached, which a stack's task may have for all.
_REGISTRY = ("authfile", "cert_dir", "tls_verify")


def registry_spec() -> dict[str, object]:
    """Return the argument spec of the options by which a stack's images are pulled."""
    own = arguments.container_spec()
    user = {"username": {"type": "str"}, "password": {"type": "str", "no_log": True}}
    return {**{option: own[option] for option in _REGISTRY}, **user}


def registry_options(params: Mapping[str, object]) -> Options:
    """Return a container's options of what the task says of registries.

    :raises InvalidArgument: of ``username`` and ``password`` one is missing.
    """
    if bool(params["username"]) != bool(params["password"]):
        raise InvalidArgument("username: is needed with password, and password with username: give both")
    given = {option: params[option] for option in _REGISTRY if params[option] is not None}
    return {**given, **({"creds": f"{params['username']}:{params['password']}"} if params["username"] else {})}


def container_options(options: Options, params: Mapping[str, object], state: str) -> Options:
    """Return a container's options with what a task of Compose files or of Kubernetes YAML says of all containers.

    :raises InvalidArgument: as ``registry_options``.
    """
    more = {**registry_options(params), **{one: params[one] for one in ("secrets_changed", "wait_timeout")}}
    if state == "created":
        more["wait"] = "started"
    elif params["wait"] and "healthcheck" in options and "wait" not in options:
        more["wait"] = "healthy"
    if params["pull"] != "policy" and not str(options["image"]).startswith("localhost/"):
        more["pull"] = params["pull"]
    if params["timeout"] is not None:
        more["stop_time"] = params["timeout"]
    return {**options, **more, "state": state}


class DefinitionModule(EngineModule):
    """Hides the definition of a stack, which may have secrets or the values of variables."""

    def shown_params(self) -> dict[str, object]:
        shown = super().shown_params()
        if shown.get("definition") is not None:
            shown["definition"] = hidden(shown["definition"])
        return shown


class StackRun:
    """A task, and what of its owner's is on the host.

    ``removed_before`` are the containers that in check mode count as not there, for an earlier step would remove them.
    With ``approved`` digests, the changes are compared with them as they come.
    """

    def __init__(
        self, module: EngineModule, owner: Owner, *, dry: bool, approved: Optional[Mapping[str, str]] = None
    ) -> None:
        self.params = module.params
        self.owner = owner
        self._diff: bool = module._diff
        self.dry = dry
        self.approved = approved
        parts = arguments.parts(module.params)
        self.parts = PlanningConfig(*parts) if self.dry else parts
        self.changes = Changes(self.parts, owner, dry=self.dry, approved=approved)
        self.removed_before: set[str] = set()
        self._plans: Mapping[str, Plan] = {}
        self._runtime = RuntimeBase(self.parts)
        self._there = {one.name: one for one in self._runtime.containers() if not one.unreadable}
        if self.dry:
            self.changes.gone.update(name for name, _labels in self.own())

    def own(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield the names of the owner's containers and their labels."""
        for name, one in self._there.items():
            if self.owner.has(one.config.labels) and not one.config.infra:
                yield name, one.config.labels

    def check_names(self, stack: Stack) -> None:
        """Check that the names of the stack's containers are free or the owner's.

        :raises InvalidArgument: a container has one that is not.
        """
        for one in stack.containers:
            there = self._there.get(one["name"])
            if there is not None:
                self.owner.check(f"container {one['name']}", there.config.labels)

    def removed(self, name: str) -> Desired:
        """Return a container that is to go."""
        stop = arguments.seconds(self.params, "timeout")
        return Desired(name, "absent", delete_volumes=self.params["remove_volumes"], delete_time=stop)

    @property
    def digests(self) -> dict[str, str]:
        """The parts of the plan's digest by what they are of."""
        return {**{key: change.digest for key, change in self.changes.planned.items()}, **digests(self._plans)}

    def check(self, expected: Mapping[str, str]) -> None:
        """Check the plan against the approved digests.

        :raises PlanDiffers: naming what is changed otherwise.
        """
        from ..._reconcile import approval

        changed = (change.difference(expected) for change in self.changes.planned.values())
        found = [*filter(None, changed), *approval.differences(expected, self._plans)]
        if found:
            raise approval.differs(found, joined(self.digests), self._plans)

    def result(
        self, want: Callable[[], Sequence[Desired]], after: Mapping[str, Sequence[str]], remove: Callable[[], None]
    ) -> dict[str, object]:
        """Return the result of having the containers that ``want`` returns, and of ``remove`` where that succeeded."""
        with self.changes.noted():
            asked = list(want())
            names = {one.name for one in asked}
            # What is left of a container may use a network that is to go.
            asked += [self.removed(one) for one in self._runtime.interrupted(self.owner.has) if one not in names]
            batch = self._batch(asked, after)
            self._plans = batch.plans
            summary = containers.summary(batch, [one.name for one in asked], self._diff)
            before = list(self.changes.actions)
            if not summary.get("failed"):
                try:
                    remove()
                except (LibpodError, OSError) as error:
                    note_done(error, [*before, *summary["actions"], *self.changes.actions[len(before) :]])
                    raise
        if self._diff:
            summary["diff"] = [*self.changes.diffs, *summary["diff"]]
        return {
            **summary,
            "changed": bool(summary["changed"] or self.changes.actions),
            "actions": [*before, *summary["actions"], *self.changes.actions[len(before) :]],
            "plan": {"digest": joined(self.digests)},
        }

    def _batch(self, asked: Sequence[Desired], after: Mapping[str, Sequence[str]]) -> BatchReconcile:
        batch = BatchReconcile(
            self.parts,
            asked,
            Renderers(partial(containers.rendered, diff=self._diff), failure),
            workers=containers.workers(self.params),
            shown=containers.shown(asked),
            after=after,
            gone=self.removed_before,
            expected=self._expected(),
        )
        batch.run(check_mode=self.dry)
        return batch

    def _expected(self) -> Optional[dict[str, str]]:
        """Return the approved digests of containers' plans, which what was made before them may have completed."""
        if self.approved is None:
            return None
        from ..._reconcile import approval

        loosen = approval.loosened if self.changes.actions else str
        return {name: loosen(one) for name, one in self.approved.items()}


def run_stack(module: EngineModule, owner: Owner, work: Callable[[StackRun], dict[str, object]]) -> dict[str, object]:
    """Return the result of ``work``, with ``expect_plan`` after its plan was compared with the approved one.

    :raises PlanDiffers: it is another one.
    """
    text = module.params["expect_plan"]
    if not text:
        return work(StackRun(module, owner, dry=module.check_mode))
    from ..._reconcile import approval

    expected = approval.split(text, "expect_plan")
    earlier = take_warnings()
    _warn_again(earlier)
    planned = StackRun(module, owner, dry=True)
    found = work(planned)
    planned.check(expected)
    if module.check_mode:
        return found
    if found.get("failed"):
        return {**found, "changed": False, "actions": []}
    take_warnings()  # the run has its own
    _warn_again(earlier)
    try:
        done = work(StackRun(module, owner, dry=False, approved=planned.digests))
    except PlanDiffers as error:
        overtaken = PlanDiffers(error.what, error.plan, begun=bool(done_before(error)))
        note_done(overtaken, done_before(error))
        raise overtaken from error
    return {**done, "plan": found["plan"]}


def _warn_again(sentences: Sequence[str]) -> None:
    for sentence in sentences:
        warn(sentence)
