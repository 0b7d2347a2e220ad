# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container as ``podman inspect`` shows it: the shape users of containers.podman know."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Mapping

from .._container.container import Container
from .._container.network.attachments import attachments
from .._model.cgroup_limits import LIMITS
from .._model.errors import LibpodError, StateCorrupt
from .._model.options import restart_policy, volumes
from .._model.options.ports import ANY_ADDRESS
from .._model.options.table import HIDDEN, select
from .._model.records.config import OCI_VERSION, ContainerConfig
from .._model.records.namespaces import OPTIONS
from .._model.records.network import NetworkAttachment
from .._model.records.state import ContainerState

if TYPE_CHECKING:
    from .._model.options.types import ContainerOptions, NamespaceOption, Volume

_NO_TIME = "0001-01-01T00:00:00Z"
_OUTLINED_STATE = "Status ModelStatus Running Paused Pid ExitCode OOMKilled Error StartedAt FinishedAt".split()
_OUTLINED_NETWORK = "IPAddress GlobalIPv6Address Ports Networks".split()


def outline(container: Container) -> dict[str, Any]:
    """The part of ``inspect`` that a list of many containers has room for."""
    state, network = container.state, _network_settings(container, container.state)
    shown = _state(state, container)
    health = {"Health": shown["Health"]} if container.config.has_health_check else {}
    return {
        "Id": container.id,
        "Name": container.name,
        "ImageName": container.config.rootfs_image_name,
        "State": {**{key: shown[key] for key in _OUTLINED_STATE}, **health},
        "NetworkSettings": {key: network[key] for key in _OUTLINED_NETWORK},
    }


def inspect(container: Container, *, env_values: bool = False) -> dict[str, Any]:
    """The container as of its last sync or peek, without starting a program; variables with ``env_values`` alone."""
    state = container.state
    config, options = container.config, container.config.options
    resolved, mounted = config.resolved, config.volumes
    argv = [*resolved["entrypoint"], *resolved["command"]]
    driver = container.host.parts.storage_driver or "overlay"
    return {
        "Id": config.id,
        "Name": config.name,
        "Created": config.created_time,
        "Path": argv[0] if argv else "",
        "Args": argv[1:],
        "State": _state(state, container),
        "Image": config.rootfs_image_id,
        "ImageName": config.rootfs_image_name,
        "ImageDigest": config.rootfs_image_digest,
        "Rootfs": config.rootfs,
        "Pod": config.pod,
        "IsInfra": config.infra,
        "ResolvConfPath": f"{container.run_dir}/resolv.conf",
        "HostnamePath": f"{container.run_dir}/hostname",
        "HostsPath": f"{container.run_dir}/hosts",
        "StaticDir": config.static_dir,
        "PidFile": options["pid_file"] or f"{container.run_dir}/pidfile",
        "ConmonPidFile": options["conmon_pidfile"] or f"{container.run_dir}/conmon.pid",
        "OCIConfigPath": state.config_path,
        "OCIRuntime": container.host.oci.name,
        "Driver": driver,
        "GraphDriver": {"Name": driver, "Data": {"MergedDir": state.mountpoint} if state.mounted else {}},
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": options["security_opt"].get("apparmor", ""),
        **_capabilities(options, resolved["user"]),
        "ExecIDs": [],
        "RestartCount": state.restart_count,
        "Dependencies": list(config.dependencies),
        "Mounts": [_mount(volume, container) for volume in mounted],
        "NetworkSettings": _network_settings(container, state),
        "Config": {
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
            "Annotations": options["annotation"],
            "StopSignal": resolved["stop_signal"],
            "StopTimeout": config.stop_timeout,
            "Timeout": options["timeout"],
            "Umask": f"{options['umask']:04o}",
            "Timezone": options["timezone"] or "",
            "ExposedPorts": {f"{port}/{protocol}": {} for port, protocol in options["expose"]},
            "Secrets": [{"Name": secret["name"], "Target": secret["target"]} for secret in options["secrets"]],
            "Tty": config.options["tty"],
            "OpenStdin": config.options["interactive"],
            **_health_checks(config),
        },
        "HostConfig": _host_config(config, mounted),
    }


def _state(state: ContainerState, container: Container) -> dict[str, Any]:
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
        "ConmonPid": state.conmon.pid,
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


def _capabilities(options: ContainerOptions, user: str) -> dict[str, list[str]]:
    """The container's capabilities; a user other than root has those alone that cap_add names."""
    root = user.partition(":")[0] in ("", "0", "root")
    effective, bounding = _computed(tuple(options["cap_add"]), tuple(options["cap_drop"]), options["privileged"], root)
    return {"EffectiveCaps": list(effective), "BoundingCaps": list(bounding)}


@cache  # of a thousand containers few differ in this
def _computed(add: tuple[str, ...], drop: tuple[str, ...], privileged: bool, root: bool) -> tuple[list[str], list[str]]:
    from .._drivers.kernel.capabilities import bounding_set
    from .._spec import capabilities

    try:
        granted = capabilities.named(bounding_set())
        found = capabilities.compute(add, drop, granted, privileged=privileged)
    except LibpodError:
        found = ()  # made on a host that had more to give
    own = capabilities.oci_capabilities(found, 0 if root else 1, add)
    return own["effective"], own["bounding"]


def _health(container: Container) -> dict[str, Any]:
    if not container.config.has_health_check:
        return {"Status": "", "FailingStreak": 0, "Log": []}
    from .._container.lifecycle.health import described

    return described(container)


def _health_checks(config: ContainerConfig) -> dict[str, Any]:
    """The checks in podman's words; durations in nanoseconds."""
    if not config.has_health_check:
        return {}
    checks = config.health_checks
    inspected: dict[str, Any] = {
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


def _mount(volume: Volume, container: Container) -> dict[str, Any]:
    named = volume["type"] == "volume"
    source = f"{container.host.parts.static_root}/volumes/{volume['source']}/_data" if named else volume["source"]
    return {
        "Type": volume["type"],
        **({"Name": volume["source"]} if named else {}),
        "Source": source,
        "Destination": volume["target"],
        "Driver": "local" if named else "",
        "Mode": "",
        "Options": volumes.mount_words(volume),
        "RW": not volume["read_only"],
        "Propagation": volume["propagation"],
    }


def _network_settings(container: Container, state: ContainerState) -> dict[str, Any]:
    try:
        networks = {entry.network: _network(entry) for entry in attachments(container) if entry.result is not None}
    except StateCorrupt:  # no reason to show nothing of this container, or of any other
        networks = {}
    first = next(iter(networks.values()), _EMPTY_NETWORK)
    if not networks and container.config.create_net_ns:
        # As podman shows one that is not attached.
        names = (name or _default_network(container) for name in container.config.options["network"]["networks"])
        networks = {name: {**_EMPTY_NETWORK, "NetworkID": name} for name in names}
    return {
        **{key: value for key, value in first.items() if key not in ("NetworkID", "Links", "Aliases")},
        "Bridge": "",
        "SandboxID": "",
        "SandboxKey": state.netns_path,
        "Ports": _port_bindings(container.config),
        "Networks": networks,
    }


def _default_network(container: Container) -> str:
    from .._drivers.cni import config as cni_config

    try:
        return str(container.host.default_network)
    except (LibpodError, OSError):
        return cni_config.DEFAULT_NETWORK


_EMPTY_NETWORK = {
    "NetworkID": "",
    "EndpointID": "",
    "Gateway": "",
    "IPAddress": "",
    "IPPrefixLen": 0,
    "IPv6Gateway": "",
    "GlobalIPv6Address": "",
    "GlobalIPv6PrefixLen": 0,
    "MacAddress": "",
}


def _network(attachment: NetworkAttachment) -> dict[str, Any]:
    facts = attachment.facts
    found: dict[str, Any] = {**_EMPTY_NETWORK, "NetworkID": attachment.network, "MacAddress": facts.mac}
    for address in facts.ipv4[:1]:
        found.update(IPAddress=address.ip, IPPrefixLen=address.prefix_length, Gateway=address.gateway)
    for address in facts.ipv6[:1]:
        found.update(
            GlobalIPv6Address=address.ip, GlobalIPv6PrefixLen=address.prefix_length, IPv6Gateway=address.gateway
        )
    return found


def _bind(volume: Volume) -> str:
    words = ["ro" if volume["read_only"] else "rw", volume["propagation"], *volumes.mount_words(volume)]
    return f"{volume['source']}:{volume['target']}:{','.join(words)}"


def _port_bindings(config: ContainerConfig) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in config.ports:
        binding = {"HostIp": "" if port.host_ip == ANY_ADDRESS else port.host_ip, "HostPort": str(port.host_port)}
        bindings.setdefault(f"{port.container_port}/{port.protocol}", []).append(binding)
    return bindings


def _host_config(config: ContainerConfig, mounted: list[Volume]) -> dict[str, Any]:
    options = config.options
    fresh = volumes.file_systems(options, config.image_config, [volume["target"] for volume in mounted])
    network = options["network"]
    joined = config.namespace_containers.get("net")
    policy, times = restart_policy.parts(options["restart_policy"])
    mode = f"container:{joined}" if joined else {"cni": "bridge"}.get(network["mode"], network["mode"])
    return {
        "Binds": [_bind(volume) for volume in mounted],
        "Tmpfs": {one["target"]: ",".join(one["options"]) for one in fresh if one["type"] == "tmpfs"},
        "NetworkMode": mode,
        **_namespace_modes(config),
        "PortBindings": _port_bindings(config),
        "LogConfig": {
            "Type": options["log_driver"],
            "Path": config.log_path,
            "Size": str(options["log_opt"]["max_size"] or "0B"),
            "Tag": options["log_opt"]["tag"] or "",
        },
        **{LIMITS[name].inspected[0]: LIMITS[name].shown(value) for name, value in select(options, LIMITS).items()},
        "NanoCpus": (options["cpu_quota"] or 0) * 10**9 // (options["cpu_period"] or 10**5),
        "CapAdd": options["cap_add"],
        "CapDrop": options["cap_drop"],
        "Privileged": options["privileged"],
        "GroupAdd": options["group_add"],
        "Init": options["init"],
        "OomScoreAdj": options["oom_score_adj"] or 0,
        "PublishAllPorts": options["publish_all"],
        "VolumesFrom": [lender["container"] for lender in options["volumes_from"]],
        "Devices": [
            {"PathOnHost": one["host"], "PathInContainer": one["container"], "CgroupPermissions": one["permissions"]}
            for one in options["device"]
        ],
        "ReadonlyRootfs": options["read_only"],
        "SecurityOpt": _security(options["security_opt"]),
        "Ulimits": []
        if "host" in options["ulimit"]
        else [
            {"Name": f"RLIMIT_{name.upper()}", "Soft": soft, "Hard": hard}
            for name, (soft, hard) in options["ulimit"].items()
        ],
        "Sysctls": options["sysctl"],
        "ShmSize": options["shm_size"],
        "Dns": options["dns"],
        "DnsOptions": options["dns_option"],
        "DnsSearch": options["dns_search"],
        "ExtraHosts": [f"{name}:{one}" for name, found in options["etc_hosts"].items() for one in found.split(",")],
        "Cgroups": {"enabled": "default"}.get(options["cgroups"], options["cgroups"]),
        "CgroupConf": options["cgroup_conf"],
        "Runtime": "oci",
        "ContainerIDFile": options["cidfile"] or "",
        "CgroupParent": config.cgroup_parent,
        "CgroupManager": config.cgroup_manager,
        "RestartPolicy": {"Name": policy, "MaximumRetryCount": times},
        "AutoRemove": options["rm"],
    }


def _namespace_modes(config: ContainerConfig) -> dict[str, Any]:
    """The modes in podman's words, and the ID maps as ``INSIDE:OUTSIDE:AMOUNT``."""
    keys: dict[NamespaceOption, str] = {
        "ipc": "IpcMode",
        "pid": "PidMode",
        "uts": "UTSMode",
        "userns": "UsernsMode",
        "cgroupns": "CgroupMode",
    }
    found: dict[str, Any] = {}
    for option, key in keys.items():
        joined = config.namespace_container(OPTIONS[option])
        mode, target = config.options[option]["mode"], config.options[option]["target"]
        default = {"ipc": "shareable", "pid": "private", "uts": "private"}.get(option, "")
        found[key] = f"container:{joined}" if joined else f"ns:{target}" if mode == "ns" else mode or default
    if config.id_mappings:
        found["UsernsMode"] = "private" if found["UsernsMode"] in ("", "auto") else found["UsernsMode"]
        found["IDMappings"] = {
            f"{kind.capitalize()}Map": [":".join(map(str, entry)) for entry in config.id_mappings[kind]]
            for kind in ("uid", "gid")
        }
    return found


def _security(security: Mapping[str, Any]) -> list[str]:
    found = ["no-new-privileges"] if security["no_new_privileges"] else []
    found += [f"{key}={security[key]}" for key in ("seccomp", "apparmor") if security.get(key)]
    found += [f"label={part}{':' + value if value else ''}" for part, value in security.get("label", {}).items()]
    found += [f"{key}={':'.join(security[key])}" for key in ("mask", "unmask") if key in security]
    return found + ([f"proc-opts={','.join(security['proc-opts'])}"] if "proc-opts" in security else [])
