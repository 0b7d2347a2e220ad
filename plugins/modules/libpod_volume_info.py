#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_volume_info
short_description: Gather information about volumes
version_added: 0.1.0
description:
  - Returns volumes in the shape of C(podman volume inspect), and which containers name them, without starting a program.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
  - libpod.engine.attributes.info
options:
  name:
    description:
      - Name of the volume. All volumes where omitted. One that does not exist gives an empty list.
      - C(podman_volume_info) has it.
    type: str
  executable:
    description:
      - There is no podman program.
      - C(podman_volume_info) has it; it has no effect here.
    type: str
seealso:
  - module: libpod.engine.libpod_volume
"""

EXAMPLES = r"""
- name: Gather information about all volumes
  libpod.engine.libpod_volume_info:
  register: all_volumes

- name: Gather information about one volume
  libpod.engine.libpod_volume_info:
    name: pages
  register: pages

- name: Show the volumes that no container names
  ansible.builtin.debug:
    msg: "{{ all_volumes.volumes | rejectattr('UsedBy') | map(attribute='Name') }}"
"""

RETURN = r"""
volumes:
  description: The volumes, with C(UsedBy), the containers that name each one.
  returned: success
  type: list
  elements: dict
  sample:
    - Name: pages
      Driver: local
      Mountpoint: /var/lib/libpod/volumes/pages/_data
      CreatedAt: "2026-11-28T19:30:12.103845+00:00"
      Labels: {service: web}
      Scope: local
      Options: {}
      MountCount: 0
      NeedsCopyUp: false
      UsedBy: [web]
error:
  description: Kind of the error.
  returned: failure
  type: str
  sample: StateCorrupt
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.resources.volume_info").main()


if __name__ == "__main__":
    main()
