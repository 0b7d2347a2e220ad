# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The true floor: floor.c, which makes the container without a network by system calls alone.

It is compiled with the engine's OCI spec of that container, and with the seccomp filter that the OCI runtime makes of
the spec's profile. It leaves out conmon with its cgroup and log, the store's records, and on cgroup v2 the program that
filters devices.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.libpod.engine.plugins.module_utils._spec import capabilities
from ansible_collections.libpod.engine.tests.bench.contenders import HERE, Engine, Floor

_CGROUPS = "/sys/fs/cgroup"
_NAMESPACES = {"ipc": "IPC", "mount": "NS", "network": "NET", "pid": "PID", "uts": "UTS", "cgroup": "CGROUP"}
_FLAGS = {
    "bind": "MS_BIND",
    "rbind": "MS_BIND",  # which floor.c makes recursive
    "rprivate": "0",  # all are, in a namespace that is
    "ro": "MS_RDONLY",
    **{name: f"MS_{name.upper()}" for name in ("nosuid", "nodev", "noexec", "relatime", "strictatime")},
}
# "Default Devices" of the OCI runtime specification, with the links that it has beside them.
_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
# What runc lets a container do with devices, beside what the spec has.
_ALLOWED = ("c *:* m", "b *:* m", *(f"c {major}:{minor} rwm" for major, minor in _DEVICES.values()))
_ALSO_ALLOWED = ("c 5:2 rwm", "c 136:* rwm", "c 10:200 rwm")  # /dev/ptmx, /dev/pts/N, /dev/net/tun
_PTRACE_ATTACH, _PTRACE_DETACH, _PTRACE_SECCOMP_GET_FILTER = 16, 17, 0x420C  # linux/ptrace.h
_WALL = 0x40000000  # waitpid(2)


class TrueFloor:
    """floor.c in the engine's host, on the same image layer."""

    name = "true floor"
    nets = ("none",)

    def __init__(self, engine: Engine) -> None:
        folder = f"{Floor.folder}/true"
        os.makedirs(folder)
        with open(f"{Floor.folder}/spec-none.json", encoding="utf-8") as file:
            text = file.read()
        for old, new in (("@DIR@", f"{folder}/container"), ("@ID@", "true-floor")):
            text = text.replace(old, new)
        lower, seccomp_filter = _of_running(engine)
        made = header(json.loads(text), f"{folder}/container", lower, _hierarchies(), seccomp_filter)
        with open(f"{folder}/floor.h", "w", encoding="utf-8") as file:
            file.write(made)
        self.program = compile_into(folder)

    @staticmethod
    def is_possible() -> bool:
        """Return whether a C compiler is installed."""
        return shutil.which("cc") is not None

    def up(self, net: str) -> float:
        assert net in self.nets
        return self._run("up")

    def down(self, net: str) -> float:
        assert net in self.nets
        return self._run("down")

    def _run(self, verb: str) -> float:
        done = subprocess.run([self.program, verb], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"floor {verb}: {done.stderr or done.returncode}")
        return float(done.stdout)


def compile_into(folder: str, *flags: str) -> str:
    """Compile floor.c with the floor.h of this folder, and return the program's path.

    :raises RuntimeError: with the compiler's message.
    """
    program = f"{folder}/floor"
    compiler = ["cc", "-O2", *flags, "-I", folder, "-o", program, f"{HERE}/floor.c"]
    done = subprocess.run(compiler, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"floor.c cannot be compiled: {done.stderr}")
    return program


def _of_running(engine: Engine) -> tuple[str, bytes]:
    """Return the overlay option of the image's layers, and the seccomp filter, of a container of the engine's."""
    engine.up("none")
    shown = engine.run("libpod_container_info", name=["measured"])["result"]["containers"][0]
    pid = shown["State"]["Pid"]
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8") as file:
        root = next(line for line in file if line.split()[4] == "/")
    seccomp_filter = _filter(pid)
    engine.down("none")
    found = re.search(r"\blowerdir=[^,\s]+", root)
    assert found is not None, root
    return found[0], seccomp_filter


def _filter(pid: int) -> bytes:
    """Return a process's seccomp filter; empty where the kernel does not show it (CONFIG_CHECKPOINT_RESTORE)."""
    ptrace = ctypes.CDLL(None).ptrace
    ptrace.argtypes, ptrace.restype = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p], ctypes.c_long
    if ptrace(_PTRACE_ATTACH, pid, None, None) != 0:
        raise RuntimeError(f"process {pid} cannot be traced")
    os.waitpid(pid, _WALL)
    length = ptrace(_PTRACE_SECCOMP_GET_FILTER, pid, None, None)
    if length < 0:
        print("the kernel does not show the seccomp filter: the true floor has none", file=sys.stderr)
    instructions = ctypes.create_string_buffer(8 * max(length, 0))
    if length > 0:
        ptrace(_PTRACE_SECCOMP_GET_FILTER, pid, None, instructions)
    ptrace(_PTRACE_DETACH, pid, None, None)
    return instructions.raw


def _hierarchies() -> list[str]:
    """Return the mounts of the cgroup hierarchies: one for cgroup v2."""
    if os.path.exists(f"{_CGROUPS}/cgroup.controllers"):
        return [_CGROUPS]
    return sorted(entry.path for entry in os.scandir(_CGROUPS) if entry.is_dir(follow_symlinks=False))


def header(spec: Mapping[str, Any], folder: str, lower: str, hierarchies: Sequence[str], seccomp_filter: bytes) -> str:
    """Return floor.h for an OCI spec.

    :param folder: the container's, which has its own layer and what the spec mounts from it.
    :param lower: the overlay option of the image's layers.
    :param hierarchies: the mounts of the cgroup hierarchies, one for cgroup v2.
    :param seccomp_filter: its instructions, as the kernel has them (struct sock_filter of linux/filter.h).
    """
    defined = _defined(spec, folder, lower)
    lines = [f"#define {name} {value}" for name, value in defined.items()]
    for kind, name, rows in _lists(spec, folder, hierarchies):
        content = ",\n  ".join(rows)
        lines.append(f"static {kind} {name}[] = {{\n  {content}\n}};")
    instructions = ",\n  ".join(
        f"{{{code}, {yes}, {no}, {value}}}" for code, yes, no, value in struct.iter_unpack("=HBBI", seccomp_filter)
    )
    return "\n".join([*lines, f"static struct sock_filter filter[] = {{\n  {instructions}\n}};", ""])


def _defined(spec: Mapping[str, Any], folder: str, lower: str) -> dict[str, str]:
    """Return the macros of floor.h."""
    process, linux = spec["process"], spec["linux"]
    parent, group = os.path.split(linux["cgroupsPath"])
    namespaces = [f"CLONE_NEW{_NAMESPACES[one['type']]}" for one in linux["namespaces"]]
    return {
        "DIR": _text(folder),
        "LAYERS": _text(f"{lower},upperdir={folder}/diff,workdir={folder}/work"),
        "PARENT": _text(parent),
        "GROUP": _text(f"/{group}"),
        "HOSTNAME": _text(spec["hostname"]),
        "CWD": _text(process["cwd"]),
        "NAMESPACES": f"({' | '.join(namespaces)})",
        "CAPABILITIES": f"{capabilities.bits(process['capabilities']['effective']):#x}ULL",
        "NO_NEW_PRIVILEGES": str(int(process["noNewPrivileges"])),
    }


def _lists(
    spec: Mapping[str, Any], folder: str, hierarchies: Sequence[str]
) -> Iterable[tuple[str, str, Iterable[str]]]:
    """Return the lists of floor.h: type, name and rows."""
    process, linux = spec["process"], spec["linux"]
    mounts = [row for mount in spec["mounts"] for row in _mount(mount, linux["cgroupsPath"], hierarchies)]
    sources = [one["source"] for one in spec["mounts"] if one["source"].startswith(f"{folder}/")]
    sysctls = [(f"/proc/sys/{name.replace('.', '/')}", value) for name, value in linux.get("sysctl", {}).items()]
    pair = "struct {{ const char *path, *{}; }}"
    return (
        ("const char *", "groups", map(_text, hierarchies)),
        ("const char *", "masked", map(_text, linux["maskedPaths"])),
        ("const char *", "read_only", map(_text, linux["readonlyPaths"])),
        ("char *", "arguments", [*map(_text, process["args"]), "NULL"]),
        ("char *", "variables", [*map(_text, process["env"]), "NULL"]),
        ("struct { const char *source, *target, *type; unsigned long flags; const char *data; }", "mounts", mounts),
        ("struct { const char *path; int major, minor; }", "devices", _devices()),
        (pair.format("target"), "links", (_row(f"/dev/{name}", target) for name, target in _LINKS.items())),
        (pair.format("value"), "files", (_row(path, _content(path)) for path in sources if not path.endswith("/shm"))),
        (pair.format("value"), "sysctls", (_row(path, value) for path, value in sysctls)),
        (pair.format("value"), "resources", _resources(linux["resources"])),
        ("struct { int which; struct rlimit limit; }", "limits", map(_limit, process["rlimits"])),
    )


def _mount(mount: Mapping[str, Any], group: str, hierarchies: Sequence[str]) -> Iterable[str]:
    """Return the rows of one mount; that of cgroup v1 is a tmpfs with the container's cgroup of each hierarchy."""
    options = list(mount.get("options", ()))
    kind, source = mount["type"], mount["source"]
    if kind == "cgroup" and list(hierarchies) == [_CGROUPS]:
        kind = "cgroup2"
    if kind != "cgroup":
        yield _mounted(source, mount["destination"], kind, options)
        return
    yield _mounted("tmpfs", mount["destination"], "tmpfs", [*(one for one in options if one != "ro"), "mode=755"])
    for path in hierarchies:
        if os.path.exists(f"{path}/cgroup.controllers"):
            continue  # the cgroup2 mount of a hybrid tree
        target = f"{mount['destination']}/{os.path.basename(path)}"
        yield _mounted(f"{path}{group}", target, "bind", ["bind", *options])


def _mounted(source: str, target: str, kind: str, options: Sequence[str]) -> str:
    flags = " | ".join(_FLAGS[one] for one in options if one in _FLAGS) or "0"
    data = ",".join(one for one in options if one not in _FLAGS)
    return f"{{{_text(source)}, {_text(target)}, {_text(kind)}, {flags}, {_text(data)}}}"


def _devices() -> Iterable[str]:
    return (f"{{{_text(f'/dev/{name}')}, {major}, {minor}}}" for name, (major, minor) in _DEVICES.items())


def _resources(resources: Mapping[str, Any]) -> Iterable[str]:
    """Return the files of a cgroup that are written, and what into them; each where its hierarchy has it."""
    for rule in resources["devices"]:
        assert not rule["allow"], f"the spec allows a device: {rule}"
        yield _row("/devices.deny", "a")
    yield from (_row("/devices.allow", rule) for rule in (*_ALLOWED, *_ALSO_ALLOWED))
    yield _row("/pids.max", str(resources["pids"]["limit"]))


def _content(path: str) -> str:
    """Return the content of a file that the spec mounts, as the tools' floor has it."""
    with open(f"{Floor.folder}/files-none/{os.path.basename(path)}", encoding="utf-8") as file:
        return file.read()


def _limit(limit: Mapping[str, Any]) -> str:
    return f"{{{limit['type']}, {{{limit['soft']}, {limit['hard']}}}}}"


def _row(path: str, value: str) -> str:
    return f"{{{_text(path)}, {_text(value)}}}"


def _text(value: str) -> str:
    """Return a string literal of C."""
    return json.dumps(value, ensure_ascii=False)
