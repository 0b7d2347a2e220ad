# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Python reads a module that comes by standard input."""

from __future__ import annotations

import shlex
from typing import Any, Optional

_PROGRAM = 'import sys; exec(compile(sys.stdin.buffer.read(), "<stdin>", "exec"))'


def read_at_once(shell: Any) -> None:
    """Have a shell plugin's commands for pipelined modules read standard input at once.

    Where PYTHONUNBUFFERED is set, as in many images of applications, Python reads a program on its standard input by a
    system call for each byte. Of a module of 170 KB that takes a third of its time.

    :param shell: the shell plugin of one connection
    """
    build = shell.build_module_command

    def build_module_command(env_string: str, shebang: Optional[str], cmd: str, arg_path: Optional[str] = None) -> str:
        command = str(build(env_string, shebang, cmd, arg_path=arg_path))
        # Without a command, what runs is the interpreter alone.
        pipelined = not cmd.strip() and arg_path is None and "python" in (shebang or "")
        return f"{command.strip()} -c {shlex.quote(_PROGRAM)}" if pipelined else command

    shell.build_module_command = build_module_command
