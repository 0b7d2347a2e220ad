# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Part g: a file put into a container and fetched from it, against ``cp`` to and from the same paths.

The engine's calls are made in this process, as a connection makes them; ``cp`` is a program that is started. The last
rows are in a container with a user namespace, in a directory that only its root's capabilities open.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import Any, Callable, Mapping

from ansible_collections.libpod.engine.plugins.module_utils._container.container import Container
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.bench import limits
from ansible_collections.libpod.engine.tests.bench.contenders import COMMAND, IMAGE
from ansible_collections.libpod.engine.tests.bench.rows import Row, interleave
from ansible_collections.libpod.engine.tests.support.hosts import Host

SOURCE, BACK = "/srv/transfer", "/srv/transfer-back"
USERNS: dict[str, Any] = {"uidmap": ["0:100000:65536"], "gidmap": ["0:200000:65536"]}


def transfers(host: Host, rounds: int) -> list[Row]:
    """All rows."""
    rows = []
    container, root = _container(host, {})
    for size, limit in limits.TRANSFER.items():
        samples = _samples(container, root, size, rounds, "/tmp/f")
        for verb in ("put", "fetch"):
            what = f"g  {verb} of {size} MiB"
            rows.append(Row(what, samples[verb], "cp", samples[f"cp {verb}"], limit))
            rows.append(Row(what, samples[verb], "copy in Python", samples[f"copyfile {verb}"]))
    container, root = _container(host, USERNS)
    os.mkdir(f"{root}/own", 0o700)
    os.chown(f"{root}/own", 101000, 201000)
    samples = _samples(container, root, 1, rounds, "/own/f")
    rows.append(Row("g  put of 1 MiB by capabilities in a user namespace", samples["put"], "cp", samples["cp put"]))
    host.empty()
    for path in (SOURCE, BACK):
        os.unlink(path)
    return rows


def _container(host: Host, options: Mapping[str, Any]) -> tuple[Container, str]:
    name = f"transfer{len(options)}"
    made = host.container(name, image=IMAGE, command=COMMAND, network="none", stop_signal="KILL", **options)
    assert not made.failed, made
    return Runtime(host.parts).container(name), f"/proc/{made['container']['State']['Pid']}/root"


def _samples(container: Container, root: str, size: int, rounds: int, path: str) -> dict[str, list[float]]:
    with open(SOURCE, "wb") as file:
        for _block in range(size):
            file.write(os.urandom(1 << 20))

    def cp(source: str, target: str) -> None:
        subprocess.run(["cp", source, target], check=True)

    calls: dict[str, Callable[[], object]] = {
        "put": lambda: container.put_file(SOURCE, path, "root"),
        "cp put": lambda: cp(SOURCE, f"{root}{path}-cp"),
        "copyfile put": lambda: shutil.copyfile(SOURCE, f"{root}{path}-copy"),
        "fetch": lambda: container.fetch_file(path, BACK, "root"),
        "cp fetch": lambda: cp(f"{root}{path}", BACK),
        "copyfile fetch": lambda: shutil.copyfile(f"{root}{path}", BACK),
    }

    def timed(name: str) -> Callable[[], Mapping[str, float]]:
        def measure() -> Mapping[str, float]:
            begin = time.perf_counter()
            calls[name]()
            return {name: (time.perf_counter() - begin) * 1000}

        return measure

    return interleave({name: timed(name) for name in calls}, rounds)
