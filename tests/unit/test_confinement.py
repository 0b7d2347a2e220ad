# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Masked and read-only paths, and words of security_opt."""

from __future__ import annotations

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._model.options.syntax.modes import security
from ansible_collections.libpod.engine.plugins.module_utils._spec.confinement import paths

USUAL = paths({}, False)


def test_paths_are_masked_and_unmasked_by_name() -> None:
    assert "/proc/kcore" in USUAL["maskedPaths"] and "/proc/sys" in USUAL["readonlyPaths"]
    confined = paths(security(["mask=/etc//x:/proc/kcore", "unmask=/proc/s*:/sys/firmware"], "security_opt"), False)
    assert set(USUAL["maskedPaths"]) ^ set(confined["maskedPaths"]) == {
        "/etc/x",
        "/sys/firmware",
        "/proc/sched_debug",
        "/proc/scsi",
    }
    assert set(USUAL["readonlyPaths"]) - set(confined["readonlyPaths"]) == {"/proc/sys", "/proc/sysrq-trigger"}


def test_nothing_is_masked_where_all_is_unmasked_or_privileged() -> None:
    assert paths(security(["unmask=ALL"], "s"), False) == paths({}, True) == {}
    assert paths(security(["mask=/a"], "s"), True) == {"maskedPaths": ["/a"]}


@pytest.mark.parametrize(
    "word", ["label=", "label=x", "label=type:", "label=colour:red", "mask=x", "mask=ALL", "unmask=", "proc-opts="]
)
def test_refused_security_option_is_named(word: str) -> None:
    with pytest.raises(InvalidArgument, match="^security_opt: .* cannot be used: expected "):
        security([word], "security_opt")
