# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restrictions of system calls: a personality, and the seccomp profile of an image."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.transport import Images
from ansible_collections.libpod.engine.tests.support import kernel
from ansible_collections.libpod.engine.tests.support.hosts import PACKAGED_FILTER, Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}
# A program of 32 bits for x86 (elf(5)): exit(7) by int 0x80.
_EXIT = bytes.fromhex("b801000000bb07000000cd80")
_ELF = struct.pack("<4s5B7x2H5I6H", b"\x7fELF", 1, 1, 1, 0, 0, 2, 3, 1, 0x8048054, 52, 0, 0, 52, 32, 1, 0, 0, 0)
PROGRAM = _ELF + struct.pack("<8I", 1, 0, 0x8048000, 0x8048000, 84 + len(_EXIT), 84 + len(_EXIT), 5, 4096) + _EXIT


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="its program of 32 bits is for x86")
def test_packaged_profile_allows_programs_of_32_bits(host: Host, tmp_path: Path) -> None:
    program = tmp_path / "exit"
    program.write_bytes(PROGRAM)
    program.chmod(0o755)
    try:
        assert subprocess.run([program], check=False).returncode == 7
    except OSError:
        pytest.skip("this kernel runs no program of 32 bits")
    job: dict[str, Any] = {"image": "busybox", "network": "none", "detach": False, "command": ["/programs/exit"]}
    job["volume"] = [f"{tmp_path}:/programs"]
    narrow = host.container("narrow", **job)
    assert narrow.failed and narrow["container"]["State"]["ExitCode"] == 128 + 31, "SIGSYS: the test host's own profile"
    kernel.umount(PACKAGED_FILTER)
    whole = host.container("whole", **job)
    assert whole["container"]["State"]["ExitCode"] == 7, whole
    host.filter_natively()


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
