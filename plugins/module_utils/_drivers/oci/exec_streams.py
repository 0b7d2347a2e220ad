# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The standard streams of another process in a container: pipes, or a terminal that the OCI runtime creates."""

from __future__ import annotations

import os
import socket
from typing import Optional, Sequence

from ..._model.failpoints import failpoint
from ..streams import Feed, Flow, Sink, Watch
from . import exec_files

_SECONDS = 10.0  # for the terminal of a process that runs already


class Streams:
    """Pipes: output goes to ``out`` and ``err``; the input is ``data``, then that of the descriptor ``source``.

    Without ``err`` the process's standard error is its standard output. While this is entered, ``theirs`` are the
    runtime's streams, and ``flow`` copies on our side until ``watch`` ends it. With ``more_follows`` the input goes on
    by ``add``.
    """

    options: Sequence[str] = ()

    def __init__(
        self,
        out: Sink,
        err: Optional[Sink],
        data: bytes = b"",
        source: int = -1,
        *,
        watch: Optional[Watch] = None,
        more_follows: bool = False,
    ) -> None:
        self._out, self._err, self._data, self._source = out, err, data, source
        self._watch, self._more_follows = watch, more_follows
        self._feed: Optional[Feed] = None
        self.theirs: Sequence[int] = ()
        self.flow = Flow({})

    def __enter__(self) -> Streams:
        (stdin, ours), (out, stdout) = os.pipe(), os.pipe()
        outputs = {out: self._out}
        if self._err is None:
            stderr = os.dup(stdout)
        else:
            err, stderr = os.pipe()
            outputs[err] = self._err
        self.theirs = (stdin, stdout, stderr)
        for descriptor in self.theirs:
            # As conmon does, for /dev/stdout where the container's root is not the host's.
            os.fchmod(descriptor, 0o777)
        for descriptor in (ours, *outputs):
            os.set_blocking(descriptor, False)
        self._feed = Feed(ours, self._data, self._source, more_follows=self._more_follows)
        self.flow = Flow(outputs, self._feed, self._watch)
        return self

    def add(self, data: bytes, *, last: bool = False) -> None:
        """Add to the input, as ``Feed.add``."""
        if self._feed:
            self._feed.add(data, last=last)

    def give(self, data: bytes, watch: Watch, *, last: bool) -> None:
        """Begin the input of a process that waits for it, and have ``watch`` look on from now on."""
        self.flow.watch(watch)
        self.add(data, last=last)

    def __exit__(self, *_error: object) -> None:
        self.close_theirs()
        self.flow.close()

    def close_theirs(self) -> None:
        """Close our copies of the runtime's streams."""
        while self.theirs:
            os.close(self.theirs[0])
            self.theirs = self.theirs[1:]

    def started(self) -> None:
        """Note that the process runs."""


class Terminal(Streams):
    """A terminal, whose other end comes through a socket in ``folder``; ``err`` takes the runtime's own output."""

    def __init__(self, out: Sink, err: Sink, folder: str, data: bytes = b"", source: int = -1) -> None:
        super().__init__(out, err, data, source)
        self._folder, self._name = folder, exec_files.new_name("sock")
        self._socket: Optional[socket.socket] = None
        self._directory = -1
        self.master = -1

    @property
    def _path(self) -> str:
        # An address holds 107 bytes (unix(7)), and the folder's path may be longer.
        return f"/proc/{os.getpid()}/fd/{self._directory}/{self._name}"

    def __enter__(self) -> Terminal:
        self._directory = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(_SECONDS)
        failpoint("exec socket")
        self._socket.bind(self._path)
        self._socket.listen(1)
        self.options = ("--console-socket", self._path)
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        err, stderr = os.pipe()
        os.set_blocking(err, False)
        self.theirs = (null, os.dup(null), stderr)
        self.flow = Flow({err: self._err or self._out})
        return self

    def __exit__(self, *_error: object) -> None:
        super().__exit__()
        if self._socket:
            self._socket.close()
            failpoint("forget exec socket")
            os.unlink(self._path)
        if self._directory >= 0:
            os.close(self._directory)

    def started(self) -> None:
        """Receive the terminal. :raises OSError: it does not come."""
        if not self._socket:
            raise OSError("no socket for the terminal")
        connection = self._socket.accept()[0]
        with connection:
            connection.settimeout(_SECONDS)
            _name, descriptors, _flags, _address = socket.recv_fds(connection, 4096, 1)
        if not descriptors:
            raise OSError(0, "the OCI runtime sent no terminal", self._name)
        self.master = descriptors[0]
        os.set_blocking(self.master, False)
        feed = None
        if self._data or self._source >= 0:
            feed = Feed(self.master, self._data, self._source, terminal=True)
        self.flow.add(self.master, self._out, feed)
