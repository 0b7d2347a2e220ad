# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of libpod_container that the kill sweep interrupts, each with what is true once it is finished."""

from __future__ import annotations

import os
import shutil
import signal
from typing import Any, Callable

from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.store import ImageStore
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime

from . import cgroup_files, kernel
from .hosts import Host
from .modules import Result
from .networks import define_networks, forget_networks, links
from .process import UNMAKEABLE, Process, eventually, kill_all
from .sweep import Operation, Task
from .sweep_tasks import (
    ABSENT,
    RUNNING,
    SERVING,
    STOPPED,
    TURNS,
    Options,
    does,
    fails,
    inspected,
    module,
    runs,
    started,
)


def _no_volumes(host: Host) -> None:
    shutil.rmtree(f"{host.parts.static_root}/volumes", ignore_errors=True)


def _is_paused(host: Host) -> None:
    one = runs(host, {**SERVING, "state": "paused"})
    assert cgroup_files.read("freezer", one["State"]["CgroupPath"], "freezer.state") == "FROZEN"


# Marks: a file in /dev/shm lives as long as the process, one in the root file system as long as the container.


def _mark(*paths: str) -> Task:
    def mark(host: Host) -> None:
        for path in paths:
            open(f"/proc/{inspected(host)['State']['Pid']}/root{path}", "w", encoding="ascii").close()

    return does(mark)


def _marked(one: dict[str, Any], path: str) -> bool:
    return os.path.exists(f"/proc/{one['State']['Pid']}/root{path}")


PROCESS, CONTAINER = "/dev/shm/process", "/container"

# Rewindable containers.
REWINDABLE: Options = {**RUNNING, "rewindable": True}
LATER = "/later"
FILES = "place|spare|rewind|next|make|resume|mkdir|rmdir|name|signal|runc|remove"


def _has_mark(host: Host) -> None:
    """Mark the container with a file in it, unless that was done."""
    if not _marked(inspected(host), CONTAINER):
        _mark(CONTAINER).run(host, "")
        assert not host.module("libpod_container", {"name": "web", "state": "marked"}).failed


def _is_marked(host: Host) -> None:
    assert _marked(runs(host, REWINDABLE), CONTAINER)
    container = Runtime(host.parts).container("web")
    assert container.rewindable and not container.rewindable.differs(container.id)
    assert os.path.exists(f"{container.rewindable.layers(container.id).lower[0]}{CONTAINER}")


def _is_rewound(host: Host) -> None:
    one = runs(host, REWINDABLE)
    assert _marked(one, CONTAINER) and not _marked(one, LATER)


# Everything that changes in place, and a way back.
BLOCK = next((f"/dev/{name}" for name in ("vda", "sda", "loop0") if os.path.exists(f"/dev/{name}")), "")
FRONT: Options = {**SERVING, "network": ["libpod", "second"]}
BACK: Options = {
    **FRONT,
    "network": ["second", "third"],
    "publish": ["8081:80"],
    "memory": "96m",
    **({} if cgroup_files.unified() else {"memory_swappiness": 7, "oom_kill_disable": True}),
    "device_read_bps": [f"{BLOCK}:1m"],
    "dns": ["192.0.2.1"],
    "etc_hosts": {"db": "192.0.2.9"},
    "label": {"a": "1"},
    "annotation": {"a": "1"},
    "restart_policy": "unless-stopped",
    "stop_timeout": 3,
    "healthcheck": "true",
    "healthcheck_interval": "1h",
}


def _is_live(host: Host, options: Options) -> None:
    """As the options say, and still the same process."""
    one, back = runs(host, options), options == BACK
    assert _marked(one, PROCESS)
    process = Process(one)
    subnets = sorted(address[:6] for addresses in links(process).values() for address in addresses)
    assert subnets == (["10.90.", "10.91."] if back else ["10.87.", "10.90."])
    for name, text in (("resolv.conf", "nameserver 192.0.2.1\n"), ("hosts", "192.0.2.9\tdb\n")):
        assert (text in process.read(f"root/etc/{name}")) == back
    if not cgroup_files.unified():
        assert (process.cgroup("memory", "memory.swappiness") == "7") == back
        assert f"oom_kill_disable {int(back)}" in (process.cgroup("memory", "memory.oom_control") or "")
    assert bool(process.cgroup("blkio", "blkio.throttle.read_bps_device")) == back
    assert one["HostConfig"]["RestartPolicy"]["Name"] == ("unless-stopped" if back else "no")
    eventually(lambda: len(_runners(host)) == back)


def _runners(host: Host) -> list[int]:
    """Return the health runners: one per container, with a child during a check."""
    return [pid for pid in host.cgroups.processes() if "\0health\0" in _command_line(pid)]


def _command_line(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def _live(options: Options) -> Task:
    return module("libpod_container", options, lambda host: _is_live(host, options))


NETWORKS = does(lambda host: define_networks("second", "third"))
LIVE = [NETWORKS, _live(FRONT), _mark(PROCESS)]


def _absent_with_networks(host: Host, kill_at: str) -> Result:
    result = ABSENT.run(host, kill_at)
    forget_networks()
    return result


# Drift of every kind, at once.
DRIFTING: Options = {**SERVING, "healthcheck": "true", "healthcheck_interval": "1h"}


def _meddle(host: Host) -> None:
    one = inspected(host)
    process = Process(one)
    assert process.run("ip", "link", "del", "eth0").returncode == 0
    with open(process.path("root/etc/hosts"), "a", encoding="ascii") as stream:
        stream.write("192.0.2.66 elsewhere\n")
    cgroup_files.write("memory", one["State"]["CgroupPath"], "memory.limit_in_bytes", "33554432")
    if not cgroup_files.unified():
        cgroup_files.write("memory", one["State"]["CgroupPath"], "memory.oom_control", "1")
    kernel.umount(one["NetworkSettings"]["SandboxKey"])
    os.unlink(one["NetworkSettings"]["SandboxKey"])
    kill_all(_runners(host))
    eventually(lambda: not _runners(host))


def _flush(host: Host) -> None:
    rules = host.run("iptables", "-t", "nat", "-S")
    host.run("iptables", "-t", "nat", "-F", next(line.split()[1] for line in rules.splitlines() if "-N CNI-DN" in line))
    host.run("iptables", "-t", "nat", "-F", "POSTROUTING")


def _drifted(meddle: Callable[[Host], None]) -> list[Task]:
    return [started(DRIFTING), _mark(PROCESS), does(meddle)]


def _is_whole(host: Host) -> None:
    one = runs(host, DRIFTING)
    process = Process(one)
    assert _marked(one, PROCESS) and "elsewhere" not in process.read("root/etc/hosts")
    if not cgroup_files.unified():
        assert "oom_kill_disable 0" in (process.cgroup("memory", "memory.oom_control") or "")
    assert os.stat(one["NetworkSettings"]["SandboxKey"]).st_ino == process.namespace("net")
    address = one["NetworkSettings"]["IPAddress"]
    assert f"-A POSTROUTING -s {address}/32" in host.run("iptables", "-t", "nat", "-S")
    eventually(lambda: len(_runners(host)) == 1)


WHOLE = module("libpod_container", DRIFTING, _is_whole)
WHOLE_RULES = module("libpod_container", {**DRIFTING, "drift": "full"}, _is_whole)


def _end_conmon(host: Host) -> None:
    one = inspected(host)
    assert Process(one).run("umount", "/data").returncode == 0
    os.kill(one["State"]["ConmonPid"], signal.SIGKILL)
    eventually(lambda: not _command_line(one["State"]["ConmonPid"]))


def _is_the_old_one(host: Host) -> None:
    assert _marked(runs(host, RUNNING), CONTAINER)


def _is_the_old_process(host: Host) -> None:
    assert _marked(runs(host, RUNNING), PROCESS)


# What takes files of its own, on the host and in the run directory.
FILED: Options = {
    **RUNNING,
    **{option: f"/srv/told/{option}" for option in ("cidfile", "pid_file", "conmon_pidfile")},
    "secrets": ["word"],
    "user": "4711",
    "uidmap": ["0:100000:65536"],
    "volume": ["/anonymous"],
    "tmpfs": {"/www": "mode=0700,ro"},
}


def _with_files(host: Host) -> None:
    os.makedirs(f"{host.parts.static_root}/secrets", 0o700)
    os.mkdir("/srv/told")
    with open(os.open(f"{host.parts.static_root}/secrets/word", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(b"secret")


def _absent_with_files(host: Host, kill_at: str) -> Result:
    result = host.module("libpod_container", {"name": "web", "state": "absent", "delete_volumes": True})
    for folder in (f"{host.parts.static_root}/secrets", "/srv/told"):
        assert not result.failed and set(os.listdir(folder) if os.path.isdir(folder) else []) <= {"word", ".engine"}
        shutil.rmtree(folder, ignore_errors=True)
    return result


WITHOUT_FILES = Task(_absent_with_files)
MOUNTED: Options = {
    **SERVING,
    "volume": ["data:/data:nosuid", "more:/more", "/etc/ssl:/swapped"],
    "tmpfs": {"/t": "size=1m"},
}
UNMOUNTED: Options = {**SERVING, "volume": ["data:/data", "less:/less", "/etc/default:/swapped"]}


def _is_mounted(host: Host) -> None:
    found = Process(runs(host, MOUNTED)).mounts
    assert "/less" not in found and found["/more"].root.endswith("/volumes/more/_data")
    assert "nosuid" in found["/data"].options and "size=1024k" in found["/t"].super_options
    assert found["/swapped"].root.endswith("/ssl")


KEPT = {**RUNNING, "volume": ["data:/data"]}
BROKEN = module("libpod_container", {**RUNNING, **UNMAKEABLE}, _is_the_old_process)
# With a time limit nothing is created before the old container stops.
BROKEN_LATE = module("libpod_container", {**RUNNING, **UNMAKEABLE, "timeout": 3600}, _is_the_old_one)
HEALTHY: Options = {**RUNNING, "healthcheck": "true", "wait_for_healthy": True, "wait_timeout": 60.0}
SICK: Options = {**HEALTHY, "healthcheck": "false", "healthcheck_interval": "200ms", "healthcheck_retries": 1}
OTHER = {"command": ["sleep", "1001"]}
CHECKING = "health|check|exec"
# What is done more than once is done by the way back too.
REPEATED = "#(?!1$)"


def _operation(before: list[Task], task: Task, **more: Any) -> Operation:
    return Operation(before, task, more.pop("removal", ABSENT), **more)


def _with_image(host: Host, kill_at: str) -> Result:
    return host.module("libpod_container", {**RUNNING, "image": f"oci:{host.layout}:bare"}, kill_at=kill_at)


def _has_no_image(host: Host) -> None:
    assert ImageStore(host.parts).find(f"oci:{host.layout}:bare") is None
    assert not Runtime(host.parts).store.name_record("web")


def _absent_again(host: Host, kill_at: str) -> Result:
    result = ABSENT.run(host, kill_at)
    if not result.killed:
        _no_volumes(host)
    return result


FRESH = [ABSENT, does(_no_volumes)]
WITHOUT_IMAGE = module("libpod_container", {"name": "web", "state": "absent", "rmi": True}, _has_no_image)
PAUSED = module("libpod_container", {**SERVING, "state": "paused"}, _is_paused)
OPERATIONS = {
    "create": _operation(FRESH, started(SERVING), other=ABSENT._replace(run=_absent_again), apart=True),
    "create with files": _operation(
        [WITHOUT_FILES, does(_with_files)],
        started(FILED),
        removal=WITHOUT_FILES,
        only="file|secret|write (passwd|group)|chown|volume|mount|^conmon|runc",
    ),
    "start": _operation([started(SERVING), STOPPED], started(SERVING), other=STOPPED, apart=True, removed=TURNS),
    "stop": _operation([started(SERVING)], STOPPED, removed=TURNS),
    "remove with the image": _operation(
        [Task(_with_image)], WITHOUT_IMAGE, removal=WITHOUT_IMAGE, only="skopeo|name|remove|rename|json"
    ),
    "pause": _operation([started(SERVING)], PAUSED, other=started(SERVING)),
    "recreate": _operation(
        [started(SERVING)], started({**SERVING, **OTHER}), other=started(SERVING), only=TURNS, removed=TURNS
    ),
    "recreate that is refused before the stop": _operation(
        [started(RUNNING), _mark(PROCESS)],
        fails(BROKEN, "ContainerNotCreated"),
        only="^(?!mkdir|write)",
        removed="^(conmon|release|runc|containers-storage|kill)",
    ),
    "recreate that fails after the stop": _operation(
        [started(RUNNING), _mark(CONTAINER)],
        fails(BROKEN_LATE, "ContainerNotCreated"),
        only=REPEATED,
        removed="(start|^conmon) #(?!1$)",
    ),
    "recreate once it is healthy": _operation(
        [started(HEALTHY)], started({**HEALTHY, **OTHER}), other=started(HEALTHY), only=CHECKING
    ),
    "recreate that is never healthy": _operation(
        [started(RUNNING), _mark(CONTAINER)],
        fails(module("libpod_container", {**SICK, **OTHER}, _is_the_old_one), "Unhealthy"),
        only=CHECKING,
        others=2,  # the runner may do all checks but the first: the exec of the last one, and its end
    ),
    "mark": _operation(
        [started(REWINDABLE), _mark(CONTAINER)],
        module("libpod_container", {"name": "web", "state": "marked"}, _is_marked),
        only=FILES,
        removed="place|spare|make",
    ),
    "rewind": _operation(
        [started(REWINDABLE), does(_has_mark), _mark(LATER)],
        module("libpod_container", {"name": "web", "state": "rewound"}, _is_rewound, settles=False),
        only=FILES,
        removed="place|spare|rewind|next|make",
    ),
    "update": _operation(
        LIVE,
        _live(BACK),
        other=_live(FRONT),
        removal=Task(_absent_with_networks),
        removed="cni|port|socket|link|runner|network.json",
    ),
    "update that is taken back": _operation(
        LIVE, _live(BACK), by=[_live(FRONT)], removal=Task(_absent_with_networks), only="#1$"
    ),
    "change of mounts": _operation(
        [*FRESH, started(UNMOUNTED)], module("libpod_container", MOUNTED, _is_mounted), removed="mount"
    ),
    "drift": _operation(_drifted(_meddle), WHOLE, only="#1$", removed="cni.*bridge|link|make"),
    "drift of rules": _operation(_drifted(_flush), WHOLE_RULES, only="cni", removed="portmap"),
    "drift that takes a restart": _operation(
        [started(KEPT), does(_end_conmon)], started(KEPT), only="(event.*|signal.*|json|runc.*) #1$", removed="event"
    ),
}
