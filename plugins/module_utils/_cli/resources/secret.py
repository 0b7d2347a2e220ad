# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod secret``: ``ls``, ``inspect``, ``create``, ``rm`` and ``exists``; no content is ever shown."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Mapping, Sequence

from ..._model.engine_config import EngineConfig
from ..._model.errors import LibpodError
from ..._model.options.syntax.parsers import is_name
from ..._resources import secrets
from .. import table
from ..arguments import for_each
from ..output import filters
from ..output.listing import Shape
from . import creation, verbs

if TYPE_CHECKING:
    from ..._resources.types import InspectedSecret

_COLUMNS = {"ID": "ID", "Name": "NAME", "Driver": "DRIVER", "CreatedAt": "CREATED", "UpdatedAt": "UPDATED"}
_FILTERS: filters.Known[InspectedSecret] = {
    "name": filters.pattern(lambda one: [one["Spec"]["Name"]]),
    "id": filters.beginning(lambda one: [one["ID"]]),
    **filters.labels(lambda one: one["Spec"]["Labels"]),
}
_VERBS = {
    "ls": verbs.listing("secrets", "IDs", _FILTERS),
    "inspect": verbs.inspection("secrets"),
    "create": creation.SECRET,
    "rm": verbs.removal("secrets", "also those that containers use"),
    "exists": verbs.naming("exit with 0 if the secret exists, else 1"),
}


def secret(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """List, show, make or remove secrets."""
    options = verbs.parsed("secret", "The secrets that containers get as files.", _VERBS, arguments)
    if options.verb == "ls":
        return verbs.write_list(options, secrets.everyone(parts), Shape(_COLUMNS, _row, "ID"), _FILTERS)
    if options.verb == "exists":
        return 0 if all(is_name(name) and secrets.inspect(parts, name) for name in options.name) else 1
    if options.verb == "inspect":
        return verbs.inspect_each(options, lambda name: _known(parts, name), {})
    return creation.secret(parts, options) if options.verb == "create" else _rm(parts, options)


def _known(parts: EngineConfig, name: str) -> InspectedSecret:
    found = secrets.inspect(parts, name) if is_name(name) else None
    if not found:
        raise LibpodError(f"no secret has the name {name!r}")
    return found


def _row(one: InspectedSecret) -> Mapping[str, object]:
    ages = {key: table.age(one[key]) for key in ("CreatedAt", "UpdatedAt")}
    spec = one["Spec"]
    return {"Name": spec["Name"], "Driver": spec["Driver"]["Name"], "Labels": spec["Labels"], "ID": one["ID"], **ages}


def _rm(parts: EngineConfig, options: argparse.Namespace) -> int:
    names = verbs.chosen(
        options, "secrets' names, or --all", lambda: [one["Spec"]["Name"] for one in secrets.everyone(parts)]
    )

    def work(name: str) -> str:
        _known(parts, name)
        secrets.absent(parts, name, force=options.force, check_mode=False)
        return name

    return for_each(names, work)
