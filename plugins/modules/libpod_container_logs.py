#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_container_logs
short_description: Return what a container printed
version_added: 0.1.0
description:
  - Returns the lines that a container has printed, of all its runs, from the log that conmon writes.
  - Of more than 32 MiB the last lines are returned, with a warning.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
  - libpod.engine.attributes.info
attributes:
  check_mode:
    support: full
    details: Changes nothing in either mode; of a container that is not there, returns no lines, with a warning.
options:
  name:
    description: Name, ID or unambiguous ID prefix of the container.
    type: str
    required: true
  tail:
    description: Number of lines from the end. All of them where omitted.
    type: int
  since:
    description:
      - Leaves out lines from before this moment.
      - A time such as V(2026-01-31T12:00:00Z), seconds since the epoch, or a duration before now such as V(10m), V(1h30m) or V(24h).
    type: str
  until:
    description: Leaves out lines from this moment on, which is written as in O(since).
    type: str
  follow:
    description: Whether to wait for more lines, until the container ends or O(timeout) is over.
    type: bool
    default: false
  timeout:
    description: Time to wait with O(follow=true), in seconds or with units such as V(1m30s), more than V(0).
    type: str
    default: "10"
  timestamps:
    description: Whether the lines in RV(stdout) and RV(stderr) begin with their times.
    type: bool
    default: false
seealso:
  - module: libpod.engine.libpod_container
  - module: libpod.engine.libpod_container_info
"""

EXAMPLES = r"""
- name: Return the last ten lines
  libpod.engine.libpod_container_logs:
    name: web
    tail: 10

- name: Wait until a job has ended, a minute at most, and return what it printed until then
  libpod.engine.libpod_container_logs:
    name: job
    tail: 0
    follow: true
    timeout: 60
"""

RETURN = r"""
stdout:
  description: The lines of standard output.
  returned: success
  type: str
  sample: listening on port 8080
stderr:
  description: The lines of standard error.
  returned: success
  type: str
  sample: ""
log_lines:
  description: All lines in their order, each with its time and stream.
  returned: success
  type: list
  elements: dict
  sample:
    - time: "2026-01-31T12:00:00.123456789+00:00"
      stream: stdout
      text: listening on port 8080
error:
  description: Kind of the error, such as V(InvalidArgument).
  returned: failure
  type: str
  sample: InvalidArgument
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.operations.logs").main()


if __name__ == "__main__":
    main()
