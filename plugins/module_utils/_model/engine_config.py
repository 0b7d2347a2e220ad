# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the engine keeps things and which programs it drives."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Mapping, NamedTuple

if TYPE_CHECKING:
    from .options.network.ports import PortMapping

DEFAULT_STATIC_ROOT = "/var/lib/libpod"
DEFAULT_RUN_ROOT = "/run/libpod"
AUTO = "auto"  # an OCI runtime, or a network backend, that this host can run


class PlannedImage(NamedTuple):
    """An image that a task would build, or pull for a build; ``id`` is empty where only the run tells it."""

    id: str = ""
    built: bool = False


class Planned:
    """What a task would make before its containers, in check mode: it counts as if it were there."""

    def __init__(self) -> None:
        self.networks: dict[str, dict[str, Any]] = {}  # their configurations by the paths of their files
        self.secrets: dict[str, bytes] = {}  # their contents by name
        self.directories: set[str] = set()  # of the host, to be bound
        self.images: dict[str, PlannedImage] = {}  # by their names in the store
        self.freed_ports: tuple[PortMapping, ...] = ()  # of pods that it would remove before
        self.restarted: set[str] = set()  # IDs of containers that it would have restarted with their pod


class EngineConfig(NamedTuple):
    """The roots and parts every module takes, by the options' names.

    An empty storage root, storage run root or storage driver means containers/storage's own default;
    an empty ``cgroup_manager`` the host's (systemd where it is PID 1 on a v2 host, else cgroupfs).
    ``network_backend`` is ``cni``, ``netavark`` or ``auto``, ``network_config_dir`` has netavark's networks;
    ``oci_runtime`` is a program's name or path, or ``auto``; ``tool_timeouts`` is spelled as ``_drivers.limits.parse``
    reads it.
    """

    static_root: str = DEFAULT_STATIC_ROOT
    run_root: str = DEFAULT_RUN_ROOT
    storage_root: str = ""
    storage_run_root: str = ""
    storage_driver: str = ""
    cni_config_dir: str = "/etc/cni/net.d"
    cni_plugin_dirs: tuple[str, ...] = ("/usr/lib/cni", "/usr/libexec/cni", "/opt/cni/bin")
    network_backend: str = AUTO
    network_config_dir: str = "/etc/containers/networks"
    oci_runtime: str = AUTO
    conmon_path: str = "conmon"
    cgroup_manager: str = ""
    tool_timeouts: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> EngineConfig:
        """Return the settings in ``LIBPOD_STATIC_ROOT`` and the like, the others at their defaults."""
        variables = {part: environment.get(f"LIBPOD_{part.upper()}") for part in cls._fields}
        settings: dict[str, Any] = {part: value for part, value in variables.items() if value}
        if "cni_plugin_dirs" in settings:
            settings["cni_plugin_dirs"] = tuple(settings["cni_plugin_dirs"].split(","))
        return cls(**settings)

    def environment(self) -> dict[str, str]:
        """Return the variables from which ``from_environment`` makes the same settings."""
        differing = {part: value for part, value in self._asdict().items() if value != self._field_defaults[part]}
        return {
            f"LIBPOD_{part.upper()}": value if isinstance(value, str) else ",".join(value)
            for part, value in differing.items()
        }

    @property
    def planned(self) -> Planned:
        """Nothing, but in a ``PlanningConfig``."""
        return Planned()

    @property
    def netns_dir(self) -> str:
        """Directory of the bind mounts that keep network namespaces: ip-netns(8)'s, unless the roots are moved."""
        return "/run/netns" if self.run_root == DEFAULT_RUN_ROOT else f"{self.run_root}/netns"


class PlanningConfig(EngineConfig):
    """The roots and parts of a task in check mode, with what it has planned so far."""

    @cached_property
    def planned(self) -> Planned:
        return Planned()
