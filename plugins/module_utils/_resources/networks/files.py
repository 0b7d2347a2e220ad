# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of networks: found by name, placed so that the default network stays the same, and written."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Mapping

from ..._container.live_status import timestamp
from ..._drivers.cni import config as cni_config
from ..._drivers.cni.config import Definition
from ..._drivers.host import Host
from ..._drivers.network_backend import folder
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, InvalidState, MalformedData
from ..._model.failpoints import failpoint
from ..._model.records.defined_network import DefinedNetwork
from ..._store import records
from . import forms

if TYPE_CHECKING:
    from ..types import InspectedNetwork


class Files:
    """The networks' files of a host's backend as they are now, for CNI in the order of libcni."""

    def __init__(self, parts: EngineConfig) -> None:
        self.parts = parts
        self.backend = Host(parts).network_backend
        self.form = forms.of_backend(self.backend)
        self.folder = folder(parts, self.backend)
        if self.backend == "netavark":
            from ..._drivers.netavark import config as netavark_config

            self.all, self.malformed = netavark_config.definitions(parts)
        else:
            self.all, self.malformed = cni_config.definitions(parts)

    @property
    def default(self) -> str:
        """The name of the default network, empty where there is none."""
        if self.backend == "netavark":
            return "podman"
        return cni_config.default_of(one.config["name"] for one in self.all)

    def of(self, name: str) -> list[Definition]:
        """Return the files that define a network, of which the first one counts."""
        return [one for one in self.all if one.config["name"] == name]

    def others(self, name: str) -> list[Definition]:
        """Return the other networks' files."""
        return [one for one in self.all if one.config["name"] != name]

    def effective(self) -> list[Definition]:
        """Return the file of each network, those that count alone."""
        return list({one.config["name"]: one for one in reversed(self.all)}.values())[::-1]

    def check_readable(self, name: str) -> None:
        """Check that no file of a network's name is malformed: what it defines is not known.

        :raises MalformedData: one is, with what is wrong with it.
        """
        for one in self.malformed:
            file = f"{name}{self.form.EXTENSION}"
            if one.startswith((f"{file}: ", f"{file} ")):
                where = f"its file in {self.folder}"
                raise MalformedData(f"network {name}: {where} cannot be read: {one}: correct or remove it")

    def new_path(self, name: str) -> str:
        """Return a path for a new network's file; it comes after the first one, so that this stays the default.

        :raises MalformedData: the file of the network's name is there, and cannot be read.
        :raises InvalidArgument: the name itself would make it the default network.
        """
        if self.backend == "netavark":
            self.check_readable(name)
            return f"{self.folder}/{name}.json"
        if name == cni_config.DEFAULT_NETWORK and self.default:
            raise InvalidArgument(
                f"network {name}: it would be the default network in the place of {self.default}, which containers "
                "without the option network are on: choose another name, or remove that network first"
            )
        self.check_readable(name)
        first = os.path.basename(self.all[0].path) if self.all else ""
        stem = name if f"{name}.conflist" > first else f"{first.rpartition('.')[0]}_{name}"
        while os.path.lexists(f"{self.folder}/{stem}.conflist"):
            stem += "_"
        return f"{self.folder}/{stem}.conflist"


def described(definition: Definition) -> DefinedNetwork:
    """Return what a file means.

    :raises MalformedData: naming the file and the member that cannot be understood.
    """
    return forms.of(definition.config).read(definition.config, os.path.basename(definition.path))


def inspected(definition: Definition) -> InspectedNetwork:
    """Return a network under podman's keys, with the time at which it was made."""
    return {**described(definition).inspected(), **created(definition)}


def created(definition: Definition) -> InspectedNetwork:
    """Return the key with the time at which a network was made; none where its file has just been removed."""
    try:
        return {"created": timestamp(created_time(definition))}
    except FileNotFoundError:
        return {}


def created_time(definition: Definition) -> float:
    """Return when a network was made, in seconds since the epoch.

    Where its file does not say, that is when the file was last changed, as with podman on CNI.

    :raises FileNotFoundError: neither is known, since there is no file.
    """
    from ..._container.io.log_parts import seconds

    with suppress(InvalidArgument):
        return seconds(forms.of(definition.config).created(definition.config))
    return os.stat(definition.path).st_ctime


def write(path: str, config: Mapping[str, object]) -> None:
    """Write a network's file; one that is a link stays it, and one that is there keeps its mode.

    :raises OSError: the file system refuses.
    """
    path = os.path.realpath(path)
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        failpoint("make the networks' directory")
        os.makedirs(folder, 0o755, exist_ok=True)
    mode = stat.S_IMODE(os.stat(path).st_mode) if os.path.exists(path) else 0o644
    records.write(path, config, mode=mode, indent=forms.of(config).INDENT)


def unfinished(parts: EngineConfig, name: str) -> list[str]:
    """Return what a killed process has left of a new network's file, beside the place where it was to be."""
    backend = Host(parts).network_backend
    where, extension = folder(parts, backend), forms.of_backend(backend).EXTENSION
    ends = (f"{name}{extension}.tmp", f"_{name}{extension}.tmp")
    try:
        there = os.listdir(where)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [f"{where}/{one}" for one in there if one == ends[0] or backend == "cni" and one.endswith(ends[1])]


def clear_unfinished(parts: EngineConfig, name: str) -> None:
    """Remove what ``unfinished`` returns. The caller holds the lock under which files are written."""
    for path in unfinished(parts, name):
        failpoint(f"remove {os.path.basename(path)}")
        os.unlink(path)


def check_removable(definition: Definition) -> None:
    """Raise InvalidState for podman's default network where no file defines it, since it is there without."""
    if not os.path.lexists(definition.path):
        raise InvalidState(f"network {definition.config['name']}: it is the default network, which is always there")
