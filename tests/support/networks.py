# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Further CNI networks of a test host, a process's interfaces, tracked connections, and a web server's page."""

from __future__ import annotations

import json
import os
import socket

from . import hosts
from .process import Process


def links(process: Process) -> dict[str, list[str]]:
    """Interfaces of a process's network namespace and their global IPv4 addresses."""
    found = process.run("ip", "-o", "addr")
    names: dict[str, list[str]] = {}
    for line in found.stdout.splitlines():
        words = line.split()
        names.setdefault(words[1], [])
        if words[2] == "inet" and words[1] != "lo":
            names[words[1]].append(words[3].partition("/")[0])
    return {name: addresses for name, addresses in names.items() if name != "lo"}


def tracked() -> list[str]:
    """Return the UDP connections that the kernel of the test host tracks."""
    with open("/proc/net/nf_conntrack", encoding="ascii") as file:
        return [line for line in file if " udp " in line]


def page(address: str, port: int) -> bytes:
    """Return what a web server answers at an address and port, with its header."""
    with socket.create_connection((address, port), timeout=5) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return client.makefile("rb").read()


def define_networks(*names: str) -> None:
    """Further CNI networks of the host, 10.90.0.0/16 and so on."""
    for number, name in enumerate(names):
        with open(f"/srv/cni/9{number}-{name}.conflist", "w", encoding="utf-8") as file:
            json.dump(hosts.network(name, f"cni-{name}", f"10.9{number}"), file)


def forget_networks() -> None:
    """Their definitions go; what a removal needs of them stands in the container's own record."""
    for name in os.listdir("/srv/cni"):
        if name.startswith("9"):
            os.unlink(f"/srv/cni/{name}")
