# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods without a host: their status, what they share, their limits in a cgroup, and libpod_pod's arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

import pytest
import yaml
from ansible_collections.libpod.engine.plugins.module_utils._ansible import pod as glue
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cgroups import limits, manager
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cgroups.manager import CgroupHost
from ansible_collections.libpod.engine.plugins.module_utils._model.cgroup_limits import OF_PODS as LIMITS
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    InvalidArgument,
    StateCorrupt,
    take_warnings,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._model.records.pod import (
    PodConfig,
    option_of,
    share,
    status,
)
from ansible_collections.libpod.engine.plugins.modules import libpod_pod


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ([], "Created"),
        (["configured", "created"], "Created"),
        (["running", "running"], "Running"),
        (["running", "exited"], "Degraded"),
        (["running", "paused"], "Degraded"),
        (["paused", "paused"], "Paused"),
        (["exited", "exited"], "Exited"),
        (["exited", "configured"], "Stopped"),
    ],
)
def test_status_is_podmans(containers: list[str], expected: str) -> None:
    assert status(containers) == expected


def test_pod_share_option() -> None:
    assert share(None) == ["ipc", "net", "uts"]
    assert share("uts, pid") == ["pid", "uts"]
    assert share("none") == share("") == []
    with pytest.raises(InvalidArgument, match="share"):
        share("net,mount")
    assert [option_of(kind) for kind in ("net", "user", "cgroup", "ipc")] == ["network", "userns", "cgroupns", "ipc"]


def _params(**args: Any) -> dict[str, Any]:
    return {name: args.get(name, option.get("default")) for name, option in glue.spec().items()}


def test_name_alone_describes_a_pod_except_for_state_operations() -> None:
    assert not glue.desired(_params(name="p", state="started")).by_name
    assert glue.desired(_params(name="p", state="started")).options == glue.desired(_params(name="p")).options
    assert glue.desired(_params(name="p", state="restarted")).by_name
    assert not glue.desired(_params(name="p", state="restarted", memory="64m")).by_name
    assert glue.desired(_params(name="p", state="stopped", memory="12x")).options is None


def test_mapped_ids_are_shared() -> None:
    options = glue.desired(_params(name="p", uidmap=["0:1:2"], share="net")).options
    assert options is not None and options["share"] == ["net", "user"]


def test_host_of_a_pod_has_every_requested_address() -> None:
    options = glue.desired(_params(name="p", add_host=["db:192.0.2.1", "web:192.0.2.2", "db:2001:db8::1"])).options
    assert options is not None and options["etc_hosts"] == {"db": "192.0.2.1,2001:db8::1", "web": "192.0.2.2"}


@pytest.mark.parametrize("options", [{"share": "ipc", "publish": ["80:80"]}, {"add_host": ["x"]}, {"memory": "12x"}])
def test_contradictory_pod_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        glue.desired(_params(name="p", **options))


def test_option_without_effect_on_a_pod_causes_a_warning_or_with_strict_an_error() -> None:
    glue.desired(_params(name="p", infra=True, pid="private", executable="podman", debug=True))
    assert take_warnings() == []
    glue.desired(_params(name="p", infra=False, volume=["/a:/b"]))
    assert [one.partition(":")[0] for one in take_warnings()] == ["infra", "volume"]
    with pytest.raises(InvalidArgument, match="^userns: has no effect on pod p"):
        glue.desired(_params(name="p", userns="auto", strict=True))


def test_address_and_names_of_a_pod_are_its_networks() -> None:
    options = glue.desired(_params(name="p", ip="10.88.0.5", network_alias=["db"])).options
    assert options is not None and (options["ip"], options["network_aliases"]) == ("10.88.0.5", ["db"])
    with pytest.raises(InvalidArgument, match="^ip: "):
        glue.desired(_params(name="p", ip="10.88.0.5", network=["a", "b"]))


RECORD = {"id": "1", "name": "p", "created_time": "", "options": {"share": []}, "infra": "i", "cgroup": "/c"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"infra": 5}, "infra: expected a string, found an integer"),
        ({"options": []}, "options: expected an object, found a list"),
        ({"options": {"share": "net"}}, "options.share: expected a list, found a string"),
        ({"options": {"share": [], "memory": "1g"}}, "options.memory: expected an integer, found a string"),
    ],
)
def test_value_of_another_type_is_named_by_its_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(StateCorrupt, match=f"^/a/pod.json is not a pod's record: {message}: restore it$"):
        PodConfig.from_json({**RECORD, **changes}, "/a/pod.json")


@pytest.mark.parametrize("record", [[], "x", 5])
def test_record_that_is_no_object_is_corrupt(record: object) -> None:
    with pytest.raises(StateCorrupt, match="^/a/pod.json is not a pod's record: it is no object: restore it$"):
        PodConfig.from_json(record, "/a/pod.json")


def test_record_of_an_older_engine_has_the_defaults_of_what_it_lacks() -> None:
    assert PodConfig.from_json(RECORD, "pod.json").options == {
        "share": [],
        "ip": None,
        "ip6": None,
        "mac_address": None,
        "network_aliases": [],
    }


def test_documentation_and_argument_spec_agree() -> None:
    documented = yaml.safe_load(libpod_pod.DOCUMENTATION)["options"]
    for name, option in glue.spec().items():
        if name not in documented and "fallback" in option:
            continue
        for key in ("type", "elements", "default", "required", "aliases", "choices"):
            assert documented[name].get(key) == option.get(key), (name, key)
    assert set(documented) <= set(glue.spec())


@pytest.fixture(params=["v1", "v2"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> CgroupHost:
    v1 = {
        "memory/p": {"memory.limit_in_bytes": "-1", "memory.memsw.limit_in_bytes": "-1"},
        "cpu/p": {"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000", "cpu.shares": "1024"},
        "cpuset/p": {"cpuset.cpus": "0-3"},
        "cpuset": {"cpuset.cpus": "0-3"},
    }
    v2 = {
        "p": {
            "memory.max": "max",
            "memory.swap.max": "max",
            "cpu.max": "max 100000",
            "cpu.weight": "100",
            "cpuset.cpus": "",
        },
        ".": {"cpuset.cpus.effective": "0-3"},
    }
    for folder, files in (v1 if request.param == "v1" else v2).items():
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (tmp_path / folder / name).write_text(text)
    if request.param == "v2":
        return CgroupHost("v2", (str(tmp_path),), {})
    controllers = {name: f"{tmp_path}/{name}" for name in ("memory", "cpu", "cpuset")}
    return CgroupHost("v1", tuple(controllers.values()), controllers)


def test_limits_are_written_in_the_hosts_format(host: CgroupHost) -> None:
    requested = {"memory": "64m", "memory_swap": "96m", "cpus": "0.5", "cpu_shares": 512, "cpuset_cpus": "1"}
    options = normalise(requested)
    limits.write(host, "/p", {name: options[name] for name in LIMITS})
    if host.unified:
        read = [host.read("/p", "", name) for name in ("memory.max", "memory.swap.max", "cpu.max", "cpuset.cpus")]
        assert read == [str(64 << 20), str(32 << 20), "50000 100000", "1"]
    else:
        names = (("memory", "memory.limit_in_bytes"), ("memory", "memory.memsw.limit_in_bytes"))
        assert [host.read("/p", *name) for name in names] == [str(64 << 20), str(96 << 20)]
        names = (("cpu", "cpu.cfs_quota_us"), ("cpu", "cpu.shares"))
        assert [host.read("/p", *name) for name in names] == ["50000", "512"]
        assert host.read("/p", "cpuset", "cpuset.cpus") == "1"
    free = {name: normalise({})[name] for name in LIMITS}
    limits.write(host, "/p", free)
    assert host.read("/p", "cpuset", "cpuset.cpus") == "0-3"
    assert manager.drift(host, "/p", free) == {}


@pytest.mark.parametrize(("limit", "fits"), [(100, True), (99, False), (None, True), (-1, True)])
@pytest.mark.parametrize("kernel", ["before 5.19", "since"])
def test_memory_limit_below_what_is_used_is_refused_on_v2(
    tmp_path: Path, kernel: str, limit: Optional[int], fits: bool
) -> None:
    for name, text in {"memory.current": "130\n", "memory.stat": "anon 70\ninactive_file 10\nactive_file 20\n"}.items():
        (tmp_path / name).write_text(text)
    if kernel == "since":
        fits = fits and limit != 100  # what is recorded gives nothing back
        (tmp_path / "memory.reclaim").touch()
    host = CgroupHost("v2", (str(tmp_path),), {})
    if fits:
        limits.make_room(host, "", limit, "container c")
    else:
        with pytest.raises(InvalidArgument, match="cannot lower the memory limit of container c to"):
            limits.make_room(host, "", limit, "container c")
    asked = (tmp_path / "memory.reclaim").read_text() if kernel == "since" else ""
    assert asked == (str(130 - limit) if kernel == "since" and limit and limit > 0 else "")
