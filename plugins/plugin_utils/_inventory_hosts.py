# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory makes of a container's inspection: host variables, selection and groups.

The inspections come from a host that may be another one's, or from a cache: their shape is checked here.
"""

from __future__ import annotations

import difflib
import re
from fnmatch import fnmatch
from typing import Any, Iterable, Iterator, Mapping, Optional

PREFIX = "libpod_"
_NAME, _ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}"), re.compile(r"[0-9a-f]{64}")
_FILTERS = ("name", "id", "image", "status", "pod")
_LABEL = "label."
_LONGEST_GROUP = 255


class Unusable(Exception):
    """A container or option that cannot be used; the message is one sentence."""


def check_options(given: Iterable[object], definitions: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that a source has no other options than the plugin, whose definitions these are: Ansible ignores them.

    :raises Unusable: it has one.
    """
    known = [name for key, one in definitions.items() for name in (key, *(one.get("aliases") or ()))]
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            remedy = f"did you mean {near[0]}?" if near else "ansible-doc lists them"
            raise Unusable(f"{str(name)!r:.80} is no option of this plugin: {remedy}")


def facts(inspected: Any) -> dict[str, Any]:
    """Return the host variables of a container, without their prefix.

    :raises Unusable: this is no inspection of a container.
    """
    try:
        name, container_id, networking = inspected["Name"], inspected["Id"], inspected["NetworkSettings"]
        if not (_NAME.fullmatch(name) and _ID.fullmatch(container_id)):
            raise Unusable(f"{name!r:.80} with the ID {container_id!r:.80} is no container's name and ID")
        networks = {str(network): _network(found) for network, found in networking["Networks"].items()}
        addresses = [one[key] for one in networks.values() for key in ("address", "address6") if one[key]]
        return {
            "name": name,
            "id": container_id,
            "image": str(inspected["ImageName"] or inspected.get("Rootfs") or ""),
            "status": str(inspected["State"]["Status"]),
            "health": str((inspected["State"].get("Health") or {}).get("Status") or ""),
            "pod": str(inspected.get("PodName") or ""),
            "labels": {str(key): str(value) for key, value in inspected.get("Config", {}).get("Labels", {}).items()},
            "networks": networks,
            "addresses": addresses,
            "ports": _ports(networking["Ports"]),
        }
    except (LookupError, TypeError, AttributeError) as error:
        raise Unusable(f"this is no inspection of a container: {inspected!r:.80}") from error


def _network(found: Mapping[str, object]) -> dict[str, str]:
    keys = {"address": "IPAddress", "address6": "GlobalIPv6Address", "mac": "MacAddress"}
    return {key: str(found[source]) for key, source in keys.items()}


def _ports(ports: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return one entry for each published port; podman's shape has a list for each port of the container."""
    return [
        {"container_port": str(port), "host_ip": str(one["HostIp"]), "host_port": str(one["HostPort"])}
        for port, published in ports.items()
        for one in published or ()
    ]


class Selection:
    """Which containers become hosts."""

    def __init__(
        self, patterns: list[str], labels: Mapping[str, object], filters: Mapping[str, object], *, stopped: bool
    ) -> None:
        """``patterns`` are of names or IDs; ``filters`` has ``include`` and ``exclude``.

        :raises Unusable: a filter is of another shape.
        """
        self._stopped, self._patterns = stopped, patterns
        self._labels = {str(key): _text(value) for key, value in labels.items()}
        if unknown := sorted(map(str, set(filters) - {"include", "exclude"})):
            raise Unusable(f"filters: {unknown[0]} is unknown: expected include and exclude")
        self._include, self._exclude = (_checked(filters.get(key), key) for key in ("include", "exclude"))

    def has(self, found: Mapping[str, Any]) -> bool:
        """Return whether the container of these facts is among them."""
        labels = found["labels"]
        return (
            (self._stopped or found["status"] in ("running", "paused"))
            and (
                not self._patterns or any(fnmatch(found[key], one) for one in self._patterns for key in ("name", "id"))
            )
            and all(labels.get(key) == value for key, value in self._labels.items())
            and all(_matches(found, key, pattern) for key, pattern in self._include.items())
            and not any(_matches(found, key, pattern) for key, pattern in self._exclude.items())
        )


def _checked(rules: object, option: str) -> dict[str, str]:
    rules = rules or {}
    if not isinstance(rules, Mapping):
        raise Unusable(f"filters: {option} is {rules!r}: expected a mapping such as name: web*")
    for key in rules:
        if key not in (*_FILTERS, "network") and not str(key).startswith(_LABEL):
            raise Unusable(f"filters: {key} is unknown: expected {', '.join(_FILTERS)}, network or label.NAME")
    return {str(key): _text(pattern) for key, pattern in rules.items()}


def _text(value: object) -> str:
    """Return a value of YAML as a label has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _matches(found: Mapping[str, Any], key: str, pattern: str) -> bool:
    if key == "network":
        return any(fnmatch(network.lower(), pattern.lower()) for network in found["networks"])
    if key.startswith(_LABEL):
        value: Optional[str] = found["labels"].get(key[len(_LABEL) :])
        return value is not None and fnmatch(value.lower(), pattern.lower())
    return fnmatch(found[key].lower(), pattern.lower())


def groups(found: Mapping[str, Any], by: Mapping[str, bool], labels: list[str]) -> Iterator[str]:
    """Yield the groups of a container, not yet as Ansible spells them.

    :param by: whether to group by image, pod, network and status
    :param labels: the labels whose values make groups, ``*`` for all
    """
    named = {"image": [found["image"]], "pod": [found["pod"]], "status": [found["status"]]}
    for kind, names in {**named, "network": list(found["networks"])}.items():
        for name in names:
            if by[kind] and name:
                yield f"{kind}_{name}"[:_LONGEST_GROUP]
    for label, value in found["labels"].items():
        if label in labels or "*" in labels:
            yield f"label_{label}_{value}"[:_LONGEST_GROUP]
