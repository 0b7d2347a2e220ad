# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks, volumes, secrets and configs of a Compose file, and their names on the host."""

from __future__ import annotations

from typing import Callable

from ..._model.foreign import Foreign
from ..fields import Fields, Translate, flag, labels, scalar, to, unread
from ..stack import Options
from . import mounts
from .variables import Lookup

LABEL = "com.docker.compose"
_NETWORK_OPTS = {
    "com.docker.network.bridge.name": "interface_name",
    "com.docker.network.driver.mtu": "mtu",
    "ipvlan_mode": "mode",
    "macvlan_mode": "mode",
    "parent": "parent",
}


class Resources:
    """The top-level elements of one file that its services use, each translated at its first use."""

    def __init__(self, root: Foreign, project: str, folder: str, fields: Fields, look_up: Lookup) -> None:
        self._root = root
        self._project = project
        self._folder = folder
        self._fields = fields
        self._look_up = look_up
        self.foreign_volumes: dict[str, None] = {}  # the names of those that are external
        self._made: dict[str, dict[str, Options]] = {"networks": {}, "volumes": {}, "secrets": {}}

    def made(self, kind: str) -> tuple[Options, ...]:
        """Return the options of what services use and the project has itself."""
        return tuple(self._made[kind].values())

    def network(self, key: str, node: Foreign) -> str:
        """Return a network's name on the host; ``node`` is the field that names it."""
        return self._of("networks", key, node, self._network)

    def volume(self, key: str, node: Foreign) -> str:
        """Return a volume's name on the host."""
        return self._of("volumes", key, node, self._volume)

    def secret(self, key: str, node: Foreign) -> str:
        """Return the name on the host of a secret."""
        return self._of("secrets", key, node, lambda one: self._secret(one, "secret"))

    def config(self, key: str, node: Foreign) -> str:
        """Return the name on the host of a config, which is a secret here."""
        return self._of("configs", key, node, lambda one: self._secret(one, "config"), ".config")

    def _of(self, kind: str, key: str, node: Foreign, translate: Callable[[Foreign], Options], suffix: str = "") -> str:
        defined = self._root[kind]
        if key not in (defined.mapping() if defined else {}) and (kind, key) != ("networks", "default"):
            node.fail(f"a name that is among the file's {kind}", f'"{key}"')
        one = defined[key]
        name = one["name"].text() if one["name"] else ""
        if one["external"] and (isinstance(one["external"].value, dict) or flag(one["external"])):
            name = name or (one["external"]["name"].text(key) if isinstance(one["external"].value, dict) else key)
            if kind == "volumes":
                self.foreign_volumes[name] = None
            return name
        name = name or f"{self._project}_{key}{suffix}"
        made = self._made["secrets" if kind == "configs" else kind]
        if name not in made:
            options = translate(one)
            option = "label" if kind == "volumes" else "labels"
            own = {f"{LABEL}.project": self._project, f"{LABEL}.{kind[:-1]}": key}
            made[name] = {"name": name, **options, option: {**options.get(option, {}), **own}}
        return name

    def _network(self, node: Foreign) -> Options:
        found = self._fields.of(
            node,
            {
                "driver": to("driver", scalar),
                "driver_opts": self._network_opts,
                "enable_ipv6": to("ipv6", flag),
                "internal": to("internal", flag),
                "ipam": self._ipam,
                **_COMMON,
            },
            ("attachable", "enable_ipv4"),
        )
        if found.get("driver") == "default":
            del found["driver"]
        return found

    def _network_opts(self, node: Foreign) -> Options:
        found: Options = {"opt": {}}
        for key, one in node.items():
            option = _NETWORK_OPTS.get(key)
            if option is None:
                self._fields.refuse(one)
            elif option == "interface_name":
                found[option] = scalar(one)
            else:
                found["opt"][option] = scalar(one)
        return found

    def _ipam(self, node: Foreign) -> Options:
        known: dict[str, Translate] = {key: to(key, scalar) for key in ("subnet", "gateway", "ip_range")}
        found = self._fields.of(
            node,
            {
                "driver": to("ipam_driver", scalar),
                "config": lambda one: {"net_config": [self._fields.of(each, known) for each in one]},
            },
        )
        if found.get("ipam_driver") == "default":
            del found["ipam_driver"]
        return found

    def _volume(self, node: Foreign) -> Options:
        opts: dict[str, Translate] = {key: to(key, scalar) for key in ("type", "device", "o")}
        found = self._fields.of(
            node,
            {
                "driver": to("driver", scalar),
                "driver_opts": lambda one: {
                    "options": [f"{key}={value}" for key, value in self._fields.of(one, opts).items()]
                },
                **_COMMON,
            },
        )
        found["label"] = found.pop("labels", {})
        return found

    def _secret(self, node: Foreign, kind: str) -> Options:
        found = self._fields.of(
            node,
            {
                "content": to("data", scalar),
                "environment": to("variable", scalar),
                "file": to("path", lambda one: mounts.host_path(self._folder, scalar(one), one)),
                **_COMMON,
            },
        )
        variable = found.pop("variable", None)
        if variable is not None:
            value = self._look_up(variable)
            if not value:
                node["environment"].fail("a variable that is set")
            found["data"] = value
        if ("data" in found) == ("path" in found):
            node.fail(f"one of file, environment and content, from which the {kind} has its content")
        return found


_COMMON: dict[str, Translate] = {
    "external": unread,
    "labels": to("labels", labels),
    "name": unread,
}
