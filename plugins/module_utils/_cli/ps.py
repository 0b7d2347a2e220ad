# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod ps``."""

from __future__ import annotations

import argparse
import shlex
from typing import Callable, Mapping, Sequence, TypedDict

from .._container.container import Container
from .._container.runners.health import described
from .._model.engine_config import EngineConfig
from .._runtime.runtime import Runtime
from . import table
from .arguments import containers, new_parser
from .containers.filters import known as container_filters
from .containers.filters import networks
from .output import filters
from .output.listing import Shape, add_listing, show

_COMMAND, _IMAGE, _PORTS = 24, 40, 60  # characters that a table shows
_ID = 12
_COLUMNS = {
    "ID": "CONTAINER ID",
    "Image": "IMAGE",
    "Command": "COMMAND",
    "Created": "CREATED",
    "Status": "STATUS",
    "Ports": "PORTS",
    "Names": "NAMES",
}
_POD = {"Pod": "POD ID", "PodName": "PODNAME"}


class _Listed(TypedDict):
    """A container as ``podman ps --format json`` shows it."""

    Id: str
    Names: list[str]
    Image: str
    ImageID: str
    Command: list[str]
    Created: str
    State: str
    Pid: int
    ExitCode: int
    StartedAt: str
    FinishedAt: str
    RestartCount: int
    Health: str
    Restarting: bool
    Ports: list[dict[str, object]]
    Labels: Mapping[str, str]
    Mounts: list[str]
    Networks: list[str]
    Pod: str


_SORT: Mapping[str, Callable[[_Listed], str | list[str]]] = {
    "command": lambda one: one["Command"],
    "created": lambda one: one["Created"],
    "id": lambda one: one["Id"],
    "image": lambda one: one["Image"],
    "names": lambda one: one["Names"],
    "runningfor": lambda one: one["StartedAt"],
    "status": lambda one: one["State"],
}


def ps(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """List containers."""
    runtime = Runtime(parts)
    known = container_filters(runtime)
    options = _parsed(known, arguments)
    suits = filters.matcher(options.filter, known)
    # As podman has it: which containers there are to filter.
    options.all |= options.latest or options.last > 0 or any(word.startswith("status=") for word in options.filter)
    listed = [
        _described(container)
        for container in containers(parts, ())
        if (options.all or container.state.status.value in ("running", "paused")) and suits(container)
    ]
    if options.sort:
        listed.sort(key=_SORT[options.sort])
    if options.latest or options.last > 0:
        listed.sort(key=lambda one: one["Created"], reverse=True)
        listed = listed[: 1 if options.latest else options.last]
    pods = {pod_id: name for name, pod_id in runtime.store.pods()}
    columns = {**_COLUMNS, **(_POD if options.pod else {})}
    show(options, listed, Shape(columns, lambda one: _row(one, pods, whole=options.no_trunc), "ID"))
    return 0


def _parsed(known: filters.Known[Container], arguments: Sequence[str]) -> argparse.Namespace:
    parser = new_parser("ps", "List containers: those that run, or all.", formats=False)
    parser.add_argument("-a", "--all", action="store_true", help="also those that do not run")
    parser.add_argument("-l", "--latest", action="store_true", help="the container that was created last")
    parser.add_argument("-n", "--last", type=int, default=0, metavar="COUNT", help="so many that were created last")
    parser.add_argument("-p", "--pod", action="store_true", help="their pods too")
    parser.add_argument("--sort", choices=sorted(_SORT), help="by what")
    filters.add_filter(parser, known)
    add_listing(parser, "IDs", short=False)
    return parser.parse_args(arguments)


def _described(container: Container) -> _Listed:
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
        "Health": health(container),
        "Restarting": bool(state.restart_at),
        "Ports": [port._asdict() for port in config.ports],
        "Labels": config.labels,
        "Mounts": [volume["target"] for volume in config.volumes],
        "Networks": networks(container),
        "Pod": config.pod,
    }


def health(container: Container) -> str:
    """Return the health of a container that runs and has a check: starting, healthy or unhealthy."""
    if not container.config.has_health_check or not container.state.status.has_process:
        return ""
    return described(container)["Status"]


def _row(one: _Listed, pods: Mapping[str, str], *, whole: bool) -> Mapping[str, object]:
    command, image = shlex.join(one["Command"]), one["Image"]
    ports = ", ".join(
        f"{port['host_ip']}:{port['host_port']}->{port['container_port']}/{port['protocol']}" for port in one["Ports"]
    )
    length = None if whole else _ID
    if not whole:
        command = table.shortened(command, _COMMAND)
        # The end of an image's name or of a path is the significant part.
        image, ports = table.shortened(image, _IMAGE, end=True), table.shortened(ports, _PORTS)
    age = table.age(one["Created"])
    return {
        "ID": one["Id"][:length],
        "Image": image,
        "ImageID": one["ImageID"][:length],
        "Command": command,
        "Created": age,
        "RunningFor": age,
        "CreatedAt": one["Created"],
        "Status": _status(one),
        "Ports": ports,
        "Names": ",".join(one["Names"]),
        "Mounts": ",".join(one["Mounts"]),
        "Networks": ",".join(one["Networks"]),
        "ExitedAt": one["FinishedAt"],
        "Restarts": one["RestartCount"],
        "Pod": one["Pod"][:length],
        "PodName": pods.get(one["Pod"], ""),
    }


def _status(one: _Listed) -> str:
    status = one["State"]
    if one["Restarting"]:
        return f"Restarting ({one['ExitCode']})"
    if status in ("running", "paused") and one["StartedAt"]:
        more = "paused" if status == "paused" else one["Health"]
        return f"Up {table.since(one['StartedAt'])}" + (f" ({more})" if more else "")
    if status == "exited" and one["FinishedAt"]:
        return f"Exited ({one['ExitCode']}) {table.age(one['FinishedAt'])}"
    return status.capitalize()
