# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode predicts what the run does, over nearly every option, refusals included."""

from __future__ import annotations

import random
from typing import Any

from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.prediction import run_task_as_predicted, settled
from ansible_collections.libpod.engine.tests.support.random_tasks import BASE, CHOICES, some_options
from ansible_collections.libpod.engine.tests.support.seeds import SEED, seeded

WIDE: dict[str, list[Any]] = {
    **CHOICES,
    "entrypoint": [None, "", ["env"]],
    "group_add": [None, ["1000"], ["12", "1000"]],
    "umask": [None, "0022", "027"],
    "timezone": [None, "UTC", "Europe/Berlin", "local"],
    "init": [None, True],
    "oom_score_adj": [None, 100, 1000],
    "env_merge": [None, {"PATH": "/opt:${PATH}"}],
    "unsetenv": [None, ["A"]],
    "http_proxy": [None, False],
    "image_volume": [None, "tmpfs", "ignore"],
    "publish_all": [None, True],
    "expose": [None, ["80"], ["8000-8003/udp"]],
    "network_aliases": [None, ["db"]],
    "ip": [None, "10.87.0.77"],
    "mac_address": [None, "02:00:00:00:00:07"],
    "ipc": [None, "shareable", "none", "host"],
    "pid": [None, "host"],
    "uts": [None, "host"],
    "cgroupns": [None, "private", "host"],
    "uidmap": [None, ["0:100000:65536"]],
    "dns_option": [None, ["ndots:2"]],
    "dns_search": [None, ["example.com"], ["."]],
    "no_hosts": [None, True],
    "memory_swap": [None, "128m", "-1"],
    "cpus": [None, "0.5", 1.5],
    "cpuset_cpus": [None, "0", "0-1"],
    "memory_reservation": [None, "16m"],
    "blkio_weight": [None, 500],
    "cap_add": [None, ["NET_ADMIN"], ["all"]],
    "cap_drop": [None, ["ALL"], ["chown"]],
    "privileged": [None, True],
    "device": [None, ["/dev/null"]],
    "read_only_tmpfs": [None, False],
    "rewindable": [None, True],
    "security_opt": [None, ["no-new-privileges"], ["seccomp=unconfined", "mask=/sys/fs"]],
    "sysctl": [None, {"net.ipv4.ip_forward": "1"}, {"kernel.msgmax": 4096}],
    "shm_size": [None, "1m", "64m"],
    "stop_signal": ["KILL", "9", "SIGTERM"],
    "timeout": [None, 3600],
    "restart_policy": [None, "on-failure:2", "always", "unless-stopped", "no"],
    "rm": [None, None, True],
    "cidfile": [None, "/srv/cid"],
    "pid_file": [None, "/srv/pid"],
    "personality": [None, "LINUX32"],
    "systemd": [None, "false", "always"],
    "cgroups": [None, "no-conmon", "disabled"],
    "sdnotify": [None, "ignore"],
    "log_driver": [None, "none", "k8s-file"],
    "health_startup_cmd": [None, "true"],
    "health_on_failure": [None, "kill", "restart"],
    "healthcheck_retries": [None, 2],
    "interactive": [None, True],
    "tty": [None, True],
    "volumes_from": [None, ["lender"], ["lender:ro"]],
    "network": ["none", "none", "bridge", None, "host", "container:lender", "libpod:alias=x"],
    "command": [BASE["command"], "sleep 1000", ["sleep", "1001"]],
    "requires": [None, ["lender"]],
    "passwd": [None, False],
    "hostuser": [None, "root"],
    "userns": [None, None, "auto"],
    "chrootdirs": [None, "/chroot"],
    "conmon_pidfile": [None, "/srv/conmon.pid"],
    "passwd_entry": [None, "$USERNAME:*:$UID:$GID::$HOME:/bin/sh"],
    "env_host": [None, True],
    "image_strict": [None, True],
    "log_opt": [None, {"max_size": "1m"}, {"max_size": "2m"}, {"path": "/srv/c.log"}],
    "device_read_bps": [None, ["/dev/null:1m"]],
    "device_cgroup_rule": [None, "c 1:3 r"],
    "health_startup_interval": [None, "1h"],
    "etc_hosts": [None, {"db": "192.0.2.9"}, {"db": "host-gateway"}],
    "state": [*CHOICES["state"], "created", "absent"],
    "wait": [None, None, "healthy"],
    "wait_timeout": [2],
    "recreate_policy": [None, None, None, "never"],
}


@seeded
def test_check_mode_predicts_tasks_of_any_options(host: Host) -> None:
    pick, wanted = random.Random(SEED), {}
    assert not host.container("lender", **BASE, network="none", volume=["lent:/lent"]).failed
    refused = 0
    for number in range(30):
        earlier, wanted = wanted, some_options(pick, WIDE, wanted)
        other = {key: (earlier.get(key), wanted.get(key)) for key in {*earlier, *wanted}}
        changes = {key: pair for key, pair in sorted(other.items()) if pair[0] != pair[1]}
        where = f"seed {SEED}, pair {number}: {changes} in {wanted}"
        task = {**BASE, **wanted}
        done = run_task_as_predicted(host, "c", task, where)
        if done.failed:
            refused += 1
            wanted = earlier
            continue
        settled(host, task, where)
    assert refused < 25
