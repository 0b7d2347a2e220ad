# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux (selinux(8)): the contexts that the policy has for containers, and the labels of files.

The files and the directories that are never relabelled are those of opencontainers/selinux, as with podman.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import NoReturn, Optional

from .. import foreign_files

_ATTRIBUTE = "security.selinux"
# The first is container-selinux's; the other, lxc_contexts(5), is the policy's own.
_CONTEXTS = "/usr/share/containers/selinux/contexts", "/etc/selinux/{policy}/contexts/lxc_contexts"
_CONFIG = "/etc/selinux/config"
_CHECK = "/sys/fs/selinux/context"
_MAX_BYTES = 1 << 20
_NEVER = (
    "/ /bin /boot /dev /etc /etc/passwd /etc/pki /etc/shadow /home /lib /lib64 /media /opt /proc /root /run /sbin /srv"
    " /sys /tmp /usr /var /var/lib /var/log"
).split()


def contexts() -> dict[str, str]:
    """Return the policy's contexts for containers by what they are for: ``process``, ``file``, ``init_process``, …

    Empty where the policy has none. :raises OSError: a file of it cannot be read.
    """
    for path in _CONTEXTS:
        try:
            return _assignments(path.format(policy=_policy()))
        except FileNotFoundError:
            continue
    return {}


def _policy() -> str:
    """Return the name of the policy, in selinux_config(5)."""
    try:
        return _assignments(_CONFIG).get("SELINUXTYPE", "targeted")
    except FileNotFoundError:
        return "targeted"


def _assignments(path: str) -> dict[str, str]:
    """Return the values of a file of lines ``KEY = "VALUE"``."""
    text = foreign_files.read(path, max_bytes=_MAX_BYTES).decode(errors="replace")
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if line[:1] not in ("", "#", ";"))
    return {key.strip(): value.strip().strip('"') for key, equals, value in pairs if equals}


def known(label: str) -> bool:
    """Return whether the loaded policy has such a label. :raises OSError: the kernel cannot be asked."""
    try:
        with open(_CHECK, "wb", buffering=0) as file:
            file.write(label.encode() + b"\0")
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return False
    return True


def label_of(path: str) -> str:
    """Return the label of a file, "" where it has none; a symbolic link has its own.

    :raises OSError: there is no such file.
    """
    try:
        return os.getxattr(path, _ATTRIBUTE, follow_symlinks=False).rstrip(b"\0").decode(errors="replace")
    except OSError as error:
        if error.errno not in (errno.ENODATA, errno.EOPNOTSUPP):
            raise
        return ""


def set_label(path: str, label: str) -> None:
    """Give a file, or a symbolic link itself, a label, unless its file system has none, or one for all its files.

    :raises OSError: as setxattr(2); EINVAL: the policy has no such label.
    """
    if label_of(path) == label:
        return
    try:
        os.setxattr(path, _ATTRIBUTE, label.encode() + b"\0", follow_symlinks=False)
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise


def relabel(path: str, label: str) -> None:
    """Give a file, or a directory and all below it, a label; links below it are not followed.

    Where the directory itself has it, so have those below, as podman takes it.

    :raises OSError: as setxattr(2). :raises ValueError: ``path`` is one that is never relabelled.
    """
    if refuses(path):
        raise ValueError(f"{path} is a directory of the system")
    if label_of(os.path.realpath(path)) == label:
        return
    top = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        held = f"/proc/self/fd/{top}"
        if os.path.isdir(held):
            # A process that moves names meanwhile leads to no file outside: each directory is held as it is entered.
            for _folder, folders, files, descriptor in os.fwalk(".", dir_fd=top, onerror=_raised):
                for name in (*folders, *files):
                    with suppress(FileNotFoundError):
                        set_label(f"/proc/self/fd/{descriptor}/{name}", label)
        # The directory is last, so that one whose relabelling was interrupted is not taken for done.
        set_label(f"{held}/." if os.path.isdir(held) else os.path.realpath(path), label)
    finally:
        os.close(top)


def _raised(error: OSError) -> Optional[NoReturn]:
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
        return None  # removed, or replaced, since its name was read
    raise error


def refuses(path: str) -> bool:
    """Return whether ``path`` is a directory of the system, which is never relabelled."""
    return os.path.realpath(path) in {*_NEVER, *(os.path.realpath(one) for one in (*_NEVER, os.path.expanduser("~")))}
