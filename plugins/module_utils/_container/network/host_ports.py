# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host ports of published ports: chosen where the user names none, and held while the container lives.

A bound socket that conmon holds keeps others from taking the port, and shows at once that it is taken. The traffic
itself never reaches it, for the CNI portmap plugin redirects it before. The sockets that conmon holds can be changed
while the container runs: see ``fd_store``.
"""

from __future__ import annotations

import errno
import fcntl
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Callable, Iterable, Iterator, Sequence

from ..._drivers import process
from ..._drivers.conmon import fd_store
from ..._model.errors import InvalidArgument, InvalidState
from ..._model.failpoints import failpoint
from ..._model.options.network.ports import PortMapping
from ..._model.records.config import ContainerConfig

if TYPE_CHECKING:
    from ..base import ContainerBase

# Returns a description of what has a port and protocol of the host; empty where that is unknown.
Holder = Callable[[PortMapping], str]


def _bound(port: PortMapping) -> socket.socket:
    family = socket.AF_INET6 if ":" in port.host_ip else socket.AF_INET
    kinds = {
        "tcp": (socket.SOCK_STREAM, socket.IPPROTO_TCP),
        "udp": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
        "sctp": (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
    }
    bound = socket.socket(family, *kinds[port.protocol])
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if port.protocol != "udp":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((port.host_ip, port.host_port))
        if port.protocol != "udp":
            bound.listen(1)
    except BaseException:
        bound.close()
        raise
    return bound


def _reserve(subject: str, port: PortMapping, holder: Holder = lambda _port: "") -> socket.socket | None:
    try:
        return _bound(port)
    except OSError as error:
        if error.errno in (errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT, errno.EAFNOSUPPORT):
            return None
        reason = f"cannot be bound: {error.strerror}"
        if error.errno == errno.EADDRINUSE:
            other = holder(port) or "another process or container"
            reason = f"is in use by {other}: stop it, or publish another port"
        elif error.errno == errno.EADDRNOTAVAIL:
            reason = "is not an address of this host: publish on one that it has"
        raise InvalidArgument(
            f"publish: {port.host_ip}:{port.host_port}/{port.protocol}, wanted by {subject}, {reason}"
        ) from error


def _label(port: PortMapping) -> str:
    return f"{port.host_ip} {port.host_port} {port.protocol}"


@contextmanager
def pair(config: ContainerConfig) -> Iterator[Sequence[socket.socket]]:
    """Yield the ends of a socket pair that holds sockets bound to host ports, for conmon to inherit.

    They are closed here in the end, when conmon has them. Empty where the container has no network of its own.
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
    """Bind the container's host ports and put the sockets into the ``pair``.

    :raises InvalidArgument: a port is taken.
    """
    if ends:
        _take(ends[0], f"container {config.name}", config.ports)


def _take(way_in: socket.socket, subject: str, ports: Iterable[PortMapping]) -> None:
    for port in ports:
        bound = _reserve(subject, port)
        if bound is not None:
            with bound:
                fd_store.put(way_in, _label(port), bound)


def hold(container: ContainerBase, ports: Iterable[PortMapping]) -> None:
    """Have the conmon of a live container hold these ports too; ``release`` drops the others.

    :raises InvalidArgument: one is taken.
    """
    with _of_conmon(container) as ends:
        held = fd_store.labels(ends[1])
        # Each host port once.
        wanted = {_label(port): port for port in ports}
        missing = [port for label, port in wanted.items() if label not in held]
        if missing:
            failpoint("hold ports")
            # The same port held on another address is in the way: only that one is dropped before.
            same = {(str(port.host_port), port.protocol) for port in missing}
            fd_store.keep(ends, {label for label in held if tuple(label.split()[1:]) not in same})
            _take(ends[0], f"container {container.name}", missing)


def release(container: ContainerBase, ports: Iterable[PortMapping]) -> None:
    """Have the conmon of a live container hold no other ports than these; the others are free at once."""
    with _of_conmon(container) as ends:
        fd_store.keep(ends, {_label(port) for port in ports})


def of_live(container: ContainerBase) -> list[PortMapping]:
    """Return the ports that a live container's conmon holds, even by an interrupted change; container ports are 0."""
    state = container.state
    if not (state.status.has_process and state.ports_in and process.alive(state.conmon)):
        return []
    try:
        with _of_conmon(container) as ends:
            labels = [label.split() for label in fd_store.labels(ends[1])]
    except OSError as error:
        if error.errno in (errno.EBADF, errno.ESRCH, errno.ENOENT):
            return []  # the container has ended since its state was read, and conmon is about to
        raise
    return [PortMapping(host_ip, int(port), 0, protocol) for host_ip, port, protocol in labels]


def can_change(container: ContainerBase) -> bool:
    """Return whether other ports can be held for a live container; podman's conmon, and an earlier engine's, cannot."""
    return bool(container.state.ports_in) and process.alive(container.state.conmon)


@contextmanager
def _of_conmon(container: ContainerBase) -> Iterator[fd_store.Pair]:
    """Open the pair that the container's conmon holds.

    :raises InvalidState: conmon has ended, or an engine without such a pair started it.
    """
    state = container.state
    if not can_change(container):
        raise InvalidState(f"publish: no process holds the ports of container {container.name}: restart it first")
    with open(f"{container.run_dir}/conmon.pid", "rb") as file:
        # One at a time: how far a look has come is kept in the socket, of which each process has a copy.
        fcntl.flock(file, fcntl.LOCK_EX)
        with fd_store.of_process(state.conmon.pid, (state.ports_in, state.ports_out)) as ends:
            yield ends


def check_free(subject: str, publish: Iterable[PortMapping], own: Iterable[PortMapping], holder: Holder) -> None:
    """Check that host ports can be bound; those in ``own`` are the subject's already, ``holder`` names others'.

    :raises InvalidArgument: a port is taken.
    """
    own_ports = {(port.host_port, port.protocol) for port in own}
    for port in publish:
        if port.host_port and (port.host_port, port.protocol) not in own_ports:
            bound = _reserve(subject, port, holder)
            if bound is not None:
                bound.close()


def choose(publish: Sequence[PortMapping], had: Iterable[PortMapping] = ()) -> tuple[PortMapping, ...]:
    """Return published ports with a host port in place of every 0: the one it ``had``, else a free one."""
    taken = {(port.host_port, port.protocol) for port in publish if port.host_port}
    before = {port._replace(host_port=0): port for port in had if (port.host_port, port.protocol) not in taken}
    return tuple(port if port.host_port else before.get(port) or _on_free_port(port) for port in publish)


def _on_free_port(port: PortMapping) -> PortMapping:
    with _bound(port) as bound:
        return port._replace(host_port=bound.getsockname()[1])
