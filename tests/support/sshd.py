# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real sshd in a test host, and its containers as Ansible's hosts by the connection plugin ``libpod_ssh``."""

from __future__ import annotations

import os
import subprocess
import time
from typing import Any, Optional, Sequence

from . import inside, playbooks
from .hosts import Host

CONNECTION = "libpod.engine.libpod_ssh"
FOLDER = "/srv/ssh"
USER = "deploy"  # an ordinary user, who may become root
PASSWORD = "correct horse"
_HASH = "$6$libpod$Z45KFxiR/LPprh.NVprIZcjN5.TsyOCZ03f4oGBJklCtY2iBY8rA184MxPbgDuoTZiH2gBR3yi2cd4L6P8mRA1"
_CONFIG = f"""
HostKey {FOLDER}/host_key
AuthorizedKeysFile {FOLDER}/key.pub
PidFile none
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
MaxStartups 100
MaxSessions 100
"""


class Sshd:
    """An sshd on this address of the host that the test's process has entered; ``with`` ends it."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.address = address
        self._process: Optional[subprocess.Popen[bytes]] = None

    def __enter__(self) -> Sshd:
        os.makedirs("/run/sshd", exist_ok=True)
        os.makedirs(FOLDER, exist_ok=True)
        for name in ("host_key", "key"):
            if not os.path.exists(f"{FOLDER}/{name}"):
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{FOLDER}/{name}"], check=True)
        with open(f"{FOLDER}/sshd_config", "w", encoding="utf-8") as file:
            file.write(f"ListenAddress {self.address}\n{_CONFIG}")
        argv = ["/usr/sbin/sshd", "-D", "-f", f"{FOLDER}/sshd_config", "-E", f"{FOLDER}/log"]
        self._process = subprocess.Popen(argv, start_new_session=True)
        self._wait()
        return self

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        probe = ["ssh-keyscan", "-T", "5", self.address]
        while subprocess.run(probe, capture_output=True, check=False).stdout == b"":
            assert time.monotonic() < deadline, open(f"{FOLDER}/log", encoding="utf-8").read()
            time.sleep(0.1)

    def __exit__(self, *_reason: object) -> None:
        assert self._process
        self._process.kill()
        self._process.wait()


def settings() -> dict[str, str]:
    """Ansible's settings that keep ssh from what root has in its home."""
    return {
        "ANSIBLE_HOST_KEY_CHECKING": "0",
        "ANSIBLE_SSH_COMMON_ARGS": "-F /dev/null -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{FOLDER}/cp",
        "ANSIBLE_TIMEOUT": "60",
        "ANSIBLE_PRIVATE_KEY_FILE": f"{FOLDER}/key",
    }


def variables(host: Host, **more: Any) -> dict[str, Any]:
    """Return the variables of a container as Ansible's host, as ``inside.variables``."""
    return inside.variables(host, **{"connection": CONNECTION, "ssh_host": "127.0.0.1", "user": "root", **more})


def play(
    host: Host, tasks: Sequence[dict[str, Any]], name: str = "c", *, ok: bool = True, **how: Any
) -> playbooks.Played:
    """Run tasks in a container over ssh; ``how`` are ``settings``, and variables as ``variables`` takes them."""
    changed = {**settings(), "ANSIBLE_REMOTE_TEMP": "/tmp/ansible", **(how.pop("settings", None) or {})}
    return playbooks.play(tasks, hosts={name: variables(host, **how)}, settings=changed, ok=ok)


def add_user(rule: str = "NOPASSWD: ALL") -> None:
    """Give the test host the ordinary user, and sudo this rule for them."""
    with open("/etc/passwd", "a", encoding="utf-8") as file:
        file.write(f"{USER}:x:1500:1500::/srv/home:/bin/sh\n")
    with open("/etc/shadow", "a", encoding="utf-8") as file:
        file.write(f"{USER}:{_HASH}:19000:0:99999:7:::\n")
    set_rule(rule)
    os.makedirs("/srv/home", exist_ok=True)
    os.chown("/srv/home", 1500, 1500)


def set_rule(rule: str) -> None:
    """Have sudo allow the ordinary user this."""
    path = f"/etc/sudoers.d/{USER}"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{USER} ALL=(ALL) {rule}\n")
    os.chmod(path, 0o440)
