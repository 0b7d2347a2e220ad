# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real sshd in a test host, and its containers as Ansible's hosts by the connection plugin ``libpod_ssh``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any, Iterator, Mapping, Optional, Sequence

from . import inside, kept_engine, playbooks
from .hosts import Host
from .process import traced

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
    """An sshd on this address and port of the host that the test's process has entered; ``with`` ends it.

    Its sessions have these environment ``variables``, such as a test host's roots. With ``trace``, the command line of
    each program that they start is in that file.
    """

    def __init__(
        self,
        address: str = "127.0.0.1",
        port: int = 22,
        variables: Optional[Mapping[str, str]] = None,
        trace: str = "",
    ) -> None:
        self.address, self.port, self.variables, self.trace = address, port, variables or {}, trace
        self._process: Optional[subprocess.Popen[bytes]] = None

    def __enter__(self) -> Sshd:
        os.makedirs("/run/sshd", exist_ok=True)
        os.makedirs(FOLDER, exist_ok=True)
        for name in ("host_key", "key"):
            if not os.path.exists(f"{FOLDER}/{name}"):
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{FOLDER}/{name}"], check=True)
        with open(f"{FOLDER}/sshd_config", "w", encoding="utf-8") as file:
            file.write(f"ListenAddress {self.address}:{self.port}\n{_CONFIG}")
            if self.variables:
                file.write("SetEnv " + " ".join(f"{name}={value}" for name, value in self.variables.items()) + "\n")
        argv = traced(self.trace) if self.trace else []
        argv += ["/usr/sbin/sshd", "-D", "-f", f"{FOLDER}/sshd_config", "-E", f"{FOLDER}/log"]
        self._process = subprocess.Popen(argv, start_new_session=True)
        self._wait()
        return self

    def _wait(self) -> None:
        deadline = time.monotonic() + 120
        probe = ["ssh-keyscan", "-T", "5", "-p", str(self.port), self.address]
        while subprocess.run(probe, capture_output=True, check=False).stdout == b"":
            assert time.monotonic() < deadline, open(f"{FOLDER}/log", encoding="utf-8").read()
            time.sleep(0.1)

    def __exit__(self, *_reason: object) -> None:
        assert self._process
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Machines:
    """Further test hosts, each with containers and an sshd, reached from ``host`` over a veth pair each."""

    def __init__(self, count: int, *containers: dict[str, Any]) -> None:
        self.host = Host()
        self._count, self._containers = count, containers
        self._children: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Machines:
        self.host.__enter__()
        try:
            for number in range(self._count):
                address = f"203.0.113.{4 * number + 2}"
                argv = [sys.executable, "-m", __name__, address, json.dumps(self._containers)]
                pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
                self._children.append(subprocess.Popen(argv, **pipes))
            for number, child in enumerate(self._children):
                self._connect(number, child)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _connect(self, number: int, child: subprocess.Popen[str]) -> None:
        assert child.stdin and child.stdout
        assert child.stdout.readline() == "entered\n"
        pair = ("link", "add", f"near{number}", "type", "veth", "peer", "name", "far0", "netns", str(child.pid))
        self.host.run("ip", *pair)
        lines = f"addr add 203.0.113.{4 * number + 1}/30 dev near{number}\nlink set near{number} up\n"
        self.host.run("ip", "-batch", "-", input=lines)
        print("connected", file=child.stdin, flush=True)

    def variables(self) -> Iterator[dict[str, Any]]:
        """Yield ssh's variables of each, once its sshd listens; the keys are in its first line."""
        for number, child in enumerate(self._children):
            assert child.stdout
            key = f"{FOLDER}/key-{number}"
            os.makedirs(FOLDER, exist_ok=True)
            with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
                file.write(json.loads(child.stdout.readline()))
            address = f"203.0.113.{4 * number + 2}"
            given = {"connection": CONNECTION, "host": address, "user": "root", "ssh_private_key_file": key}
            yield {f"ansible_{name}": value for name, value in given.items()}

    def __exit__(self, *_reason: object) -> None:
        for child in self._children:
            child.communicate()
        self.host.__exit__()


def _be_machine(address: str, containers: list[dict[str, Any]]) -> None:
    """Be one of ``Machines`` until standard input ends."""
    with Host() as host:
        print("entered", flush=True)
        sys.stdin.readline()
        host.run("ip", "-batch", "-", input=f"addr add {address}/30 dev far0\nlink set far0 up\n")
        host.store("add-names", "-n", "docker.io/library/busybox:latest", "localhost/busybox:latest")
        kept_engine.install(host.parts.static_root)
        made = host.module("libpod_containers", {"containers": containers})
        assert not made.failed, made
        with Sshd(address, variables=host.parts.environment()):
            with open(f"{FOLDER}/key", encoding="utf-8") as file:
                print(json.dumps(file.read()), flush=True)
            sys.stdin.read()


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


def add_user(rule: str = "NOPASSWD: ALL", name: str = USER) -> None:
    """Give the test host an ordinary user, and sudo this rule for them; all such users are one, by its ID."""
    with open("/etc/passwd", "a", encoding="utf-8") as file:
        file.write(f"{name}:x:1500:1500::/srv/home:/bin/sh\n")
    with open("/etc/shadow", "a", encoding="utf-8") as file:
        file.write(f"{name}:{_HASH}:19000:0:99999:7:::\n")
    set_rule(rule, name)
    os.makedirs("/srv/home", exist_ok=True)
    os.chown("/srv/home", 1500, 1500)


def set_rule(rule: str, name: str = USER) -> None:
    """Have sudo allow the ordinary user this."""
    path = f"/etc/sudoers.d/{name}"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{name} ALL=(ALL) {rule}\n")
    os.chmod(path, 0o440)


if __name__ == "__main__":
    _be_machine(sys.argv[1], json.loads(sys.argv[2]))
