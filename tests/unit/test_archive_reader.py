# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reader of image archives: what good ones hold, and that hostile ones end in one sentence and write nothing."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import random
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import limits
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images import archive_reader as reader
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import MalformedData, ToolTimedOut
from ansible_collections.libpod.engine.tests.support.seeds import SEED, seeded

CONFIG = b'{"config": {}, "rootfs": {"type": "layers", "diff_ids": []}}'
ID = sha256(CONFIG).hexdigest()


def member(name: str, content: bytes = b"", **kind: Any) -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    for key, value in kind.items():
        setattr(entry, key, value)
    return entry, content


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for entry, content in members:
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def blob(document: Any) -> tuple[tuple[tarfile.TarInfo, bytes], dict[str, Any]]:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    digest = sha256(content).hexdigest()
    kind = {"mediaType": "x", "digest": f"sha256:{digest}", "size": len(content)}
    return member(f"blobs/sha256/{digest}", content), kind


def docker(*more: tuple[tarfile.TarInfo, bytes], config: str = f"{ID}.json", tags: Any = ("a:1",)) -> bytes:
    manifest = json.dumps([{"Config": config, "RepoTags": tags, "Layers": ["layer.tar"]}]).encode()
    return packed(
        member(f"{ID}.json", CONFIG), member("layer.tar", b"x" * 3000), member("manifest.json", manifest), *more
    )


def oci(*more: tuple[tarfile.TarInfo, bytes], names: tuple[str, ...] = ("example.org/a:1",)) -> bytes:
    config, described = blob(CONFIG)
    manifest, entry = blob({"schemaVersion": 2, "config": described, "layers": []})
    manifests = [{**entry, "annotations": {reader.REF_NAME: name}} for name in names] or [entry]
    index = member("index.json", json.dumps({"manifests": manifests}).encode())
    return packed(member("oci-layout", b"{}"), index, config, manifest, *more)


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes], reader.ImageArchive]:
    def work(content: bytes) -> reader.ImageArchive:
        (tmp_path / "archive").write_bytes(content)
        return reader.read(str(tmp_path / "archive"))

    return work


Read = Callable[[bytes], reader.ImageArchive]


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_images_of_both_formats_have_the_ids_of_their_configurations_and_full_names(read: Read, compress: Any) -> None:
    (image,) = read(compress(docker())).images
    assert (image.id, image.names) == (ID, ("docker.io/library/a:1",)), "as podman load names it"
    (image,) = read(compress(oci(names=("example.org/a:1", "b:2", "3.0")))).images
    assert (image.id, image.names) == (ID, ("example.org/a:1", "localhost/b:2", "localhost/3.0:latest"))
    (image,) = read(compress(oci(names=()))).images
    assert image.names == ()


def test_index_gives_the_image_of_this_machine(read: Read) -> None:
    config, described = blob(CONFIG)
    other, elsewhere = blob({"config": {**described, "digest": "sha256:" + "0" * 64}})
    manifest, here = blob({"config": described})
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    kinds = [{**elsewhere, "platform": {"os": "linux", "architecture": "s390x"}}]
    kinds.append({**here, "platform": {"os": "linux", "architecture": machine}})
    index, entry = blob({"manifests": kinds})
    top = member("index.json", json.dumps({"manifests": [entry]}).encode())
    assert [image.id for image in read(packed(config, other, manifest, index, top)).images] == [ID]


def _chain(length: int) -> bytes:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 512
    return (header.tobuf(tarfile.USTAR_FORMAT) + b"12 path=abc\n".ljust(512, b"\0")) * length


HOSTILE: dict[str, tuple[bytes, str]] = {
    "garbage": (random.Random(SEED).randbytes(10 << 20), "no archive that can be read"),
    "nothing": (b"", "no archive that can be read"),
    "another tar file": (packed(member("etc/passwd", b"root")), "no image archive"),
    "cut short": (docker()[:1800], "no archive that can be read"),
    "cut gzip": (gzip.compress(docker(member("noise", random.Random(SEED).randbytes(9000))))[:5000], "damaged"),
    "damaged xz": (lzma.compress(docker())[:60] + b"x" * 60, "damaged"),
    "zstd": (b"\x28\xb5\x2f\xfd" + b"x" * 99, "zstd"),
    "way out": (docker(member("../../etc/cron.d/x", b"y")), "outside"),
    "absolute name": (docker(member("/etc/cron.d/x", b"y")), "outside"),
    "hard link out": (docker(member("x", type=tarfile.LNKTYPE, linkname="../../etc/shadow")), "hard link 'x'"),
    "absolute hard link": (oci(member("x", type=tarfile.LNKTYPE, linkname="/etc/shadow")), "hard link 'x'"),
    "device": (oci(member("blobs/sha256/null", type=tarfile.CHRTYPE, devmajor=1, devminor=3)), "neither a plain file"),
    "pipe": (oci(member("blobs/pipe", type=tarfile.FIFOTYPE)), "neither a plain file"),
    "large header": (docker(member("x", b"", type=tarfile.XHDTYPE)).replace(b"00000000000", b"77777777777", 1), ""),
    "nested headers": (_chain(3000), "no archive that can be read"),
    "other manifest": (docker(config="nowhere.json"), "lacks 'nowhere.json'"),
    "name of a file": (docker(tags=["../../x"]), "is no image reference"),
    "names of no type": (docker(tags=5), "expected a list"),
    "manifest of no type": (packed(member("manifest.json", b"{}"), member("a.json", b"{}")), "expected a list"),
    "nested JSON": (packed(member("manifest.json", b"[" * 100_000)), "nested too deeply"),
    "blob of another digest": (
        oci().replace(b'"rootfs"', b'"rootf5"'),
        "",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_archive_ends_in_one_sentence_that_names_it(read: Read, tmp_path: Path, kind: str) -> None:
    content, word = HOSTILE[kind]
    try:
        read(content)
    except MalformedData as error:
        told = str(error)
        assert told.startswith(str(tmp_path)) and word in told and "\n" not in told and len(told) < 600, told
    else:
        assert not word, f"{kind} was read"
    assert os.listdir(tmp_path) == ["archive"]


def test_unpacking_leaves_links_and_all_but_blobs_out(read: Read, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = member("blobs/sha256", type=tarfile.SYMTYPE, linkname=str(outside))
    read(oci())
    (tmp_path / "archive").write_bytes(oci(link, member("other", b"z"), member("blobs/sha256/" + "0" * 64, b"y")))
    reader.unpack(str(tmp_path / "archive"), str(tmp_path / "made"))
    assert os.listdir(outside) == []
    assert os.listdir(tmp_path / "made") == ["blobs"]
    assert not os.path.islink(tmp_path / "made/blobs/sha256")
    assert (tmp_path / "made/blobs/sha256" / ("0" * 64)).read_bytes() == b"y"


def test_a_whole_system_has_devices_and_absolute_names_and_no_hard_link_out(tmp_path: Path) -> None:
    path = tmp_path / "archive"

    def names(*more: tuple[tarfile.TarInfo, bytes]) -> list[str]:
        path.write_bytes(packed(member("/etc/a", b"a"), *more))
        with reader.opened(str(path)) as archive:
            return [one.name for one in reader.members(archive, str(path), whole_system=True)]

    link = member("b", type=tarfile.LNKTYPE, linkname="/etc/a")
    assert names(link, member("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3)) == ["/etc/a", "b", "null"]
    for name in ("../etc/shadow", "x/../../../etc/shadow"):
        with pytest.raises(MalformedData, match="hard link 'b' to a file outside of its own folder"):
            names(member("b", type=tarfile.LNKTYPE, linkname=name))


def test_no_special_file_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MalformedData, match="not a regular file"):
        reader.read(str(tmp_path / "pipe"))


def test_reading_ends_at_its_time_limit(read: Read) -> None:
    limits.override("image_archive=0.000000001")
    try:
        with pytest.raises(ToolTimedOut, match="tool_timeouts: {image_archive: SECONDS}"):
            read(docker())
    finally:
        limits.override("")


@seeded
def test_damaged_archives_are_read_or_refused(read: Read) -> None:
    chance = random.Random(SEED)
    for number in range(400):
        content = bytearray(chance.choice((docker(), oci())))
        for _change in range(chance.randint(1, 8)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        made = bytes(content[: chance.randrange(len(content))]) if number % 3 == 0 else bytes(content)
        try:
            read(gzip.compress(made) if number % 5 == 0 else made)
        except MalformedData as error:
            assert "\n" not in str(error)
