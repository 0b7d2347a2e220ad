# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods of a stack: applied before their containers, and removed after them."""

from __future__ import annotations

from contextlib import suppress
from typing import Callable, Collection, Iterator, Sequence

from ..._inputs.stack import EMPTY_DIR, Options, Stack
from ..._model.errors import DependencyExists, InvalidArgument, LibpodError
from ..._model.options.table import select
from ..._model.records.pod import FIXED, PodConfig
from ..._reconcile import pods as reconciled
from ..._reconcile.desired import Desired
from ..._reconcile.plan import NOTHING, Plan
from ..._reconcile.pod_planner import DesiredPod, renews
from ..._runtime.pods import Pods
from ..._runtime.runtime import Runtime
from ..._store import pods as records
from .. import arguments, pod
from .run import StackRun
from .stack import Done, about, filled, key_of, naming


class StackPods:
    """The pods of a task and its owner's on the host; ``awaited`` are those that in check mode are still to be made."""

    def __init__(self, task: StackRun) -> None:
        self.awaited: set[str] = set()
        self._freed: set[str] = set()  # those removed early, for their ports
        self._task = task
        self._pods = Pods(Runtime(task.parts))

    def wanted(
        self, stack: Stack, adapt: Callable[[Options], Options], *, start: bool, recreate: bool = False
    ) -> Sequence[Desired]:
        """Have what the stack's containers use, and return them with those that are to go.

        ``adapt`` returns a container's options with what the task says of all.
        """
        task = self._task
        self.check_names(stack)
        task.check_names(stack)
        adapted = stack._replace(containers=tuple(adapt(one) for one in stack.containers))
        found = task.changes.desired(adapted)  # one that cannot be made is refused first
        pods = self._desired(stack, start=start, recreate=recreate)
        task.changes.have(stack)
        ports = [port for one in pods if one.options for port in one.options["publish"]]
        ports += [port for one in found if one.options for port in one.options["publish"]]
        self._free({(port.host_port, port.protocol) for port in ports}, stack)
        self._have(pods)
        if task.dry and self.awaited:
            found = task.changes.desired(
                adapted._replace(containers=tuple(self._in_check_mode(one) for one in adapted.containers))
            )
        names = {one.name for one in found}
        gone = [task.removed(name) for name, _labels in task.own() if name not in names]
        return [*task.changes.with_images(found), *gone]

    def remove_unlisted(self, stack: Stack) -> None:
        """Remove what is no longer in the stack: pods with their volumes, networks and secrets."""
        changes, params = self._task.changes, self._task.params
        self.remove([one["name"] for one in stack.pods])
        changes.remove_networks([one["name"] for one in stack.networks])
        changes.remove_secrets([one["name"] for one in stack.secrets])
        if params["state"] == "absent" and params["remove_volumes"]:
            changes.remove_volumes()
        else:
            changes.remove_volumes([one["name"] for one in stack.volumes], EMPTY_DIR)

    def check_names(self, stack: Stack) -> None:
        """Check that the names of the stack's pods and of their infra containers are free or the owner's.

        :raises InvalidArgument: a pod has one that is not. Else as ``Pods.check_infra_name``.
        """
        for one in stack.pods:
            there = self._pods.find(one["name"])
            if there is not None:
                self._task.owner.check(f"pod {one['name']}", there.options["label"])
            else:
                self._pods.check_infra_name(one.get("infra_name", ""), one["name"])
        infra = [one["infra_name"] for one in stack.pods if one.get("infra_name")]
        names = [*infra, *(one["name"] for one in (*stack.pods, *stack.containers))]
        if twice := [name for name in infra if names.count(name) > 1]:
            raise InvalidArgument(
                f"infra_name: {twice[0]!r} is also the name of another pod or container of the task: give another one"
            )

    def _desired(self, stack: Stack, *, start: bool, recreate: bool) -> list[DesiredPod]:
        """Return the stack's pods; a new one begins to run with ``start``, and ``recreate`` makes each one new.

        :raises InvalidArgument: one has options that cannot be used.
        """
        desired = []
        for one in stack.pods:
            with about(f"pod {one['name']}"):
                desired.append(self._desired_pod(one, start, recreate))
        return desired

    def _have(self, wanted: Sequence[DesiredPod]) -> None:
        for desired in wanted:
            plan = self._reconciled(desired)
            if plan.steps and (plan.status_before == "absent" or desired.recreate):
                self.awaited.add(desired.name)
            elif self._task.dry and renews(plan) and (there := self._pods.find(desired.name)):
                members = (one.peek() for one in self._pods.members(there.id))
                self._task.parts.planned.restarted |= {one.id for one in members if one.state.status.has_process}

    def _free(self, ports: Collection[tuple[int, str]], stack: Stack) -> None:
        """Remove pods that are no longer in the stack and publish one of these ports, which something in it is to have.

        So are those whose removal was interrupted. A pod with a container that one outside it needs is left: that one
        changes later.
        """
        task = self._task
        for one in self._but({kept["name"] for kept in stack.pods}):
            published = one.options["publish"]
            if any((port.host_port, port.protocol) in ports for port in published if port.host_port):
                with suppress(DependencyExists):
                    self._pods.check_removable(one)
                    self._remove(one)
                    self._freed.add(one.name)
                    if task.dry:
                        task.parts.planned.freed_ports += tuple(published)
                        task.removed_before |= {member.name for member in self._pods.members(one.id)}

    def _reconciled(self, desired: DesiredPod) -> Plan:
        """Bring a pod to its state, or in check mode plan it; return the plan."""
        task, what = self._task, f"pod {desired.name}"
        if task.approved is not None:
            desired = desired._replace(expect_plan=task.approved.get(key_of(what), NOTHING))
        plan = reconciled.reconcile(task.parts, desired, check_mode=task.dry).plan
        actions = [naming("pod", action) for action in plan.actions]
        if plan.steps:
            task.changes.plan(what, actions, plan.digest)
        shown = plan.diff()
        task.changes.did(what, actions, shown["before"], shown["after"])
        return plan

    def _desired_pod(self, options: Options, start: bool, recreate: bool) -> DesiredPod:
        """Return a pod; one with options that cannot change otherwise is made new, and its containers with it."""
        there = self._pods.find(options["name"])
        new = there is None or recreate
        state = "started" if new and start else "created"
        desired = pod.desired({**filled(pod.spec(), options), "state": state})
        if there is not None:
            if not new and select(there.options, FIXED) != select(desired.options or {}, FIXED):
                desired = desired._replace(recreate=True, state="started" if start else "created")
            elif recreate:
                desired = desired._replace(recreate=True)
            if desired.recreate and self._task.dry:
                self._task.removed_before |= {one.name for one in self._pods.members(there.id)}
        return desired

    def _in_check_mode(self, options: Options) -> Options:
        """Return a container's options without a pod that is still to be made."""
        if options.get("pod") in self.awaited:
            return {**options, "pod": None, "network": ["none"]}
        return options

    def remove(self, kept: Sequence[str]) -> None:
        """Remove the owner's pods but those that are kept, once their containers are gone.

        So are those whose creation or removal was interrupted.
        """
        for one in self._but({*kept, *self._freed}):
            if self._task.dry:
                self._task.changes.gone.update(member.name for member in self._pods.members(one.id))
            self._remove(one)

    def _but(self, names: Collection[str]) -> list[PodConfig]:
        """Return the owner's pods but those of these names, with those whose creation or removal was interrupted."""
        found = [*self._pods.everyone(), *self._unfinished()]
        return [one for one in found if one.name not in names and self._task.owner.has(one.options["label"])]

    def _remove(self, there: PodConfig) -> None:
        """Remove a pod. Its status is no part of the plan, for the task itself ends the containers in it before."""
        params = self._task.params
        stop, keeps = arguments.seconds(params, "timeout"), not params["remove_volumes"]
        desired = DesiredPod(there.name, "absent", stop_time=stop, keep_volumes=keeps)

        def act(dry: bool) -> Done:
            plan = reconciled.reconcile(self._task.parts, desired, check_mode=dry).plan
            return Done([naming("pod", action) for action in plan.actions], {"id": there.id}, {})

        self._task.changes.do(f"pod {there.name}", act)

    def _unfinished(self) -> Iterator[PodConfig]:
        for _name, pod_id in self._pods.store.unfinished_pods():
            with suppress(LibpodError):  # it is gone, or cannot be read
                yield records.read(self._pods.store, pod_id)
