# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pytest plugin that writes each test's CPU time, which a busy machine prolongs far less than its wall time.

With ``-p ansible_collections.libpod.engine.tests.support.cpu`` and ``LIBPOD_CPU=FILE`` in the environment, pytest and
its workers append a line for each test: CPU seconds, wall seconds and the test. The time of processes that left the
test's own, such as conmon and what it starts, is their test host's, and that of a shared host is the last test's.
"""

from __future__ import annotations

import os
import time
from typing import Iterator

import pytest

from . import cgroup_tree

_ACCOUNT = "cpuacct.usage"  # cpuacct of cgroup v1, in nanoseconds; on v2 such processes are left out


class Report:
    """The times of one pytest process."""

    def __init__(self, path: str) -> None:
        """``path`` is the file to append to."""
        self._path = path
        self._left = 0.0
        self._joined: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Write the line of the test."""
        cpu, wall, self._left = _own(), time.monotonic(), 0.0
        try:
            return (yield)
        finally:
            cpu, wall = _own() - cpu + self._left, time.monotonic() - wall
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(f"{cpu:8.2f} {wall:8.2f} {item.nodeid}\n")

    def joined(self, tree: cgroup_tree.CgroupTree) -> None:
        """Note when this process enters a test host."""
        self._joined[tree.name] = _own()

    def leaves(self, tree: cgroup_tree.CgroupTree) -> None:
        """Add what the host's cgroup used and this process and its children did not."""
        path = f"{cgroup_tree.ROOT}/cpuacct/{tree.name}/{_ACCOUNT}"
        if tree.name in self._joined and os.path.exists(path):
            with open(path, encoding="ascii") as file:
                self._left += max(0.0, int(file.read()) / 1e9 - (_own() - self._joined.pop(tree.name)))


def _own() -> float:
    """Return the CPU seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


def pytest_configure(config: pytest.Config) -> None:
    """Record where ``LIBPOD_CPU`` names a file."""
    if path := os.environ.get("LIBPOD_CPU"):
        report = Report(os.path.abspath(path))
        config.pluginmanager.register(report)
        join, leave = cgroup_tree.CgroupTree.join, cgroup_tree.CgroupTree.leave

        def joined(tree: cgroup_tree.CgroupTree) -> None:
            join(tree)
            report.joined(tree)

        def left(tree: cgroup_tree.CgroupTree) -> None:
            report.leaves(tree)
            leave(tree)

        for name, function in (("join", joined), ("leave", left)):
            setattr(cgroup_tree.CgroupTree, name, function)
