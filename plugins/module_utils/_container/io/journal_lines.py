# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's lines in the host's journal, which conmon writes there (systemd.journal-fields(7))."""

from __future__ import annotations

import time
from typing import Iterator, Optional

from ..._drivers.command import run
from ..._model import foreign
from ..._model.foreign import Foreign
from ..._model.options.syntax.parsers import natural
from .log_parts import Entry, Joiner, Line

_FIELDS = "MESSAGE,PRIORITY,CONTAINER_PARTIAL_MESSAGE,_PID"
_ERROR = "3"  # syslog(3)'s LOG_ERR, as which conmon sends standard error


class JournalReader:
    """Reads new entries, as ``log_lines``' reader of files does."""

    pause = 0.5
    wake = -1  # no descriptor tells of new entries: they are polled for

    def __init__(self, container_id: str, tail: Optional[int] = None) -> None:
        """With ``tail``, existing entries are read from about that many lines before the end."""
        self._tail = tail
        self._argv = ["journalctl", "--quiet", "--all", "--output=json", f"--output-fields={_FIELDS}"]
        self._argv.append(f"CONTAINER_ID_FULL={container_id}")
        self._cursor = ""
        self._joiner = Joiner()
        self._conmon = ""

    def more(self) -> Iterator[Line]:
        """Yield the lines completed since the last call.

        :raises ToolFailed: the journal cannot be read. :raises MalformedData: an entry is not journalctl's.
        """
        if self._tail is None:
            entries = self._read(*([f"--after-cursor={self._cursor}"] if self._cursor else []))
        else:
            entries, self._tail = self._last(max(self._tail, 1)), None
        for text in entries:
            yield from self._entry(foreign.parse(text, "an entry of the host's journal"))

    def _read(self, *options: str) -> list[str]:
        doing = "reading the host's journal"
        printed = run([*self._argv, *options], package="systemd", changes=False, doing=doing)
        return [text for text in printed.split("\n") if text]

    def _last(self, tail: int) -> list[str]:
        """Return entries that end more than ``tail`` lines, all where there are fewer: the first may begin within one.

        The parts that conmon made of a line show only in the entries, so more are read until there are enough lines.
        """
        amount = tail + 1
        while True:
            entries = self._read(f"--lines={amount}")
            # No message contains this, since JSON escapes its quotes.
            ends = sum('"CONTAINER_PARTIAL_MESSAGE":"true"' not in text.replace(" ", "") for text in entries)
            if ends > tail or len(entries) < amount:
                return entries
            amount *= 4

    def _entry(self, entry: Foreign) -> Iterator[Line]:
        self._cursor, conmon = entry["__CURSOR"].text(required=True), entry["_PID"].text()
        if conmon != self._conmon:
            # Another run of the container: a line that the one before did not finish stays so.
            yield from self._joiner.rest()
            self._conmon = conmon
        stream = "stderr" if entry["PRIORITY"].text() == _ERROR else "stdout"
        ends = entry["CONTAINER_PARTIAL_MESSAGE"].text() != "true"
        when = _time(entry["__REALTIME_TIMESTAMP"])
        yield from self._joiner.add(Entry(when, stream, ends, _message(entry["MESSAGE"])))

    def rest(self) -> Iterator[Line]:
        """Yield the lines that have no end yet."""
        return self._joiner.rest()

    def close(self) -> None:
        """Do nothing: no file is kept open."""


def _message(value: Foreign) -> bytes:
    """Return a message, which is a list of bytes where it is not printable UTF-8, without conmon's newline."""
    if isinstance(value.value, list):
        content = bytes(byte.integer(low=0, high=255) for byte in value)
    else:
        content = value.text().encode()
    return content.removesuffix(b"\n")


def _time(microseconds: Foreign) -> str:
    number = natural(microseconds.text())
    if number is None:
        microseconds.fail("microseconds since the epoch")
    seconds, rest = divmod(number, 1000000)
    try:
        return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:06d}Z"
    except (OverflowError, OSError, ValueError):
        microseconds.fail("microseconds since the epoch")
