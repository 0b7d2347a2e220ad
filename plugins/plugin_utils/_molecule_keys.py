# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of molecule's platforms, those of molecule-plugins' podman and docker drivers, and what each means here."""

from __future__ import annotations

import contextlib
from typing import Callable, Mapping, NamedTuple, Optional

import yaml


class Key(NamedTuple):
    """A key: the option of libpod_container that it gives, or why it gives none.

    A ``handled`` key is read together with others; one with ``ignored`` has no effect, and says why; one with
    ``refused`` is an error, which says what to do.
    """

    option: str = ""
    convert: Optional[Callable[[object, str], object]] = None
    handled: str = ""
    ignored: str = ""
    refused: str = ""


class WrongPlatform(ValueError):
    """A platform that cannot be an instance; the text is for the user."""


def _dictionary(value: object, key: str) -> dict[str, object]:
    """Return a mapping; a list of ``TARGET[:OPTIONS]``, as the docker driver takes it, as one."""
    if isinstance(value, Mapping):
        return dict(value)
    return {target: options for target, _colon, options in (one.partition(":") for one in strings(value, key))}


def _hosts(value: object, key: str) -> dict[str, str]:
    """Return names and addresses; also of text that holds a mapping, as the docker driver's own example has it."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        with contextlib.suppress(yaml.YAMLError):
            value = yaml.safe_load(value)
    if isinstance(value, Mapping):
        return {str(name): str(address) for name, address in value.items()}
    return {name: address for name, _colon, address in (one.partition(":") for one in strings(value, key))}


def strings(value: object, key: str) -> list[str]:
    """Return a list of text, one value as a list of one."""
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return [str(value)]
    if isinstance(value, (list, tuple)) and not any(isinstance(one, (Mapping, list, tuple)) for one in value):
        return [str(one) for one in value]
    raise WrongPlatform(f"{key}: {value!r} cannot be used: expected a list of text")


def _variables(value: object, key: str) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise WrongPlatform(f"{key}: {type(value).__name__} cannot be used: expected a mapping of names to values")
    return {str(name): _text(one) for name, one in value.items()}


def _text(value: object) -> str:
    """Return YAML's true and false as they are written."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _word(value: object, _key: str) -> str:
    return _text(value)


def _pull(value: object, _key: str) -> str:
    """Return the engine's word; the drivers have true and false."""
    return {"true": "always", "false": "missing"}.get(_text(value), _text(value))


# How docker_container's `mounts` name what `podman run --mount` has by another name.
_MOUNT_WORDS = {
    "read_only": "ro",
    "propagation": "bind-propagation",
    "tmpfs_size": "tmpfs-size",
    "tmpfs_mode": "tmpfs-mode",
    "no_copy": "nocopy",
}


def _mounts(value: object, key: str) -> list[str]:
    """Return mounts as podman writes them, from docker_container's mappings or as they are."""
    found = []
    for one in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(one, Mapping):
            words = {_MOUNT_WORDS.get(name, name): setting for name, setting in one.items() if setting is not None}
            one = ",".join(f"{name}={_text(setting)}" for name, setting in words.items())
        found.append(str(one))
    return strings(found, key)


_ENGINE = "the engine's roots and parts are variables of the environment, such as LIBPOD_OCI_RUNTIME in ansible.env"
_DAEMON = "there is no daemon to reach"
_NETWORKS = "networks, network, network_mode"

KEYS: dict[str, Key] = {
    "buildargs": Key(handled="arguments of the build, where the image is built"),
    "cacert_path": Key(ignored=_DAEMON),
    "cache_from": Key(ignored="the layers of earlier builds are used again"),
    "capabilities": Key("cap_add", strings),
    "cert_path": Key("cert_dir"),
    "cgroup_manager": Key(refused=_ENGINE),
    "cgroupns_mode": Key("cgroupns"),
    "children": Key(ignored="molecule itself makes the groups"),
    "command": Key(handled="command; an empty one is the image's own; see override_command"),
    "command_handling": Key(ignored="a command of several words can be a list"),
    "container_default_behavior": Key(ignored="an omitted key has the engine's default"),
    "detach": Key(ignored="an instance runs in the background"),
    "devices": Key("device", strings),
    "dns_servers": Key("dns", strings),
    "docker_host": Key(ignored=_DAEMON),
    "docker_networks": Key(handled="networks to make, with ipam_config's subnet and gateway"),
    "dockerfile": Key(
        handled="the template that the image is built of, in the scenario's directory; Dockerfile.j2 where omitted"
    ),
    "env": Key("env", _variables),
    "etc_hosts": Key("etc_hosts", _hosts),
    "exposed_ports": Key("expose", strings),
    "extra_opts": Key("cmd_args", strings),
    "force": Key(
        ignored="an image is built again where its Dockerfile, its directory or the image below it has changed"
    ),
    "force_kill": Key(ignored="destroy does not wait for an instance's end"),
    "groups": Key(ignored="molecule itself makes the groups"),
    "hostname": Key(handled="hostname; the instance's name where omitted"),
    "image": Key("image"),
    "ip": Key("ip"),
    "keep_volumes": Key(ignored="destroy removes anonymous volumes and keeps named ones"),
    "key_path": Key(ignored=_DAEMON),
    "kill_signal": Key(ignored="destroy does not wait for an instance's end"),
    "labels": Key(handled="label; two labels are added by which destroy finds the instance"),
    "links": Key(refused="instances of one network know each other's names: list the network in networks instead"),
    "memory": Key("memory", _word),
    "memory_swap": Key("memory_swap", _word),
    "mounts": Key("mount", _mounts),
    "name": Key(handled="the instance"),
    "network": Key(handled=_NETWORKS),
    "network_mode": Key(handled=_NETWORKS),
    "networks": Key(handled="networks with aliases and ipv4_address; those that do not exist are made"),
    "networks_cli_compatible": Key(ignored="an instance has the networks that are listed"),
    "override_command": Key(handled="whether a command that waits replaces the image's; true where omitted"),
    "pid_mode": Key("pid"),
    "platform": Key("platform"),
    "pre_build_image": Key(
        handled="true uses the image as it is, false builds it; omitted, it is built where the dockerfile is there"
    ),
    "privileged": Key("privileged"),
    "published_ports": Key("publish", strings),
    "pull": Key("pull", _pull),
    "purge_networks": Key(ignored="an instance has the networks that are listed"),
    "registry": Key(handled="creds, from credentials, and the registry of an image without one, from url"),
    "restart_policy": Key(handled="restart_policy; with restart_retries on-failure:N"),
    "restart_retries": Key(handled="restart_policy"),
    "rootless": Key(refused="the engine needs root: leave it out"),
    "runtime": Key(refused=_ENGINE),
    "security_opts": Key("security_opt", strings),
    "shm_size": Key("shm_size", _word),
    "stop_signal": Key("stop_signal", _word),
    "storage_driver": Key(refused=_ENGINE),
    "storage_opt": Key(refused="storage.conf of the host has such options"),
    "subnet": Key(handled="subnet of the network that is made"),
    "sysctls": Key("sysctl", _variables),
    "systemd": Key("systemd", _word),
    "tls_verify": Key("tls_verify"),
    "tmpfs": Key("tmpfs", _dictionary),
    "tty": Key("tty"),
    "ulimits": Key("ulimit", strings),
    "user": Key("user", _word),
    "volumes": Key("volume", strings),
}
# Options of libpod_container that no platform gives: they are the playbooks' own, or ask for another state.
OWN_OPTIONS = ("name", "state", "restart", "recreate", "force_restart", "force_delete", "delete_depend")
