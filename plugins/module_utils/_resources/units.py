# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd units that start, watch and stop a container: systemd.service(5), podman-generate-systemd(1)."""

from __future__ import annotations

import os
from contextlib import suppress
from glob import glob
from signal import SIGKILL
from typing import NamedTuple, Optional, Sequence

from .._container.container import Container
from .._drivers import foreign_files
from .._model.engine_config import EngineConfig
from .._model.errors import InvalidArgument, InvalidState, MalformedData
from .._model.failpoints import failpoint
from .._store.locks import FileLock

DIRECTORY = "/etc/systemd/system"
# podman's words for Restart=.
RESTARTS = ("no-restart", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always")
READY = ("conmon", "container", "healthy")
_MAX = 1 << 20  # bytes of a unit file that are read
_CLEANUP = 60  # seconds that a stop may take beyond the container's own, podman's


class Unit(NamedTuple):
    """What a unit has beside the container's name; times are in seconds, None for systemd's or the container's own.

    ``ready`` is one of ``READY``: who says that the container is ready, so that the unit has started.
    """

    restart: str = "on-failure"
    restart_sec: Optional[int] = None
    start_timeout: Optional[int] = None
    stop_timeout: Optional[int] = None
    after: Sequence[str] = ()
    wants: Sequence[str] = ()
    requires: Sequence[str] = ()
    wanted_by: Sequence[str] = ("multi-user.target",)
    ready: str = "conmon"


class Outcome(NamedTuple):
    """What was done, or in check mode would be, and the file's text before and after it."""

    actions: list[str]
    before: str
    after: str


def text_of(parts: EngineConfig, container: Container, unit: Unit) -> str:
    """Return the text of a unit file.

    :raises InvalidArgument: the engine itself starts or removes the container, or the unit would never be ready.
    """
    _check(container, unit)
    config = container.config
    engine = _quoted(f"{parts.static_root}/engine/libpod")
    stop_timeout = config.stop_timeout if unit.stop_timeout is None else unit.stop_timeout
    time = "" if unit.stop_timeout is None else f" --time {unit.stop_timeout}"
    # After a stop, conmon has the exit code of a process that a signal ended; that of an OOM kill is a failure.
    status = 128 + config.stop_signal
    lines = [
        f"{_mark(config.name)} changes are lost with its next task.",
        "[Unit]",
        f"Description=Container {config.name}",
        _line("Wants", ["network-online.target", *unit.wants]),
        _line("After", ["network-online.target", *unit.after]),
        *([_line("Requires", unit.requires)] if unit.requires else ()),
        f"RequiresMountsFor={_quoted(parts.static_root)}",
        "",
        "[Service]",
        "Type=notify",
        "NotifyAccess=all",
        *(f"Environment={_quoted(f'{key}={value}')}" for key, value in sorted(parts.environment().items())),
        f"ExecStart={engine} start --sdnotify {unit.ready} {config.name}",
        f"ExecStop={engine} stop --ignore{time} {config.name}",
        f"ExecStopPost={engine} stop --ignore --unwatched{time} {config.name}",
        f"Restart={'no' if unit.restart == 'no-restart' else unit.restart}",
        *([f"RestartSec={unit.restart_sec}"] if unit.restart_sec is not None else ()),
        *([f"TimeoutStartSec={unit.start_timeout}"] if unit.start_timeout is not None else ()),
        f"TimeoutStopSec={stop_timeout + _CLEANUP}",
        *([f"SuccessExitStatus={status}"] if config.stop_signal != SIGKILL and status <= 255 else ()),
        "",
        "[Install]",
        _line("WantedBy", unit.wanted_by),
    ]
    return "\n".join(lines) + "\n"


def _mark(name: str) -> str:
    return f"# Written by libpod.engine.libpod_unit for container {name}:"


def check_unused(name: str) -> None:
    """Check that no unit in systemd's own directory starts and stops a container by this name.

    :raises InvalidState: one does, and is named.
    """
    for path in sorted(glob(f"{DIRECTORY}/*.service")):
        with suppress(InvalidArgument):  # a masked unit
            if _read(path).startswith(_mark(name)):
                raise InvalidState(
                    f"container {name} cannot be renamed: the unit {path} starts and stops it by its name: stop the "
                    "unit and remove it with libpod_unit and state: absent, and write one for the new name afterwards"
                )


def _check(container: Container, unit: Unit) -> None:
    options, name = container.config.options, container.name
    if options["restart_policy"] != "no":
        raise InvalidArgument(
            f"name: the engine itself starts container {name} again, and at boot (restart_policy: "
            f"{options['restart_policy']}): expected restart_policy: no, since the unit does both"
        )
    if options["rm"] or options["init_ctr"] or container.config.infra:
        raise InvalidArgument(
            f"name: container {name} is removed at its end, or starts with its pod: expected one that stays and is "
            "started by itself (without rm and init_ctr)"
        )
    if unit.ready == "healthy" and not container.config.has_health_check:
        raise InvalidArgument(f"sdnotify: healthy cannot be used: container {name} has no health check")
    if unit.ready == "container" and options["sdnotify"] != "container":
        raise InvalidArgument(
            f"sdnotify: container cannot be used: container {name} has sdnotify: {options['sdnotify']}, and passes no "
            "message on"
        )


def _line(key: str, names: Sequence[str]) -> str:
    return f"{key}={' '.join(dict.fromkeys(names))}"


def _quoted(word: str) -> str:
    """Return a word of a unit file, quoted where it needs it (systemd.syntax(7), systemd.unit(5) on specifiers)."""
    text = word.replace("%", "%%")
    if all(char.isalnum() or char in "/._-=:,%@+" for char in text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def lock(parts: EngineConfig) -> FileLock:
    """Return the lock of tasks that write or remove unit files, for they share the names of temporary ones."""
    return FileLock(f"{parts.run_root}/locks/+units.lock", inherited=False)


def present(path: str, text: str, *, check_mode: bool) -> Outcome:
    """Have the file at ``path`` hold this text, readable by every user.

    :raises InvalidArgument: its directory is missing, or it is not a regular file, as that of a masked unit.
    """
    before = _read(path)
    if before == text:
        return Outcome([], text, text)
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise InvalidArgument(f"dest: {folder} is not a directory on the host: expected one that is there")
    if not check_mode:
        failpoint(f"write {path}")
        # systemd reads no file with this ending.
        temporary = f"{path}.tmp"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        with open(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, 0o644)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        failpoint(f"rename {path}")
        os.rename(temporary, path)
    return Outcome([f"{'replaced' if before else 'wrote'} unit {os.path.basename(path)}"], before, text)


def absent(path: str, *, check_mode: bool) -> Outcome:
    """Have no file at ``path``.

    :raises InvalidArgument: it is not a regular file, as that of a masked unit.
    """
    before, left = _read(path), os.path.lexists(path)
    if not check_mode:
        for one in (path, f"{path}.tmp"):
            with suppress(FileNotFoundError):
                failpoint(f"remove {one}")
                os.unlink(one)
    return Outcome([f"removed unit {os.path.basename(path)}"] if left else [], before, "")


def _read(path: str) -> str:
    """Return the file's text, empty for none."""
    try:
        return foreign_files.read(path, max_bytes=_MAX).decode(errors="replace")
    except FileNotFoundError:
        return ""
    except (MalformedData, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a regular file of a unit's size"
        raise InvalidArgument(f"dest: {path} cannot be read ({reason}): expected no file, or a unit's") from error
