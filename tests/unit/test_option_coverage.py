# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_container's options against podman_container's, and against their own documentation."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.libpod.engine.plugins.modules import libpod_container
from ansible_collections.libpod.engine.tests import option_coverage

# Accepts the values of podman's option, and more.
WIDER = {
    "cgroup_parent": "a slice's name is no path",
    "dns_option": "there may be several",
    "entrypoint": "a list of words needs no quoting",
    "health_startup_cmd": "a list of words needs no quoting",
    "healthcheck": "a list of words needs no quoting",
    "label_file": "a path's home directory is expanded",
    "stop_signal": "names of signals as well",
    "stop_timeout": "durations such as 1m30s as well",
    "timeout": "durations such as 1m30s as well",
}
PODMANS, OURS = option_coverage.podmans(), option_coverage.ours()


def test_nothing_is_missing() -> None:
    assert option_coverage.missing() == []


def test_inapplicable_option_is_absent() -> None:
    assert set(option_coverage.NOT_APPLICABLE) <= set(PODMANS) - set(OURS)


@pytest.mark.parametrize("name", sorted(set(PODMANS) & set(OURS)))
def test_option_has_podmans_type_and_aliases(name: str) -> None:
    theirs, here = PODMANS[name], OURS[name]
    assert set(theirs.get("aliases", ())) <= set(here.get("aliases", ()))
    same = (theirs["type"], theirs.get("elements")) == (here["type"], here.get("elements"))
    assert same != (name in WIDER)


def test_documentation_and_argument_spec_agree() -> None:
    documented: dict[str, Any] = yaml.safe_load(libpod_container.DOCUMENTATION)["options"]
    for name, option in OURS.items():
        if name not in documented and "fallback" in option:
            continue  # the fragment's, tested by ansible-test
        shown = documented[name]
        for key in ("type", "elements", "default", "required"):
            assert shown.get(key) == option.get(key), (name, key)
        for key in ("aliases", "choices"):
            assert set(shown.get(key, ())) == set(option.get(key, ())), (name, key)
        assert shown["description"], name
    assert set(documented) <= set(OURS)
