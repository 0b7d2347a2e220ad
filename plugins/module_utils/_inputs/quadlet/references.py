# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the keys of quadlet files name: other units, paths, and options by their tables."""

from __future__ import annotations

import os
from typing import Mapping, Optional, Sequence

from ..._model.errors import MalformedData
from ..stack import Options
from .keys import IDLE, READ
from .readers import Adding
from .units import Entry, Unit

_PAGE = "docs/howto/quadlets.md lists the keys"


class Units:
    """The units of one task by their files' names; all that they make has the labels ``own``.

    ``ineffective`` gathers keys that have no effect.
    """

    def __init__(self, units: Mapping[str, Unit], own: Mapping[str, str]) -> None:
        self.own = own
        self.ineffective: list[str] = []
        self._units = units

    def of(self, kind: str) -> list[Unit]:
        """Return the units of a kind."""
        return [one for one in self._units.values() if one.kind == kind]

    def unit(self, file: str) -> Unit:
        """Return the unit of a file's name."""
        return self._units[file]

    def members(self, pod: Unit) -> list[Unit]:
        """Return the units of a pod's containers."""
        return [one for one in self.of("container") if one.value("Container", "Pod") == pod.file]

    def name(self, unit: Unit) -> str:
        """Return the name of what a unit makes, as quadlet gives it."""
        section = unit.kind.capitalize()
        if unit.kind == "image":
            return unit.value(section, "ImageTag") or unit.value(section, "Image")
        if unit.kind == "build":
            name = unit.value(section, "ImageTag")
            if not name:
                raise MalformedData(f"{unit.path}: [Build] ImageTag is missing: give the image's name")
            return name if "/" in name else f"localhost/{name}"
        return unit.value(section, f"{section}Name") or f"systemd-{unit.name}"

    def named(self, entry: Entry, text: str, kinds: Sequence[str]) -> str:
        """Return the name of the unit that a text names, such as ``data.volume``, or the text itself."""
        kind = text.rpartition(".")[2]
        if kind not in kinds:
            return text
        if text not in self._units:
            entry.fail(f"a unit that is among the files, and {text} is not")
        return self.name(self._units[text])

    def entries(self, unit: Unit, known: Mapping[str, Adding], boots: Optional[bool] = None) -> Options:
        """Return the options of the unit's own section; see ``known`` for how each key adds to them.

        ``boots`` says whether what the unit makes is started at boot, as the target of a unit has it. A container that
        is always started again is.

        :raises MalformedData: a key has no counterpart.
        """
        options: Options = {}
        own = unit.kind.capitalize()
        boots = unit.value("Service", "Restart") == "always" if boots is None else boots
        read = READ - {"Restart"} if unit.kind in ("pod", "kube") else READ
        for one in unit.entries:
            if one.section == own and one.key in known:
                known[one.key](one, options)
            elif one.key in IDLE.get(one.section, ()):
                if one.key not in read and not (boots and one.section == "Install"):
                    self.ignore(one)
            else:
                raise MalformedData(
                    f"{one.where}: [{one.section}] {one.key} has no counterpart here: remove it; {_PAGE}"
                )
        return options

    def ignore(self, entry: Entry) -> None:
        """Note a key that has no effect."""
        self.ineffective.append(f"{entry.where}: [{entry.section}] {entry.key}")

    def bound(self, unit: Unit, entry: Entry) -> str:
        """Return a volume's option, whose source may be a unit or relative to the unit's file."""
        source, colon, rest = entry.value.partition(":")
        if source.startswith("."):
            source = beside(unit, source)
        return f"{self.named(entry, source, ('volume',))}{colon}{rest}"

    def mount(self, unit: Unit, entry: Entry) -> str:
        """Return a mount's option, whose source may be a unit or relative to the unit's file."""
        parts = []
        for part in entry.value.split(","):
            key, equals, value = part.partition("=")
            if key in ("source", "src"):
                value = beside(unit, value) if value.startswith(".") else value
                value = self.named(entry, value, ("volume", "image", "build"))
            parts.append(f"{key}{equals}{value}")
        return ",".join(parts)

    def attachment(self, entry: Entry) -> str:
        """Return a network's option, whose network may be a unit, or the container of one."""
        name, colon, settings = entry.value.partition(":")
        if name.endswith(".container"):
            if entry.section != "Container":
                entry.fail("a network: a pod joins no container's")
            return f"container:{self.named(entry, name, ('container',))}"
        return f"{self.named(entry, name, ('network',))}{colon}{settings}"


def beside(unit: Unit, path: str) -> str:
    """Return a path that is relative to the unit's file as an absolute one."""
    return os.path.normpath(os.path.join(os.path.dirname(unit.path), path))
