# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of a running container whose content has changed: their files replaced under its process.

A new file is mounted in the place of the old one, so that a process reads the whole of one or the other. One that has
the old file open keeps it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Collection

from ..._drivers.kernel import mount_api, securejoin
from ..._model import journal
from ..._model.errors import ContainerStopped, InvalidState
from ..._model.failpoints import failpoint
from ..bundle import secrets
from .mount_changes import Inside, entered, everywhere, holders, point_of

if TYPE_CHECKING:
    from ..._model.options.types import Secret
    from ..base import ContainerBase


def obstacles(container: ContainerBase, names: Collection[str]) -> dict[str, str]:
    """Return why the content of these secrets cannot be replaced in the live container, by name."""
    uses = [one for one in container.config.options["secrets"] if one["name"] in names]
    result = {one["name"]: "it is a variable of the container's process" for one in uses if one["type"] == "env"}
    try:
        with entered(container) as inside:
            general = everywhere(container, container.config, inside)
            for one in uses:
                reason = general or (one["type"] == "mount" and _in_the_way(container, one, inside))
                if reason:
                    result.setdefault(one["name"], reason)
    except ContainerStopped:
        pass
    return result


def _in_the_way(container: ContainerBase, secret: Secret, inside: Inside) -> str:
    if any(one.shared for one in holders(inside.mounts, point_of(inside, secret["target"]))):
        return "the mount around it passes mounts on"
    try:
        held, missing = securejoin.way_to(inside.root, secret["target"])
    except OSError:
        return "something else is in its place"
    try:
        return "" if not missing and _file(container, secret, held) else "something else is in its place"
    finally:
        os.close(held)


def replace(container: ContainerBase, names: Collection[str]) -> None:
    """Give a live container's files of these secrets the present content.

    :raises InvalidState: something has got in the way since ``obstacles``.
    """
    contents = {name: content for name, content in secrets.changed(container).items() if name in names}
    if reasons := obstacles(container, contents):
        name, why = next(iter(reasons.items()))
        raise InvalidState(
            f"secret {name} of container {container.name} cannot be replaced while it runs: {why}; run the task again"
        )
    with entered(container) as inside:
        for secret in container.config.options["secrets"]:
            if secret["name"] in contents:
                _replace(container, secret, inside, contents[secret["name"]])
                journal.begun_update(container.id, container.name)
    secrets.record(container, contents)


def _replace(container: ContainerBase, secret: Secret, inside: Inside, content: bytes) -> None:
    """Mount a new file beneath the old one and remove that; before Linux 6.5 mount it on top, until the next start.

    The kernel drops what is mounted on a file that is unlinked: an old one stays where that may be so.
    """
    folder, name = securejoin.hold(inside.root, secret["target"])
    held = -1
    try:
        held = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        old = _file(container, secret, held)
        if not old:
            raise InvalidState(f"the file of secret {secret['name']} in container {container.name} has just moved")
        path = secrets.file_of(container, secret)
        new = f"{path}.{secrets.number(secrets.files(path)[-1]) + 1}"
        secrets.write_file(container, secret, new, content)
        beneath = mount_api.supports_beneath()
        tree = mount_api.clone(new, os.fstatvfs(held).f_flag & mount_api.FLAGS, "private", recursive=False)
        try:
            mount_api.attach(inside.namespace, tree, held, secret["target"], beneath=beneath)
        finally:
            os.close(tree)
        if beneath:
            mount_api.detach(inside.namespace, folder, name, lazily=True)
            failpoint("remove old secret")
            os.unlink(old)
    finally:
        os.close(folder)
        if held >= 0:
            os.close(held)


def _file(container: ContainerBase, secret: Secret, held: int) -> str:
    """Return which of the engine's files for a secret an open file is, empty for none."""
    there = os.fstat(held)
    paths = secrets.files(secrets.file_of(container, secret))
    return next((path for path in paths if os.path.samestat(there, os.stat(path, follow_symlinks=False))), "")
