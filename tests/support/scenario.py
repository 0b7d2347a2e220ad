# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule in a test host, with state, caches and home below one folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

from . import debian
from .hosts import Host


def start(host: Host, project: str, *words: str, **variables: str) -> subprocess.Popen[str]:
    """Start ``molecule WORDS`` in the folder ``project``, whose images are the host's; ``variables`` are added."""
    settings = {
        **os.environ,
        **host.parts.environment(),
        "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
        "HOME": f"{project}/.home",
        "XDG_CACHE_HOME": f"{project}/.cache",
        "ANSIBLE_HOME": f"{project}/.ansible-home",
        "DEBIAN": debian.NAME,
        "BUSYBOX": "localhost/busybox:latest",
        "NO_COLOR": "1",
        "ANSIBLE_NOCOLOR": "1",
        **variables,
    }
    command = ["molecule", *words]
    return subprocess.Popen(
        command, cwd=project, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def run(host: Host, project: str, *words: str, **variables: str) -> str:
    """Return what ``molecule WORDS`` prints; it must succeed."""
    return succeeded(start(host, project, *words, **variables))


def succeeded(started: subprocess.Popen[str]) -> str:
    """Return what a started molecule has printed; it must succeed."""
    printed = started.communicate(timeout=900)[0]
    assert started.returncode == 0, printed
    return printed


def write(folder: str, files: Mapping[str, str]) -> None:
    """Write the files of a project."""
    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
