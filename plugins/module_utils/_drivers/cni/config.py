# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CNI networks that a host defines: configuration files, read in the order of libcni."""

from __future__ import annotations

import os
import re
from typing import Any, Iterable, Mapping, NamedTuple

from ..._model import foreign
from ..._model.engine_config import DEFAULT_STATIC_ROOT, EngineConfig
from ..._model.errors import InvalidArgument, MalformedData, NoSuchNetwork
from ..._model.options.syntax.parsers import natural
from .. import foreign_files

DEFAULT_NETWORK = "libpod"
MARK = "libpod_engine"  # in ``args`` of the networks that the engine made
_MEANINGS = {
    "portMappings": "published ports",
    "ips": "a fixed IP address",
    "mac": "a fixed MAC address",
}

# libcni's ValidateNetworkName.
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){0,2}")
_MAX_BYTES = 1 << 20  # of a network's file

Config = dict[str, Any]


class Definition(NamedTuple):
    """A network's file, and the configuration list in it; ``single`` where the file has one plugin's configuration."""

    path: str
    config: Config
    single: bool


def networks(parts: EngineConfig) -> dict[str, Config]:
    """Return the configuration lists under ``cni_config_dir`` by network name, without malformed files.

    Of two files that define a network, the first in the order of their names counts, as in libcni.
    """
    return _read(parts)[0]


def network(parts: EngineConfig, name: str) -> Config:
    """Return the configuration list of the network ``name``.

    :raises NoSuchNetwork: with its name, the directory, the networks defined there and the malformed files.
    """
    defined, malformed = _read(parts)
    if name not in defined:
        raise _missing(f"network {name} is not defined", parts, defined, malformed)
    return defined[name]


def default_network(parts: EngineConfig) -> Config:
    """Return the network named ``libpod``, else the first one.

    :raises NoSuchNetwork: none is defined.
    """
    defined, malformed = _read(parts)
    if not defined:
        raise _missing("no network is defined", parts, defined, malformed)
    return defined[default_of(defined)]


def version(config: Mapping[str, object]) -> tuple[int, ...]:
    """Return the CNI version of a network's configuration, to be compared with another one."""
    parts = map(natural, str(config.get("cniVersion", "0.1.0")).split("."))
    return tuple(part for part in parts if part is not None)


def capabilities(config: Mapping[str, Any]) -> set[str]:
    """Return the capabilities that a network's plugins have."""
    return {name for plugin in config["plugins"] for name, on in (plugin.get("capabilities") or {}).items() if on}


def families(config: Mapping[str, Any], ips: Iterable[str]) -> set[int]:
    """Return the address families, 4 and 6, that a container asking for these addresses may have on a network.

    Only for host-local and static are they known beforehand; any other plugin may give both.
    """
    ipam = config["plugins"][0].get("ipam") or {}
    subnets = list(ips)
    try:
        if ipam.get("type") == "host-local":
            ranges = [*(ipam.get("ranges") or []), *([[ipam]] if ipam.get("subnet") else [])]
            subnets += [part["subnet"] for one in ranges for part in one]
        elif ipam.get("type") == "static":
            subnets += [one["address"] for one in ipam.get("addresses") or []]
        else:
            return {4, 6}
        return {6 if ":" in one else 4 for one in subnets} or {4, 6}
    except (AttributeError, KeyError, TypeError):
        return {4, 6}  # its plugin refuses such a configuration, and says why


def runtime_arguments(config: Mapping[str, Any], runtime_config: Mapping[str, Any]) -> dict[str, str]:
    """Return the CNI_ARGS of ``runtime_config``: address and MAC, for plugins without the capability, as podman does.

    Aliases on a network without a name service are ignored, as by podman.

    :raises InvalidArgument: no plugin of the network takes one of the values; it names network and capability.
    """
    plugins = config["plugins"]
    accepted = capabilities(config)
    arguments: dict[str, str] = {}
    refused = []
    for name, value in runtime_config.items():
        if not value or name in accepted:
            continue
        if name == "ips" and len(value) == 1 and (plugins[0].get("ipam") or {}).get("type") == "host-local":
            arguments["IP"] = value[0]
        elif name == "mac" and plugins[0]["type"] in ("bridge", "macvlan"):
            arguments["MAC"] = value
        elif name != "aliases":
            refused.append(name)
    if refused:
        what = " and ".join(_MEANINGS.get(name, name) for name in refused)
        raise InvalidArgument(
            f"network {config['name']} cannot give {what}: none of its plugins has the capability "
            f"{', '.join(refused)}; choose another network or add it to the network's configuration"
        )
    return arguments


def is_own(config: Mapping[str, object]) -> bool:
    """Return whether this engine made a network."""
    arguments = config.get("args")
    return isinstance(arguments, dict) and MARK in arguments


def definitions(parts: EngineConfig) -> tuple[list[Definition], list[str]]:
    """Return the networks' files in the order of libcni, as they are, and what is wrong with each malformed one."""
    defined: list[Definition] = []
    malformed: list[str] = []
    planned = [Definition(path, one, False) for path, one in parts.planned.networks.items() if "plugins" in one]
    names_planned = {one.config["name"] for one in planned}
    try:
        names = sorted(os.listdir(parts.cni_config_dir))
    except (FileNotFoundError, NotADirectoryError):
        names = []
    for name in names:
        if name.endswith((".conflist", ".conf", ".json")):
            shown = os.fsencode(name).decode(errors="replace")
            path = f"{parts.cni_config_dir}/{name}"
            try:
                read = foreign_files.read_json(path, shown, max_bytes=_MAX_BYTES)
                one = Definition(path, as_list(read), not read["plugins"])
                if one.config["name"] not in names_planned:
                    defined.append(one)
            except MalformedData as error:
                malformed.append(str(error))
            except OSError as error:
                malformed.append(f"{shown}: {error.strerror}")
    return [*defined, *planned], malformed


def default_of(names: Iterable[str]) -> str:
    """Return the default one of networks in the order of libcni; empty where there is none."""
    found = list(names)
    return DEFAULT_NETWORK if DEFAULT_NETWORK in found else next(iter(found), "")


def _read(parts: EngineConfig) -> tuple[dict[str, Config], list[str]]:
    """Return the networks by name, and what is wrong with each malformed file."""
    defined: dict[str, Config] = {}
    found, malformed = definitions(parts)
    for one in found:
        if one.config["name"] not in defined:
            _move_reservations(one.config, parts)
            defined[one.config["name"]] = one.config
    return defined, malformed


def as_list(read: foreign.Foreign) -> Config:
    """Return a configuration list unchanged, a single plugin's configuration as a list of one.

    Name and types are checked as libcni does; of the rest only what the engine itself reads.

    :raises MalformedData: the file is neither.
    """
    if not _NAME.fullmatch(read["name"].text()):
        read["name"].fail("a network's name of letters, digits, dots, hyphens and underscores")
    if read["cniVersion"] and not _VERSION.fullmatch(read["cniVersion"].text()):
        read["cniVersion"].fail("a version such as 1.0.0")
    plugins = list(read["plugins"]) if read["plugins"] else [read]
    if not plugins:
        read["plugins"].fail("one plugin or more")
    for plugin in plugins:
        _check_type(plugin["type"], required=True)
        _check_type(plugin["ipam"]["type"])
        plugin["ipam"]["dataDir"].text()
        plugin["ipMasq"].flag()
        for _name, on in plugin["capabilities"].items():
            on.flag()
    config = dict(read.mapping())
    if read["disableCheck"]:
        config["disableCheck"] = _flag(read["disableCheck"])
    if not read["plugins"]:
        kept = {"cniVersion": read["cniVersion"].text()} if read["cniVersion"] else {}
        config = {**kept, "name": read["name"].text(), "plugins": [read.mapping()]}
    return config


def _check_type(kind: foreign.Foreign, *, required: bool = False) -> None:
    """Check that a type is the name of a file in the plugin directories, and leads nowhere else."""
    text = kind.text()
    if "/" in text or text in (".", "..") or required and not text:
        kind.fail("the name of a plugin's program")


def _flag(value: foreign.Foreign) -> bool:
    """Return a flag, which libcni also accepts as a string."""
    if isinstance(value.value, str):
        if value.value.lower() not in ("true", "false"):
            value.fail("true or false")
        return value.value.lower() == "true"
    return value.flag()


def _move_reservations(config: Config, parts: EngineConfig) -> None:
    """Keep host-local's reservations below a static root of its own; the default root shares podman's."""
    if parts.static_root == DEFAULT_STATIC_ROOT:
        return
    for plugin in config["plugins"]:
        ipam = plugin.get("ipam")
        if isinstance(ipam, dict) and ipam.get("type") == "host-local":
            ipam.setdefault("dataDir", f"{parts.static_root}/cni/networks")


def _missing(reason: str, parts: EngineConfig, defined: Mapping[str, Config], malformed: list[str]) -> NoSuchNetwork:
    there = f"it defines {', '.join(defined)}" if defined else "it defines no network"
    broken = f"; not readable are {', '.join(malformed)}" if malformed else ""
    return NoSuchNetwork(
        f"{reason} in {parts.cni_config_dir} ({there}{broken}): make it with libpod_network or 'libpod network "
        "create', or add a configuration list there; the role libpod_host makes the default network libpod"
    )
