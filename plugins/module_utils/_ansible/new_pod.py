# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``pod: new:NAME``, a pod that is made with its container; imported only for tasks that have it."""

from __future__ import annotations

from typing import Any, Mapping

from .._model.engine_config import EngineConfig
from .._model.options.normalise import normalise
from .._model.options.syntax.parsers import name as checked_name
from .._model.options.table import ALONE
from .._model.records.pod import options_of, share
from .._reconcile.pod_planner import DesiredPod
from .._reconcile.pods import reconcile
from .._runtime.pods import Pods
from .._runtime.runtime import Runtime
from . import arguments

PREFIX = "new:"
# The pod's in the place of the container's, as with podman.
_MOVED = ("network", "publish", "hostname", "dns", "dns_option", "dns_search", "etc_hosts", "no_hosts", *ALONE)


def made(params: Mapping[str, Any], parts: EngineConfig, *, check_mode: bool) -> tuple[dict[str, object], list[str]]:
    """Bring the pod to what the container's task says of it; return the container's own arguments, and what was done.

    In check mode a pod that is not there yet is left out of these.
    """
    name = checked_name(params["pod"][len(PREFIX) :], "pod")
    own = {**params, "pod": name, **dict.fromkeys(_MOVED)}
    if params["state"] in ("absent", "stopped"):
        return own, []
    arguments.desired(own)  # a container that cannot be made is refused before the pod is
    normalised = normalise({option: params[option] for option in _MOVED})
    options = options_of(normalised, share(None))
    # One that is there may have containers that are not to run.
    there = Pods(Runtime(parts)).find(name)
    state = "started" if there is None and params["state"] in ("started", "paused") else "created"
    outcome = reconcile(parts, DesiredPod(name, state, options), check_mode=check_mode)
    if not outcome.pod:
        own.update(pod=None, network=["none"])
    return own, outcome.plan.actions
