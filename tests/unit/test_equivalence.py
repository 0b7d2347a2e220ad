# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option: equivalent notations normalise to the same value, different values to different ones.

A row of the option table without a kind here fails the test.
"""

from __future__ import annotations

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.options.table import OPTIONS
from ansible_collections.libpod.engine.tests.support.option_kinds import KINDS
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("option", OPTIONS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_equivalent_values_normalise_equally_and_different_ones_do_not(option: str, data: st.DataObject) -> None:
    assert option in KINDS, f"{option} has no kind: say here what its values mean and how each can be written"
    kind = KINDS[option]
    meaning = data.draw(kind.meanings, "meaning")
    other = data.draw(st.one_of(st.just(meaning), kind.meanings), "other meaning")
    spelled, also = data.draw(kind.spellings(meaning), "spelling"), data.draw(kind.spellings(other), "other spelling")
    one, two = (OPTIONS[option].normalise(value, option) for value in (spelled, also))
    assert (one == two) == (meaning == other), f"{spelled!r} is {one!r}, and {also!r} is {two!r}"


def test_every_kind_is_an_option() -> None:
    assert set(KINDS) <= set(OPTIONS)


# Options with a single notation.
PLAIN = set(
    "cgroups sdnotify init_ctr seccomp_policy image_volume healthcheck_failure_action"  # choices, which are Ansible's
    " passwd_entry group_entry hostname pod rdt_class timezone ip".split()
)


@pytest.mark.parametrize("option", OPTIONS)
def test_kind_has_several_values_with_several_notations(option: str) -> None:
    kind = KINDS[option]
    meanings: set[str] = set()
    most = 0

    @settings(max_examples=15, deadline=None, database=None, derandomize=True)
    @given(data=st.data())
    def look(data: st.DataObject) -> None:
        nonlocal most
        meaning = data.draw(kind.meanings)
        meanings.add(repr(meaning))
        most = max(most, len({repr(data.draw(kind.spellings(meaning))) for _turn in range(8)}))

    look()
    assert len(meanings) > 1 and (most > 1) != (option in PLAIN), (meanings, most)
