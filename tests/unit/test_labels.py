# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux's labels of containers, the policy's contexts that they are made of, and the labels of files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel import selinux
from ansible_collections.libpod.engine.plugins.module_utils._model.options.syntax.modes import security
from ansible_collections.libpod.engine.plugins.module_utils._spec import labels as model
from ansible_collections.libpod.engine.tests.support import kernel
from ansible_collections.libpod.engine.tests.support.trees import nest

DATA = Path(__file__).parent / "data"
# As Debian 12's selinux-policy-default has them, and container-selinux those of systemd.
CONTEXTS = {
    "process": "system_u:system_r:container_t:s0",
    "file": "system_u:object_r:container_file_t:s0",
    "init_process": "system_u:system_r:container_init_t:s0",
}
OTHER = "staff_u:staff_r:other_t:s0:c7,c8"


@pytest.fixture
def contexts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(selinux, "_CONFIG", f"{DATA}/selinux/config")
    monkeypatch.setattr(selinux, "_CONTEXTS", ("/nowhere", f"{DATA}/selinux/{{policy}}/lxc_contexts"))
    yield


@pytest.mark.usefixtures("contexts")
def test_contexts_are_those_of_the_policy() -> None:
    found = selinux.contexts()
    assert found["process"] == CONTEXTS["process"] and found["file"] == CONTEXTS["file"]
    assert found["ro_file"] == "system_u:object_r:container_ro_file_t:s0"
    assert "# comment" not in found and "init_process" not in found


def test_policy_without_containers_has_no_labels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(selinux, "_CONFIG", f"{tmp_path}/config")
    monkeypatch.setattr(selinux, "_CONTEXTS", (f"{tmp_path}/contexts", f"{tmp_path}/{{policy}}"))
    assert selinux.contexts() == {}
    assert model.labels(security(["label=type:x_t"], "s"), {}, "s0:c1,c2") == ("", "")


@pytest.mark.parametrize(
    ("words", "more", "process", "file"),
    [
        ((), {}, "system_u:system_r:container_t:s0:c1,c2", "system_u:object_r:container_file_t:s0:c1,c2"),
        (("type:x_t",), {}, "system_u:system_r:x_t:s0:c1,c2", "system_u:object_r:container_file_t:s0:c1,c2"),
        (
            ("level:s0:c5", "user:staff_u", "role:staff_r", "filetype:y_t"),
            {},
            "staff_u:staff_r:container_t:s0:c5",
            "staff_u:object_r:y_t:s0:c5",
        ),
        (
            (),
            {"init": True},
            "system_u:system_r:container_init_t:s0:c1,c2",
            "system_u:object_r:container_file_t:s0:c1,c2",
        ),
        (
            ("type:x_t",),
            {"init": True},
            "system_u:system_r:x_t:s0:c1,c2",
            "system_u:object_r:container_file_t:s0:c1,c2",
        ),
        (("type:x_t",), {"joined": OTHER}, OTHER, "staff_u:object_r:container_file_t:s0:c7,c8"),
        (("disable",), {}, "", "system_u:object_r:container_file_t:s0:c1022,c1023"),
        (("type:x_t",), {"disabled": True}, "", "system_u:object_r:container_file_t:s0:c1022,c1023"),
    ],
)
def test_labels_are_those_of_opencontainers_selinux(
    words: tuple[str, ...], more: dict[str, object], process: str, file: str
) -> None:
    options = security([f"label={word}" for word in words], "security_opt")
    assert model.labels(options, CONTEXTS, "s0:c1,c2", **more) == (process, file)  # type: ignore[arg-type]


def test_policy_without_levels_has_labels_without() -> None:
    plain = {key: label.rpartition(":")[0] for key, label in CONTEXTS.items()}
    assert model.labels(security([], "s"), plain, "s0:c1,c2") == (plain["process"], plain["file"])
    assert model.shared(plain["file"]) == plain["file"] and model.level_of(plain["file"]) == ""
    assert model.shared("u:object_r:t:s0:c1,c2") == "u:object_r:t:s0"


def test_level_follows_from_the_id_and_is_not_one_that_is_taken() -> None:
    first = model.level("0" * 64, ())
    assert first == "s0:c0,c1" == model.level("0" * 64, {"s0:c5,c6"})
    assert model.level("0" * 64, {"s0:c0,c1", "s0:c0,c2"}) == "s0:c1,c2"
    # Beyond the last pair it begins again, and the reserved one is never given away.
    last = f"{1024 * 1023 // 2 - 2:015x}".ljust(64, "0")
    assert model.level(last, ()) == "s0:c1021,c1023" and model.level(last, {"s0:c1021,c1023"}) == "s0:c0,c1"


def test_levels_are_pairs_that_differ() -> None:
    found = [model._pair(number) for number in range(1024 * 1023 // 2)]
    assert len(set(found)) == len(found) and found[-1] == "s0:c1022,c1023"
    for level in found:
        smaller, greater = (int(one[1:]) for one in level[3:].split(","))
        assert 0 <= smaller < greater < 1024


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a directory with a file, a directory and a link out of it; a kernel without SELinux has labels too."""
    (tmp_path / "outside").touch()
    (tmp_path / "top/inner").mkdir(parents=True)
    (tmp_path / "top/inner/file").touch()
    os.symlink("../outside", tmp_path / "top/link")
    return tmp_path / "top"


def test_directory_is_relabelled_with_all_below_it(tree: Path) -> None:
    paths = [str(tree), *(f"{tree}/{name}" for name in ("inner", "inner/file", "link"))]
    for label in ("u:object_r:one_t:s0:c1,c2", "u:object_r:two_t:s0"):
        selinux.relabel(str(tree), label)
        assert {selinux.label_of(path) for path in paths} == {label}
    assert selinux.label_of(f"{tree.parent}/outside") == ""
    # The label of the directory itself, which is given last, says that it is done.
    selinux.set_label(paths[2], "u:object_r:own_t:s0")
    selinux.relabel(str(tree), "u:object_r:two_t:s0")
    assert selinux.label_of(paths[2]) == "u:object_r:own_t:s0"


def test_directory_of_any_depth_is_relabelled(tree: Path) -> None:
    """A container that has made it must not prevent its own next creation."""
    nest(tree, 1200, "d")
    try:
        selinux.relabel(str(tree), "u:object_r:one_t:s0")
        labels, here = [], os.open(tree, os.O_RDONLY)
        while "d" in os.listdir(here):
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
            labels.append(os.getxattr(here, "security.selinux"))
        os.close(here)
        assert labels == [b"u:object_r:one_t:s0\0"] * 1200
    finally:
        subprocess.run(["rm", "-rf", tree], check=True)


def test_file_and_what_a_link_leads_to_are_relabelled(tree: Path) -> None:
    selinux.relabel(f"{tree}/link", "u:object_r:one_t:s0")
    assert selinux.label_of(f"{tree.parent}/outside") == "u:object_r:one_t:s0" and not selinux.label_of(f"{tree}/link")


@pytest.mark.parametrize("path", ["/", "/etc", "/usr/", "/var/lib/../log", "/home", "~"])
def test_directory_of_the_system_is_not_relabelled(path: str) -> None:
    path = os.path.expanduser(path)
    assert selinux.refuses(path)
    with pytest.raises(ValueError, match="directory of the system"):
        selinux.relabel(path, "u:object_r:one_t:s0")
    assert not selinux.refuses("/srv/data")


def test_bind_mount_of_a_directory_of_the_system_is_not_relabelled(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the volume of a driver may be one."""
    monkeypatch.setattr(selinux, "_NEVER", [str(tree)])
    point = tree.parent / "point"
    point.mkdir()
    assert not selinux.refuses(str(point))
    kernel.mount(str(tree), str(point), flags=kernel.MS_BIND)
    try:
        assert selinux.refuses(str(point)) and not selinux.refuses(f"{point}/inner")
    finally:
        kernel.umount(str(point))
