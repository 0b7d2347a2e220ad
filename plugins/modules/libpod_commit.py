#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_commit
short_description: Make an image of a container
version_added: 0.1.0
description:
  - Makes an image of a container's root filesystem as it is, on top of the image it was made of, under a name of the local
    store.
  - What is in volumes is not part of it.
  - A container with a path of more than 3,584 bytes is refused, since the image store cannot hold such files. So is one
    with a file whose name begins with C(.wh.), which is a deletion in an image. M(libpod.engine.libpod_export) has no such
    limits.
  - Files have the container's owners in the image, also those of a container with a user namespace.
  - An image of that name which has the same layers and the same configuration is left alone.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: partial
    details: Says that the image would be made, without comparing it with the one that has the name.
  diff_mode:
    support: none
    details: An image has no text to compare.
  idempotent:
    support: full
    details: An image of the same layers and configuration is left alone.
options:
  container:
    description: Name, ID or unambiguous ID prefix of the container.
    type: str
    required: true
    aliases: [name]
  image:
    description:
      - Name of the new image, such as V(registry.example.com/web:2). Without a registry, it is one of V(localhost/).
      - An image that has the name already loses it.
    type: str
    required: true
  author:
    description: Author of the image. That of the image below where omitted.
    type: str
    default: ""
  comment:
    description: Comment in the image's history, which is the message of C(podman commit).
    type: str
    default: ""
  pause:
    description: Whether a running container is paused while its files are read.
    type: bool
    default: true
  changes:
    description:
      - Lines of a Containerfile that change the image's configuration.
      - They begin with C(CMD), C(ENTRYPOINT), C(ENV), C(EXPOSE), C(LABEL), C(STOPSIGNAL), C(USER), C(VOLUME) or C(WORKDIR).
    type: list
    elements: str
    default: []
    aliases: [change]
seealso:
  - module: libpod.engine.libpod_container
  - module: libpod.engine.libpod_export
"""

EXAMPLES = r"""
- name: Make an image of a container
  libpod.engine.libpod_commit:
    container: web
    image: localhost/web:configured

- name: Make one that runs another command
  libpod.engine.libpod_commit:
    container: web
    image: localhost/web:job
    comment: For the nightly job
    changes:
      - CMD ["/bin/sh", "-c", "exec job"]
      - ENV MODE=nightly
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [committed web to localhost/web:configured]
image_id:
  description: ID of the image, empty in check mode.
  returned: success
  type: str
  sample: 4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945
name:
  description: The image's full name.
  returned: success
  type: str
  sample: localhost/web:configured
error:
  description: Kind of the error, such as V(InvalidArgument).
  returned: failure
  type: str
  sample: InvalidArgument
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.operations.commit").main()


if __name__ == "__main__":
    main()
