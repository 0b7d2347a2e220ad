# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection plugin ``libpod`` and a Debian with a user namespace: files belong to the mapped users."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support import inside
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.inside import PIPELINED
from ansible_collections.libpod.engine.tests.support.process import Process

MAPPED = {"uidmap": ["0:100000:65536"], "gidmap": ["0:200000:65536"]}
FILES = {"ANSIBLE_PIPELINING": "0", "ANSIBLE_SHELL_ALLOW_WORLD_READABLE_TEMP": "1"}


@pytest.fixture(scope="module", name="mapped")
def _mapped() -> Iterator[tuple[Host, dict[str, Process]]]:
    """Yield a host, and its containers ``auto``, with the next free IDs, and ``set``."""
    with Host() as host:
        for name, first in (("subuid", 300000), ("subgid", 400000)):
            with open(f"/etc/{name}", "w", encoding="ascii") as file:
                file.write(f"containers:{first}:65536\n")
        options: dict[str, Any] = {"image": host.debian(copy=True), "command": ["sleep", "infinity"], "network": "none"}
        made = {
            name: host.container(name, **options, **how)
            for name, how in (("auto", {"userns": "auto"}), ("set", MAPPED))
        }
        assert not [one for one in made.values() if one.failed], made
        yield host, {name: Process(one) for name, one in made.items()}


@pytest.mark.parametrize(
    ("name", "shift", "settings"), [("auto", (300000, 400000), PIPELINED), ("set", (100000, 200000), FILES)]
)
def test_files_belong_to_the_users_of_the_namespace(
    mapped: tuple[Host, dict[str, Process]], tmp_path: Path, name: str, shift: tuple[int, int], settings: dict[str, str]
) -> None:
    host, processes = mapped
    source = tmp_path / "source"
    source.write_bytes(os.urandom(100_000))
    tasks: list[dict[str, Any]] = [
        {"copy": {"src": str(source), "dest": "/root/of-root"}},
        {"copy": {"src": str(source), "dest": "/root/given", "owner": "www-data", "group": "games"}},
        {"copy": {"src": str(source), "dest": "/tmp/direct"}, "remote_user": "www-data"},
        {"copy": {"src": str(source), "dest": "/tmp/sudo"}, "become": True, "become_user": "www-data"},
        {"fetch": {"src": "/root/given", "dest": str(tmp_path / "back"), "flat": True}},
        {"command": "id -un", "become": True, "become_user": "www-data"},
    ]
    played = inside.play(host, tasks, name, settings={**settings, "ANSIBLE_REMOTE_TEMP": "/tmp"})
    assert played["command"]["stdout"] == "www-data"
    assert (tmp_path / "back").read_bytes() == source.read_bytes()
    owners = {"/root/of-root": (0, 0), "/root/given": (33, 60), "/tmp/direct": (33, 33), "/tmp/sudo": (33, 33)}
    for path, (user, group) in owners.items():
        found = os.stat(processes[name].path(f"root{path}"))
        assert (path, found.st_uid, found.st_gid) == (path, shift[0] + user, shift[1] + group)
