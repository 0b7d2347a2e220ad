# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod system prune`` and ``prune`` of each kind remove what the module removes, and ask first."""

from __future__ import annotations

import os
import pty
import subprocess
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command as self_program
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.operator_command import libpod
from ansible_collections.libpod.engine.tests.support.process import WAITING

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}


def _typed(host: Host, answer: str, *args: str) -> tuple[int, str, str]:
    """Run the command with a terminal as its input, and return its exit code and what it printed."""
    leader, terminal = pty.openpty()
    os.write(leader, answer.encode())
    try:
        done = subprocess.run(
            [*self_program.argv(host.parts), *args],
            env={**os.environ, **host.parts.environment()},
            stdin=terminal,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.close(leader)
        os.close(terminal)
    return done.returncode, done.stdout, done.stderr


def test_containers_that_have_ended_are_removed_after_an_answer(host: Host) -> None:
    ids = {}
    for name, label in (("one", {"job": "1"}), ("two", {}), ("lives", {})):
        ids[name] = host.container(name, label=label, **OPTIONS)["container"]["Id"]
    for name in ("one", "two"):
        host.container(name, state="stopped")
    prune = ("container", "prune")
    assert "--force" in libpod(host, *prune, code=125).stderr
    assert libpod(host, *prune, input="n\n").stdout == ""
    code, out, err = _typed(host, "n\n", *prune)
    assert (code, out) == (0, "") and "WARNING! This will remove all stopped containers." in err and "[y/N]" in err
    assert "label=KEY" in libpod(host, *prune, "-f", "--filter", "name=x", code=125).stderr
    assert libpod(host, *prune, "-f", "--filter", "until=1h").stdout == ""
    assert libpod(host, *prune, "-f", "--filter", "label=job=1").stdout == f"{ids['one']}\n"
    assert _typed(host, "y\n", *prune)[:2] == (0, f"{ids['two']}\n")
    assert libpod(host, "ps", "-a", "--format", "{{.Names}}").stdout == "lives\n"


@pytest.mark.parametrize("kind", ["volume", "network"])
def test_unused_volumes_and_networks_are_removed_by_name(host: Host, kind: str) -> None:
    libpod(host, kind, "create", "free")
    asked = libpod(host, kind, "prune", code=125).stderr
    assert "--force" in asked
    code, out, err = _typed(host, "n\n", kind, "prune")
    assert (code, out) == (0, "") and f"all {kind}s not used by at least one container" in err
    assert ("following volumes will be removed:\nfree\n" in err) is (kind == "volume")
    assert libpod(host, kind, "prune", input="y\n").stdout == "free\n"
    libpod(host, kind, "exists", "free", code=1)
    assert libpod(host, kind, "prune", "-f").stdout == ""


def test_images_are_removed_without_a_name_or_all() -> None:
    with Host() as host:
        host.container("a", **OPTIONS)
        host.container("a", state="stopped")
        (known,) = {one["Id"] for one in host.module("libpod_image_info", {"name": ["busybox"]})["images"]}
        dangling = libpod(host, "commit", "a").stdout.strip()
        assert libpod(host, "image", "prune", "-f").stdout == f"{dangling}\n"
        assert known not in libpod(host, "image", "prune", "-af").stdout
        libpod(host, "rm", "a")
        removed = libpod(host, "image", "prune", "-f", "--filter", "dangling=false").stdout
        assert known in removed.split()
        host.empty()


def test_everything_unused_is_removed_with_the_space_that_it_took() -> None:
    with Host() as host:
        libpod(host, "pod", "create", "--share", "none", "-n", "apps")
        host.container("in-pod", pod="apps", image="busybox", command=WAITING)
        ended = host.container("ended", volume=["data:/data"], **OPTIONS)["container"]["Id"]
        libpod(
            host, "exec", "ended", "sh", "-c", "head -c 3000000 /dev/zero >/data/file; head -c 2000000 /dev/zero >/file"
        )
        libpod(host, "stop", "ended")
        assert libpod(host, "pod", "prune", "-f").stdout == ""
        libpod(host, "pod", "stop", "apps")
        (pod,) = libpod(host, "pod", "ps", "-q", "--no-trunc").stdout.split()
        code, out, err = _typed(host, "n\n", "system", "prune", "-a", "--volumes")
        assert (code, out) == (0, "") and "\t- all images without at least one container" in err
        first = libpod(host, "system", "prune", "-f").stdout.splitlines()
        assert first[:4] == ["Deleted Pods", pod, "Deleted Containers", ended], first
        assert first[-1].startswith("Total reclaimed space: 2") and first[-1].endswith("MB")
        second = libpod(host, "system", "prune", "--force", "--volumes").stdout
        assert second.startswith("Deleted Volumes\ndata\nTotal reclaimed space: 3") and second.endswith("MB\n")
        assert libpod(host, "system", "prune", "-f").stdout == "Total reclaimed space: 0B\n"
        host.empty()
