# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one reader of registries.conf(5): the file, its drop-ins, and the host's cache of short names' aliases.

Locations, mirrors and insecure registries are skopeo's to follow; here is what decides before skopeo is run.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from typing import Iterator, NamedTuple, Optional

from ..._model import caller
from ..._model.errors import MalformedData
from ..._model.foreign import Foreign
from .. import foreign_files

AUTH_FILES = "containers-auth.json"  # the name of auth files among the credential helpers
MODES = ("enforcing", "permissive", "disabled")
# By which the caller names a file in the place of the host's, as for podman and buildah; skopeo knows neither.
VARIABLES = ("CONTAINERS_REGISTRIES_CONF", "REGISTRIES_CONFIG_PATH")
_SYSTEM = "/etc/containers"
_ALIASES = "/var/cache/containers/short-name-aliases.conf"  # podman records in it what its user chose

_LONGEST_WAIT = 10.0  # seconds for the lock of that file, which is held while one is written


class Registry(NamedTuple):
    """A ``[[registry]]`` block, and the locations of its mirrors."""

    prefix: str
    location: str
    blocked: bool
    mirrors: tuple[str, ...]
    origin: str

    def places(self, name: str) -> list[str]:
        """Return the names by which an image of this block is looked for: at the mirrors, then at the location."""
        rest = name[_end(name, self.prefix) :]
        return [f"{place}{rest}" if place else name for place in (*self.mirrors, self.location)]


class Alias(NamedTuple):
    """What a short name stands for, empty where that was reset, and the file that says so."""

    name: str
    origin: str


class Registries(NamedTuple):
    """The settings of all files together. ``origin`` is the file with the search list, empty where no file has one."""

    search: tuple[str, ...]
    origin: str
    mode: str
    helpers: tuple[str, ...]
    aliases: dict[str, Alias]
    registries: dict[str, Registry]

    def registry(self, name: str) -> Optional[Registry]:
        """Return the block of the longest prefix that an image's full name begins with."""
        found = [one for one in self.registries.values() if _end(name, one.prefix) > 0]
        return max(found, key=lambda one: len(one.prefix), default=None)


def credential_helpers() -> list[str]:
    """Return where credentials are looked for and stored, in order: names of helpers, and ``AUTH_FILES``.

    :raises MalformedData: as ``read``.
    """
    return list(read().helpers) or [AUTH_FILES]


def search_registries() -> list[str]:
    """Return the registries that a name without one is looked for at. :raises MalformedData: as ``read``."""
    return list(read().search)


def read() -> Registries:
    """Return what the host's files say; of a setting in several files the last one counts, as in containers/image.

    :raises MalformedData: a file cannot be read, or is not as registries.conf(5) has it.
    """
    result = Registries((), "", MODES[1], (), {}, {})
    for path in paths():
        if data := _parsed(path):
            result = _updated(result, data, path)
    result.aliases.update(_cached_aliases())
    return result


def _parsed(path: str) -> Optional[Foreign]:
    """Return the content of a file, None where it has been removed since its folder was read."""
    from ..._model import foreign_toml

    try:
        return foreign_toml.parse(foreign_files.read(path, max_bytes=foreign_toml.MAX_BYTES), path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MalformedData(f"{path} cannot be read: {error.strerror}") from error


def named() -> str:
    """Return the absolute path of the file that the caller names, empty where it names none."""
    given = next(filter(None, map(caller.environment.get, VARIABLES)), "")
    return caller.absolute(given) if given else ""


def arguments() -> list[str]:
    """Return the options of skopeo(1) with which it reads these files, which come before its subcommand."""
    path = named()
    return ["--registries-conf", path] if path else []


def environment() -> dict[str, str]:
    """Return the variables with which buildah(1) reads these files."""
    path = named()
    return {VARIABLES[0]: path} if path else {}


def paths() -> Iterator[str]:
    """Yield the paths of the files that are read, in order.

    The file that the caller names stands for the user's and the system's, a user's for the system's and its drop-ins.

    :raises MalformedData: the file that the caller names does not exist.
    """
    home = f"{os.environ.get('HOME', '/root')}/.config/containers"
    path = named()
    own = not path and os.path.exists(f"{home}/registries.conf")
    if path and not os.path.exists(path):
        raise MalformedData(f"{path}, which {' or '.join(VARIABLES)} names, does not exist: write it, or name another")
    path = path or f"{home if own else _SYSTEM}/registries.conf"
    if os.path.exists(path):
        yield path
    for folder in (home,) if own else (_SYSTEM, home):
        folder += "/registries.conf.d"
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        files = (name for name in names if name.endswith(".conf") and not os.path.isdir(f"{folder}/{name}"))
        yield from (f"{folder}/{name}" for name in files)


def _updated(known: Registries, data: Foreign, path: str) -> Registries:
    """Return the settings with those of a further file; only what the file has is replaced."""
    # A file of version 1 has [registries.search].
    if search := data["unqualified-search-registries"] or data["registries"]["search"]["registries"]:
        known = known._replace(search=tuple(search.texts()), origin=path)
    if helpers := data["credential-helpers"]:
        known = known._replace(helpers=tuple(helpers.texts()))
    if mode := data["short-name-mode"].text():
        if mode not in MODES:
            data["short-name-mode"].fail(" or ".join(MODES))
        known = known._replace(mode=mode)
    known.aliases.update(_aliases(data, path))
    for block in data["registry"]:
        location = block["location"].text().rstrip("/")
        prefix = block["prefix"].text().rstrip("/") or location
        if not location and not prefix.startswith("*."):
            block["location"].fail("a location, or *.HOST as the prefix")
        mirrors = tuple(mirror["location"].text().rstrip("/") for mirror in block["mirror"])
        known.registries[prefix] = Registry(prefix, location, block["blocked"].flag(), mirrors, path)
    return known


def _aliases(data: Foreign, path: str) -> dict[str, Alias]:
    return {name: Alias(value, path) for name, value in data["aliases"].text_map().items()}


def _cached_aliases() -> dict[str, Alias]:
    """Return the aliases in the host's cache, under the lock that containers/image writes it with."""
    if not os.path.exists(_ALIASES):
        return {}
    lock = -1
    try:
        with suppress(FileNotFoundError):
            lock = os.open(f"{_ALIASES}.lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            _wait_for(lock)
        data = _parsed(_ALIASES)
    except OSError as error:
        raise MalformedData(f"{_ALIASES}.lock cannot be locked: {error.strerror}") from error
    finally:
        if lock >= 0:
            os.close(lock)
    return _aliases(data, _ALIASES) if data else {}


def _wait_for(lock: int) -> None:
    """Lock a file as a reader. :raises OSError: another program holds it too long."""
    end = time.monotonic() + _LONGEST_WAIT
    while True:
        try:
            fcntl.lockf(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > end:
                raise
        time.sleep(0.05)


def _end(name: str, prefix: str) -> int:
    """Return where a prefix ends in a full name, ``*.`` in it being any subdomain; -1 where the name has another."""
    wildcard = prefix.startswith("*.")
    at = name.partition("/")[0].find(prefix[1:]) if wildcard else 0 if name.startswith(prefix) else -1
    end = at + len(prefix) - wildcard
    return end if at >= 0 and (end == len(name) or name[end] in ":/@") else -1
