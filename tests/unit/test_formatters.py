# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a diff shows of an option can be pasted into a playbook."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.options.syntax.formatters import spelled
from ansible_collections.libpod.engine.plugins.module_utils._model.options.table import OPTIONS
from ansible_collections.libpod.engine.tests.support.option_kinds import KINDS
from hypothesis import given, settings
from hypothesis import strategies as st

PASTED = (
    *("publish", "expose", "volume", "tmpfs", "network", "ipc", "pid", "uts", "userns", "cgroupns", "uidmap", "gidmap"),
    *("ulimit", "umask", "device", "device_read_bps", "device_write_iops", "healthcheck_interval"),
    *("health_startup_timeout", "stop_signal", "label", "cap_add", "dns", "mount", "volumes_from", "secrets"),
    *("security_opt", "log_opt", "device_cgroup_rule", "gpus", "hostuser", "chrootdirs"),
)


@pytest.mark.parametrize("option", PASTED)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_formatted_value_parses_to_the_same(option: str, data: st.DataObject) -> None:
    row, kind = OPTIONS[option], KINDS[option]
    value = row.normalise(data.draw(kind.meanings.flatmap(kind.spellings)), option)
    shown = spelled(option, value)
    assert row.normalise(shown, option) == value, f"{value!r} is shown as {shown!r}"
    parts = shown if isinstance(shown, list) else shown.values() if isinstance(shown, dict) else [shown]
    assert all(isinstance(part, (str, int)) for part in parts), shown


@pytest.mark.parametrize(
    "mount",
    [
        *("type=bind,source=/a,target=/b,relabel=private,U,bind-nonrecursive,bind-propagation=slave,ro,noexec",),
        *("type=bind,source=/a,target=/b,idmap=uids=0-1-10#10-11-10;gids=0-100-10",),
        *("type=volume,target=/b", "type=volume,source=a,target=/b,nocopy,relabel=shared"),
        *("type=image,source=a,target=/b,subpath=x/y,rw", "type=image,source=a,target=/b,idmap"),
        *("type=volume,source=a,target=/b,subpath=x/y", "type=volume,source=a,target=/b,volume-subpath=/x/,ro"),
        *(
            "type=tmpfs,target=/b,tmpfs-size=1m,tmpfs-mode=755,ro,notmpcopyup",
            "type=ramfs,target=/b",
            "type=devpts,target=/b",
        ),
    ],
)
def test_mount_is_shown_as_a_playbook_has_it(mount: str) -> None:
    row = OPTIONS["mount"]
    value = row.normalise([mount], "mount")
    assert row.normalise(spelled("mount", value), "mount") == value


@pytest.mark.parametrize(
    ("option", "value"),
    [("network", "no longer shared"), ("userns", {"uid": [[0, 1, 1]]}), ("memory", None), ("mount /a", "gone")],
)
def test_invalid_value_is_shown_as_written(option: str, value: Any) -> None:
    assert spelled(option, value) == value
