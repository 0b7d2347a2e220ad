# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manual page: what ``libpod man`` prints is the file that the role libpod_host copies to a host."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli.main import COMMANDS
from ansible_collections.libpod.engine.plugins.module_utils._cli.man import man
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig

PAGE = Path(__file__).parents[2] / "roles/libpod_host/files/libpod.1"


def test_page_of_the_role_is_that_of_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert man(EngineConfig(), [], COMMANDS) == 0
    assert capsys.readouterr().out == PAGE.read_text(), "write it by: libpod man >roles/libpod_host/files/libpod.1"


def test_page_has_each_command_and_its_options() -> None:
    text = PAGE.read_text().replace("\\-", "-")
    for command, (_module, _function, what) in COMMANDS.items():
        assert bool(re.search(rf"^\.SS libpod {command}( |$)", text, re.MULTILINE)) is ("; run by " not in what), (
            command
        )
    assert "\n.SS libpod pod create [OPTION ...] [name]\n" in text
    assert "\n.B -m, --memory" in text and "\n.B --detach-keys KEYS\n" in text


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff formats the page")
def test_page_is_formatted_without_a_warning() -> None:
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", PAGE], capture_output=True, text=True, check=True)
    assert done.stderr == ""
