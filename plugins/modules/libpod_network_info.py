#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_network_info
short_description: Gather information about networks
version_added: 0.1.0
description:
  - Returns networks under the keys of C(podman network inspect), with the containers that are on them, without starting a program.
  - A network is a CNI configuration in O(cni_config_dir), or for netavark a file in O(network_config_dir), made by this engine or
    another. A warning names files there that are none.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
  - libpod.engine.attributes.info
options:
  name:
    description:
      - Name of the network. All networks where omitted. One that does not exist gives an empty list.
      - C(podman_network_info) has it.
    type: str
  executable:
    description:
      - There is no podman program.
      - C(podman_network_info) has it; it has no effect here.
    type: str
seealso:
  - module: libpod.engine.libpod_network
"""

EXAMPLES = r"""
- name: Gather information about all networks
  libpod.engine.libpod_network_info:

- name: Gather information about one network
  libpod.engine.libpod_network_info:
    name: libpod
  register: network
"""

RETURN = r"""
networks:
  description:
    - The networks, in the order of their files, under the keys of C(podman network inspect).
    - C(containers) has the attached containers by ID, with their addresses. C(used_by) has the names of all containers that name
      the network. C(default) says whether it is the network of containers that name none, and C(managed) whether this engine or
      podman wrote its C(file).
  returned: success
  type: list
  elements: dict
  sample:
    - name: libpod
      driver: bridge
      network_interface: cni-libpod0
      subnets:
        - subnet: 10.87.0.0/16
          gateway: 10.87.0.1
      internal: false
      containers: {}
      used_by: []
      default: true
error:
  description: Kind of the error.
  returned: failure
  type: str
  sample: InvalidArgument
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.resources.network_info").main()


if __name__ == "__main__":
    main()
