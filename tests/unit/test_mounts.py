# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option mount, borrowed volumes, and which of all is mounted at each target."""

from __future__ import annotations

from glob import glob
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._model.options.mounts.mounts import (
    mounts,
    volumes_from,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.options.mounts.volumes import volumes
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._model.records.config import ContainerConfig

IMAGE = {"Volumes": {"/data": {}, "/var//log/": {}, "/": {}}}


def config(options: dict[str, Any], image: Any, **more: Any) -> ContainerConfig:
    return ContainerConfig("c" * 64, "c", "", normalise(options), "/static/c", image_config=image, **more)


@pytest.mark.parametrize(
    ("mount", "volume"),
    [
        ("type=bind,source=/srv/a,target=/b", "/srv/a:/b"),
        ("type=bind,src=/srv//a,dst=/b/,readonly", "/srv/a:/b:ro"),
        ("type=bind,src=/a,destination=/b,ro=false,bind-propagation=rslave", "/a:/b:rslave"),
        ("type=bind,src=/a,target=/b,relabel=shared,bind-nonrecursive,noexec,U=true", "/a:/b:z,bind,noexec,U"),
        ("source=data,target=/b,nocopy,rw", "data:/b:nocopy"),
        ("type=volume,target=/b", "/b"),
        ("type=bind,src=/a,target=/b,idmap,ro", "/a:/b:ro,idmap"),
        ("src=a,target=/b,idmap=uids=0-1-10#10-11-10;gids=@0-100-10", "a:/b:idmap=uids=0-1-10#10-11-10;gids=@0-100-10"),
    ],
)
def test_mount_and_volume_mean_the_same(mount: str, volume: str) -> None:
    assert mounts([mount], "mount") == volumes([volume], "volume")


def test_each_path_that_matches_is_bound(tmp_path: Path) -> None:
    for name in ("a.so", "b.so", "other"):
        (tmp_path / name).touch()
    pattern = f"type=glob,source={tmp_path}/*.so,ro"
    assert mounts([f"{pattern},target=/"], "mount", glob) == volumes(
        [f"{tmp_path}/{n}.so:/{n}.so:ro" for n in "ab"], "volume"
    )
    own = [f"{tmp_path}/{name}.so" for name in "ab"]
    assert mounts([pattern], "mount", glob) == volumes([f"{path}:{path}:ro" for path in own], "volume")
    nothing = mounts(["type=glob,source=/no/such*,target=/l"], "mount", glob)
    assert [(one["source"], one["target"]) for one in nothing] == [("/no/such*", "/l/such*")]


@pytest.mark.parametrize(
    ("mount", "kind", "options"),
    [
        ("type=tmpfs,target=/t", "tmpfs", []),
        ("type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1777,ro", "tmpfs", ["mode=1777", "ro", "size=1048576"]),
        ("type=tmpfs,dst=/t,size=50%,exec,rw", "tmpfs", ["exec", "size=50%"]),
        ("type=ramfs,dst=/t,mode=700", "ramfs", ["mode=700"]),
        ("type=devpts,dst=/t,gid=5,max=10", "devpts", ["gid=5", "max=10"]),
    ],
)
def test_mount_of_a_new_file_system(mount: str, kind: str, options: list[str]) -> None:
    assert mounts([mount], "mount") == [{"type": kind, "target": "/t", "options": options}]


@pytest.mark.parametrize(
    "item",
    ["", "type=nfs,target=/t", "type=bind,target=/t", "type=bind,source=/a", "type=tmpfs,target=/", "target=t"]
    + ["type=tmpfs,target=/t,size=x", "type=tmpfs,target=/t,mode=888", "type=tmpfs,target=/t,colour=red"]
    + ["type=bind,src=/a,target=/t,ro=maybe", "type=bind,src=/a,target=/t,ro,rw", "type=bind,src=/a,target=/t,x"]
    + ["type=bind,src=/a,target=/t,bind-propagation=x", "type=bind,src=/a,target=/t,relabel=x", "src=a/b,target=/t"]
    + ["src=a,target=/t,idmap,U", "src=a,target=/t,idmap=0-1-1", "type=image,src=a,target=/t,idmap,rw"]
    + ["type=devpts,target=/t,uid=root", "type=glob,target=/t", "type=glob,source=a*,target=/t"],
)
def test_refused_mount_is_named(item: str) -> None:
    with pytest.raises(InvalidArgument, match="^mount: .* cannot be used: expected "):
        mounts(["target=/c", item], "mount")


@pytest.mark.parametrize(
    "options",
    [
        {"volume": ["/a:/t"], "tmpfs": {"/t": ""}},
        {"volume": ["/a:/t"], "mount": ["type=tmpfs,target=/t"]},
        {"mount": ["type=tmpfs,target=/t"], "tmpfs": {"/t": ""}},
        {"mount": ["type=tmpfs,target=/t", "target=/t"]},
        *(
            {"volume": [f"a:/t:{flags}"]}
            for flags in ("idmap,U", "idmap,O", "idmap,idmap=uids=0-0-1;gids=0-0-1", "idmap=1")
        ),
    ],
)
def test_duplicate_target_or_contrary_flag_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="cannot be used"):
        normalise(options)


def test_volumes_from_is_parsed() -> None:
    assert volumes_from(["b:ro", "a", "b"], "volumes_from") == [
        {"container": "b", "access": "ro"},
        {"container": "a", "access": ""},
    ]
    for word in ("", "a:x", "a:ro,rw", "a/b"):
        with pytest.raises(InvalidArgument, match="^volumes_from: .* cannot be used: expected "):
            volumes_from([word], "volumes_from")


def test_image_volumes_are_anonymous_tmpfs_or_nothing() -> None:
    mounted = config({}, IMAGE).volumes
    assert [volume["target"] for volume in mounted] == ["/data", "/var/log"]
    names = {volume["source"] for volume in mounted}
    assert len(names) == 2 and all(len(name) == 64 for name in names) and all(one["anonymous"] for one in mounted)
    tmpfs = config({"image_volume": "tmpfs", "volume": ["a:/data"]}, IMAGE)
    assert [one["target"] for one in tmpfs.file_systems] == ["/var/log"]
    ignored = config({"image_volume": "ignore"}, IMAGE)
    assert (ignored.volumes, ignored.file_systems) == ([], [])


def test_requested_volumes_win_over_volumes_from_and_image_volumes() -> None:
    borrowed = (*volumes(["x:/data", "y:/b", "z:/t"], "volume"),)
    options = {"volume": ["own:/b", "/anonymous"], "tmpfs": {"/t": ""}}
    mounted = {volume["target"]: volume for volume in config(options, IMAGE, borrowed_volumes=borrowed).volumes}
    assert set(mounted) == {"/data", "/b", "/anonymous", "/var/log"}
    assert (mounted["/data"]["source"], mounted["/b"]["source"]) == ("x", "own")
    assert mounted["/anonymous"]["anonymous"] and "anonymous" not in mounted["/data"]


def test_names_of_anonymous_volumes_derive_from_the_container() -> None:
    one, again = config({}, IMAGE), config({}, IMAGE)
    other = one._replace(id="d" * 64)
    assert one.volumes == again.volumes
    assert not {volume["source"] for volume in one.volumes} & {volume["source"] for volume in other.volumes}
