# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container in the shape of ``podman inspect``, which users of containers.podman know."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Union, cast

from .._container.container import Container
from .._container.network.attachments import attachments
from .._drivers.process import bounding_set
from .._model.errors import LibpodError, StateCorrupt
from .._model.options.mounts import volumes
from .._model.options.network.ports import ANY_ADDRESS
from .._model.options.table import HIDDEN
from .._model.records.config import OCI_VERSION, ContainerConfig
from .._model.records.namespaces import OPTIONS, LinuxNS
from .._model.records.network import NetworkAttachment
from .inspect_options import CONFIG, HOST_CONFIG, NAMESPACE_KEYS

if TYPE_CHECKING:
    from .._model.options.types import ContainerOptions, EffectiveOptions, InspectedHealth, Volume
    from . import types

_NO_TIME = "0001-01-01T00:00:00Z"


def outline(container: Container) -> types.InspectedOutline:
    """Return the part of ``inspect`` that a list of many containers has room for."""
    state, network = _state(container), _network_settings(container)
    outlined: types.OutlinedState = {
        "Status": state["Status"],
        "ModelStatus": state["ModelStatus"],
        "Running": state["Running"],
        "Paused": state["Paused"],
        "Pid": state["Pid"],
        "ExitCode": state["ExitCode"],
        "OOMKilled": state["OOMKilled"],
        "Error": state["Error"],
        "StartedAt": state["StartedAt"],
        "FinishedAt": state["FinishedAt"],
    }
    if container.config.has_health_check:
        outlined["Health"] = state["Health"]
    return {
        "Id": container.id,
        "Name": container.name,
        "ImageName": container.config.rootfs_image_name,
        "State": outlined,
        "NetworkSettings": {
            "IPAddress": network["IPAddress"],
            "GlobalIPv6Address": network["GlobalIPv6Address"],
            "Ports": network["Ports"],
            "Networks": network["Networks"],
        },
    }


def inspect(container: Container, *, env_values: bool = False) -> types.Inspected:
    """Return the container as of its last sync or peek, without starting a program.

    Values of environment variables are hidden without ``env_values``.
    """
    state, config, options = container.state, container.config, container.config.options
    resolved, mounted = config.resolved, config.volumes
    argv = [*resolved["entrypoint"], *resolved["command"]]
    driver = container.host.parts.storage_driver or "overlay"
    return {
        "Id": config.id,
        "Name": config.name,
        "Created": config.created_time,
        "Path": argv[0] if argv else "",
        "Args": argv[1:],
        "State": _state(container),
        "Image": config.rootfs_image_id,
        "ImageName": config.rootfs_image_name,
        "ImageDigest": config.rootfs_image_digest,
        "Rootfs": config.rootfs,
        "Pod": config.pod,
        "IsInfra": config.infra,
        **_paths(container),
        "OCIRuntime": container.runtime_name,
        "Driver": driver,
        "GraphDriver": {"Name": driver, "Data": {"MergedDir": state.mountpoint} if state.mounted else {}},
        "MountLabel": state.mount_label,
        "ProcessLabel": state.process_label,
        "AppArmorProfile": options["security_opt"].get("apparmor", ""),
        **_capabilities(options, resolved["user"]),
        "ExecIDs": [],
        "RestartCount": state.restart_count,
        "Dependencies": list(config.dependencies),
        "Mounts": [_mount(volume, container) for volume in mounted],
        "NetworkSettings": _network_settings(container),
        "Config": _config(container, resolved, env_values),
        "HostConfig": _host_config(config, mounted),
    }


def _state(container: Container) -> types.InspectedState:
    state = container.state
    status = state.status.value
    return {
        "OciVersion": OCI_VERSION,
        "Status": state.status.podmans,
        "ModelStatus": status,
        "Running": status == "running",
        "Paused": status == "paused",
        "OOMKilled": state.oom_killed,
        "Dead": False,
        "Pid": state.pid,
        "ConmonPid": state.pid and state.conmon.pid,
        "ExitCode": state.exit_code,
        "Error": state.error,
        "Restarting": bool(state.restart_at),
        "StartedAt": state.started_time or _NO_TIME,
        "FinishedAt": state.finished_time or _NO_TIME,
        "CgroupPath": container.cgroup_path,
        "Mounted": state.mounted,
        "Mountpoint": state.mountpoint,
        "Health": _health(container),
    }


def _paths(container: Container) -> types.InspectedPaths:
    options, run_dir = container.config.options, container.run_dir
    return {
        "ResolvConfPath": f"{run_dir}/resolv.conf",
        "HostnamePath": f"{run_dir}/hostname",
        "HostsPath": f"{run_dir}/hosts",
        "StaticDir": container.config.static_dir,
        "PidFile": options["pid_file"] or f"{run_dir}/pidfile",
        "ConmonPidFile": options["conmon_pidfile"] or f"{run_dir}/conmon.pid",
        "OCIConfigPath": container.state.config_path,
    }


def _config(container: Container, resolved: EffectiveOptions, env_values: bool) -> types.InspectedConfig:
    config = container.config
    return {
        **CONFIG.of(config.options),
        "Hostname": config.hostname(container.host.hostname),
        "User": resolved["user"],
        "Env": [f"{key}={value if env_values else HIDDEN}" for key, value in resolved["env"].items()],
        "Cmd": resolved["command"],
        "CreateCommand": [],
        "Volumes": {target: {} for target in config.image_config.get("Volumes") or ()},
        "Entrypoint": resolved["entrypoint"],
        "Image": config.rootfs_image_name,
        "WorkingDir": resolved["workdir"],
        "Labels": resolved["label"],
        "StopSignal": resolved["stop_signal"],
        **_health_checks(config),
    }


def _capabilities(options: ContainerOptions, user: str) -> types.InspectedCapabilities:
    """Return the container's capabilities; a user other than root has those alone that cap_add names."""
    root = user.partition(":")[0] in ("", "0", "root")
    effective, bounding = _computed(tuple(options["cap_add"]), tuple(options["cap_drop"]), options["privileged"], root)
    return {"EffectiveCaps": list(effective), "BoundingCaps": list(bounding)}


@cache  # of a thousand containers few differ in this
def _computed(add: tuple[str, ...], drop: tuple[str, ...], privileged: bool, root: bool) -> tuple[list[str], list[str]]:
    from .._spec import capabilities

    try:
        granted = capabilities.named(bounding_set())
        computed = capabilities.compute(add, drop, granted, privileged=privileged)
    except LibpodError:
        computed = ()  # the container was made on a host that could grant more
    own = capabilities.oci_capabilities(computed, 0 if root else 1, add)
    return own["effective"], own["bounding"]


def _health(container: Container) -> InspectedHealth:
    if not container.config.has_health_check:
        return {"Status": "", "FailingStreak": 0, "Log": []}
    from .._container.runners.health import described

    return described(container)


def _health_checks(config: ContainerConfig) -> types.InspectedHealthChecks:
    """Return the checks under podman's keys, none of a container without; durations in nanoseconds."""
    if not config.has_health_check:
        return {}
    checks = config.health_checks
    inspected: types.InspectedHealthChecks = {
        "Healthcheck": {
            "Test": checks.regular.command,
            "StartPeriod": checks.start_period,
            "Interval": checks.regular.interval,
            "Timeout": checks.regular.timeout,
            "Retries": checks.retries,
        },
        "HealthcheckOnFailureAction": checks.failure_action,
    }
    if checks.startup:
        inspected["StartupHealthCheck"] = {
            "Test": checks.startup.command,
            "Interval": checks.startup.interval,
            "Timeout": checks.startup.timeout,
            "Retries": checks.startup_retries,
            "Successes": checks.startup_success,
        }
    return inspected


def _mount(volume: Volume, container: Container) -> types.InspectedMount:
    named = volume["type"] == "volume"
    if volume["type"] == "image":
        return _mounted_image(volume)
    source = f"{container.host.parts.static_root}/volumes/{volume['source']}/_data" if named else volume["source"]
    own: types.OwnOfMount = {"Name": volume["source"]} if named else {}
    return {
        "Type": volume["type"],
        **own,
        **_subpath(volume),
        "Source": source,
        "Destination": volume["target"],
        "Driver": "local" if named else "",
        "Mode": "",
        "Options": volumes.mount_words(volume),
        "RW": not volume["read_only"],
        "Propagation": volume["propagation"],
    }


def _subpath(volume: Volume) -> types.OwnOfMount:
    return {"SubPath": volume["subpath"]} if "subpath" in volume else {}


def _mounted_image(volume: Volume) -> types.InspectedMount:
    """Return what podman shows of a mounted image: the name that it was given, and few of the other keys' values."""
    return {
        "Type": "image",
        "Source": volume["source"],
        "Destination": volume["target"],
        "Driver": "",
        "Mode": "",
        "Options": [],
        "RW": not volume["read_only"],
        "Propagation": "",
        **_subpath(volume),
    }


def _network_settings(container: Container) -> types.InspectedNetworkSettings:
    attached = []
    # Without networks of its own it has no such record, not even an unreadable one.
    with suppress(StateCorrupt):  # the rest of this container, and all others, can still be inspected
        if container.config.create_net_ns:
            attached = [entry for entry in attachments(container) if entry.result is not None]
    networks: dict[str, Union[types.InspectedNetwork, types.InspectedAttachment]] = {
        entry.network: _attachment(entry, container.id) for entry in attached
    }
    if not networks and container.config.create_net_ns:
        # podman lists networks that are not attached like this.
        names = (name or default_network(container) for name in container.config.options["network"]["networks"])
        networks = {name: {"NetworkID": name, **_NO_ADDRESSES} for name in names}
    return {
        **(_addresses(attached[0]) if attached else _NO_ADDRESSES),
        "Bridge": "",
        "SandboxID": "",
        "SandboxKey": container.state.netns_path,
        "Ports": _port_bindings(container.config),
        "Networks": networks,
    }


def _attachment(entry: NetworkAttachment, container_id: str) -> types.InspectedAttachment:
    return {"NetworkID": entry.network, **_addresses(entry), "Aliases": [*entry.aliases, container_id[:12]]}


def default_network(container: Container) -> str:
    """Return the name of the network that a container without one in its options is on."""
    from .._drivers.cni import config as cni_config

    try:
        return str(container.networks.network("")["name"])
    except (LibpodError, OSError):
        return cni_config.DEFAULT_NETWORK


_NO_ADDRESSES: types.InspectedAddresses = {
    "EndpointID": "",
    "Gateway": "",
    "IPAddress": "",
    "IPPrefixLen": 0,
    "IPv6Gateway": "",
    "GlobalIPv6Address": "",
    "GlobalIPv6PrefixLen": 0,
    "MacAddress": "",
}


def _addresses(attachment: NetworkAttachment) -> types.InspectedAddresses:
    facts = attachment.facts
    found: types.InspectedAddresses = {**_NO_ADDRESSES, "MacAddress": facts.mac}
    for address in facts.ipv4[:1]:
        found.update({"IPAddress": address.ip, "IPPrefixLen": address.prefix_length, "Gateway": address.gateway})
    for address in facts.ipv6[:1]:
        found["GlobalIPv6Address"], found["GlobalIPv6PrefixLen"] = address.ip, address.prefix_length
        found["IPv6Gateway"] = address.gateway
    return found


def _bind(volume: Volume) -> str:
    flags = ["ro" if volume["read_only"] else "rw", volume["propagation"], *volumes.mount_words(volume)]
    return f"{volume['source']}:{volume['target']}:{','.join(flags)}"


def _port_bindings(config: ContainerConfig) -> dict[str, list[types.PortBinding]]:
    bindings: dict[str, list[types.PortBinding]] = {}
    for port in config.ports:
        binding: types.PortBinding = {
            "HostIp": "" if port.host_ip == ANY_ADDRESS else port.host_ip,
            "HostPort": str(port.host_port),
        }
        bindings.setdefault(f"{port.container_port}/{port.protocol}", []).append(binding)
    return bindings


def _host_config(config: ContainerConfig, mounted: list[Volume]) -> types.InspectedHostConfig:
    options = config.options
    file_systems = volumes.file_systems(options, config.image_config, [volume["target"] for volume in mounted])
    # In place: a dict of sixty keys that is copied into another one costs more than what it shows.
    inspected = cast("types.InspectedHostConfig", HOST_CONFIG.of(options))
    inspected["Binds"] = [_bind(volume) for volume in mounted if volume["type"] != "image"]
    inspected["Tmpfs"] = {one["target"]: ",".join(one["options"]) for one in file_systems if one["type"] == "tmpfs"}
    inspected["NetworkMode"] = _network_mode(config)
    inspected["PortBindings"] = _port_bindings(config)
    inspected["LogConfig"] = _log_config(config)
    inspected["NanoCpus"] = (options["cpu_quota"] or 0) * 10**9 // (options["cpu_period"] or 10**5)
    inspected["Runtime"] = "oci"
    inspected["CgroupParent"] = config.cgroup_parent
    inspected["CgroupManager"] = config.cgroup_manager
    if config.id_mappings:
        inspected["IDMappings"] = _id_mappings(config)
    for key, joined in _joined(config):
        inspected[key] = f"container:{joined}"
    if config.id_mappings:
        inspected["UsernsMode"] = "private" if inspected["UsernsMode"] in ("", "auto") else inspected["UsernsMode"]
    return inspected


def _id_mappings(config: ContainerConfig) -> types.IDMappings:
    uids, gids = ([":".join(map(str, entry)) for entry in config.id_mappings[kind]] for kind in ("uid", "gid"))
    return {"UidMap": uids, "GidMap": gids}


def _joined(config: ContainerConfig) -> list[tuple[types.NamespaceKey, str]]:
    """Return the keys of the namespaces that it joins, each with the ID of the container that owns it."""
    if not config.namespace_containers:
        return []
    joined = ((key, config.namespace_container(OPTIONS[option])) for option, key in NAMESPACE_KEYS.items())
    return [(key, owner) for key, owner in joined if owner]


def _network_mode(config: ContainerConfig) -> str:
    joined, mode = config.namespace_container(LinuxNS.NET), config.options["network"]["mode"]
    return f"container:{joined}" if joined else "bridge" if mode == "cni" else mode


def _log_config(config: ContainerConfig) -> types.InspectedLogConfig:
    log_opt = config.options["log_opt"]
    return {
        "Type": config.options["log_driver"],
        "Path": config.log_path,
        "Size": str(log_opt["max_size"] or "0B"),
        "Tag": log_opt["tag"] or "",
    }
