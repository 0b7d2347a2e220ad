# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod's ContainerConfig: everything that was used to create a container."""

from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING, Any, Mapping, NamedTuple, cast

from ..errors import ConfigMismatch, StateCorrupt
from ..options import table
from ..options.mounts import volumes
from ..options.network.ports import PortMapping
from ..options.syntax.parsers import signal
from .namespaces import LinuxNS

if TYPE_CHECKING:
    from ..id_map import IdMap
    from ..options.health import HealthChecks
    from ..options.types import ContainerOptions, EffectiveOptions, FileSystem, Volume
    from .image_config import ImageConfig

FORMAT_VERSION = 1
OCI_VERSION = "1.0.2"  # of the runtime specification
DEFAULT_CGROUP_PARENT = "/libpod_parent"
DEFAULT_CGROUP_SLICE = "machine.slice"
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# A command that systemd is expected behind, as podman's; so is any program named systemd.
_SYSTEMD = ("/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init")
_DEFAULT_INTERVAL = _DEFAULT_TIMEOUT = 30 * 10**9  # nanoseconds; podman's, of a health check
_DEFAULT_RETRIES = 3
_JSON_FIELDS = (
    "id name created_time options rootfs_image_id rootfs_image_name image_config rootfs overlay namespace_containers"
    " ports static_dir cgroup_manager host_env id_mappings requires pod pod_cgroup infra borrowed_volumes"
    " rootfs_image_digest oci_runtime network_backend"
).split()
# The checksum of the shapes in shapes.py; another one is due as well where usable_config accepts less.
SCHEMA = 0xA3A91C3A
# What came after the first engine's last field: a record that lacks it has its default.
_ADDED = _JSON_FIELDS[_JSON_FIELDS.index("cgroup_manager") + 1 :]


def _checked(record: Mapping[str, object], defaults: Mapping[str, object]) -> Mapping[str, object]:
    """Return a record that has every field: what an older engine did not know is at its default, and a copy of it.

    :raises KeyError: it lacks another. :raises TypeError: a value has another shape.
    """
    from .image import usable_config
    from .shapes import CONFIG_SHAPES, check_shape

    record = {**{key: copy.deepcopy(defaults[key]) for key in _ADDED if key not in record}, **record}
    options = record["options"]
    if isinstance(options, dict):
        options = table.set_options(options)
    check_shape({**{key: record[key] for key in _JSON_FIELDS}, "options": options}, CONFIG_SHAPES)
    return {**record, "image_config": usable_config(record["image_config"])}


def resolved(options: ContainerOptions, image: ImageConfig) -> EffectiveOptions:
    """Return the options that fall back on the image's, as they take effect; ``image`` is an OCI image ``config``.

    As in podman, an entrypoint drops the image's command, and a command does not drop the image's entrypoint.
    """
    entrypoint, command = options["entrypoint"], options["command"]
    if command is None:
        command = (image.get("Cmd") or []) if entrypoint is None else []
    if entrypoint is None:
        entrypoint = image.get("Entrypoint") or []
    systemd = _runs_systemd(options["systemd"], [*entrypoint, *command])
    env = {"PATH": DEFAULT_PATH}
    env.update(item.partition("=")[::2] for item in image.get("Env") or [])
    if options["unsetenv_all"] or options["unsetenv"] or options["env_merge"]:
        from ..options.process_options import default_variables

        env = default_variables(env, options)
    env.update(options["env"])
    stop_signal = options["stop_signal"]
    if stop_signal is None:
        stop_signal = signal(image.get("StopSignal") or ("RTMIN+3" if systemd else "TERM"), "stop_signal")
    check = image.get("Healthcheck") or {}
    test = options["healthcheck"] or list(check.get("Test") or ["NONE"])
    return {
        "entrypoint": list(entrypoint),
        "command": list(command),
        "env": dict(sorted(env.items())),
        "user": options["user"] if options["user"] is not None else image.get("User") or "",
        "workdir": options["workdir"] or image.get("WorkingDir") or "/",
        "label": dict(sorted({**(image.get("Labels") or {}), **options["label"]}.items())),
        "stop_signal": stop_signal,
        "systemd": systemd,
        "healthcheck": test,
        "no_healthcheck": test == ["NONE"],
        "healthcheck_interval": _first(options["healthcheck_interval"], check.get("Interval") or _DEFAULT_INTERVAL),
        "healthcheck_timeout": _first(options["healthcheck_timeout"], check.get("Timeout") or _DEFAULT_TIMEOUT),
        "healthcheck_retries": _first(options["healthcheck_retries"], check.get("Retries") or _DEFAULT_RETRIES),
        "healthcheck_start_period": _first(options["healthcheck_start_period"], check.get("StartPeriod") or 0),
    }


def _first(value: int | None, default: int) -> int:
    return default if value is None else value


def _runs_systemd(wanted: str, argv: list[str]) -> bool:
    if wanted == "true":
        return bool(argv) and (argv[0] in _SYSTEMD or os.path.basename(argv[0]) == "systemd")
    return wanted == "always"


class ContainerConfig(NamedTuple):
    """What a container is, from its creation on; written once, replaced as a whole by an update in place.

    ``options`` are the normalised options of ``table.OPTIONS``; ``image_config`` is the OCI image ``config`` at
    creation, ``rootfs_image_digest`` its manifest's; ``rootfs`` is a host directory instead of an image, ``overlay``
    whether it is used under an overlay; ``namespace_containers`` maps a LinuxNS value to the ID of the container whose
    namespace is joined; ``ports`` are the published ports with every host port chosen;
    ``host_env`` are the variables taken from the environment of its creator;
    ``borrowed_volumes`` are the volumes of other containers as they were then (volumes_from);
    ``id_mappings`` has the maps ``uid`` and ``gid`` of a user namespace, or nothing;
    ``requires`` are the IDs of containers to start before it; ``pod`` is the full ID of its pod, or empty;
    ``pod_cgroup`` is that pod's cgroup, and ``infra`` says that it holds the pod's namespaces;
    ``oci_runtime`` is the program that runs it, empty in a record of an engine that did not note it;
    ``network_backend`` is what attaches it to networks, empty for CNI in a record of such an engine.
    """

    id: str
    name: str
    created_time: str
    options: ContainerOptions
    static_dir: str
    rootfs_image_id: str = ""
    rootfs_image_name: str = ""
    image_config: ImageConfig = {}
    rootfs: str = ""
    overlay: bool = False
    namespace_containers: Mapping[str, str] = {}
    ports: tuple[PortMapping, ...] = ()
    cgroup_manager: str = "cgroupfs"
    host_env: Mapping[str, str] = {}
    id_mappings: Mapping[str, list[IdMap]] = {}
    requires: tuple[str, ...] = ()
    pod: str = ""
    pod_cgroup: str = ""
    infra: bool = False
    borrowed_volumes: tuple[Volume, ...] = ()
    rootfs_image_digest: str = ""
    oci_runtime: str = ""
    network_backend: str = ""

    @property
    def resolved(self) -> EffectiveOptions:
        """The options that fall back on the image's, as they take effect."""
        return resolved(self.options, self.image_config)

    @property
    def volumes(self) -> list[Volume]:
        """Every bind mount and volume, each with its source; anonymous ones are marked so."""
        found = volumes.of_container(self.id, self.options, self.image_config, self.borrowed_volumes)
        return copy.deepcopy(found) if found else []

    @property
    def file_systems(self) -> list[FileSystem]:
        """The tmpfs and other new file systems that the options or the image ask for."""
        taken = [volume["target"] for volume in self.volumes]
        return copy.deepcopy(volumes.file_systems(self.options, self.image_config, taken))

    @property
    def argv(self) -> list[str]:
        """Entrypoint and command together."""
        effective = self.resolved
        return [*effective["entrypoint"], *effective["command"]]

    def hostname(self, host: str) -> str:
        """Return the option's host name, the ``host``'s with its network or UTS namespace, else 12 digits of the ID."""
        name = self.options["hostname"]
        if name is None and "host" in (self.options["network"]["mode"], self.options["uts"]["mode"]):
            return host
        return name or self.id[:12]

    @property
    def labels(self) -> dict[str, str]:
        return self.resolved["label"]

    @property
    def systemd(self) -> bool:
        """Whether the container is set up for systemd."""
        return self.resolved["systemd"]

    @property
    def stop_signal(self) -> int:
        return self.resolved["stop_signal"]

    @property
    def stop_timeout(self) -> int:
        """Seconds between the stop signal and SIGKILL."""
        return self.options["stop_timeout"]

    @property
    def has_health_check(self) -> bool:
        test = self.options["healthcheck"] or (self.image_config.get("Healthcheck") or {}).get("Test") or ["NONE"]
        return bool(test[0] != "NONE")

    @property
    def health_checks(self) -> HealthChecks:
        """The health checks as they take effect, of a container that has one."""
        from ..options.health import HealthChecks

        return HealthChecks.of(self.options, self.resolved)

    @property
    def create_net_ns(self) -> bool:
        """Whether the engine creates and configures a network namespace (libpod's CreateNetNS)."""
        return self.options["network"]["mode"] == "cni" and "net" not in self.namespace_containers

    @property
    def own_net_ns(self) -> bool:
        """Whether the container has a network namespace of its own, configured or bare."""
        return self.options["network"]["mode"] in ("cni", "none") and "net" not in self.namespace_containers

    @property
    def cgroup_parent(self) -> str:
        return (
            self.pod_cgroup
            or self.options["cgroup_parent"]
            or (DEFAULT_CGROUP_PARENT if self.cgroup_manager == "cgroupfs" else DEFAULT_CGROUP_SLICE)
        )

    @property
    def log_path(self) -> str:
        """The file to which conmon writes the container's output; empty where it writes none."""
        if self.options["log_driver"] in ("none", "journald"):
            return ""
        return self.options["log_opt"]["path"] or f"{self.static_dir}/ctr.log"

    @property
    def dependencies(self) -> tuple[str, ...]:
        """IDs of the containers whose namespaces this one joins or that it requires, each once, sorted."""
        return tuple(sorted({*self.namespace_containers.values(), *self.requires}))

    def namespace_container(self, namespace: LinuxNS) -> str:
        """Return the ID of the container whose ``namespace`` is joined, or an empty string."""
        return self.namespace_containers.get(namespace.value, "")

    def host_root(self, kind: str = "uid") -> int:
        """Return the host's ID of the container's root user (``gid``: its root group)."""
        return self.host_id(0, kind)

    def host_id(self, number: int, kind: str) -> int:
        """Return the host's number of a user's ID (``gid``: a group's) in the container."""
        if not self.id_mappings:
            return number
        from ..id_map import to_host

        return to_host(number, self.id_mappings.get(kind, ()))

    def with_options(self, changes: Mapping[str, object]) -> ContainerConfig:
        """Return the configuration with some normalised options replaced."""
        return self._replace(options=cast("ContainerOptions", {**self.options, **changes}))

    def to_json(self) -> dict[str, object]:
        return {"version": FORMAT_VERSION, **{key: getattr(self, key) for key in _JSON_FIELDS}}

    @classmethod
    def from_json(cls, record: object, path: str, *, sealed: bool = False) -> ContainerConfig:
        """Read a record; ``path`` is named where it cannot be used; one that is ``sealed`` has every shape of SCHEMA.

        :raises ConfigMismatch: it was written by a newer version.
        :raises StateCorrupt: it is not such a record.
        """
        if not isinstance(record, dict) or not isinstance(record.get("version", 0), int):
            raise StateCorrupt(f"{path} is not a container's configuration: restore it, or remove the container")
        if record.get("version", 0) > FORMAT_VERSION:
            raise ConfigMismatch(
                f"{path} has format {record['version']}, and this engine reads up to {FORMAT_VERSION}: "
                "it was made by a newer version of libpod.engine: use that version or newer"
            )
        try:
            if not sealed:
                record = _checked(record, cls._field_defaults)
            known: dict[str, Any] = {key: record[key] for key in _JSON_FIELDS}
            known["options"] = (table.read_in_place if sealed else table.from_json)(known["options"])
            known["ports"] = tuple(PortMapping.from_json(row) for row in known["ports"])
            if known["id_mappings"]:
                from ..id_map import from_json

                known["id_mappings"] = {kind: from_json(known["id_mappings"][kind]) for kind in known["id_mappings"]}
            known.update((key, tuple(known[key])) for key in ("borrowed_volumes", "requires"))
        except KeyError as error:
            raise StateCorrupt(f"{path} lacks {error}: restore it, or remove the container") from error
        except TypeError as error:
            raise StateCorrupt(f"{path} cannot be used ({error}): restore it, or remove the container") from error
        return cls(**known)
