# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent instead of a module: a program that runs it from what the target keeps.

It is a JSONARGS module ("Ansible module architecture" of Ansible's developer guide): Ansible puts the task's arguments
into it, as it is, and adds no file of its own.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
from types import SimpleNamespace
from typing import Mapping

from ansible import constants
from ansible.module_utils import basic
from ansible.plugins.loader import module_utils_loader
from ansible.release import __version__

from ..module_utils import _engine_archive, _engine_build, _engine_direct, _engine_kept, _engine_setup

MISSING = "ansible"  # what the target says where Ansible has to send the module
_CORE = os.path.dirname(os.path.abspath(basic.__file__))
_MODULES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "modules")
_FILE = "libpod_engine.py"
# Ansible takes it for a JSONARGS module by the mark in its comment, and replaces that and the text in quotation marks.
# Older Pythons read it, too. The arguments must not stand where Python looks for an encoding (PEP 263), nor in a line
# that a traceback shows. As in Ansible's own way, nothing is imported from the working directory.
_PROGRAM = """#!/usr/bin/python
# -*- coding: utf-8 -*-
#
# <<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>
import os, sys
if sys.version_info < {oldest}:
    print({missing!r})
    sys.exit(0)
_here = os.path.dirname(os.path.realpath(globals().get("__file__") or "/-"))
sys.path[:] = [path for path in sys.path if path not in ("", ".", _here)]
exec({source!r})
_arguments = "<<INCLUDE_ANSIBLE_MODULE_COMPLEX_ARGS>>"
run(sys.modules[__name__], _arguments)
"""
# What else Ansible would replace, in the arguments as well.
_REPLACED = ("<<INCLUDE_ANSIBLE_MODULE", "<<ANSIBLE_VERSION", "<<SELINUX_SPECIAL_FILESYSTEMS", "syslog.LOG_USER")
# Settings of Ansible's own tests and debuggers, as variables of the environment or of hosts.
_INTERNAL = ("_ANSIBLE_COVERAGE", "_ANSIBLE_ANSIBALLZ")


class Loaders:
    """Stand in for Ansible's plugin loaders: the file of any module is the program."""

    @property
    def module_loader(self) -> Loaders:
        """The loader of modules."""
        return self

    def find_plugin_with_context(self, *_name: object, **_how: object) -> SimpleNamespace:
        """Return what Ansible's loader returns of a module that it has found."""
        return SimpleNamespace(resolved=True, redirect_list=[], plugin_resolved_path=_written())


def _written() -> str:
    """Return the path of the program, in the directory that ansible-playbook removes at its end."""
    path = os.path.join(constants.DEFAULT_LOCAL_TMP, _FILE)
    if not os.path.exists(path):
        os.makedirs(constants.DEFAULT_LOCAL_TMP, exist_ok=True)
        temporary = f"{path}.{os.getpid()}"
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(program())
        os.rename(temporary, path)
    return path


def program() -> str:
    """Return the program, with Ansible's marks for the arguments."""
    return _PROGRAM.format(
        oldest=_engine_setup.OLDEST,
        missing=json.dumps({"changed": False, _engine_setup.MISSING: MISSING}),
        source=code(),
    )


def code() -> str:
    """Return the source that the program compiles on the target."""
    files = [_source(module.__file__ or "") for module in (_engine_archive, _engine_direct)]
    return files[0] + files[1].partition("from __future__ import annotations\n")[2]


def _source(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def takes(arguments: object) -> bool:
    """Return whether Ansible puts the arguments into the program as they are."""
    text = json.dumps(arguments, default=repr)
    return not any(each in text for each in _REPLACED)


def asked(module_room: str, variables: Mapping[str, object], host: str) -> dict[str, str]:
    """Return what the request has of the direct way: nothing where it is not possible.

    :param module_room: as of ``room``
    :param host: the target's name, for ``declined``
    """
    try:
        found = {"ansible": digest(), "room": module_room}
        return found if all(found.values()) and _is_possible(variables) and not _is_declined(host) else {}
    except Exception:  # pylint: disable=broad-exception-caught
        return {}  # another ansible-core than those that it was tried with: Ansible's own way needs nothing of this


def declined(host: str) -> None:
    """Note that a host has asked for Ansible's own way; after the second time it is not asked again in this run."""
    with contextlib.suppress(OSError), open(_declines(host), "a", encoding="utf-8") as file:
        file.write(".")


def _is_declined(host: str) -> bool:
    return os.path.exists(_declines(host)) and os.path.getsize(_declines(host)) > 1


def _declines(host: str) -> str:
    return os.path.join(constants.DEFAULT_LOCAL_TMP, f"libpod_engine.{hashlib.sha256(host.encode()).hexdigest()[:16]}")


def _is_possible(variables: Mapping[str, object]) -> bool:
    """Return whether no setting asks for what only Ansible's own way has.

    These are modules kept for debugging, a limit of open files, coverage, and files of the user in place of Ansible's.
    """
    limit = constants.config.get_config_value("PYTHON_MODULE_RLIMIT_NOFILE", variables=variables)
    if constants.DEFAULT_KEEP_REMOTE_FILES or limit:
        return False
    if any(name.upper().startswith(_INTERNAL) for name in (*os.environ, *variables)):
        return False
    others = [path for path in module_utils_loader._get_paths(subdirs=False) if os.path.abspath(path) != _CORE]
    return not any(map(_has_files, others))


def _has_files(folder: str) -> bool:
    try:
        return bool(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # Ansible's own way says what is wrong with it


def room(action: str) -> str:
    """Return the room that the module of an action plugin loads, such as ``_ansible.container``; empty for none.

    :param action: the Python module of the action plugin
    """
    path = os.path.join(_MODULES, f"{action.rpartition('.')[2]}.py")
    found: list[str] = re.findall(r'load\("([\w.]+)"\)\.main\(\)', _source(path)) if os.path.exists(path) else []
    return found[-1] if found else ""


@functools.cache
def digest() -> str:
    """Return 32 digits of a SHA-256 over Ansible's own files for modules, and what makes of them what is kept."""
    paths = {os.path.basename(path): path for path in (_engine_build.__file__, _engine_kept.__file__) if path}
    for folder, folders, names in os.walk(_CORE):
        folders[:] = [name for name in folders if name not in ("facts", "__pycache__")]
        found = [os.path.join(folder, name) for name in names if name.endswith(".py")]
        paths.update((os.path.relpath(path, _CORE), path) for path in found)
    whole = hashlib.sha256(__version__.encode())
    for name, path in sorted(paths.items()):
        with open(path, "rb") as file:
            content = file.read()
        whole.update(b"%s %d " % (name.encode(), len(content)))
        whole.update(content)
    return whole.hexdigest()[:32]


with contextlib.suppress(OSError):
    digest()  # once, by ansible-playbook when it loads the plugin, and not by the process of each task
