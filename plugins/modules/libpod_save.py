#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_save
short_description: Save images of the store to an archive or a directory
version_added: 0.1.0
description:
  - Writes one or several images to one archive or directory on the target, for M(libpod.engine.libpod_load), C(podman load),
    C(docker load) or C(skopeo).
  - An archive is readable by root alone. It replaces an earlier one at once, when it is complete.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: full
    details: Reads what is there, and says whether it would be replaced.
  diff_mode:
    support: none
    details: An image has no text to compare.
  idempotent:
    support: full
    details: An archive that has the same images under the same names is left alone.
options:
  image:
    description:
      - The images, by name or ID. Those given by a name have this name in the archive.
      - C(podman_save) has it.
    type: list
    elements: str
    required: true
  dest:
    description:
      - The archive or directory. The directory that it is in must exist.
      - C(podman_save) has it.
    type: path
    required: true
    aliases: [path]
  format:
    description:
      - V(docker-archive) and V(oci-archive) are tar files, V(oci-dir) and V(docker-dir) are directories.
      - All but V(docker-dir) take several images. Only V(docker-archive) and V(docker-dir) keep a health check.
      - C(podman_save) has it.
    type: str
    default: docker-archive
    choices: [docker-archive, oci-archive, oci-dir, docker-dir]
  compress:
    description:
      - Whether the layers in a directory are compressed, which is so by default for V(oci-dir) alone.
      - V(true) is refused for an archive.
      - C(podman_save) has it.
    type: bool
  multi_image_archive:
    description:
      - Set to V(false), names after the first are further names of the first image, which the store need not have.
      - Otherwise each name is an image, as with C(podman save --multi-image-archive).
      - C(podman_save) has it.
    type: bool
  force:
    description:
      - Whether a file or directory that is there is replaced where it differs.
      - C(podman_save) has it.
    type: bool
    default: true
  executable:
    description:
      - There is no podman program.
      - C(podman_save) has it; it has no effect here.
    type: str
seealso:
  - module: libpod.engine.libpod_load
  - module: libpod.engine.libpod_export
"""

EXAMPLES = r"""
- name: Save an image
  libpod.engine.libpod_save:
    image: [registry.example.com/web:1.4]
    dest: /srv/web.tar

- name: Save several images in one archive of the OCI
  libpod.engine.libpod_save:
    image:
      - registry.example.com/web:1.4
      - docker.io/library/postgres:17
    dest: /srv/images.tar
    format: oci-archive
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [saved image registry.example.com/web:1.4]
dest:
  description: Path of the archive or directory.
  returned: success
  type: str
  sample: /srv/web.tar
images:
  description: The images of the archive, with C(Id) and C(RepoTags).
  returned: success
  type: list
  elements: dict
  sample: [{"Id": 4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945, "RepoTags": ["localhost/web:1"]}]
error:
  description: Kind of the error, such as V(InvalidArgument).
  returned: failure
  type: str
  sample: InvalidArgument
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.images.save").main()


if __name__ == "__main__":
    main()
