# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the host starts the engine without Ansible: ``boot.py DIGEST WORD ...`` and the operator's command ``libpod``.

``boot.py``, beside what is kept, is ``engine_archive.py`` followed by this file (see ``script``), so that one file
without imports of its own verifies the archive and runs it.
"""

from __future__ import annotations

import importlib
import os
import sys
import zlib
from typing import Any, Tuple

SCRIPT, LAUNCHER = "boot.py", "libpod"
_FUTURE = b"from __future__ import annotations\n"


def script(archive: bytes, boot: bytes) -> bytes:
    """Return ``boot.py``, made of the sources of ``engine_archive.py`` and of this file."""
    return archive + b"\n\n" + boot.partition(_FUTURE)[2].lstrip()


def read_launcher(folder: str) -> Tuple[str, str, int]:
    """Interpreter and digest of the operator's command, and the checksum of boot.py; empty where it is not whole."""
    import json

    try:
        with open(f"{folder}/{LAUNCHER}", encoding="utf-8") as file:
            found = json.loads(file.read(4096).split("\n")[1][1:])
        return str(found["interpreter"]), str(found["digest"]), int(found["boot"])
    except (OSError, ValueError, LookupError, TypeError):
        return "", "", -1


def launcher(folder: str, interpreter: str, digest: str, boot: int) -> str:
    """The operator's command: what is on record stands in its second line."""
    import json
    import shlex

    record = json.dumps({"interpreter": interpreter, "digest": digest, "boot": boot})
    words = (interpreter, "-I", "-X", "utf8", f"{folder}/{SCRIPT}", digest)
    root = shlex.quote(os.path.dirname(folder))
    command = " ".join(map(shlex.quote, words))
    return f'#!/bin/sh\n#{record}\nLIBPOD_STATIC_ROOT={root} exec {command} "$@"\n'


def starts(folder: str) -> bool:
    """Whether the host can start the engine without Ansible: launcher, boot script, interpreter, sources."""
    interpreter, digest, boot = read_launcher(folder)
    try:
        with open(f"{folder}/{LAUNCHER}", encoding="utf-8") as file:
            expected = launcher(folder, interpreter, digest, boot)
            if file.read(len(expected) + 1) != expected or not os.fstat(file.fileno()).st_mode & 0o100:
                return False
        with open(f"{folder}/{SCRIPT}", "rb") as file:
            whole = zlib.crc32(file.read()) == boot
    except (OSError, ValueError):
        return False
    return whole and os.access(interpreter, os.X_OK) and os.path.exists(f"{folder}/{digest}.zip")


def start(archive: Any) -> int:
    """Run what is kept as a program: the version asked for, else the one that the operator's command has.

    ``archive`` has the names of ``engine_archive.py``: in ``boot.py`` that is the program itself.
    """
    folder = os.path.dirname(os.path.abspath(__file__))
    asked = sys.argv.pop(1) if len(sys.argv) > 1 else ""
    archive.check_version()
    archive.check_root(os.path.dirname(folder))
    for which in ("asked", "present"):
        digest = asked if which == "asked" else read_launcher(folder)[1]
        path, sources = archive.compiled(folder, digest), f"{folder}/{digest}.zip"
        if not archive.hold(path, digest) and archive.hold(sources, digest):
            # Another Python than the task's, or damage.
            try:
                path = path if archive._keep(sources, folder, digest) else sources
            except OSError:
                path = sources
        elif not archive._held:
            continue
        sys.path.insert(0, path)
        return int(importlib.import_module(f"{archive.PACKAGE}._cli.main").main())
    raise archive.Refused(f"{folder} has no whole engine any more: run a task of libpod.engine on this host")


def log(message: str) -> None:
    """Log an error in syslog, or the journal behind it; never blocks, and never fails (see ``_drivers/host_log``)."""
    import socket

    about = " ".join(word for word in sys.argv[1:3] if word.isalnum())  # subcommand and container: never a variable
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.connect("/dev/log")
            sender.send(f"<27>libpod[{os.getpid()}]: {about}: {message}".encode(errors="replace"))
    except OSError:
        pass


if __name__ == "__main__":
    _program: Any = sys.modules[__name__]
    try:
        raise SystemExit(start(_program))
    except _program.Refused as refused:
        sys.stderr.write(f"libpod: {refused}\n")
        log(str(refused))
        raise SystemExit(125) from refused
