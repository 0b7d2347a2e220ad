# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The system call filter: a seccomp profile as files keep it, compiled to the OCI spec's ``linux.seccomp``.

A profile is containers-common's (also Docker's and CRI-O's: rules that depend on capabilities, architecture and
kernel), or plain OCI, which is the same without conditions. Loading and compiling the packaged one takes 0.5 ms.
"""

from __future__ import annotations

import errno
import json
import os
from typing import Any, Collection, Mapping, Optional

from .._model.errors import InvalidArgument, ToolMissing

UNCONFINED = "unconfined"
# The administrator's, then the packaged one (containers-common, seccomp.json(5)).
DEFAULT_PROFILES = ("/etc/containers/seccomp.json", "/usr/share/containers/seccomp.json")
PACKAGE = "golang-github-containers-common (Debian) or containers-common (Red Hat)"

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
_OPERATORS = {f"SCMP_CMP_{word}" for word in ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ")}


def default_profile() -> str:
    """Path of the host's own profile.

    :raises ToolMissing: its package is not installed.
    """
    for path in DEFAULT_PROFILES:
        if os.path.exists(path):
            return path
    raise ToolMissing(DEFAULT_PROFILES[-1], PACKAGE)


def load(path: str) -> Mapping[str, Any]:
    """Read a profile.

    :raises InvalidArgument: it cannot be read, or is no JSON object.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return _object(file.read(), path)
    except OSError as error:
        raise InvalidArgument(f"security_opt: the seccomp profile {path} cannot be read: {error.strerror}") from error


def _object(text: str, path: str) -> Mapping[str, Any]:
    try:
        profile = json.loads(text)
    except ValueError as error:
        raise InvalidArgument(f"security_opt: the seccomp profile {path} is no JSON: {error}") from error
    if not isinstance(profile, dict):
        raise _bad(path, "is no JSON object with defaultAction and syscalls")
    found: Mapping[str, Any] = profile
    return found


def for_option(value: str, capabilities: Collection[str], image: str = "") -> Optional[dict[str, Any]]:
    """``linux.seccomp`` for security_opt's ``seccomp=VALUE``: a path, ``unconfined`` (none) or empty (the default).

    ``capabilities`` is the container's bounding set, ``image`` the image's own profile, to be used before the default.
    A privileged container without the option wants ``unconfined``.

    :raises InvalidArgument: the profile cannot be used. :raises ToolMissing: the default one is not installed.
    """
    if value == UNCONFINED:
        return None
    machine = os.uname()
    path = value or ("of the image" if image else default_profile())
    profile = load(path) if value or not image else _object(image, path)
    return compile_profile(profile, capabilities, machine=machine.machine, kernel=machine.release, name=path)


def compile_profile(
    profile: Mapping[str, Any], capabilities: Collection[str], *, machine: str, kernel: str, name: str = "profile"
) -> Optional[dict[str, Any]]:
    """The profile's rules that apply, as the OCI spec wants them (config-linux.md, "Seccomp"); None for an empty one.

    ``machine`` and ``kernel`` are uname(2)'s; ``name`` is what messages call the profile.

    :raises InvalidArgument: it is not valid.
    """
    try:
        return _compiled(profile, capabilities, _MACHINES.get(machine, machine), _version(kernel), name)
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        raise _bad(name, f"has a part of the wrong type or none where one is needed ({error})") from error


def _compiled(
    profile: Mapping[str, Any], capabilities: Collection[str], arch: str, kernel: tuple[int, ...], name: str
) -> Optional[dict[str, Any]]:
    if not profile.get("defaultAction") and not profile.get("syscalls"):
        return None
    if profile.get("architectures") and profile.get("archMap"):
        raise _bad(name, "has both architectures and archMap: one of them is expected")
    found: dict[str, Any] = {"defaultAction": _known(profile["defaultAction"], _ACTIONS, name)}
    code = _errno(profile.get("defaultErrno"), profile.get("defaultErrnoRet"), name)
    if code is not None:
        found["defaultErrnoRet"] = code
    architectures = list(profile.get("architectures") or ()) or _mapped(profile.get("archMap") or (), arch)
    if architectures:
        found["architectures"] = architectures
    for key in ("flags", "listenerPath", "listenerMetadata"):
        if profile.get(key):
            found[key] = profile[key]
    rules: list[dict[str, Any]] = []
    for entry in profile.get("syscalls") or ():
        if _applies(entry, capabilities, arch, kernel):
            rule = _rule(entry, name)
            # The packaged profile says one rule twice, and libseccomp refuses that where a single architecture is left.
            if rule not in rules:
                rules.append(rule)
    found["syscalls"] = rules
    return found


def _mapped(arch_map: Any, arch: str) -> list[str]:
    native = f"SCMP_ARCH_{_ARCHITECTURES.get(arch)}"
    for entry in arch_map:
        if entry["architecture"] == native:
            return [native, *(entry.get("subArchitectures") or ())]
    return []


def _applies(entry: Mapping[str, Any], capabilities: Collection[str], arch: str, kernel: tuple[int, ...]) -> bool:
    includes, excludes = entry.get("includes") or {}, entry.get("excludes") or {}
    arches, least = includes.get("arches"), includes.get("minKernel")
    below = excludes.get("minKernel")
    return not (
        arch in (excludes.get("arches") or ())
        or any(name in capabilities for name in excludes.get("caps") or ())
        or (arches and arch not in arches)
        or any(name not in capabilities for name in includes.get("caps") or ())
        or (least and kernel < _version(least))
        or (below and kernel >= _version(below))
    )


def _rule(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    names = list(entry.get("names") or ())
    if entry.get("name"):
        if names:
            raise _bad(name, f"has a rule with both name ({entry['name']}) and names: one of them is expected")
        names = [entry["name"]]
    if not names:
        raise _bad(name, "has a rule without names of system calls")
    rule: dict[str, Any] = {"names": names, "action": _known(entry["action"], _ACTIONS, name)}
    code = _errno(entry.get("errno"), entry.get("errnoRet"), name)
    if code is not None:
        rule["errnoRet"] = code
    if entry.get("args"):
        rule["args"] = [
            {
                "index": int(arg["index"]),
                "value": int(arg["value"]),
                "valueTwo": int(arg.get("valueTwo") or 0),
                "op": _known(arg["op"], _OPERATORS, name),
            }
            for arg in entry["args"]
        ]
    return rule


def _errno(word: Optional[str], code: Optional[int], name: str) -> Optional[int]:
    """The number to return: the name (or digits) goes before the number, which older readers of the file need."""
    if not word:
        return code
    number = int(word) if word.isdigit() else getattr(errno, word, None)
    if not isinstance(number, int):
        raise _bad(name, f"has the unknown errno {word!r}: expected a name such as EPERM")
    return number


def _known(word: str, words: Collection[str], name: str) -> str:
    if word not in words:
        raise _bad(name, f"has {word!r} where one of {', '.join(sorted(words))} is expected")
    return word


def _version(text: str) -> tuple[int, ...]:
    """The numbers a kernel's release begins with: ``6.1.0-13-amd64`` is (6, 1)."""
    major, _dot, rest = text.partition(".")
    minor = ""
    for char in rest:
        if not char.isdigit():
            break
        minor += char
    return int(major), int(minor or 0)


def _bad(name: str, what: str) -> InvalidArgument:
    return InvalidArgument(f"security_opt: the seccomp profile {name} {what}")
