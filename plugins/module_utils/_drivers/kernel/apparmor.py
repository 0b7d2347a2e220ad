# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AppArmor (apparmor(7)): the loaded profiles, and the default one of containers.

The default is in substance that of podman and docker (containers/common, pkg/apparmor).
"""

from __future__ import annotations

from typing import Optional

from ..cgroups.manager import read_file
from ..command import TOOL_PATH, run

DEFAULT = "libpod-default"
_PROFILES = "/sys/kernel/security/apparmor/profiles"
_PARSER = "apparmor_parser"
_RULES = f"""#include <tunables/global>
profile {DEFAULT} flags=(attach_disconnected,mediate_deleted) {{
  #include <abstractions/base>
  network,
  capability,
  file,
  umount,
  signal (receive) peer=unconfined,
  signal (send,receive) peer={DEFAULT},
  ptrace (trace,read) peer={DEFAULT},
  deny @{{PROC}}/* w,
  deny @{{PROC}}/{{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9]*}}/** w,
  deny @{{PROC}}/sys/[^k]** w,
  deny @{{PROC}}/sys/kernel/{{?,??,[^s][^h][^m]**}} w,
  deny @{{PROC}}/sysrq-trigger rwklx,
  deny @{{PROC}}/kcore rwklx,
  deny mount,
  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/fs/c[^g]*/** wklx,
  deny /sys/fs/cg[^r]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/kernel/security/** rwklx,
}}
"""


def loaded() -> Optional[set[str]]:
    """Return the names of the loaded profiles; None where the kernel has no list."""
    text = read_file(_PROFILES)
    return None if text is None else {line.rpartition(" (")[0] for line in text.splitlines()}


def default() -> str:
    """Load the default profile if needed and return its name, "" where the host lacks AppArmor's parser.

    :raises ToolFailed: the parser refuses it.
    """
    import shutil

    if not shutil.which(_PARSER, path=TOOL_PATH):
        return ""
    if DEFAULT not in (loaded() or ()):
        # It is gone after a boot; two processes that load it at once load the same.
        argv = [_PARSER, "--replace", "--skip-cache", "--quiet"]
        run(argv, package="apparmor", input=_RULES, doing=f"loading the AppArmor profile {DEFAULT}")
    return DEFAULT
