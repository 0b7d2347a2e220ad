# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statistics of a running container: of its cgroup, and of its network links through pyroute2."""

from __future__ import annotations

from typing import Optional

from .._container.container import Container
from .._drivers.cgroups.stats import figures


def statistics(container: Container) -> Optional[dict[str, object]]:
    """Return ``figures`` of the cgroup and ``network``; None for a container without a process."""
    state = container.peek().state
    if not state.status.has_process:
        return None
    network = _links(state.netns_path) if container.config.create_net_ns else {}
    return {**figures(container.host.cgroups, container.cgroup_path), "network": network}


def _links(netns_path: str) -> dict[str, object]:
    from .._drivers.kernel.netlink import links

    return {link.name: {"addresses": list(link.addresses), **link.counters} for link in links(netns_path)}
