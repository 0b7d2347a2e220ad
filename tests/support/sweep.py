# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill sweep: an operation SIGKILLed just before each of its external effects, one after another.

Built on the hook ``_model.failpoints``; there is no clock in it. An effect is taken by its kind, so that what runs side
by side cannot hide one from the sweep; one that is repeated (a cgroup in each hierarchy) is taken the first and the
last time, and so are the effects of one phase (``_PHASES``). Programs that were at work live on, as they do when the
engine is killed on a real host.

A kill is followed by the next run (``finished``) or by the removal (``undone``). Where both are swept, one run of
``make test`` has each kill followed by one of them. The commit's hash decides which, so that two runs of a commit are
the same. ``make sweep`` has each kill followed by both (``LIBPOD_SWEEP=all``).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import subprocess
from typing import Callable, NamedTuple, Optional, Sequence, TypeVar

from . import images
from .hosts import Host
from .modules import NOWHERE, Result

# How often too many missed effects are tried again.
_AGAIN = 3
_ALL = os.environ.get("LIBPOD_SWEEP") == "all"

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
_Choice = TypeVar("_Choice")


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


def finished(host: Host, one: Operation, shared: str = "") -> None:
    """After each kill the same task, or who else is to, does the rest, and once more changes nothing.

    ``shared`` is the operation's name where ``undone`` sweeps it too.

    :raises SweepFailed: it does not.
    """
    ways = [one.task, *([one.other] if one.other else [])]
    _arrange(host, one)
    here, elsewhere, both = _divided(host, one, shared)
    left = [sorted(here)]
    if one.other:
        # The way back passes most of what the way there does.
        left.append(sorted(_chosen(_effects(host, one.other), one.only) - (set() if one.apart else elsewhere)))
    total, turn, again = sum(map(len, left)), 0, _AGAIN
    missed: list[tuple[list[str], str]] = []

    def too_many() -> bool:
        return len(missed) > (total + len(elsewhere & both)) * 0.1 + one.others

    while any(left):
        way, points = ways[turn % len(ways)], left[turn % len(ways)]
        if one.other is None:
            _arrange(host, one)
        point = points.pop(0) if points else ""
        for others in [] if one.apart else left:
            if point in others:
                others.remove(point)
                total -= 1
        if not point:
            _ok(host, way, "on the way to the next kill")
        else:
            if not _killed(host, way, point):
                missed.append((points, point))
            _converges(host, point, one.by[turn % len(one.by)] if one.by else way)
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


def undone(host: Host, one: Operation, shared: str = "") -> None:
    """After each kill the removal leaves nothing, and a second one has nothing to do.

    ``shared`` is the operation's name where ``finished`` sweeps it too.

    :raises SweepFailed: it does not.
    """
    _arrange(host, one)
    elsewhere, here, both = _divided(host, one, shared)
    missed = []
    for point in sorted(here):
        tries = _AGAIN if point in both else 1
        while tries:
            tries -= 1
            _arrange(host, one)
            if _killed(host, one.task, point):
                break
        else:
            missed += [point] if point in both else []
        gone = _ok(host, one.removal, f"killed at {point}, then removed")
        if left := host.leaks():
            raise SweepFailed(f"killed at {point}, then removed ({gone}), there is\n  " + "\n  ".join(left))
        if (again := _ok(host, one.removal, point)).changed:
            raise SweepFailed(f"killed at {point}, then removed, a second removal should change nothing: {again}")
    if not here:
        _ok(host, one.removal, "in the end")
    if len(missed) > len(here | elsewhere) * 0.1 + one.others:
        raise SweepFailed(f"of {len(here)} effects these were not met: {', '.join(missed)}")


def _arrange(host: Host, one: Operation) -> None:
    for task in one.before:
        _ok(host, task, "before")


def _ok(host: Host, task: Task, where: str) -> Result:
    result = task.run(host, "")
    if result.failed:
        raise SweepFailed(f"{where}: it failed: {result}")
    return result


def _divided(host: Host, one: Operation, shared: str) -> tuple[set[str], set[str], set[str]]:
    """Return where the task is killed to be finished, where to be undone, and where both are swept.

    These are found by a run that is not killed.
    """
    effects = _effects(host, one.task)
    to_finish, to_undo = _chosen(effects, one.only), _chosen(effects, one.removed or one.only)
    both = to_finish & to_undo if shared else set()
    for point in () if _ALL else both:
        (to_undo if _is_finished(shared, point) else to_finish).discard(point)
    return to_finish, to_undo, both


def _is_finished(name: str, point: str) -> bool:
    """Return whether, at this commit, it is the next run that follows a kill of the operation there."""
    # How often an effect comes may differ between the runs that find the points.
    end = "first" if point.endswith(" #1") else "last"
    return (hashlib.sha256(f"{name}: {end} {_kind(point)}".encode()).digest()[0] + _commit()) % 2 == 0


def in_turn(*choices: _Choice) -> Sequence[_Choice]:
    """Return the one of these that has its turn at this commit, for a test that costs much; all in ``make sweep``."""
    return choices if _ALL else [choices[_commit() % len(choices)]]


@functools.cache
def _commit() -> int:
    """Return the hash of the commit that is tested; 0 outside of a git checkout."""
    command = ["git", "-c", f"safe.directory={images.PROJECT}", "-C", str(images.PROJECT), "rev-parse", "HEAD"]
    with contextlib.suppress(OSError, ValueError):
        return int(subprocess.run(command, check=False, capture_output=True, text=True).stdout, 16)
    return 0


def _effects(host: Host, task: Task) -> Sequence[str]:
    result = task.run(host, NOWHERE)
    if result.failed:
        raise SweepFailed(f"not killed, yet it failed: {result}")
    return result.effects


def _chosen(effects: Sequence[str], only: str) -> set[str]:
    """Return the effects, of all those passed, before which the task is killed."""
    last = {_kind(point): point for point in effects}
    ends = {point for kind, end in last.items() for point in (f"{kind} #1", end) if re.search(only, point)}
    # A record is written to a file beside it, and renamed: before the rename is where that makes a difference.
    ends -= {f"write {point[7:]}" for point in effects if point.startswith("rename ")}
    phases: dict[str, list[str]] = {}
    for point in effects:
        if point in ends:
            phases.setdefault(_phase(_kind(point)), []).append(point)
    found = {point for points in phases.values() for point in (points[0], points[-1])}
    if not found:
        raise SweepFailed(f"there is nothing to kill it at: {effects}")
    return found


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
