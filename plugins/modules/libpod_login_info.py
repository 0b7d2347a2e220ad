#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_login_info
short_description: Show who is logged in to a container registry
version_added: 0.1.0
description:
  - Returns the user whose credentials a pull from a registry would use, and where they are. The registry is not asked.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
  - libpod.engine.attributes.info
options:
  registry:
    description:
      - Registry, or repository or namespace of one, for which the login of the longest path counts.
      - C(podman_login_info) has it.
    type: str
    required: true
  authfile:
    description:
      - File on the target that is looked in first, then C(~/.config/containers/auth.json) and C(~/.docker/config.json).
      - Where omitted, it is the file of the environment variable E(REGISTRY_AUTH_FILE), then C(containers/auth.json) in
        E(XDG_RUNTIME_DIR), if that directory exists, or else C(/run/containers/0/auth.json).
      - C(podman_login_info) has it.
    type: path
  executable:
    description:
      - There is no podman program.
      - C(podman_login_info) has it; it has no effect here.
    type: str
seealso:
  - module: libpod.engine.libpod_login
  - module: libpod.engine.libpod_logout
"""

EXAMPLES = r"""
- name: See who is logged in
  libpod.engine.libpod_login_info:
    registry: registry.example.com
  register: registry

- name: See whose credentials a pull of one repository would use
  libpod.engine.libpod_login_info:
    registry: registry.example.com/team/app
    authfile: /etc/containers/auth.json
"""

RETURN = r"""
login:
  description: Who is logged in, and the file or credential helper that has the login.
  returned: success
  type: dict
  sample: {logged_in: true, registry: registry.example.com, username: deployer, place: /run/containers/0/auth.json}
error:
  description: Kind of the error, such as V(MalformedData).
  returned: failure
  type: str
  sample: MalformedData
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.resources.login_info").main()


if __name__ == "__main__":
    main()
