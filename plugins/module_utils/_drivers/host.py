# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outside world as one object: each driver is created on first use."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from .._model.cgroup_limits import LIMITS
from .._model.engine_config import AUTO, EngineConfig
from .cgroups import manager as cgroups

if TYPE_CHECKING:
    from .._model.records.config import ContainerConfig
    from .conmon.conmon import Conmon
    from .network_backend import NetworkBackend
    from .oci.runtime import OciRuntime
    from .storage.driver import Storage

# What ran the containers of engines that did not record it, unless the configuration names another.
_UNRECORDED = "runc"


def boot_id() -> str:
    """Return the boot_id of random(4), which changes with each boot."""
    with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
        return file.read().strip()


def machine_id() -> str:
    """Return the host's ID of machine-id(5), empty where it has none."""
    try:
        with open("/etc/machine-id", encoding="ascii", errors="replace") as file:
            return file.read(128).strip()
    except OSError:
        return ""


class Host:
    """The drivers for one engine configuration, and facts about the host itself."""

    def __init__(self, parts: EngineConfig) -> None:
        self.parts = parts
        # By the recorded path and the cgroup manager.
        self._runtimes: dict[tuple[str, str], OciRuntime] = {}
        if parts.tool_timeouts:
            from . import limits

            limits.override(parts.tool_timeouts)

    @cached_property
    def boot_id(self) -> str:
        """The boot_id of random(4), which changes with each boot."""
        return boot_id()

    @property
    def hostname(self) -> str:
        """The host's own name, in the UTS namespace of this process."""
        return os.uname().nodename

    @cached_property
    def network_backend(self) -> str:
        """The network backend of new containers, ``cni`` or ``netavark``."""
        if self.parts.network_backend != AUTO:
            return self.parts.network_backend
        from .network_backend import backend

        return backend(self.parts)

    @property
    def networks(self) -> NetworkBackend:
        """The networks of new containers."""
        return self.networks_of(self.network_backend)

    def networks_of(self, backend: str) -> NetworkBackend:
        """Return the networks of a backend; an empty name is that of containers which have none on record: CNI."""
        return self._netavark if backend == "netavark" else self._cni

    @cached_property
    def cgroups(self) -> cgroups.CgroupHost:
        return cgroups.detect()

    @cached_property
    def cgroup_manager(self) -> str:
        """The configured cgroup manager, or else the host's default."""
        return self.parts.cgroup_manager or cgroups.default_manager(self.cgroups)

    @cached_property
    def swap(self) -> bool:
        """Whether the kernel accounts for swap, so that ``memory_swap`` can be set."""
        if self.cgroups.unified:
            return True
        row = LIMITS["memory_swap"]
        return any(os.path.exists(self.cgroups.file("", row.controller, file.name)) for file in row.files(False))

    @cached_property
    def oci(self) -> OciRuntime:
        """The OCI runtime of new containers."""
        path = self.parts.oci_runtime
        if path == AUTO:
            from .oci.auto import choose

            path = choose(self.cgroups, self.parts)
        return self._oci(path, self.cgroup_manager)

    def oci_of(self, config: ContainerConfig) -> OciRuntime:
        """Return the OCI runtime that a container was made with, under the cgroup manager that it was made under.

        Programs move: the configured one is taken where it has the same name, and one that is gone is searched for.
        """
        made_with = config.oci_runtime, config.cgroup_manager
        if made_with not in self._runtimes:
            self._runtimes[made_with] = self._oci(self._runtime_path(config.oci_runtime), config.cgroup_manager)
        return self._runtimes[made_with]

    def _runtime_path(self, recorded: str) -> str:
        configured = self.parts.oci_runtime
        path = recorded or (_UNRECORDED if configured == AUTO else configured)
        name = os.path.basename(path)
        if name == os.path.basename(configured):
            return configured
        return name if "/" in path and not os.path.exists(path) else path

    def has_state(self, runtime: str, container_id: str) -> bool:
        """Return whether the OCI runtime of this name has a state of the container."""
        return self._oci(runtime, self.cgroup_manager).has_state(container_id)

    def _oci(self, path: str, manager: str) -> OciRuntime:
        # With a release behind the name too, such as crun-1.21.
        if os.path.basename(path).startswith(("runc", "crun")):
            from .oci.runtime import OciRuntime as Runtime
        else:
            from .oci.other_runtime import OtherRuntime as Runtime

        return Runtime(path, self.parts.run_root, systemd_cgroup=manager == "systemd")

    @cached_property
    def conmon(self) -> Conmon:
        from .conmon.conmon import Conmon

        return Conmon(self.parts.conmon_path)

    @cached_property
    def storage(self) -> Storage:
        from .storage.driver import Storage

        return Storage(self.parts)

    @cached_property
    def _cni(self) -> NetworkBackend:
        from .cni.chain import Cni

        return Cni(self.parts)

    @cached_property
    def _netavark(self) -> NetworkBackend:
        from .netavark.driver import Netavark

        return Netavark(self.parts)
