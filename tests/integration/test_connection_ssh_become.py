# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``become`` by sudo and su in a container of a remote host, where the login becomes root on the host by a password."""

from __future__ import annotations

from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support import kept_engine, playbooks, sshd
from ansible_collections.libpod.engine.tests.support.hosts import Host

# Who becomes whom in the container, on whose host the login has become root by sudo's password.
BECOME: dict[str, tuple[dict[str, Any], str]] = {
    "sudo with a password": ({"libpod_user": "joe", "become_password": "secret"}, "root"),
    "su with a password": ({"libpod_user": "ann", "become_method": "su", "become_password": "toor"}, "root"),
    "su to another user": (
        {"libpod_user": "ann", "become_method": "su", "become_user": "joe", "become_password": "secret"},
        "joe",
    ),
    "su of root": ({"become_method": "su", "become_user": "joe"}, "joe"),
}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "sudo": ({"libpod_user": "joe", "become_password": "wrong"}, "Incorrect sudo password"),
    "su": ({"libpod_user": "joe", "become_method": "su", "become_password": "wrong"}, "Incorrect su password"),
}
# By su modules are files, pipelining or not, and an ordinary user's are joe's to read.
FILES = {"ANSIBLE_REMOTE_TEMP": "/tmp", "ANSIBLE_SHELL_ALLOW_WORLD_READABLE_TEMP": "1"}


@pytest.fixture(scope="module", name="debian")
def _debian() -> Iterator[tuple[Host, dict[str, Any]]]:
    """Yield a host whose container has users, and the variables of a login that becomes root there by a password."""
    with Host() as host, sshd.Sshd():
        kept_engine.install(host.parts.static_root)
        made = host.container("c", image=host.debian(), command=["sleep", "infinity"], network="none")
        assert not made.failed, made
        sshd.add_user("ALL")
        how: dict[str, Any] = {
            "user": sshd.USER,
            "libpod_host_become": True,
            "libpod_host_become_password": sshd.PASSWORD,
        }
        users = "useradd -m joe; useradd -m ann; echo joe:secret | chpasswd; echo root:toor | chpasswd"
        sshd.play(host, [{"raw": f"{users}; echo 'joe ALL=(ALL) ALL' >/etc/sudoers.d/joe"}], **how)
        yield host, how


def _play_become(
    debian: tuple[Host, dict[str, Any]], cases: dict[str, tuple[dict[str, Any], str]], pipelining: str = "1"
) -> playbooks.Played:
    """Run a module and a command with become, each case a host of one play."""
    host, login = debian
    hosts = {
        name: sshd.variables(host, libpod_container="c", become=True, **login, **how)
        for name, (how, _expected) in cases.items()
    }
    tasks: list[dict[str, Any]] = [{"command": "id -un"}, {"raw": "id -un; echo error >&2"}]
    changed = {**sshd.settings(), **FILES, "ANSIBLE_PIPELINING": pipelining}
    played = playbooks.play(tasks, hosts=hosts, settings=changed, ok=cases is BECOME)
    words = {how.get("become_password", sshd.PASSWORD) for how, _expected in cases.values()} - {"wrong"}
    assert not [word for word in {*words, sshd.PASSWORD} if word in played.output]
    return played


@pytest.mark.parametrize("pipelining", ["0", "1"])
def test_become_in_the_container_follows_become_on_the_host(
    debian: tuple[Host, dict[str, Any]], pipelining: str
) -> None:
    played = _play_become(debian, BECOME, pipelining)
    results = {(one["inventory_host"], one["task"]): one for one in played.tasks}
    for name, (_how, expected) in BECOME.items():
        command, raw = results[name, "command"], results[name, "raw"]
        assert command["stdout"] == expected, (name, command)
        assert (raw["stdout"], raw["stderr"].strip()) == (f"{expected}\n", "error"), (name, raw)


def test_wrong_password_of_become_in_the_container_fails_the_task(debian: tuple[Host, dict[str, Any]]) -> None:
    played = _play_become(debian, WRONG)
    results = {one["inventory_host"]: one for one in played.tasks}
    for name, (_how, message) in WRONG.items():
        assert results[name]["msg"].endswith(message) and "unreachable" not in results[name], results[name]
