# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the programs the engine drives."""

from __future__ import annotations

import errno
import os
import subprocess
from typing import Mapping, Optional, Sequence

from .._model import shared_locks
from .._model.errors import ToolFailed, ToolMissing
from .effects import effect

# sbin is where runc and the iptables of the CNI plugins live, and not on every user's PATH.
TOOL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def tool_environment(extra: Optional[Mapping[str, str]] = None) -> dict[str, str]:
    """The environment tools run with: PATH, the locale of their messages, proxies, and ``extra``."""
    kept = {key: value for key, value in os.environ.items() if key.lower().endswith("_proxy")}
    kept.update({"PATH": TOOL_PATH, "LC_ALL": "C.UTF-8", "HOME": os.environ.get("HOME", "/root")})
    kept.update(extra or {})
    return kept


def run(
    argv: Sequence[str],
    *,
    package: str,
    changes: bool = True,
    input: Optional[str] = None,
    env: Optional[Mapping[str, str]] = None,
    doing: str = "",
    label: str = "",
    lasting: bool = False,
) -> str:
    """Run a program to its end and return its standard output.

    ``package`` names the Debian package that has it; ``changes`` is false for calls that only read;
    ``env`` is added to the tools' environment; ``doing`` begins the message where the program fails; ``label`` is
    the verb the effect is announced with, where it is not the first argument; ``lasting`` is said of a program that
    may leave another one running, which must not keep the locks.

    :raises ToolMissing: it is not there.
    :raises ToolFailed: it ended with another exit code than 0.
    """
    if changes:
        effect(f"{os.path.basename(argv[0])} {label or argv[1]}")
    try:
        done = subprocess.run(
            list(argv),
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            env=tool_environment(env),
            pass_fds=() if lasting else tuple(shared_locks.descriptors),
            check=False,
        )
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EACCES, errno.ENOTDIR):
            raise ToolMissing(argv[0], package) from error
        raise
    if done.returncode != 0:
        raise ToolFailed(argv, done.returncode, done.stderr or done.stdout, doing)
    return done.stdout
