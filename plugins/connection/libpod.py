# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: libpod
author:
  - The libpod.engine authors (@libpod)
version_added: 0.1.0
short_description: Tasks in a container that the engine runs on the controller
description:
  - Runs tasks inside a container that P(libpod.engine.libpod_container#module) started on the controller itself, as
    C(molecule) and plays for C(localhost) do. Neither podman nor docker is needed for it.
  - A command is a process of the container, in its namespaces and cgroup, with its capabilities, seccomp filter, labels and
    C(no_new_privileges).
  - A command ends with the task. Where C(ansible-playbook) or its worker is killed, the command and what descends from it
    are killed within 15 seconds. What has become a daemon goes on, and so do jobs of C(async).
  - An image without Python serves M(ansible.builtin.raw) and M(ansible.builtin.script).
extends_documentation_fragment:
  - libpod.engine.connection
requirements:
  - root on the controller
  - a shell in the container
notes:
  - A container that does not exist, does not run, is paused, or ends during a task makes its host unreachable.
  - A command may print up to 256 MiB.
"""

EXAMPLES = r"""
- name: Work in a container of this host
  hosts: localhost
  tasks:
    - name: Run it
      libpod.engine.libpod_container:
        name: web
        image: docker://registry.example.com/debian:12
        command: ["sleep", "infinity"]
        state: started

    - name: Have it as a host of the inventory
      ansible.builtin.add_host:
        name: web
        ansible_connection: libpod.engine.libpod

- name: Set it up
  hosts: web
  gather_facts: false
  tasks:
    - name: Install Python where the image has none
      ansible.builtin.raw: command -v python3 || { apt-get update && apt-get -y install python3; }
      changed_when: false

    - name: Be another user, without become
      ansible.builtin.command: id -un
      remote_user: www-data
      changed_when: false
"""

import gc
import multiprocessing
import os
from typing import TYPE_CHECKING, Any, Callable, Iterable, Optional, TypeVar, cast

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

from ..module_utils import _engine_tree
from ..plugin_utils._conversation import Conversation, absolute, become_of, check_module, environment, not_run, playbook
from ..plugin_utils._early import EarlyShell, can_take, can_wait
from ..plugin_utils._parts import parts
from ..plugin_utils._pipelining import read_at_once

if TYPE_CHECKING:
    from ..module_utils._container.container import Container
    from ..module_utils._container.io.exec import Exec
    from ..module_utils._container.io.guarded import Guarded
    from ..module_utils._drivers.oci.exec import Ended

T = TypeVar("T")

display = Display()
_COLLECT_EVERY = 200_000  # objects made and not freed, instead of 700


class Connection(ConnectionBase):  # type: ignore[misc]  # Ansible has no types
    """Tasks in a container that the engine runs on this host."""

    transport = "libpod.engine.libpod"
    has_pipelining = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        read_at_once(self._shell)
        if multiprocessing.parent_process():
            # A worker ends with its task. An eighth of its time are the collector's passes, most while Ansible builds the
            # module, and there is hardly a cycle to free.
            gc.set_threshold(_COLLECT_EVERY)
        self._connected = False
        self._playbook = int(kwargs.get("ansible_playbook_pid") or 0)
        self._guarded: Optional[Guarded] = None
        self._early: Optional[EarlyShell] = None

    @property
    def module_implementation_preferences(self) -> Iterable[str]:
        """The suffixes of modules, which Ansible asks for when it is about to build one."""
        if self._early is None and can_wait(self.get_option("executable")):
            try:
                self._connect()
                self._early = EarlyShell(cast("Guarded", self._guarded), self.get_option("executable"), self._wanted)
            except Exception:  # pylint: disable=broad-exception-caught
                self._early = None  # the command will fail alike, and Ansible has a place for that
        return ("",)

    def _connect(self) -> Connection:
        if os.geteuid() != 0:
            raise AnsibleConnectionFailure(
                "the connection libpod.engine.libpod needs root on the controller: run ansible-playbook as root, or use "
                "libpod.engine.libpod_ssh with a user who may become root"
            )
        if not self._connected:
            self._guarded = _explained(self._find)
            self._connected = True
        return self

    def _find(self) -> Guarded:
        base, guarded, config = _engine_tree.load("_runtime.base", "_container.io.guarded", "_model.engine_config")
        runtime = base.RuntimeBase(config.EngineConfig(**parts(self.get_option)))
        container: Container = runtime.container(self.get_option("remote_addr"))
        # Ansible asks for the home of this user; a number has none that a shell knows.
        name = str(container.config.resolved["user"] or "root").partition(":")[0]
        self.default_user = {"0": "root"}.get(name, None if name.isdigit() else name)
        found: Guarded = guarded.Guarded(container)
        return found

    def exec_command(
        self, cmd: str, in_data: Optional[bytes] = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        """Run a command by the shell in the container."""
        self._connect()
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        display.vvv(f"EXEC {cmd}", host=self.get_option("remote_addr"))
        become = become_of(self.become, cmd, sudoable)
        parent = playbook(self._playbook)
        talk = Conversation(become, in_data, self.get_option("timeout"), parent)
        try:
            ended = self._execute(cmd, talk)
        finally:
            talk.close()
        talk.finished()
        if ended.code:
            check_module(cast("Guarded", self._guarded).container.name, in_data, bytes(talk.stderr))
        return int(ended.code or 0), bytes(talk.stdout), bytes(talk.stderr)

    def _execute(self, cmd: str, talk: Conversation) -> Ended:
        """Run a command by the shell, with ``talk`` at its streams."""
        guarded, shell = cast("Guarded", self._guarded), self.get_option("executable")
        early, self._early = self._early, None
        if early and not can_take(cmd):
            early.close()
            early = None
        ended: Ended
        if early:
            ended = _explained(lambda: early.run(cmd, talk))
        else:
            streams, flows = _engine_tree.load("_drivers.oci.exec_streams", "_drivers.streams")
            sinks = (flows.Sink(talk.out), flows.Sink(talk.err))
            pipes = streams.Streams(*sinks, talk.input, watch=talk, more_follows=talk.asks)
            talk.add = pipes.add
            wanted = self._wanted([shell, "-c", cmd])
            ended = _explained(lambda: guarded.execute(wanted, pipes))
        if ended.error:
            raise not_run(shell, guarded.container.name, ended.error, ended.code)
        return ended

    def _wanted(self, argv: list[str]) -> Exec:
        (execs,) = _engine_tree.load("_container.io.exec")
        env = environment(self.get_option("extra_env"))
        wanted: Exec = execs.Exec(argv, env=env, user=self.get_option("remote_user") or None)
        return wanted

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the controller into the container, as the remote user."""
        self._connect()
        super().put_file(in_path, out_path)
        display.vvv(f"PUT {in_path} TO {out_path}", host=self.get_option("remote_addr"))
        if not os.path.exists(in_path):
            raise AnsibleFileNotFound(f"file or module does not exist: {in_path}")
        self._transfer("put_file", in_path, absolute(out_path))

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the container to the controller, as the remote user can read it."""
        self._connect()
        super().fetch_file(in_path, out_path)
        display.vvv(f"FETCH {in_path} TO {out_path}", host=self.get_option("remote_addr"))
        self._transfer("fetch_file", absolute(in_path), out_path)

    def _transfer(self, method: str, source: str, target: str) -> None:
        (transfer,) = _engine_tree.load("_container.rootfs.transfer")
        copy = getattr(cast("Guarded", self._guarded).container, method)
        try:
            _explained(lambda: copy(source, target, self.get_option("remote_user") or None))
        except AnsibleConnectionFailure as error:
            # The container is there: the task has failed, and not the connection. Ansible's message has a cause's as well.
            if isinstance(error.__cause__, transfer.TransferFailed):
                raise AnsibleError(str(error.__cause__)) from None
            raise

    def reset(self) -> None:
        """Look the container up again."""
        self.close()

    def close(self) -> None:
        """End what waits for this process's end; a container has no connection."""
        early, self._early = self._early, None
        if early:
            early.close()
        if self._guarded:
            self._guarded.close()
            self._guarded = None
        self._connected = False


def _explained(do: Callable[[], T]) -> T:
    """Return what ``do`` does. :raises AnsibleConnectionFailure: the engine failed; the message is its sentence."""
    try:
        return do()
    except AnsibleError:
        raise
    except Exception as error:
        (errors,) = _engine_tree.load("_model.errors")
        raise AnsibleConnectionFailure(errors.sentence(error)) from error
