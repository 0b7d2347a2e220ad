# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of tasks that fail because their container or command ended with an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from .._model.errors import shortened

if TYPE_CHECKING:
    from .._runtime.types import Shown

_ERRORS = 500  # characters of standard error that a message has


def failure(what: str, code: int, stderr: str, container: Optional[Shown] = None) -> str:
    """Return the message of a task that failed because ``what`` ended with another exit code than 0.

    ``container`` is its inspection, if it is known. Standard error is shortened here and complete in the result.
    """
    message = f"{what} ended with exit code {code}"
    if container and container["State"]["OOMKilled"]:
        message += f": the kernel killed a process of it {_want(container)}"
    output = shortened(" ".join(stderr.split()), _ERRORS)
    return f"{message}: {output}" if output else message


def _want(container: Shown) -> str:
    """Return at which limit there was no memory left, as far as what is shown of the container says so."""
    if "HostConfig" not in container:
        return "for want of memory, of the host, of its own memory limit or of one above the container"
    limit = container["HostConfig"]["Memory"]
    if limit:
        return f"at its memory limit of {limit} bytes: give it more memory"
    return "for want of memory, of the host or of a limit above the container"
