# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the credentials of registries are, for logins and for pulls, as podman has it (containers-auth.json(5))."""

from __future__ import annotations

import os

from ..._model import caller

_AUTHFILE, _RUNTIME, _CONFIG, _DOCKER = "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_CONFIG"


def environment() -> dict[str, str]:
    """Return the variables of the task or command by which skopeo finds the files of ``read_paths``.

    A runtime directory that is gone, as root's is after the last session, counts as not given.
    """
    given = {name: caller.environment.get(name) or "" for name in (_AUTHFILE, _RUNTIME, _CONFIG, _DOCKER)}
    if not os.path.isdir(given[_RUNTIME]):
        del given[_RUNTIME]
    return {name: caller.absolute(path) for name, path in given.items() if path}


def default_path() -> str:
    """Return the file that a login without ``authfile`` writes, and that a pull without it reads first."""
    given = environment()
    folder = given.get(_RUNTIME, f"/run/containers/{os.geteuid()}")
    return given.get(_AUTHFILE) or (f"{folder}/containers/auth.json" if _RUNTIME in given else f"{folder}/auth.json")


def read_paths(authfile: str = "") -> list[str]:
    """Return the files that a pull looks for credentials in, the first one first."""
    given, home = environment(), os.environ.get("HOME", "/root")
    return [
        authfile or default_path(),
        f"{given.get(_CONFIG) or f'{home}/.config'}/containers/auth.json",
        f"{given.get(_DOCKER) or f'{home}/.docker'}/config.json",
    ]
