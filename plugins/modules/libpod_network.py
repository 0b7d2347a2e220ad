#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_network
short_description: Manage the networks that containers are on
version_added: 0.1.0
description:
  - Creates, changes and removes a network of the host's O(network_backend). It is a CNI configuration list in O(cni_config_dir), or
    for netavark a file C(NAME.json) in O(network_config_dir).
  - The file has podman's form, so that each engine sees the other's networks. A file that podman or a user wrote is changed
    in place. Keys and plugins that the engine does not know stay in it.
  - An omitted O(internal), O(dns), O(route), O(opt), O(bandwidth) or O(labels) means its default, on the first run and on every
    later one. What else is omitted stays as the network has it.
  - Labels and O(dns) are changed at any time; a container gets new servers at its next start, and a name server of netavark
    asks them at once. For all else, no container may be attached to the network. The error names those that are.
  - With netavark there are the drivers V(bridge) and V(macvlan), the latter with O(subnet). There are no O(route), O(bandwidth) and
    O(ipam_driver) other than V(host-local), which are refused. Its default network is C(podman), also where no file defines it.
  - With CNI, the network named C(libpod) is the default one, else that of the first file in the order of the names. A new network's file
    is named so that the default network stays the same.
  - Containers on one network reach one another by name, without O(disable_dns) too.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: full
    details: Predicts the subnet and the bridge that would be chosen, too.
  diff_mode:
    support: full
    details: Shows the network under the keys of C(podman network inspect).
  idempotent:
    support: full
    details: With O(recreate) each run makes the network again.
options:
  name:
    description:
      - Name of the network.
      - C(podman_network) has it.
    type: str
    required: true
  state:
    description:
      - V(present) - the network is as described. V(absent) - there is none of this name.
      - A network that a container names, whether it runs or not, is not removed without O(force). A removal takes the network's
        bridge, address reservations and rules too. A bridge that was there before the network stays.
      - There is no V(quadlet).
      - C(podman_network) has it.
    type: str
    choices: [present, absent]
    default: present
  driver:
    description:
      - V(bridge), the default for a new network - a bridge of the host, with a gateway and masquerading.
      - V(macvlan) and V(ipvlan) - links of a parent, with addresses of the parent's network.
      - V(ptp) - a veth pair and a route for each container, without a bridge.
      - V(host-device) - the link O(interface_name) is moved into the container. One container at a time can have it.
      - C(podman_network) has it.
    type: str
  interface_name:
    description:
      - With V(bridge), the bridge's name; V(cni-libpod1), with netavark V(podman1), or the first such name that is free where omitted.
      - With V(macvlan) and V(ipvlan), the parent; the link of the default route where omitted. With V(host-device), the link.
      - C(podman_network) has it.
    type: str
  macvlan:
    description:
      - Stands for O(driver=macvlan) with this parent.
      - C(podman_network) has it.
    type: str
  subnet:
    description:
      - A subnet, such as V(10.91.0.0/24). With V(bridge) and V(ptp), it must not overlap that of another network, nor what the
        host has an address in or a route to, its default route left aside.
      - Where omitted for a new network of these drivers, the first /24 of podman's pools (from V(10.89.0.0/24)) that is free. With
        V(macvlan) and V(ipvlan) no subnet means addresses by DHCP, with V(host-device) no address.
      - C(podman_network) has it.
    type: str
  gateway:
    description:
      - The gateway of O(subnet); its first address where omitted, and none in an O(internal) network.
      - C(podman_network) has it.
    type: str
  ip_range:
    description:
      - The part of O(subnet) of which containers get addresses, as a subnet or as V(FIRST-LAST).
      - C(podman_network) has it.
    type: str
  net_config:
    description:
      - Several subnets, in the place of O(subnet), O(gateway) and O(ip_range). A container gets an address of each.
      - C(podman_network) has it.
    type: list
    elements: dict
    suboptions:
      subnet:
        description: As O(subnet).
        type: str
        required: true
      gateway:
        description: As O(gateway).
        type: str
      ip_range:
        description: As O(ip_range).
        type: str
  ipv6:
    description:
      - V(true) - the network has both families. A subnet of the family that the task names none of is chosen, for IPv6 one of
        C(fd00::/8) that the host's machine ID and the network's name lead to.
      - V(false) - without O(subnet) and O(net_config), IPv6 subnets are taken away.
      - C(podman_network) has it.
    type: bool
  ipam_driver:
    description:
      - Who gives addresses. V(dhcp) needs the CNI plugin C(dhcp) running as a daemon, and V(none) gives none.
      - C(podman_network) has it.
    type: str
    choices: [host-local, dhcp, none]
  internal:
    description:
      - Whether containers reach nothing outside of the network.
      - C(podman_network) has it.
    type: bool
  disable_dns:
    description:
      - V(false) - the network has a name server where that is installed, the CNI plugin C(dnsname) or C(aardvark-dns) of netavark.
        V(true) - it has none.
      - Names between containers need no plugin, and are there with either value.
      - C(podman_network) has it.
    type: bool
  dns:
    description:
      - DNS servers that containers on the network get, before those of the host.
      - C(podman_network) has it.
    type: list
    elements: str
  route:
    description:
      - Further routes of each container, as V(DESTINATION,GATEWAY). A metric behind them has no effect.
      - C(podman_network) has it.
    type: list
    elements: str
  opt:
    description:
      - Options of the driver.
      - C(podman_network) has it.
    type: dict
    suboptions:
      isolate:
        description: Of V(bridge). Whether packets from and to other networks' bridges are dropped.
        type: bool
      metric:
        description: No CNI plugin sets a metric. It has no effect here.
        type: int
      mode:
        description:
          - Of V(macvlan) V(bridge), V(private), V(vepa) or V(passthru).
          - Of V(ipvlan) V(l2), V(l3) or V(l3s).
        type: str
      mtu:
        description: The MTU of the containers' links. The kernel's or the parent's where omitted.
        type: int
      parent:
        description: As O(interface_name) of a driver that has a parent.
        type: str
      vlan:
        description: Of V(bridge). The VLAN that containers are in, with VLAN filtering on the bridge.
        type: int
  bandwidth:
    description:
      - Limits of each container's traffic, by the CNI plugin C(bandwidth).
      - C(podman_network) does not have it.
    type: dict
    suboptions:
      ingress_rate:
        description: Bits per second to the container.
        type: int
      ingress_burst:
        description: Bits that may come at once; a tenth of the rate where omitted, and V(65536) at least.
        type: int
      egress_rate:
        description: Bits per second from the container.
        type: int
      egress_burst:
        description: Bits that may go at once; a tenth of the rate where omitted, and V(65536) at least.
        type: int
  labels:
    description:
      - Labels of the network.
      - C(podman_network) does not have it.
    type: dict
    aliases: [label]
  force:
    description:
      - With O(state=present), containers that are attached to a network that has to change are detached, and attached again to
        the changed one. They run on; their addresses may be others.
      - With O(state=absent), the containers that name the network are stopped and removed first, as by podman. RV(actions) lists
        them. Their volumes stay. One on which others depend, or that belongs to a pod, is not removed, and nothing else is then.
      - C(podman_network) has it.
    type: bool
    default: false
  recreate:
    description:
      - Whether to make the network again, with a new bridge, even if nothing differs. Its subnets stay.
      - C(podman_network) has it.
    type: bool
    default: false
  executable:
    description:
      - There is no podman program.
      - C(podman_network) has it; it has no effect here.
    type: str
  debug:
    description:
      - There is no further information.
      - C(podman_network) has it; it has no effect here.
    type: bool
    default: false
seealso:
  - module: libpod.engine.libpod_network_info
  - module: libpod.engine.libpod_container
  - module: libpod.engine.libpod_prune
"""

EXAMPLES = r"""
- name: Create a network with a free subnet
  libpod.engine.libpod_network:
    name: front
    labels:
      tier: front

- name: Create an internal network with a range of addresses
  libpod.engine.libpod_network:
    name: back
    internal: true
    subnet: 192.168.22.0/24
    gateway: 192.168.22.1
    ip_range: 192.168.22.128/25

- name: Create a network with IPv4 and IPv6, small packets, and no way to other networks
  libpod.engine.libpod_network:
    name: dual
    ipv6: true
    opt:
      mtu: 1400
      isolate: true

- name: Have a container on two of them, with an address on one
  libpod.engine.libpod_container:
    name: two-networks
    image: docker.io/library/busybox:latest
    command: sleep 1000
    network: [front, "back:ip=192.168.22.200,alias=db"]

- name: Remove the container
  libpod.engine.libpod_container:
    name: two-networks
    state: absent

- name: Remove a network
  libpod.engine.libpod_network:
    name: dual
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [created front]
network:
  description:
    - The network under the keys of C(podman network inspect), with C(routes) and C(bandwidth) where it has any. Empty with
      O(state=absent).
    - C(created) stays when the network is changed. A file of CNI that another program made does not have it. The network is
      then as old as the last change of its file, as with podman.
  returned: success
  type: dict
  sample:
    name: front
    driver: bridge
    network_interface: cni-libpod1
    subnets:
      - subnet: 10.89.0.0/24
        gateway: 10.89.0.1
error:
  description: Kind of the error, such as V(InvalidState) where the network is in use or a subnet is taken.
  returned: failure
  type: str
  sample: InvalidState
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.resources.network").main()


if __name__ == "__main__":
    main()
