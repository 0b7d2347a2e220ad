# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``make demo`` compares at its end: everything that the engine can leave on a machine, and nothing else."""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path

from ansible_collections.libpod.engine.tests.support import images
from ansible_collections.libpod.engine.tests.support.hosts import Host

RUN = f"{images.PROJECT}/docs/examples/demo/run"
ID = secrets.token_hex(32)  # no other test has it in a name, nor an earlier run
ROOT = f"/tmp/libpod-demo.{ID[-6:]}"
# Created by other programs while the demo runs: libmount, iptables, logins, apt, nscd, systemd, another engine.
OTHERS = (
    "/run/mount/utab",
    "/run/xtables.lock",
    "/run/utmp",
    "/run/nscd/socket",
    "/run/systemd/transient/run-1.scope",
    "/run/netns/libpod-ba9876543210",
    "/var/lib/apt/lists/partial/index",
    "/var/lib/systemd/timers/stamp",
    "/var/lib/containers/cache/blob-info-cache-v1.boltdb",
    "/etc/ld.so.cache~",
    "/etc/cni/net.d/10-others.conflist",
)
OURS = (
    "/var/lib/libpod/containers",
    "/run/libpod/state.json",
    "/etc/systemd/system/libpod-boot.service",
    "/etc/cni/net.d/87-libpod.conflist",
)
NAMED = (f"/run/netns/libpod-{ID[:12]}", f"/run/runc/{ID}/state.json", f"/var/lib/cni/results/libpod-{ID}-eth0")


def _look(what: str) -> str:
    variables = {**os.environ, "DEMO_ROOT": ROOT}
    done = subprocess.run([RUN, what], check=True, capture_output=True, text=True, env=variables, input=ID[:12])
    return done.stdout


def _make(path: str, text: str = "x") -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def test_demo_compares_what_the_engine_can_leave_and_nothing_else() -> None:
    with Host() as host:
        places = _look("places")
        for path in OTHERS:
            _make(path)
        assert _look("places") == places and _look("traces") == ""
        for path in (*OURS, *NAMED):
            _make(path)
        added = set(_look("places").splitlines()) - set(places.splitlines())
        assert added == {f"file {path}" for path in ("/var/lib/libpod", "/run/libpod", *OURS[2:], NAMED[2])}
        _make("/var/lib/cni/networks/libpod/10.87.0.2", f"{ID}\neth0")
        group = f"/sys/fs/cgroup/pids/{os.path.basename(ROOT)}/libpod-{ID}"
        os.makedirs(group)
        host.run("iptables", "-t", "nat", "-A", "POSTROUTING", "-m", "comment", "--comment", ID, "-j", "ACCEPT")
        process = subprocess.Popen([f"{ROOT}/conmon", "1000"], executable="/usr/bin/sleep")
        traces = set(_look("traces").splitlines())
    expected = {f"file {path}/" for path in NAMED} | {f"file {os.path.dirname(NAMED[1])}/", f"cgroup {group}"}
    expected |= {f"cgroup {os.path.dirname(group)}", f"process /proc/{process.pid}/cmdline"}
    expected |= {"content of /var/lib/cni/networks/libpod/10.87.0.2"}
    expected |= {f"-A POSTROUTING -m comment --comment {ID} -j ACCEPT"}
    assert traces == expected
