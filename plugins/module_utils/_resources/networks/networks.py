# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks as tasks want them; what an unchanged one needs is all that is imported here."""

from __future__ import annotations

from typing import Collection

from ..._model.engine_config import EngineConfig
from ..._model.options.network.definition import Wanted
from . import files
from .files import Files
from .look import Outcome, look_at, outcome


def create(parts: EngineConfig, given: Wanted) -> bool:
    """Make a network; return False where one has the name, which stays as it is, also where another task was faster.

    :raises InvalidState: a subnet is taken.
    """
    from . import changes

    look = look_at(parts, given)
    return look.had is None and changes.make(parts, given, look, dry=False) is not None


def present(parts: EngineConfig, given: Wanted, *, force: bool, recreate: bool, dry: bool) -> Outcome:
    """Have a network be as a task describes it; ``force`` re-attaches running containers where that is needed.

    :raises InvalidState: it is in use, and cannot be changed while it is; or a subnet is taken.
    """
    look = look_at(parts, given)
    if look.had is not None and not look.changed and not recreate and not force:
        return outcome(look, [])
    from . import changes

    if look.had is None or look.definition is None:
        made = changes.make(parts, given, look, dry)
        return made or present(parts, given, force=force, recreate=False, dry=dry)
    return changes.change(parts, given, look, force=force, recreate=recreate, dry=dry)


def absent(parts: EngineConfig, name: str, *, force: bool, dry: bool, gone: Collection[str] = ()) -> Outcome:
    """Have no network of this name; ``force`` removes its containers first.

    In check mode the containers ``gone`` count as removed.

    :raises InvalidState: it is in use. :raises DependencyExists: a container to be removed has dependents that stay.
    :raises MalformedData: the file of its name cannot be read.
    """
    found = Files(parts)
    if not found.of(name):
        found.check_readable(name)
    if not found.of(name) and not force and not files.unfinished(parts, name):
        return Outcome([], {}, {})
    from . import removal

    return removal.remove(parts, name, found, force=force, dry=dry, gone=gone)
