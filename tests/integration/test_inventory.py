# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers as hosts by the inventory plugin: variables, selection, groups, expressions, cache and hostile text."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support import playbooks, sshd
from ansible_collections.libpod.engine.tests.support.hosts import NETWORK, Host
from ansible_collections.libpod.engine.tests.support.inventories import read, source
from ansible_collections.libpod.engine.tests.support.process import WAITING

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}
IMAGE = "image_localhost_busybox_latest"
# The test host itself as a remote one
REMOTE: dict[str, Any] = {
    "ansible_host": "127.0.0.1",
    "ansible_port": 2222,
    "ansible_user": "root",
    "ansible_ssh_private_key_file": f"{sshd.FOLDER}/key",
    "ansible_ssh_common_args": sshd.settings()["ANSIBLE_SSH_COMMON_ARGS"],
}
# No test has another one's connection, which would hide that its own variables let nobody in.
SETTINGS = {"ANSIBLE_HOST_KEY_CHECKING": "0", "ANSIBLE_TIMEOUT": "60", "ANSIBLE_SSH_ARGS": "-o ControlMaster=no"}


@pytest.fixture(scope="module", name="serving")
def _serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Yield a host with an sshd, ``stopped``, and running ``web`` in a network and ``member`` of the pod ``shop``."""
    evidence = tmp_path_factory.mktemp("evidence") / "ran"
    attack = f"{{{{ lookup('pipe', 'touch {evidence}') }}}}"
    with Host() as host, sshd.Sshd(REMOTE["ansible_host"], REMOTE["ansible_port"]):
        sshd.add_user()
        assert not host.module("libpod_pod", {"name": "shop", "state": "started", "infra": True}).failed
        web = {"network": NETWORK, "publish": ["8080:80"], "env": {"PASSWORD": "hunter2"}}
        labels = {"role": "web", "attack": attack, attack: "x"}
        engine = [{"libpod.engine.libpod_container": {"name": "kept", "state": "absent"}}]
        host.play(engine)  # a task leaves the engine on the host, which a module without its action plugin does not
        member = {"image": "busybox", "command": WAITING, "pod": "shop", "label": {"role": "cache"}}
        for name, options in {
            "web": {**BASE, **web, "label": labels},
            "member": member,
            "stopped": {**BASE, "state": "present"},
        }.items():
            made = host.container(name, **options)
            assert not made.failed, made["msg"]
        host.attack = attack  # type: ignore[attr-defined]
        yield host
        assert not evidence.exists()


def test_hosts_are_the_containers_that_run_with_what_tasks_and_users_need(serving: Host, tmp_path: Path) -> None:
    found = read(source(tmp_path, serving))
    assert sorted(found.hosts) == ["member", "web"] and not found.messages
    web = found.hosts["web"]
    assert web["ansible_connection"] == "libpod.engine.libpod" and web["ansible_host"] == "web"
    assert web["ansible_libpod_static_root"] == serving.parts.static_root
    assert (web["libpod_name"], web["libpod_status"], web["libpod_pod"]) == ("web", "running", "")
    assert web["libpod_image"] == "localhost/busybox:latest" and len(web["libpod_id"]) == 64
    assert web["libpod_addresses"] == [web["libpod_networks"][NETWORK]["address"]]
    assert web["libpod_ports"] == [{"container_port": "80/tcp", "host_ip": "", "host_port": "8080"}]
    assert found.hosts["member"]["libpod_pod"] == "shop"


def test_groups_are_by_image_network_pod_status_and_the_labels_that_are_named(serving: Host, tmp_path: Path) -> None:
    found = read(source(tmp_path, serving, include_stopped=True, group_by_label=["role"]))
    assert found.groups[IMAGE] == ["member", "stopped", "web"]
    assert found.groups[f"network_{NETWORK}"] == ["web"]
    assert found.groups["pod_shop"] == ["member"]
    assert (found.groups["status_running"], found.groups["status_created"]) == (["member", "web"], ["stopped"])
    assert (found.groups["label_role_web"], found.groups["label_role_cache"]) == (["web"], ["member"])
    kinds = ("image", "network", "pod", "status")
    ungrouped: dict[str, Any] = {f"group_by_{kind}": False for kind in kinds}
    none = read(source(tmp_path, serving, **ungrouped))
    assert set(none.groups) == {"all", "ungrouped"} and none.groups["ungrouped"] == ["member", "web"]


# Sources of one inventory, since each start of ansible-inventory takes longer than what it reads.
SELECTIONS: list[tuple[dict[str, Any], list[str]]] = [
    ({"name_patterns": ["w*"]}, ["web"]),
    ({"label_selectors": {"role": "cache"}}, ["member"]),
    ({"filters": {"include": {"pod": "shop"}}}, ["member"]),
    ({"filters": {"include": {"image": "*/BUSYBOX:*", "network": NETWORK}}}, ["web"]),
    ({"filters": {"exclude": {"label.role": "w?b"}}, "include_stopped": True}, ["member", "stopped"]),
    ({"filters": {"include": {"status": "created"}}, "include_stopped": True}, ["stopped"]),
]


def test_selection(serving: Host, tmp_path: Path) -> None:
    sources = [
        source(tmp_path, serving, f"s{number}", hostname_prefix=f"s{number}-", **options)
        for number, (options, _expected) in enumerate(SELECTIONS)
    ]
    expected = [f"s{number}-{name}" for number, (_options, names) in enumerate(SELECTIONS) for name in names]
    assert sorted(read(*sources).hosts) == expected


def test_expressions_make_variables_and_groups(serving: Host, tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "compose": {"ansible_libpod_user": "labels.role", "grace": "libpod_inspect.Config.StopTimeout"},
        "groups": {"open": "libpod_ports | length > 0"},
        "keyed_groups": [{"key": "libpod_labels.role", "prefix": "tier"}],
    }
    found = read(source(tmp_path, serving, **options))
    assert found.hosts["web"]["ansible_libpod_user"] == "web" and int(found.hosts["member"]["grace"]) == 10
    assert found.groups["open"] == found.groups["tier_web"] == ["web"] and found.groups["tier_cache"] == ["member"]
    wrong = read(source(tmp_path, serving, compose={"x": "no.such.thing"}, strict=True))
    assert wrong.exit_code != 0 and "no" in wrong.messages
    assert not read(source(tmp_path, serving, compose={"x": "no.such.thing"})).exit_code


def test_labels_are_never_templates(serving: Host, tmp_path: Path) -> None:
    attack = serving.attack  # type: ignore[attr-defined]
    options: dict[str, Any] = {
        "verbose_output": True,
        "name_patterns": ["web"],
        "group_by_label": ["*"],
        "compose": {"copied": "labels.attack", "joined": "'x' ~ labels.attack"},
        "keyed_groups": [{"key": "labels"}],
    }
    path = source(tmp_path, serving, **options)
    found = read(path)
    assert found.hosts["web"]["copied"] == attack
    assert any(name.startswith("label_attack_") and "{" not in name for name in found.groups)
    names = ("copied", "joined", "libpod_labels", "libpod_inspect")
    tasks = [{"debug": {"msg": f"{{{{ {name} }}}}"}, "name": name, "connection": "local"} for name in names]
    played = playbooks.play(tasks, hosts=path)
    assert played["copied"]["msg"] == attack and played["joined"]["msg"] == f"x{attack}"
    assert played["libpod_labels"]["msg"]["attack"] == attack


def test_play_runs_in_the_containers_of_a_group(serving: Host, tmp_path: Path) -> None:
    path = source(tmp_path, serving, filters={"include": {"pod": "shop"}})
    (task,) = playbooks.play([{"raw": "readlink /proc/self/ns/mnt"}], hosts=path).tasks
    inspected = serving.module("libpod_container_info", {"name": ["member"]})["containers"][0]
    assert task["stdout"].strip() == os.readlink(f"/proc/{inspected['State']['Pid']}/ns/mnt")


def test_inspection_is_shown_where_asked_and_has_no_secret(serving: Host, tmp_path: Path) -> None:
    plain, verbose = (read(source(tmp_path, serving, verbose_output=shown)) for shown in (False, True))
    assert "libpod_inspect" not in plain.hosts["web"]
    assert "PASSWORD=(hidden)" in verbose.hosts["web"]["libpod_inspect"]["Config"]["Env"]
    assert "hunter2" not in json.dumps(verbose.hosts)


def test_cache_is_used_until_it_is_refreshed_and_has_no_secret(serving: Host, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    options: dict[str, Any] = {
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(cache),
    }
    path = source(tmp_path, serving, **options)
    first = read(path)
    made = serving.container("later", **BASE)
    assert not made.failed
    try:
        assert read(path).hosts == first.hosts and "later" not in first.hosts
        files = [file.read_text() for file in cache.iterdir()]
        assert len(files) == 1 and "hunter2" not in files[0]
        # Another root is another key.
        assert not read(source(tmp_path, serving, **{**options, "static_root": "/srv/other"})).hosts
        (key,) = {file.name for file in cache.iterdir() if file.read_text() == files[0]}
        (cache / key).unlink()
        assert "later" in read(source(tmp_path, serving, **options)).hosts
    finally:
        serving.container("later", state="absent")


def test_no_container_is_an_empty_inventory(serving: Host, tmp_path: Path) -> None:
    found = read(source(tmp_path, serving, static_root="/srv/nothing", run_root="/srv/nothing-run"))
    assert not found.exit_code and not found.hosts and not found.messages
    assert not os.path.exists("/srv/nothing")


def test_broken_record_is_left_out_with_a_warning(serving: Host, tmp_path: Path) -> None:
    made = serving.container("broken", **BASE)["container"]
    path = f"{serving.parts.static_root}/containers/{made['Id']}/config.json"
    whole = Path(path).read_bytes()
    Path(path).write_bytes(b"{")
    try:
        found = read(source(tmp_path, serving))
        assert sorted(found.hosts) == ["member", "web"] and "container broken" in found.messages
    finally:
        Path(path).write_bytes(whole)
        assert not serving.container("broken", state="absent").failed


def test_two_sources_are_kept_apart_by_a_prefix(serving: Host, tmp_path: Path) -> None:
    both = [source(tmp_path, serving, "a"), source(tmp_path, serving, "b", hostname_prefix="here-")]
    assert sorted(read(*both).hosts) == ["here-member", "here-web", "member", "web"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filters": {"include": {"colour": "red"}}}, "colour is unknown"),
        ({"filters": {"only": {}}}, "only is unknown: expected include and exclude"),
        ({"group_by_labels": ["role"]}, "'group_by_labels' is no option of this plugin: did you mean group_by_label?"),
        ({"run_root": "/tmp"}, "run_root: /tmp is another user's, or others can write to it"),
    ],
)
def test_mistake_is_refused_in_a_sentence(serving: Host, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    found = read(source(tmp_path, serving, **options))
    assert found.exit_code != 0 and message in found.messages and "Traceback" not in found.messages


def test_user_other_than_root_is_refused_with_advice(serving: Host, tmp_path: Path) -> None:
    # It may read the collection, which lies where root alone may.
    capability = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *capability, "--"]
    with tempfile.TemporaryDirectory() as folder:  # the test's own is below one of root's
        os.chmod(folder, 0o777)
        found = read(source(Path(folder), serving), prefix=argv)
    assert found.exit_code != 0 and "of the controller needs root: run Ansible as root" in found.messages


# A remote host: the test host itself, over ssh


def remote(**more: Any) -> dict[str, Any]:
    """Return the options of a source that is read over ssh."""
    return {
        "remote_host": REMOTE["ansible_host"],
        "remote_port": REMOTE["ansible_port"],
        "remote_user": REMOTE["ansible_user"],
        "private_key_file": REMOTE["ansible_ssh_private_key_file"],
        "ssh_common_args": REMOTE["ansible_ssh_common_args"],
        **more,
    }


def expect_play_in_web(serving: Host, path: str) -> None:
    """Assert that a play on ``web`` of this source runs in the container."""
    (task,) = playbooks.play([{"raw": "readlink /proc/self/ns/mnt"}], hosts=path, settings=SETTINGS).tasks
    inspected = serving.module("libpod_container_info", {"name": ["web"]})["containers"][0]
    assert task["stdout"].strip() == os.readlink(f"/proc/{inspected['State']['Pid']}/ns/mnt")


def test_remote_host_is_read_over_ssh_as_the_controller_is(serving: Host, tmp_path: Path) -> None:
    here = read(source(tmp_path, serving, verbose_output=True))
    there = read(source(tmp_path, serving, "b", **remote(verbose_output=True)), settings=SETTINGS)
    assert not there.messages and there.groups == here.groups and sorted(there.hosts) == ["member", "web"]
    ours = {key: value for key, value in there.hosts["web"].items() if key.startswith("libpod_")}
    assert ours == {key: value for key, value in here.hosts["web"].items() if key.startswith("libpod_")}
    assert {key: value for key, value in there.hosts["web"].items() if key in REMOTE} == REMOTE
    assert there.hosts["web"]["ansible_connection"] == "libpod.engine.libpod_ssh"
    assert there.hosts["web"]["ansible_libpod_container"] == "web"
    assert "hunter2" not in json.dumps(there.hosts)


def test_play_runs_in_the_containers_of_a_remote_host(serving: Host, tmp_path: Path) -> None:
    expect_play_in_web(serving, source(tmp_path, serving, **remote(name_patterns=["web"])))


def test_expressions_and_cache_are_those_of_a_remote_host_too(serving: Host, tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": f"{tmp_path}/cache",
        "compose": {"grace": "libpod_inspect.Config.StopTimeout"},
        "groups": {"open": "libpod_ports | length > 0"},
        "keyed_groups": [{"key": "libpod_labels.role", "prefix": "tier"}],
    }
    path = source(tmp_path, serving, **remote(**options))
    first = read(path, settings=SETTINGS)
    assert not first.messages and int(first.hosts["member"]["grace"]) == 10
    assert first.groups["open"] == first.groups["tier_web"] == ["web"] and first.groups["tier_cache"] == ["member"]
    # From the cache it takes no ssh.
    cached = read(path, settings={**SETTINGS, "ANSIBLE_SSH_EXECUTABLE": "/bin/false"})
    assert not cached.messages and (cached.hosts, cached.groups) == (first.hosts, first.groups)
    assert "hunter2" not in "".join(file.read_text() for file in (tmp_path / "cache").iterdir())
    assert not serving.container("later", **BASE).failed
    try:
        assert "later" not in read(path, settings=SETTINGS).hosts
        shutil.rmtree(tmp_path / "cache")
        assert "later" in read(path, settings=SETTINGS).hosts
    finally:
        serving.container("later", state="absent")


def test_remote_host_has_the_variables_of_an_earlier_source(serving: Host, tmp_path: Path) -> None:
    known = {**REMOTE, "ansible_port": "{{ ssh_port }}", "ssh_port": 2222, "ansible_become_password": "sesame"}
    before = tmp_path / "hosts.json"
    before.write_text(json.dumps({"all": {"children": {"servers": {"hosts": {"server1": {}}, "vars": known}}}}))
    path = source(tmp_path, serving, remote_host="server1", hostname_prefix="server1-")
    found = read(str(before), path, settings=SETTINGS)
    assert not found.messages, found.messages
    assert sorted(found.hosts) == ["server1", "server1-member", "server1-web"]
    web = found.hosts["server1-web"]
    assert web["ansible_port"] == 2222 and "sesame" not in json.dumps(web)


def test_become_on_the_remote_host_is_passed_on(serving: Host, tmp_path: Path) -> None:
    login = remote(remote_user=sshd.USER, name_patterns=["web"])
    without = read(source(tmp_path, serving, **login), settings=SETTINGS)
    assert without.exit_code != 0 and "needs root there: set become: true" in without.messages
    path = source(tmp_path, serving, **login, become=True)
    web = read(path, settings=SETTINGS).hosts["web"]
    assert (web["ansible_user"], web["ansible_libpod_host_become"]) == (sshd.USER, True)
    assert "ansible_become" not in web
    expect_play_in_web(serving, path)


@pytest.mark.parametrize("password", [sshd.PASSWORD, "wrong"])
def test_sudo_is_given_the_password_of_an_earlier_source(serving: Host, tmp_path: Path, password: str) -> None:
    before = tmp_path / "hosts.json"
    known = {**REMOTE, "ansible_user": sshd.USER, "ansible_become": True, "ansible_become_password": password}
    before.write_text(json.dumps({"all": {"hosts": {"server1": known}}}))
    sshd.set_rule("ALL")
    found = read(str(before), source(tmp_path, serving, remote_host="server1"), settings=SETTINGS)
    sshd.set_rule("NOPASSWD: ALL")
    if password == sshd.PASSWORD:
        assert sorted(found.hosts) == ["member", "server1", "web"]
        assert password not in json.dumps(found.hosts["web"])
    else:
        assert found.exit_code != 0 and "server1" in found.messages and "Traceback" not in found.messages
    assert password not in found.messages


def test_remote_host_that_cannot_be_read_is_named_in_a_sentence(serving: Host, tmp_path: Path) -> None:
    closed = read(source(tmp_path, serving, **remote(remote_port=1)), settings=SETTINGS)
    assert closed.exit_code != 0 and f"{REMOTE['ansible_host']} cannot be reached" in closed.messages
    fresh = read(source(tmp_path, serving, **remote(static_root="/srv/nothing")), settings=SETTINGS)
    assert not fresh.exit_code and not fresh.hosts
    assert "has no engine of libpod.engine below /srv/nothing" in fresh.messages
