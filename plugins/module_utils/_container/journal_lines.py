# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's lines in the host's journal, which conmon writes there (systemd.journal-fields(7))."""

from __future__ import annotations

import json
import time
from typing import Any, Iterator, Mapping

from .._drivers.command import run
from .log_lines import Line

_FIELDS = "MESSAGE,PRIORITY,CONTAINER_PARTIAL_MESSAGE,_PID"
_ERROR = "3"  # syslog(3)'s LOG_ERR, as which conmon sends standard error


class JournalReader:
    """Reads what is new, as ``log_lines``' reader of files does."""

    pause = 0.5
    wake = -1  # it is looked for again and again

    def __init__(self, container_id: str) -> None:
        self._words = ["journalctl", "--quiet", "--all", "--output=json", f"--output-fields={_FIELDS}"]
        self._words.append(f"CONTAINER_ID_FULL={container_id}")
        self._cursor = ""
        self._parts: dict[str, Line] = {}
        self._conmon = ""

    def more(self) -> Iterator[Line]:
        """The lines completed since the last call.

        :raises ToolFailed: the journal cannot be read.
        """
        after = [f"--after-cursor={self._cursor}"] if self._cursor else []
        doing = "reading the host's journal"
        for text in run([*self._words, *after], package="systemd", changes=False, doing=doing).split("\n"):
            if text:
                yield from self._entry(json.loads(text))

    def _entry(self, entry: Mapping[str, Any]) -> Iterator[Line]:
        self._cursor = entry["__CURSOR"]
        if entry.get("_PID", "") != self._conmon:
            # Another run of the container: what the one before did not finish stays unfinished.
            yield from self._parts.values()
            self._parts, self._conmon = {}, entry.get("_PID", "")
        stream = "stderr" if entry.get("PRIORITY") == _ERROR else "stdout"
        begun = self._parts.pop(stream, Line(_time(entry["__REALTIME_TIMESTAMP"]), stream, ""))
        line = begun._replace(text=begun.text + _message(entry.get("MESSAGE")))
        if entry.get("CONTAINER_PARTIAL_MESSAGE") == "true":
            self._parts[stream] = line
        else:
            yield line

    def rest(self) -> Iterator[Line]:
        """What has no newline yet."""
        yield from self._parts.values()

    def close(self) -> None:
        """Nothing is kept open."""


def _message(value: Any) -> str:
    """What is not printable UTF-8 is a list of bytes; conmon sends a line's end with it."""
    text = bytes(value).decode(errors="replace") if isinstance(value, list) else str(value or "")
    return text.removesuffix("\n")


def _time(microseconds: str) -> str:
    seconds, rest = divmod(int(microseconds), 1000000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:06d}Z"
