# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment and label files: ``KEY=VALUE`` lines, as podman and docker read them."""

from __future__ import annotations

from typing import Iterable

from .._drivers import foreign_files
from .._model import caller
from .._model.errors import InvalidArgument, MalformedData, not_yet


def read(paths: Iterable[str], option: str = "env_file") -> dict[str, str]:
    """Return the variables of the files, later ones winning.

    A line ``KEY`` takes its value from the engine's environment; in a label file it is a label without a value.

    :raises InvalidArgument: a file cannot be read, or has a line without a variable's name. Values are never shown.
    """
    variables: dict[str, str] = {}
    for path in paths:
        try:
            # Lines end at a newline and nowhere else: values may hold what str.splitlines() takes for an end.
            text = foreign_files.read(caller.absolute(path), path).decode("utf-8-sig")
            lines = [line[:-1] if line.endswith("\r") else line for line in text.split("\n")]
        except MalformedData as error:
            raise InvalidArgument(f"{option}: {error}") from error
        except (OSError, ValueError) as error:
            no_text = "its path has a NUL byte" if "\0" in path else "it is not UTF-8 text"
            reason = getattr(error, "strerror", None) or no_text
            refusal = InvalidArgument(f"{option}: {path} cannot be read on the target: {reason}")
            raise (not_yet(refusal) if isinstance(error, FileNotFoundError) else refusal) from error
        for number, line in enumerate(lines, 1):
            line = line.lstrip()
            if not line or line.startswith("#"):
                continue
            key, equals, value = line.partition("=")
            key = key.strip()
            if len(key.split()) != 1:
                named = "variable" if option == "env_file" else "label"
                raise InvalidArgument(f"{option}: line {number} of {path} has no {named}'s name: expected KEY=VALUE")
            if equals or option != "env_file":
                variables[key] = value
            elif key in caller.environment:
                variables[key] = caller.environment[key]
    return variables
