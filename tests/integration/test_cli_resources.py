# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's command on images, volumes, networks, secrets and pods, and on the host."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command as self_program
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.operator_command import libpod, rows
from ansible_collections.libpod.engine.tests.support.process import WAITING, in_background
from ansible_collections.libpod.engine.tests.support.registry import APP, HTTP, Registry

RUNNING: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}
NAME = "localhost/busybox:latest"


@pytest.fixture
def store_host() -> Iterator[Host]:
    """Yield a host whose images may change."""
    with Host() as made:
        yield made
        made.empty()


def test_images_are_listed_named_and_removed(store_host: Host) -> None:
    host = store_host
    (image,) = json.loads(libpod(host, "image", "inspect", "busybox").stdout)
    heading, *lines = rows(libpod(host, "images").stdout)
    assert heading == ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"]
    assert [line[:3] for line in lines if line[0] == NAME[:-7]] == [[NAME[:-7], "latest", image["Id"][:12]]]
    assert libpod(host, "images", "-q", "--no-trunc", "busybox").stdout == f"sha256:{image['Id']}\n"
    libpod(host, "tag", "busybox", "mine", "quay.io/team/web:2")
    named = libpod(host, "images", "--format", "{{.Repository}}:{{.Tag}}", "-f", "reference=*mine*").stdout
    assert named == "localhost/mine:latest\n"
    libpod(host, "untag", "busybox", "quay.io/team/web:2")
    assert "does not have" in libpod(host, "untag", "busybox", "quay.io/team/web:2", code=125).stderr
    assert "has the names" in libpod(host, "rmi", image["Id"], code=125).stderr
    host.container("a", **RUNNING, state="created")
    assert libpod(host, "rmi", "mine").stdout == "Untagged: localhost/mine:latest\n"
    assert "used by a" in libpod(host, "rmi", "busybox", code=2).stderr
    (listed,) = (one for one in json.loads(libpod(host, "images", "--format=json").stdout) if one["Id"] == image["Id"])
    assert (listed["Containers"], listed["Names"]) == (1, [NAME])
    assert libpod(host, "rmi", "-f", "busybox").stdout == f"Untagged: {NAME}\nDeleted: {image['Id']}\n"
    assert libpod(host, "ps", "-aq").stdout == ""
    assert "not in the store" in libpod(host, "rmi", "busybox", code=1).stderr
    assert libpod(host, "image", "rm", "--ignore", "busybox").stdout == ""
    libpod(host, "image", "exists", "busybox", code=1)


def test_images_are_pulled_and_pushed(store_host: Host, tmp_path: Path) -> None:
    host = store_host
    registry = Registry(host, HTTP)
    (image,) = json.loads(libpod(host, "image", "inspect", "busybox").stdout)
    digest = tmp_path / "digest"
    libpod(host, "push", "-q", "--tls-verify=false", "--digestfile", str(digest), "busybox", APP)
    assert digest.read_text().startswith("sha256:")
    libpod(host, "rmi", "busybox")
    pulled = libpod(host, "pull", "--tls-verify=false", APP)
    assert (pulled.stdout, pulled.stderr) == (f"{image['Id']}\n", f"Pulling {APP} ...\n")
    missing = libpod(host, "pull", "-q", "--tls-verify=false", APP[:-1] + "9", code=125)
    assert missing.stdout == "" and missing.stderr.count("\n") == 1
    libpod(host, "rmi", "-f", APP)
    for quiet in (False, True):
        output, seen = _on_terminal(host, "pull", *(["-q"] if quiet else []), "--tls-verify=false", APP)
        assert output == f"{image['Id']}\n" and ("Copying blob" in seen) is not quiet, seen
        assert quiet is (seen == ""), seen
    libpod(host, "push", "-q", APP, f"oci-archive:{tmp_path}/web.tar")
    assert (tmp_path / "web.tar").stat().st_size > 1000
    libpod(host, "rmi", APP)
    registry.remove()


def _on_terminal(host: Host, *args: str) -> tuple[str, str]:
    """Run the command with a terminal as its standard error; return its standard output and what the terminal got."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    argv, environment = [*self_program.argv(host.parts), *args], {**os.environ, **host.parts.environment()}
    with in_background(argv, env=environment, stdout=subprocess.PIPE, stderr=terminal) as command:
        os.close(terminal)
        seen = b""
        with contextlib.suppress(OSError):  # EIO: nothing has the terminal open any more
            while data := os.read(controller, 1 << 16):
                seen += data
        os.close(controller)
        assert command.stdout and command.wait() == 0, seen
        return command.stdout.read().decode(), seen.decode()


def test_volumes_networks_and_secrets(host: Host) -> None:
    for name in ("data", "spare"):
        host.module("libpod_volume", {"name": name, "label": {"tier": name}})
    host.module("libpod_secret", {"name": "key", "data": "canary-4711"})
    host.module("libpod_network", {"name": "inner"})
    host.container("a", **{**RUNNING, "network": "inner", "volume": ["data:/data"], "secrets": ["key"]})
    assert libpod(host, "volume", "ls", "-q", "-f", "label=tier=spare").stdout == "spare\n"
    used = ("volume", "ls", "-n", "-f", "dangling=false", "--format", "table {{.Name}}\t{{.Containers}}")
    assert libpod(host, *used).stdout == "data   a\n"
    assert libpod(host, "volume", "inspect", "-f", "{{.Labels.tier}}", "data").stdout == "data\n"
    assert "a uses it" in libpod(host, "volume", "rm", "data", code=2).stderr
    assert "no volume" in libpod(host, "volume", "rm", "nobody", code=1).stderr
    assert libpod(host, "volume", "rm", "spare").stdout == "spare\n"
    libpod(host, "volume", "exists", "spare", code=1)
    assert "inner" in libpod(host, "network", "ls", "-q", "--filter", "name=^inn").stdout
    assert "in use" in libpod(host, "network", "rm", "inner", code=2).stderr
    assert "is not defined" in libpod(host, "network", "rm", "nobody", code=1).stderr
    assert libpod(host, "network", "rm", "-f", "inner").stdout == "inner\n"
    assert libpod(host, "ps", "-aq").stdout == ""
    secret = libpod(host, "secret", "inspect", "key").stdout
    assert json.loads(secret)[0]["Spec"]["Name"] == "key" and "canary" not in secret
    assert rows(libpod(host, "secret", "ls").stdout)[1][1:3] == ["key", "file"]
    assert libpod(host, "secret", "rm", "key").stdout == "key\n"
    assert "no secret" in libpod(host, "secret", "rm", "key", code=125).stderr
    assert libpod(host, "volume", "rm", "--all").stdout == "data\n"


def test_pods_change_with_their_containers(host: Host) -> None:
    made = host.module("libpod_pod", {"name": "p", "state": "started", "label": {"a": "b"}})["pod"]
    host.container("c", **{**RUNNING, "network": None, "pod": "p"})
    heading, line = rows(libpod(host, "pod", "ps").stdout)
    assert heading[0] == "POD ID" and line[:3] == [made["Id"][:12], "p", "Running"] and line[-1] == "2"
    assert libpod(host, "pod", "pause", "p").stdout == made["Id"] + "\n"
    assert libpod(host, "pod", "ls", "--format", "{{.Status}} {{.ContainerNames}}").stdout.startswith("Paused ")
    libpod(host, "pod", "unpause", "--all")
    libpod(host, "pod", "stop", made["Id"][:9])
    assert libpod(host, "pod", "inspect", "-f", "{{.State}}", "p").stdout == "Exited\n"
    assert libpod(host, "ps", "-q").stdout == ""
    assert "--force" in libpod(host, "pod", "rm", "p", code=125).stderr
    libpod(host, "pod", "exists", "p")
    assert libpod(host, "pod", "rm", "-f", "p").stdout == made["Id"] + "\n"
    assert "'p'" in libpod(host, "pod", "rm", "p", code=1).stderr
    assert libpod(host, "ps", "-aq").stdout == ""


def test_info_and_version_describe_host_and_engine(host: Host) -> None:
    host.container("a", **RUNNING)
    known = json.loads(libpod(host, "info", "--format", "json").stdout)
    assert known["store"]["containerStore"] == {"number": 1, "paused": 0, "running": 1, "stopped": 0}
    assert known["store"]["staticRoot"] == host.parts.static_root and known["host"]["memTotal"] > 1 << 20
    assert libpod(host, "info").stdout.startswith("host:\n  arch: ")
    written = "{{.Host.NetworkBackend}} {{.Host.OCIRuntime.Name}} {{.Host.CgroupsVersion}} {{.Store.GraphRoot}}"
    expected = [known["host"][key] for key in ("networkBackend", "ociRuntime", "cgroupVersion")]
    expected[1] = expected[1]["name"]
    assert libpod(host, "info", "--format", written).stdout.split() == [*expected, known["store"]["graphRoot"]]
    version = libpod(host, "version", "--format", "{{.Version}}").stdout
    assert libpod(host, "--version").stdout.endswith(f"version {version}")
