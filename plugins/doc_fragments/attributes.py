# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    """What every module of the collection supports; each says itself how far check mode, diff mode and idempotency go."""

    DOCUMENTATION = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/libpod.engine.libpod) in C(module_defaults) to set defaults for all modules of the collection.
    support: full
    membership:
      - libpod.engine.libpod
      - libpod
  check_mode:
    description: Can run in check mode and return the changed status of a run without changing the target.
  diff_mode:
    description: Returns what has changed, or in check mode would change, when it runs in diff mode.
  idempotent:
    description: A second run with the same arguments changes nothing, unless something else has changed the target since.
  platform:
    description: The operating system of the target, of which the module uses namespaces, cgroups and mounts.
    support: full
    platforms: linux
"""

    # Used together with the one above.
    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: Changes nothing in either mode.
  diff_mode:
    support: N/A
    details: Changes nothing, so there is no difference to show.
  idempotent:
    support: full
    details: Changes nothing.
"""
