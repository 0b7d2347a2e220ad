# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quadlet files, from units to a stack (podman-systemd.unit(5))."""

from __future__ import annotations

import os
from typing import Sequence

from ..._model.errors import InvalidArgument, MalformedData
from ..stack import Options, Stack, check_order, joined, warned
from .containers import container, image
from .keys import IDLE, OF_BUILD_TEXTS, PULLS
from .pods import pod
from .readers import Adding, adding, at, flag, network_options, replacing, text, updating
from .references import Units, beside
from .units import Entry, Unit, read

KINDS = ("container", "pod", "kube", "network", "volume", "image", "build")
OWNER = "libpod.engine.quadlet"
_MOST = 500  # units


def load(paths: Sequence[str], owner: str) -> Stack:
    """Return the stack of the units in these files; ``owner`` is the value of the label that all of it has.

    :raises InvalidArgument: a file cannot be read. :raises MalformedData: a unit has what has no counterpart.
    """
    if len(paths) > _MOST:
        raise InvalidArgument(f"files: {len(paths)} units are given: expected at most {_MOST}")
    found: dict[str, Unit] = {}
    for path in paths:
        unit = read(path)
        if unit.kind not in KINDS or not unit.name or unit.name.endswith("@"):
            raise InvalidArgument(
                f"files: {path} has no counterpart here: expected {', '.join(f'.{one}' for one in KINDS)}"
            )
        if unit.file in found:
            raise InvalidArgument(f"files: {unit.file} is given twice: expected it once")
        found[unit.file] = unit
    return _Translation(Units(found, {OWNER: owner})).stack()


class _Translation:
    """The units of one task; ``_containers`` has the names of the containers that each unit makes."""

    def __init__(self, units: Units) -> None:
        self._units = units
        self._containers: dict[str, list[str]] = {}
        self._makers: dict[tuple[str, str], str] = {}

    def stack(self) -> Stack:
        units = self._units
        for kind in ("container", "pod", "network", "volume", "build"):
            for one in units.of(kind):
                self._claim(kind, units.name(one), one)
        pods = {one.file: pod(units, one) for one in units.of("pod")}
        containers = []
        for one in units.of("container"):
            options = container(units, one)
            its_pod = pods.get(one.value("Container", "Pod"))
            containers.append(its_pod.container(options) if its_pod else options)
            self._containers[one.file] = [options["name"]]
        for one in units.of("pod"):
            self._containers[one.file] = [units.name(member) for member in units.members(one)]
        stack = Stack(
            networks=tuple(self._network(one) for one in units.of("network")),
            volumes=tuple(self._volume(one) for one in units.of("volume")),
            images=tuple(self._build(one) for one in units.of("build")),
            pods=tuple(one.options for one in pods.values()),
            containers=tuple(containers),
        )
        for one in units.of("image"):
            self._pulling(one)
        for one in units.of("kube"):
            stack = self._with_kube(stack, one)
        after = self._after(stack)
        check_order(after)
        return stack._replace(after=after, ineffective=(*warned(units.ineffective), *stack.ineffective))

    def _with_kube(self, stack: Stack, unit: Unit) -> Stack:
        """Return a stack with that of a unit's YAML."""
        from . import kube

        more = kube.stack(self._units, unit)
        for kind in ("pod", "container", "volume", "secret"):
            for one in getattr(more, f"{kind}s"):
                self._claim(kind, one["name"], unit)
        self._containers[unit.file] = [one["name"] for one in more.containers]
        return joined(stack, more)

    def _claim(self, kind: str, name: str, unit: Unit) -> None:
        """Raise MalformedData if two units make the same thing, which each would change back."""
        subject = "container" if kind == "pod" else kind  # their names are in one table
        other = self._makers.setdefault((subject, name), unit.path)
        if other != unit.path:
            raise MalformedData(f"{unit.path}: makes {name}, as {other} does: give one another name")

    def _after(self, stack: Stack) -> dict[str, tuple[str, ...]]:
        """Return the containers with those that are changed before them."""
        found = dict(stack.after)
        services = {_service(self._units.unit(name)): name for name in self._containers}
        for name, made in self._containers.items():
            unit = self._units.unit(name)
            others = [services.get(word, word) for word in _ordered_after(unit)]
            pod_of = unit.value("Container", "Pod")  # it is there before its containers
            before = [one for other in others if other != pod_of for one in self._containers.get(other, ())]
            for one in made:
                found[one] = (*found.get(one, ()), *(other for other in before if other not in made))
        return found

    def _network(self, unit: Unit) -> Options:
        known: dict[str, Adding] = {
            "DNS": adding("dns", lambda one: [one.value]),
            "DisableDNS": replacing("disable_dns", flag),
            "Driver": replacing("driver", text),
            "Gateway": adding("gateways", lambda one: [one.value]),
            "IPAMDriver": replacing("ipam_driver", text),
            "IPRange": adding("ranges", lambda one: [one.value]),
            "IPv6": replacing("ipv6", flag),
            "InterfaceName": replacing("interface_name", text),
            "Internal": replacing("internal", flag),
            "Label": updating("labels"),
            "Options": network_options,
            "Subnet": adding("subnets", lambda one: [one.value]),
        }
        options = self._units.entries(unit, known)
        subnets, gateways, ranges = (options.pop(key, []) for key in ("subnets", "gateways", "ranges"))
        if len(gateways) > len(subnets) or len(ranges) > len(subnets):
            raise MalformedData(
                f"{unit.path}: [Network] Gateway and IPRange are of a Subnet before them: give that too"
            )
        if subnets:
            options["net_config"] = [
                {"subnet": one, **at(gateways, number, "gateway"), **at(ranges, number, "ip_range")}
                for number, one in enumerate(subnets)
            ]
        labels = {**options.pop("labels", {}), **self._units.own}
        return {"name": self._units.name(unit), **options, "labels": labels}

    def _volume(self, unit: Unit) -> Options:
        known: dict[str, Adding] = {
            "Device": adding("options", lambda one: [f"device={one.value}"]),
            "Driver": replacing("driver", text),
            "Label": updating("label"),
            "Options": adding("options", lambda one: [f"o={one.value}"]),
            "Type": adding("options", lambda one: [f"type={one.value}"]),
        }
        options = self._units.entries(unit, known)
        return {"name": self._units.name(unit), **options, "label": {**options.get("label", {}), **self._units.own}}

    def _pulling(self, unit: Unit) -> None:
        """Check an image's unit: the containers that name it pull it, so that it needs no task of its own."""
        image(self._units, unit)
        if not any(one.value("Container", "Image") == unit.file for one in self._units.of("container")):
            others = [one for kind in ("container", "pod", "volume") for one in self._units.of(kind)]
            named = any(unit.file in entry.value for one in others for entry in one.entries)
            kept = (*(["Image"] if named else []), *IDLE["Image"])
            for one in unit.entries:
                if one.section == "Image" and one.key not in kept:
                    self._units.ignore(one)

    def _build(self, unit: Unit) -> Options:
        known: dict[str, Adding] = {
            "Annotation": updating("annotation"),
            "Environment": updating("args"),
            "BuildArg": updating("args"),
            "File": replacing("file", lambda one: beside(unit, one.value)),
            "Label": updating("labels"),
            "SetWorkingDirectory": replacing("path", lambda one: self._context(unit, one)),
            "Target": replacing("target", text),
        }
        pulling: dict[str, Adding] = {
            **{key: replacing(option, text) for key, option in OF_BUILD_TEXTS.items()},
            "Pull": replacing("pull", _policy),
            "TLSVerify": replacing("validate_certs", flag),
        }
        options = self._units.entries(unit, {**known, **pulling})
        path = options.pop("path", os.path.dirname(options.get("file", unit.path)))
        base = {one: options.pop(one) for one in (*OF_BUILD_TEXTS.values(), "validate_certs") if one in options}
        return {"name": self._units.name(unit), "state": "build", "path": path, "tags": [], **base, "build": options}

    def _context(self, unit: Unit, entry: Entry) -> str:
        if entry.value == "unit":
            return os.path.dirname(unit.path)
        if entry.value == "file":
            return os.path.dirname(beside(unit, unit.value("Build", "File")))
        return beside(unit, entry.value)


def _policy(entry: Entry) -> str:
    if entry.value not in PULLS:
        entry.fail(f"one of {', '.join(PULLS)}")
    return entry.value


def _ordered_after(unit: Unit) -> list[str]:
    """Return the units that a unit is ordered after, as its file names them."""
    entries = (one for one in unit.entries if one.section == "Unit" and one.key in ("After", "Requires", "BindsTo"))
    return [word for one in entries for word in one.value.split()]


def _service(unit: Unit) -> str:
    """Return the service that quadlet makes of a unit."""
    name = unit.value(unit.kind.capitalize(), "ServiceName")
    return f"{name or unit.name + ('-pod' if unit.kind == 'pod' else '')}.service"
