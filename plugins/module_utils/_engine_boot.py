# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the host starts the engine without Ansible: ``boot.py DIGEST WORD ...`` and the operator's command ``libpod``.

``boot.py``, beside what is kept, is ``_engine_archive.py`` followed by this file (see ``_engine_setup.script``). Python
compiles it at each start, so it is as short as that one.
"""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType
from typing import Any

SETUP = b""


def start(this: Any) -> int:
    """Run what is kept as a program; ``this`` has the names of ``_engine_archive.py``."""
    folder = os.path.dirname(os.path.abspath(__file__))
    digest = sys.argv.pop(1) if len(sys.argv) > 1 else ""
    if not this.is_private(folder) or not this.opens(this.compiled(folder, digest), digest):
        setup: Any = ModuleType("_engine_setup")
        exec(compile(SETUP, "_engine_setup.py", "exec"), setup.__dict__)
        setup.recover(this, folder, digest)
    return int(importlib.import_module(f"{this.PACKAGE}._cli.main").main())


if __name__ == "__main__":
    raise SystemExit(start(sys.modules[__name__]))
