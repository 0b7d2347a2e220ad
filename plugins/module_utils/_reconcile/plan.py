# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan is data: what will be done to one container, and why. Check mode prints it, apply walks it."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Iterable, Mapping, NamedTuple, Optional

from .._model import errors
from .._model.options.table import HIDDEN, Change

if TYPE_CHECKING:
    from .._model.types import DifferenceJson, PlanJson
    from .._resources.images.resolution import ImageResolution


class Verb(str, enum.Enum):
    """What a step does to its subject."""

    PULL = "pull"
    CREATE = "create"
    START = "start"
    STOP = "stop"
    KILL = "kill"
    CANCEL = "cancel"
    RESTART = "restart"
    RECREATE = "recreate"
    MARK = "mark"
    REWIND = "rewind"
    UPDATE = "update"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    REPAIR = "repair"
    DELETE = "delete"
    RMI = "rmi"
    ADOPT = "adopt"
    GIVE_BACK = "give_back"

    def __str__(self) -> str:
        return self.value


NOTHING = "nothing"  # the digest of a plan without steps

# A step's action, as results list it.
ACTIONS: dict[Verb, str] = {
    Verb.PULL: "pulled image {}",
    Verb.CREATE: "created {}",
    Verb.START: "started {}",
    Verb.STOP: "stopped {}",
    Verb.KILL: "killed {}",
    Verb.CANCEL: "cancelled the restart of {}",
    Verb.RESTART: "restarted {}",
    Verb.RECREATE: "recreated {}",
    Verb.MARK: "marked {}",
    Verb.REWIND: "rewound {}",
    Verb.UPDATE: "updated {}",
    Verb.PAUSE: "paused {}",
    Verb.UNPAUSE: "unpaused {}",
    Verb.REPAIR: "repaired {}",
    Verb.DELETE: "deleted {}",
    Verb.RMI: "removed image {}",
    Verb.ADOPT: "adopted {} from podman",
    Verb.GIVE_BACK: "gave {} back to podman",
}
# The verbs after which a container has another process.
NEW_PROCESS = (Verb.CREATE, Verb.RECREATE, Verb.START, Verb.RESTART, Verb.REWIND)
# The status in which a step leaves its subject; the other verbs leave it as it was.
_AFTER: dict[Verb, str] = {
    Verb.PULL: "present",
    Verb.CREATE: "configured",
    Verb.START: "running",
    Verb.STOP: "exited",
    Verb.KILL: "exited",
    Verb.RESTART: "running",
    Verb.REWIND: "running",
    Verb.PAUSE: "paused",
    Verb.UNPAUSE: "running",
    Verb.REPAIR: "exited",
    Verb.DELETE: "absent",
    Verb.RMI: "absent",
    Verb.GIVE_BACK: "absent",
}


def note_effects(error: Exception) -> None:
    """Attach to an error what this run had done to containers before it, and has not undone."""
    from .._model import journal

    errors.note_done(error, [str(Step(Verb(verb), subject)) for verb, subject in journal.effects()])


class Difference(NamedTuple):
    """An option's value as recorded and as desired; ``change`` is an ``options.table.Change``.

    ``drift``: the record is as desired, and the container was changed by something else than the engine to ``before``.
    ``ignored``: it needs no new container, and takes effect with the next one: the task's comparisons exclude it, or it
    is the image of a tag that has moved. ``reason`` says that, or what prevents a change in place.
    """

    option: str
    before: object
    after: object
    change: int
    secret: bool = False
    drift: bool = False
    ignored: bool = False
    reason: str = ""

    @property
    def effect(self) -> str:
        """What the difference needs, as results say it."""
        return Change(self.change).name.lower()

    def shown(self) -> tuple[object, object]:
        """Return before and after in a playbook's spelling; of a secret mapping, keys without values."""
        if not self.secret:
            from .._model.options.syntax.formatters import spelled

            return spelled(self.option, self.before), spelled(self.option, self.after)
        before, after = (one if isinstance(one, dict) else {} for one in (self.before, self.after))
        differing = {key for key in {*before, *after} if before.get(key) != after.get(key)}
        changed = {key for key in differing if key in before and key in after}
        return (
            dict.fromkeys(sorted(differing & set(before)), HIDDEN),
            {key: HIDDEN + (" changed" if key in changed else "") for key in sorted(differing & set(after))},
        )

    def to_json(self) -> DifferenceJson:
        """Return the difference as data; values of a secret option are hidden."""
        before, after = self.shown()
        return {
            "option": self.option,
            "before": before,
            "after": after,
            "effect": self.effect,
            "drift": self.drift,
            "ignored": self.ignored,
            "reason": self.reason,
        }


class Step(NamedTuple):
    """One verb and its ``subject``, a container, pod or image.

    ``status`` is the status before, of another container than the task's. ``image`` is the image to pull.
    """

    verb: Verb
    subject: str
    status: str = ""
    image: Optional[ImageResolution] = None

    def __str__(self) -> str:
        return ACTIONS[self.verb].format(self.subject)


def status_after(steps: Iterable[Step], subject: str, status: str) -> str:
    """Return the status in which these steps leave a container that none of them re-creates."""
    for step in steps:
        if step.subject == subject:
            status = _AFTER.get(step.verb, status)
    return status


class Plan(NamedTuple):
    """Steps in their order, the differences that led to them, the status before and after, and a digest of it all."""

    steps: tuple[Step, ...] = ()
    differences: tuple[Difference, ...] = ()
    status_before: str = "absent"
    status_after: str = "absent"
    digest: str = NOTHING  # see ``approval``

    @property
    def actions(self) -> list[str]:
        """The steps as results list them."""
        return [str(step) for step in self.steps]

    def has(self, *verbs: Verb, subject: Optional[str] = None) -> bool:
        """Return whether a step has one of these verbs, with this subject where one is given."""
        return any(step.verb in verbs and subject in (None, step.subject) for step in self.steps)

    @property
    def leaves_running(self) -> bool:
        """Whether the container runs after it, or is paused."""
        return self.status_after in ("running", "paused")

    def diff(self) -> dict[str, Mapping[str, object]]:
        """Return ``before`` and ``after`` of what differs; empty mappings where nothing does."""
        before: dict[str, object] = {}
        after: dict[str, object] = {}
        if self.steps and self.status_before != self.status_after:
            before["status"], after["status"] = self.status_before, self.status_after
        for difference in self.differences:
            before[difference.option], after[difference.option] = difference.shown()
        if self.has(Verb.RECREATE):
            after["recreated because of"] = self.forcing or ["recreate"]
        return {"before": before, "after": after}

    def text(self) -> str:
        """Return the steps, then the differences with their effects, as ``--diff`` prints them; empty for no steps."""
        if not self.steps:
            return ""
        lines = ["plan:", *self.actions]
        for difference in self.differences:
            effects = [difference.effect]
            ignored = "comes along" if difference.reason else "ignored by comparisons"
            effects += ["drift"] if difference.drift else [ignored] if difference.ignored else []
            reason = f" ({difference.reason})" if difference.reason else ""
            lines.append(f"  {difference.option}: {', '.join(effects)}{reason}")
        return "\n".join([*lines, ""])

    def to_json(self) -> PlanJson:
        """Return the plan as data; values of secret options are hidden."""
        status = {step.subject: step.status for step in self.steps if step.status}
        steps = []
        for step in self.steps:
            before = "absent" if step.verb is Verb.PULL else status.get(step.subject, self.status_before)
            made = "running" if self.leaves_running else "configured"
            status[step.subject] = made if step.verb is Verb.RECREATE else _AFTER.get(step.verb, before)
            if step.verb is Verb.ADOPT:  # it stays as podman has it
                status[step.subject] = self.status_after
            after = status[step.subject]
            shown = {"verb": step.verb.value, "subject": step.subject, "action": str(step)}
            steps.append({**shown, "before": before, "after": after})
        return {
            "steps": steps,
            "status": {"before": self.status_before, "after": self.status_after},
            "differences": [one.to_json() for one in self.differences],
            "recreated_because_of": (self.forcing or ["recreate"]) if self.has(Verb.RECREATE) else [],
            "digest": self.digest,
        }

    @property
    def forcing(self) -> list[str]:
        """The options that need a new container."""
        return [one.option for one in self.differences if one.change == Change.RECREATE and not one.ignored]


def digests(plans: Mapping[str, Plan]) -> dict[str, str]:
    """Return the digests of the plans that have steps, by name."""
    return {name: plan.digest for name, plan in plans.items() if plan.steps}


def joined(digests: Mapping[str, str]) -> str:
    """Return the digest of a task of several things from those of what it does to each, by name."""
    return ",".join(f"{name}={one}" for name, one in sorted(digests.items())) or NOTHING
