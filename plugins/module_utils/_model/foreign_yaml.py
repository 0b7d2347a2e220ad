# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reader of YAML that the engine did not write, by PyYAML's safe loader and within bounds."""

from __future__ import annotations

from typing import Any

from .errors import MalformedData
from .foreign import Foreign

MAX_BYTES = 1 << 20  # files of the Container Device Interface have some ten thousand
_DEEPEST = 32  # levels of lists and mappings; such a file has seven
_MAX_SCALAR = 1 << 16  # characters; of a number in base 60 the reading time grows with their square
_SHOWN = 200  # characters of PyYAML's message


def parse(text: bytes, origin: str) -> Foreign:
    """Return the one YAML document in ``text``; ``origin`` names the file in messages.

    :raises MalformedData: it is no YAML, or has an alias, or a tag other than those of plain data, or is too large.
    :raises ImportError: Python has no PyYAML.
    """
    import yaml

    # The loader of libyaml, where PyYAML was built with it, is ten times as fast.
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    if len(text) > MAX_BYTES:
        raise MalformedData(f"{origin}: longer than the {MAX_BYTES} bytes that are read")
    try:
        content = text.decode()
        _check(yaml, yaml.parse(content, Loader=loader), origin)
        return Foreign(yaml.load(content, Loader=loader), origin)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise MalformedData(f"{origin}: not valid YAML: {' '.join(str(error).split())[:_SHOWN]}") from None


def _check(yaml: Any, events: Any, origin: str) -> None:
    """:raises MalformedData: the document takes more to build than its length says."""
    depth = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            # A few of them, one in another, stand for more than any memory holds.
            raise MalformedData(f"{origin}: YAML aliases are not read: write *{event.anchor} out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST or isinstance(event, yaml.ScalarEvent) and len(event.value) > _MAX_SCALAR:
            line = event.start_mark.line + 1
            raise MalformedData(f"{origin}: line {line} is nested too deeply or too long to be read")
