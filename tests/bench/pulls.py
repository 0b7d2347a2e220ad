# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Part p: an image with a layer of 50 MiB pulled from a registry on loopback, against ``skopeo copy``."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import Mapping

from ansible_collections.libpod.engine.tests.bench import limits
from ansible_collections.libpod.engine.tests.bench.contenders import Engine
from ansible_collections.libpod.engine.tests.bench.rows import Row, interleave
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.registry import APP, HTTP, Registry

MIB = 50
FOLDER = "/srv/pulls"


def pulls(host: Host, rounds: int) -> list[Row]:
    """Return the row; the image is removed after each pull."""
    engine, registry = Engine(host), Registry(host, HTTP)
    _push(host, registry)
    parts = host.parts
    target = f"containers-storage:[{parts.storage_driver}@{parts.storage_root}+{parts.storage_run_root}]{APP}"
    copy = ["skopeo", "copy", "--quiet", "--insecure-policy", "--tmpdir", "/srv", f"docker://{APP}", target]

    def pull() -> Mapping[str, float]:
        measure = engine.run("libpod_image", name=APP)
        assert measure["result"]["actions"] == [f"pulled image {APP}"], measure
        engine.run("libpod_image", name=APP, state="absent")
        return {"pull": measure["ms"]}

    def skopeo() -> Mapping[str, float]:
        begin = time.perf_counter()
        subprocess.run(copy, check=True)
        took = (time.perf_counter() - begin) * 1000
        engine.run("libpod_image", name=APP, state="absent")
        return {"skopeo": took}

    samples = interleave({"pull": pull, "skopeo": skopeo}, rounds)
    registry.remove()
    return [Row(f"p  pull of {MIB} MiB", samples["pull"], "skopeo copy", samples["skopeo"], limits.PULL)]


def _push(host: Host, registry: Registry) -> None:
    """Have the registry have the image; its layer is random, as a compressed one is to the network and the disk."""
    os.mkdir(FOLDER)
    layout, data = f"{FOLDER}/layout", f"{FOLDER}/data"
    shutil.copytree(host.layout, layout)
    with open(data, "wb") as file:
        for _block in range(MIB):
            file.write(os.urandom(1 << 20))
    host.run("umoci", "insert", "--image", f"{layout}:bare", "--tag", "large", data, "/data/large")
    registry.push(f"oci:{layout}:large")
    shutil.rmtree(FOLDER)
