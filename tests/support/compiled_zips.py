# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep what Python compiles of Ansible's own files, which each module has in a zip archive, as it keeps other files'.

Python keeps compiled files beside their sources, and not for a zip archive. So each module that Ansible sends compiles
some 25 files, which is half of its CPU time. ``.ci/env`` copies this file into ``.venv``, where a ``.pth`` file imports
it at Python's start. The collection's own files are compiled as on any host.
"""

from __future__ import annotations

import _imp
import marshal
import os
import sys
import zipimport

TYPE_CHECKING = False  # as typing has it, which would take longer to import than all else here
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

INSTALLED = "libpod_compiled_zips"  # the module's name in .venv
_OF_ANSIBLE = ".zip/ansible/module"
_NAME = "_compile_source"


def install(folder: str) -> None:
    """Have this process take compiled files from this folder, and write there what is missing."""
    compile_source = vars(zipimport)[_NAME]

    def kept(path: str, source: bytes, *more: Any) -> CodeType:
        if _OF_ANSIBLE not in path:
            return compile_source(path, source, *more)  # type: ignore[no-any-return]
        name = f"{folder}/{_imp.source_hash(sys.flags.optimize, source).hex()}-{len(source)}"
        try:
            with open(name, "rb") as file:
                code: CodeType = marshal.loads(file.read())
        except (OSError, EOFError, ValueError):
            code = compile_source(path, source, *more)
            if not sys.dont_write_bytecode:
                _write(name, marshal.dumps(code))
        else:
            vars(_imp)["_fix_co_filename"](code, path)
        return code

    vars(zipimport)[_NAME] = kept


def _write(path: str, content: bytes) -> None:
    """Write a file at once, or not at all where this user may not."""
    new = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(new, "wb") as file:
            file.write(content)
        os.replace(new, path)
    except OSError:
        pass


if __name__ == INSTALLED and hasattr(zipimport, _NAME):
    install(f"{sys.prefix}/compiled-zips/{sys.implementation.cache_tag}")
