# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of a container's normalised options, for annotations; nothing imports this at run time.

Each row of the option table has a key in ``ContainerOptions``, of the type that the row's parser returns (tested).
None stands for the image's, the kernel's or the engine's default.

A value that a record keeps as a list of fixed length is a NamedTuple: ``PortMapping``, ``IdMap``. One that it keeps as
an object is a TypedDict, as ``Mount`` and ``Device`` are. Keys that say nothing are then missing, so that an earlier
version of the engine reads the record, and no task converts the values of all the containers that it reads.
"""

from __future__ import annotations

from typing import Literal, Optional, TypedDict, Union, final

from ..id_map import IdMap
from .network.ports import PortMapping

NamespaceOption = Literal["ipc", "network", "pid", "uts", "userns", "cgroupns"]


class _Volume(TypedDict):
    type: str
    source: str
    target: str
    read_only: bool
    propagation: str
    flags: list[str]


@final
class Volume(_Volume, total=False):
    """A bind mount, volume or image; the source of an anonymous volume is empty until the container is known.

    ``subpath`` is the path inside a named volume or image that is mounted instead of all of it. ``image`` is the ID of
    the image that its source names, empty where the store has none.
    """

    anonymous: bool
    subpath: str
    image: str


@final
class FileSystem(TypedDict):
    """A new file system such as a tmpfs."""

    type: str
    target: str
    options: list[str]


Mount = Union[Volume, FileSystem]


class Lender(TypedDict):
    """A container whose volumes are mounted too."""

    container: str
    access: str


class _Network(TypedDict):
    mode: str
    target: str
    networks: list[str]


class NetworkSettings(TypedDict, total=False):
    """What is requested of one network."""

    ips: list[str]
    mac: str
    aliases: list[str]
    interface: str


class Network(_Network, total=False):
    """The network mode, and the CNI networks with the settings of those that have any."""

    settings: dict[str, NetworkSettings]


class _Namespace(TypedDict):
    mode: str
    target: str


class Namespace(_Namespace, total=False):
    """How a namespace is set up; a user namespace of the mode ``auto`` has its options beside it."""

    size: int
    uidmapping: list[IdMap]
    gidmapping: list[IdMap]


class Device(TypedDict):
    """A device node of the host."""

    host: str
    container: str
    permissions: str


class _DeviceRule(TypedDict):
    allow: bool
    type: str
    access: str


class DeviceRule(_DeviceRule, total=False):
    """An entry of the OCI spec's ``linux.resources.devices``."""

    major: int
    minor: int


class Secret(TypedDict):
    """A secret, mounted as a file or set as a variable."""

    name: str
    type: str
    target: str
    uid: int
    gid: int
    mode: int


# The functional form, because proc-opts is no Python name.
_SecurityParts = TypedDict(
    "_SecurityParts",
    {"apparmor": str, "label": dict[str, str], "mask": list[str], "unmask": list[str], "proc-opts": list[str]},
    total=False,
)


class Security(_SecurityParts):  # pylint: disable=inherit-non-class
    """The security options; the empty seccomp profile is the packaged one."""

    no_new_privileges: bool
    seccomp: str


class LogOptions(TypedDict):
    """Where a log goes, its size in bytes, and its tag."""

    path: Optional[str]
    max_size: Optional[int]
    tag: Optional[str]


class CommonOptions(TypedDict):
    """The options that containers and pods have, normalised."""

    network: Network
    publish: list[PortMapping]
    hostname: Optional[str]
    dns: list[str]
    dns_option: list[str]
    dns_search: list[str]
    etc_hosts: dict[str, str]
    no_hosts: bool
    shm_size: int
    sysctl: dict[str, str]
    ip: Optional[str]
    ip6: Optional[str]
    mac_address: Optional[str]
    network_aliases: list[str]
    memory: Optional[int]
    memory_swap: Optional[int]
    cpu_quota: Optional[int]
    cpu_period: Optional[int]
    cpu_shares: Optional[int]
    cpuset_cpus: Optional[str]
    cgroup_parent: Optional[str]
    uidmap: list[IdMap]
    gidmap: list[IdMap]
    subuidname: Optional[str]
    subgidname: Optional[str]
    label: dict[str, str]


class PodOptions(CommonOptions):
    """All options of a pod, normalised; ``share`` lists the kinds of namespaces that its containers share."""

    share: list[str]


class ContainerOptions(CommonOptions):
    """All options of a container, normalised."""

    command: Optional[list[str]]
    entrypoint: Optional[list[str]]
    env: dict[str, str]
    workdir: Optional[str]
    user: Optional[str]
    group_add: list[str]
    passwd: bool
    passwd_entry: Optional[str]
    group_entry: Optional[str]
    hostuser: list[str]
    umask: int
    timezone: Optional[str]
    init: bool
    init_path: Optional[str]
    oom_score_adj: Optional[int]
    env_host: bool
    env_merge: dict[str, str]
    unsetenv: list[str]
    unsetenv_all: bool
    http_proxy: bool
    annotation: dict[str, str]
    volume: list[Volume]
    chrootdirs: list[str]
    tmpfs: dict[str, list[str]]
    mount: list[Mount]
    volumes_from: list[Lender]
    image_volume: str
    publish_all: bool
    expose: list[list[object]]
    ipc: Namespace
    pid: Namespace
    uts: Namespace
    userns: Namespace
    cgroupns: Namespace
    pod: Optional[str]
    init_ctr: str
    requires: list[str]
    pids_limit: Optional[int]
    memory_reservation: Optional[int]
    memory_swappiness: Optional[int]
    kernel_memory: Optional[int]
    oom_kill_disable: bool
    cpuset_mems: Optional[str]
    cpu_rt_period: Optional[int]
    cpu_rt_runtime: Optional[int]
    blkio_weight: Optional[int]
    blkio_weight_device: dict[str, int]
    device_read_bps: dict[str, int]
    device_write_bps: dict[str, int]
    device_read_iops: dict[str, int]
    device_write_iops: dict[str, int]
    cgroup_conf: dict[str, str]
    rdt_class: Optional[str]
    cap_add: list[str]
    cap_drop: list[str]
    privileged: bool
    device: list[Device]
    gpus: list[str]
    device_cgroup_rule: Optional[DeviceRule]
    read_only: bool
    read_only_tmpfs: bool
    rewindable: bool
    security_opt: Security
    ulimit: dict[str, list[int]]
    secrets: list[Secret]
    stop_signal: Optional[int]
    stop_timeout: int
    timeout: int
    restart_policy: str
    rm: bool
    cidfile: Optional[str]
    pid_file: Optional[str]
    conmon_pidfile: Optional[str]
    personality: str
    seccomp_policy: str
    systemd: str
    shm_size_systemd: Optional[int]
    cgroups: str
    sdnotify: str
    hooks_dir: list[str]
    rmi: bool
    log_driver: str
    log_opt: LogOptions
    healthcheck: Optional[list[str]]
    healthcheck_interval: Optional[int]
    healthcheck_timeout: Optional[int]
    healthcheck_retries: Optional[int]
    healthcheck_start_period: Optional[int]
    healthcheck_failure_action: str
    health_startup_cmd: Optional[list[str]]
    health_startup_interval: int
    health_startup_retries: int
    health_startup_success: int
    health_startup_timeout: int
    no_healthcheck: bool
    interactive: bool
    tty: bool


class EffectiveOptions(TypedDict):
    """The options that fall back on the image's, as they take effect."""

    entrypoint: list[str]
    command: list[str]
    env: dict[str, str]
    user: str
    workdir: str
    label: dict[str, str]
    stop_signal: int
    systemd: bool
    healthcheck: list[str]
    no_healthcheck: bool
    healthcheck_interval: int
    healthcheck_timeout: int
    healthcheck_retries: int
    healthcheck_start_period: int


class HealthEntry(TypedDict):
    """One check in ``State.Health.Log`` of podman inspect."""

    Start: str
    End: str
    ExitCode: int
    Output: str


class InspectedHealth(TypedDict):
    """``State.Health`` of podman inspect."""

    Status: str
    FailingStreak: int
    Log: list[HealthEntry]
