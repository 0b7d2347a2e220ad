# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWX's jobs: the private data directory of docs/examples/awx, run by ansible-runner without privileges."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml
from ansible_collections.libpod.engine.tests.support import images, registry, runner, scenario, sshd
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.runner import Controller

CANARY = "canary-5b1f"
SURVEY = {
    "image": "localhost/busybox:latest",
    "registry": registry.REGISTRY,
    "registry_username": registry.USERS[0],
    "registry_password": registry.PASSWORD,
    "database_password": f"{CANARY}-1",
    "api_key": f"{CANARY}-2",
}
REMOTE = {"shop": {"ansible_host": "127.0.0.1", "ansible_user": "root"}}
# A user without a home has no other directory for Ansible's own files.
LOCAL = {"localhost": {"ansible_connection": "local", "ansible_remote_tmp": "/tmp"}}


@pytest.fixture(scope="module")
def target() -> Iterator[Host]:
    """Yield a host behind its sshd, whose sessions have its roots in the environment."""
    with Host() as host:
        with sshd.Sshd(variables=host.parts.environment()):
            yield host
        host.empty()


@pytest.fixture(scope="module")
def controller(target: Host) -> Controller:
    return Controller()


def test_job_of_the_example_has_clean_events_without_a_secret(target: Host, controller: Controller) -> None:
    server = registry.Registry(target, registry.SECURE)
    os.makedirs("/etc/containers/certs.d", exist_ok=True)
    os.symlink("/srv/registry/certs", f"/etc/containers/certs.d/{registry.REGISTRY}")
    try:
        check = controller.run("site.yml", "--check", "--diff", hosts=REMOTE, variables=SURVEY)
        first = controller.run("site.yml", "--diff", "-vvv", hosts=REMOTE, variables=SURVEY)
        with open(f"{runner.EXAMPLE}/project/site.yml", encoding="utf-8") as file:
            tasks = [{**task, "ignore_errors": True} for task in yaml.safe_load(file)[0]["tasks"]]
        wrong = {**SURVEY, "registry_password": f"{CANARY}-3", "memory": "no size", "api_key": f"{CANARY}-4"}
        failed = controller.run("failing.yml", "-vvv", hosts=REMOTE, variables=wrong, tasks=tasks)
        removed = controller.run("remove.yml", hosts=REMOTE, variables=SURVEY)
    finally:
        server.stop()
    for job in (check, first, removed):
        assert job.exit_code == 0 and job.changed == 3, job.output + job.text
    assert len(failed.results("runner_on_failed")) == 2 and failed.changed == 0, failed.text
    # The event has what the task did, by the names of what is secret.
    assert check.results()[-1]["diff"] and '"API_KEY": "(hidden)"' in first.text
    for job in (check, first, failed, removed):
        assert CANARY not in job.text and registry.PASSWORD not in job.text, job.text


def test_events_of_fifty_containers_in_one_task_are_bounded(controller: Controller) -> None:
    names = [f"c{number}" for number in range(50)]
    defaults = {"image": SURVEY["image"], "state": "created", "network": "none", "env": {"API_KEY": CANARY}}
    listed = {"containers": [{"name": name} for name in names], "defaults": defaults}
    task: dict[str, Any] = {"libpod.engine.libpod_containers": listed}
    gone = {"libpod.engine.libpod_containers": {**listed, "defaults": {"state": "absent"}}}
    job = controller.run("fifty.yml", "--diff", hosts=REMOTE, tasks=[task, gone])
    assert job.exit_code == 0 and job.changed == 2, job.text
    assert all(name in json.dumps(job.results()[0]) for name in names) and CANARY not in job.text
    assert len(json.dumps(job.events)) < 1 << 20


def test_localhost_in_an_execution_environment_is_refused_in_one_sentence(controller: Controller) -> None:
    job = controller.run("site.yml", hosts=LOCAL, variables={**SURVEY, "registry": ""})
    assert len(job.results("runner_on_failed")) == 1, job.text
    (result,) = job.results("runner_on_failed")
    assert result["msg"] == (
        "the engine needs root, and runs as user ID 1000: set become: true, or run on the containers' host in place "
        "of localhost in an execution environment"
    )
    assert "Traceback" not in job.text and not os.path.exists("/nonexistent")


def test_workflow_carries_out_the_plan_that_was_approved(controller: Controller) -> None:
    """The nodes of docs/examples/awx/workflow.yml, in its order; the plan's job type and artifacts as in AWX."""
    with open(f"{runner.EXAMPLE}/workflow.yml", encoding="utf-8") as file:
        templates, workflow = yaml.safe_load(file)[0]["tasks"]
    types = {one["name"]: one["job_type"] for one in templates["loop"]}
    nodes = {one["identifier"]: one for one in workflow["awx.awx.workflow_job_template"]["workflow_nodes"]}
    book = f"{images.PROJECT}/{templates['awx.awx.job_template']['playbook']}"
    given: dict[str, Any] = {"image": SURVEY["image"]}
    approved, ran = 0, []
    following = ["plan"]
    while following:
        node = nodes[following.pop()]
        template = node["unified_job_template"]
        if template["type"] == "workflow_approval":
            approved += 1
        else:
            arguments = ["--check"] if types[template["name"]] == "check" else []
            # The plan is of two hosts, the second a further name of the first, and is carried out on one.
            hosts = {**REMOTE, "second": REMOTE["shop"]} if arguments else REMOTE
            job = controller.run(book, *arguments, "--diff", hosts=hosts, variables=given)
            assert job.exit_code == 0, job.text
            ran.append(job)
            given.update(job.artifacts)
        following += [one["identifier"] for one in node.get("related", {}).get("success_nodes", ())]
    plan, run = ran
    digests = plan.artifacts["approved"]
    assert approved == 1 and set(digests) == {"shop", "second"}
    assert digests["shop"] == run.results()[0]["plan"]["digest"]
    unplanned = {"third": REMOTE["shop"], **REMOTE}
    refused = controller.run(book, hosts=unplanned, variables={**given, "memory": "65m"})
    results = refused.results("runner_on_failed")
    assert [one["error"] for one in results] == ["PlanDiffers"] * 2 and refused.changed == 0, refused.text
    assert any("which has no step" in one["msg"] for one in results), results


def test_execution_environment_is_what_ansible_builder_reads(tmp_path: Any) -> None:
    os.makedirs(tmp_path / "ansible_collections/libpod")
    os.symlink(images.PROJECT, tmp_path / "ansible_collections/libpod/engine")
    argv = [sys.executable, "-m", "ansible_builder", "introspect", "--sanitize", str(tmp_path)]
    read = yaml.safe_load(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    # Ansible brings PyYAML itself.
    assert read["python"] == [] and [line.split()[0] for line in read["system"]] == [
        "openssh-clients",
        "openssh-client",
        "sshpass",
    ]


def test_page_makes_an_execution_environment_and_quotes_the_approval_example(tmp_path: Path) -> None:
    page = f"{images.PROJECT}/docs/awx.md"
    scenario.write(str(tmp_path), scenario.page_files(page))
    (tmp_path / "libpod-engine.tar.gz").touch()
    argv = [sys.executable, "-m", "ansible_builder", "create", "--context", "made"]
    subprocess.run(argv, check=True, capture_output=True, cwd=tmp_path)
    made = yaml.safe_load((tmp_path / "made/_build/requirements.yml").read_text())
    assert all((tmp_path / "made/_build" / one["name"]).exists() for one in made["collections"]), made
    text = Path(page).read_text("utf-8")
    quoted = [*re.findall(r"`(expect_plan: .*)`", text), *re.findall(r"(?s)```yaml\n(- name: Pass.*?)```", text)]
    example = Path(images.PROJECT, "docs/examples/approval/site.yml").read_text("utf-8")
    assert len(quoted) == 2 and all(textwrap.indent(one, "    ") in example for one in quoted), quoted
