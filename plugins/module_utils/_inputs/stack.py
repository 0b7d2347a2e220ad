# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file of another tool describes, as options of the collection's modules."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import Any, Iterable, Mapping, NamedTuple

from .._model.errors import MalformedData, warn

Options = dict[str, Any]
EMPTY_DIR = "libpod.engine.kube.emptydir"  # the label of a volume that goes with its pod


class Stack(NamedTuple):
    """Networks, volumes, secrets, images, pods and containers that belong together, as options of their modules.

    ``folders`` and ``files`` are paths of the host that are made where they are missing. ``foreign_volumes`` are names
    of volumes that have to be there. A secret may have ``content``, bytes, in the place of the options for it.
    ``after`` has a container's name with the names of those that are changed before it. ``once`` are containers that
    are not started again once they have ended with exit code 0. ``ineffective`` are the fields that have no effect.
    """

    networks: tuple[Options, ...] = ()
    volumes: tuple[Options, ...] = ()
    secrets: tuple[Options, ...] = ()
    images: tuple[Options, ...] = ()
    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    pods: tuple[Options, ...] = ()
    containers: tuple[Options, ...] = ()
    foreign_volumes: tuple[str, ...] = ()
    after: Mapping[str, tuple[str, ...]] = {}
    once: frozenset[str] = frozenset()
    ineffective: tuple[str, ...] = ()


def joined(first: Stack, second: Stack) -> Stack:
    """Return the stack of what is in two."""
    return Stack(
        (*first.networks, *second.networks),
        (*first.volumes, *second.volumes),
        (*first.secrets, *second.secrets),
        (*first.images, *second.images),
        tuple(dict.fromkeys((*first.folders, *second.folders))),
        tuple(dict.fromkeys((*first.files, *second.files))),
        (*first.pods, *second.pods),
        (*first.containers, *second.containers),
        tuple(dict.fromkeys((*first.foreign_volumes, *second.foreign_volumes))),
        {**first.after, **second.after},
        first.once | second.once,
        (*first.ineffective, *second.ineffective),
    )


def warned(fields: Iterable[str]) -> tuple[str, ...]:
    """Warn of the fields that have no effect, once of each, and return them."""
    found = tuple(dict.fromkeys(fields))
    for field in found:
        warn(f"{field} has no effect here", ineffective=True)
    return found


def check_order(after: Mapping[str, Iterable[str]], what: str = "") -> None:
    """Check that nothing comes after itself; ``what`` begins the message.

    :raises MalformedData: some do, with their names.
    """
    try:
        TopologicalSorter(after).prepare()
    except CycleError as error:
        way = " → ".join(reversed(error.args[1]))
        raise MalformedData(f"{what}these depend on each other: {way}") from error
