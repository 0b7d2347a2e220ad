# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images that molecule's platforms have built, as tasks of libpod_image."""

from __future__ import annotations

import os
from typing import Any, Mapping

from ..module_utils import _engine_tree
from ._molecule_keys import WrongPlatform

_DOCKERFILE = "Dockerfile.j2"


def dockerfile(given: Mapping[str, object], directory: str) -> str:
    """Return the path of the Dockerfile that a platform's image is built of, empty where it is used as it is.

    Where ``pre_build_image`` is omitted, that is the question of whether the scenario has one.

    :raises WrongPlatform: a build is asked for and there is no Dockerfile.
    """
    if given.get("pre_build_image") or given.get("rootfs"):
        return ""
    name = given.get("dockerfile") or _DOCKERFILE
    if not isinstance(name, str):
        raise WrongPlatform(f"dockerfile: {name!r} cannot be used: expected a path in the scenario's directory")
    path = os.path.join(directory, name)
    if os.path.isabs(path) and os.path.isfile(path):
        return path
    if any(given.get(key) is not None for key in ("pre_build_image", "dockerfile", "buildargs")):
        raise WrongPlatform(
            f"dockerfile: there is no {path} to build the image of: write it, or use the image as it is with "
            "pre_build_image: true, and install what it lacks in prepare.yml"
        )
    return ""


def build(
    name: str, platform: Mapping[str, object], path: str, directory: str, made: dict[str, Any]
) -> dict[str, object]:
    """Return the build of a platform, and have its container ``made`` use the image.

    The result is the ``container``, ``dockerfile``, the template's path, ``platform``, its variable ``item``,
    ``options`` of libpod_image, and the ``build`` among these.

    :raises WrongPlatform: a key of the build has a value that cannot be used.
    """
    arguments = platform.get("buildargs") or {}
    if not isinstance(arguments, Mapping):
        raise WrongPlatform("buildargs: expected a mapping of names to values")
    # An image of its own for each instance, as Dockerfiles of one image can differ. Equal layers are built once.
    image = f"localhost/molecule_local:{made['name']}"
    options = {"name": image, "state": "build", "path": directory or os.path.dirname(path)}
    (libpod_image,) = _engine_tree.load("_ansible.images.image")
    names = libpod_image.names_of_pulling()
    options |= {theirs: made[ours] for ours, theirs in names.items() if ours in made}
    if "creds" in made:
        options["username"], _colon, options["password"] = made["creds"].partition(":")
    for option in ("creds", *names):
        made.pop(option, None)
    made["image"] = image
    made.setdefault("image_strict", True)
    return {
        "container": made["name"],
        "dockerfile": path,
        "platform": {**platform, "name": name},
        "options": options,
        "build": {"args": {str(key): value for key, value in arguments.items()}},
    }
