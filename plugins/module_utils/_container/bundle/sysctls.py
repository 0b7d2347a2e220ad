# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel parameters of a new container, tried in namespaces of a thread, which end with it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Mapping

from ..._drivers.kernel.syscalls import unshare
from ..._model.errors import InvalidArgument
from ..lifecycle.background import Background

if TYPE_CHECKING:
    from ..._model.options.types import ContainerOptions

_NEWIPC, _NEWNET = 0x08000000, 0x40000000
# Directories with a folder for each interface; a container's interfaces are known only once it has them.
_BY_INTERFACE = ("conf", "neigh")


def check(options: ContainerOptions) -> None:
    """Check that the kernel accepts the parameters.

    :raises InvalidArgument: it has no such parameter, or refuses the value.
    """
    own = "net" if options["network"]["mode"] in ("cni", "none") else ""
    tried = {name: value for name, value in options["sysctl"].items() if not of_interface(name)}
    mapped = any(options[option] for option in ("uidmap", "gidmap", "subuidname", "subgidname", "pod"))
    if mapped or options["userns"]["mode"] or not own or options["ipc"]["mode"] not in ("", "private", "shareable"):
        for name in tried:
            if not name.startswith("net.") and not os.path.exists(_path(name)):
                raise _unknown(name)
        return
    Background(lambda: _try(tried), apart=True).result()


def of_interface(name: str) -> bool:
    """Return whether it is a parameter of one interface, which exists once the network is set up."""
    parts = _path(name).split("/")
    return any(
        before in _BY_INTERFACE and part not in ("all", "default", "lo") for before, part in zip(parts, parts[1:])
    )


def _path(name: str) -> str:
    return f"/proc/sys/{name.translate({ord('.'): '/', ord('/'): '.'})}"


def _try(parameters: Mapping[str, str]) -> None:
    unshare(_NEWIPC | _NEWNET)
    for name, value in parameters.items():
        try:
            with open(_path(name), "w", encoding="utf-8") as file:
                file.write(value)
        except FileNotFoundError as error:
            raise _unknown(name) from error
        except OSError as error:
            raise InvalidArgument(
                f"sysctl: the kernel refuses {name}={value} ({error.strerror}): give a value that it takes, or omit it"
            ) from error


def _unknown(name: str) -> InvalidArgument:
    return InvalidArgument(f"sysctl: this host's kernel has no parameter {name}: sysctl -a lists all")
