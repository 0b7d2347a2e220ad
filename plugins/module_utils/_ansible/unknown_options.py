# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to write in the place of options that the collection lacks; imported only for a task that has one."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Iterable

# Of containers.podman.
UNITS = {
    "generate_systemd": "leave it out: libpod_host starts what has a restart_policy, and libpod_unit writes a unit",
    **dict.fromkeys(
        ("quadlet_dir", "quadlet_file_mode", "quadlet_filename", "quadlet_options"),
        "leave it out: nothing writes quadlet files, and libpod_quadlet takes those that there are",
    ),
}
# Of podman_generate_systemd.
_OF_UNITS = {"env": "write Environment= into a drop-in of the unit, container-NAME.service.d/env.conf"}
# Of docker_container and compose, by the option of libpod_container that takes their place.
RENAMED = {
    "cgroupns_mode": "cgroupns",
    "cleanup": "rm",
    "configs": "volume",
    "container_name": "name",
    "depends_on": "requires",
    "device_cgroup_rules": "device_cgroup_rule",
    "device_requests": "gpus",
    "devices": "device",
    "environment": "env",
    "extra_hosts": "etc_hosts",
    "force_kill": "stop_time",
    "keep_volumes": "delete_volumes",
    "kill_signal": "stop_signal",
    "logging": "log_driver and log_opt",
    "networks": "network",
    "oom_killer": "oom_kill_disable",
    "output_logs": "detach",
    "paused": "state",
    "publish_all_ports": "publish_all",
    "pull_policy": "pull",
    "removal_wait_timeout": "delete_time",
    "restart_retries": "restart_policy",
    "runtime": "oci_runtime",
    "security_opts": "security_opt",
    "stdin_open": "interactive",
    "stop_grace_period": "stop_timeout",
    "sysctls": "sysctl",
}
# What to do, where no option does it.
REMEDIES = {
    "build": "build the image by libpod_image with path, and name it in image",
    "command_handling": "leave it out: a list is never split or joined",
    "container_default_behavior": "leave it out: an omitted option is its default",
    "default_host_ip": "write the address in publish, as 127.0.0.1:8080:80",
    "domainname": "write the whole name in hostname",
    "image_comparison": "leave it out: options are compared with the image of the task",
    "image_label_mismatch": "leave it out: labels of the image are no difference",
    "image_name_mismatch": "image_strict compares the image, and not its name",
    "links": "leave it out: containers of a network know one another's names",
    "networks_cli_compatible": "leave it out: a container has the networks that the task lists",
    "pull_check_mode_behavior": "leave it out: check mode asks the registry",
    "storage_opts": "leave it out: tmpfs and volume have sizes",
    "volume_driver": "make the volume with libpod_volume first",
}


def of_choice(message: str) -> str:
    """Return what to do where a value that the message names is none of an option's, empty where that is unknown."""
    if message.startswith("value of state must be one of") and message.endswith("got: quadlet"):
        return (
            "nothing writes quadlet files: describe it by this module, or run files that there are with libpod_quadlet"
        )
    return ""


def remedy(name: str, known: Iterable[str], *, container: bool) -> str:
    """Return what to write in the place of an option, empty where nothing resembles it.

    ``known`` are the options that there are; ``container`` says that they are a container's.
    """
    if name in UNITS:
        return UNITS[name]
    if container and name in RENAMED:
        return f"here it is {RENAMED[name]}"
    if container and name in REMEDIES:
        return REMEDIES[name]
    near = get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else ""


def sentence(module: str, unknown: Iterable[str], known: Iterable[str]) -> str:
    """Return the error of a task that has options which its module lacks; the module by its full name."""
    # By its name here, or by podman's where the collection in extras/ redirects it.
    known, container = list(known), module.endswith("_container")
    others = _OF_UNITS if module.endswith(("libpod_unit", "podman_generate_systemd")) else {}
    parts = []
    for name in sorted(unknown):
        found = others.get(name) or remedy(name, known, container=container)
        parts.append(f"{name} ({found})" if found else name)
    listed = f"ansible-doc {module} lists its options"
    more = ", docs/migrating.md those of podman, docker and compose" if container else ""
    return f"Unsupported parameters for ({module}) module: {', '.join(parts)}: {listed}{more}"
