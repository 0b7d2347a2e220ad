# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task about a stack, from what it wants to the result."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Iterator, Mapping, Sequence

from ..._inputs.stack import Stack
from ..._model.engine_config import PlanningConfig
from ..._model.errors import InvalidArgument, LibpodError, note_done
from ..._reconcile.batch import BatchReconcile, Renderers
from ..._reconcile.desired import Desired
from ..._runtime.base import RuntimeBase
from .. import arguments, containers
from ..module import EngineModule, failure, hidden
from .stack import Changes, Owner


class DefinitionModule(EngineModule):
    """Hides the definition of a stack, which may have secrets or the values of variables."""

    def shown_params(self) -> dict[str, Any]:
        shown = super().shown_params()
        if shown.get("definition") is not None:
            shown["definition"] = hidden(shown["definition"])
        return shown


class StackRun:
    """A task, and what of its owner's is on the host.

    ``removed_before`` are the containers that in check mode count as not there, for an earlier step would remove them.
    """

    def __init__(self, module: EngineModule, owner: Owner) -> None:
        self.params = module.params
        self.owner = owner
        self._diff: bool = module._diff
        self.dry: bool = module.check_mode
        parts = arguments.parts(module.params)
        self.parts = PlanningConfig(*parts) if self.dry else parts
        self.changes = Changes(self.parts, owner, dry=self.dry)
        self.removed_before: set[str] = set()
        self._runtime = RuntimeBase(self.parts)
        self._there = {one.name: one for one in self._runtime.containers() if not one.unreadable}

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
            if there is not None and not self.owner.has(there.config.labels):
                raise InvalidArgument(
                    f"container {one['name']} is there without the label {self.owner.label}={self.owner.value}: remove "
                    "it, or give the new one another name"
                )

    def removed(self, name: str) -> Desired:
        """Return a container that is to go."""
        stop = arguments.seconds(self.params, "timeout")
        return Desired(name, "absent", delete_volumes=self.params["remove_volumes"], delete_time=stop)

    def result(
        self, want: Callable[[], Sequence[Desired]], after: Mapping[str, Sequence[str]], remove: Callable[[], None]
    ) -> dict[str, Any]:
        """Return the result of having the containers that ``want`` returns, and of ``remove`` where that succeeded."""
        with self.changes.noted():
            asked = list(want())
            names = {one.name for one in asked}
            # What is left of a container may use a network that is to go.
            asked += [self.removed(one) for one in self._runtime.interrupted(self.owner.has) if one not in names]
            batch = self._batch(asked, after)
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
        )
        batch.run(check_mode=self.dry)
        return batch
