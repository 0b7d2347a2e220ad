# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image names: what a user writes, and its name in the store."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument, MalformedData
from ansible_collections.libpod.engine.plugins.module_utils._model.foreign import Foreign
from ansible_collections.libpod.engine.plugins.module_utils._model.records.image import (
    checked_config,
    local_names,
    name_for_source,
    normalise,
    usable_config,
)

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("busybox:1.36", "docker.io/library/busybox:1.36"),
        ("docker.io/busybox", "docker.io/library/busybox:latest"),
        ("index.docker.io/busybox", "docker.io/library/busybox:latest"),
        ("user/app", "docker.io/user/app:latest"),
        ("localhost/x", "localhost/x:latest"),
        ("localhost:5000/x:y", "localhost:5000/x:y"),
        ("registry.example.com:5000/a/b_c/d--e", "registry.example.com:5000/a/b_c/d--e:latest"),
        ("[::1]:5000/x", "[::1]:5000/x:latest"),
        ("HOST/x", "HOST/x:latest"),
        (f"busybox@{DIGEST}", f"docker.io/library/busybox@{DIGEST}"),
        (f"quay.io/a/b:tag@{DIGEST}", f"quay.io/a/b@{DIGEST}"),
    ],
)
def test_reference_is_completed_as_podman_does(written: str, full: str) -> None:
    assert normalise(written) == full
    assert normalise(full) == full


@pytest.mark.parametrize(
    "written",
    [
        "",
        "Busybox",
        "a b",
        "a:",
        "a@",
        "a@sha256:12",
        "a/",
        "/a",
        "a//b",
        "-a",
        "a:-x",
        "x..y",
        "a\n",
        "h:x/y",
        "a:b:c",
        "localhost/" + "a" * 246,
    ],
)
def test_invalid_reference_is_named(written: str) -> None:
    with pytest.raises(InvalidArgument, match="no image reference") as refusal:
        normalise(written)
    assert repr(written) in str(refusal.value)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("docker://busybox", "docker.io/library/busybox:latest"),
        ("quay.io/a/b:1", "quay.io/a/b:1"),
        ("oci:/srv/images/app:v1", "localhost/srv/images/app:v1"),
        ("oci:/srv/images/app", "localhost/srv/images/app:latest"),
        ("oci:/srv/../srv//app/", "localhost/srv/app:latest"),
        ("oci:/srv/app:quay.io/a/b:1", "quay.io/a/b:1"),
        ("oci-archive:/srv/app.tar", "localhost/srv/app.tar:latest"),
        ("docker-archive:/srv/app.tar:busybox:1", "docker.io/library/busybox:1"),
        ("docker-archive:/srv/app.tar:@2", "localhost/srv/app.tar:2"),
        ("dir:/srv/app", "localhost/srv/app:latest"),
    ],
)
def test_source_determines_the_image_name(source: str, name: str) -> None:
    assert name_for_source(source) == name


def test_path_that_is_no_valid_image_name_gets_a_unique_name() -> None:
    paths = ["/srv/App", "/srv/app+", "/srv/äpp", "/srv/a:pp", "/tmp/x_", "/", "/srv/a pp"]
    paths += ["/a" * 123, "/b" * 123, "/A" * 2000]
    names = [name_for_source(f"dir:{path}") for path in paths]
    assert len({*names, name_for_source("dir:/srv/app")}) == len(paths) + 1
    assert all(normalise(name) == name for name in names)


@pytest.mark.parametrize("source", ["oci:", "oci:app:v1", "dir:./app", "docker-archive::x"])
def test_path_must_be_absolute(source: str) -> None:
    with pytest.raises(InvalidArgument, match="absolute path"):
        name_for_source(source)


def test_short_name_is_searched_at_localhost_first() -> None:
    assert local_names("app:1") == ("localhost/app:1", "docker.io/library/app:1")
    assert local_names("quay.io/app") == ("quay.io/app:latest",)
    assert local_names("docker://app") == ("docker.io/library/app:latest",)
    assert local_names("oci:/a:b") == ("localhost/a:b",)
    assert local_names("ab" * 32) == local_names(DIGEST) == ()


@pytest.mark.parametrize(
    ("member", "value", "where"),
    [
        ("Volumes", {"/\ud800": {}}, "Volumes"),
        ("Volumes", {"/\0": {}}, "Volumes"),
        ("Volumes", ["/data"], "Volumes"),
        ("Healthcheck", "x", "Healthcheck"),
        ("Healthcheck", {"Test": 5}, "Healthcheck.Test"),
        ("Healthcheck", {"Test": ["CMD"]}, "Healthcheck.Test"),
        ("Healthcheck", {"Test": ["x", "y"]}, "Healthcheck.Test"),
        ("Healthcheck", {"Interval": "1s"}, "Healthcheck.Interval"),
        ("Healthcheck", {"Retries": 1 << 70}, "Healthcheck.Retries"),
        ("Env", {"A": "b"}, "Env"),
        ("Env", ["A=\ud800"], "Env\\[0\\]"),
        ("Cmd", "sh", "Cmd"),
        ("Entrypoint", [["sh"]], "Entrypoint\\[0\\]"),
        ("Shell", 1, "Shell"),
        ("User", 0, "User"),
        ("WorkingDir", "/\0", "WorkingDir"),
        ("StopSignal", 15, "StopSignal"),
        ("Labels", [], "Labels"),
        ("Labels", {"a": 1}, "Labels.a"),
        ("ExposedPorts", 80, "ExposedPorts"),
    ],
)
def test_malformed_image_configuration_is_refused_in_one_sentence(member: str, value: object, where: str) -> None:
    config = {"Cmd": ["sh"], "Labels": {"a": "b"}, member: value}
    with pytest.raises(MalformedData, match=f"^image: {where}.*: expected .*, found "):
        checked_config(Foreign(config, "image"))
    # A record that already has the value is read, without that value.
    assert usable_config(config) == {key: one for key, one in config.items() if key != member}


@pytest.mark.parametrize("config", [None, [], "x", 5])
def test_value_that_is_no_object_has_no_configuration(config: object) -> None:
    assert usable_config(config) == {}


def test_valid_image_configuration_is_unchanged() -> None:
    config: dict[str, Any] = {
        "Env": ["A=b", "odd"],
        "Cmd": ["sh"],
        "Volumes": {"/data": {}},
        "Labels": {"a": "b"},
        "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 10**9, "Retries": 3},
        "ExposedPorts": {"80/tcp": {}},
        "ArgsEscaped": True,
    }
    assert checked_config(Foreign({**config, "Entrypoint": None}, "image")) == config
    assert usable_config(config) == config
