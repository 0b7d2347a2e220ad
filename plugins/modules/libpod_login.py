#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_login
short_description: Log in to a container registry
version_added: 0.1.0
description:
  - Has a registry check a user's password, and stores it for pulls. The file is shared with podman, buildah and skopeo.
  - Where the same user and password are stored already, nothing changes, and the registry is not asked again unless
    O(reauthorize) is true.
  - The password is handed to C(skopeo login) through its standard input. It never stands in a command line, in a log, in a
    result or in a file that others can read. The task needs no C(no_log).
  - The file is replaced as a whole, with mode 0600 and its owner kept. What else is in it stays. Two logins at once to different
    registries both last.
  - Where C(credHelpers) of the file names a credential helper for the registry, or C(credential-helpers) of registries.conf(5) names
    one first, that helper (C(docker-credential-NAME)) stores the login. C(credsStore) is Docker's alone, and has no effect, as
    with podman.
  - The default file is one that a reboot clears, and E(XDG_RUNTIME_DIR) is cleared when root's last session ends. An O(authfile) of
    C(/root/.config/containers/auth.json) lasts, and pulls without an C(authfile) of their own find it too.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: full
    details: The registry is asked, unless a credential helper would store the login.
  diff_mode:
    support: full
    details: The password is shown as V((hidden\)).
  idempotent:
    support: full
    details: What is stored is compared, and the registry is asked again only with O(reauthorize).
options:
  registry:
    description:
      - Registry as V(HOST) or V(HOST:PORT), or a repository or namespace of one such as V(quay.io/team), for logins that hold for
        that alone. Of a URL the host is taken.
      - Where omitted, the first of C(unqualified-search-registries) of the target's registries.conf(5).
      - C(podman_login) has it.
    type: str
  username:
    description:
      - The user.
      - C(podman_login) has it.
    type: str
    required: true
  password:
    description:
      - The password, or a token in its place; one line of text.
      - C(podman_login) has it.
    type: str
    required: true
  authfile:
    description:
      - File on the target that keeps the login, in the format of containers-auth.json(5).
      - Where omitted, it is the file of the environment variable E(REGISTRY_AUTH_FILE), then C(containers/auth.json) in
        E(XDG_RUNTIME_DIR), if that directory exists, or else C(/run/containers/0/auth.json).
      - C(podman_login) has it.
    type: path
  certdir:
    description:
      - Directory on the target with the certificates of the registry, as containers-certs.d(5) has them. C(*.crt) is its
        authority's, C(NAME.cert) and C(NAME.key) are a client's. Where omitted, it is C(/etc/containers/certs.d/REGISTRY).
      - C(podman_login) has it.
    type: path
    aliases: [cert_dir]
  tlsverify:
    description:
      - Whether the registry must answer over HTTPS with a valid certificate. Where omitted, the target's registries.conf(5)
        decides.
      - C(podman_login) has it.
    type: bool
    aliases: [tls_verify]
  reauthorize:
    description:
      - Whether the registry checks a login that is stored already, and the task fails where it is no longer accepted.
      - C(podman_login) does not have it.
    type: bool
    default: false
  executable:
    description:
      - There is no podman program.
      - C(podman_login) has it; it has no effect here.
    type: str
notes:
  - A registry that does not answer meets the limit V(registry) of O(tool_timeouts).
seealso:
  - module: libpod.engine.libpod_logout
  - module: libpod.engine.libpod_login_info
  - module: libpod.engine.libpod_container
"""

EXAMPLES = r"""
- name: Log in to a registry
  libpod.engine.libpod_login:
    registry: registry.example.com
    username: deployer
    password: "{{ registry_password }}"

- name: Log in to one namespace, for more than until the next boot
  libpod.engine.libpod_login:
    registry: registry.example.com/team
    username: team-deployer
    password: "{{ registry_password }}"
    authfile: /etc/containers/auth.json
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [logged in to registry.example.com as deployer]
login:
  description: Who is logged in.
  returned: success
  type: dict
  sample: {logged_in: true, registry: registry.example.com, username: deployer}
authfile:
  description: File that has the login, or V(credential helper NAME).
  returned: success
  type: str
  sample: /run/containers/0/auth.json
error:
  description: Kind of the error, such as V(LoginRefused).
  returned: failure
  type: str
  sample: LoginRefused
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.resources.login").main()


if __name__ == "__main__":
    main()
