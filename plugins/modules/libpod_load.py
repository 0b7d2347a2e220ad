#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_load
short_description: Load images from an archive into the store
version_added: 0.1.0
description:
  - Has the store have every image of an archive, as C(docker save), C(podman save), C(skopeo) or M(libpod.engine.libpod_save)
    write it. Both formats, docker-archive and oci-archive, are recognised, with one or several images, also compressed by
    gzip, bzip2 or xz.
  - Each image has the names that the archive gives it; another image of the store loses them. A name without a registry is one
    of V(docker.io) in a docker-archive and one of V(localhost) in an oci-archive, as for C(podman load).
  - An archive need not be trusted. Of an oci-archive only blobs are unpacked, below O(static_root), and an image's ID is
    computed from its content. O(tool_timeouts) has V(image_archive) for the time that its reading may take.
  - The host's C(policy.json) is not asked, as what is loaded was chosen by its path.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: full
    details: Reads the archive, and says which images the store lacks.
  diff_mode:
    support: none
    details: An image has no text to compare.
  idempotent:
    support: full
    details: An archive, all images of which are in the store under their names, is only read.
options:
  input:
    description:
      - Path of the archive on the target.
      - C(podman_load) has it.
    type: path
    required: true
    aliases: [path]
  executable:
    description:
      - There is no podman program.
      - C(podman_load) has it; it has no effect here.
    type: str
seealso:
  - module: libpod.engine.libpod_save
  - module: libpod.engine.libpod_import
"""

EXAMPLES = r"""
- name: Load the images of an archive
  libpod.engine.libpod_load:
    input: /srv/web.tar

- name: Load several images
  libpod.engine.libpod_load:
    input: /srv/images.tar
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [loaded image localhost/web:1]
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
    load("_ansible.images.load").main()


if __name__ == "__main__":
    main()
