# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The digest of a build context: what changes it and what does not, and which images a Containerfile names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.build_context import digest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.buildah import Build
from ansible_collections.libpod.engine.plugins.module_utils._resources.images.build import _below


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    for path in ("a/b/c.txt", "a/d.log", "vendor/x/y.go", "top.log"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    return folder


def test_content_modes_links_and_empty_directories_count_and_times_and_owners_do_not(context: Path) -> None:
    seen = [digest(str(context))]
    os.utime(context / "top.log", (1, 1))
    os.chown(context / "top.log", os.getuid(), os.getgid())
    assert digest(str(context)) == seen[0]
    for change in (
        lambda: (context / "top.log").write_text("other"),
        lambda: (context / "top.log").chmod(0o755),
        (context / "empty").mkdir,
        lambda: (context / "link").symlink_to("/etc/shadow"),
        lambda: ((context / "link").unlink(), (context / "link").symlink_to("/etc/passwd")),
        lambda: os.rename(context / "a/d.log", context / "a/e.log"),
        lambda: os.mkfifo(context / "pipe"),
    ):
        change()
        made = digest(str(context))
        assert made not in seen
        seen.append(made)


@pytest.mark.parametrize(
    ("ignore", "left_out", "kept"),
    [
        ("*.log", "top.log", "a/d.log"),
        ("**/*.log", "a/d.log", "a/b/c.txt"),
        ("vendor", "vendor/x/y.go", "top.log"),
        ("/a/b/", "a/b/c.txt", "a/d.log"),
        ("a\n!a/b", "a/d.log", "a/b/c.txt"),
        ("# top.log\n\n*/*/[a-c].t?t", "a/b/c.txt", "top.log"),
        ("**", "top.log", ""),
        ("[z-a]\n./top.log", "top.log", "a/d.log"),
        ("[[&&~~||+--t]op.log", "top.log", "a/d.log"),
        ("a/**/c.txt", "a/b/c.txt", "a/d.log"),
    ],
)
@pytest.mark.parametrize("name", [".dockerignore", ".containerignore"])
def test_what_the_ignore_file_leaves_out_does_not_count(
    context: Path, name: str, ignore: str, left_out: str, kept: str
) -> None:
    (context / ".containerignore").write_text(ignore)
    if name == ".dockerignore":
        (context / ".containerignore").rename(context / name)
    before = digest(str(context))
    (context / left_out).write_text("changed")
    assert digest(str(context)) == before
    if kept:
        (context / kept).write_text("changed")
        assert digest(str(context)) != before


def test_images_below_are_those_that_the_containerfile_names() -> None:
    text = b"""\
# syntax=x
ARG VERSION=1
ARG OTHER
FROM --platform=linux/mips64le example.org/base:${VERSION} AS Build
RUN --mount=type=bind,from=tools:1,target=/t --mount=type=secret,id=a cp from=no /x
FROM ${NONE:-fallback} \\
  AS last
COPY --from=build /a /b
COPY --chown=1 --from=registry.example.org/extra /c /d
COPY --from=0 /a /b
FROM $OTHER
FROM scratch
"""
    below = dict(_below(Build("x", "", text, args={"VERSION": "2", "OTHER": "given"})))
    assert list(below) == ["example.org/base:2", "tools:1", "fallback", "registry.example.org/extra", "given"]
    assert [platform for platform in below.values() if platform] == ["linux/mips64le"]


def test_platforms_that_buildah_knows_are_those_of_the_build_and_of_the_host() -> None:
    text = b"FROM --platform=$BUILDPLATFORM tools AS a\nFROM --platform=${TARGETPLATFORM} base\nCOPY --from=a /a /b\n"
    assert _below(Build("x", "", text)) == [("tools", ""), ("base", "")]
    tools, base = _below(Build("x", "", text, platform="linux/mips64le"))
    assert tools[1].startswith("linux/") and tools[1] != "linux/mips64le" and base[1] == "linux/mips64le"
