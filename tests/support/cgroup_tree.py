# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cgroup tree of a test host's own: the machine's hierarchies, seen from a new cgroup in each.

Every process of the test host stays below it, however it daemonises, so "what is left?" has an exact answer.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import select
import signal
from dataclasses import dataclass
from typing import Sequence

from . import kernel

ROOT = "/sys/fs/cgroup"


@dataclass(frozen=True)
class Hierarchy:
    """One cgroup mount: ``options`` as mount(8) takes them, ``home`` the cgroup this process was in."""

    mountpoint: str
    fstype: str
    options: str
    home: str


def hierarchies() -> list[Hierarchy]:
    """Return the hierarchies mounted at or below /sys/fs/cgroup, with the caller's cgroup in each."""
    homes: dict[str, str] = {}
    with open("/proc/self/cgroup", encoding="ascii") as file:
        for line in file:
            _number, controllers, path = line.rstrip("\n").split(":", 2)
            homes[controllers] = path
    found: dict[str, Hierarchy] = {}
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            left, right = line.split(" - ", 1)
            point, (fstype, _source, flags) = left.split()[4], right.split()
            if fstype not in ("cgroup", "cgroup2") or not (point == ROOT or point.startswith(ROOT + "/")):
                continue
            words = set(flags.split(","))
            options = next((key for key in homes if key and set(key.split(",")) <= words), "")
            if fstype == "cgroup2" or options:
                found[point] = Hierarchy(point, fstype, options, homes[options])
    return list(found.values())


class CgroupTree:
    """A cgroup ``name`` at the top of every hierarchy; ``unified=False`` leaves a hybrid host's cgroup2 mount out."""

    def __init__(self, name: str, *, unified: bool = True) -> None:
        self.name = name
        every = hierarchies()
        hybrid = len(every) > 1
        self._hierarchies = every
        self._shown = [one for one in every if unified or not hybrid or one.fstype != "cgroup2"]
        self._links = {entry.name: os.readlink(entry.path) for entry in os.scandir(ROOT) if entry.is_symlink()}

    def join(self) -> None:
        """Make the cgroups and move this process in; before the cgroup namespace is made, which then roots there."""
        for one in self._hierarchies:
            path = f"{one.mountpoint}/{self.name}"
            if one.fstype == "cgroup2":
                # systemd does so only with what a unit of its own asks for; where processes are in the way, as in a
                # container, what is there has to do.
                with contextlib.suppress(OSError):
                    _hand_down(one.mountpoint)
            os.makedirs(path)
            if "cpuset" in one.options.split(","):
                for key in ("cpuset.cpus", "cpuset.mems"):
                    with open(f"{one.mountpoint}/{key}", encoding="ascii") as file:
                        _write(f"{path}/{key}", file.read())
            _write(f"{path}/cgroup.procs", "0")

    def show(self) -> None:
        """Replace /sys/fs/cgroup by the tree's own mounts, inside new mount and cgroup namespaces."""
        kernel.umount(ROOT)
        if self._shown[0].mountpoint != ROOT:
            kernel.mount("cgroups", ROOT, "tmpfs", options="mode=755")
        for one in self._shown:
            os.makedirs(one.mountpoint, exist_ok=True)
            kernel.mount("cgroup", one.mountpoint, one.fstype, options=one.options)
            if one.fstype == "cgroup2":
                self._delegate(one.mountpoint)
        for name, target in self._links.items():
            os.symlink(target, f"{ROOT}/{name}")

    @staticmethod
    def _delegate(mountpoint: str) -> None:
        """Hand all v2 controllers on, which the kernel allows only to a cgroup without processes of its own."""
        if _controllers(mountpoint):
            os.mkdir(f"{mountpoint}/init")
            _write(f"{mountpoint}/init/cgroup.procs", "0")
            _hand_down(mountpoint)

    def folders(self) -> set[str]:
        """Every cgroup below the tree's roots, as its path in /sys/fs/cgroup."""
        return {
            folder
            for one in self._shown
            for folder, _folders, _files in os.walk(one.mountpoint)
            if folder != one.mountpoint
        }

    def processes(self) -> set[int]:
        """Every process in the tree but the caller, seen from inside the test host."""
        return processes([one.mountpoint for one in self._shown]) - {os.getpid()}

    def thaw(self) -> None:
        """Let everything in the tree run, so that it can be killed; seen from inside the test host."""
        _thaw([one.mountpoint for one in self._shown])

    def leave(self) -> None:
        """Kill what is left, go home and remove the cgroups; called in the machine's own namespaces."""
        for one in self._hierarchies:
            if os.path.isdir(f"{one.mountpoint}/{self.name}"):
                _write(f"{one.mountpoint}{one.home}/cgroup.procs", "0")
        _remove([f"{one.mountpoint}/{self.name}" for one in self._hierarchies])


def clear_abandoned() -> None:
    """Remove the trees of test hosts whose session was killed; its processes end with them."""
    mountpoints = [one.mountpoint for one in hierarchies()]
    for name in {entry for mountpoint in mountpoints for entry in os.listdir(mountpoint)}:
        owner = re.fullmatch(r"libpod-test-(\d+)-\d+", name)
        if owner and not os.path.exists(f"/proc/{owner[1]}"):
            _remove([f"{mountpoint}/{name}" for mountpoint in mountpoints])


def _remove(tops: list[str]) -> None:
    """Kill every process below these cgroups but the caller, frozen ones too, then remove them."""
    _thaw(tops)
    while left := processes(tops) - {os.getpid()}:
        kill(left, tops)
    for top in tops:
        for folder, _dirs, _files in os.walk(top, topdown=False):
            with contextlib.suppress(FileNotFoundError):  # another session clears it too
                os.rmdir(folder)


def kill(pids: set[int], within: Sequence[str] = ()) -> None:
    """SIGKILL processes and wait for their ends (10 s at most); with ``within`` those alone still in these cgroups."""
    for pid in pids:
        try:
            fd = os.pidfd_open(pid)
        except OSError:
            continue
        try:
            if within and pid not in processes(within):
                continue  # it has ended since the look, and another process may have its number
            signal.pidfd_send_signal(fd, signal.SIGKILL)
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            poll.poll(10_000)
        except ProcessLookupError:
            pass
        finally:
            os.close(fd)
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass


def _thaw(tops: list[str]) -> None:
    for top in tops:
        for folder, _dirs, _files in os.walk(top):
            for name, text in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
                if os.path.exists(f"{folder}/{name}") and folder != top:
                    try:
                        _write(f"{folder}/{name}", text)
                    except OSError as error:
                        if error.errno not in (errno.ENOENT, errno.ENODEV):  # an exit command has removed it
                            raise


def processes(tops: Sequence[str]) -> set[int]:
    """Every process in or below these cgroups."""
    found: set[int] = set()
    for top in tops:
        for folder, _folders, _files in os.walk(top):
            try:
                with open(f"{folder}/cgroup.procs", encoding="ascii") as file:
                    found.update(int(line) for line in file)
            except OSError:
                continue
    return found


def _controllers(path: str) -> list[str]:
    with open(f"{path}/cgroup.controllers", encoding="ascii") as file:
        return file.read().split()


def _hand_down(path: str) -> None:
    if controllers := _controllers(path):
        _write(f"{path}/cgroup.subtree_control", " ".join(f"+{one}" for one in controllers))


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
