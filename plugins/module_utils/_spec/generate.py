# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OCI runtime specification of a container from its configuration and the host (config.md, config-linux.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, Mapping, NamedTuple, Optional

from .._model.records.config import OCI_VERSION, ContainerConfig
from . import confinement
from .mounts import mounts
from .resources import resources
from .user_namespace import adapt, mappings
from .users import User

if TYPE_CHECKING:
    from .._model.options.types import DeviceRule, Volume
    from .types import AnyDevice, Device, Linux, Process, Rlimit, Seccomp, Spec

# podman's process limits, lowered to what the host lets a container have.
_DEFAULT_RLIMITS = {"nofile": 1048576, "nproc": 4194304}
_UNLIMITED = 2**64 - 1
# In a tmpfs, so that binding it leaves nothing in the container's top layer.
INIT_PATH = "/dev/init"


class Facts(NamedTuple):
    """What depends on the host: paths made for the container, its user, and what the kernel offers.

    ``namespaces`` maps an OCI namespace type to the path to join, "" for a new one; a type that is
    absent is the host's. ``shm`` is what is at /dev/shm, "" for the host's own, None for nothing.
    ``hard_limits`` maps a resource to its hard limit here, -1 for none; ``open_files`` are soft and hard limit of that.
    ``systemd_cgroup`` is the container's cgroup in cgroup v1's hierarchy ``name=systemd``, "" where there is none.
    ``apparmor`` is the name of an AppArmor profile, "" for none; the labels are SELinux's, "" for none.
    ``init`` is the program on the host that is to be PID 1 and to reap, "" for none; ``variables`` are the secrets'.
    """

    rootfs: str
    user: User
    namespaces: Mapping[str, str]
    capabilities: Mapping[str, list[str]]
    cgroups_path: str
    hostname: str
    seccomp: Optional[Seccomp] = None
    shm: Optional[str] = ""
    files: Mapping[str, str] = {}
    volume_sources: Mapping[str, str] = {}
    source_guards: Mapping[str, tuple[str, ...]] = {}
    hard_limits: Mapping[str, int] = {}
    open_files: tuple[int, int] = (-1, -1)
    devices: tuple[Device, ...] = ()
    swap: bool = True
    init: str = ""
    device_rules: tuple[DeviceRule, ...] = ()
    variables: Mapping[str, str] = {}
    device_numbers: Mapping[str, tuple[int, int]] = {}
    systemd_cgroup: str = ""
    apparmor: str = ""
    foreign: Mapping[str, str] = {}
    process_label: str = ""
    mount_label: str = ""


def generate(config: ContainerConfig, facts: Facts) -> Spec:
    """Return the OCI runtime specification of a container, a new structure at each call."""
    options = config.options
    all_mounts = mounts(
        config,
        volume_sources=facts.volume_sources,
        source_guards=facts.source_guards,
        shm=facts.shm,
        systemd_cgroup=facts.systemd_cgroup,
        files={**facts.files, **({INIT_PATH: facts.init} if facts.init else {})},
    )
    if any(option.startswith("idmap") for mount in all_mounts for option in mount["options"]):
        from .idmapped import mapped

        all_mounts = [mapped(mount, config) for mount in all_mounts]
    if config.id_mappings:
        all_mounts = adapt(all_mounts, config.id_mappings, facts.foreign)
    spec: Spec = {
        "ociVersion": OCI_VERSION,
        "process": _process(config, facts),
        "root": {"path": facts.rootfs, "readonly": options["read_only"]},
        "mounts": all_mounts,
        "annotations": {
            "io.container.manager": "libpod",
            "io.libpod.engine.name": config.name,
            **_unit_properties(config),
            **options["annotation"],
        },
        "linux": _linux(config, facts),
    }
    if facts.namespaces.get("uts") == "":  # another's host name is not ours to set
        spec["hostname"] = facts.hostname
    return spec


def _unit_properties(config: ContainerConfig) -> dict[str, str]:
    """Return how systemd ends the container's scope at the host's shutdown, as annotations for runc and crun."""
    if config.cgroup_manager != "systemd":
        return {}
    return {
        "org.systemd.property.KillSignal": f"int32 {config.stop_signal}",
        "org.systemd.property.TimeoutStopUSec": f"uint64 {config.stop_timeout * 1000000}",
        # A scope that failed, as one that had to be killed has, would keep its name, and runc 1.1.5 start the next
        # process outside of it.
        "org.systemd.property.CollectMode": "'inactive-or-failed'",
    }


def environment(config: ContainerConfig, facts: Facts) -> list[str]:
    """Return ``process.env``: the image's, the user's and the engine's variables."""
    # What systemd-detect-virt, Ansible's facts and roles branch on: the container is as podman makes it.
    defaults = {"container": "podman", "HOSTNAME": facts.hostname, "HOME": facts.user.home}
    if config.systemd:
        defaults["container_uuid"] = config.id[:32]
    if config.options["tty"]:
        defaults["TERM"] = "xterm"
    if config.options["unsetenv_all"]:
        defaults = {}
    for name in config.options["unsetenv"]:
        defaults.pop(name, None)
    variables = {**config.host_env, **defaults, **config.resolved["env"], **facts.variables}
    return [f"{key}={value}" for key, value in variables.items()]


def _process(config: ContainerConfig, facts: Facts) -> Process:
    process: Process = {
        "terminal": config.options["tty"],
        "user": {
            "uid": facts.user.uid,
            "gid": facts.user.gid,
            "additionalGids": list(facts.user.additional_gids),
            "umask": config.options["umask"],
        },
        "args": [INIT_PATH, "--", *config.argv] if facts.init else config.argv,
        "env": environment(config, facts),
        "cwd": config.resolved["workdir"],
        "capabilities": facts.capabilities,
        "noNewPrivileges": config.options["security_opt"]["no_new_privileges"],
        "rlimits": _rlimits(config.options["ulimit"], facts),
    }
    if facts.process_label:
        process["selinuxLabel"] = facts.process_label
    if facts.apparmor:
        process["apparmorProfile"] = facts.apparmor
    if config.options["oom_score_adj"] is not None:
        process["oomScoreAdj"] = config.options["oom_score_adj"]
    return process


def _rlimits(ulimits: Mapping[str, list[int]], facts: Facts) -> list[Rlimit]:
    if "host" in ulimits:
        # The others are inherited; of this one Go's programs, such as runc, raise the soft limit.
        limits = {"nofile": list(facts.open_files)}
    else:
        limits = dict(ulimits)
        for resource, value in _DEFAULT_RLIMITS.items():
            hard = facts.hard_limits.get(resource, -1)
            limits.setdefault(resource, [value if hard == -1 else min(value, hard)] * 2)
    return [
        {
            "type": f"RLIMIT_{resource.upper()}",
            "soft": _UNLIMITED if soft == -1 else soft,
            "hard": _UNLIMITED if hard == -1 else hard,
        }
        for resource, (soft, hard) in sorted(limits.items())
    ]


def _sysctls(config: ContainerConfig) -> dict[str, str]:
    default = {"net.ipv4.ping_group_range": "0 0"} if config.own_net_ns else {}
    return {**default, **config.options["sysctl"]}


def _linux(config: ContainerConfig, facts: Facts) -> Linux:
    options = config.options
    own_rule = [options["device_cgroup_rule"]] if options["device_cgroup_rule"] else []
    every: AnyDevice = {"allow": options["privileged"], "access": "rwm"}
    linux: Linux = {
        "cgroupsPath": facts.cgroups_path,
        "namespaces": [
            {"type": kind, **({"path": path} if path else {})} for kind, path in sorted(facts.namespaces.items())
        ],
        "resources": {
            "devices": [every, *facts.device_rules, *own_rule],
            **resources(options, swap=facts.swap, numbers=facts.device_numbers),
        },
        "sysctl": _sysctls(config),
        "rootfsPropagation": root_propagation(config.volumes),
    }
    if config.id_mappings:
        linux["uidMappings"], linux["gidMappings"] = (mappings(config.id_mappings[kind]) for kind in ("uid", "gid"))
    paths = confinement.paths(options["security_opt"], options["privileged"])
    if "maskedPaths" in paths:
        linux["maskedPaths"] = paths["maskedPaths"]
    if "readonlyPaths" in paths:
        linux["readonlyPaths"] = paths["readonlyPaths"]
    if facts.mount_label:
        linux["mountLabel"] = facts.mount_label
    if options["personality"]:
        linux["personality"] = {"domain": options["personality"]}
    if options["rdt_class"]:
        linux["intelRdt"] = {"closID": options["rdt_class"]}
    if facts.devices:
        linux["devices"] = list(facts.devices)
    if facts.seccomp is not None:
        linux["seccomp"] = facts.seccomp
    return linux


def root_propagation(volumes: Iterable[Volume]) -> str:
    """Return the root filesystem's propagation: at least that of its volumes (mount_namespaces(7))."""
    propagations = {volume["propagation"].lstrip("r") for volume in volumes}
    return "shared" if "shared" in propagations else "rslave" if "slave" in propagations else "rprivate"
