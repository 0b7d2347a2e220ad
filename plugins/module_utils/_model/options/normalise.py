# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's options, normalised: each by its row of the table, then in combination with the others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Literal, Mapping, Optional, cast

from ..errors import InvalidArgument, warn
from . import table
from .mounts import volumes
from .syntax import parsers
from .table import ALONE, MOUNTS, OPTIONS, SHARED_FILES

if TYPE_CHECKING:
    from .mounts.mounts import Matching
    from .types import ContainerOptions

_NAMESPACE_OPTIONS: Final = ("pod", "ipc", "pid", "uts", "userns", "uidmap", "gidmap", "subuidname", "subgidname")

# The log options that have no effect with a log driver.
_WITHOUT_EFFECT: dict[str, tuple[Literal["path", "max_size", "tag"], ...]] = {
    "journald": ("path", "max_size"),
    "k8s-file": ("tag",),
    "none": ("path", "max_size", "tag"),
}


def normalise(values: Mapping[str, object], matching: Optional[Matching] = None) -> ContainerOptions:
    """Return every option of the table, normalised, and omitted ones at their default.

    ``values`` maps option names to the user's values, None standing for omitted; ``cpus`` is another spelling of
    ``cpu_quota`` and ``cpu_period``. Equal meanings give equal results, which are what ``from_json`` reads back from
    JSON. ``matching`` returns what type=glob of the option mount matches on this host.

    :raises InvalidArgument: naming the option, its value and what was expected.
    """
    given = {name: value for name, value in values.items() if value is not None}
    for name, value in given.items():
        parsers.check_text(value, name)
    normalisers = {name: OPTIONS[name].normalise for name in given if name in OPTIONS}
    if matching is not None and "mount" in normalisers:
        from .mounts.mounts import mounts

        normalisers["mount"] = parsers.listed(partial(mounts, matching=matching))
    normalised = {name: normaliser(given[name], name) for name, normaliser in normalisers.items()}
    options = cast("ContainerOptions", {**table.defaults(), **normalised})
    if values.get("cpus") is not None:
        if values.get("cpu_quota") is not None or values.get("cpu_period") is not None:
            raise InvalidArgument("cpus: cannot be combined with cpu_quota or cpu_period: give one of them")
        options["cpu_quota"] = parsers.cpus(values["cpus"], "cpus")
    if options["rmi"]:
        if values.get("rm") is False:
            raise InvalidArgument("rmi: removes the image once the container is removed, and rm is false: omit rm")
        options["rm"] = True
    settle(options)
    return options


def settle(options: ContainerOptions) -> None:
    """Set what follows from other options, and refuse combinations; a second call changes nothing.

    :raises InvalidArgument: two options cannot be combined.
    """
    for subject in (_limits, _network, _namespaces, _health, _log, _end, _first_process, _mounts):
        subject(options)


def _limits(options: ContainerOptions) -> None:
    """Set the swap limit as podman does: twice the memory where omitted, and none without a memory limit."""
    if options["cpu_quota"]:
        options["cpu_period"] = options["cpu_period"] or parsers.CPU_PERIOD
    memory, swap = options["memory"], options["memory_swap"]
    if memory is None and swap not in (None, -1, 0):
        raise InvalidArgument(f"memory_swap: {swap} needs memory to be set too: it limits memory and swap together")
    if memory and 0 < memory < 6 << 20:
        raise InvalidArgument(f"memory: {memory} bytes cannot be used: expected at least 6m, what an init needs")
    if memory and swap not in (None, -1, 0) and swap < memory:
        raise InvalidArgument(f"memory_swap: {swap} cannot be used: expected -1 or at least memory ({memory})")
    reservation = options["memory_reservation"]
    if memory and reservation and reservation > memory:
        raise InvalidArgument(f"memory_reservation: {reservation} cannot be used: expected at most memory ({memory})")
    options["memory_swap"] = (memory * 2 if memory else None) if swap in (None, 0) else swap
    if memory is None and swap == -1:
        options["memory_swap"] = None


def _network(options: ContainerOptions) -> None:
    network = options["network"]
    if (options["publish"] or options["publish_all"]) and network["mode"] != "cni":
        option = "publish" if options["publish"] else "publish_all"
        warn(
            f"{option}: has no effect with the network {network['mode']!r}, for it is not the container's own: use "
            "bridge or a CNI network, or publish on the container whose network is joined",
            ineffective=True,
        )
        options["publish"], options["publish_all"] = [], False
    shared = [option for option in SHARED_FILES if options[option]]
    if shared and network["mode"] == "container":
        raise InvalidArgument(
            f"{shared[0]}: container {network['target']} shares its files with its network: give it {shared[0]}"
        )
    if "settings" in network or any(options[option] for option in ALONE):
        from .network import options as network_options

        network_options.spread_aliases(options)
        network_options.check(options)
        network_options.settle(options)
    if options["dns"] == ["none"] and (options["dns_search"] or options["dns_option"]):
        option = "dns_search" if options["dns_search"] else "dns_option"
        raise InvalidArgument(f"dns: none, the image's own resolv.conf, cannot be combined with {option}: omit one")
    if options["no_hosts"] and options["etc_hosts"]:
        raise InvalidArgument("no_hosts: cannot be combined with etc_hosts, whose place is the engine's file: omit one")


def _namespaces(options: ContainerOptions) -> None:
    """Settle the ID maps, which the checks of mounts in user namespaces need."""
    if any(options[option] != OPTIONS[option].default for option in _NAMESPACE_OPTIONS):
        from . import namespace_options

        namespace_options.settle(options)
    if options["sysctl"] or options["shm_size"] != OPTIONS["shm_size"].default:
        from .namespace_options import check_shared

        check_shared(options)
    if options["privileged"] and not options["security_opt"]["seccomp"]:
        options["security_opt"]["seccomp"] = "unconfined"


def _health(options: ContainerOptions) -> None:
    if options["no_healthcheck"] or options["healthcheck"] or options["health_startup_cmd"]:
        from . import health

        health.settle(options)


def _log(options: ContainerOptions) -> None:
    """Drop options that have no effect with the log driver."""
    driver, log = options["log_driver"], options["log_opt"]
    useless = [key for key in _WITHOUT_EFFECT.get(driver, ()) if log[key]]
    if useless:
        names = " and ".join(useless)
        warn(f"log_opt: {names} has no effect with the log_driver {driver}: omit it", ineffective=True)
        options["log_opt"] = {**log}
        for key in useless:
            options["log_opt"][key] = None


def _end(options: ContainerOptions) -> None:
    if options["rm"] and options["restart_policy"] != "no":
        policy = options["restart_policy"]
        raise InvalidArgument(
            f"restart_policy: {policy!r} cannot be combined with rm, which removes the container at its end: omit one"
        )
    if options["init_ctr"]:
        from .namespace_options import check_init_container

        check_init_container(options)


def _first_process(options: ContainerOptions) -> None:
    if options["init_path"] and not options["init"]:
        raise InvalidArgument(f"init_path: {options['init_path']!r} needs init to be true too")
    if options["init"] and options["pid"]["mode"] not in ("", "private"):
        raise InvalidArgument("init: needs a PID namespace of the container's own, for it is to be process 1: omit pid")
    if options["init"] and options["systemd"] == "always":
        raise InvalidArgument("systemd: always cannot be combined with init, for systemd is to be process 1: omit init")


def _mounts(options: ContainerOptions) -> None:
    maps = options["uidmap"] or options["subuidname"] or options["userns"]["mode"] in ("auto", "container", "ns")
    if maps and any("O" in volume["flags"] for volume in options["volume"]):
        raise InvalidArgument("volume: O cannot be combined with a user namespace, in which no overlay can be mounted")
    idmaps = (
        (volumes.setter(options, mount["target"]), flag)
        for mount in volumes.of_options(options)
        for flag in mount["flags"]
        if flag[:5] == "idmap"
    )
    unmapped = (setter for setter, flag in idmaps if "=" not in flag or "@" in flag)
    if not (maps or options["pod"]) and (setter := next(unmapped, "")):
        raise InvalidArgument(
            f"{setter}: idmap maps to the container's user namespace, and it has none: set userns or uidmap, or give "
            "the ranges, as idmap=uids=FILE-HOST-AMOUNT;gids=FILE-HOST-AMOUNT"
        )
    taken: dict[str, str] = {}
    for option in MOUNTS:
        for target in volumes.targets(options[option]):
            if taken.setdefault(target, option) != option:
                raise InvalidArgument(
                    f"{option}: {target!r} cannot be used: {taken[target]} mounts there too, expected one of them"
                )
