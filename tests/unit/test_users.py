# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users resolve as Docker and podman resolve them, in the container's own files."""

from __future__ import annotations

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._spec.users import User, resolve

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
# a comment: x
broken
web:x:1000:1001:The web,,,:/srv/web:/bin/false
1234:x:7:7::/odd:/bin/sh
huge:x:99999999999:0::/:/bin/sh
words:x:abc:0::/:/bin/sh
short:x:50:60
"""
GROUP = """\
root:x:0:
adm:x:4:web,root
www:x:33:web
wheel:x:10:root
webs:x:1001:
nobody:x:99999999999:web
"""
ROOT = User(0, 0, (0, 4, 10), "/root", "root")
WEB = User(1000, 1001, (1001, 4, 33), "/srv/web", "web")


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("", ROOT),
        ("root", ROOT),
        ("0", ROOT),
        ("web", WEB),
        ("1000", WEB),
        ("web:", WEB),
        ("web:adm", User(1000, 4, (4,), "/srv/web", "web")),
        ("web:77", User(1000, 77, (77,), "/srv/web", "web")),
        ("2000", User(2000, 0, (0,), "/", "")),
        ("2000:2000", User(2000, 2000, (2000,), "/", "")),
        ("2000:www", User(2000, 33, (33,), "/", "")),
        (":www", User(0, 33, (33,), "/root", "root")),
        ("1234", User(1234, 0, (0,), "/", "")),
        ("short", User(50, 60, (60,), "/", "short")),
    ],
)
def test_a_user_is_resolved(user: str, expected: User) -> None:
    assert resolve(user, PASSWD, GROUP) == expected


def test_an_image_without_files_has_numbers_and_root() -> None:
    assert resolve("", "", "") == resolve("0", "", "") == User(0, 0, (0,), "/", "")
    assert resolve("5:6", "", "") == User(5, 6, (6,), "/", "")


def test_groups_are_added_once() -> None:
    assert resolve("web:adm", PASSWD, GROUP, ["www", "4", "555"]).additional_gids == (4, 33, 555)
    assert resolve("web", PASSWD, GROUP, ["wheel"]).additional_gids == (1001, 4, 33, 10)


@pytest.mark.parametrize("user", ["nobody", "Web", "web ", "huge", "words", "broken", "+", "1_000", "٣"])
def test_an_unknown_user_is_refused_by_name(user: str) -> None:
    with pytest.raises(InvalidArgument, match="^user '.*': the image's /etc/passwd has no user"):
        resolve(user, PASSWD, GROUP)


@pytest.mark.parametrize("user", ["web:none", "0:none", "web:nobody", "web:adm:www"])
def test_an_unknown_group_is_refused_by_name(user: str) -> None:
    with pytest.raises(InvalidArgument, match="^user '.*': the image's /etc/group has no group"):
        resolve(user, PASSWD, GROUP)


def test_an_unknown_group_to_add_is_refused_by_name() -> None:
    with pytest.raises(InvalidArgument, match="^group_add 'none'"):
        resolve("", PASSWD, GROUP, ["none"])


@pytest.mark.parametrize("user", ["-1", "2147483648", "0:-5", "0:4294967295"])
def test_an_id_out_of_range_is_refused(user: str) -> None:
    with pytest.raises(InvalidArgument, match="out of range"):
        resolve(user, PASSWD, GROUP)


def test_overlong_numbers_and_lines_name_no_user() -> None:
    long = "9" * 10_000
    passwd = f"x:x:{long}:0::/:/bin/sh\nsuper:x:²:0::/:/bin/sh\n{'y' * 3_000_000}\n{PASSWD}"
    group = f"x:x:{long}:web\n{GROUP}"
    assert resolve("web", passwd, group) == WEB
    for user in (long, f"0:{long}", f"-{long}"):
        with pytest.raises(InvalidArgument, match="out of range") as refused:
            resolve(user, passwd, group)
        assert len(str(refused.value)) < 200
