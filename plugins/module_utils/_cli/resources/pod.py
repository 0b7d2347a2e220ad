# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod pod``: ``ps``, ``inspect``, ``create``, ``rm`` and the changes of all a pod's containers together."""

from __future__ import annotations

import argparse
import os
from typing import Any, Mapping, Optional, Sequence

from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, InvalidState, NoSuchPod, PodExists
from ..._model.options.normalise import normalise
from ..._model.options.syntax.durations import whole_seconds
from ..._model.options.syntax.parsers import name as checked_name
from ..._model.options.table import OPTIONS
from ..._model.records.pod import POD_OPTIONS, PodConfig, options_of, share
from ..._runtime.inspect_pod import inspect_pod
from ..._runtime.pods import Pods
from ..._runtime.runtime import Runtime
from ..._store import pods as records
from .. import table
from ..arguments import for_each
from ..output import filters
from ..output.listing import Shape
from . import verbs

_COLUMNS = {
    "Id": "POD ID",
    "Name": "NAME",
    "Status": "STATUS",
    "Created": "CREATED",
    "InfraId": "INFRA ID",
    "NumberOfContainers": "# OF CONTAINERS",
}
_FILTERS: filters.Known[Mapping[str, Any]] = {
    "name": filters.pattern(lambda one: [one["Name"]]),
    "id": filters.beginning(lambda one: [one["Id"]]),
    "status": lambda value: lambda one: one["State"].lower() == value.lower(),
    "ctr-names": filters.pattern(lambda one: [each["Name"] for each in one["Containers"]]),
    **filters.labels(lambda one: one["Labels"]),
}
_STATES = {
    "start": ("started", "start all containers of pods"),
    "stop": ("stopped", "stop all containers of pods"),
    "restart": ("restarted", "restart all containers of pods"),
    "kill": ("killed", "kill all containers of pods"),
    "pause": ("paused", "freeze all containers of pods"),
    "unpause": ("unpaused", "thaw all containers of pods"),
}
_CODES: dict[type[Exception], int] = {NoSuchPod: 1}


def _naming(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="*", help="a pod's name, ID, or the beginning of an ID")
    parser.add_argument("-a", "--all", action="store_true", help="all pods")


def _stopping(parser: argparse.ArgumentParser) -> None:
    _naming(parser)
    parser.add_argument("-t", "--time", help="seconds, or a duration such as 1m30s, until a stop kills")


def _description(parser: argparse.ArgumentParser) -> None:
    from ..containers.flags import add_option

    parser.add_argument("-n", "--name", dest="pod_name", help="(default: a random one)")
    parser.add_argument("--infra-name", default="", help="of the infra container (default: made of the pod's ID)")
    parser.add_argument("--share", help="cgroup, ipc, net, pid, user, uts, or none (default: ipc,net,uts)")
    parser.add_argument("--cpus", help="of all containers together, such as 1.5")
    parser.add_argument("--replace", action="store_true", help="remove a pod of the name first, with its containers")
    for name in POD_OPTIONS:
        if name in OPTIONS:
            add_option(parser, OPTIONS[name], without="h")
    parser.add_argument("name", nargs="?", help="as --name")


_LIST = verbs.listing("pods", "IDs", _FILTERS)
_VERBS = {
    "ps": _LIST,
    "ls": _LIST,
    "inspect": verbs.inspection("pods"),
    "create": verbs.Verb("make a pod, and print its ID", _description),
    **{name: verbs.Verb(text, _stopping if name == "stop" else _naming) for name, (_state, text) in _STATES.items()},
    "rm": verbs.removal("pods", "also with their containers"),
    "prune": verbs.pruning("pod", "pods whose containers have all ended for good"),
    "exists": verbs.naming("exit with 0 if the pod exists, else 1"),
}


def pod(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """List, show, make, change or remove pods."""
    options = verbs.parsed("pod", "Pods: containers that share namespaces.", _VERBS, arguments)
    if options.verb == "prune":
        from .. import prune

        return prune.prune(parts, options, "pod")
    pods = Pods(Runtime(parts))
    if options.verb in ("ps", "ls"):
        found = [inspect_pod(pods, one) for one in pods.everyone()]
        shape: Shape[Mapping[str, object]] = Shape(_COLUMNS, lambda one: _row(one, whole=options.no_trunc), "Id")
        return verbs.write_list(options, found, shape, _FILTERS)
    if options.verb == "inspect":
        return verbs.inspect_each(options, lambda name: inspect_pod(pods, records.find(pods.store, name)), {})
    if options.verb == "exists":
        return 0 if all(_exists(pods, name) for name in options.name) else 1
    return _created(parts, pods, options) if options.verb == "create" else _changed(parts, pods, options)


def _exists(pods: Pods, name: str) -> bool:
    try:
        records.find(pods.store, name)
    except NoSuchPod:
        return False
    return True


def _row(one: Mapping[str, Any], *, whole: bool) -> Mapping[str, object]:
    length = None if whole else 12
    return {
        "Id": one["Id"][:length],
        "ID": one["Id"][:length],
        "Name": one["Name"],
        "Status": one["State"],
        "Created": table.age(one["Created"]),
        "InfraId": one["InfraContainerID"][:length],
        "InfraID": one["InfraContainerID"][:length],
        "NumberOfContainers": one["NumContainers"],
        "Cgroup": one["CgroupPath"],
        "ContainerIds": ",".join(each["Id"][:length] for each in one["Containers"]),
        "ContainerNames": ",".join(each["Name"] for each in one["Containers"]),
        "ContainerStatuses": ",".join(each["State"] for each in one["Containers"]),
    }


def _created(parts: EngineConfig, pods: Pods, options: argparse.Namespace) -> int:
    """Make a pod, whose containers start later.

    :raises PodExists: the name is taken.
    """
    from ..._reconcile.pod_planner import DesiredPod
    from ..._reconcile.pods import apply_one, reconcile
    from ..containers.flags import option_values

    if options.name and options.pod_name:
        raise InvalidArgument(f"--name: cannot be combined with the name {options.name!r}: give one of them")
    name = checked_name(options.name or options.pod_name or f"pod_{os.urandom(4).hex()}", "--name")
    described = options_of(normalise(option_values(options)), share(options.share, "--share"))
    if options.replace:
        reconcile(parts, DesiredPod(name, "absent"))
    pods.store.prepare()
    with pods.store.lock(name):
        if pods.find(name) is not None:
            raise PodExists(f"a pod has the name {name!r}: remove it, give another name, or add --replace")
        made = apply_one(pods, DesiredPod(name, "created", described, infra_name=options.infra_name))
    table.write_line(str(made.pod["Id"]))
    return 0


def _changed(parts: EngineConfig, pods: Pods, options: argparse.Namespace) -> int:
    from ..._reconcile.pod_planner import DesiredPod
    from ..._reconcile.pods import reconcile

    time = getattr(options, "time", None)
    stop_time = None if time is None else whole_seconds(time, "--time")
    names = verbs.chosen(options, "pods' names or IDs, or --all", lambda: [one.id for one in pods.everyone()])

    def work(key: str) -> Optional[str]:
        try:
            found = records.find(pods.store, key)
        except NoSuchPod:
            if getattr(options, "force", False):
                return None
            raise
        if options.verb != "rm":
            reconcile(parts, DesiredPod(found.name, _STATES[options.verb][0], stop_time=stop_time))
            return found.id
        _check_empty(pods, found, options)
        reconcile(parts, DesiredPod(found.name, "absent", force_delete=None if options.force else False))
        return found.id

    return for_each(names, work, _CODES)


def _check_empty(pods: Pods, found: PodConfig, options: argparse.Namespace) -> None:
    """Raise InvalidState if the pod has containers, and ``--force`` is missing."""
    if not options.force and any(not one.config.infra for one in pods.members(found.id)):
        raise InvalidState(f"pod {found.name} has containers: remove them first, or remove it with --force")
