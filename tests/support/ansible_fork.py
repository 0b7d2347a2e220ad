# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-playbook in a fork of a process that has imported Ansible, which takes most of a short play's CPU time.

Likewise ansible-inventory. Ansible reads its settings when it is imported, so the program itself is run with settings
that a fork cannot change. The fork is what the program would be: in the caller's namespaces, cgroups and environment.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from typing import Any, Callable, Iterator, Mapping, Optional

from . import kernel
from .process import end_by

_PROGRAMS = {f"ansible-{name}": f"ansible.cli.{name}" for name in ("inventory", "playbook")}
# What a play imports before its first task.
_IMPORTED = (
    *_PROGRAMS.values(),
    "ansible.executor.process.worker",
    "ansible.module_utils.connection",
    "ansible.playbook.included_file",
    "ansible.playbook.role_include",
    "ansible.plugins.cache.memory",
    "ansible.plugins.callback.default",
    "ansible.plugins.strategy.linear",
    "multiprocessing.shared_memory",
    "xml.etree.ElementTree",
)
# The settings, by their variables, that are read again where they are used, or are one of Ansible's constants alone.
_CHANGEABLE = re.compile(
    "ANSIBLE_(SSH_.*|HOST_KEY_CHECKING|INVENTORY_ANY_UNPARSED_IS_FAILED|PIPELINING|PRIVATE_KEY_FILE|REMOTE_TEMP|TIMEOUT"
    "|VERBOSITY)"
)
_READ_AT_IMPORT = ("ANSIBLE_", "LC_", "LANG", "PYTHON", "HOME")
_MOST = 1 << 20  # bytes of a request
_NAMESPACES = ("mnt", "net", "uts", "cgroup", "ipc")
Environment = Callable[[str], dict[str, str]]  # the variables of a play in a folder
_server: Optional[Server] = None


class Server:
    """The process that imports Ansible, and the folder that its plays have, one after another."""

    def __init__(self, environment: Environment) -> None:
        """Start it, outside of any test host."""
        self.owner = os.getpid()
        self.folder = os.path.join(tempfile.gettempdir(), f"libpod-play-{self.owner}")
        self.settings = _settings(environment(self.folder))
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = [sys.executable, "-I", "-m", __name__, str(other.fileno())]
        with other:
            subprocess.Popen(argv, env=environment(self.folder), cwd="/", pass_fds=[other.fileno()])

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Have the folder during a block.

        :raises FileExistsError: another play has it.
        """
        os.mkdir(self.folder, 0o700)
        try:
            yield
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, argv: list[str], env: Mapping[str, str], cwd: str) -> subprocess.CompletedProcess[str]:
        """Return what ``subprocess.run`` would; the first argument is the program's path."""
        with contextlib.ExitStack() as opened:
            streams = [opened.enter_context(tempfile.TemporaryFile()) for _stream in range(2)]
            spaces = [opened.enter_context(open(f"/proc/self/ns/{name}", "rb")) for name in _NAMESPACES]
            groups = [opened.enter_context(open(path, "wb", buffering=0)) for path in _cgroups()]
            request = json.dumps({"argv": argv, "env": dict(env), "cwd": cwd, "umask": _umask()})
            owner, self.owner = self.owner, 0  # an answer that is not waited for would be the next play's
            socket.send_fds(self._socket, [request.encode()], [file.fileno() for file in (*streams, *spaces, *groups)])
            status = int(self._socket.recv(32))
            self.owner = owner
            texts = []
            for stream in streams:
                stream.seek(0)
                texts.append(stream.read().decode())
        return subprocess.CompletedProcess(argv, status, *texts)


def _settings(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(_READ_AT_IMPORT)}


def _umask() -> int:
    now = os.umask(0)
    os.umask(now)
    return now


def _cgroups() -> Iterator[str]:
    """Yield the files that move a process into the caller's cgroups."""
    from .cgroup_tree import hierarchies

    for one in hierarchies():
        yield f"{one.mountpoint}{one.home.rstrip('/')}/cgroup.procs"


def start(environment: Environment) -> None:
    """Have a server for the plays of this process; it imports Ansible at the first one."""
    global _server
    _server = Server(environment)


@contextlib.contextmanager
def server(environment: Environment, settings: Mapping[str, str]) -> Iterator[Optional[Server]]:
    """Yield what can run Ansible with these further settings, and its folder; None where the program has to."""
    found = _server if _server and _server.owner == os.getpid() and all(map(_CHANGEABLE.fullmatch, settings)) else None
    if found and found.settings != _settings(environment(found.folder)):
        found = None
    with contextlib.ExitStack() as stack:
        try:
            if found:
                stack.enter_context(found.taken())
        except FileExistsError:  # a play of another thread
            found = None
        yield found


def run(found: Optional[Server], argv: list[str], env: Mapping[str, str], cwd: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Ansible's, by the server where there is one, and return how it ended and what it printed."""
    if found:
        return found.run(argv, env, cwd)
    return subprocess.run(argv, check=False, cwd=cwd, env=env, capture_output=True, text=True)


def _serve(asked: socket.socket) -> None:
    """Run each play that is asked for, until nobody can ask."""
    import gc

    select.select([asked], [], [])
    # Another ansible-core may have its modules elsewhere: the play then imports them.
    with contextlib.suppress(ImportError, AttributeError):
        for name in _IMPORTED:
            importlib.import_module(name)
        _read_routing()
    gc.collect()
    gc.freeze()
    kernel.use_huge_pages()
    while True:
        text, fds, _flags, _address = socket.recv_fds(asked, _MOST, 64)
        if not text:
            return
        pid = os.fork()
        if pid == 0:
            asked.close()
            end_by(functools.partial(_play, json.loads(text), fds))
        for fd in fds:
            os.close(fd)
        _pid, status = os.waitpid(pid, 0)
        asked.send(str(os.waitstatus_to_exitcode(status)).encode())


def _read_routing() -> None:
    """Read what Ansible reads of its own plugins' new names, 10,000 lines of YAML, once for all plays."""
    import ansible
    from ansible.utils.collection_loader import _collection_finder

    _collection_finder._meta_yml_to_dict = functools.cache(_collection_finder._meta_yml_to_dict)
    with open(f"{os.path.dirname(ansible.__file__)}/config/ansible_builtin_runtime.yml", "rb") as file:
        _collection_finder._meta_yml_to_dict(file.read(), ("ansible.builtin", "runtime.yml"))


def _play(request: dict[str, Any], fds: list[int]) -> None:
    """Become what the request asks for, and run the program."""
    out, err, *spaces = fds[: 2 + len(_NAMESPACES)]
    for group in fds[2 + len(_NAMESPACES) :]:
        os.write(group, b"0")
    for space in spaces:
        kernel.setns(space, 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    for fd in fds:
        os.close(fd)
    os.umask(request["umask"])
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = request["argv"]
    _run_program()


def _run_program() -> None:
    """Run the program of ``sys.argv``."""
    from ansible import constants

    # The collection is what Ansible finds, and not what this process has imported.
    for name in [name for name in sys.modules if name.startswith("ansible_collections")]:
        del sys.modules[name]
    # Made once, when it was imported.
    os.makedirs(os.environ["ANSIBLE_LOCAL_TEMP"], exist_ok=True)
    constants.DEFAULT_LOCAL_TMP = tempfile.mkdtemp(dir=os.environ["ANSIBLE_LOCAL_TEMP"])
    for name, setting in constants.config.get_configuration_definitions().items():
        if any(_CHANGEABLE.fullmatch(variable["name"]) for variable in setting.get("env") or ()):
            setattr(constants, name, constants.config.get_config_value(name))
    importlib.import_module(_PROGRAMS[os.path.basename(sys.argv[0])]).main(sys.argv)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
