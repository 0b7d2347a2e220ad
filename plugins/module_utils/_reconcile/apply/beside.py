# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create a new container while the old one runs, which is not stopped for one that the OCI runtime refuses."""

from __future__ import annotations

from typing import Callable

from ..._container.bundle import sysctls
from ..._container.container import Container
from ..._container.lifecycle import notify
from ..._drivers.conmon.conmon import ContainerNotCreated
from ..._model.options.table import select
from ..._model.records.config import ContainerConfig
from ..._model.records.status import ContainerStatus

# Options by which a creation affects more than the new container: programs that it runs on the host (hooks, CDI
# devices), a share of the parent's resources (real time, a resctrl class), and conmon's timeout, which begins then.
_REACHING = ("hooks_dir", "gpus", "cpu_rt_period", "cpu_rt_runtime", "rdt_class", "timeout")
# A volume that would get another owner or label under the old container's process, or is below an overlay.
_FLAGS = {"U", "z", "Z", "O"}
# Errors for want of resources, of which one container alone may have enough; runc often ends without a cause then.
_NO_ROOM = (
    *("cannot allocate memory", "oom-killed", "resource temporarily unavailable", "too many open files"),
    *("no space left on device", "quota exceeded", "device or resource busy"),
    *(": eof", "connection reset by peer", "before it answered"),
)


def possible(old: Container, new: Container) -> bool:
    """Return whether creating the new one leaves the old one, which runs or is paused, as it is."""
    config = new.config
    return (
        old.state.status in (ContainerStatus.RUNNING, ContainerStatus.PAUSED)
        and not any(select(config.options, _REACHING).values())
        and not any(_FLAGS & set(volume["flags"]) for volume in config.volumes)
        and not any(map(sysctls.of_interface, config.options["sysctl"]))
        and not (config.log_path and config.log_path == old.config.log_path)
        and not notify.relayed(config)
        # The new container's mount points would be created in the old one's root filesystem.
        and not _in_place(config)
        and not (config.rootfs and _in_place(old.config))
    )


def _in_place(config: ContainerConfig) -> bool:
    return bool(config.rootfs) and not config.overlay


def create(new: Container, give_way: Callable[[], None]) -> None:
    """Bring the new container to created; ``give_way`` stops the old one during that, and is safe to repeat.

    Where resources do not suffice for both, the old one is stopped first.

    :raises ContainerNotCreated: the OCI runtime refuses it; the old one runs on.
    """
    try:
        new.init(fresh=True, give_way=give_way)
    except ContainerNotCreated as error:
        if not any(text in str(error).lower() for text in _NO_ROOM):
            raise
        give_way()
        new.init()
