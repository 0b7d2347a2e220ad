#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_secret_info
short_description: Gather information about secrets
version_added: 0.1.0
description:
  - Returns secrets in the shape of C(podman secret inspect), without their content. Files that a user wrote below
    C(secrets) under O(static_root) are secrets too.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
  - libpod.engine.attributes.info
options:
  name:
    description:
      - Name of the secret. All secrets where omitted. One that does not exist gives an empty list.
      - C(podman_secret_info) has it.
    type: str
  showsecret:
    description:
      - No result has a secret's content. A warning says so.
      - C(podman_secret_info) has it; it has no effect here.
    type: bool
    default: false
  executable:
    description:
      - There is no podman program.
      - C(podman_secret_info) has it; it has no effect here.
    type: str
seealso:
  - module: libpod.engine.libpod_secret
"""

EXAMPLES = r"""
- name: Gather information about all secrets
  libpod.engine.libpod_secret_info:

- name: Gather information about one secret
  libpod.engine.libpod_secret_info:
    name: api-key
  register: key
"""

RETURN = r"""
secrets:
  description: The secrets in the shape of C(podman secret inspect), sorted by name.
  returned: success
  type: list
  elements: dict
  sample:
    - ID: 8d2f0c5be2f14f1a9c1b0e7d4
      CreatedAt: "2026-11-28T20:02:11.250118+00:00"
      UpdatedAt: "2026-11-28T20:02:11.250118+00:00"
      Spec:
        Name: api-key
        Driver: {Name: file, Options: {path: /var/lib/libpod/secrets}}
        Labels: {owner: shop}
error:
  description: Kind of the error.
  returned: failure
  type: str
  sample: InvalidArgument
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.resources.secret_info").main()


if __name__ == "__main__":
    main()
