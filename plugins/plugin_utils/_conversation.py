# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command's output as Ansible needs it, with the prompt and the password of become in between."""

from __future__ import annotations

import math
import multiprocessing
import os
import re
import time
from typing import Any, Callable, Mapping, Optional

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.text.converters import to_bytes, to_text

OUTPUT_LENGTH = 256 << 20  # bytes of standard output, and of standard error, that a task may print
_ENDED = "ansible-playbook has ended, and so does its command in the container"
_BEFORE = 1 << 14  # bytes that may come before become succeeds: a prompt, a lecture


def playbook(given: int) -> int:
    """Return the PID of ansible-playbook where this process is its worker, and else 0.

    :param given: the process that was this one's parent when the connection was made, 0 where it is not known
    :raises AnsibleConnectionFailure: it has ended already, and cannot end what is begun now.
    """
    # Ansible takes the parent's PID for it, which is another process's once it was killed.
    forked = multiprocessing.parent_process()
    pid = forked.pid if forked and forked.pid else given
    if pid == os.getppid():
        return pid
    try:
        if pid:
            os.kill(pid, 0)
    except ProcessLookupError:
        raise AnsibleConnectionFailure(_ENDED) from None
    except PermissionError:
        pass  # it is there
    return 0


def become_of(become: Any, command: str, sudoable: bool) -> object:
    """Return the become plugin that a command of Ansible's goes through, None where it goes through none."""
    return become if sudoable and become and become.success and become.success in command else None


def absolute(path: str) -> str:
    """Return a path in a container, from its root where it is relative."""
    return path if path.startswith("/") else f"/{path}"


def environment(given: Mapping[Any, object]) -> dict[str, str]:
    """Return the variables of the option ``extra_env``; one whose value is null is left as the container has it.

    :raises AnsibleError: a name or a value is none that a process can be given.
    """
    found = {str(name): str(value) for name, value in given.items() if value is not None}
    for name, value in found.items():
        if not name or "=" in name or "\0" in name + value:
            raise AnsibleError(
                f"ansible_libpod_extra_env: {name!r} cannot be used: expected a name without =, and text"
            )
    return found


def not_run(shell: str, container: str, failure: str, code: Optional[int]) -> AnsibleConnectionFailure:
    """Return the error of a command that could not be begun; ``code`` is as the runtime or the engine has it."""
    hint = ": name a shell that it has in ansible_shell_executable" if code in (126, 127) else ""
    return AnsibleConnectionFailure(f"cannot run {shell} in container {container}: {failure}{hint}")


def check_module(container: str, in_data: Optional[bytes], stderr: bytes) -> None:
    """Check how a module that came by standard input has failed.

    :raises AnsibleError: Python had no directory for it, of which Ansible would show a traceback.
    """
    if in_data and b"No usable temporary directory found in" in stderr[-_BEFORE:]:
        raise AnsibleError(
            f"container {container} has no directory in which this user may write temporary files: give it a tmpfs at "
            "/tmp, by the options tmpfs or read_only_tmpfs, or name a directory in the task's environment as TMPDIR"
        )


class Conversation:
    """Takes the output with ``out`` and ``err``, and answers through ``add`` (see ``Feed.add``); watches a ``Flow``.

    ``become`` is the plugin that the command goes through, None where it goes through none.
    """

    def __init__(self, become: Any, in_data: Optional[bytes], seconds: float, parent: int) -> None:
        """``seconds``: how long become may take; ``parent``: the PID of ansible-playbook, 0 where it is not known."""
        self.stdout, self.stderr = bytearray(), bytearray()
        self.place = "in the container"
        self.add: Callable[..., None] = lambda data, last=False: None
        self.asks = bool(become and become.expect_prompt())
        self.input = b"" if self.asks else in_data or b""
        self._become, self._in_data, self._parent, self._seconds = become, in_data or b"", parent, seconds
        self.deadline = math.inf
        self.restart()
        self.descriptor = os.pidfd_open(parent) if parent else -1
        self._answered = False
        self._seen = {"stdout": 0, "stderr": 0}  # where what follows the last prompt begins

    def restart(self) -> None:
        """Give become its whole time from now on."""
        if self.asks:
            self.deadline = time.monotonic() + self._seconds

    @property
    def succeeded(self) -> bool:
        """Whether there is no become to wait for, or no more."""
        return self._become is None

    def out(self, data: bytes) -> None:
        self._take(self.stdout, data)

    def err(self, data: bytes) -> None:
        self._take(self.stderr, data)

    def close(self) -> None:
        """Close the descriptor."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def look(self) -> None:
        """Raise an error where become takes too long, or the process that waits for the command has ended."""
        if self._parent and os.getppid() != self._parent:
            raise AnsibleConnectionFailure(_ENDED)
        if time.monotonic() >= self.deadline:
            raise AnsibleConnectionFailure(self._failure(f"did not succeed within {self._seconds:g} seconds"))

    def finished(self) -> None:
        """Check how become ended, once the command has. :raises AnsibleError: its password was wrong or missing."""
        become = self._become
        if become is None:
            return
        said = bytes(self.stdout[:_BEFORE] + b"\n" + self.stderr[:_BEFORE])
        if self._answered and become.check_incorrect_password(said):
            raise AnsibleError(f"Incorrect {become.name} password")
        if become.check_missing_password(said):
            raise AnsibleError(f"Missing {become.name} password")

    def _take(self, output: bytearray, data: bytes) -> None:
        output += data
        if len(output) > OUTPUT_LENGTH:
            raise AnsibleError(
                f"the command in the container printed more than {OUTPUT_LENGTH >> 20} MiB and was ended: have it "
                "write a file, and fetch that"
            )
        if self._become is not None:
            self._converse()

    def _converse(self) -> None:
        """Look for the success of become, and else for its prompt."""
        become = self._become
        if become.check_success(self.stdout[:_BEFORE]):
            # Not by strip_become_prompt and strip_become_success, which ansible-core 2.18 lacks.
            if self._answered:
                self.stderr[:] = self.stderr[self._seen["stderr"] :].lstrip()
            _before, _success, rest = self.stdout.partition(to_bytes(become.success))
            self.stdout[:] = re.sub(rb"^[ \t\r]*\n", b"", rest)
            self._become, self.deadline = None, math.inf
            if self.asks:
                self.add(self._in_data, last=True)
        elif self.asks and any(self._prompted(name) for name in self._seen):
            if self._answered:
                raise AnsibleError(f"Incorrect {become.name} password")
            self._answered, self.deadline = True, time.monotonic() + self._seconds
            self._seen = {name: len(getattr(self, name)) for name in self._seen}
            self.add(to_bytes(become.get_option("become_pass") or "") + b"\n")
        elif self.asks and len(self.stdout) + len(self.stderr) > 2 * _BEFORE:
            raise AnsibleError(self._failure(f"printed more than {2 * _BEFORE >> 10} KiB and has not succeeded"))

    def _prompted(self, name: str) -> bool:
        said = bytes(getattr(self, name)[self._seen[name] : _BEFORE])
        # su's plugin of ansible-core 2.18 looks at the beginning alone of what it is given.
        return any(self._become.check_password_prompt(line.lstrip()) for line in said.splitlines())

    def _failure(self, what: str) -> str:
        said = to_text(bytes(self.stdout[-2000:] + self.stderr[-2000:]), errors="surrogate_then_replace").strip()
        return f"{self._become.name} {self.place} {what}{': it printed: ' + said if said else ''}"
