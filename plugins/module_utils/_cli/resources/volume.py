# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod volume``: ``ls``, ``inspect``, ``create``, ``export``, ``import``, ``rm``, ``prune`` and ``exists``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Mapping, Sequence

from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidState, NoSuchVolume
from ..._model.options.syntax.parsers import name as checked_name
from ..._reconcile.desired import Desired
from ..._reconcile.reconcile import check_root, reconcile
from ..._resources.volumes.inspect import everyone, inspect
from ..._resources.volumes.usage import users
from ..._runtime.base import RuntimeBase
from .. import table
from ..arguments import for_each
from ..output import filters
from ..output.archive_streams import called, from_file, to_file
from ..output.listing import Shape
from . import creation, verbs

if TYPE_CHECKING:
    from ..._resources.types import InspectedVolume

_COLUMNS = {
    "Driver": "DRIVER",
    "Name": "VOLUME NAME",
    "Type": "TYPE",
    "Device": "DEVICE",
    "Containers": "CONTAINERS",
}
_FILTERS: filters.Known[InspectedVolume] = {
    "name": filters.pattern(lambda one: [one["Name"]]),
    "driver": filters.equal(lambda one: [one["Driver"]]),
    "dangling": filters.flag(lambda one: not one["UsedBy"]),
    "anonymous": filters.flag(lambda one: one.get("Anonymous", False)),
    **filters.labels(lambda one: one["Labels"]),
}


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", default="", metavar="PATH", help="a file (default: standard output)")
    parser.add_argument("name", help="of the volume")


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="of a volume that is there")
    parser.add_argument("source", nargs="?", default="-", metavar="PATH", help="a tar file, - for standard input")


_VERBS = {
    "ls": verbs.listing("volumes", "names", _FILTERS),
    "inspect": verbs.inspection("volumes"),
    "create": creation.VOLUME,
    "export": verbs.Verb("write a volume's files as a tar archive", _export_arguments),
    "import": verbs.Verb("unpack a tar archive into a volume, which keeps its other files", _import_arguments),
    "rm": verbs.removal("volumes", "remove the containers that use them first"),
    "prune": verbs.pruning("volume", "volumes of no container"),
    "exists": verbs.naming("exit with 0 if the volume exists, else 1"),
}
_CODES: dict[type[Exception], int] = {NoSuchVolume: 1, InvalidState: 2}


def volume(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """List, show, make or remove volumes."""
    options = verbs.parsed("volume", "The named volumes and the containers that use them.", _VERBS, arguments)
    if options.verb == "create":
        return creation.volume(parts, options)
    if options.verb in ("export", "import"):
        return _transfer(parts, options)
    if options.verb == "prune":
        from .. import prune

        return prune.prune(parts, options, "volume")
    used = users(RuntimeBase(parts))
    found = {one.name: inspect(parts, one, used.get(one.name, [])) for one in everyone(parts)}
    if options.verb == "exists":
        return 0 if all(name in found for name in options.name) else 1
    if options.verb == "rm":
        return _rm(parts, options, found)
    if options.verb == "ls":
        return verbs.write_list(options, list(found.values()), Shape(_COLUMNS, _row, "Name"), _FILTERS)
    return verbs.inspect_each(options, lambda name: _known(found, name), {})


def _transfer(parts: EngineConfig, options: argparse.Namespace) -> int:
    """Write a volume's files to an archive, or take them from one."""
    from ..._container.rootfs.export import export_volume
    from ..._resources.volumes.content import fill

    check_root()
    if options.verb == "export":
        with to_file(parts, options.output) as path:
            export_volume(parts, options.name, path, dry=False)
        return 0
    with from_file(parts, options.source) as path, called(path, options.source):
        fill(parts, checked_name(options.name, "NAME"), path)
    return 0


def _known(found: Mapping[str, object], name: str) -> object:
    if name not in found:
        raise NoSuchVolume(f"no volume has the name {name!r}")
    return found[name]


def _row(one: InspectedVolume) -> Mapping[str, object]:
    options = one["Options"]
    users_cell = table.users(one["UsedBy"])
    return {**one, "Type": options.get("type", ""), "Device": options.get("device", ""), "Containers": users_cell}


def _rm(parts: EngineConfig, options: argparse.Namespace, found: Mapping[str, InspectedVolume]) -> int:
    from ..._resources.volumes.changes import absent

    names = verbs.chosen(options, "volumes' names, or --all", lambda: list(found))

    def work(name: str) -> str:
        if options.force:
            _remove_users(parts, found[name]["UsedBy"] if name in found else ())
        if not absent(parts, name).actions and not options.force:
            raise NoSuchVolume(f"no volume has the name {name!r}")
        return name

    return for_each(names, work, _CODES)


def _remove_users(parts: EngineConfig, names: Sequence[str]) -> None:
    for name in names:
        reconcile(parts, Desired(name, "absent", delete_depend=True))
