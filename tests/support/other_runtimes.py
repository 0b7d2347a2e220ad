# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OCI runtimes other than runc and crun on a test host: Debian's runsc, and a stand-in for youki.

youki is in no package that the tests can have. The stand-in has its command line, state directory and messages, as the
sources of youki 0.5 have them (crates/libcontainer/src/container, crates/youki/src); runc does the work.
"""

from __future__ import annotations

import os
import sys

import pytest

from .hosts import Host
from .images import PROJECT

# Of .ci/runsc, which make integration runs.
_FOLDER = f"{PROJECT}/build/runsc"
# Sockets of the container's network namespace, and files in the container's layer, as the documentation advises.
PLAIN = "--network=host --overlay2=none"
_YOUKI = f"""#!{sys.executable} -I
import json, os, pathlib, shutil, socket, subprocess, sys

arguments = sys.argv[1:]
if arguments == ["--version"]:
    sys.exit(print("youki version: 0.5.7"))
settings = {{}}
while arguments[0].startswith("--"):
    name, equals, value = arguments.pop(0).partition("=")
    settings[name] = value if equals else arguments.pop(0)
command, *rest = arguments
container = rest[-1]
folder = pathlib.Path(settings["--root"], container)
with open("/srv/youki.calls", "a") as file:
    file.write(command + "\\n")


def fail(message):
    with open(settings.get("--log", "/dev/stderr"), "a") as file:
        file.write(json.dumps({{"timestamp": "2026-12-01T00:00:00Z", "level": "ERROR", "message": message}}) + "\\n")
    sys.exit(1)


def runc(*argv):
    log = pathlib.Path(f"/srv/youki-runc/{{os.getpid()}}.log")
    log.parent.mkdir(exist_ok=True)
    runc = ["runc", "--root", str(log.parent), "--log", str(log), "--log-format", "json"]
    code = subprocess.run([*runc, *argv], close_fds=False).returncode
    said = log.read_text()
    log.unlink()
    if code:
        fail("error in executing command: " + json.loads(said.splitlines()[-1])["msg"])


def note(status):
    (folder / "state.json").write_text(json.dumps({{"ociVersion": "1.0.2", "id": container, "status": status}}))


if command == "create":
    if folder.exists():
        fail("container already exists")
    folder.mkdir(parents=True)
    note("creating")
    (folder / "youki_config.json").write_text("{{}}")
    os.chdir(folder)
    socket.socket(socket.AF_UNIX).bind("notify.sock")  # it stays there after start
    os.chdir("/")
    runc(command, *rest)
    note("created")
elif not folder.exists():
    fail("container does not exist")
elif command == "start":
    runc(command, *rest)
    note("running")
elif command == "state":
    print((folder / "state.json").read_text())
elif command == "exec":
    runc(command, *rest)
elif command == "delete":
    runc(command, *rest)
    shutil.rmtree(folder)
else:
    fail(command + " is not to be relied on")
"""


def runsc(host: Host, flags: str = PLAIN) -> str:
    """Put a script on the host that runs runsc with these flags, and return its path.

    The test is skipped where Debian has no runsc.
    """
    program = f"{_FOLDER}/usr/bin/runsc"
    if os.path.exists(f"{_FOLDER}/unavailable"):
        with open(f"{_FOLDER}/unavailable", encoding="utf-8") as file:
            pytest.skip(file.read().strip())
    assert os.path.exists(program), f"{program} is missing: run .ci/runsc"
    return _script("/srv/runsc", f'#!/bin/sh\nexec {program} {flags} "$@"\n')


def youki(host: Host) -> str:
    """Put the stand-in on the host and return its path; /srv/youki.calls lists the commands that it was given."""
    return _script("/srv/youki", _YOUKI)


def _script(path: str, text: str) -> str:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o755)
    return path
