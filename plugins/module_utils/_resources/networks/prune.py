# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prune of networks: those that this engine or podman made, and that nothing is on."""

from __future__ import annotations

import os
from typing import Callable, Collection, Iterator, Mapping

from ..._drivers.cni.config import Definition
from ..._drivers.storage.roots import member, storage_roots
from ..._model.errors import InvalidState, LibpodError
from ..._runtime.runtime import Runtime
from . import files, leftovers, networks, usage
from .files import Files


def unused_networks(
    runtime: Runtime,
    matches: Callable[[float, Mapping[str, str]], bool],
    errors: list[Exception],
    *,
    dry: bool = False,
    gone: Collection[str] = (),
) -> list[str]:
    """Remove the unused networks whose time of creation and labels match, and return their names.

    The default network stays, and every file that a user wrote. So does what another engine may use: a network with
    reserved addresses or ports on its bridge, and podman's own while the store has containers of others. What cannot be
    removed is added to ``errors``. With ``dry``, containers ``gone`` count as removed.
    """
    removed = []
    for one in _candidates(runtime, gone):
        name = one.config["name"]
        try:
            if not matches(files.created_time(one), files.described(one).labels):
                continue
            if leftovers.reserved(runtime.parts, name, one.config):
                continue
            leftovers.check_unused(name, one.config)
            if networks.absent(runtime.parts, name, force=dry, dry=dry).actions:
                removed.append(name)
        except (InvalidState, FileNotFoundError):
            continue  # in use, or removed by another task
        except (LibpodError, OSError) as error:
            errors.append(error)
    return removed


def _candidates(runtime: Runtime, gone: Collection[str]) -> Iterator[Definition]:
    found = Files(runtime.parts)
    used = {
        network for on in usage.of_all(runtime, found.default) for network, one in on if one.container.id not in gone
    }
    others = _has_others(runtime)
    for one in found.effective():
        name, file = one.config["name"], os.path.basename(one.path)
        if name in used or name == found.default or len(found.of(name)) > 1:
            continue
        if found.form.is_own(one.config) or not others and found.form.is_marked(one.config, file):
            yield one


def _has_others(runtime: Runtime) -> bool:
    """Return whether the store has containers of other engines, whose networks are not known here."""
    own = {container_id for _name, container_id in (*runtime.store.names(), *runtime.store.unfinished())}
    return any(member(record, "id") not in own for record in storage_roots(runtime.parts).containers())
