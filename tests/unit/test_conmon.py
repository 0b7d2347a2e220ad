# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What conmon reports on its pipe."""

from __future__ import annotations

import os
import time

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.conmon import conmon


@pytest.mark.parametrize("written", [b'{"data": 5}\n', b'{"data": 5}\n{"data": 0}\n', b'{"data": 5}'])
def test_report_is_the_first_line_of_those_that_have_come(written: bytes) -> None:
    """conmon writes a second line at the end of a command, which may be before the first one is read."""
    reader, writer = os.pipe()
    os.write(writer, written)
    os.close(writer)
    with open(reader, "rb"):
        assert conmon._line(reader, time.monotonic() + 60, 1000) == b'{"data": 5}'
