# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What short names stand for by registries.conf, and which of a store's names they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.registries import registries_conf, short_names
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    InvalidArgument,
    MalformedData,
    NoSuchImage,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.options import pulling
from ansible_collections.libpod.engine.plugins.module_utils._model.records.image import Image, is_short

ID = "cafe" + "0" * 60
DIGEST = "sha256:" + "ab" * 32


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's registries.conf, which stands for all of the host's."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(registries_conf, "_ALIASES", str(tmp_path / "aliases.conf"))
    (tmp_path / ".config/containers").mkdir(parents=True)
    path = tmp_path / ".config/containers/registries.conf"
    path.write_text('unqualified-search-registries = ["a.io", "b.io:5000"]\n[aliases]\nweb = "c.io/team/site"\n')
    return path


@pytest.mark.parametrize(
    ("image", "short"),
    [
        *(("web", True), ("team/web:1", True), (f"web@{DIGEST}", True), ("cafe", True), ("web:1.2", True)),
        *(("a.io/web", False), ("localhost/web", False), ("h:5/web", False), ("docker://web", False)),
        *(("oci:/srv:x", False), ("dir:/srv", False), (ID, False), (DIGEST, False)),
    ],
)
def test_short_name_has_no_registry(image: str, short: bool) -> None:
    assert is_short(image) is short


def test_candidates_keep_tag_and_digest(conf: Path) -> None:
    assert short_names.candidates("web") == ["c.io/team/site:latest"]
    assert short_names.candidates("web:1") == ["c.io/team/site:1"]
    assert short_names.candidates(f"web:1@{DIGEST}") == [f"c.io/team/site@{DIGEST}"]
    assert short_names.candidates("team/web:1") == ["a.io/team/web:1", "b.io:5000/team/web:1"]
    assert short_names.candidates(f"app@{DIGEST}") == [f"a.io/app@{DIGEST}", f"b.io:5000/app@{DIGEST}"]
    assert short_names.local("web") == [
        "c.io/team/site:latest",
        "localhost/web:latest",
        "a.io/web:latest",
        "b.io:5000/web:latest",
        "docker.io/library/web:latest",
    ]


def test_settings_of_later_files_replace_those_before(conf: Path) -> None:
    folder = conf.parent / "registries.conf.d"
    folder.mkdir()
    (folder / "1.conf").write_text('short-name-mode = "enforcing"\n[aliases]\nweb = ""\nother = "d.io/x"\n')
    with pytest.raises(InvalidArgument, match="a.io/web:latest, b.io:5000/web:latest.*short-name-mode is enforcing"):
        short_names.candidates("web")
    (folder / "2.conf").write_text('unqualified-search-registries = []\n[aliases]\nother = "e.io/x"\n')
    assert short_names.candidates("other") == ["e.io/x:latest"]
    with pytest.raises(NoSuchImage, match="2.conf has neither an alias .* docker.io/library/web:latest"):
        short_names.candidates("web")
    (conf.parents[2] / "aliases.conf").write_text('[aliases]\n"web" = "f.io/y"\n')
    assert short_names.candidates("web") == ["f.io/y:latest"]


def test_cache_is_read_under_the_lock_of_its_writer(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = conf.parents[2] / "aliases.conf"
    cache.write_text('[aliases]\n"web" = "f.io/y"\n')
    hold = "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.lockf(file, fcntl.LOCK_EX); print(); input()"
    argv = [sys.executable, "-c", hold, f"{cache}.lock"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout and writer.stdout.readline()
        monkeypatch.setattr(registries_conf, "_LONGEST_WAIT", 0.1)
        with pytest.raises(MalformedData, match="aliases.conf.lock cannot be locked"):
            short_names.candidates("web")
        writer.communicate("\n")
    assert short_names.candidates("web") == ["f.io/y:latest"]


def test_search_list_of_version_1_is_read(conf: Path) -> None:
    conf.write_text("[registries.search]\nregistries = ['a.io']\n[registries.block]\nregistries = []\n")
    assert short_names.candidates("web") == ["a.io/web:latest"]


@pytest.mark.parametrize(
    "value", ["site", "team/site", "a.io/x:1", f"a.io/x@{DIGEST}", "a.io/X", "https://a.io/x", "a.io/"]
)
def test_alias_must_be_a_name_with_its_registry(conf: Path, value: str) -> None:
    conf.write_text(f'[aliases]\nweb = "{value}"\n')
    with pytest.raises(MalformedData, match="registries.conf: aliases.web: expected REGISTRY/NAME"):
        short_names.candidates("web")


@pytest.mark.parametrize(
    ("source", "names", "found", "stored"),
    [
        ("web:1", ["x.io/web:1", "localhost/web:1"], "localhost/web:1", "localhost/web:1"),
        ("web:1", ["x.io/web:1", "docker.io/library/web:1"], "docker.io/library/web:1", "docker.io/library/web:1"),
        ("web:1", ["x.io/team/web:1", "x.io/web:2"], "x.io/team/web:1", "x.io/team/web:1"),
        ("web:1", ["x.io/web:1", "b.io:5000/web:1", "a.io/web:1"], "a.io/web:1", "a.io/web:1"),
        ("web:1", ["x.io/z:1", "c.io/team/site:1"], "c.io/team/site:1", "c.io/team/site:1"),
        (f"web@{DIGEST}", ["x.io/web:1"], "", f"x.io/web@{DIGEST}"),
        ("cafe", ["x.io/z:1"], "", "x.io/z:1"),
        (ID, [], "", ""),
        (f"x.io/web@{DIGEST}", ["x.io/web:1"], "", f"x.io/web@{DIGEST}"),
    ],
)
def test_name_in_the_store_is_that_by_which_it_was_found(
    conf: Path, source: str, names: list[str], found: str, stored: str
) -> None:
    image = Image(ID, tuple(names), DIGEST, "")
    assert short_names.name_in(source, image) == found
    assert short_names.stored_name(source, image) == stored


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("a.io/x:1", True),
        ("a.io:5000/x:1", True),  # as in containers/image, a port is no part of the host
        ("a.iox/x:1", False),
        ("b.io/free/x:1", False),
        ("b.io/x:1", True),
        ("eu.c.io/x:1", True),
        ("c.io/x:1", False),
        ("x.io/eu.c.io/x:1", False),
        ("m.io/x:1", False),
        ("n.io/x:1", True),
        ("d.io/x:1", True),
        ("e.io/x:1", False),  # what counts is the place, as in containers/image
    ],
)
def test_blocked_registry_is_refused_unless_a_mirror_is_free(conf: Path, name: str, refused: bool) -> None:
    conf.write_text(
        "".join(
            f'[[registry]]\nprefix = "{prefix}"\n{more}\n'
            for prefix, more in (
                *(("a.io", 'location = "a.io"\nblocked = true'), ("b.io", 'location = "b.io"\nblocked = true')),
                *(
                    ("b.io/free", 'location = "b.io/free"'),
                    ("*.c.io", "blocked = true"),
                    ("d.io", 'location = "a.io/d"'),
                ),
                ("e.io", 'location = "free.io"\nblocked = true'),
                ("m.io", 'location = "m.io"\nblocked = true\n[[registry.mirror]]\nlocation = "free.io"'),
                ("n.io", 'location = "n.io"\nblocked = true\n[[registry.mirror]]\nlocation = "a.io"'),
            )
        )
    )
    try:
        short_names.check_allowed(name)
    except InvalidArgument as error:
        assert refused and "blocked = true" in str(error)
    else:
        assert not refused


@pytest.mark.parametrize("creds", [":canary", "a\n:canary", "a:canary\r", "a:can\0ary", "a:canary\ud800", "canary\x7f"])
def test_credentials_that_cannot_be_sent_are_refused_and_not_shown(creds: str) -> None:
    with pytest.raises(InvalidArgument, match="^creds: cannot be used: expected USER or USER:PASSWORD") as refused:
        pulling.pulling({"creds": creds})
    assert "canary" not in str(refused.value)
    assert pulling.pulling({"creds": "a:b:c é"}).creds == "a:b:c é"
