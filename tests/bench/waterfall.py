# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Part w: where the time of create and start, and of stop and remove, goes, step by step.

A step lasts from one failpoint to its thread's next: what its name says, and what the engine computes after that, or
waits for. The first has imports and the plan. The picture is ``build/waterfall.svg``, and with crun and netavark
``build/waterfall-crun.svg`` and so on. The table names the steps of at least a hundredth. Steps of two threads overlap,
so all of them may take longer than the whole.
"""

from __future__ import annotations

import os
import re
import statistics
from html import escape
from typing import Iterable, NamedTuple

from ansible_collections.libpod.engine.tests.bench.contenders import Engine
from ansible_collections.libpod.engine.tests.bench.lifecycle import is_there, labelled, networks, others
from ansible_collections.libpod.engine.tests.bench.rows import Row
from ansible_collections.libpod.engine.tests.support import images
from ansible_collections.libpod.engine.tests.support.hosts import Host

FOLDER = f"{images.PROJECT}/build"
_LEAST = 0.01  # of the whole, for a line of the table
_HEIGHT, _LEFT, _WIDTH = 14, 360, 640  # pixels: a bar's height, the names' room, and that of the longest operation
_COLOURS = {True: ("#3b6ea5", "#7fa8d1"), False: ("#a5663b", "#d1a77f")}  # of the main thread, and of the others


class Step(NamedTuple):
    """One failpoint of a run, or of the medians."""

    thread: str  # its first step, empty for the main thread
    name: str  # unique within its thread
    begin: float  # milliseconds from the start
    took: float  # milliseconds


def waterfall(host: Host, rounds: int) -> list[Row]:
    """Write the picture and return a row for each step that counts, against its operation as a whole."""
    parts = host.parts
    if not is_there(parts):
        return []
    engine = Engine(host)
    rows: list[Row] = []
    pictures: dict[str, list[Step]] = {}
    for net in networks(parts):
        label = labelled(parts, net)
        runs: dict[str, list[list[Step]]] = {f"create+start, {label}": [], f"stop+remove, {label}": []}
        for number in range(-1, rounds):
            up = engine.run("libpod_container", steps=True, **engine.container("measured", net))
            down = engine.run("libpod_container", steps=True, name="measured", state="absent")
            if number >= 0:
                for samples, measure in zip(runs.values(), (up, down)):
                    samples.append(named(measure["steps"]))
        for what, samples in runs.items():
            wholes = [whole(steps) for steps in samples]
            steps = medians(samples)
            pictures[what] = steps
            for step in steps:
                if step.took >= _LEAST * statistics.median(wholes):
                    beside = " (in a thread)" if step.thread else ""
                    rows.append(Row(f"w  {what}: {step.name}{beside}", [step.took], "the whole", wholes))
    os.makedirs(FOLDER, exist_ok=True)
    path = f"{FOLDER}/waterfall{''.join(f'-{other}' for other in others(parts))}.svg"
    with open(path, "w", encoding="utf-8") as file:
        file.write(picture(pictures))
    print(f"The waterfall: {path}\n")
    return rows


def whole(steps: Iterable[Step]) -> float:
    """Return the milliseconds from the start to the end of the last step."""
    return max(step.begin + step.took for step in steps)


def named(steps: Iterable[tuple[str, int, float, float]]) -> list[Step]:
    """Return steps without what differs from run to run, from what subject.py prints.

    Of those with one name in a thread, the second is marked ``#2``.
    """
    result: list[Step] = []
    threads: dict[int, str] = {0: ""}
    seen: dict[tuple[str, str], int] = {}
    for name, number, begin, took in steps:
        short = re.sub(r"^(signal \d+ to) \d+$", r"\1 PID", re.sub(r"\b[0-9a-f]{12,64}\b", "ID", name))
        short = re.sub(r"/[^ ]*/([^/ ]+)", r"\1", short).replace(".tmp", "")
        thread = threads.setdefault(number, short)
        count = seen[thread, short] = seen.get((thread, short), 0) + 1
        result.append(Step(thread, short if count == 1 else f"{short} #{count}", begin, took))
    return result


def medians(samples: list[list[Step]]) -> list[Step]:
    """Return each step of the first run with its medians: of its begin, and of its time, 0 where a run lacks it."""
    runs = [{step[:2]: step for step in steps} for steps in samples]
    result = []
    for step in samples[0]:
        of_runs = [run[step[:2]] for run in runs if step[:2] in run]
        took = [one.took for one in of_runs] + [0.0] * (len(runs) - len(of_runs))
        begin = statistics.median(one.begin for one in of_runs)
        result.append(step._replace(begin=begin, took=statistics.median(took)))
    return result


def picture(operations: dict[str, list[Step]]) -> str:
    """Return an SVG with a bar for each step, from its begin to its end; the threads are below one another."""
    longest = max(whole(steps) for steps in operations.values())
    lines, top = [], _HEIGHT
    for what, steps in operations.items():
        lines.append(f'<text x="4" y="{top}" font-weight="bold">{escape(what)}: {whole(steps):.1f} ms</text>')
        for thread in dict.fromkeys(step.thread for step in steps):
            if thread:
                top += _HEIGHT
                lines.append(f'<text x="4" y="{top}" font-style="italic">in a thread beside it</text>')
            for number, step in enumerate(one for one in steps if one.thread == thread):
                top += _HEIGHT
                lines += _bar(step, top, _WIDTH / longest, _COLOURS[not thread][number % 2])
        top += 2 * _HEIGHT
    size = f'width="{_LEFT + _WIDTH + 60}" height="{top}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="monospace" font-size="10">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *lines, "</svg>", ""])


def _bar(step: Step, top: int, scale: float, colour: str) -> list[str]:
    """Return a step's name, bar and milliseconds; ``scale`` is in pixels by millisecond."""
    left, width = _LEFT + step.begin * scale, max(step.took * scale, 0.5)
    return [
        f'<text x="{_LEFT - 4}" y="{top}" text-anchor="end">{escape(step.name[:58])}</text>',
        f'<rect x="{left:.1f}" y="{top - 9}" width="{width:.1f}" height="10" fill="{colour}"/>',
        f'<text x="{left + width + 3:.1f}" y="{top}">{step.took:.2f}</text>',
    ]
