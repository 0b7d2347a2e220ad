# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requested against recorded options: real differences and equivalent notations, on real stores."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._model.records.config import ContainerConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.records.pod import PodConfig
from ansible_collections.libpod.engine.plugins.module_utils._reconcile import dependencies
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.desired import Desired
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.diff.options import differences
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.env_files import read
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.plan import Plan, Step, Verb
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.plugins.module_utils._store import pods
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

IMAGE, NEWER = "1" * 64, "2" * 64
NAMES = {IMAGE: ["docker.io/library/app:1", "localhost/alias:latest"], NEWER: ["docker.io/library/app:2"]}
IMAGE_CONFIG: Any = {
    "Entrypoint": ["/entry"],
    "Cmd": ["serve"],
    "Env": ["A=image"],
    "Labels": {"from": "image"},
    "User": "web",
    "WorkingDir": "/srv",
    "StopSignal": "QUIT",
    "ExposedPorts": {"90/tcp": {}},
}
WEB, OTHER, POD = "a" * 64, "b" * 64, "e" * 64
DIGEST = f"sha256:{'5' * 64}"
DIGESTS = {IMAGE: DIGEST, NEWER: f"sha256:{'6' * 64}"}


def write_images(root: Path, names: dict[str, list[str]]) -> None:
    folder = root / "overlay-images"
    records = [
        {"id": one, "names": tags, "big-data-names": [f"sha256:{one}"], "layer": "l", "digest": DIGESTS[one]}
        for one, tags in names.items()
    ]
    for one in names:
        (folder / one).mkdir(parents=True, exist_ok=True)
        blob = base64.b64encode(f"sha256:{one}".encode()).decode()
        (folder / one / f"={blob}").write_text(json.dumps({"config": IMAGE_CONFIG}))
    (folder / "images.lock").touch()
    (folder / "images.json").write_text(json.dumps(records))


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    roots: dict[str, Any] = {
        name: str(tmp_path / name) for name in ("static_root", "run_root", "storage_root", "storage_run_root")
    }
    write_images(tmp_path / "storage_root", NAMES)
    made = Runtime(EngineConfig(**roots, storage_driver="overlay"))
    made.store.prepare()
    for name, container_id in (("web", WEB), ("other", OTHER)):
        made.store.write_name(name, {"id": container_id})
    return made


def recorded(**requested: Any) -> ContainerConfig:
    joined = requested.pop("joined", {})
    return ContainerConfig(
        id="c" * 64,
        name="x",
        created_time="now",
        options=normalise(requested),
        static_dir="/x",
        rootfs_image_id=IMAGE,
        rootfs_image_name="docker.io/library/app:1",
        image_config=IMAGE_CONFIG,
        namespace_containers=joined,
    )


def differing(
    runtime: Runtime, config: ContainerConfig, image: str = "app:1", strict: bool = False, **requested: Any
) -> list[str]:
    desired = Desired("x", options=normalise(requested), image=image, image_strict=strict)
    return [one.option for one in differences(runtime, config, desired)]


def test_same_task_again_is_no_difference(runtime: Runtime) -> None:
    options: dict[str, Any] = {
        "env": {"A": "1"},
        "memory": "64m",
        "publish": ["8080:80"],
        "volume": ["data:/d"],
        "command": "a b",
    }
    assert differing(runtime, recorded(**options), **options) == []
    assert differing(runtime, recorded()) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"memory": "64m"}, {"memory": "65536k"}),
        ({"env": {"A": "1", "B": "2"}}, {"env": {"B": "2", "A": 1}}),
        ({"label": {"a": "1", "b": "2"}}, {"label": {"b": "2", "a": "1"}}),
        ({"publish": ["81", "80"]}, {"publish": ["80/tcp", "81", "80"]}),
        ({"volume": ["a:/a", "b:/b"]}, {"volume": ["b:/b:rw", "a:/a/"]}),
        ({"stop_signal": "TERM"}, {"stop_signal": 15}),
        ({"cpus": "1.5"}, {"cpu_quota": 150000}),
        ({"cpuset_cpus": "0,1"}, {"cpuset_cpus": "0-1"}),
        ({"dns": ["0::1"]}, {"dns": ["::1"]}),
        ({"cap_add": ["net_admin"]}, {"cap_add": ["CAP_NET_ADMIN"]}),
        ({"command": "a 'b c'"}, {"command": ["a", "b c"]}),
        ({"memory": "64m", "memory_swap": "-1"}, {"memory": "64m", "memory_swap": -1}),
        ({"env": {"A": "image"}}, {}),
        ({"entrypoint": ["/entry"], "command": ["serve"]}, {}),
        ({}, {"user": "web", "workdir": "/srv", "stop_signal": "SIGQUIT", "label": {"from": "image"}}),
    ],
)
def test_equivalent_value_is_no_difference(runtime: Runtime, before: dict[str, Any], after: dict[str, Any]) -> None:
    assert differing(runtime, recorded(**before), **after) == []
    assert differing(runtime, recorded(**after), **before) == []


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ({"env": {"A": "x"}}, {"env": {"A": "X"}}, ["env"]),
        ({"env": {"A": "x"}}, {"env": {"a": "x"}}, ["env"]),
        ({"label": {"k": "v"}}, {"label": {"k": "V"}}, ["label"]),
        ({"label": {"k": "v"}}, {"label": {"K": "v"}}, ["label"]),
        ({"command": "serve"}, {"command": "Serve"}, ["command"]),
        ({"hostname": "box"}, {"hostname": "Box"}, ["hostname"]),
        ({"user": "web"}, {"user": "Web"}, ["user"]),
        ({"volume": ["a:/a"]}, {"volume": ["A:/a"]}, ["volume"]),
        ({"network": ["front"]}, {"network": ["Front"]}, ["network"]),
        (
            {"entrypoint": "/entry", "command": ["serve"]},
            {"entrypoint": "/Entry", "command": ["serve"]},
            ["entrypoint"],
        ),
        ({"memory": "64m", "tty": True}, {}, ["memory", "memory_swap", "tty"]),
        ({"volume": ["/srv:/x"]}, {"mount": ["type=bind,source=/srv,target=/x,ro"]}, ["volume", "mount"]),
        ({"tmpfs": {"/x": "size=1m"}}, {"mount": ["type=tmpfs,target=/x"]}, ["tmpfs", "mount"]),
        ({"cgroup_parent": "/libpod_parents"}, {}, ["cgroup_parent"]),
        ({"dns_search": ["a", "b"]}, {"dns_search": ["b", "a"]}, ["dns_search"]),
        ({}, {"command": []}, ["command"]),
    ],
)
def test_different_value_is_a_difference(
    runtime: Runtime, before: dict[str, Any], after: dict[str, Any], names: list[str]
) -> None:
    assert differing(runtime, recorded(**before), **after) == names
    assert differing(runtime, recorded(**after), **before) == names


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"volume": ["/srv:/x:ro", "n:/y"]}, {"mount": ["type=bind,source=/srv,target=/x,ro", "source=n,target=/y"]}),
        ({"volume": ["/srv:/x", "n:/y"]}, {"volume": ["n:/y"], "mount": ["type=bind,source=/srv,target=/x"]}),
        ({"volume": ["/x"]}, {"mount": ["target=/x"]}),
        ({"tmpfs": {"/x": "size=1m"}}, {"mount": ["type=tmpfs,target=/x,tmpfs-size=1m"]}),
        ({"cgroup_parent": "/libpod_parent"}, {}),
        ({"network": ["bridge"]}, {"network": ["first"]}),
        ({"expose": ["90", "91/udp"]}, {"expose": ["91/udp"]}),
        ({"network": ["other", "bridge:interface_name=a"]}, {"network": ["other", "first:interface_name=a"]}),
    ],
)
def test_equivalent_options_and_host_names_are_no_difference(
    runtime: Runtime, tmp_path: Path, one: dict[str, Any], other: dict[str, Any]
) -> None:
    (tmp_path / "cni").mkdir()
    for number, name in enumerate(("first", "other")):
        conflist = {"cniVersion": "1.0.0", "name": name, "plugins": [{"type": "bridge"}]}
        (tmp_path / "cni" / f"{number}.conflist").write_text(json.dumps(conflist))
    runtime = Runtime(runtime.parts._replace(cni_config_dir=str(tmp_path / "cni"), cgroup_manager="cgroupfs"))
    assert differing(runtime, recorded(**one), **other) == differing(runtime, recorded(**other), **one) == []


@pytest.mark.parametrize(("unified", "mode"), [(True, "private"), (False, "host")])
def test_cgroup_namespace_that_is_this_hosts_default_is_no_difference(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, unified: bool, mode: str
) -> None:
    monkeypatch.setattr(runtime.host.cgroups, "unified", unified)
    assert differing(runtime, recorded(), cgroupns=mode) == differing(runtime, recorded(cgroupns=mode)) == []
    another = {"private": "host", "host": "private"}[mode]
    assert differing(runtime, recorded(), cgroupns=another) == differing(runtime, recorded(cgroupns=another)) != []


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from("ABab"), st.sampled_from("xXyY"), min_size=1), st.randoms(use_true_random=False))
def test_order_of_variables_is_ignored(runtime: Runtime, env: dict[str, str], random: Any) -> None:
    shuffled = list(env.items())
    random.shuffle(shuffled)
    assert differing(runtime, recorded(env=env), env=dict(shuffled)) == []
    key = shuffled[0][0]
    assert differing(runtime, recorded(env=env), env={**env, key: env[key] + "x"}) == ["env"]


def test_content_of_an_env_file_is_compared_and_not_its_path(runtime: Runtime, tmp_path: Path) -> None:
    for name, text in (("one", "A=1\nB=2\n"), ("two", "# moved\nB=2\nA=1"), ("three", "A=1\nB=3\n")):
        (tmp_path / name).write_text(text)
    config = recorded(env=read([str(tmp_path / "one")]))
    assert differing(runtime, config, env=read([str(tmp_path / "two")])) == []
    assert differing(runtime, config, env=read([str(tmp_path / "three")])) == ["env"]


@pytest.mark.parametrize(
    "image",
    [
        *("app:1", "docker.io/library/app:1", "docker://app:1", "alias", IMAGE, f"sha256:{IMAGE}", "1111"),
        *(f"docker.io/library/app@{DIGEST}", f"app@{DIGEST}", f"app:1@{DIGEST}"),
    ],
)
def test_another_name_of_the_same_image_is_no_difference(runtime: Runtime, image: str) -> None:
    assert differing(runtime, recorded(), image) == differing(runtime, recorded(), image, strict=True) == []


@pytest.mark.parametrize("image", ["app:2", "quay.io/other", NEWER, "oci:/usr:1"])
def test_another_image_is_a_difference(runtime: Runtime, image: str) -> None:
    assert differing(runtime, recorded(), image) == ["image"]


def test_task_without_an_image_leaves_it_as_it_is(runtime: Runtime) -> None:
    assert differing(runtime, recorded(), image="") == []


def test_moved_tag_is_a_difference_only_where_strict(runtime: Runtime, tmp_path: Path) -> None:
    write_images(tmp_path / "storage_root", {IMAGE: [], NEWER: NAMES[IMAGE]})
    assert differing(runtime, recorded()) == []
    desired = Desired("x", options=normalise({}), image="app:1", image_strict=True)
    (difference,) = differences(runtime, recorded(), desired)
    assert (difference.option, difference.before, difference.after) == (
        "image",
        f"docker.io/library/app:1 ({IMAGE[:12]})",
        f"docker.io/library/app:1 ({NEWER[:12]})",
    )


def test_new_container_uses_the_moved_tag_and_the_plan_shows_it(runtime: Runtime, tmp_path: Path) -> None:
    write_images(tmp_path / "storage_root", {IMAGE: [], NEWER: NAMES[IMAGE]})
    old: Any = {**IMAGE_CONFIG, "Labels": {"from": "older"}, "Env": ["A=older"]}
    config = recorded(label={"mine": "1"})._replace(image_config=old)

    def changed(**wanted: Any) -> dict[str, Any]:
        recreate = wanted.pop("recreate", False)
        desired = Desired("x", options=normalise(wanted), image="app:1", recreate=recreate)
        return {one.option: one for one in differences(runtime, config, desired)}

    assert changed(label={"mine": "1"}) == {}
    for wanted in ({"tty": True}, {"recreate": True}):
        changes = changed(**wanted)
        image, label = changes["image"], changes["label"]
        assert image.after.endswith(f"({NEWER[:12]})") and image.ignored and image.reason
        assert label.before == {"from": "older", "mine": "1"} and label.after == {"from": "image"}
        assert set(changes) == {"image", "label", *(["tty"] if "tty" in wanted else [])}
    plan = Plan((Step(Verb.RECREATE, "x"),), tuple(changed(tty=True).values()), "running", "running")
    assert plan.forcing == ["tty"] and "image: recreate, comes along (its name leads to another" in plan.text()


def test_directory_and_overlay_are_the_image_where_the_root_is_a_directory(runtime: Runtime) -> None:
    def changes(wanted: str, overlay: bool, had: str = "/srv/root", had_overlay: bool = False) -> list[tuple[Any, Any]]:
        config = recorded()._replace(rootfs=had, overlay=had_overlay, rootfs_image_name="" if had else "app")
        desired = Desired("x", options=normalise({}), image=wanted, rootfs=True, overlay=overlay)
        return [(one.before, one.after) for one in differences(runtime, config, desired)]

    assert changes("/srv/root", False) == changes("/srv/root", True, had_overlay=True) == []
    assert changes("/srv/Root", False) == [("/srv/root", "/srv/Root")]
    assert changes("/srv/root", True) == [("/srv/root", "/srv/root:O")]
    assert changes("/srv/root", False, had="") == [("app", "/srv/root")]


@pytest.mark.parametrize(
    ("target", "differs"), [("web", False), (WEB, False), ("aaa", False), ("other", True), ("gone", True)]
)
def test_joined_container_is_compared_by_id(runtime: Runtime, target: str, differs: bool) -> None:
    config = recorded(network=["container:web"], joined={"net": WEB})
    assert differing(runtime, config, network=[f"container:{target}"]) == ["network"] * differs


@pytest.mark.parametrize(
    ("option", "had", "wanted", "differs"),
    [
        ("requires", ["web"], [WEB], False),
        ("requires", ["web"], ["aaa", "web"], False),
        ("requires", ["web"], ["web", "other"], True),
        ("requires", ["web"], ["gone"], True),
        ("volumes_from", ["web", "other:ro"], [WEB, f"{OTHER[:9]}:ro"], False),
        ("volumes_from", ["web", "other"], ["other", "web"], True),
        ("volumes_from", ["web"], ["web:ro"], True),
        ("pod", "group", POD, False),
        ("pod", "group", "second", True),
    ],
)
def test_containers_and_pods_by_name_or_id(runtime: Runtime, option: str, had: Any, wanted: Any, differs: bool) -> None:
    for name, pod_id in (("group", POD), ("second", "f" * 64)):
        pods.write(runtime.store, PodConfig(pod_id, name, "now", {**normalise({}), "share": []}, "web", "/x"))
        runtime.store.write_name(name, {"pod": pod_id})
    for container_id in (WEB, OTHER):
        runtime.store.write_config(recorded()._replace(id=container_id))
    config = recorded(**{option: had})._replace(pod=POD if option == "pod" else "")
    config = config._replace(requires=dependencies.requires(runtime, config.options))
    assert differing(runtime, config, **{option: wanted}) == [option] * differs


def test_joined_container_that_was_replaced_is_a_difference(runtime: Runtime) -> None:
    config = recorded(network=["container:web"], joined={"net": WEB})
    runtime.store.write_name("web", {"id": "d" * 64})
    assert differing(runtime, config, network=["container:web"]) == ["network"]
    assert differing(runtime, recorded(network=["none"]), network=["container:web"]) == ["network"]


def test_by_its_name_alone_a_container_has_no_differences(runtime: Runtime) -> None:
    for desired in (Desired("x"), Desired("x", state="stopped", options=normalise({"tty": True}), image="other")):
        assert differences(runtime, recorded(), desired) == []


def test_comparing_writes_nothing(runtime: Runtime, tmp_path: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    differing(runtime, recorded(network=["container:web"]), "alias", True, network=["container:other"])
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before
