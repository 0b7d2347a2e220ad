# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process the engine runs in, set as a daemon's, whatever started it: containers and tools inherit much of it."""

from __future__ import annotations

import os
import signal
import sys
from typing import Mapping, Optional

from ..._model import caller

# sbin is where runc and the iptables of the CNI plugins live, and not on every user's PATH.
TOOL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
# Of the environment, beside what the tools get: the roots and parts, and where containers/storage is configured.
_KEPT = ("LIBPOD_", "CONTAINERS_STORAGE_CONF")
# Where these were ignored, as nohup(1) and a shell's & do, the engine goes on ignoring them.
_OUTLIVED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
# Python itself ignores these, and subprocess gives them back to programs.
_PYTHONS = (signal.SIGPIPE, signal.SIGXFSZ)


def harden() -> None:
    """Give the process umask 022, no ignored or blocked signals, no foreign descriptors, ``/`` and a small environment.

    What the caller had of the last two is kept in ``_model.caller``. A second call in one process changes nothing more.
    """
    os.umask(0o022)
    _restore_signals()
    _open_standard_streams()
    _close_inherited()
    if caller.environment is os.environ:
        _leave_caller()
    _set_locale()


def _set_locale() -> None:
    """The C library's messages end up in results, and AnsibleModule has set the caller's locale.

    Python itself sets LC_CTYPE alone, so without the module ``locale`` messages are not translated.
    """
    if "locale" not in sys.modules:
        return
    import locale

    for name in ("C.UTF-8", "C"):
        try:
            locale.setlocale(locale.LC_ALL, name)
            return
        except locale.Error:
            continue  # old C libraries do not have it


def _restore_signals() -> None:
    """An ignored signal stays ignored in every program; a handler, even one that does nothing, ends at exec."""
    try:
        for number in signal.valid_signals():
            if number not in _PYTHONS and signal.getsignal(number) is signal.SIG_IGN:
                signal.signal(number, _nothing if number in _OUTLIVED else signal.SIG_DFL)
    except ValueError:
        return  # in another thread than the main one, in an interpreter that is not ours alone
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _nothing(number: int, frame: object) -> None:
    pass


def _open_standard_streams() -> None:
    """A file that is opened on a closed standard stream's number would be read or written as that stream."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))


def _close_inherited() -> None:
    """Close what came through exec(2), such as locks and pipes of the caller's.

    What this interpreter has opened itself is close-on-exec (PEP 446), also where it has run other modules before.
    """
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        try:
            if number > 2 and os.get_inheritable(number):
                os.close(number)
        except OSError:
            continue  # the descriptor of the listing itself


def _leave_caller() -> None:
    caller.environment = dict(os.environ)
    try:
        caller.directory = os.getcwd()
    except OSError:
        caller.directory = "/"  # it was deleted: relative paths have no other meaning left
    os.chdir("/")
    kept = {key: value for key, value in os.environ.items() if key.startswith(_KEPT)}
    kept.update(tool_environment())
    os.environ.clear()
    os.environ.update(kept)


def tool_environment(extra: Optional[Mapping[str, str]] = None) -> dict[str, str]:
    """The environment tools run with: PATH, the locale of their messages, proxies, and ``extra``."""
    kept = {key: value for key, value in os.environ.items() if key.lower() in _PROXIES}
    kept.update({"PATH": TOOL_PATH, "LC_ALL": "C.UTF-8", "HOME": os.environ.get("HOME", "/root")})
    kept.update(extra or {})
    return kept
