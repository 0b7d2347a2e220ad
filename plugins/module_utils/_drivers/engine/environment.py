# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment that the engine's own process and the programs it runs have."""

from __future__ import annotations

import os
from typing import Mapping, Optional

# sbin is where runc and the iptables of the CNI plugins live, and not on every user's PATH.
TOOL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")


def tool_environment(extra: Optional[Mapping[str, str]] = None) -> dict[str, str]:
    """The environment tools run with: PATH, the locale of their messages, proxies, and ``extra``."""
    kept = {key: value for key, value in os.environ.items() if key.lower() in _PROXIES}
    kept.update({"PATH": TOOL_PATH, "LC_ALL": "C.UTF-8", "HOME": os.environ.get("HOME", "/root")})
    kept.update(extra or {})
    return kept
