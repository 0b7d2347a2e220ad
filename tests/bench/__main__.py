# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.bench`` is ``python tests/bench/bench.py``."""

from __future__ import annotations

import sys

from ansible_collections.libpod.engine.tests.bench.bench import main

sys.exit(main())
