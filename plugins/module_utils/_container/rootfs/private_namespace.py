# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mount namespace for one function: of an image's files, or of a directory in memory. It ends with its thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, TypeVar

from ..._drivers.kernel.syscalls import MS_PRIVATE, MS_REC, mount, unshare
from ..._drivers.storage.own_overlay import mount_layers
from ..lifecycle.background import Background

if TYPE_CHECKING:
    from ..._drivers.storage.roots import Layers

T = TypeVar("T")
_CLONE_NEWNS = 0x20000
_HIDDEN = "/sys/fs"  # exists on every host, and no program run there uses it


def with_layers(layers: Layers, work: Callable[[str], T]) -> T:
    """Call ``work`` with a host path of an image's root filesystem, read-only, and return its result."""

    def in_namespace() -> T:
        private_mounts()
        mount_layers(layers, layers.upper, write=False)
        return work(layers.upper)

    return Background(in_namespace, apart=True).result() if layers.lower else work(layers.upper)


def with_memory(work: Callable[[str], T]) -> T:
    """Call ``work`` with a directory in memory that only it and its programs see, and return its result.

    The directory ends with them, so that a kill leaves nothing of it.
    """

    def in_namespace() -> T:
        private_mounts()
        mount("memory", _HIDDEN, "tmpfs", data="mode=700")
        return work(_HIDDEN)

    return Background(in_namespace, apart=True).result()


def private_mounts() -> None:
    """Give this thread a mount namespace of its own, which passes nothing on."""
    unshare(_CLONE_NEWNS)
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
