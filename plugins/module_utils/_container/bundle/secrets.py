# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of a container: files in memory, or variables; and which of them have another content by now."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Iterable, Mapping

from ..._drivers.kernel import syscalls
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument
from ..._model.failpoints import failpoint
from ..._store import secrets as store

if TYPE_CHECKING:
    from ..._model.options.types import Secret
    from ..base import ContainerBase

_RECORD = "secrets"


def variables(parts: EngineConfig, wanted: list[Secret]) -> dict[str, str]:
    """Return the secrets that are environment variables; those of any type are read and checked.

    :raises InvalidArgument: one cannot be used.
    """
    return _variables(wanted, _contents(parts, wanted))


def _contents(parts: EngineConfig, wanted: Iterable[Secret]) -> dict[str, bytes]:
    return {name: store.read(parts, name) for name in dict.fromkeys(secret["name"] for secret in wanted)}


def _variables(wanted: list[Secret], contents: Mapping[str, bytes]) -> dict[str, str]:
    result = {}
    for secret in wanted:
        if secret["type"] == "env":
            if b"\0" in contents[secret["name"]]:
                raise InvalidArgument(f"secrets: {secret['name']} has a NUL byte, which no variable can hold: mount it")
            result[secret["target"]] = contents[secret["name"]].decode(errors="surrogateescape")
    return result


def deliver(container: ContainerBase) -> tuple[dict[str, str], dict[str, str]]:
    """Return the files of a new life's secrets by path in the container, and its variables.

    The files are in a tmpfs. A digest of each content is recorded, for ``changed``.

    :raises InvalidArgument: a secret cannot be used.
    """
    wanted, parts = container.config.options["secrets"], container.host.parts
    contents = _contents(parts, wanted)
    result = _variables(wanted, contents)
    files = _mount(container, [one for one in wanted if one["type"] == "mount"], contents)
    with suppress(OSError):  # on a full disk the container starts all the same
        container.store.write_side_record(container.id, _RECORD, store.digests(parts, contents))
    return files, result


def _mount(container: ContainerBase, wanted: list[Secret], contents: Mapping[str, bytes]) -> dict[str, str]:
    """Write the secrets that are files into a tmpfs, and return these files by path in the container."""
    if not wanted:
        return {}
    directory, config = container.secrets_dir, container.config
    if not os.path.isdir(directory):
        failpoint("mkdir secrets")
        os.mkdir(directory, 0o700)
    flags = syscalls.MS_NOSUID | syscalls.MS_NOEXEC | syscalls.MS_NODEV
    syscalls.mount("secrets", directory, "tmpfs", flags, "mode=700", label=container.state.mount_label)
    if config.id_mappings:
        # The OCI runtime walks here as the container's own root.
        os.chown(directory, config.host_root("uid"), config.host_root("gid"))
    for secret in wanted:
        write_file(container, secret, file_of(container, secret), contents[secret["name"]])
    return {secret["target"]: file_of(container, secret) for secret in wanted}


def file_of(container: ContainerBase, secret: Secret) -> str:
    """Return the file in the tmpfs that a secret is mounted from."""
    targets = [one["target"] for one in container.config.options["secrets"] if one["type"] == "mount"]
    return f"{container.secrets_dir}/{targets.index(secret['target'])}"


def files(path: str) -> list[str]:
    """Return a secret's files, ``path`` first: of the content it started with, and with a number of later ones."""
    folder, first = os.path.split(path)
    found = [f"{folder}/{name}" for name in os.listdir(folder) if name.partition(".")[0] == first]
    return sorted(found, key=number)


def number(path: str) -> int:
    """Return the number of a secret's file."""
    return int(os.path.basename(path).partition(".")[2] or 0)


def write_file(container: ContainerBase, secret: Secret, path: str, content: bytes) -> None:
    """Write a secret's file in the tmpfs, with the owner and mode that the option says."""
    failpoint("write secret")
    config = container.config
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        os.fchown(descriptor, config.host_id(secret["uid"], "uid"), config.host_id(secret["gid"], "gid"))
        os.fchmod(descriptor, secret["mode"])


def changed(container: ContainerBase) -> dict[str, bytes]:
    """Return the present content of the secrets whose content has changed since the container last started, by name.

    Where an earlier version of the engine started it, there is no digest: then its files are compared.

    :raises InvalidArgument: a secret cannot be read.
    """
    recorded, parts = _recorded(container), container.host.parts
    if container.id in parts.planned.restarted:
        return {}
    contents = _contents(parts, container.config.options["secrets"])
    return {
        name: content
        for name, content in contents.items()
        if not (
            store.is_of(parts, str(recorded[name]), name, content)
            if name in recorded
            else _has(container, name, content)
        )
    }


def _recorded(container: ContainerBase) -> dict[str, object]:
    recorded = container.store.side_record(container.id, _RECORD)
    return recorded if isinstance(recorded, dict) else {}


def _has(container: ContainerBase, name: str, content: bytes) -> bool:
    """Return whether the container's files of a secret have this content, also where it has none now."""
    for secret in container.config.options["secrets"]:
        if secret["name"] == name and secret["type"] == "mount" and os.path.isdir(container.secrets_dir):
            for path in files(file_of(container, secret))[-1:]:
                with open(path, "rb") as file:
                    if file.read() != content:
                        return False
    return True


def record(container: ContainerBase, contents: Mapping[str, bytes]) -> None:
    """Record that a container has these contents by now."""
    new = store.digests(container.host.parts, dict(contents))
    container.store.write_side_record(container.id, _RECORD, {**_recorded(container), **new})
