# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Part s: Debian's systemd in a container, from nothing until it has booted, against podman on the same image."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible_collections.libpod.engine.tests.bench import limits
from ansible_collections.libpod.engine.tests.bench.contenders import Engine, Podman, PodmanFailed
from ansible_collections.libpod.engine.tests.bench.rows import Row, interleave
from ansible_collections.libpod.engine.tests.support import debian
from ansible_collections.libpod.engine.tests.support.hosts import Host

_ASK = ("systemctl", "is-system-running", "--wait")


def systems(host: Host, rounds: int) -> list[Row]:
    """All rows."""
    options: dict[str, Any] = {"image": host.debian(), "network": ["none"], "stop_signal": 9, "wait": "booted"}
    engine = Engine(host)

    def ours() -> Mapping[str, float]:
        made = engine.run("libpod_container", name="measured", **options)
        assert made["result"]["changed"], made
        engine.down("none")
        return {"engine": float(made["ms"])}

    measures: dict[str, Callable[[], Mapping[str, float]]] = {"engine": ours}
    if Podman.is_installed():
        podman = Podman(host)
        debian.add(f"{podman.folder}/storage", f"{podman.folder}/run")
        measures["podman"] = lambda: _podmans(podman)
    samples = interleave(measures, rounds)
    against = "podman run --systemd=always"
    return [
        Row("s  systemd, create until booted", samples["engine"], against, samples.get("podman", []), limits.SYSTEMD)
    ]


def _podmans(podman: Podman) -> Mapping[str, float]:
    command = ("run", "-d", "--systemd=always", "--name", "measured", "--network", "none", "--stop-signal", "9")
    took = podman.run(*command, debian.NAME)
    while True:
        # It fails until systemd listens.
        try:
            took += podman.run("exec", "measured", *_ASK)
            break
        except PodmanFailed as error:
            took += error.took
    podman.down("none")
    return {"podman": took}
