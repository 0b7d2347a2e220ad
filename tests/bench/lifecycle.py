# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts b, c and k: create and start, and stop and remove, against the floor and podman, turn by turn in one run.

Part k has the same on a host with crun, and on one with netavark. All contenders use the host's OCI runtime and
network backend.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from functools import partial
from typing import Any, Mapping, Sequence

from ansible_collections.libpod.engine.plugins.module_utils._drivers.network_backend import CNI, NETAVARK, helper
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.tests.bench import limits
from ansible_collections.libpod.engine.tests.bench.contenders import NETWORKS, Engine, Floor, Podman
from ansible_collections.libpod.engine.tests.bench.rows import Row, interleave
from ansible_collections.libpod.engine.tests.bench.true_floor import TrueFloor
from ansible_collections.libpod.engine.tests.support.hosts import Host

_PATIENCE = 10  # seconds


def up_and_down(host: Host, rounds: int) -> list[Row]:
    """All rows of a host."""
    if not is_there(host.parts):
        return []
    engine = Engine(host)
    contenders: list[Any] = [engine, Floor(engine), Floor(engine, "kill")]
    if Podman.is_installed():
        contenders.append(Podman(host))
    nets = networks(host.parts)
    if "none" in nets and TrueFloor.is_possible():
        contenders.append(TrueFloor(engine))
    rows: list[Row] = []
    for net in nets:
        measures = {one.name: partial(_turn, host, one, net) for one in contenders if net in one.nets}
        rows += compared(host.parts, net, interleave(measures, rounds, warm_up=2))
    _expect_nothing_left(host)
    return rows


def others(parts: EngineConfig) -> list[str]:
    """Return what a host has in place of runc and CNI."""
    return [name for name in (parts.oci_runtime, parts.network_backend) if name not in ("runc", CNI)]


def networks(parts: EngineConfig) -> Sequence[str]:
    """Return the networks to measure on a host: all, or without a network for crun, and a bridge for netavark."""
    if not others(parts):
        return NETWORKS
    return ["none" if parts.network_backend == CNI else "bridge"]


def labelled(parts: EngineConfig, net: str) -> str:
    """Return what the rows of a network say of it, and of what the host has other than runc and CNI."""
    return ", ".join(["none" if net == "none" else "bridge, one port", *others(parts)])


def is_there(parts: EngineConfig) -> bool:
    """Return whether a host's OCI runtime and network backend are installed; print what is missing."""
    found = {parts.oci_runtime: shutil.which(parts.oci_runtime), NETAVARK: helper(NETAVARK), CNI: True}
    missing = [name for name in (parts.oci_runtime, parts.network_backend) if not found[name]]
    for name in missing:
        print(f"{name} is not installed: its rows are missing", file=sys.stderr)
    return not missing


def _turn(host: Host, contender: Any, net: str) -> Mapping[str, float]:
    """Return the milliseconds of one container of a contender's, up and down.

    Wait for what runs on after the removal, as podman's cleanup does: it would slow the next contender down.
    """
    took = {f"{contender.name} up": contender.up(net), f"{contender.name} down": contender.down(net)}
    deadline = time.monotonic() + _PATIENCE
    while (left := host.cgroups.processes()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left, f"processes of {contender.name} are left after {_PATIENCE} s: {left}"
    return took


def compared(parts: EngineConfig, net: str, samples: Mapping[str, list[float]]) -> list[Row]:
    """Return the rows of one network."""
    plain = not others(parts)
    part = parts.oci_runtime if net == "none" else parts.network_backend
    label = labelled(parts, net)
    floor, podman = ("b", "c") if plain else ("k", "k")
    of_floor = {"up": limits.FLOOR_UP[net], "down": limits.FLOOR_DOWN} if plain else {}
    of_podman = {"up": limits.PODMAN_UP[net, part], "down": limits.PODMAN_DOWN}
    rows = []
    for what, verb in (("create+start", "up"), ("stop+remove", "down")):
        ours = samples[f"engine {verb}"]
        rows.append(Row(f"{floor}  {what}, {label}", ours, "floor", samples[f"floor {verb}"], of_floor.get(verb)))
        if verb == "down":
            rows.append(Row(f"{floor}  {what}, {label}", ours, "floor, kill", samples["floor, kill down"]))
        if "true floor up" in samples:
            rows.append(Row(f"{floor}  {what}, {label}", ours, "true floor", samples[f"true floor {verb}"]))
        if "podman up" in samples:
            rows.append(Row(f"{podman}  {what}, {label}", ours, "podman", samples[f"podman {verb}"], of_podman[verb]))
    return rows


def _expect_nothing_left(host: Host) -> None:
    """Print what is left behind, but for the files and mounts of the floor and of podman."""
    folders = "dev/shm|srv/floor|srv/podman|run/containers|run/mount|run/runc|run/crun|run/libpod|run/lock|var/lib/cni"
    own = re.compile(rf".*((file|mount) /({folders})\b|/libpod_parent/conmon$)")  # the floor's and podman's
    left = [line for line in host.leaks() if not own.match(line)]
    if left:
        print("left over after up and down:", *left, sep="\n  ", file=sys.stderr)
