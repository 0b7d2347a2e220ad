# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of a pod's infra container against the host, made before anything is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, cast

from ..._container.network import host_ports
from ..._model.options.normalise import normalise
from ..._model.options.table import select
from ..._model.records.pod import INFRA, PodConfig
from ..._runtime.pods import Pods
from ..plan import Plan, Verb
from .host import check_network, check_ports

if TYPE_CHECKING:
    from ..._model.options.network.ports import PortMapping
    from ..._model.options.types import ContainerOptions, PodOptions


def check(pods: Pods, pod: Optional[PodConfig], name: str, infra_name: str, options: PodOptions, plan: Plan) -> None:
    """Check the infra container that the plan of a pod makes or starts; ``options`` are those that the pod will have.

    :raises ContainerExists, PodExists: its name is taken. :raises NoSuchNetwork: a network of it is not defined.
    :raises InvalidArgument: a network cannot give what its options request, or a host port is taken.
    """
    made = plan.has(Verb.CREATE, Verb.RECREATE)
    if made:
        pods.check_infra_name(infra_name, name, pod.id if pod else "")
    there = pods.runtime.find(pod.infra) if pod is not None else None
    renewed = made or any(one.option in INFRA for one in plan.differences)
    starts = plan.has(Verb.RESTART) or plan.has(Verb.START) and not (there and there.peek().state.status.has_process)
    if made and pods.runtime.host.oci.by_specification:
        from . import sandbox

        sandbox.check_shared(pods.runtime.host.oci, name, options["share"])
    if renewed or starts:
        own = cast("ContainerOptions", {**normalise({}), **select(options, INFRA)})
        check_network(pods.runtime, f"pod {name}", own, None if renewed else there)
        held: list[PortMapping] = []
        going = [one for left in pods.left(name) for one in pods.members(left)]
        for live in (one.peek() for one in (*([there] if there else []), *going)):
            if live.state.status.has_process:
                held += (*live.config.ports, *host_ports.of_live(live))
        check_ports(pods.runtime, f"pod {name}", options["publish"], held)
