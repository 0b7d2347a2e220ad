# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod system``: ``df``, and ``prune`` by ``_cli.prune``."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from typing import Iterable, Optional, Sequence, TypedDict

from .._model.engine_config import EngineConfig
from .._model.errors import warn
from .._model.options.syntax import durations
from .._resources.disk_usage import ContainerUsage, ImageUsage, Usage, VolumeUsage, usage
from .._runtime.runtime import Runtime
from . import table
from .arguments import add_table_or_json
from .resources import verbs

_LIMIT = "60s"  # for going through the directories


def system(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Show the disk usage, or remove what nothing uses."""
    what = "pods and containers that have ended, networks and images that nothing uses"
    about = {
        "df": verbs.Verb("show what images, containers and volumes take up on the disk", _df_arguments),
        "prune": verbs.pruning("system", what),
    }
    options = verbs.parsed("system", "What the engine has on the disk.", about, arguments)
    if options.verb == "df":
        return _df(parts, options)
    from . import prune

    return prune.system(parts, options)


def _df_arguments(parser: argparse.ArgumentParser) -> None:
    add_table_or_json(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="each image, container and volume")
    parser.add_argument("--timeout", default=_LIMIT, metavar="TIME", help="for going through files (default: 60s)")


def _df(parts: EngineConfig, options: argparse.Namespace) -> int:
    limit = durations.seconds(options.timeout, "--timeout")
    found = usage(Runtime(parts), time.monotonic() + limit)
    unknown = [*(one.size for one in found.containers), *(one.size for one in found.volumes)].count(None)
    if unknown:
        warn(
            f"{unknown} containers and volumes have no size: their files were not gone through within "
            f"{limit:g} s; --timeout gives them more"
        )
    if options.verbose:
        _show_each(found, options.format == "json")
    elif options.format == "json":
        table.write_json(_kinds(found))
    else:
        rows = [(one["Type"], one["Total"], one["Active"], one["Size"], one["Reclaimable"]) for one in _kinds(found)]
        table.write_table(("TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"), rows)
    return 0


def _kinds(found: Usage) -> list[dict[str, object]]:
    running = [one for one in found.containers if one.container.state.status.has_process]
    written = [one.size for one in found.containers]
    down = (one.size for one in found.containers if one not in running)
    unused = (one.size for one in found.volumes if not one.links)
    active = sum(bool(one.containers) for one in found.images)
    linked = sum(bool(one.links) for one in found.volumes)
    return [
        _kind("Images", len(found.images), active, found.images_size, found.images_reclaimable),
        _kind("Containers", len(found.containers), len(running), _sum(written), _sum(down)),
        _kind("Local Volumes", len(found.volumes), linked, _sum(one.size for one in found.volumes), _sum(unused)),
    ]


def _sum(sizes: Iterable[Optional[int]]) -> int:
    """Return the sum of the sizes that are known."""
    return sum(size or 0 for size in sizes)


def _kind(kind: str, total: int, active: int, size: int, reclaimable: int) -> dict[str, object]:
    share = 100 * reclaimable / size if size else 0
    return {
        "Type": kind,
        "Total": total,
        "Active": active,
        "RawSize": size,
        "RawReclaimable": reclaimable,
        "TotalCount": total,
        "Size": table.size(size),
        "Reclaimable": f"{table.size(reclaimable)} ({share:.0f}%)",
    }


# With --verbose

_IMAGE = ("REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS")
_CONTAINER = ("CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES")
_VOLUME = ("VOLUME NAME", "LINKS", "SIZE")
_COMMAND, _NAME = 24, 40  # characters that a table shows


def _show_each(found: Usage, as_json: bool) -> None:
    if as_json:
        table.write_json(
            {
                "Images": [_image(one) for one in found.images],
                "Containers": [_container(one) for one in found.containers],
                "Volumes": [_volume(one) for one in found.volumes],
            }
        )
        return
    parts: list[tuple[str, Sequence[str], list[Sequence[object]]]] = [
        ("Images", _IMAGE, [_image_row(one) for one in found.images]),
        ("Containers", _CONTAINER, [_container_row(one) for one in found.containers]),
        ("Local Volumes", _VOLUME, [(one.name, one.links, table.size(one.size)) for one in found.volumes]),
    ]
    for number, (what, headings, rows) in enumerate(parts):
        sys.stdout.write(f"{chr(10) if number else ''}{what} space usage:\n\n")
        table.write_table(headings, rows)


def _image(one: ImageUsage) -> dict[str, object]:
    repository, tag = _named(one)
    return {
        "Repository": repository,
        "Tag": tag,
        "ImageID": one.image.id,
        "Created": one.created,
        "Size": one.size,
        "SharedSize": one.shared,
        "UniqueSize": one.size - one.shared,
        "Containers": one.containers,
    }


def _named(one: ImageUsage) -> tuple[str, str]:
    name = next(iter(one.image.names), "")
    repository, _colon, tag = name.partition("@")[0].rpartition(":")
    if not repository or "/" in tag:
        repository, tag = name, ""
    return repository or "<none>", tag or "<none>"


def _image_row(one: ImageUsage) -> Sequence[object]:
    repository, tag = _named(one)
    sizes = [table.size(size) for size in (one.size, one.shared, one.size - one.shared)]
    name = table.shortened(repository, _NAME, end=True)
    return (name, tag, one.image.id[:12], table.age(one.created), *sizes, one.containers)


class _Container(TypedDict):
    ContainerID: str
    Image: str
    Command: list[str]
    LocalVolumes: int
    Size: Optional[int]
    Created: str
    Status: str
    Names: str


def _container(one: ContainerUsage) -> _Container:
    config = one.container.config
    return {
        "ContainerID": config.id,
        "Image": config.rootfs_image_name or config.rootfs,
        "Command": config.argv,
        "LocalVolumes": one.volumes,
        "Size": one.size,
        "Created": config.created_time,
        "Status": one.container.state.status.podmans,
        "Names": config.name,
    }


def _container_row(one: ContainerUsage) -> Sequence[object]:
    shown = _container(one)
    image = table.shortened(shown["Image"], _NAME, end=True)
    command = table.shortened(shlex.join(shown["Command"]), _COMMAND)
    when = table.age(shown["Created"])
    return (
        *(shown["ContainerID"][:12], image, command, one.volumes),
        *(table.size(one.size), when, shown["Status"], shown["Names"]),
    )


def _volume(one: VolumeUsage) -> dict[str, object]:
    return {"VolumeName": one.name, "Links": one.links, "Size": one.size}
