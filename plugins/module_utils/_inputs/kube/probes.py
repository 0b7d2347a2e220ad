# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes of a container, as the health checks that podman makes of them."""

from __future__ import annotations

import re
import shlex
from typing import Mapping

from ..._model.foreign import Foreign
from ..fields import Fields, Translate, scalar, scalars, to
from ..stack import Options

_PERIODS = {
    "periodSeconds": 10,
    "timeoutSeconds": 1,
    "failureThreshold": 3,
    "initialDelaySeconds": 0,
    "successThreshold": 1,
}
_HANDLERS = ("exec", "httpGet", "tcpSocket")


class Probes:
    """Translates the probes of containers."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields

    def options(self, container: Foreign, restarts: bool) -> Options:
        """Return the options of ``livenessProbe`` and ``startupProbe``; a failure restarts where ``restarts``."""
        found: Options = {}
        if container["livenessProbe"]:
            found = self._check(container["livenessProbe"], container)
        if container["startupProbe"]:
            startup = self._check(container["startupProbe"], container)
            names = {
                "healthcheck": "health_startup_cmd",
                "healthcheck_interval": "health_startup_interval",
                "healthcheck_retries": "health_startup_retries",
                "healthcheck_timeout": "health_startup_timeout",
            }
            if not found:  # a startup check goes with a health check
                found = {**startup, "healthcheck": ["CMD-SHELL", "exit 0"]}
            elif container["startupProbe"]["initialDelaySeconds"]:
                self._fields.ignore(container["startupProbe"]["initialDelaySeconds"])
            found.update((name, startup[option]) for option, name in names.items())
            found["health_startup_success"] = container["startupProbe"]["successThreshold"].integer(1, low=1)
        if found and restarts:
            found["healthcheck_failure_action"] = "restart"
        return found

    def _check(self, node: Foreign, container: Foreign) -> Options:
        known: dict[str, Translate] = {
            "exec": lambda one: {"command": self._exec(one)},
            "httpGet": lambda one: {"command": self._http(one, container)},
            "tcpSocket": lambda one: {"command": self._tcp(one, container)},
            **{name: to(name, lambda one: one.integer(required=True, low=0, high=1 << 31)) for name in _PERIODS},
        }
        found = self._fields.of(node, known, ("terminationGracePeriodSeconds",))
        if sum(bool(node[key]) for key in _HANDLERS) != 1:
            node.fail(f"one of {', '.join(_HANDLERS)}")
        periods = {name: found.get(name) or default for name, default in _PERIODS.items()}
        return {
            "healthcheck": found["command"],
            "healthcheck_interval": f"{periods['periodSeconds']}s",
            "healthcheck_timeout": f"{periods['timeoutSeconds']}s",
            "healthcheck_retries": periods["failureThreshold"],
            "healthcheck_start_period": f"{periods['initialDelaySeconds']}s",
        }

    def _exec(self, node: Foreign) -> list[str]:
        command = self._fields.of(node, {"command": to("command", scalars)}).get("command")
        if not command:
            node["command"].fail("a command")
        return ["CMD", *command]

    def _http(self, node: Foreign, container: Foreign) -> list[str]:
        known = {key: to(key, scalar) for key in ("host", "path", "port", "scheme")}
        found = self._fields.of(node, known)
        scheme = found.get("scheme", "HTTP").lower()
        if scheme not in ("http", "https"):
            node["scheme"].fail("HTTP or HTTPS")
        path = "/" + found.get("path", "/").lstrip("/")
        url = f"{scheme}://{found.get('host', 'localhost')}:{_port(node['port'], container)}{path}"
        return ["CMD-SHELL", f"curl -f {shlex.quote(url)} || exit 1"]

    def _tcp(self, node: Foreign, container: Foreign) -> list[str]:
        found: Mapping[str, str] = self._fields.of(node, {key: to(key, scalar) for key in ("host", "port")})
        host = shlex.quote(found.get("host", "localhost"))
        return ["CMD-SHELL", f"nc -z -v {host} {_port(node['port'], container)} || exit 1"]


def _port(node: Foreign, container: Foreign) -> int:
    """Return the number of a port, which may be the name of one of the container's."""
    if isinstance(node.value, str) and not re.fullmatch("[0-9]{1,5}", node.value):
        named = [one for one in container["ports"] if one["name"].value == node.value]
        if len(named) != 1:
            node.fail("a number, or the name of one of the container's ports")
        return named[0]["containerPort"].integer(required=True, low=1, high=65535)
    if isinstance(node.value, str):
        node = Foreign(int(node.value), node.origin, node.path)
    return node.integer(required=True, low=1, high=65535)
