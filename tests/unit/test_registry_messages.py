# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine makes of skopeo's messages, and where it has skopeo look for credentials."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images import skopeo_messages
from ansible_collections.libpod.engine.plugins.module_utils._drivers.registries import auth_paths
from ansible_collections.libpod.engine.plugins.module_utils._model import caller

REFUSED = "reading manifest 1 in r.io/app: unauthorized: authentication required"
UNTRUSTED = 'Get "https://r.io/v2/": x509: certificate signed by unknown authority'
BUSY = "reading manifest 1 in r.io/app: toomanyrequests: too many requests"
BROKEN = "writing blob: happened during read: unexpected EOF"


@pytest.mark.parametrize(
    ("message", "advice", "lasting"),
    [
        (REFUSED, "libpod_login", True),
        (UNTRUSTED, "cert_dir", True),
        ("http: server gave HTTP response to HTTPS client", "tls_verify: false", True),
        ("remote error: tls: bad certificate", "cert_dir", True),
        (BUSY, "retry_delay", False),
        (BROKEN, "broke off", False),
        ("reading manifest 429 in r.io/certificate: 500 Internal Server Error", "", False),
    ],
)
def test_message_says_what_to_do_and_whether_to_try_again(message: str, advice: str, lasting: bool) -> None:
    advised = skopeo_messages.advised(message)
    assert advised.startswith(message) and advice in advised[len(message) :]
    assert (advised == message) == (not advice) and skopeo_messages.is_lasting(message) == lasting


def test_message_repeats_no_secret_in_any_spelling() -> None:
    message = 'sent "Basic bWU6c2VjcmV0" for secret, c2VjcmV0'
    shown = skopeo_messages.without_secrets(message, "me:secret", "secret", "")
    assert shown == 'sent "Basic (hidden)" for (hidden), (hidden)'


def test_credentials_are_looked_for_where_podman_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setattr(caller, "environment", {"XDG_RUNTIME_DIR": "/run/user/none", "PATH": "/bin"})
    run, home = auth_paths.default_path(), ["/home/me/.config/containers/auth.json", "/home/me/.docker/config.json"]
    assert run.startswith("/run/containers/") and auth_paths.read_paths() == [run, *home]
    monkeypatch.setattr(caller, "environment", {"XDG_RUNTIME_DIR": str(tmp_path)})
    assert auth_paths.read_paths() == [f"{tmp_path}/containers/auth.json", *home]
    assert auth_paths.read_paths("/a.json") == ["/a.json", *home]
    monkeypatch.setattr(caller, "environment", {"REGISTRY_AUTH_FILE": "x.json", "XDG_RUNTIME_DIR": str(tmp_path)})
    monkeypatch.setattr(caller, "directory", "/srv")
    assert auth_paths.default_path() == auth_paths.environment()["REGISTRY_AUTH_FILE"] == "/srv/x.json"
    folders = {"XDG_CONFIG_HOME": "/c", "DOCKER_CONFIG": "/d"}
    monkeypatch.setattr(caller, "environment", folders)
    assert (
        auth_paths.read_paths()[1:] == ["/c/containers/auth.json", "/d/config.json"]
        and auth_paths.environment() == folders
    )
