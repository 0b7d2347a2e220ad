# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host ports of published ports: chosen where the user left it open, and held while the container lives.

A bound socket that conmon holds keeps others from taking the port and shows at once that it is taken; the
traffic itself never reaches it, for the CNI portmap plugin redirects it before. What conmon holds can be changed while
the container runs: see ``fd_store``.
"""

from __future__ import annotations

import errno
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, Sequence

from ..._drivers import process
from ..._drivers.conmon import fd_store
from ..._model.errors import InvalidArgument, InvalidState
from ..._model.failpoints import failpoint
from ..._model.records.config import ContainerConfig

if TYPE_CHECKING:
    from ..container import Container

Port = tuple[str, int, int, str]
# Names what has a port and a protocol of the host; empty where that is not known.
Holder = Callable[[int, str], str]


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


def _reserve(
    name: str, host_ip: str, port: int, protocol: str, holder: Holder = lambda _port, _protocol: ""
) -> socket.socket | None:
    try:
        return _bound(host_ip, port, protocol)
    except OSError as error:
        if error.errno in (errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT, errno.EAFNOSUPPORT):
            return None
        words = f"cannot be bound: {error.strerror}"
        if error.errno == errno.EADDRINUSE:
            other = holder(port, protocol) or "another process or container"
            words = f"is in use by {other}: stop it, or publish another port"
        elif error.errno == errno.EADDRNOTAVAIL:
            words = "is not an address of this host: publish on one that it has"
        raise InvalidArgument(f"publish: {host_ip}:{port}/{protocol}, wanted by container {name}, {words}") from error


def _label(host_ip: str, port: int, protocol: str) -> str:
    return f"{host_ip} {port} {protocol}"


@contextmanager
def pair(config: ContainerConfig) -> Iterator[Sequence[socket.socket]]:
    """The two ends of a pair in which sockets bound to host ports are held, for conmon to inherit.

    They are closed here in the end, when conmon has them. None where the container has no network of its own.
    """
    if not config.create_net_ns:
        yield ()
        return
    ends = fd_store.pair()
    try:
        yield ends
    finally:
        for one in ends:
            one.close()


def take(config: ContainerConfig, ends: Sequence[socket.socket]) -> None:
    """Bind the container's host ports, and put the sockets into the ``pair``.

    :raises InvalidArgument: a port is taken.
    """
    if ends:
        _take(ends[0], config.name, config.ports)


def _take(way_in: socket.socket, name: str, ports: Iterable[Port]) -> None:
    for host_ip, port, _container_port, protocol in ports:
        found = _reserve(name, host_ip, port, protocol)
        if found is not None:
            with found:
                fd_store.put(way_in, _label(host_ip, port, protocol), found)


def hold(container: Container, ports: Iterable[Port]) -> None:
    """Have the conmon of a live container hold these ports too; ``release`` lets go of others.

    :raises InvalidArgument: one is taken.
    """
    with _of_conmon(container) as ends:
        there = fd_store.labels(ends[1])
        # The same host port, once.
        wanted = {_label(port[0], port[1], port[3]): port for port in ports}
        missing = [port for label, port in wanted.items() if label not in there]
        if missing:
            failpoint("hold ports")
            # One that we have on another address stands in the way, and only it is given up before.
            same = {(str(port[1]), port[3]) for port in missing}
            fd_store.keep(ends, {label for label in there if tuple(label.split()[1:]) not in same})
            _take(ends[0], container.name, missing)


def release(container: Container, ports: Iterable[Port]) -> None:
    """Have the conmon of a live container hold no other ports than these; the others are free at once."""
    with _of_conmon(container) as ends:
        fd_store.keep(ends, {_label(host_ip, port, protocol) for host_ip, port, _to, protocol in ports})


def of_live(container: Container) -> list[Port]:
    """What the conmon of a live container holds, also of a change that was interrupted; 0 is the container's port."""
    state = container.state
    if not (state.status.has_process and state.ports_in and process.alive(state.conmon_pid, state.conmon_start)):
        return []
    try:
        with _of_conmon(container) as ends:
            words = [label.split() for label in fd_store.labels(ends[1])]
    except OSError as error:
        if error.errno in (errno.EBADF, errno.ESRCH):
            return []  # the container has ended since its state was read, and conmon is about to
        raise
    return [(host_ip, int(port), 0, protocol) for host_ip, port, protocol in words]


@contextmanager
def _of_conmon(container: Container) -> Iterator[fd_store.Pair]:
    """:raises InvalidState: the container's conmon is gone, or of an engine that had no such pair."""
    state = container.state
    if not (state.ports_in and process.alive(state.conmon_pid, state.conmon_start)):
        raise InvalidState(f"publish: no process holds the ports of container {container.name}: restart it first")
    with fd_store.of_process(state.conmon_pid, (state.ports_in, state.ports_out)) as ends:
        yield ends


def check_free(name: str, publish: Sequence[Sequence[Any]], own: Sequence[Sequence[Any]], holder: Holder) -> None:
    """Look whether host ports can be bound; those in ``own`` are the container's already, ``holder`` names others'.

    :raises InvalidArgument: a port is taken.
    """
    mine = {(port, protocol) for _ip, port, _container_port, protocol in own}
    for host_ip, port, _container_port, protocol in publish:
        if port and (port, protocol) not in mine:
            found = _reserve(name, host_ip, port, protocol, holder)
            if found is not None:
                found.close()


def choose(publish: Sequence[Sequence[object]], had: Sequence[Port] = ()) -> tuple[Port, ...]:
    """Published ports with a host port in place of every 0: the one it ``had``, else a free one."""
    chosen = []
    taken = {(port, protocol) for _ip, port, _container_port, protocol in publish if port}
    before = {(one[0], one[2], one[3]): one[1] for one in had if (one[1], one[3]) not in taken}
    for host_ip, port, container_port, protocol in publish:
        port = port or before.get((str(host_ip), int(str(container_port)), str(protocol)))
        if not port:
            with _bound(str(host_ip), 0, str(protocol)) as free:
                port = free.getsockname()[1]
        chosen.append((str(host_ip), int(str(port)), int(str(container_port)), str(protocol)))
    return tuple(chosen)
