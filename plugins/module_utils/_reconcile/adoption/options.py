# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a container of podman's: those of the command that created it, and what its record has beside."""

from __future__ import annotations

from glob import glob
from typing import TYPE_CHECKING, Collection, Iterator, Mapping, NamedTuple

from ..._drivers.podman.container import PodmanContainer
from ..._model.errors import InvalidArgument, NotImplementedByHost
from ..._model.foreign import Foreign
from ..._model.options.normalise import normalise
from ..._model.options.process_options import PROXY_VARIABLES
from ..._model.options.syntax.command_line import LONG, arguments, merged, pair
from ..._model.options.table import OPTIONS
from ..._model.records.config import DEFAULT_PATH, resolved

if TYPE_CHECKING:
    from ..._model.options.types import ContainerOptions
    from ..._model.records.image_config import ImageConfig

# Arguments that say what podman run does, and nothing of the container, with their types. Those of the health check's
# log have podman's own files as their subject.
_PASSING = {
    **dict.fromkeys("detach quiet replace sig_proxy tls_verify disable_content_trust".split(), "bool"),
    **dict.fromkeys(
        "name pull arch os platform variant authfile detach_keys attach decryption_key preserve_fd preserve_fds retry "
        "retry_delay health_log_destination health_max_log_count health_max_log_size".split(),
        "str",
    ),
}
# Those that stand for other options, or are read from the record.
_OTHERS = {"cpus": "str", "env_file": "str", "label_file": "str", "rootfs": "bool"}
_SYNONYMS = {**LONG, "pidfile": "pid_file", "net": "network"}
# Lists whose arguments podman takes apart at commas.
_WITH_COMMAS = frozenset(("cap_add", "cap_drop", "publish", "expose", "group_add", "dns"))
# Variables that podman sets by itself.
_PODMANS = ("TERM", "container", "HOSTNAME", "HOME")
# Limits, which podman update changes, by their place in the record's spec.linux.resources.
_LIMITS = {
    "memory": "memory.limit",
    "memory_swap": "memory.swap",
    "memory_reservation": "memory.reservation",
    "memory_swappiness": "memory.swappiness",
    "cpu_quota": "cpu.quota",
    "cpu_period": "cpu.period",
    "cpu_shares": "cpu.shares",
    "cpu_rt_period": "cpu.realtimePeriod",
    "cpu_rt_runtime": "cpu.realtimeRuntime",
    "pids_limit": "pids.limit",
    "blkio_weight": "blockIO.weight",
}


class Described(NamedTuple):
    """The options, normalised, and the variables that came from the environment of podman."""

    options: ContainerOptions
    host_env: Mapping[str, str]


def described(theirs: PodmanContainer, image: ImageConfig) -> Described:
    """Return the options of a container that was made from an image with this configuration.

    :raises InvalidArgument: an argument of its command has no option here, or a value cannot be used.
    :raises NotImplementedByHost: no command is on record.
    """
    what = f"container {theirs.name} cannot be adopted: its podman run"
    values, command, given = _given(theirs, what)
    config = theirs.config
    values["command"] = command or None
    values["label"] = _beside(config["labels"].text_map(), image.get("Labels") or {}, given.get("label", ()))
    values["log_driver"] = config["logDriver"].text() or None
    values["stop_timeout"] = str(config["stopTimeout"].integer(10))
    values.update(_limits(config["spec"]["linux"]["resources"], values))
    from_image = dict(item.partition("=")[::2] for item in image.get("Env") or [])
    recorded = dict(one.partition("=")[::2] for one in config["spec"]["process"]["env"].texts())
    podmans = {"PATH": DEFAULT_PATH, **{name: recorded.get(name, "") for name in _PODMANS}}
    env = _beside(recorded, {**podmans, **from_image}, given.get("env", ()))
    taken = {name: env.pop(name) for name in list(env) if _is_hosts(name, values, given.get("env", ()))}
    values["env"] = env
    options = normalise(values, glob if values.get("mount") else None)
    recorded_signal = config["stopSignal"].integer(low=0, high=64)
    if recorded_signal and resolved(options, image)["stop_signal"] != recorded_signal:
        options["stop_signal"] = recorded_signal
    return Described(options, taken)


def _given(theirs: PodmanContainer, what: str) -> tuple[dict[str, object], list[str], dict[str, list[str]]]:
    """Return the options' values, the command, and the keys that the arguments of mappings name."""
    words = _run_words(theirs)
    names = {alias: row.name for row in OPTIONS.values() for alias in (row.name, *row.aliases)}
    types = {**_PASSING, **_OTHERS, **{row.name: row.type for row in OPTIONS.values()}}
    names.update({name: name for name in types}, **_SYNONYMS)
    values: dict[str, object] = {}
    given: dict[str, list[str]] = {}
    for argument, option, value in arguments(words, names, types, what, "re-create it by a task"):
        if not option:
            return values, list(words), given  # the image, and then the command
        if option in _PASSING or option in ("env_file", "label_file"):
            continue
        text = str(value)
        if option in ("env", "label"):
            given.setdefault(option, []).append(text.partition("=")[0])
        elif types[option] == "dict":
            entries = values.get(option)
            had = entries if isinstance(entries, dict) else {}
            entry = pair(f"{what}: the value of {argument}", option, text)
            values[option] = merged(option, entry, had) if option == "etc_hosts" else {**had, **entry}
        elif types[option] == "list":
            listed = values.setdefault(option, [])
            if isinstance(listed, list):
                listed += text.split(",") if option in _WITH_COMMAS else [text]
        else:
            values[option] = value
    raise InvalidArgument(f"{what}: names no image")


def _run_words(theirs: PodmanContainer) -> Iterator[str]:
    """Return the words behind ``podman run`` or ``podman create``.

    :raises NotImplementedByHost: no such command is on record.
    """
    words = iter(theirs.config["CreateCommand"].texts())
    for word in words:
        if word in ("run", "create"):
            return words
    raise NotImplementedByHost(
        f"container {theirs.name} cannot be adopted: podman has no command on record that created it, as where its API "
        "is used: re-create it by a task"
    )


def _beside(recorded: Mapping[str, str], known: Mapping[str, str], given: Collection[str]) -> dict[str, str]:
    """Return what the record has beside what is ``known``, and what was ``given``."""
    return {name: value for name, value in recorded.items() if name in given or known.get(name) != value}


def _is_hosts(name: str, values: Mapping[str, object], given: Collection[str]) -> bool:
    """Return whether a variable was taken from the environment of podman."""
    if name in given:
        return False
    return bool(values.get("env_host")) or values.get("http_proxy") is not False and name.lower() in PROXY_VARIABLES


def _limits(resources: Foreign, given: Mapping[str, object]) -> dict[str, object]:
    """Return the limits on record, and those that it has no more as unlimited."""
    found: dict[str, object] = {}
    for option, path in _LIMITS.items():
        part, _dot, key = path.partition(".")
        value = resources[part][key]
        if value:
            found[option] = str(value.integer()) if OPTIONS[option].type == "str" else value.integer()
    if "cpus" in given and "cpu_quota" in found:
        # Another spelling of the two.
        del found["cpu_quota"]
        found.pop("cpu_period", None)
    if "memory" not in found:
        found.pop("memory_swap", None)
    if "pids_limit" not in found:
        found["pids_limit"] = "-1"
    for option, key in (("cpuset_cpus", "cpus"), ("cpuset_mems", "mems")):
        if resources["cpu"][key]:
            found[option] = resources["cpu"][key].text()
    return found
