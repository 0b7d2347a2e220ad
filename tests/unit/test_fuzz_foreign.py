# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other programs' files of any shape are read, or refused in one sentence by an error of the hierarchy."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.bundle import cdi, hooks
from ansible_collections.libpod.engine.plugins.module_utils._container.bundle.builder import seccomp_filter
from ansible_collections.libpod.engine.plugins.module_utils._drivers import seccomp_profiles
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cni import config as cni_config
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cni import plugin as cni_plugin
from ansible_collections.libpod.engine.plugins.module_utils._drivers.conmon import conmon
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.store import ImageStore
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.roots import storage_roots
from ansible_collections.libpod.engine.plugins.module_utils._model import foreign, foreign_yaml
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.options import namespace_options, normalise
from ansible_collections.libpod.engine.plugins.module_utils._model.options.mounts import volumes
from ansible_collections.libpod.engine.plugins.module_utils._model.records import config, image
from ansible_collections.libpod.engine.plugins.module_utils._model.records.network import NetworkAttachment
from ansible_collections.libpod.engine.plugins.module_utils._spec import users
from ansible_collections.libpod.engine.plugins.module_utils._spec.types import Spec
from ansible_collections.libpod.engine.tests.support import fuzz
from hypothesis import strategies as st

IMAGE_ID = "a" * 64
IMAGE = {
    "architecture": "amd64",
    "os": "linux",
    "created": "2026-01-02T03:04:05Z",
    "config": {
        "User": "app:www",
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
        "Env": ["PATH=/bin", "A=1"],
        "Entrypoint": ["/bin/sh"],
        "Cmd": ["-c", "true"],
        "Volumes": {"/data": {}},
        "WorkingDir": "/srv",
        "Labels": {"k": "v", "io.x": ""},
        "StopSignal": "SIGTERM",
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 30 * 10**9, "Timeout": 1, "StartPeriod": 0, "Retries": 3},
        "Shell": ["/bin/bash", "-c"],
        "OnBuild": None,
    },
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]},
    "history": [{"created": "2026-01-02T03:04:05Z", "created_by": "x", "empty_layer": True}],
}
STORE = {
    "id": IMAGE_ID,
    "digest": "sha256:" + "c" * 64,
    "names": ["docker.io/library/x:latest"],
    "layer": "1" * 64,
    "big-data-names": ["manifest", f"sha256:{IMAGE_ID}"],
    "big-data-sizes": {"manifest": 5},
    "created": "2026-01-02T03:04:05Z",
}
NETWORK = {
    "cniVersion": "1.0.0",
    "name": "net",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "br0",
            "capabilities": {"ips": True, "mac": True},
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": "10.1.0.0/16", "gateway": "10.1.0.1"}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}
RESULT = {
    "cniVersion": "1.0.0",
    "interfaces": [
        {"name": "br0", "mac": "02:00:00:00:00:01"},
        {"name": "eth0", "mac": "02:00:00:00:00:02", "sandbox": "/x"},
    ],
    "ips": [{"interface": 1, "address": "10.1.0.5/16", "gateway": "10.1.0.1"}, {"address": "2001:db8::5/64"}],
    "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.0.1"}],
    "dns": {"nameservers": ["10.1.0.1"], "domain": "x", "search": ["y"], "options": ["z"]},
}
HOOK = {
    "version": "1.0.0",
    "hook": {"path": "/bin/true", "args": ["true", "a"], "env": ["A=1"], "timeout": 5},
    "when": {"always": True, "annotations": {"^a$": "b"}, "commands": ["/x$"], "hasBindMounts": False},
    "stages": ["prestart", "poststop"],
}
CDI = {
    "cdiVersion": "0.5.0",
    "kind": "nvidia.com/gpu",
    "containerEdits": {"env": ["A=1"], "hooks": [{"hookName": "createContainer", "path": "/bin/x", "args": ["x"]}]},
    "devices": [
        {
            "name": "0",
            "containerEdits": {
                "deviceNodes": [
                    {"path": "/dev/null", "hostPath": "/dev/null", "permissions": "rw", "major": 1, "uid": 0}
                ],
                "mounts": [{"hostPath": "/lib/x", "containerPath": "/lib/x", "options": ["ro"]}],
                "additionalGids": [44],
            },
        }
    ],
}
SECCOMP = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": 38,
    "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
    "syscalls": [
        {
            "names": ["read"],
            "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": 1, "valueTwo": 0, "op": "SCMP_CMP_EQ"}],
        },
        {
            "name": "bpf",
            "action": "SCMP_ACT_ALLOW",
            "includes": {"caps": ["CAP_BPF"], "minKernel": "4.8"},
            "excludes": {},
        },
    ],
}
SPEC: Spec = {
    "process": {"env": [], "args": ["/x"], "user": {"additionalGids": []}},
    "linux": {"resources": {"devices": []}},
    "mounts": [],
    "annotations": {"a": "b"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("foreign")


def _store(folder: Path, document: bytes, records: bytes) -> ImageStore:
    images = folder / "overlay-images"
    (images / IMAGE_ID).mkdir(parents=True, exist_ok=True)
    (images / "images.lock").touch()
    (images / "images.json").write_bytes(records)
    name = base64.b64encode(f"sha256:{IMAGE_ID}".encode()).decode()
    (images / IMAGE_ID / f"={name}").write_bytes(document)
    parts = EngineConfig(storage_root=str(folder), storage_run_root=str(folder), storage_driver="overlay")
    return ImageStore(parts)


@fuzz.fuzzed(300, document=fuzz.documents(IMAGE))
def test_image_configuration(folder: Path, document: bytes) -> None:
    def resolve() -> None:
        image = store.get(IMAGE_ID)
        chosen = normalise.normalise({"publish_all": True})
        resolved = config.resolved(chosen, image.config)
        volumes.file_systems(chosen, image.config, ())
        json.dumps(resolved).encode()

    store = _store(folder, document, json.dumps([STORE]).encode())
    fuzz.refused_or(resolve)
    fuzz.refused_or(store.all)


@fuzz.fuzzed(200, document=fuzz.documents([STORE]))
def test_records_of_the_store(folder: Path, document: bytes) -> None:
    store = _store(folder, json.dumps(IMAGE).encode(), document)
    for reference in (IMAGE_ID, "x", IMAGE_ID[:12]):
        fuzz.refused_or(lambda reference=reference: store.find(reference))
    fuzz.refused_or(store.all)
    containers = folder / "overlay-containers"
    containers.mkdir(exist_ok=True)
    (containers / "containers.json").write_bytes(document)
    roots = storage_roots(
        EngineConfig(storage_root=str(folder), storage_run_root=str(folder), storage_driver="overlay")
    )
    fuzz.refused_or(lambda: list(roots.containers()))


@pytest.mark.parametrize("members", [{"id": "9" * 5000}, {"id": "../x"}, {"big-data-names": ["sha256:" + "a" * 5000]}])
def test_name_in_the_store_that_is_no_file_name_is_skipped(folder: Path, members: dict[str, Any]) -> None:
    store = _store(folder, json.dumps(IMAGE).encode(), json.dumps([{**STORE, **members}]).encode())
    assert fuzz.refused_or(store.all) == [], "left out, and others are listed"


def test_overlong_user_is_shortened_in_the_error() -> None:
    assert fuzz.refused_or(lambda: users.resolve("a" * 70_000 + ":" + "b" * 70_000, "", "")) is None


@fuzz.fuzzed(300, document=fuzz.documents(NETWORK, {**NETWORK["plugins"][0], "name": "single"}))
def test_network_files(folder: Path, document: bytes) -> None:
    networks = folder / "networks"
    networks.mkdir(exist_ok=True)
    (networks / "10-hostile.conflist").write_bytes(document)
    (networks / "20-good.conflist").write_text(json.dumps({**NETWORK, "name": "good"}))
    parts = EngineConfig(cni_config_dir=str(networks), static_root="/srv/x")
    defined = cni_config.networks(parts)
    assert "good" in defined, "another network's file must not matter"
    for name, network in defined.items():
        json.dumps(network).encode()
        fuzz.refused_or(
            lambda network=network: cni_config.runtime_arguments(network, {"ips": ["10.1.0.9"], "mac": "02::"})
        )
        fuzz.refused_or(lambda name=name: cni_config.network(parts, name))


@fuzz.fuzzed(60, document=fuzz.documents(RESULT))
def test_answer_of_a_network_plugin(folder: Path, document: bytes) -> None:
    plugin = folder / "bridge"
    if not plugin.exists():
        plugin.write_text(f"#!/bin/sh\nexec cat {folder}/result\n")
        plugin.chmod(0o755)
    (folder / "result").write_bytes(document)
    attachment = NetworkAttachment("net", "eth0", {**NETWORK, "plugins": [{"type": "bridge"}]})
    parts = EngineConfig(cni_plugin_dirs=(str(folder),))

    def add() -> None:
        run = cni_plugin.PluginRun(parts, "ADD", "b" * 64, "/run/netns/x", attachment, {"type": "bridge"})
        facts = attachment._replace(result=run.answer()).facts
        json.dumps(facts).encode()

    fuzz.refused_or(add)


@fuzz.fuzzed(200, document=fuzz.documents(HOOK))
def test_hook_files(folder: Path, document: bytes) -> None:
    (folder / "hooks").mkdir(exist_ok=True)
    (folder / "hooks" / "a.json").write_bytes(document)
    hooked = fuzz.refused_or(lambda: hooks.read([str(folder / "hooks")]))
    if hooked:
        json.dumps(fuzz.refused_or(lambda: hooks.chosen(hooked, SPEC, True))).encode()


@fuzz.fuzzed(200, document=fuzz.documents(CDI))
def test_cdi_files(folder: Path, document: bytes) -> None:
    (folder / "cdi").mkdir(exist_ok=True)
    (folder / "cdi" / "a.json").write_bytes(document)

    def apply() -> None:
        spec = json.loads(json.dumps(SPEC))
        cdi.apply(spec, cdi.edits(["all"]))
        json.dumps(spec).encode()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cdi, "_DIRECTORIES", (str(folder / "cdi"),))
        fuzz.refused_or(apply)


@fuzz.fuzzed(200, document=fuzz.documents(CDI))
def test_yaml_is_read_or_refused(folder: Path, document: bytes) -> None:
    fuzz.refused_or(lambda: foreign_yaml.parse(document, "gpu.yaml"))
    fuzz.refused_or(lambda: foreign_yaml.parse(document.replace(b'"', b"").replace(b",", b"\n- "), "gpu.yaml"))


@fuzz.fuzzed(200, document=fuzz.documents(SECCOMP))
def test_seccomp_profiles(folder: Path, document: bytes) -> None:
    path = folder / "profile.json"
    path.write_bytes(document)
    fuzz.refused_or(lambda: seccomp_profiles.find(str(path)))
    json.dumps(fuzz.refused_or(lambda: seccomp_filter(str(path), ["CAP_BPF"]))).encode()


@fuzz.fuzzed(200, entries=st.lists(fuzz.documents({"level": "error", "msg": "x", "time": "y"}), max_size=4))
def test_log_of_the_oci_runtime(folder: Path, entries: list[bytes]) -> None:
    (folder / "runtime.log").write_bytes(b"\n".join(entries))
    conmon.runtime_error(str(folder / "runtime.log")).encode()


_FIELDS = st.one_of(fuzz.texts(), st.sampled_from(["root", "0", "app", "1000", "x", "", "2147483648", "-1", "²"]))
_ENTRIES = st.lists(st.lists(_FIELDS, max_size=8).map(":".join), max_size=6).map("\n".join)


@fuzz.fuzzed(
    400,
    passwd=_ENTRIES,
    group=_ENTRIES,
    user=st.one_of(fuzz.texts(), st.sampled_from(["", "0", "app", "app:x", "1000:0"])),
)
def test_passwd_and_group(passwd: str, group: str, user: str) -> None:
    fuzz.refused_or(lambda: users.resolve(user, passwd, group, ["x"]))
    fuzz.refused_or(lambda: namespace_options.subordinate_map(passwd, user, "/etc/subuid", "subuidname"))


@pytest.mark.parametrize(
    "make", [lambda n: "x:x:0:0::/:/\n" * (n // 8), lambda n: ":" * n, lambda n: "9" * n + ":" + "9" * n]
)
def test_passwd_and_group_take_linear_time(make: Callable[[int], str]) -> None:
    assert fuzz.grows_linearly(
        lambda text: fuzz.refused_or(lambda: users.resolve("app:x", text, text, ["9" * 30])), make
    )


def test_fifo_never_blocks(folder: Path) -> None:
    networks = folder / "fifos"
    networks.mkdir()
    os.mkfifo(networks / "x.conflist")
    assert cni_config.networks(EngineConfig(cni_config_dir=str(networks))) == {}


CONFIGURED: dict[str, Callable[[int], dict[str, Any]]] = {
    "variables": lambda n: {"Env": [f"A{number}=x" for number in range(n // 10)]},
    "long variable": lambda n: {"Env": [f"A={'=' * n}"]},
    "labels": lambda n: {"Labels": {f"k{number}": "v" for number in range(n // 10)}},
    "volumes": lambda n: {"Volumes": {f"/v{number}/a": {} for number in range(n // 10)}},
    "long volume": lambda n: {"Volumes": {"/a/.." * min(n // 5, 800): {}}},
    "ports": lambda n: {"ExposedPorts": {f"{number}/tcp": {} for number in range(1, min(n // 10, 60_000))}},
    "command": lambda n: {"Cmd": ["x"] * (n // 10), "Entrypoint": ["'" * n]},
    "health check": lambda n: {"Healthcheck": {"Test": ["CMD-SHELL", "\\'" * n]}},
    "user": lambda n: {"User": ":" * n},
    "signal": lambda n: {"StopSignal": "RTMIN" * n},
}


@pytest.mark.parametrize("make", CONFIGURED.values(), ids=CONFIGURED)
def test_image_configuration_takes_linear_time(make: Callable[[int], dict[str, Any]]) -> None:
    def resolve(members: dict[str, Any]) -> None:
        checked = image.checked_config(foreign.Foreign(members, "image"))
        chosen = normalise.normalise({"publish_all": True, "image_volume": "tmpfs"})
        config.resolved(chosen, checked)
        volumes.file_systems(chosen, checked, ())

    assert fuzz.grows_linearly(lambda members: fuzz.refused_or(lambda: resolve(members)), make, 40_000)


@pytest.mark.parametrize(
    "make", [lambda n: b"[" * n, lambda n: b'{"level":"error","msg":"x"}\n' * n, lambda n: b'{"msg":"' + b"\\u0000" * n]
)
def test_log_of_the_oci_runtime_takes_linear_time(folder: Path, make: Callable[[int], bytes]) -> None:
    def read(content: bytes) -> None:
        (folder / "long.log").write_bytes(content)
        conmon.runtime_error(str(folder / "long.log"))

    assert fuzz.grows_linearly(read, make)
