# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's arguments: the spec made from the engine's tables, and what a task's values mean."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Mapping, Optional

from ansible.module_utils.basic import env_fallback

from .._model import caller
from .._model.engine_config import EngineConfig
from .._model.errors import InvalidArgument, MalformedData, may_come, not_yet, refuse_ineffective, warn
from .._model.options.normalise import normalise
from .._model.options.syntax.parsers import is_name, natural, plain_path, wrong
from .._model.options.syntax.parsers import name as checked_name
from .._model.options.table import OPTIONS, Option
from .._reconcile.desired import SECRETS_CHANGED, STATES, WAITS, Desired, by_name_only

if TYPE_CHECKING:
    from .._model.options.pulling import Pull
    from .._model.options.types import ContainerOptions

_FOREVER = 1 << 31
PULLING = tuple(
    "pull authfile creds cert_dir tls_verify platform os arch variant retry retry_delay decryption_key".split()
)
_ROOTS = ("static_root", "run_root", "storage_root", "storage_run_root", "cni_config_dir", "network_config_dir")
# Options of podman_container that have no effect here. The first three describe no container: they cause no warning.
_IDLE: dict[str, dict[str, object]] = {
    "executable": {"type": "str"},
    "debug": {"type": "bool"},
    "log_level": {"type": "str", "choices": ["debug", "info", "warn", "error", "fatal", "panic"]},
    "detach_keys": {"type": "str", "no_log": False},  # keys of a terminal
    "sig_proxy": {"type": "bool"},
    "preserve_fd": {"type": "list", "elements": "str"},
    "preserve_fds": {"type": "str"},
    "link_local_ip": {"type": "str"},
    "hosts_file": {"type": "str"},
    "no_hostname": {"type": "bool"},
    "health_log_destination": {"type": "str"},
    "health_max_log_count": {"type": "int"},
    "health_max_log_size": {"type": "int"},
}
_SILENT = ("executable", "debug", "log_level")
_CONTROLS = (
    "strict",
    "state",
    "image_strict",
    "force_restart",
    "recreate",
    "recreate_policy",
    "force_delete",
    "delete_depend",
    "delete_volumes",
    "detach",
    "drift",
    "secrets_changed",
    "wait",
    "wait_for_healthy",
)


def parts_spec() -> dict[str, object]:
    """Return the roots and parts of every module, each with its environment variable, such as LIBPOD_STATIC_ROOT."""
    spec: dict[str, Any] = {}
    for part in EngineConfig._fields:
        kind = "path" if part in _ROOTS or part.endswith("_path") else "str"
        spec[part] = {"type": kind, "fallback": (env_fallback, [f"LIBPOD_{part.upper()}"])}
    spec["cni_plugin_dirs"].update(type="list", elements="path")
    spec["tool_timeouts"].update(type="dict")
    spec["cgroup_manager"]["choices"] = ["cgroupfs", "systemd"]
    spec["network_backend"]["choices"] = ["auto", "cni", "netavark"]
    return spec


def parts(params: Mapping[str, Any]) -> EngineConfig:
    """Return the parts that a task names, with the others at their defaults.

    :raises InvalidArgument: a root is no absolute path.
    """
    chosen = {part: params[part] for part in EngineConfig._fields if params.get(part)}
    for root in _ROOTS:
        if root in chosen and not chosen[root].startswith("/"):
            raise wrong(root, chosen[root], "an absolute path")
        if root in chosen:
            chosen[root] = plain_path(chosen[root])
    if "cni_plugin_dirs" in chosen:
        chosen["cni_plugin_dirs"] = tuple(chosen["cni_plugin_dirs"])
    if "tool_timeouts" in chosen:
        from .._drivers import limits

        chosen["tool_timeouts"] = limits.spell(chosen["tool_timeouts"])
        limits.override(chosen["tool_timeouts"])  # here, for what needs no ``Host``
    return EngineConfig(**chosen)


def _option_spec(option: Option) -> dict[str, object]:
    spec: dict[str, object] = {"type": option.type}
    if option.aliases:
        spec["aliases"] = list(option.aliases)
    if option.elements:
        spec["elements"] = option.elements
    if option.choices:
        spec["choices"] = list(option.choices)
    if option.name in ("secrets", "passwd", "passwd_entry"):
        spec["no_log"] = False  # Ansible suspects their names; the values are none
    if option.suboptions:
        spec["options"] = {name: {"type": kind} for name, kind in option.suboptions}
    return spec


# When and how the image is pulled.
_PULL: dict[str, object] = {
    "pull": {"type": "str", "choices": ["missing", "always", "never", "newer"]},
    "authfile": {"type": "path"},
    "tls_verify": {"type": "bool"},
    **{option: {"type": "str"} for option in ("platform", "os", "arch", "variant")},
    "retry": {"type": "int"},
    "retry_delay": {"type": "str"},
    "decryption_key": {"type": "str", "no_log": True},
    "creds": {"type": "str", "no_log": True},
    "cert_dir": {"type": "path"},
}


def container_spec() -> dict[str, Any]:
    """Return the argument spec of libpod_container."""
    return {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "default": "started", "choices": list(STATES)},
        "image": {"type": "str"},
        "rootfs": {"type": "bool", "default": False},
        "image_strict": {"type": "bool", "default": False},
        **_PULL,
        "cmd_args": {"type": "list", "elements": "str"},
        "strict": {"type": "bool", "default": False},
        **_IDLE,
        "force_restart": {"type": "bool", "default": False, "aliases": ["restart"]},
        "recreate": {"type": "bool", "default": False},
        "recreate_policy": {"type": "str", "default": "auto", "choices": ["auto", "never"]},
        "expect_plan": {"type": "str", "default": ""},
        "comparisons": {"type": "dict"},
        "force_delete": {"type": "bool"},
        "delete_depend": {"type": "bool", "default": False},
        "delete_volumes": {"type": "bool", "default": False},
        "detach": {"type": "bool", "default": True},
        "attach": {"type": "list", "elements": "str"},
        "wait": {"type": "str", "default": "started", "choices": list(WAITS)},
        "wait_timeout": {"type": "str", "default": "300", "aliases": ["healthy_wait_timeout"]},
        "wait_for_healthy": {"type": "bool", "default": False},
        "drift": {"type": "str", "default": "auto", "choices": ["auto", "full"]},
        "secrets_changed": {"type": "str", "default": "ignore", "choices": list(SECRETS_CHANGED), "no_log": False},
        "stop_time": {"type": "str"},
        "restart_time": {"type": "str"},
        "env_file": {"type": "list", "elements": "path", "aliases": ["env_files"]},
        "label_file": {"type": "path"},
        "pod_id_file": {"type": "path"},
        "delete_time": {"type": "str"},
        "cpus": {"type": "str"},
        **{name: _option_spec(option) for name, option in OPTIONS.items()},
        **parts_spec(),
    }


def info_spec() -> dict[str, Any]:
    """Return the argument spec of libpod_container_info."""
    return {
        "name": {"type": "list", "elements": "str", "aliases": ["names"]},
        "size": {"type": "bool", "default": False},
        "stats": {"type": "bool", "default": False},
        "env_values": {"type": "bool", "default": False},
        "query": {"type": "str"},
        "executable": {"type": "str"},
        **parts_spec(),
    }


def is_nothing(params: Mapping[str, Any]) -> bool:
    """Whether the task removes what cannot be there: nothing has a name such as ``alpine:3.7``."""
    return params.get("state") == "absent" and bool(params["name"]) and not is_name(params["name"])


def desired(params: Mapping[str, Any]) -> Desired:
    """Return what a task of libpod_container asks for.

    :raises InvalidArgument: a value cannot be used. Where the state goes by name alone, no other option is looked at.
    """
    if params.get("cmd_args"):
        from .cmd_args import understood

        params = understood(params, container_spec())
    controls = _controls(params)
    _pass_over(params)
    state, image = params["state"], bool(params.get("image"))
    specified = frozenset(
        key for key in (*OPTIONS, "cpus", "env_file", "label_file", "pod_id_file") if params.get(key) is not None
    )
    by_name = by_name_only(state, options=bool(specified), image=image, force_restart=params["force_restart"])
    if by_name and not (image and state == "stopped"):
        return Desired(**controls)
    controls.update(_comparisons(params))
    root = _root(params)
    try:
        options, missing = _options(params)
        pulling = _pulling(params)
    except InvalidArgument as error:
        if state != "stopped":
            raise
        return Desired(**controls, unusable=error)
    if missing and state == "stopped":
        return Desired(**controls, unusable=missing)
    if options["init_ctr"] and state in ("started", "paused"):
        raise wrong("state", state, "created or present, for a container with init_ctr starts with its pod")
    if params["strict"]:
        refuse_ineffective()
    return Desired(**controls, **root, options=options, specified=specified, pulling=pulling, missing=missing)


def _comparisons(params: Mapping[str, Any]) -> dict[str, object]:
    """Return how the task has options compared, for ``Desired``."""
    if not params.get("comparisons"):
        return {}
    from .._reconcile.diff.comparisons import parse

    modes, compared = parse(params["comparisons"])
    if params.get("network") == [] and modes.get("network") == "allow_more_present":
        modes["network"] = "ignore"  # no network is asked for, so any is more
    return {"comparisons": modes, "compared": compared}


def _root(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the root filesystem is made of, for ``Desired``: an image, or a directory on the host."""
    image = params.get("image") or ""
    if not (params["rootfs"] and image):
        return {"image": image, "rootfs": params["rootfs"]}
    overlay = image.endswith(":O")
    directory = image[:-2] if overlay else image
    if not directory:
        raise wrong("image", image, "a directory before ':O'")
    return {"image": plain_path(caller.absolute(directory)), "rootfs": True, "overlay": overlay}


def _controls(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked of the task itself, and not of the container's configuration."""
    controls: dict[str, Any] = {"name": checked_name(params["name"], "name"), "rmi": params.get("rmi")}
    controls.update((key, params[key]) for key in _CONTROLS)
    controls.update((key, seconds(params, key)) for key in ("stop_time", "restart_time", "delete_time"))
    controls["wait_timeout"] = longest_wait(params["wait_timeout"], "wait_timeout")
    if params["wait"] != "started" and params["state"] not in ("started", "rewound"):
        raise wrong("wait", params["wait"], f"state to be started or rewound, and it is {params['state']}")
    if params.get("attach"):
        controls["detach"] = False  # as podman has it
        controls["attach"] = tuple(str(stream).lower() for stream in params["attach"])
        if not set(controls["attach"]) <= {"stdin", "stdout", "stderr"}:
            raise wrong("attach", params["attach"], "some of stdin, stdout and stderr")
    if params["recreate"] and params["recreate_policy"] == "never":
        raise InvalidArgument("recreate_policy: never cannot be combined with recreate: omit one of them")
    controls["expect_plan"] = expected_plan(params)
    return controls


def expected_plan(params: Mapping[str, Any]) -> str:
    """Return the digest of the approved plan, empty where the task expects none.

    :raises InvalidArgument: it is no digest.
    """
    if not params["expect_plan"]:
        return ""
    from .._reconcile import approval

    return approval.parsed(params["expect_plan"], "expect_plan")


def _pass_over(params: Mapping[str, object]) -> None:
    """Warn of options that have no effect here."""
    for option in _IDLE:
        if params.get(option) not in (None, [], False) and option not in _SILENT:
            warn(f"{option}: has no effect here", ineffective=True)
    if params["strict"]:
        refuse_ineffective()


def seconds(params: Mapping[str, object], option: str) -> Optional[int]:
    """Return the option's seconds; -1 gives a day, longer than anybody waits."""
    value = params.get(option)
    if value is None:
        return None
    from .._model.options.syntax.durations import whole_seconds

    return _FOREVER if str(value).strip() == "-1" else whole_seconds(value, option)


def longest_wait(value: object, option: str) -> float:
    """Return the seconds of a wait, 0 and less for no limit; a plain number costs no import.

    :raises InvalidArgument: it is no duration.
    """
    number = natural(str(value))
    if number is not None:
        return float(number)
    from .._model.options.syntax.durations import LEAST, seconds

    return seconds(value, option, least=LEAST)


def _pulling(params: Mapping[str, object]) -> Optional[Pull]:
    if not params.get("image") or all(params.get(option) is None for option in PULLING):
        return None
    return pulling(params)


def pulling(params: Mapping[str, object]) -> Pull:
    """Return how an image is pulled.

    :raises InvalidArgument: an option cannot be used, or names no file.
    """
    from .._model.options import pulling as options

    how = options.pulling(params)
    for option, path, is_there, kind in (
        ("authfile", how.authfile, os.path.isfile, "file"),
        ("decryption_key", how.key.partition(":")[0], os.path.isfile, "file"),
        ("signature_policy", how.signature_policy, os.path.isfile, "file"),
        ("cert_dir", how.cert_dir, os.path.isdir, "directory"),
    ):
        if path and not is_there(path):
            raise wrong(option, path, f"a {kind} on the host")
    return how


def _options(params: Mapping[str, object]) -> tuple[ContainerOptions, Optional[InvalidArgument]]:
    """Return the options, and why those of a file are not among them that an earlier task of a play may make."""
    values = dict(params)
    missing: Optional[InvalidArgument] = None
    if params.get("pod_id_file") and params.get("pod"):
        raise InvalidArgument("pod_id_file: cannot be combined with pod: give one of them")
    for option in ("env_file", "label_file", "pod_id_file"):
        try:
            values.update(of_file(params, option) if params.get(option) else {})
        except InvalidArgument as error:
            if not may_come(error):
                raise
            missing = missing or error
    if "glob" in str(params.get("mount")):
        from glob import glob

        return normalise(values, glob), missing
    return normalise(values), missing


def of_file(params: Mapping[str, Any], option: str) -> dict[str, object]:
    """Return the option that is read from the files which another one names.

    :raises InvalidArgument: a file cannot be read; ``may_come`` where it is missing.
    """
    if option == "pod_id_file":
        return {"pod": _first_line(params[option], option)}
    from .._reconcile.env_files import read

    paths = params[option] if option == "env_file" else [params[option]]
    into = option.replace("_file", "")
    return {into: {**read(paths, option=option), **(params.get(into) or {})}}


def _first_line(path: str, option: str) -> str:
    from .._drivers import foreign_files

    try:
        content = foreign_files.read(caller.absolute(path), path)
        return content.decode(errors="replace").partition("\n")[0].strip()
    except MalformedData as error:
        raise InvalidArgument(f"{option}: {error}") from error
    except OSError as error:
        refusal = wrong(option, path, f"a file with a pod's ID ({error.strerror})")
        raise (not_yet(refusal) if isinstance(error, FileNotFoundError) else refusal) from error
