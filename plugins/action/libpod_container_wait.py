# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.libpod.engine.plugins.plugin_utils._engine_action import EngineAction


class ActionModule(EngineAction):
    """Sends the engine where it is missing, then runs the module."""
