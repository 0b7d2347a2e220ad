# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of quadlet files: those with one option as their counterpart, and those without effect."""

from __future__ import annotations

# Keys of [Container] by how their values are read, with the options of libpod_container.
TEXTS = {
    "CgroupsMode": "cgroups",
    "EnvironmentHost": "env_host",
    "HealthCmd": "healthcheck",
    "HealthInterval": "healthcheck_interval",
    "HealthOnFailure": "healthcheck_failure_action",
    "HealthRetries": "healthcheck_retries",
    "HealthStartPeriod": "healthcheck_start_period",
    "HealthStartupCmd": "health_startup_cmd",
    "HealthStartupInterval": "health_startup_interval",
    "HealthStartupRetries": "health_startup_retries",
    "HealthStartupSuccess": "health_startup_success",
    "HealthStartupTimeout": "health_startup_timeout",
    "HealthTimeout": "healthcheck_timeout",
    "HostName": "hostname",
    "IP": "ip",
    "IP6": "ip6",
    "LogDriver": "log_driver",
    "Memory": "memory",
    "PidsLimit": "pids_limit",
    "Pull": "pull",
    "Retry": "retry",
    "RetryDelay": "retry_delay",
    "ShmSize": "shm_size",
    "StopSignal": "stop_signal",
    "StopTimeout": "stop_timeout",
    "SubGIDMap": "subgidname",
    "SubUIDMap": "subuidname",
    "Timezone": "timezone",
    "UserNS": "userns",
    "WorkingDir": "workdir",
}
FLAGS = {"ReadOnly": "read_only", "ReadOnlyTmpfs": "read_only_tmpfs", "RunInit": "init"}
LISTS = {
    "DNS": "dns",
    "DNSOption": "dns_option",
    "DNSSearch": "dns_search",
    "ExposeHostPort": "expose",
    "GIDMap": "gidmap",
    "GroupAdd": "group_add",
    "NetworkAlias": "network_aliases",
    "PublishPort": "publish",
    "Secret": "secrets",
    "UIDMap": "uidmap",
    "Ulimit": "ulimit",
}
WORDS = {"AddCapability": "cap_add", "AddDevice": "device", "DropCapability": "cap_drop", "PodmanArgs": "cmd_args"}
PAIRS = {"Annotation": "annotation", "Environment": "env", "Label": "label", "Sysctl": "sysctl"}
SECURITY = {
    "AppArmor": "apparmor={}",
    "Mask": "mask={}",
    "SeccompProfile": "seccomp={}",
    "SecurityLabelFileType": "label=filetype:{}",
    "SecurityLabelLevel": "label=level:{}",
    "SecurityLabelType": "label=type:{}",
    "Unmask": "unmask={}",
}
# Keys of [Pod], with the options of libpod_pod.
OF_POD_TEXTS = {
    "HostName": "hostname",
    "IP": "ip",
    "IP6": "ip6",
    "ShmSize": "shm_size",
    "SubGIDMap": "subgidname",
    "SubUIDMap": "subuidname",
}
OF_POD_LISTS = {
    "DNS": "dns",
    "DNSOption": "dns_opt",
    "DNSSearch": "dns_search",
    "NetworkAlias": "network_alias",
    "PublishPort": "publish",
}
OF_POD_WORDS = {"GIDMap": "gidmap", "UIDMap": "uidmap"}
# Keys of [Image], with the options of the containers that name the unit; Image and TLSVerify are read by themselves.
OF_IMAGE_TEXTS = {
    "Arch": "arch",
    "AuthFile": "authfile",
    "CertDir": "cert_dir",
    "Creds": "creds",
    "DecryptionKey": "decryption_key",
    "OS": "os",
    "Policy": "pull",
    "Retry": "retry",
    "RetryDelay": "retry_delay",
    "Variant": "variant",
}
# Keys of [Build], with the options of libpod_image.
OF_BUILD_TEXTS = {"AuthFile": "auth_file", "Pull": "pull", "Retry": "retry", "RetryDelay": "retry_delay"}
PULLS = ("always", "missing", "never", "newer")
# Keys that have no effect on containers that no systemd starts.
IDLE = {
    "Container": ("ContainerName", "HealthLogDestination", "HealthMaxLogCount", "HealthMaxLogSize", "ServiceName"),
    "Pod": ("PodName", "ServiceName"),
    "Kube": ("ExitCodePropagation", "KubeDownForce", "ServiceName", "SetWorkingDirectory"),
    "Network": ("NetworkDeleteOnStop", "NetworkName", "ServiceName"),
    "Volume": ("ServiceName", "VolumeName"),
    "Image": ("ImageTag", "ServiceName"),
    "Build": ("ImageTag", "ServiceName"),
    "Quadlet": ("DefaultDependencies",),
    "Unit": ("After", "Before", "BindsTo", "Description", "Documentation", "Requires", "Wants"),
    "Service": ("Restart", "RestartSec", "TimeoutStartSec", "TimeoutStopSec", "Type"),
    "Install": ("Alias", "RequiredBy", "UpheldBy", "WantedBy"),
}
# Of these, those that are read, or describe.
READ = frozenset(
    "ContainerName PodName NetworkName VolumeName ImageTag Restart After Requires BindsTo Wants Description"
    " Documentation ServiceName DefaultDependencies".split()
)
