#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_export
short_description: Write a container's root filesystem or a volume to a tar file
version_added: 0.1.0
description:
  - Writes the root filesystem of a container, whatever its status, to a tar file on the target, without what is in volumes.
  - An unchanged root filesystem gives the same file again, which is then left alone.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: partial
    details: Says that a file would be written where there is none or O(force) is set, without comparing it.
  diff_mode:
    support: none
    details: A tar file has no text to compare.
  idempotent:
    support: full
    details: A file of the same content is left alone.
options:
  container:
    description:
      - Name, ID or unambiguous ID prefix of the container. Either it or O(volume) is given.
      - C(podman_export) has it.
    type: str
  volume:
    description:
      - Name of a volume, the content of which is written.
      - C(podman_export) has it.
    type: str
  executable:
    description:
      - There is no podman program.
      - C(podman_export) has it; it has no effect here.
    type: str
  dest:
    description:
      - The file, which only root can read. Its directory must exist.
      - C(podman_export) has it.
    type: path
    required: true
  force:
    description:
      - Whether a file that is there is replaced where it differs.
      - C(podman_export) has it.
    type: bool
    default: true
seealso:
  - module: libpod.engine.libpod_container
  - module: libpod.engine.libpod_commit
  - module: libpod.engine.libpod_container_copy
"""

EXAMPLES = r"""
- name: Export a container
  libpod.engine.libpod_export:
    container: web
    dest: /srv/web.tar

- name: Export what is in a volume
  libpod.engine.libpod_export:
    volume: db
    dest: /srv/db.tar

- name: Export a container once, and leave the file alone from then on
  libpod.engine.libpod_export:
    container: web
    dest: /srv/web-first.tar
    force: false
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [exported web]
dest:
  description: Path of the file.
  returned: success
  type: str
  sample: /srv/web.tar
error:
  description: Kind of the error, such as V(InvalidArgument).
  returned: failure
  type: str
  sample: InvalidArgument
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.operations.export").main()


if __name__ == "__main__":
    main()
