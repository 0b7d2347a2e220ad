# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod exists``, ``wait``, ``port`` and ``diff``."""

from __future__ import annotations

import argparse
from typing import Iterator, Sequence

from ..._container.container import Container
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, NoSuchContainer
from ..._model.options.syntax.parsers import natural, wrong
from ..._runtime import waiting
from ..._runtime.runtime import Runtime
from .. import table
from ..arguments import add_selection, containers, for_each, new_parser, selected

_PROTOCOLS = ("tcp", "udp", "sctp")
# podman's words for the statuses that the engine names otherwise; see ContainerStatus.podmans.
_CONDITIONS = {"created": "configured", "initialized": "created"}
_CHANGES = {"C": "changed", "A": "added", "D": "deleted"}


def exists(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Return 0 if there is a container of the name, and 1 if not."""
    parser = new_parser("exists", "End with 0 where there is such a container, and with 1 where not.", formats=False)
    parser.add_argument("name", help="a container's name, ID, or the beginning of an ID")
    try:
        Runtime(parts).container(parser.parse_args(arguments).name).peek()
    except NoSuchContainer:
        return 1
    return 0


def wait(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Wait for the end of containers, or another condition, and print their exit codes."""
    parser = new_parser("wait", "Wait until containers have ended, and print their exit codes.", formats=False)
    parser.add_argument("name", nargs="*", help="a container's name, ID, or the beginning of an ID")
    parser.add_argument("-l", "--latest", action="store_true", help="the container that was created last")
    parser.add_argument("-i", "--ignore", action="store_true", help="a name of no container is no error")
    parser.add_argument("--interval", "-d", help="has no effect: the end of a process is seen at once")
    parser.add_argument(
        "--condition",
        action="append",
        help="what is waited for in place of the end; several can be given, also with commas between them",
    )
    options = parser.parse_args(arguments)
    named = [one for words in options.condition or () for one in words.split(",")]
    conditions = [_CONDITIONS.get(one, one) for one in named] or ["exited"]
    unknown = [one for one in conditions if one not in waiting.CONDITIONS]
    if unknown:
        words = sorted({"initialized", *waiting.CONDITIONS} - {"configured"})
        raise wrong("--condition", unknown[0], f"some of {', '.join(words)}")
    runtime = Runtime(parts)

    def work(key: str) -> str:
        try:
            seen = waiting.wait(runtime, key, conditions, 0)
        except NoSuchContainer:
            if options.ignore:
                return "-1"
            raise
        return str(-1 if seen.exit_code is None else seen.exit_code)

    return for_each(selected(parts, options), work)


def port(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """List the published ports of containers."""
    parser = new_parser("port", "List published ports, or where on the host one of them is.", formats=False)
    add_selection(parser)
    parser.usage = "libpod port [-h] [-a] [-l] [NAME] [PORT[/PROTOCOL]]"
    options = parser.parse_args(arguments)
    wanted = _taken_port(options)
    for key in selected(parts, options):
        (container,) = containers(parts, [key])
        prefix = f"{container.id[:12]}\t" if options.all else ""
        lines = list(_published(container, wanted))
        if wanted and not lines:
            raise InvalidArgument(f"port {wanted} of container {container.name} is not published")
        for line in lines:
            # A tab, as podman's: a table is not aligned.
            table.write_line(line, prefix)
    return 0


def _taken_port(options: argparse.Namespace) -> str:
    """Return the port that is asked for, as ``80/tcp``, and take it from the names; empty where all are."""
    if options.all or len(options.name) != (1 if options.latest else 2):
        return ""
    words = options.name.pop()
    number, slash, protocol = words.partition("/")
    if natural(number, 65535) in (None, 0) or slash and protocol not in _PROTOCOLS:
        raise wrong("PORT", words, "1 to 65535, and after a slash one of tcp, udp and sctp")
    return f"{int(number)}/{protocol or 'tcp'}"


def _published(container: Container, wanted: str) -> Iterator[str]:
    for one in container.config.ports:
        inside, outside = f"{one.container_port}/{one.protocol}", one.host_ip
        outside = f"[{outside}]:{one.host_port}" if ":" in outside else f"{outside}:{one.host_port}"
        if not wanted:
            yield f"{inside} -> {outside}"
        elif inside == wanted:
            yield outside


def diff(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """List the files that a container changed, added and deleted."""
    parser = new_parser("diff", "List what a container has changed (C), added (A) and deleted (D) in its files.")
    parser.add_argument("name", nargs="*", help="a container's name, ID, or the beginning of an ID")
    parser.add_argument("-l", "--latest", action="store_true", help="the container that was created last")
    options = parser.parse_args(arguments)
    keys = selected(parts, options)
    if len(keys) != 1:
        raise InvalidArgument("diff: expected one container")
    changes = Runtime(parts).container(keys[0]).diff()
    if options.format == "json":
        lists: dict[str, list[str]] = {kind: [] for kind in _CHANGES.values()}
        for one in changes:
            lists[_CHANGES[one.kind]].append(one.path)
        table.write_json({kind: paths for kind, paths in lists.items() if paths})
        return 0
    for one in changes:
        table.write_line(f"{one.kind} {one.path}")
    return 0
