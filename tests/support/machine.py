# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine itself as the test host: the engine's default roots, systemd, and nothing between it and the kernel."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import Any

from ansible_collections.libpod.engine.plugins.module_utils._drivers.cgroups import manager
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig

from . import cgroup_tree, debian, hosts, images, leaks

STORE = ("/var/lib/containers/storage", "/run/containers/storage")
CNI = "/etc/cni/net.d"


def prepare() -> None:
    """Once: the images in the store, the role's network."""
    listed = subprocess.run([*images.store_arguments(*STORE), "images"], check=True, capture_output=True, text=True)
    if "localhost/busybox" not in listed.stdout:
        images.load(images.layout(), *STORE)
    os.makedirs(CNI, exist_ok=True)
    with open(f"{CNI}/87-{hosts.NETWORK}.conflist", "w", encoding="utf-8") as file:
        json.dump(hosts.network(), file)


class _Cgroups:
    """The machine's cgroups in which containers are, as ``CgroupTree`` tells them."""

    TOPS = tuple(f"{manager.CGROUP_ROOT}/{name}" for name in ("machine.slice", "libpod_parent"))

    def folders(self) -> set[str]:
        return {folder for top in self.TOPS for folder, _folders, _files in os.walk(top) if folder != top}

    def processes(self) -> set[int]:
        return cgroup_tree.processes(list(self.TOPS))


class Machine(hosts.Host):
    """A test host that is the whole machine, with an OCI runtime; only a guest that is thrown away may be one."""

    def __init__(self, runtime: str = "runc", **parts: Any) -> None:
        self.parts = EngineConfig(oci_runtime=runtime, **parts)
        self.cgroups = _Cgroups()  # type: ignore[assignment]
        self._before: set[str] = set()

    @property
    def arguments(self) -> dict[str, Any]:
        differing = self.parts._asdict().items() - EngineConfig()._asdict().items()
        return dict(differing)

    def __enter__(self) -> Machine:
        self._before = self._there()
        return self

    def __exit__(self, *_reason: object) -> None:
        pass

    def leaks(self) -> list[str]:
        """Return what containers have left, after systemd and exit commands had a moment to finish."""
        deadline = time.monotonic() + 20.0
        while (left := sorted(self._there() - self._before)) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left

    def _there(self) -> set[str]:
        top = manager.CGROUP_ROOT
        found = {f"cgroup {folder}" for folder, _folders, _files in os.walk(top) if "/libpod-" in folder}
        found |= {
            line for line in (*leaks._mounts(), *leaks._links(), *leaks._rules()) if not leaks._STAYS.fullmatch(line)
        }
        units = self.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "libpod*", "*libpod_pod*")
        found |= {f"unit {line.split()[0]}" for line in units.splitlines()}
        found |= {f"namespace {name}" for name in os.listdir("/run/netns")} if os.path.isdir("/run/netns") else set()
        return {line for line in found if "/storage/overlay " not in line and "libpod-boot" not in line}

    def debian(self, *, copy: bool = False) -> str:
        """Have the Debian image in the machine's store, always a copy of its layout; return its name."""
        if debian.NAME not in self.run(*images.store_arguments(*STORE), "images"):
            target = f"containers-storage:[overlay@{STORE[0]}+{STORE[1]}]{debian.NAME}"
            self.run("skopeo", "--insecure-policy", "copy", "--quiet", f"oci:{debian.layout()}:debian", target)
        return debian.NAME

    def systemd(self, unit: str, *properties: str) -> dict[str, str]:
        """Return a unit's properties, as systemctl shows them."""
        shown = self.run("systemctl", "show", unit, *(f"--property={name}" for name in properties))
        return dict(line.partition("=")[::2] for line in shown.splitlines())

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """``libpod WORDS``, the operator's command."""
        from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command as self_program

        argv = [*self_program.argv(self.parts), *words]
        environment = {**os.environ, **self.parts.environment()}
        return subprocess.run(argv, check=False, capture_output=True, text=True, env=environment)
