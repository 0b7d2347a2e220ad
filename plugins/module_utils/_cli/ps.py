# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod ps`` and ``libpod inspect``."""

from __future__ import annotations

import shlex
import sys
import time
from typing import Any, Sequence

from .._container.container import Container
from .._container.io.log_parts import seconds
from .._model.engine_config import EngineConfig
from .._runtime.inspect import inspect as inspected
from . import table
from .arguments import containers, new_parser

_COMMAND, _IMAGE, _PORTS = 24, 40, 60  # characters that a table shows


def ps(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """List containers."""
    parser = new_parser("ps", "List containers: those that run, or all.")
    parser.add_argument("-a", "--all", action="store_true", help="also those that do not run")
    parser.add_argument("-q", "--quiet", action="store_true", help="IDs alone")
    parser.add_argument("--no-trunc", action="store_true", help="whole IDs and commands")
    options = parser.parse_args(arguments)
    described = [
        _described(container)
        for container in containers(parts, ())
        if options.all or container.state.status.value in ("running", "paused")
    ]
    if options.quiet:
        for one in described:
            print_id = one["Id"] if options.no_trunc else one["Id"][:12]
            sys.stdout.write(f"{print_id}\n")
    elif options.format == "json":
        table.write_json(described)
    else:
        headings = ("CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES")
        table.write_table(headings, [_row(one, options.no_trunc) for one in described])
    return 0


def _described(container: Container) -> dict[str, Any]:
    config, state = container.config, container.state
    return {
        "Id": config.id,
        "Names": [config.name],
        "Image": config.rootfs_image_name or config.rootfs,
        "ImageID": config.rootfs_image_id,
        "Command": config.argv,
        "Created": config.created_time,
        "State": state.status.podmans,
        "Pid": state.pid,
        "ExitCode": state.exit_code,
        "StartedAt": state.started_time,
        "FinishedAt": state.finished_time,
        "RestartCount": state.restart_count,
        "Health": _health(container),
        "Restarting": bool(state.restart_at),
        "Ports": [port._asdict() for port in config.ports],
        "Labels": config.labels,
        "Pod": config.pod,
    }


def _health(container: Container) -> str:
    """Return the health of a container that runs and has a check: starting, healthy or unhealthy."""
    if not container.config.has_health_check or not container.state.status.has_process:
        return ""
    from .._container.runners.health import described

    return str(described(container)["Status"])


def _row(one: dict[str, Any], whole: bool) -> tuple[str, ...]:
    command, image = shlex.join(one["Command"]), one["Image"]
    ports = ", ".join(
        f"{port['host_ip']}:{port['host_port']}->{port['container_port']}/{port['protocol']}" for port in one["Ports"]
    )
    container_id = one["Id"]
    if not whole:
        container_id, command = container_id[:12], table.shortened(command, _COMMAND)
        # The end of an image's name or of a path is the significant part.
        image, ports = table.shortened(image, _IMAGE, end=True), table.shortened(ports, _PORTS)
    return (container_id, image, command, _since(one["Created"]) + " ago", _status(one), ports, one["Names"][0])


def _since(when: str) -> str:
    return table.ago(time.time() - seconds(when))


def _status(one: dict[str, Any]) -> str:
    status = one["State"]
    if one["Restarting"]:
        return f"Restarting ({one['ExitCode']})"
    if status in ("running", "paused") and one["StartedAt"]:
        more = "paused" if status == "paused" else one["Health"]
        return f"Up {_since(one['StartedAt'])}" + (f" ({more})" if more else "")
    if status == "exited" and one["FinishedAt"]:
        return f"Exited ({one['ExitCode']}) {_since(one['FinishedAt'])} ago"
    return str(status).capitalize()


def inspect(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Show everything about containers, as JSON."""
    parser = new_parser("inspect", "Everything about containers, as a JSON list.", formats=False)
    parser.add_argument("name", nargs="+", help="a container's name, ID, or the beginning of an ID")
    options = parser.parse_args(arguments)
    table.write_json([inspected(container, env_values=True) for container in containers(parts, options.name)])
    return 0
