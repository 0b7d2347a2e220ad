# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/etc/hosts, /etc/hostname and /etc/resolv.conf of a container: the engine's files, bound over the image's."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Iterable, Iterator, Sequence
from zlib import crc32

from ..._drivers import foreign_files
from ..._model.errors import InvalidArgument, MalformedData, sentence
from ..._model.failpoints import failpoint
from ..._model.records.config import ContainerConfig
from ..._model.records.namespaces import LinuxNS
from ..._model.records.network import NEIGHBOUR
from ..._model.records.process_ref import ProcessRef
from ..network.attachments import GUESTS, attached
from ..network.shared_namespaces import hostname, network_owner

if TYPE_CHECKING:
    from ..._model.options.types import CommonOptions
    from ..base import ContainerBase

_ZONES = "/usr/share/zoneinfo"
_NAMES = ("hosts", "hostname", "resolv.conf")
_HOSTS_BYTES = 4 << 20  # the largest hosts file of the host of which containers get a copy


def paths(container: ContainerBase) -> dict[str, str]:
    """Return the engine's files by path in the container; joined networks bring their owner's hosts and resolv.conf."""
    owner = network_owner(container)
    result = {
        "/etc/hosts": f"{owner.run_dir}/hosts",
        "/etc/resolv.conf": f"{owner.run_dir}/resolv.conf",
        "/etc/hostname": f"{container.run_dir}/hostname",
    }
    if container.config.options["no_hosts"]:
        del result["/etc/hosts"]
    if owner.config.options["dns"] == ["none"]:
        del result["/etc/resolv.conf"]
    if container.config.options["timezone"]:
        result["/etc/localtime"] = f"{container.run_dir}/localtime"
    for directory in container.config.options["chrootdirs"]:
        result.update({directory + path: result[path] for path in list(result) if path.startswith("/etc/")})
    return result


def zone_file(timezone: str) -> str:
    """Return the host's file of a time zone (tzfile(5)).

    :raises InvalidArgument: the host has none of this name.
    """
    path = "/etc/localtime" if timezone == "local" else f"{_ZONES}/{timezone}"
    if not os.path.isfile(path):
        raise InvalidArgument(
            f"timezone: {timezone!r} is not known to the host ({path} is not there): name another, or install tzdata"
        )
    return path


def create(container: ContainerBase) -> None:
    """Make empty files: they are bound before their content is known, so their inodes must stay."""
    failpoint("make files over /etc")
    for name in _NAMES:
        os.close(os.open(f"{container.run_dir}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644))
        # The umask of the engine's process must not keep the container's users from reading them.
        os.chmod(f"{container.run_dir}/{name}", 0o644)
    timezone = container.config.options["timezone"]
    if timezone:
        import shutil

        shutil.copyfile(zone_file(timezone), f"{container.run_dir}/localtime")
        os.chmod(f"{container.run_dir}/localtime", 0o644)


def fill(
    container: ContainerBase, config: ContainerConfig, life: ProcessRef, files: Sequence[str] = _NAMES
) -> dict[str, int]:
    """Write the content of ``files`` in place, and return the CRC-32 of each, by which ``drift`` notices an edit.

    ``life`` is the container's process. That of hosts is of the container's own lines; those on others come and go.
    """
    texts = (_hosts(container, config), hostname(container) + "\n", _resolv_conf(container, config))
    # Bytes of the host's files that are not UTF-8 stay as they are.
    contents = {name: text.encode("utf-8", "surrogateescape") for name, text in zip(_NAMES, texts) if name in files}
    for name, content in contents.items():
        if name == "hosts" and _has_others(container, config):
            from ..network import names

            names.write(container, config, content, life)
            continue
        failpoint(f"write {name}")
        foreign_files.overwrite(f"{container.run_dir}/{name}", content)
    return {name: crc32(content) for name, content in contents.items()}


def _has_others(container: ContainerBase, config: ContainerConfig) -> bool:
    """Return whether the hosts file names other containers, or theirs this one."""
    joins = bool(config.namespace_container(LinuxNS.NET))
    return config.create_net_ns or joins or os.path.exists(f"{container.run_dir}/{GUESTS}.json")


def findings(options: CommonOptions) -> Iterator[str]:
    """Yield what prevents names from resolving in a container with these options and files of its own.

    Each is the end of a sentence about the container.
    """
    if not options["no_hosts"]:
        try:
            _base_hosts()
        except (MalformedData, OSError) as error:
            yield f"its /etc/hosts lacks the names of the host's ({sentence(error)}): mend that file"
    # Without a network no server can be reached; the host's own network reaches all that the host does.
    if options["network"]["mode"] in ("host", "none") or options["dns"]:
        return
    from ..._drivers import resolvers

    try:
        host = resolvers.of_host()
    except (MalformedData, OSError) as error:
        yield f"no name will resolve in it, for the host's resolvers are unknown ({sentence(error)}): set dns"
        return
    if host.servers and not resolvers.outside_host(host).servers:
        yield (
            f"no name will resolve in it, for the host's resolvers ({', '.join(host.servers[:3])}) answer the host "
            "alone, and none is known behind them: set dns to servers that the container can reach"
        )


def _base_hosts() -> str:
    """Return the host's hosts file, on which the container's is based; empty where there is none.

    :raises MalformedData: it is not a regular file, or too long. :raises OSError: it cannot be read.
    """
    try:
        text = foreign_files.read("/etc/hosts", max_bytes=_HOSTS_BYTES).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""
    mark = NEIGHBOUR.decode()
    if mark in text:
        # The host is a container of such an engine: what it knows as its neighbours stays.
        text = "\n".join(line[: -len(mark)].rstrip() if line.endswith(mark) else line for line in text.split("\n"))
    return text


def _hosts(container: ContainerBase, config: ContainerConfig) -> str:
    """Return the hosts file: etc_hosts, then the container's own names at its addresses, then the host's lines.

    A name belongs to the first of the three that has it. Their order is not enough: with ``multi on`` in host.conf(5),
    as in distributions, the C library gathers a name's addresses from all lines, loopback first.
    """
    addresses, gateway = _own_addresses(container, config)
    lines = []
    for name, wanted in config.options["etc_hosts"].items():
        for address in wanted.split(","):
            lines.append(f"{(gateway or '127.0.0.1') if address == 'host-gateway' else address}\t{name}")
    taken = {name.lower() for name in config.options["etc_hosts"]}
    # Where its own name is localhost, as on a host without a name, that stays the loopback's.
    own = [
        name for name in dict.fromkeys((hostname(container), config.name)) if name.lower() not in {*taken, "localhost"}
    ]
    if own and addresses:
        lines += [f"{address}\t{' '.join(own)}" for address in addresses]
        taken.update(name.lower() for name in own)
    try:
        base = _base_hosts()
    except (MalformedData, OSError):
        base = ""  # no reason for a start to fail; ``findings`` reports it
    lines += _without(base, taken)
    if "localhost" not in taken:
        lines += ["127.0.0.1\tlocalhost", "::1\tlocalhost"]
    return "\n".join(lines) + "\n"


def _own_addresses(container: ContainerBase, config: ContainerConfig) -> tuple[list[str], str]:
    """Return the addresses of the container's own names, and the gateway of the first network that has one."""
    if not config.own_net_ns:
        return [], ""
    addresses, gateway = [], ""
    if config.create_net_ns:
        for network in attached(container):
            for address in (*network.ipv4, *network.ipv6):
                addresses.append(address.ip)
                gateway = gateway or address.gateway
    return addresses or ["127.0.0.1"], gateway


def _without(base: str, taken: set[str]) -> Iterator[str]:
    """Yield the lines of a hosts file without the names in ``taken``, to which the remaining names are added."""
    before = frozenset(taken)
    for line in base.rstrip("\n").split("\n") if base else ():
        line = line.partition("\0")[0].rstrip()  # where the C library ends it as well
        address, *names = line.partition("#")[0].split() or [""]
        kept = [name for name in names if name.lower() not in before]
        taken.update(name.lower() for name in kept)
        if len(kept) == len(names):
            yield line
        elif kept:
            yield f"{address}\t{' '.join(kept)}"


def _resolv_conf(container: ContainerBase, config: ContainerConfig) -> str:
    """Return the networks' servers and the host's resolv.conf, each part replaced by its option where that is set.

    The host's loopback servers are left out for another network namespace, from which they cannot be reached.
    """
    from ..._drivers import resolvers

    options = config.options
    try:
        host = resolvers.of_host()
    except (MalformedData, OSError):
        host = resolvers.Resolvers([], [], [])  # ``findings`` reports it
    if options["network"]["mode"] != "host":
        host = resolvers.outside_host(host)
    # As with podman: those of a plugin such as dnsname, or of the network's own file.
    asked = [facts.dns for facts in attached(container)] if config.create_net_ns else []
    servers = [one for dns in asked for one in dns.get("nameservers") or () if re.fullmatch("[0-9a-fA-F:.]+", one)]
    domains = [one for dns in asked for one in dns.get("search") or () if re.fullmatch("[a-zA-Z0-9_.-]+", one)]
    # With none, the file is not for the container itself, but for those that join its network.
    servers = [one for one in options["dns"] if one != "none"] or list(dict.fromkeys([*servers, *host.servers]))
    search = options["dns_search"] or list(dict.fromkeys([*domains, *host.search]))
    return "".join(_resolv_lines(servers, search, options["dns_option"] or host.options))


def _resolv_lines(servers: Iterable[str], search: list[str], options: list[str]) -> Iterable[str]:
    if search and search != ["."]:
        yield f"search {' '.join(search)}\n"
    for server in servers:
        yield f"nameserver {server}\n"
    if options:
        yield f"options {' '.join(options)}\n"
