# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set up the engine's process as a daemon's, whatever started it: containers and tools inherit much of it."""

from __future__ import annotations

import os
import signal
import sys
from typing import Mapping, Optional

from ..._model import caller

# sbin has runc and the iptables of the CNI plugins, and is not on every user's PATH.
TOOL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
_KEPT = "LIBPOD_"  # variables that are kept beside those for the tools
# The configuration of containers/storage: what runs later for a container, such as its exit command, has it too.
_STORAGE = "CONTAINERS_STORAGE_CONF"
# Where these are ignored, as under nohup(1) and a shell's &, the engine goes on ignoring them.
_OUTLIVED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
# Python itself ignores these, and subprocess restores them for programs.
_PYTHONS = (signal.SIGPIPE, signal.SIGXFSZ)
_PR_SET_DUMPABLE = 4  # <linux/prctl.h>
_CAPABILITY_VERSION, _CAP_SYS_PTRACE = 0x20080522, 19  # <linux/capability.h>
_ours: dict[str, str] = {}  # the environment that the last call set


def harden() -> None:
    """Set umask 022, default signals, no foreign descriptors, no core dumps, the directory ``/``, a small environment.

    The caller's directory and environment are kept in ``_model.caller``. A second call in one process changes nothing,
    unless there is another caller: Mitogen's interpreter gives each task its own.
    """
    _forbid_core_dumps()
    os.umask(0o022)
    _restore_signals()
    _open_standard_streams()
    _close_inherited()
    if _ours != os.environ:
        _leave_caller()
    _set_locale()


def _forbid_core_dumps() -> None:
    """Have the kernel write no core dump of this process, whose memory has a task's secrets (prctl(2)).

    It ends at execve(2), so tools and containers are as they are: unlike RLIMIT_CORE, which they would inherit, and
    which a core_pattern with a program ignores. Without CAP_SYS_PTRACE nothing is set: tools could no longer open what
    the engine gives them below ``/proc/PID/fd``.
    """
    import ctypes  # which Ansible has loaded

    library, header, sets = ctypes.CDLL(None), (ctypes.c_uint * 2)(_CAPABILITY_VERSION, 0), (ctypes.c_uint * 6)()
    if library.capget(header, sets) == 0 and sets[0] >> _CAP_SYS_PTRACE & 1:  # of the effective ones, the lower half
        library.prctl(_PR_SET_DUMPABLE, ctypes.c_ulong(0))


def _set_locale() -> None:
    """Set the locale C.UTF-8, since AnsibleModule has set the caller's, and results have the C library's messages.

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
            continue  # an old C library lacks it


def _restore_signals() -> None:
    """Restore ignored and blocked signals, which programs would inherit; a handler, even an empty one, ends at exec."""
    try:
        for number in signal.valid_signals():
            if number not in _PYTHONS and signal.getsignal(number) is signal.SIG_IGN:
                signal.signal(number, _nothing if number in _OUTLIVED else signal.SIG_DFL)
    except ValueError:
        return  # not in the main thread, in an interpreter that is not ours alone
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _nothing(number: int, frame: object) -> None:
    pass


def _open_standard_streams() -> None:
    """Open /dev/null on closed standard streams: another file with that number would be used as the stream."""
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
    """Close descriptors inherited through exec(2), such as locks and pipes of the caller.

    Those that this interpreter opened itself are close-on-exec (PEP 446), also where it ran other modules before.
    """
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        try:
            if number > 2 and os.get_inheritable(number):
                os.close(number)
        except OSError:
            continue  # the descriptor of the listing itself


def _leave_caller() -> None:
    environment = caller.environment = dict(os.environ)
    try:
        caller.directory = os.getcwd()
    except OSError:
        caller.directory = "/"  # the directory was deleted, so relative paths start here
    os.chdir("/")
    if os.environ.get(_STORAGE):
        os.environ[_STORAGE] = caller.absolute(os.environ[_STORAGE])
    kept = {key: value for key, value in environment.items() if key.startswith(_KEPT)}
    kept.update(tool_environment())
    os.environ.clear()
    os.environ.update(kept)
    _ours.clear()
    _ours.update(kept)


def tool_environment(extra: Optional[Mapping[str, str]] = None) -> dict[str, str]:
    """Return the environment for tools: PATH, the locale of their messages, proxies, storage.conf, and ``extra``."""
    kept = {key: value for key, value in os.environ.items() if key.lower() in _PROXIES}
    if os.environ.get(_STORAGE):
        kept[_STORAGE] = os.environ[_STORAGE]
    kept.update({"PATH": TOOL_PATH, "LC_ALL": "C.UTF-8", "HOME": os.environ.get("HOME", "/root")})
    kept.update(extra or {})
    return kept
