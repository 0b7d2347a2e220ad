# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server of podman's that changes hands, and a client that must not notice."""

from __future__ import annotations

import http.client
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Sequence

import pytest

from . import kept_engine
from .hosts import Host
from .podman import HAS_PODMAN_4, OF_DEBIAN_13, OWN, Podman
from .process import PATIENCE, eventually

ADDRESS, PORT = "198.51.100.1", 8080
SERVER = "trap 'exit 0' TERM; mkdir -p /www; echo served > /www/index.html; httpd -f -p 80 -h /www & wait"
COMMAND = ["sh", "-c", SERVER]
PUBLISHED = ["-p", f"{PORT}:80"]
INTERVAL = 0.01
# The default network of each backend, the second number of its subnet, and the podman: 4 with BoltDB, 5 with SQLite.
BACKENDS = {"cni": ("libpod", "87", OWN), "netavark": ("podman", "88", OF_DEBIAN_13)}


@contextmanager
def side_by_side(session: pytest.Session, *podman: str, **options: Any) -> Iterator[tuple[Host, Podman]]:
    """Yield a host with both engines on one store; unless a test fails, they must leave nothing in the end."""
    with Host(**options) as host:
        theirs = Podman(host, *podman)
        kept_engine.install(host.parts.static_root)
        try:
            yield host, theirs
        finally:
            if not session.testsfailed:
                host.empty()
                theirs.remove()
                host.expect_clean()


@contextmanager
def of_backend(request: pytest.FixtureRequest) -> Iterator[tuple[Host, Podman]]:
    """Yield what ``side_by_side`` does for the backend that is the fixture's parameter."""
    default, _subnet, release = BACKENDS[request.param]
    if release == OWN and not HAS_PODMAN_4:
        pytest.skip("this Debian's podman is podman 5")
    with side_by_side(request.session, default, release, network_backend=request.param) as both:
        yield both


def database(host: Host) -> str:
    """Return the path of the database that the host's podman has of itself."""
    name = "libpod/bolt_state.db" if host.parts.network_backend == "cni" else "db.sql"
    return f"{host.parts.storage_root}/{name}"


def conmons(host: Host) -> list[int]:
    """Return the host's conmons: that of an ended container waits for podman's cleanup, which changes the database."""
    return [pid for pid in host.cgroups.processes() if _name(pid) == "conmon\n"]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text("ascii")
    except OSError:
        return ""  # it has just ended


def clear(host: Host, podman: Podman) -> None:
    """Remove every container and volume of both engines."""
    host.empty()
    podman.run("rm", "--force", "--time", "0", "--all")
    eventually(lambda: not conmons(host))
    podman.run("volume", "prune", "--force")
    for volume in host.module("libpod_volume_info")["volumes"]:
        host.module("libpod_volume", {"name": volume["Name"], "state": "absent"})


class Probe(threading.Thread):
    """Ask the server every 10 ms until the end of the ``with``, whose requests must all have been answered."""

    def __init__(self) -> None:
        super().__init__()
        self._end = threading.Event()
        self.answers: list[float] = []
        self.failures: list[str] = []

    def __enter__(self) -> Probe:
        eventually(lambda: self._ask() == "")
        self.answers.clear()
        self.start()
        return self

    def __exit__(self, *_reason: object) -> None:
        time.sleep(5 * INTERVAL)
        self._end.set()
        self.join()

    def run(self) -> None:
        while not self._end.wait(INTERVAL):
            failure = self._ask()
            if failure:
                self.failures.append(failure)

    def _ask(self) -> str:
        """Return what went wrong, empty for an answer."""
        began = time.monotonic()
        connection = http.client.HTTPConnection(ADDRESS, PORT, timeout=2 * PATIENCE)
        try:
            connection.request("GET", "/")
            answer = connection.getresponse()
            text = answer.read()
        except OSError as error:
            return f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        self.answers.append(time.monotonic() - began)
        return "" if (answer.status, text) == (200, b"served\n") else f"{answer.status}: {text!r}"


def begun(podman: Podman, *args: str, name: str = "web", command: Sequence[str] = ()) -> dict[str, Any]:
    """Run podman's container, and return what podman inspect says of it."""
    podman.run("run", "-d", "--name", name, *args, "localhost/busybox", *(command or COMMAND))
    return podman.rows("inspect", name)[0]


def handed(host: Host, state: str, name: str = "web") -> Any:
    """Return the result of a task that brings a container to the state, as predicted; again it does nothing."""
    predicted = host.container(name, check=True, state=state)
    done = host.container(name, state=state)
    assert not done.failed and done.changed, done
    assert predicted["actions"] == done["actions"] and predicted["plan"] == done["plan"]
    again = host.container(name, state=state)
    assert not again.failed and not again.changed, again
    return done
