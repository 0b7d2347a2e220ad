# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ContainerConfig: its record on disk, its copies, and its defaults from the image."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    ConfigMismatch,
    InvalidArgument,
    StateCorrupt,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.id_map import IdMap
from ansible_collections.libpod.engine.plugins.module_utils._model.options.network.ports import PortMapping
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._model.records.config import ContainerConfig, resolved
from ansible_collections.libpod.engine.plugins.module_utils._model.records.namespaces import LinuxNS

IMAGE: dict[str, Any] = {
    "Entrypoint": ["/entry"],
    "Cmd": ["serve", "-v"],
    "Env": ["PATH=/image/bin", "A=image", "EQ=a=b", "BARE"],
    "User": "web:adm",
    "WorkingDir": "/srv",
    "Labels": {"from": "image", "both": "image"},
    "StopSignal": "SIGQUIT",
}


JOINED = {"net": "cd" * 32, "ipc": "cd" * 32, "pid": "ab" * 32}
# Fields of every record; the others were added later.
FIRST = (
    "id name created_time options rootfs_image_id rootfs_image_name image_config rootfs overlay namespace_containers"
    " ports static_dir cgroup_manager"
).split()


def make(
    image: Any = None, joined: dict[str, str] | None = None, more: Any = None, **requested: Any
) -> ContainerConfig:
    return ContainerConfig(
        id="ab" * 32,
        name="web",
        created_time="2026-01-01T00:00:00.000000+00:00",
        options=normalise(requested),
        static_dir="/static/containers/x",
        image_config={} if image is None else image,
        namespace_containers=JOINED if joined is None else joined,
        ports=(PortMapping("0.0.0.0", 8080, 80, "tcp"),),
        **(more or {}),
    )


def record(**changes: Any) -> Any:
    return json.loads(json.dumps({**make(IMAGE).to_json(), **changes}))


def test_configuration_round_trips() -> None:
    more = {
        "host_env": {"http_proxy": "x"},
        "id_mappings": {"uid": [IdMap(0, 1000, 5)], "gid": [IdMap(0, 1000, 5)]},
        "requires": ("ef" * 32,),
        "pod": "12" * 32,
        "borrowed_volumes": (normalise({"volume": ["v:/v"]})["volume"][0],),
    }
    config = make(IMAGE, more=more, publish=["8080:80"], env={"A": "1"}, ulimit=["core=0"], log_opt={"path": "/x"})
    assert ContainerConfig.from_json(json.loads(json.dumps(config.to_json())), "p") == config


def test_record_of_a_newer_engine_is_refused_by_its_path() -> None:
    with pytest.raises(ConfigMismatch, match=r"^/a/config.json has format 99, .* newer"):
        ContainerConfig.from_json(record(version=99), "/a/config.json")


@pytest.mark.parametrize("key", FIRST)
def test_record_that_lacks_a_key_names_it(key: str) -> None:
    cut = record()
    del cut[key]
    with pytest.raises(StateCorrupt, match=f"^/a/config.json lacks '{key}'"):
        ContainerConfig.from_json(cut, "/a/config.json")


def test_record_of_an_older_engine_has_the_defaults_of_what_it_lacks() -> None:
    older = {key: record()[key] for key in ("version", *FIRST)}
    older["options"] = {key: value for key, value in older["options"].items() if key not in ("mount", "ipc", "umask")}
    config = ContainerConfig.from_json(older, "p")
    assert config == ContainerConfig.from_json(record(), "p")
    config.options["mount"].append("x")  # type: ignore[arg-type]
    config.options["ipc"].clear()  # type: ignore[attr-defined]
    config.host_env["A"] = "x"  # type: ignore[index]
    assert ContainerConfig.from_json(older, "p") == ContainerConfig.from_json(record(), "p"), "a default was handed out"


@pytest.mark.parametrize(
    "changes",
    [
        {"options": None},
        {"options": 5},
        {"ports": 5},
        {"requires": None},
        {"borrowed_volumes": 5},
        {"id_mappings": ["uid"]},
        {"id_mappings": {"uid": [[0, 1]]}},
        {"id_mappings": {"uid": [[0, 1, "2"]]}},
        {"options": {"uidmap": [5]}},
        {"options": {"userns": {"mode": "auto", "uidmapping": 5}}},
    ],
)
def test_record_with_a_value_of_another_kind_is_corrupt(changes: dict[str, Any]) -> None:
    with pytest.raises(StateCorrupt, match="^/a/config.json "):
        ContainerConfig.from_json(record(**changes), "/a/config.json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": 5}, "id: expected a string, found an integer"),
        ({"overlay": 1}, "overlay: expected true or false, found an integer"),
        ({"requires": "abc"}, "requires: expected a list, found a string"),
        ({"requires": [None]}, r"requires\[0\]: expected a string, found null"),
        ({"namespace_containers": {"net": 5}}, "namespace_containers.net: expected a string, found an integer"),
        ({"borrowed_volumes": [{"source": 5}]}, r"borrowed_volumes\[0\].source: expected a string, found an integer"),
        ({"ports": ["80"]}, r"ports\[0\]: expected a list, found a string"),
        ({"id_mappings": {"uid": 5}}, "id_mappings.uid: expected a list, found an integer"),
        ({"options": []}, "options: expected an object, found a list"),
        ({"options": {"memory": "1g"}}, "options.memory: expected an integer, found a string"),
        ({"options": {"memory": True}}, "options.memory: expected an integer, found true or false"),
        # Equal to the default, and of another type.
        ({"options": {"rm": 0}}, "options.rm: expected true or false, found an integer"),
        ({"options": {"stop_timeout": 10.0}}, "options.stop_timeout: expected an integer, found a number"),
        (
            {"options": {"security_opt": {"no_new_privileges": 0, "seccomp": ""}}},
            "options.security_opt.no_new_privileges: expected true or false, found an integer",
        ),
        ({"options": {"shm_size": None}}, "options.shm_size: expected an integer, found null"),
        ({"options": {"env": ["A=1"]}}, "options.env: expected an object, found a list"),
        ({"options": {"env": {"A": 1}}}, "options.env.A: expected a string, found an integer"),
        ({"options": {"command": "true"}}, "options.command: expected a list, found a string"),
        ({"options": {"network": {"mode": 5}}}, "options.network.mode: expected a string, found an integer"),
        (
            {"options": {"network": {"mode": "cni", "settings": {"a": {"ips": 5}}}}},
            "options.network.settings.a.ips: expected a list, found an integer",
        ),
        ({"options": {"mount": [{"type": 5}]}}, r"options.mount\[0\].type: expected a string, found an integer"),
        (
            {"options": {"ulimit": {"nofile": ["1"]}}},
            r"options.ulimit.nofile\[0\]: expected an integer, found a string",
        ),
    ],
)
def test_value_of_another_type_is_named_by_its_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(StateCorrupt, match=rf"^/a/config.json cannot be used \({message}\): restore it, or remove"):
        ContainerConfig.from_json(record(**changes), "/a/config.json")


@pytest.mark.parametrize("content", [[], "text", 5, {"version": "1"}, {"version": None}])
def test_invalid_record_is_corrupt(content: Any) -> None:
    with pytest.raises(StateCorrupt, match="^/a/config.json "):
        ContainerConfig.from_json(content, "/a/config.json")


def test_unknown_key_of_a_later_version_is_ignored() -> None:
    assert ContainerConfig.from_json(record(surprise=1), "p") == ContainerConfig.from_json(record(), "p")


def test_copies_are_the_callers_own() -> None:
    borrowed = {"borrowed_volumes": tuple(normalise({"volume": ["b:/b"]})["volume"])}
    options: dict[str, Any] = {"volume": ["v:/v:nodev"], "tmpfs": {"/t": "ro"}, "mount": ["type=tmpfs,target=/m"]}
    config = make(IMAGE, more=borrowed, env={"A": "1"}, command=["a"], label={"x": "y"}, **options)
    before = json.dumps(config.to_json())
    config.labels["x"] = "z"
    for value in config.resolved.values():
        if isinstance(value, (dict, list)):
            value.clear()
    config.argv.clear()
    for mount in (*config.volumes, *config.file_systems):
        mount.get("flags", []).clear()  # type: ignore[attr-defined]
        mount.clear()  # type: ignore[attr-defined]
    make(IMAGE).resolved["entrypoint"].clear()
    assert json.dumps(config.to_json()) == before and IMAGE["Entrypoint"] == ["/entry"]


def test_omitted_options_are_the_images() -> None:
    config = make(IMAGE)
    assert config.argv == ["/entry", "serve", "-v"]
    assert config.resolved["env"] == {"A": "image", "BARE": "", "EQ": "a=b", "PATH": "/image/bin"}
    assert (config.resolved["user"], config.resolved["workdir"], config.stop_signal) == ("web:adm", "/srv", 3)


def test_image_without_configuration_leaves_the_defaults() -> None:
    for image in ({}, dict.fromkeys(IMAGE)):
        config = make(image)
        assert (config.argv, config.labels, config.stop_signal) == ([], {}, 15)
        assert config.resolved["env"]["PATH"].endswith("/usr/bin:/sbin:/bin") and len(config.resolved["env"]) == 1
        assert (config.resolved["user"], config.resolved["workdir"]) == ("", "/")


def test_requested_options_override_the_images() -> None:
    config = make(
        IMAGE, env={"A": "mine"}, label={"both": "mine"}, user="root", workdir="/w", stop_signal="KILL", stop_timeout=3
    )
    assert config.resolved["env"]["A"] == "mine" and config.resolved["env"]["PATH"] == "/image/bin"
    assert config.labels == {"both": "mine", "from": "image"}
    assert (config.resolved["user"], config.resolved["workdir"]) == ("root", "/w")
    assert (config.stop_signal, config.stop_timeout) == (9, 3)


def test_requested_entrypoint_drops_the_image_command() -> None:
    assert make(IMAGE, entrypoint="/mine").argv == ["/mine"]
    assert make(IMAGE, entrypoint="").argv == []
    assert make(IMAGE, command="other").argv == ["/entry", "other"]
    assert make(IMAGE, command=[]).argv == ["/entry"]
    assert make(IMAGE, entrypoint=["/mine"], command=["a b"]).argv == ["/mine", "a b"]


def test_unknown_stop_signal_of_the_image_is_refused_unless_overridden() -> None:
    with pytest.raises(InvalidArgument, match="^stop_signal: 'FOO'"):
        resolved(normalise({}), {"StopSignal": "FOO"})
    assert resolved(normalise({"stop_signal": 9}), {"StopSignal": "FOO"})["stop_signal"] == 9


def test_hostname_is_requested_or_the_hosts_or_from_the_id() -> None:
    assert make(hostname="box", network=["host"]).hostname("host") == "box"
    assert make(network=["host"]).hostname("host") == "host"
    assert make().hostname("host") == "ab" * 6


@pytest.mark.parametrize(
    ("network", "creates", "own"),
    [
        ("bridge", True, True),
        ("front", True, True),
        ("none", False, True),
        ("host", False, False),
        ("ns:/x", False, False),
    ],
)
def test_network_namespace_of_its_own(network: str, creates: bool, own: bool) -> None:
    config = make(joined={"ipc": "cd" * 32}, network=[network])
    assert (config.create_net_ns, config.own_net_ns) == (creates, own)
    joined = make(joined={"net": "cd" * 32}, network=[network])
    assert not joined.create_net_ns and not joined.own_net_ns, "a joined network namespace is another's"


def test_dependencies_are_named_once() -> None:
    assert make().dependencies == ("ab" * 32, "cd" * 32)
    assert make(more={"requires": ("cd" * 32, "ef" * 32)}).dependencies == ("ab" * 32, "cd" * 32, "ef" * 32)
    assert make().namespace_container(LinuxNS.NET) == "cd" * 32 and make().namespace_container(LinuxNS.UTS) == ""


def test_paths_have_defaults() -> None:
    assert make().cgroup_parent == "/libpod_parent" and make(cgroup_parent="/x").cgroup_parent == "/x"
    assert make().log_path == "/static/containers/x/ctr.log"
    assert make(log_opt={"path": "/var/log/web"}).log_path == "/var/log/web"
    assert make(log_driver="journald", log_opt={"tag": "x"}).log_path == make(log_driver="none").log_path == ""
    assert make(log_driver="journald", log_opt={"path": "/var/log/web"}).log_path == ""
    with pytest.raises(InvalidArgument, match="log_driver: passthrough"):
        make(log_driver="passthrough")


def test_options_are_replaced_in_a_copy() -> None:
    config = make(memory="64m")
    changed = config.with_options({"memory": None})
    assert changed.options["memory"] is None and config.options["memory"] == 64 << 20 and changed.id == config.id
