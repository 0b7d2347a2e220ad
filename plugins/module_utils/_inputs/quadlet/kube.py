# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ``.kube`` file: the pods of Kubernetes YAML, as libpod_kube reads it, with what the file says of them."""

from __future__ import annotations

import os

from ..._model.errors import MalformedData
from ..kube import stack as kube_files
from ..kube.security import SECCOMP_ROOT
from ..stack import Options, Stack
from .containers import AUTO_UPDATE
from .readers import Adding, adding, log_opt, replacing, text
from .references import Units, beside
from .units import Entry, Unit

_UPDATES = ("registry", "local")


def stack(units: Units, unit: Unit) -> Stack:
    """Return the stack of a unit's YAML.

    :raises MalformedData: a key or a field of the YAML has no counterpart. :raises InvalidArgument: it cannot be read.
    """
    given = units.entries(unit, _keys(units, unit), boots=True)
    if "yaml" not in given:
        raise MalformedData(f"{unit.path}: [Kube] Yaml is missing")
    found = kube_files.load(
        kube_files.Request(
            units.own,
            given["yaml"],
            configmaps=given.get("configmaps", ()),
            network=tuple(given.get("network", ())),
            seccomp_root=SECCOMP_ROOT,
        )
    )
    published, updates = given.get("publish", []), given.get("updates", [])
    if published and len(found.pods) != 1:
        raise MalformedData(f"{unit.path}: [Kube] PublishPort: expected one pod in the YAML, found {len(found.pods)}")
    logged: Options = {option: given[option] for option in ("log_driver", "log_opt") if option in given}
    pods = [
        {**one, "publish": _published(one.get("publish", []), published)} if published else one for one in found.pods
    ]
    containers = [_updated({**one, **logged}, updates) for one in found.containers]
    return found._replace(pods=tuple(pods), containers=tuple(containers))


def _keys(units: Units, unit: Unit) -> dict[str, Adding]:
    """Return what each key of a section ``[Kube]`` adds to the options."""
    return {
        "AutoUpdate": adding("updates", lambda one: [_update(one)]),
        "ConfigMap": adding("configmaps", lambda one: [_file(unit, one)]),
        "LogDriver": replacing("log_driver", text),
        "LogOpt": log_opt,
        "Network": adding("network", lambda one: [units.attachment(one)]),
        "PublishPort": adding("publish", lambda one: [one.value]),
        "Yaml": adding("yaml", lambda one: [_file(unit, one)]),
    }


def _file(unit: Unit, entry: Entry) -> str:
    path = beside(unit, entry.value)
    if not os.path.lexists(path):
        entry.fail(f"a file on the target, and there is no {path}")
    return path


def _update(entry: Entry) -> tuple[str, str]:
    """Return the container of a policy, empty for all, and the policy."""
    name, _slash, policy = entry.value.rpartition("/")
    if policy not in _UPDATES:
        entry.fail(f"{' or '.join(_UPDATES)}, after CONTAINER/ for one container")
    return name, policy


def _updated(options: Options, updates: list[tuple[str, str]]) -> Options:
    """Return a container's options with the label that its policy is; a policy of its own counts."""
    name = options["name"].removeprefix(f"{options['pod']}-")
    policies = [policy for whose, policy in sorted(updates) if whose in ("", name)]
    label = {**options["label"], **({AUTO_UPDATE: policies[-1]} if policies else {})}
    return {**options, "label": label}


def _published(ports: list[str], more: list[str]) -> list[str]:
    """Return the ports of a pod with those of its unit, which count where both have a container's port."""
    taken = {_port(one) for one in more}
    return [*(one for one in ports if _port(one) not in taken), *more]


def _port(published: str) -> str:
    port, _slash, protocol = published.rpartition(":")[2].partition("/")
    return f"{port}/{protocol or 'tcp'}"
