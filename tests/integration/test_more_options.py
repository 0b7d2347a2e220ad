# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that become OCI spec, cgroup files and mounts, as the kernel reports them."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

import pytest
from ansible_collections.libpod.engine.tests.support import cgroup_files
from ansible_collections.libpod.engine.tests.support.cgroup_files import v1_only
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually, running

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}


def started(host: Host, **options: Any) -> Process:
    """Start a container with these options, which a second run leaves unchanged; return its process."""
    wanted = {**OPTIONS, **options}
    made = host.container("c", **wanted)
    assert not made.failed, made["msg"]
    again = host.container("c", diff=True, **wanted)
    assert not again.changed, again
    return Process(again)


def refused(host: Host, **options: Any) -> Result:
    """Return the refusal, before any change; check mode agrees, or warns where an earlier task may help."""
    predicted = host.container("c", check=True, **{**OPTIONS, **options})
    refusal = host.container("c", **{**OPTIONS, **options})
    predictions = [predicted["msg"]] if predicted.failed else predicted["warnings"]
    assert refusal.failed and any(one.startswith(refusal["msg"]) for one in predictions), (predicted, refusal)
    assert refusal["msg"].startswith(f"{next(iter(options))}: "), refusal
    host.expect_clean()
    return refusal


def test_process_matches_its_options(host: Host) -> None:
    with open("/srv/labels", "w", encoding="ascii") as file:
        file.write("# who\nowner=me\nalone\nrole=file\n")
    process = started(
        host,
        user="web",
        group_add=["extra", "3000"],
        umask="0027",
        oom_score_adj=321,
        annotation={"org.example.note": "a=b"},
        timezone="Asia/Tokyo",
        hostname="box.example.org",
        no_hosts=True,
        label={"role": "task"},
        label_file="/srv/labels",
        init=True,
    )
    status = process.status
    assert set(status["Groups"].split()) == {"1000", "2000", "3000"}
    assert process.read("oom_score_adj") == "321\n"
    assert process.argv[0] == "/dev/init"
    assert process.run("hostname").stdout == "box.example.org\n"
    assert process.run("date", "+%Z").stdout == "JST\n"
    assert not os.path.exists(process.path("root/etc/hosts"))
    with open(f"/srv/run/containers/{os.listdir('/srv/run/containers')[0]}/config.json", encoding="ascii") as config:
        spec = json.load(config)
    assert spec["annotations"]["org.example.note"] == "a=b"
    children = eventually(lambda: process.read(f"task/{process.pid}/children").split())
    assert Process({"State": {"Pid": int(children[0])}}).status["Umask"] == "0027"
    shown = host.module("libpod_container_info", {"name": ["c"]})["containers"][0]
    os.unlink("/srv/labels")
    assert (shown["Config"]["Umask"], shown["Config"]["Timezone"]) == ("0027", "Asia/Tokyo")
    assert (shown["HostConfig"]["OomScoreAdj"], shown["HostConfig"]["Init"]) == (321, True)
    assert shown["Config"]["Labels"] == {"owner": "me", "alone": "", "role": "task"}


def test_init_ends_the_container_at_its_signal(host: Host) -> None:
    done = host.container("c", **{**OPTIONS, "command": "sh -c 'exit 3'", "init": True, "detach": False})
    assert done["rc"] == 3, done
    host.container("c", **{**OPTIONS, "command": "sleep 1000", "init": True, "stop_signal": "TERM", "stop_timeout": 9})
    eventually(lambda: running(host.cgroups.processes(), "sleep", "1000"))  # so that the init is at work
    stopped = host.container("c", state="stopped")
    assert stopped["container"]["State"]["ExitCode"] == 128 + 15, stopped


def test_environment_is_merged_in_order(host: Host) -> None:
    os.environ.update({"https_proxy": "http://proxy", "FROM_HOST": "yes"})
    try:
        process = started(
            host,
            image="configured",
            env_merge={"COLOUR": "dark${COLOUR}"},
            unsetenv=["SPACED", "HOSTNAME"],
            env={"A": "b"},
        )
        environ = process.environ
        assert environ["https_proxy"] == "http://proxy"
        assert (environ["COLOUR"], environ["A"]) == ("darkgreen", "b")
        assert not {"SPACED", "HOSTNAME", "FROM_HOST"} & set(environ)
        process = started(host, env_host=True, http_proxy=False)
        assert process.environ["FROM_HOST"] == "yes"
        process = started(host, unsetenv_all=True, command=["/bin/sleep", "1000"], http_proxy=False, env={"A": "b"})
        assert process.environ == {"A": "b", "HOME": "/root"}, "runc itself adds HOME"
    finally:
        for name in ("https_proxy", "FROM_HOST"):
            del os.environ[name]


@pytest.mark.parametrize("read_only_tmpfs", [True, False])
def test_read_only_root_has_tmpfs_unless_disabled(host: Host, read_only_tmpfs: bool) -> None:
    process = started(host, read_only=True, read_only_tmpfs=read_only_tmpfs)
    writable = {"/run", "/tmp", "/var/tmp"}
    assert writable & set(process.mounts) == (writable if read_only_tmpfs else set())
    assert "ro" in process.mounts["/"].options


def test_missing_host_support_for_process_options_is_named(host: Host) -> None:
    refused(host, timezone="Nowhere/Land")
    refused(host, init_path="/srv/none", init=True)


def _block_device() -> str:
    return next(f"/dev/{name}" for name in ("vda", "sda", "loop0") if os.path.exists(f"/dev/{name}"))


@v1_only
def test_limits_are_set_in_the_kernel(host: Host) -> None:
    block = _block_device()
    numbers = f"{os.major(os.stat(block).st_rdev)}:{os.minor(os.stat(block).st_rdev)}"
    process = started(
        host,
        memory="64m",
        memory_reservation="32m",
        memory_swappiness=11,
        oom_kill_disable=True,
        cpuset_mems="0",
        blkio_weight=123,
        device_read_bps=[f"{block}:1m"],
        device_write_bps=[f"{block}:2m"],
        device_read_iops=[f"{block}:100"],
        device_write_iops=[f"{block}:200"],
    )
    assert process.cgroup("memory", "memory.soft_limit_in_bytes") == str(32 << 20)
    assert process.cgroup("memory", "memory.swappiness") == "11"
    assert "oom_kill_disable 1" in (process.cgroup("memory", "memory.oom_control") or "")
    assert process.cgroup("cpuset", "cpuset.mems") == "0"
    assert process.cgroup("blkio", "blkio.bfq.weight") == "123"
    for file, limit in (("read_bps", 1 << 20), ("write_bps", 2 << 20), ("read_iops", 100), ("write_iops", 200)):
        assert process.cgroup("blkio", f"blkio.throttle.{file}_device") == f"{numbers} {limit}", file


@v1_only
def test_limits_are_changed_while_the_container_runs(host: Host) -> None:
    process = started(host, memory_reservation="32m", blkio_weight=123, cpuset_mems="0")
    for reservation, weight in (("16m", 200), (None, None)):
        limits: dict[str, Any] = {"memory_reservation": reservation, "blkio_weight": weight} if weight else {}
        done = host.container("c", **OPTIONS, **limits)
        assert done["actions"] == ["updated c"], done
        assert Process(done).pid == process.pid
        soft = int(process.cgroup("memory", "memory.soft_limit_in_bytes") or 0)
        assert soft == 16 << 20 if reservation else soft > 1 << 60
        assert process.cgroup("blkio", "blkio.bfq.weight") == str(weight or 100)
        assert not host.container("c", **OPTIONS, **limits).changed


@v1_only
def test_realtime_runtime_needs_a_parent_that_has_some(host: Host) -> None:
    refused(host, cpu_rt_runtime=5000, cpu_rt_period=1000000)
    try:
        with open("/sys/fs/cgroup/cpu/cpu.rt_runtime_us", "w", encoding="ascii") as file:
            file.write("10000")
    except OSError as error:
        pytest.skip(f"no realtime runtime above the cgroup in which the tests run: {error}")
    os.makedirs("/sys/fs/cgroup/cpu/rt", exist_ok=True)
    with open("/sys/fs/cgroup/cpu/rt/cpu.rt_runtime_us", "w", encoding="ascii") as file:
        file.write("10000")
    process = started(host, cpu_rt_runtime=5000, cpu_rt_period=900000, cgroup_parent="/rt")
    assert process.cgroup("cpu", "cpu.rt_runtime_us") == "5000"
    assert process.cgroup("cpu", "cpu.rt_period_us") == "900000"
    host.container("c", state="absent")
    for name in os.listdir("/sys/fs/cgroup"):
        if os.path.isdir(f"/sys/fs/cgroup/{name}/rt"):
            os.rmdir(f"/sys/fs/cgroup/{name}/rt")


def test_limits_this_host_lacks_are_refused(host: Host) -> None:
    refused(host, kernel_memory="64m")
    refused(host, device_read_bps=["/dev/null:1m"])
    with open(f"/sys/class/block/{os.path.basename(_block_device())}/queue/scheduler", encoding="ascii") as file:
        if "[bfq]" not in file.read():
            refused(host, blkio_weight_device={_block_device(): 100})


def test_devices_exist_with_the_requested_access(host: Host) -> None:
    process = started(
        host,
        device=["/dev/kmsg:/dev/one:r", "/dev/full", "/dev/net:/dev/several"],
        device_cgroup_rule="c 10:200 rwm",
    )
    made = os.stat(process.path("root/dev/one"))
    assert made.st_rdev == os.stat("/dev/kmsg").st_rdev
    assert os.path.exists(process.path("root/dev/several/tun"))
    # cgroup v2 has BPF programs instead of a list.
    allowed = (process.cgroup("devices", "devices.list") or "").splitlines()
    assert cgroup_files.unified() or {"c 1:11 r", "c 10:200 rwm", "c 1:7 rwm"} <= set(allowed)
    command = ["sh", "-c", ": < /dev/one && echo read && : > /dev/one"]
    done = host.container("d", detach=False, **{**OPTIONS, "command": command, "device": ["/dev/fuse:/dev/one:r"]})
    assert done["stdout"] == "read\n", done
    assert "can't create /dev/one: Operation not permitted" in done["stderr"], done


def test_privileged_container_has_the_hosts_and_the_requested_devices(host: Host) -> None:
    process = started(host, privileged=True, device=["/dev/kmsg:/dev/one"])
    assert os.path.exists(process.path("root/dev/kmsg")) and os.path.exists(process.path("root/dev/one"))
    assert cgroup_files.unified() or (process.cgroup("devices", "devices.list") or "").startswith("a *:* rwm")


def test_paths_are_masked_and_unmasked_as_requested(host: Host) -> None:
    process = started(
        host, security_opt=["mask=/www:/etc/group", "unmask=/proc/sys:/proc/kcore", "proc-opts=hidepid=2"]
    )
    mounts = process.mounts
    assert mounts["/www"].fstype == "tmpfs" and "/etc/group" in mounts
    assert not {"/proc/sys", "/proc/kcore"} & set(mounts) and "/proc/bus" in mounts
    assert "hidepid=invisible" in mounts["/proc"].super_options
    open_ = started(host, security_opt=["unmask=ALL"]).mounts
    assert not [target for target in open_ if target.startswith("/proc/")]


def test_devices_and_security_modules_this_host_lacks_are_refused(host: Host) -> None:
    refused(host, device=["/dev/nowhere"])
    refused(host, device=["/etc/passwd"])
    if not os.path.exists("/sys/module/apparmor"):
        assert "AppArmor" in refused(host, security_opt=["apparmor=strict"])["msg"]
    if not os.path.exists("/sys/fs/selinux"):
        assert "SELinux" in refused(host, security_opt=["label=type:x_t"], strict=True)["msg"]
        started(host, security_opt=["label=type:x_t"])
    started(host, security_opt=["label=disable", "apparmor=unconfined"])


def _volumes() -> list[str]:
    folder = "/srv/static/volumes"
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def test_mounts_are_as_requested(host: Host) -> None:
    os.makedirs("/srv/shared/below")
    process = started(
        host,
        mount=[
            "type=bind,source=/srv/shared,target=/b,ro,bind-propagation=rslave,noexec",
            "type=volume,source=named,target=/v",
            "type=glob,source=/srv/shared/bel*,target=/g,ro",
            "type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700",
            "type=ramfs,target=/r",
            "type=devpts,target=/p,mode=600",
        ],
    )
    mounts = process.mounts
    assert {"ro", "noexec"} <= set(mounts["/b"].options)
    assert [word for word in mounts["/b"].propagation if word.startswith("master:")] or not mounts["/b"].propagation
    assert mounts["/v"].root.endswith("/volumes/named/_data")
    assert mounts["/g/below"].root.endswith("/shared/below") and "ro" in mounts["/g/below"].options
    assert (mounts["/t"].fstype, mounts["/r"].fstype, mounts["/p"].fstype) == ("tmpfs", "ramfs", "devpts")
    assert {"size=1024k", "mode=700"} <= set(mounts["/t"].super_options)
    os.rmdir("/srv/shared/below")
    host.container("c", state="absent")
    assert _volumes() == ["named"]
    host.run("rm", "-r", "/srv/static/volumes", "/srv/shared")


def test_image_volume_is_anonymous_and_removed_on_request(host: Host) -> None:
    process = started(host, image="volume", volume=["/more"])
    assert process.run("cat", "/data/seed").stdout == "from the image\n"
    assert {"/data", "/more"} <= set(process.mounts)
    names = _volumes()
    assert len(names) == 2
    assert process.run("sh", "-c", "echo kept > /data/seed").returncode == 0
    host.container("c", state="stopped")
    again = Process(host.container("c", **OPTIONS | {"image": "volume", "volume": ["/more"]}))
    assert again.run("cat", "/data/seed").stdout == "kept\n"
    changed = host.container(
        "c", **OPTIONS | {"image": "volume", "volume": ["/more", "/less"], "tty": True, "delete_volumes": True}
    )
    assert changed["actions"] == ["recreated c"]
    assert len(_volumes()) == 3 and not set(names) & set(_volumes())
    host.container("c", state="absent", delete_volumes=True)
    assert _volumes() == []
    started(host, image="volume")
    host.container("c", state="absent")
    assert len(_volumes()) == 1
    host.run("rm", "-r", "/srv/static/volumes")


@pytest.mark.parametrize("image_volume", ["tmpfs", "ignore"])
def test_image_volume_can_be_tmpfs_or_nothing(host: Host, image_volume: str) -> None:
    process = started(host, image="volume", image_volume=image_volume)
    mount = process.mounts.get("/data")
    assert (mount.fstype if mount else None) == ("tmpfs" if image_volume == "tmpfs" else None)
    assert _volumes() == []


def test_volumes_of_another_container_are_shared(host: Host) -> None:
    os.makedirs("/srv/shared")
    lender = host.container("lender", **OPTIONS | {"image": "volume", "volume": ["/srv/shared:/s", "named:/n"]})
    assert not lender.failed, lender
    process = started(host, volumes_from=["lender:ro"], tmpfs={"/n": ""})
    mounts, theirs = process.mounts, Process(lender).mounts
    assert mounts["/data"].root == theirs["/data"].root and "ro" in mounts["/data"].options
    assert mounts["/s"].root == theirs["/s"].root
    assert mounts["/n"].fstype == "tmpfs"
    host.container("lender", state="absent", delete_volumes=True)
    assert len(_volumes()) == 2, "the borrower still has the anonymous volume"
    host.container("c", state="absent", delete_volumes=True)
    assert _volumes() == ["named"]
    host.run("rm", "-r", "/srv/static/volumes", "/srv/shared")
    refused(host, volumes_from=["nobody"])


def test_volume_can_be_chowned_or_overlaid(host: Host) -> None:
    os.makedirs("/srv/shared/below")
    os.chmod("/srv/shared", 0o750)
    os.symlink("/etc/passwd", "/srv/shared/link")
    process = started(host, user="web:2000", volume=["/srv/shared:/u:U"])
    assert (os.stat("/srv/shared/below").st_uid, os.stat("/srv/shared/below").st_gid) == (1000, 2000)
    assert os.stat("/etc/passwd").st_uid == 0
    process = started(host, user="web:2000", volume=["/srv/shared:/s:O"])
    assert process.mounts["/s"].fstype == "overlay"
    assert process.run("sh", "-c", "stat -c '%u %a' /s && touch /s/new && rmdir /s/below").stdout == "1000 750\n"
    assert sorted(os.listdir("/srv/shared")) == ["below", "link"]
    host.container("c", state="stopped")
    again = Process(host.container("c", **OPTIONS, user="web:2000", volume=["/srv/shared:/s:O"]))
    assert again.run("ls", "/s").stdout == "below\nlink\n"
    host.container("c", state="absent")
    host.run("rm", "-r", "/srv/shared")


def test_secrets_are_in_memory_and_hidden_from_others(host: Host) -> None:
    os.makedirs("/srv/static/secrets", mode=0o700)
    with open("/srv/static/secrets/key", "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as file:
        file.write("hush")
    wanted = ["key", "key,target=/etc/key,uid=1000,gid=2000,mode=0400", "key,type=env,target=KEY"]
    process = started(host, secrets=wanted)
    mounts = process.mounts
    assert mounts["/run/secrets/key"].fstype == mounts["/etc/key"].fstype == "tmpfs"
    assert process.run("stat", "-c", "%u %g %a", "/etc/key", "/run/secrets/key").stdout == "1000 2000 400\n0 0 444\n"
    assert process.run("cat", "/etc/key").stdout == process.environ["KEY"] == "hush"
    container = host.module("libpod_container_info", {"name": ["c"]})["containers"][0]
    assert "hush" not in json.dumps(container)
    run_dir = os.path.dirname(container["HostsPath"])
    assert [os.stat(path).st_mode & 0o777 for path in (run_dir, f"{run_dir}/secrets")] == [0o700, 0o700]
    host.container("c", state="stopped")
    assert not os.path.exists(f"{run_dir}/secrets")
    host.container("c", state="absent")
    with open("/proc/self/mountinfo", encoding="ascii") as file:
        assert "secrets" not in file.read()
    shutil.rmtree("/srv/static/secrets")
    refused(host, secrets=["key"])


def test_exposed_ports_are_published_on_free_host_ports(host: Host) -> None:
    done = host.container("c", **{**OPTIONS, "network": "bridge", "publish_all": True, "expose": ["8081"]})
    bindings = done["container"]["NetworkSettings"]["Ports"]
    assert set(bindings) == {"8081/tcp"} and int(bindings["8081/tcp"][0]["HostPort"]) > 0
    again = host.container("c", **{**OPTIONS, "network": "bridge", "publish_all": True, "expose": ["8081"]})
    assert not again.changed and again["container"]["NetworkSettings"]["Ports"] == bindings


def test_ulimits_can_be_the_hosts(host: Host) -> None:
    process = started(host, ulimit=["host"])
    with open("/proc/self/limits", encoding="ascii") as file:
        ours = {line[:26].strip(): line[26:68].split() for line in file.readlines()[1:]}
    for limit in ("Max open files", "Max processes"):
        assert list(process.limits[limit]) == ours[limit]


def test_volumes_and_secrets_belong_to_the_user_namespaces_root(host: Host) -> None:
    os.makedirs("/srv/static/secrets", mode=0o700)
    os.makedirs("/srv/shared/below")
    with open("/srv/static/secrets/key", "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as file:
        file.write("hush")
    maps = {"uidmap": ["0:100000:65536"], "gidmap": ["0:100000:65536"]}
    process = started(
        host, image="volume", user="web", volume=["/srv/shared:/u:U"], secrets=["key,uid=1000,mode=0400"], **maps
    )
    shown = process.run("stat", "-c", "%u %a", "/u/below", "/run/secrets/key", "/data").stdout
    assert shown == "1000 755\n1000 400\n0 755\n"
    host.container("c", state="absent")
    host.run("rm", "-r", "/srv/static/secrets", "/srv/shared")


def test_unknown_users_get_passwd_and_group_entries(host: Host) -> None:
    process = started(host, user="1234:4321", hostuser="daemon")
    with open(process.path("root/etc/passwd"), encoding="ascii") as file:
        lines = file.read().splitlines()
    assert "1234:*:1234:4321:container user:/:/bin/sh" in lines
    assert [line for line in lines if line.startswith("daemon:*:1:")] and lines[0].startswith("root:")
    assert process.run("tail", "-n1", "/etc/group").stdout == "4321:x:4321:1234\n"
    named = started(host, user="1234", passwd_entry="me:*:$UID:$GID::/home/me:/bin/sh")
    assert named.run("tail", "-n1", "/etc/passwd").stdout == "me:*:1234:0::/home/me:/bin/sh\n"
    for options in ({"user": "1234", "passwd": False}, {"user": "web"}):
        assert not {"/etc/passwd", "/etc/group"} & set(started(host, **options).mounts)
    host.container("c", state="absent")
    refused(host, hostuser="nobodyatall")


def test_chrootdirs_have_the_files_over_etc(host: Host) -> None:
    mounts = started(host, chrootdirs="/www").mounts
    assert mounts["/www/etc/hosts"].root == mounts["/etc/hosts"].root


def test_cgroup_files_and_classes_this_host_lacks_are_refused(host: Host) -> None:
    if not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        refused(host, cgroup_conf={"memory.high": "1m"})
    if not os.path.isdir("/sys/fs/resctrl/gold"):
        refused(host, rdt_class="gold")


def test_tmpfs_begins_with_the_images_content(host: Host) -> None:
    process = started(
        host,
        tmpfs={"/data": "ro", "/www": "notmpcopyup", "/new/folder": "size=1m"},
        mount=["type=tmpfs,target=/home"],
    )
    assert process.run("ls", "/data", "/www", "/home", "/new/folder").stdout.split() == [
        *("/data:", "seed", "/home:", "web", "/new/folder:", "/www:")
    ]
    assert {process.mounts[target].fstype for target in ("/data", "/www", "/home", "/new/folder")} == {"tmpfs"}
    assert "ro" in process.mounts["/data"].options and process.mounts["/home"].super_options[0] == "rw"
