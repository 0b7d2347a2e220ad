#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_container_info
short_description: Gather information about containers
version_added: 0.1.0
description:
  - Returns containers in the shape of C(podman inspect), as they are now, without starting a program and without waiting
    for one that is being changed.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
  - libpod.engine.attributes.info
options:
  name:
    description:
      - Names, IDs or ID prefixes of the containers. All of them where omitted.
      - One that does not exist is left out of the result.
      - One that a newer version of this collection made is shown as far as this version reads its record, with a warning.
      - C(podman_container_info) has it.
    type: list
    elements: str
    aliases: [names]
  size:
    description:
      - Whether to add C(SizeRw) and C(SizeRootFs), the bytes of the container's own layer and of all its layers.
      - C(podman_container_info) does not have it.
    type: bool
    default: false
  stats:
    description:
      - Whether to add C(Stats), the live figures of memory, CPU, processes, input and output, and of the network links.
        Those need the Python library pyroute2 on the target, which the role installs. It is null for a container that does
        not run.
      - C(podman_container_info) does not have it.
    type: bool
    default: false
  env_values:
    description:
      - Whether C(Config.Env) has the values of the environment variables. Otherwise it is V(NAME=(hidden\)) for each, since a
        controller may store results.
      - C(podman_container_info) does not have it.
    type: bool
    default: false
  query:
    description:
      - JMESPath expression that is evaluated over the list.
      - It needs the Python library jmespath on the target, which P(libpod.engine.libpod_host#role) installs.
      - C(podman_container_info) does not have it.
    type: str
  executable:
    description:
      - There is no podman program.
      - C(podman_container_info) has it; it has no effect here.
    type: str
seealso:
  - module: libpod.engine.libpod_container
"""

EXAMPLES = r"""
- name: Gather information about all containers
  libpod.engine.libpod_container_info:

- name: Gather information about one container and its live figures
  libpod.engine.libpod_container_info:
    name: web
    stats: true
  register: web

- name: List the names and addresses of the containers that run
  libpod.engine.libpod_container_info:
    query: "[?State.Running].{name: Name, address: NetworkSettings.IPAddress}"
  register: running
"""

RETURN = r"""
containers:
  description:
    - The containers in the shape of C(podman inspect), or the result of O(query) over their list.
    - C(State.Status) is podman's term, C(created) for a container that was never started and C(initialized) for one that
      waits for its start. C(State.ModelStatus) is the term of M(libpod.engine.libpod_container_wait) and of plans,
      C(configured) and C(created) for these two.
    - C(Config.CreateCommand) and C(ExecIDs) are empty, for there is no podman command, and commands in a container leave no session.
      C(GraphDriver.Data) has C(MergedDir) alone.
  returned: success
  type: list
  elements: raw
  sample:
    - Name: web
      State: {Status: running, Running: true, Pid: 4711, ExitCode: 0}
      NetworkSettings: {IPAddress: 10.89.0.2, Ports: {80/tcp: [{HostIp: "", HostPort: "8080"}]}}
error:
  description: Kind of the error, such as V(InvalidArgument).
  returned: failure
  type: str
  sample: InvalidArgument
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.operations.info").main()


if __name__ == "__main__":
    main()
