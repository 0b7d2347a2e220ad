# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The type of an inspected container against what inspect returns, and against what the modules' RETURN says of it."""

from __future__ import annotations

import collections.abc
import re
from importlib import import_module
from pathlib import Path
from typing import Any, Iterator, Literal, Mapping, Union, get_args, get_origin, get_type_hints

import pytest
import yaml
from ansible_collections.libpod.engine.plugins.module_utils._container.container import Container
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._model.options.table import OPTIONS
from ansible_collections.libpod.engine.plugins.module_utils._model.records.config import ContainerConfig
from ansible_collections.libpod.engine.plugins.module_utils._runtime import types
from ansible_collections.libpod.engine.plugins.module_utils._runtime.inspect import inspect, outline
from ansible_collections.libpod.engine.plugins.module_utils._runtime.inspect_options import CONFIG, HOST_CONFIG
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.option_kinds import KINDS
from hypothesis import given, settings
from hypothesis import strategies as st

ID = "ab" * 32
MODULES = "ansible_collections.libpod.engine.plugins.modules"
IMAGE: Any = {"Entrypoint": ["/entry"], "Cmd": ["serve"], "Env": ["A=1"], "Labels": {"a": "b"}, "Volumes": {"/v": {}}}
ATTACHED = {
    "network": "front",
    "interface": "eth0",
    "config": {},
    "runtime_config": {},
    "result": {
        "interfaces": [{"name": "eth0", "mac": "0a:0b", "sandbox": "/run/netns/x"}],
        "ips": [{"address": "10.0.0.2/24", "gateway": "10.0.0.1"}, {"address": "fd00::2/64", "gateway": "fd00::1"}],
    },
}
HEALTH = {"healthcheck": "true", "health_startup_cmd": "true"}
MOUNTS = {
    "volume": ["/srv:/a:ro", "data:/b"],
    "mount": ["type=volume,source=data,target=/c,subpath=d", "type=image,source=app,target=/e"],
    "tmpfs": {"/t": "size=1m"},
}
CONTAINERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "with health checks": HEALTH,
    "with mounts": MOUNTS,
    "with published ports": {"publish": ["8080:80", "8053:53/udp"]},
    "on no network": {"network": ["none"]},
    "on the host's network": {"network": ["host"], "ipc": "host"},
}
ROWS = [
    pytest.param(row, hint, id=row.key)
    for shown, hint in ((CONFIG, types.ShownConfig), (HOST_CONFIG, types.ShownHostConfig))
    for row in shown._rows
]


def differences(value: Any, hint: Any, where: str = "it") -> Iterator[str]:
    """Yield where a value is not of a type: a key that this lacks, or that the value has to have, or another type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hasattr(hint, "__total__"):
        if not isinstance(value, dict):
            yield f"{where} is {value!r}"
            return
        hints = get_type_hints(hint)
        yield from (f"{where} has {key}" for key in value.keys() - hints.keys())
        yield from (f"{where} lacks {key}" for key in hint.__required_keys__ - value.keys())
        for key in value.keys() & hints.keys():
            yield from differences(value[key], hints[key], f"{where}.{key}")
    elif origin is Union:
        if all(any(differences(value, one)) for one in arguments):
            yield f"{where} is {value!r}"
    elif origin in (dict, collections.abc.Mapping):
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            yield f"{where} is {value!r}"
            return
        for key, one in value.items():
            yield from differences(one, arguments[1], f"{where}.{key}")
    elif origin in (list, collections.abc.Sequence):
        if not isinstance(value, list):
            yield f"{where} is {value!r}"
            return
        for number, one in enumerate(value):
            yield from differences(one, arguments[0], f"{where}[{number}]")
    elif hint is not object and value.__class__ is not hint:
        yield f"{where} is {value!r}, not of {hint}"


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    static_root, run_root, configurations = (str(tmp_path / name) for name in ("static", "run", "cni"))
    made = Runtime(
        EngineConfig(
            static_root=static_root, run_root=run_root, cni_config_dir=configurations, oci_runtime="/usr/sbin/runc"
        )
    )
    made.store.prepare()
    return made


def make(runtime: Runtime, requested: Mapping[str, Any], **fields: Any) -> Container:
    options = normalise(dict(requested))
    made = "2026-01-01T00:00:00.000000+00:00"
    ports = tuple(options["publish"])
    config = ContainerConfig(ID, "web", made, options, ports=ports, image_config=IMAGE, **fields)
    runtime.store.write_config(config)
    runtime.store.write_name("web", {"id": ID})
    return runtime.container("web")


@pytest.mark.parametrize("kind", CONTAINERS)
def test_inspected_container_is_of_its_type(runtime: Runtime, kind: str) -> None:
    container = make(runtime, CONTAINERS[kind], static_dir=runtime.store.static_dir(ID))
    assert list(differences(inspect(container), types.Inspected)) == []
    assert list(differences(outline(container), types.InspectedOutline)) == []


def test_every_key_that_only_some_containers_have_is_in_the_type(runtime: Runtime) -> None:
    fields = {"static_dir": runtime.store.static_dir(ID), "id_mappings": {"uid": [[0, 10, 1]], "gid": [[0, 10, 1]]}}
    container = make(runtime, {**HEALTH, **MOUNTS}, **fields)
    runtime.store.write_side_record(ID, "network", [ATTACHED])
    shown, short = inspect(container), outline(container)
    assert list(differences(shown, types.Inspected)) == list(differences(short, types.InspectedOutline)) == []
    assert set(shown["Config"]) == set(get_type_hints(types.InspectedConfig))
    assert set(shown["HostConfig"]) == set(get_type_hints(types.InspectedHostConfig))
    assert {key for one in shown["Mounts"] for key in one} == set(get_type_hints(types.InspectedMount))
    assert set(short["State"]) == set(get_type_hints(types.OutlinedState))
    (attachment,) = shown["NetworkSettings"]["Networks"].values()
    assert set(attachment) == set(get_type_hints(types.InspectedAttachment))


@pytest.mark.parametrize(("row", "keys"), ROWS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_value_of_an_option_is_shown_in_the_type_of_its_key(row: Any, keys: Any, data: st.DataObject) -> None:
    kind = KINDS[row.option]
    spelled = data.draw(st.one_of(st.none(), kind.meanings.flatmap(kind.spellings)))
    option = OPTIONS[row.option]
    value = option.default if spelled is None else option.normalise(spelled, row.option)
    assert list(differences(row.shown(value), get_type_hints(keys)[row.key], row.key)) == []


@pytest.mark.parametrize(("shown", "keys"), [(CONFIG, types.ShownConfig), (HOST_CONFIG, types.ShownHostConfig)])
def test_keys_of_options_are_those_of_their_type(shown: Any, keys: Any) -> None:
    assert [row.key for row in shown._rows] == list(get_type_hints(keys))


def test_namespaces_have_the_keys_of_their_type() -> None:
    from ansible_collections.libpod.engine.plugins.module_utils._runtime.inspect_options import NAMESPACE_KEYS

    assert (
        set(NAMESPACE_KEYS.values()) == set(get_args(types.NamespaceKey)) and get_origin(types.NamespaceKey) is Literal
    )


# The documentation


def returned(module: str) -> Any:
    return yaml.safe_load(import_module(f"{MODULES}.{module}").RETURN)


SAMPLES = [
    *((sample, types.MeasuredContainer) for sample in returned("libpod_container_info")["containers"]["sample"]),
    (returned("libpod_container")["container"]["sample"], types.Inspected),
    *((sample, types.InspectedOutline) for sample in returned("libpod_containers")["containers"]["sample"]),
]


@pytest.mark.parametrize(("sample", "hint"), SAMPLES)
def test_documented_sample_is_a_part_of_the_type(sample: Any, hint: Any) -> None:
    assert sample and [one for one in differences(sample, hint) if " lacks " not in one] == []


@pytest.mark.parametrize("module", ["libpod_container", "libpod_container_info"])
def test_documented_keys_are_those_of_the_type(module: str) -> None:
    text = Path(str(import_module(f"{MODULES}.{module}").__file__)).read_text(encoding="utf-8")
    paths = re.findall(r"C\(((?:State|Config|HostConfig|NetworkSettings)\.[\w.]+)\)", text)
    assert paths
    for path in paths:
        hint: Any = types.MeasuredContainer
        for key in path.split("."):
            assert key in get_type_hints(hint), path
            hint = get_type_hints(hint)[key]
