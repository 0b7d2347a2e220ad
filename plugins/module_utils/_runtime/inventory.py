# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All containers of a host for an inventory: what one of them lacks never keeps the others from it."""

from __future__ import annotations

import json
from typing import Iterator, Mapping

from .._container.container import Container
from .._model.engine_config import EngineConfig
from .._model.errors import ContainerRemoved, NoSuchContainer, sentence, warn
from .._store import pods
from .base import RuntimeBase
from .inspect import inspect, outline

_LARGEST = 1 << 18  # bytes of a container's inspection; labels and commands may be of any size


def listed(parts: EngineConfig) -> Iterator[dict[str, object]]:
    """Yield each container's inspection and its pod's name as ``PodName``, without infra containers.

    Values of environment variables are hidden, and what a health check printed is left out. A container that cannot
    be read is left out with a warning.
    """
    runtime = RuntimeBase(parts)
    names = {pod.id: pod.name for pod in pods.everyone(runtime.store)}
    for container in runtime.containers():
        try:
            if container.unreadable:
                warn(f"container {container.name}: {container.unreadable}")
            if not container.config.infra and (container.newer or not container.unreadable):
                yield {**_bounded(container.peek()), "PodName": names.get(container.config.pod, "")}
        except (NoSuchContainer, ContainerRemoved):
            continue
        except Exception as error:  # pylint: disable=broad-exception-caught
            warn(f"container {container.name} is left out: {sentence(error)}")


def _bounded(container: Container) -> Mapping[str, object]:
    inspected = inspect(container)
    inspected["State"]["Health"] = {**inspected["State"]["Health"], "Log": []}
    size = len(json.dumps(inspected))
    if size <= _LARGEST:
        return inspected
    warn(f"container {container.name}: only an outline of it is shown, without labels: its inspection has {size} bytes")
    short = outline(container)
    if "Health" in short["State"]:
        short["State"]["Health"] = inspected["State"]["Health"]
    return {**short, "Pod": container.config.pod, "IsInfra": False}
