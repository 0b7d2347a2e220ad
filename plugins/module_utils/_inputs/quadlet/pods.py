# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ``.pod`` file, as the options of libpod_pod and what it gives its containers."""

from __future__ import annotations

from typing import NamedTuple

from ..stack import Options
from .keys import OF_POD_LISTS, OF_POD_TEXTS, OF_POD_WORDS
from .readers import Adding, adding, host_pair, replacing, text, updating
from .references import Units
from .units import Entry, Unit, words


class Pod(NamedTuple):
    """A translated pod: its options, and of those of its containers what the pod's file says."""

    options: Options
    volumes: tuple[str, ...]
    stop_timeout: str

    def container(self, options: Options) -> Options:
        """Return the options of a container in the pod; of two volumes at one place its own counts."""
        own = options.get("volume", [])
        taken = {_target(one) for one in own}
        volumes = [*(one for one in self.volumes if _target(one) not in taken), *own]
        timeout = {"stop_timeout": self.stop_timeout} if self.stop_timeout else {}
        return {**options, **({"volume": volumes} if volumes else {}), **timeout}


def pod(units: Units, unit: Unit) -> Pod:
    """Return a unit's pod.

    :raises MalformedData: a key has no counterpart.
    """
    name = units.name(unit)
    boots = all(one.value("Service", "Restart") == "always" for one in units.members(unit))
    options = units.entries(unit, _keys(units, unit), boots)
    volumes, timeout = options.pop("volumes", ()), options.pop("stop_timeout", "")
    label = {**options.get("label", {}), **units.own}
    return Pod({"name": name, "infra_name": f"{name}-infra", **options, "label": label}, tuple(volumes), timeout)


def _keys(units: Units, unit: Unit) -> dict[str, Adding]:
    """Return what each key of a section ``[Pod]`` adds to the options."""
    return {
        **{key: replacing(option, text) for key, option in OF_POD_TEXTS.items()},
        **{key: adding(option, lambda one: [one.value]) for key, option in OF_POD_LISTS.items()},
        **{key: adding(option, words) for key, option in OF_POD_WORDS.items()},
        "AddHost": adding("add_host", lambda one: [":".join(host_pair(one))]),
        "ExitPolicy": lambda one, _options: _exit_policy(units, one),
        "Label": updating("label"),
        "Network": adding("network", lambda one: [units.attachment(one)]),
        "StopTimeout": replacing("stop_timeout", text),
        "Volume": adding("volumes", lambda one: [units.bound(unit, one)]),
    }


def _exit_policy(units: Units, entry: Entry) -> None:
    if entry.value not in ("continue", "stop"):
        entry.fail("continue or stop")
    if entry.value == "stop":  # a pod whose containers have ended stays
        units.ignore(entry)


def _target(volume: str) -> str:
    """Return where in the container a volume is."""
    parts = volume.split(":")
    return parts[1] if len(parts) > 1 else parts[0]
