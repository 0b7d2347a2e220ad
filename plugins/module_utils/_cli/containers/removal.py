# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod rm``, which does what a task with ``state: absent`` does."""

from __future__ import annotations

import argparse
from typing import Optional, Sequence

from ..._model import caller
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, InvalidState, NoSuchContainer
from ..._model.options.syntax.durations import whole_seconds
from ..._model.options.syntax.parsers import is_name
from ..._reconcile.desired import Desired
from ..._reconcile.reconcile import reconcile
from ..._runtime.runtime import Runtime
from ..arguments import add_selection, new_parser, selected
from .side_by_side import for_each_at_once

# As podman-rm(1) says.
_CODES: dict[type[Exception], int] = {NoSuchContainer: 1, InvalidState: 2}


def rm(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Remove containers: 1 where one does not exist, 2 where one runs, 125 for other errors."""
    options = _parsed(arguments)
    runtime = Runtime(parts)
    for path in options.cidfile:
        options.name.append(_first_word(path))
    keys = selected(parts, options)
    stop_time = None if options.time is None else whole_seconds(options.time, "--time")
    ignore = options.ignore or options.force

    def work(key: str) -> Optional[str]:
        try:
            name = _removable(runtime, key, force=options.force)
        except NoSuchContainer:
            if ignore:
                return None
            raise
        desired = Desired(
            name,
            "absent",
            force_delete=None if options.force else False,
            delete_depend=options.depend,
            delete_volumes=options.volumes,
            delete_time=stop_time,
        )
        if not reconcile(parts, desired).plan.steps and not ignore:
            raise NoSuchContainer(f"no container has the name or ID {key!r}")
        return key

    return for_each_at_once(runtime, keys, work, _CODES)


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = new_parser("rm", "Remove containers, and print the names of those that are removed.", formats=False)
    add_selection(parser)
    parser.add_argument("-f", "--force", action="store_true", help="also what runs; a name of no container is no error")
    parser.add_argument("-i", "--ignore", action="store_true", help="a name of no container is no error")
    parser.add_argument("-v", "--volumes", action="store_true", help="also their anonymous volumes")
    parser.add_argument("-t", "--time", help="seconds, or a duration such as 1m30s, until a stop kills")
    parser.add_argument("--depend", action="store_true", help="also the containers that depend on them")
    parser.add_argument("--cidfile", action="append", default=[], metavar="PATH", help="a file with a container's ID")
    return parser.parse_args(arguments)


def _first_word(path: str) -> str:
    try:
        with open(caller.absolute(path), encoding="utf-8", errors="replace") as file:
            words = file.read(4096).split()
    except OSError as error:
        raise InvalidArgument(f"--cidfile: {path!r} cannot be read: {error.strerror}") from error
    if not words:
        raise InvalidArgument(f"--cidfile: {path!r} is empty: expected a container's ID")
    return words[0]


def _removable(runtime: Runtime, key: str, *, force: bool) -> str:
    """Return the name of a container, or of what an interrupted run has left of one.

    :raises NoSuchContainer: there is neither. :raises InvalidState: it runs, without ``force``.
    """
    try:
        container = runtime.container(key).peek()
    except NoSuchContainer:
        if is_name(key) and runtime.store.name_record(key):
            return key
        raise
    status = container.state.status
    if status.has_process and not force:
        raise InvalidState(f"container {container.name} is {status}: stop it first, or remove it with --force")
    return container.name
