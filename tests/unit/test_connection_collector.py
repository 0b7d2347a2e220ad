# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collector in a process that uses the connection plugin."""

from __future__ import annotations

import gc
import multiprocessing
from multiprocessing.connection import Connection as Pipe

from ansible.playbook.play_context import PlayContext
from ansible_collections.libpod.engine.plugins.connection.libpod import Connection


def _load() -> tuple[int, int, int]:
    """Make a connection, and return this process's thresholds."""
    Connection(PlayContext())
    return gc.get_threshold()


def _report(pipe: Pipe) -> None:
    pipe.send((_load(), gc.isenabled()))


def test_worker_collects_rarely() -> None:
    before = gc.get_threshold()
    reader, writer = multiprocessing.Pipe(duplex=False)
    worker = multiprocessing.get_context("fork").Process(target=_report, args=(writer,))
    worker.start()
    writer.close()
    threshold, enabled = reader.recv()
    worker.join()
    assert threshold[0] > before[0] and threshold[1:] == before[1:] and enabled


def test_other_processes_collect_as_before() -> None:
    before = gc.get_threshold()
    assert _load() == before
