# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that keep credentials: docker-credential-NAME, with the protocol of docker-credential-helpers."""

from __future__ import annotations

import re
from typing import Optional

from ..._model import foreign
from ..._model.errors import MalformedData, ToolFailed
from ..._model.records.login import Login
from ..command import run


def get(helper: str, key: str) -> Optional[Login]:
    """Return what the helper has for a registry, None where it has nothing.

    :raises ToolFailed, ToolMissing, MalformedData: it cannot be asked.
    """
    try:
        answer = _ask(helper, "get", key, f"asking for the credentials of {key}")
    except ToolFailed as error:
        if re.search("not found|no credentials", error.stderr, re.IGNORECASE):
            return None
        raise
    try:
        known = foreign.parse(answer, f"docker-credential-{helper}")
        return Login(known["Username"].text(), known["Secret"].text(required=True))
    except MalformedData:
        # Without the original message, which may quote the answer.
        raise MalformedData(
            f"docker-credential-{helper} get: expected a JSON object with Username and Secret"
        ) from None


def erase(helper: str, key: str) -> None:
    """Have the helper forget a registry.

    :raises ToolFailed, ToolMissing: it does not.
    """
    _ask(helper, "erase", key, f"logging out of {key}", changes=True)


def registries(helper: str) -> list[str]:
    """Return the registries that the helper has credentials of.

    :raises ToolFailed, ToolMissing, MalformedData: it cannot be asked.
    """
    answer = _ask(helper, "list", "", "asking for all logins")
    return sorted(foreign.parse(answer, f"docker-credential-{helper} list").text_map())


def _ask(helper: str, verb: str, said: str, doing: str, changes: bool = False) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", helper):
        raise MalformedData(
            f"credential helper {helper!r} cannot be run: expected the NAME of a docker-credential-NAME"
        )
    program = f"docker-credential-{helper}"
    return run([program, verb], package=program, input=said, doing=doing, changes=changes, tool="credential_helper")
