# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health checks as podman has them: their spellings, and how their results change a container's health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from ..errors import InvalidArgument, StateCorrupt
from ..records.process_ref import ProcessRef
from .syntax.durations import nanoseconds
from .syntax.parsers import count, shell_words, wrong

if TYPE_CHECKING:
    from .types import ContainerOptions, EffectiveOptions, HealthEntry

STARTING, HEALTHY, UNHEALTHY = "starting", "healthy", "unhealthy"
NONE = ["NONE"]
ACTIONS = ("none", "kill", "restart", "stop")
# The image's Shell, where it has none (the Dockerfile reference's SHELL).
SHELL = ["/bin/sh", "-c"]
LOG_LENGTH, OUTPUT_LENGTH = 5, 500  # podman's
TIMED_OUT = -1  # the exit code of a check that was killed at its timeout
_SHORTEST_INTERVAL = 10**8


def command(value: object, option: str) -> list[str]:
    """Return ``["CMD", WORD…]``, ``["CMD-SHELL", COMMAND]`` or ``["NONE"]`` from podman's spellings or a list of words.

    A string is a shell command, unless it begins with one of those words or is a JSON list. A list of several words is
    executed as it is, and one of a single word by the shell.
    """
    argv = value
    if isinstance(value, str):
        head, _space, rest = value.strip().partition(" ")
        if head.startswith("["):
            argv = _json(value, option)
        elif head.upper() == "CMD":
            try:
                argv = ["CMD", *shell_words(rest)]
            except ValueError as error:
                raise wrong(option, value, f"CMD and words with their quotes closed ({error})") from error
        elif head.upper() == "NONE" and not rest:
            return list(NONE)
        else:
            argv = ["CMD-SHELL", rest.strip() if head.upper() == "CMD-SHELL" else value.strip()]
    if not isinstance(argv, (list, tuple)) or not argv:
        raise wrong(option, value, "a command, a list of its words, or none")
    argv = [str(word) for word in argv]
    kind = argv[0].upper()
    if kind == "NONE" and len(argv) == 1:
        return list(NONE)
    if kind not in ("CMD", "CMD-SHELL"):
        kind = "CMD" if len(argv) > 1 else "CMD-SHELL"
        argv = [kind, *argv]
    if len(argv) < 2 or not argv[1].strip() or any("\0" in word for word in argv):
        raise wrong(option, value, f"a command after {kind}, or none")
    return ["CMD-SHELL", " ".join(argv[1:])] if kind == "CMD-SHELL" else ["CMD", *argv[1:]]


def _json(text: str, option: str) -> Any:
    import json

    try:
        return json.loads(text)
    except ValueError:
        # The shell's command [ begins like a JSON list.
        return ["CMD-SHELL", text]


def interval(value: object, option: str) -> int:
    """Return the nanoseconds of a duration; ``disable`` and 0 stand for no periodical check."""
    number = 0 if str(value).strip().lower() == "disable" else nanoseconds(value, option)
    if 0 < number < _SHORTEST_INTERVAL:
        raise wrong(option, value, "disable, or at least 100ms")
    return number


def timeout(value: object, option: str) -> int:
    """Return the nanoseconds of a duration above 0."""
    return nanoseconds(value, option) or _refuse(option, value, "a duration above 0")


def retries(value: object, option: str) -> int:
    return count(value, option) or _refuse(option, value, "a number above 0")


def _refuse(option: str, value: object, expected: str) -> int:
    raise wrong(option, value, expected)


def settle(options: ContainerOptions) -> None:
    """Give the two ways of having no check one spelling.

    :raises InvalidArgument: options contradict each other.
    """
    if options["no_healthcheck"] and options["healthcheck"] not in (None, NONE):
        raise InvalidArgument("no_healthcheck: cannot be combined with healthcheck: omit one of them")
    if options["health_startup_cmd"] == NONE:
        options["health_startup_cmd"] = None
    if options["no_healthcheck"] or options["healthcheck"] == NONE:
        options["no_healthcheck"], options["healthcheck"] = True, list(NONE)
        check_startup(options["health_startup_cmd"], options["healthcheck"])


def check_startup(startup: Optional[list[str]], regular: Optional[list[str]]) -> None:
    """Raise InvalidArgument if there is a startup check, and no regular one to follow it."""
    if startup and regular == NONE:
        raise InvalidArgument(
            "health_startup_cmd: needs a regular check that follows it: give healthcheck, or an image that has one"
        )


class HealthCheck(NamedTuple):
    """One kind of check: its command as ``command`` returns it, and its interval and timeout in nanoseconds."""

    command: list[str]
    interval: int
    timeout: int

    def argv(self, shell: Optional[list[str]]) -> list[str]:
        """Return the command to execute; ``shell`` is the image's own."""
        kind, *command = self.command
        return [*(shell or SHELL), *command] if kind == "CMD-SHELL" else command


class HealthChecks(NamedTuple):
    """A container's health checks as they take effect: the regular one, and the one before it.

    ``retries`` are the failures that make it unhealthy, ``start_period`` is in nanoseconds, ``failure_action`` one of
    ACTIONS. A startup check passes with ``startup_success`` successes; 0 for ``startup_retries`` is no limit.
    """

    regular: HealthCheck
    startup: Optional[HealthCheck]
    retries: int
    start_period: int
    failure_action: str
    startup_retries: int
    startup_success: int

    @classmethod
    def of(cls, options: ContainerOptions, effective: EffectiveOptions) -> HealthChecks:
        """Return the checks that options mean, with what falls back on the image."""
        command = options["health_startup_cmd"]
        return cls(
            HealthCheck(effective["healthcheck"], effective["healthcheck_interval"], effective["healthcheck_timeout"]),
            HealthCheck(command, options["health_startup_interval"], options["health_startup_timeout"])
            if command
            else None,
            effective["healthcheck_retries"],
            effective["healthcheck_start_period"],
            options["healthcheck_failure_action"],
            options["health_startup_retries"],
            options["health_startup_success"],
        )

    @property
    def commands(self) -> tuple[Optional[list[str]], ...]:
        """The commands of both checks."""
        return self.regular.command, self.startup and self.startup.command


class Result(NamedTuple):
    """One check: wall clock times to be shown (RFC 3339), exit code, and the beginning of its output."""

    start: str
    end: str
    exit_code: int
    output: str

    @property
    def entry(self) -> HealthEntry:
        """The entry of podman inspect."""
        return {"Start": self.start, "End": self.end, "ExitCode": self.exit_code, "Output": self.output}


class Health(NamedTuple):
    """A container's health since its start; the record ``health.json`` of the run root.

    ``process`` is the container's first one since then. ``began`` and ``counted`` are when it began and when the last
    check ended that counts, in seconds of a clock that is never set (CLOCK_BOOTTIME); ``counted`` 0 is never.
    ``passed`` is whether the startup check is over, ``successes`` and ``failures`` are its results so far.
    """

    process: ProcessRef = ProcessRef()
    began: float = 0.0
    status: str = STARTING
    failing_streak: int = 0
    passed: bool = False
    successes: int = 0
    failures: int = 0
    counted: float = 0.0
    log: tuple[HealthEntry, ...] = ()

    def to_json(self) -> dict[str, object]:
        record = self._asdict()
        pid, start_time = record.pop("process")
        return {"pid": pid, "pid_start": start_time, **record}

    @classmethod
    def from_json(cls, record: object, path: str) -> Health:
        """Return the health of the record at ``path``.

        :raises StateCorrupt: it is not such a record.
        """
        try:
            if not isinstance(record, dict):
                raise TypeError("it is no object")
            fields = {**record, "log": tuple(record["log"])}
            return cls(ProcessRef.of(fields.pop("pid"), fields.pop("pid_start")), **fields)
        except (TypeError, KeyError, ValueError) as error:
            raise StateCorrupt(f"{path} is not a container's health: {error}") from error

    def current(self, checks: HealthChecks) -> HealthCheck:
        """Return the check whose turn it is."""
        return checks.startup if checks.startup and not self.passed else checks.regular

    def due(self, checks: HealthChecks) -> float:
        """Return when the next check is due, by the clock of ``counted``."""
        interval = self.current(checks).interval or checks.regular.interval
        return self.counted + interval / 1e9 if self.counted else self.began

    def after(self, result: Result, checks: HealthChecks, now: float) -> tuple[Health, str]:
        """Return the health once this result is known, and what is to be done to the container: one of ACTIONS.

        A failure within the start period counts for nothing, a success ends it.
        """
        health = self._replace(log=(*self.log, result.entry)[-LOG_LENGTH:], counted=now)
        if self.current(checks) is checks.startup:
            return health._after_startup(not result.exit_code, checks)
        if result.exit_code == 0:
            return health._replace(status=HEALTHY, failing_streak=0), "none"
        if now < self.began + checks.start_period / 1e9 and self.status == STARTING:
            return health, "none"
        health = health._replace(failing_streak=self.failing_streak + 1)
        if health.failing_streak < checks.retries:
            return health, "none"
        return health._replace(status=UNHEALTHY), checks.failure_action

    def _after_startup(self, succeeded: bool, checks: HealthChecks) -> tuple[Health, str]:
        if succeeded:
            successes = self.successes + 1
            passed = successes >= max(1, checks.startup_success)
            # The regular check follows at once.
            return self._replace(successes=successes, passed=passed, counted=0.0 if passed else self.counted), "none"
        failures, most = self.failures + 1, checks.startup_retries
        return self._replace(failures=failures), "restart" if most and failures >= most else "none"
