# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes of records on disk, for those that are not as this version of the engine wrote them."""

from __future__ import annotations

from typing import Any

from ..foreign import KINDS, kind_of

# Shapes of what a record holds: a type; a list of one shape; a dictionary of one shape under any key (``{str: …}``) or
# of one under each key, which an older engine's record may lack; a shape that may be None, in a tuple.
_TEXTS = [str]
_ID_MAP = [[int]]
_NAMESPACE = {"mode": str, "target": str, "size": int, "uidmapping": _ID_MAP, "gidmapping": _ID_MAP}
_VOLUME = {"type": str, "source": str, "target": str, "read_only": bool, "propagation": str, "flags": _TEXTS}
OPTION_SHAPES: dict[str, Any] = {
    **dict.fromkeys(
        ("dns_search", "dns_option", "dns", "network_aliases", "group_add", "hostuser", "unsetenv"), _TEXTS
    ),
    **dict.fromkeys(("chrootdirs", "requires", "cap_add", "cap_drop", "gpus", "hooks_dir"), _TEXTS),
    **dict.fromkeys(("command", "entrypoint", "healthcheck", "health_startup_cmd"), (_TEXTS,)),
    **dict.fromkeys(("etc_hosts", "sysctl", "label", "env", "env_merge", "annotation", "cgroup_conf"), {str: str}),
    **dict.fromkeys(
        "blkio_weight_device device_read_bps device_write_bps device_read_iops device_write_iops".split(), {str: int}
    ),
    **dict.fromkeys(("ipc", "pid", "uts", "userns", "cgroupns"), _NAMESPACE),
    **dict.fromkeys(("uidmap", "gidmap"), _ID_MAP),
    "network": {
        "mode": str,
        "target": str,
        "networks": _TEXTS,
        "settings": {str: {"ips": _TEXTS, "mac": str, "aliases": _TEXTS, "interface": str}},
    },
    "publish": [list],
    "expose": [list],
    "volume": [_VOLUME],
    "mount": [{"type": str, "target": str}],
    "tmpfs": {str: _TEXTS},
    "volumes_from": [{"container": str, "access": str}],
    "device": [{"host": str, "container": str, "permissions": str}],
    "device_cgroup_rule": ({"allow": bool, "type": str, "access": str, "major": int, "minor": int},),
    "security_opt": {
        **{"apparmor": str, "label": {str: str}, "mask": _TEXTS, "unmask": _TEXTS, "proc-opts": _TEXTS},
        **{"no_new_privileges": bool, "seccomp": str},
    },
    "ulimit": {str: [int]},
    "secrets": [{"name": str, "type": str, "target": str, "uid": int, "gid": int, "mode": int}],
    "log_opt": {"path": (str,), "max_size": (int,), "tag": (str,)},
    **dict.fromkeys(
        "shm_size umask stop_timeout timeout health_startup_interval health_startup_retries health_startup_success"
        " health_startup_timeout".split(),
        int,
    ),
    **dict.fromkeys(
        "memory memory_swap cpu_quota cpu_period cpu_shares oom_score_adj pids_limit memory_reservation"
        " memory_swappiness kernel_memory cpu_rt_period cpu_rt_runtime blkio_weight stop_signal shm_size_systemd"
        " healthcheck_interval healthcheck_timeout healthcheck_retries healthcheck_start_period".split(),
        (int,),
    ),
    **dict.fromkeys(
        "no_hosts passwd init env_host unsetenv_all http_proxy publish_all oom_kill_disable privileged read_only"
        " read_only_tmpfs rewindable rm rmi no_healthcheck interactive tty".split(),
        bool,
    ),
    **dict.fromkeys(
        "image_volume init_ctr restart_policy personality seccomp_policy systemd cgroups sdnotify log_driver"
        " healthcheck_failure_action".split(),
        str,
    ),
    **dict.fromkeys(
        "hostname ip ip6 mac_address cpuset_cpus cgroup_parent subuidname subgidname workdir user passwd_entry"
        " group_entry timezone init_path pod cpuset_mems rdt_class cidfile pid_file conmon_pidfile".split(),
        (str,),
    ),
}
CONFIG_SHAPES: dict[str, object] = {
    **dict.fromkeys(
        "id name created_time rootfs_image_id rootfs_image_name rootfs static_dir cgroup_manager pod pod_cgroup"
        " rootfs_image_digest oci_runtime network_backend".split(),
        str,
    ),
    **dict.fromkeys(("overlay", "infra"), bool),
    **dict.fromkeys(("namespace_containers", "host_env"), {str: str}),
    "options": OPTION_SHAPES,
    "image_config": object,  # usable_config takes what it can
    "ports": [list],
    "id_mappings": {str: _ID_MAP},
    "requires": _TEXTS,
    "borrowed_volumes": [_VOLUME],
}


def _stands_for(value: object, kind: type) -> bool:
    """Return whether a value counts as one of a type that is not its own, as an integer does for a number."""
    if isinstance(value, bool):  # a subclass of int
        return kind is object
    # A list may be a named tuple, in the copy of a record that was not read.
    return isinstance(value, {list: tuple, float: int}.get(kind, kind))


def check_shape(value: Any, shape: object, where: str = "") -> None:
    """Raise TypeError, without the value, which may be a secret, if what ``where`` names has another shape."""
    if isinstance(shape, tuple):
        if value is None:
            return
        shape = shape[0]
    kind: type = shape if isinstance(shape, type) else type(shape)
    if value.__class__ is not kind and not _stands_for(value, kind):
        raise TypeError(f"{ascii(where)[1:-1]}: expected {KINDS[kind]}, found {kind_of(value)}")
    # Most values need no closer look (a scalar, null, an empty list or object), and no call of their own.
    if isinstance(shape, list):
        for index, one in enumerate(value):
            if one.__class__ is not shape[0]:
                check_shape(one, shape[0], f"{where}[{index}]")
    elif isinstance(shape, dict):
        every = shape.get(str)
        for key, one in value.items():
            expected = every or shape.get(key)
            if one.__class__ is expected or not expected or one is None and expected.__class__ is tuple:
                continue
            if one or one.__class__ is not expected.__class__:
                check_shape(one, expected, f"{where}.{key}" if where else key)
