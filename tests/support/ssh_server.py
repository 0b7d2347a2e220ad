# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real sshd on a test host's loopback, which lets root in by a key of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, NamedTuple

from .process import eventually

ADDRESS, PORT = "127.0.0.1", 2222


class Server(NamedTuple):
    """Where it listens, and the private key that it takes."""

    address: str
    port: int
    key: str
    arguments: str

    @property
    def variables(self) -> dict[str, Any]:
        """Ansible's variables of a host that is reached by it."""
        return {
            "ansible_host": self.address,
            "ansible_port": self.port,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": self.key,
            "ansible_ssh_common_args": self.arguments,
        }


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Have it run; its keys and settings are in ``folder``, which must be root's."""
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{name}"], check=True)
    # What sshd is confined to; connections are kept there too, whose sockets need a short path.
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    settings = {
        "ListenAddress": f"{ADDRESS}:{PORT}",
        "HostKey": f"{folder}/host",
        "AuthorizedKeysFile": f"{folder}/user.pub",
        "StrictModes": "no",
        "UsePAM": "no",
        "PermitRootLogin": "prohibit-password",
        "PasswordAuthentication": "no",
        "PidFile": "none",
        "MaxSessions": "100",
        "MaxStartups": "100",
        "Subsystem": "sftp internal-sftp",
    }
    config = folder / "sshd_config"
    config.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    argv = ["/usr/sbin/sshd", "-D", "-f", str(config), "-E", f"{folder}/log"]
    with subprocess.Popen(argv) as server:
        try:
            eventually(lambda: server.poll() is not None or _listens())
            yield Server(ADDRESS, PORT, f"{folder}/user", _arguments(folder))
        finally:
            server.kill()
            shutil.rmtree("/run/sshd")


def _listens() -> bool:
    with socket.socket() as client:
        return client.connect_ex((ADDRESS, PORT)) == 0


def _arguments(folder: Path) -> str:
    """Return ssh's arguments by which it writes nothing into root's home."""
    known = f"-o UserKnownHostsFile={folder}/known_hosts -o StrictHostKeyChecking=accept-new"
    return f"-F /dev/null {known} -o ControlPath=/run/sshd/%C -o ControlPersist=5s"
