# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod logs`` and ``libpod events``."""

from __future__ import annotations

import math
import sys
import time
from typing import Any, Callable, Mapping, Optional, Sequence

from .._container.io.log_lines import Wanted, moment, stream
from .._container.io.log_parts import seconds
from .._model.engine_config import EngineConfig
from .._model.errors import InvalidArgument
from .._runtime.runtime import Runtime
from .._store import events as kept
from . import table
from .arguments import add_one, new_parser, selected

_FOREVER = float(1 << 31)
_PAUSE = 0.1
_OF_SOME = ("Error", "ExitCode", "HealthStatus", "OldName", "Signal")  # fields that only some events have
_Event = Mapping[str, Any]


def logs(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Print a container's output, standard error to standard error."""
    parser = new_parser("logs", "What containers printed, one after another.")
    add_one(parser)
    parser.add_argument("--names", action="store_true", help="each container's name before its lines")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the container ends")
    parser.add_argument("--tail", "-n", type=int, help="only the last lines, this many; all below 0")
    parser.add_argument("-t", "--timestamps", action="store_true", help="each line's time before it")
    parser.add_argument("--since", help="only from this time on: RFC 3339, or a duration such as 10m")
    parser.add_argument("--until", help="only before this time")
    options = parser.parse_args(arguments)
    # As with podman: below 0 there is no limit.
    tail = None if options.tail is None or options.tail < 0 else options.tail
    selection = Wanted(
        tail, moment(options.since, "--since"), moment(options.until, "--until"), _FOREVER if options.follow else 0.0
    )
    keys = selected(parts, options)
    if options.follow and len(keys) > 1:
        raise InvalidArgument(f"--follow: cannot be used with {len(keys)} containers: expected one")
    runtime = Runtime(parts)
    for container in [runtime.container(key) for key in keys]:
        # As podman has it: of several the lines say whose they are.
        whose = f"{container.name} " if options.names else f"{container.id[:12]} " if len(keys) > 1 else ""
        for line in stream(container, selection):
            if options.format == "json":
                more = {"name": container.name} if whose else {}
                table.write_json({**line._asdict(), **more}, indent=None)
                continue
            out = sys.stderr if line.stream == "stderr" else sys.stdout
            out.write(whose + (f"{line.time} " if options.timestamps else "") + line.text + "\n")
            out.flush()
    return 0


def events(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Print what happened to containers, and what happens from now on."""
    parser = new_parser("events", "What happens to containers, until interrupted.", formats=False)
    parser.add_argument(
        "--format", default="table", metavar="FORMAT", help="table, json, or a Go template such as '{{.Name}}'"
    )
    parser.add_argument("--since", help="what happened from this time on first: RFC 3339, or a duration such as 10m")
    parser.add_argument("--until", help="what happened before this time, and no more")
    parser.add_argument("--no-stream", action="store_true", help="what has happened, and no more")
    parser.add_argument(
        "-f", "--filter", action="append", default=[], help="container=NAME, or event=ACTION such as cleanup_failed"
    )
    options = parser.parse_args(arguments)
    filters = _filters(options.filter)
    write = _writer(options.format.strip())
    since, until = moment(options.since, "--since"), moment(options.until, "--until")
    if until is None:
        until = math.inf
    else:
        options.no_stream = True
    reader = kept.Reader.current(parts.run_root)
    if since is not None or options.no_stream:
        for event in kept.read(parts.run_root):
            if (since or -math.inf) <= seconds(event["Time"]) < until:
                _print(event, filters, write)
    for _old in reader.more():
        pass  # only later events are new
    while not options.no_stream:
        for event in reader.more():
            _print(event, filters, write)
        time.sleep(_PAUSE)
    return 0


def _filters(texts: Sequence[str]) -> dict[str, str]:
    filters = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if key not in ("container", "event") or not equals:
            raise InvalidArgument(f"--filter: {text!r} cannot be used: expected container=NAME or event=ACTION")
        filters[key] = value
    return filters


def _writer(form: str) -> Callable[[_Event], None]:
    """Return what writes an event. :raises InvalidArgument: the template cannot be used."""
    if form in ("table", ""):
        return _write_line
    if form == "json":
        return lambda event: table.write_json(event, indent=None)
    from .output.template import Template

    template = Template(form)
    absent = dict.fromkeys(_OF_SOME, "")
    # Status is podman's name for what has happened.
    return lambda event: table.write_text(template.render({**absent, **event, "Status": event["Action"]}, kept=""))


def _write_line(event: _Event) -> None:
    more = ", ".join(f"{key}={value}" for key, value in event.items() if key not in ("Time", "Action", "ID", "Type"))
    table.write_line(f"{event['Time']} {event['Type']} {event['Action']} {event['ID'][:12]} ({more})")


def _print(event: _Event, filters: Mapping[str, str], write: Callable[[_Event], None]) -> None:
    container: Optional[str] = filters.get("container")
    if container is not None and container != event["Name"] and not str(event["ID"]).startswith(container):
        return
    if filters.get("event", event["Action"]) == event["Action"]:
        write(event)
