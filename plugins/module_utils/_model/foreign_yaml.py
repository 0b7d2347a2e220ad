# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reader of YAML that the engine did not write, by PyYAML's safe loader and within bounds."""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Iterator, NamedTuple, Sequence

from .errors import MalformedData
from .foreign import Foreign

MAX_BYTES = 1 << 20  # files of the Container Device Interface have some ten thousand
_DEEPEST = 32  # levels of lists and mappings; such a file has seven
_MAX_SCALAR = 1 << 16  # characters; of a number in base 60 the reading time grows with their square
_OWN = "of this module"  # the note of an error that quotes no value
_NUMBERS = ("tag:yaml.org,2002:float", "tag:yaml.org,2002:int")
# What PyYAML quotes of a file, which may be a secret, but for one character and the kinds of its tokens.
_QUOTED = re.compile(r"""'(?!<[a-z ]+>')[^']{2,}'|"[^"]{2,}\"""")
_SHOWN = 200  # characters of PyYAML's message
_PLAIN = ("binary", "bool", "float", "int", "map", "merge", "null", "omap", "pairs", "seq", "set", "str", "timestamp")
_TAGS = frozenset(("!", *(f"tag:yaml.org,2002:{one}" for one in _PLAIN)))
_MAX_NODES = 1 << 16  # of a document with its aliases written out
# The core schema of YAML 1.2 without its floating point numbers: tag, pattern, first characters.
_CORE = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,18}|0[0-7]{1,21})|0o[0-7]{1,22}|0x[0-9a-fA-F]{1,16}", list("-+0123456789")),
    ("merge", r"<<", ["<"]),
)


class Tagged(NamedTuple):
    """A value with a tag of a kind of files, such as ``!reset``."""

    tag: str
    value: object


def parse(text: bytes, origin: str) -> Foreign:
    """Return the one YAML document in ``text``; ``origin`` names the file in messages.

    :raises MalformedData: it is no YAML, or has an alias, or a tag other than those of plain data, or is too large.
    :raises ImportError: Python has no PyYAML.
    """
    import yaml

    return _parse(yaml, text, origin, _loader(yaml), 0)


def parse_core(text: bytes, origin: str, tags: Sequence[str] = ()) -> Foreign:
    """Return the one document in ``text`` by the core schema of YAML 1.2, with anchors, aliases and merge keys.

    There ``yes``, ``22:22`` and dates are text, and so are floating point numbers here, which stay as they are written.
    A value with one of the ``tags`` is a ``Tagged``.

    :raises MalformedData: as ``parse``, and where the document with its aliases written out is too large, or a
        mapping has a key twice.
    :raises ImportError: Python has no PyYAML.
    """
    import yaml

    return _parse(yaml, text, origin, _core(yaml, tags), _MAX_NODES, tags)


def parse_core_all(text: bytes, origin: str) -> Foreign:
    """Return the documents in ``text`` as a list, each read as by ``parse_core``.

    :raises MalformedData: as ``parse_core``; its bounds hold for all of them together.
    :raises ImportError: Python has no PyYAML.
    """
    import yaml

    return _parse(yaml, text, origin, _core(yaml), _MAX_NODES, several=True)


def _core(yaml: object, tags: Sequence[str] = ()) -> object:
    """Return the loader of the core schema, and of values with ``tags``."""
    checked: dict[int, object] = {}  # the nodes by their ID, which another one may have once a node is gone

    class Core(_loader(yaml)):  # type: ignore[misc]  # PyYAML has no types
        """The safe loader with the resolvers of another schema."""

        yaml_implicit_resolvers: dict[str, object] = {}

        def flatten_mapping(self, node: object) -> None:
            # Merge keys are written out in the node, which is then seen again where others merge it.
            if id(node) not in checked:
                checked[id(node)] = node
                _check_keys(yaml, node)
            super().flatten_mapping(node)

    for tag, pattern, first in _CORE:
        Core.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"(?:{pattern})$"), first)
    for tag in tags:
        Core.add_constructor(tag, partial(_tagged, yaml))
    return Core


def _tagged(yaml: Any, loader: Any, node: Any) -> Tagged:
    """Return the value of a node as it would be without its tag, with it."""
    plain = isinstance(node, yaml.ScalarNode) and not node.style
    tag = loader.resolve(type(node), node.value, (plain, True))
    return Tagged(
        node.tag, loader.construct_object(type(node)(tag, node.value, node.start_mark, node.end_mark), deep=True)
    )


def _loader(yaml: Any) -> object:
    """Return the loader of libyaml, which is ten times as fast, where PyYAML was built with it."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _parse(
    yaml: Any, text: bytes, origin: str, loader: object, most: int, tags: Sequence[str] = (), *, several: bool = False
) -> Foreign:
    """Return the document that ``loader`` makes of the text, or a list of ``several``.

    They have ``most`` nodes with aliases written out, 0 for none. No message has a value, which may be a secret.
    """
    if len(text) > MAX_BYTES:
        raise MalformedData(f"{origin}: longer than the {MAX_BYTES} bytes that are read")
    try:
        content = text.decode()
        _check(yaml, _tags_checked(yaml, yaml.parse(content, Loader=loader), origin, tags), origin, most)
        loaded = list(yaml.load_all(content, Loader=loader)) if several else yaml.load(content, Loader=loader)
        return Foreign(loaded, origin)
    except yaml.YAMLError as error:
        raise MalformedData(f"{origin}: not valid YAML: {_explained(yaml, error)[:_SHOWN]}") from None
    except UnicodeDecodeError:
        raise MalformedData(f"{origin}: not valid YAML: not UTF-8 text") from None
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        reason = "nested too deeply, or with a value that is not of the kind of its tag"
        raise MalformedData(f"{origin}: not valid YAML: {reason}") from None


def _explained(yaml: Any, error: object) -> str:
    """Return what an error says, without lines of the file."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return " ".join(str(error).split()).replace('in "<unicode string>", ', "at ")
    words = []
    for text, mark in ((error.context, error.context_mark), (error.problem, error.problem_mark)):
        words += [text] if text else []
        words += [f"at line {mark.line + 1}, column {mark.column + 1}"] if mark else []
    said = " ".join(" ".join(words).split())
    return said if error.note == _OWN else _QUOTED.sub("…", said)


def _tags_checked(yaml: Any, events: Any, origin: str, tags: Sequence[str]) -> Iterator[object]:
    """Yield the events.

    :raises MalformedData: a value has a tag that is neither one of plain data nor one of ``tags``.
    """
    for event in events:
        tag = event.tag if isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)) else None
        if tag and tag not in _TAGS and tag not in tags:
            line = event.start_mark.line + 1
            raise MalformedData(
                f"{origin}: not valid YAML: line {line} has a tag that is not read here: quote a text that begins with "
                "'!'"
            )
        yield event


def _check_keys(yaml: Any, node: Any) -> None:
    """Raise yaml.YAMLError if a mapping has a key twice, of which YAML 1.2 knows no order."""
    keys = set()
    for key, _value in node.value:
        if isinstance(key, yaml.ScalarNode):
            if (key.tag, key.value) in keys:
                twice = f"the key {key.value!r} stands there twice"
                raise yaml.MarkedYAMLError(problem=twice, problem_mark=key.start_mark, note=_OWN)
            keys.add((key.tag, key.value))


def _check(yaml: Any, events: Any, origin: str, most: int) -> None:
    """Raise MalformedData if the document takes more to build than its length says."""
    nodes, begun = 0, []
    weights: dict[str, int] = {}
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            # A few of them, one in another, stand for more than any memory holds.
            if not most:
                raise MalformedData(f"{origin}: YAML aliases are not read: write *{event.anchor} out")
            if event.anchor not in weights:
                raise MalformedData(
                    f"{origin}: line {event.start_mark.line + 1} has an alias that stands for no node that ends before "
                    "it: quote a text that begins with '*'"
                )
            nodes += weights[event.anchor]
        elif isinstance(event, yaml.CollectionStartEvent):
            begun.append((event.anchor, nodes))
            nodes += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = begun.pop()
            weights[anchor] = nodes - before
        elif isinstance(event, yaml.ScalarEvent):
            nodes += 1
            weights[event.anchor] = 1
        if most and nodes > most:
            raise MalformedData(f"{origin}: has more than {most} values with its aliases written out")
        # By the core schema no number without a tag is long.
        limited = isinstance(event, yaml.ScalarEvent) and (not most or event.tag in _NUMBERS)
        if len(begun) > _DEEPEST or limited and len(event.value) > _MAX_SCALAR:
            line = event.start_mark.line + 1
            raise MalformedData(f"{origin}: line {line} is nested too deeply or too long to be read")
