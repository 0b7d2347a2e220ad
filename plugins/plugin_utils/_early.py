# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell of a connection's next command, started while Ansible still builds the module for it.

The OCI runtime takes 30 ms to start a process, and Ansible longer to build a module: on two cores both are done at
once. The shell reads the command as the first line of its input, and becomes the shell that would have been started.
It is a child of ours that is reaped with its command: the end of its container waits for that.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Callable, Optional

from ..module_utils import _engine_tree

if TYPE_CHECKING:
    from ..module_utils._container.io.exec import Exec
    from ..module_utils._container.io.guarded import Guarded
    from ..module_utils._drivers.oci.exec import Ended
    from ._conversation import Conversation

_SHELLS = ("ash", "bash", "dash", "ksh", "sh")  # these have read -r
_WAIT = 'IFS= read -r command && exec "$0" -c "$command"'
_LONGEST = 4096  # bytes of a command, which the shell reads one by one


class EarlyShell:
    """A shell that waits for its command; ``close`` ends one that gets none."""

    def __init__(self, guarded: Guarded, shell: str, wanted: Callable[[list[str]], Exec]) -> None:
        """Start it. :raises LibpodError: that cannot be done, and neither can the command."""
        streams, flows = _engine_tree.load("_drivers.oci.exec_streams", "_drivers.streams")
        self._guarded, self._wanted = guarded, wanted([shell, "-c", _WAIT, shell])
        self._talk: Optional[Conversation] = None
        self._streams = streams.Streams(flows.Sink(self._out), flows.Sink(self._err), more_follows=True)
        self._held = ExitStack()
        self._begun = self._held.enter_context(guarded.begun(self._wanted, self._streams))

    def run(self, command: str, talk: Conversation) -> Ended:
        """Run the command to its end, with ``talk`` at its streams.

        :raises ContainerStopped: the container does not run, or ends first. :raises InvalidState: it is paused.
        """
        with self._held:
            container = self._guarded.container.peek()
            container.state.status.check("exec", container.name)
            self._talk, talk.add = talk, self._streams.add
            line = command.encode(errors="surrogateescape") + b"\n"
            self._streams.give(line + bytes(talk.input), talk, last=not talk.asks)
            return self._guarded.finish(self._begun, self._wanted)

    def close(self) -> None:
        """End the shell."""
        self._held.close()

    def _out(self, data: bytes) -> None:
        if self._talk:
            self._talk.out(data)

    def _err(self, data: bytes) -> None:
        if self._talk:
            self._talk.err(data)


def can_wait(shell: str) -> bool:
    """Return whether a shell can be started before its command is known."""
    return os.path.basename(shell) in _SHELLS


def can_take(command: str) -> bool:
    """Return whether a command can be a line of a shell's input."""
    return len(command) <= _LONGEST and not {"\n", "\0"} & set(command)
