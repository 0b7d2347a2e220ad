# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpack a tar file beneath a directory that containers write to: what differs, by descriptors, following no link.

A file is replaced by one rename. An interrupted run leaves one entry of the name ``temporary``, which the next removes.
"""

from __future__ import annotations

import os
import stat
import tarfile
from array import array
from collections import Counter
from contextlib import suppress
from typing import Callable, Iterator, Optional

from ..._model.errors import InvalidArgument
from ..._model.failpoints import failpoint
from . import removal
from .descent import DIRECTORY
from .tar_file import Archive, opened

_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_XATTR = "SCHILY.xattr."
Owner = Callable[[int, int], "tuple[int, int]"]
_LAST_TIME = 1 << 34  # seconds since the epoch that any file system can keep


def unpack(
    path: str, root: int, temporary: str, seconds: float, *, dry: bool = False, owner: Optional[Owner] = None
) -> bool:
    """Make the open directory ``root`` have all that the tar file has, and return whether something differed.

    All members are looked at before the first one is unpacked; of several with one name the last one counts, as
    tar(1) appends and updates. What the archive does not have stays. ``owner`` returns what IDs a member's become;
    directories that are there already stay as they are then, since they are others'.

    :raises MalformedData: it is no tar file, or has a member that leads out of it. :raises OSError: as open(2).
    :raises InvalidArgument: something else is in a member's place. :raises TreeTooLarge: it took longer.
    """
    repeated = check(path, seconds)
    surplus = _surplus(path, repeated, seconds) if repeated else Counter()
    with opened(path, seconds) as archive:
        return _Unpacking(archive, root, temporary, dry, surplus, owner).run()


def check(path: str, seconds: float) -> set[int]:
    """Look at all members, as ``unpack`` does first; return the hashes of names that several seem to have.

    :raises MalformedData, TreeTooLarge, OSError: as there.
    """
    hashes = array("q")  # of 8 bytes each: an archive may have millions of members
    with opened(path, seconds) as archive:
        for names, member in archive.members():
            hashes.append(hash(tuple(names)))
            # tar(1) writes a file that is named twice as a link to itself, behind the file.
            if member.islnk() and archive.names(member.linkname) == names and hashes.count(hashes[-1]) < 2:
                raise archive.wrong(member.name, "a link to itself, and no file of that name comes before it")
    ordered = sorted(hashes)
    return {one for one, following in zip(ordered, ordered[1:]) if one == following}


def _surplus(path: str, repeated: set[int], seconds: float) -> Counter[tuple[str, ...]]:
    """Return how many members of each name come before the last one of it.

    None are of a name that a hard link leads to: its target may be the earlier one.
    """
    surplus: Counter[tuple[str, ...]] = Counter()
    targets = set()
    with opened(path, seconds) as archive:
        for names, member in archive.members():
            if hash(tuple(names)) in repeated:
                surplus[tuple(names)] += 1
            if member.islnk() and hash(target := tuple(archive.names(member.linkname))) in repeated:
                targets.add(target)
    return Counter({names: number - 1 for names, number in surplus.items() if names not in targets})


class _Unpacking:
    def __init__(
        self,
        archive: Archive,
        root: int,
        temporary: str,
        dry: bool,
        surplus: Counter[tuple[str, ...]],
        owner: Optional[Owner],
    ) -> None:
        self._archive, self._root, self._temporary, self._dry = archive, root, temporary, dry
        self._surplus, self._owner = surplus, owner
        self._times: list[tuple[list[str], tarfile.TarInfo]] = []

    def run(self) -> bool:
        changed = False
        for names, member in self._archive.members():
            if self._surplus[tuple(names)] > 0:
                self._surplus[tuple(names)] -= 1
                continue
            if self._owner:
                member.uid, member.gid = self._owner(member.uid, member.gid)
            with self._archive.naming(member):
                changed |= self._directory(names, member) if member.isdir() else self._entry(names, member)
        for names, member in reversed(self._times):
            changed |= self._give_times(names, member)
        return changed

    def _directory(self, names: list[str], member: tarfile.TarInfo) -> bool:
        try:
            there = self._enter(names, make=False)
            if self._owner:
                os.close(there)
                return False
        except FileNotFoundError:
            if self._dry:
                return True
            failpoint("unpack directory")
            there = self._enter(names, make=True)
        self._times.append((names, member))
        try:
            if _alike(os.fstat(there), member) and _has_attributes(f"/proc/self/fd/{there}", member):
                return False
            if not self._dry:
                failpoint("change directory")
                _give(there, member)
            return True
        finally:
            os.close(there)

    def _entry(self, names: list[str], member: tarfile.TarInfo) -> bool:
        try:
            folder = self._enter(names[:-1], make=not self._dry)
        except FileNotFoundError:
            return True
        try:
            if self._same(folder, names[-1], member):
                return False
            if not self._dry:
                self._replace(folder, names[-1], member)
            return True
        finally:
            os.close(folder)

    def _enter(self, names: list[str], *, make: bool) -> int:
        """Open the directory of these names below the root; with ``make`` missing ones are made.

        :raises InvalidArgument: something else has one of the names. :raises FileNotFoundError: one is missing.
        """
        here = os.dup(self._root)
        try:
            for number, name in enumerate(names):
                if make:
                    try:
                        os.mkdir(name, 0o755, dir_fd=here)
                    except FileExistsError:
                        pass
                try:
                    inner = os.open(name, DIRECTORY, dir_fd=here)
                except NotADirectoryError as error:
                    raise InvalidArgument(
                        f"{'/'.join(names[: number + 1])[:200]!r} is to be a directory, and a file or link has that "
                        "name: remove that first"
                    ) from error
                os.close(here)
                here = inner
        except BaseException:
            os.close(here)
            raise
        return here

    def _same(self, folder: int, name: str, member: tarfile.TarInfo) -> bool:
        """Return whether the entry is there as the archive has it."""
        try:
            held = os.open(name, _LOOK, dir_fd=folder)
        except FileNotFoundError:
            return False
        try:
            status = os.fstat(held)
            if stat.S_ISDIR(status.st_mode):
                raise InvalidArgument(
                    f"{member.name[:200]!r} is a directory there, and none in the archive: remove that first"
                )
            if member.islnk():
                return self._is_link(status, member)
            if stat.S_IFMT(status.st_mode) != _kind(member) or not _alike(status, member):
                return False
            if member.issym():
                return os.readlink("", dir_fd=held) == member.linkname
            here = f"/proc/self/fd/{held}"
            return not member.isreg() or _has_attributes(here, member) and self._has_content(here, status, member)
        finally:
            os.close(held)

    def _is_link(self, status: os.stat_result, member: tarfile.TarInfo) -> bool:
        *folders, name = self._archive.names(member.linkname) or [""]
        try:
            folder = self._enter(folders, make=False)
        except FileNotFoundError:
            return False
        try:
            return os.path.samestat(status, os.stat(name, dir_fd=folder, follow_symlinks=False))
        except FileNotFoundError:
            return False
        finally:
            os.close(folder)

    def _has_content(self, path: str, status: os.stat_result, member: tarfile.TarInfo) -> bool:
        if (status.st_size, int(status.st_mtime)) != (member.size, _time(member)):
            return False
        with open(path, "rb") as file:
            return all(os.pread(file.fileno(), len(block), place) == block for place, block in self._parts(member))

    def _parts(self, member: tarfile.TarInfo) -> Iterator[tuple[int, bytes]]:
        return self._archive.parts(member)

    def _replace(self, folder: int, name: str, member: tarfile.TarInfo) -> None:
        """Make the entry under the temporary name, and rename it."""
        temporary = self._temporary
        if os.path.lexists(f"/proc/self/fd/{folder}/{temporary}"):
            removal.remove(f"/proc/self/fd/{folder}/{temporary}")
        failpoint("unpack")
        try:
            self._make(folder, member)
            failpoint("rename unpacked")
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
            raise

    def _make(self, folder: int, member: tarfile.TarInfo) -> None:
        """Make the entry under the temporary name."""
        temporary = self._temporary
        if member.islnk():
            self._link(folder, member)
        elif member.issym():
            os.symlink(member.linkname, temporary, dir_fd=folder)
            os.chown(temporary, member.uid, member.gid, dir_fd=folder, follow_symlinks=False)
        elif member.isfifo():
            os.mkfifo(temporary, 0o600, dir_fd=folder)
            held = os.open(temporary, _LOOK, dir_fd=folder)
            try:
                _give(held, member)
            finally:
                os.close(held)
        else:
            self._write(folder, member)

    def _link(self, folder: int, member: tarfile.TarInfo) -> None:
        *folders, name = self._archive.names(member.linkname) or [""]
        try:
            source = self._enter(folders, make=False)
            try:
                os.link(name, self._temporary, src_dir_fd=source, dst_dir_fd=folder, follow_symlinks=False)
            finally:
                os.close(source)
        except (FileNotFoundError, PermissionError) as error:
            raise self._archive.wrong(
                member.name, f"a link to {member.linkname[:200]!r}, which is no file of it"
            ) from error

    def _write(self, folder: int, member: tarfile.TarInfo) -> None:
        writer = os.open(self._temporary, _NEW, 0o600, dir_fd=folder)
        try:
            for place, block in self._parts(member):
                while block:
                    written = os.pwrite(writer, block, place)
                    block, place = block[written:], place + written
            os.ftruncate(writer, member.size)
            _give(writer, member)
            os.utime(writer, (_time(member), _time(member)))
        finally:
            os.close(writer)

    def _give_times(self, names: list[str], member: tarfile.TarInfo) -> bool:
        """Give a directory its time, once everything is in it."""
        try:
            there = self._enter(names, make=False)
        except FileNotFoundError:
            return True
        try:
            differs = int(os.fstat(there).st_mtime) != _time(member)
            if differs and not self._dry:
                os.utime(there, (_time(member), _time(member)))
            return differs
        finally:
            os.close(there)


def _kind(member: tarfile.TarInfo) -> int:
    return stat.S_IFLNK if member.issym() else stat.S_IFIFO if member.isfifo() else stat.S_IFREG


def _alike(status: os.stat_result, member: tarfile.TarInfo) -> bool:
    """Return whether owner and, but for a link, mode are the archive's."""
    modes = member.issym() or stat.S_IMODE(status.st_mode) == member.mode & 0o7777
    return modes and (status.st_uid, status.st_gid) == (member.uid, member.gid)


def _time(member: tarfile.TarInfo) -> int:
    return int(member.mtime) if 0 <= member.mtime < _LAST_TIME else 0


def _attributes(member: tarfile.TarInfo) -> dict[str, bytes]:
    """Return the extended attributes that a volume's file may have: users' own, ACLs and capabilities."""
    named = {key[len(_XATTR) :]: value for key, value in member.pax_headers.items() if key.startswith(_XATTR)}
    return {
        key: value.encode("utf-8", "surrogateescape")
        for key, value in named.items()
        if key.startswith(("user.", "system.posix_acl_")) or key == "security.capability"
    }


def _has_attributes(path: str, member: tarfile.TarInfo) -> bool:
    for key, value in _attributes(member).items():
        try:
            if os.getxattr(path, key) != value:
                return False
        except OSError:
            return False
    return True


def _give(held: int, member: tarfile.TarInfo) -> None:
    """Set owner, mode and attributes; the owner first, since a change of it drops capabilities and set-user-ID bits."""
    path = f"/proc/self/fd/{held}"
    os.chown(path, member.uid, member.gid)
    os.chmod(path, member.mode & 0o7777)
    for key, value in _attributes(member).items():
        os.setxattr(path, key, value)
