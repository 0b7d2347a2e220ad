# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which several containers are planned and changed."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import Iterable, Mapping, NamedTuple, Optional

from .._container.container import Container
from .._model.errors import InvalidArgument, LibpodError
from .._runtime.runtime import Runtime
from . import dependencies
from .desired import Desired
from .diff.options import plain

After = dict[str, set[str]]


class Member(NamedTuple):
    """One container of the task, as desired and as it is."""

    desired: Desired
    container: Optional[Container]

    @property
    def ends(self) -> bool:
        """Whether it is stopped or removed, and so comes before what it depends on."""
        return self.desired.state in ("absent", "stopped")


def after(runtime: Runtime, members: Mapping[str, Member], given: Mapping[str, Iterable[str]]) -> After:
    """Return each container's name with the names of those that come before it, in an order that has all in turn.

    A container that is to run comes after its dependencies, and one that is to end after its dependents. ``given`` are
    dependencies that the task alone knows, by the containers' names.

    :raises InvalidArgument: containers would depend on each other, or on one that is to be removed.
    """
    ids = {one.container.id: name for name, one in members.items() if one.container}
    order: After = {name: set() for name in members}
    for name, one in members.items():
        had = {ids[key] for key in one.container.config.dependencies if key in ids} if one.container else set()
        needs = set() if one.ends else _needs(runtime, one, members, ids, had) - {name}
        for other in sorted(needs):
            if members[other].desired.state == "absent":
                raise InvalidArgument(
                    f"container {name} needs container {other}, which this task removes: keep {other}, or let {name} "
                    "do without it"
                )
        order[name] |= {other for other in needs if not members[other].ends}
        for other in had - needs:
            if members[other].ends and (one.ends or members[other].desired.state == "absent"):
                order[other].add(name)
        for other in {*given.get(name, ())} & members.keys():
            if not (one.ends or members[other].ends):
                order[name].add(other)
            elif one.ends and members[other].ends:
                order[other].add(name)
    return {name: order[name] for name in _sorted(order)}


def _needs(
    runtime: Runtime, one: Member, members: Mapping[str, Member], ids: Mapping[str, str], had: set[str]
) -> set[str]:
    """Return the members that this one will depend on, or has the volumes of."""
    options = one.desired.options
    if one.desired.by_name or options is None:
        return had
    keys = [lender["container"] for lender in options["volumes_from"]]
    if not plain(options):
        keys += [key for option, key in dependencies.named(options) if option != "pod"]
    return {name for name in (_member(runtime, key, members, ids) for key in keys) if name}


def _member(runtime: Runtime, key: str, members: Mapping[str, Member], ids: Mapping[str, str]) -> str:
    if key in members:
        return key
    try:
        return ids.get(runtime.store.lookup(key), "")
    except LibpodError:
        return ""  # its own plan reports it


def _sorted(order: After) -> Iterable[str]:
    try:
        return list(TopologicalSorter(order).static_order())
    except CycleError as error:
        way = " → ".join(reversed(error.args[1]))
        raise InvalidArgument(f"containers: these would depend on each other: {way}") from error


def early(members: Mapping[str, Member], order: After) -> set[str]:
    """Return those that end and come after none that does not: their names, ports and memory are then free."""
    names: set[str] = set()
    for name, before in order.items():
        if members[name].ends and before <= names:
            names.add(name)
    return names
