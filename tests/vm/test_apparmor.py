# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AppArmor's profiles, which the guest's kernel enforces: the container's, and that of each command in it."""

from __future__ import annotations

import contextlib
from typing import Any, Iterable, Iterator

from ansible_collections.libpod.engine.tests.support import inside, playbooks, sshd
from ansible_collections.libpod.engine.tests.support.machine import Machine
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}
OURS = "profile of-ours flags=(attach_disconnected) { file, network, capability, signal, }"
PORT = 2222  # the guest's own sshd has the usual one
LABEL = "/proc/self/attr/apparmor/current"


def run(host: Machine, name: str = "c", **options: Any) -> Result:
    made = host.container(name, **{**BASE, **options})
    assert not made.failed, made
    return made


@contextlib.contextmanager
def profile(host: Machine) -> Iterator[str]:
    """Have a profile of the host loaded, and yield its name."""
    host.run("apparmor_parser", "--replace", "--skip-cache", input=OURS)
    try:
        yield "of-ours"
    finally:
        host.empty()
        host.run("apparmor_parser", "--remove", input=OURS)


def test_default_apparmor_profile_confines(host: Machine) -> None:
    process = Process(run(host))
    assert process.read("attr/apparmor/current") == "libpod-default (enforce)\n"
    script = "mount -t tmpfs none /mnt || echo refused; echo x > /proc/sysrq-trigger || echo refused"
    done = run(host, "able", command=["sh", "-c", script], cap_add=["SYS_ADMIN"], detach=False, recreate=True)
    assert done["stdout"] == "refused\nrefused\n", done
    for options in ({"privileged": True}, {"security_opt": ["apparmor=unconfined"]}):
        assert Process(run(host, **options)).read("attr/apparmor/current") == "unconfined\n"
    refused = host.container("c", **BASE, security_opt=["apparmor=none-of-this-name"])
    assert refused.failed and "none-of-this-name is not loaded" in refused["msg"], refused
    with profile(host) as name:
        named = Process(run(host, security_opt=[f"apparmor={name}"]))
        assert named.read("attr/apparmor/current") == f"{name} (enforce)\n"


def test_command_in_a_container_has_its_profile_however_it_gets_there(host: Machine) -> None:
    host.play([{"libpod.engine.libpod_container_info": {"name": "c"}}])  # libpod_ssh runs the engine that is kept
    with profile(host) as name, sshd.Sshd(port=PORT):
        options: dict[str, dict[str, Any]] = {
            "plain": {},
            "named": {"security_opt": [f"apparmor={name}"]},
            "open": {"privileged": True},
        }
        expected = dict(zip(options, ("libpod-default (enforce)", f"{name} (enforce)", "unconfined")))
        made = {one: run(host, one, **more)["container"]["Id"] for one, more in options.items()}
        runtime = host.parts.oci_runtime
        look = ("cat", LABEL)
        for one, identity in made.items():
            shown = host.run(runtime, "--root", f"{host.parts.run_root}/{runtime}", "exec", identity, *look)
            assert shown.strip() == expected[one]
            done = host.module("libpod_container_exec", {"name": one, "argv": list(look)})
            assert done["stdout"].strip() == host.command("exec", one, *look).stdout.strip() == expected[one]
        assert _labels_of_tasks(host, options) == {(one, how): expected[one] for one in options for how in _WAYS}


_WAYS = ("libpod", "libpod as another user", "libpod_ssh")


def _labels_of_tasks(host: Machine, names: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return the label of a task in each container by each way there, all of one play."""
    hosts: dict[str, dict[str, Any]] = {}
    for name in names:
        ways = (
            inside.variables(host, libpod_host=name),
            inside.variables(host, libpod_host=name, user="web"),
            sshd.variables(host, libpod_container=name, ssh_port=PORT),
        )
        hosts.update({f"{name} {how}": variables for how, variables in zip(_WAYS, ways)})
    played = playbooks.play([{"raw": f"cat {LABEL}"}], hosts=hosts, settings=sshd.settings())
    found = (one["inventory_host"].partition(" ")[::2] + (one["stdout"].strip(),) for one in played.tasks)
    return {(name, how): label for name, how, label in found}
