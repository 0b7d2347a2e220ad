# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod commit``, ``export``, ``import``, ``save``, ``load`` and ``cp``, by files and pipes as operators do."""

from __future__ import annotations

import functools
import json
import os
import pty
import shlex
import subprocess
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command as self_program
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.operator_command import libpod
from ansible_collections.libpod.engine.tests.support.process import PATIENCE, WAITING, in_background

RUNNING: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}


@pytest.fixture
def store_host() -> Iterator[Host]:
    """Yield a host whose images may change."""
    with Host() as made:
        yield made
        made.empty()


def _shell(host: Host, folder: Path, script: str) -> str:
    """Run a script, in which libpod is the command, and return its output; a part of a pipe that fails, fails it."""
    environment = {**os.environ, **host.parts.environment()}
    command = f'libpod() {{ {shlex.join(self_program.argv(host.parts))} "$@"; }}'
    argv = ["bash", "-euo", "pipefail", "-c", f"{command}; {script}"]
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    return done.stdout


def _config(host: Host, image: str) -> Any:
    (shown,) = json.loads(libpod(host, "image", "inspect", image).stdout)
    return shown


def test_commit_prints_the_image(store_host: Host, tmp_path: Path) -> None:
    host = store_host
    made = host.container("c", **RUNNING)["container"]
    libpod(host, "exec", "c", "sh", "-c", "echo kept >/www/new")
    flags = ("-a", "Someone", "-m", "why", "-c", "ENV A=1", "--change", 'CMD ["cat", "/www/new"]', "-p", "-q")
    image_id = libpod(host, "commit", *flags, "-i", "id", made["Id"][:9], "mine:2", folder=tmp_path).stdout.strip()
    shown = _config(host, "mine:2")
    assert shown["Id"] == image_id == (tmp_path / "id").read_text() and shown["Author"] == "Someone"
    assert shown["History"][-1]["comment"] == "why" and "A=1" in shown["Config"]["Env"]
    assert libpod(host, "run", "--rm", "--network=none", "mine:2").stdout == "kept\n"
    assert host.module("libpod_container_info", {"name": ["c"]})["containers"][0]["State"]["Running"]
    unnamed = libpod(host, "commit", "c").stdout.strip()
    assert _config(host, unnamed)["RepoTags"] == []
    assert libpod(host, "run", "--rm", "--network=none", unnamed, "cat", "/www/new").stdout == "kept\n"
    libpod(host, "rmi", "mine:2", unnamed)
    for words, said in (
        (("nobody",), "'nobody'"),
        (("c", "a b"), "no image reference"),
        (("-c", "RUN true", "c"), "'RUN true'"),
        (("-f", "docker", "c"), "--format"),
    ):
        refused = libpod(host, "commit", *words, code=125).stderr
        assert said in refused and refused.count("\n") == 1, refused


def test_exported_files_are_imported(store_host: Host, tmp_path: Path) -> None:
    host = store_host
    host.container("c", **RUNNING, volume=["/srv:/data"])
    libpod(host, "exec", "c", "sh", "-c", "echo kept >/www/new")
    libpod(host, "export", "-o", "file.tar", "c", folder=tmp_path)
    assert (tmp_path / "file.tar").stat().st_mode & 0o777 == 0o600
    _shell(host, tmp_path, "libpod export c >piped.tar; libpod export c >>appended.tar")
    names = _shell(host, tmp_path, "tar tf file.tar; cmp file.tar piped.tar; cmp file.tar appended.tar").split("\n")
    assert "www/new" in names and "data/" in names
    first = libpod(host, "import", "-m", "why", "-c", "CMD cat /www/new", "file.tar", "mine", folder=tmp_path)
    assert libpod(host, "run", "--rm", "--network=none", "mine").stdout == "kept\n"
    assert (_config(host, "mine")["Id"], _config(host, "mine")["Comment"]) == (first.stdout.strip(), "why")
    piped = _shell(host, tmp_path, "gzip <file.tar | libpod import - ").strip()
    assert _config(host, piped)["RepoTags"] == []
    libpod(host, "rmi", "mine", piped)
    assert "standard input: " in libpod(host, "import", "-", input="no archive", code=125).stderr
    assert "a URL" in libpod(host, "import", "https://example.com/a.tar", code=125).stderr
    assert not os.listdir(f"{host.parts.static_root}/images")


def test_saved_images_are_loaded(store_host: Host, tmp_path: Path) -> None:
    host = store_host
    known = _config(host, "busybox")["Id"]
    libpod(host, "save", "-q", "-o", "both.tar", "busybox", "configured", folder=tmp_path)
    _shell(host, tmp_path, "libpod image save --format oci-archive busybox | gzip >one.tar.gz")
    libpod(host, "save", "--format", "oci-dir", "-o", "layout", "busybox", folder=tmp_path)
    assert (tmp_path / "layout/index.json").exists()
    libpod(host, "rmi", "busybox", "configured")
    loaded = libpod(host, "load", "-i", "both.tar", folder=tmp_path).stdout
    assert loaded == "Loaded image: localhost/busybox:latest\nLoaded image: localhost/configured:latest\n"
    assert _config(host, "busybox")["Id"] == known
    libpod(host, "rmi", "busybox")
    assert _shell(host, tmp_path, "libpod load <one.tar.gz") == "Loaded image: localhost/busybox:latest\n"
    assert _shell(host, tmp_path, "cat both.tar | libpod image load -q") == loaded
    for words, said in (
        (("save", "nobody"), "'nobody'"),
        (("save", "--format", "docker-dir", "busybox"), "needs --output"),
        (("load", "-i", "layout"), "layout cannot be read: Is a directory"),
        (("load",), "standard input: "),
    ):
        done = libpod(host, *words, code=125, folder=tmp_path)
        assert done.stdout == "" and said in done.stderr and done.stderr.count("\n") == 1, done
    assert not os.listdir(f"{host.parts.static_root}/images")


def test_archive_out_of_a_container_does_not_keep_its_reader_out(host: Host) -> None:
    host.container("c", **RUNNING)
    libpod(host, "exec", "c", "dd", "if=/dev/zero", "of=/big", "bs=1M", "count=2")
    engine, environment = self_program.argv(host.parts), {**os.environ, **host.parts.environment()}
    with in_background([*engine, "cp", "c:/big", "-"], env=environment, stdout=subprocess.PIPE) as packing:
        assert packing.stdout is not None
        begun = packing.stdout.read(1)  # the pipe does not hold the rest
        argv = [*engine, "exec", "-i", "c", "true"]
        assert subprocess.run(argv, env=environment, check=False, timeout=60 * PATIENCE).returncode == 0
        assert not host.container("c", state="stopped").failed
        assert len(begun + packing.stdout.read()) > 2 << 20 and packing.wait() == 0


def test_archives_are_kept_from_a_terminal(host: Host) -> None:
    host.container("c", **RUNNING, state="created")
    controller, terminal = pty.openpty()
    run = functools.partial(
        subprocess.run,
        env={**os.environ, **host.parts.environment()},
        stdin=terminal,
        stdout=terminal,
        stderr=subprocess.PIPE,
        check=False,
        text=True,
    )
    for words in (["export", "c"], ["save", "busybox"], ["load"], ["import", "-"]):
        done = run([*self_program.argv(host.parts), *words])
        assert done.returncode == 125 and "terminal: redirect standard" in done.stderr, done
    for descriptor in (controller, terminal):
        os.close(descriptor)


def test_volume_is_exported_and_imported(host: Host, tmp_path: Path) -> None:
    for name in ("from", "to"):
        libpod(host, "volume", "create", name)
    run = ("run", "--rm", "--network=none", "-v", "from:/from", "-v", "to:/to", "busybox", "sh", "-c")
    libpod(host, *run, "echo one >/from/file; ln -s file /from/link; echo kept >/to/other")
    engine = shlex.join(self_program.argv(host.parts))
    environment = {**os.environ, **host.parts.environment()}
    piped = f"{engine} volume export from | {engine} volume import to"
    subprocess.run(["sh", "-ec", piped], check=True, env=environment)
    assert libpod(host, *run, "cat /to/link /to/other").stdout == "one\nkept\n"
    libpod(host, "volume", "export", "--output", "v.tar", "from", folder=tmp_path)
    libpod(host, *run, "rm /to/file")
    libpod(host, "volume", "import", "to", "v.tar", folder=tmp_path)
    assert libpod(host, *run, "cat /to/file").stdout == "one\n"
    for words, input, said in (
        (("export", "none"), "", "no volume has the name 'none'"),
        (("import", "none"), "x", "no volume has the name 'none'"),
        (("import", "to"), "x" * 2000, "standard input"),
        (("import", "to", "/srv/none.tar"), "", "/srv/none.tar"),
    ):
        refused = libpod(host, "volume", *words, input=input, code=125).stderr
        assert said in refused and refused.count("\n") == 1, refused
    libpod(host, "volume", "rm", "from", "to")
