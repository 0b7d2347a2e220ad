# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's output, from the file that conmon writes (the CRI log format, k8s-file)."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING, Callable, NamedTuple, Optional

from ..._drivers import process
from ..._drivers.command import Kept
from ..._model.errors import warn
from ..lifecycle.wait import FOREVER, wait
from .log_parts import entry

if TYPE_CHECKING:
    from ..base import ContainerBase
    from .log_lines import LogReader
    from .log_mark import Mark

LENGTH = 64 << 20  # bytes of each stream that a result can have, as of a command
_PAUSE = 0.05  # seconds between two looks at a log that is passed on
# Gets the stream, ``stdout`` or ``stderr``, and what was printed to it.
Show = Callable[[str, bytes], None]


class Output(NamedTuple):
    """What one run of a container printed, and how it ended."""

    exit_code: int
    stdout: str
    stderr: str


def output(path: str, offset: int = 0) -> dict[str, Kept]:
    """Return what each stream printed, by the entries of the log from byte ``offset`` on.

    Of more than ``LENGTH`` the beginning and the end are kept.
    """
    result = {"stdout": Kept(LENGTH), "stderr": Kept(LENGTH)}
    with suppress(FileNotFoundError), open(path, "rb") as file:
        file.seek(offset)
        for raw in file:
            part = entry(raw.rstrip(b"\n"))
            if part is not None:
                result[part.stream].add(part.content + b"\n" if part.ends else part.content)
    return result


def show_to_end(container: ContainerBase, mark: Optional[Mark], show: Show) -> Output:
    """Pass on to ``show`` what the container prints, from ``mark`` to its end; return its exit code without output."""
    from .log_lines import LogReader

    mark = container.log_mark or mark
    reader = LogReader(container.log_path, start=mark.offset(container.log_path) if mark else 0)
    with closing(reader):
        state, ended = container.peek().state, False
        while state.status.has_process and not ended:
            _pass_on(reader, show)
            ended = process.wait_end(state.process, _PAUSE)
        code = wait(container, FOREVER)
        _pass_on(reader, show)
    return Output(code, "", "")


def _pass_on(reader: LogReader, show: Show) -> None:
    for part in reader.entries():
        show(part.stream, part.content + b"\n" if part.ends else part.content)


def follow_to_end(container: ContainerBase, mark: Optional[Mark]) -> Output:
    """Wait for the container to end and return what it printed since ``mark``, as far as its log has it."""
    code = wait(container, FOREVER)
    mark = container.log_mark or mark
    offset = mark.offset(container.log_path) if mark else 0
    if container.log_mark and not container.log_mark.same(container.log_path):
        size = container.config.options["log_opt"]["max_size"]
        warn(
            f"container {container.name}: the output returned is not all of it, since its log was rotated at "
            f"log_opt.max_size, {size} bytes: give it a larger one to have all"
        )
    printed = output(container.config.log_path, offset)
    for stream, kept in printed.items():
        if kept.cut():
            warn(
                f"container {container.name}: its {stream} is not complete, for it is longer than {LENGTH >> 20} MiB: "
                "have the container write a file, and copy that"
            )
    return Output(code, *(printed[stream].text() for stream in ("stdout", "stderr")))
