# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a task failed whose container or command has ended."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from .._model.errors import shortened

_ERRORS = 500  # characters of standard error that a message has


def failure(what: str, code: int, stderr: str, container: Optional[Mapping[str, Any]] = None) -> str:
    """Return the message of a task that failed because ``what`` ended with another exit code than 0.

    ``container`` is what is inspected of it, where it is known. Standard error is shortened: the result has all of it.
    """
    message = f"{what} ended with exit code {code}"
    if container and container.get("State", {}).get("OOMKilled"):
        limit = container["HostConfig"]["Memory"]
        message += f": the kernel killed a process of it at its memory limit of {limit} bytes: give it more memory"
    words = shortened(" ".join(stderr.split()), _ERRORS)
    return f"{message}: {words}" if words else message
