# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Part j: ``ping`` in a container of a remote host by ``libpod_ssh``, against ``ping`` on that host by ssh.

Both share one ControlPersist connection to a real sshd on loopback, and have the machine's Python.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Mapping

from ansible_collections.libpod.engine.tests.bench.contenders import COMMAND, IMAGE
from ansible_collections.libpod.engine.tests.bench.inside import PLAIN
from ansible_collections.libpod.engine.tests.bench.rows import Row, interleave
from ansible_collections.libpod.engine.tests.support import inside as connections
from ansible_collections.libpod.engine.tests.support import playbooks, sshd
from ansible_collections.libpod.engine.tests.support.hosts import Host

ITEMS = 20


def remote(host: Host, rounds: int) -> list[Row]:
    """All rows, each less an empty play."""
    task = {"name": "c", "image": IMAGE, "command": COMMAND, "network": "none", "volume": connections.PYTHON}
    with sshd.Sshd():
        host.play([{"libpod.engine.libpod_container": {**task, "state": "started"}}])
        there = {"c": sshd.variables(host)}
        above = {"c": {**sshd.variables(host), "ansible_connection": "ssh"}}
        ping: dict[str, Any] = {"ansible.builtin.ping": {}, "loop": list(range(ITEMS))}
        plays: dict[str, tuple[Any, list[Any], Mapping[str, str]]] = {"empty": (above, [], {})}
        for name, settings in {"loop": {}, "pipelined": connections.PIPELINED}.items():
            plays[name] = (there, [ping], settings)
            plays[f"ssh {name}"] = (above, [ping], settings)

        def timed(name: str) -> Callable[[], Mapping[str, float]]:
            hosts, tasks, settings = plays[name]

            def measure() -> Mapping[str, float]:
                given = {**PLAIN, "ANSIBLE_REMOTE_TEMP": "/tmp/ansible", **sshd.settings()}
                begin = time.perf_counter()
                playbooks.play(tasks, hosts=hosts, settings={**given, **settings})
                return {name: (time.perf_counter() - begin) * 1000}

            return measure

        samples = interleave({name: timed(name) for name in plays}, rounds)
    host.empty()
    less = {name: [one - empty for one, empty in zip(values, samples["empty"])] for name, values in samples.items()}
    return [
        Row(f"j  ping in a remote container, loop of {ITEMS}", less["loop"], "by ssh", less["ssh loop"]),
        Row("j  the same with pipelining", less["pipelined"], "by ssh", less["ssh pipelined"]),
    ]
