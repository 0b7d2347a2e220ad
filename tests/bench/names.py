# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Part n: a container that starts and ends among 50 on its networks, against one that is alone on a network."""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping

from ansible_collections.libpod.engine.tests.bench.contenders import COMMAND, IMAGE, Engine
from ansible_collections.libpod.engine.tests.bench.rows import Row, interleave
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.networks import define_networks, forget_networks

MANY = 50
CROWDED, ALONE = ("first", "second", "third"), ("fourth", "fifth", "sixth")


def among(host: Host, rounds: int) -> list[Row]:
    """All rows."""
    define_networks(*CROWDED, *ALONE)
    engine = Engine(host)
    options: dict[str, Any] = {"image": IMAGE, "command": COMMAND, "stop_signal": "KILL"}
    listed = [{"name": f"n{number}", "network": list(CROWDED)} for number in range(MANY)]
    made = host.module("libpod_containers", {"containers": listed, "defaults": options})
    assert not made.failed, made

    def turn(networks: list[str]) -> Mapping[str, float]:
        up = engine.run("libpod_container", name="measured", network=networks, **options)
        down = engine.run("libpod_container", name="measured", state="absent")
        on = ",".join(networks)
        return {f"up {on}": up["ms"], f"down {on}": down["ms"]}

    rows = []
    for count in (1, 3):
        crowded, alone = list(CROWDED[:count]), list(ALONE[:count])
        samples = interleave({"crowded": partial(turn, crowded), "alone": partial(turn, alone)}, rounds, warm_up=1)
        for verb, what in (("up", "create+start"), ("down", "stop+remove")):
            ours, theirs = (samples[f"{verb} {','.join(on)}"] for on in (crowded, alone))
            rows.append(Row(f"n  {what} among {MANY}, {count} networks", ours, "alone", theirs))
    host.empty()
    forget_networks()
    return rows
