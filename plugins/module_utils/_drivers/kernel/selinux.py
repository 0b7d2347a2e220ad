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

from .. import foreign_files
from ..trees.descent import Descent, entered

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
    :raises TreeChanged: a directory was moved meanwhile.
    """
    if refuses(path):
        raise ValueError(f"{path} is a directory of the system")
    if label_of(os.path.realpath(path)) == label:
        return
    top = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        held = f"/proc/self/fd/{top}"
        if os.path.isdir(held):
            _relabel_below(os.open(held, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), label)
        # The directory is last, so that one whose relabelling was interrupted is not taken for done.
        set_label(f"{held}/." if os.path.isdir(held) else os.path.realpath(path), label)
    finally:
        os.close(top)


def _relabel_below(top: int, label: str) -> None:
    """Relabel all below an open directory, which is closed, at any depth: a container may have made it.

    A process that moves names meanwhile leads to no file outside: each directory is held as it is entered.
    """
    way = Descent()
    try:
        way.enter(top)
        waiting = [_relabelled(top, label)]
        while waiting:
            if waiting[-1]:
                if entered(way, waiting[-1].pop()):
                    waiting.append(_relabelled(way.here, label))
                continue
            waiting.pop()
            if waiting:
                way.leave()
    finally:
        way.close()


def _relabelled(directory: int, label: str) -> list[str]:
    """Relabel what is in an open directory, and return the directories in it."""
    folders = []
    with os.scandir(directory) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # it is gone since
                set_label(f"/proc/self/fd/{directory}/{entry.name}", label)
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
    return folders


def refuses(path: str) -> bool:
    """Return whether ``path`` is a directory of the system, by any link or bind mount, which is never relabelled."""
    system = (*_NEVER, os.path.expanduser("~"))
    if os.path.realpath(path) in {*_NEVER, *map(os.path.realpath, system)}:
        return True
    # The volume of a driver may be a bind mount of one.
    return os.path.exists(path) and any(os.path.samefile(path, one) for one in system if os.path.exists(one))
