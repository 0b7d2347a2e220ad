# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers under systemd's cgroup manager on cgroup v2: scopes, limits and exits."""

from __future__ import annotations

import os
import signal
from typing import Any

from ansible_collections.libpod.engine.tests.support import cgroup_files
from ansible_collections.libpod.engine.tests.support.machine import Machine
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}
MIB = 1 << 20
LONG = 60.0


def run(host: Machine, name: str = "c", **options: Any) -> Result:
    made = host.container(name, **{**BASE, **options})
    assert not made.failed, made
    return made


def scope(made: Result) -> str:
    return f"libpod-{made['container']['Id']}.scope"


def state(host: Machine, name: str = "c") -> dict[str, Any]:
    (container,) = host.module("libpod_container_info", {"name": [name]})["containers"]
    return {**container["State"], "RestartCount": container["RestartCount"]}


def test_container_and_conmon_are_scopes_of_machine_slice(host: Machine) -> None:
    made = run(host)
    identity = made["container"]["Id"]
    process = Process(made)
    path = made["container"]["State"]["CgroupPath"]
    assert path.startswith(f"/machine.slice/{scope(made)}") and process.read("cgroup") == f"0::{path}\n"
    with open(f"/proc/{made['container']['State']['ConmonPid']}/cgroup", encoding="ascii") as file:
        assert file.read() == f"0::/machine.slice/libpod-conmon-{identity}.scope\n"
    for unit in (scope(made), f"libpod-conmon-{identity}.scope"):
        assert host.systemd(unit, "ActiveState", "Slice") == {"ActiveState": "active", "Slice": "machine.slice"}
    assert host.systemd(scope(made), "Delegate")["Delegate"] == "yes"
    assert host.container("c", **BASE)["actions"] == []
    assert host.container("c", state="stopped")["actions"] == ["stopped c"]
    eventually(lambda: host.systemd(scope(made), "LoadState")["LoadState"] == "not-found")
    again = host.container("c", **BASE)
    assert again["actions"] == ["started c"], again


def test_limits_reach_systemd_and_survive_its_reload(host: Machine) -> None:
    wanted: dict[str, Any] = {
        "memory": "64m",
        "memory_swap": "96m",
        "memory_reservation": "32m",
        "cpus": "0.5",
        "cpu_shares": 512,
    }
    wanted.update(pids_limit=100, cpuset_cpus="1")
    made = run(host, **wanted)
    process = Process(made)

    def expect(memory: int, swap: int, quota: str, pids: str, cpus: str) -> None:
        assert process.cgroup("memory", "memory.limit_in_bytes") == str(memory * MIB)
        assert process.cgroup("memory", "memory.memsw.limit_in_bytes") == str(swap * MIB)
        assert process.cgroup("cpu", "cpu.cfs_quota_us") == quota
        assert process.cgroup("pids", "pids.max") == pids
        assert process.cgroup("cpuset", "cpuset.cpus") == cpus
        properties = host.systemd(scope(made), "MemoryMax", "MemorySwapMax", "TasksMax", "AllowedCPUs")
        # crun sets the container's limits on a cgroup of its own, unknown to systemd.
        assert host.parts.oci_runtime == "crun" or properties == {
            "MemoryMax": str(memory * MIB),
            "MemorySwapMax": str((swap - memory) * MIB),
            "TasksMax": pids,
            "AllowedCPUs": cpus,
        }

    expect(64, 96, "50000", "100", "1")
    assert process.cgroup("cpu", "cpu.shares") == "512"
    changed: dict[str, Any] = {
        **wanted,
        "memory": "128m",
        "memory_swap": "192m",
        "cpus": "0.25",
        "pids_limit": 50,
        "cpuset_cpus": "0",
    }
    done = run(host, **changed)
    assert (done["actions"], Process(done).pid) == (["updated c"], process.pid)
    expect(128, 192, "25000", "50", "0")
    host.run("systemctl", "daemon-reload")
    expect(128, 192, "25000", "50", "0")
    assert run(host, **changed)["actions"] == []


def test_limits_by_device_and_by_file_survive_a_reload(host: Machine) -> None:
    number = os.stat("/dev/vda").st_rdev
    wanted: dict[str, Any] = {"device_read_bps": ["/dev/vda:1m"], "device_write_iops": ["/dev/vda:9"]}
    wanted["cgroup_conf"] = {"memory.high": str(48 * MIB)}  # type: ignore[assignment]
    made = run(host, **wanted)
    process = Process(made)
    for _attempt in range(2):
        device = f"{os.major(number)}:{os.minor(number)}"
        assert process.cgroup("blkio", "blkio.throttle.read_bps_device") == f"{device} {MIB}"
        assert process.cgroup("blkio", "blkio.throttle.write_iops_device") == f"{device} 9"
        assert process.cgroup("memory", "memory.high") == str(48 * MIB)
        assert run(host, **wanted)["actions"] == []
        host.run("systemctl", "daemon-reload")
    run(host, "other", memory="32m")  # systemd processes the whole slice again
    assert process.cgroup("blkio", "blkio.throttle.read_bps_device") == f"{device} {MIB}"
    changed: dict[str, Any] = {**wanted, "device_read_bps": ["/dev/vda:2m"], "memory": "64m"}
    assert run(host, **changed)["actions"] == ["updated c"]
    assert process.cgroup("blkio", "blkio.throttle.read_bps_device") == f"{device} {2 * MIB}"
    assert process.cgroup("memory", "memory.high") == str(48 * MIB)
    assert run(host, **changed)["actions"] == []


def test_limit_drift_is_repaired(host: Machine) -> None:
    wanted: dict[str, Any] = {"memory": "64m", "pids_limit": 100}
    made = run(host, **wanted)
    path = made["container"]["State"]["CgroupPath"]

    def write_file() -> None:
        cgroup_files.write("memory", path, "memory.limit_in_bytes", str(32 * MIB))

    def set_property() -> None:
        host.run("systemctl", "set-property", "--runtime", scope(made), "MemoryMax=32M")

    # crun's container has its own cgroup in the scope: changes of the scope's properties are not drift.
    runc = host.parts.oci_runtime == "runc"
    for meddle in (write_file, set_property) if runc else (write_file,):
        meddle()
        assert cgroup_files.read("memory", path, "memory.limit_in_bytes") == str(32 * MIB)
        assert run(host, **wanted)["actions"] == ["updated c"]
        for _attempt in range(2):
            assert cgroup_files.read("memory", path, "memory.limit_in_bytes") == str(64 * MIB)
            assert not runc or host.systemd(scope(made), "MemoryMax")["MemoryMax"] == str(64 * MIB)
            assert run(host, **wanted)["actions"] == []
            host.run("systemctl", "daemon-reload")


def test_policy_restarts_what_was_killed_or_stopped_by_systemd(host: Machine) -> None:
    made = run(host, restart_policy="always", publish=["8080:80"], network="libpod")
    os.kill(Process(made).pid, signal.SIGKILL)
    eventually(lambda: (now := state(host))["Status"] == "running" and now["RestartCount"] == 1, seconds=LONG)
    assert host.systemd(scope(made), "ActiveState")["ActiveState"] == "active"
    host.run("systemctl", "stop", scope(made))
    eventually(lambda: (now := state(host))["Status"] == "running" and now["RestartCount"] == 2, seconds=LONG)
    (container,) = host.module("libpod_container_info", {"name": ["c"]})["containers"]
    assert Process(container).read("cgroup").startswith(f"0::/machine.slice/{scope(made)}")
    # The exit command that restarted it does not block a task.
    assert run(host, restart_policy="always", publish=["8080:80"], network="libpod")["actions"] == []


def test_end_without_policy_is_cleaned_up_and_conmon_scope_may_be_stopped(host: Machine) -> None:
    made = run(host, publish=["8080:80"], network="libpod")
    os.kill(Process(made).pid, signal.SIGKILL)
    eventually(lambda: (now := state(host))["Status"] == "exited" and not now["Mounted"], seconds=LONG)
    assert state(host)["ExitCode"] == 137
    made = run(host, publish=["8080:80"], network="libpod")
    host.run("systemctl", "stop", f"libpod-conmon-{made['container']['Id']}.scope")
    done = run(host, publish=["8080:80"], network="libpod")
    assert not done.failed and done.changed, done
    assert run(host, publish=["8080:80"], network="libpod")["actions"] == []


def test_failed_scope_blocks_nothing(host: Machine) -> None:
    """A process that ignores the stop signal fails its scope, which systemd keeps unless CollectMode says otherwise."""
    deaf: dict[str, Any] = {"command": ["sleep", "1000"], "stop_timeout": 1}
    made = run(host, **deaf)
    host.run("systemctl", "stop", scope(made))
    eventually(lambda: (now := state(host))["Status"] == "exited" and not now["Mounted"], seconds=LONG)
    again = run(host, **deaf)
    assert Process(again).read("cgroup") == f"0::{again['container']['State']['CgroupPath']}\n"
    assert scope(again) in again["container"]["State"]["CgroupPath"]
    host.run("systemctl", "stop", scope(made))
    eventually(lambda: host.systemd(scope(made), "LoadState")["LoadState"] == "not-found", seconds=LONG)


def test_pause_uses_the_freezer(host: Machine) -> None:
    made = run(host)
    for verb, frozen in (("paused", "FROZEN"), ("started", "THAWED")):
        done = run(host, state=verb)
        assert done["container"]["State"]["Status"] == {"paused": "paused", "started": "running"}[verb]
        assert Process(made).cgroup("freezer", "freezer.state") == frozen
    run(host, state="paused")
    assert host.container("c", state="absent")["actions"] == ["deleted c"]


def test_oom_kill_is_reported(host: Machine) -> None:
    made = run(
        host, command=["sh", "-c", "dd if=/dev/zero of=/dev/shm/x bs=1M count=60"], memory="16m", memory_swap="16m"
    )
    assert made["container"]["State"]["Status"] in ("running", "exited")
    eventually(lambda: state(host)["Status"] == "exited", seconds=LONG)
    assert state(host)["OOMKilled"] is True
    run(
        host,
        "alone",
        command=["dd", "if=/dev/zero", "of=/dev/shm/x", "bs=1M", "count=60"],
        memory="16m",
        memory_swap="16m",
    )
    eventually(lambda: state(host, "alone")["Status"] == "exited", seconds=LONG)
    assert (state(host, "alone")["OOMKilled"], state(host, "alone")["ExitCode"]) == (True, 137)


def test_exec_and_runners_are_in_the_containers_scopes(host: Machine) -> None:
    check = {"healthcheck": "CMD true", "healthcheck_interval": "1s"}
    made = run(host, **check)
    eventually(lambda: state(host)["Health"]["Status"] == "healthy", seconds=LONG)
    conmon = f"/sys/fs/cgroup/machine.slice/libpod-conmon-{made['container']['Id']}.scope/cgroup.procs"
    with open(conmon, encoding="ascii") as file:
        assert len(file.read().split()) == 2  # conmon and the runner of the check
    ran = host.module("libpod_container_exec", {"name": "c", "argv": ["cat", "/proc/self/cgroup"]})
    assert ran["stdout"] == "0::/\n", ran
    started = host.module("libpod_container_exec", {"name": "c", "argv": ["sleep", "1000"], "detach": True})
    assert not started.failed, started
    with open(conmon, encoding="ascii") as file:
        assert len(file.read().split()) >= 3
    assert run(host, **check)["actions"] == []


def test_cgroup_manager_of_a_container_is_kept_for_its_life(host: Machine) -> None:
    plain = Machine(host.parts.oci_runtime, cgroup_manager="cgroupfs")
    made = plain.container("c", **BASE, memory="64m")
    assert Process(made).read("cgroup") == f"0::/libpod_parent/libpod-{made['container']['Id']}\n"
    # Tasks and commands that do not set the manager leave the container there.
    changed = run(host, memory="96m")
    assert changed["actions"] == ["updated c"], changed
    assert Process(made).cgroup("memory", "memory.limit_in_bytes") == str(96 * MIB)
    assert host.command("restart", "c").returncode == 0
    assert Process(run(host, memory="96m")).read("cgroup").startswith("0::/libpod_parent/libpod-")
    assert host.command("stop", "c").returncode == 0
    assert run(host, memory="96m")["actions"] == ["started c"]


def test_journal_is_written_and_read(host: Machine) -> None:
    script = "echo hello; echo oops >&2; printf unfinished"
    made = run(host, command=["sh", "-c", script], log_driver="journald")
    eventually(lambda: state(host)["Status"] == "exited", seconds=LONG)
    entries = eventually(lambda: len(lines := _logs(host)) == 3 and lines, seconds=LONG)
    assert sorted(entries) == [("stderr", "oops"), ("stdout", "hello"), ("stdout", "unfinished")]
    assert sorted(host.command("logs", "c").stdout.split()) == ["hello", "unfinished"]
    shown = host.run("journalctl", "--output=cat", f"CONTAINER_ID_FULL={made['container']['Id']}")
    assert sorted(shown.split()) == ["hello", "oops", "unfinished"]
    again = host.container("c", state="started")
    assert not again.failed
    eventually(lambda: len(_logs(host)) == 6, seconds=LONG)
    assert _logs(host, tail=1) and len(_logs(host, tail=1)) == 1


def _logs(host: Machine, **how: Any) -> list[tuple[str, str]]:
    result = host.module("libpod_container_logs", {"name": "c", **how})
    assert not result.failed, result
    return [(line["stream"], line["text"]) for line in result["log_lines"]]


def test_pod_limits_are_set_on_its_slice(host: Machine) -> None:
    wanted: dict[str, Any] = {"name": "p", "network": ["none"], "memory": "64m", "cpus": "0.5", "cpu_shares": 512}
    made = host.module("libpod_pod", {**wanted, "cpuset_cpus": "1"})
    assert not made.failed, made
    member = host.container("a", image="busybox", command=WAITING, pod="p", memory="32m")
    assert not member.failed, member
    (pod,) = host.module("libpod_pod_info", {"name": "p"})["pods"]
    unit = f"machine-libpod_pod_{pod['Id']}.slice"
    assert pod["CgroupPath"] == f"/machine.slice/{unit}"
    assert Process(member).read("cgroup").startswith(f"0::{pod['CgroupPath']}/libpod-")

    def limit(controller: str, file: str) -> str | None:
        return cgroup_files.read(controller, pod["CgroupPath"], file)

    assert limit("memory", "memory.limit_in_bytes") == str(64 * MIB)
    assert (limit("cpu", "cpu.cfs_quota_us"), limit("cpu", "cpu.shares")) == ("50000", "512")
    assert limit("cpuset", "cpuset.cpus") == "1"
    changed = host.module("libpod_pod", {**wanted, "memory": "128m"})
    assert changed["actions"] == ["updated p"], changed
    for _attempt in range(2):
        assert limit("memory", "memory.limit_in_bytes") == str(128 * MIB)
        assert limit("cpuset", "cpuset.cpus") == "0-1"
        properties = host.systemd(unit, "MemoryMax", "CPUWeight", "CPUQuotaPerSecUSec")
        assert properties == {"MemoryMax": str(128 * MIB), "CPUWeight": "20", "CPUQuotaPerSecUSec": "500ms"}
        host.run("systemctl", "daemon-reload")
    assert host.module("libpod_pod", {**wanted, "memory": "128m"})["actions"] == []
    gone = host.module("libpod_pod", {"name": "p", "state": "absent"})
    assert not gone.failed, gone
    assert not os.path.exists(f"/sys/fs/cgroup{pod['CgroupPath']}")


UNIT = """[Service]
Type=notify
NotifyAccess=all
Environment={environment}
SuccessExitStatus=SIGKILL
ExecStart={command} start c
ExecStop={command} stop c
"""


def test_unit_is_ready_when_its_container_is(host: Machine) -> None:
    from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command

    for more in ({"sdnotify": "conmon"}, {"sdnotify": "conmon", "cgroups": "no-conmon"}):
        run(host, **more, state="present", recreate=True)
        environment = " ".join(f"{key}={value}" for key, value in host.parts.environment().items()) or "A=b"
        with open("/run/systemd/system/of-ours.service", "w", encoding="ascii") as file:
            file.write(UNIT.format(environment=environment, command=" ".join(command.argv(host.parts))))
        host.run("systemctl", "daemon-reload")
        host.run("systemctl", "start", "of-ours.service")
        shown = host.systemd("of-ours.service", "ActiveState", "MainPID")
        now = state(host)
        assert shown == {"ActiveState": "active", "MainPID": str(now["ConmonPid"])}, more
        with open(f"/proc/{now['ConmonPid']}/cgroup", encoding="ascii") as file:
            assert file.read().endswith("/of-ours.service\n") == ("cgroups" in more)
        host.run("systemctl", "stop", "of-ours.service")
        assert state(host)["Status"] == "exited"
        assert host.systemd("of-ours.service", "ActiveState")["ActiveState"] == "inactive"
    os.unlink("/run/systemd/system/of-ours.service")
    host.run("systemctl", "daemon-reload")


def test_published_port_answers_and_its_rules_are_nftables(host: Machine) -> None:
    import urllib.request

    made = run(host, command="httpd -f -p 80 -h /www", network="libpod", publish=["8080:80"], stop_signal="KILL")
    own = host.run("hostname", "-I").split()[0]
    for address in (made["container"]["NetworkSettings"]["IPAddress"] + ":80", f"{own}:8080", "127.0.0.1:8080"):
        with urllib.request.urlopen(f"http://{address}/", timeout=30) as answer:
            assert answer.read() == b"It works.\n", address
    assert "nf_tables" in host.run("iptables", "--version")
    assert "dport 8080" in host.run("nft", "list", "ruleset")


def test_systemd_runs_in_a_container(host: Machine) -> None:
    """The guest's own userland, under an overlay."""
    os.makedirs("/srv/none", exist_ok=True)
    masked = [
        "systemd-networkd",
        "ssh",
        "systemd-udevd",
        "libpod-boot",
        "systemd-resolved",
        "getty@tty1",
        "serial-getty@ttyS0",
    ]
    wanted: dict[str, Any] = {
        "rootfs": True,
        "image": "/:O",
        "command": ["/sbin/init", *(f"systemd.mask={name}.service" for name in masked)],
        "network": "none",
        "memory": "256m",
        "security_opt": ["mask=/etc/fstab"],
    }
    made = host.container("c", **wanted)
    assert not made.failed, made

    def systemctl(*args: str) -> str:
        ran = host.module("libpod_container_exec", {"name": "c", "argv": ["systemctl", *args]})
        return str(ran.get("stdout", "")).strip()

    eventually(lambda: systemctl("is-system-running") in ("running", "degraded"), seconds=240)
    assert systemctl("is-active", "dbus.service") == "active"
    process = Process(made)
    path = made["container"]["State"]["CgroupPath"]
    assert process.read("cgroup") == f"0::{path}/init.scope\n"
    assert os.path.isdir(f"/sys/fs/cgroup{path}/system.slice")
    assert cgroup_files.read("memory", path, "memory.limit_in_bytes") == str(256 * MIB)
    assert host.container("c", **wanted)["actions"] == []
    changed = host.container("c", **{**wanted, "memory": "300m"})
    assert (changed["actions"], Process(changed).pid) == (["updated c"], process.pid), changed
    assert cgroup_files.read("memory", path, "memory.limit_in_bytes") == str(300 * MIB)
    for verb in ("paused", "started"):
        assert host.container("c", state=verb)["container"]["State"]["Status"] == verb.replace("started", "running")
    stopped = host.container("c", state="stopped", stop_time=120)
    assert stopped["container"]["State"]["ExitCode"] in (0, 130), stopped
