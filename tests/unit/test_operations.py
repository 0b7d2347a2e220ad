# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure parts of operations: changes of a commit, timestamps of a log, and trees compared and copied by descriptors."""

from __future__ import annotations

import os
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.io.log_lines import moment
from ansible_collections.libpod.engine.plugins.module_utils._container.io.log_parts import seconds
from ansible_collections.libpod.engine.plugins.module_utils._container.rootfs.commit import apply_changes
from ansible_collections.libpod.engine.plugins.module_utils._drivers.conmon.conmon import failure_code
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.overlay_changes import changes
from ansible_collections.libpod.engine.plugins.module_utils._drivers.trees import copy
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._model.id_map import IdMap, to_host


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('CMD ["a", "b c"]', {"Cmd": ["a", "b c"]}),
        ("CMD=a b", {"Cmd": ["/bin/sh", "-c", "a b"]}),
        ('entrypoint ["x"]', {"Entrypoint": ["x"]}),
        ('ENV A=1 B="two words"', {"Env": ["OLD=1", "A=1", "B=two words"]}),
        ("ENV OLD new value", {"Env": ["OLD=new value"]}),
        ("LABEL a=b", {"Labels": {"kept": "yes", "a": "b"}}),
        ("EXPOSE 80 53/udp", {"ExposedPorts": {"80/tcp": {}, "53/udp": {}}}),
        ('VOLUME ["/a", "/b"]', {"Volumes": {"/a": {}, "/b": {}}}),
        ("USER web:extra", {"User": "web:extra"}),
        ("WORKDIR /srv", {"WorkingDir": "/srv"}),
        ("STOPSIGNAL INT", {"StopSignal": "INT"}),
    ],
)
def test_change_is_applied_as_in_a_containerfile(line: str, expected: dict[str, Any]) -> None:
    before = {"Env": ["OLD=1"], "Labels": {"kept": "yes"}}
    assert apply_changes(dict(before), [line]) == {**before, **expected}
    assert before == {"Env": ["OLD=1"], "Labels": {"kept": "yes"}}


@pytest.mark.parametrize("line", ["", "RUN x", "CMD", "CMD [", 'CMD [1, "a"]', "LABEL a=b c", 'ENV A="'])
def test_change_that_cannot_be_used_is_refused(line: str) -> None:
    with pytest.raises(InvalidArgument, match="changes"):
        apply_changes({}, [line])


def test_timestamps_of_a_log_are_parsed() -> None:
    assert seconds("1970-01-01T00:00:01Z") == 1
    assert seconds("1970-01-01T01:00:00.250000000+01:00") == 0.25
    assert (moment("90", "since"), moment("1m30s", "since", 100.0), moment("500ms", "since", 1.0)) == (90, 10, 0.5)
    assert moment(None, "since") is None
    for wrong in ("", "x", "5x", "1m ", "2026-13-01", "-5"):
        with pytest.raises(InvalidArgument, match="since"):
            moment(wrong, "since")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('exec failed: unable to start container process: exec: "x": executable file not found in $PATH', 127),
        ('exec: "/x": stat /x: no such file or directory', 127),
        ('exec: "/etc": permission denied', 126),
        # crun's
        ("executable file `x` not found in $PATH: No such file or directory", 127),
        ("open executable: Permission denied", 126),
        ("container does not exist", 125),
        ("", 125),
    ],
)
def test_refusal_of_the_runtime_is_an_exit_code(message: str, code: int) -> None:
    assert failure_code(message) == code


def test_ids_of_a_user_namespace_are_the_hosts() -> None:
    assert to_host(5, []) == 5
    assert to_host(5, [IdMap(0, 100000, 10)]) == 100005
    assert to_host(50, [IdMap(0, 100000, 10), IdMap(20, 300000, 100)]) == 300030


def _copied(source: str, target: str, **rules: Any) -> list[str]:
    wanted = copy.Rules(**{"owner": None, "overwrite": False, "dry": False, "temporary": ".temporary", **rules})
    places = [
        copy.Place(os.open(os.path.dirname(path), os.O_RDONLY), os.path.basename(path)) for path in (source, target)
    ]
    try:
        return copy.copy(places[0], places[1], wanted, target)
    finally:
        for place in places:
            os.close(place.directory)


def test_only_differing_entries_are_copied(tmp_path: Any) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "file").write_text("one")
    (source / "link").symlink_to("/nowhere")
    everything = [f"{target}", f"{target}/link", f"{target}/sub", f"{target}/sub/file"]
    assert _copied(str(source), str(target), dry=True) == everything
    assert not target.exists()
    assert _copied(str(source), str(target)) == everything
    assert _copied(str(source), str(target)) == []
    (target / "more").write_text("stays")
    (target / ".temporary").write_text("of a killed run")
    (target / "sub" / "file").write_text("two")
    (source / "sub").chmod(0o700)
    assert _copied(str(source), str(target)) == [f"{target}/sub", f"{target}/sub/file"]
    assert (target / "more").read_text() == "stays" and os.readlink(target / "link") == "/nowhere"
    assert (target / "sub" / "file").read_text() == "one"


def test_tree_of_another_kind_needs_overwrite(tmp_path: Any) -> None:
    (tmp_path / "folder" / "in").mkdir(parents=True)
    (tmp_path / "file").write_text("x")
    (tmp_path / "target").mkdir()
    with pytest.raises(IsADirectoryError):
        _copied(str(tmp_path / "file"), str(tmp_path / "target"))
    assert _copied(str(tmp_path / "file"), str(tmp_path / "target"), overwrite=True)
    with pytest.raises(NotADirectoryError):
        _copied(str(tmp_path / "folder"), str(tmp_path / "target"))
    assert _copied(str(tmp_path / "folder"), str(tmp_path / "target"), overwrite=True)
    assert (tmp_path / "target" / "in").is_dir()


def test_links_in_layers_are_not_followed(tmp_path: Any) -> None:
    for name in ("upper", "one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "outside" / "x").mkdir(parents=True)
    (tmp_path / "one" / "a").symlink_to(tmp_path / "outside")
    (tmp_path / "two" / "a").mkdir()
    (tmp_path / "upper" / "a").mkdir()
    (tmp_path / "upper" / "a" / "x").write_text("")
    layers = [str(tmp_path / "one"), str(tmp_path / "two")]
    assert changes([str(tmp_path / "upper")], layers) == [("C", "/a"), ("A", "/a/x")]
    assert changes([str(tmp_path / "upper")], layers, {"/a/x"}) == [("C", "/a")]
