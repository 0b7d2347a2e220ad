# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers name which volumes."""

from __future__ import annotations

import os
from typing import Collection, Iterator, Sequence

from ..._container.unreadable import mentions
from ..._model.errors import ConfigMismatch, NoSuchContainer, StateCorrupt, some
from ..._runtime.base import RuntimeBase


def users(runtime: RuntimeBase, gone: Collection[str] = (), *, certain: bool = True) -> dict[str, list[str]]:
    """Return the names of the containers but ``gone`` that use each volume; those being created or removed too.

    :param certain: whether the answer has to be whole, for a removal; otherwise a configuration that cannot be read
        uses the volumes whose names are in its text.
    :raises StateCorrupt: a container's configuration cannot be read, so it is not known which ones it names.
    """
    result: dict[str, list[str]] = {}
    for volume, container in sorted(set(_pairs(runtime, gone, certain))):
        result.setdefault(volume, []).append(container)
    return result


def named(containers: Sequence[str]) -> str:
    """Return containers for a message: the first names, and how many more there are."""
    return f"container{'s' if len(containers) > 1 else ''} {some(containers)}"


def _pairs(runtime: RuntimeBase, gone: Collection[str], certain: bool) -> Iterator[tuple[str, str]]:
    top = f"{runtime.parts.static_root}/containers"
    for container_id in os.listdir(top) if os.path.isdir(top) else []:
        if container_id in gone:
            continue
        try:
            config = runtime.store.config(container_id)
        except NoSuchContainer:
            continue
        except (ConfigMismatch, StateCorrupt) as error:
            if certain and isinstance(error, StateCorrupt):
                raise StateCorrupt(
                    f"no volume is removed, since it is not known which ones a container names: {error}"
                ) from error
            text, folder = runtime.store.config_text(container_id), f"{runtime.parts.static_root}/volumes"
            names = os.listdir(folder) if os.path.isdir(folder) else []
            yield from ((name, container_id[:12]) for name in names if mentions(text, name))
            continue
        yield from ((volume["source"], config.name) for volume in config.volumes if volume["type"] == "volume")
        # A volume that is being mounted in a running container is not in its configuration yet.
        state = runtime.store.state(container_id)
        yield from ((name, config.name) for name in (state.changing_mounts.values() if state else ()) if name)
