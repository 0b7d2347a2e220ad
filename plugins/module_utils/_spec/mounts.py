# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts of the OCI runtime spec (config.md#mounts, config-linux.md#default-filesystems)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, Iterator, Mapping, Optional

from .._model.options.mounts import volumes
from .._model.records.config import ContainerConfig

if TYPE_CHECKING:
    from .._model.options.types import Volume
    from .types import Mount

# What systemd wants writable (systemd.io/CONTAINER_INTERFACE), and its mode.
_SYSTEMD_TMPFS = {"/run": "755", "/run/lock": "755", "/tmp": "1777", "/var/log/journal": "755"}
_READ_ONLY_TMPFS = ("/run", "/tmp", "/var/tmp")
# A tmpfs mount's options and what says otherwise: docker's, and podman's but for noexec, which podman leaves out.
# tmpcopyup, which runc and crun know, copies the image's content at the target into it.
_TMPFS_DEFAULTS = {**volumes.GUARDS, "rw": "ro", "tmpcopyup": "notmpcopyup"}


def _mount(target: str, kind: str, source: str, *options: str) -> Mount:
    return {"destination": target, "type": kind, "source": source, "options": list(options)}


def _bind(source: str, target: str, *options: str) -> Mount:
    return _mount(target, "bind", source, *options)


def _kernel_mounts(privileged: bool, proc_options: Iterable[str]) -> list[Mount]:
    access = "rw" if privileged else "ro"
    quiet = ("nosuid", "noexec", "nodev")
    return [
        _mount("/proc", "proc", "proc", *quiet, *proc_options),
        _mount("/dev", "tmpfs", "tmpfs", "nosuid", "noexec", "strictatime", "mode=755", "size=65536k"),
        _mount(
            "/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"
        ),
        _mount("/dev/mqueue", "mqueue", "mqueue", *quiet),
        _mount("/sys", "sysfs", "sysfs", *quiet, access),
        _mount("/sys/fs/cgroup", "cgroup", "cgroup", *quiet, "relatime", access),
    ]


def _systemd_mounts(size: Optional[int], cgroup: str) -> Iterator[Mount]:
    """Yield systemd's mounts; in cgroup v1 only its own hierarchy is writable, since the others have the limits."""
    sized = (f"size={size}",) if size else ()
    for target, mode in _SYSTEMD_TMPFS.items():
        yield _mount(target, "tmpfs", "tmpfs", "rw", "nosuid", "nodev", f"mode={mode}", "tmpcopyup", *sized)
    if cgroup:
        yield _bind(cgroup, "/sys/fs/cgroup/systemd", "bind", "rprivate", "rw", "nosuid", "noexec", "nodev")
    else:
        yield _mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "rw")


def overlay_directories(static_dir: str, target: str) -> tuple[str, str]:
    """Return where on the host the changes of an overlay volume are while the container runs."""
    return _directories(f"{static_dir}/overlays", target)


def image_directories(static_dir: str, target: str) -> tuple[str, str]:
    """Return where on the host the changes of a writable image mount are for as long as the container exists."""
    return _directories(f"{static_dir}/images", target)


def _directories(folder: str, target: str) -> tuple[str, str]:
    from hashlib import sha256

    directory = f"{folder}/{sha256(target.encode()).hexdigest()[:16]}"
    return f"{directory}/upper", f"{directory}/work"


def _image_mount(volume: Volume, source: str, static_dir: str) -> Mount:
    """Return the mount of an image whose directories, topmost first, are in ``source``; one alone is bound."""
    target = volume["target"]
    if not volume["read_only"]:
        upper, work = image_directories(static_dir, target)
        return _mount(target, "overlay", "overlay", f"lowerdir={source},upperdir={upper},workdir={work}", "nodev")
    if ":" in source:
        return _mount(target, "overlay", "overlay", f"lowerdir={source}", "ro", "nodev")
    return _bind(source, target, "bind", "ro", "rprivate", "nodev", *volume["flags"])


def _volume_mount(volume: Volume, source: str, guards: Iterable[str], static_dir: str) -> Mount:
    if volume["type"] == "image":
        return _image_mount(volume, source, static_dir)
    if "O" in volume["flags"]:
        upper, work = overlay_directories(static_dir, volume["target"])
        layers = f"lowerdir={source},upperdir={upper},workdir={work}"
        return _mount(volume["target"], "overlay", "overlay", layers)
    *options, recursion = volumes.mount_words(volume, guards)
    flags = [option for option in options if option not in ("z", "Z", "nocopy", "U", "ro")]
    access = "ro" if volume["read_only"] or "ro" in options else "rw"
    return _bind(source, volume["target"], recursion, access, volume["propagation"], *flags)


def _file_system(kind: str, target: str, options: Iterable[str]) -> Mount:
    if kind == "devpts":
        return _mount(target, kind, kind, "nosuid", "noexec", "newinstance", "ptmxmode=0666", *options)
    kept = [option for option in options if option != "notmpcopyup"]
    names = {option.partition("=")[0] for option in options}
    defaults = [option for option, opposite in _TMPFS_DEFAULTS.items() if not names & {option, opposite}]
    if kind != "tmpfs":
        defaults.remove("tmpcopyup")
    return _mount(target, kind, kind, *defaults, *kept)


def requested_mounts(
    config: ContainerConfig, volume_sources: Mapping[str, str], source_guards: Mapping[str, Iterable[str]]
) -> dict[str, Mount]:
    """Return the mounts of the options and of the image, by target."""
    result = {one["target"]: _file_system(one["type"], one["target"], one["options"]) for one in config.file_systems}
    for volume in config.volumes:
        target = volume["target"]
        guards = source_guards.get(target, ())
        result[target] = _volume_mount(volume, volume_sources[target], guards, config.static_dir)
    return result


def in_order(mounts: Iterable[Mount]) -> list[Mount]:
    """Return mounts with parents before children, otherwise in their order."""
    return sorted(mounts, key=lambda mount: mount["destination"].count("/") if mount["destination"] != "/" else 0)


def mounts(
    config: ContainerConfig,
    *,
    volume_sources: Mapping[str, str],
    shm: Optional[str],
    files: Mapping[str, str],
    source_guards: Optional[Mapping[str, Iterable[str]]] = None,
    systemd_cgroup: str = "",
) -> list[Mount]:
    """Return every mount of a container, parents before children.

    ``volume_sources`` maps a volume's target to its host directory, ``source_guards`` a bind mount's to the flags of
    its source's own mount. ``shm`` is the host's side of /dev/shm (empty: the host's own, None: nothing), and ``files``
    maps /etc/hosts and the like to the engine's files.
    """
    options = config.options
    proc_options = options["security_opt"].get("proc-opts", ())
    by_target = {mount["destination"]: mount for mount in _kernel_mounts(options["privileged"], proc_options)}
    if shm is not None:
        by_target["/dev/shm"] = _bind(shm or "/dev/shm", "/dev/shm", "rbind", "rprivate", "nosuid", "noexec", "nodev")
    for target, source in files.items():
        by_target[target] = _bind(source, target, "bind", "rprivate")
        # Those in /dev are devices, and the init program.
        if options["read_only"] and not target.startswith("/dev/"):
            by_target[target]["options"] += ["ro", "nosuid", "noexec", "nodev"]
    if options["read_only"] and options["read_only_tmpfs"]:
        for target in _READ_ONLY_TMPFS:
            by_target[target] = _mount(target, "tmpfs", "tmpfs", "rw", "nosuid", "nodev", "mode=1777", "tmpcopyup")
    requested = requested_mounts(config, volume_sources, source_guards or {})
    if config.systemd:
        # Where the host's hierarchies are mounted by request, systemd finds its cgroup in these.
        own = "" if "/sys/fs/cgroup" in requested else systemd_cgroup
        for mount in _systemd_mounts(options["shm_size_systemd"], own):
            by_target[mount["destination"]] = mount
    by_target.update(requested)
    return in_order(by_target.values())
