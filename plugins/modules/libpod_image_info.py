#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_image_info
short_description: Gather information about images
version_added: 0.1.0
description:
  - Returns images of the store in the shape of C(podman image inspect), whichever engine has made them, without starting a
    program.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
  - libpod.engine.attributes.info
options:
  name:
    description:
      - Names, digests, IDs or beginnings of IDs. All images where omitted. One that does not exist is left out.
      - C(podman_image_info) has it.
    type: list
    elements: str
    aliases: [names]
  executable:
    description:
      - There is no podman program.
      - C(podman_image_info) has it; it has no effect here.
    type: str
seealso:
  - module: libpod.engine.libpod_image
"""

EXAMPLES = r"""
- name: Gather information about all images
  libpod.engine.libpod_image_info:

- name: Gather information about some images
  libpod.engine.libpod_image_info:
    name: [busybox, registry.example.com/web:1.4]
  register: found

- name: Show their sizes
  ansible.builtin.debug:
    msg: "{{ found.images | items2dict(key_name='Id', value_name='Size') }}"
"""

RETURN = r"""
images:
  description: The images in the shape of C(podman image inspect). C(Parent) is always empty.
  returned: success
  type: list
  elements: dict
  sample:
    - Id: dc603ae7840058bd2325d8aa1475af3a30894f5c190d8f2b0595b5d1785af0e1
      Digest: sha256:8653fc308c8f5cab08017137782654f2ca3ab280dc1d8b8e4ad722af19b4797d
      RepoTags: ["docker.io/library/busybox:latest"]
      RepoDigests: ["docker.io/library/busybox@sha256:8653fc308c8f5cab08017137782654f2ca3ab280dc1d8b8e4ad722af19b4797d"]
      Created: "2024-09-26T21:31:42Z"
      Config: {Cmd: [sh], Env: ["PATH=/bin"]}
      Architecture: amd64
      Os: linux
      Size: 2131451
      Labels: null
      ManifestType: application/vnd.oci.image.manifest.v1+json
error:
  description: Kind of the error.
  returned: failure
  type: str
  sample: InvalidArgument
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.images.image_info").main()


if __name__ == "__main__":
    main()
