# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Auth files, registries.conf and the options of logins, as they are read."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.registries import registries_conf
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument, MalformedData
from ansible_collections.libpod.engine.plugins.module_utils._model.options.syntax.parsers import is_name
from ansible_collections.libpod.engine.plugins.module_utils._model.records.image import registry_key
from ansible_collections.libpod.engine.plugins.module_utils._resources.registries import auth_file, options


def _entry(text: str) -> dict[str, str]:
    return {"auth": b64encode(text.encode()).decode()}


def _file(tmp_path: Path, content: Any) -> auth_file.AuthFile:
    path = tmp_path / "auth.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return auth_file.read(str(path))


def test_entry_of_the_longest_path_counts(tmp_path: Path) -> None:
    known = {"r.io": "a:1", "r.io/team": "b:2", "https://index.docker.io/v1/": "c:3:x", "r.io:5000/team": "d:4"}
    found = _file(tmp_path, {"auths": {key: _entry(text) for key, text in known.items()}})
    for key, user in (
        ("r.io", "a"),
        ("r.io/other/app", "a"),
        ("r.io/team", "b"),
        ("r.io/team/app", "b"),
        ("r.io/teams", "a"),
        ("docker.io/library/app", "c"),
        ("r.io:5000/team/app", "d"),
        ("r.io:5000", ""),
        ("other.io", ""),
    ):
        login = found.found(key)
        assert (login.username if login else "") == user, key
    assert found.found("docker.io") == ("c", "3:x", "")


@pytest.mark.parametrize(
    "content", ["", "{}", "null", '{"auths": null}', '{"auths": {"r.io": {}}}', '{"auths": {"r.io": null}}']
)
def test_file_without_a_login_has_none(tmp_path: Path, content: str) -> None:
    assert _file(tmp_path, content).found("r.io") is None
    assert auth_file.read(str(tmp_path / "missing")).found("r.io") is None


@pytest.mark.parametrize("auth", ["%%%", "bm8tY29sb24=", "/////w=="])
def test_entry_that_is_no_login_is_passed_over(tmp_path: Path, auth: str) -> None:
    found = _file(tmp_path, {"auths": {"r.io/team": {"auth": auth}, "r.io": _entry("a:1")}})
    assert found.login("r.io/team") is None and found.found("r.io/team/app") == ("a", "1", "")


@pytest.mark.parametrize(
    "content", ["[]", "{", '{"auths": []}', '{"auths": {"r.io": 1}}', '{"credHelpers": {"r.io": 1}}', "[" * 9999]
)
def test_malformed_file_is_named(tmp_path: Path, content: str) -> None:
    with pytest.raises(MalformedData, match="auth.json"):
        found = _file(tmp_path, content)
        found.helper("r.io")
        found.found("r.io")


def test_login_does_not_wait_for_a_container_of_any_name(tmp_path: Path) -> None:
    parts = EngineConfig(run_root=str(tmp_path / "run"), static_root=str(tmp_path / "static"))
    path = str(tmp_path / "auth.json")
    auth_file.update(parts, path, {"r.io": {"auth": "YTpi"}})
    for name in os.listdir(f"{parts.run_root}/locks"):
        assert not is_name(name.removesuffix(".lock")), name


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("quay.io", "quay.io"),
        ("127.0.0.1:5000/team/app", "127.0.0.1:5000/team/app"),
        ("https://quay.io/v2/", "quay.io"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("index.docker.io/me", "docker.io/me"),
        ("[::1]:5000", "[::1]:5000"),
        ("localhost", "localhost"),
    ],
)
def test_registry_is_a_host_or_a_repository(text: str, key: str) -> None:
    assert registry_key(text) == key


@pytest.mark.parametrize(
    "text", ["", "/", "quay.io/", "quay.io/app:1", "quay.io/App", "a b", "--all", "quay.io/app@sha256:0", "ftp://x"]
)
def test_other_registry_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="registry"):
        registry_key(text)


@pytest.mark.parametrize(
    ("username", "password", "option"),
    [("", "x", "username"), ("a:b", "x", "username"), (" a", "x", "username"), ("a\n", "x", "username")]
    + [("a", word, "password") for word in ("", "canary\n", "canary\r", "canary\0", "canary" * 10001)],
)
def test_what_cannot_be_stored_is_refused_and_not_shown(username: str, password: str, option: str) -> None:
    with pytest.raises(InvalidArgument, match=f"^{option}: ") as refused:
        options.checked(username, password)
    assert "canary" not in str(refused.value)


def test_last_file_of_registries_conf_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ".config/containers"
    (folder / "registries.conf.d").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    (folder / "registries.conf").write_text(
        '# credential-helpers = ["no"]\nunqualified-search-registries = ["a.io", "b.io"]\n'
    )
    assert registries_conf.search_registries() == ["a.io", "b.io"]
    assert registries_conf.credential_helpers() == ["containers-auth.json"]
    (folder / "registries.conf.d/9.conf").write_text(
        'credential-helpers = [\n  "x", # why\n  "containers-auth.json",\n]\n'
    )
    (folder / "registries.conf.d/8.conf").write_text('credential-helpers = ["y"]\nunqualified-search-registries = []\n')
    (folder / "registries.conf.d/9.off").write_text('credential-helpers = ["z"]\n')
    assert registries_conf.credential_helpers() == ["x", "containers-auth.json"]
    assert registries_conf.search_registries() == [], "an empty list replaces the other one, as in containers/image"


def test_directory_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MalformedData, match=f"{tmp_path}: is a directory"):
        auth_file.read(str(tmp_path))
