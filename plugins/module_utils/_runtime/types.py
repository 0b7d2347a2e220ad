# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of an inspected container, for annotations; nothing imports this at run time."""

from __future__ import annotations

from typing import Literal, Mapping, Optional, Sequence, TypedDict, Union, final

from .._model.options.types import InspectedHealth


class _OutlinedState(TypedDict):
    Status: str
    ModelStatus: str
    Running: bool
    Paused: bool
    Pid: int
    ExitCode: int
    OOMKilled: bool
    Error: str
    StartedAt: str
    FinishedAt: str


class OutlinedState(_OutlinedState, total=False):
    """``State`` of an outline; ``Health`` is that of a container with a health check."""

    Health: InspectedHealth


class InspectedState(_OutlinedState):
    """``State`` of podman inspect."""

    OciVersion: str
    Dead: bool
    ConmonPid: int
    Restarting: bool
    CgroupPath: str
    Mounted: bool
    Mountpoint: str
    Health: InspectedHealth


class InspectedAddresses(TypedDict):
    """What an attachment to a network, and ``NetworkSettings`` of the first one, have of addresses."""

    EndpointID: str
    Gateway: str
    IPAddress: str
    IPPrefixLen: int
    IPv6Gateway: str
    GlobalIPv6Address: str
    GlobalIPv6PrefixLen: int
    MacAddress: str


class InspectedNetwork(InspectedAddresses):
    """A network that the container is not attached to, without addresses."""

    NetworkID: str


class InspectedAttachment(InspectedNetwork):
    """An attachment to a network."""

    Aliases: list[str]


_Networks = dict[str, Union[InspectedNetwork, InspectedAttachment]]


class PortBinding(TypedDict):
    """A host port, under ``PORT/PROTOCOL`` in the container."""

    HostIp: str
    HostPort: str


class OutlinedNetworkSettings(TypedDict):
    """``NetworkSettings`` of an outline."""

    IPAddress: str
    GlobalIPv6Address: str
    Ports: dict[str, list[PortBinding]]
    Networks: _Networks


class InspectedNetworkSettings(InspectedAddresses):
    """``NetworkSettings`` of podman inspect."""

    Bridge: str
    SandboxID: str
    SandboxKey: str
    Ports: dict[str, list[PortBinding]]
    Networks: _Networks


class _GraphDriver(TypedDict):
    Name: str
    Data: dict[str, str]


class _InspectedMount(TypedDict):
    Type: str
    Source: str
    Destination: str
    Driver: str
    Mode: str
    Options: list[str]
    RW: bool
    Propagation: str


class OwnOfMount(TypedDict, total=False):
    """What only some have: ``Name`` a named volume's mount, ``SubPath`` that of a part of a volume or image."""

    Name: str
    SubPath: str


class InspectedMount(_InspectedMount, OwnOfMount):
    """One of ``Mounts``."""


class InspectedCapabilities(TypedDict):
    """The capabilities that a container's first process has, and can get."""

    EffectiveCaps: list[str]
    BoundingCaps: list[str]


class InspectedPaths(TypedDict):
    """The paths of a container's files on the host."""

    ResolvConfPath: str
    HostnamePath: str
    HostsPath: str
    StaticDir: str
    PidFile: str
    ConmonPidFile: str
    OCIConfigPath: str


class _Secret(TypedDict):
    Name: str
    Target: str


class ShownConfig(TypedDict):
    """The keys of ``Config`` that are options' values: ``inspect_options.CONFIG``."""

    Annotations: dict[str, str]
    StopTimeout: int
    Timeout: int
    Umask: str
    Timezone: str
    ExposedPorts: dict[str, dict[str, object]]
    Secrets: list[_Secret]
    Tty: bool
    OpenStdin: bool


class _Healthcheck(TypedDict):
    Test: list[str]
    StartPeriod: int
    Interval: int
    Timeout: int
    Retries: int


class _StartupHealthCheck(TypedDict):
    Test: list[str]
    Interval: int
    Timeout: int
    Retries: int
    Successes: int


class InspectedHealthChecks(TypedDict, total=False):
    """The health checks of a container that has some; durations in nanoseconds."""

    Healthcheck: _Healthcheck
    HealthcheckOnFailureAction: str
    StartupHealthCheck: _StartupHealthCheck


class InspectedConfig(ShownConfig, InspectedHealthChecks):
    """``Config`` of podman inspect."""

    Hostname: str
    User: str
    Env: list[str]
    Cmd: list[str]
    CreateCommand: list[str]
    Volumes: dict[str, dict[str, object]]
    Entrypoint: list[str]
    Image: str
    WorkingDir: str
    Labels: dict[str, str]
    StopSignal: int


class _DeviceLimit(TypedDict, total=False):
    Path: str
    Rate: int
    Weight: int


class _Device(TypedDict):
    PathOnHost: str
    PathInContainer: str
    CgroupPermissions: str


class _Ulimit(TypedDict):
    Name: str
    Soft: int
    Hard: int


class _RestartPolicy(TypedDict):
    Name: str
    MaximumRetryCount: int


NamespaceKey = Literal["IpcMode", "PidMode", "UTSMode", "UsernsMode", "CgroupMode"]


class ShownHostConfig(TypedDict):
    """The keys of ``HostConfig`` that are options' values: ``inspect_options.HOST_CONFIG``."""

    IpcMode: str
    PidMode: str
    UTSMode: str
    UsernsMode: str
    CgroupMode: str
    Memory: int
    MemorySwap: int
    CpuPeriod: int
    CpuQuota: int
    CpuShares: int
    CpusetCpus: str
    CpusetMems: str
    PidsLimit: int
    MemoryReservation: int
    MemorySwappiness: int
    KernelMemory: int
    CpuRealtimePeriod: int
    CpuRealtimeRuntime: int
    BlkioWeight: int
    BlkioDeviceReadBps: Sequence[_DeviceLimit]
    BlkioDeviceWriteBps: Sequence[_DeviceLimit]
    BlkioDeviceReadIOps: Sequence[_DeviceLimit]
    BlkioDeviceWriteIOps: Sequence[_DeviceLimit]
    BlkioWeightDevice: Sequence[_DeviceLimit]
    OomKillDisable: bool
    CapAdd: list[str]
    CapDrop: list[str]
    Privileged: bool
    GroupAdd: list[str]
    Init: bool
    OomScoreAdj: int
    PublishAllPorts: bool
    VolumesFrom: list[str]
    Devices: list[_Device]
    ReadonlyRootfs: bool
    SecurityOpt: list[str]
    Ulimits: list[_Ulimit]
    Sysctls: dict[str, str]
    ShmSize: int
    Dns: list[str]
    DnsOptions: list[str]
    DnsSearch: list[str]
    ExtraHosts: list[str]
    Cgroups: str
    CgroupConf: dict[str, str]
    ContainerIDFile: str
    RestartPolicy: _RestartPolicy
    AutoRemove: bool


class InspectedLogConfig(TypedDict):
    """Where a container's output goes; ``Size`` is the largest of the file."""

    Type: str
    Path: str
    Size: str
    Tag: str


class IDMappings(TypedDict):
    """The maps of a user namespace, a line ``CONTAINER:HOST:LENGTH`` for each range."""

    UidMap: list[str]
    GidMap: list[str]


class OwnOfHostConfig(TypedDict, total=False):
    """What only a container in a user namespace has."""

    IDMappings: IDMappings


class InspectedHostConfig(ShownHostConfig, OwnOfHostConfig):
    """``HostConfig`` of podman inspect."""

    Binds: list[str]
    Tmpfs: dict[str, str]
    NetworkMode: str
    PortBindings: dict[str, list[PortBinding]]
    LogConfig: InspectedLogConfig
    NanoCpus: int
    Runtime: str
    CgroupParent: str
    CgroupManager: str


@final
class InspectedOutline(TypedDict):
    """The part of an inspected container that a list of many has room for."""

    Id: str
    Name: str
    ImageName: str
    State: OutlinedState
    NetworkSettings: OutlinedNetworkSettings


class Inspected(InspectedPaths, InspectedCapabilities):
    """A container as ``podman inspect`` shows it."""

    Id: str
    Name: str
    Created: str
    Path: str
    Args: list[str]
    State: InspectedState
    Image: str
    ImageName: str
    ImageDigest: str
    Rootfs: str
    Pod: str
    IsInfra: bool
    OCIRuntime: str
    Driver: str
    GraphDriver: _GraphDriver
    MountLabel: str
    ProcessLabel: str
    AppArmorProfile: str
    ExecIDs: list[str]
    RestartCount: int
    Dependencies: list[str]
    Mounts: list[InspectedMount]
    NetworkSettings: InspectedNetworkSettings
    Config: InspectedConfig
    HostConfig: InspectedHostConfig


class Measures(TypedDict, total=False):
    """What libpod_container_info adds with ``size`` and ``stats``."""

    SizeRw: int
    SizeRootFs: int
    Stats: Optional[Mapping[str, object]]


class MeasuredContainer(Inspected, Measures):  # pylint: disable=duplicate-bases  # to pylint, each is a TypedDict
    """A container in the result of libpod_container_info."""


Shown = Union[Inspected, InspectedOutline]  # what a result has of a container
