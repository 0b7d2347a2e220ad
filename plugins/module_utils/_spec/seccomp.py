# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The system call filter: a seccomp profile as files keep it, compiled to the OCI spec's ``linux.seccomp``.

A profile is containers-common's (also Docker's and CRI-O's: rules that depend on capabilities, architecture and
kernel), or plain OCI, which is the same without conditions. Compiling the packaged one takes 0.5 ms.
"""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING, Collection, Optional

from .._model.errors import InvalidArgument, MalformedData
from .._model.foreign import Foreign

if TYPE_CHECKING:
    from .types import Seccomp, SyscallRule

# uname(2)'s machine as profiles call it (libseccomp's and Go's names).
_MACHINES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv8l": "arm",
    "armv7l": "arm",
    "armv6l": "arm",
    "i686": "x86",
    "i586": "x86",
    "loongarch64": "loong64",
}
# Of those, the ones an archMap names.
_ARCHITECTURES = {
    "amd64": "X86_64",
    "arm64": "AARCH64",
    "mips64": "MIPS64",
    "mips64n32": "MIPS64N32",
    "mipsel64": "MIPSEL64",
    "mipsel64n32": "MIPSEL64N32",
    "s390x": "S390X",
    "ppc64le": "PPC64LE",
    "riscv64": "RISCV64",
    "loong64": "LOONGARCH64",
}
_ACTION_WORDS = "KILL KILL_PROCESS KILL_THREAD TRAP ERRNO TRACE ALLOW LOG NOTIFY"
_ACTIONS = {f"SCMP_ACT_{word}" for word in _ACTION_WORDS.split()}
_MAX_VALUE, _MAX_ERRNO = (1 << 64) - 1, 4095
_OPERATORS = {f"SCMP_CMP_{word}" for word in ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ")}


def compile_profile(profile: Foreign, capabilities: Collection[str], *, machine: str, kernel: str) -> Optional[Seccomp]:
    """Return the rules of a profile that apply, as in the OCI specification (config-linux.md, "Seccomp").

    None is for an empty profile. ``machine`` and ``kernel`` are uname(2)'s.

    :raises InvalidArgument: it is not valid.
    """
    try:
        return _compiled(profile, capabilities, _MACHINES.get(machine, machine), _version(kernel))
    except MalformedData as error:
        raise InvalidArgument(f"security_opt: {error}") from error


def _compiled(profile: Foreign, capabilities: Collection[str], arch: str, kernel: tuple[int, ...]) -> Optional[Seccomp]:
    if not profile["defaultAction"].text() and not any(profile["syscalls"]):
        return None
    if any(profile["architectures"]) and any(profile["archMap"]):
        profile["archMap"].fail("nothing beside architectures, of which one is to be there")
    compiled: Seccomp = {"defaultAction": _known(profile["defaultAction"], _ACTIONS)}
    code = _errno(profile["defaultErrno"], profile["defaultErrnoRet"])
    if code is not None:
        compiled["defaultErrnoRet"] = code
    architectures = profile["architectures"].texts() or _mapped(profile["archMap"], arch)
    if architectures:
        compiled["architectures"] = architectures
    if flags := profile["flags"].texts():
        compiled["flags"] = flags
    if path := profile["listenerPath"].text():
        compiled["listenerPath"] = path
    if metadata := profile["listenerMetadata"].text():
        compiled["listenerMetadata"] = metadata
    rules: list[SyscallRule] = []
    for entry in profile["syscalls"]:
        if _applies(entry, capabilities, arch, kernel):
            rule = _rule(entry)
            # The packaged profile says one rule twice, and libseccomp refuses that where a single architecture is left.
            if rule not in rules:
                rules.append(rule)
    compiled["syscalls"] = rules
    return compiled


def _mapped(arch_map: Foreign, arch: str) -> list[str]:
    native = f"SCMP_ARCH_{_ARCHITECTURES.get(arch)}"
    for entry in arch_map:
        if entry["architecture"].text() == native:
            return [native, *entry["subArchitectures"].texts()]
    return []


def _applies(entry: Foreign, capabilities: Collection[str], arch: str, kernel: tuple[int, ...]) -> bool:
    includes, excludes = entry["includes"], entry["excludes"]
    arches = includes["arches"].texts()
    least, below = (_least_kernel(conditions["minKernel"]) for conditions in (includes, excludes))
    return not (
        arch in excludes["arches"].texts()
        or any(name in capabilities for name in excludes["caps"].texts())
        or (arches and arch not in arches)
        or any(name not in capabilities for name in includes["caps"].texts())
        or (least and kernel < least)
        or (below and kernel >= below)
    )


def _least_kernel(version: Foreign) -> Optional[tuple[int, ...]]:
    text = version.text()
    if text and not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})*", text):
        version.fail("a kernel's version such as 4.8")
    return _version(text) if text else None


def _rule(entry: Foreign) -> SyscallRule:
    names, name = entry["names"].texts(), entry["name"].text()
    if name and names:
        entry["name"].fail("nothing beside names, of which one is to be there")
    names = [name] if name else names
    if not names:
        entry["names"].fail("the names of system calls")
    rule: SyscallRule = {"names": names, "action": _known(entry["action"], _ACTIONS)}
    code = _errno(entry["errno"], entry["errnoRet"])
    if code is not None:
        rule["errnoRet"] = code
    if any(entry["args"]):
        rule["args"] = [
            {
                "index": arg["index"].integer(low=0, high=5, required=True),
                "value": arg["value"].integer(low=0, high=_MAX_VALUE, required=True),
                "valueTwo": arg["valueTwo"].integer(low=0, high=_MAX_VALUE),
                "op": _known(arg["op"], _OPERATORS),
            }
            for arg in entry["args"]
        ]
    return rule


def _errno(name_or_digits: Foreign, code: Foreign) -> Optional[int]:
    """Return the error number: the name (or digits) wins over the number, which is there for older readers."""
    name = name_or_digits.text()
    if not name:
        return code.integer(low=0, high=_MAX_ERRNO) if code else None
    number = int(name) if re.fullmatch("[0-9]{1,4}", name) else getattr(errno, name, None)
    if not isinstance(number, int):
        name_or_digits.fail("the name of an errno such as EPERM")
    return number


def _known(value: Foreign, known: Collection[str]) -> str:
    if value.text() not in known:
        value.fail(f"one of {', '.join(sorted(known))}")
    return value.text()


def _version(text: str) -> tuple[int, ...]:
    """Return the numbers that a kernel's release begins with: ``6.1.0-13-amd64`` is (6, 1)."""
    major, _dot, rest = text.partition(".")
    minor = ""
    for char in rest:
        if not char.isdigit():
            break
        minor += char
    return int(major), int(minor or 0)
