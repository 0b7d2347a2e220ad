# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restrictions of system calls: a personality, and the seccomp profile of an image."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.transport import Images
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}


def test_seccomp_profile_of_the_image(host: Host) -> None:
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["chmod"], "action": "SCMP_ACT_ERRNO"}]}
    label = f"io.containers.seccomp.profile={json.dumps(profile)}"
    shutil.copytree(host.layout, "/srv/layout")
    args = ("--no-history", "--image", "/srv/layout:busybox", "--tag", "strict", "--config.label", label)
    host.run("umoci", "config", *args)
    job: dict[str, Any] = {
        "image": "oci:/srv/layout:strict",
        "network": "none",
        "detach": False,
        "command": ["chmod", "600", "/www"],
    }
    assert not host.container("default", **job).failed
    refused = host.container("strict", seccomp_policy="image", **job)
    assert refused.failed and "Operation not permitted" in refused["stderr"], refused
    host.empty()
    assert Images(host.parts).remove("oci:/srv/layout:strict")
    shutil.rmtree("/srv/layout")


def test_personality_is_refused_where_the_runtime_does_not_set_it(host: Host) -> None:
    refused = host.container("c", **BASE, personality="linux32")
    assert refused.failed and refused["error"] == "NotImplementedByHost" and "crun" in refused["msg"], refused


@pytest.mark.parametrize("host", [{"unified": False}], indirect=True)
def test_personality_is_the_process_own(host: Host) -> None:
    made = host.container("c", **BASE, personality="linux32", oci_runtime="/usr/bin/crun")
    assert not made.failed, made
    assert Process(made).read("personality").strip() == "00000008", "PER_LINUX32 of personality(2)"
    assert host.container("c", state="absent", oci_runtime="/usr/bin/crun")["actions"] == ["deleted c"]
