#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_container_copy
short_description: Copy files into a container or out of it
version_added: 0.1.0
description:
  - Copies a file or a directory from the target's own file system into a container, or the other way round, whatever the
    container's status, also into volumes. A container that does not run has no tmpfs to copy into.
  - Only what differs is copied. Content, kind, mode, owner and the target of a link are compared, times are not.
  - Links in the container's root filesystem are followed as the container would, and never lead out of it.
  - Devices, FIFOs and sockets are left out.
  - A directory can be of any depth and size. A directory that contains O(dest) cannot be copied.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: full
    details: Says exactly what would be copied; of a container that is not there, that it would be changed, with a warning.
  diff_mode:
    support: none
    details: Files can be large and secret, so their difference is not shown.
  idempotent:
    support: full
    details: Copies only what differs.
options:
  src:
    description:
      - The file or directory. V(/.) at its end means what is in the directory, and not the directory itself.
      - A link is followed. It is on the target, or with O(from_container=true) in the container.
      - C(podman_container_copy) has it.
    type: str
    required: true
  dest:
    description:
      - The destination. Into an existing directory it is copied under its own name. Any other path is its new name, in a
        directory that must exist.
      - V(/) at its end says that it must be a directory.
      - So the second copy of a directory goes into the first one, as with C(podman cp). End O(src) with V(/.), and the
        second task changes nothing.
      - C(podman_container_copy) has it.
    type: str
    required: true
  container:
    description:
      - Name, ID or unambiguous ID prefix of the container.
      - C(podman_container_copy) has it.
    type: str
    required: true
  from_container:
    description:
      - Whether to copy from the container to the target.
      - C(podman_container_copy) has it.
    type: bool
    default: false
  archive:
    description:
      - Whether what is copied is given to the container's primary user and group, or with O(from_container=true) to root.
      - Otherwise owners keep their IDs.
      - C(podman_container_copy) has it.
    type: bool
    default: true
  overwrite:
    description:
      - Whether a directory may be replaced by something that is none, and the other way round.
      - C(podman_container_copy) has it.
    type: bool
    default: false
  executable:
    description:
      - There is no podman program.
      - C(podman_container_copy) has it; it has no effect here.
    type: str
seealso:
  - module: libpod.engine.libpod_container
  - module: libpod.engine.libpod_container_exec
  - module: libpod.engine.libpod_export
"""

EXAMPLES = r"""
- name: Copy a file into a container
  libpod.engine.libpod_container_copy:
    src: /etc/hostname
    dest: /tmp/
    container: web

- name: Copy what is in a directory of a container to the target
  libpod.engine.libpod_container_copy:
    src: /www/.
    dest: /srv
    container: web
    from_container: true
"""

RETURN = r"""
copied:
  description:
    - Paths that differed, below O(dest).
    - What lies too deep for a path of 4,095 bytes is listed as the deepest directory that such a path reaches.
  returned: success
  type: list
  elements: str
  sample: [/tmp/hostname]
error:
  description: Kind of the error, such as V(InvalidArgument).
  returned: failure
  type: str
  sample: InvalidArgument
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.operations.copy").main()


if __name__ == "__main__":
    main()
