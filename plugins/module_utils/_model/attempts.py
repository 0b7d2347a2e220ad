# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of a removal: each is tried, whatever has become of the others."""

from __future__ import annotations

from typing import Callable, Sequence

from .errors import CleanupIncomplete, RemovalIncomplete, note_done, sentence


class Attempts:
    """The steps that failed are in ``failed``, as (what is left, the error)."""

    def __init__(self) -> None:
        self.failed: list[tuple[str, Exception]] = []

    def attempt(self, part: str, step: Callable[[], object]) -> bool:
        """Do ``step``, which takes ``part`` away; return whether that succeeded.

        Where ``step`` names what is left itself, ``part`` is what that is part of, if it has to be said.
        """
        try:
            step()
        except CleanupIncomplete as error:
            self.failed += [(f"{inner} of {part}" if part else inner, why) for inner, why in error.parts]
        except Exception as error:  # pylint: disable=broad-exception-caught
            # Whatever is wrong with one part, the others have to go.
            self.failed.append((part, error))
        else:
            return True
        return False


def raise_all(errors: Sequence[Exception], done: Sequence[str]) -> None:
    """Raise the errors of what was done all the same, as one; nothing where there are none."""
    if errors:
        error = errors[0] if len(errors) == 1 else RemovalIncomplete("; ".join(map(sentence, errors)), ())
        note_done(error, done)
        raise error
