# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quadlet files, from units to a stack (podman-systemd.unit(5))."""

from __future__ import annotations

import os
from typing import Mapping, Sequence

from ..._model.errors import InvalidArgument, MalformedData
from ..stack import Options, Stack, check_order, warned
from .readers import (
    TRUE,
    Adding,
    adding,
    at,
    flag,
    flagged,
    host,
    log_opt,
    network_options,
    replacing,
    security,
    text,
    tmpfs,
    updating,
)
from .units import Entry, Unit, read, words

KINDS = ("container", "network", "volume", "image", "build")
OWNER = "libpod.engine.quadlet"
AUTO_UPDATE = "io.containers.autoupdate"
_PAGE = "docs/howto/quadlets.md lists the keys"
_MOST = 500  # units
_RESTARTS = {"no": "no", "always": "always", "on-failure": "on-failure"}

# Keys of [Container] by how their values are read, with the options of libpod_container.
_TEXTS = {
    "CgroupsMode": "cgroups",
    "EnvironmentHost": "env_host",
    "HealthCmd": "healthcheck",
    "HealthInterval": "healthcheck_interval",
    "HealthOnFailure": "healthcheck_failure_action",
    "HealthRetries": "healthcheck_retries",
    "HealthStartPeriod": "healthcheck_start_period",
    "HealthStartupCmd": "health_startup_cmd",
    "HealthStartupInterval": "health_startup_interval",
    "HealthStartupRetries": "health_startup_retries",
    "HealthStartupSuccess": "health_startup_success",
    "HealthStartupTimeout": "health_startup_timeout",
    "HealthTimeout": "healthcheck_timeout",
    "HostName": "hostname",
    "IP": "ip",
    "IP6": "ip6",
    "LogDriver": "log_driver",
    "Memory": "memory",
    "PidsLimit": "pids_limit",
    "Pull": "pull",
    "Retry": "retry",
    "RetryDelay": "retry_delay",
    "ShmSize": "shm_size",
    "StopSignal": "stop_signal",
    "StopTimeout": "stop_timeout",
    "SubGIDMap": "subgidname",
    "SubUIDMap": "subuidname",
    "Timezone": "timezone",
    "UserNS": "userns",
    "WorkingDir": "workdir",
}
_FLAGS = {"ReadOnly": "read_only", "ReadOnlyTmpfs": "read_only_tmpfs", "RunInit": "init"}
_LISTS = {
    "DNS": "dns",
    "DNSOption": "dns_option",
    "DNSSearch": "dns_search",
    "ExposeHostPort": "expose",
    "GIDMap": "gidmap",
    "GroupAdd": "group_add",
    "NetworkAlias": "network_aliases",
    "PublishPort": "publish",
    "Secret": "secrets",
    "UIDMap": "uidmap",
    "Ulimit": "ulimit",
}
_WORDS = {"AddCapability": "cap_add", "AddDevice": "device", "DropCapability": "cap_drop", "PodmanArgs": "cmd_args"}
_PAIRS = {"Annotation": "annotation", "Environment": "env", "Label": "label", "Sysctl": "sysctl"}
_SECURITY = {
    "AppArmor": "apparmor={}",
    "Mask": "mask={}",
    "SeccompProfile": "seccomp={}",
    "SecurityLabelFileType": "label=filetype:{}",
    "SecurityLabelLevel": "label=level:{}",
    "SecurityLabelType": "label=type:{}",
    "Unmask": "unmask={}",
}
# Keys that have no effect on containers that no systemd starts.
_IDLE = {
    "Container": ("ContainerName", "HealthLogDestination", "HealthMaxLogCount", "HealthMaxLogSize", "ServiceName"),
    "Network": ("NetworkDeleteOnStop", "NetworkName", "ServiceName"),
    "Volume": ("ServiceName", "VolumeName"),
    "Image": ("ImageTag", "ServiceName"),
    "Build": ("ImageTag", "ServiceName"),
    "Quadlet": ("DefaultDependencies",),
    "Unit": ("After", "Before", "BindsTo", "Description", "Documentation", "Requires", "Wants"),
    "Service": ("Restart", "RestartSec", "TimeoutStartSec", "TimeoutStopSec", "Type"),
    "Install": ("Alias", "RequiredBy", "UpheldBy", "WantedBy"),
}
# Of these, those that are read, or describe.
_READ = frozenset(
    "ContainerName NetworkName VolumeName ImageTag Restart After Requires BindsTo Wants Description"
    " Documentation ServiceName DefaultDependencies".split()
)


def load(paths: Sequence[str], owner: str) -> Stack:
    """Return the stack of the units in these files; ``owner`` is the value of the label that all of it has.

    :raises InvalidArgument: a file cannot be read. :raises MalformedData: a unit has what has no counterpart.
    """
    if len(paths) > _MOST:
        raise InvalidArgument(f"files: {len(paths)} units are given: expected at most {_MOST}")
    found: dict[str, Unit] = {}
    for path in paths:
        unit = read(path)
        if unit.kind not in KINDS or not unit.name or unit.name.endswith("@"):
            raise InvalidArgument(
                f"files: {path} has no counterpart here: expected {', '.join(f'.{one}' for one in KINDS)}"
            )
        if f"{unit.name}.{unit.kind}" in found:
            raise InvalidArgument(f"files: {unit.name}.{unit.kind} is given twice: expected it once")
        found[f"{unit.name}.{unit.kind}"] = unit
    return _Translation(found, owner).stack()


class _Translation:
    """The units of one task, by their files' names."""

    def __init__(self, units: Mapping[str, Unit], owner: str) -> None:
        self._units = units
        self._own = {OWNER: owner}
        self._ineffective: list[str] = []

    def stack(self) -> Stack:
        by_kind = {kind: [one for one in self._units.values() if one.kind == kind] for kind in KINDS}
        for kind in ("container", "network", "volume", "build"):
            self._check_names(by_kind[kind])
        names = {name: self._name(one) for name, one in self._units.items() if one.kind == "container"}
        containers = tuple(self._container(one) for one in by_kind["container"])
        stack = Stack(
            networks=tuple(self._network(one) for one in by_kind["network"]),
            volumes=tuple(self._volume(one) for one in by_kind["volume"]),
            images=tuple(self._build(one) for one in by_kind["build"]),
            containers=containers,
            after={names[name]: tuple(self._before(self._units[name], names)) for name in names},
        )
        for one in by_kind["image"]:
            self._pulling(one)
        check_order(stack.after)
        return stack._replace(ineffective=warned(self._ineffective))

    def _name(self, unit: Unit) -> str:
        """Return the name of what a unit makes, as quadlet gives it."""
        section = unit.kind.capitalize()
        if unit.kind == "image":
            return unit.value(section, "ImageTag") or unit.value(section, "Image")
        if unit.kind == "build":
            name = unit.value(section, "ImageTag")
            if not name:
                raise MalformedData(f"{unit.path}: [Build] ImageTag is missing: give the image's name")
            return name if "/" in name else f"localhost/{name}"
        return unit.value(section, f"{section}Name") or f"systemd-{unit.name}"

    def _check_names(self, units: Sequence[Unit]) -> None:
        """:raises MalformedData: two units of a kind make the same thing, which each would change back."""
        paths: dict[str, str] = {}
        for one in units:
            other = paths.setdefault(self._name(one), one.path)
            if other != one.path:
                raise MalformedData(f"{one.path}: makes {self._name(one)}, as {other} does: give one another name")

    def _named(self, entry: Entry, text: str, kinds: Sequence[str]) -> str:
        """Return the name of the unit that a text names, such as ``data.volume``, or the text itself."""
        kind = text.rpartition(".")[2]
        if kind not in kinds:
            return text
        if text not in self._units:
            entry.fail(f"a unit that is among the files, and {text} is not")
        return self._name(self._units[text])

    def _before(self, unit: Unit, names: Mapping[str, str]) -> list[str]:
        """Return the containers of the units that a unit is ordered after."""
        found = []
        for one in unit.entries:
            if one.section == "Unit" and one.key in ("After", "Requires", "BindsTo"):
                for word in one.value.split():
                    name = word if word in names else f"{word.removesuffix('.service')}.container"
                    found += [names[name]] if name in names and name != f"{unit.name}.container" else []
        return found

    def _entries(self, unit: Unit, known: Mapping[str, Adding]) -> Options:
        """Return the options of the unit's own section; see ``known`` for how each key adds to them.

        :raises MalformedData: a key has no counterpart.
        """
        options: Options = {}
        own = unit.kind.capitalize()
        for one in unit.entries:
            if one.section == own and one.key in known:
                known[one.key](one, options)
            elif one.key in _IDLE.get(one.section, ()):
                # What is always started again starts at boot too, as the target of a unit has it.
                boots = one.section == "Install" and unit.value("Service", "Restart") == "always"
                if one.key not in _READ and not boots:
                    self._ineffective.append(f"{one.where}: [{one.section}] {one.key}")
            else:
                raise MalformedData(
                    f"{one.where}: [{one.section}] {one.key} has no counterpart here: remove it; {_PAGE}"
                )
        return options

    def _container(self, unit: Unit) -> Options:
        options = self._entries(unit, self._container_keys(unit))
        if "image" not in options:
            raise MalformedData(f"{unit.path}: [Container] Image is missing")
        if "group" in options:
            options["user"] = f"{options.get('user', '0')}:{options.pop('group')}"
        if options.get("pull") == "":
            del options["pull"]
        restart = unit.value("Service", "Restart", "no")
        if restart not in _RESTARTS:
            raise MalformedData(
                f"{unit.path}: [Service] Restart: {restart!r} has no counterpart: take {', '.join(_RESTARTS)}"
            )
        options["restart_policy"] = _RESTARTS[restart]
        options["label"] = {**options.get("label", {}), **self._own}
        return {"name": self._name(unit), "image_strict": True, **options}

    def _container_keys(self, unit: Unit) -> dict[str, Adding]:
        """Return what each key of a section ``[Container]`` adds to the options."""
        return {
            **{key: replacing(option, text) for key, option in _TEXTS.items()},
            **{key: replacing(option, flag) for key, option in _FLAGS.items()},
            **{key: adding(option, lambda one: [one.value]) for key, option in _LISTS.items()},
            **{key: adding(option, words) for key, option in _WORDS.items()},
            **{key: updating(option) for key, option in _PAIRS.items()},
            **{key: security(form) for key, form in _SECURITY.items()},
            "AddHost": host,
            "AutoUpdate": lambda one, options: options.setdefault("label", {}).update({AUTO_UPDATE: one.value}),
            "Entrypoint": replacing("entrypoint", lambda one: one.value if one.value.startswith("[") else words(one)),
            "EnvironmentFile": adding("env_file", lambda one: [self._path(unit, one.value)]),
            "Exec": replacing("command", words),
            "Group": lambda one, options: options.update(group=one.value),
            "Image": replacing("image", self._image),
            "LogOpt": log_opt,
            "Mount": adding("mount", lambda one: [self._mount(unit, one)]),
            "Network": adding("network", lambda one: [self._attachment(one)]),
            "NoNewPrivileges": lambda one, options: flagged(one, options, "no-new-privileges"),
            "Notify": replacing("sdnotify", lambda one: "container" if one.value in TRUE else "conmon"),
            "Rootfs": lambda one, options: options.update(image=one.value, rootfs=True),
            "SecurityLabelDisable": lambda one, options: flagged(one, options, "label=disable"),
            "Tmpfs": tmpfs,
            "User": lambda one, options: options.update(user=one.value),
            "Volume": adding("volume", lambda one: [self._bound(unit, one)]),
        }

    def _image(self, entry: Entry) -> str:
        return self._named(entry, entry.value, ("image", "build"))

    def _path(self, unit: Unit, path: str) -> str:
        return os.path.normpath(os.path.join(os.path.dirname(unit.path), path))

    def _bound(self, unit: Unit, entry: Entry) -> str:
        source, colon, rest = entry.value.partition(":")
        if source.startswith("."):
            source = self._path(unit, source)
        return f"{self._named(entry, source, ('volume',))}{colon}{rest}"

    def _mount(self, unit: Unit, entry: Entry) -> str:
        parts = []
        for part in entry.value.split(","):
            key, equals, value = part.partition("=")
            if key in ("source", "src"):
                value = self._path(unit, value) if value.startswith(".") else value
                value = self._named(entry, value, ("volume", "image", "build"))
            parts.append(f"{key}{equals}{value}")
        return ",".join(parts)

    def _attachment(self, entry: Entry) -> str:
        name, colon, settings = entry.value.partition(":")
        if name.endswith(".container"):
            return f"container:{self._named(entry, name, ('container',))}"
        return f"{self._named(entry, name, ('network',))}{colon}{settings}"

    def _network(self, unit: Unit) -> Options:
        known: dict[str, Adding] = {
            "DNS": adding("dns", lambda one: [one.value]),
            "DisableDNS": replacing("disable_dns", flag),
            "Driver": replacing("driver", text),
            "Gateway": adding("gateways", lambda one: [one.value]),
            "IPAMDriver": replacing("ipam_driver", text),
            "IPRange": adding("ranges", lambda one: [one.value]),
            "IPv6": replacing("ipv6", flag),
            "InterfaceName": replacing("interface_name", text),
            "Internal": replacing("internal", flag),
            "Label": updating("labels"),
            "Options": network_options,
            "Subnet": adding("subnets", lambda one: [one.value]),
        }
        options = self._entries(unit, known)
        subnets, gateways, ranges = (options.pop(key, []) for key in ("subnets", "gateways", "ranges"))
        if len(gateways) > len(subnets) or len(ranges) > len(subnets):
            raise MalformedData(
                f"{unit.path}: [Network] Gateway and IPRange are of a Subnet before them: give that too"
            )
        if subnets:
            options["net_config"] = [
                {"subnet": one, **at(gateways, number, "gateway"), **at(ranges, number, "ip_range")}
                for number, one in enumerate(subnets)
            ]
        labels = {**options.pop("labels", {}), **self._own}
        return {"name": self._name(unit), **options, "labels": labels}

    def _volume(self, unit: Unit) -> Options:
        known: dict[str, Adding] = {
            "Device": adding("options", lambda one: [f"device={one.value}"]),
            "Driver": replacing("driver", text),
            "Label": updating("label"),
            "Options": adding("options", lambda one: [f"o={one.value}"]),
            "Type": adding("options", lambda one: [f"type={one.value}"]),
        }
        options = self._entries(unit, known)
        return {"name": self._name(unit), **options, "label": {**options.get("label", {}), **self._own}}

    def _pulling(self, unit: Unit) -> None:
        """Check an image's unit: the containers that name it pull it, so that it needs no task of its own."""
        self._entries(unit, {"Image": lambda _one, _options: None})
        if not unit.value("Image", "Image"):
            raise MalformedData(f"{unit.path}: [Image] Image is missing")

    def _build(self, unit: Unit) -> Options:
        known: dict[str, Adding] = {
            "Annotation": updating("annotation"),
            "Environment": updating("args"),
            "BuildArg": updating("args"),
            "File": replacing("file", lambda one: self._path(unit, one.value)),
            "Label": updating("labels"),
            "SetWorkingDirectory": replacing("path", lambda one: self._context(unit, one)),
            "Target": replacing("target", text),
        }
        options = self._entries(unit, known)
        path = options.pop("path", os.path.dirname(options.get("file", unit.path)))
        return {"name": self._name(unit), "state": "build", "path": path, "tags": [], "build": options}

    def _context(self, unit: Unit, entry: Entry) -> str:
        if entry.value == "unit":
            return os.path.dirname(unit.path)
        if entry.value == "file":
            return os.path.dirname(self._path(unit, unit.value("Build", "File")))
        return self._path(unit, entry.value)
