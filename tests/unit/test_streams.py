# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Input and output of a process, with real processes and pipes."""

from __future__ import annotations

import os
import subprocess
import time

from ansible_collections.libpod.engine.plugins.module_utils._drivers.command import Kept
from ansible_collections.libpod.engine.plugins.module_utils._drivers.streams import Feed, Flow, Passed, Sink, unread
from ansible_collections.libpod.engine.tests.support.process import in_background


def _piped() -> tuple[int, int]:
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    return ours, theirs


def test_drained_output_is_what_was_written_before_the_exit() -> None:
    ours, theirs = _piped()
    os.write(theirs, b"x" * 1000)
    assert unread(ours) == 1000
    with in_background(["yes"], stdout=theirs):
        kept = Kept(1 << 20)
        with subprocess.Popen(["true"]) as ended:
            handle = os.pidfd_open(ended.pid)
            os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
            began = time.monotonic()
            assert Flow({ours: Sink(kept.add)}).follow(handle, began + 60)
            os.close(handle)
        assert time.monotonic() - began < 60
        assert kept.content().startswith(b"x" * 1000) and len(kept.content()) <= 1 << 17
    os.close(ours)
    os.close(theirs)


def test_blocked_reader_does_not_delay_the_deadline() -> None:
    ours, theirs = _piped()
    there, here = os.pipe()
    with in_background(["yes"], stdout=theirs) as flood:
        os.close(theirs)
        handle = os.pidfd_open(flood.pid)
        flow = Flow({ours: Passed(here)})
        assert not flow.follow(handle, time.monotonic() + 0.5)
        flow.close()
        assert flood.wait(10) < 0
        os.close(handle)
    os.close(there)
    os.close(here)


def test_input_goes_on_while_output_comes() -> None:
    ours, stdout = _piped()
    stdin, target = os.pipe()
    os.set_blocking(target, False)
    data, output = os.urandom(1 << 20), bytearray()
    with in_background(["cat"], stdin=stdin, stdout=stdout) as cat:
        os.close(stdin)
        os.close(stdout)
        handle = os.pidfd_open(cat.pid)
        flow = Flow({ours: Sink(output.extend)}, Feed(target, data))
        assert flow.follow(handle, time.monotonic() + 60)
        flow.close()
        os.close(handle)
    assert bytes(output) == data


def test_input_that_goes_on_ends_with_its_last_piece() -> None:
    there, ours = os.pipe()
    os.set_blocking(ours, False)
    feed = Feed(ours, more_follows=True)
    assert feed.waits_for is None
    feed.add(b"first")
    feed.step()
    assert os.read(there, 100) == b"first" and feed.waits_for is None
    feed.add(b"second", last=True)
    feed.step()
    assert os.read(there, 100) == b"second" and os.read(there, 1) == b""
    feed.add(b"none", last=True)
    assert feed.waits_for is None
    os.close(there)
