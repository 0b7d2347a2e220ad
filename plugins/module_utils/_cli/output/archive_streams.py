# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives on standard input and standard output, as a file in a folder of this run."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Iterator

from ..._drivers.trees import content
from ..._model import caller
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, MalformedData
from ..._resources.images.work_folder import clear, work_folder


@contextmanager
def from_file(parts: EngineConfig, path: str) -> Iterator[str]:
    """Yield the path of an archive, for ``-`` that of a copy of standard input.

    :raises InvalidArgument: standard input is a terminal.
    """
    if path != "-":
        yield caller.absolute(path)
        return
    refusal = "an archive is not read from a terminal: redirect standard input, or name a file"
    with _spooled(parts, 0, refusal) as spooled:
        with open(spooled, "xb") as file:
            content.copy(0, file.fileno())
        yield spooled


@contextmanager
def to_file(parts: EngineConfig, path: str) -> Iterator[str]:
    """Yield the path at which an archive is to be written; without one, standard output gets it in the end.

    A slow reader of standard output then holds no lock of a container or of the store.

    :raises InvalidArgument: standard output is a terminal.
    """
    if path:
        yield caller.absolute(path)
        return
    refusal = "an archive is not written to a terminal: redirect standard output, or give --output"
    with _spooled(parts, 1, refusal) as spooled:
        yield spooled
        with open(spooled, "rb") as file:
            content.copy(file.fileno(), 1)


@contextmanager
def _spooled(parts: EngineConfig, stream: int, refusal: str) -> Iterator[str]:
    """Yield the path of a file that does not exist yet, in a folder of this run.

    :raises InvalidArgument: the ``stream`` is a terminal.
    """
    if os.isatty(stream):
        raise InvalidArgument(refusal)
    clear(parts)
    with work_folder(parts) as folder:
        yield f"{folder}/archive"


@contextmanager
def called(path: str, given: str) -> Iterator[None]:
    """Have an error name standard input in the place of the copy that was made of it."""
    try:
        yield
    except (InvalidArgument, MalformedData) as error:
        if given != "-":
            raise
        raise type(error)(str(error).replace(path, "standard input")) from error
