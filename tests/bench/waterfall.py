# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Part w: where the time of create and start, and of stop and remove, goes, step by step.

A step lasts from one failpoint to the next: what its name says, and what the engine computes after that. The first has
imports and the plan. The picture is ``build/waterfall.svg``; the table names the steps of at least a hundredth.
"""

from __future__ import annotations

import os
import re
import statistics
from html import escape
from typing import Iterable

from ansible_collections.libpod.engine.tests.bench.contenders import NETWORKS, Engine
from ansible_collections.libpod.engine.tests.bench.rows import Row
from ansible_collections.libpod.engine.tests.support import images
from ansible_collections.libpod.engine.tests.support.hosts import Host

PICTURE = f"{images.PROJECT}/build/waterfall.svg"
_LEAST = 0.01  # of the whole, for a line of the table
_HEIGHT, _LEFT, _WIDTH = 14, 360, 640  # pixels: a bar's height, the names' room, and that of the longest operation
_COLOURS = ("#3b6ea5", "#7fa8d1")
Step = tuple[str, float]  # its name, and its milliseconds


def waterfall(host: Host, rounds: int) -> list[Row]:
    """Write the picture and return a row for each step that counts, against its operation as a whole."""
    engine = Engine(host)
    rows: list[Row] = []
    pictures: dict[str, list[Step]] = {}
    for net in NETWORKS:
        label = "none" if net == "none" else "bridge, one port"
        runs: dict[str, list[list[Step]]] = {f"create+start, {label}": [], f"stop+remove, {label}": []}
        for number in range(-1, rounds):
            up = engine.run("libpod_container", steps=True, **engine.container("measured", net))
            down = engine.run("libpod_container", steps=True, name="measured", state="absent")
            if number >= 0:
                for samples, measure in zip(runs.values(), (up, down)):
                    samples.append(named(measure["steps"]))
        for what, samples in runs.items():
            wholes = [sum(took for _name, took in steps) for steps in samples]
            steps = medians(samples)
            pictures[what] = steps
            for name, took in steps:
                if took >= _LEAST * statistics.median(wholes):
                    rows.append(Row(f"w  {what}: {name}", [took], "the whole", wholes))
    os.makedirs(os.path.dirname(PICTURE), exist_ok=True)
    with open(PICTURE, "w", encoding="utf-8") as file:
        file.write(picture(pictures))
    print(f"The waterfall: {PICTURE}\n")
    return rows


def named(steps: Iterable[tuple[str, float]]) -> list[Step]:
    """Return steps without what differs from run to run; of those with one name, the second is marked ``#2``."""
    result: list[Step] = []
    seen: dict[str, int] = {}
    for name, took in steps:
        short = re.sub(r"\b[0-9a-f]{12,64}\b", "ID", name)
        short = re.sub(r"/[^ ]*/([^/ ]+)", r"\1", short).replace(".tmp", "")
        seen[short] = seen.get(short, 0) + 1
        result.append((short if seen[short] == 1 else f"{short} #{seen[short]}", took))
    return result


def medians(samples: list[list[Step]]) -> list[Step]:
    """Return each step of the first run with its median over all runs, 0 where a run lacks it."""
    runs = [dict(steps) for steps in samples]
    return [(name, statistics.median(run.get(name, 0.0) for run in runs)) for name, _took in samples[0]]


def picture(operations: dict[str, list[Step]]) -> str:
    """Return an SVG with a bar for each step, where the one before it ends."""
    longest = max(sum(took for _name, took in steps) for steps in operations.values())
    lines, top = [], _HEIGHT
    for what, steps in operations.items():
        whole = sum(took for _name, took in steps)
        lines.append(f'<text x="4" y="{top}" font-weight="bold">{escape(what)}: {whole:.1f} ms</text>')
        begin = 0.0
        for number, (name, took) in enumerate(steps):
            top += _HEIGHT
            left, width = _LEFT + begin / longest * _WIDTH, max(took / longest * _WIDTH, 0.5)
            colour = _COLOURS[number % len(_COLOURS)]
            lines.append(f'<text x="{_LEFT - 4}" y="{top}" text-anchor="end">{escape(name[:58])}</text>')
            lines.append(f'<rect x="{left:.1f}" y="{top - 9}" width="{width:.1f}" height="10" fill="{colour}"/>')
            lines.append(f'<text x="{left + width + 3:.1f}" y="{top}">{took:.2f}</text>')
            begin += took
        top += 2 * _HEIGHT
    size = f'width="{_LEFT + _WIDTH + 60}" height="{top}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="monospace" font-size="10">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *lines, "</svg>", ""])
