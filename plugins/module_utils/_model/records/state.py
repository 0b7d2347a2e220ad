# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod's containerState: what is true of a container since the last boot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping, NamedTuple

from ..errors import StateCorrupt
from .process_ref import ProcessRef
from .status import ContainerStatus

EXIT_UNKNOWN = -1  # conmon died before it could tell
SCHEMA = 0xCF46A342  # the checksum of the shapes below
# The keys of a record for the PID and the start time of each process.
_PROCESSES = {
    "process": ("pid", "pid_start"),
    "conmon": ("conmon_pid", "conmon_start"),
    "restarter": ("restarter_pid", "restarter_start"),
}


class ContainerState(NamedTuple):
    """Kept in the run root, so lost and rebuilt at a reboot.

    ``process`` is the container's first one, ``conmon`` its monitor. ``exit_code`` is the exit status or 128 + signal,
    and -1 where conmon died before it could tell. ``finished_time`` and ``started_time`` are RFC 3339. ``ran`` is how
    many seconds the last run took, by a clock that is never set.

    ``restart_at`` is when the process ``restarter`` will start the exited container again, empty where none will;
    ``restart_count`` counts such starts since the user's own, ``restart_delay`` is the last wait in seconds, and
    ``error`` why the last such start failed. ``etc_files`` has the CRC-32 of each file over /etc as it was written.
    ``restart_wanted`` is whether the failing health check ends the container to have it started again.
    ``changing_mounts`` are the targets at which an update in place is, or was killed, with the names of their volumes.
    ``held_volumes`` are the volumes that are mounted on the host for it.
    ``ports_in`` and ``ports_out`` are the descriptors in conmon of the pair that holds the host ports.
    ``process_label`` and ``mount_label`` are SELinux's of its process and files, empty where it has none.
    """

    status: ContainerStatus = ContainerStatus.CONFIGURED
    boot_id: str = ""
    config_path: str = ""
    run_dir: str = ""
    mounted: bool = False
    mountpoint: str = ""
    started_time: str = ""
    finished_time: str = ""
    exit_code: int = 0
    oom_killed: bool = False
    process: ProcessRef = ProcessRef()
    conmon: ProcessRef = ProcessRef()
    netns_path: str = ""
    ran: float = 0.0
    stopped_by_user: bool = False
    restart_count: int = 0
    restart_delay: float = 0.0
    restart_at: str = ""
    restarter: ProcessRef = ProcessRef()
    error: str = ""
    etc_files: Mapping[str, int] = {}
    restart_wanted: bool = False
    ports_in: int = 0
    ports_out: int = 0
    changing_mounts: Mapping[str, str] = {}
    held_volumes: tuple[str, ...] = ()
    process_label: str = ""
    mount_label: str = ""

    @property
    def unreadable(self) -> bool:
        """Whether it is in place of a record that cannot be read; see ``Store.state``."""
        return self.status is ContainerStatus.UNKNOWN and not self.boot_id

    @property
    def exit_is_known(self) -> bool:
        """Whether there is an exit code of the last run."""
        return bool(self.finished_time) and self.exit_code != EXIT_UNKNOWN

    @property
    def pid(self) -> int:
        """The PID of the container's first process, 0 where it has none."""
        return self.process.pid

    def to_json(self) -> dict[str, object]:
        record = {**self._asdict(), "status": self.status.value}
        for field, (pid, start_time) in _PROCESSES.items():
            record[pid], record[start_time] = record.pop(field)
        return record

    @classmethod
    def from_json(cls, record: object, path: str, *, sealed: bool = False) -> ContainerState:
        """Read a record; one that is ``sealed`` has every shape of SCHEMA. :raises StateCorrupt: it is no state."""
        try:
            if not isinstance(record, dict):
                raise TypeError("it is no object")
            # What a newer engine has beside it is of no use to this one.
            known = {key: value for key, value in record.items() if key in cls._fields}
            if not sealed:
                from .shapes import check_shape

                check_shape(known, _SHAPES)
            processes = {
                field: ProcessRef.of(record.get(pid, 0), record.get(start_time, 0))
                for field, (pid, start_time) in _PROCESSES.items()
            }
            held = tuple(record.get("held_volumes", ()))
            status = ContainerStatus(record["status"])
            return cls(**{**known, **processes, "status": status, "held_volumes": held})
        except (TypeError, AttributeError, KeyError, ValueError) as error:
            raise StateCorrupt(f"{path} is not a container's state: {error}") from error


if TYPE_CHECKING:
    from typing import TypedDict

    class StateChanges(TypedDict, total=False):
        """What an operation records of the state; where it departs from the fields, mypy refuses ``save``."""

        status: ContainerStatus
        config_path: str
        mounted: bool
        mountpoint: str
        started_time: str
        finished_time: str
        exit_code: int
        oom_killed: bool
        process: ProcessRef
        conmon: ProcessRef
        netns_path: str
        ran: float
        stopped_by_user: bool
        restart_count: int
        restart_delay: float
        restart_at: str
        restarter: ProcessRef
        error: str
        etc_files: Mapping[str, int]
        restart_wanted: bool
        ports_in: int
        ports_out: int
        changing_mounts: Mapping[str, str]
        held_volumes: tuple[str, ...]
        process_label: str
        mount_label: str


_SHAPES = {
    **{key: type(default) for key, default in ContainerState._field_defaults.items() if key not in _PROCESSES},
    **{"status": object, "etc_files": {str: int}, "changing_mounts": {str: str}, "held_volumes": [str]},
}
