#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_import
short_description: Make an image of a root filesystem's tar file
version_added: 0.1.0
description:
  - Makes an image with one layer of a tar file, such as M(libpod.engine.libpod_export) writes. It may be compressed by gzip,
    bzip2 or xz.
  - The digest of the file is recorded in the image's history.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: full
    details: Reads the file, and says whether the store has the image.
  diff_mode:
    support: none
    details: An image has no text to compare.
  idempotent:
    support: full
    details: An image that was made of the same file with the same options is taken as it is.
options:
  src:
    description:
      - Path of the tar file on the target. M(ansible.builtin.get_url) gets one from a URL first.
      - C(podman_import) has it.
    type: path
    required: true
  image:
    description:
      - Name of the new image, such as V(registry.example.com/web:2). Without a registry, it is one of V(localhost/).
      - An image that has the name already loses it. Where omitted, the image has no name.
      - C(podman_import) does not have it.
    type: str
    aliases: [name, reference]
  commit_message:
    description:
      - Comment in the image's history.
      - C(podman_import) has it.
    type: str
    default: ""
  change:
    description:
      - Lines of a Containerfile that set the image's configuration.
      - They begin with C(CMD), C(ENTRYPOINT), C(ENV), C(EXPOSE), C(LABEL), C(STOPSIGNAL), C(USER), C(VOLUME) or C(WORKDIR).
      - A line may also be a mapping of such a word to its value.
      - C(podman_import) has it.
    type: list
    elements: raw
    default: []
    aliases: [changes]
  volume:
    description:
      - A volume to fill from the tar file. It is refused here, since O(libpod.engine.libpod_volume#module:src) fills one.
      - C(podman_import) has it; it has no effect here.
    type: str
  executable:
    description:
      - There is no podman program.
      - C(podman_import) has it; it has no effect here.
    type: str
seealso:
  - module: libpod.engine.libpod_export
  - module: libpod.engine.libpod_load
"""

EXAMPLES = r"""
- name: Make an image of an exported container
  libpod.engine.libpod_import:
    src: /srv/web-first.tar
    image: localhost/web:imported
    commit_message: As of the first export
    change:
      - CMD ["/bin/sh"]
      - ENV: MODE=nightly

- name: Make an image without a name, of a tar file as it is
  libpod.engine.libpod_import:
    src: /srv/web.tar
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [imported image localhost/web:imported]
image_id:
  description: ID of the image, empty where check mode predicts a new one.
  returned: success
  type: str
  sample: 4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945
name:
  description: The image's full name, empty for none.
  returned: success
  type: str
  sample: localhost/web:imported
error:
  description: Kind of the error, such as V(InvalidArgument).
  returned: failure
  type: str
  sample: InvalidArgument
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.images.import_tarball").main()


if __name__ == "__main__":
    main()
