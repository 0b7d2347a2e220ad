# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command in a running container: its user, namespaces and exit code, and that its secrets are not exposed."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.io.exec import Exec, process_for
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import ContainerStopped, InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}


def _exec(host: Host, *argv: str, **options: Any) -> Result:
    return host.module("libpod_container_exec", {"name": "c", "argv": list(argv), **options})


def _status(text: str) -> dict[str, str]:
    lines = (line.partition(":") for line in text.splitlines())
    return {key: value.strip() for key, _separator, value in lines}


def test_command_has_the_containers_namespaces_limits_variables_and_user(host: Host) -> None:
    made = host.container("c", env={"A": "1"}, user="web", workdir="/www", memory="32m", **OPTIONS)
    script = "id -u; pwd; echo $A $HOME; for n in ipc mnt net pid uts; do readlink /proc/self/ns/$n; done"
    done = _exec(host, "sh", "-c", script)
    assert (done.get("rc"), done.changed, done["stderr"]) == (0, True, ""), done
    user, folder, variables, *namespaces = done["stdout"].splitlines()
    assert (user, folder, variables) == ("1000", "/www", "1 /home/web")
    process = Process(made)
    assert namespaces == [os.readlink(process.path(f"ns/{kind}")) for kind in ("ipc", "mnt", "net", "pid", "uts")]
    inside = _status(_exec(host, "cat", "/proc/self/status")["stdout"])
    for key in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp", "Uid"):
        assert inside[key] == process.status[key], key
    assert _exec(host, "cat", "/proc/self/cgroup")["stdout"] == process.read("cgroup")


def test_command_has_the_labels_that_the_container_was_started_with(host: Host) -> None:
    """As the kernel shows them, tests/vm has them of AppArmor; here there is no security module that would."""
    assert not host.container("c", **OPTIONS).failed
    container = Runtime(host.parts).container("c")
    path, labels = container.state.config_path, {"selinuxLabel": "u:r:t:s0", "apparmorProfile": "of-ours"}
    with open(path, encoding="utf-8") as file:
        spec = json.load(file)
    spec["process"].update(labels)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(spec, file)
    for wanted in (Exec(["id"]), Exec(["id"], user="web"), Exec(["id"], privileged=True)):
        assert process_for(container, wanted).items() >= labels.items()


def test_user_workdir_and_variables_of_the_command_override_the_containers(host: Host) -> None:
    host.container("c", env={"A": "1", "B": "2"}, **OPTIONS)
    script = "id -u; id -g; id -G; pwd; echo $A $B $HOME"
    done = _exec(host, "sh", "-c", script, user="web:extra", workdir="/data", env={"B": "3"})
    assert done["stdout"].splitlines() == ["1000", "2000", "2000", "/data", "1 3 /home/web"]
    status = _status(_exec(host, "cat", "/proc/self/status", user="1000")["stdout"])
    assert (status["CapEff"], status["Uid"].split()[0]) == ("0" * 16, "1000")
    refused = _exec(host, "id", user="nobody-here")
    assert refused.failed and "nobody-here" in refused["msg"] and refused["error"] == "InvalidArgument"


def test_privileged_command_has_all_capabilities_of_the_host(host: Host) -> None:
    host.container("c", cap_drop=["ALL"], **OPTIONS)
    ours = _status(open("/proc/self/status").read())["CapBnd"]
    assert _status(_exec(host, "cat", "/proc/self/status")["stdout"])["CapEff"] == "0" * 16
    assert _status(_exec(host, "cat", "/proc/self/status", privileged=True)["stdout"])["CapEff"] == ours


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["sh", "-c", "echo out; echo err >&2; exit 3"], 3),
        (["sh", "-c", "exit 255"], 255),
        (["sh", "-c", "kill -9 $$"], 137),
        (["no-such-command"], 127),
        (["/no/such/command"], 127),
        (["/etc/passwd"], 126),
    ],
)
def test_exit_code_is_the_commands_or_says_why_it_did_not_run(host: Host, argv: list[str], code: int) -> None:
    host.container("c", **OPTIONS)
    done = _exec(host, *argv)
    assert (done.get("rc"), done.failed) == (code, True), done
    assert f"exit code {code}" in done["msg"] and done["msg"].endswith(" ".join(done["stderr"].split())), done
    if code == 3:
        assert (done["stdout"], done["stderr"]) == ("out\n", "err\n")


def test_message_has_the_reason_and_the_end_of_long_errors(host: Host) -> None:
    host.container("c", **OPTIONS)
    assert re.search("executable file (`psql` )?not found in", _exec(host, "psql")["msg"])
    assert "/nope" in _exec(host, "id", workdir="/nope")["msg"]
    long = _exec(host, "sh", "-c", "for n in $(seq 500); do echo $n >&2; done; echo last >&2; exit 1")["msg"]
    assert long.endswith("500 last") and len(long) < 700, long


def test_runtime_that_cannot_enter_is_125(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.container("c", **OPTIONS)
    container = Runtime(host.parts).container("c")
    astray = container.oci
    astray.root = "/srv/nowhere"
    monkeypatch.setattr(container.host, "oci_of", lambda _config: astray)
    assert container.exec(Exec(["true"])).exit_code == 125
    os.rmdir("/srv/nowhere")  # created by runc


def test_standard_input_and_terminal(host: Host) -> None:
    host.container("c", **OPTIONS)
    text = "x" * 100_000
    assert _exec(host, "cat", stdin=text)["stdout"] == text
    assert _exec(host, "cat")["stdout"] == ""
    assert _exec(host, "tty", tty=True)["stdout"].strip() == "/dev/pts/0"
    assert _exec(host, "sh", "-c", "echo $TERM; exit 4", tty=True)["rc"] == 4
    assert "hello" in _exec(host, "cat", stdin="hello\n", tty=True)["stdout"]


def test_detached_command_keeps_running_and_its_exit_code_is_kept(host: Host) -> None:
    host.container("c", **OPTIONS)
    done = _exec(
        host, "sh", "-c", "echo $$ > /data/pid; while [ ! -e /data/go ]; do sleep 0.05; done; exit 5", detach=True
    )
    assert not done.failed and re.fullmatch("[0-9a-f]{64}", done["exec_id"]), done
    container = Runtime(host.parts).container("c")
    assert container.exec_exit_code(done["exec_id"]) is None
    eventually(lambda: bool(_exec(host, "cat", "/data/pid")["stdout"].strip()))
    _exec(host, "touch", "/data/go")
    assert eventually(lambda: container.exec_exit_code(done["exec_id"])) == 5
    with pytest.raises(InvalidArgument):
        container.exec_exit_code("no-such-session")
    refused = _exec(host, "no-such-command", detach=True)
    assert refused.failed and "no-such-command" in refused["msg"]
    assert not _exec(host, "sleep", "1000", detach=True, tty=True).failed
    assert host.container("c", state="absent")["actions"] == ["deleted c"]
    host.expect_clean()


def test_command_requires_a_running_container(host: Host) -> None:
    host.container("c", state="present", **OPTIONS)
    refused = _exec(host, "true")
    assert refused.failed and refused["error"] == "ContainerStopped" and "configured" in refused["msg"]
    host.container("c", state="paused")
    refused = _exec(host, "true")
    assert refused.failed and refused["error"] == "InvalidState" and "paused" in refused["msg"]
    with pytest.raises(ContainerStopped):
        host.container("c", state="stopped")
        Runtime(host.parts).container("c").exec(Exec(["true"]))


def test_bad_arguments_are_refused(host: Host) -> None:
    host.container("c", **OPTIONS)
    for wrong, word in (
        ({"command": ""}, "command"),
        ({"command": "echo 'x"}, "quotes"),
        ({"command": "true", "argv": ["true"]}, "mutually exclusive"),
        ({}, "one of"),
        ({"command": "true", "workdir": "relative"}, "workdir"),
        ({"command": "true", "detach": True, "stdin": "x"}, "stdin"),
        ({"command": "true", "name": "nobody"}, "nobody"),
    ):
        refused = host.module("libpod_container_exec", {"name": "c", **wrong})
        assert refused.failed and word in refused["msg"], refused


def test_check_mode_runs_nothing(host: Host) -> None:
    made = host.container("c", **OPTIONS)
    done = host.module("libpod_container_exec", {"name": "c", "command": "touch /data/made"}, check=True)
    assert done.changed and not done.failed
    assert not os.path.exists(Process(made).path("root/data/made"))


def test_secrets_are_on_no_command_line_in_no_file_and_in_no_result(host: Host) -> None:
    made = host.container("c", **OPTIONS)
    script = "cat; for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; done"
    done = _exec(host, "sh", "-c", script, env={"TOKEN": "s3cret"}, stdin="")
    assert "s3cret" not in repr(done)
    assert done["invocation"]["module_args"]["env"] == {"TOKEN": "(hidden)"}
    run_dir = os.path.dirname(made["container"]["HostsPath"])
    for folder, _folders, names in os.walk(run_dir):
        assert not any("exec" in name for name in names), folder


def test_exec_in_a_playbook(host: Host) -> None:
    module = "libpod.engine.libpod_container_exec"
    played = host.play(
        [
            {"name": "start", "libpod.engine.libpod_container": {"name": "c", **OPTIONS}},
            {"name": "exec", module: {"name": "c", "command": "cat /www/index.html"}},
            {"name": "fails", module: {"name": "c", "command": "false"}, "ignore_errors": True},
        ]
    )
    assert played["exec"]["stdout"] == "It works.\n"
    assert played["fails"]["failed"] and played["fails"]["rc"] == 1
