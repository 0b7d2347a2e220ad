#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_container_exec
short_description: Run a command in a running container
version_added: 0.1.0
description:
  - Runs a command in a running container, with the container's variables, user, limits and capabilities.
  - The task fails where the command ends with another exit code than 0. It is V(127) for a command that is not there, V(126)
    for one that cannot be run, and V(125) where the OCI runtime failed otherwise.
  - The task ends when the command does, with all that it wrote until then. Processes that it leaves running go on, and the
    task does not wait for them. As with podman, their output has no reader from then on, so that they get SIGPIPE or EPIPE
    if they write. Redirect the output of such processes, or use O(detach).
  - A task that is interrupted ends the command. One that is killed leaves it running, without a reader of its output.
  - Of standard output and of standard error 64 MiB each are kept, the beginning and the end, with a warning where there is more.
  - Variables and standard input never appear in a command line or a file.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: full
    details: Says that the command would be run, and runs nothing; of a container that is not there, with a warning.
  diff_mode:
    support: none
    details: A command has no state before and after.
  idempotent:
    support: none
    details: The command is run each time.
options:
  name:
    description:
      - Name, ID or unambiguous ID prefix of the container.
      - C(podman_container_exec) has it.
    type: str
    required: true
  command:
    description:
      - The command, split into words as a shell does it, but run without a shell.
      - Exactly one of O(command) and O(argv) is required.
      - C(podman_container_exec) has it.
    type: str
  argv:
    description:
      - The command as a list of its words.
      - C(podman_container_exec) has it.
    type: list
    elements: str
  detach:
    description:
      - Whether the command runs in the background. Its output is dropped.
      - It ends with the container at the latest.
      - C(podman_container_exec) has it.
    type: bool
    default: false
  env:
    description:
      - Variables of the command, beside the container's. Their values are hidden in results and logs.
      - C(podman_container_exec) has it.
    type: dict
  privileged:
    description:
      - Whether the command has all capabilities that the host can give.
      - C(podman_container_exec) has it.
    type: bool
    default: false
  stdin:
    description:
      - Text on the command's standard input, which is empty where this is omitted.
      - What the command does not read is dropped.
      - C(podman_container_exec) does not have it.
    type: str
  timeout:
    description:
      - Time the command may take, above V(0), in seconds such as V(90) or with units such as V(1m30s) or V(500ms); any time where
        omitted.
      - A command that takes longer is sent SIGTERM with all processes of its session, and SIGKILL where they have not ended
        after 10 seconds. Processes that made a session of their own, as daemons do, go on.
      - The task fails then with RV(rc) V(124), as timeout(1), and RV(stdout) and RV(stderr) have what was written until then.
      - It is not C(timeout) of community.docker's modules, which is the time to wait for the Docker daemon.
      - Cannot be used with O(detach=true).
      - C(podman_container_exec) does not have it.
    type: str
  tty:
    description:
      - Whether the command has a terminal. Its output and its errors are then both in RV(stdout).
      - C(podman_container_exec) has it.
    type: bool
    default: false
  user:
    description:
      - User that runs the command, by name or ID, alone or with a group (V(web), V(1000), V(web:extra), V(1000:2000)), as
        the container's own C(/etc/passwd) and C(/etc/group) have them.
      - The container's user where omitted.
      - C(podman_container_exec) has it.
    type: str
  workdir:
    description:
      - Working directory in the container. The container's where omitted.
      - C(podman_container_exec) has it.
    type: str
  executable:
    description:
      - There is no podman program.
      - C(podman_container_exec) has it; it has no effect here.
    type: str
seealso:
  - module: libpod.engine.libpod_container
  - module: libpod.engine.libpod_container_copy
"""

EXAMPLES = r"""
- name: Run a command with a working directory
  libpod.engine.libpod_container_exec:
    name: web
    command: cat index.html
    workdir: /www

- name: Run a command given as words, with variables
  libpod.engine.libpod_container_exec:
    name: web
    argv:
      - /bin/sh
      - -c
      - echo "$HELLO $BYE"
    env:
      HELLO: hello world
      BYE: goodbye world

- name: Run a command that may take a minute
  libpod.engine.libpod_container_exec:
    name: web
    command: cat index.html
    workdir: /www
    timeout: 60

- name: Run a command in the background
  libpod.engine.libpod_container_exec:
    name: web
    command: sleep 60
    detach: true
"""

RETURN = r"""
stdout:
  description: Standard output of the command.
  returned: when it was run
  type: str
  sample: "It works.\n"
stderr:
  description: Standard error of the command.
  returned: when it was run
  type: str
  sample: ""
rc:
  description:
    - Exit code of the command, or 128 and the number of the signal that ended it; V(0) with O(detach=true).
    - V(124) where O(timeout) ended the command, and RV(error) is then V(CommandTimedOut).
  returned: when it was run
  type: int
  sample: 0
exec_id:
  description: ID of the session.
  returned: with O(detach=true)
  type: str
  sample: f99002e34c1087fd1aa08d5027e455bf7c2d6b74f019069acf6462a96ddf2a47
error:
  description: Kind of the error, such as V(InvalidArgument).
  returned: failure
  type: str
  sample: InvalidArgument
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.operations.exec").main()


if __name__ == "__main__":
    main()
