# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets: files of root below the static root, which containers get as files in memory or as variables."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ..._drivers.kernel import syscalls
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, not_yet
from ..._model.failpoints import failpoint

if TYPE_CHECKING:
    from ..._model.options.types import Secret
    from ..base import ContainerBase

# podman's limit, in bytes.
_LARGEST = 512000


def _read(parts: EngineConfig, name: str) -> bytes:
    """Return the content of a secret.

    :raises InvalidArgument: there is no such file, or others than root may read it.
    """
    path = f"{parts.static_root}/secrets/{name}"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        refusal = InvalidArgument(
            f"secrets: {name} cannot be read ({path}: {error.strerror}): put it there, owned by root, with mode 0600"
        )
        raise (not_yet(refusal) if isinstance(error, FileNotFoundError) else refusal) from error
    with open(descriptor, "rb") as file:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode) or info.st_uid != 0 or info.st_mode & 0o077:
            raise InvalidArgument(f"secrets: {path} must be a file owned by root with mode 0600, and it is not")
        if info.st_size > _LARGEST:
            raise InvalidArgument(f"secrets: {path} has {info.st_size} bytes: expected at most {_LARGEST}")
        return file.read()


def variables(parts: EngineConfig, wanted: list[Secret]) -> dict[str, str]:
    """Return the secrets that are environment variables; those of any type are read and checked.

    :raises InvalidArgument: one cannot be used.
    """
    result = {}
    for secret in wanted:
        content = _read(parts, secret["name"])
        if secret["type"] == "env":
            if b"\0" in content:
                raise InvalidArgument(f"secrets: {secret['name']} has a NUL byte, which no variable can hold: mount it")
            result[secret["target"]] = content.decode(errors="surrogateescape")
    return result


def mount(container: ContainerBase) -> dict[str, str]:
    """Write the secrets that are files into a tmpfs, and return these files by path in the container."""
    wanted = [secret for secret in container.config.options["secrets"] if secret["type"] == "mount"]
    if not wanted:
        return {}
    directory, config = container.secrets_dir, container.config
    if not os.path.isdir(directory):
        failpoint("mkdir secrets")
        os.mkdir(directory, 0o700)
    flags = syscalls.MS_NOSUID | syscalls.MS_NOEXEC | syscalls.MS_NODEV
    syscalls.mount("secrets", directory, "tmpfs", flags, "mode=700")
    if config.id_mappings:
        # The OCI runtime walks here as the container's own root.
        os.chown(directory, config.host_root("uid"), config.host_root("gid"))
    result = {}
    for number, secret in enumerate(wanted):
        path = f"{directory}/{number}"
        failpoint("write secret")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(_read(container.host.parts, secret["name"]))
            os.fchown(descriptor, config.host_id(secret["uid"], "uid"), config.host_id(secret["gid"], "gid"))
            os.fchmod(descriptor, secret["mode"])
        result[secret["target"]] = path
    return result
