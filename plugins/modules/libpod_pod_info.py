#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_pod_info
short_description: Gather information about pods
version_added: 0.1.0
description:
  - Returns pods in the shape of C(podman pod inspect), as they are now, without starting a program.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
  - libpod.engine.attributes.info
options:
  name:
    description:
      - Name, ID or ID prefix of the pod. All pods where omitted. One that does not exist gives an empty list.
      - C(podman_pod_info) has it.
    type: str
  executable:
    description:
      - There is no podman program.
      - C(podman_pod_info) has it; it has no effect here.
    type: str
seealso:
  - module: libpod.engine.libpod_pod
"""

EXAMPLES = r"""
- name: Gather information about all pods
  libpod.engine.libpod_pod_info:

- name: Gather information about one pod
  libpod.engine.libpod_pod_info:
    name: shop
  register: shop
"""

RETURN = r"""
pods:
  description: The pods in the shape of C(podman pod inspect).
  returned: success
  type: list
  elements: dict
  sample:
    - Name: shop
      State: Running
      NumContainers: 2
error:
  description: Kind of the error.
  returned: failure
  type: str
  sample: InvalidArgument
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.pod_info").main()


if __name__ == "__main__":
    main()
