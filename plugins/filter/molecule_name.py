# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: molecule_name
author:
  - The libpod.engine authors (@libpod)
version_added: 0.1.0
short_description: The name of a molecule instance's container
description:
  - Returns a name that no other scenario's container has, so that scenarios with hosts of one name can run at once.
  - It is the host's name, and eight digits for the scenario's ephemeral directory. Scenarios with C(shared_state) share that.
positional: directory
options:
  _input:
    description: The name of a host of the inventory.
    type: str
    required: true
  directory:
    description:
      - The scenario's ephemeral directory.
      - That of the environment variable C(MOLECULE_EPHEMERAL_DIRECTORY), which molecule sets, where omitted.
    type: str
"""

EXAMPLES = r"""
- name: Have a container in the inventory as molecule's create named it
  ansible.builtin.add_host:
    name: web
    ansible_connection: libpod.engine.libpod
    ansible_host: "{{ 'web' | libpod.engine.molecule_name('/tmp/scenario') }}"
"""

RETURN = r"""
_value:
  description: The container's name.
  type: str
  sample: web-1f0c9d3a
"""

import os
from typing import Callable

from ansible.errors import AnsibleFilterError

from ..plugin_utils._molecule_instances import container_name, scenario_id


def molecule_name(host: str, directory: str = "") -> str:
    """Return the name of the container of a host of the inventory."""
    directory = directory or os.environ.get("MOLECULE_EPHEMERAL_DIRECTORY", "")
    if not directory:
        raise AnsibleFilterError(
            "molecule_name: MOLECULE_EPHEMERAL_DIRECTORY is not set: run the playbook by molecule, or give the directory"
        )
    return container_name(str(host), scenario_id(directory))


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """Return it by its name."""
        return {"molecule_name": molecule_name}
