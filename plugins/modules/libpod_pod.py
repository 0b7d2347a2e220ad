#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_pod
short_description: Manage a pod, without podman
version_added: 0.1.0
description:
  - Brings one pod to the state and configuration that the task describes. A pod is an infra container, a cgroup with limits
    of its own, and the containers that M(libpod.engine.libpod_container) puts into it with its option
    O(libpod.engine.libpod_container#module:pod). The infra container sleeps and holds namespaces and published ports.
  - Options have the names, types and aliases of C(containers.podman.podman_pod), and each says whether C(podman_pod) has it.
  - An option that is omitted has its default, on the first run and on every later one, with the states V(created) and V(started).
    The other states leave the configuration of a pod that is there alone, V(restarted) where the task has no option but the name.
  - The next task, with any state, restores a limit of the pod that another program has changed, and completes a change that
    was interrupted. Containers that an interrupted task had stopped for a moment run again.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
requirements:
  - catatonit on the target
attributes:
  check_mode:
    support: full
    details: Says what a run would do and writes nothing.
  diff_mode:
    support: full
    details: Shows each option that differs.
  idempotent:
    support: partial
    details: O(recreate) acts at each run.
options:
  name:
    description:
      - Name of the pod. Pods and containers share their names.
      - C(podman_pod) has it.
    type: str
    required: true
  state:
    description:
      - V(created) - the pod exists as described.
      - V(started) - it exists as described and all its containers run, each after those it depends on. One that has lost the
        namespaces it shares is restarted.
      - V(restarted) - the same, and all of them are stopped before.
      - V(stopped) - none of its containers runs. V(killed) - the same, by the signal KILL.
      - V(paused) and V(unpaused) - its containers that run are frozen, or thawed.
      - V(absent) - neither it nor its containers exist. Named volumes stay.
      - C(podman_pod) has it.
    type: str
    default: created
    choices: [created, killed, restarted, absent, started, stopped, paused, unpaused]
  share:
    description:
      - Namespaces that the pod's containers share unless an option of theirs says otherwise, as a list with commas of V(cgroup),
        V(ipc), V(net), V(pid), V(user) and V(uts), or V(none).
      - V(ipc,net,uts) where omitted, and V(user) too where IDs are mapped.
      - C(podman_pod) has it.
    type: str
  recreate:
    description:
      - Whether an existing pod is re-created, whatever its configuration. Its containers are removed.
      - C(podman_pod) has it.
    type: bool
    default: false
  expect_plan:
    description:
      - The C(plan.digest) of an approved result of check mode. The task then carries out exactly that plan, or fails before
        it changes anything, and its message names what differs. In check mode it fails too.
      - A digest has no meaning on another host. Beside what is done, it covers the pod that it is done to and its status,
        the options with the values of secret ones, and the image.
      - Where nothing is left to do, the task succeeds without a change, so that a job may be repeated.
      - C(podman_pod) does not have it.
    type: str
    default: ""
  force_delete:
    description:
      - Whether O(state=absent) also removes the containers in the pod, as it does where this is omitted. With V(false) a pod
        that has any is not removed.
      - With V(true), given by the task, the records of what cannot be removed are removed as well, and a warning says what
        is left; see O(libpod.engine.libpod_container#module:force_delete).
      - The same is true of a pod, or a container in it, that a newer version of this collection made. Otherwise it is not
        changed.
      - C(podman_pod) does not have it.
    type: bool
    aliases: [force]
  infra_name:
    description:
      - Name of the infra container, given to it when the pod is made. The first twelve digits of the pod's ID and C(-infra) where omitted.
      - C(podman_pod) has it.
    type: str
  network:
    description:
      - Network of the pod, as that of a container. V(bridge) where omitted. Another order of several is no difference.
      - C(podman_pod) has it.
    type: list
    elements: str
  publish:
    description:
      - Ports published on the pod, as C([[HOST_IP:]HOST_PORT:]PORT[/PROTOCOL]).
      - C(podman_pod) has it.
    type: list
    elements: str
    aliases: [ports]
  hostname:
    description:
      - Host name of the pod. Its name where omitted.
      - C(podman_pod) has it.
    type: str
  dns:
    description:
      - DNS servers, instead of the host's. V(none) alone leaves each container its image's C(/etc/resolv.conf).
      - Servers on the host's loopback are replaced by those behind them. A warning says where none is found.
      - C(podman_pod) has it.
    type: list
    elements: str
  dns_opt:
    description:
      - DNS options, instead of the host's.
      - C(podman_pod) has it.
    type: list
    elements: str
    aliases: [dns_option]
  dns_search:
    description:
      - DNS search domains, instead of the host's. V(.) is none.
      - C(podman_pod) has it.
    type: list
    elements: str
  add_host:
    description:
      - Hosts that come first in the hosts file that the pod's containers share, as C(HOST:IP). A host that is there several
        times has each of its addresses.
      - That file also has the names of the pod's containers, at V(127.0.0.1), and those of its neighbours on its networks. These find
        the pod by its name and by its containers' names.
      - C(podman_pod) has it.
    type: list
    elements: str
  no_hosts:
    description:
      - Whether the engine leaves C(/etc/hosts) of the pod's containers alone.
      - C(podman_pod) has it.
    type: bool
  shm_size:
    description:
      - Size of C(/dev/shm) that the pod's containers share. V(64m) where omitted.
      - C(podman_pod) has it.
    type: str
  sysctl:
    description:
      - Kernel parameters of the pod's namespaces.
      - C(podman_pod) has it.
    type: dict
  memory:
    description:
      - Memory limit of all the pod's containers together, such as V(512m). It is changed in place.
      - C(podman_pod) has it.
    type: str
  memory_swap:
    description:
      - Limit of memory and swap together, V(-1) for none. It is changed in place. Twice O(memory) where omitted.
      - C(podman_pod) has it.
    type: str
  cpus:
    description:
      - Number of CPUs for all the pod's containers together, such as V(1.5). It is changed in place.
      - C(podman_pod) has it.
    type: str
  cpu_quota:
    description:
      - CPU time in microseconds in each O(cpu_period), another spelling of O(cpus). It is changed in place.
      - C(podman_pod) does not have it.
    type: int
  cpu_period:
    description:
      - Length of a period for O(cpu_quota) in microseconds. It is changed in place.
      - C(podman_pod) does not have it.
    type: int
  cpu_shares:
    description:
      - Relative weight of the pod's CPU time. It is changed in place.
      - C(podman_pod) has it.
    type: int
  cpuset_cpus:
    description:
      - CPUs the pod's containers may run on, such as V(0-3,5). It is changed in place.
      - C(podman_pod) has it.
    type: str
  cgroup_parent:
    description:
      - Cgroup under which the pod's is made. C(/libpod_parent), or C(machine.slice) with systemd, where omitted.
      - C(podman_pod) has it.
    type: str
  label:
    description:
      - Labels. They are changed in place.
      - C(podman_pod) has it.
    type: dict
  uidmap:
    description:
      - Map of user IDs as C(CONTAINER:HOST:AMOUNT), for a user namespace that the pod's containers share.
      - C(podman_pod) has it.
    type: list
    elements: str
  gidmap:
    description:
      - Map of group IDs as C(CONTAINER:HOST:AMOUNT). As O(uidmap) where only that is given.
      - C(podman_pod) has it.
    type: list
    elements: str
  subuidname:
    description:
      - Name in C(/etc/subuid) whose ranges are mapped. As O(subgidname) where only that is given.
      - C(podman_pod) has it.
    type: str
  subgidname:
    description:
      - Name in C(/etc/subgid) whose ranges are mapped. As O(subuidname) where only that is given.
      - C(podman_pod) has it.
    type: str
  blkio_weight:
    description:
      - Containers have it. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: str
  blkio_weight_device:
    description:
      - Containers have it. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: list
    elements: str
  cpuset_mems:
    description:
      - Containers have it. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: str
  debug:
    description:
      - Errors always name the program that failed and its message.
      - C(podman_pod) has it; it has no effect here.
    type: bool
  device:
    description:
      - Containers have them. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: list
    elements: str
  device_read_bps:
    description:
      - Containers have them. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: list
    elements: str
  device_write_bps:
    description:
      - Containers have them. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: list
    elements: str
  executable:
    description:
      - There is no podman program.
      - C(podman_pod) has it; it has no effect here.
    type: str
  exit_policy:
    description:
      - A pod whose containers have ended stays, as with V(continue). A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: str
    choices: [stop, continue]
  gpus:
    description:
      - Containers have them. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: str
  infra:
    description:
      - A pod always has an infra container. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: bool
  infra_command:
    description:
      - The infra container runs catatonit. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: str
  infra_conmon_pidfile:
    description:
      - M(libpod.engine.libpod_pod_info) names the infra container. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: str
  infra_image:
    description:
      - The infra container has a root filesystem of its own. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: str
  pid:
    description:
      - O(share) says whether the containers share a PID namespace. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: str
  pod_id_file:
    description:
      - RV(pod) has the ID. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: str
  restart_policy:
    description:
      - Each container has a policy of its own. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: str
  security_opt:
    description:
      - Containers have it. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: list
    elements: str
  share_parent:
    description:
      - The pod's containers are always in its cgroup. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: bool
  shm_size_systemd:
    description:
      - Containers have it. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: str
  userns:
    description:
      - O(uidmap) and O(subuidname) map the IDs of a pod. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: str
  uts:
    description:
      - O(share) says whether the containers share a UTS namespace. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: str
  volume:
    description:
      - Containers have them. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: list
    elements: str
    aliases: [volumes]
  volumes_from:
    description:
      - Containers have it. A value that asks for something else is warned of.
      - C(podman_pod) has it; it has no effect here.
    type: list
    elements: str
  ip:
    description:
      - IPv4 address of the pod on its only network.
      - C(podman_pod) has it.
    type: str
  ip6:
    description:
      - IPv6 address of the pod on its only network.
      - C(podman_pod) has it.
    type: str
  mac_address:
    description:
      - MAC address of the pod on its only network.
      - C(podman_pod) has it.
    type: str
  network_alias:
    description:
      - Names of the pod on each of its networks, beside its own and those of its containers, by which others there reach it.
      - C(podman_pod) has it.
    type: list
    elements: str
    aliases: [network_aliases]
  label_file:
    description:
      - File on the target with labels, one C(KEY=VALUE) a line. O(label) wins over it.
      - C(podman_pod) has it.
    type: path
  strict:
    description:
      - Whether the task fails where an option that is given has no effect. Otherwise it warns of it.
      - C(podman_pod) does not have it.
    type: bool
    default: false
seealso:
  - module: libpod.engine.libpod_pod_info
  - module: libpod.engine.libpod_container
"""

EXAMPLES = r"""
- name: Make a pod with a published port and a limit for all in it
  libpod.engine.libpod_pod:
    name: shop
    state: started
    publish: ["8080:80"]
    memory: 256m

- name: Run a server in it
  libpod.engine.libpod_container:
    name: shop-web
    pod: shop
    image: docker.io/library/busybox:latest
    command: httpd -f -p 80 -h /www

- name: Stop all of it
  libpod.engine.libpod_pod:
    name: shop
    state: stopped

- name: Remove all of it
  libpod.engine.libpod_pod:
    name: shop
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [created shop, started shop]
plan:
  description:
    - The plan that was carried out, or in check mode would be, in the shape of C(plan) of M(libpod.engine.libpod_container).
      A pod's status is spelled as podman spells it.
    - C(digest) is what O(expect_plan) takes, V(nothing) for a plan without steps.
  returned: success
  type: dict
  sample:
    steps:
      - {verb: create, subject: shop, action: created shop, before: absent, after: configured}
    status: {before: absent, after: Created}
    differences: []
    recreated_because_of: []
    digest: 1e5f0f1a5a3cfb0e-9d7a0c5bb7c1f3de-0b2c9a6f8d4e1735-6a1f3c5e7d9b2048
pod:
  description: The pod in the shape of C(podman pod inspect), empty where there is none.
  returned: success
  type: dict
  sample:
    Name: shop
    State: Running
    SharedNamespaces: [ipc, net, uts]
    NumContainers: 2
error:
  description: Kind of the error, such as V(NoSuchPod) or V(InvalidArgument).
  returned: failure
  type: str
  sample: NoSuchPod
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.pod").main()


if __name__ == "__main__":
    main()
