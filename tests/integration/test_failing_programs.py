# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that hang, crash, flood or give invalid answers result in one message that names them; nothing is left."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import stat
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.bundle import sysctls
from ansible_collections.libpod.engine.plugins.module_utils._container.rootfs.private_mount import with_volume
from ansible_collections.libpod.engine.plugins.module_utils._container.rootfs.private_namespace import with_memory
from ansible_collections.libpod.engine.plugins.module_utils._drivers import host_log
from ansible_collections.libpod.engine.plugins.module_utils._exit_command import runner
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import HostExhausted
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.tests.support import cgroup_files, syslog
from ansible_collections.libpod.engine.tests.support.hooks import after_start
from ansible_collections.libpod.engine.tests.support.hosts import OCI_RUNTIME, Host
from ansible_collections.libpod.engine.tests.support.modules import in_child
from ansible_collections.libpod.engine.tests.support.process import PATIENCE, WAITING, eventually

PLAIN: dict[str, Any] = {"image": "localhost/busybox", "command": WAITING, "network": "none"}
ANSWERING = "head -c 1 /proc/self/fd/$_OCI_STARTPIPE >/dev/null; %s >/proc/self/fd/$_OCI_SYNCPIPE"
# How conmon behaves, and what the message says.
CONMONS = {
    "killed": ("kill -9 $$", "/srv/fake/conmon was killed by signal 9 before it answered"),
    "ended": ("exit 3", "/srv/fake/conmon ended with exit code 3 before it answered"),
    "silent": (
        "exec sleep 600",
        "did not end within 1 seconds and was killed (a longer limit: tool_timeouts: {conmon:",
    ),
    "number": (ANSWERING % "echo 5", "conmon's answer: expected an object, found an integer"),
    "null": (ANSWERING % "echo '{\"data\":null}'", "conmon's answer: data: expected an integer, found null"),
    "no PID": (ANSWERING % "echo '{\"data\":0}'", "conmon answers 0"),
    "garbage": (ANSWERING % "printf '\\377{\\n'", "conmon's answer: not valid JSON"),
    "10 MB": (ANSWERING % "head -c 10000000 /dev/zero", "conmon's answer: not valid JSON"),
}
ENOUGH = 5 * PATIENCE  # seconds for all else that the runtime does, also on a busy machine


@contextlib.contextmanager
def program(name: str, script: str) -> Iterator[str]:
    """Return a program that replaces another one; ``real`` in its script runs the original."""
    path = f"/srv/fake/{name}"
    os.makedirs("/srv/fake", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nreal() {{ exec {name} "$@"; }}\n{script}\n')
    os.chmod(path, 0o755)
    try:
        yield path
    finally:
        os.unlink(path)
        os.rmdir("/srv/fake")


@pytest.mark.parametrize("case", CONMONS)
def test_conmon_that_fails_is_named(tools: Host, case: str) -> None:
    script, message = CONMONS[case]
    with program("conmon", script) as conmon:
        begun = time.monotonic()
        limit = 1 if case == "silent" else 60
        refused = tools.container("web", **PLAIN, conmon_path=conmon, tool_timeouts={"conmon": limit})
    assert refused.failed and time.monotonic() - begun < 120, refused
    assert refused["msg"].startswith("cannot create container web: ") and message in refused["msg"], refused
    assert len(refused["msg"]) < 400 and refused["changed"] is False
    tools.expect_clean()


def test_silent_runtime_times_out(tools: Host, tmp_path: Path) -> None:
    with program(OCI_RUNTIME, 'case "$*" in *" create "*) sleep 600;; *) real "$@";; esac') as runtime:
        refused = tools.container("web", **PLAIN, oci_runtime=runtime, tool_timeouts={"conmon": 1})
        assert refused["error"] == "ToolTimedOut" and "conmon did not end within 1 seconds" in refused["msg"], refused
    tools.expect_clean()
    with program(OCI_RUNTIME, 'case "$*" in *" start "*) sleep 600;; *) real "$@";; esac') as runtime:
        how = {**after_start(tmp_path), "oci_runtime": runtime, "tool_timeouts": {"oci_runtime": ENOUGH}}
        refused = tools.container("web", **PLAIN, **how)
        assert refused["error"] == "ToolTimedOut", refused
        assert f"cannot start container web: {runtime} did not end within {ENOUGH:g} seconds" in refused["msg"]
    tools.expect_clean()


@pytest.mark.parametrize("name", ["bridge", OCI_RUNTIME])
def test_program_that_gets_no_thread_means_an_exhausted_host(tools: Host, name: str, tmp_path: Path) -> None:
    crash = "echo 'runtime/cgo: pthread_create failed: Resource temporarily unavailable' >&2; exit 2"
    plugin = name == "bridge"
    script = f'case "$CNI_COMMAND $1 $*" in ADD*|*" start "*) {crash};; esac'
    script += '\nexec /usr/lib/cni/bridge "$@"' if plugin else '\nreal "$@"'
    with program(name, script) as path:
        how: dict[str, Any] = {"cni_plugin_dirs": ["/srv/fake", "/usr/lib/cni"]} if plugin else {"oci_runtime": path}
        hook = {} if plugin else after_start(tmp_path)
        refused = tools.container("web", **{**PLAIN, "network": "bridge" if plugin else "none"}, **how, **hook)
        assert refused["error"] == "HostExhausted" and "Resource temporarily unavailable" in refused["msg"], refused
        tools.container("web", state="absent", **how)
    tools.expect_clean()


def test_flood_of_output_is_bounded(tools: Host, tmp_path: Path) -> None:
    flood = "(echo why; head -c 200000000 /dev/zero | tr '\\0' x; echo; echo last) >&2; exit 1"
    with program(OCI_RUNTIME, f'case "$*" in *" start "*) {flood};; *) real "$@";; esac') as runtime:
        refused = tools.container("web", **PLAIN, oci_runtime=runtime, **after_start(tmp_path))
    assert refused["error"] == "ToolFailed" and "ended with exit code 1: why xxx" in refused["msg"], refused["msg"][
        :200
    ]
    assert refused["msg"].endswith("last") and len(str(dict(refused))) < 100_000
    tools.expect_clean()


def test_detached_command_with_a_silent_conmon_times_out(tools: Host) -> None:
    made = tools.container("web", **PLAIN)
    with program("conmon", "exec sleep 600") as conmon:
        args = {"name": "web", "argv": ["sleep", "5"], "detach": True}
        refused = tools.module("libpod_container_exec", {**args, "conmon_path": conmon, "tool_timeouts": {"conmon": 1}})
    assert refused["error"] == "ToolTimedOut" and "cannot run a command in container web" in refused["msg"], refused
    assert not [
        name for name in os.listdir(f"{tools.parts.run_root}/containers/{made['container']['Id']}") if "exec-" in name
    ]
    assert not tools.container("web", **PLAIN).changed
    tools.container("web", state="absent")
    tools.expect_clean()


@pytest.mark.parametrize("option", ["pid_file", "cidfile", "conmon_pidfile"])
def test_fifo_for_an_id_is_refused_and_left_alone(tools: Host, option: str) -> None:
    path = f"/srv/{option}"
    task: dict[str, Any] = {**PLAIN, option: path}
    os.mkfifo(path)
    try:
        refused = tools.container("web", **task)
        assert refused["error"] == "InvalidArgument" and f"{option}: {path}" in refused["msg"], refused
        os.unlink(path)
        assert tools.container("web", **task).changed
        os.unlink(path)
        os.mkfifo(path)
        gone = tools.container("web", state="absent")
        assert gone.changed and not gone.failed, gone
    finally:
        os.unlink(path)
    tools.expect_clean()


def test_fifo_for_the_log_is_refused_and_left_alone(tools: Host) -> None:
    path = "/srv/log"
    os.mkfifo(path)
    try:
        for check in (True, False):
            refused = tools.container("web", **PLAIN, log_opt={"path": path}, check=check)
            assert refused["error"] == "InvalidArgument" and f"log_opt: {path}" in refused["msg"], refused
        assert stat.S_ISFIFO(os.stat(path).st_mode)
    finally:
        os.unlink(path)
    tools.expect_clean()


@pytest.fixture(scope="module")
def tools() -> Iterator[Host]:
    with Host() as made:
        yield made


@contextlib.contextmanager
def few_processes(most: int) -> Iterator[Callable[[], None]]:
    """Make a cgroup with at most that many processes and threads; yield a function that enters it."""
    folder = cgroup_files.folder("pids", "/few")
    os.makedirs(folder)
    try:
        with open(f"{folder}/pids.max", "w", encoding="ascii") as file:
            file.write(str(most))

        def enter() -> None:
            with open(f"{folder}/cgroup.procs", "w", encoding="ascii") as file:
                file.write("0")

        yield enter
    finally:
        eventually(lambda: not cgroup_files.read("pids", "/few", "cgroup.procs"))
        os.rmdir(folder)


def few_descriptors(more: int) -> Callable[[], None]:
    """Limit the calling process and the programs it starts to this many more open files."""

    def bound() -> None:
        last = max(map(int, os.listdir("/proc/self/fd")))
        while os.open(os.devnull, os.O_RDONLY) < last:
            pass
        resource.setrlimit(resource.RLIMIT_NOFILE, (last + more, last + more))

    return bound


def sentence(result: Any) -> None:
    """Return the message after asserting that it is one line on a limit of the host, without a traceback."""
    assert result.failed and result.get("error"), result
    assert "Traceback" not in result.stderr and "Traceback" not in str(result), result
    assert result["error"] != "Internal" and "itself failed" not in str(result), result


@pytest.mark.parametrize("most", [1, 2, 3, 4, 6, 8])
def test_exhausted_processes_are_a_one_line_error(tools: Host, most: int) -> None:
    with few_processes(most) as enter:
        refused = tools.container("web", **{**PLAIN, "network": "bridge"}, prepare=enter)
        sentence(refused)
        assert most > 6 or refused["error"] == "HostExhausted", refused
        assert most > 6 or "Resource temporarily unavailable" in refused["msg"] and len(refused["msg"]) < 400, refused
    if tools.leaks():
        # No process was available for the cleanup either: the next run does it.
        tools.container("web", state="absent")
    tools.expect_clean()


@pytest.mark.parametrize(
    ("work", "kind"),
    [
        (lambda: with_memory(os.listdir), "mnt"),
        (lambda: with_volume("/srv/static/volumes/none", os.listdir), "mnt"),
        (lambda: sysctls.check({**normalise({}), "sysctl": {"net.ipv4.ip_forward": "1"}}), "net"),
    ],
)
def test_process_without_a_thread_keeps_its_namespaces(work: Callable[[], object], kind: str) -> None:
    before = os.readlink(f"/proc/self/ns/{kind}")
    with few_processes(1) as enter:

        def try_it() -> None:
            enter()
            with contextlib.suppress(HostExhausted):
                work()
                raise SystemExit(4)
            raise SystemExit(3 if os.readlink(f"/proc/self/ns/{kind}") == before else 5)

        done = in_child(try_it)
    assert done.exit_code == 3, done


def test_failed_fork_in_a_list_is_reported(tools: Host) -> None:
    with few_processes(1) as enter:
        listed = tools.module("libpod_containers", {"containers": [{"name": "a", **PLAIN}]}, prepare=enter)
    assert listed.failed and "a limit of this host is reached" in listed["msg"], listed
    assert "signal" not in listed["msg"] and "Traceback" not in listed.stderr
    tools.expect_clean()


def test_runner_outlives_a_failed_fork(tools: Host) -> None:
    with few_processes(1) as enter, syslog.syslog() as log:

        def ask() -> None:
            host_log.enable("health")
            enter()
            begun = os.listdir("/proc/self/fd")
            assert [runner.ask(tools.parts, ("c", "1", "1"), lambda *_about: 0.5, 10.0) for _turn in "ab"] == [10.0] * 2
            assert os.listdir("/proc/self/fd") == begun
            raise SystemExit(3)

        assert in_child(ask).exit_code == 3
        (line,) = log.messages
    assert "a limit of this host is reached" in line and line.endswith("; tried again every 10 seconds")


@pytest.mark.parametrize("most", range(3, 15, 3))
def test_exhausted_descriptors_are_a_one_line_error(tools: Host, most: int) -> None:
    sentence(tools.container("web", **{**PLAIN, "network": "bridge"}, prepare=few_descriptors(most)))
    if tools.leaks():
        tools.container("web", state="absent")
    tools.expect_clean()


def test_silent_registry_times_out(tools: Host) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        image = f"127.0.0.1:{silent.getsockname()[1]}/app"
        begun = time.monotonic()
        refused = tools.container("web", **{**PLAIN, "image": image}, tls_verify=False, tool_timeouts={"skopeo": 1})
    assert refused["error"] == "ToolTimedOut" and time.monotonic() - begun < 120, refused
    assert f"pulling image {image}: skopeo did not end within 1 seconds" in refused["msg"], refused
    assert refused["cmd"] == ["skopeo"], "the arguments name where secrets are"
    tools.expect_clean()


def test_removal_continues_past_a_hanging_runtime(tools: Host) -> None:
    tools.container("web", **PLAIN)
    with program(OCI_RUNTIME, 'case "$*" in *" delete "*) sleep 600;; *) real "$@";; esac') as runtime:
        gone = tools.container("web", state="absent", oci_runtime=runtime, tool_timeouts={"oci_runtime": ENOUGH})
    assert gone["actions"] == ["deleted web"] and f"did not end within {ENOUGH:g} seconds" in gone["msg"], gone
    tools.container("web", state="absent")
    tools.expect_clean()


def test_restart_with_a_hanging_conmon_reports_what_was_stopped(tools: Host) -> None:
    tools.container("web", **PLAIN)
    with program("conmon", "exec sleep 600") as conmon:
        task = {**PLAIN, "force_restart": True, "conmon_path": conmon, "tool_timeouts": {"conmon": 1}}
        refused = tools.container("web", **task)
    assert refused["error"] == "ToolTimedOut" and refused["actions"] == ["stopped web"], refused
    assert tools.container("web", **PLAIN)["actions"] == ["started web"]
    tools.container("web", state="absent")
    tools.expect_clean()
