# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host has booted: the containers whose policy wants it are started."""

from __future__ import annotations

import sys
from typing import Sequence

from .._container import restart
from .._model.errors import LibpodError
from .._model.parts import Parts
from .._reconcile.desired import Desired
from .._reconcile.reconcile import reconcile
from .._runtime.runtime import Runtime


def boot(parts: Parts, words: Sequence[str]) -> int:
    """``boot``: start what is ``always`` or ``unless-stopped``, each after what it depends on; 1 where one failed."""
    failed = 0
    for container in Runtime(parts).containers():
        if not restart.starts_at_boot(container) or container.peek().state.status.has_process:
            continue
        try:
            reconcile(parts, Desired(container.name))
        except LibpodError as error:
            failed = 1
            sys.stderr.write(f"libpod: {error}\n")
    return failed
