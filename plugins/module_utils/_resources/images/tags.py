# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Further names of an image: given to it, and taken from it."""

from __future__ import annotations

from typing import Sequence

from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument
from ..._model.options.syntax.parsers import wrong
from ..._model.records.image import PATH_TRANSPORTS, local_names
from .outcome import Outcome


def check_own_name(name: str, untag: Sequence[str]) -> None:
    """Check that a task does not take the very name from an image by which it wants the image to be there.

    :raises InvalidArgument: it does; its next run would pull the image again, or not find it.
    """
    taken = next((one for one in untag if _name(one, "untag") in local_names(name)), None)
    if taken is not None:
        raise InvalidArgument(
            f"untag: {taken!r} is the image's name in this task, which needs it there: give name another name or the "
            "image's ID, or remove the name with state: absent"
        )


def tag(parts: EngineConfig, outcome: Outcome, tags: Sequence[str], untag: Sequence[str], *, dry: bool) -> Outcome:
    """Give the image the names ``tags``, which another image loses, and take the names ``untag`` from it.

    The image stays, with its last name taken too. A name without a registry is one of ``localhost``, as in podman.

    :raises InvalidArgument: a name cannot be used.
    """
    wanted, unwanted = ([_name(one, option) for one in given] for option, given in (("tags", tags), ("untag", untag)))
    both = sorted(set(wanted) & set(unwanted))
    if both:
        raise InvalidArgument(f"untag: {both[0]!r} is in tags too: give it in one of them")
    missing = [name for name in dict.fromkeys(wanted) if name not in outcome.names]
    surplus = [name for name in dict.fromkeys(unwanted) if name in outcome.names]
    if (missing or surplus) and not dry:
        from ..._drivers.images.transport import Images

        images = Images(parts)
        if missing:
            images.tag(outcome.id, missing)
        if surplus:
            images.untag(outcome.id, surplus, keep=True)
    done = (*(f"tagged image {name}" for name in missing), *(f"untagged image {name}" for name in surplus))
    names = tuple(name for name in (*outcome.names, *missing) if name not in surplus)
    return Outcome((*outcome.actions, *done), outcome.id, names)


def _name(written: str, option: str) -> str:
    """Return the full name of a tag. :raises InvalidArgument: it is none that an image can be given."""
    names = local_names(written)
    if not names or "@" in written or written.partition(":")[0] in (*PATH_TRANSPORTS, "docker"):
        raise wrong(option, written, "[REGISTRY/]NAME[:TAG], and no ID, digest or source")
    return names[0]
