# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: molecule
author:
  - The libpod.engine authors (@libpod)
version_added: 0.1.0
short_description: What a molecule scenario needs of the engine
description:
  - Reads the scenario's instances, and returns the containers and networks that they need, and what the scenario has made.
  - The collection's playbooks C(libpod.engine.molecule_create) and C(libpod.engine.molecule_destroy) act on it.
  - Instances are the hosts of the inventory that have the variable C(molecule_platform), a mapping, and the platforms of
    C(molecule.yml). Both have the keys of molecule-plugins' podman and docker drivers, or options of
    P(libpod.engine.libpod_container#module). An unknown key is refused by name.
  - C(molecule_platform_defaults), a mapping, has keys for all instances, such as in C(group_vars).
  - The container of an inventory host has the name C(ansible_host), and the host's own where that is not set.
  - Roots and parts of the engine are read from the environment, as C(LIBPOD_STATIC_ROOT).
options:
  _terms:
    description:
      - The platforms of C(molecule.yml).
    type: list
    elements: dict
    default: []
  directory:
    description:
      - The scenario's ephemeral directory, which distinguishes its containers and networks from other scenarios'.
    type: path
    required: true
    env:
      - name: MOLECULE_EPHEMERAL_DIRECTORY
"""

EXAMPLES = r"""
- name: Show the names of this scenario's containers
  ansible.builtin.debug:
    msg: "{{ lookup('libpod.engine.molecule', [], directory='/tmp/scenario').label }}"
"""

RETURN = r"""
_raw:
  description: One mapping.
  type: list
  elements: dict
  contains:
    containers:
      description: The containers, for M(libpod.engine.libpod_containers).
      type: list
      elements: dict
    networks:
      description: CNI files to write, as C(path) and C(content).
      type: list
      elements: dict
    instance_config:
      description: How molecule reaches the platforms of C(molecule.yml).
      type: list
      elements: dict
    label:
      description: The label that all of the scenario's containers have.
      type: str
    leftovers:
      description: The networks that the scenario has made, with C(name), C(bridge) and the folder of their C(leases).
      type: list
      elements: dict
"""

import glob
import ipaddress
import os
import socket
import struct
from typing import Any, Iterator, Mapping, Optional

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ..module_utils import engine_tree
from ..plugin_utils import molecule_instances
from ..plugin_utils.molecule_instances import Instance
from ..plugin_utils.molecule_keys import WrongPlatform
from ..plugin_utils.molecule_networks import PREFIX, Networks

display = Display()


class LookupModule(LookupBase):  # type: ignore[misc]  # Ansible has no types
    """Containers and networks of a molecule scenario."""

    def run(self, terms: list[Any], variables: Optional[Mapping[str, Any]] = None, **options: Any) -> list[Any]:
        """Return the one mapping."""
        self.set_options(var_options=variables, direct=options)
        scenario = molecule_instances.scenario_id(str(self.get_option("directory")))
        platforms = [one for term in terms for one in (term if isinstance(term, (list, tuple)) else [term])]
        try:
            return [_plan(list(_instances(platforms, variables or {}, scenario)), len(platforms), scenario)]
        except WrongPlatform as error:
            raise AnsibleLookupError(str(error)) from None


def _instances(platforms: list[Any], variables: Mapping[str, Any], scenario: str) -> Iterator[Instance]:
    """Yield the platforms, and then the inventory's hosts that are instances."""
    names = set()
    for one in platforms:
        if not isinstance(one, Mapping) or not one.get("name"):
            raise WrongPlatform(f"platforms: {one!r} cannot be used: expected a mapping with name")
        names.add(one["name"])
        defaults = dict(variables.get("molecule_platform_defaults") or {})
        container = molecule_instances.container_name(str(one["name"]), scenario)
        yield Instance(str(one["name"]), container, {**defaults, **one})
    hosts = variables.get("hostvars") or {}
    for name in (variables.get("groups") or {}).get("all") or []:
        found = hosts[name]
        if name in names or found.get("molecule_platform") is None:
            continue
        given = found["molecule_platform"]
        if not isinstance(given, Mapping):
            raise WrongPlatform(f"host {name}: molecule_platform: expected a mapping of keys to values")
        defaults = dict(found.get("molecule_platform_defaults") or {})
        yield Instance(str(name), str(found.get("ansible_host") or name), {**defaults, **given})


def _plan(instances: list[Instance], platforms: int, scenario: str) -> dict[str, Any]:
    config, cni, arguments = engine_tree.load("_model.engine_config", "_drivers.cni.config", "_ansible.arguments")
    parts = config.EngineConfig.from_environment(os.environ)
    networks = Networks(scenario, cni.networks(parts), parts.cni_config_dir, _routes())
    for one in instances:
        try:
            networks.want(one.platform)
        except WrongPlatform as error:
            raise WrongPlatform(f"platform {one.name}: {error}") from error
    spec = arguments.container_spec()
    names = {name for key, row in spec.items() for name in (key, *row.get("aliases", ()))} - set(parts._fields)
    found = molecule_instances.containers(instances, scenario, networks, names)
    for text in found.warnings:
        display.warning(text)
    leases = "/var/lib" if parts.static_root == config.DEFAULT_STATIC_ROOT else parts.static_root
    links = {name for _number, name in socket.if_nameindex()}
    kept = [
        {**one, "leases": f"{leases}/cni/networks/{one['name']}", "link": one["bridge"] in links}
        for one in networks.leftovers()
    ]
    files = glob.glob(f"{glob.escape(parts.cni_config_dir)}/90-{PREFIX}-{scenario}-*.conflist")
    return {
        "containers": found.containers,
        "networks": networks.files(),
        "instance_config": [_reached(one) for one in instances[:platforms]],
        "label": f"{molecule_instances.SCENARIO}={scenario}",
        "scenario": scenario,
        "cni_config_dir": parts.cni_config_dir,
        "leftovers": kept,
        "files": sorted(files),
    }


def _reached(instance: Instance) -> dict[str, str]:
    """Return what molecule's driver ``default`` reads from instance_config.yml."""
    return {"instance": instance.name, "address": instance.container, "connection": "libpod.engine.libpod"}


def _routes() -> Iterator[ipaddress.IPv4Network]:
    """Yield the networks of the host's routes, which a new one must not overlap."""
    try:
        with open("/proc/net/route", encoding="ascii") as file:
            lines = [line.split() for line in file][1:]
    except OSError as error:
        raise AnsibleError(f"cannot read the host's routes: {error}") from error
    for words in lines:
        address, mask = (socket.inet_ntoa(struct.pack("=L", int(words[at], 16))) for at in (1, 7))
        if mask != "0.0.0.0":
            yield ipaddress.IPv4Network(f"{address}/{mask}", strict=False)
