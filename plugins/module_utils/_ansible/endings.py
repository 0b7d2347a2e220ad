# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of tasks that fail because their container or command ended with an error."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from .._model.errors import shortened

_ERRORS = 500  # characters of standard error that a message has


def failure(what: str, code: int, stderr: str, container: Optional[Mapping[str, Any]] = None) -> str:
    """Return the message of a task that failed because ``what`` ended with another exit code than 0.

    ``container`` is its inspection, if it is known. Standard error is shortened here and complete in the result.
    """
    message = f"{what} ended with exit code {code}"
    if container and container.get("State", {}).get("OOMKilled"):
        limit = container["HostConfig"]["Memory"]
        message += (
            f": the kernel killed a process of it at its memory limit of {limit} bytes: give it more memory"
            if limit
            else ": the kernel killed a process of it for want of memory, of the host or of a limit above the container"
        )
    output = shortened(" ".join(stderr.split()), _ERRORS)
    return f"{message}: {output}" if output else message
