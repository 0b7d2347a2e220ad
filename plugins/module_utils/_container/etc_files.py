# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/etc/hosts, /etc/hostname and /etc/resolv.conf of a container: the engine's files, bound over the image's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Iterable
from zlib import crc32

from .._drivers.effects import effect
from .._model.config import ContainerConfig
from .._model.errors import InvalidArgument
from .shared_namespaces import hostname, network_owner

if TYPE_CHECKING:
    from .container import Container

_ZONES = "/usr/share/zoneinfo"
_NAMES = ("hosts", "hostname", "resolv.conf")
# systemd-resolved's stub answers on the host's loopback alone; this file has the servers behind it.
_RESOLVED_STUB, _RESOLVED_FILE = "127.0.0.53", "/run/systemd/resolve/resolv.conf"


def paths(container: Container) -> dict[str, str]:
    """Path in the container to the engine's file; who joins a network shares its owner's hosts and resolv.conf."""
    owner = network_owner(container)
    found = {
        "/etc/hosts": f"{owner.run_dir}/hosts",
        "/etc/resolv.conf": f"{owner.run_dir}/resolv.conf",
        "/etc/hostname": f"{container.run_dir}/hostname",
    }
    if container.config.options["no_hosts"]:
        del found["/etc/hosts"]
    if owner.config.options["dns"] == ["none"]:
        del found["/etc/resolv.conf"]
    if container.config.options["timezone"]:
        found["/etc/localtime"] = f"{container.run_dir}/localtime"
    for directory in container.config.options["chrootdirs"]:
        found.update({directory + path: found[path] for path in list(found) if path.startswith("/etc/")})
    return found


def zone_file(timezone: str) -> str:
    """The host's file of a time zone (tzfile(5)).

    :raises InvalidArgument: the host has none of this name.
    """
    path = "/etc/localtime" if timezone == "local" else f"{_ZONES}/{timezone}"
    if not os.path.isfile(path):
        raise InvalidArgument(
            f"timezone: {timezone!r} is not known to the host ({path} is not there): name another, or install tzdata"
        )
    return path


def create(container: Container) -> None:
    """Make the files, empty: they are bound before their content is known, so they must stay the same inodes."""
    effect("make files over /etc")
    for name in _NAMES:
        os.close(os.open(f"{container.run_dir}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644))
        # The umask of whoever runs the engine must not keep the container's users from reading them.
        os.chmod(f"{container.run_dir}/{name}", 0o644)
    timezone = container.config.options["timezone"]
    if timezone:
        import shutil

        shutil.copyfile(zone_file(timezone), f"{container.run_dir}/localtime")
        os.chmod(f"{container.run_dir}/localtime", 0o644)


def fill(container: Container, config: ContainerConfig) -> dict[str, int]:
    """Write the files' content, in place; the CRC-32 of each, by which ``drift`` sees an edit."""
    contents = (_hosts(container, config), hostname(container) + "\n", _resolv_conf(config))
    for name, content in zip(_NAMES, contents):
        effect(f"write {name}")
        with open(f"{container.run_dir}/{name}", "wb") as file:
            file.write(content.encode())
    return {name: crc32(content.encode()) for name, content in zip(_NAMES, contents)}


def _host_file(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _hosts(container: Container, config: ContainerConfig) -> str:
    """The host's, the container's own name at its addresses, and etc_hosts."""
    lines = _host_file("/etc/hosts").splitlines() or ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost"]
    addresses, gateway = [], ""
    if config.create_net_ns:
        from .attachments import attached

        for network in attached(container):
            for address in (*network.ipv4, *network.ipv6):
                addresses.append(address.ip)
                gateway = gateway or address.gateway
    lines += [f"{address}\t{config.hostname} {config.name}" for address in addresses]
    for name, wanted in config.options["etc_hosts"].items():
        lines.append(f"{(gateway or '127.0.0.1') if wanted == 'host-gateway' else wanted}\t{name}")
    return "\n".join(lines) + "\n"


def _resolv_conf(config: ContainerConfig) -> str:
    """The host's, each part replaced by its option where given.

    In a network namespace of its own the container cannot reach the host's loopback servers: they are left out.
    """
    text = _host_file("/etc/resolv.conf")
    if _RESOLVED_STUB in text and config.own_net_ns:
        text = _host_file(_RESOLVED_FILE) or text
    parts: dict[str, list[str]] = {"nameserver": [], "search": [], "options": []}
    for line in text.splitlines():
        key, *words = line.split() or [""]
        key = "search" if key == "domain" else key
        if key in parts and words:
            parts[key] = parts[key] + words if key == "nameserver" else words
    if config.own_net_ns:
        parts["nameserver"] = [server for server in parts["nameserver"] if not server.startswith(("127.", "::1"))]
    options = config.options
    # With none the file is not the container's own, but that of those that join its network.
    parts["nameserver"] = [one for one in options["dns"] if one != "none"] or parts["nameserver"]
    parts["search"] = options["dns_search"] or parts["search"]
    parts["options"] = options["dns_option"] or parts["options"]
    return "".join(_resolv_lines(parts["nameserver"], parts["search"], parts["options"]))


def _resolv_lines(servers: Iterable[str], search: list[str], options: list[str]) -> Iterable[str]:
    if search and search != ["."]:
        yield f"search {' '.join(search)}\n"
    for server in servers:
        yield f"nameserver {server}\n"
    if options:
        yield f"options {' '.join(options)}\n"
