# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of parts of an OCI runtime specification, for annotations; nothing imports this at run time."""

from __future__ import annotations

from typing import Mapping, TypedDict, Union

from .._model.options.types import DeviceRule


class _Mount(TypedDict):
    destination: str
    type: str
    source: str
    options: list[str]


class Mount(_Mount, total=False):
    """An entry of ``mounts`` (config.md, "Mounts")."""

    uidMappings: list[IdMapping]
    gidMappings: list[IdMapping]


class Device(TypedDict):
    """An entry of ``linux.devices`` (config-linux.md, "Devices")."""

    path: str
    type: str
    major: int
    minor: int
    fileMode: int
    uid: int
    gid: int


class IdMapping(TypedDict):
    """An entry of ``linux.uidMappings`` (config-linux.md, "User namespace mappings")."""

    containerID: int
    hostID: int
    size: int


class SyscallArgument(TypedDict):
    """An entry of ``linux.seccomp.syscalls[].args`` (config-linux.md, "Seccomp")."""

    index: int
    value: int
    valueTwo: int
    op: str


class _SyscallRule(TypedDict):
    names: list[str]
    action: str


class SyscallRule(_SyscallRule, total=False):
    """An entry of ``linux.seccomp.syscalls`` (config-linux.md, "Seccomp")."""

    errnoRet: int
    args: list[SyscallArgument]


class _Seccomp(TypedDict):
    defaultAction: str


class Seccomp(_Seccomp, total=False):
    """``linux.seccomp`` (config-linux.md, "Seccomp")."""

    defaultErrnoRet: int
    architectures: list[str]
    flags: list[str]
    listenerPath: str
    listenerMetadata: str
    syscalls: list[SyscallRule]


class ProcessUser(TypedDict):
    """``process.user`` (config.md, "User")."""

    uid: int
    gid: int
    additionalGids: list[int]
    umask: int


class Rlimit(TypedDict):
    """An entry of ``process.rlimits`` (config.md, "POSIX process")."""

    type: str
    soft: int
    hard: int


class _Process(TypedDict):
    terminal: bool
    user: ProcessUser
    args: list[str]
    env: list[str]
    cwd: str
    capabilities: Mapping[str, list[str]]
    noNewPrivileges: bool
    rlimits: list[Rlimit]


class Process(_Process, total=False):
    """``process`` (config.md, "Process")."""

    selinuxLabel: str
    apparmorProfile: str
    oomScoreAdj: int


class AnyDevice(TypedDict):
    """An entry of ``linux.resources.devices`` for every device."""

    allow: bool
    access: str


class Resources(TypedDict, total=False):
    """``linux.resources`` (config-linux.md, "Control groups")."""

    devices: list[Union[DeviceRule, AnyDevice]]
    cpu: dict[str, object]
    memory: dict[str, object]
    pids: dict[str, object]
    blockIO: dict[str, object]
    unified: dict[str, str]


class _Personality(TypedDict):
    domain: str


class _IntelRdt(TypedDict):
    closID: str


class _Linux(TypedDict):
    cgroupsPath: str
    namespaces: list[dict[str, str]]
    resources: Resources
    sysctl: dict[str, str]
    rootfsPropagation: str


class ConfinedPaths(TypedDict, total=False):
    """The paths in ``linux`` that are hidden, or cannot be written."""

    maskedPaths: list[str]
    readonlyPaths: list[str]


class Linux(_Linux, total=False):
    """``linux`` (config-linux.md)."""

    uidMappings: list[IdMapping]
    gidMappings: list[IdMapping]
    maskedPaths: list[str]
    readonlyPaths: list[str]
    mountLabel: str
    personality: _Personality
    intelRdt: _IntelRdt
    devices: list[Device]
    seccomp: Seccomp


class Hook(TypedDict, total=False):
    """An entry of a stage in ``hooks`` (config.md, "POSIX-platform Hooks")."""

    path: str
    args: list[str]
    env: list[str]
    timeout: int


class _Root(TypedDict):
    path: str
    readonly: bool


class _Spec(TypedDict):
    ociVersion: str
    process: Process
    root: _Root
    mounts: list[Mount]
    annotations: dict[str, str]
    linux: Linux


class Spec(_Spec, total=False):
    """A container's config.json (config.md)."""

    hostname: str
    hooks: dict[str, list[Hook]]
