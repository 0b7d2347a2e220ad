# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule's instances of images that create builds of the scenario's Dockerfiles, as molecule-plugins' drivers do.

And what create refuses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.libpod.engine.plugins.plugin_utils._molecule_instances import container_name, scenario_id
from ansible_collections.libpod.engine.tests.support import scenario
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.scenario import Books

# As the template of molecule-plugins' drivers begins.
DOCKERFILE = """\
FROM {{ item.image }}
{% for name, value in (item.env | default({})).items() %}
ENV {{ name }} {{ value }}
{% endfor %}
ARG WORD=nothing
COPY page /page
RUN echo "{{ item.name }} $WORD $COLOUR" > /built
"""
SMALL: dict[str, Any] = {"image": "localhost/busybox:latest", "network_mode": "none"}
SECRET = "correct-horse"
PLATFORMS: list[dict[str, Any]] = [
    {
        **SMALL,
        "name": "One_1",
        "pre_build_image": False,
        "buildargs": {"WORD": "hello"},
        "env": {"COLOUR": "green"},
        "pull": False,
        "registry": {"url": "localhost", "credentials": {"username": "me", "password": SECRET}},
    },
    {**SMALL, "name": "two", "dockerfile": "other/Dockerfile.j2"},
    {**SMALL, "name": "three"},
    {**SMALL, "name": "four", "pre_build_image": True},
]
SAID = {"One_1": "One_1 hello green\npage", "two": "other", "three": "three nothing \npage"}


def _read(host: Host, folder: Path, name: str) -> str:
    container = container_name(name, scenario_id(str(folder)))
    look = {"name": container, "argv": ["sh", "-c", "cat /built /page 2>/dev/null || true"]}
    return str(host.module("libpod_container_exec", look)["stdout"]).strip()


def _clean(host: Host) -> None:
    """Remove every image that was built; layers of the cache have no name."""
    for image in host.module("libpod_image_info")["images"]:
        for name in image["RepoTags"]:
            if "molecule_local" in name:
                assert not host.module("libpod_image", {"name": name, "state": "absent"}).failed
    assert not host.module("libpod_prune", {"image": True}).failed
    host.expect_clean()


def test_images_are_built_once_and_again_after_a_change(host: Host, tmp_path: Path) -> None:
    files = {
        "Dockerfile.j2": DOCKERFILE,
        "page": "page\n",
        "other/Dockerfile.j2": "FROM busybox\nRUN echo other > /built\n",
    }
    scenario.write(f"{tmp_path}/scenario", files)
    books = Books(host, tmp_path, PLATFORMS)
    assert books.changes("create", "--check") == books.changes("create") == 3
    assert {name: _read(host, tmp_path, name) for name in SAID} == SAID
    assert _read(host, tmp_path, "four") == ""
    assert not books.changes("create")
    scenario.write(f"{tmp_path}/scenario", {"page": "changed\n"})
    assert books.changes("create", "--check") == books.changes("create") == 2
    assert _read(host, tmp_path, "three") == "three nothing \nchanged"
    books.changes("destroy")
    _clean(host)


def test_failed_build_is_destroyed_and_tells_no_password(host: Host, tmp_path: Path) -> None:
    scenario.write(f"{tmp_path}/scenario", {"Dockerfile.j2": "FROM {{ item.image }}\nRUN exit 7\n"})
    books = Books(host, tmp_path, PLATFORMS[:1])
    started = books.start("create", "-vvv")
    printed = started.communicate(timeout=600)[0]
    assert started.returncode == 2 and "RUN exit 7" in printed
    assert SECRET not in printed
    assert not host.module("libpod_container_info")["containers"]
    books.changes("destroy")
    _clean(host)


def test_unknown_key_is_refused_with_the_right_one_before_anything_is_made(host: Host, tmp_path: Path) -> None:
    started = Books(host, tmp_path, [{**SMALL, "name": "one"}, {**SMALL, "name": "two", "volume_s": []}]).start(
        "create"
    )
    printed = started.communicate(timeout=600)[0]
    assert started.returncode != 0
    assert "platform two: volume_s is no key of a platform: did you mean volumes?" in " ".join(printed.split())
    assert not host.module("libpod_container_info")["containers"]
