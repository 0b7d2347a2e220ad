# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said over one ssh session with ``libpod connect`` on the host (see ``module_utils/_cli/connect.py``)."""

from __future__ import annotations

import json
import math
import os
import subprocess
from typing import IO, Any, Callable, Optional, cast

from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.common.text.converters import to_text

from ..module_utils import _engine_tree
from ._conversation import Conversation

PROTOCOL = 1
_SAID = 2000  # bytes of a failed session's output that its sentence quotes


class Exchange:
    """One request: becoming root on the host, the request itself, the conversation with the command, and the reply.

    It is the input of ssh's own loop, which calls ``carry`` (see ``connection/libpod_ssh.py``), once a try.
    """

    def __init__(self, request: dict[str, object], talk: Callable[[], Conversation]) -> None:
        """``talk`` returns a new conversation with the command."""
        self._request, self._new_talk = request, talk
        self.become: Any = None  # the become plugin by which the login user becomes root on the host
        self.seconds = 10.0  # for that
        self.host = ""
        self.source = -1  # a file that follows the request
        self.target: Optional[IO[bytes]] = None  # the file that standard output goes to
        self.reply: dict[str, Any] = {}

    def _begin(self) -> None:
        self.reply = {}
        self.failure: Optional[Exception] = None
        self.talk = self._new_talk()
        self._host: Conversation = Conversation(self.become, b"", self.seconds, 0)
        self._host.place = "on the host"
        self._mark = os.urandom(16).hex()
        self._feed: Any = None
        if self.source >= 0:
            os.lseek(self.source, 0, os.SEEK_SET)
        if self.target:
            self.target.seek(0)
            self.target.truncate()

    @property
    def descriptor(self) -> int:
        """As a flow's ``Watch``: it ends once the waiting process is gone."""
        return self.talk.descriptor

    @property
    def deadline(self) -> float:
        """As a flow's ``Watch``."""
        return self.talk.deadline if self._host.succeeded else self._host.deadline

    def look(self) -> None:
        """As a flow's ``Watch``."""
        (self.talk if self._host.succeeded else self._host).look()
        self.talk.look()

    def carry(self, process: subprocess.Popen[bytes], stdin: IO[bytes]) -> None:
        """Have the exchange through ``process``, an ssh, until that has ended, or ``failure`` is set."""
        self._begin()
        (streams,) = _engine_tree.load("_drivers.streams")
        theirs = (stdin, cast("IO[bytes]", process.stdout), cast("IO[bytes]", process.stderr))
        ours = [os.dup(one.fileno()) for one in theirs]
        stdin.close()
        for descriptor in ours:
            os.set_blocking(descriptor, False)
        self._feed = streams.Feed(ours[0], more_follows=True)
        flow = streams.Flow({ours[1]: streams.Sink(self._out), ours[2]: streams.Sink(self._err)}, self._feed, self)
        handle = os.pidfd_open(process.pid)
        try:
            self._host.add = self._answer
            if not self._host.asks:
                self._send()
            flow.follow(handle, math.inf)
        except Exception as error:  # pylint: disable=broad-exception-caught
            # No reason to connect again: too many wrong passwords would lock the user out.
            self.failure = error if self._host.succeeded else AnsibleConnectionFailure(self._not_root(error))
            process.terminate()
        finally:
            os.close(handle)
            flow.close()
            self.talk.close()

    def _answer(self, data: bytes, last: bool = False) -> None:
        """Send the password of the host's become, and after its success the request."""
        if last:
            self._send()
        else:
            self._feed.add(data)

    def _send(self) -> None:
        self.talk.add = self._add
        request = json.dumps({**self._request, "protocol": PROTOCOL, "mark": self._mark}).encode()
        self._feed.add(b"%08x%s" % (len(request), request))
        if self.source >= 0:
            self._feed.add(b"", last=True, source=self.source)
        elif self._request["verb"] == "exec":
            self._add(self.talk.input, last=not self.talk.asks)

    def _add(self, data: bytes, last: bool = False) -> None:
        """Send input of the command; the stream itself stays open, since its end would end the command."""
        self._feed.add((b"%08x%s" % (len(data), data) if data else b"") + (b"%08x" % 0 if last else b""))

    def _out(self, data: bytes) -> None:
        if not self._host.succeeded:
            self._host.out(data)
            if not self._host.succeeded:
                return
            self.talk.restart()
            data = bytes(self._host.stdout)
        if self.target:
            self.target.write(data)
        else:
            self.talk.out(data)

    def _err(self, data: bytes) -> None:
        (self.talk if self._host.succeeded else self._host).err(data)

    def ended(self, code: int, rest: bytes) -> bool:
        """Take the reply, where there is one; ``code`` is ssh's and ``rest`` the end of its standard error."""
        said = self.talk.stderr
        said += rest
        before, mark, reply = bytes(said).partition(self._mark.encode())
        if mark and b"\n" in reply:
            self.reply = json.loads(reply.partition(b"\n")[0])
            said[:] = before
        return bool(self.reply)

    def refused(self, code: int, engine: str) -> Exception:
        """Return the error of a session that ended with ``code`` and without a reply."""
        error: Exception = AnsibleConnectionFailure(self._why(code, engine))
        return error

    def _not_root(self, reason: object) -> str:
        return f"cannot become root on host {self.host}: {reason}"

    def _why(self, code: int, engine: str) -> str:
        said = " ".join(to_text(bytes(self._said()[-_SAID:]), errors="surrogate_then_replace").split())
        if not self._host.succeeded:
            try:
                self._host.finished()
            except Exception as error:  # pylint: disable=broad-exception-caught
                return self._not_root(error)
            return self._not_root(f"{self.become.name} ended with {code}{said and ': ' + said}")
        if code == 127:
            reason = (
                f"it keeps no engine as {engine}, or not the Python in its first line: run a module of libpod.engine "
                "or its role libpod_host there first"
            )
        elif code == 126:
            reason = f"{engine} is for root alone: log in as root, or set ansible_libpod_host_become"
        elif code in (2, 125) and ("libpod: expected one of" in said or "' is no command" in said):
            reason = f"{engine} is of a version without libpod_ssh: run a module or the role of this version there"
        else:
            reason = f"{engine} ended with {code} before it replied{said and ': ' + said}"
        return f"cannot reach containers of host {self.host}: {reason}"

    def _said(self) -> bytes:
        if self._host.succeeded:
            return bytes(self.talk.stderr)
        return bytes(self._host.stdout + b"\n" + self._host.stderr)
