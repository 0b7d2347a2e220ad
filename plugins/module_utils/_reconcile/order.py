# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of several wanted containers comes after which others."""

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
    """One container of the task: what is wanted, and what there is."""

    desired: Desired
    container: Optional[Container]

    @property
    def ends(self) -> bool:
        """Whether it is to be taken down, and so comes before what it depends on."""
        return self.desired.state in ("absent", "stopped")


def after(runtime: Runtime, members: Mapping[str, Member]) -> After:
    """Each container's name with the names of those that come before it, in an order in which all can be done.

    What is to run comes after what it depends on; what is to end comes after what depends on it.

    :raises InvalidArgument: containers would depend on each other, or on one that is to be removed.
    """
    ids = {one.container.id: name for name, one in members.items() if one.container}
    found: After = {name: set() for name in members}
    for name, one in members.items():
        had = {ids[key] for key in one.container.config.dependencies if key in ids} if one.container else set()
        needs = set() if one.ends else _needs(runtime, one, members, ids, had) - {name}
        for other in sorted(needs):
            if members[other].desired.state == "absent":
                raise InvalidArgument(
                    f"container {name} needs container {other}, which this task removes: keep {other}, or let {name} "
                    "do without it"
                )
        found[name] |= {other for other in needs if not members[other].ends}
        for other in had - needs:
            if members[other].ends and (one.ends or members[other].desired.state == "absent"):
                found[other].add(name)
    return {name: found[name] for name in _sorted(found)}


def _needs(
    runtime: Runtime, one: Member, members: Mapping[str, Member], ids: Mapping[str, str], had: set[str]
) -> set[str]:
    """The members this one will depend on, or has the volumes of."""
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
        return ""  # the plan of whoever names it says so


def _sorted(found: After) -> Iterable[str]:
    try:
        return list(TopologicalSorter(found).static_order())
    except CycleError as error:
        way = " → ".join(reversed(error.args[1]))
        raise InvalidArgument(f"containers: these would depend on each other: {way}") from error


def early(members: Mapping[str, Member], found: After) -> set[str]:
    """Those that end and need nothing else done first: their names, ports and memory are free for the others then."""
    names: set[str] = set()
    for name, before in found.items():
        if members[name].ends and before <= names:
            names.add(name)
    return names
