# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of what a container has, by tar(1)."""

from __future__ import annotations

from typing import Optional, Sequence

from ..._model.errors import ToolFailed
from ..command import run

# A label of SELinux says where a file was on this host, so that it is not of what is packed.
_OPTIONS = (
    "--numeric-owner --sort=name --xattrs --xattrs-include=* --xattrs-exclude=trusted.overlay.*"
    " --xattrs-exclude=security.selinux --format=posix"
)
_CHANGED = 1  # a file changed while it was read, as may happen in a running container


def pack(
    words: Sequence[str], *, doing: str, changes: bool = True, input: Optional[str] = None, terminal: int = -1
) -> None:
    """Make an archive; ``words`` name it and what is in it, the others are as for ``command.run``.

    :raises ToolFailed: something could not be read.
    """
    argv = ["tar", "--create", *_OPTIONS.split(), *words]
    try:
        run(argv, package="tar", changes=changes, input=input, doing=doing, label="create", terminal=terminal)
    except ToolFailed as error:
        if error.exit_code != _CHANGED:
            raise
