# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any command line, template, filter and log of the operator's command is used, or refused in one sentence."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli import arguments, main
from ansible_collections.libpod.engine.plugins.module_utils._cli.completion import candidates
from ansible_collections.libpod.engine.plugins.module_utils._cli.containers import flags
from ansible_collections.libpod.engine.plugins.module_utils._cli.output import filters
from ansible_collections.libpod.engine.plugins.module_utils._cli.output.functions import FUNCTIONS
from ansible_collections.libpod.engine.plugins.module_utils._cli.output.listing import Shape, show
from ansible_collections.libpod.engine.plugins.module_utils._cli.output.template import Template
from ansible_collections.libpod.engine.plugins.module_utils._cli.resources.image import VERBS
from ansible_collections.libpod.engine.plugins.module_utils._container.io import journal_lines, log_lines, log_parts
from ansible_collections.libpod.engine.plugins.module_utils._model import foreign
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.tests.support import fuzz
from hypothesis import strategies as st

PARTS = EngineConfig(static_root="/no/static", run_root="/no/run", storage_root="/no", storage_run_root="/no")
# Those that programs run have no parser of their own, but arguments of a fixed number.
OPERATORS = [name for name, (_module, _function, what) in main.COMMANDS.items() if "; run by " not in what]
COMMANDS = [*((name,) for name in OPERATORS if name != "image"), *(("image", verb) for verb in VERBS)]
VALUE: dict[str, Any] = {
    "Name": "web",
    "Pid": 3,
    "Share": 0.5,
    "Running": True,
    "Mounts": ["a", "b"],
    "Labels": {"x": "1", "io.key": "v"},
    "Networks": {"podman": {"IPAddress": "10.0.0.2"}},
    "Ports": {"80/tcp": [{"HostPort": "8080"}], "81/tcp": None},
    "None": None,
    "Escape": "\x1b[2J\u202e",
}
TEMPLATES = (
    *(
        "{{.Name}}",
        "{{ .Name }} {{.Pid}}\\t{{.Running}}",
        "{{json .Mounts}}",
        "{{range .Networks}}{{.IPAddress}}{{end}}",
    ),
    "{{range $p, $c := .Ports}}{{$p}}{{if $c}} {{(index $c 0).HostPort}}{{else}} no{{end}};{{end}}",
    *('{{index .Labels "io.key"}}', '{{if eq .Name "db" "web"}}yes{{else if .Running}}no{{end}}', "table {{.ID}}\\t"),
    *('{{.Name | upper | printf "%q"}}', '{{join .Mounts ", "}}', '{{split .Name "e"}}', "{{slice .Name 1 2}}"),
    *(
        "{{with .None}}a{{else}}{{$.Name}}{{end}}",
        "a {{- .Name -}}  b {{/* a comment */}}c",
        '{{printf "%-5s|%03d" .Name 1}}',
    ),
    *("{{if and .Running (gt .Pid 2)}}{{or .None .Name}}{{end}}", "{{pad .Name 1 2}}", "{{truncate .Name -1}}"),
    *(
        "{{lower .Share}}{{title .Labels}}{{len .Ports}}",
        "{{not .None | print}}",
        "{{println .Pid 1.5 `x`}}",
        "{{lt .Pid 5}}",
    ),
)


@fuzz.fuzzed(80, text=fuzz.texts(*TEMPLATES))
def test_templates(text: str) -> None:
    rendered = fuzz.refused_or(lambda: Template(text).render(VALUE))
    assert rendered is None or isinstance(rendered, str)
    options = argparse.Namespace(format=text, quiet=False, noheading=False, no_trunc=False)
    with contextlib.redirect_stdout(io.StringIO()):
        fuzz.refused_or(
            lambda: show(options, [VALUE], Shape({"Name": "NAMES"}, lambda _one: {"Name": "a", "Id": "5f"}, "Id"))
        )


_NAMES = st.sampled_from(
    [f".{key}" for key in VALUE] + ["1", "-1", "99", "1.5", '"a"', '"%9999d%f"', "true", "nil", "(.)"]
)


@fuzz.fuzzed(80, data=st.data())
def test_functions_of_templates(data: st.DataObject) -> None:
    word = data.draw(st.sampled_from(sorted(FUNCTIONS)))
    given = data.draw(st.lists(_NAMES, max_size=4))
    fuzz.refused_or(lambda: Template("{{" + " ".join([word, *given]) + "}}").render(VALUE))


GROWING: tuple[Callable[[int], str], ...] = (
    lambda count: "{{" * (count // 2),
    lambda count: "{{.Name}}" * (count // 9),
    lambda count: "{{" + "(" * count + "}}",
    lambda count: "{{" + "(" * (count // 2) + ".Name" + ")" * (count // 2) + "}}",
    lambda count: "{{if .Name}}" * (count // 12),
    lambda count: "{{if .Name}}a" * (count // 20) + "{{end}}" * (count // 20),
    lambda count: "{{if .Name}}" + "{{else if .Name}}" * (count // 17) + "{{end}}",
    lambda count: "{{.Name" + " | print" * (count // 8) + "}}",
    lambda count: "{{ " + " " * count,
    lambda count: "{{ " + " " * count + "}}",
    lambda count: '{{"' + "\\" * count,
    lambda count: '{{"' + "\\\\" * (count // 2) + '"}}',
    lambda count: "{{." + "a." * (count // 2),
    lambda count: "{{" + " -" * (count // 2) + "}}",
    lambda count: "{{`" * (count // 3),
    lambda count: "{{" + "9" * count + "}}",
    lambda count: "{{- " * (count // 4),
    lambda count: "\\t" * (count // 2),
)


@pytest.mark.parametrize("make", GROWING)
def test_templates_take_linear_time(make: Callable[[int], str]) -> None:
    assert fuzz.grows_linearly(lambda text: fuzz.refused_or(lambda: Template(text).render(VALUE)), make, 2_000)


_FILTERS: filters.Known[dict[str, Any]] = {
    "name": filters.pattern(lambda one: [one["Name"]]),
    "id": filters.beginning(lambda one: [one["Name"]]),
    "volume": filters.equal(lambda one: one["Mounts"]),
    "exited": filters.integer(lambda one: one["Pid"]),
    "dangling": filters.flag(lambda one: one["Running"]),
    **filters.labels(lambda one: one["Labels"]),
}


@fuzz.fuzzed(
    80, words=st.lists(fuzz.texts("name=^w.*b$", "label=x=1", "label!=y", "exited=-3", "dangling=true", "id=w"))
)
def test_filters(words: list[str]) -> None:
    fuzz.refused_or(lambda: filters.matcher(words, _FILTERS)(VALUE))


def _parsed(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace | None:
    """Return the arguments, None where the parser ended with 125 and one sentence, or with its help and 0."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            return parser.parse_args(words)
    except SystemExit as end:
        assert end.code in (0, 125), words
        assert end.code == 0 or said.getvalue().splitlines()[-1].startswith("libpod "), words
        return None


def test_flag_with_an_empty_value_is_refused() -> None:
    """Before Python 3.11 argparse looks for the first letter of that value."""
    assert _parsed(arguments.parser_of(PARTS, main.COMMANDS, "ps"), ["-a="]) is None


@fuzz.fuzzed(40, data=st.data())
def test_command_line(data: st.DataObject) -> None:
    command: tuple[str, ...] = data.draw(st.sampled_from(COMMANDS))
    parser = arguments.parser_of(PARTS, main.COMMANDS, *command)
    known = [*parser._option_string_actions, "--", "-", "", "-9", "--x"]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            verb = data.draw(st.sampled_from(sorted(action.choices)))
            known = [*action.choices[verb]._option_string_actions, *known, verb]
            command = (*command, verb)
    words = st.one_of(
        st.sampled_from(known), fuzz.texts(), st.builds("{}={}".format, st.sampled_from(known), fuzz.texts())
    )
    drawn = [*command[2 if command[0] == "image" else 1 :], *data.draw(st.lists(words, max_size=6))]
    options = _parsed(parser, drawn)
    if options is not None and command[0] in ("create", "run"):
        fuzz.refused_or(lambda: normalise(flags.option_values(options)))
    with contextlib.redirect_stdout(io.StringIO()):
        assert candidates.complete(PARTS, [*command, *drawn], main.COMMANDS) == 0


@fuzz.fuzzed(
    80, words=st.lists(st.one_of(st.sampled_from([*main._ARGUMENTS, *main._GROUPS, "help", "-v"]), fuzz.texts()))
)
def test_what_needs_no_command(words: list[str]) -> None:
    if words and words[0] in main.COMMANDS and words[0] not in main._ARGUMENTS:
        return
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        assert main._answered(words) in (None, 0, 2, 125)
    said.getvalue().encode()


ENTRY = {
    "__CURSOR": "s=1",
    "__REALTIME_TIMESTAMP": "1764144000000042",
    "_PID": "7",
    "PRIORITY": "3",
    "CONTAINER_PARTIAL_MESSAGE": "true",
    "MESSAGE": [104, 255],
}


@fuzz.fuzzed(50, documents=st.lists(fuzz.documents(ENTRY), max_size=4))
def test_entries_of_the_journal(documents: list[bytes]) -> None:
    journal = journal_lines.JournalReader("a" * 64)
    for document in documents:
        lines = fuzz.refused_or(lambda document=document: list(journal._entry(foreign.parse(document, "journal"))))
        json.dumps(lines).encode()
    list(journal.rest())


@fuzz.fuzzed(
    80, content=fuzz.lines("2026-01-02T03:04:05.000000001Z stdout F text", "2026-01-02T03:04:05+01:00 stderr P x")
)
def test_log_files(content: bytes) -> None:
    joiner = log_parts.Joiner()
    for raw in content.split(b"\n"):
        part = log_parts.entry(raw)
        if part is not None:
            fuzz.refused_or(lambda part=part: log_parts.seconds(part.time))
            list(joiner.add(part))
    list(joiner.rest())
    for tail in (0, 1, 9):
        assert 0 <= log_parts.tail_offset(io.BytesIO(content), len(content), tail) <= len(content)


@pytest.mark.parametrize(
    "line", [b"\n", b"t stdout P x\n", b"t stdout F x\n", b"t stderr P x\nt stdout F\n", b"t stdout P "]
)
def test_log_files_take_linear_time(line: bytes) -> None:
    def read(content: bytes) -> None:
        joiner = log_parts.Joiner()
        for raw in content.split(b"\n"):
            part = log_parts.entry(raw)
            list(joiner.add(part)) if part else None
        log_parts.tail_offset(io.BytesIO(content), len(content), 3)

    assert fuzz.grows_linearly(read, lambda count: line * (count // len(line)))


TIMES = (
    "2026-01-02T03:04:05.5Z",
    "0001-01-01",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59",
    "10m",
    "1.5",
    "2026-01-02",
)


@fuzz.fuzzed(50, text=fuzz.texts(*TIMES))
def test_times(text: str) -> None:
    fuzz.refused_or(lambda: log_lines.moment(text, "--since"))
    fuzz.refused_or(lambda: log_parts.seconds(text))
