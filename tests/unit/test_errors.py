# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any error becomes one sentence for the user: the engine's own, the host's, and what was not foreseen."""

from __future__ import annotations

import errno
from typing import Sequence

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli import main
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument, explained, sentence


def caught(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as found:
        return found


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (InvalidArgument("name: wrong"), "InvalidArgument", "name: wrong"),
        (OSError(errno.EROFS, "Read-only file system", "/srv"), "OSError", "cannot access /srv: Read-only file"),
        (OSError(errno.ENOSPC, "No space left on device"), "OSError", "No space left on device: make room there, for"),
        (
            OSError(errno.EMFILE, "", "/srv/x"),
            "HostExhausted",
            "cannot go on with /srv/x: Too many open files: a limit",
        ),
        (BlockingIOError(errno.EAGAIN, ""), "HostExhausted", "Resource temporarily unavailable: a limit of this host"),
        (RuntimeError("can't start new thread"), "HostExhausted", "Resource temporarily unavailable"),
        (MemoryError(), "HostExhausted", "Cannot allocate memory"),
        (RecursionError("deep"), "Internal", "RecursionError in caught (unit/test_errors.py:"),
        (ValueError("secret"), "Internal", "please report it"),
    ],
)
def test_error_is_one_sentence(error: BaseException, kind: str, words: str) -> None:
    found = caught(error)
    known = explained(found)
    assert (type(known).__name__ if not isinstance(known, OSError) else "OSError") == kind
    assert words in sentence(found) and "\n" not in sentence(found) and "secret" not in sentence(found)


@pytest.mark.parametrize("error", [RecursionError(), MemoryError(), ValueError("x"), KeyError("x"), OSError(5, "E")])
def test_command_shows_no_traceback(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_parts: EngineConfig, _words: Sequence[str]) -> int:
        raise error

    monkeypatch.setattr("ansible_collections.libpod.engine.plugins.module_utils._cli.ps.ps", fail)
    assert main.main(["ps"]) == 125
    said = capsys.readouterr().err
    assert said.startswith("libpod: ") and said.count("\n") == 1
