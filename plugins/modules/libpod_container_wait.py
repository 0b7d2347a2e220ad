#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_container_wait
short_description: Wait for a container to end, to be healthy, to boot, or to go
version_added: 0.1.0
description:
  - Waits until one of some conditions is true of a container, and fails where none is within a time.
  - Waiting for health, it checks the container itself from second to second, so that a success is known at once.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
  - libpod.engine.attributes.info
attributes:
  check_mode:
    support: full
    details: Does not wait, but returns what is known now; of a container that is not there, the status V(removed), with a warning.
options:
  name:
    description: Name, ID or unambiguous ID prefix of the container.
    type: str
    required: true
    aliases: [container]
  condition:
    description:
      - What to wait for. Of several conditions one is enough.
      - V(stopped) is true of every container without a process, V(exited) of one that has run since the last boot, V(removed)
        where there is none of that name.
      - V(healthy) and V(unhealthy) are what the container's health check finds.
      - V(booted) is true once the systemd in a container has booted without a failed unit, V(degraded) of one that has booted
        with failed units. Waiting for V(booted) and not for V(degraded), the module fails there, and names these units.
    type: list
    elements: str
    choices: [configured, created, running, paused, exited, stopped, healthy, unhealthy, booted, degraded, removed]
    default: [stopped]
    aliases: [conditions]
  timeout:
    description: Longest wait, in seconds or with units such as V(1m30s). V(0) is without limit.
    type: str
    default: "300"
seealso:
  - module: libpod.engine.libpod_container
  - module: libpod.engine.libpod_container_info
"""

EXAMPLES = r"""
- name: Wait until a job has ended
  libpod.engine.libpod_container_wait:
    name: job
    timeout: 60
  register: job

- name: Wait until the server is healthy, or has ended
  libpod.engine.libpod_container_wait:
    name: web
    condition: [healthy, exited]

- name: Wait until the system in a container has booted
  libpod.engine.libpod_container_wait:
    name: instance
    condition: booted
    timeout: 2m
"""

RETURN = r"""
condition:
  description: The condition that is true, empty where none is yet in check mode.
  returned: success
  type: str
  sample: stopped
status:
  description: Status of the container, V(removed) where it is gone.
  returned: success
  type: str
  sample: exited
health:
  description: Health of a running container that has a health check, else empty.
  returned: success
  type: str
  sample: healthy
system:
  description: State of the systemd in the container as C(systemctl is-system-running) prints it, where a condition is V(booted) or
    V(degraded), else empty.
  returned: success
  type: str
  sample: running
exit_code:
  description: Exit code of the last run, none where it has not ended.
  returned: success
  type: int
  sample: 0
error:
  description: Kind of the error, such as V(InvalidState) where the time is over.
  returned: failure
  type: str
  sample: InvalidState
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.operations.wait").main()


if __name__ == "__main__":
    main()
