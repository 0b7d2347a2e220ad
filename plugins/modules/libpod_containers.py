#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_containers
short_description: Manage a list of containers in one task
version_added: 0.1.0
description:
  - Brings each container of a list to the wanted state, as a M(libpod.engine.libpod_container) task would for one.
  - All are planned before any is changed. Containers that depend on each other (joined namespaces, C(requires),
    C(volumes_from)) are changed in that order, whatever the order of the list, and the rest in parallel. Removals and stops
    go in the reverse order, and come first where nothing has to be done before.
  - A container that is to be re-created may join another one that the same task makes, in check mode too.
  - The task holds the locks of all its containers until its end.
  - After a failure, SIGINT, SIGTERM or SIGHUP no further container is begun, and those in progress are finished. The next
    run continues from there.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: full
    details: Says what would be done, for the list as a whole.
  diff_mode:
    support: full
    details: One difference for each container that is changed.
  idempotent:
    support: partial
    details: As M(libpod.engine.libpod_container) for each container.
options:
  containers:
    description:
      - The containers, each with the options of M(libpod.engine.libpod_container), roots and parts left out. C(name) is required, and
        C(state) is V(started) where omitted.
      - No two may depend on each other.
      - C(podman_containers) has it.
    type: list
    elements: dict
    required: true
  defaults:
    description:
      - Options for every container that does not give them itself. Mappings, such as C(env) and C(label), are merged key by key.
      - C(podman_containers) does not have it.
    type: dict
    default: {}
  purge:
    description:
      - Label, as V(KEY) or V(KEY=VALUE). Containers that have it and are not in the list are stopped and removed.
      - It does not label the containers of the list, which O(defaults) can do.
      - C(podman_containers) does not have it.
    type: str
    aliases: [purge_label]
  workers:
    description:
      - How many containers are worked on at once. The number of CPUs that the task may use where omitted.
      - C(podman_containers) does not have it.
    type: int
    aliases: [parallel]
  keep_going:
    description:
      - Whether to go on after a failure with the containers that do not depend on what has failed.
      - C(podman_containers) does not have it.
    type: bool
    default: false
  expect_plan:
    description:
      - The C(plan.digest) of an approved result of check mode, as of O(libpod.engine.libpod_container#module:expect_plan). The task
        then carries out exactly that plan for all containers, or fails before it changes any.
      - Containers for which nothing is left to do do not count, so that a job may be repeated.
      - A container that cannot be planned lets none be begun, whatever O(keep_going) says.
      - C(podman_containers) does not have it.
    type: str
    default: ""
  inspect:
    description:
      - How much RV(containers) has of each container. V(full) is all of it, as of M(libpod.engine.libpod_container), some 7 KiB each.
      - V(outline) has C(Id), C(Name) and C(ImageName), and spares Ansible time with long lists.
      - Of C(State) it has C(Status), C(ModelStatus), C(Running), C(Paused), C(Pid), C(ExitCode), C(OOMKilled), C(Error),
        C(StartedAt) and C(FinishedAt), and C(Health) where there is a health check.
      - Of C(NetworkSettings) it has C(IPAddress), C(GlobalIPv6Address), C(Ports) and C(Networks).
      - V(auto) is V(full) for up to 50 containers, and V(outline) for more.
      - C(podman_containers) does not have it.
    type: str
    default: auto
    choices: [auto, full, outline]
  debug:
    description:
      - Taken for playbooks of C(containers.podman.podman_containers), without effect.
      - C(podman_containers) has it; it has no effect here.
    type: bool
    default: false
seealso:
  - module: libpod.engine.libpod_container
  - module: libpod.engine.libpod_container_info
"""

EXAMPLES = r"""
- name: Run a cache, and an application in its network namespace
  libpod.engine.libpod_containers:
    defaults:
      image: busybox
      command: [sleep, "100000"]
      label: {stack: shop}
      stop_signal: KILL
    containers:
      - name: app
        network: container:cache
        memory: 64m
      - name: cache
        network: none

- name: Keep the cache alone, and remove what else has the stack's label
  libpod.engine.libpod_containers:
    containers:
      - name: cache
        image: busybox
        command: [sleep, "100000"]
        label: {stack: shop}
        stop_signal: KILL
        network: none
    purge: stack=shop

- name: Remove several containers, going on where one cannot be removed
  libpod.engine.libpod_containers:
    containers:
      - name: app
      - name: cache
    defaults:
      state: absent
    keep_going: true
"""

RETURN = r"""
containers:
  description:
    - The containers that there are, in the order of the list, in the shape of C(podman inspect) as far as O(inspect) says.
    - A container that the task removed, that failed or that was not begun is not among them.
  returned: unless the list as a whole is refused
  type: list
  elements: dict
  sample:
    - {Name: app, State: {Status: running, Running: true}}
    - {Name: cache, State: {Status: running, Running: true}}
plan:
  description:
    - Its C(digest) is what O(expect_plan) takes. It has the digest of each plan with steps as C(NAME=DIGEST), and is
      V(nothing) where there is none.
  returned: unless the list as a whole is refused
  type: dict
  sample:
    digest: app=1e5f0f1a5a3cfb0e-9d7a0c5bb7c1f3de-0b2c9a6f8d4e1735-6a1f3c5e7d9b2048
fates:
  description: What became of each container of the list and of each that was purged, dependencies first.
  returned: unless the list as a whole is refused
  type: list
  elements: dict
  contains:
    name:
      description: The container's name.
      type: str
      returned: always
    fate:
      description:
        - V(changed), V(unchanged), V(failed), or V(not begun) because of another one's failure.
        - In check mode V(changed) is what would be changed.
      type: str
      returned: always
    changed:
      description: Whether it was changed.
      type: bool
      returned: always
    actions:
      description: What was done to it.
      type: list
      elements: str
      returned: always
    plan:
      description: The plan, in the shape of C(plan) of M(libpod.engine.libpod_container).
      type: dict
      returned: where anything was to be done, or C(comparisons) ignored a difference
    msg:
      description: Why it failed, or was not begun.
      type: str
      returned: where it failed or was not begun
    error:
      description: Kind of the error, such as V(InvalidArgument).
      type: str
      returned: where it failed
  sample:
    - {name: cache, fate: unchanged, changed: false, actions: []}
    - {name: app, fate: changed, changed: true, actions: [created app, started app]}
actions:
  description: What was done to all of them.
  returned: unless the list as a whole is refused
  type: list
  elements: str
  sample: [created app, started app]
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
  description: Kind of the error where the list as a whole is refused, such as V(InvalidArgument).
  returned: failure
  type: str
  sample: InvalidArgument
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.containers").main()


if __name__ == "__main__":
    main()
