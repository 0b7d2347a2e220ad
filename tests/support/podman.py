# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's podman on a test host's own image store and networks, beside the engine."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from functools import partial
from typing import Any

from . import kernel
from .hosts import Host
from .images import PROJECT
from .process import eventually

# Of .ci/podman, which make integration runs: this Debian's podman, and that of Debian 13.
OWN, OF_DEBIAN_13 = "podman", "podman-5"
HAS_PODMAN_4 = not os.path.islink(f"{PROJECT}/build/{OF_DEBIAN_13}")
_FOLDER = "/srv/podman"
_PACKAGED_CONF = "/usr/share/containers/containers.conf"
_CONF = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "{runtime}"
cgroup_manager = "cgroupfs"
database_backend = "{database}"
events_logger = "none"
[network]
network_backend = "{backend}"
cni_plugin_dirs = ["/usr/lib/cni"]
network_config_dir = "{networks}"
default_network = "{default}"
"""


class Podman:
    """podman with the roots of a test host: the same store, and the same files of networks.

    ``release`` may be changed: another podman then has what the one before had.
    """

    def __init__(self, host: Host, default_network: str = "libpod", release: str = OWN, backend: str = "") -> None:
        """Write its containers.conf; the network ``backend`` is the host's, without one given."""
        self.release = release
        self._backend = backend or host.parts.network_backend
        self._host, self._parts = host, host.parts
        os.makedirs(_FOLDER)
        # The locks of all podmans of a machine are in one file, which the first command after a boot frees.
        kernel.mount("test-host", "/dev/shm", "tmpfs", options="mode=1777")
        self._default_network = default_network
        self.configure()

    def configure(self, database: str = "") -> None:
        """Write containers.conf; one with a ``database`` is the packaged file too, where the engine looks for that."""
        networks = {"cni": self._parts.cni_config_dir, "netavark": self._parts.network_config_dir}
        backend = self._backend
        with open(f"{_FOLDER}/containers.conf", "w", encoding="utf-8") as file:
            runtime = self._parts.oci_runtime
            default = self._default_network
            file.write(
                _CONF.format(
                    backend=backend, networks=networks[backend], default=default, runtime=runtime, database=database
                )
            )
        if database:
            kernel.mount(file.name, _PACKAGED_CONF, flags=kernel.MS_BIND)

    def run(self, *args: str) -> str:
        """Return what a command prints; its words are in the error where it fails."""
        done = self.call(*args)
        assert done.returncode == 0, f"podman {' '.join(args)}: {done.stderr or done.stdout}"
        return done.stdout

    def call(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run a command, whatever comes of it."""
        roots = [
            "--root",
            self._parts.storage_root,
            "--runroot",
            self._parts.storage_run_root,
            "--tmpdir",
            f"{_FOLDER}/tmp",
        ]
        program = f"{PROJECT}/build/{self.release}/usr/bin/podman"
        assert os.path.exists(program), f"{program} is missing: run .ci/podman"
        argv = [program, *roots, "--storage-driver", self._parts.storage_driver, *args]
        env = {**os.environ, "CONTAINERS_CONF": f"{_FOLDER}/containers.conf"}
        return subprocess.run(argv, check=False, capture_output=True, text=True, env=env)

    def rows(self, *args: str) -> list[dict[str, Any]]:
        """Return what a command lists with ``--format json``."""
        rows: list[dict[str, Any]] = json.loads(self.run(*args, "--format", "json") or "[]")
        return rows

    def remove(self) -> None:
        """Remove what podman keeps beside the images and the networks, once no conmon's cleanup makes it again."""
        for folder in self._host.cgroups.folders():
            if folder.endswith("/libpod_parent/conmon"):
                eventually(partial(_removed, folder))
        kernel.umount("/dev/shm")
        if os.path.ismount(_PACKAGED_CONF):
            kernel.umount(_PACKAGED_CONF)
        folders = (f"{self._parts.storage_root}/libpod", f"{self._parts.storage_root}/volumes", "/run/containers")
        for folder in (_FOLDER, self._parts.network_config_dir, *folders):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(f"{self._parts.storage_root}/secrets", ignore_errors=True)
        shutil.rmtree("/run/crun/.cache", ignore_errors=True)  # of compiled seccomp profiles
        for name in ("db.sql", "overlay-containers/volatile-containers.json"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self._parts.storage_root}/{name}")
        shutil.rmtree("/run/lock", ignore_errors=True)  # netavark's, for podman 5
        # netavark has a network on record for the engine of its last container, and for the other one still.
        shutil.rmtree(f"{self._parts.run_root}/netavark/firewall/networks", ignore_errors=True)
        for folder in ("/run/runc", "/run/crun", "/var/lib/cni/results"):
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def _removed(cgroup: str) -> bool:
    """Return whether the cgroup could be removed, whose last processes may just be ending."""
    try:
        os.rmdir(cgroup)
    except OSError:
        return False
    return True
