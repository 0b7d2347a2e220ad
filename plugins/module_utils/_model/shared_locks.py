# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The descriptors of the locks held now, which every program that is run inherits.

A lock then lasts until that program has ended, even if the engine is killed: a repair waits for it.
"""

from __future__ import annotations

descriptors: set[int] = set()
