# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The query of libpod_container_info is evaluated, or refused in one sentence."""

from __future__ import annotations

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._ansible.operations import info
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument


@pytest.mark.parametrize("query", ["[?", "9" * 5000, "[" * 70_000, "[::0]", "abs(@)", "\ud800", ""])
def test_query_that_cannot_be_evaluated_is_refused(query: str) -> None:
    with pytest.raises(InvalidArgument, match="^query: .* is no JMESPath expression: ") as refused:
        info._queried(query, [{"Name": "a"}])
    assert len(str(refused.value)) < 20_000
    str(refused.value).encode()


def test_query_is_evaluated() -> None:
    assert info._queried("[].Name", [{"Name": "a"}]) == ["a"]
