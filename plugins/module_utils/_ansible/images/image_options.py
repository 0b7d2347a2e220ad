# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument spec of the options of libpod_image that build and push an image."""

from __future__ import annotations

from typing import Any, Mapping

TRANSPORTS = ("dir", "docker", "docker-archive", "docker-daemon", "oci", "oci-archive", "ostree")


def spec() -> dict[str, Any]:
    """Return the options' part of the argument spec of libpod_image."""
    building = {
        **{option: {"type": "dict"} for option in ("annotation", "args", "labels")},
        "cache": {"type": "bool", "default": True},
        "container_file": {"type": "str"},
        "extra_args": {"type": "str"},
        "file": {"type": "path"},
        "force_rm": {"type": "bool"},
        "format": {"type": "str", "default": "oci", "choices": ["oci", "docker"]},
        "isolation": {"type": "str", "default": "chroot", "choices": ["chroot", "oci"]},
        "rm": {"type": "bool"},
        "secrets": {"type": "list", "elements": "str", "default": [], "no_log": False},  # names and paths
        "target": {"type": "str"},
        "volume": {"type": "list", "elements": "str", "default": []},
    }
    pushing = {
        "compress": {"type": "bool"},
        "dest": {"type": "str", "aliases": ["destination"]},
        "extra_args": {"type": "str"},
        "format": {"type": "str", "choices": ["oci", "v2s1", "v2s2"]},
        "remove_signatures": {"type": "bool"},
        "sign_by": {"type": "str"},
        "transport": {"type": "str", "choices": list(TRANSPORTS)},
    }
    return {
        "path": {"type": "path"},
        "build": {"type": "dict", "aliases": ["build_args", "buildargs"], "options": building},
        "push": {"type": "bool", "default": False},
        "push_args": {"type": "dict", "options": pushing},
    }


def builds(params: Mapping[str, Any]) -> bool:
    """Return whether the task builds the image: it has a context or a Containerfile, be that empty."""
    options = params["build"] or {}
    own = (options.get("container_file"), options.get("file"))
    return bool(params["state"] == "build" or params["path"]) or any(one is not None for one in own)
