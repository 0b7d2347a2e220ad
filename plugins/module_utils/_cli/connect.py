# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod connect``: one command or one file for the connection plugin ``libpod_ssh``, which runs it over ssh.

Nothing is on the command line. Standard input has eight hexadecimal digits, so many bytes of JSON (the request), and

- ``exec``: the command's input in pieces, each after its length in eight hexadecimal digits; the length 0 is its end.
  The end of the stream itself means that the controller is gone, and so does the loss of standard output.
- ``put``: the file, as long as the request says.

Output goes to standard output and error. At the end of standard error, after the request's ``mark``, is the reply.
"""

from __future__ import annotations

import json
import math
import os
import select
import sys
from typing import Any, Callable, Mapping, Sequence

from .._container.container import Container
from .._model.engine_config import EngineConfig
from .._model.errors import LibpodError, sentence, take_warnings
from .._runtime.base import RuntimeBase

PROTOCOL = 1
_DIGITS = 8
_CHUNK = 1 << 20
_USAGE = "usage: libpod connect <REQUEST (a connection plugin's plumbing; see libpod exec)\n"


class ConnectionLost(LibpodError):
    """The process that waits for the command has ended."""


def connect(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Do what standard input asks for; return 0 once a reply was written, whatever it says."""
    if arguments or os.isatty(0):
        sys.stderr.write(_USAGE)
        return 2
    request = json.loads(_read(int(_read(_DIGITS), 16)))
    try:
        if request["protocol"] != PROTOCOL:
            raise LibpodError(
                f"the engine that the host keeps speaks protocol {PROTOCOL} of libpod_ssh, not {request['protocol']}: "
                "run a task or the role of this version there"
            )
        container = RuntimeBase(parts).container(request["container"])
        with container.batch():
            container.state.status.check("exec", container.name)
        reply = dict(_VERBS[request["verb"]](container, request))
    except ConnectionLost:
        return 1
    except Exception as error:  # pylint: disable=broad-exception-caught
        reply = {"error": sentence(error), "kind": type(error).__name__}
    reply["warnings"] = take_warnings()
    _write(f"{request['mark']}{json.dumps(reply)}\n".encode())
    return 0


def _execute(container: Container, request: Mapping[str, Any]) -> Mapping[str, object]:
    from .._container.io.exec import Exec
    from .._container.io.guarded import Guarded
    from .._drivers.oci.exec_streams import Streams
    from .._drivers.streams import Passed

    controller = _Controller()
    streams = Streams(Passed(1), Passed(2), watch=controller, more_follows=True)
    controller.add = streams.add
    guarded = Guarded(container)
    try:
        ended = guarded.execute(Exec(request["argv"], env=request["env"], user=request["user"]), streams)
    finally:
        guarded.close()
        controller.close()
    return {"code": ended.code or 0, "failure": ended.error, "container": container.name}


def _put(container: Container, request: Mapping[str, Any]) -> Mapping[str, object]:
    container.put_file(0, request["path"], request["user"], size=request["size"])
    return {}


def _fetch(container: Container, request: Mapping[str, Any]) -> Mapping[str, object]:
    try:
        container.fetch_file(request["path"], 1, request["user"])
    except BrokenPipeError as error:
        raise ConnectionLost(str(error)) from error
    return {}


_VERBS: Mapping[str, Callable[[Container, Mapping[str, object]], Mapping[str, object]]] = {
    "exec": _execute,
    "put": _put,
    "fetch": _fetch,
}


class _Controller:
    """The other end of ssh, as a flow's ``Watch``: passes the command's input on, and notices that it is gone."""

    deadline = math.inf

    def __init__(self) -> None:
        self.add: Callable[..., None] = lambda data, last=False: None
        self._begun, self._left = b"", 0
        self._epoll = select.epoll()
        self._epoll.register(0, select.EPOLLIN)
        self._epoll.register(1, 0)  # an error or a hang-up alone
        self.descriptor = self._epoll.fileno()

    def close(self) -> None:
        self._epoll.close()

    def look(self) -> None:
        """Take what has come. :raises ConnectionLost: nothing can any more."""
        for descriptor, events in self._epoll.poll(0):
            if descriptor == 0 and events & select.EPOLLIN:
                self._take(os.read(0, _CHUNK))
            else:
                raise ConnectionLost("the connection to the controller broke off")

    def _take(self, data: bytes) -> None:
        if not data:
            raise ConnectionLost("the controller closed the connection")
        while data:
            if not self._left:
                length = _DIGITS - len(self._begun)
                self._begun, data = self._begun + data[:length], data[length:]
                if len(self._begun) == _DIGITS:
                    self._left, self._begun = int(self._begun, 16), b""
                    if not self._left:
                        self.add(b"", last=True)
                continue
            self.add(data[: self._left])
            self._left, data = max(0, self._left - len(data)), data[self._left :]


def _read(length: int) -> bytes:
    """Read exactly so many bytes, and no more: what follows is for others.

    :raises ConnectionLost: they do not come.
    """
    data = b""
    while len(data) < length:
        more = os.read(0, length - len(data))
        if not more:
            raise ConnectionLost("the request is not complete")
        data += more
    return data


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(2, data) :]
