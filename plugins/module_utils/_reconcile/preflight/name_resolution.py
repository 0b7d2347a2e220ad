# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Warnings about containers that start or change and in which names will not resolve; check mode gives the same."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ..._container.bundle import etc_files
from ..._model.errors import LibpodError, warn
from ..._model.options.table import Change
from ..._model.records.namespaces import LinuxNS
from ..._runtime.runtime import Runtime
from ..._store import pods
from .. import dependencies
from ..desired import Desired
from ..plan import NEW_PROCESS, Plan, Verb

if TYPE_CHECKING:
    from ..._model.options.types import CommonOptions, ContainerOptions, PodOptions


def warn_of(runtime: Runtime, desired: Desired, plan: Plan) -> None:
    """Warn about the container of a plan, and those that are started before it."""
    for step in plan.steps:
        if step.verb is Verb.START and step.subject != desired.name:
            _warn_of_present(runtime, step.subject)
    if not (plan.has(*NEW_PROCESS, subject=desired.name) or plan.has(Verb.UPDATE) and _writes_files(plan)):
        return
    if desired.by_name:
        _warn_of_present(runtime, desired.name)
    elif not _shares(runtime, desired.wanted):
        _warn(f"container {desired.name}", desired.wanted)


def warn_of_pod(name: str, options: PodOptions) -> None:
    """Warn about a pod of these options, whose containers share its files."""
    if "net" in options["share"]:
        _warn(f"pod {name}", options)


def _writes_files(plan: Plan) -> bool:
    from ..._container.lifecycle.update import writes_files

    return writes_files(one.option for one in plan.differences if one.change == Change.LIVE)


def _warn_of_present(runtime: Runtime, name: str) -> None:
    """Warn about a container as it is recorded; another check reports one that does not exist or is unreadable."""
    with suppress(LibpodError):
        config = runtime.container(name).config
        if config.infra:
            pod = pods.read(runtime.store, config.pod)
            warn_of_pod(pod.name, pod.options)
        elif not config.namespace_container(LinuxNS.NET):
            _warn(f"container {config.name}", config.options)


def _shares(runtime: Runtime, options: ContainerOptions) -> bool:
    """Return whether the files are those of another container or a pod, also of one that does not exist yet."""
    if not options["pod"]:
        return bool(options["network"]["mode"] == "container")
    try:
        return LinuxNS.NET.value in dependencies.namespace_containers(runtime, options)
    except LibpodError:
        return True


def _warn(name: str, options: CommonOptions) -> None:
    for finding in etc_files.findings(options):
        warn(f"{name}: {finding}")
