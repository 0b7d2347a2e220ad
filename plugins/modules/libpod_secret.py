#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_secret
short_description: Create, replace and remove secrets for containers
version_added: 0.1.0
description:
  - Keeps a secret as the file C(secrets/NAME) under O(static_root), owned by root with mode C(0600). Users may write such files
    themselves as well.
  - O(libpod.engine.libpod_container#module:secrets) gives it to a container, and
    O(libpod.engine.libpod_container#module:secrets_changed) says what happens to containers when it changes.
  - The content is in no result, difference, log or command line. It is on the disk of the host as it is, as with the
    C(file) driver of podman, whose own secrets are other files.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: full
    details: Predicts the run, also its refusal to remove a secret that is used.
  diff_mode:
    support: full
    details: Shows labels, and of the content only whether it changes.
  idempotent:
    support: full
    details: A secret that has the content and the labels stays as it is.
options:
  name:
    description:
      - Name of the secret.
      - C(podman_secret) has it.
    type: str
    required: true
  state:
    description:
      - V(present) - the secret has this content and these labels. A file that others than root can read is replaced.
      - V(absent) - there is no such secret. While a container uses it, it is not removed without O(force).
      - C(podman_secret) has it.
    type: str
    default: present
    choices: [present, absent]
  data:
    description:
      - The content, from 1 to 512000 bytes of UTF-8. One of O(data), O(path) and O(env) is needed with O(state=present).
      - C(podman_secret) has it.
    type: str
  path:
    description:
      - A file on the host whose bytes are the content.
      - C(podman_secret) does not have it.
    type: path
  env:
    description:
      - A variable of the module's environment whose value is the content, such as the task's C(environment) sets. Ansible
        shows that to users who can see the module's process, and prints it with C(-vvv). O(data) is shown nowhere.
      - C(podman_secret) does not have it.
    type: str
  labels:
    description:
      - Labels of the secret.
      - C(podman_secret) has it.
    type: dict
  force:
    description:
      - Whether V(absent) removes a secret that a container uses. Such a container runs on, and cannot start again.
      - With V(present) it has no effect, since what differs is replaced in any case.
      - C(podman_secret) has it.
    type: bool
    default: false
  skip_existing:
    description:
      - Whether a secret that is there stays as it is.
      - C(podman_secret) has it.
    type: bool
    default: false
  driver:
    description:
      - V(file), the only driver here.
      - C(podman_secret) has it.
    type: str
  driver_opts:
    description:
      - A warning says that it has no effect.
      - C(podman_secret) has it; it has no effect here.
    type: dict
  debug:
    description:
      - The module has no debug output.
      - C(podman_secret) has it; it has no effect here.
    type: bool
  executable:
    description:
      - There is no podman program.
      - C(podman_secret) has it; it has no effect here.
    type: str
seealso:
  - module: libpod.engine.libpod_secret_info
  - module: libpod.engine.libpod_container
"""

EXAMPLES = r"""
- name: Keep a key for containers
  libpod.engine.libpod_secret:
    name: api-key
    data: "{{ api_key | default('a key from the vault') }}"
    labels: {owner: shop}

- name: Run a container that is restarted when the key changes
  libpod.engine.libpod_container:
    name: shop
    image: docker.io/library/busybox:latest
    command: sleep infinity
    secrets: ["api-key,mode=0400"]
    secrets_changed: restart

- name: Remove the container
  libpod.engine.libpod_container:
    name: shop
    state: absent

- name: Remove the key
  libpod.engine.libpod_secret:
    name: api-key
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [replaced secret api-key]
secret:
  description: The secret in the shape of C(podman secret inspect), empty where there is none. In check mode as it is before.
  returned: success
  type: dict
  sample:
    ID: 8d2f0c5be2f14f1a9c1b0e7d4
    CreatedAt: "2026-11-28T20:02:11.250118+00:00"
    UpdatedAt: "2026-11-28T20:02:11.250118+00:00"
    Spec:
      Name: api-key
      Driver: {Name: file, Options: {path: /var/lib/libpod/secrets}}
      Labels: {owner: shop}
error:
  description: Kind of the error, such as V(DependencyExists).
  returned: failure
  type: str
  sample: DependencyExists
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.resources.secret").main()


if __name__ == "__main__":
    main()
