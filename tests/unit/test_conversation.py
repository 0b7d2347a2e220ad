# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command's output is Ansible's without the talk of become, however it is split, and a password is sent once."""

from __future__ import annotations

import math
from typing import Any, Iterator

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.loader import become_loader, get_shell_plugin
from ansible_collections.libpod.engine.plugins.plugin_utils import _conversation as conversation
from ansible_collections.libpod.engine.plugins.plugin_utils._conversation import Conversation

BINARY = bytes(range(256)) * 40
INPUT = b"module\x00\xff"


class Become:
    """A become plugin of Ansible's with a password, and the command of a task that goes through it."""

    def __init__(self, method: str) -> None:
        self.plugin: Any = become_loader.get(method)
        self.plugin.set_options(direct={"become_user": "root", "become_pass": "geheim"})
        self.plugin.build_become_command("true", get_shell_plugin(shell_type="sh", executable="/bin/sh"))
        self.success = self.plugin.success.encode() + b"\n"
        # What su asks depends on its language.
        self.prompt = b"Passwort: " if method == "su" else self.plugin.prompt.encode()


class Talk(Conversation):
    """A conversation that keeps what it says."""

    def __init__(self, become: Become, seconds: float = 60.0) -> None:
        super().__init__(become.plugin, INPUT, seconds, 0)
        self.said: list[tuple[bytes, bool]] = []
        self.add = lambda data, last=False: self.said.append((data, last))


@pytest.fixture(name="become", params=["sudo", "su"])
def _become(request: pytest.FixtureRequest) -> Become:
    return Become(request.param)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    yield from (data[start : start + size] for start in range(0, len(data), size))


@pytest.mark.parametrize("size", [1, 2, 7, 1 << 20])
@pytest.mark.parametrize("output", ["out", "err"])
def test_password_follows_a_prompt_on_either_output_and_input_follows_the_success(
    become: Become, output: str, size: int
) -> None:
    talk = Talk(become)
    for piece in pieces(b"We trust you have received the usual lecture.\n\n" + become.prompt, size):
        getattr(talk, output)(piece)
    assert talk.said == [(b"geheim\n", False)]
    for piece in pieces(become.success + BINARY, size):
        talk.out(piece)
    assert talk.said == [(b"geheim\n", False), (INPUT, True)]
    assert talk.succeeded and talk.deadline == math.inf
    assert bytes(talk.stdout).endswith(BINARY)
    assert become.success.strip() not in talk.stdout
    talk.finished()


def test_prompt_in_the_output_of_the_command_is_output(become: Become) -> None:
    talk = Talk(become)
    talk.err(become.prompt)
    talk.out(become.success)
    after = BINARY + become.prompt + become.success + BINARY
    for piece in pieces(after, 100):
        talk.out(piece)
    assert bytes(talk.stdout) == after
    assert len(talk.said) == 2


def test_second_prompt_is_a_wrong_password_and_gets_none(become: Become) -> None:
    talk = Talk(become)
    talk.err(become.prompt)
    with pytest.raises(AnsibleError, match=f"Incorrect {become.plugin.name} password"):
        talk.err(b"\nSorry, try again.\n" + become.prompt)
    assert talk.said == [(b"geheim\n", False)]


def test_answer_to_a_prompt_that_comes_again_in_pieces_is_given_once(become: Become) -> None:
    talk = Talk(become)
    talk.err(become.prompt)
    talk.err(b"\n")
    talk.out(b"something before the success\n")
    assert talk.said == [(b"geheim\n", False)]


def test_end_after_a_wrong_or_without_a_password_says_so() -> None:
    sudo = Become("sudo")
    wrong, missing = Talk(sudo), Talk(sudo)
    wrong.err(sudo.prompt)
    wrong.err(b"\nSorry, try again.\n")
    with pytest.raises(AnsibleError, match="Incorrect sudo password"):
        wrong.finished()
    missing.err(b"Sorry, a password is required to run sudo\n")
    with pytest.raises(AnsibleError, match="Missing sudo password"):
        missing.finished()


def test_become_that_never_succeeds_ends_at_its_time_and_at_its_length(become: Become) -> None:
    late, long = Talk(become, seconds=0.0), Talk(become)
    late.err(b"\xff\xfe is what it says")
    with pytest.raises(
        AnsibleConnectionFailure, match="did not succeed within 0 seconds: it printed: .* is what it says"
    ):
        late.look()
    with pytest.raises(AnsibleError, match="printed more than 32 KiB and has not succeeded"):
        for piece in pieces(BINARY * 4, 1000):
            long.out(piece)
    assert not long.said


def test_output_without_become_is_kept_as_it_is_up_to_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "OUTPUT_LENGTH", len(BINARY))
    talk = Conversation(None, INPUT, 10.0, 0)
    assert (talk.input, talk.asks, talk.succeeded) == (INPUT, False, True)
    talk.out(BINARY)
    talk.err(BINARY)
    assert (talk.stdout, talk.stderr) == (BINARY, BINARY)
    with pytest.raises(AnsibleError, match="printed more than"):
        talk.out(b"x")


def test_variables_without_a_value_are_left_out_and_others_are_text() -> None:
    assert conversation.environment({"A": 1, "B": None, "C": "", 4: True}) == {"A": "1", "C": "", "4": "True"}


@pytest.mark.parametrize("given", [{"A=B": "c"}, {"": "c"}, {"A": "b\0c"}, {"A\0": "b"}])
def test_variables_that_no_process_can_have_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(AnsibleError, match="ansible_libpod_extra_env: .* cannot be used: expected a name"):
        conversation.environment(given)
