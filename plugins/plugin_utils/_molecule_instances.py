# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule's platforms as containers of libpod_containers."""

from __future__ import annotations

import difflib
import hashlib
from typing import Collection, Mapping, NamedTuple

from . import _molecule_builds as molecule_builds
from ._molecule_keys import KEYS, OWN_OPTIONS, WrongPlatform
from ._molecule_networks import Networks

# A first process that ends at once when it is asked to, in any image with a shell.
WAITING = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 10000 & wait $!; done"]
OWNER, SCENARIO = "owner", "molecule_scenario"
_JOINING = ("network_mode", "network", "pid_mode", "ipc", "uts", "cgroupns_mode")


class Instance(NamedTuple):
    """An instance: its name in the inventory, its container's name, and the keys that describe it."""

    name: str
    container: str
    platform: Mapping[str, object]


class Containers(NamedTuple):
    """The containers of a scenario, the builds of their images, and warnings of keys that have no effect."""

    containers: list[dict[str, object]]
    builds: list[dict[str, object]]
    warnings: list[str]


def scenario_id(ephemeral_directory: str) -> str:
    """Return eight digits for a scenario: scenarios that share a state share its directory, others have their own."""
    return hashlib.sha256(ephemeral_directory.rstrip("/").encode()).hexdigest()[:8]


def container_name(instance: str, scenario: str) -> str:
    """Return the name of an instance's container, which no other scenario has."""
    return f"{instance}-{scenario}"


def labels(scenario: str) -> dict[str, str]:
    """Return the labels by which destroy finds what create has made."""
    return {OWNER: "molecule", SCENARIO: scenario}


def containers(
    instances: Collection[Instance], scenario: str, networks: Networks, options: Collection[str], directory: str = ""
) -> Containers:
    """Return the containers, with the options of libpod_container.

    ``options`` are the names of all options that a container may be given, and ``directory`` is the scenario's.

    :raises WrongPlatform: a platform has an unknown key or a value that cannot be used; it names both.
    """
    names = {one.name: one.container for one in instances}
    made, builds, warnings = [], [], []
    for one in instances:
        try:
            container = _container(one, scenario, networks, options, names)
            if path := molecule_builds.dockerfile(one.platform, directory):
                builds.append(molecule_builds.build(one.name, one.platform, path, directory, container))
            made.append(container)
        except WrongPlatform as error:
            raise WrongPlatform(f"platform {one.name}: {error}") from error
        ignored = [f"{key} has no effect: {KEYS[key].ignored}" for key in one.platform if _is_ignored(key)]
        warnings += [f"platform {one.name}: {text}" for text in ignored]
    return Containers(made, builds, warnings)


def _is_ignored(key: str) -> bool:
    """Return whether a key's lack of an effect may surprise."""
    return (
        key in KEYS and bool(KEYS[key].ignored) and key in ("force_kill", "kill_signal", "keep_volumes", "docker_host")
    )


def _container(
    instance: Instance, scenario: str, networks: Networks, options: Collection[str], names: Mapping[str, str]
) -> dict[str, object]:
    given = {key: value for key, value in instance.platform.items() if value is not None}
    made: dict[str, object] = {"name": instance.container, "hostname": str(given.get("hostname") or instance.name)}
    for key, value in given.items():
        known = KEYS.get(key)
        if known is None:
            made[_own_option(key, options)] = value
        elif known.refused:
            raise WrongPlatform(f"{key} cannot be used: {known.refused}")
        elif known.option:
            value = _joined(value, names) if key in _JOINING else value
            made[known.option] = known.convert(value, key) if known.convert else value
    if not (given.get("image") or given.get("rootfs")):
        raise WrongPlatform("image is missing: name one")
    made.update(_command(given))
    made.update(_registry(given))
    made.update(_restart(given))
    made["label"] = {**_labels(given), **labels(scenario)}
    wanted = networks.option({key: _joined(given[key], names) for key in given if key.startswith("network")})
    return {**made, **({"network": wanted} if wanted else {})}


def _own_option(key: str, options: Collection[str]) -> str:
    """Return ``key`` where it is an option of libpod_container itself."""
    if key in options and key not in OWN_OPTIONS:
        return key
    near = difflib.get_close_matches(str(key), [*KEYS, *options], n=1)
    raise WrongPlatform(
        f"{key} is no key of a platform"
        + (
            f": did you mean {near[0]}?"
            if near
            else ": docs/molecule.md lists the keys, and options of libpod_container are keys too"
        )
    )


def _joined(value: object, names: Mapping[str, str]) -> object:
    """Return ``container:INSTANCE`` with the container's name."""
    if isinstance(value, str) and value.startswith("container:"):
        target = value.partition(":")[2]
        return f"container:{names.get(target, target)}"
    return value


def _command(given: Mapping[str, object]) -> dict[str, object]:
    """Return the command; an empty one is the image's, as with both drivers: images with systemd are tested so."""
    if not given.get("override_command", True) or given.get("command") in ("", []):
        return {}
    return {"command": given.get("command") or WAITING}


def _registry(given: Mapping[str, object]) -> dict[str, object]:
    registry = given.get("registry") or {}
    if not isinstance(registry, Mapping):
        raise WrongPlatform("registry: expected a mapping with url and credentials")
    unknown = set(registry) - {"url", "credentials", "tls_verify"}
    if unknown:
        raise WrongPlatform(
            f"registry: {', '.join(sorted(map(str, unknown)))} is unknown: url, credentials and tls_verify are"
        )
    made: dict[str, object] = {}
    credentials = registry.get("credentials") or {}
    if not isinstance(credentials, Mapping):
        raise WrongPlatform("registry: credentials: expected a mapping with username and password")
    if credentials:
        user = credentials.get("username") or credentials.get("user")
        if not user or credentials.get("password") is None:
            raise WrongPlatform("registry: credentials need username and password")
        made["creds"] = f"{user}:{credentials['password']}"
    if registry.get("tls_verify") is not None:
        made["tls_verify"] = registry["tls_verify"]
    host = str(registry.get("url") or "").partition("://")[2] or str(registry.get("url") or "")
    image = str(given.get("image") or "")
    if host and "://" not in image and not image.startswith(f"{host.rstrip('/')}/") and not _has_registry(image):
        made["image"] = f"{host.rstrip('/')}/{image}"
    return made


def _has_registry(image: str) -> bool:
    first, slash, _rest = image.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


def _restart(given: Mapping[str, object]) -> dict[str, object]:
    policy, retries = given.get("restart_policy"), given.get("restart_retries")
    if policy is None:
        return {}
    policy = "no" if policy is False else str(policy)
    return {"restart_policy": f"{policy}:{retries}" if policy == "on-failure" and retries is not None else policy}


def _labels(given: Mapping[str, object]) -> dict[str, str]:
    found = given.get("labels") or given.get("label") or {}
    if not isinstance(found, Mapping):
        raise WrongPlatform("labels: expected a mapping of names to values")
    return {str(key): str(value) for key, value in found.items()}
