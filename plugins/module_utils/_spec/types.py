# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of parts of an OCI runtime specification, for annotations; nothing imports this at run time."""

from __future__ import annotations

from typing import TypedDict


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
