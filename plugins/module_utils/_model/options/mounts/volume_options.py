# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a volume of the driver ``local``: ``type=ext4``, ``device=/dev/sdb1``, ``o=noatime,uid=1000``."""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping, NamedTuple, Optional

from ... import caller
from ..syntax.parsers import count, plain_path, size, wrong
from .volumes import check_opposites

OPTION = "options"
NETWORK_TYPES = ("nfs", "nfs4", "cifs", "smb3")
_MAX_ID = (1 << 32) - 2
_SWITCHES = ("copy", "nocopy", "noquota")
_KEYS = ("type", "device", "o", "uid", "gid", "size", "inodes", *_SWITCHES)
# Words that say what is the default, or tell fstab(5)'s readers something.
_IDLE_WORDS = frozenset("defaults rw suid dev exec async auto noauto _netdev nofail user nouser noquota copy".split())
_SECRETS = ("password", "pass", "passwd", "password2")


class VolumeOptions(NamedTuple):
    """Normalised options, equal where they mean the same; without any, a volume is a plain directory.

    ``type`` is a file system's, or ``bind``. ``o`` are sorted mount options without those that have a field here.
    """

    type: str = ""
    device: str = ""
    o: tuple[str, ...] = ()
    uid: Optional[int] = None
    gid: Optional[int] = None
    size: int = 0
    inodes: int = 0
    copy: bool = True

    @property
    def mounts(self) -> bool:
        """Whether something is mounted on the volume's directory while the volume is used."""
        return bool(self.type)

    @property
    def has_quota(self) -> bool:
        """Whether it is a plain directory that a project quota limits."""
        return bool(self.size or self.inodes) and not self.mounts

    @property
    def has_owners(self) -> bool:
        """Whether what is mounted has owners of its own, which stay."""
        return self.type in ("bind", *NETWORK_TYPES)

    def to_json(self) -> dict[str, object]:
        """Return the fields that are not at their defaults."""
        return {key: value for key, value in self._asdict().items() if value != self._field_defaults[key]}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> VolumeOptions:
        """Return the options of a volume's record; raise TypeError if it is not such a record."""
        return cls(**{**record, "o": tuple(record.get("o", ()))})

    def shown(self) -> dict[str, str]:
        """Return the options with podman's keys and values."""
        words = [*self.o, *(f"{key}={value}" for key, value in self._limits())]
        words += [] if self.copy else ["nocopy"]
        kind = "none" if self.type == "bind" else self.type
        result = {"type": kind, "device": self.device, "o": ",".join(words)}
        result.update({key.upper(): str(value) for key, value in self._limits()})
        return {key: value for key, value in result.items() if value}

    def _limits(self) -> Iterable[tuple[str, int]]:
        for key in ("uid", "gid", "size", "inodes"):
            value = getattr(self, key)
            if value is not None and (value or key in ("uid", "gid")):
                yield key, value


def volume_options(items: Iterable[object]) -> VolumeOptions:
    """Return the options of ``KEY=VALUE`` items, the keys being podman's in any case.

    :raises InvalidArgument: they do not describe a volume.
    """
    values: dict[str, str] = {}
    words: list[str] = []
    for item in items:
        key, equals, value = str(item).partition("=")
        key = key.strip().lower()
        if key not in _KEYS or "\0" in value or not (equals or key in _SWITCHES):
            raise wrong(OPTION, item, f"one of {', '.join(_KEYS)} with a value")
        if key == "o":
            words += filter(None, map(str.strip, value.split(",")))
        else:
            _once(values, key, value.strip(), item)
    for word in words:
        key, equals, value = word.partition("=")
        if key.lower() in ("uid", "gid", "size", "inodes", "nocopy", "nr_inodes"):
            _once(values, key.lower().replace("nr_", ""), value, word)
        elif key.lower() in _SECRETS and equals:
            raise wrong(OPTION, f"{key}=…", "no secret, which results would show: name a file by credentials=PATH")
    check_opposites(words, ",".join(words), OPTION)
    return _checked(values, words)


def _once(values: dict[str, str], key: str, value: str, item: object) -> None:
    if values.setdefault(key, value) != value:
        raise wrong(OPTION, item, f"{key} only once")


def _checked(values: Mapping[str, str], words: list[str]) -> VolumeOptions:
    kind, device = _kind(values, words)
    special = ("uid", "gid", "size", "inodes", "nr_inodes", "nocopy", "bind")
    kept = {word for word in words if word.partition("=")[0].lower() not in special} - _IDLE_WORDS
    options = VolumeOptions(
        type=kind,
        device=device,
        o=tuple(sorted(word for word in kept if not word.startswith(("x-", "comment=")))),
        uid=_id(values.get("uid")),
        gid=_id(values.get("gid")),
        size=size(values["size"], OPTION) if values.get("size") else 0,
        inodes=count(values["inodes"], OPTION) if values.get("inodes") else 0,
        copy="nocopy" not in values,
    )
    if options.o and not kind:
        raise wrong(OPTION, f"o={','.join(options.o)}", "a type too, since a plain directory has no mount options")
    if options.has_quota and "noquota" in {*values, *words}:
        raise wrong(OPTION, "noquota", "no size and inodes beside it, which a quota limits")
    if (options.size or options.inodes) and kind not in ("", "tmpfs"):
        raise wrong(OPTION, f"size={options.size}", f"no size and inodes for type {kind}, which has its own")
    if options.has_owners and (options.uid, options.gid) != (None, None):
        raise wrong(OPTION, "uid, gid", f"none for type {kind}: what is mounted there has owners of its own")
    return options


def _kind(values: Mapping[str, str], words: list[str]) -> tuple[str, str]:
    """Return type and device."""
    kind, device = values.get("type", "").lower(), values.get("device", "")
    if kind in ("", "none", "bind") and {"bind", "rbind"} & {*words}:
        kind = "bind"
    if kind == "none" or not kind and device:
        raise wrong(OPTION, f"type={kind}", "a file system's type, or o=bind for a directory of the host")
    if not re.fullmatch(r"[a-z0-9_.+-]{0,64}", kind):
        raise wrong(OPTION, f"type={kind}", "a file system's type such as ext4, nfs or tmpfs")
    if kind == "tmpfs":
        return kind, "tmpfs"
    if kind == "bind":
        if not device or device.startswith("~"):
            raise wrong(OPTION, f"device={device}", "the path of a directory on the host")
        return kind, plain_path(caller.absolute(device))
    if kind in NETWORK_TYPES and not device:
        raise wrong(OPTION, f"type={kind}", "a device too, such as device=SERVER:/PATH")
    return kind, device


def _id(value: Optional[str]) -> Optional[int]:
    if value is None:
        return None
    number = count(value, OPTION)
    if number > _MAX_ID:
        raise wrong(OPTION, value, "a user's or a group's number below 2^32 - 1")
    return number
