# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill sweep: an operation SIGKILLed just before each of its external effects, one after another.

Built on the hook ``_model.failpoints``; there is no clock in it. An effect is taken by its kind, so that what runs side
by side cannot hide one from the sweep; one that is repeated (a cgroup in each hierarchy) is taken the first and the
last time, and so are the effects of one phase (``_PHASES``). Programs that were at work live on, as they do when the
engine is killed on a real host.
"""

from __future__ import annotations

import re
from typing import Callable, NamedTuple, Optional, Sequence

from .hosts import Host
from .modules import NOWHERE, Result

# How often too many missed effects are tried again.
_AGAIN = 3

# Kinds that are steps of one phase: the record is the same before each of them, so that the same code takes up or takes
# down what a kill in their midst leaves, however many were done.
_PHASES = {
    "the directories of a first task": r"mkdir /srv/(static|run)(/(names|containers|locks))?$",
    "a container's files in its run directory": r"write (\.containerenv|hosts|hostname|resolv\.conf|config\.json)$"
    r"|make files over /etc$",
    "a cgroup made": r"mkdir cgroup |write /.*/?cpuset\.(cpus|mems)$",
    "cgroups removed": r"rmdir cgroup ",
    "the exit command's own cgroup": r"write (/\.\.|/init)?/cgroup\.procs$",
}

Check = Callable[[Host], object]


class SweepFailed(AssertionError):
    """The promise broke after one kill; the message says which and how."""


class Task(NamedTuple):
    """``run(host, kill_at)`` does it (see ``modules.run``); ``check`` asserts on the kernel's word that it is done.

    ``settles``: once more changes nothing.
    """

    run: Callable[[Host, str], Result]
    check: Check = lambda host: None
    settles: bool = True


class Operation(NamedTuple):
    """``task``, to be killed where ``before`` leads, from wherever an earlier turn has left the host.

    ``other`` leads from the end of ``task`` to its beginning, and is swept in turn with it; nothing is then arranged in
    between. An effect that both pass is met in one of them, or in each where they are ``apart``. ``by`` are the tasks
    that do what is left, in turn: the task itself where there are none. ``removal`` takes everything away. ``only``
    and, for that, ``removed`` select the effects that no other operation passes in the same place. ``others`` is how
    many of them may be somebody else's doing before they are the task's.
    """

    before: Sequence[Task]
    task: Task
    removal: Task
    other: Optional[Task] = None
    apart: bool = False
    by: Sequence[Task] = ()
    only: str = ""
    removed: str = ""
    others: int = 0


def finished(host: Host, one: Operation) -> None:
    """After each kill the same task, or who else is to, does the rest, and once more changes nothing.

    :raises SweepFailed: it does not.
    """
    ways = [one.task, *([one.other] if one.other else [])]
    _arrange(host, one)
    left = [_points(host, way, one.only) for way in ways]
    total, turn, again = sum(map(len, left)), 0, _AGAIN
    missed: list[tuple[list[str], str]] = []

    def too_many() -> bool:
        return len(missed) > total * 0.1 + one.others

    while any(left):
        way, points = ways[turn % len(ways)], left[turn % len(ways)]
        if one.other is None:
            _arrange(host, one)
        point = points.pop(0) if points else ""
        # The way back passes most of what the way there does.
        for others in [] if one.apart else left:
            if point in others:
                others.remove(point)
                total -= 1
        if point and not _killed(host, way, point):
            missed.append((points, point))
        finisher = one.by[turn % len(one.by)] if one.by else way
        _converges(host, point, finisher)
        turn += 1
        if again and not any(left) and too_many():
            # Where somebody else does the same, such as the runner that checks health, who comes first is chance.
            again -= 1
            while missed:
                points, point = missed.pop()
                points.append(point)
    _ok(host, one.removal, "in the end")
    if too_many():
        raise SweepFailed(f"of {total} effects these were not met: {', '.join(point for _points, point in missed)}")


def undone(host: Host, one: Operation) -> None:
    """After each kill the removal leaves nothing, and a second one has nothing to do.

    :raises SweepFailed: it does not.
    """
    _arrange(host, one)
    for point in _points(host, one.task, one.removed or one.only):
        _arrange(host, one)
        _killed(host, one.task, point)
        gone = _ok(host, one.removal, f"killed at {point}, then removed")
        if left := host.leaks():
            raise SweepFailed(f"killed at {point}, then removed ({gone}), there is\n  " + "\n  ".join(left))
        if (again := _ok(host, one.removal, point)).changed:
            raise SweepFailed(f"killed at {point}, then removed, a second removal should change nothing: {again}")


def _arrange(host: Host, one: Operation) -> None:
    for task in one.before:
        _ok(host, task, "before")


def _ok(host: Host, task: Task, where: str) -> Result:
    result = task.run(host, "")
    if result.failed:
        raise SweepFailed(f"{where}: it failed: {result}")
    return result


def _points(host: Host, task: Task, only: str) -> list[str]:
    """Where the task can be killed, found by a run that is not."""
    result = task.run(host, NOWHERE)
    if result.failed:
        raise SweepFailed(f"not killed, yet it failed: {result}")
    last = {_kind(point): point for point in result.effects}
    ends = {point for kind, end in last.items() for point in (f"{kind} #1", end) if re.search(only, point)}
    # A record is written to a file beside it, and renamed: before the rename is where that makes a difference.
    ends -= {f"write {point[7:]}" for point in result.effects if point.startswith("rename ")}
    phases: dict[str, list[str]] = {}
    for point in result.effects:
        if point in ends:
            phases.setdefault(_phase(_kind(point)), []).append(point)
    found = {point for points in phases.values() for point in (points[0], points[-1])}
    if not found:
        raise SweepFailed(f"there is nothing to kill it at: {result}")
    return sorted(found)


def _kind(point: str) -> str:
    return point.rpartition(" #")[0]


def _phase(kind: str) -> str:
    """Return the phase that effects of this kind belong to; the kind itself where it is a phase alone."""
    return next((phase for phase, pattern in _PHASES.items() if re.match(pattern, kind)), kind)


def _killed(host: Host, task: Task, point: str) -> bool:
    """Whether the task was killed there; it comes to its end where this run did without that effect."""
    result = task.run(host, point)
    if result.failed and not result.killed:
        raise SweepFailed(f"not killed at {point}, yet it failed: {result}")
    return result.killed


def _converges(host: Host, point: str, task: Task) -> None:
    where = f"killed at {point}, then run again"
    _ok(host, task, where)
    try:
        task.check(host)
    except Exception as error:
        raise SweepFailed(f"{where}: {error!r}") from error
    if task.settles and (settled := _ok(host, task, f"{where}, and once more")).changed:
        raise SweepFailed(f"{where}, and once more, which should change nothing: {settled}")
