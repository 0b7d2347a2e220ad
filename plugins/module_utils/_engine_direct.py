# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module from what the target keeps: the engine, and Ansible's own files for modules.

Ansible compiles its files on the target at each task, which takes most of the time of ``ping``. The action plugin sends
``_engine_archive.py`` followed by this file instead, with the task's arguments. Where something is missing this says
so, and the action plugin has Ansible send the module as it sends any other.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import sys
from typing import Any


def run(this: Any, arguments: bytes) -> None:
    """Run the module that the request names; ``this`` has the names of ``_engine_archive.py``.

    :param arguments: the task's, as JSON
    """
    gc.set_threshold(this._COLLECT_EVERY)
    request = json.loads(os.environ.pop(this.VARIABLE))
    room, ansible = request.pop("room"), request.pop("ansible")
    folder, digest = this.engine_folder(request["static_root"]), request["digest"]
    found = _imported(this, folder, room, ansible, request)
    if not found:
        # Where there is none of this version, only the controller has it.
        missing = not os.path.lexists(f"{folder}/{digest}.zip") or "ansible"
        sys.stdout.write(json.dumps({"changed": False, "libpod_engine_missing": missing}))
        raise SystemExit(0)
    basic, module = found
    basic._ANSIBLE_ARGS = b'{"ANSIBLE_MODULE_ARGS": %s}' % arguments
    basic._ANSIBLE_PROFILE = "legacy"
    try:
        module.main()
    except Exception as error:
        try:
            loader = importlib.import_module("ansible.module_utils._internal._ansiballz._loader")
        except ImportError:  # ansible-core 2.18
            raise error from None
        loader._handle_exception(error, "legacy")


def _imported(this: Any, folder: str, room: str, ansible: str, request: dict[str, Any]) -> tuple[Any, ...]:
    """Return Ansible's ``basic`` and the room, empty where something is missing or damaged."""
    path = this.of_ansible(folder, ansible)
    if not this.is_ready(**request) or not this.hold(path, ansible):
        return ()
    sys.path.insert(1, path)
    try:
        importlib.import_module("libpod_ansible")
        basic = importlib.import_module("ansible.module_utils.basic")
        return (basic, importlib.import_module(f"{this.PACKAGE}.{room}")) if hasattr(basic, "_ANSIBLE_ARGS") else ()
    except Exception:  # pylint: disable=broad-exception-caught
        # Nothing is done yet: the module comes Ansible's own way, and without its mark the file is made again.
        with contextlib.suppress(OSError):
            os.utime(path)
        return ()
