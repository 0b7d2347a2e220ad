# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task in a container is confined as the container is: as ``runc exec`` shows it, by the kernel's word."""

from __future__ import annotations

from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support import inside, kept_engine, playbooks, sshd
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING

STATUS = "Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp|Seccomp_filters|Umask"
KINDS = "cgroup ipc mnt net pid user uts"
SCRIPT = f"""grep -E '^({STATUS}):' /proc/$$/status; for kind in {KINDS}; do readlink /proc/$$/ns/$kind; done
for file in cgroup limits oom_score_adj uid_map attr/current; do cat /proc/$$/$file; done; pwd; env | sort"""
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "user": {"user": "web", "workdir": "/www", "env": {"A": "1"}},
    "dropped": {"cap_drop": ["ALL"]},
    "added": {"cap_add": ["NET_ADMIN", "SYS_TIME"], "umask": "0027"},
    "added-to-user": {"cap_add": ["NET_ADMIN"], "user": "1000:100", "group_add": ["2000"]},
    "unfiltered": {"security_opt": ["seccomp=unconfined"]},
    "bound": {"security_opt": ["no-new-privileges"], "ulimit": ["core=100:200"], "memory": "64m"},
    "mapped": {"uidmap": ["0:100000:65536"], "gidmap": ["0:100000:65536"]},
    "pids-of-the-host": {"pid": "host", "ipc": "host", "uts": "host"},
    "privileged": {"privileged": True},
}


@pytest.fixture(scope="module", name="serving")
def _serving() -> Iterator[Host]:
    with Host() as host, sshd.Sshd():
        kept_engine.install(host.parts.static_root)
        yield host


@pytest.mark.parametrize("plugin", [inside, sshd], ids=["libpod", "libpod_ssh"])
def test_command_is_confined_as_by_the_runtime(serving: Host, plugin: Any) -> None:
    made = {
        name: serving.container(name, image="busybox", command=WAITING, network="none", **options)
        for name, options in OPTIONS.items()
    }
    assert not [one for one in made.values() if one.failed], made
    task = {"raw": "echo {{ inventory_hostname }}; " + SCRIPT}
    hosts = {name: plugin.variables(serving) for name in OPTIONS}
    played = playbooks.play([task], hosts=hosts, settings=sshd.settings())
    shown = dict(one["stdout"].split("\n", 1) for one in played.tasks)
    assert set(shown) == set(OPTIONS)
    runtime = ["runc", "--root", f"{serving.parts.run_root}/runc", "exec"]
    for name, one in made.items():
        umask = OPTIONS[name].get("umask", "0022")  # runc gives the process its own
        expected = serving.run(
            "sh", "-c", f'umask {umask}; exec "$0" "$@"', *runtime, one["container"]["Id"], "sh", "-c", SCRIPT
        )
        assert "CapBnd" in expected and "Seccomp" in expected
        assert shown[name].splitlines() == expected.splitlines(), name


def test_named_user_has_no_capability_and_the_containers_filter(serving: Host) -> None:
    assert not serving.container("c", image="busybox", command=WAITING, network="none").failed
    script = "id; grep -E '^(CapEff|CapPrm|Seccomp|NoNewPrivs)' /proc/$$/status; echo $HOME"
    lines = inside.play(serving, [{"raw": script}], user="web")["raw"]["stdout_lines"]
    assert lines[0].startswith("uid=1000(web) gid=1000(web)")
    assert [line.split() for line in lines[1:5]] == [
        ["CapPrm:", "0" * 16],
        ["CapEff:", "0" * 16],
        ["NoNewPrivs:", "0"],
        ["Seccomp:", "2"],
    ]
    assert lines[-1] == "/home/web"
