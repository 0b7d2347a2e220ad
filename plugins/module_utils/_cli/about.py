# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod version`` and ``libpod info``."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections import Counter
from typing import Iterator, Sequence

from .._drivers import foreign_files, network_backend
from .._drivers.engine.hardened import TOOL_PATH
from .._drivers.host import Host
from .._drivers.storage.roots import storage_roots
from .._model.engine_config import EngineConfig
from .._model.version import VERSION
from .._runtime.runtime import Runtime
from . import table
from .arguments import new_parser

# podman's fields (libpod/define/info.go) that are more than the key with a capital.
_FIELDS = {"cgroupVersion": "CgroupsVersion", "cpus": "CPUs", "ociRuntime": "OCIRuntime", "os": "OS"}


def version(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Show the engine's version."""
    _show(
        _options("version", "The engine's version, and that of the Python that runs it.", arguments),
        {"Version": VERSION, "Python": platform.python_version(), "OsArch": f"linux/{platform.machine()}"},
    )
    return 0


def info(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Show the host, the engine's parts and its roots."""
    options = _options("info", "The host, the engine's parts and its roots.", arguments)
    versions = {"Version": VERSION, "Python": platform.python_version()}
    _show(options, {"host": _host(parts), "store": _store(parts), "version": versions})
    return 0


def _host(parts: EngineConfig) -> dict[str, object]:
    host, memory = Host(parts), dict(_memory())
    return {
        "arch": platform.machine(),
        "cgroupControllers": sorted(host.cgroups.controllers),
        "cgroupManager": host.cgroup_manager,
        "cgroupVersion": "v2" if host.cgroups.unified else "v1",
        "conmon": {"path": _program(parts.conmon_path)},
        "cpus": os.cpu_count(),
        "distribution": _distribution(),
        "hostname": host.hostname,
        "kernel": platform.release(),
        "memFree": memory.get("MemFree", 0),
        "memTotal": memory.get("MemTotal", 0),
        "networkBackend": host.network_backend,
        "networkConfigDir": network_backend.folder(parts, host.network_backend),
        "ociRuntime": {"name": os.path.basename(host.oci.path), "path": _program(host.oci.path)},
        "os": "linux",
    }


def _store(parts: EngineConfig) -> dict[str, object]:
    roots, statuses = (
        storage_roots(parts),
        Counter(one.peek().state.status.value for one in Runtime(parts).containers()),
    )
    number = sum(statuses.values())
    return {
        "containerStore": {
            "number": number,
            "paused": statuses["paused"],
            "running": statuses["running"],
            "stopped": number - statuses["paused"] - statuses["running"],
        },
        "graphDriverName": roots.driver,
        "graphRoot": roots.root,
        "runRoot": roots.run_root,
        "staticRoot": parts.static_root,
        "stateRoot": parts.run_root,
        "volumePath": f"{parts.static_root}/volumes",
    }


def _options(command: str, about: str, arguments: Sequence[str]) -> str:
    parser = new_parser(command, about, formats=False)
    parser.add_argument("-f", "--format", default="", help="json, or a Go template such as '{{.Version}}'")
    written: str = parser.parse_args(arguments).format
    return written


def _show(written: str, what: dict[str, object]) -> None:
    if written == "json":
        table.write_json(what)
    elif written:
        from .output.template import Template

        table.write_text(Template(written).render(_by_fields(what)))
    else:
        sys.stdout.writelines(f"{line}\n" for line in _yaml(what))


def _by_fields(value: object) -> object:
    """Return what a template is rendered from: each key also as the name of podman's field, such as ``.Host.OS``."""
    if not isinstance(value, dict):
        return value
    fields = {_FIELDS.get(key, f"{key[:1].upper()}{key[1:]}"): _by_fields(one) for key, one in value.items()}
    return {**value, **fields}


def _yaml(what: dict[str, object], margin: str = "") -> Iterator[str]:
    """Yield the lines of a mapping as YAML, of which JSON's scalars and lists are a part."""
    for key, value in what.items():
        if isinstance(value, dict):
            yield f"{margin}{key}:"
            yield from _yaml(value, margin + "  ")
        else:
            plain = isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z/][A-Za-z0-9_./-]*", value))
            yield f"{margin}{key}: {value if plain else json.dumps(value)}"


def _memory() -> Iterator[tuple[str, int]]:
    """Yield the lines of /proc/meminfo, in bytes (proc(5))."""
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            name, value, *unit = line.replace(":", "").split()
            if unit == ["kB"]:
                yield name, int(value) * 1024


def _distribution() -> dict[str, str]:
    """Return what os-release(5) says of the host."""
    try:
        text = foreign_files.read("/etc/os-release").decode(errors="replace")
    except OSError:
        return {}
    pairs = dict(line.partition("=")[::2] for line in text.splitlines())
    return {name: pairs.get(key, "").strip("\"'") for name, key in (("distribution", "ID"), ("version", "VERSION_ID"))}


def _program(path: str) -> str:
    """Return where a program is, empty where it is not installed."""
    from shutil import which

    return which(path, path=TOOL_PATH) or ""
