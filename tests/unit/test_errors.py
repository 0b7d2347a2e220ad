# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any error becomes one sentence for the user: the engine's, the host's, or an unexpected one."""

from __future__ import annotations

import errno
from typing import Sequence

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli import main
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    InvalidArgument,
    NoSuchContainer,
    RemovalIncomplete,
    ToolFailed,
    explained,
    sentence,
    take_warnings,
    warn,
)


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        ('time="T" level=error msg="Can\'t add /a"\n/b: no space left on device\n', "/b: no space left on device"),
        ('time="T" level=error msg="Can\'t add /a"\n', 'time="T" level=error msg="Can\'t add /a"'),
        ("one\ntwo\n", "one two"),
        ("", "no message"),
    ],
)
def test_message_of_a_failed_program_leaves_its_log_out(stderr: str, message: str) -> None:
    error = ToolFailed(["tool", "verb"], 1, stderr)
    assert str(error) == f"tool ended with exit code 1: {message}" and error.stderr == stderr


def caught(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as raised:
        return raised


@pytest.mark.parametrize(
    ("error", "kind", "message"),
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
def test_error_is_one_sentence(error: BaseException, kind: str, message: str) -> None:
    raised = caught(error)
    known = explained(raised)
    assert (type(known).__name__ if not isinstance(known, OSError) else "OSError") == kind
    assert message in sentence(raised) and "\n" not in sentence(raised) and "secret" not in sentence(raised)


@pytest.mark.parametrize(
    "error",
    [
        InvalidArgument(f"env: {'a' * 200_000} is too long"),
        NoSuchContainer(f"no container is named {'a' * 200_000}"),
        RemovalIncomplete("web:", [("its networks", OSError(5, "E", "a" * 200_000))], " is left"),
        InvalidArgument(f"env: {'a b ' * 2_500_000!r} is too long"),
        InvalidArgument(f"env: {chr(39) * 10_000_000!r}, and no {'/x y' * 200_000!r} is too long"),
    ],
)
def test_message_that_quotes_a_long_value_keeps_beginning_and_end(error: Exception) -> None:
    message = str(error)
    assert len(message) < 1000 and message.split()[0] in ("env:", "no", "web:")
    assert message.endswith(("is too long", "aaa", " is left"))


def test_warning_that_quotes_a_long_value_is_bounded() -> None:
    warn(f"{'a' * 200_000} has no effect")
    (warning,) = take_warnings()
    assert len(warning) < 500 and warning.endswith(" has no effect")


def test_prose_between_apostrophes_is_kept() -> None:
    text = f"the container's files, {'which are many, ' * 30}are the image's and the lenders' own"
    assert str(InvalidArgument(text)) == text


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
