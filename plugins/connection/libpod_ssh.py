# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: libpod_ssh
author:
  - The libpod.engine authors (@libpod)
version_added: 0.1.0
short_description: Tasks in a container on a remote host, over ssh
description:
  - Runs tasks inside a container that P(libpod.engine.libpod_container#module) started on a remote host. The way there is
    Ansible's own ssh connection with all its options, such as ControlPersist, jump hosts, keys, passwords and retries.
  - On the host the engine runs that the host keeps below O(static_root). The first task of any module of the collection puts
    it there, and so does the role P(libpod.engine.libpod_host#role).
  - A command is a process of the container as with P(libpod.engine.libpod#connection). The task's C(become) acts in the
    container.
  - Files stream through ssh into and out of the container. There is never a copy of one on the host.
  - A command ends with the task. Where C(ansible-playbook), its worker or ssh is killed, the command and what descends from
    it are killed within 15 seconds. What has become a daemon goes on, and so do jobs of C(async).
extends_documentation_fragment:
  - libpod.engine.libpod_ssh
  - connection_pipelining
options:
  container:
    description:
      - The container, by its name, its ID or an unambiguous beginning of its ID.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_libpod_container
  remote_user:
    description:
      - The user in the container, by name or ID, also as V(user:group). By default it is the container's own user.
      - A user who is named here needs no C(become), whatever the container has of C(sudo) and passwords.
    type: str
    vars:
      - name: ansible_libpod_user
  host_become:
    description:
      - Whether O(login_user) becomes another user on the host, which the engine needs to be root.
    type: bool
    default: false
    vars:
      - name: ansible_libpod_host_become
  host_become_method:
    description:
      - The become plugin for that.
    type: str
    default: sudo
    vars:
      - name: ansible_libpod_host_become_method
  host_become_user:
    description:
      - Whom the login user becomes.
    type: str
    default: root
    vars:
      - name: ansible_libpod_host_become_user
  host_become_password:
    description:
      - The password that O(host_become_method) asks for.
    type: str
    vars:
      - name: ansible_libpod_host_become_password
      - name: ansible_libpod_host_become_pass
  host_become_exe:
    description:
      - The program of O(host_become_method), where it is not the usual one.
    type: str
    vars:
      - name: ansible_libpod_host_become_exe
  host_become_flags:
    description:
      - The options of that program, where they are not the become plugin's own.
    type: str
    vars:
      - name: ansible_libpod_host_become_flags
requirements:
  - ssh on the controller
  - root on the host, by login or by O(host_become)
  - a shell in the container
notes:
  - A container that does not exist, does not run, is paused, or ends during a task makes its host unreachable.
  - A host whose network fails without a word is noticed as its C(sshd) notices it, by C(ClientAliveInterval) or TCP.
  - The containers of one host share one ControlPersist connection, which carries 10 tasks at once by C(sshd)'s default. More
    C(forks) than that need a higher C(MaxSessions); what is above it opens connections of its own.
  - What the command is and what goes to it travels on ssh's standard input, so that the host's process list has none of it.
  - C(remote_user) of a play, C(--user) and C(ansible_user) are the login on the host, O(login_user).
  - A command may print up to 256 MiB.
"""

EXAMPLES = r"""
- name: Run a container on each server
  hosts: servers
  become: true
  tasks:
    - name: Run it
      libpod.engine.libpod_container:
        name: web
        image: docker://registry.example.com/debian:12
        command: ["sleep", "infinity"]
        state: started

    - name: Have it as a host of the inventory
      ansible.builtin.add_host:
        name: "web.{{ inventory_hostname }}"
        groups: webs
        ansible_connection: libpod.engine.libpod_ssh
        ansible_host: "{{ ansible_host | default(inventory_hostname) }}"
        ansible_user: "{{ ansible_user | default(omit) }}"
        ansible_libpod_container: web
        ansible_libpod_host_become: true

- name: Work in these containers
  hosts: webs
  gather_facts: false
  tasks:
    - name: Install Python where the image has none
      ansible.builtin.raw: command -v python3 || { apt-get update && apt-get -y install python3; }
      changed_when: false

    - name: Be another user of the container, without become
      ansible.builtin.command: id -un
      changed_when: false
      vars:
        ansible_libpod_user: www-data
"""

import os
import shlex
from typing import IO, Any, Optional

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase, ssh
from ansible.plugins.loader import become_loader, get_shell_plugin
from ansible.utils.display import Display

from ..plugin_utils._conversation import Conversation, absolute, become_of, check_module, environment, not_run, playbook
from ..plugin_utils._exchange import Exchange
from ..plugin_utils._parts import parts
from ..plugin_utils._pipelining import read_at_once

display = Display()
_BROKEN = b"mux_client_hello_exchange: write packet: Broken pipe"


class Connection(ssh.Connection):  # type: ignore[misc]  # Ansible has no types
    """Tasks in a container on a remote host."""

    transport = "libpod.engine.libpod_ssh"
    has_pipelining = True
    has_tty = False

    def __init__(self, *args: object, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        read_at_once(self._shell)
        self._playbook = int(kwargs.get("ansible_playbook_pid") or 0)
        self._is_login = False

    def get_option(self, option: str, hostvars: object = None) -> Any:
        """Return an option: the user is the container's, and for ssh the host's."""
        name = "login_user" if option == "remote_user" and self._is_login else option
        return super().get_option(name, hostvars)

    def _build_command(self, *args: object) -> list[bytes]:
        self._is_login = True
        try:
            command: list[bytes] = super()._build_command(*args)
            return command
        finally:
            self._is_login = False

    def is_pipelining_enabled(self, wrap_async: bool = False) -> bool:
        """Return whether modules come by standard input; there never is a terminal."""
        return bool(ConnectionBase.is_pipelining_enabled(self, wrap_async))

    def exec_command(
        self, cmd: str, in_data: Optional[bytes] = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        """Run a command by the shell in the container."""
        display.vvv(f"EXEC {cmd}", host=self.get_option("container"))
        become = become_of(self.become, cmd, sudoable)
        argv = [self.get_option("executable"), "-c", cmd]
        request = self._request("exec", argv=argv, env=environment(self.get_option("extra_env")))
        exchange = Exchange(request, lambda: self._talk(become, in_data))
        reply = self._have(exchange)
        exchange.talk.finished()
        if reply["failure"]:
            raise not_run(argv[0], reply["container"], reply["failure"], reply["code"])
        if reply["code"]:
            check_module(reply["container"], in_data, bytes(exchange.talk.stderr))
        return int(reply["code"]), bytes(exchange.talk.stdout), bytes(exchange.talk.stderr)

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the controller into the container, as the remote user."""
        display.vvv(f"PUT {in_path} TO {out_path}", host=self.get_option("container"))
        try:
            source = open(in_path, "rb")
        except FileNotFoundError as error:
            raise AnsibleFileNotFound(f"file or module does not exist: {in_path}") from error
        with source:
            size = os.fstat(source.fileno()).st_size
            exchange = Exchange(self._request("put", path=absolute(out_path), size=size), self._talk)
            exchange.source = source.fileno()
            self._have(exchange)

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the container to the controller."""
        display.vvv(f"FETCH {in_path} TO {out_path}", host=self.get_option("container"))
        with open(out_path, "wb") as file:
            exchange = Exchange(self._request("fetch", path=absolute(in_path)), self._talk)
            exchange.target = file
            self._have(exchange)

    def _talk(self, become: object = None, in_data: Optional[bytes] = None) -> Conversation:
        """Return a new conversation with a command or a transfer, which ends with ansible-playbook."""
        parent = playbook(self._playbook)
        return Conversation(become, in_data, self._seconds, parent)

    def _request(self, verb: str, **more: object) -> dict[str, object]:
        user = self.get_option("remote_user") or None
        return {"verb": verb, "container": self.get_option("container"), "user": user, **more}

    @property
    def _seconds(self) -> float:
        """Seconds for become: as ssh's own loop, but from before the connection."""
        return 2.0 + 2 * int(self.get_option("timeout"))

    def _have(self, exchange: Exchange) -> dict[str, Any]:
        """Have an exchange and return the reply."""
        self.host = self.get_option("host") or self._play_context.remote_addr
        variables = parts(self.get_option)
        engine = f"{variables.pop('static_root')}/engine/libpod"
        given = " ".join(f"LIBPOD_{name.upper()}={shlex.quote(value)}" for name, value in variables.items())
        program = f"{given} exec {shlex.quote(engine)} connect".strip()
        exchange.host, exchange.become, exchange.seconds = self.host, self._host_become(), self._seconds
        if exchange.become:
            shell = get_shell_plugin(shell_type="sh", executable="/bin/sh")
            program = exchange.become.build_become_command(program, shell)
        program = f"/bin/sh -c {shlex.quote(program)}"
        command = self._build_command(self.get_option("ssh_executable"), "ssh", "-T", self.host, program)
        code, _out, _err = self._run(command, exchange, sudoable=False, checkrc=False)
        if exchange.failure:
            raise exchange.failure
        if not exchange.reply:
            raise exchange.refused(code, engine)
        for warning in exchange.reply["warnings"]:
            display.warning(warning)
        if "error" in exchange.reply:
            is_file = exchange.reply["kind"] == "TransferFailed"
            raise (AnsibleError if is_file else AnsibleConnectionFailure)(exchange.reply["error"])
        return exchange.reply

    def _host_become(self) -> object:
        if not self.get_option("host_become"):
            return None
        method = self.get_option("host_become_method")
        become = become_loader.get(method)
        if become is None:
            raise AnsibleError(f"ansible_libpod_host_become_method: there is no become plugin {method!r}")
        names = {"user": "user", "exe": "exe", "flags": "flags", "password": "pass"}
        given = {f"become_{theirs}": self.get_option(f"host_become_{ours}") for ours, theirs in names.items()}
        # This password alone: become plugins would otherwise take that of the container's become.
        become.set_options(
            direct={name: value for name, value in given.items() if value is not None or name == "become_pass"}
        )
        return become

    def _bare_run(
        self, cmd: object, in_data: object, sudoable: bool = True, checkrc: bool = True
    ) -> tuple[int, bytes, bytes]:
        code, out, err = super()._bare_run(cmd, in_data, sudoable=sudoable, checkrc=checkrc)
        if not isinstance(in_data, Exchange):
            return int(code), out, err
        if in_data.failure or in_data.ended(code, err):
            return 0, b"", b""
        stderr = bytes(in_data.talk.stderr)
        if code == 255 and _BROKEN in stderr:
            raise ssh.AnsibleControlPersistBrokenPipeError("the shared connection has just ended")
        return int(code), b"", stderr

    def _send_initial_data(self, fh: IO[bytes], in_data: object, ssh_process: Any) -> None:
        """Have the whole exchange where ssh's own loop sends the input: what is left for it is ssh's exit code."""
        if isinstance(in_data, Exchange):
            in_data.carry(ssh_process, fh)
        else:
            super()._send_initial_data(fh, in_data, ssh_process)
