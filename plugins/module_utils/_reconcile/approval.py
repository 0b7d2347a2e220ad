# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approved plans: the digest that check mode returns of a plan, and the run that does that plan or none.

A digest has a part for each of ``PARTS``, so that a refusal names what differs. The parts are keyed by the host: they
disclose no value, and a plan that was approved for one host is refused on another.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Mapping, Optional, Sequence

from .._drivers.host import boot_id, machine_id
from .._model.errors import InvalidArgument, LibpodError, PlanDiffers
from .desired import Desired
from .plan import NOTHING, Plan, Verb

if TYPE_CHECKING:
    from .._container.container import Container
    from .._runtime.runtime import Runtime

PARTS = ("the container or its status", "the steps", "the options", "the image")
_PART = 16  # hexadecimal digits
_DIGEST = f"[0-9a-f]{{{_PART}}}(-[0-9a-f]{{{_PART}}}){{{len(PARTS) - 1}}}|{NOTHING}"


def checked(runtime: Runtime, container: Optional[Container], desired: Desired, plan: Plan) -> Plan:
    """Return the plan for a container with its digest.

    :raises PlanDiffers: the task expects another plan.
    """
    made = plan.has(Verb.CREATE, Verb.RECREATE)
    options = desired.options if made or plan.has(Verb.UPDATE) else None
    image = _image(runtime, desired) if made and desired.image and not desired.rootfs else (desired.image,)
    plan = digested(plan, container.id if container else "", options, image)
    check(desired.expect_plan, plan, f"container {desired.name}")
    return plan


def digested(plan: Plan, subject: str, options: Optional[Mapping[str, object]], image: Sequence[object] = ()) -> Plan:
    """Return a plan that has steps, with its digest.

    It is equal for plans that do the same to the same subject on the same host. ``subject`` is the ID of a container
    or pod, empty where there is none. ``options`` and ``image`` are what a new one is made of.
    """
    parts = (
        (subject, plan.status_before),
        [(step.verb.value, step.subject, step.status) for step in plan.steps],
        (options, [(*one[:4], one.drift, one.ignored) for one in plan.differences]),
        image,
    )
    return plan._replace(digest=digest(parts))


def digest(parts: Sequence[object]) -> str:
    """Return the digest of what there is before, the steps, what is wanted, and the image."""
    key = (machine_id() or boot_id()).encode()
    return "-".join(_hashed(key, part) for part in parts)


def loosened(approved: str) -> str:
    """Return a digest that leaves the options and the image open, which an earlier step of the task may determine."""
    if approved == NOTHING:
        return approved
    before, steps, *others = approved.split("-")
    return "-".join((before, steps, *("" for _part in others)))


def _image(runtime: Runtime, desired: Desired) -> tuple[object, ...]:
    from .image_resolution import resolve_image

    try:
        found = resolve_image(runtime, desired)
    except LibpodError:
        return ()  # check mode, and an earlier task of the play is to bring the image
    return found.id, found.pull, found.digest


def parsed(text: str, option: str) -> str:
    """Return the expected digest of one plan.

    :raises InvalidArgument: it is none.
    """
    if not re.fullmatch(_DIGEST, text):
        raise InvalidArgument(f"{option}: {text!r} cannot be used: expected plan.digest of a result in check mode")
    return text


def check(expected: str, plan: Plan, name: str) -> None:
    """Check a plan against the approved one, where the task expects one; see ``difference``.

    :raises PlanDiffers: it is another plan.
    """
    if expected and (found := difference(expected, plan, name)):
        raise PlanDiffers(found, plan.to_json())


def difference(expected: str, plan: Plan, name: str) -> str:
    """Return in what a plan differs from the approved one, empty where it does not.

    A plan without steps is always within it.
    """
    return differing(expected, plan.digest, plan.actions, name) if plan.steps else ""


def differing(expected: str, found: str, actions: Sequence[str], name: str, parts: Sequence[str] = PARTS) -> str:
    """Return in what a plan with a digest and actions differs from the approved one, empty where it does not."""
    how = "which has no step"
    if expected != NOTHING:
        compared = zip(parts, expected.split("-"), found.split("-"))
        different = [part for part, before, now in compared if before not in ("", now)]
        if not different:
            return ""
        how = f"it differs in {' and '.join(different)}"
    return f"{name}: the plan ({', '.join(actions)}) is not the approved one, {how}"


def differences(expected: Mapping[str, str], plans: Mapping[str, Plan]) -> list[str]:
    """Return in what containers' plans, by name, differ from the approved ones; empty where none does."""
    found = (difference(expected.get(name, NOTHING), plan, f"container {name}") for name, plan in plans.items())
    return [one for one in found if one]


def differs(found: Sequence[str], digest: str, plans: Mapping[str, Plan]) -> PlanDiffers:
    """Return the error for ``differences``, with the task's digest and the plans that have steps."""
    shown = {name: plan.to_json() for name, plan in plans.items() if plan.steps}
    return PlanDiffers("; ".join(found), {"digest": digest, "containers": shown})


def split(text: str, option: str) -> dict[str, str]:
    """Return the expected digests by name; see ``plan.joined``.

    :raises InvalidArgument: it is no such digest.
    """
    if text == NOTHING:
        return {}
    found = dict(pair.partition("=")[::2] for pair in text.split(","))
    return {name: parsed(one or f"{name}=", option) for name, one in found.items()}


def _hashed(key: bytes, part: object) -> str:
    import hmac
    import json

    return hmac.new(key, json.dumps(part, sort_keys=True, default=sorted).encode(), "sha256").hexdigest()[:_PART]
