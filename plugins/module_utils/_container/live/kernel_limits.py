# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits that not every kernel has: refuse those that this one lacks before anything is made."""

from __future__ import annotations

import os
import re
import stat
from typing import Iterable, Iterator, Mapping

from ..._drivers.cgroups.manager import CgroupHost, read_file
from ..._model.cgroup_codecs import Values
from ..._model.cgroup_limits import LIMITS
from ..._model.errors import InvalidArgument, NotImplementedByHost
from ..._model.records.config import DEFAULT_CGROUP_PARENT

# Linux 5.16 removed the limit; its file stayed for a while without effect.
_LAST_KERNEL_MEMORY = (5, 15)

_RESCTRL = "/sys/fs/resctrl"


def check(host: CgroupHost, options: Values) -> None:
    """Check that this host can set the limits in the options.

    :raises NotImplementedByHost: naming the option. :raises InvalidArgument: a path is not a block device.
    """
    for name, row in LIMITS.items():
        # 0 is a swappiness of its own.
        if not row.optional or options[name] is None or options[name] is False or options[name] == {}:
            continue
        files = tuple(file.name for file in row.files(host.unified))
        if (
            not _offered(host, row.controller, files)
            or name == "kernel_memory"
            and kernel_version() > _LAST_KERNEL_MEMORY
        ):
            where = "cgroup v2" if host.unified else f"the {row.controller} cgroups"
            looked = " or ".join(files) or "such limit"
            raise NotImplementedByHost(f"{name}: this kernel lacks it (no {looked} in {where}): omit the option")
    for file in options["cgroup_conf"]:
        if not host.unified or not _offered(host, "", (file,)):
            raise NotImplementedByHost(
                f"cgroup_conf: this host has no {file} in cgroup v2"
                f"{'' if host.unified else ', whose controllers it does not use'}: omit the option"
            )
    if options["rdt_class"] and not os.path.isdir(f"{_RESCTRL}/{options['rdt_class']}"):
        raise NotImplementedByHost(
            f"rdt_class: this host has no class {options['rdt_class']} in {_RESCTRL}: make it there, where the CPU has "
            "resource control, or omit the option"
        )
    _check_weights(options["blkio_weight_device"], numbers(options))
    _check_real_time(host, options)


def kernel_version() -> tuple[int, ...]:
    """Return the first two numbers of the kernel's release, which may go on with anything: ``6.1+``."""
    return tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2])


def _offered(host: CgroupHost, controller: str, files: tuple[str, ...]) -> bool:
    mount = host.hierarchies[0] if host.unified else host.controllers.get(controller, "")
    if not mount or not files:
        return False
    children = list(_children(mount))
    if host.unified:
        # A cgroup has only the files of the controllers delegated to it; systemd delegates what some unit asks for.
        wanted = {file.partition(".")[0] for file in files}
        if not wanted <= _controllers(mount):
            return False
        children = [one for one in children if wanted <= _controllers(one)]
    # The root lacks some of the files; without another cgroup to look at, the limit counts as offered.
    return not children or any(os.path.exists(f"{path}/{file}") for path in (mount, *children) for file in files)


def _controllers(path: str) -> set[str]:
    """Return the prefixes of the names of a v2 cgroup's files."""
    return {"cgroup", *(read_file(f"{path}/cgroup.controllers") or "").split()}


def _children(mount: str) -> Iterator[str]:
    with os.scandir(mount) as entries:
        yield from (entry.path for entry in entries if entry.is_dir(follow_symlinks=False))


def _check_weights(paths: Iterable[str], known: Mapping[str, tuple[int, int]]) -> None:
    """Check that each device has an I/O scheduler that knows weights."""
    for path in paths:
        device = os.path.realpath("/sys/dev/block/{}:{}".format(*known[path]))
        # A partition has its disk's queue.
        schedulers = [read_file(f"{folder}/queue/scheduler") for folder in (device, os.path.dirname(device))]
        if not any("[bfq]" in (text or "") or "[cfq]" in (text or "") for text in schedulers):
            raise NotImplementedByHost(
                f"blkio_weight_device: the I/O scheduler of {path} has no weights: choose bfq for it, or omit it"
            )


def _check_real_time(host: CgroupHost, options: Values) -> None:
    """Check that the parent has the real time to give; a new cgroup has none (sched-rt-group.txt)."""
    wanted = options["cpu_rt_runtime"]
    if not wanted:
        return
    parent = options["cgroup_parent"] or DEFAULT_CGROUP_PARENT
    file = LIMITS["cpu_rt_runtime"].files(False)[0].name
    there = int(host.read(parent, "cpu", file) or 0)
    if there != -1 and wanted > there:
        raise NotImplementedByHost(
            f"cpu_rt_runtime: the cgroup {parent} has {there} microseconds of real time to give, not {wanted}: "
            f"make a cgroup with enough in its {file}, and name it in cgroup_parent"
        )


def numbers(options: Values, *, missing_ok: bool = False) -> dict[str, tuple[int, int]]:
    """Return the major and minor number of each block device that has a limit; ``missing_ok`` leaves missing ones out.

    :raises InvalidArgument: a path is not a block device of the host.
    """
    devices = {}
    for name, row in LIMITS.items():
        for path in options[name] if row.device_field else ():
            try:
                info = os.stat(path)
            except OSError as error:
                if missing_ok:
                    continue
                raise InvalidArgument(f"{name}: {path} cannot be used: {error.strerror}") from error
            if not stat.S_ISBLK(info.st_mode):
                raise InvalidArgument(f"{name}: {path} is not a block device of the host: name one, such as /dev/sda")
            devices[path] = (os.major(info.st_rdev), os.minor(info.st_rdev))
    return devices
