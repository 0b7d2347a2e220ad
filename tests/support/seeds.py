# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seed of the tests that pick configurations at random; a failure says it.

It is fixed, so that a commit is as good as its last run; ``make fuzz`` draws one and prints it, and
``LIBPOD_SEED=NUMBER`` has one run again.
"""

from __future__ import annotations

import os

import pytest

SEED = int(os.environ.get("LIBPOD_SEED") or 20261126)

seeded = pytest.mark.seeded
