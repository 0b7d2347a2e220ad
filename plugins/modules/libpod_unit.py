#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_unit
short_description: Write a systemd unit that starts, watches and stops a container
version_added: 0.1.0
description:
  - Writes a service of systemd for an existing container, in place of C(podman_generate_systemd). The unit starts the container
    also at boot, starts it again as O(restart_policy) says, and stops it within its own time.
  - It is of C(Type=notify), with conmon as its main process. C(systemctl status) shows whether the container runs. It shows
    what the container prints too, where that has O(libpod.engine.libpod_container#module:log_driver=journald).
  - Of a container that runs already, the unit's start takes the watch over, and the container runs on.
  - systemd reads the file at its next C(daemon-reload), which the module leaves to the play, as enabling and starting are.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: full
    details: Where there is no such container yet, it says that the file would be written.
  diff_mode:
    support: full
    details: Shows the file.
  idempotent:
    support: full
    details: A file that has the text stays as it is.
options:
  name:
    description:
      - Name of the container. It has O(libpod.engine.libpod_container#module:restart_policy=no), so that the engine itself does
        not start it again or at boot, and it has no O(libpod.engine.libpod_container#module:rm).
      - It may be re-created. A start of the unit then watches the new container, see the examples.
      - Each container of a pod can have a unit. With C(podman_generate_systemd) it may be a pod's name too, which is
        refused here.
      - C(podman_generate_systemd) has it.
    type: str
    required: true
  state:
    description:
      - V(present) - the file has the unit.
      - V(absent) - there is no such file. Stop and disable the unit before that, as in the examples.
      - C(podman_generate_systemd) does not have it.
    type: str
    default: present
    choices: [present, absent]
  dest:
    description:
      - Directory of the file, which is there already. Without it C(podman_generate_systemd) only returns the unit.
      - C(podman_generate_systemd) has it.
    type: path
    default: /etc/systemd/system
  container_prefix:
    description:
      - What the unit's name begins with. Where it is empty, there is no O(separator) either.
      - C(podman_generate_systemd) has it.
    type: str
    default: container
  separator:
    description:
      - What is between O(container_prefix) and O(name) in the unit's name.
      - C(podman_generate_systemd) has it.
    type: str
    default: "-"
  restart_policy:
    description:
      - When systemd starts the container again, the unit's C(Restart). An end by the container's stop signal is no failure.
      - C(podman_generate_systemd) has it.
    type: str
    default: on-failure
    choices: [no-restart, on-success, on-failure, on-abnormal, on-watchdog, on-abort, always]
  restart_sec:
    description:
      - Time before it does, the unit's C(RestartSec).
      - A duration such as V(1m30s), of whole seconds, or a number of seconds.
      - C(podman_generate_systemd) has it.
    type: str
  start_timeout:
    description:
      - Time that a start may take, the unit's C(TimeoutStartSec).
      - A duration such as V(1m30s), of whole seconds, or a number of seconds.
      - C(podman_generate_systemd) has it.
    type: str
  stop_timeout:
    description:
      - Time from the stop signal to SIGKILL, by default O(libpod.engine.libpod_container#module:stop_timeout).
        The unit's C(TimeoutStopSec) is 60 seconds more.
      - A duration such as V(1m30s), of whole seconds, or a number of seconds.
      - C(podman_generate_systemd) has it.
    type: str
  after:
    description:
      - Units that start before this one, beside C(network-online.target).
      - C(podman_generate_systemd) has it.
    type: list
    elements: str
  wants:
    description:
      - Units that are started with this one, beside C(network-online.target).
      - C(podman_generate_systemd) has it.
    type: list
    elements: str
  requires:
    description:
      - Units without which this one does not start.
      - C(podman_generate_systemd) has it.
    type: list
    elements: str
  wanted_by:
    description:
      - Units with which this one is started once it is enabled. With V([]) none are.
      - C(podman_generate_systemd) does not have it.
    type: list
    elements: str
    default: [multi-user.target]
  new:
    description:
      - The unit starts the container that a task has made, and makes none. A warning says so.
      - C(podman_generate_systemd) has it; it has no effect here.
    type: bool
  use_names:
    description:
      - The unit is named after the container. V(false) is warned of.
      - C(podman_generate_systemd) has it; it has no effect here.
    type: bool
  force:
    description:
      - A file that has the text stays as it is, and another one is replaced.
      - C(podman_generate_systemd) has it; it has no effect here.
    type: bool
  no_header:
    description:
      - The file has no time or version of which each run would make another.
      - C(podman_generate_systemd) has it; it has no effect here.
    type: bool
  pod_prefix:
    description:
      - Units are those of containers.
      - C(podman_generate_systemd) has it; it has no effect here.
    type: str
  executable:
    description:
      - There is no podman program.
      - C(podman_generate_systemd) has it; it has no effect here.
    type: str
  sdnotify:
    description:
      - When the unit has started.
      - V(conmon) - once the container runs.
      - V(healthy) - once its health check says so. Set O(start_timeout) for it.
      - V(container) - once a process in the container sends C(READY=1) with sd_notify(3). The container has
        O(libpod.engine.libpod_container#module:sdnotify=container).
      - C(podman_generate_systemd) does not have it.
    type: str
    default: conmon
    choices: [conmon, container, healthy]
seealso:
  - module: libpod.engine.libpod_container
  - module: ansible.builtin.systemd_service
"""

EXAMPLES = r"""
- name: Make the container
  libpod.engine.libpod_container:
    name: web
    image: registry.example.com/web:1.4
    command: sleep infinity
    state: present

- name: Write its unit
  libpod.engine.libpod_unit:
    name: web
    dest: "{{ units | default('/etc/systemd/system') }}"
  register: unit

# This also has the unit watch a container that an earlier task has re-created.
- name: Start the unit, and have the boot start it
  ansible.builtin.systemd_service:
    name: "{{ unit.unit }}"
    daemon_reload: "{{ unit is changed }}"
    enabled: true
    state: started
  when: ansible_facts.service_mgr | default('') == 'systemd'

- name: Stop the unit before it is removed
  ansible.builtin.systemd_service:
    name: container-web.service
    enabled: false
    state: stopped
  when: ansible_facts.service_mgr | default('') == 'systemd'

- name: Remove the unit
  libpod.engine.libpod_unit:
    name: web
    dest: "{{ units | default('/etc/systemd/system') }}"
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [wrote unit container-web.service]
path:
  description: Path of the file.
  returned: success
  type: str
  sample: /etc/systemd/system/container-web.service
unit:
  description: The unit's name for systemd.
  returned: success
  type: str
  sample: container-web.service
systemd_units:
  description: The file's text by the unit's name without C(.service), in the shape of C(podman_generate_systemd).
  returned: success
  type: dict
  sample: {"container-web": "[Unit]\nDescription=Container web\n…"}
error:
  description: Kind of the error, such as V(NoSuchContainer).
  returned: failure
  type: str
  sample: InvalidArgument
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.resources.unit").main()


if __name__ == "__main__":
    main()
