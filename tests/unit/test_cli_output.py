# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``--format``'s Go templates as text/template and podman have them, and ``--filter``."""

from __future__ import annotations

import argparse
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli.output import filters
from ansible_collections.libpod.engine.plugins.module_utils._cli.output.listing import Shape, show
from ansible_collections.libpod.engine.plugins.module_utils._cli.output.template import Template
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument

VALUE: dict[str, Any] = {
    "Name": "web",
    "Pid": 3,
    "Running": True,
    "Mounts": ["a", "b"],
    "Labels": {"x": "1", "io.key": "v"},
    "Networks": {"podman": {"IPAddress": "10.0.0.2"}, "b": {"IPAddress": "10.0.0.3"}},
    "Ports": {"80/tcp": [{"HostPort": "8080"}], "81/tcp": None},
    "None": None,
    "Escape": "\x1b[2J\u202e",
}

RENDERED = {
    "{{.Name}}": "web",
    "{{ .Name }} {{.Pid}}\\t{{.Running}}": "web 3\ttrue",
    "{{.Mounts}} {{.Labels}} {{.None}}": "[a b] map[io.key:v x:1] <nil>",
    "{{json .Mounts}}": '["a","b"]',
    "{{json .Escape}}": '"\\u001b[2J\\u202e"',
    "{{.Escape}}": "?[2J?",
    "{{range .Mounts}}<{{.}}>{{end}}": "<a><b>",
    "{{range .Networks}}{{.IPAddress}} {{end}}": "10.0.0.3 10.0.0.2 ",
    "{{range $p, $c := .Ports}}{{$p}}{{if $c}} {{(index $c 0).HostPort}}{{else}} no{{end}};{{end}}": (
        "80/tcp 8080;81/tcp no;"
    ),
    '{{index .Labels "io.key"}} {{.Labels.lacking}}': "v <no value>",
    '[{{index .Labels "lacking"}}] {{index .Ports "1/tcp"}} {{index .Networks "c"}}': "[] [] <nil>",
    '[{{index .None "lacking"}}]{{if index .Labels "lacking"}}yes{{end}}': "[]",
    '{{if eq .Name "db" "web"}}yes{{else if .Running}}no{{end}}': "yes",
    "{{if not .Running}}no{{else if .Pid}}{{.Pid}}{{end}}": "3",
    '{{.Name | upper | printf "%q"}} {{join .Mounts ", "}} {{len .Ports}}': '"WEB" a, b 2',
    "{{with .None}}a{{else}}{{$.Name}}{{end}}{{range .Mounts}}{{$.Pid}}{{end}}": "web33",
    "a {{- .Name -}}  b {{/* a comment */}}c": "awebb c",
    '{{"}}"}}': "}}",
    '{{printf "%-5s|%03d|%v%%" .Name .Pid .Running}}': "web  |003|true%",
    "{{if and .Running (gt .Pid 2)}}{{or .None .Name}}{{end}}": "web",
}
INSPECTED: dict[str, Any] = {
    "Config": {"StopSignal": 15, "Hostname": "web"},
    "Mounts": [{"Type": "bind", "Destination": "/a"}, {"Type": "volume", "Destination": "/b", "Name": "data"}],
    "subnets": [{"subnet": "10.0.0.0/24"}],
    "network_interface": "cni0",
}
UNSET = {
    "{{.Config.Healthcheck}} {{json .Config.Healthcheck}} {{.Config.HealthcheckOnFailureAction}}|": "<nil> null |",
    "{{range .Mounts}}{{.Name}}{{.SubPath}},{{end}}": ",data,",
    "{{with .Config.Healthcheck}}{{.Test}}{{else}}none{{end}}": "none",
    "{{range .Subnets}}{{.Subnet}}{{end}} {{.NetworkInterface}}": "10.0.0.0/24 cni0",
}


@pytest.mark.parametrize("text", UNSET)
def test_fields_have_podmans_names_and_may_be_unset(text: str) -> None:
    assert Template(text).render(INSPECTED) == UNSET[text]
    for lacking in ("{{.Healthcheck}}", "{{.Name}}", "{{.Config.Name}}"):
        with pytest.raises(InvalidArgument, match="there is no"):
            Template(lacking).render(INSPECTED)


REFUSED = (
    *("{{.Foo}}", "{{.Name", "{{foo .}}", "{{if .Running}}", "{{end}}", "{{else}}", "{{.Name.First}}", "{{$x}}"),
    *("{{index .Mounts 9}}", "{{eq}}", "{{range .Pid}}{{end}}", "{{.Name .Pid}}", "{{|}}", "{{}}", '{{"\\q"}}'),
    '{{index (index .Ports "1/tcp") 0}}',
    *("{{if .Running}}1{{else}}2", '{{printf "%d" "x"}}', "{{pad .Name 1000000 1}}", "{{upper .Name .Pid}}"),
)


def test_templates_render_as_go_does() -> None:
    for text, rendered in RENDERED.items():
        assert Template(text).render(VALUE) == rendered, text


def test_a_wrong_template_is_refused_in_a_sentence() -> None:
    for text in REFUSED:
        with pytest.raises(InvalidArgument, match=r"^--format: .*expected table, json, or a template"):
            Template(text).render(VALUE)
    with pytest.raises(InvalidArgument, match=r"there is no \.Foo, but \.Name, \.Pid"):
        Template("{{.Foo}}").render(VALUE)


def test_a_template_in_a_table_has_headings_and_stays_in_its_cells(capsys: pytest.CaptureFixture[str]) -> None:
    things = [{"Name": "a\tb\x1b[2J", "StartedAt": "now"}, {"Name": "c", "StartedAt": ""}]
    options = argparse.Namespace(
        format="table {{.Name}}\\t{{upper .StartedAt}}\\t{{.Id}}", quiet=False, noheading=False, no_trunc=False
    )
    show(options, things, Shape({"Name": "NAMES"}, lambda one: {"Id": "5f"}, "Id"))
    assert capsys.readouterr().out.splitlines() == [
        "NAMES     STARTED AT   ID",
        "a?b?[2J   NOW          5f",
        "c                      5f",
    ]


def test_values_of_a_filter_are_alternatives_and_labels_are_not() -> None:
    known: filters.Known[dict[str, Any]] = {
        "name": filters.pattern(lambda one: [one["Name"]]),
        **filters.labels(lambda one: one["Labels"]),
    }
    for words, passes in (
        (("name=^w", "name=nothing"), True),
        (("name=nothing", "label=x"), False),
        (("label=x=1", "label=io.key"), True),
        (("label=x=1", "label=y"), False),
        (("label!=y", "name=eb$"), True),
        (("label!=x",), False),
    ):
        assert filters.matcher(words, known)(VALUE) is passes, words
    for word in ("name", "size=1", "name=("):
        with pytest.raises(InvalidArgument, match="--filter: "):
            filters.matcher([word], known)
