# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prune of several kinds of things, in an order in which what only a removed container used is removed too."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator, Mapping, NamedTuple

from .._drivers.engine import archives
from .._runtime.runtime import Runtime
from . import prune
from .networks.prune import unused_networks

KINDS = ("container", "network", "volume", "image")


class Pruned(NamedTuple):
    """What is removed: IDs of containers and images, names of networks and volumes; and all that was done."""

    containers: list[str]
    networks: list[str]
    volumes: list[str]
    images: list[str]
    actions: list[str]
    errors: prune.Errors


def prune_kinds(
    runtime: Runtime, filters: Mapping[str, prune.Filters], *, every: bool = False, dry: bool = False
) -> Pruned:
    """Remove what nothing uses, of the kinds that have filters; an error of one stops none of the others.

    ``every``: also unused images with names.
    """
    result = Pruned([], [], [], [], [], [])
    errors, actions = result.errors, result.actions
    if "container" in filters:
        result.containers.extend(_containers(runtime, filters["container"], result, dry))
    gone = result.containers if dry else []  # in check mode they are still there
    if "network" in filters:
        with _isolated(errors):
            result.networks.extend(unused_networks(runtime, filters["network"].match, errors, dry=dry, gone=gone))
            actions += [f"removed network {name}" for name in result.networks]
    if "volume" in filters:
        with _isolated(errors):
            result.volumes.extend(prune.volumes(runtime, filters["volume"], errors, dry=dry, gone=gone))
            actions += [f"removed volume {name}" for name in result.volumes]
    if "image" in filters:
        with _isolated(errors):
            result.images.extend(prune.images(runtime, filters["image"], errors, every=every, dry=dry, gone=gone))
            actions += [f"removed image {image_id[:12]}" for image_id in result.images]
    return result


def _containers(runtime: Runtime, filters: prune.Filters, result: Pruned, dry: bool) -> list[str]:
    """Remove containers and what earlier ones have left, and return their IDs."""
    errors, actions = result.errors, result.actions
    removed: list[tuple[str, str]] = []
    with _isolated(errors):
        removed += prune.containers(runtime, filters, errors, dry=dry)
        actions += [f"deleted {name}" for name, _container_id in removed]
    with _isolated(errors):
        names = [name for name, _container_id in removed]
        actions += [f"removed what was left of {name}" for name in prune.remains(runtime, errors, names, dry=dry)]
    with _isolated(errors):
        actions += [f"removed rules of container {short}" for short in prune.rules(runtime, dry=dry)]
    with _isolated(errors):
        actions += [f"removed container {short} of a killed build" for short in prune.builds(runtime, dry=dry)]
    # The archives that a newer version's containers need are unknown.
    if not any(one.newer for one in runtime.containers()):
        unused = archives.remove_unused(f"{runtime.parts.static_root}/engine", dry=dry)
        actions += [f"removed engine archive {name}" for name in unused]
    return [container_id for _name, container_id in removed]


@contextmanager
def _isolated(errors: prune.Errors) -> Iterator[None]:
    """Collect the error of one kind, so that the others are pruned all the same."""
    try:
        yield
    except Exception as error:  # pylint: disable=broad-exception-caught
        errors.append(error)
