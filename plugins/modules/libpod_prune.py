#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_prune
short_description: Remove containers, networks, images and volumes that nothing uses
version_added: 0.1.0
description:
  - Removes containers that have ended, images without a name, and volumes that no container names.
  - Containers and volumes are those under the given roots. Images are those of the whole store, and stay where any engine's
    container uses them.
  - With O(container) or O(system), archives of the engine's earlier versions under the static root, which no process and no
    container's monitor uses, are removed as well.
  - What a newer version of this collection made stays, with the volumes and images that its records name. While there is
    such a container, no archive of the engine is removed.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: full
    details: Says what would be removed, without what becomes unused by that.
  diff_mode:
    support: none
    details: What is removed is listed in RV(actions).
  idempotent:
    support: full
    details: What a run has removed is no longer there.
options:
  container:
    description:
      - Whether to remove containers that have ended. One that others depend on stays until they are removed.
      - One that was never started, or not since the last boot, stays, and so does one that its restart policy is about to
        start again.
      - What interrupted or incomplete removals have left is removed too, and the containers in which killed builds of
        M(libpod.engine.libpod_image) worked.
      - So are rules of the nat tables for this engine's containers that no longer exist. Rules of a container that no
        engine on the host is known to have stay, and a warning names them.
      - C(podman_prune) has it.
    type: bool
    default: false
  container_filters:
    description:
      - Leaves out containers that do not match.
      - C(until) - made before this time or duration ago, such as V(24h). C(label) - has the label V(NAME) or V(NAME=VALUE),
        or all of a list of them.
      - C(podman_prune) has it.
    type: dict
  image:
    description:
      - Whether to remove images that no container uses and that have no name. Those that an image which stays was made of,
        such as those of the steps of a build, stay too.
      - C(podman_prune) has it.
    type: bool
    default: false
  image_filters:
    description:
      - Leaves out images that do not match C(until) and C(label), as in O(container_filters).
      - C(dangling) or C(dangling_only) set to V(false) removes those with a name as well. C(external) has no effect.
      - C(podman_prune) has it.
    type: dict
  network:
    description:
      - Whether to remove networks that no container names, and that this engine or podman made.
      - The default network stays, and so does a file that a user wrote. Networks that podman made stay while the store has
        containers of other engines, of which is not known what networks they name.
      - C(podman_prune) has it.
    type: bool
    default: false
  network_filters:
    description:
      - Leaves out networks that do not match C(until) and C(label), as in O(container_filters).
      - C(podman_prune) has it.
    type: dict
  executable:
    description:
      - There is no podman program.
      - C(podman_prune) has it; it has no effect here.
    type: str
  volume:
    description:
      - Whether to remove named volumes that no container names, and that the host does not hold mounted.
      - C(podman_prune) has it.
    type: bool
    default: false
  volume_filters:
    description:
      - Leaves out volumes that do not match C(until) and C(label), as in O(container_filters).
      - C(podman_prune) has it.
    type: dict
  system:
    description:
      - Whether to remove containers, networks and images.
      - C(podman_prune) has it.
    type: bool
    default: false
  system_all:
    description:
      - Whether O(system) removes images with a name too.
      - C(podman_prune) has it.
    type: bool
    default: false
  system_volumes:
    description:
      - Whether O(system) removes volumes too.
      - C(podman_prune) has it.
    type: bool
    default: false
seealso:
  - module: libpod.engine.libpod_container
  - module: libpod.engine.libpod_container_info
"""

EXAMPLES = r"""
- name: Remove containers that have ended and are older than a day
  libpod.engine.libpod_prune:
    container: true
    container_filters:
      until: 24h

- name: Remove everything that nothing uses
  libpod.engine.libpod_prune:
    system: true
    system_all: true
    system_volumes: true
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [deleted job]
containers:
  description: IDs of the containers that were removed.
  returned: success
  type: list
  elements: str
  sample: []
images:
  description: IDs of the images that were removed.
  returned: success
  type: list
  elements: str
  sample: []
networks:
  description: Names of the networks that were removed.
  returned: success
  type: list
  elements: str
  sample: []
volumes:
  description: Names of the volumes that were removed.
  returned: success
  type: list
  elements: str
  sample: []
error:
  description: Kind of the error, such as V(InvalidArgument).
  returned: failure
  type: str
  sample: InvalidArgument
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.prune").main()


if __name__ == "__main__":
    main()
