# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of a removal: each is tried, and all failures are reported in one sentence."""

from __future__ import annotations

import errno

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.attempts import Attempts, raise_all
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    CleanupIncomplete,
    Internal,
    RemovalIncomplete,
    done,
)


def _fails(error: Exception) -> None:
    raise error


def test_every_step_is_tried_and_every_failure_is_named() -> None:
    attempts, tried = Attempts(), []
    assert not attempts.attempt("its layer", lambda: _fails(Internal("no")))
    assert attempts.attempt("its log", lambda: tried.append("log"))
    assert not attempts.attempt("its cgroup", lambda: _fails(OSError(errno.EBUSY, "busy", "/c")))
    inner = CleanupIncomplete("it has", [("the mount /m", RecursionError("deep"))])
    assert not attempts.attempt("container a", lambda: _fails(inner))
    assert tried == ["log"]
    text = str(RemovalIncomplete("web is removed, but the host has", attempts.failed, "; do it again"))
    assert text.startswith("web is removed, but the host has its layer (no) and its cgroup (") and "/c" in text
    assert "the mount /m of container a (" in text and text.endswith("; do it again") and "\n" not in text


def test_errors_of_completed_steps_are_combined() -> None:
    raise_all([], ["done"])
    with pytest.raises(RemovalIncomplete, match="^a; b$") as raised:
        raise_all([Internal("a"), RemovalIncomplete("b", ())], ["deleted web"])
    assert done(raised.value) == ("deleted web",)
