# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command by which a pipelined module is read at once."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from ansible.plugins.loader import get_shell_plugin
from ansible_collections.libpod.engine.plugins.plugin_utils._pipelining import read_at_once


@pytest.fixture(name="shell")
def _shell() -> Any:
    shell = get_shell_plugin(shell_type="sh", executable="/bin/sh")
    read_at_once(shell)
    return shell


def test_pipelined_module_is_read_by_a_program_of_the_command_line(shell: Any) -> None:
    command = shell.build_module_command("A=b ", f"#!{sys.executable}", "")
    program = "import os, sys\nprint(os.environ['A'], sys.argv, __name__, sys.stdin.read())"
    done = subprocess.run(["/bin/sh", "-c", command], input=program, capture_output=True, text=True, check=True)
    assert done.stdout == "b ['-c'] __main__ \n"


@pytest.mark.parametrize(
    "shebang, command, arguments, expected",
    [
        ("#!/usr/bin/python3", "/tmp/module.py", None, "/usr/bin/python3 /tmp/module.py"),
        ("#!/usr/bin/python3", "/tmp/module.py", "/tmp/args", "/usr/bin/python3 /tmp/module.py /tmp/args"),
        ("#!/bin/sh", "", None, "/bin/sh"),
        (None, "/tmp/module", None, "/tmp/module"),
    ],
)
def test_other_modules_are_run_as_before(shell: Any, shebang: str, command: str, arguments: str, expected: str) -> None:
    assert shell.build_module_command("", shebang, command, arg_path=arguments).split() == expected.split()
