# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command is checked against the image's files: only one that no mount can provide is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._model.options.mounts import volumes
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._model.records.image_config import ImageConfig
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.desired import Desired
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.preflight.image import _check

IMAGE: Any = {"Env": ["PATH=/usr/bin:/opt/bin:"], "WorkingDir": "/srv", "Entrypoint": ["run"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("usr/bin", "opt", "srv", "data", "etc"):
        (tmp_path / folder).mkdir(parents=True)
    for file, mode in (("usr/bin/run", 0o755), ("usr/bin/text", 0o644), ("srv/here", 0o700), ("etc/passwd", 0o644)):
        (tmp_path / file).write_text("")
        (tmp_path / file).chmod(mode)
    for link, target in (
        ("bin", "usr/bin"),
        ("opt/bin", "/data/bin"),
        ("usr/bin/away", "/data/away"),
        ("loop", "loop"),
        ("away", "/proc/self/root/etc"),
    ):
        (tmp_path / link).symlink_to(target)
    return tmp_path


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"command": ["--flag"]},
        {"entrypoint": ["/bin/run"]},
        {"entrypoint": ["/usr/../bin/run"]},
        {"entrypoint": ["./here"]},
        {"entrypoint": ["../srv/here"]},
        {"entrypoint": ["here"], "env": {"PATH": "/srv"}},
        {"entrypoint": ["/data/tool"], "volume": ["/host:/data"]},
        {"entrypoint": ["away"], "volume": ["/host:/data"]},
        {"entrypoint": ["tool"], "mount": ["type=bind,source=/host,target=/data/bin"]},
        {"entrypoint": ["tool"], "volume": ["/host/tool:/opt/bin/tool"]},
        {"entrypoint": ["/tmp/tool"]},
        {"entrypoint": ["nothing"], "init": True},
        {"entrypoint": ["nothing"], "hooks_dir": ["/hooks"]},
        {"entrypoint": ["text"], "annotation": {"run.oci.handler": "wasm"}},
        {"workdir": "/new/one"},
        {"workdir": "/opt/bin", "mount": ["type=bind,source=/etc,target=/opt"], "entrypoint": ["/bin/run"]},
        {"tmpfs": {"/usr/bin": "exec"}},
        {"volume": ["new:/usr/bin", "/etc/passwd:/etc/passwd", "/etc:/data", "/etc:/data/not/there"]},
    ],
)
def test_command_that_a_mount_may_provide_is_accepted(root: Path, options: dict[str, Any]) -> None:
    _check(Desired("web", options=normalise(options)), IMAGE, str(root))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"entrypoint": ["nothing"]}, "container web has no program 'nothing' in its PATH"),
        ({"entrypoint": ["here"]}, "no program 'here' in its PATH"),
        ({"entrypoint": ["run"], "env": {"PATH": ""}}, "no program 'run' in its PATH"),
        ({"entrypoint": ["run"], "unsetenv_all": True}, "no program 'run' in its PATH"),
        ({"entrypoint": ["away"]}, "no program 'away'"),
        ({"entrypoint": ["/etc/passwd/run"]}, "no program '/etc/passwd/run'"),
        ({"entrypoint": ["/loop"]}, "no program '/loop'"),
        ({"entrypoint": ["tool"], "volume": ["/host:/database"]}, "no program 'tool'"),
        ({"entrypoint": ["text"]}, "text in the image of container web is not executable: permission denied"),
        ({"entrypoint": ["/srv"]}, "permission denied"),
        ({"workdir": "/etc/passwd"}, "workdir: /etc/passwd is not a directory"),
        ({"user": "nobody"}, "no user 'nobody'"),
        ({"group_add": ["wheel"]}, "no group 'wheel'"),
        ({"volume": ["/etc:/loop/x"]}, "volume: /loop/x cannot be a mount point in container web: Too many levels"),
        ({"volume": ["new:/away"]}, "/away of container web leads to /proc/self/root/etc, and nothing can"),
        ({"tmpfs": {"/away/x": ""}}, "tmpfs: /away/x of container web leads to /proc/self/root/etc/x"),
        ({"tmpfs": {"/bin": "exec,notmpcopyup"}}, "a mount hides 'run' in container web"),
    ],
)
def test_command_that_cannot_run_is_refused(root: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        _check(Desired("web", options=normalise(options)), IMAGE, str(root))
    assert message in str(refused.value)


def test_relative_working_directory_of_the_image(root: Path) -> None:
    image: ImageConfig = {**IMAGE, "WorkingDir": "srv"}
    with pytest.raises(InvalidArgument, match="'srv', which is not an absolute path: give workdir"):
        _check(Desired("web", options=normalise({})), image, str(root))
    _check(Desired("web", options=normalise({"workdir": "/srv"})), image, str(root))


def test_mounts_of_the_image_and_volumes_from_are_checked(root: Path) -> None:
    """Borrowed volumes hide or provide a program as the container's own do."""
    lent = root / "lent"
    lent.mkdir()
    (lent / "tool").write_text("")
    (lent / "tool").chmod(0o755)
    plain, ignored = (Desired("web", options=normalise(one)) for one in ({}, {"image_volume": "ignore"}))
    for target, message in (
        ("/etc/passwd", "/etc/passwd of container web is a file, and a directory is to be mounted there"),
        ("/loop/x", "/loop/x cannot be a mount point in container web: Too many levels"),
    ):
        declared: ImageConfig = {**IMAGE, "Volumes": {target: {}}}
        with pytest.raises(InvalidArgument) as refused:
            _check(plain, declared, str(root))
        assert f"image_volume: {message}" in str(refused.value) and "set image_volume to ignore" in str(refused.value)
        _check(ignored, declared, str(root))
        with pytest.raises(InvalidArgument) as refused:
            _check(plain, IMAGE, str(root), "", [volumes.bare("volume", "lent", target)])
        assert f"volumes_from: {message}" in str(refused.value)
    over = volumes.bare("bind", str(lent), "/usr/bin")
    _check(Desired("web", options=normalise({"entrypoint": ["tool"]})), IMAGE, str(root), "", [over])
    with pytest.raises(InvalidArgument, match="a mount hides 'run' in container web"):
        _check(plain, IMAGE, str(root), "", [over])
    _check(plain, {**IMAGE, "Volumes": {"/usr/bin": {}, "relative": {}}}, str(root))
    hiding = Desired("web", options=normalise({"image_volume": "tmpfs"}))
    with pytest.raises(InvalidArgument, match="a mount hides 'run' in container web"):
        _check(hiding, {**IMAGE, "Volumes": {"/usr/bin": {}}}, str(root))
