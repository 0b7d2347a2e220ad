# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in a thread with one result; concurrent.futures would cost 10 ms to import."""

from __future__ import annotations

import threading
from typing import Callable, Generic, Optional, TypeVar

from ..._drivers import process
from ..._model.errors import HostExhausted

T_co = TypeVar("T_co", covariant=True)


class Background(Generic[T_co]):
    """Run ``work`` in a thread, starting at once."""

    def __init__(self, work: Callable[[], T_co], *, apart: bool = False) -> None:
        """``apart``: the work changes its thread, such as the namespaces of that, so that no other may do it.

        :raises HostExhausted: it is to be done apart, and the host has no thread left.
        """
        self._work = work
        self._result: list[T_co] = []
        self._error: Optional[BaseException] = None
        self._thread: Optional[threading.Thread] = threading.Thread(target=self._run, daemon=True)
        try:
            process.start_thread(self._thread)
        except HostExhausted:
            if apart:
                raise
            # pids.max, or ulimit -u: do the work in this one.
            self._thread = None
            self._run()

    def _run(self) -> None:
        try:
            self._result.append(self._work())
        except BaseException as error:  # raised again where the result is asked for
            self._error = error

    def join(self) -> None:
        """Wait for the end; errors are raised by ``result``."""
        if self._thread is not None:
            self._thread.join()

    def result(self) -> T_co:
        """Wait for the end and return what ``work`` returned, or raise what it raised."""
        self.join()
        if self._error is not None:
            raise self._error
        return self._result[0]
