# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of a container: ``env`` and ``envFrom``."""

from __future__ import annotations

import math
import re
from typing import Callable, NamedTuple, Optional

from ..._model.errors import MalformedData
from ..._model.foreign import Foreign
from ..fields import Fields, Translate, boolean, scalar, to, unread
from ..stack import Options
from .objects import Data, Metadata
from .quantity import quantity

_OF_METADATA = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")
_NAME = re.compile(r"[^\0=,]+")
_EXPECTED = "name, without '=' and ','"
_RESOURCE = re.compile(r"(limits|requests)\.(cpu|memory)")


class Value(NamedTuple):
    """A variable's value: its text, or a secret of the engine."""

    text: str = ""
    secret: str = ""


class Environment:
    """Translates the environments of a pod's containers."""

    def __init__(self, fields: Fields, pod: Metadata, data: Data) -> None:
        self._fields = fields
        self._pod = pod
        self._data = data

    def options(self, container: Foreign) -> Options:
        """Return the options ``env`` and ``secrets`` of a container; ``env`` wins over ``envFrom``."""
        found: dict[str, Value] = {}
        for one in container["envFrom"]:
            found.update(self._all_of(one))
        for one in container["env"]:
            given = self._fields.of(
                one,
                {
                    "name": to("name", scalar),
                    "value": to("value", lambda node: Value(scalar(node))),
                    "valueFrom": lambda node: self._from(node, container),
                },
            )
            name, value = given.get("name", ""), given.get("value", Value())
            if not _NAME.fullmatch(name):  # it may be a value that stands in the wrong place
                one["name"].fail(f"a variable's {_EXPECTED}", "another text" if name else "")
            if one["value"].value and one["valueFrom"]:
                one.fail("one of value and valueFrom", "both")
            if value is not None:
                found[name] = value
        secrets = [f"{value.secret},type=env,target={name}" for name, value in found.items() if value.secret]
        env = {name: value.text for name, value in found.items() if not value.secret}
        return {**({"env": env} if env else {}), **({"secrets": secrets} if secrets else {})}

    def _all_of(self, node: Foreign) -> dict[str, Value]:
        """Return the variables of a whole ConfigMap or Secret."""
        kinds = {"configMapRef": "ConfigMap", "secretRef": "Secret"}
        self._fields.of(node, dict.fromkeys((*kinds, "prefix"), unread))
        found: dict[str, Value] = {}
        for field, kind in kinds.items():
            if node[field]:
                name, optional = _reference(self._fields, node[field])
                data = self._data.variables(kind, name)
                if data is None and not optional:
                    node[field]["name"].fail(f"a {kind} that is among the documents")
                for key in data or ():
                    variable = f"{node['prefix'].text()}{key}"
                    if not _NAME.fullmatch(variable):
                        node["prefix"].fail(f"the beginning of a variable's {_EXPECTED}")
                    found[variable] = self._value(kind, name, key, node[field])
        return found

    def _value(self, kind: str, name: str, key: str, node: Foreign) -> Value:
        data = self._data.variables(kind, name)
        if data and b"\0" in data[key]:
            problem = f"the key {key} of {kind} {name} has a NUL byte, which no variable can hold: mount it"
            raise MalformedData(f"{node.origin}: {node.path}: {problem}")
        if kind == "Secret" and (data is None or data[key]):
            return Value(secret=self._data.secret(kind, name, key, node))
        try:
            return Value((data or {})[key].decode())
        except UnicodeDecodeError:
            raise MalformedData(f"{node.origin}: {node.path}: the key {key} of {kind} {name} is no text") from None

    def _from(self, node: Foreign, container: Foreign) -> Options:
        known: dict[str, Translate] = {
            "configMapKeyRef": lambda one: {"value": self._key_of("ConfigMap", one)},
            "fieldRef": lambda one: {"value": Value(self._field_of(one))},
            "resourceFieldRef": lambda one: {"value": Value(self._resource(one, container))},
            "secretKeyRef": lambda one: {"value": self._key_of("Secret", one)},
        }
        if sum(bool(one) for _name, one in node.items()) != 1:
            node.fail(f"one of {', '.join(known)}")
        return self._fields.of(node, known)

    def _key_of(self, kind: str, node: Foreign) -> Optional[Value]:
        """Return the value of one key, None where it is optional and not there."""
        name, optional = _reference(self._fields, node, {"key": to("key", scalar)})
        key = node["key"].text(required=True)
        data = self._data.variables(kind, name)
        if data is None and optional or data is not None and key not in data and optional:
            return None
        if data is None and kind == "ConfigMap":
            node["name"].fail("a ConfigMap that is among the documents")
        if data is not None and key not in data:
            node["key"].fail(f"a key of {kind} {name}")
        return self._value(kind, name, key, node)

    def _field_of(self, node: Foreign) -> str:
        self._fields.of(node, dict.fromkeys(("apiVersion", "fieldPath"), unread))
        path = node["fieldPath"].text(required=True)
        if path == "metadata.name":
            return self._pod.name
        found = _OF_METADATA.fullmatch(path)
        if not found:
            self._fields.refuse(node["fieldPath"], "take metadata.name, or a label or annotation of the pod")
        kept = self._pod.labels if found[1] == "labels" else self._pod.annotations
        return kept.get(found[2], "")

    def _resource(self, node: Foreign, container: Foreign) -> str:
        """Return a limit or request of the container in units of the divisor, rounded up."""
        self._fields.of(node, dict.fromkeys(("containerName", "divisor", "resource"), unread))
        if node["containerName"] and node["containerName"].value != container["name"].value:
            self._fields.refuse(node["containerName"], "name the container itself")
        found = _RESOURCE.fullmatch(node["resource"].text(required=True))
        if not found:
            self._fields.refuse(node["resource"], "take limits or requests of cpu or memory")
        asked = container["resources"][found[1]][found[2]]
        if not asked:
            node["resource"].fail("a resource of which the container has a limit or request")
        divisor = quantity(node["divisor"]) if node["divisor"] else 0
        return str(math.ceil(quantity(asked) / (divisor or 1)))


def _reference(
    fields: Fields, node: Foreign, more: Optional[dict[str, Callable[[Foreign], Options]]] = None
) -> tuple[str, bool]:
    """Return the name of an object that is referred to, and whether it need not be there."""
    known: dict[str, Translate] = {
        "name": to("name", scalar),
        "optional": to("optional", boolean),
        **(more or {}),
    }
    found = fields.of(node, known)
    if "name" not in found:
        node["name"].fail("an object's name")
    return found["name"], found.get("optional", False)
