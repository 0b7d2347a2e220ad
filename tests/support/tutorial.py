# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tutorial's commands, and ``main``: all of them as they stand, on this very host, as on a user's.

That is for .ci/fresh: the role installs packages, and the containers are in the places of any host.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from typing import Iterator, Sequence

from . import images, scenario
from .process import eventually, in_background
from .registry import HTTP, REGISTRY, answers

# Not run in a test host: the role would write outside of it.
PREPARED = "ansible-playbook -i hosts prepare.yml"
IMAGE = "library/busybox:latest"
MIRROR = f"""\
[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "{REGISTRY}"
insecure = true
"""


def commands() -> list[str]:
    """Return the tutorial's commands, less the first."""
    first, *others = scenario.page_commands(scenario.TUTORIAL)
    assert first == PREPARED and len(others) == 8
    return others


def check(printed: Sequence[str]) -> None:
    """Check what each of the commands printed."""
    site, page, listed, _logs, predicted, change, memory, removal = printed
    assert "changed=1" in site and page == "Hello from web\n" and "0.0.0.0:8080->80/tcp" in listed
    assert "memory" in predicted and "changed=1" in predicted and "changed=1" in change and memory == f"{128 << 20}\n"
    assert "changed=2" in removal


@contextlib.contextmanager
def mirror(folder: str) -> Iterator[None]:
    """Have a registry on loopback be the mirror of docker.io, with the tutorial's image."""
    config = f"{folder}/registry.yml"
    with open(config, "w", encoding="ascii") as file:
        file.write(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n{HTTP}")
    os.makedirs("/etc/containers/registries.conf.d", exist_ok=True)
    with open("/etc/containers/registries.conf.d/mirror.conf", "w", encoding="ascii") as file:
        file.write(MIRROR)
    argv = ["docker-registry", "serve", config]
    with in_background(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        eventually(lambda: answers(5000))
        policy = ["skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false"]
        subprocess.run([*policy, f"oci:{images.layout()}:busybox", f"docker://{REGISTRY}/{IMAGE}"], check=True)
        yield


def main() -> None:
    """Follow the tutorial, each command by a shell that finds the commands of .venv; print what they print."""
    os.environ["PATH"] = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"

    def run(command: str) -> str:
        print(f"# {command}", flush=True)
        done = subprocess.run(command, shell=True, cwd=project, stdout=subprocess.PIPE, text=True, check=True)
        print(done.stdout, flush=True)
        return done.stdout

    with tempfile.TemporaryDirectory() as folder:
        project = f"{folder}/project"
        scenario.write(project, scenario.page_files(scenario.TUTORIAL))
        run(PREPARED)
        with mirror(folder):
            check([run(command) for command in commands()])


if __name__ == "__main__":
    main()
