# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose files: variables, merging and the counterpart of each field, as the Compose Specification has them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Optional

import pytest
import yaml
from ansible_collections.libpod.engine.plugins.module_utils._ansible import containers
from ansible_collections.libpod.engine.plugins.module_utils._inputs.compose import project, services
from ansible_collections.libpod.engine.plugins.module_utils._inputs.compose.project import Project, Request
from ansible_collections.libpod.engine.plugins.module_utils._inputs.compose.variables import assignments, interpolate
from ansible_collections.libpod.engine.plugins.module_utils._inputs.fields import Fields
from ansible_collections.libpod.engine.plugins.module_utils._inputs.stack import Options
from ansible_collections.libpod.engine.plugins.module_utils._model import caller, foreign_yaml
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import LibpodError, take_warnings
from ansible_collections.libpod.engine.tests.support import fuzz
from hypothesis import strategies as st

TOP = Path(__file__).resolve().parents[2]
VARIABLES = {"A": "a", "EMPTY": ""}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller, "environment", VARIABLES)


def load(text: str, folder: str = "", **more: Any) -> Project:
    """Return the project of a file's text, in which ``p`` is its name."""
    content: Any = foreign_yaml.parse_core(text.encode(), "compose.yml").value
    return project.load(Request(folder, definition=content, name="p", **more))


def service(fields: str, more: str = "", folder: str = "/srv/p") -> Options:
    """Return the options of the container of a service with these fields."""
    loaded = load(f"services: {{s: {{image: i, {fields}}}}}\n{more}", folder)
    (one,) = loaded.stack.containers
    return one


INTERPOLATED = {
    "$A-${A}-$$A": "a-a-$A",
    "${X:-d}${EMPTY:-d}${EMPTY-d}${X-${A}}": "dda",
    "${A:+y}${EMPTY:+y}${EMPTY+y}${X+y}": "yy",
    "${X:-${Y:-}z}": "z",
    "${A:?no}$X.": "a.",
}
NOT_INTERPOLATED = ("$", "${", "${A", "${A!}", "${X?}", "${X:?set it}", "$1", "${A:}", "${X:-" * 40)


@pytest.mark.parametrize("text", INTERPOLATED)
def test_variables_stand_for_their_values(text: str) -> None:
    assert interpolate(text, VARIABLES.get, "f") == INTERPOLATED[text]


@pytest.mark.parametrize("text", NOT_INTERPOLATED)
def test_what_is_no_variable_is_refused(text: str) -> None:
    with pytest.raises(LibpodError, match="^f: "):
        interpolate(text, VARIABLES.get, "f")


def test_env_file_sets_variables() -> None:
    text = (
        "# c\nB=1 # x\nexport C='q $A'\nD=\"x\\n${A}\" # y\nE=p#q\nF=\nG: yes\nA\nX\nH=$B w \nI=\"two\nlines\"\r\nJ=''"
    )
    expected = {"B": "1", "C": "q $A", "D": "x\na", "E": "p#q", "F": "", "G": "yes", "A": "a", "H": "1 w"}
    assert assignments(text, VARIABLES.get, "f") == {**expected, "I": "two\nlines", "J": ""}
    for wrong in ("= x", "A='x", "A B", "A='x' y"):
        with pytest.raises(LibpodError, match=r"^f: line 2 sets no variable"):
            assignments(f"B=1\n{wrong}", VARIABLES.get, "f")


# Fields of a service, with the options of its container.
TRANSLATED: dict[str, dict[str, Any]] = {
    "command: 'a \"b c\" $$X'": {"command": ["a", "b c", "$X"]},
    "entrypoint: [a, 1]": {"entrypoint": ["a", "1"]},
    "environment: [X, A, B=2, C=]": {"env": {"A": "a", "B": "2", "C": ""}},
    "environment: {B: 1.10, C: true, D: 010, E: yes}": {"env": {"B": "1.10", "C": "true", "D": "8", "E": "yes"}},
    "ports: ['8080:80', 22, 22:22, {target: 443, published: '8443', host_ip: '::1', protocol: udp}]": {
        "publish": ["8080:80", "22", "22:22", "[::1]:8443:443/udp"]
    },
    "volumes: [./a:/a:ro, /anon, {type: bind, source: b, target: /b, read_only: true}, {type: tmpfs, target: /t}]": {
        "volume": ["/srv/p/a:/a:ro", "/anon"],
        "mount": ["type=bind,target=/b,ro=true,source=/srv/p/b"],
        "tmpfs": {"/t": ""},
    },
    "hostname: '${UNSET:-}', platform: '', user: '', restart: '', mem_limit: '', entrypoint: ''": {"entrypoint": []},
    "healthcheck: {test: [NONE]}": {"no_healthcheck": True},
    "healthcheck: {test: x, interval: 1m30s, retries: 3}": {
        "healthcheck": ["CMD-SHELL", "x"],
        "healthcheck_interval": "1m30s",
        "healthcheck_retries": 3,
    },
    "mem_limit: 1gb, cpus: 1.5, shm_size: 64M, memswap_limit: -1": {
        "memory": "1g",
        "cpus": "1.5",
        "shm_size": "64m",
        "memory_swap": "-1",
    },
    "deploy: {resources: {limits: {cpus: '0.5', memory: 8m, pids: 9}}, restart_policy: {condition: on-failure, "
    "max_attempts: 3}}": {"cpus": "0.5", "memory": "8m", "pids_limit": "9", "restart_policy": "on-failure:3"},
    "restart: no": {"restart_policy": "no"},
    "restart: false": {"restart_policy": "no"},
    "ulimits: {nproc: 5, nofile: {soft: 1, hard: 2}}": {"ulimit": ["nproc=5", "nofile=1:2"]},
    "extra_hosts: ['a:1.2.3.4', 'a=::1', 'b=[::2]']": {"etc_hosts": {"a": ["1.2.3.4", "::1"], "b": "::2"}},
    "network_mode: host": {"network": ["host"]},
    "hostname: a, domainname: example.org": {"hostname": "a.example.org"},
    "logging: {driver: local, options: {max-size: 1m}}": {"log_driver": "json-file", "log_opt": {"max_size": "1m"}},
    "security_opt: ['no-new-privileges:true', 'seccomp:unconfined']": {
        "security_opt": ["no-new-privileges:true", "seccomp=unconfined"]
    },
    "devices: [/dev/null, {source: /dev/a, target: /dev/b, permissions: r}]": {
        "device": ["/dev/null", "/dev/a:/dev/b:r"]
    },
    "gpus: all": {"gpus": "all"},
    "blkio_config: {weight: 300, device_read_bps: [{path: /dev/a, rate: 12mb}]}": {
        "blkio_weight": 300,
        "device_read_bps": ["/dev/a:12m"],
    },
}


@pytest.mark.parametrize("fields", TRANSLATED)
def test_field_has_its_counterpart(fields: str) -> None:
    options = service(fields)
    assert {name: options.get(name) for name in TRANSLATED[fields]} == TRANSLATED[fields]
    # They are options of a container in a list, with values that it takes.
    assert [one.name for one in containers.wanted({"containers": [options], "defaults": {}})] == ["p-s-1"]


def test_names_and_labels_are_those_of_docker_compose() -> None:
    top = "networks: {n: {name: own}, e: {external: true}}\nvolumes: {v: }\nsecrets: {t: {file: t}}\n"
    granted = "secrets: [t], configs: [{source: c, target: /c, mode: 0400}]"
    fields = "networks: {n: {aliases: [b], priority: 1}, e: , default: {priority: 2}}, volumes: ['v:/v'], scale: 2,"
    loaded = load(
        f"services: {{s: {{image: i, {fields} {granted}}}}}\n{top}configs: {{c: {{content: x}}}}",
        "/srv/p",
    )
    first, second = loaded.stack.containers
    assert (first["name"], second["name"]) == ("p-s-1", "p-s-2")
    assert first["network"] == ["p_default:alias=s", "own:alias=s,alias=b", "e:alias=s"]
    assert first["volume"] == ["p_v:/v"] and first["secrets"] == ["p_t,target=t", "p_c.config,target=/c,mode=0400"]
    prefix = "com.docker.compose."
    assert second["label"][f"{prefix}project"] == "p" and second["label"][f"{prefix}container-number"] == "2"
    assert [one["name"] for one in loaded.stack.networks] == ["p_default", "own"]
    assert loaded.stack.networks[1]["labels"] == {f"{prefix}project": "p", f"{prefix}network": "n"}
    assert [one["name"] for one in loaded.stack.secrets] == ["p_t", "p_c.config"]
    assert loaded.stack.secrets[0]["path"] == "/srv/p/t" and loaded.stack.secrets[1]["data"] == "x"


def test_name_is_all_that_is_read_of_a_project_that_ends(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text("name: ${X:-shop}\nservices: {s: {runtime: x}}")
    assert project.named(Request(str(tmp_path))).name == "shop"
    assert project.named(Request(str(tmp_path), name="own")).name == "own"


def test_variable_that_is_not_set_is_warned_of() -> None:
    take_warnings()
    load("services: {s: {image: '${X:-i}', user: $UNSET}}")
    assert [one for one in take_warnings() if "variable" in one] == [
        "definition: services.s.user: the variable UNSET is not set, and counts as empty"
    ]


def test_conditions_are_waits_and_an_order() -> None:
    stack = load(
        "services: {a: {image: i, depends_on: {b: {condition: service_healthy}, "
        "c: {condition: service_completed_successfully}, gone: {condition: service_started, required: false}}}, "
        "b: {image: i}, c: {image: i, network_mode: 'service:b'}, gone: {image: i, profiles: [x]}}"
    ).stack
    waits = {one["name"]: one.get("wait") for one in stack.containers}
    assert waits == {"p-a-1": None, "p-b-1": "healthy", "p-c-1": "exited"} and stack.once == {"p-c-1"}
    assert stack.after["p-a-1"] == ("p-b-1", "p-c-1") and stack.after["p-c-1"] == ("p-b-1",)
    assert stack.containers[2]["network"] == ["container:p-b-1"]


def test_profiles_and_services_choose_what_is_translated() -> None:
    text = "services: {a: {image: i, depends_on: [b]}, b: {image: i}, c: {image: i, profiles: [x]}, d: {image: i}}"
    choices: list[tuple[dict[str, Any], str]] = [
        ({}, "a b d"),
        ({"profiles": ["x"]}, "a b c d"),
        ({"services": ["a"]}, "a b"),
        ({"services": ["a"], "dependencies": False}, "a"),
        ({"services": ["c"]}, "c"),
    ]
    for chosen, expected in choices:
        assert " ".join(load(text, **chosen).selected) == expected
        assert load(text, **chosen).services == {"a", "b", "c", "d"}
    assert len(load(text, scale={"d": 3}).stack.containers) == 5


def test_files_are_merged_and_extended(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(
        "services: {a: {extends: {file: sub/base.yml, service: b}, command: x, "
        "environment: [B=2, C=3], ports: ['1:1']}}"
    )
    (tmp_path / "compose.override.yml").write_text(
        "services: {a: {command: y z, environment: {C: 4}, ports: ['2:2'], volumes: ['./o:/v']}}"
    )
    (tmp_path / "sub").mkdir()
    base = "services: {b: {image: i, environment: {A: 1, B: 1}, volumes: ['./v:/v', './w:/w'], env_file: e}}"
    (tmp_path / "sub/base.yml").write_text(base)
    (tmp_path / "sub/e").write_text("E=5")
    loaded = project.load(Request(str(tmp_path)))
    (one,) = loaded.stack.containers
    assert one["command"] == ["y", "z"] and one["publish"] == ["1:1", "2:2"]
    assert one["env"] == {"E": "5", "A": "1", "B": "2", "C": "4"}
    assert one["volume"] == [f"{tmp_path}/o:/v", f"{tmp_path}/sub/w:/w"]
    assert loaded.name == re.sub("[^a-z0-9_-]", "", tmp_path.name.lower()).lstrip("_-")


REFUSED = {
    "deploy: {placement: {}}": "compose.yml: services.s.deploy.placement has no counterpart here: remove it",
    "runtime: x": "compose.yml: services.s.runtime has no counterpart",
    "networks: [n]": 'services.s.networks.n: expected a name that is among the file\'s networks, found "n"',
    "volumes: ['v:/v']": "services.s.volumes[0]: expected a name that is among the file's volumes",
    "depends_on: [x]": "services.s.depends_on.x: expected a service of the files that its profiles do not leave out, "
    'found "x"',
    "healthcheck: {test: [curl, localhost]}": "services.s.healthcheck.test: expected CMD, CMD-SHELL or NONE as its",
    "extends: s": "services.s.extends: the service extends itself",
    "extends: x": "has no service 'x'",
    "container_name: a, scale: 2": "services.s.container_name: expected none",
    "network_mode: none, networks: {default: }": "services.s.networks: expected none beside network_mode",
    "init: maybe": "services.s.init: expected true or false",
    "scale: many": "services.s.scale: expected an integer",
    "command: 'a \"b'": "services.s.command: expected a command whose quotes are closed",
    "ports: [{published: 1}]": "services.s.ports[0].target: expected a port",
    "links: ['s:other']": "services.s.links[0] has no counterpart",
    "logging: {driver: syslog}": "services.s.logging.driver has no counterpart here: take json-file",
    "env_file: /no/such": "services.s.env_file[0]: expected a file on the target",
    "pull_policy: daily": "services.s.pull_policy has no counterpart",
}


@pytest.mark.parametrize("fields", REFUSED)
def test_what_cannot_be_translated_is_named_with_its_path(fields: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(f"services: {{s: {{image: i, {fields}}}}}")
    with pytest.raises(LibpodError) as refused:
        project.load(Request(str(tmp_path), name="p"))
    assert REFUSED[fields] in str(refused.value) and str(refused.value).startswith(f"{tmp_path}/compose.yml: ")


def test_file_of_a_refused_field_is_the_one_that_has_it(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("services: {s: {image: i, tty: true}}")
    (tmp_path / "b.yml").write_text("services: {s: {runtime: x}}")
    with pytest.raises(LibpodError, match=rf"^{tmp_path}/b.yml: services.s.runtime has"):
        project.load(Request(str(tmp_path), [f"{tmp_path}/a.yml", f"{tmp_path}/b.yml"], name="p"))


BOMB = "a: &a [1,1,1,1,1,1,1,1]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 8)}]\n" for a, b in zip("abcdefg", "bcdefgh")
)
MALFORMED = {
    BOMB: "with its aliases written out",
    "a: &a [*a]": "line 1 has an alias that stands for no node that ends before it: quote a text",
    "services: {a: !reset x}": "not valid YAML",
    "[]": "expected a Compose file",
    "services: [a]": "services: expected a",
    "services: {a: }": "services.a.image: expected an image",
    "services: {1: {image: i}}": "services (a key): expected a string",
    "include: [x]": "include[0].path: expected an absolute path, since the task gives no project_src",
    "services: {a: {image: i, depends_on: {b: {condition: service_healthy}}}, b: {image: i, healthcheck: "
    "{disable: true}}}": "services.b.healthcheck: expected one that is not disabled",
    "services: {a: {image: i, depends_on: [b]}, b: {image: i, depends_on: [a]}}": "depend on each other: ",
}


@pytest.mark.parametrize("text", MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_file_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(LibpodError) as refused:
        load(text)
    assert MALFORMED[text] in str(refused.value) and "\n" not in str(refused.value)


def test_anchors_and_merge_keys_are_read() -> None:
    loaded = load("x-c: &c {image: i, tty: true}\nservices: {a: {<<: *c, tty: false}, b: *c}")
    assert [one["tty"] for one in loaded.stack.containers] == [False, True]


def test_page_has_the_fields_that_are_translated_and_those_without_effect() -> None:
    page = (TOP / "docs/howto/compose-files.md").read_text()
    table = page[page.index("These have a counterpart") : page.index("These have no effect")]
    listed = {name for row in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`(\w+)`", row)}
    known = services.Translator(Fields(str, "page"), services.Names(*[str] * 7, frozenset()), _none)._known  # type: ignore[arg-type, call-arg]
    assert listed == {*known, "extends"}
    assert all(f"`{name}`" in page for name in services._IDLE)


def _none(_name: str) -> Optional[str]:
    return None


SPECIMEN: dict[str, Any] = {
    "name": "p",
    "services": {f"s{at}": yaml.safe_load(f"{{image: i, {fields}}}") for at, fields in enumerate(TRANSLATED)},
    "networks": {"n": {"ipam": {"config": [{"subnet": "10.9.0.0/24"}]}, "driver_opts": {"parent": "eth0"}}},
    "volumes": {"v": {"driver_opts": {"type": "tmpfs"}, "labels": ["a=b"]}},
    "secrets": {"t": {"environment": "A"}},
    "configs": {"c": {"content": "${A:-x}"}},
}
SPECIMEN["services"]["all"] = {
    "build": {"context": ".", "args": ["A", "B=1"], "dockerfile_inline": "FROM i"},
    "networks": {"n": {"aliases": ["b"], "ipv4_address": "10.9.0.5"}},
    "volumes": [{"type": "volume", "source": "v", "target": "/v", "volume": {"subpath": "x"}}],
    "secrets": ["t"],
    "configs": [{"source": "c", "target": "/c", "mode": "0400"}],
    "depends_on": {"s1": {"condition": "service_healthy"}},
}


@fuzz.fuzzed(150, document=fuzz.documents(SPECIMEN))
def test_any_document_is_translated_or_refused_in_one_sentence(document: bytes) -> None:
    try:
        content: Any = foreign_yaml.parse_core(document, "compose.yml").value
        stack = project.load(Request("/no/such", definition=content, name="p")).stack
        containers.wanted({"containers": list(stack.containers), "defaults": {}})
        json.dumps(stack.containers)
    except LibpodError as error:
        assert str(error) and "\n" not in str(error)


@fuzz.fuzzed(60, text=st.text(alphabet="$A{}:-?+X'\"=\n# \\"))
def test_any_text_is_interpolated_or_refused(text: str) -> None:
    for read in (interpolate, assignments):
        try:
            read(text, VARIABLES.get, "f")
        except LibpodError as error:
            assert str(error).startswith("f: ")


UNFIT = {
    "services: {s: {image: i}, s: {image: j}}": "the key 's' stands there twice",
    "services: {s: {image: i, command: '${A'}}": "services.s.command: lacks a }",
    'services: {s: {image: i, command: "x \'secret"}}': "services.s.command: expected a command",
    'services: {s: {image: i, environment: ["B=hushed\\0"]}}': "services.s.environment[0]: expected text",
    "services: {s: {image: i, environment: ['=hushed', '']}}": "services.s.environment: expected a name in each",
    "services: {s: {image: i, environment: {'': hushed}}}": "services.s.environment: expected a name in each",
    "services: {s: {image: i, labels: ['=hushed']}}": "services.s.labels: expected a name in each",
    "services: {s: {image: i, volumes: [{type: bind, source: '/a,ro=true', target: /b}]}}": "without commas",
    "services: {s: {image: i, volumes: [{type: bind, source: /a, target: '/b,ro=true'}]}}": "without commas",
    "services: {s: {image: i, volumes: ['${NONE}:/b']}}": "services.s.volumes[0]: expected a source before the colon",
    "services: {s: {image: i, networks: {default: {aliases: ['b,ip=10.0.0.1']}}}}": "without commas",
    "services: {s: {image: i, secrets: [{source: t, target: 'a,uid=9'}]}}\nsecrets: {t: {file: t}}": "without commas",
}


@pytest.mark.parametrize("text", UNFIT)
def test_malformed_file_is_refused_without_its_secrets(text: str) -> None:
    with pytest.raises(LibpodError) as refused:
        load(text, "/srv/p")
    assert UNFIT[text] in str(refused.value) and "hushed" not in str(refused.value)


def test_merge_keys_are_no_keys_twice() -> None:
    above = "x-b: &b {image: i, user: '1'}\nx-a: &a {<<: *b, user: '2'}\n"
    text = f"{above}services: {{s: {{<<: *a, user: '3'}}, t: {{<<: [*a, *b]}}}}"
    assert [one["user"] for one in load(text).stack.containers] == ["3", "2"]
