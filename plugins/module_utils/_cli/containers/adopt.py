# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod adopt``: containers of podman's become the engine's, and podman's again, while they run."""

from __future__ import annotations

from typing import Sequence

from ..._drivers.podman import database
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, NoSuchContainer
from ..._model.options.syntax.parsers import name as checked_name
from ..._reconcile.desired import Desired
from ..._reconcile.reconcile import check_root, reconcile
from ..._runtime.runtime import Runtime
from ..arguments import for_each, new_parser

_ABOUT = (
    "Take containers over from podman, with their processes, files, networks and ports as they are, and print their "
    "names; or give them back."
)


def adopt(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Adopt containers, or give them back; 125 where one could not be."""
    parser = new_parser("adopt", _ABOUT, formats=False)
    parser.add_argument("name", nargs="*", help="a container's name, or its whole ID")
    parser.add_argument("-a", "--all", action="store_true", help="every container of podman's, or every adopted one")
    parser.add_argument("--give-back", action="store_true", help="give adopted containers back to podman")
    options = parser.parse_args(arguments)
    if bool(options.name) == options.all:
        raise InvalidArgument("expected one of: containers' names or IDs, or --all")
    check_root()
    state = "given_back" if options.give_back else "adopted"

    def work(key: str) -> str:
        name = _name(parts, key)
        reconcile(parts, Desired(name, state))
        return name

    return for_each(options.name or (_adopted(parts) if options.give_back else sorted(database.listed(parts))), work)


def _name(parts: EngineConfig, key: str) -> str:
    """Return the name of a container of podman's or the engine's, by its name or ID."""
    found = database.find(parts, key)
    if found is not None:
        return found.name
    try:
        return Runtime(parts).container(key).name
    except NoSuchContainer:
        return checked_name(key, "name")  # of which the plan says that it is nobody's


def _adopted(parts: EngineConfig) -> list[str]:
    return [one.name for one in Runtime(parts).containers() if one.from_podman]
