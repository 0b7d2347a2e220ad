# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test host: namespaces, a cgroup tree, /run, /var/lib, /etc and roots of its own, entered by the test's process."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from functools import partial
from typing import Any, Callable, Iterator, Mapping, Optional, Sequence

from ansible_collections.libpod.engine.plugins.module_utils._cli.main import main
from ansible_collections.libpod.engine.plugins.module_utils._drivers.seccomp_profiles import DEFAULT_PROFILES
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import ContainerRemoved, NoSuchContainer
from ansible_collections.libpod.engine.plugins.module_utils._runtime.inspect import inspect
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime

from . import cgroup_tree, debian, images, kept_engine, kernel, leaks, modules, playbooks
from .process import PATIENCE

OUTSIDE = "192.0.2.2"  # the neighbour's address; the host has .1
NETWORK = "libpod"  # the CNI network every test host defines, the role's
BRIDGE = "cni-libpod0"
PACKAGED_FILTER = DEFAULT_PROFILES[-1]
OCI_RUNTIME = os.environ.get("LIBPOD_TEST_OCI_RUNTIME", "runc")
# A directory of .ci/netavark's with the netavark, aardvark-dns and nft of another Debian, in place of the machine's.
NETAVARK = os.environ.get("LIBPOD_TEST_NETAVARK", "")
_PACKAGES, _HOST_PACKAGES = "/usr/lib/python3/dist-packages", f"{sys.prefix}/host-packages"
_numbers = itertools.count(1)


class Host:
    """One test host; ``with Host(): …`` enters it, and everything started inside ends with it.

    ``parts`` are its roots, ``arguments`` the same as module options, ``layout`` an OCI layout of images to pull from;
    the store has them already as ``localhost/TAG:latest`` (tags of tests/make_image.py).
    ``keeps_compiled_zips`` is for the machine's Python (see compiled_zips.py), and not for a measurement.
    ``filters_natively`` replaces the packaged seccomp profile (see that method), and is not for a measurement either.
    ``unified=False`` hides a hybrid host's cgroup2 mount, beside which crun does not run: the default with crun.
    ``network_backend`` and ``oci_runtime`` are as the modules' options.
    """

    keeps_compiled_zips = filters_natively = True

    def __init__(
        self, *, unified: Optional[bool] = None, network_backend: str = "cni", oci_runtime: str = OCI_RUNTIME
    ) -> None:
        self.layout = images.layout()
        self.parts = EngineConfig(
            static_root=kept_engine.STATIC_ROOT,
            run_root="/srv/run",
            storage_root="/srv/storage",
            storage_run_root="/srv/storage-run",
            storage_driver="overlay",
            cni_config_dir="/srv/cni",
            cgroup_manager="cgroupfs",
            network_backend=network_backend,
            network_config_dir="/srv/networks",
            oci_runtime=oci_runtime,
        )
        shown = oci_runtime != "crun" if unified is None else unified
        self.cgroups = cgroup_tree.CgroupTree(f"libpod-test-{os.getpid()}-{next(_numbers)}", unified=shown)
        self._home: Optional[kernel.Namespaces] = None
        self._clean: leaks.Snapshot = {}

    @property
    def arguments(self) -> dict[str, Any]:
        """The roots and parts as module options."""
        names = ("static_root", "run_root", "storage_root", "storage_run_root", "storage_driver", "cni_config_dir")
        more = ("network_backend", "network_config_dir", "cgroup_manager", "oci_runtime")
        return {name: getattr(self.parts, name) for name in (*names, *more)}

    def __enter__(self) -> Host:
        cgroup_tree.clear_abandoned()
        self._home = kernel.Namespaces()
        try:
            self.cgroups.join()
            kernel.unshare(kernel.NEWNS | kernel.NEWNET | kernel.NEWUTS | kernel.NEWCGROUP)
            self._mount()
            self._connect()
            self._clean = leaks.snapshot(self)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_reason: object) -> None:
        """Kill what still runs and go home; mounts and interfaces end with the namespaces."""
        assert self._home is not None
        self._home.enter()
        self._home.close()
        self.cgroups.leave()

    def _mount(self) -> None:
        kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
        self.cgroups.show()
        for folder in ("/run", "/var/lib", "/srv"):
            kernel.mount("test-host", folder, "tmpfs", options="mode=755")
        os.makedirs("/run/libpod-test/etc/upper")
        os.makedirs("/run/libpod-test/etc/work")
        layers = "lowerdir=/etc,upperdir=/run/libpod-test/etc/upper,workdir=/run/libpod-test/etc/work"
        kernel.mount("test-host", "/etc", "overlay", options=layers)
        for name, folder in (("podman", "/usr/lib/podman"), ("sbin", "/usr/local/sbin")) if NETAVARK else ():
            kernel.mount(f"{NETAVARK}/{name}", folder, flags=kernel.MS_BIND)
        if self.filters_natively:
            self.filter_natively()
        if self.keeps_compiled_zips and os.path.isdir(_HOST_PACKAGES):  # not in a venv of nox's
            self._keep_compiled_zips()
        # `ip netns` shares this folder at its first use; done here, it is no difference between before and after.
        os.mkdir("/run/netns")
        store = images.template(self.layout)
        subprocess.run(["cp", "-a", f"{store}/storage", f"{store}/storage-run", "/srv"], check=True)
        os.mkdir("/srv/cni")
        with open(f"/srv/cni/87-{NETWORK}.conflist", "w", encoding="utf-8") as file:
            json.dump(network(), file, indent=1)

    def _keep_compiled_zips(self) -> None:
        """Show what .ci/env made for that among the packages of the machine's Python."""
        os.mkdir("/run/libpod-test/python")
        kernel.mount(_HOST_PACKAGES, "/run/libpod-test/python", flags=kernel.MS_BIND)
        layers = f"lowerdir=/run/libpod-test/python:{_PACKAGES}"
        kernel.mount("test-host", _PACKAGES, "overlay", options=layers)

    def filter_natively(self) -> None:
        """Leave the packaged seccomp profile its rules, but of the architectures only the machine's own.

        No program of the tests has another one. The filter's code for 32 bits is half the CPU time of a start by runc.
        """
        with open("/run/libpod-test/seccomp.json", "w", encoding="utf-8") as file:
            file.write(_native_filter())
        kernel.mount("/run/libpod-test/seccomp.json", PACKAGED_FILTER, flags=kernel.MS_BIND)

    def _connect(self) -> None:
        lines = "link set lo up\nlink add outside0 type bridge\nlink set outside0 up\n"
        lines += "addr add 198.51.100.1/24 dev outside0\nroute add default dev outside0\n"
        self.run("ip", "-batch", "-", input=lines)

    @contextlib.contextmanager
    def neighbour(self) -> Iterator[Sequence[str]]:
        """Connect a second machine, 192.0.2.2 to the host's 192.0.2.1; yield the command prefix that runs there."""
        holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        try:
            while os.stat(f"/proc/{holder.pid}/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino:
                os.sched_yield()
            there = ["nsenter", f"--net=/proc/{holder.pid}/ns/net", "--"]
            self.run("ip", "link", "add", "near0", "type", "veth", "peer", "name", "far0", "netns", str(holder.pid))
            self.run("ip", "-batch", "-", input="addr add 192.0.2.1/24 dev near0\nlink set near0 up\n")
            lines = (
                f"addr add {OUTSIDE}/24 dev far0\nlink set lo up\nlink set far0 up\nroute add default via 192.0.2.1\n"
            )
            self.run(*there, "ip", "-batch", "-", input=lines)
            yield there
        finally:
            with contextlib.suppress(AssertionError):
                self.run("ip", "link", "del", "near0")
            holder.kill()
            holder.wait()

    def run(self, *argv: str, input: Optional[str] = None) -> str:
        """Run a command in the test host and return what it printed; its words are in the error where it fails."""
        done = subprocess.run(argv, check=False, input=input, capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr or done.stdout}")
        return done.stdout

    def store(self, *verb: str) -> str:
        """Run a containers-storage command on the host's store."""
        return self.run(*images.store_arguments(self.parts.storage_root, self.parts.storage_run_root), *verb)

    def debian(self, *, copy: bool = False) -> str:
        """Have the Debian image in the store and return its name; the leak check takes it for the host's own.

        ``copy`` as for ``debian.add``: for a container with a user namespace.
        """
        assert self._home is not None
        # Made at the first call, from Debian's mirrors, which the test host does not reach.
        self.run(*self._home.command("mnt", "net"), sys.executable, debian.__file__)
        before = leaks.snapshot(self)
        name = debian.add(self.parts.storage_root, self.parts.storage_run_root, copy=copy)
        after = leaks.snapshot(self)
        for subject in ("files", "storage"):
            self._clean[subject] |= after[subject] - before[subject]
        return name

    def module(self, name: str, args: Optional[dict[str, Any]] = None, **how: Any) -> modules.Result:
        """Run a module in a process of its own with the host's roots; ``how`` as for ``modules.run``."""
        return modules.run(name, {**self.arguments, **(args or {})}, **how)

    def container(
        self,
        name: str,
        *,
        check: bool = False,
        diff: bool = False,
        prepare: Optional[Callable[[], None]] = None,
        **options: Any,
    ) -> modules.Result:
        """``libpod_container`` for one container."""
        return self.module("libpod_container", {"name": name, **options}, check=check, diff=diff, prepare=prepare)

    def inspected(self, *names: str) -> list[dict[str, Any]]:
        """Return these containers, or all, as ``libpod_container_info`` does, but without a process for it."""
        runtime, found = Runtime(self.parts), list[dict[str, Any]]()
        for one in map(runtime.container, names) if names else runtime.containers():
            with contextlib.suppress(NoSuchContainer, ContainerRemoved):
                found.append({**inspect(one.peek())})
        return found

    def play(self, tasks: Sequence[dict[str, Any]], *, sends: bool = False, **how: Any) -> playbooks.Played:
        """Run tasks with ansible-playbook, the roots given by module_defaults; ``how`` as for ``playbooks.play``.

        The host has the engine before, but in check mode, which keeps none, or where ``sends`` leaves it to the tasks.
        """
        if not (sends or how.get("check")):
            kept_engine.install(self.parts.static_root)
        return playbooks.play(tasks, defaults=self.arguments, **how)

    def leaks(self) -> list[str]:
        """Return what differs from the fresh host, one line each, without what may stay.

        An exit command, or what follows an adopted container, may still run for a moment. A killed process, which has
        no command line, may still be there. So may a veth link, which the kernel removes some time after the namespace
        of its peer.
        """
        deadline = time.monotonic() + 20.0 * PATIENCE
        while True:
            left = leaks.difference(self._clean, leaks.snapshot(self))
            going = [
                line
                for line in left
                if re.fullmatch(r"left over: (process \d+ (.* (exit|adopted) .*)?|link veth\w+ veth)", line)
            ]
            if not going or time.monotonic() > deadline:
                return left
            time.sleep(0.02)

    def expect_clean(self) -> None:
        """Assert that the removals so far left nothing."""
        left = self.leaks()
        assert not left, "the removal left:\n  " + "\n  ".join(left)

    def empty(self) -> None:
        """Remove every container through the engine, dependants included."""
        if not os.path.isdir(self.parts.static_root):
            return
        containers = self.inspected()
        # Their removal would wait until it kills them, ten seconds for most.
        if deaf := [one["Id"] for one in containers if _ignores_stop(one)]:
            modules.in_child(partial(self._stop_at_once, deaf))
        for one in containers:
            gone = self.container(one["Name"], state="absent", delete_depend=True, delete_volumes=True)
            assert not gone.failed, gone

    def _stop_at_once(self, containers: Sequence[str]) -> None:
        os.environ.update(self.parts.environment())
        raise SystemExit(main(["stop", "--time", "0", *containers]))

    def reboot(self) -> None:
        """Reboot the host: processes, network, mounts and run roots go, and the boot ID changes."""
        self.cgroups.thaw()
        while found := self.cgroups.processes():
            # conmon may have started the exit command.
            cgroup_tree.kill(found)
        run_roots = (self.parts.run_root, self.parts.storage_run_root)
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            points = [line.split()[4] for line in file]
        for point in reversed([one for one in points if one.startswith(("/srv/", "/run/", "/var/lib/"))]):
            # What the machine has mounted there lies hidden under our own.
            if os.path.lexists(point):
                kernel.umount(point)
        for folder in sorted(self.cgroups.folders(), reverse=True):
            if not folder.endswith("/init"):
                os.rmdir(folder)
        self.run("rm", "-rf", *run_roots, "/run/netns")
        os.mkdir("/run/netns")
        kernel.unshare(kernel.NEWNET)
        self._connect()
        with open("/run/libpod-test/boot_id", "w", encoding="ascii") as file:
            file.write(f"{uuid.uuid4()}\n")
        kernel.mount("/run/libpod-test/boot_id", "/proc/sys/kernel/random/boot_id", flags=kernel.MS_BIND)


@functools.cache
def _native_filter() -> str:
    with open(PACKAGED_FILTER, encoding="utf-8") as file:
        profile = json.load(file)
    for entry in profile["archMap"]:
        entry["subArchitectures"] = []
    return json.dumps(profile)


def _ignores_stop(one: Mapping[str, Any]) -> bool:
    """Return whether an inspected container runs, and its first process has no handler of SIGTERM, which stops it."""
    if one["State"]["Status"] != "running" or one["Config"]["StopSignal"] != signal.SIGTERM:
        return False
    try:
        with open(f"/proc/{one['State']['Pid']}/status", encoding="utf-8", errors="replace") as file:
            (caught,) = [int(line.split()[1], 16) for line in file if line.startswith("SigCgt:")]
    except (OSError, ValueError):
        return False  # it has just ended
    return not caught >> (signal.SIGTERM - 1) & 1


def network(name: str = NETWORK, bridge: str = BRIDGE, subnet: str = "10.87") -> dict[str, Any]:
    """Return the role's default network, with this name, bridge and first two bytes of the subnet."""
    with open(f"{images.PROJECT}/roles/libpod_host/files/87-libpod.conflist", encoding="utf-8") as file:
        text = file.read()
    found: dict[str, Any] = json.loads(text.replace(BRIDGE, bridge).replace("10.87", subnet))
    return {**found, "name": name}
