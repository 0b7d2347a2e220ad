# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on several containers side by side, which mostly waits for their ends."""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import Callable, Iterator, Mapping, Optional, Sequence

from ..._model.errors import InvalidArgument, NoSuchContainer, take_warnings, warn
from ..._reconcile.worker_pool import Result, Workers
from ..._runtime.runtime import Runtime
from ..arguments import Attempt, attempt, for_each, written


def for_each_at_once(
    runtime: Runtime,
    keys: Sequence[str],
    work: Callable[[str], Optional[str]],
    codes: Mapping[type[Exception], int] = MappingProxyType({}),
) -> int:
    """Do what ``for_each`` does, in several processes; a container comes after those that depend on it.

    Lines and errors are printed in the order of the keys.
    """
    if len(keys) < 2:
        return for_each(keys, work, codes)

    def one(number: str) -> Result:
        take_warnings()  # the parent's own, which the fork has copied
        return {**attempt(keys[int(number)], work, codes)._asdict(), "warnings": take_warnings()}

    done: dict[int, Attempt] = {}
    code, shown = 0, 0
    # As many as podman has by default.
    workers = Workers(one, 3 * (os.cpu_count() or 1) + 1)
    try:
        for wave in _waves(runtime, keys):
            for number, result in _work_off(workers, wave):
                done[number] = result
                while shown in done:
                    code = max(code, written(done[shown]))
                    shown += 1
    finally:
        workers.close()
    return code


def _work_off(workers: Workers, waiting: list[int]) -> Iterator[tuple[int, Attempt]]:
    """Yield what becomes of each key, by its number, as it is known."""
    while waiting or workers.busy:
        while waiting and workers.room:
            workers.begin(str(waiting.pop(0)))
        number, result, how = workers.ended()
        if result is None:
            message = f"libpod: the process that worked on it {how}: the next command repairs it\n"
            yield int(number), Attempt(None, message, 125)
            continue
        for sentence in result.pop("warnings"):
            warn(sentence)
        yield int(number), Attempt(**result)


def _waves(runtime: Runtime, keys: Sequence[str]) -> Iterator[list[int]]:
    """Yield the numbers of the keys in groups: no container is in an earlier one than one that depends on it."""
    left: dict[str, list[int]] = {}
    for number, key in enumerate(keys):
        try:
            known = runtime.container(key).id
        except (NoSuchContainer, InvalidArgument):
            known = key  # refused where it is worked on
        left.setdefault(known, []).append(number)
    while left:
        free = [one for one in left if not any(other.id in left for other in runtime.dependents(one))] or list(left)
        numbers = [left.pop(one) for one in free]
        yield [several[0] for several in numbers]
        yield from filter(None, (several[1:] for several in numbers))
