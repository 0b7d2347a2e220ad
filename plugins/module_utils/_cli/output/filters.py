# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``--filter KEY=VALUE``, as podman's: values of one key are alternatives; labels and different keys must all fit."""

from __future__ import annotations

import argparse
import re
from typing import Callable, Mapping, Sequence, TypeVar

from ..._model.errors import InvalidArgument
from ..._model.options.syntax.parsers import wrong

T = TypeVar("T")  # what is filtered
Predicate = Callable[[T], bool]
Known = Mapping[str, Callable[[str], Predicate[T]]]  # key: what makes a predicate of a value
_DEMANDED = ("label", "label!")
_LONGEST = 1000  # characters of a pattern


def add_filter(parser: argparse.ArgumentParser, known: Known[T]) -> None:
    """Add ``--filter``."""
    keys = ", ".join(sorted(known))
    parser.add_argument(
        "-f", "--filter", action="append", default=[], metavar="KEY=VALUE", help=f"KEY is one of {keys}"
    )


def matcher(words: Sequence[str], known: Known[T]) -> Predicate[T]:
    """Return whether a thing passes all the filters.

    :raises InvalidArgument: there is no such filter, or its value cannot be used.
    """
    groups: dict[str, list[Predicate[T]]] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in known:
            raise wrong("--filter", word, f"KEY=VALUE, KEY one of {', '.join(sorted(known))}")
        groups.setdefault(key, []).append(known[key](value))
    return lambda one: all(
        (all if key in _DEMANDED else any)(suits(one) for suits in predicates) for key, predicates in groups.items()
    )


def pattern(of: Callable[[T], Sequence[str]]) -> Callable[[str], Predicate[T]]:
    """Return what makes a predicate of a regular expression, which one of the texts contains."""

    def make(value: str) -> Predicate[T]:
        try:
            compiled = re.compile(value[:_LONGEST])
        except re.error as error:
            raise InvalidArgument(f"--filter: {value!r} is no regular expression: {error}") from error
        return lambda one: any(compiled.search(text) for text in of(one))

    return make


def equal(of: Callable[[T], Sequence[str]]) -> Callable[[str], Predicate[T]]:
    """Return what makes a predicate of a text that is one of the thing's."""
    return lambda value: lambda one: value in of(one)


def beginning(of: Callable[[T], Sequence[str]]) -> Callable[[str], Predicate[T]]:
    """Return what makes a predicate of the beginning of a text, such as an ID's."""
    return lambda value: lambda one: any(text.startswith(value) for text in of(one))


def labels(of: Callable[[T], Mapping[str, str] | None]) -> Known[T]:
    """Return the filters ``label`` and ``label!``: KEY, or KEY=VALUE."""

    def make(value: str) -> Predicate[T]:
        key, equals, wanted = value.partition("=")

        def suits(one: T) -> bool:
            found = of(one) or {}
            return key in found and (not equals or found[key] == wanted)

        return suits

    def make_not(value: str) -> Predicate[T]:
        suits = make(value)
        return lambda one: not suits(one)

    return {"label": make, "label!": make_not}


def flag(of: Callable[[T], bool]) -> Callable[[str], Predicate[T]]:
    """Return what makes a predicate of true or false."""

    def make(value: str) -> Predicate[T]:
        if value not in ("true", "false"):
            raise wrong("--filter", value, "true or false")
        return lambda one: of(one) is (value == "true")

    return make


def integer(of: Callable[[T], object]) -> Callable[[str], Predicate[T]]:
    """Return what makes a predicate of a number."""

    def make(value: str) -> Predicate[T]:
        if not re.fullmatch(r"-?\d{1,9}", value):
            raise wrong("--filter", value, "a number")
        return lambda one: of(one) == int(value)

    return make
