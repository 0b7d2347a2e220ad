# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets on disk: the content, the record beside it, and the key of digests.

``<static>/secrets/NAME`` is the content, a file of root's that users may write themselves. No secret's name begins with
a dot: ``.engine/NAME.json`` there has what else is known of it, and ``.engine/key`` is this host's key.
"""

from __future__ import annotations

import os
import stat
from typing import Optional

from .._model.engine_config import EngineConfig
from .._model.errors import InvalidArgument, StateCorrupt, not_yet
from .._model.failpoints import failpoint
from .._model.options.syntax.parsers import is_name
from . import records
from .locks import FileLock

LARGEST = 512000  # bytes; podman's limit
_KEY_BYTES = 32
_TEMPORARY = ".engine/content.tmp"


def folder(parts: EngineConfig) -> str:
    """Return the folder of the secrets' content."""
    return f"{parts.static_root}/secrets"


def path_of(parts: EngineConfig, name: str) -> str:
    """Return the file with a secret's content."""
    return f"{folder(parts)}/{name}"


def lock(parts: EngineConfig) -> FileLock:
    """Return the lock under which secrets are written. Its name is no container's."""
    return FileLock(f"{parts.run_root}/locks/+secrets.lock", inherited=False)


def names(parts: EngineConfig) -> list[str]:
    """Return the names of all secrets, sorted."""
    try:
        return sorted(filter(is_name, os.listdir(folder(parts))))
    except FileNotFoundError:
        return []


def read(parts: EngineConfig, name: str) -> bytes:
    """Return the content of a secret.

    :raises InvalidArgument: there is no such file, or others than root may read it.
    """
    if name in parts.planned.secrets:
        return parts.planned.secrets[name]
    path = path_of(parts, name)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        refusal = InvalidArgument(
            f"secrets: {name} cannot be read ({path}: {error.strerror}): make it with libpod_secret, or put the file "
            "there, owned by root, with mode 0600"
        )
        raise (not_yet(refusal) if isinstance(error, FileNotFoundError) else refusal) from error
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode) or info.st_uid != 0 or info.st_mode & 0o077:
            raise InvalidArgument(f"secrets: {path} must be a file owned by root with mode 0600, and it is not")
        if info.st_size > LARGEST:
            raise InvalidArgument(f"secrets: {path} has {info.st_size} bytes: expected at most {LARGEST}")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def write(parts: EngineConfig, name: str, content: bytes) -> None:
    """Replace the content of a secret (under the lock); a concurrent reader gets the old or the new one."""
    _prepare(parts)
    _replace(path_of(parts, name), f"{folder(parts)}/{_TEMPORARY}", content, "secret")


def remove(parts: EngineConfig, name: str) -> None:
    """Remove a secret with its record (under the lock)."""
    failpoint("remove secret")
    for path in (path_of(parts, name), *left(parts, name)):
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass


def check_place(parts: EngineConfig, name: str) -> None:
    """Check that what is in a secret's place can be replaced. :raises InvalidArgument: it is a directory."""
    path = path_of(parts, name)
    if os.path.isdir(path) and not os.path.islink(path):
        raise InvalidArgument(f"secrets: {path} is a directory: move it away, only secrets belong there")


def left(parts: EngineConfig, name: str) -> list[str]:
    """Return the files beside a secret's content: what an interrupted run has left, where there is no content."""
    record_path = _record_path(parts, name)
    paths = (record_path, f"{record_path}.tmp", f"{folder(parts)}/{_TEMPORARY}")
    return [path for path in paths if os.path.lexists(path)]


def record(parts: EngineConfig, name: str) -> dict[str, object]:
    """Return what is recorded beside the content; empty for a secret that a user wrote, and for a damaged record."""
    try:
        found = records.read(_record_path(parts, name))
    except StateCorrupt:
        return {}
    return found if isinstance(found, dict) else {}


def write_record(parts: EngineConfig, name: str, found: dict[str, object]) -> None:
    """Replace the record of a secret (under the lock)."""
    _prepare(parts)
    records.write(_record_path(parts, name), found)


def _record_path(parts: EngineConfig, name: str) -> str:
    return f"{folder(parts)}/.engine/{name}.json"


def _prepare(parts: EngineConfig) -> None:
    for path in (folder(parts), f"{folder(parts)}/.engine"):
        if not os.path.isdir(path):
            failpoint(f"mkdir {os.path.basename(path)}")
            os.makedirs(path, 0o700, exist_ok=True)


def _replace(path: str, temporary: str, content: bytes, what: str) -> None:
    failpoint(f"write {what}")
    try:
        os.unlink(temporary)  # of an interrupted run
    except FileNotFoundError:
        pass
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        failpoint(f"rename {what}")
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    records.sync_directory(os.path.dirname(path))


# Digests, which tell nothing to those without the key


def digests(parts: EngineConfig, contents: dict[str, bytes]) -> dict[str, str]:
    """Return the keyed digest of each secret's content, by name; a host without a key gets one."""
    key = _key(parts)
    if key is None:
        with lock(parts):
            key = _key(parts)
            if key is None:
                key = os.urandom(_KEY_BYTES)
                _prepare(parts)
                _replace(f"{folder(parts)}/.engine/key", f"{folder(parts)}/.engine/key.tmp", key, "key of digests")
    return {name: _digest(key, name, content) for name, content in contents.items()}


def is_of(parts: EngineConfig, digest: str, name: str, content: bytes) -> bool:
    """Return whether the digest is of this content; not, where the host's key is gone."""
    key = _key(parts)
    return key is not None and _digest(key, name, content) == digest


def _digest(key: bytes, name: str, content: bytes) -> str:
    import hmac

    return hmac.new(key, b"%s\0%s" % (name.encode(), content), "sha256").hexdigest()


def _key(parts: EngineConfig) -> Optional[bytes]:
    try:
        with open(f"{folder(parts)}/.engine/key", "rb") as file:
            key = file.read(_KEY_BYTES + 1)
    except FileNotFoundError:
        return None
    return key if len(key) == _KEY_BYTES else None
