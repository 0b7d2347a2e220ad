# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task's arguments, the desired container they describe, and what of them reaches the log and the result."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Optional

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.libpod.engine.plugins.module_utils._ansible import arguments, containers
from ansible_collections.libpod.engine.plugins.module_utils._ansible.module import check_quoting
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    InvalidArgument,
    refuse_ineffective,
    take_warnings,
    warn,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.desired import Desired, by_name_only

SECRET = "hunter2"


def params(spec: dict[str, Any] | None = None, **args: Any) -> dict[str, Any]:
    """Return a task's arguments after Ansible's own checks."""
    result = ArgumentSpecValidator(spec or arguments.container_spec()).validate(args)
    assert not result.error_messages, result.error_messages
    validated: dict[str, Any] = result.validated_parameters
    return validated


def desired(**args: Any) -> Desired:
    return arguments.desired(params(**{"name": "web", **args}))


def test_name_alone_requests_only_the_state() -> None:
    requested = desired()
    assert requested == Desired("web") and requested.by_name and requested.options is None
    assert desired(state="absent", delete_depend=True) == Desired("web", "absent", delete_depend=True)
    assert desired(restart=True).force_restart and desired(restart=True).by_name


@pytest.mark.parametrize("state", ["started", "present", "created", "paused", "stopped", "absent"])
@pytest.mark.parametrize("image", [None, "app"])
@pytest.mark.parametrize("memory", [None, "64m"])
@pytest.mark.parametrize("restart", [False, True])
def test_task_is_by_name_only_if_its_configuration_has_no_effect(
    state: str, image: Optional[str], memory: Optional[str], restart: bool
) -> None:
    requested = desired(state=state, image=image, memory=memory, restart=restart)
    takes_down, described = state in ("absent", "stopped"), image or memory and not restart
    assert requested.by_name == bool(takes_down or not described)
    assert requested.by_name == by_name_only(state, options=bool(memory), image=bool(image), force_restart=restart)
    # Options are parsed where they apply, and for a container that is created only to be stopped.
    assert (requested.options is None) == (requested.by_name and not (state == "stopped" and image))


def test_options_are_normalised_and_remembered() -> None:
    requested = desired(image="app", memory="64m", ports=["80"], labels={"a": 1})
    assert requested.options == normalise({"memory": "64m", "publish": ["80"], "label": {"a": "1"}})
    assert requested.specified == {"memory", "publish", "label"} and requested.image == "app" and not requested.by_name


@pytest.mark.parametrize(
    ("written", "option", "value"),
    [("ports", "publish", ["80"]), ("net", "network", ["host"]), ("volumes", "volume", ["a:/a"])]
    + [("labels", "label", {"a": "b"}), ("add_hosts", "etc_hosts", {"a": "1.2.3.4"}), ("working_dir", "workdir", "/w")]
    + [
        ("capabilities", "cap_add", ["KILL"]),
        ("log_options", "log_opt", {"path": "/x"}),
        ("network_mode", "network", ["none"]),
    ]
    + [("dns_servers", "dns", ["::1"]), ("ulimits", "ulimit", ["core=0"]), ("published_ports", "publish", ["80"])],
)
def test_alias_means_its_option(written: str, option: str, value: Any) -> None:
    assert desired(image="app", **{written: value}).options == normalise({option: value})


def test_unknown_option_is_refused_by_name() -> None:
    spec = arguments.container_spec()
    for option in ("generate_systemd", "bogus"):
        result = ArgumentSpecValidator(spec).validate({"name": "web", option: "x"})
        assert option in result.error_messages[0]


@pytest.mark.parametrize("name", ["", "a b", "-a", "../a", "a" * 201, "ä"])
@pytest.mark.parametrize("state", ["started", "stopped"])
def test_invalid_name_is_refused_in_every_state(name: str, state: str) -> None:
    with pytest.raises(InvalidArgument, match="^name: .* cannot be used: expected a letter or digit"):
        desired(name=name, state=state)


@pytest.mark.parametrize("args", [{"state": "absent"}, {"state": "stopped"}, {"restart": True}])
def test_by_name_only_tasks_validate_no_other_option(args: dict[str, Any]) -> None:
    requested = desired(memory="12x", publish=["x"], env_file=["/missing"], **args)
    assert requested.options is None and requested.by_name


@pytest.mark.parametrize("state", ["started", "present", "created", "paused"])
def test_invalid_option_is_refused_where_it_has_an_effect(state: str) -> None:
    with pytest.raises(InvalidArgument, match="^memory: '12x'"):
        desired(image="app", memory="12x", state=state)


def test_stopped_with_an_image_validates_options_only_to_create() -> None:
    requested = desired(image="app", memory="12x", state="stopped")
    assert requested.by_name and requested.options is None and "memory: '12x'" in str(requested.unusable)


def test_root_directory_is_an_absolute_path_and_perhaps_under_an_overlay() -> None:
    plain, overlay = desired(image="//srv/./root/", rootfs=True), desired(image="/srv/root:O", rootfs=True)
    assert (plain.image, plain.rootfs, plain.overlay) == ("/srv/root", True, False)
    assert (overlay.image, overlay.rootfs, overlay.overlay) == ("/srv/root", True, True)
    assert desired(image="app:O").image == "app:O"


def test_omitted_root_directory_is_not_the_working_directory() -> None:
    assert desired(rootfs=True, memory="64m").image == ""
    with pytest.raises(InvalidArgument, match="^image: ':O' cannot be used: expected a directory"):
        desired(image=":O", rootfs=True)


def test_env_wins_over_env_file(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("A=file\nB=file\n")
    requested = desired(image="app", env={"A": "task"}, env_files=[str(tmp_path / "env")])
    assert requested.options and requested.options["env"] == {"A": "task", "B": "file"}
    assert {"env", "env_file"} <= requested.specified


def test_allowing_more_than_no_network_ignores_networks() -> None:
    modes = {"network": "allow_more_present"}
    requested = desired(image="app", network=[], comparisons=modes)
    assert requested.comparisons == {"network": "ignore"} and requested.wanted["network"]["mode"] == "none"
    assert desired(image="app", network=["none"], comparisons=modes).comparisons == modes


def test_omitted_engine_options_have_their_defaults() -> None:
    assert arguments.parts(params(name="web")) == EngineConfig()


def test_engine_options_come_from_the_task_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBPOD_STATIC_ROOT", "/env/static")
    monkeypatch.setenv("LIBPOD_RUN_ROOT", "/env/run")
    monkeypatch.setenv("LIBPOD_CNI_PLUGIN_DIRS", "/a,/b")
    monkeypatch.setenv("LIBPOD_CGROUP_MANAGER", "systemd")
    parts = arguments.parts(params(name="web", static_root="//task//static/", oci_runtime="crun"))
    assert (parts.static_root, parts.run_root, parts.oci_runtime) == ("/task/static", "/env/run", "crun")
    assert (parts.cni_plugin_dirs, parts.cgroup_manager) == (("/a", "/b"), "systemd")


def test_every_engine_option_has_an_environment_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"cgroup_manager": "cgroupfs", "network_backend": "netavark", "tool_timeouts": "cni=5, conmon=9.5"}
    for part in EngineConfig._fields:
        monkeypatch.setenv(f"LIBPOD_{part.upper()}", values.get(part, f"/{part}"))
    parts = arguments.parts(params(arguments.info_spec()))
    assert {part: value for part, value in parts._asdict().items() if value == getattr(EngineConfig(), part)} == {}


@pytest.mark.parametrize(
    "root", ["static_root", "run_root", "storage_root", "storage_run_root", "cni_config_dir", "network_config_dir"]
)
def test_relative_root_is_refused_by_name(root: str) -> None:
    with pytest.raises(InvalidArgument, match=f"^{root}: 'here' cannot be used: expected an absolute path"):
        arguments.parts({root: "here"})


# The real module, with its messages to syslog(3) collected; the first argument holds the tasks to run.
CHILD = """
import io, json, sys, syslog
from contextlib import redirect_stdout
from ansible.module_utils import basic
from ansible_collections.libpod.engine.plugins.module_utils._ansible import container
from ansible_collections.libpod.engine.tests.support.modules import give_arguments
logged = []
basic.has_journal, syslog.syslog = False, lambda *words: logged.append(str(words[-1]))
results = []
for arguments in json.loads(sys.argv[1]):
    printed = io.StringIO()
    give_arguments(arguments)
    with redirect_stdout(printed):
        try:
            container.main()
        except SystemExit:
            pass
    results.append(json.loads(printed.getvalue()))
print(json.dumps({"logged": logged, "results": results}))
"""


def test_no_value_of_a_variable_reaches_the_log_or_the_result(tmp_path: Path) -> None:
    common = {
        "name": "web",
        "static_root": f"{tmp_path}/static",
        "run_root": f"{tmp_path}/run",
        "_ansible_check_mode": True,
    }
    cases: dict[str, dict[str, Any]] = {
        "works": {"env": {"A": SECRET}, "state": "absent"},
        "is refused by the engine": {"env": {"A": SECRET}, "image": "app", "memory": "12x"},
        "is refused by the engine for its name": {"env": {"A=B": SECRET}, "image": "app"},
        "is refused by Ansible": {"env": {"A": SECRET}, "bogus": 1},
        "is refused by Ansible for its type": {"env": [SECRET]},
        "is an argument of podman": {"cmd_args": ["--env", f"A={SECRET}"], "state": "absent"},
        "is a password": {"creds": f"me:{SECRET}", "state": "absent"},
        "is a number": {"env": {"A": 1.10, "B": SECRET}, "state": "absent"},
        "is written in a line": {"env": f"A={SECRET}", "state": "absent"},
    }
    tasks = json.dumps([{**common, **case} for case in cases.values()])
    done = subprocess.run(
        [sys.executable, "-c", CHILD, tasks], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    output = json.loads(done.stdout)
    for case, result in zip(cases, output["results"]):
        assert SECRET not in json.dumps(result), case
        assert result["invocation"]["module_args"]["name"] == "web", case
    assert [bool(result.get("failed")) for result in output["results"]] == [
        False,
        True,
        True,
        True,
        True,
        False,
        False,
        False,
        False,
    ]
    assert output["results"][0]["invocation"]["module_args"]["env"] == {"A": "(hidden)"}
    assert [result.get("error") for result in output["results"][1:3]] == ["InvalidArgument"] * 2
    (warning,) = output["results"][7]["warnings"]
    assert "env: the value of A is a floating-point number" in str(warning)
    assert "warnings" not in output["results"][0]
    # What Ansible refuses is not logged at all; ansible-core 2.18 logs the warning too.
    logged = [line for line in output["logged"] if not line.startswith("[WARNING]")]
    assert len(logged) == 7 and all("Invoked with " in line and "name=web" in line for line in logged)
    assert "env={'A': '(hidden)'}" in logged[0] and SECRET not in str(output["logged"])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("written", "warned"),
    [
        ({"env": {"A": True}}, "env: the value of A is a boolean"),
        ({"env": {"A": "true", "V": 1.10}}, "env: the value of V is a floating-point number"),
        ({"labels": {"v": 1.5}}, "labels: the value of v is a floating-point number"),
        ({"annotation": {"a": False}}, "annotation: the value of a is a boolean .* becomes the text False"),
        ({"user": 33 * 60 + 33}, "user: 2013 is a number to YAML, which also reads 33:33"),
        ({"user": 1000 * 60}, "user: 60000 is a number to YAML, which also reads 1000:0"),
        ({"ports": [22 * 60 + 22]}, "ports: 1342 is a number .* 22:22"),
        ({"publish": [2222 * 60 + 22]}, "publish: 133342 is a number .* 2222:22"),
        ({"command": ["python", 3.1]}, "command: 3.1 is a floating-point number"),
    ],
)
def test_value_that_yaml_may_have_changed_causes_a_warning(written: dict[str, Any], warned: str) -> None:
    check_quoting(written)
    (warning,) = take_warnings()
    assert re.search(warned, warning) and "quote it" in warning


def test_value_that_yaml_preserves_causes_no_warning() -> None:
    users = ({"user": number} for number in (0, 33, 101, 472, 999, 1000, 1001, 65534, 100001))
    written: Any
    for written in (*users, {"env": {"PORT": 8080, "A": "1.10", "E": None}}, {"publish": [80, 8080, "22:22"]}):
        check_quoting(written)
    assert take_warnings() == []


def test_strict_refuses_only_options_without_effect() -> None:
    warn("one thing")
    refuse_ineffective()
    warn("another thing has no effect", ineffective=True)
    with pytest.raises(InvalidArgument, match=r"^another thing has no effect \(strict is true\)"):
        refuse_ineffective()
    assert take_warnings() == []


@pytest.mark.parametrize(
    ("args", "options"),
    [
        (["--memory=64m", "--label", "a=b", "-l", "c"], {"memory": "64m", "label": {"a": "b", "c": ""}}),
        (["-it", "-p8080:80", "-v", "/srv:/data"], {"interactive": True, "tty": True, "publish": ["8080:80"]}),
        (["--add-host", "db:::1", "--tmpfs=/t:size=1m"], {"etc_hosts": {"db": "::1"}, "tmpfs": {"/t": "size=1m"}}),
        (["--add-host=a:::1", "--add-host=a:192.0.2.1"], {"etc_hosts": {"a": "::1,192.0.2.1"}}),
        (["--restart", "always", "--privileged=false"], {"restart_policy": "always"}),
        (["--log-opt=max-size=1m", "--log-driver", "k8s-file"], {"log_opt": {"max_size": "1m"}}),
        (["--blkio-weight-device=/dev/a:50", "--cpu-shares", "5"], {"cpu_shares": 5}),
        (["--health-cmd", "true", "--tz=local", "--net", "none"], {"healthcheck": "true", "network": ["none"]}),
    ],
)
def test_podman_arguments_set_the_corresponding_options(args: list[str], options: dict[str, Any]) -> None:
    requested = desired(image="app", cmd_args=args)
    more = {"-v": {"volume": ["/srv:/data"]}, "--tz=local": {"timezone": "local"}}
    more["--blkio-weight-device=/dev/a:50"] = {"blkio_weight_device": {"/dev/a": 50}}
    for word in args:
        options = {**options, **more.get(word, {})}
    assert requested.options == normalise(options) and set(options) <= requested.specified


def test_podman_arguments_and_options_are_combined() -> None:
    requested = desired(image="app", cmd_args=["-eA=args", "-eB=args", "-p", "80"], env={"A": "task"}, ports=["81"])
    assert requested.wanted["env"] == {"A": "task", "B": "args"} and len(requested.wanted["publish"]) == 2
    assert not desired(image="app", cmd_args=["--detach=false"]).detach


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--cgroups-manager=x"], "--cgroups-manager cannot be used: no option here"),
        (["--state=absent"], "--state cannot be used"),
        (["--static-root=/x"], "--static-root cannot be used"),
        (["-x"], "-x cannot be used"),
        (["image"], "image cannot be used"),
        (["--memory"], "--memory has no value"),
        (["--label==x"], "the value of --label cannot be used"),
        (["--tty=maybe"], "--tty=maybe cannot be used: expected true or false"),
        (["--cpu-shares=many"], "--cpu-shares 'many' cannot be used: expected a number"),
        (["--memory=1g"], "--memory conflicts with the option memory"),
    ],
)
def test_podman_argument_without_an_option_is_refused_by_name(args: list[str], said: str) -> None:
    with pytest.raises(InvalidArgument, match="^cmd_args: ") as caught:
        desired(image="app", memory="64m", cmd_args=args)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("args", "warned"),
    [
        ({"sig_proxy": True}, "sig_proxy: has no effect here"),
        ({"hosts_file": "/x"}, "hosts_file: has no effect here"),
        ({"log_driver": "journald", "log_opt": {"max_size": "1m", "path": "/x"}}, "log_opt: path and max_size has no"),
        ({"log_opt": {"tag": "x"}}, "log_opt: tag has no effect with the log_driver k8s-file"),
        ({"log_driver": "none", "log_opt": {"path": "/x"}}, "log_opt: path has no effect with the log_driver none"),
        ({"publish": ["80"], "network": ["host"]}, "publish: has no effect with the network 'host'"),
    ],
)
def test_option_without_effect_causes_a_warning_or_with_strict_an_error(args: dict[str, Any], warned: str) -> None:
    requested = desired(image="app", **args)
    assert [warned in one for one in take_warnings()] == [True]
    kept = {"network": args.get("network"), "log_driver": args.get("log_driver")}
    assert requested.options == normalise(kept)
    with pytest.raises(InvalidArgument, match=r"has no effect.*\(strict is true\)"):
        desired(image="app", strict=True, **args)
    assert take_warnings() == []


def test_common_podman_playbook_options_are_accepted_silently() -> None:
    args = {"executable": "podman", "debug": True, "log_level": "error", "cmd_args": []}
    assert desired(image="app", **args).options == normalise({}) and take_warnings() == []


def test_only_attach_waits_for_the_container() -> None:
    requested = desired(image="app", attach=["stdout"])
    assert not requested.detach and requested.attach == ("stdout",)


def test_impossible_name_is_absent() -> None:
    assert all(arguments.is_nothing({"name": name, "state": "absent"}) for name in ("alpine:3.7", "../a", "a b"))
    assert not arguments.is_nothing({"name": "web", "state": "absent"})
    assert not arguments.is_nothing({"name": "", "state": "absent"})
    assert not arguments.is_nothing({"name": "alpine:3.7", "state": "stopped"})


def test_no_secret_of_a_list_is_shown() -> None:
    secrets: dict[str, Any] = {"env": {"A": SECRET}, "creds": SECRET, "decryption_key": SECRET, "cmd_args": [SECRET]}
    module = containers.Module.__new__(containers.Module)
    module.params = {"containers": [{"name": "a", **secrets}], "defaults": secrets, "passwort": SECRET}
    module.argument_spec = {"containers": {}, "defaults": {}}
    shown = module.shown_params()
    assert SECRET not in str(shown) and set(shown["containers"][0]) == {"name", *secrets}
