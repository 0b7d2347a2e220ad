# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each option of libpod_container, as the kernel reports it: process, cgroup, mounts, files, output."""

from __future__ import annotations

import os
import shutil
import stat
from typing import Any

from ansible_collections.libpod.engine.tests.support import cgroup_files, kernel
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually, files

MIB = 1 << 20
# podman's default set (containers-common's containers.conf), as a bit mask of capabilities(7).
DEFAULT_CAPABILITIES = 0x800405FB
_MS_SHARED = 1 << 20
NO_LIMIT_V1 = str((1 << 63) - 4096)


def run(host: Host, **options: Any) -> Process:
    """Start the container ``c`` with these options, which a second run leaves unchanged; return its process."""
    options = {"image": "busybox", "command": WAITING, "network": "none", **options}
    made = host.container("c", **options)
    assert not made.failed, made
    again = host.container("c", **options)
    assert (again.get("actions"), again.changed) == ([], False), again
    return Process(made)


def printed(host: Host, script: str, **options: Any) -> Result:
    """Return the result of a shell script run in a container."""
    command = ["sh", "-c", script]
    return host.container(
        "c", **{"image": "busybox", "command": command, "network": "none", "detach": False, **options}
    )


# Process


def test_command_as_list_is_used_verbatim(host: Host) -> None:
    command = ["sh", "-c", WAITING[2], "a  b", "", "$HOME", "ü"]
    assert run(host, command=command).argv == command


def test_command_as_text_is_split_as_the_shell_does(host: Host) -> None:
    done = host.container(
        "c", image="busybox", network="none", detach=False, command="""printf '%s|' "two words" a\\ b ''"""
    )
    assert done["stdout"] == "two words|a b||"


def test_entrypoint_and_command_of_the_image(host: Host) -> None:
    assert run(host, image="entrypoint", command=None, stop_signal="KILL").argv == ["sleep", "1000"]
    with_command = run(host, image="entrypoint", command=["exec sleep 999"], stop_signal="KILL")
    assert with_command.argv == ["sleep", "999"]
    with_entrypoint = run(host, image="entrypoint", entrypoint=["sleep"], command=["998"], stop_signal="KILL")
    assert with_entrypoint.argv == ["sleep", "998"]


def test_entrypoint_drops_the_images_command(host: Host) -> None:
    done = host.container("c", image="entrypoint", entrypoint="/bin/pwd", network="none", detach=False)
    assert (done["stdout"], done["rc"]) == ("/\n", 0)


def test_env_of_the_task_overrides_files_and_image(host: Host) -> None:
    with open("/srv/one.env", "w", encoding="utf-8") as file:
        file.write('# a comment\nFROM_FILE=1\nCOLOUR=file\n\nBOTH=file\nQUOTED="as it is"\n')
    environ = run(
        host,
        image="configured",
        env={"BOTH": "task", "EMPTY": "", "SPACED": "x = y"},
        env_file=["/srv/one.env"],
        stop_signal="TERM",
    ).environ
    expected = {"FROM_FILE": "1", "COLOUR": "file", "BOTH": "task", "EMPTY": "", "SPACED": "x = y", "PATH": "/bin"}
    assert expected.items() <= environ.items()
    assert environ["QUOTED"] == '"as it is"'
    assert environ["HOME"] == "/home/web"
    os.unlink("/srv/one.env")


USERS: list[tuple[str, tuple[int, int], set[int]]] = [
    ("web", (1000, 1000), {1000, 2000}),
    ("1000", (1000, 1000), {1000, 2000}),
    ("web:extra", (1000, 2000), {2000}),
    ("4711:815", (4711, 815), {815}),
    ("4711", (4711, 0), {0}),
    ("", (0, 0), {0}),
]


def test_user_is_resolved_in_the_containers_files(host: Host) -> None:
    for user, ids, groups in USERS:
        status = run(host, user=user).status
        assert status["Uid"].split() == [str(ids[0])] * 4, user
        assert status["Gid"].split() == [str(ids[1])] * 4, user
        assert {int(word) for word in status["Groups"].split()} == groups, user
        # An unprivileged user has no effective capability.
        assert (int(status["CapEff"], 16) == 0) == (ids[0] != 0), user


def test_unknown_user_is_refused(host: Host) -> None:
    refused = host.container("c", image="busybox", command=WAITING, network="none", user="nobody-here")
    assert refused.failed and "'nobody-here'" in refused["msg"] and "/etc/passwd" in refused["msg"]
    assert host.module("libpod_container_info")["containers"] == []
    host.expect_clean()


def test_image_gives_user_workdir_and_stop_signal(host: Host) -> None:
    made = host.container("c", image="configured", network="none")
    process = Process(made)
    assert (process.folder, process.status["Uid"].split()[0]) == ("/home/web", "1000")
    assert made["container"]["Config"]["StopSignal"] == 10
    assert made["container"]["Config"]["Labels"] == {"org.example.role": "test"}
    os.kill(process.pid, 9)


def test_workdir(host: Host) -> None:
    assert run(host, workdir="/www").folder == "/www"


def test_hostname_inside_and_in_its_file(host: Host) -> None:
    process = run(host, hostname="Web.example")
    assert process.run("hostname").stdout == "Web.example\n"
    assert process.read("root/etc/hostname") == "Web.example\n"
    assert process.environ["HOSTNAME"] == "Web.example"


def test_hostname_is_the_short_id_by_default(host: Host) -> None:
    made = host.container("c", image="busybox", command=WAITING, network="none")
    assert Process(made).run("hostname").stdout.strip() == made["container"]["Id"][:12]


def test_every_namespace_is_the_containers_own(host: Host) -> None:
    process = run(host)
    for kind in ("ipc", "mnt", "net", "pid", "uts"):
        assert process.namespace(kind) != os.stat(f"/proc/self/ns/{kind}").st_ino, kind
    assert process.status["NSpid"].split()[1] == "1"


# Limits


def test_memory_and_swap(host: Host) -> None:
    process = run(host, memory="64m", memory_swap="96m")
    assert process.cgroup("memory", "memory.limit_in_bytes") == str(64 * MIB)
    assert process.cgroup("memory", "memory.memsw.limit_in_bytes") == str(96 * MIB)


def test_swap_defaults_to_twice_the_memory_and_minus_one_is_unlimited(host: Host) -> None:
    assert run(host, memory="64m").cgroup("memory", "memory.memsw.limit_in_bytes") == str(128 * MIB)
    assert run(host, memory="64m", memory_swap="-1").cgroup("memory", "memory.memsw.limit_in_bytes") == NO_LIMIT_V1


def test_cpu_limits(host: Host) -> None:
    process = run(host, cpus="0.5", cpu_shares=512, cpuset_cpus="1")
    assert process.cgroup("cpu", "cpu.cfs_quota_us") == "50000"
    assert process.cgroup("cpu", "cpu.cfs_period_us") == "100000"
    assert process.cgroup("cpu", "cpu.shares") == "512"
    assert process.cgroup("cpuset", "cpuset.cpus") == "1"
    assert process.status["Cpus_allowed_list"] == "1"


def test_cpu_quota_and_period(host: Host) -> None:
    process = run(host, cpu_quota=20000, cpu_period=50000)
    assert process.cgroup("cpu", "cpu.cfs_quota_us") == "20000"
    assert process.cgroup("cpu", "cpu.cfs_period_us") == "50000"


def test_pids_limit_binds(host: Host) -> None:
    assert run(host, pids_limit=3).cgroup("pids", "pids.max") == "3"
    forks = printed(host, "(sleep 9 & sleep 9 & sleep 9 & sleep 9 &) ; echo made", pids_limit=3, recreate=True)
    assert "can't fork" in forks["stderr"]


def test_pids_limit_is_podmans_by_default_and_can_be_none(host: Host) -> None:
    assert run(host).cgroup("pids", "pids.max") == "2048"
    assert run(host, pids_limit=-1).cgroup("pids", "pids.max") == "max"


def test_ulimits(host: Host) -> None:
    limits = run(host, ulimit=["nofile=100:200", "core=0", "stack=8388608"]).limits
    assert limits["Max open files"] == ("100", "200")
    assert limits["Max core file size"] == ("0", "0")
    assert limits["Max stack size"] == ("8388608", "8388608")


def test_sysctl_of_the_containers_namespaces(host: Host) -> None:
    process = run(host, sysctl={"net.ipv4.ip_forward": 1, "kernel.msgmax": "4096"})
    assert process.run("cat", "/proc/sys/net/ipv4/ip_forward").stdout == "1\n"
    assert process.run("cat", "/proc/sys/kernel/msgmax").stdout == "4096\n"
    assert open("/proc/sys/kernel/msgmax").read() != "4096\n"


def test_sysctl_of_the_host_is_refused(host: Host) -> None:
    refused = host.container("c", image="busybox", command=WAITING, network="none", sysctl={"kernel.panic": "1"})
    assert refused.failed and "kernel.panic" in refused["msg"]
    host.expect_clean()


def test_cgroup_parent(host: Host) -> None:
    process = run(host, cgroup_parent="/mine/of/old")
    identity = process.read("cgroup").splitlines()[0].rpartition("/libpod-")[2]
    for line in process.read("cgroup").splitlines():
        assert line.split(":", 2)[2] == f"/mine/of/old/libpod-{identity}"
    host.container("c", state="absent")
    for folder in sorted((one for one in host.cgroups.folders() if "/mine" in one), reverse=True):
        assert "libpod-" not in folder
        os.rmdir(folder)


# Security


def test_default_security_is_podmans(host: Host) -> None:
    process = run(host)
    capabilities = process.capabilities
    assert {key: capabilities[key] for key in ("CapBnd", "CapEff", "CapPrm")} == dict.fromkeys(
        ("CapBnd", "CapEff", "CapPrm"), DEFAULT_CAPABILITIES
    )
    assert (capabilities["CapInh"], capabilities["CapAmb"]) == (0, 0)
    assert (process.status["Seccomp"], process.status["NoNewPrivs"]) == ("2", "0")
    mounts = process.mounts
    assert "ro" in mounts["/sys"].options and "ro" in mounts["/proc/sys"].options
    assert {"/proc/keys", "/proc/timer_list", "/sys/firmware"} <= set(mounts)
    for target in ("/proc", "/sys", "/dev/shm", "/dev/mqueue", "/sys/fs/cgroup"):
        assert {"nosuid", "nodev", "noexec"} <= set(mounts[target].options), target
    assert all(not mount.propagation for mount in mounts.values()), "no mount propagates to or from the host"


def test_capabilities_are_added_and_dropped(host: Host) -> None:
    net_admin, chown = 1 << 12, 1
    process = run(host, cap_add=["net_admin"], cap_drop=["CAP_CHOWN"])
    assert process.capabilities["CapEff"] == (DEFAULT_CAPABILITIES | net_admin) & ~chown
    assert run(host, cap_drop=["all"]).capabilities["CapBnd"] == 0
    assert run(host, cap_drop=["all"], cap_add=["NET_ADMIN"]).capabilities["CapBnd"] == net_admin


def test_unknown_capability_is_refused(host: Host) -> None:
    refused = host.container("c", image="busybox", command=WAITING, network="none", cap_add=["FLY"])
    assert refused.failed and "FLY" in refused["msg"] and "cap_add" in refused["msg"]


def test_no_new_privileges(host: Host) -> None:
    assert run(host, security_opt=["no-new-privileges"]).status["NoNewPrivs"] == "1"


def test_seccomp_unconfined_default_and_own_profile(host: Host) -> None:
    assert run(host, security_opt=["seccomp=unconfined"]).status["Seccomp"] == "0"
    with open("/srv/no-chmod.json", "w", encoding="ascii") as file:
        rule = '{"names": ["chmod", "fchmodat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}'
        file.write(f'{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{rule}]}}')
    done = printed(host, "chmod 600 /www", security_opt=["seccomp=/srv/no-chmod.json"])
    assert done["rc"] == 1 and "not implemented" in done["stderr"]
    os.unlink("/srv/no-chmod.json")


def test_default_seccomp_profile_refuses_what_podmans_does(host: Host) -> None:
    """The packaged profile does not allow personality(2) with ADDR_NO_RANDOMIZE."""
    assert printed(host, "linux64 true; linux64 -R true")["stderr"] == (
        "linux64: personality(0x40000): Function not implemented\n"
    )
    assert printed(host, "linux64 -R true; echo $?", security_opt=["seccomp=unconfined"])["stdout"] == "0\n"


def test_privileged_has_everything_the_host_has(host: Host) -> None:
    process = run(host, privileged=True)
    own = int(next(line for line in open("/proc/self/status") if line.startswith("CapEff")).split()[1], 16)
    assert process.capabilities["CapEff"] == own
    assert process.status["Seccomp"] == "0"
    mounts = process.mounts
    assert "rw" in mounts["/sys"].options and "/proc/sys" not in mounts and "/proc/keys" not in mounts
    for device in ("null", "kmsg", "fuse", "loop-control"):
        if os.path.exists(f"/dev/{device}"):
            assert os.stat(process.path(f"root/dev/{device}")).st_rdev == os.stat(f"/dev/{device}").st_rdev
    assert cgroup_files.unified() or process.cgroup("devices", "devices.list") == "a *:* rwm"


def test_only_the_default_devices_exist(host: Host) -> None:
    process = run(host)
    assert set(os.listdir(process.path("root/dev"))) - {"core"} == set(
        "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero".split()
    )
    assert "a *:* rwm" not in (process.cgroup("devices", "devices.list") or "")


# Files


def test_read_only_root_with_writable_temporary_folders(host: Host) -> None:
    done = printed(host, "touch /www/x; touch /tmp/x /run/x /var/tmp/x && echo fine", read_only=True)
    assert "Read-only file system" in done["stderr"] and done["stdout"] == "fine\n"
    process = run(host, read_only=True)
    assert "ro" in process.mounts["/"].options
    assert {process.mounts[target].fstype for target in ("/tmp", "/run", "/var/tmp")} == {"tmpfs"}


def test_tmpfs_with_its_size_and_mode(host: Host) -> None:
    process = run(host, tmpfs={"/scratch": "size=8m,mode=1770", "/plain": ""})
    scratch = process.mounts["/scratch"]
    assert scratch.fstype == "tmpfs" and "size=8192k" in scratch.super_options
    assert {"nosuid", "nodev", "noexec", "rw"} <= set(scratch.options)
    assert stat.S_IMODE(os.stat(process.path("root/scratch")).st_mode) == 0o1770
    assert (
        os.statvfs(process.path("root/scratch")).f_blocks * os.statvfs(process.path("root/scratch")).f_frsize == 8 * MIB
    )
    assert process.mounts["/plain"].fstype == "tmpfs"


def test_tmpfs_has_the_image_content_unless_disabled(host: Host) -> None:
    process = run(host, tmpfs={"/data": "", "/www": "notmpcopyup"})
    assert os.listdir(process.path("root/data")) == ["seed"]
    assert os.listdir(process.path("root/www")) == []


def test_shm_size(host: Host) -> None:
    shm = os.statvfs(run(host).path("root/dev/shm"))
    assert shm.f_blocks * shm.f_frsize == 64 * MIB
    shm = os.statvfs(run(host, shm_size="8m").path("root/dev/shm"))
    assert shm.f_blocks * shm.f_frsize == 8 * MIB


def test_bind_volume_shows_the_hosts_files_and_takes_writes(host: Host) -> None:
    os.makedirs("/srv/bound")
    process = run(host, volume=["/srv/bound:/bound"])
    assert process.run("sh", "-c", "echo inside > /bound/file").returncode == 0
    assert open("/srv/bound/file").read() == "inside\n"
    assert os.stat(process.path("root/bound")).st_ino == os.stat("/srv/bound").st_ino
    assert "rw" in process.mounts["/bound"].options
    shutil.rmtree("/srv/bound")


def test_read_only_bind_volume_takes_no_writes(host: Host) -> None:
    os.makedirs("/srv/bound")
    process = run(host, volume=["/srv/bound:/bound:ro,noexec,nodev,nosuid"])
    assert {"ro", "noexec", "nodev", "nosuid"} <= set(process.mounts["/bound"].options)
    assert "Read-only" in process.run("touch", "/bound/x").stderr
    shutil.rmtree("/srv/bound")


def test_bind_volume_of_a_file(host: Host) -> None:
    with open("/srv/motd", "w", encoding="ascii") as file:
        file.write("hello\n")
    assert run(host, volume=["/srv/motd:/etc/motd:ro"]).read("root/etc/motd") == "hello\n"
    os.unlink("/srv/motd")


def test_volume_propagates_as_requested(host: Host) -> None:
    os.makedirs("/srv/bound")
    kernel.mount("/srv/bound", "/srv/bound", flags=kernel.MS_BIND)
    kernel.mount("none", "/srv/bound", flags=_MS_SHARED)
    process = run(host, volume=["/srv/bound:/bound:rslave"])
    os.makedirs("/srv/bound/later")
    kernel.mount("later", "/srv/bound/later", "tmpfs")
    assert process.mounts["/bound/later"].fstype == "tmpfs"
    host.container("c", state="absent")
    kernel.umount("/srv/bound/later")
    kernel.umount("/srv/bound")
    shutil.rmtree("/srv/bound")


def test_missing_bind_source_is_refused(host: Host) -> None:
    refused = host.container("c", image="busybox", command=WAITING, network="none", volume=["/srv/nowhere:/x"])
    assert refused.failed and "/srv/nowhere" in refused["msg"] and "does not exist" in refused["msg"]
    assert not os.path.exists("/srv/nowhere")


def test_named_volume_has_the_images_content_once_and_outlives_containers(host: Host) -> None:
    process = run(host, volume=["kept:/data"])
    data = host.parts.static_root + "/volumes/kept/_data"
    assert process.read("root/data/seed") == "from the image\n"
    assert os.stat(process.path("root/data")).st_ino == os.stat(data).st_ino
    assert process.run("sh", "-c", "rm /data/seed; echo mine > /data/own").returncode == 0
    host.container("c", state="absent")
    assert os.listdir(data) == ["own"]
    second = run(host, volume=["kept:/data:ro"])
    assert os.listdir(second.path("root/data")) == ["own"]
    assert "ro" in second.mounts["/data"].options
    host.container("c", state="absent")
    assert open(f"{data}/own").read() == "mine\n"


def test_named_volume_without_the_images_content(host: Host) -> None:
    assert os.listdir(run(host, volume=["empty:/data:nocopy"]).path("root/data")) == []


def test_named_volume_is_shared(host: Host) -> None:
    one = run(host, volume=["shared:/here"])
    two = Process(host.container("d", image="busybox", command=WAITING, network="none", volume=["shared:/there"]))
    one.run("sh", "-c", "echo hello > /here/file")
    assert two.read("root/there/file") == "hello\n"


def _make_rootfs(path: str) -> None:
    for folder in ("bin", "proc", "sys", "dev", "etc", "tmp"):
        os.makedirs(f"{path}/{folder}")
    shutil.copy("/bin/busybox", f"{path}/bin/busybox")
    for applet in ("sh", "sleep", "touch"):
        os.symlink("busybox", f"{path}/bin/{applet}")


def test_rootfs_is_used_in_place(host: Host) -> None:
    _make_rootfs("/srv/root")
    process = run(host, image="/srv/root", rootfs=True)
    assert process.run("touch", "/made-inside").returncode == 0
    assert os.path.exists("/srv/root/made-inside")
    assert os.stat(process.path("root/bin")).st_ino == os.stat("/srv/root/bin").st_ino
    host.container("c", state="absent")
    assert os.path.exists("/srv/root/made-inside") and os.path.exists("/srv/root/bin/busybox")
    shutil.rmtree("/srv/root")
    host.expect_clean()


def test_rootfs_under_an_overlay_stays_as_it_is(host: Host) -> None:
    _make_rootfs("/srv/root")
    before = files("/srv/root")
    process = run(host, image="/srv/root:O", rootfs=True)
    assert process.mounts["/"].fstype == "overlay"
    assert process.run("touch", "/made-inside").returncode == 0
    again = Process(host.container("c", restart=True))
    assert os.path.exists(again.path("root/made-inside")), "what was written stays with the container"
    removed = host.container("c", state="absent")
    assert removed.get("actions") == ["deleted c"], removed
    assert files("/srv/root") == before
    shutil.rmtree("/srv/root")
    host.expect_clean()


def test_rootfs_that_is_not_a_directory_is_refused(host: Host) -> None:
    refused = host.container("c", image="/srv/nowhere", rootfs=True, command=WAITING)
    assert refused.failed and "/srv/nowhere is not a directory" in refused["msg"]


# Input and output


def test_log_has_both_streams_in_cri_format(host: Host) -> None:
    made = printed(host, "echo one; echo two >&2; printf three")
    log = made["container"]["HostConfig"]["LogConfig"]["Path"]
    lines = [line.split(" ", 1)[1] for line in open(log).read().splitlines()]
    assert sorted(lines) == ["stderr F two", "stdout F one", "stdout P three"]
    assert stat.S_IMODE(os.stat(log).st_mode) & 0o077 == 0


def test_log_path_and_size(host: Host) -> None:
    os.makedirs("/srv/logs")
    script = "i=0; while [ $i -lt 400 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done"
    done = printed(host, script, log_opt={"path": "/srv/logs/c.log", "max_size": "8k"})
    assert done["rc"] == 0
    assert 0 < os.path.getsize("/srv/logs/c.log") <= 9 << 10
    shutil.rmtree("/srv/logs")


def test_log_path_in_a_missing_directory_is_refused(host: Host) -> None:
    for check, path in ((True, "/srv/no/c.log"), (False, "/srv/no/c.log"), (True, "/srv"), (False, "/srv")):
        task: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "log_opt": {"path": path}}
        refused = host.container("c", check=check, **task)
        assert refused.failed and f"log_opt: {path} cannot be written" in refused["msg"]
    host.expect_clean()


def test_tty(host: Host) -> None:
    process = run(host, tty=True)
    assert [os.readlink(process.path(f"fd/{number}")) for number in (0, 1, 2)] == ["/dev/pts/0"] * 3
    assert process.environ["TERM"] == "xterm"
    assert run(host).environ.get("TERM") is None


def test_interactive_keeps_standard_input_open(host: Host) -> None:
    reading = ["sh", "-c", "read line; echo ended; exit 0"]
    closed = host.container("c", image="busybox", command=reading, network="none", detach=False)
    assert closed["stdout"] == "ended\n"
    made = host.container("c", image="busybox", command=["cat"], network="none", interactive=True, stop_signal="KILL")
    process = Process(made)
    assert os.readlink(process.path("fd/0")).startswith("pipe:")
    assert process.argv == ["cat"]


def test_unimplemented_podman_option_is_refused_by_name(host: Host) -> None:
    refused = host.container("c", image="busybox", hooks_dir="/etc/hooks")
    assert refused.failed and "hooks_dir" in refused["msg"]
    assert host.module("libpod_container_info")["containers"] == []


def test_output_of_a_running_container_arrives_in_its_log(host: Host) -> None:
    made = host.container("c", image="busybox", network="none", command=["sh", "-c", f"echo up; {WAITING[2]}"])
    eventually(lambda: open(made["container"]["HostConfig"]["LogConfig"]["Path"]).read().endswith("stdout F up\n"))
