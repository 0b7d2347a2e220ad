# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins to registries: who is logged in, and the change of that, in auth files and by credential helpers."""

from __future__ import annotations

from typing import Iterator, NamedTuple, Optional

from ..._drivers.registries import auth_paths, registries_conf
from ..._drivers.registries.registries_conf import AUTH_FILES
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, warn
from ..._model.records.login import Access, Login
from . import auth_file


class Change(NamedTuple):
    """What a login changes: ``before`` is what was stored for exactly this registry, ``place`` where it is stored.

    ``restricts``: the file could be read by others.
    """

    place: str
    before: Optional[Login]
    stores: bool
    restricts: bool


def login(parts: EngineConfig, access: Access, path: str, *, ask_again: bool, dry: bool) -> Change:
    """Have the registry check the password, and store it; if it is stored already, only with ``ask_again``.

    With ``dry`` nothing is stored, and a helper's registry is not asked, since skopeo would store the password.

    :raises LoginRefused, ToolFailed, ToolTimedOut: the registry does not accept it, or cannot be asked.
    :raises MalformedData, InvalidArgument: the file or a helper cannot be used.
    """
    helper = _helper(path, access.key)
    known = auth_file.read(path)
    before = _of_helper(helper, access.key) if helper else known.login(access.key)
    stores = before is None or (before.username, before.password, before.token) != (
        access.username,
        access.password,
        "",
    )
    restricts = not known.private
    if "credsStore" in known.data.mapping():
        warn(f"credsStore of {path} has no effect here, as with podman: credHelpers names a helper for each registry")
    if (stores or ask_again) and not (dry and helper):
        _check(access, helper)
    if not dry and (stores and not helper or restricts):
        auth_file.update(parts, path, {} if helper else auth_file.entry(access))
    return Change(f"credential helper {helper}" if helper else path, before, stores, restricts)


def _check(access: Access, helper: str) -> None:
    from ..._container.rootfs.private_namespace import with_memory
    from ..._drivers.images.login import check, check_and_keep

    if helper:
        check_and_keep(access, helper)
    else:
        # skopeo would rewrite the file in place, without what it does not know of it.
        with_memory(lambda folder: check(access, f"{folder}/auth.json"))


def _helper(path: str, key: str) -> str:
    """Return the credential helper that stores a registry's login; empty where the file does.

    :raises InvalidArgument: it is a repository's.
    """
    first = registries_conf.credential_helpers()[0]
    helper = auth_file.read(path).helper(key) if first == AUTH_FILES else first
    if helper and "/" in key:
        raise InvalidArgument(
            f"registry: {key!r} cannot be used: credential helper {helper} keeps logins of whole registries alone"
        )
    return helper


def _of_helper(helper: str, key: str) -> Optional[Login]:
    from ..._drivers.registries import credential_helpers

    return credential_helpers.get(helper, key)


def find(key: str, path: str = "") -> tuple[Optional[Login], str]:
    """Return what a pull from ``key`` would use, and the place of that: file or credential helper.

    :raises MalformedData, ToolFailed, ToolMissing: a file or helper cannot be used.
    """
    host = key.partition("/")[0]
    for helper in registries_conf.credential_helpers():
        for place, found in _in_files(key, path) if helper == AUTH_FILES else [(helper, _of_helper(helper, host))]:
            if found:
                return found, place
    return None, ""


def _in_files(key: str, path: str) -> Iterator[tuple[str, Optional[Login]]]:
    for one in auth_paths.read_paths(path):
        known = auth_file.read(one)
        helper = known.helper(key.partition("/")[0])
        yield (
            (f"credential helper {helper}", _of_helper(helper, key.partition("/")[0]))
            if helper
            else (one, known.found(key))
        )


def logout(parts: EngineConfig, key: str, path: str, *, dry: bool) -> list[str]:
    """Forget a registry's login, or all where ``key`` is empty; return the places and registries that had one.

    The file keeps the names of its credential helpers.

    :raises MalformedData, ToolFailed, ToolMissing: the file or a helper cannot be used.
    """
    known = auth_file.read(path)
    entries = [one for one in known.entries if not key or one == key or auth_file.same_host(one, key)]
    helpers = [(helper, one) for one, helper in known.helpers().items() if key in ("", one)]
    for helper in registries_conf.credential_helpers():
        if helper != AUTH_FILES:
            helpers += [(helper, one) for one in ([key] if key else _all(helper))]
    kept = [(helper, one) for helper, one in dict.fromkeys(helpers) if _of_helper(helper, one)]
    for helper, one in kept if not dry else ():
        from ..._drivers.registries import credential_helpers

        credential_helpers.erase(helper, one)
    if entries and not dry:
        auth_file.update(parts, path, dict.fromkeys(entries))
    return sorted({*entries, *(one for _helper, one in kept)})


def _all(helper: str) -> list[str]:
    from ..._drivers.registries import credential_helpers

    return credential_helpers.registries(helper)
