# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host ports of published ports: chosen where the user left it open, and held while the container lives.

A bound socket in conmon keeps others from taking the port and shows at once that it is taken; the
traffic itself never reaches it, for the CNI portmap plugin redirects it before.
"""

from __future__ import annotations

import errno
import socket
from contextlib import contextmanager
from typing import Any, Iterator, Sequence

from .._model.config import ContainerConfig
from .._model.errors import InvalidArgument


def _bound(host_ip: str, port: int, protocol: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host_ip else socket.AF_INET
    kinds = {
        "tcp": (socket.SOCK_STREAM, socket.IPPROTO_TCP),
        "udp": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
        "sctp": (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
    }
    found = socket.socket(family, *kinds[protocol])
    try:
        if family == socket.AF_INET6:
            found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if protocol != "udp":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host_ip, port))
        if protocol != "udp":
            found.listen(1)
    except BaseException:
        found.close()
        raise
    return found


def _reserve(name: str, host_ip: str, port: int, protocol: str) -> socket.socket | None:
    try:
        return _bound(host_ip, port, protocol)
    except OSError as error:
        if error.errno in (errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT, errno.EAFNOSUPPORT):
            return None
        words = {
            errno.EADDRINUSE: "is in use by another process or container: stop it, or publish another port",
            errno.EADDRNOTAVAIL: "is not an address of this host: publish on one that it has",
        }.get(error.errno or 0, f"cannot be bound: {error.strerror}")
        raise InvalidArgument(f"publish: {host_ip}:{port}/{protocol}, wanted by container {name}, {words}") from error


@contextmanager
def held(config: ContainerConfig) -> Iterator[Sequence[socket.socket]]:
    """Sockets bound to the container's host ports, closed here in the end (conmon has inherited them by then).

    :raises InvalidArgument: a port is taken.
    """
    sockets: list[socket.socket] = []
    try:
        for host_ip, port, _container_port, protocol in config.ports:
            found = _reserve(config.name, host_ip, port, protocol)
            if found is not None:
                sockets.append(found)
        yield sockets
    finally:
        for found in sockets:
            found.close()


def check_free(name: str, publish: Sequence[Sequence[Any]], own: Sequence[Sequence[Any]]) -> None:
    """Look whether host ports can be bound; those in ``own`` are the container's already.

    :raises InvalidArgument: a port is taken.
    """
    mine = {(port, protocol) for _ip, port, _container_port, protocol in own}
    for host_ip, port, _container_port, protocol in publish:
        if port and (port, protocol) not in mine:
            found = _reserve(name, host_ip, port, protocol)
            if found is not None:
                found.close()


def choose(publish: Sequence[Sequence[object]]) -> tuple[tuple[str, int, int, str], ...]:
    """Published ports with a free host port in place of every 0."""
    chosen = []
    for host_ip, port, container_port, protocol in publish:
        if not port:
            with _bound(str(host_ip), 0, str(protocol)) as free:
                port = free.getsockname()[1]
        chosen.append((str(host_ip), int(str(port)), int(str(container_port)), str(protocol)))
    return tuple(chosen)
