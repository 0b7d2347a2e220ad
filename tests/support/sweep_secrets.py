# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets created, replaced and removed, and replaced in a running container, for the kill sweep to interrupt."""

from __future__ import annotations

import os

from .hosts import Host
from .process import Process
from .sweep import Operation, Task
from .sweep_tasks import ABSENT, RUNNING, Options, does, inspected, module, runs, started

_USING: Options = {**RUNNING, "secrets": ["key"], "secrets_changed": "replace"}


def _path(host: Host) -> str:
    return f"{host.parts.static_root}/secrets/key"


def _put(content: str) -> Task:
    def check(host: Host) -> None:
        with open(_path(host), encoding="ascii") as file:
            assert file.read() == content
        assert os.stat(_path(host)).st_mode & 0o777 == 0o600

    return module("libpod_secret", {"name": "key", "data": content, "labels": {"content": content}}, check)


def _is_gone(host: Host) -> None:
    assert not os.path.lexists(_path(host))


def _has_the_second(host: Host) -> None:
    runs(host, _USING)
    assert Process(inspected(host)).read("root/run/secrets/key") == "second"


_REMOVED = module("libpod_secret", {"name": "key", "state": "absent"}, _is_gone)
OPERATIONS = {
    "secret replaced": Operation([_put("first")], _put("second"), _REMOVED, other=_put("first")),
    "secret created": Operation([_put("first"), _REMOVED], _put("first"), _REMOVED, other=_REMOVED),
    "secret replaced in a container": Operation(
        [ABSENT, _put("first"), started(_USING), does(lambda host: _put("second").run(host, ""))],
        started(_USING)._replace(check=_has_the_second),
        Task(lambda host, kill_at: [ABSENT.run(host, kill_at), _REMOVED.run(host, "")][0]),
    ),
}
