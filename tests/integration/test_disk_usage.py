# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod system df``: what takes up how much, on trees that containers made too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command as self_program
from ansible_collections.libpod.engine.tests.support import trees
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, eventually, in_background

MIB = 1 << 20


@pytest.fixture(scope="module", name="host")
def _host() -> Iterator[Host]:
    """Yield a host with an ended container, a volume, and a container that wrote 1 MiB, and 3 MiB into its volume."""
    write = "head -c 1048576 /dev/zero >/file; head -c 3145728 /dev/zero >/kept/file; ln /kept/file /kept/again; "
    options: dict[str, Any] = {"image": "busybox", "network": "none", "volume": ["data:/kept"]}
    with Host() as made:
        result = made.container("web", **options, command=["sh", "-c", write + WAITING[2]])
        assert not result.failed, result
        eventually(lambda: os.path.exists(f"{made.parts.static_root}/volumes/data/_data/again"))
        ended = {**options, "volume": ["idle:/kept"], "command": ["sh", "-c", "head -c 500000 /dev/zero >/file"]}
        assert not made.container("job", **ended, wait="exited").failed
        assert not made.container("job", state="absent").failed
        assert not made.container("job", **{**ended, "volume": []}, wait="exited").failed
        top = Path(f"{made.parts.static_root}/volumes/idle/_data")
        (top / "loop").symlink_to(".")
        (top / "secret").symlink_to("/etc/passwd")
        trees.nest(top, 2000, "d" * 50)
        yield made
        made.empty()


def _df(host: Host, *args: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **host.parts.environment()}
    argv = [*self_program.argv(host.parts), "system", "df", *args]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=True)


def test_kinds_are_summed_as_podman_shows_them(host: Host) -> None:
    lines = _df(host).stdout.splitlines()
    assert lines[0].split() == ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"]
    images, containers, volumes = json.loads(_df(host, "--format", "json").stdout)
    assert [one["Type"] for one in (images, containers, volumes)] == ["Images", "Containers", "Local Volumes"]
    assert (containers["Total"], containers["Active"]) == (2, 1) and (volumes["Total"], volumes["Active"]) == (2, 1)
    assert containers["RawReclaimable"] == 500000 and containers["RawSize"] >= 500000 + MIB
    assert volumes["RawSize"] - volumes["RawReclaimable"] == 3 * MIB, "a hard-linked file counts once"
    assert volumes["RawReclaimable"] < 4096, "links lead nowhere"
    # All images of the tests are of one layer: none of it could be had back.
    assert images["Active"] == 1 < images["Total"] and images["RawReclaimable"] == 0 < images["RawSize"]
    assert lines[2].split()[:3] == ["Containers", "2", "1"] and lines[2].endswith("%)")


def test_each_is_shown_in_detail(host: Host) -> None:
    text = _df(host, "-v").stdout
    for words in ("Images space usage:", "Containers space usage:", "Local Volumes space usage:", "UNIQUE SIZE"):
        assert words in text
    found = json.loads(_df(host, "-v", "--format", "json").stdout)
    volumes = {one["VolumeName"]: one for one in found["Volumes"]}
    assert volumes["data"] == {"VolumeName": "data", "Links": 1, "Size": 3 * MIB} and volumes["idle"]["Links"] == 0
    job, web = sorted(found["Containers"], key=lambda one: one["Names"])
    assert job["Size"] == 500000 and job["LocalVolumes"] == 0 and web["LocalVolumes"] == 1
    listed = json.loads(host.store("images", "--json"))
    assert {one["ImageID"] for one in found["Images"]} == {one["id"] for one in listed}
    busybox = next(one for one in found["Images"] if one["Repository"] == "localhost/busybox")
    assert busybox["Containers"] == 2 and busybox["Size"] == busybox["SharedSize"] + busybox["UniqueSize"] > MIB / 2
    layers = {one["id"]: one for one in json.loads(host.store("layers", "--json"))}
    image = next(one for one in listed if one["id"] == busybox["ImageID"])
    assert busybox["Size"] >= layers[image["layer"]]["diff-size"]


def test_what_takes_too_long_has_no_size(host: Host) -> None:
    done = _df(host, "-v", "--format", "json", "--timeout", "0")
    found = json.loads(done.stdout)
    assert {one["Size"] for one in (*found["Containers"], *found["Volumes"])} == {None}
    assert "4 containers and volumes have no size" in done.stderr
    assert "--" in _df(host, "-v", "--timeout", "0").stdout


def test_tree_that_is_removed_meanwhile_is_no_error(host: Host) -> None:
    code = "import os\nwhile True:\n os.makedirs('x/y/z', exist_ok=True); open('x/y/z/f','w').close()\n"
    code += " os.rename('x', 'w'); os.system('rm -rf w')\n"
    folder = f"{host.parts.static_root}/volumes/data/_data"
    with in_background([sys.executable, "-c", code], cwd=folder, stderr=subprocess.DEVNULL):
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            assert json.loads(_df(host, "--format", "json").stdout)[2]["RawSize"] >= 3 * MIB
    subprocess.run(["rm", "-rf", f"{folder}/x", f"{folder}/w"], check=True)
