# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of Kubernetes YAML: their documents, and the data of ConfigMaps and Secrets."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Iterator, Mapping, NamedTuple, Sequence

from ..._model.errors import MalformedData
from ..._model.foreign import Foreign
from ..fields import Fields, labels, scalar, unread
from ..stack import Options

PAGE = "docs/howto/kubernetes-yaml.md"
OWNER = "libpod.engine.kube"
_MOST = 500  # objects
_LARGEST = 512000  # bytes of a secret of the engine
_DNS_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,98}[A-Za-z0-9])?")  # podman generates capitals too
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # of what is on the host
_KEY = re.compile(r"[A-Za-z0-9._-]{1,100}")
_BOOKKEEPING = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")


class Metadata(NamedTuple):
    """The metadata of an object, or of a template's pods."""

    name: str
    labels: dict[str, str]
    annotations: dict[str, str]


class Object(NamedTuple):
    """One object: its document, whose messages begin with the file and with its kind and name."""

    kind: str
    metadata: Metadata
    root: Foreign
    fields: Fields

    def content(self, *known: str) -> None:
        """Check that the document has no other fields than these and those that each has.

        :raises MalformedData: it has.
        """
        names = ("apiVersion", "kind", "metadata", "status", *known)
        self.fields.of(self.root, dict.fromkeys(names, unread))


def fields_of(node: Foreign) -> Fields:
    """Return the reader of a document's fields."""
    return Fields(lambda _path: node.origin, PAGE)


def metadata(fields: Fields, node: Foreign, name: str = "") -> Metadata:
    """Return an object's metadata; ``name`` is that of an object whose template they are of."""
    found = fields.of(
        node,
        {
            "annotations": lambda one: {"annotations": labels(one)},
            "labels": lambda one: {"labels": labels(one)},
            "name": lambda one: {"name": scalar(one)},
            **dict.fromkeys(_BOOKKEEPING, unread),
        },
        ("namespace",),
    )
    name = name or found.get("name", "")
    if not _DNS_NAME.fullmatch(name):
        node["name"].fail("a name of letters, digits, '-' and '.', which begin and end neither")
    return Metadata(name, found.get("labels", {}), found.get("annotations", {}))


def named(node: Foreign) -> str:
    """Return the name of a part of a pod, which is in names on the host."""
    name = node.text(required=True)
    if not _NAME.fullmatch(name):
        node.fail("a name of letters, digits, '_', '.' and '-', a letter or digit first")
    return name


def objects(sources: Sequence[tuple[str, object]]) -> list[Object]:
    """Return the objects of ``sources`` (name, documents), those of lists included.

    :raises MalformedData: a document is no object, or one is given twice.
    """
    found: dict[tuple[str, str], Object] = {}
    for origin, documents in sources:
        for number, document in enumerate(documents if isinstance(documents, (list, tuple)) else [documents], 1):
            for one in _listed(Foreign(document, f"{origin}: document {number}")):
                key = one.kind, one.metadata.name
                if key in found:
                    raise MalformedData(f"{one.root.origin}: {' '.join(key)} is given twice: expected it once")
                found[key] = one._replace(root=Foreign(one.root.value, f"{origin}: {one.kind} {one.metadata.name}"))
                found[key] = found[key]._replace(fields=fields_of(found[key].root))
    if len(found) > _MOST:
        raise MalformedData(f"{sources[0][0]}: has more than {_MOST} objects")
    return list(found.values())


def _listed(node: Foreign) -> Iterator[Object]:
    if not node:
        return
    kind = node["kind"].text(required=True)
    fields = fields_of(node)
    if not kind.endswith("List"):
        yield Object(kind, metadata(fields, node["metadata"]), node, fields)
        return
    fields.of(node, dict.fromkeys(("apiVersion", "kind", "metadata", "items"), unread))
    for one in node["items"]:
        if one["kind"].text(required=True).endswith("List"):
            fields.refuse(one, "give its items")
        yield Object(one["kind"].text(), metadata(fields, one["metadata"]), one, fields)


class Data:
    """The ConfigMaps and Secrets of the documents.

    What a container has of a Secret, and files of both, are secrets of the engine with a ``label``, made at their first
    use.
    """

    def __init__(self, label: Mapping[str, str]) -> None:
        self._label = label
        self._known: dict[tuple[str, str], dict[str, bytes]] = {}
        self._variables: dict[tuple[str, str], dict[str, bytes]] = {}
        self._made: dict[str, Options] = {}

    def add(self, one: Object) -> None:
        """Add a ConfigMap or Secret.

        :raises MalformedData: a value is no text, or not encoded as it has to be. No message shows it.
        """
        kinds = {"data": _base64, "stringData": _text}
        if one.kind == "ConfigMap":
            kinds = {"data": _text, "binaryData": _base64}
        one.content("immutable", "type", *kinds)
        binary = {name for name, _value in one.root["binaryData"].items()}  # no variable has it
        found: dict[str, bytes] = {}
        for field, decode in kinds.items():
            for name, value in one.root[field].items():
                if not _KEY.fullmatch(name):
                    raise MalformedData(f"{value.origin}: {field}: expected keys of letters, digits, '-', '_' and '.'")
                if name in found and one.kind == "ConfigMap":
                    raise MalformedData(f"{value.origin}: {value.path}: the key is in data too: expected it once")
                found[name] = decode(value)
        key = one.kind, one.metadata.name
        self._known[key] = found
        self._variables[key] = {name: value for name, value in found.items() if name not in binary}

    def of(self, kind: str, name: str) -> dict[str, bytes] | None:
        """Return the data of a ConfigMap or Secret, None where the documents have none of this name."""
        return self._known.get((kind, name))

    def variables(self, kind: str, name: str) -> dict[str, bytes] | None:
        """Return of these data what an environment has: all but ``binaryData``."""
        return self._variables.get((kind, name))

    def secret(self, kind: str, name: str, key: str, node: Foreign) -> str:
        """Return the engine's secret of a key; of a Secret that the documents lack, the one that has to be there."""
        own = f"{name}_{key}" if kind == "Secret" else f"configmap_{name}_{key}"
        if not _NAME.fullmatch(own):
            expected = "a name and a key of letters, digits, '_', '.' and '-', a letter or digit first"
            raise MalformedData(
                f"{node.origin}: {node.path}: expected {expected}, found {ascii(name)} and {ascii(key)}"
            )
        known = self.of(kind, name)
        if known is None:
            return own
        label = {**self._label, f"{OWNER}.of": f"{kind}/{name}"}
        made = {"name": own, "content": known[key], "labels": label}
        if self._made.setdefault(own, made) != made:
            raise MalformedData(f"{node.origin}: {node.path}: another object has a key that is the secret {own} too")
        if not 0 < len(known[key]) <= _LARGEST:
            raise MalformedData(
                f"{node.origin}: {node.path}: the key {key} of {kind} {name} has {len(known[key])} bytes: expected 1 "
                f"to {_LARGEST}"
            )
        return own

    def made(self) -> tuple[Options, ...]:
        """Return the secrets that containers have."""
        return tuple(self._made.values())


def _text(node: Foreign) -> bytes:
    if not isinstance(node.value, str):
        raise MalformedData(
            f"{node.origin}: {node.path}: expected a string, quoted where YAML takes it for another kind"
        )
    try:
        return node.value.encode()
    except UnicodeEncodeError:
        raise MalformedData(f"{node.origin}: {node.path}: expected text without lone surrogates") from None


def _base64(node: Foreign) -> bytes:
    try:
        return base64.b64decode(b"".join(_text(node).split()), validate=True)
    except binascii.Error:
        raise MalformedData(f"{node.origin}: {node.path}: expected text in base64") from None
