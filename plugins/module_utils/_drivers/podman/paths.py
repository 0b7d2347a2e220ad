# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where podman has the parts of a container; a record that names other places is not followed."""

from __future__ import annotations

import os
import re
from typing import Iterator

from ..._model.errors import MalformedData, shortened
from ..._model.foreign import Foreign
from ..storage.roots import StorageRoots
from . import networks
from .container import PodmanContainer

ETC_FILES = ("hosts", "resolv.conf", "hostname")
_NAMESPACES = "/run/netns"


def shm_dir(roots: StorageRoots, container_id: str) -> str:
    """Return where podman mounts a container's own /dev/shm."""
    return f"{roots.root}/{roots.driver}-containers/{container_id}/userdata/shm"


def check(theirs: PodmanContainer) -> None:
    """Check that what the engine links, makes, unmounts or removes by a path on record is the container's own.

    :raises MalformedData: a path leads elsewhere.
    """
    own = re.compile(rf"(/[^/]+)+-containers/{theirs.id}/userdata")
    config, state = theirs.config, theirs.state
    static, run = config["staticDir"], state["runDir"]
    for found in (static, run):
        path = found.text()
        if path and not (own.fullmatch(path) and os.path.normpath(path) == path):
            found.fail(f"a directory of this container, which ends with -containers/{theirs.id}/userdata")
    for found, expected in _inside(theirs, static.text(), run.text()):
        if found.text() not in ("", expected):
            found.fail(f"the path {expected}")
    if theirs.netns and not re.fullmatch(rf"{_NAMESPACES}/[\w-][\w.-]*", theirs.netns):
        raise MalformedData(
            f"podman's state of container {theirs.name}: netns: expected a file in {_NAMESPACES}, found "
            f"{ascii(shortened(theirs.netns, 200))}"
        )
    networks.records(theirs)


def _inside(theirs: PodmanContainer, static: str, run: str) -> Iterator[tuple[Foreign, str]]:
    """Yield the paths on record of what is in the two directories, and what each should be."""
    if is_own_shm(theirs):
        yield theirs.config["ShmDir"], f"{static}/shm"
    yield theirs.state["configPath"], f"{static}/config.json"
    for name in ETC_FILES:
        yield theirs.state["bindMounts"][f"/etc/{name}"], f"{run}/{name}"


def is_own_shm(theirs: PodmanContainer) -> bool:
    """Return whether podman has mounted the container's /dev/shm; with ``ipc`` host, it is the host's."""
    return theirs.config["ShmDir"].text() in theirs.config["mounts"].texts()
