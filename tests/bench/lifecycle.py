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
    """Parts b and c: runc, and CNI."""
    return _rows(host, rounds, NETWORKS)


def up_and_down_with_crun(host: Host, rounds: int) -> list[Row]:
    """Part k on a host with crun, without a network."""
    if not shutil.which("crun"):
        print("crun is not installed: its rows are missing", file=sys.stderr)
        return []
    return _rows(host, rounds, ["none"])


def up_and_down_with_netavark(host: Host, rounds: int) -> list[Row]:
    """Part k on a host with netavark."""
    if not helper(NETAVARK):
        print("netavark is not installed: its rows are missing", file=sys.stderr)
        return []
    return _rows(host, rounds, ["bridge"])


def _rows(host: Host, rounds: int, nets: Sequence[str]) -> list[Row]:
    engine = Engine(host)
    contenders: list[Any] = [engine, Floor(engine), Floor(engine, "kill")]
    if Podman.is_installed():
        contenders.append(Podman(host))
    if "none" in nets and TrueFloor.is_possible():
        contenders.append(TrueFloor(engine))
    rows: list[Row] = []
    for net in nets:
        measures = {one.name: partial(_turn, host, one, net) for one in contenders if net in one.nets}
        rows += compared(host.parts, net, interleave(measures, rounds, warm_up=2))
    _expect_nothing_left(host)
    return rows


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
    plain = parts.oci_runtime == "runc" and parts.network_backend == CNI
    part = parts.oci_runtime if net == "none" else parts.network_backend
    label = ("none" if net == "none" else "bridge, one port") + ("" if plain else f", {part}")
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
    """Print what is left behind, but for the files of the floor and of podman."""
    folders = "srv/floor|srv/podman|run/containers|run/mount|run/runc|run/crun|run/libpod|run/lock|var/lib/cni"
    own = re.compile(rf".*(file /({folders})\b|/libpod_parent/conmon$)")  # the floor's and podman's
    left = [line for line in host.leaks() if not own.match(line)]
    if left:
        print("left over after up and down:", *left, sep="\n  ", file=sys.stderr)
