# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder for one operation on images, below the static root; the next operation removes what a killed one left."""

from __future__ import annotations

import os
from contextlib import contextmanager
from itertools import count
from typing import Iterator

from ..._drivers.trees import removal
from ..._model.engine_config import EngineConfig
from ..._model.failpoints import failpoint
from ..._store.locks import FileLock


@contextmanager
def work_folder(parts: EngineConfig) -> Iterator[str]:
    """Yield a new folder that only root can enter, and remove it in the end; before, remove what killed ones left."""
    clear(parts)
    top = f"{parts.static_root}/images"
    os.makedirs(top, 0o700, exist_ok=True)
    for number in count():
        with _if_free(parts, str(number)) as taken:
            if taken:
                failpoint("make work folder")
                removal.remove(f"{top}/{number}")
                os.mkdir(f"{top}/{number}", 0o700)
                try:
                    yield f"{top}/{number}"
                except OSError as error:
                    # That of a write names no file.
                    if error.filename is None and error.errno is not None:
                        error.filename = f"{top}/{number}"
                    raise
                finally:
                    _remove(top, str(number))
                return


def clear(parts: EngineConfig) -> None:
    """Remove the folders that killed operations have left."""
    top = f"{parts.static_root}/images"
    for name in os.listdir(top) if os.path.isdir(top) else []:
        with _if_free(parts, name) as taken:
            if taken:
                _remove(top, name)


@contextmanager
def _if_free(parts: EngineConfig, name: str) -> Iterator[bool]:
    """Yield whether the lock of a folder could be taken, and hold it then."""
    lock = _lock(parts, name)
    with lock.if_free() as taken:
        try:
            yield taken
        finally:
            if taken:
                lock.discard()


def _remove(top: str, name: str) -> None:
    failpoint("remove work folder")
    removal.remove(f"{top}/{name}")


def _lock(parts: EngineConfig, name: str) -> FileLock:
    # No container's name has a dot in front.
    return FileLock(f"{parts.run_root}/locks/.image-{name}.lock")
