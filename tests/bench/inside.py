# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Part i: ``ping`` in a container by the connection plugin, against ``ping`` on localhost; whole ansible-playbook runs.

All have the machine's Python and Ansible's defaults. The row "pipelined" has pipelining on localhost too. The last
one is against the connection of containers.podman, where podman and that collection are installed.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Mapping

from ansible_collections.libpod.engine.tests.bench import limits
from ansible_collections.libpod.engine.tests.bench.contenders import COMMAND, IMAGE, PEERS, Podman
from ansible_collections.libpod.engine.tests.bench.rows import Row, interleave
from ansible_collections.libpod.engine.tests.support import inside as connections
from ansible_collections.libpod.engine.tests.support import playbooks
from ansible_collections.libpod.engine.tests.support.hosts import Host

ITEMS = 20
# Both slow Python down, and not on each side alike.
PLAIN = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONUNBUFFERED": ""}


def inside(host: Host, rounds: int) -> list[Row]:
    """All rows, each less an empty play."""
    made = host.container("c", image=IMAGE, command=COMMAND, network="none", volume=connections.PYTHON)
    assert not made.failed, made
    local = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
    ping: dict[str, Any] = {"ansible.builtin.ping": {}}
    loop = {**ping, "loop": list(range(ITEMS))}
    there, here = {"c": connections.variables(host)}, {"here": local}
    plays: dict[str, tuple[Any, list[Any], Mapping[str, str]]] = {
        "empty": (here, [], {}),
        "one": (there, [ping], {}),
        "local one": (here, [ping], {}),
        "loop": (there, [loop], {}),
        "local loop": (here, [loop], {}),
        "local loop, pipelined": (here, [loop], connections.PIPELINED),
    }
    if Podman.has_collection():
        plays["podman loop"] = (_podmans(host), [loop], {"ANSIBLE_COLLECTIONS_PATH": PEERS})

    def timed(name: str) -> Callable[[], Mapping[str, float]]:
        hosts, tasks, settings = plays[name]

        def measure() -> Mapping[str, float]:
            begin = time.perf_counter()
            playbooks.play(tasks, hosts=hosts, settings={**PLAIN, **settings})
            return {name: (time.perf_counter() - begin) * 1000}

        return measure

    samples = interleave({name: timed(name) for name in plays}, rounds)
    host.empty()
    if "podman loop" in plays:
        Podman(host).run("rm", "--force", "--time", "0", "p")
    less = {name: [one - empty for one, empty in zip(values, samples["empty"])] for name, values in samples.items()}
    return [
        Row("i  ping in a container", less["one"], "localhost", less["local one"], limits.PING_INSIDE),
        Row(
            f"i  ping in a container, loop of {ITEMS}",
            less["loop"],
            "localhost",
            less["local loop"],
            limits.PING_INSIDE,
        ),
        Row(f"i  ping in a container, loop of {ITEMS}", less["loop"], "pipelined", less["local loop, pipelined"]),
        Row(f"i  ping in a container, loop of {ITEMS}", less["loop"], "podman exec", less.get("podman loop", [])),
    ]


def _podmans(host: Host) -> dict[str, dict[str, str]]:
    """Start the same container under podman, and return it as a host of the inventory."""
    podman = Podman(host)
    volumes = [f"--volume={volume}" for volume in connections.PYTHON]
    podman.run("run", "-d", "--name", "p", "--network", "none", *volumes, IMAGE, *COMMAND)
    variables = {"connection": "containers.podman.podman", "podman_executable": podman.program()}
    variables["python_interpreter"] = "/usr/bin/python3"
    return {"p": {f"ansible_{name}": value for name, value in variables.items()}}
