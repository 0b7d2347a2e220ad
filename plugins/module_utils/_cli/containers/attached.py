# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's run, whose output is shown to its end, or that is left running, and the command's exit code."""

from __future__ import annotations

import sys
from typing import Callable, Optional

from ..._container.io.logs import Output
from ..._drivers.conmon.conmon import ContainerNotCreated
from ..._model.errors import LibpodError, exit_code_of, sentence


def run_of(begin: Callable[[], tuple[str, Optional[Output]]]) -> int:
    """Begin a run by ``begin``, which returns the container's ID and, of one that ``show`` has shown, how it ended.

    Return the container's own exit code, 0 for one that is left running, 127 where the command is not found, and 126
    where it cannot be invoked (podman-run(1)).
    """
    try:
        container_id, output = begin()
    except LibpodError as error:
        sys.stderr.write(f"libpod: {sentence(error)}\n")
        return error.exit_code if isinstance(error, ContainerNotCreated) else exit_code_of(error)
    if output is None:
        sys.stdout.write(container_id + "\n")
        return 0
    return output.exit_code


def show(stream: str, data: bytes) -> None:
    """Write what a container has printed to this process's stream of that name."""
    out = (sys.stderr if stream == "stderr" else sys.stdout).buffer
    out.write(data)
    out.flush()
