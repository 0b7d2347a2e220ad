# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How values of quadlet files become values of options: each function makes what adds an entry to options."""

from __future__ import annotations

from typing import Callable, Sequence

from ..stack import Options
from .units import Entry, words

TRUE = ("1", "yes", "true", "on", "y", "t")
_FALSE = ("0", "no", "false", "off", "n", "f")
Adding = Callable[[Entry, Options], None]


def text(entry: Entry) -> str:
    return entry.value


def flag(entry: Entry) -> bool:
    if entry.value.lower() not in TRUE + _FALSE:
        entry.fail("true or false")
    return entry.value.lower() in TRUE


def replacing(option: str, value: Callable[[Entry], object]) -> Adding:
    return lambda entry, options: options.update({option: value(entry)})


def adding(option: str, value: Callable[[Entry], Sequence[object]]) -> Adding:
    return lambda entry, options: options.setdefault(option, []).extend(value(entry))


def updating(option: str) -> Adding:
    """Return what adds the KEY=VALUE words of an entry to a mapping."""

    def update(entry: Entry, options: Options) -> None:
        pairs = [word.partition("=") for word in words(entry)]
        if not all(key for key, _equals, _value in pairs):
            entry.fail("KEY=VALUE")
        options.setdefault(option, {}).update((key, value) for key, _equals, value in pairs)

    return update


def security(form: str) -> Adding:
    return adding("security_opt", lambda entry: [form.format(entry.value)])


def flagged(entry: Entry, options: Options, value: str) -> None:
    """Add a security option where the entry is true."""
    if flag(entry):
        options.setdefault("security_opt", []).append(value)


def host_pair(entry: Entry) -> tuple[str, str]:
    name, colon, address = entry.value.partition(":")
    if not (name and colon and address):
        entry.fail("HOST:IP")
    return name, address


def host(entry: Entry, options: Options) -> None:
    name, address = host_pair(entry)
    options.setdefault("etc_hosts", {})[name] = address


def tmpfs(entry: Entry, options: Options) -> None:
    target, _colon, flags = entry.value.partition(":")
    options.setdefault("tmpfs", {})[target] = flags


def log_opt(entry: Entry, options: Options) -> None:
    key, _equals, value = entry.value.partition("=")
    option = {"path": "path", "max-size": "max_size", "max_size": "max_size", "tag": "tag"}.get(key)
    if option is None:
        entry.fail("path, max-size or tag")
    options.setdefault("log_opt", {})[option] = value


def network_options(entry: Entry, options: Options) -> None:
    """Add the network's options; ``KEY=VALUE`` separated by commas."""
    for part in entry.value.split(","):
        key, _equals, value = part.partition("=")
        if key not in ("isolate", "metric", "mode", "mtu", "parent", "vlan"):
            entry.fail("isolate, metric, mode, mtu, parent or vlan")
        if key == "isolate" and value.lower() not in TRUE + _FALSE:
            entry.fail("isolate=true or isolate=false")
        options.setdefault("opt", {})[key] = value if key != "isolate" else value.lower() in TRUE


def at(values: Sequence[str], index: int, key: str) -> dict[str, str]:
    return {key: values[index]} if index < len(values) else {}
