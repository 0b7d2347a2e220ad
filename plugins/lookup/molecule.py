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
  scenario_directory:
    description:
      - The directory of the scenario's files, from which images are built.
    type: path
    default: ''
    env:
      - name: MOLECULE_SCENARIO_DIRECTORY
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
    builds:
      description:
        - The images to build, each for one C(container) - C(options) for M(libpod.engine.libpod_image), and C(build) among
          them, which lacks the Dockerfile. That is the template C(dockerfile), with the variable C(item) from C(platform).
      type: list
      elements: dict
    networks:
      description:
        - The networks to make, for M(libpod.engine.libpod_network) - C(name), and C(subnet) and C(gateway) where they are given.
      type: list
      elements: dict
    instance_config:
      description: How molecule reaches the platforms of C(molecule.yml).
      type: list
      elements: dict
    label:
      description: The label that all of the scenario's containers have.
      type: str
    labels:
      description: The labels that the scenario's containers and networks have.
      type: dict
    leftovers:
      description: The names of the networks that the scenario has made, also of those that create has not completed.
      type: list
      elements: str
"""

import contextlib
import os
from typing import Any, Callable, Iterator, Mapping, Optional

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ..module_utils import _engine_tree
from ..plugin_utils import _molecule_instances as molecule_instances
from ..plugin_utils._molecule_instances import Instance
from ..plugin_utils._molecule_keys import WrongPlatform
from ..plugin_utils._molecule_networks import Networks, suffix

display = Display()


class LookupModule(LookupBase):  # type: ignore[misc]  # Ansible has no types
    """Containers and networks of a molecule scenario."""

    def run(
        self, terms: list[object], variables: Optional[Mapping[str, object]] = None, **options: object
    ) -> list[object]:
        """Return the one mapping."""
        self.set_options(var_options=variables, direct=options)
        scenario = molecule_instances.scenario_id(str(self.get_option("directory")))
        platforms = [one for term in terms for one in (term if isinstance(term, (list, tuple)) else [term])]
        try:
            instances = list(_instances(platforms, variables or {}, scenario))
            return [_plan(instances, len(platforms), scenario, str(self.get_option("scenario_directory") or ""))]
        except WrongPlatform as error:
            raise AnsibleLookupError(str(error)) from None


def _instances(platforms: list[object], variables: Mapping[str, Any], scenario: str) -> Iterator[Instance]:
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


def _plan(instances: list[Instance], platforms: int, scenario: str, directory: str) -> dict[str, object]:
    config, files, arguments, errors = _engine_tree.load(
        "_model.engine_config", "_resources.networks.files", "_ansible.arguments", "_model.errors"
    )
    parts = config.EngineConfig.from_environment(os.environ)
    there = files.Files(parts)
    networks = Networks(scenario, [one.config["name"] for one in there.all])
    for one in instances:
        try:
            networks.want(one.platform)
        except WrongPlatform as error:
            raise WrongPlatform(f"platform {one.name}: {error}") from error
    spec = arguments.container_spec()
    names = {name for key, row in spec.items() for name in (key, *row.get("aliases", ()))} - set(parts._fields)
    found = molecule_instances.containers(instances, scenario, networks, names, directory)
    for text in found.warnings:
        display.warning(text)
    try:
        leftovers = _leftovers(there, files.described, scenario)
    except errors.MalformedData as error:
        raise AnsibleLookupError(str(error)) from None
    return {
        "containers": found.containers,
        "builds": found.builds,
        "networks": networks.own(),
        "instance_config": [_reached(one) for one in instances[:platforms]],
        "label": f"{molecule_instances.SCENARIO}={scenario}",
        "labels": molecule_instances.labels(scenario),
        "scenario": scenario,
        "leftovers": leftovers,
    }


def _leftovers(there: Any, described: Callable[[Any], Any], scenario: str) -> list[str]:
    """Return the names of the networks that the scenario has made, and of those that it had begun to write."""
    own, labels = suffix(scenario), molecule_instances.labels(scenario).items()
    named = [one for one in there.effective() if one.config["name"].endswith(own)]
    made = {one.config["name"] for one in named if labels <= described(one).labels.items()}
    unfinished = f"{there.form.EXTENSION}.tmp"
    with contextlib.suppress(FileNotFoundError):
        written = [one for one in os.listdir(there.folder) if one.endswith(f"{own}{unfinished}")]
        made.update(one.removesuffix(unfinished) for one in written)
    return sorted(made)


def _reached(instance: Instance) -> dict[str, str]:
    """Return what molecule's driver ``default`` reads from instance_config.yml."""
    return {"instance": instance.name, "address": instance.container, "connection": "libpod.engine.libpod"}
