# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a container's status, health, boot or removal; no lock is held, and nothing is changed."""

from __future__ import annotations

import math
import time
from typing import NamedTuple, Optional, Sequence

from .._container.container import Container
from .._container.lifecycle import boot, restart
from .._container.runners import health as health_record
from .._drivers import process
from .._model.errors import InvalidArgument, InvalidState, NoSuchContainer, NotBooted, Unhealthy
from .._model.options.health import HEALTHY, UNHEALTHY
from .._model.records.status import ContainerStatus
from .runtime import Runtime

CONDITIONS = (
    *("configured", "created", "running", "paused", "exited"),
    *("stopped", "healthy", "unhealthy", "booted", "degraded", "removed"),
)
_OF_BOOT = {"booted": boot.RUNNING, "degraded": boot.DEGRADED}
# Seconds between two looks, the first and the longest, and between two health checks.
_FIRST, _LONGEST, _CHECK = 0.02, 0.25, 1.0


class Seen(NamedTuple):
    """A container's status (``removed`` where it is gone), its health, and its last run's exit code.

    ``system`` is the state of the systemd in it, where a condition asks for that.
    """

    status: str
    health: str = ""
    exit_code: Optional[int] = None
    condition: str = ""
    system: str = ""

    def met(self, conditions: Sequence[str]) -> Seen:
        """Return this with the first of the conditions that is true."""
        stopped = self.status in ("configured", "exited", "removed")
        live = self.status in ("running", "paused")
        true = {self.status, *(["stopped"] if stopped else []), *([self.health] if live else [])}
        # A container that is removed at its end is never seen as exited.
        true |= {"exited"} if self.status == "removed" else set()
        true |= {one for one, state in _OF_BOOT.items() if self.system == state}
        return self._replace(condition=next((one for one in conditions if one in true), ""))


def seconds_left(limit: float) -> float:
    """Return a limit in seconds; 0 and less are no limit."""
    return limit if limit > 0 else math.inf


def look(container: Container) -> Seen:
    """Return what the container is now, without its lock."""
    state = container.peek().state
    health = (
        health_record.current(container).status
        if state.status.has_process and container.config.has_health_check
        else ""
    )
    return Seen(state.status.value, health, state.exit_code if state.finished_time else None)


def wait(runtime: Runtime, key: str, conditions: Sequence[str], limit: float, *, once: bool = False) -> Seen:
    """Wait until one of the conditions is true of the container, for at most ``limit`` seconds (0: no limit).

    With ``once`` look only once.

    :raises NoSuchContainer: it does not exist. :raises InvalidState: the time is over.
    :raises InvalidArgument: the conditions need a health check or systemd, and it has none.
    :raises NotBooted: it is to be booted, and has booted otherwise.
    """
    try:
        container = runtime.container(key)
    except NoSuchContainer:
        if "removed" in conditions:
            return Seen("removed").met(conditions)
        raise
    health = "healthy" in conditions or "unhealthy" in conditions
    if health and not container.config.has_health_check and set(conditions) <= {"healthy", "unhealthy"}:
        raise InvalidArgument(f"container {container.name} has no health check, and so is never {conditions[0]}")
    boots = bool(_OF_BOOT.keys() & set(conditions))
    if boots and not container.config.systemd and set(conditions) <= _OF_BOOT.keys():
        raise InvalidArgument(f"container {container.name} is not made for systemd, and so is never {conditions[0]}")
    waiter = _Waiter(container, limit, checks_health=health and not once)
    while True:
        seen = _seen(runtime, container, waiter.seen)
        if boots and seen.status != "removed":
            seen = seen._replace(system=boot.system_state(container, 0 if once else waiter.left))
        seen = seen.met(conditions)
        if seen.condition or once:
            return seen
        if "booted" in conditions and seen.system in boot.SETTLED:
            raise NotBooted(f"container {container.name} {boot.complaint(container, seen.system)}")
        if not waiter.go_on(seen):
            shown = ", ".join(filter(None, (seen.status, seen.health, seen.system)))
            raise InvalidState(f"container {container.name} is {shown} after {limit:g} seconds: {_wanted(conditions)}")


def _wanted(conditions: Sequence[str]) -> str:
    return f"it was to be {' or '.join(conditions)}; give it a longer timeout, or look at its log"


def _seen(runtime: Runtime, container: Container, before: Optional[Seen]) -> Seen:
    if runtime.has_name(container):
        return look(container)
    return Seen("removed", exit_code=before.exit_code if before else None)


def healthy(container: Container, limit: float) -> None:
    """Wait until the container is healthy, for at most ``limit`` seconds (0: no limit).

    :raises Unhealthy: it is unhealthy, ends for good, or the time is over.
    """
    waiter = _Waiter(container, limit, checks_health=True)
    while True:
        seen = look(container)
        if seen.health == HEALTHY:
            return
        if not seen.health and not restart.is_to_come(container):
            raise Unhealthy(f"container {container.name} has ended before it was healthy: {_last_check(container)}")
        if seen.health == UNHEALTHY:
            _probe(container)
            if look(container).health == UNHEALTHY:
                raise Unhealthy(f"container {container.name} is unhealthy: {_last_check(container)}")
        if not waiter.go_on(seen):
            status = f"is not healthy after {limit:g} seconds but {seen.health or seen.status}"
            raise Unhealthy(f"container {container.name} {status}: {_last_check(container)}")


def booted(container: Container, limit: float) -> None:
    """Wait until the systemd in the container runs with no failed unit, for at most ``limit`` seconds (0: no limit).

    :raises NotBooted: a unit failed, the container ends for good, or the time is over.
    """
    waiter = _Waiter(container, limit, checks_health=False)
    while True:
        seen = look(container)
        system = boot.system_state(container, waiter.left)
        if system == boot.RUNNING:
            return
        if system in boot.SETTLED:
            raise NotBooted(f"container {container.name} {boot.complaint(container, system)}")
        if seen.status not in ("running", "paused") and not restart.is_to_come(container):
            end = f"has ended before it was booted, with exit code {container.state.exit_code}"
            raise NotBooted(f"container {container.name} {end}: look at its log{boot.exhausted()}")
        if not waiter.go_on(seen):
            how = f"its systemd is {system}" if system else "no systemd answers in it"
            raise NotBooted(
                f"container {container.name} is {seen.status} after {limit:g} seconds, but {how}: give it a longer "
                f"wait_timeout, or look at its log and its journal{boot.exhausted()}"
            )


def _probe(container: Container) -> None:
    # It loads the drivers of the OCI runtime, which no other wait needs.
    from .._container.runners.health_check import probe

    probe(container)


def _last_check(container: Container) -> str:
    log = health_record.described(container)["Log"]
    if not log:
        return f"no check has come to its end; its last exit code is {container.state.exit_code}; look at its log"
    output = " ".join(log[-1]["Output"].split()) or "no output"
    return f"its last check ended with exit code {log[-1]['ExitCode']}: {output}"


class _Waiter:
    """Pauses between looks, which end at once with the container's process; and health checks, if health is awaited."""

    def __init__(self, container: Container, limit: float, *, checks_health: bool) -> None:
        self.container = container
        self.seen: Optional[Seen] = None
        self._deadline = time.monotonic() + seconds_left(limit)
        self._pause = _FIRST
        self._checks = checks_health
        self._checked = -math.inf

    def go_on(self, seen: Seen) -> bool:
        """Pause or run a health check; return false where the time is over."""
        self.seen = seen
        left = self.left
        if left <= 0:
            return False
        state = self.container.state
        if self._checks and seen.health and time.monotonic() >= self._checked + self._interval:
            _probe(self.container)
            self._checked = time.monotonic()
        elif state.status is not ContainerStatus.CREATED and state.status.has_process:
            process.wait_end(state.process, min(self._pause, left))
        else:
            time.sleep(min(self._pause, left))
        self._pause = min(self._pause * 2, _LONGEST)
        return True

    @property
    def left(self) -> float:
        """Seconds until the time is over."""
        return self._deadline - time.monotonic()

    @property
    def _interval(self) -> float:
        every = self.container.config.resolved["healthcheck_interval"] / 1e9
        return min(every, _CHECK) if every else _CHECK
