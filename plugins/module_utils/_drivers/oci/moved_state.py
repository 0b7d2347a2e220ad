# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OCI runtime's state of a container, moved from one state directory of the runtime to another."""

from __future__ import annotations

import os
import shutil

from ..._model.failpoints import failpoint
from ..trees import removal


def move(source: str, target: str, container_id: str) -> None:
    """Move the state of a container from the root ``source`` to the root ``target``; safe to repeat.

    The roots may be on several file systems. No state says in which root it is.
    """
    before, after = f"{source}/{container_id}", f"{target}/{container_id}"
    if not os.path.isdir(before):
        return
    if not os.path.isdir(after):
        failpoint("copy the OCI runtime's state")
        os.makedirs(target, 0o700, exist_ok=True)
        beside = f"{target}/.{container_id}"
        removal.remove(beside)
        _copy(before, beside)
        failpoint("rename the OCI runtime's state")
        os.rename(beside, after)
    failpoint("remove the OCI runtime's state")
    removal.remove(before)


def _copy(source: str, target: str) -> None:
    """Copy a directory, or leave none.

    :raises OSError: the first file that cannot be copied.
    """
    errors: list[OSError] = []

    def copy(file: str, there: str) -> str:
        try:
            return str(shutil.copy2(file, there))
        except OSError as error:
            error.filename, error.filename2 = there, None
            errors.append(error)
            raise

    try:
        shutil.copytree(source, target, symlinks=True, copy_function=copy)
    except OSError as error:
        removal.remove(target)
        raise (errors or [error])[0] from error
