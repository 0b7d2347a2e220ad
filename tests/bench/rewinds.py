# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Part r: a rewind of a prepared Debian container, against its removal, creation and preparation."""

from __future__ import annotations

import time
from typing import Any, Mapping

from ansible_collections.libpod.engine.tests.bench import limits
from ansible_collections.libpod.engine.tests.bench.rows import Row, interleave
from ansible_collections.libpod.engine.tests.support import inside
from ansible_collections.libpod.engine.tests.support.hosts import Host

# As a scenario's prepare.yml has them; the last one stands for the scripts of installed packages.
PREPARE: list[dict[str, Any]] = [
    {"ansible.builtin.setup": {}},
    {"ansible.builtin.user": {"name": "deploy", "shell": "/bin/sh"}},
    {"ansible.builtin.file": {"path": "/etc/app", "state": "directory", "mode": "0755"}},
    {
        "ansible.builtin.copy": {"content": "port = {{ item }}\n", "dest": "/etc/app/{{ item }}.conf", "mode": "0644"},
        "loop": list(range(10)),
    },
    {"ansible.builtin.command": "python3 -m compileall -q -f /usr/lib/python3 /usr/lib/python3.11"},
]


def rewinds(host: Host, rounds: int) -> list[Row]:
    """Whole ansible-playbook runs, as molecule's, each less an empty one."""
    options = {"image": host.debian(), "command": ["sleep", "infinity"], "network": ["bridge"], "rewindable": True}
    by_name: dict[str, Any] = {"name": "c"}

    def timed(state: str = "", **more: Any) -> float:
        before = time.perf_counter()
        task = {"libpod.engine.libpod_container": {**by_name, "state": state, **more}}
        assert not state or host.play([task]).changed, state
        if not state:
            host.play([])
        return (time.perf_counter() - before) * 1000

    def prepared() -> float:
        before = time.perf_counter()
        inside.play(host, PREPARE, settings=inside.PIPELINED)
        return (time.perf_counter() - before) * 1000

    def measure() -> Mapping[str, float]:
        empty = timed()
        made = timed("started", **options) - empty
        prepare = prepared() - empty
        mark = timed("marked", stop_time=0) - empty
        rewind = timed("rewound") - empty
        gone = timed("absent", delete_time=0) - empty
        return {"made": made + gone, "prepare": prepare, "mark": mark, "rewind": rewind}

    samples = interleave({"all": measure}, min(rounds, 5))
    again = [made + prepare for made, prepare in zip(samples["made"], samples["prepare"])]
    return [
        Row("r  rewind", samples["rewind"], "destroy, create, prepare", again, limits.REWIND),
        Row("r  rewind", samples["rewind"], "destroy, create", samples["made"]),
        Row("r  mark", samples["mark"], "prepare", samples["prepare"]),
    ]
