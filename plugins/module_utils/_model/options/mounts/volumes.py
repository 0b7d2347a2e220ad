# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes and tmpfs mounts as users write them: ``SOURCE:TARGET[:OPTIONS]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, Mapping, Sequence

from ... import caller
from ..syntax.parsers import NAME_PATTERN, absolute_path, natural, octal, plain_path, size, wrong

if TYPE_CHECKING:
    from ...records.image_config import ImageConfig
    from ..types import ContainerOptions, FileSystem, Mount, Volume

PROPAGATIONS = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
_FLAGS = ("nodev", "dev", "noexec", "exec", "nosuid", "suid", "bind", "rbind", "z", "Z", "copy", "nocopy", "U", "O")
_OPPOSITES = tuple(
    pair.split()
    for pair in "ro rw,exec noexec,dev nodev,suid nosuid,atime noatime,copy nocopy,tmpcopyup notmpcopyup,z Z".split(",")
)
# Mount options that keep files from giving power, and the opposite of each.
GUARDS = {"nosuid": "suid", "nodev": "dev", "noexec": "exec"}
_MAX_ID = (1 << 32) - 2
_MAX_PERCENT = 1000  # of the memory, which a tmpfs may exceed
_TMPFS_FLAGS = tuple("noexec exec nosuid suid nodev dev ro rw noatime atime tmpcopyup notmpcopyup".split())


def _target(value: object, option: str) -> str:
    path = absolute_path(value, option)
    if path == "/":
        raise wrong(option, value, "a target other than the container's root")
    return path


def check_opposites(flags: Iterable[str], item: object, option: str) -> None:
    """Raise InvalidArgument if two of the flags are opposites."""
    present = set(flags)
    for one, other in _OPPOSITES:
        if {one, other} <= present:
            raise wrong(option, item, f"at most one of {one} and {other}")


def _volume(item: object, option: str) -> Volume:
    parts = str(item).split(":")
    if len(parts) == 1 and parts[0].startswith("/"):
        return bare("volume", "", _target(parts[0], option))
    if not 2 <= len(parts) <= 3 or not parts[0]:
        raise wrong(option, item, "SOURCE:TARGET[:OPTIONS], SOURCE being a path or a volume's name, or TARGET alone")
    source, flags = parts[0], [flag for flag in (parts[2] if len(parts) == 3 else "").split(",") if flag]
    is_path = "/" in source or source in (".", "..")
    if "\0" in source or not is_path and not NAME_PATTERN.fullmatch(source):
        raise wrong(option, source, "a path with a '/', or a volume's name")
    maps = [flag for flag in flags if flag.partition("=")[0] == "idmap"]
    for flag in flags:
        if flag not in _FLAGS + PROPAGATIONS + ("ro", "rw") and maps != [flag]:
            raise wrong(option, item, "options from ro, rw, idmap, " + ", ".join(_FLAGS + PROPAGATIONS))
    if maps:
        from . import idmap

        idmap.flag(maps[0].partition("=")[2] or None, flags, item, option)
    check_opposites(flags, item, option)
    if len(set(flags) & set(PROPAGATIONS)) > 1:
        raise wrong(option, item, "at most one propagation")
    if "O" in flags and set(flags) - {"O", "rw"}:
        raise wrong(option, item, "O to stand alone: an overlay can always be written to, and is the container's own")
    return {
        "type": "bind" if is_path else "volume",
        "source": plain_path(caller.absolute(source)) if is_path else source,
        "target": _target(parts[1], option),
        "read_only": "ro" in flags,
        "propagation": next((flag for flag in flags if flag in PROPAGATIONS), "rprivate"),
        "flags": sorted(set(flags) - {"ro", "rw", "rbind", "copy"} - set(PROPAGATIONS)),
    }


def bare(kind: str, source: str, target: str) -> Volume:
    """Return a volume without options."""
    return {
        "type": kind,
        "source": source,
        "target": target,
        "read_only": False,
        "propagation": "rprivate",
        "flags": [],
    }


def volumes(value: Iterable[object], option: str) -> list[Volume]:
    """Return bind mounts, named volumes and, without a source, anonymous ones, sorted by target."""
    result: dict[str, Volume] = {}
    for item in value:
        volume = _volume(item, option)
        if result.setdefault(volume["target"], volume) != volume:
            raise wrong(option, item, f"one volume for each target, and {volume['target']} has two")
    return [result[target] for target in sorted(result)]


def tmpfs(value: Mapping[str, object], option: str) -> dict[str, list[str]]:
    """Return mount options by target, both sorted; ``size`` is in bytes."""
    result: dict[str, list[str]] = {}
    for target, text in value.items():
        options: dict[str, str] = {}
        for word in filter(None, map(str.strip, str(text or "").split(","))):
            key, equals, number = word.partition("=")
            if key in ("size", "nr_inodes") and not number.endswith("%"):
                word = f"{key}={size(number, option)}"
            elif key == "mode" and number:
                word = f"mode={octal(number, option)}"
            elif key in ("uid", "gid") and (user_id := natural(number, _MAX_ID)) is not None:
                word = f"{key}={user_id}"
            elif not (key == "size" and natural(number[:-1], _MAX_PERCENT)) and word not in _TMPFS_FLAGS:
                raise wrong(option, word, "size=, mode=, uid=, gid=, nr_inodes= or one of " + ", ".join(_TMPFS_FLAGS))
            if options.setdefault(key, word) != word:
                raise wrong(option, text, f"one {key} for each target")
        check_opposites(options, text, option)
        flags = sorted({*options.values()} - {"rw", "tmpcopyup"})
        if result.setdefault(_target(target, option), flags) != flags:
            raise wrong(option, target, "one mount for each target")
    return dict(sorted(result.items()))


def mount_words(volume: Volume, source_guards: Iterable[str] = ()) -> list[str]:
    """Return the mount options that podman shows: the volume's own, guards that they leave open, and the kind of bind.

    A volume's files are written by containers, so that it is mounted nosuid and nodev. ``source_guards`` are those of
    its source's own mount, which a mount keeps.
    """
    flags = [word for word in volume["flags"] if word != "bind"]
    if "O" in flags:
        return flags
    guards = [*(("nosuid", "nodev") if volume["type"] == "volume" else ()), *source_guards]
    kept = [word for word in dict.fromkeys(guards) if not {word, GUARDS.get(word)} & {*flags}]
    return [*flags, *kept, "bind" if "bind" in volume["flags"] else "rbind"]


def movable(mount: Mount) -> bool:
    """Return whether a mount can be made, changed and removed under a running process.

    An overlay, an image, a change of owner, mapped IDs and a label need a new container, and so does what propagates
    mounts to the host.
    """
    if "source" not in mount:
        return mount["type"] == "tmpfs"
    if mount["type"] == "image":
        return False
    return (
        not {flag.partition("=")[0] for flag in mount["flags"]} & {"O", "U", "z", "Z", "idmap"}
        and "shared" not in mount["propagation"]
    )


def in_place(before: list[Mount], after: list[Mount]) -> bool:
    """Return whether all mounts that differ are movable."""
    return all(movable(one) for one in [*before, *after] if one not in before or one not in after)


def targets(mounts: Mapping[str, object] | Sequence[Mount]) -> list[str]:
    """Return the mount points of a value of the option volume, mount or tmpfs."""
    return list(mounts) if isinstance(mounts, Mapping) else [mount["target"] for mount in mounts]


def differing(
    before: Mapping[str, object] | Sequence[Mount], after: Mapping[str, object] | Sequence[Mount]
) -> set[str]:
    """Return the targets at which two values of the option volume, mount or tmpfs differ."""
    maps: list[Mapping[str, object]] = [
        value if isinstance(value, Mapping) else {one["target"]: one for one in value} for value in (before, after)
    ]
    return {target for target in {*maps[0], *maps[1]} if maps[0].get(target) != maps[1].get(target)}


def of_options(options: ContainerOptions) -> list[Volume]:
    """Return the bind mounts and volumes of the options volume and mount; an anonymous volume has no source."""
    return [*options["volume"], *(mount for mount in options["mount"] if "source" in mount)]


def setter(options: ContainerOptions, target: str) -> str:
    """Return the option that sets the volume at a target, for messages."""
    found = (one for one in ("volume", "mount") if any(mount["target"] == target for mount in options[one]))
    return next(found, "volumes_from")


def of_container(
    container_id: str, options: ContainerOptions, image: ImageConfig, borrowed: Iterable[Volume]
) -> list[Volume]:
    """Return every bind mount and volume of a container, sorted by target.

    The options win over ``borrowed`` volumes, those of other containers (volumes_from), and these over the image's.
    Anonymous volumes are marked so, and their names derive from the container's ID.
    """
    if not (options["volume"] or options["mount"] or borrowed or image.get("Volumes")):
        return []
    result = {volume["target"]: volume for volume in of_options(options)}
    taken = {*result, *options["tmpfs"], *(mount["target"] for mount in options["mount"])}
    for volume in borrowed:
        if volume["target"] not in taken:
            result[volume["target"]] = volume
    if options["image_volume"] == "bind":
        for target in _image_targets(image):
            if target not in taken and target not in result:
                result[target] = bare("volume", "", target)
    for target, volume in result.items():
        if not volume["source"]:
            from hashlib import sha256

            digest = sha256(f"{container_id}:{target}".encode()).hexdigest()
            result[target] = {**volume, "source": digest, "anonymous": True}
    return [result[target] for target in sorted(result)]


def file_systems(options: ContainerOptions, image: ImageConfig, taken: Iterable[str]) -> list[FileSystem]:
    """Return the tmpfs and other new file systems of a container."""
    result: dict[str, FileSystem] = {
        target: {"type": "tmpfs", "target": target, "options": flags} for target, flags in options["tmpfs"].items()
    }
    result.update((mount["target"], mount) for mount in options["mount"] if "source" not in mount)
    if options["image_volume"] == "tmpfs":
        for target in set(_image_targets(image)) - set(taken) - set(result):
            result[target] = {"type": "tmpfs", "target": target, "options": ["exec", "notmpcopyup"]}
    return list(result.values())


def by_target(options: ContainerOptions) -> dict[str, Mount]:
    """Return the options' mounts by target: the same can be in ``volume`` or ``tmpfs``, or in ``mount``."""
    mounts: list[Mount] = [*of_options(options), *file_systems(options, {}, ())]
    return {mount["target"]: mount for mount in mounts}


def _image_targets(image: ImageConfig) -> list[str]:
    """Return the paths that the image declares as volumes, but for its root.

    Images for docker declare /sys/fs/cgroup to be given the host's. An empty volume would cover the container's own.
    """
    targets = {plain_path(target) for target in image.get("Volumes") or ()} - {"/"}
    return sorted(target for target in targets if not f"{target}/".startswith("/sys/fs/cgroup/"))
