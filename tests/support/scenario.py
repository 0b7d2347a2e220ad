# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule in a test host, with state, caches and home below one folder."""

from __future__ import annotations

import glob
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from . import images, kept_engine, playbooks
from .hosts import Host

EXAMPLE = f"{images.PROJECT}/docs/examples/molecule"
PAGE = f"{images.PROJECT}/docs/molecule.md"
INSIDE = f"{images.PROJECT}/docs/inside.md"
TUTORIAL = f"{images.PROJECT}/docs/tutorial.md"
HOWTOS = sorted(glob.glob(f"{images.PROJECT}/docs/howto/*.md"))
# The pages of which a test writes the files and runs the commands.
FOLLOWED = (PAGE, INSIDE, TUTORIAL, *HOWTOS)
# The images of the example, which a test host has by these names; the second one's name is busybox's own.
NAMES = {"docker.io/library/debian:12": "debian", "docker.io/library/busybox:latest": "busybox"}
# Parameters of the fixture ``host``.
BACKENDS = (pytest.param({}, id="cni"), pytest.param({"network_backend": "netavark"}, id="netavark"))


def page_files(page: str = PAGE) -> dict[str, str]:
    """Return the files that a page shows."""
    return dict(re.findall(r"(?ms)^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", _text(page)))


def page_commands(page: str = PAGE) -> list[str]:
    """Return the commands that a page shows, in its order."""
    blocks = re.findall(r"(?ms)^```console\n(.*?)^```$", _text(page))
    return [line.removeprefix("# ") for block in blocks for line in block.splitlines()]


def page_blocks(page: str = PAGE) -> list[tuple[str, str]]:
    """Return the language and the text of each block of a page that has a language."""
    return re.findall(r"(?ms)^ *```(\w+)\n(.*?)^ *```$", _text(page))


def page_unnamed(page: str = PAGE) -> list[str]:
    """Return the blocks of a page that are neither its files nor commands."""
    files = page_files(page).values()
    return [text for language, text in page_blocks(page) if language != "console" and text not in files]


def _text(page: str) -> str:
    with open(page, encoding="utf-8") as file:
        return file.read()


def have_images(host: Host) -> None:
    """Have the example's images in the host's store, by the names that the example has."""
    host.debian()
    for name, tag in NAMES.items():
        host.store("add-names", "-n", name, f"localhost/{tag}:latest")


def start(host: Host, project: str, *words: str, **variables: str) -> subprocess.Popen[str]:
    """Start a command, molecule as a rule, in the folder of a project; ``variables`` are added to its environment.

    The host has the engine before.
    """
    kept_engine.install(host.parts.static_root)
    settings = {
        **os.environ,
        **host.parts.environment(),
        "PATH": f"{os.path.dirname(sys.executable)}:{project}/.bin:{os.environ['PATH']}",
        "HOME": f"{project}/.home",
        "XDG_CACHE_HOME": f"{project}/.cache",
        "ANSIBLE_HOME": f"{project}/.ansible-home",
        "NO_COLOR": "1",
        "ANSIBLE_NOCOLOR": "1",
        **variables,
    }
    return subprocess.Popen(
        words, cwd=project, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def run(host: Host, project: str, *words: str, **variables: str) -> str:
    """Return what ``molecule WORDS`` prints; it must succeed."""
    return succeeded(start(host, project, "molecule", *words, **variables))


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


class Books:
    """The two playbooks as molecule runs them, for the platforms of one scenario whose files are in ``folder``."""

    def __init__(self, host: Host, folder: Path, platforms: Sequence[Mapping[str, Any]]) -> None:
        self.host, self._folder = host, folder
        config = {"molecule_yml": {"platforms": platforms}, "molecule_instance_config": f"{folder}/instance.yml"}
        (folder / "vars.json").write_text(json.dumps(config))
        self._environment = {
            **playbooks.environment(str(folder)),
            **host.parts.environment(),
            "MOLECULE_EPHEMERAL_DIRECTORY": str(folder),
            "MOLECULE_SCENARIO_DIRECTORY": f"{folder}/scenario",
        }

    def start(self, book: str, *more: str) -> subprocess.Popen[str]:
        """Start a playbook."""
        argv = [playbooks.program(), f"libpod.engine.molecule_{book}", "--extra-vars=@vars.json", *more]
        how: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(argv, cwd=self._folder, env=self._environment, **how)

    def changes(self, book: str, *more: str) -> int:
        """Run a playbook, which succeeds; return how many of its tasks have changed something."""
        printed = succeeded(self.start(book, *more))
        changed: int = json.loads(printed.splitlines()[-1])["totals"]["changed"]
        return changed
