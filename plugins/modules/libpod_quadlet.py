#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_quadlet
short_description: Manage the containers of quadlet files
version_added: 0.1.0
description:
  - Brings the networks, volumes, images, pods and containers of quadlet files (podman-systemd.unit(5)) to the state that the
    files describe, without podman and without systemd.
  - The files are used as they are, with their drop-in directories. C(.container), C(.pod), C(.kube), C(.network), C(.volume),
    C(.image) and C(.build) files are read. Others, and units that are templates, are refused.
  - The Kubernetes YAML of a C(.kube) file is read as by M(libpod.engine.libpod_kube).
  - A key that has no counterpart is refused, with its file and line, before anything is changed. A key that has no effect
    without systemd is in RV(ineffective), and a warning names it. C(docs/howto/quadlets.md) of the collection lists both.
  - Names are quadlet's, such as C(systemd-NAME). All has the label C(libpod.engine.quadlet) with the value of O(name).
    Containers, pods and networks that have it, and are no longer among the files, are removed. So are secrets of Kubernetes YAML.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.stacks
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: full
    details:
      - Says what would be done, for the files as a whole. A container whose image would be built counts as re-created.
  diff_mode:
    support: full
    details: One difference for each thing that is changed. Values of variables are hidden.
  idempotent:
    support: full
    details: As M(libpod.engine.libpod_container) for each container. One that has ended is started again.
options:
  name:
    description:
      - Name of the set of files, which is the value of the label by which what is no longer among them is found.
    type: str
    required: true
  src:
    description:
      - Directory on the target with the files, such as C(/etc/containers/systemd).
    type: path
  files:
    description:
      - The files, in place of O(src).
    type: list
    elements: path
  state:
    description:
      - V(started) - what the files describe is there, and the containers run.
      - V(created) - it is there, and new containers are not started.
      - V(absent) - nothing of the set O(name) is there, whatever the files are. Volumes and images stay; see O(remove_volumes).
        A volume of an C(emptyDir) goes with its pod.
    type: str
    choices: [absent, created, started]
    default: started
  secrets_changed:
    description:
      - What is done with the containers of a secret whose content has changed, as
        O(libpod.engine.libpod_container#module:secrets_changed).
    type: str
    choices: [ignore, replace, restart, recreate]
    default: restart
  remove_volumes:
    description:
      - Whether O(state=absent) also removes the volumes of the set, with what is in them. Anonymous volumes go with each
        container that is removed. A volume that was there without the label of the set stays.
    type: bool
    default: false
  timeout:
    description:
      - Time until a container that is stopped is killed, in place of C(StopTimeout), as
        O(libpod.engine.libpod_container#module:stop_time).
    type: str
seealso:
  - module: libpod.engine.libpod_containers
  - module: libpod.engine.libpod_compose
  - module: libpod.engine.libpod_kube
"""

EXAMPLES = r"""
- name: Make a directory for the files
  ansible.builtin.file:
    path: /srv/quadlets
    state: directory
    mode: "0755"

- name: Have a quadlet file there
  ansible.builtin.copy:
    dest: /srv/quadlets/cache.container
    mode: "0644"
    content: |
      [Container]
      Image=docker.io/library/busybox:latest
      Exec=sleep 100000
      StopSignal=KILL

      [Service]
      Restart=always

- name: Run what the files describe
  libpod.engine.libpod_quadlet:
    name: shop
    src: /srv/quadlets

- name: Remove it again
  libpod.engine.libpod_quadlet:
    name: shop
    state: absent
"""

RETURN = r"""
pods:
  description: The names of the pods.
  returned: success
  type: list
  elements: str
  sample: []
actions:
  description:
    - What was done, in the order of networks, volumes, secrets, images, pods, containers, and what was removed at the end.
    - A pod that is removed, and has a host port that another one is to have, comes before the pods.
  returned: unless the files as a whole are refused
  type: list
  elements: str
  sample: [created systemd-cache, started systemd-cache]
containers:
  description:
    - The containers that there are, in the shape of C(podman inspect), or its outline where there are more than 50.
  returned: unless the files as a whole are refused
  type: list
  elements: dict
  sample:
    - {Name: systemd-cache, State: {Status: running, Running: true}}
fates:
  description: What became of each container, in the shape of C(fates) of M(libpod.engine.libpod_containers).
  returned: unless the files as a whole are refused
  type: list
  elements: dict
  sample:
    - {name: systemd-cache, fate: changed, changed: true, actions: [created systemd-cache, started systemd-cache]}
plan:
  description:
    - Its C(digest) is what O(expect_plan) takes, in a result of check mode. It has a digest for each thing with steps, as
      C(NAME=DIGEST) for containers and such as C(network/NAME=DIGEST) for others. It is V(nothing) where there is none.
  returned: unless the files as a whole are refused
  type: dict
  sample:
    digest: nothing
ineffective:
  description: Keys of the files that have no effect here, each as C(FILE:LINE) with section and key.
  returned: success
  type: list
  elements: str
  sample: ["/srv/quadlets/cache.container:9: [Install] WantedBy"]
pulled:
  description:
    - Each pull, with the C(layers) that the store lacked, their C(bytes) as they were sent, and the C(seconds) it took.
    - Ansible shows nothing of a module before it ends. A task with C(async) and C(poll) says at each poll that it still runs, and
      C(libpod pull) on the target's terminal shows how far a pull is.
  returned: where an image was pulled
  type: list
  elements: dict
  sample: [{image: "docker.io/library/busybox:latest", layers: 1, bytes: 2219949, seconds: 1.4}]
error:
  description: Kind of the error where the files as a whole are refused, such as V(MalformedData).
  returned: failure
  type: str
  sample: MalformedData
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.projects.quadlet").main()


if __name__ == "__main__":
    main()
