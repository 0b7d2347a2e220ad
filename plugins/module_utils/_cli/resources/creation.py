# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verb ``create`` of ``libpod volume``, ``network`` and ``secret``."""

from __future__ import annotations

import argparse
import os
from typing import Any, Sequence

from ..._model import caller
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, LibpodError
from ..._model.options.syntax import command_line
from ..._model.options.syntax.parsers import flag, wrong
from ..._model.options.syntax.parsers import name as checked_name
from .. import table
from .verbs import Verb


def _check_root() -> None:
    from ..._reconcile.reconcile import check_root

    check_root()


def _labels(items: Sequence[str]) -> dict[str, Any]:
    return {key: value for item in items for key, value in command_line.pair("--label", "label", item).items()}


def _common(parser: argparse.ArgumentParser, label_flags: Sequence[str] = ("-l", "--label")) -> None:
    parser.add_argument(*label_flags, action="append", default=[], metavar="KEY=VALUE", help="several can be given")
    parser.add_argument("--ignore", action="store_true", help="one that has the name already is no error")


def _volume_arguments(parser: argparse.ArgumentParser) -> None:
    _common(parser)
    parser.add_argument("-d", "--driver", default="local", help="local, the one driver")
    parser.add_argument(
        *("-o", "--opt"), action="append", default=[], metavar="KEY=VALUE", help="such as type=tmpfs or o=size=1g"
    )
    parser.add_argument("name", nargs="?", help="(default: a random one)")


VOLUME = Verb("make a volume, and print its name", _volume_arguments)


def volume(parts: EngineConfig, options: argparse.Namespace) -> int:
    """Make a volume."""
    from ..._model.options.mounts.volume_options import volume_options
    from ..._resources.volumes.changes import DesiredVolume, present

    if options.driver != "local":
        raise wrong("--driver", options.driver, "local, the one driver that the engine has")
    name = checked_name(options.name, "NAME") if options.name else os.urandom(32).hex()
    _check_root()
    desired = DesiredVolume(name, _labels(options.label), volume_options(options.opt), keep=True)
    if not present(parts, desired).actions and not options.ignore:
        raise LibpodError(f"a volume has the name {name!r}: remove it, give another name, or add --ignore")
    table.write_line(name)
    return 0


def _network_arguments(parser: argparse.ArgumentParser) -> None:
    _common(parser, ("--label",))
    parser.add_argument("-d", "--driver", help="bridge (default), macvlan, ipvlan or another one of libpod_network")
    parser.add_argument("--interface-name", help="of the bridge, or the parent of macvlan and ipvlan")
    for option, about in (
        ("subnet", "such as 10.91.0.0/24 (default: a free one)"),
        ("gateway", "of the subnet at the same place"),
        ("ip-range", "the part of it that containers get addresses of"),
        ("dns", "a name server of its containers"),
        ("route", "DESTINATION,GATEWAY[,METRIC]"),
    ):
        parser.add_argument(f"--{option}", action="append", default=[], help=f"{about}; several can be given")
    parser.add_argument("--ipam-driver", choices=("host-local", "dhcp", "none"), help="what gives addresses")
    parser.add_argument("--internal", action="store_true", default=None, help="no way out of the host")
    parser.add_argument("--ipv6", action="store_true", default=None, help="also IPv6")
    parser.add_argument("--disable-dns", action="store_true", default=None, help="no names by a name server")
    parser.add_argument(
        *("-o", "--opt"), action="append", default=[], metavar="KEY=VALUE", help="mtu, vlan, mode, parent or isolate"
    )
    parser.add_argument("name")


NETWORK = Verb("make a network, and print its name", _network_arguments)
_OPT = ("isolate", "metric", "mode", "mtu", "parent", "vlan")


def network(parts: EngineConfig, options: argparse.Namespace) -> int:
    """Make a network."""
    from ..._model.options.network.definition import wanted
    from ..._resources.networks import networks

    opt: dict[str, object] = {}
    for item in options.opt:
        key, _equals, value = item.partition("=")
        if key not in _OPT:
            raise wrong("--opt", item, f"KEY=VALUE with one of {', '.join(_OPT)}")
        opt[key] = flag(value, "--opt isolate") if key == "isolate" else value
    alike = ("driver", "interface_name", "ipam_driver", "internal", "ipv6", "disable_dns", "dns", "route", "name")
    given = {key: getattr(options, key) for key in alike}
    given.update(dict.fromkeys(("macvlan", "subnet", "gateway", "ip_range", "bandwidth")))
    described = wanted({**given, "net_config": _subnets(options), "labels": _labels(options.label), "opt": opt})
    _check_root()
    if not networks.create(parts, described) and not options.ignore:
        raise LibpodError(f"a network has the name {described.name!r}: remove it, give another name, or add --ignore")
    table.write_line(described.name)
    return 0


def _subnets(options: argparse.Namespace) -> list[dict[str, str]]:
    """Return the subnets, each with the gateway and the range at the same place."""
    for name, values in (("--gateway", options.gateway), ("--ip-range", options.ip_range)):
        if len(values) > len(options.subnet):
            raise wrong(name, values[-1], "a --subnet for each")
    subnets = [{"subnet": one} for one in options.subnet]
    for key, values in (("gateway", options.gateway), ("ip_range", options.ip_range)):
        for one, value in zip(subnets, values):
            one[key] = value
    return subnets


def _secret_arguments(parser: argparse.ArgumentParser) -> None:
    _common(parser)
    parser.add_argument("-d", "--driver", default="file", help="file, the one driver")
    parser.add_argument("--env", action="store_true", help="the second argument is a variable's name, not a file's")
    parser.add_argument("--replace", action="store_true", help="give one that has the name already this content")
    parser.add_argument("name")
    parser.add_argument("source", metavar="FILE", help="a file with the content, - for standard input")


SECRET = Verb("make a secret of a file or of standard input, and print its ID", _secret_arguments)


def secret(parts: EngineConfig, options: argparse.Namespace) -> int:
    """Make a secret, or replace its content."""
    from ..._resources import secrets
    from ..._store.secrets import LARGEST

    if options.driver != "file":
        raise wrong("--driver", options.driver, "file, the one driver that the engine has")
    name = checked_name(options.name, "NAME")
    content = _content(options, LARGEST)
    if not 1 <= len(content) <= LARGEST:
        raise InvalidArgument(f"secret {name}: its content has to have 1 to {LARGEST} bytes")
    _check_root()
    labels = _labels(options.label)
    made = secrets.present(parts, name, content, labels, keep=not options.replace, check_mode=False)
    if not made.actions and not options.ignore and not options.replace:
        raise LibpodError(f"a secret has the name {name!r}: remove it, give another name, or add --replace")
    if inspected := secrets.inspect(parts, name):
        table.write_line(inspected["ID"])
    return 0


def _content(options: argparse.Namespace, largest: int) -> bytes:
    """Return the content; no message shows it.

    :raises InvalidArgument: its source cannot be read.
    """
    from ..._resources import secrets

    source = options.source
    if options.env:
        if source not in caller.environment:
            raise wrong("--env", source, "a variable of this command's environment")
        return os.fsencode(caller.environment[source])
    if source == "-":
        if os.isatty(0):
            raise InvalidArgument("a secret is not read from a terminal: redirect standard input, or name a file")
        with open(0, "rb", closefd=False) as file:
            return file.read(largest + 1)
    return secrets.of_file(source, "FILE")
