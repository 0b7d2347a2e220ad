# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of what there is on the host, for completion; nothing is locked for longer than a look at each container."""

from __future__ import annotations

from typing import Iterator

from ..._model.engine_config import EngineConfig


def of(parts: EngineConfig, kind: str) -> Iterator[str]:
    """Yield the names of a kind: container, path (in a container), image, pod, volume, network or secret."""
    if kind in ("container", "path"):
        from ..arguments import containers

        yield from (one.name + (":" if kind == "path" else "") for one in containers(parts, ()))
    elif kind == "image":
        from ..._drivers.images.store import ImageStore

        for image, _created in ImageStore(parts).all():
            for name in image.names:
                yield name
                yield name.partition("localhost/")[2] or name
    elif kind == "pod":
        from ..._runtime.pods import Pods
        from ..._runtime.runtime import Runtime

        yield from (one.name for one in Pods(Runtime(parts)).everyone())
    elif kind == "volume":
        from ..._resources.volumes.inspect import everyone

        yield from (one.name for one in everyone(parts))
    elif kind == "network":
        from ..._resources.networks.inspect import inspected
        from ..._runtime.runtime import Runtime

        yield from (str(one["name"]) for one in inspected(Runtime(parts)))
    elif kind == "secret":
        from ..._resources import secrets

        yield from (str(one["Spec"]["Name"]) for one in secrets.everyone(parts))
