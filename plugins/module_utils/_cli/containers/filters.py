# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of containers, as podman-ps(1) has them; each looks at a container that was peeked at."""

from __future__ import annotations

import re
from typing import Callable, Sequence

from ..._container.container import Container
from ..._container.runners.health import described
from ..._model.errors import NoSuchPod
from ..._model.options.syntax.parsers import wrong
from ..._runtime.inspect import default_network
from ..._runtime.runtime import Runtime
from ..._store import pods
from ..output import filters

_STATUSES = ("created", "initialized", "running", "paused", "exited", "unknown")


def known(runtime: Runtime) -> filters.Known[Container]:
    """Return the filters by key."""
    return {
        "id": filters.beginning(lambda one: [one.id]),
        "name": filters.pattern(lambda one: [one.name]),
        "status": _choice(_STATUSES, lambda one: one.state.status.podmans),
        "exited": filters.integer(lambda one: one.state.exit_code if one.state.finished_time else None),
        "ancestor": _ancestor,
        "before": lambda key: _created(runtime, key, before=True),
        "since": lambda key: _created(runtime, key, before=False),
        "volume": filters.equal(_volumes),
        "network": filters.equal(networks),
        "pod": lambda key: _pod(runtime, key),
        "health": _choice(("none", "starting", "healthy", "unhealthy"), _health),
        **filters.labels(lambda one: one.config.labels),
    }


def _choice(words: Sequence[str], of: Callable[[Container], str]) -> Callable[[str], filters.Predicate[Container]]:
    def make(value: str) -> filters.Predicate[Container]:
        if value not in words:
            raise wrong("--filter", value, f"one of {', '.join(words)}")
        return lambda one: of(one) == value

    return make


def _ancestor(value: str) -> filters.Predicate[Container]:
    """Return whether a container is of an image, named with or without registry and tag, or by an ID."""

    def suits(one: Container) -> bool:
        name, image_id = one.config.rootfs_image_name, one.config.rootfs_image_id
        forms = {name, name.partition("/")[2], name.rpartition("/")[2]}
        forms |= {form.rpartition(":")[0] for form in forms}
        by_id = bool(re.fullmatch("[0-9a-f]{4,64}", value)) and image_id.startswith(value)
        return bool(value) and (value in forms or by_id)

    return suits


def _created(runtime: Runtime, key: str, *, before: bool) -> filters.Predicate[Container]:
    other = runtime.container(key)
    when = other.config.created_time
    return lambda one: (
        bool(one.config.created_time < when if before else one.config.created_time > when) and one.id != other.id
    )


def _volumes(one: Container) -> Sequence[str]:
    """Return the names and mount points of a container's volumes."""
    return [text for volume in one.config.volumes for text in (volume["source"], volume["target"])]


def networks(one: Container) -> list[str]:
    """Return the names of a container's networks."""
    names = one.config.options["network"]["networks"] if one.config.create_net_ns else []
    return [name or default_network(one) for name in names]


def _pod(runtime: Runtime, key: str) -> filters.Predicate[Container]:
    try:
        pod_id = pods.find(runtime.store, key).id
    except NoSuchPod:
        return lambda _one: False
    return lambda one: bool(one.config.pod == pod_id)


def _health(one: Container) -> str:
    if not one.config.has_health_check or not one.state.status.has_process:
        return "none"
    return str(described(one)["Status"])
