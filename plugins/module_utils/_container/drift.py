# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift: changes of a live container that the engine did not make, by /proc, the cgroup files and the records.

It is read on every run, so no program is started, and nothing imported that an unchanged container does not need. Only
``full``, on request, asks the CNI plugins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from .._drivers import process
from .._drivers.cgroups import manager
from .._model.cgroup_limits import RARE, USUAL
from .._model.options.table import OPTIONS, select
from .._model.records.namespaces import LinuxNS
from .._model.records.network import own_lines
from .network import drift as network_drift

if TYPE_CHECKING:
    from .base import ContainerBase


# The prefixes of a part that is a mount, or a secret with another content.
MOUNT, SECRET = "mount ", "secret "
CGROUP = "cgroup"


class Finding(NamedTuple):
    """One part that is not as recorded; ``restart`` is whether only a restart repairs it, not an update in place.

    ``part`` is a limit's option, a file of the engine (``/etc/hosts``), ``cgroup``, ``conmon``, ``health runner``,
    ``log-limit runner`` or ``adopted runner``, or begins with ``network `` or ``mount ``.
    """

    part: str
    before: object
    after: object
    restart: bool = False


def findings(container: ContainerBase, known: set[str], *, full: bool = False) -> list[Finding]:
    """Return all drift; options in ``known``, which differ from the record anyway, are left out."""
    result = _limits(container, known) + _processes(container) + _files(container) + _mounts(container)
    if container.config.has_health_check:
        from .runners.health import lacks_runner

        result += [Finding("health runner", "ended", "running")] if lacks_runner(container) else []
    if container.config.options["log_opt"]["max_size"]:
        from .runners.log_limit import lacks_runner

        result += [Finding("log-limit runner", "ended", "running")] if lacks_runner(container) else []
    if container.adopted:
        from .runners.adopted import lacks_runner

        result += [Finding("adopted runner", "ended", "running")] if lacks_runner(container) else []
    network = list(network_drift.findings(container).items())
    # A sandbox may have taken the addresses, for which the plugins look.
    if full and not (network or container.sandboxed):
        from .live import network as live_network

        network = live_network.rules(container, known)
    return result + [Finding(f"network {part}", what, "as attached") for part, what in network]


def _limits(container: ContainerBase, known: set[str]) -> list[Finding]:
    options = container.config.options
    path, host = container.cgroup_path, container.host.cgroups
    if manager.lost(host, path):
        # No OCI runtime can then set a limit, pause or exec, nor make a cgroup for a running process.
        return [Finding(CGROUP, "removed", path, restart=True)]
    live = manager.drift(host, path, select(options, (name for name in USUAL if name not in known)))
    rare = select(options, RARE)
    if any(value != OPTIONS[name].default for name, value in rare.items()) or not manager.plain(host, path):
        from .live import kernel_limits

        wanted = {name: value for name, value in rare.items() if name not in known}
        live.update(manager.drift(host, path, wanted, kernel_limits.numbers(options, missing_ok=True)))
    if options["cgroup_conf"] and "cgroup_conf" not in known:
        from .._drivers.cgroups import limits

        differing = limits.named_drift(host, path, options["cgroup_conf"])
        live.update({"cgroup_conf": differing} if differing else {})
    return [Finding(name, live[name], value) for name, value in select(options, live).items()]


def _processes(container: ContainerBase) -> list[Finding]:
    state = container.state
    if not state.conmon.pid or process.alive(state.conmon):
        return []
    # Without conmon nothing reads the container's output, and nothing will record its exit code.
    return [Finding("conmon", "killed", "running", restart=True)]


def _own_files(container: ContainerBase) -> dict[str, int]:
    """Return the container's own files over /etc with their checksums, without those of a joined network's owner."""
    config, files = container.config, dict(container.state.etc_files)
    if config.options["no_hosts"] or config.namespace_container(LinuxNS.NET):
        files.pop("hosts", None)
    if config.options["dns"] == ["none"] or config.namespace_container(LinuxNS.NET):
        files.pop("resolv.conf", None)
    return files


def _files(container: ContainerBase) -> list[Finding]:
    result = []
    for name, written in _own_files(container).items():
        try:
            with open(f"{container.run_dir}/{name}", "rb") as file:
                content = file.read()
            what = "" if crc32(own_lines(content) if name == "hosts" else content) == written else "edited"
        except FileNotFoundError:
            what = "removed"
        if what:
            result.append(Finding(f"/etc/{name}", what, "as the engine wrote it", restart=what == "removed"))
    return result


def _mounts(container: ContainerBase) -> list[Finding]:
    """Return the mounts of volumes, file systems and the engine's files that are gone, and those half changed."""
    config, changing = container.config, container.state.changing_mounts
    try:
        points = set(process.mount_points(process.living_thread(container.state.pid)))
    except OSError:
        return []
    # A process that has changed its root sees only the mounts below it, and a sandbox none of the container's.
    if "/" not in points or container.sandboxed:
        return []
    own = {f"/etc/{name}" for name in _own_files(container)}
    wanted = {
        *own,
        *(volume["target"] for volume in config.volumes),
        *(one["target"] for one in config.file_systems),
    }
    gone = {target for target in wanted - points if _followed(container, target) not in points}
    modes = {}
    if config.options["tmpfs"] or config.options["mount"]:
        from .mounts.tmpfs_modes import changed

        modes = changed(container)
    if not (gone or changing or modes):
        return []
    from .live import mount_changes

    lost = {*own, *mount_changes.obstacles(container, config, gone - own)}
    differences = {
        **modes,
        **dict.fromkeys(gone, ("gone", "mounted")),
        **dict.fromkeys(changing, ("half changed", "as recorded")),
    }
    return [Finding(f"{MOUNT}{target}", *differences[target], restart=target in lost) for target in sorted(differences)]


def _followed(container: ContainerBase, target: str) -> str:
    """Return the path of ``target`` with the image's links followed, as the OCI runtime has."""
    from .._drivers.kernel import securejoin

    root = f"{container.proc}/root"
    try:
        return securejoin.resolve(root, target)[len(root) :]
    except OSError:
        return target
