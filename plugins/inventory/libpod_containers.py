# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: libpod_containers
author:
  - The libpod.engine authors (@libpod)
version_added: 0.1.0
short_description: Containers of a host as hosts of the inventory
description:
  - Reads the containers that P(libpod.engine.libpod_container#module) made on the controller or on a remote host, all in one
    go. Each becomes a host with the variables that tasks inside it need.
  - Its source is a YAML file whose name ends in C(libpod_containers.yml), C(libpod_containers.yaml), C(libpod.yml) or
    C(libpod.yaml).
  - The infra containers of pods are no hosts.
extends_documentation_fragment:
  - libpod.engine.connection.roots
  - constructed
  - inventory_cache
options:
  plugin:
    description:
      - The name of this plugin, by which it knows its sources.
    type: str
    required: true
    choices: [libpod.engine.libpod_containers]
  remote_host:
    description:
      - The host whose containers are read, as C(ssh) is given it. By default it is the controller.
      - Where an inventory source before this one has a host of this name, its variables and those of its groups are the
        connection's, such as C(ansible_host) and C(ansible_password). The options here have precedence.
    type: str
  remote_user:
    description:
      - The user who logs in to O(remote_host).
    type: str
  remote_port:
    description:
      - The port of O(remote_host)'s C(sshd).
    type: int
  private_key_file:
    description:
      - The private key for O(remote_host).
    type: path
  ssh_common_args:
    description:
      - Arguments of C(ssh) for O(remote_host), before all others.
    type: str
  ssh_extra_args:
    description:
      - Further arguments of C(ssh) for O(remote_host).
    type: str
  become:
    description:
      - Whether O(remote_user) becomes root on O(remote_host), which its containers need.
    type: bool
  become_method:
    description:
      - The become plugin for that.
    type: str
  connection_plugin:
    description:
      - The connection plugin of the hosts.
      - By default it is V(libpod.engine.libpod), or V(libpod.engine.libpod_ssh) with O(remote_host).
    type: str
  include_stopped:
    description:
      - Whether containers that neither run nor are paused become hosts as well.
    type: bool
    default: false
  name_patterns:
    description:
      - Shell patterns, one of which a container's name or ID matches. All match where omitted.
    type: list
    elements: str
    default: []
  label_selectors:
    description:
      - Labels and values that a container has, all of them.
    type: dict
    default: {}
  filters:
    description:
      - Attributes and shell patterns, under C(include) for containers that match all, and under C(exclude) for those that
        match none. Case does not count.
      - The attributes are C(name), C(id), C(image), C(status), C(pod), C(network) and C(label.NAME).
    type: dict
    default: {}
  hostname_prefix:
    description:
      - What the names of the hosts begin with, before the container's name. It keeps containers of one name on several hosts apart.
    type: str
    default: ""
  group_by_image:
    description:
      - Whether containers are in a group of their image, such as C(image_docker_io_library_web_1_4).
    type: bool
    default: true
  group_by_label:
    description:
      - Labels by whose values containers are in groups, such as C(label_role_web). V(*) stands for all.
      - An image brings labels of its own. Name labels here that no image can set against your will.
    type: list
    elements: str
    default: []
  group_by_network:
    description:
      - Whether containers are in a group of each of their networks, such as C(network_libpod).
    type: bool
    default: true
  group_by_pod:
    description:
      - Whether containers are in a group of their pod, such as C(pod_shop).
    type: bool
    default: true
  group_by_status:
    description:
      - Whether containers are in a group of their status, such as C(status_running).
    type: bool
    default: true
  verbose_output:
    description:
      - Whether hosts have the whole inspection, in the shape that M(libpod.engine.libpod_container_info) returns, as the variable
        C(libpod_inspect). Expressions of O(compose), O(groups) and O(keyed_groups) have it in any case.
      - It has no values of environment variables, and no output of health checks. Of more than 256 KiB an outline is left.
    type: bool
    default: false
requirements:
  - root on the controller, or on O(remote_host)
notes:
  - Hosts have the variables C(libpod_name), C(libpod_id), C(libpod_image), C(libpod_status), C(libpod_health), C(libpod_pod),
    C(libpod_labels), C(libpod_networks), C(libpod_addresses) and C(libpod_ports). Expressions have them also without C(libpod_),
    as with C(containers.podman.podman_containers).
  - Names, labels and whatever else a container or image brings are never templates. Characters that a group's name
    cannot have become underscores.
  - Passwords of O(remote_host) do not become variables of the containers' hosts. Set them there by C(group_vars), or use keys.
seealso:
  - plugin: libpod.engine.libpod
    plugin_type: connection
  - plugin: libpod.engine.libpod_ssh
    plugin_type: connection
  - module: libpod.engine.libpod_container_info
"""

EXAMPLES = r"""
---
# web.libpod_containers.yml: what runs on the controller
plugin: libpod.engine.libpod_containers

---
# Some of all, with groups label_role_web and so on
plugin: libpod.engine.libpod_containers
include_stopped: true
group_by_label: [role]
filters:
  include:
    image: docker.io/library/*
  exclude:
    name: "*-test"

---
# Those of a remote host, of which an administrator may become root
plugin: libpod.engine.libpod_containers
remote_host: server1.example.com
remote_user: admin
private_key_file: ~/.ssh/id_ed25519
become: true
hostname_prefix: server1-

---
# Variables and groups by expressions
plugin: libpod.engine.libpod_containers
strict: true
compose:
  ansible_libpod_user: labels['login'] | default('root')
  memory: libpod_inspect.HostConfig.Memory
groups:
  busy: libpod_inspect.RestartCount > 3
keyed_groups:
  - key: labels['com.example.tier'] | default('none')
    prefix: tier
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/libpod-inventory
"""

import hashlib
import json
import os
from typing import Mapping

from ansible import constants
from ansible.errors import AnsibleParserError
from ansible.inventory.helpers import get_group_vars
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var
from ansible.utils.vars import combine_vars

from ..module_utils import _engine_tree
from ..plugin_utils import _inventory_connection as inventory_connection
from ..plugin_utils import _inventory_hosts as inventory_hosts
from ..plugin_utils import _remote_engine as remote_engine
from ..plugin_utils._parts import parts

_ENDINGS = tuple(f"{name}.{kind}" for name in ("libpod_containers", "libpod") for kind in ("yml", "yaml"))
_KINDS = ("image", "network", "pod", "status")


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):  # type: ignore[misc]  # Ansible has no types
    """A host's containers as hosts."""

    NAME = "libpod.engine.libpod_containers"

    def verify_file(self, path: str) -> bool:
        """Return whether the source's name is one of this plugin's."""
        return bool(super().verify_file(path)) and path.endswith(_ENDINGS)

    def parse(self, inventory: object, loader: object, path: str, cache: bool = True) -> None:
        """Add the hosts of a source."""
        super().parse(inventory, loader, path, cache)
        given = self._read_config_data(path)
        try:
            # containers.podman's plugin has the path of podman, which is not needed here.
            inventory_hosts.check_options(given.keys() - {"executable"}, self.option_definitions)
            selection = inventory_hosts.Selection(
                self.get_option("name_patterns"),
                self.get_option("label_selectors"),
                self.get_option("filters"),
                stopped=self.get_option("include_stopped"),
            )
            remote = self._remote_variables()
            for inspected in self._inspections(path, remote, cache):
                self._add(inspected, selection, remote)
        except (inventory_hosts.Unusable, remote_engine.RemoteFailure) as error:
            raise AnsibleParserError(f"{self.NAME}: {error}") from error

    def _remote_variables(self) -> dict[str, object]:
        """Return the variables of the connection to the remote host; empty for the controller."""
        name = self.get_option("remote_host")
        if not name:
            return {}
        known = self.inventory.get_host(name) if name in self.inventory.hosts else None
        found: dict[str, object] = combine_vars(get_group_vars(known.get_groups()), known.get_vars()) if known else {}
        self.templar.available_variables = found
        found = {key: self.templar.template(value) for key, value in found.items() if key.startswith("ansible_")}
        return inventory_connection.to_host(name, found, self.get_option)

    # Reading

    def _inspections(self, path: str, remote: Mapping[str, object], cache: bool) -> list[object]:
        """Return all containers' inspections, from the cache where there is one that may be used."""
        if not self.get_option("cache"):
            return self._read(remote)
        key = self._cache_key(path, remote)
        if cache:
            try:
                return list(self._cache[key])
            except (KeyError, TypeError):
                pass  # it is missing or has expired
        found = self._read(remote)
        self._cache[key] = found
        return found

    def _cache_key(self, path: str, remote: Mapping[str, object]) -> str:
        """Return the key of what a source reads; options that select or name hosts make no difference to that."""
        where = [
            self.get_option("remote_host"),
            remote.get("ansible_host"),
            str(remote.get("ansible_port")),
            self._parts(),
        ]
        return f"{self.get_cache_key(path)}_{hashlib.sha256(json.dumps(where).encode()).hexdigest()[:16]}"

    def _parts(self) -> dict[str, str]:
        """Return the roots and parts that are not the engine's defaults."""
        (config,) = _engine_tree.load("_model.engine_config")
        defaults = config.EngineConfig()._asdict()
        return {name: value for name, value in parts(self.get_option).items() if value != defaults[name]}

    def _read(self, remote: Mapping[str, object]) -> list[object]:
        if remote:
            read = remote_engine.inventory(self.get_option("remote_host"), remote, self._parts())
        else:
            read = self._read_here()
        for warning in read["warnings"]:
            self.display.warning(f"{self.NAME}: {_printable(warning)}")
        return list(read["containers"])

    def _read_here(self) -> dict[str, object]:
        """Return the containers of the controller, by the engine of this collection in this process."""
        if os.geteuid() != 0:
            raise AnsibleParserError(
                f"{self.NAME}: reading the containers of the controller needs root: run Ansible as root, or name the "
                "controller in remote_host, with become: true"
            )
        listing, errors, config = _engine_tree.load("_runtime.inventory", "_model.errors", "_model.engine_config")
        try:
            containers = list(listing.listed(config.EngineConfig(**self._parts())))
        except (errors.LibpodError, OSError) as error:
            raise AnsibleParserError(f"{self.NAME}: {errors.sentence(error)}") from error
        return {"containers": containers, "warnings": errors.take_warnings()}

    # Hosts

    def _add(self, inspected: object, selection: inventory_hosts.Selection, remote: Mapping[str, object]) -> None:
        """Add a container as a host, unless it is not selected or cannot be one."""
        try:
            found = inventory_hosts.facts(inspected)
        except inventory_hosts.Unusable as error:
            self.display.warning(f"{self.NAME}: a container is left out: {_printable(str(error))}")
            return
        if not selection.has(found):
            return
        host = f"{self.get_option('hostname_prefix')}{found['name']}"
        if problem := self._problem(host, found["id"]):
            self.display.warning(f"{self.NAME}: container {found['name']} is left out: {problem}: set hostname_prefix")
            return
        self.inventory.add_host(host)
        variables = {inventory_hosts.PREFIX + key: wrap_var(value) for key, value in found.items()}
        inspection = {f"{inventory_hosts.PREFIX}inspect": wrap_var(inspected)}
        shown = {**variables, **(inspection if self.get_option("verbose_output") else {})}
        plugin = self.get_option("connection_plugin")
        connection = inventory_connection.to_container(wrap_var(found["name"]), remote, plugin, self._parts())
        for key, value in {**connection, **shown}.items():
            self.inventory.set_variable(host, key, value)
        self._group(host, found)
        self._construct(host, {**wrap_var(found), **variables, **inspection})

    def _problem(self, host: str, container_id: str) -> str:
        """Return why a host of this name cannot stand for the container; empty where it can."""
        if host in constants.LOCALHOST:
            return f"{host} is the controller"
        if host == self.get_option("remote_host"):
            return f"{host} is the container's own host"
        if host in self.inventory.groups:
            return f"{host} is a group of the inventory"
        known = self.inventory.get_host(host) if host in self.inventory.hosts else None
        if known and known.get_vars().get(f"{inventory_hosts.PREFIX}id", container_id) != container_id:
            return f"another source has a container as the host {host}"
        return ""

    def _group(self, host: str, found: Mapping[str, object]) -> None:
        by = {kind: self.get_option(f"group_by_{kind}") for kind in _KINDS}
        for name in inventory_hosts.groups(found, by, self.get_option("group_by_label")):
            group = self._sanitize_group_name(name)
            if group not in self.inventory.hosts:  # a container may have the name of another one's group
                self.inventory.add_child(self.inventory.add_group(group), host)

    def _construct(self, host: str, variables: dict[str, object]) -> None:
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, host, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict=strict)

    def _compose(self, *args: object, **kwargs: object) -> object:
        """Return the value of an expression; what is made of a container's text is no template either."""
        return wrap_var(super()._compose(*args, **kwargs))


def _printable(text: str) -> str:
    (errors,) = _engine_tree.load("_model.errors")
    return str(errors.printable(text))
