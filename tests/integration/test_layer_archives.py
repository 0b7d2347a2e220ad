# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tar file of a container's layer as the engine writes it, compared with that of containers-storage(1)."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import tarfile
from typing import Iterator, NamedTuple

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.store import ImageStore
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.container_layers import ContainerLayers
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.driver import Storage
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument, NotImplementedByHost
from ansible_collections.libpod.engine.plugins.module_utils._model.id_map import IdMap
from ansible_collections.libpod.engine.tests.support import kernel
from ansible_collections.libpod.engine.tests.support.hosts import Host

ONE = "1" * 64
CHANGES = r"""
echo kept > www/new; rm www/index.html; rm -r home; mkdir home; rm -r data; echo file > data; rm bin/ls; mkdir bin/ls
echo x > home/only; ln home/only home/linked; ln -s /nowhere home/sym; ln home/sym home/sym2
mkfifo home/fifo; mknod home/dev c 1 3; mknod home/blk b 7 300; ln home/dev home/dev2
touch -d '2020-01-02 03:04:05.678901234' home/only; touch -d '1960-01-01 00:00:00.5' home/old
mkdir -p home/deep/sticky; chmod 1777 home/deep/sticky; mkdir made
mkdir "$(printf 'home/n\303\244h\nx')" "$(printf 'home/bad\377')" home/-x home/Z home/_
long=$(printf 'l%.0s' $(seq 1 200)); mkdir -p home/$long/$long; touch home/$long/$long/f
truncate -s 1M home/sparse; echo end >> home/sparse; head -c 512 /dev/zero > home/block
[ $1 = 0 ] || find . -xdev -uid 0 -exec chown -h $1:$1 {} +
mkdir -m 700 home/own; chown $(($1 + 7)):$(($1 + 8)) home/own; touch home/hosts
echo x > home/ping; chown $(($1 + 1234)):$(($1 + 65535)) home/ping
chmod 4755 home/ping; setcap cap_net_raw+ep home/ping
"""


class Changed(NamedTuple):
    """A container's mounted layer that has every kind of change; ``first`` is the container's ID 0 on the host."""

    storage: Storage
    root: str
    first: int

    def inside(self, number: int) -> int:
        return max(0, number - self.first)


@pytest.fixture(params=[0, 100_000], ids=["host", "mapped"])
def changed(host: Host, request: pytest.FixtureRequest) -> Iterator[Changed]:
    storage = Storage(host.parts)
    first: int = request.param
    maps = {kind: [IdMap(0, first, 65536)] for kind in ("uid", "gid")} if first else None
    storage.create(ONE, ImageStore(host.parts).get("localhost/configured").id, maps)
    root = storage.mount(ONE)
    subprocess.run(["bash", "-ec", CHANGES, "changes", str(first)], cwd=root, check=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{root}/home/sock")
    os.setxattr(f"{root}/home/ping", "user.binary", b"a\xff=b\0c")
    os.setxattr(f"{root}/home/ping", "trusted.other", b"1")
    os.setxattr(f"{root}/home/deep", "user.empty", b"")
    yield Changed(storage, root, first)
    storage.delete(ONE)


class Member(NamedTuple):
    """What a layer's tar file says of a file, but for the names of its owners."""

    name: str
    type: bytes
    mode: int
    uid: int
    gid: int
    mtime: float
    link: str
    device: tuple[int, int]
    attributes: dict[str, str]
    content: bytes


def members(path: str) -> list[Member]:
    found = []
    with tarfile.open(path) as tar:
        for one in tar:
            attributes = {key: value for key, value in one.pax_headers.items() if key.startswith("SCHILY.")}
            file = tar.extractfile(one) if one.isreg() else None
            # The tool leaves in a whiteout the name of the first one, of which it is a link on disk.
            link = "" if os.path.basename(one.name).startswith(".wh.") else one.linkname
            device = (0, 0) if one.islnk() else (one.devmajor, one.devminor)
            kept = one.name, one.type, stat.S_IMODE(one.mode), one.uid, one.gid, one.mtime
            found.append(Member(*kept, link, device, attributes, file.read() if file else b""))
    os.unlink(path)
    return found


def test_members_are_those_that_the_tool_writes(changed: Changed, monkeypatch: pytest.MonkeyPatch) -> None:
    changed.storage.diff(ONE, "/srv/engine.tar")
    monkeypatch.setattr(ContainerLayers, "readable", lambda self: False)
    changed.storage.diff(ONE, "/srv/tool.tar")
    by_engine, by_tool = members("/srv/engine.tar"), members("/srv/tool.tar")
    # The tool has the host's IDs in an image, where the container's map is that of its mount alone.
    inside = [one._replace(uid=changed.inside(one.uid), gid=changed.inside(one.gid)) for one in by_tool]
    known = {one.name: one for one in by_engine}
    if changed.first:
        # No ID of the container: it sees nobody's.
        alien = known["home/hosts"]
        assert (alien.uid, alien.gid) == (65534, 65534)
        by_engine[by_engine.index(alien)] = alien._replace(uid=0, gid=0)
    assert by_engine == inside
    assert {"www/.wh.index.html", "home/.wh..wh..opq", "bin/ls/.wh..wh..opq", "data"} < {*known}
    assert "home/sock" not in known and "made/.wh..wh..opq" not in known
    ping = known["home/ping"]
    assert (ping.mode, ping.uid, ping.gid) == (0o4755, 1234, 65535)
    assert [*ping.attributes] == ["SCHILY.xattr.security.capability", "SCHILY.xattr.user.binary"]


@pytest.mark.parametrize("changed", [0], indirect=True)
def test_what_a_layer_of_an_image_cannot_hold_is_refused_by_its_name(changed: Changed) -> None:
    for name, wrong in ((".wh.x", "/home/deep/.wh.x cannot be in an image"), ("x", "with its attribute 'user.a=b'")):
        path = f"{changed.root}/home/deep/{name}"
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
        os.setxattr(path, "user.a=b", b"")
        with pytest.raises(InvalidArgument, match=wrong):
            changed.storage.diff(ONE, "/srv/engine.tar")
        os.unlink(path)
    os.unlink("/srv/engine.tar")


@pytest.mark.parametrize("changed", [0], indirect=True)
@pytest.mark.parametrize("key", ["trusted.overlay.redirect", "trusted.overlay.metacopy"])
def test_layer_whose_files_are_elsewhere_is_the_tools_or_refused(changed: Changed, key: str) -> None:
    """As the kernel writes it with redirect_dir or metacopy on."""
    upper = changed.storage.layers(ONE).upper
    os.setxattr(f"{upper}/home/{'deep' if 'redirect' in key else 'only'}", key, b"/home")
    changed.storage.diff(ONE, "/srv/tool.tar")
    assert members("/srv/tool.tar")[1].name == "bin/ls"
    kernel.mount("/dev/null", "/usr/bin/containers-storage", flags=kernel.MS_BIND)
    try:
        with pytest.raises(NotImplementedByHost, match=f"attribute {key}: only containers-storage can write it"):
            changed.storage.diff(ONE, "/srv/tool.tar")
    finally:
        kernel.umount("/usr/bin/containers-storage")
        os.unlink("/srv/tool.tar")
