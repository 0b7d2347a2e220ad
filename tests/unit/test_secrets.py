# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets: how values are parsed, which are refused, and which files count as secret."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.bundle import secrets as files
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._model.options.secrets import secrets


def meaning(**members: Any) -> dict[str, Any]:
    return {"name": "key", "type": "mount", "target": "/run/secrets/key", "uid": 0, "gid": 0, "mode": 0o444, **members}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("key", meaning()),
        ("key,mode=0400,uid=1000,gid=5", meaning(mode=0o400, uid=1000, gid=5)),
        ("key,target=other", meaning(target="/run/secrets/other")),
        ("key,type=mount,target=/etc//key", meaning(target="/etc/key")),
        ("key,type=env", meaning(type="env", target="key", mode=0)),
        ("key,type=env,target=KEY", meaning(type="env", target="KEY", mode=0)),
    ],
)
def test_secret_is_parsed(word: str, expected: dict[str, Any]) -> None:
    assert secrets([word], "secrets") == [expected]


@pytest.mark.parametrize(
    "word",
    [
        "",
        "../x",
        "key,x=y",
        "key,mode=9",
        "key,mode=",
        "key,type=file",
        "key,uid=web",
        "key,type=env,target=A=B",
        "key,x",
    ]
    + ["key,name=other", "other,target=taken"],
)
def test_refused_secret_is_named(word: str) -> None:
    with pytest.raises(InvalidArgument, match="^secrets: .* cannot be used: expected "):
        secrets(["taken", word], "secrets")


def test_file_that_others_may_read_is_no_secret(tmp_path: Path) -> None:
    parts = EngineConfig(static_root=str(tmp_path))
    (tmp_path / "secrets").mkdir()
    wanted = secrets(["key,type=env"], "secrets")
    with pytest.raises(InvalidArgument, match="No such file"):
        files.variables(parts, wanted)
    path = tmp_path / "secrets/key"
    path.write_bytes(b"value")
    path.chmod(0o640)
    with pytest.raises(InvalidArgument, match="mode 0600") as refusal:
        files.variables(parts, wanted)
    assert "value" not in str(refusal.value)
    path.chmod(0o600)
    if os.geteuid() == 0:
        assert files.variables(parts, wanted) == {"key": "value"}
        path.write_bytes(b"a\0b")
        with pytest.raises(InvalidArgument, match="NUL"):
            files.variables(parts, wanted)
