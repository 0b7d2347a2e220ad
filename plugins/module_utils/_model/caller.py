# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the process that started the engine gave it, and the engine's own process has no longer.

``_drivers.engine.hardened`` records it before it reduces the environment and leaves the working directory.
"""

from __future__ import annotations

import os
from typing import Mapping

environment: Mapping[str, str] = os.environ
directory = ""  # empty for the working directory of the moment
unit_of = ""  # the name of the container that a systemd unit has the engine start; empty outside of a unit


def absolute(path: str) -> str:
    """Return an absolute path: a relative one is relative to where the engine was started, as in Ansible's modules."""
    return os.path.abspath(os.path.join(directory, path))
