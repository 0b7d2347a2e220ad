# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_pod: a task's arguments → the reconciled pod → the task's result."""

from __future__ import annotations

from typing import Any, Mapping

from .._model.errors import InvalidArgument, may_come, refuse_ineffective, warn
from .._model.options.normalise import normalise
from .._model.options.syntax.parsers import name as checked_name
from .._model.options.syntax.parsers import wrong
from .._model.options.table import OPTIONS
from .._model.records.pod import POD_OPTIONS, options_of, share
from .._reconcile.plan import Plan
from .._reconcile.pod_planner import STATES, DesiredPod
from .._reconcile.pods import reconcile
from . import arguments
from .module import EngineModule, run

# Options of podman_pod that have no effect here, and the values of some that are as it is done anyway.
_IDLE: dict[str, dict[str, Any]] = {
    **dict.fromkeys(
        "infra_image infra_command infra_conmon_pidfile pod_id_file exit_policy restart_policy userns pid uts gpus"
        " cpuset_mems blkio_weight shm_size_systemd executable".split(),
        {"type": "str"},
    ),
    **dict.fromkeys(
        "blkio_weight_device device device_read_bps device_write_bps security_opt volumes_from".split(),
        {"type": "list", "elements": "str"},
    ),
    **dict.fromkeys(("infra", "share_parent", "debug"), {"type": "bool"}),
    "volume": {"type": "list", "elements": "str", "aliases": ["volumes"]},
    "exit_policy": {"type": "str", "choices": ["stop", "continue"]},
}
_DONE_ANYWAY = {
    "infra": (True,),
    "share_parent": (True,),
    "exit_policy": ("continue",),
    "restart_policy": ("no",),
    "userns": ("host",),
    "pid": ("private",),
    "uts": ("private",),
    "debug": (True,),
}
_SAME = [option for option in POD_OPTIONS if option in OPTIONS and option not in ("etc_hosts", "dns_option")]


def spec() -> dict[str, Any]:
    """Return the argument spec of libpod_pod."""
    result: dict[str, Any] = {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "default": "created", "choices": list(STATES)},
        "recreate": {"type": "bool", "default": False},
        "expect_plan": {"type": "str", "default": ""},
        "force_delete": {"type": "bool", "aliases": ["force"]},
        "infra_name": {"type": "str"},
        "share": {"type": "str"},
        "cpus": {"type": "str"},
        "add_host": {"type": "list", "elements": "str"},
        "dns_opt": {"type": "list", "elements": "str", "aliases": ["dns_option"]},
        "no_hosts": {"type": "bool"},
        "label_file": {"type": "path"},
        "strict": {"type": "bool", "default": False},
        **_IDLE,
        **arguments.parts_spec(),
    }
    for option in _SAME:
        row = OPTIONS[option]
        result[option] = {"type": row.type, **({"elements": row.elements} if row.elements else {})}
    result["publish"]["aliases"] = ["ports"]
    result["network_alias"] = {**result.pop("network_aliases"), "aliases": ["network_aliases"]}
    return result


def desired(params: Mapping[str, Any]) -> DesiredPod:
    """Return the pod that a task describes.

    :raises InvalidArgument: a value cannot be used.
    """
    name = checked_name(params["name"], "name")
    infra = params["infra_name"] or ""
    controls = {"infra_name": infra and checked_name(infra, "infra_name"), "recreate": params["recreate"]}
    controls["expect_plan"] = arguments.expected_plan(params)
    requested = DesiredPod(name, params["state"], force_delete=params["force_delete"], **controls)
    if params["state"] not in ("created", "started", "restarted"):
        return requested
    values = {option: params[option] for option in (*_SAME, "cpus") if option != "network_aliases"}
    values["network_aliases"] = params["network_alias"]
    values["dns_option"] = params["dns_opt"]
    if params["add_host"] is not None:
        hosts: dict[str, list[str]] = {}
        for name, address in map(_host, params["add_host"]):
            hosts.setdefault(name, []).append(address)
        values["etc_hosts"] = hosts
    if params["label_file"]:
        try:
            values.update(arguments.of_file(params, "label_file"))
        except InvalidArgument as error:
            if not may_come(error):
                raise
            requested = requested._replace(missing=error)
    described = any(value is not None for value in (*values.values(), params["share"]))
    normalised = normalise(values)
    shared = share(params["share"])
    if normalised["uidmap"] or normalised["gidmap"] or normalised["subuidname"] or normalised["subgidname"]:
        shared = sorted({*shared, "user"})
    if normalised["publish"] and "net" not in shared:
        raise wrong("share", params["share"], "net to be in it too, since ports are published on the pod's network")
    options = options_of(normalised, shared)
    _pass_over(params)
    # With created and started a name alone describes a pod too: one with all options at their defaults.
    return requested._replace(options=options, described=params["state"] != "restarted" or described)


def _pass_over(params: Mapping[str, object]) -> None:
    """Warn of options that have no effect here."""
    for option in _IDLE:
        done_anyway = (None, [], "", *_DONE_ANYWAY.get(option, ()))
        if option != "executable" and params[option] not in done_anyway:
            warn(f"{option}: has no effect on pod {params['name']}, whose containers may have it", ineffective=True)
    if params["strict"]:
        refuse_ineffective()


def _host(entry: str) -> tuple[str, str]:
    name, colon, address = str(entry).partition(":")
    if not (name and colon and address):
        raise wrong("add_host", entry, "HOST:IP")
    return name, address


def pod(module: EngineModule) -> dict[str, object]:
    """libpod_pod: reconcile one pod."""
    if arguments.is_nothing(module.params):
        return {"changed": False, "actions": [], "plan": Plan().to_json(), "pod": {}}
    outcome = reconcile(arguments.parts(module.params), desired(module.params), check_mode=module.check_mode)
    result: dict[str, object] = {
        "changed": bool(outcome.plan.steps),
        "actions": outcome.plan.actions,
        "plan": outcome.plan.to_json(),
        "pod": outcome.pod,
    }
    if module._diff:
        result["diff"] = outcome.plan.diff()
    return result


def main() -> None:
    """libpod_pod, from a task's arguments to its result."""
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), pod)
