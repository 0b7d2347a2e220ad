# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Capabilities: their names, what a container gets, and how the OCI spec says it."""

from __future__ import annotations

from typing import Iterable, Sequence

from .._model.errors import InvalidArgument, NotImplementedByHost

# In the order of their numbers (linux/capability.h), so that bit n is NAMES[n].
_NUMBERED = """
CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
"""
# podman's: containers.conf(5), default_capabilities.
_DEFAULT = "CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT"
NAMES = tuple(f"CAP_{name}" for name in _NUMBERED.split())
DEFAULT = frozenset(f"CAP_{name}" for name in _DEFAULT.split())
ALL = "ALL"


def named(bits: int) -> frozenset[str]:
    """Return the names of a set of capabilities, such as the kernel shows in hexadecimal digits."""
    return frozenset(name for number, name in enumerate(NAMES) if bits >> number & 1)


def bits(names: Iterable[str]) -> int:
    """Return the set of capabilities with these names, as the kernel shows it."""
    return sum(1 << number for number, name in enumerate(NAMES) if name in set(names))


def normalised(option: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return names such as ``net_admin`` as ``CAP_NET_ADMIN``, and ``all`` as ``ALL``; sorted, each once.

    :raises InvalidArgument: one is unknown.
    """
    full_names = set()
    for name in names:
        upper = name.strip().upper()
        full = upper if upper == ALL or upper.startswith("CAP_") else f"CAP_{upper}"
        if full != ALL and full not in NAMES:
            raise InvalidArgument(f"{option}: {name!r} is no capability: {_advice(full)}")
        full_names.add(full)
    return tuple(sorted(full_names))


def _advice(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name[4:], [known[4:] for known in NAMES])
    return f"did you mean {' or '.join(near)}?" if near else "capabilities(7) lists them, without CAP_, and ALL is all"


def compute(
    add: Iterable[str], drop: Iterable[str], bounding: frozenset[str], *, privileged: bool = False
) -> tuple[str, ...]:
    """Return the container's capabilities, in the kernel's order.

    ``add`` and ``drop`` are the options cap_add and cap_drop, ``bounding`` is the host's bounding set. As in podman,
    dropping ALL keeps what is added, and adding ALL gives the host's set without what is dropped. Unlike in podman, a
    privileged container honours cap_drop.

    :raises InvalidArgument: one is unknown, or both added and dropped.
    :raises NotImplementedByHost: one is added by name that the host lacks.
    """
    adds, drops = set(normalised("cap_add", add)), set(normalised("cap_drop", drop))
    both = sorted(adds & drops)
    if both:
        raise InvalidArgument(f"cap_add and cap_drop both name {', '.join(both)}: name it in one of them")
    missing = sorted(adds - bounding - {ALL})
    if missing:
        raise NotImplementedByHost(
            f"cap_add: this host cannot give {', '.join(missing)}, not being in its own bounding set: "
            "leave it out, or allow it to the host itself"
        )
    base = bounding if privileged or ALL in adds else DEFAULT
    kept = (frozenset() if ALL in drops else base - drops) | adds
    return tuple(name for name in NAMES if name in kept and name in bounding)


def oci_capabilities(capabilities: Sequence[str], uid: int, add: Iterable[str] = ()) -> dict[str, list[str]]:
    """Return ``process.capabilities`` of the OCI specification for what ``compute`` returned.

    Root may use them all. As in podman, another user may at most gain them (the bounding set), and has only those of
    ``cap_add``, which execve(2) keeps as ambient capabilities (capabilities(7)).
    """
    every = list(capabilities)
    if uid == 0:
        return {"bounding": every, "effective": every, "permitted": every, "inheritable": [], "ambient": []}
    adds = normalised("cap_add", add)
    own = [name for name in every if name in adds or ALL in adds]
    return {"bounding": every, "effective": own, "permitted": own, "inheritable": own, "ambient": own}
