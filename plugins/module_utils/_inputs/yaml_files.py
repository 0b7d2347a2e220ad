# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML files on the target that a task names."""

from __future__ import annotations

from typing import Callable

from .._drivers import foreign_files
from .._model import foreign_yaml
from .._model.errors import InvalidArgument, MalformedData, NotImplementedByHost
from .._model.foreign import Foreign

Parse = Callable[[bytes, str], Foreign]


def read(path: str, option: str = "files", parse: Parse = foreign_yaml.parse_core) -> object:
    """Return a file's content; ``option`` is the one that names the file.

    :raises MalformedData: it is no YAML, or too large. :raises InvalidArgument: it cannot be read.
    """
    try:
        return parse(text_of(path, option), path).value
    except ImportError:
        raise NotImplementedByHost(
            f"{option}: {path} cannot be read without PyYAML: install the package python3-yaml (python3-pyyaml on Red "
            "Hat's distributions) on the target, or give the content as definition"
        ) from None


def decoded(path: str, option: str) -> str:
    """Return the text of a file on the target.

    :raises InvalidArgument: it cannot be read. :raises MalformedData: it is no text.
    """
    try:
        return text_of(path, option).decode()
    except UnicodeDecodeError:
        raise MalformedData(f"{path}: not UTF-8 text") from None


def text_of(path: str, option: str) -> bytes:
    """Return the bytes of a file on the target.

    :raises InvalidArgument: it cannot be read.
    """
    try:
        return foreign_files.read(path, max_bytes=foreign_yaml.MAX_BYTES)
    except OSError as error:
        raise InvalidArgument(f"{option}: {path} cannot be read on the target: {error.strerror}") from error
    except ValueError:
        raise InvalidArgument(f"{option}: the path of a file has a NUL byte") from None
