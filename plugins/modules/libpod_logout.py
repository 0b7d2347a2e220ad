#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_logout
short_description: Log out of a container registry
version_added: 0.1.0
description:
  - Removes the login to a registry, or all logins, from a file that M(libpod.engine.libpod_login) or C(podman login) has written.
  - Credential helpers that the file or registries.conf(5) names forget their logins too. The file goes on naming its helpers.
  - Logins in other files stay, such as those of docker. A warning says so where pulls from the registry still have one.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: full
    details: Says what would be logged out of.
  diff_mode:
    support: full
    details: Shows what is logged out of.
  idempotent:
    support: full
    details: What is not logged in to is no error.
options:
  registry:
    description:
      - Registry, or repository or namespace of one, that was logged in to.
      - Where omitted, the first of C(unqualified-search-registries) of the target's registries.conf(5).
      - C(podman_logout) has it.
    type: str
  authfile:
    description:
      - File on the target that has the login, in the format of containers-auth.json(5).
      - Where omitted, it is the file of the environment variable E(REGISTRY_AUTH_FILE), then C(containers/auth.json) in
        E(XDG_RUNTIME_DIR), if that directory exists, or else C(/run/containers/0/auth.json).
      - C(podman_logout) has it.
    type: path
  all:
    description:
      - Whether to log out of all registries. Not together with O(registry).
      - C(podman_logout) has it.
    type: bool
  executable:
    description:
      - There is no podman program.
      - C(podman_logout) has it; it has no effect here.
    type: str
seealso:
  - module: libpod.engine.libpod_login
  - module: libpod.engine.libpod_login_info
"""

EXAMPLES = r"""
- name: Log out of a registry
  libpod.engine.libpod_logout:
    registry: registry.example.com

- name: Log out of all registries
  libpod.engine.libpod_logout:
    authfile: /etc/containers/auth.json
    all: true
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [logged out of registry.example.com]
registries:
  description: What was logged out of.
  returned: success
  type: list
  elements: str
  sample: [registry.example.com]
authfile:
  description: The file that was looked at.
  returned: success
  type: str
  sample: /run/containers/0/auth.json
error:
  description: Kind of the error, such as V(MalformedData).
  returned: failure
  type: str
  sample: MalformedData
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.resources.logout").main()


if __name__ == "__main__":
    main()
