# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod: containers that share namespaces and a cgroup, and the infra container that holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Sequence, cast

from ..cgroup_limits import OF_PODS as LIMITS
from ..errors import ConfigMismatch, StateCorrupt
from ..options import table
from ..options.syntax.parsers import wrong
from ..options.table import ALONE, select
from .namespaces import OPTIONS, LinuxNS

if TYPE_CHECKING:
    from ..options.types import ContainerOptions, NamespaceOption, PodOptions

# Options by what they are for; all but ``share`` are rows of options.OPTIONS.
INFRA = (
    "network",
    "publish",
    "hostname",
    "dns",
    "dns_option",
    "dns_search",
    "etc_hosts",
    "no_hosts",
    "shm_size",
    "sysctl",
    *ALONE,
)
FIXED = ("share", "cgroup_parent", "uidmap", "gidmap", "subuidname", "subgidname")
POD_OPTIONS = (*LIMITS, *INFRA, *FIXED, "label")
_KINDS = ("cgroup", "ipc", "net", "pid", "user", "uts")
_DEFAULT_SHARE = "ipc,net,uts"


def share(value: object, option: str = "share") -> list[str]:
    """Return LinuxNS values, sorted, from podman's comma-separated kinds; ``none`` is none."""
    text = _DEFAULT_SHARE if value is None else str(value)
    kinds = {kind.strip() for kind in text.split(",")} - {"", "none"}
    if kinds - set(_KINDS):
        raise wrong(option, value, f"none, or of {', '.join(_KINDS)} a list with commas")
    return sorted(kinds)


def option_of(kind: str) -> NamespaceOption:
    """Return the container option for a kind of namespace."""
    return next(option for option, namespace in OPTIONS.items() if namespace == LinuxNS(kind))


def _check(record: object) -> None:
    """Raise TypeError if a value has another shape than those which each engine has written."""
    from .shapes import OPTION_SHAPES, check_shape

    options = {**select(OPTION_SHAPES, (name for name in POD_OPTIONS if name != "share")), "share": [str]}
    fields = dict.fromkeys(("id", "name", "created_time", "infra", "cgroup"), str)
    check_shape(record, {**fields, "options": options})


def options_of(options: ContainerOptions, share: list[str]) -> PodOptions:
    """Return a pod's options, of which all but ``share`` are normalised as a container's."""
    return cast("PodOptions", {**select(options, (name for name in POD_OPTIONS if name != "share")), "share": share})


def status(containers: Sequence[str]) -> str:
    """Return the pod's status in podman's terms from its containers', that of the infra container included."""
    count = len(containers)
    running, paused, ended = (containers.count(state) for state in ("running", "paused", "exited"))
    if running == count and count:
        return "Running"
    if running:
        return "Degraded"
    if count and paused == count:
        return "Paused"
    if ended:
        return "Exited" if ended == count else "Stopped"
    return "Created"


class PodConfig(NamedTuple):
    """A pod's record: ``infra`` is its infra container's name, ``cgroup`` the parent of its containers' cgroups."""

    id: str
    name: str
    created_time: str
    options: PodOptions
    infra: str
    cgroup: str

    @property
    def share(self) -> list[str]:
        return self.options["share"]

    @property
    def limits(self) -> dict[str, Any]:
        """The pod's own limits by option name."""
        return select(self.options, LIMITS)

    @classmethod
    def from_json(cls, record: object, path: str) -> PodConfig:
        """Return the record of the JSON at ``path``.

        :raises ConfigMismatch: a newer version wrote it.
        :raises StateCorrupt: it is not such a record.
        """
        if not isinstance(record, dict):
            raise StateCorrupt(f"{path} is not a pod's record: it is no object: restore it")
        unknown = sorted(set(record) - set(cls._fields))
        if unknown:
            raise ConfigMismatch(
                f"{path} has {', '.join(unknown)}, which this engine does not know: it was made by a "
                "newer version of libpod.engine: use that version or newer"
            )
        try:
            _check(record)
            return cls(**{**record, "options": table.from_json(record["options"], ALONE)})
        except KeyError as error:
            raise StateCorrupt(f"{path} is not a pod's record: it lacks {error}: restore it") from error
        except TypeError as error:
            raise StateCorrupt(f"{path} is not a pod's record: {error}: restore it") from error
