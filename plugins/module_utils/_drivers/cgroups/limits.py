# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits written to cgroup files directly: those of pods, and those that ``runc update`` cannot set."""

from __future__ import annotations

import os
from typing import Iterator, Mapping, Optional

from ..._model.cgroup_limits import LIMITS, Limit, with_partners
from ..._model.errors import InvalidArgument
from ..._model.options.syntax.parsers import natural
from . import manager
from .manager import CgroupHost, Numbers, write_file


def write(host: CgroupHost, path: str, wanted: Mapping[str, object], numbers: Optional[Numbers] = None) -> None:
    """Put the ``wanted`` limits (by option name, None for none) in force where they are not yet.

    ``numbers`` are the major and minor number of each device that is named and there.

    :raises InvalidArgument: the kernel refuses one, such as memory below what is in use.
    """
    changed = with_partners(manager.drift(host, path, wanted, numbers))
    pending: dict[tuple[str, str], str] = {}
    for name in LIMITS:
        if name in changed and name in wanted:
            for file, text in _writes(host, path, LIMITS[name], wanted, numbers or {}):
                pending.setdefault((file, text), name)
    for _attempt in range(2):
        # v1 keeps memory at most at memory with swap: which of the two must go first depends on the old values.
        refused = {one: error for one in pending if (error := _refusal(*one))}
        if not refused:
            return
        pending = {one: pending[one] for one in refused}
    (file, text), error = next(iter(refused.items()))
    raise InvalidArgument(
        f"{pending[file, text]}: the kernel rejected {text!r} for {file}: {error.strerror}"
    ) from error


def _writes(
    host: CgroupHost, path: str, row: Limit, wanted: Mapping[str, object], numbers: Numbers
) -> Iterator[tuple[str, str]]:
    """Yield the file and the text of each write that puts a limit in force."""
    file, text = manager.find(host, path, row)
    if file is None or file.codec is None or text is None:
        return
    place, value = host.file(path, row.controller, file.name), manager.by_number(wanted[row.option], numbers)
    if isinstance(value, dict):  # a limit by device
        live = manager.limits(host, path, (row.option,))[row.option]
        live = live if isinstance(live, dict) else {}
        for device in sorted({*live, *value}):
            if live.get(device) != value.get(device):
                yield place, file.codec.format({row.option: {device: value.get(device)}})
    elif not row.inherits or value not in (None, ""):
        yield place, file.codec.format(wanted)
    elif text:
        # On v1 an empty cpuset runs nothing, and on v2 none can be emptied while something runs: all the parent has.
        yield place, manager.inherited(host, path, row) or "0"


def _refusal(file: str, text: str) -> Optional[OSError]:
    try:
        write_file(file, text)
    except OSError as error:
        return error
    return None


def write_named(host: CgroupHost, path: str, files: Mapping[str, str]) -> None:
    """Write cgroup v2 files by name where they do not have the text yet.

    :raises InvalidArgument: the kernel refuses one.
    """
    for name, text in files.items():
        live, file = host.read(path, "", name), f"{host.hierarchies[0]}{path}/{name}"
        if not (_comparable(live) and _same(name, text, live or "")) and (error := _refusal(file, text)):
            raise InvalidArgument(f"cgroup_conf: the kernel rejected {text!r} for {file}: {error.strerror}") from error


def named_drift(host: CgroupHost, path: str, files: Mapping[str, str]) -> dict[str, str]:
    """Return the live texts of files by name where one differs, among those that read as they were written."""
    live = {name: host.read(path, "", name) for name in files}
    known = {name: text for name, text in live.items() if text and _comparable(text) and _comparable(files[name])}
    return {**files, **known} if any(not _same(name, files[name], text) for name, text in known.items()) else {}


def _comparable(text: Optional[str]) -> bool:
    return text is not None and (text == "max" or natural(text) is not None)


def _same(name: str, wanted: str, live: str) -> bool:
    """Return whether a file has the text that is wanted; bytes of memory are kept in whole pages."""
    wanted_bytes, live_bytes = natural(wanted), natural(live)
    if name.startswith("memory.") and wanted_bytes is not None and live_bytes is not None:
        return 0 <= wanted_bytes - live_bytes < os.sysconf("SC_PAGE_SIZE")
    return wanted == live


def make_room(host: CgroupHost, path: str, limit: Optional[int], whose: str) -> None:
    """Reclaim memory of the cgroup until it fits below a limit that is about to be lowered.

    v1's kernel does so itself, or refuses the limit. v2's takes it, and kills processes until it is kept.

    :raises InvalidArgument: more is in use than can be reclaimed.
    """
    if not host.unified or not limit or limit < 0:
        return
    used = _used(host, path)
    if used <= limit:
        return
    # Kernels from 5.19 on reclaim on demand; for earlier ones, the page cache is what they could reclaim.
    file = f"{host.hierarchies[0]}{path}/memory.reclaim"
    if os.path.exists(file):
        _refusal(file, str(used - limit))  # EAGAIN says that not all of it was reclaimed
        used = _used(host, path)
    else:
        cached = (line.split() for line in (host.read(path, "memory", "memory.stat") or "").splitlines())
        used -= sum(int(size) for name, size in cached if name in ("active_file", "inactive_file"))
    if used > limit:
        raise InvalidArgument(f"cannot lower the memory limit of {whose} to {limit} bytes: {used} bytes are in use")


def _used(host: CgroupHost, path: str) -> int:
    return int(host.read(path, "memory", "memory.current") or 0)
