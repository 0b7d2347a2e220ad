# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contenders: the engine, the bare floor and podman, each bringing one container up and down in a test host."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from typing import Any

from ansible_collections.libpod.engine.plugins.module_utils import _engine_archive
from ansible_collections.libpod.engine.plugins.module_utils._drivers.netavark import config as netavark
from ansible_collections.libpod.engine.plugins.module_utils._drivers.network_backend import CNI, NETAVARK
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.plugin_utils import _engine_action as engine_action
from ansible_collections.libpod.engine.plugins.plugin_utils import _engine_direct as engine_direct
from ansible_collections.libpod.engine.tests.support import images, kept_engine, kernel
from ansible_collections.libpod.engine.tests.support.hosts import NETWORK, Host
from ansible_collections.libpod.engine.tests.support.podman import OWN

HERE = os.path.dirname(os.path.abspath(__file__))
IMAGE, COMMAND, PORT = "localhost/busybox:latest", ["sleep", "100000"], 8080
NETWORKS = ("none", "bridge")
_CODE = "/run/libpod-test/libpod_engine.py"
PEERS = f"{images.PROJECT}/build/peers"  # as .ci/peers makes it


class Engine:
    """The collection's modules as on a target that keeps the engine and Ansible's own files."""

    name = "engine"
    nets = NETWORKS

    def __init__(self, host: Host) -> None:
        self.host = host
        kept_engine.install(host.parts.static_root)
        digests = {"digest": engine_action.digest(list(engine_action.sources())), "ansible": engine_direct.digest()}
        with open(_CODE, "w", encoding="utf-8") as file:
            file.write(engine_direct.code())
        self.request = {"static_root": host.parts.static_root, "archive": "", "keep": True, **digests}

    def run(self, module: str, *, steps: bool = False, **options: Any) -> dict[str, Any]:
        """Run a module once in a fresh process, with the milliseconds of its ``steps``; see subject.py."""
        arguments = json.dumps({} if module == "nothing" else {**self.host.arguments, **options})
        argv = [sys.executable, "-B", f"{HERE}/subject.py", _CODE, module, *(["steps"] if steps else [])]
        request = {**self.request, "room": engine_direct.room(module)}
        env = {**os.environ, _engine_archive.VARIABLE: json.dumps(request)}
        done = subprocess.run(argv, input=arguments, capture_output=True, text=True, check=False, env=env)
        if done.returncode != 0:
            raise RuntimeError(f"{module}: {done.stderr or done.stdout}")
        measure: dict[str, Any] = json.loads(done.stdout)
        if measure["result"].get("failed"):
            raise RuntimeError(f"{module}: {measure['result']['msg']}")
        return measure

    def container(self, name: str, net: str, **more: Any) -> dict[str, Any]:
        """Return the options of the measured container."""
        ports = {"publish": [f"{PORT}:80"]} if net == "bridge" else {}
        return {"name": name, "image": IMAGE, "command": COMMAND, "network": [net], "stop_signal": 9, **ports, **more}

    def up(self, net: str) -> float:
        measure = self.run("libpod_container", **self.container("measured", net))
        assert measure["result"]["changed"], measure
        assert os.path.exists(f"/proc/{measure['result']['container']['State']['Pid']}/ns/net")
        return float(measure["ms"])

    def down(self, net: str) -> float:
        measure = self.run("libpod_container", name="measured", state="absent")
        assert measure["result"]["changed"], measure
        return float(measure["ms"])


class Floor:
    """floor.sh, with exactly the OCI spec that the engine generates."""

    name = "floor"
    nets = NETWORKS
    folder = "/srv/floor"

    def __init__(self, engine: Engine, way: str = "delete") -> None:
        self.host = engine.host
        self.way = way
        self.name = "floor" if way == "delete" else "floor, kill"
        os.makedirs(self.folder, exist_ok=True)
        for net in NETWORKS:
            if not os.path.exists(f"{self.folder}/spec-{net}.json"):
                self._learn(engine, net)

    def _learn(self, engine: Engine, net: str) -> None:
        """Take spec and mounted files from a container of the engine's."""
        engine.up(net)
        shown = engine.run("libpod_container_info", name=["measured"])["result"]["containers"][0]
        run_dir = f"{engine.host.parts.run_root}/containers/{shown['Id']}"
        with open(f"{run_dir}/config.json", encoding="utf-8") as file:
            text = file.read()
        files = f"{self.folder}/files-{net}"
        os.makedirs(f"{files}/shm")
        spec = json.loads(text)
        for mount in spec["mounts"]:
            source = mount.get("source", "")
            if source.startswith(run_dir) and os.path.isfile(source):
                shutil.copy(source, files)
        for old, new in ((run_dir, "@DIR@"), (spec["root"]["path"], "@ROOT@"), (shown["Id"], "@ID@")):
            text = text.replace(old, new)
        # Without a network the floor leaves the namespace to runc; the engine keeps one in a file.
        text = re.sub(r',"path":"/[^"]*/netns/[^"]*"', ',"path":"@NETNS@"' if net == "bridge" else "", text)
        with open(f"{self.folder}/spec-{net}.json", "w", encoding="utf-8") as file:
            file.write(text)
        engine.down(net)
        if net == "bridge" and engine.host.parts.network_backend == NETAVARK:
            self._write_netavark_input(engine.host.parts)

    def _write_netavark_input(self, parts: EngineConfig) -> None:
        """Write what netavark is to do, with the engine's default network and an address that is free."""
        config = netavark.network(parts, "")
        name = str(config["name"])
        settings = {"static_ips": [str(netavark.subnets(config)[0][200])], "interface_name": "eth0", "aliases": []}
        port = {"host_ip": "", "host_port": PORT, "container_port": 80, "protocol": "tcp", "range": 1}
        options = {
            "container_id": "@ID@",
            "container_name": "measured",
            "networks": {name: settings},
            "network_info": {name: config},
            "port_mappings": [port],
        }
        with open(f"{self.folder}/netavark.json", "w", encoding="utf-8") as file:
            json.dump(options, file)

    def _run(self, *args: str) -> float:
        parts = self.host.parts
        env = {**os.environ, "FLOOR_RUNTIME": parts.oci_runtime, "FLOOR_BACKEND": parts.network_backend}
        argv = ["bash", f"{HERE}/floor.sh", *args]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
        if done.returncode != 0:
            raise RuntimeError(f"floor.sh {' '.join(args)}: {done.stderr or done.stdout}")
        return float(done.stdout.split()[-1])

    def up(self, net: str, name: str = "measured") -> float:
        return self._run("up", name, net)

    def down(self, net: str, name: str = "measured") -> float:
        return self._run("down", name, net, self.way)


def podman_program() -> str:
    """Return the path of podman: the installed one, else what ``.ci/podman`` unpacks; empty where neither is there."""
    return shutil.which("podman") or shutil.which("podman", path=f"{images.PROJECT}/build/{OWN}/usr/bin") or ""


class PodmanFailed(RuntimeError):
    """A command of podman failed, after ``took`` milliseconds."""

    def __init__(self, message: str, took: float) -> None:
        super().__init__(message)
        self.took = took


class Podman:
    """Debian's podman on a copy of the same store, with the host's OCI runtime and network backend, and cgroupfs.

    With CNI it has the same network. With netavark both have podman's default one, each in a directory of its own.
    """

    name = "podman"
    nets = NETWORKS
    folder = "/srv/podman"
    CONF = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "{runtime}"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "{backend}"
cni_plugin_dirs = ["/usr/lib/cni"]
network_config_dir = "/srv/podman/{backend}"
default_network = "{network}"
"""

    def __init__(self, host: Host) -> None:
        self.host = host
        backend = host.parts.network_backend
        self.network = NETWORK if backend == CNI else "podman"
        if not os.path.exists(self.folder):
            # The locks of all podmans of a machine are in one file there.
            kernel.mount("test-host", "/dev/shm", "tmpfs", options="mode=1777")
        os.makedirs(f"{self.folder}/{backend}", exist_ok=True)
        if backend == CNI:
            shutil.copy(f"/srv/cni/87-{NETWORK}.conflist", f"{self.folder}/cni")
        if not os.path.exists(f"{self.folder}/storage"):
            subprocess.run(["cp", "-a", f"{images.CACHE}/store/storage", f"{self.folder}/storage"], check=True)
        with open(f"{self.folder}/containers.conf", "w", encoding="utf-8") as file:
            file.write(self.CONF.format(runtime=host.parts.oci_runtime, backend=backend, network=self.network))

    @staticmethod
    def is_installed() -> bool:
        """Return whether podman is installed, or unpacked."""
        return bool(podman_program())

    @classmethod
    def has_collection(cls) -> bool:
        """Return whether podman and the collection containers.podman are there; ``.ci/peers`` gets the latter."""
        return cls.is_installed() and os.path.isdir(f"{PEERS}/ansible_collections/containers/podman")

    def program(self) -> str:
        """Write a program that is podman on its own store, as the collection's ``executable``, and return its path."""
        path = f"{self.folder}/podman"
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                f'#!/bin/sh\nCONTAINERS_CONF={self.folder}/containers.conf exec {shlex.join(self.command)} "$@"\n'
            )
        os.chmod(path, 0o755)
        return path

    @property
    def command(self) -> list[str]:
        """Return the program and the options of its store."""
        roots = ["--root", f"{self.folder}/storage", "--runroot", f"{self.folder}/run", "--storage-driver", "overlay"]
        return [podman_program(), *roots]

    def run(self, *args: str) -> float:
        """Run a command and return its milliseconds."""
        from time import perf_counter

        env = {**os.environ, "CONTAINERS_CONF": f"{self.folder}/containers.conf"}
        before = perf_counter()
        done = subprocess.run([*self.command, *args], capture_output=True, text=True, check=False, env=env)
        took = (perf_counter() - before) * 1000
        if done.returncode != 0:
            raise PodmanFailed(f"podman {' '.join(args)}: {done.stderr or done.stdout}", took)
        return took

    def up(self, net: str) -> float:
        network = ["--network", self.network, "--publish", f"{PORT}:80"] if net == "bridge" else ["--network", "none"]
        return self.run("run", "-d", "--name", "measured", "--stop-signal", "9", *network, IMAGE, *COMMAND)

    def down(self, net: str) -> float:
        return self.run("rm", "--force", "--time", "0", "measured")
