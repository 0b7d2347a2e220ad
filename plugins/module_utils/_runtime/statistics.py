# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statistics of a running container: of its cgroup, and of its network links through pyroute2."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Optional

from .._container.container import Container
from .._drivers.cgroups.stats import figures

if TYPE_CHECKING:
    from .._drivers.kernel.netlink import Link


class Statistics(NamedTuple):
    """The figures of a container's cgroup, and the links in its network namespace."""

    figures: dict[str, Optional[int]]
    links: list[Link]

    def to_json(self) -> dict[str, object]:
        network = {link.name: {"addresses": list(link.addresses), **link.counters} for link in self.links}
        return {**self.figures, "network": network}


def statistics(container: Container) -> Optional[Statistics]:
    """Return what a container uses, None for one without a process."""
    state = container.peek().state
    if not state.status.has_process:
        return None
    network = _links(state.netns_path) if container.config.create_net_ns else []
    return Statistics(figures(container.host.cgroups, container.cgroup_path), network)


def _links(netns_path: str) -> list[Link]:
    from .._drivers.kernel.netlink import links

    return links(netns_path)
