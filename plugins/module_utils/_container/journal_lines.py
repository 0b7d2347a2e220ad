# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's lines in the host's journal, which conmon writes there (systemd.journal-fields(7))."""

from __future__ import annotations

import time
from typing import Iterator

from .._drivers.command import run
from .._model import foreign
from .._model.foreign import Foreign
from .log_parts import Entry, Joiner, Line

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
        self._joiner = Joiner()
        self._conmon = ""

    def more(self) -> Iterator[Line]:
        """The lines completed since the last call.

        :raises ToolFailed: the journal cannot be read. :raises MalformedData: an entry is not journalctl's.
        """
        after = [f"--after-cursor={self._cursor}"] if self._cursor else []
        doing = "reading the host's journal"
        for text in run([*self._words, *after], package="systemd", changes=False, doing=doing).split("\n"):
            if text:
                yield from self._entry(foreign.parse(text, "an entry of the host's journal"))

    def _entry(self, entry: Foreign) -> Iterator[Line]:
        self._cursor, conmon = entry["__CURSOR"].text(required=True), entry["_PID"].text()
        if conmon != self._conmon:
            # Another run of the container: what the one before did not finish stays unfinished.
            yield from self._joiner.rest()
            self._conmon = conmon
        stream = "stderr" if entry["PRIORITY"].text() == _ERROR else "stdout"
        ends = entry["CONTAINER_PARTIAL_MESSAGE"].text() != "true"
        when = _time(entry["__REALTIME_TIMESTAMP"])
        yield from self._joiner.add(Entry(when, stream, ends, _message(entry["MESSAGE"])))

    def rest(self) -> Iterator[Line]:
        """What has no newline yet."""
        return self._joiner.rest()

    def close(self) -> None:
        """Nothing is kept open."""


def _message(value: Foreign) -> bytes:
    """What is not printable UTF-8 is a list of bytes; conmon sends a line's end with it."""
    if isinstance(value.value, list):
        content = bytes(byte.integer(low=0, high=255) for byte in value)
    else:
        content = value.text().encode()
    return content.removesuffix(b"\n")


def _time(microseconds: Foreign) -> str:
    words = microseconds.text()
    if not (words.isascii() and words.isdigit() and len(words) < 19):
        microseconds.fail("microseconds since the epoch")
    seconds, rest = divmod(int(words), 1000000)
    try:
        return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:06d}Z"
    except (OverflowError, OSError, ValueError):
        microseconds.fail("microseconds since the epoch")
