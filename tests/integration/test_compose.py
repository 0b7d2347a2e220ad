# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_compose: the services of a Compose file, from nothing to nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import Process
from ansible_collections.libpod.engine.tests.support.registry import APP, SECURE, Registry

FILE = """
name: shop
x-common: &common
  image: localhost/busybox:latest
  stop_signal: KILL
services:
  web:
    <<: *common
    command: sh -c 'wget -q -O /got http://store/answer; sleep 1000'
    depends_on:
      store: {condition: service_healthy}
      prepare: {condition: service_completed_successfully}
    environment: {MODE: "${MODE:-production}"}
    configs: [{source: site, target: /etc/site.conf}]
    volumes: ["./pages:/pages:ro", "data:/data"]
    deploy: {update_config: {parallelism: 1}}
  store:
    <<: *common
    command: httpd -f -p 80 -h /data
    volumes: ["data:/data"]
    secrets: [token]
    healthcheck: {test: wget -q -O /dev/null http://127.0.0.1/answer, interval: 200ms, retries: 50}
    depends_on: {prepare: {condition: service_completed_successfully}}
  prepare:
    <<: *common
    command: sh -c 'echo 42 >/data/answer'
    volumes: ["data:/data"]
    network_mode: none
  debug:
    <<: *common
    command: sleep 1000
    profiles: [debug]
volumes: {data: }
secrets: {token: {environment: TOKEN}}
configs: {site: {content: "mode ${MODE:-production}"}}
"""
KEPT = """
name: shop
services:
  store:
    image: localhost/busybox:latest
    stop_signal: KILL
    command: httpd -f -p 80 -h /data
    volumes: ["data:/data"]
    secrets: [token]
    network_mode: none
volumes: {data: }
secrets: {token: {environment: TOKEN}}
"""
ABSENT = {"project_name": "shop", "state": "absent"}


class Project:
    """The file above in a directory of its own, and tasks about it."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host = host
        self.folder = folder
        self.write(FILE)
        (folder / ".env").write_text("TOKEN='s3cr 3t'\n")

    def write(self, text: str, name: str = "compose.yml") -> None:
        (self.folder / name).write_text(text)

    def run(self, *, check: bool = False, **args: Any) -> Result:
        where = {} if {"state", "definition"} & args.keys() else {"project_src": str(self.folder)}
        return self.host.module("libpod_compose", {**where, "workers": 2, **args}, check=check, diff=True)

    def done(self, **args: Any) -> Result:
        """Check mode predicts what the run does, and a second run changes nothing."""
        predicted = self.run(check=True, **args)
        result = self.run(**args)
        assert not result.failed and not predicted.failed, (predicted, result)
        assert predicted["actions"] == result["actions"] and predicted["changed"] == result["changed"]
        again = self.run(**args)
        assert not again.failed and again["actions"] == [] and not again.changed, again
        return result


@pytest.fixture(name="project")
def _project(host: Host, tmp_path: Path) -> Project:
    return Project(host, tmp_path)


def _by_name(result: Result) -> dict[str, dict[str, Any]]:
    return {one["Name"]: one for one in result["containers"]}


@pytest.mark.smoke
def test_project_is_created_changed_and_removed(project: Project) -> None:
    made = project.done()
    first = ["created network shop_default", "created volume shop_data"]
    assert made["actions"][:2] == first and f"created directory {project.folder}/pages" in made["actions"]
    assert [one for one in made["actions"] if one.startswith("started")] == [
        f"started shop-{name}-1" for name in ("prepare", "store", "web")
    ]
    assert made["ineffective"] == [f"{project.folder}/compose.yml: services.web.deploy.update_config"]
    containers = _by_name(made)
    assert containers["shop-prepare-1"]["State"]["Status"] == "exited"
    labels = containers["shop-web-1"]["Config"]["Labels"]
    assert labels["com.docker.compose.service"] == "web" and labels["com.docker.compose.container-number"] == "1"
    root = f"/proc/{containers['shop-web-1']['State']['Pid']}/root"
    with open(f"{root}/etc/site.conf", encoding="utf-8") as file:
        assert file.read() == "mode production"
    store = f"/proc/{containers['shop-store-1']['State']['Pid']}/root"
    with open(f"{store}/run/secrets/token", encoding="utf-8") as file:
        assert file.read() == "s3cr 3t"
    assert "s3cr 3t" not in str(made) and os.path.samefile(f"{root}/pages", project.folder / "pages")

    # A change of the one service leaves the others as they are.
    project.write(FILE.replace("MODE:-production", "MODE:-test"))
    changed = project.done()
    assert changed["actions"] == ["replaced secret shop_site.config", "recreated shop-web-1"]
    after = _by_name(changed)
    assert after["shop-store-1"]["Id"] == containers["shop-store-1"]["Id"]

    # A profile adds its services. Without it they stay as they are, as with docker compose.
    with_debug = project.done(profiles=["debug"])
    assert with_debug["actions"] == ["created shop-debug-1", "started shop-debug-1"]
    assert project.run()["actions"] == [] and project.run(remove_orphans=True)["actions"] == []
    assert project.done(profiles=["debug"], services=["debug"], scale={"debug": 0})["actions"] == [
        "deleted shop-debug-1"
    ]

    # What is no longer in the files goes with remove_orphans, and so does the network that none uses any more.
    project.write(KEPT)
    warned = project.run(check=True)
    assert "shop-prepare-1" in str(warned["warnings"]) and "deleted" not in str(warned["actions"])
    left = project.done(remove_orphans=True)
    assert {"deleted shop-web-1", "deleted shop-prepare-1", "deleted network shop_default"} < set(left["actions"])

    assert project.done(project_name="shop", state="stopped")["actions"] == ["stopped shop-store-1"]
    gone = project.done(**ABSENT, remove_volumes=True)
    assert gone["actions"] == ["deleted shop-store-1", "removed secret shop_token", "deleted volume shop_data"]
    project.host.expect_clean()


def test_existing_service_is_changed_to_a_network_and_directory_of_the_same_task(project: Project) -> None:
    definition: dict[str, Any] = {
        "services": {"one": {"image": "localhost/busybox:latest", "command": "sleep 1000", "stop_signal": "KILL"}},
    }
    task: dict[str, Any] = {"project_name": "grown", "definition": definition}
    project.done(**task)
    definition["services"]["one"] |= {"networks": ["back"], "volumes": [f"{project.folder}/new:/new"], "scale": 2}
    definition["networks"] = {"back": {"internal": True}}
    grown = project.done(**task, remove_orphans=True)
    assert "created network grown_back" in grown["actions"] and "deleted network grown_default" in grown["actions"]
    shrunk = project.done(**task, scale={"one": 1})
    assert shrunk["actions"] == ["deleted grown-one-2"]
    project.done(project_name="grown", state="absent")
    project.host.expect_clean()


def test_image_is_built_and_its_container_follows_it(project: Project) -> None:
    file = """
      services:
        app:
          build: {{context: ., dockerfile_inline: "FROM busybox\\nCOPY page /page\\n"}}
          command: [sleep, "1000"]
          stop_signal: KILL
          network_mode: none
    """
    project.write(file.format())
    for page in ("first", "second"):
        (project.folder / "page").write_text(page)
        made = project.done(project_name="b")
        verb = "created" if page == "first" else "recreated"
        assert made["actions"][:2] == ["built image localhost/b-app:latest", f"{verb} b-app-1"]
        (one,) = made["containers"]
        assert Path(f"/proc/{one['State']['Pid']}/root/page").read_text() == page
    project.done(project_name="b", state="absent")
    # docker and podman keep images and the layers of builds too.
    assert not project.host.module("libpod_image", {"name": "b-app", "state": "absent"}).failed
    assert not project.host.module("libpod_prune", {"image": True}).failed


def test_task_says_how_the_registry_of_its_images_is_reached(project: Project) -> None:
    registry = Registry(project.host, SECURE)
    try:
        other = APP.replace("app", "other")
        for name in (APP, other):
            registry.push("bare" if name == other else "busybox", name, "--dest-creds=me:secret-word")
        project.write(f"""
          services:
            app: {{build: {{context: ., dockerfile_inline: "FROM {APP}\\nLABEL own=1\\n"}}, command: "true"}}
            base: {{image: "{APP}", command: "true"}}
            web: {{image: "{other}", command: sleep 1000, stop_signal: KILL}}
          networks: {{default: {{internal: true}}}}
        """)
        task: dict[str, Any] = {"project_name": "p", "project_src": str(project.folder), "tls_verify": False}
        task["state"] = "created"
        for wrong, message in (
            ({}, "authentication required"),
            ({"username": "me"}, "password"),
            ({"username": "me", "password": "wrong-word"}, "authentication required"),
            ({"username": "me", "password": "secret-word", "tls_verify": True}, "certificate"),
        ):
            refused = project.run(**{**task, **wrong})
            assert refused.failed and message in refused["msg"] and "-word" not in str(refused), refused
        task |= {"username": "me", "password": "secret-word"}
        plan = project.run(check=True, **task)["plan"]["digest"]
        made = project.done(**task, expect_plan=plan)
        # The build has pulled the image of base before.
        brought = [one for one in made["actions"] if " image " in one]
        assert brought == ["built image localhost/p-app:latest", f"pulled image {other}"], made
        assert "secret-word" not in str(made)
        project.done(project_name="p", state="absent")
        for name in ("p-app", APP, other):
            assert not project.host.module("libpod_image", {"name": name, "state": "absent"}).failed
        assert not project.host.module("libpod_prune", {"image": True}).failed
    finally:
        registry.remove()


def test_included_files_are_run_from_their_directories(project: Project) -> None:
    common = "image: 'localhost/busybox:latest', stop_signal: KILL"
    (project.folder / "store").mkdir()
    project.write(f"""
      include: [store/compose.yml]
      services:
        web: {{{common}, command: "sh -c 'wget -q -O /got http://store/; sleep 1000'", depends_on: [store]}}
    """)
    project.write(
        f"services: {{store: {{{common}, command: 'httpd -f -p $PORT -h /pages', volumes: ['./pages:/pages']}}}}",
        "store/compose.yml",
    )
    project.write("PORT=80\n", "store/.env")
    project.write(
        "services: {web: {hostname: !reset a, environment: {A: !override b}}, store: {hostname: other}}",
        "compose.override.yml",
    )
    made = project.done(project_name="i")
    assert [one for one in made["actions"] if one.startswith("started")] == ["started i-store-1", "started i-web-1"]
    store = Process(_by_name(made)["i-store-1"])
    assert os.path.samefile(store.path("root/pages"), project.folder / "store/pages")
    assert store.argv[3] == "80" and store.read("root/etc/hostname") == "other\n"
    # The variables of the project win, and the file that it no longer includes has its services removed.
    project.write("PORT=81\n", ".env")
    assert project.done(project_name="i")["actions"] == ["recreated i-store-1"]
    (project.folder / "compose.override.yml").unlink()
    project.write(f"services: {{web: {{{common}, command: sleep 1000}}}}")
    left = project.done(project_name="i", remove_orphans=True)
    assert "deleted i-store-1" in left["actions"] and "recreated i-web-1" in left["actions"]
    project.done(project_name="i", state="absent")
    project.host.expect_clean()


def test_killed_removal_is_finished_by_the_next_one(host: Host) -> None:
    service = {"image": "localhost/busybox:latest", "command": "sleep 1000", "stop_signal": "KILL"}
    task = {"project_name": "k", "definition": {"services": {"a": service, "b": {**service, "depends_on": ["a"]}}}}
    gone = {"project_name": "k", "state": "absent", "workers": 1}
    for at in (5, 11, 16):
        assert not host.module("libpod_compose", task).failed
        assert host.module("libpod_compose", gone, kill_at=at).killed
        assert not host.module("libpod_compose", gone).failed
        host.expect_clean()


REFUSED = {
    "services: {a: {image: x, deploy: {placement: {}}}}": "services.a.deploy.placement has no counterpart here: ",
    "services: {a: {image: x, command: '${'}}": "services.a.command: ",
    "services: {a: {image: x, networks: [b]}}": "services.a.networks.b: expected a name that is among ",
    "services: {a: {image: x, depends_on: [b]}}": "services.a.depends_on.b: expected a service of the files",
    "services: {a: {image: x, depends_on: [c]}, c: {image: x, depends_on: [a]}}": "depend on each other",
    "services: [": "not valid YAML",
    "services: {a: {image: x}}\nnetworks: {default: {ipam: {config: [{subnet: y}]}}}": "network p_default: subnet: 'y'",
    "services: {a: {image: x, mem_limit: much}}": "container p-a-1: memory: 'much'",
}


def test_file_that_cannot_be_used_is_refused_before_any_change(project: Project) -> None:
    for text, message in REFUSED.items():
        project.write(f"name: p\n{text}\n")
        for check in (True, False):
            refused = project.run(check=check)
            assert refused.failed and message in refused["msg"], (text, refused)
    project.host.expect_clean()


EXTERNAL = """
name: shop
services: {web: {image: localhost/busybox, command: sleep 1000, stop_signal: KILL, volumes: ["data:/data"]}}
volumes: {data: {external: true, name: pages}}
"""


def test_external_volume_has_to_be_there(project: Project) -> None:
    project.write(EXTERNAL)
    refused = project.run()
    assert refused.failed and "volume pages is external, and there is none: make it with" in refused["msg"]
    assert project.host.module("libpod_volume_info")["volumes"] == [] and not refused.changed
    predicted = project.run(check=True)
    assert predicted.changed and any("pages is external" in one for one in predicted["warnings"]), predicted
    project.host.module("libpod_volume", {"name": "pages"})
    assert project.done()["actions"] == ["created network shop_default", "created shop-web-1", "started shop-web-1"]
    project.run(state="absent", project_name="shop", remove_volumes=True)
    assert not project.host.module("libpod_volume", {"name": "pages"}).changed
