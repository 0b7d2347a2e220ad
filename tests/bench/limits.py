# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of the benchmark's ratios: ``make bench`` fails where the median of a row is over its limit.

docs/benchmarks.md lists them, and tests/unit/test_bench.py compares the two.
"""

from __future__ import annotations

# Part a: against ping, each less an empty play.
UNCHANGED = 1.05

# Parts b, c and k: by network, and against podman also by OCI runtime or network backend.
FLOOR_UP = {"none": 1.3, "bridge": 1.1}
FLOOR_DOWN = 1.1
PODMAN_UP = {
    ("none", "runc"): 0.80,
    ("none", "crun"): 0.60,
    ("bridge", "cni"): 0.60,
    ("bridge", "netavark"): 0.80,
}
PODMAN_DOWN = 0.5

# Part d: against json.load of the same files.
INFO_OF_1000 = 3.0

# Part f: of 100 containers, against one container's task, and against the floor one after another.
UNCHANGED_100 = 1.25
CREATED_100 = 0.75

# Part g: put and fetch against cp, by MiB.
TRANSFER = {1: 2.0, 100: 1.3}

# Part i: against ping on localhost, each less an empty play.
PING_INSIDE = 1.15

# Part m: the last container's creation against the first one's, and one task over 1,000 unchanged ones.
GROWTH = 1.2
TASK_SECONDS, TASK_MIB = 10, 200

PULL = 1.1  # part p: against skopeo
REWIND = 0.1  # part r: against removal, creation and preparation
SYSTEMD = 1.0  # part s: against podman
