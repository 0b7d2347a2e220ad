# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file in which a destination's next content is written, beside it, to take its place by one rename."""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import sha256


def beside(path: str, kind: str) -> str:
    """Return where the next content of ``path`` is written: a name of its own, which a later run finds again."""
    digest = sha256(path.encode(errors="surrogateescape")).hexdigest()[:16]
    return os.path.join(os.path.dirname(path), f".libpod-{kind}-{digest}")


def create(path: str) -> int:
    """Return a descriptor of a new file that only root can read, in the place of any file there, another user's too."""
    with suppress(FileNotFoundError):
        os.unlink(path)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
