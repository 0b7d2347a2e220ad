# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile compiles to exactly the rules that apply."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any, Optional

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.bundle.builder import seccomp_filter
from ansible_collections.libpod.engine.plugins.module_utils._drivers import seccomp_profiles
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument, ToolMissing
from ansible_collections.libpod.engine.plugins.module_utils._model.foreign import Foreign
from ansible_collections.libpod.engine.plugins.module_utils._spec import seccomp
from ansible_collections.libpod.engine.plugins.module_utils._spec.capabilities import DEFAULT
from ansible_collections.libpod.engine.plugins.module_utils._spec.types import Seccomp

PACKAGED = Path(seccomp_profiles.DEFAULT_PROFILES[-1])
needs_package = pytest.mark.skipif(not PACKAGED.exists(), reason="the packaged profile is not installed")


def compiled(
    *rules: dict[str, Any],
    caps: tuple[str, ...] = (),
    machine: str = "x86_64",
    kernel: str = "6.1.0-13-amd64",
    **top: Any,
) -> Optional[Seccomp]:
    profile: dict[str, Any] = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": list(rules), **top}
    return seccomp.compile_profile(Foreign(profile, "profile"), caps, machine=machine, kernel=kernel)


def names(profile: Optional[Seccomp]) -> list[str]:
    assert profile is not None
    return [name for rule in profile["syscalls"] for name in rule["names"]]


def rule(name: str, **more: Any) -> dict[str, Any]:
    return {"names": [name], "action": "SCMP_ACT_ALLOW", **more}


@pytest.mark.parametrize(
    ("conditions", "applies"),
    [
        ({"includes": {"caps": ["CAP_SYS_ADMIN"]}}, False),
        ({"includes": {"caps": ["CAP_CHOWN"]}}, True),
        ({"includes": {"caps": ["CAP_CHOWN", "CAP_SYS_ADMIN"]}}, False),
        ({"excludes": {"caps": ["CAP_CHOWN"]}}, False),
        ({"excludes": {"caps": ["CAP_SYS_ADMIN"]}}, True),
        ({"includes": {"arches": ["amd64", "x32"]}}, True),
        ({"includes": {"arches": ["arm64"]}}, False),
        ({"excludes": {"arches": ["amd64"]}}, False),
        ({"includes": {"minKernel": "4.8"}}, True),
        ({"includes": {"minKernel": "6.10"}}, False),
        ({"includes": {}, "excludes": {}, "args": None}, True),
        ({}, True),
    ],
)
def test_a_rule_applies_by_its_conditions(conditions: dict[str, Any], applies: bool) -> None:
    assert names(compiled(rule("bpf", **conditions), caps=("CAP_CHOWN",))) == (["bpf"] if applies else [])


def test_the_machines_architecture_brings_its_sub_architectures() -> None:
    arch_map = [
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
        {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
    ]
    profile = compiled(archMap=arch_map, machine="aarch64")
    assert profile is not None and profile["architectures"] == ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    profile = compiled(archMap=arch_map, machine="riscv64")
    assert profile is not None and "architectures" not in profile  # the runtime then takes its own


def test_an_errno_is_found_by_its_name() -> None:
    profile = compiled(
        {**rule("bpf"), "action": "SCMP_ACT_ERRNO", "errno": "EPERM", "errnoRet": 99}, defaultErrno="ENOSYS"
    )
    assert profile is not None
    assert (profile["defaultErrnoRet"], profile["syscalls"][0]["errnoRet"]) == (errno.ENOSYS, errno.EPERM)


def test_duplicate_rule_is_compiled_once() -> None:
    assert names(compiled(rule("bpf"), rule("bpf", comment="again"))) == ["bpf"]


def test_plain_oci_passes_unchanged() -> None:
    profile: dict[str, Any] = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "architectures": ["SCMP_ARCH_X86_64"],
        "flags": ["SECCOMP_FILTER_FLAG_LOG"],
        "syscalls": [
            {
                "names": ["personality", "bpf"],
                "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 0, "value": 8, "valueTwo": 0, "op": "SCMP_CMP_EQ"}],
            }
        ],
    }
    assert compiled(**profile) == profile


def test_empty_profile_and_unconfined_compile_to_no_filter() -> None:
    assert seccomp.compile_profile(Foreign({}, "empty"), (), machine="x86_64", kernel="6.1") is None
    assert seccomp_filter("unconfined", DEFAULT) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "cannot be read: No such file"),
        ("{", "not valid JSON"),
        ("[]", "expected an object, found a list"),
        ('{"syscalls": [{}]}', "defaultAction: expected one of SCMP_ACT_ALLOW"),
        ('{"defaultAction": "ALLOW"}', 'SCMP_ACT_TRAP, found "ALLOW"'),
        ('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [3]}', "syscalls[0]: expected an object, found an integer"),
        (
            '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_LOG"}]}',
            "syscalls[0].names: expected the names of system calls",
        ),
        (
            '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"name": "a", "names": ["b"], "action": ""}]}',
            "name: expected nothing beside names",
        ),
        ('{"defaultAction": "SCMP_ACT_ALLOW", "defaultErrno": "EWHAT"}', 'an errno such as EPERM, found "EWHAT"'),
        pytest.param(f'{{"syscalls": {"[" * 100_000}', "nested too deeply", id="deep"),
        (
            '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["a"], "action": "SCMP_ACT_LOG", "args": 5}]}',
            "args: expected a list",
        ),
        pytest.param(
            '{"defaultAction": "SCMP_ACT_ALLOW", "defaultErrno": "%s"}' % ("9" * 5000), "of an errno", id="9s"
        ),
        (
            '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["x"], "archMap": [{}]}',
            "archMap: expected nothing beside architectures",
        ),
    ],
)
def test_a_bad_profile_is_refused_by_name(tmp_path: Path, text: Optional[str], says: str) -> None:
    path = tmp_path / "profile.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InvalidArgument, match="security_opt: the seccomp profile .*profile.json") as caught:
        seccomp_filter(str(path), DEFAULT)
    assert says in str(caught.value)


def test_a_missing_default_profile_names_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(seccomp_profiles, "DEFAULT_PROFILES", (str(tmp_path / "none.json"),))
    with pytest.raises(ToolMissing, match="containers-common"):
        seccomp_filter("", DEFAULT)


@needs_package
def test_the_packaged_profile_follows_the_capabilities() -> None:
    profile = json.loads(PACKAGED.read_text())

    def actions(caps: frozenset[str]) -> dict[str, str]:
        rules = seccomp.compile_profile(Foreign(profile, "packaged"), caps, machine="x86_64", kernel="6.1")
        assert rules is not None
        return {name: one["action"] for one in rules["syscalls"] for name in one["names"]}

    plain, more = actions(DEFAULT), actions(DEFAULT | {"CAP_SYS_ADMIN"})
    assert (plain["bpf"], plain["chroot"]) == ("SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW")
    assert more["bpf"] == "SCMP_ACT_ALLOW"
    assert "arm_fadvise64_64" not in plain
