# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effects that this run has completed on containers: what a task that fails amid a step reports as done.

A completed step takes the place of the effects it consists of. Beside them stand the pulls of images, with their size
and time, for the result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, NamedTuple

if TYPE_CHECKING:
    from typing import Literal, TypedDict

    # What is noted as it happens: verbs of a plan's steps (``plan.Verb``).
    Noted = Literal[
        "start",
        "stop",
        "kill",
        "pause",
        "unpause",
        "update",
        "recreate",
        "delete",
        "mark",
        "rewind",
        "adopt",
        "give_back",
    ]

    class Pulled(TypedDict):
        """A pull: the layers that the store lacked, the bytes of these as they were sent, and the time it took."""

        image: str
        layers: int
        bytes: int
        seconds: float


class Effect(NamedTuple):
    """``verb`` is a step's (``plan.Verb``); ``container_id`` is empty for a completed step."""

    verb: str
    subject: str
    container_id: str = ""


_effects: list[Effect] = []
pulls: list[Pulled] = []


def note(verb: Noted, container_id: str, name: str) -> None:
    """Record one effect on a container once it is there."""
    _effects.append(Effect(verb, name, container_id))


def begun_update(container_id: str, name: str) -> None:
    """Record, once, that a part of a container's update is in force, or may be; its end completes the step."""
    if Effect("update", name, container_id) not in _effects:
        note("update", container_id, name)


def forget(container_id: str) -> None:
    """Drop the effects on a new container that came to nothing."""
    _effects[:] = [one for one in _effects if one.container_id != container_id]


def clear() -> None:
    """Begin with an empty journal."""
    _effects.clear()
    pulls.clear()


def mark() -> int:
    """Return where the next effect will be, for ``complete``."""
    return len(_effects)


def complete(begun: int, steps: Iterable[tuple[str, str]]) -> None:
    """Put completed steps, each a verb and its subject, in the place of all effects since ``begun``."""
    _effects[begun:] = [Effect(verb, subject) for verb, subject in steps]


def effects() -> list[tuple[str, str]]:
    """Return (verb, subject) of what was done; a container that was stopped and started again is restarted."""
    result: list[Effect] = []
    for one in _effects:
        stopped = one._replace(verb="stop")
        if one.container_id and one.verb == "recreate":
            result = [other for other in result if not (other.container_id and other.subject == one.subject)]
        if one.container_id and one.verb == "start" and stopped in result:
            result[result.index(stopped)] = one._replace(verb="restart")
        else:
            result.append(one)
    return [(one.verb, one.subject) for one in result]
