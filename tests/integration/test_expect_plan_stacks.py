# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""expect_plan of Compose projects, quadlets and Kubernetes YAML: the plan that check mode showed, or no effect."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._ansible.projects.run import StackRun
from ansible_collections.libpod.engine.tests.support import seeds
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result

NOTHING = "nothing"
BUSYBOX: dict[str, Any] = {"image": "localhost/busybox:latest", "command": "sleep 1000", "stop_signal": "KILL"}
STACK: dict[str, Any] = {
    "services": {
        "a": {**BUSYBOX, "networks": ["n"], "volumes": ["v:/v"], "secrets": ["t"]},
        "b": {**BUSYBOX, "depends_on": ["a"], "networks": ["n"]},
    },
    "networks": {"n": {"internal": True}},
    "volumes": {"v": {}},
    "secrets": {"t": {"content": "s3cr 3t"}},
}
POD = """
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {answer: "%s"}
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{name: c, configMap: {name: c}}, {name: e, emptyDir: {}}]
  containers:
    - name: c
      image: localhost/busybox:latest
      args: [sleep, "1000"]
      volumeMounts: [{name: c, mountPath: /c}, {name: e, mountPath: /e}]
"""
UNITS = {
    "p.pod": "[Pod]\nNetwork=n.network\n",
    "n.network": "[Network]\nInternal=true\n",
    "v.volume": "[Volume]\n",
    "c.container": "[Container]\nImage=localhost/busybox:latest\nExec=sleep 1000\nPod=p.pod\nVolume=v.volume:/v\n"
    "StopSignal=KILL\n",
}


def compose(host: Host, *, without: str = "", **given: Any) -> Result:
    """Run a task about the project ``p``, whose secret and others are as above unless they are left out."""
    how = {key: given.pop(key) for key in ("check", "prepare", "kill_at") if key in given}
    stack = given.pop("stack", STACK)
    if without:
        stack = {**stack, "services": {name: one for name, one in stack["services"].items() if name != without}}
    definition = {} if given.get("state") == "absent" else {"definition": stack}
    task = {"project_name": "p", "workers": 2, "remove_orphans": True, **definition, **given}
    return host.module("libpod_compose", task, **how)


def everything(host: Host) -> list[Any]:
    """Return what tasks change, as the modules that show it see it."""
    kinds = {"container": "containers", "network": "networks", "volume": "volumes", "secret": "secrets", "pod": "pods"}
    found = {kind: host.module(f"libpod_{kind}_info") for kind in kinds}
    return [found[kind][kinds[kind]] for kind in kinds]


def approved(act: Callable[..., Result]) -> Result:
    """Have the plan of check mode carried out, and a repeated job change nothing; return the result."""
    predicted = act(check=True)
    assert not predicted.failed, predicted
    digest = predicted["plan"]["digest"]
    done = act(expect_plan=digest)
    assert not done.failed and done["actions"] == predicted["actions"] and done["plan"]["digest"] == digest, done
    again = act(expect_plan=digest)
    assert not again.failed and not again.changed and again["plan"]["digest"] == NOTHING, again
    return done


def test_project_is_made_changed_and_removed_as_approved(host: Host) -> None:
    made = approved(lambda **how: compose(host, **how))
    parts = [part.partition("=")[0] for part in made["plan"]["digest"].split(",")]
    assert parts == ["network/p_n", "p-a-1", "p-b-1", "secret/p_t", "volume/p_v"]
    changed = {**STACK, "secrets": {"t": {"content": "other"}}, "networks": {"n": {"labels": {"a": "b"}}}}
    done = approved(lambda **how: compose(host, stack=changed, **how))
    assert "replaced secret p_t" in done["actions"] and "s3cr" not in str(done)
    fewer = approved(lambda **how: compose(host, stack=changed, without="b", **how))
    assert fewer["actions"] == ["deleted p-b-1"]
    gone = approved(lambda **how: compose(host, state="absent", remove_volumes=True, **how))
    assert {"deleted network p_n", "removed secret p_t", "deleted volume p_v"} < set(gone["actions"])
    host.expect_clean()


def test_pods_of_yaml_and_of_quadlets_are_made_changed_and_removed_as_approved(host: Host, tmp_path: Path) -> None:
    file, units = tmp_path / "p.yaml", tmp_path / "units"
    units.mkdir()

    def kube(**how: Any) -> Result:
        check = how.pop("check", False)
        return host.module("libpod_kube", {"src": str(file), "workers": 2, **how}, check=check)

    def quadlet(**how: Any) -> Result:
        check = how.pop("check", False)
        return host.module("libpod_quadlet", {"name": "q", "src": str(units), "workers": 2, **how}, check=check)

    for name, text in UNITS.items():
        (units / name).write_text(text)
    for answer in ("42", "43"):
        file.write_text(POD % answer)
        made = approved(kube)
        assert ("pod/p=" in made["plan"]["digest"]) == (answer == "42")
    # What a pod shares cannot change otherwise than by a new one, with its containers.
    file.write_text((POD % "43").replace("spec:\n", "spec:\n  shareProcessNamespace: true\n"))
    assert "recreated pod p" in approved(kube)["actions"]
    assert "pod/systemd-p=" in approved(quadlet)["plan"]["digest"]
    (units / "p.pod").write_text(f"{UNITS['p.pod']}ShmSize=32m\n")
    assert "updated pod systemd-p" in approved(quadlet)["actions"]
    approved(lambda **how: kube(state="absent", **how))
    approved(lambda **how: quadlet(state="absent", remove_volumes=True, **how))
    host.expect_clean()


def test_pod_with_an_ended_container_is_removed_as_approved(host: Host, tmp_path: Path) -> None:
    def quadlet(**how: Any) -> Result:
        check = how.pop("check", False)
        return host.module("libpod_quadlet", {"name": "q", "src": str(tmp_path), **how}, check=check)

    for name, text in {**UNITS, "d.container": UNITS["c.container"]}.items():
        (tmp_path / name).write_text(text)
    assert not quadlet().failed
    assert host.module("libpod_container", {"name": "systemd-d", "state": "stopped"}).changed
    for name in ("p.pod", "c.container", "d.container"):
        (tmp_path / name).unlink()
    assert approved(quadlet)["actions"] == ["deleted systemd-c", "deleted systemd-d", "deleted pod systemd-p"]
    approved(lambda **how: quadlet(state="absent", remove_volumes=True, **how))
    host.expect_clean()


def test_images_are_built_as_approved(host: Host, tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(
        'services: {app: {build: {context: ., dockerfile_inline: "FROM busybox\\nCOPY page /page\\n"}, '
        "command: sleep 1000, stop_signal: KILL, network_mode: none}}"
    )

    def task(**how: Any) -> Result:
        check = how.pop("check", False)
        given = {"project_name": "b", "project_src": str(tmp_path), **how}
        return host.module("libpod_compose", given, check=check)

    for page in ("first", "second"):
        (tmp_path / "page").write_text(page)
        assert "image/localhost/b-app:latest=" in approved(task)["plan"]["digest"]
    host.module("libpod_compose", {"project_name": "b", "state": "absent"})
    assert not host.module("libpod_image", {"name": "b-app", "state": "absent"}).failed
    assert not host.module("libpod_prune", {"image": True}).failed


@pytest.fixture(name="removed")
def _removed(host: Host) -> Iterator[None]:
    """Remove the project after the test."""
    yield
    assert not compose(host, state="absent", remove_volumes=True).failed


def _network(host: Host) -> None:
    host.module("libpod_network", {"name": "p_n", "labels": {"com.docker.compose.project": "p"}})


# What happens between approval and run, with the task that then runs, and what the message names.
BETWEEN: dict[str, tuple[Callable[[Host], Any], dict[str, Any], str]] = {
    "the network was made": (
        _network,
        {},
        "network p_n: the plan (updated network p_n) is not the approved one, it differs in what is there and ",
    ),
    "the network is another": (
        lambda host: None,
        {"networks": {"n": {"internal": False}}},
        "network p_n: the plan (created network p_n) is not the approved one, it differs in what is wanted",
    ),
    "the volume was made": (
        lambda host: host.module("libpod_volume", {"name": "p_v", "label": {"com.docker.compose.project": "p"}}),
        {},
        "volume p_v: the plan (",
    ),
    "the secret is another": (
        lambda host: None,
        {"secrets": {"t": {"content": "other"}}},
        "secret p_t: the plan (created secret p_t) is not the approved one, it differs in what is wanted",
    ),
    "a container is another": (
        lambda host: None,
        {"services": {**STACK["services"], "b": {**BUSYBOX, "networks": ["n"], "mem_limit": "64m"}}},
        "container p-b-1: the plan (created p-b-1, started p-b-1) is not the approved one, it differs in the options",
    ),
    "there is one more volume": (
        lambda host: None,
        {
            "services": {"a": {**STACK["services"]["a"], "volumes": ["v:/v", "w:/w"]}},
            "volumes": {"v": {}, "w": {}},
        },
        "volume p_w: the plan (created volume p_w) is not the approved one, which has no step",
    ),
}


@pytest.mark.parametrize("what", BETWEEN)
@pytest.mark.usefixtures("removed")
def test_another_plan_is_refused_before_its_first_effect(host: Host, what: str) -> None:
    between, more, named = BETWEEN[what]
    digest = compose(host, check=True)["plan"]["digest"]
    between(host)
    before = everything(host)
    for check in (True, False):
        refused = compose(host, stack={**STACK, **more}, check=check, expect_plan=digest)
        assert refused.failed and refused["error"] == "PlanDiffers" and not refused.changed, refused
        assert named in refused["msg"] and "nothing was changed" in refused["msg"], refused["msg"]
        assert "s3cr" not in str(refused)
    assert everything(host) == before
    # The result has what is to be approved instead.
    instead = compose(host, stack={**STACK, **more}, expect_plan=refused["plan"]["digest"])
    assert instead.changed and not instead.failed, instead


def test_plan_that_cannot_be_made_has_no_effect(host: Host) -> None:
    digest = compose(host, check=True)["plan"]["digest"]
    missing = {**STACK, "services": {**STACK["services"], "b": {**BUSYBOX, "ports": ["99999:1"]}}}
    failed = compose(host, stack=missing, expect_plan=digest)
    assert failed.failed and not failed.changed and failed["actions"] == [], failed
    assert not any(everything(host)[0]), failed
    host.expect_clean()


@pytest.mark.parametrize("text", ["yes", "network/p_n=yes", "=", "0" * 2_000_000])
def test_what_is_no_digest_is_refused(host: Host, text: str) -> None:
    refused = compose(host, expect_plan=text)
    assert refused.failed and refused["error"] == "InvalidArgument" and "expect_plan" in refused["msg"], refused
    assert len(refused["msg"]) < 20_000


def after_look(change: Callable[[], object]) -> Callable[[], None]:
    """Return a ``prepare`` that has something changed once the task's plan was compared with the approved one."""

    def prepare() -> None:
        check = StackRun.check

        def checked(task: StackRun, expected: Any) -> None:
            check(task, expected)
            change()

        StackRun.check = checked  # type: ignore[method-assign]

    return prepare


# What else is changed while a task runs that is to make, or to change, the whole.
OVERTAKEN: dict[str, tuple[dict[str, Any], bool, str]] = {
    "network": ({"name": "p_n", "labels": {"com.docker.compose.project": "p"}}, False, "network p_n: the plan ("),
    "secret": ({"name": "p_t", "data": "x", "labels": {"com.docker.compose.project": "p"}}, False, "secret p_t: "),
    "container": ({"name": "p-b-1", "state": "absent"}, True, "container p-b-1: the plan (created p-b-1, "),
}


@pytest.mark.parametrize("kind", OVERTAKEN)
@pytest.mark.usefixtures("removed")
def test_change_while_the_task_runs_ends_it_at_what_was_changed(host: Host, kind: str) -> None:
    args, there, named = OVERTAKEN[kind]
    stack: dict[str, Any] = STACK
    if there:
        assert not compose(host).failed
        stack = {**STACK, "services": {**STACK["services"], "b": {**STACK["services"]["b"], "mem_limit": "64m"}}}
    digest = compose(host, stack=stack, check=True)["plan"]["digest"]
    prepare = after_look(lambda: host.module(f"libpod_{kind}", args))
    ended = compose(host, stack=stack, expect_plan=digest, prepare=prepare)
    assert ended.failed and ended["error"] == "PlanDiffers" and ended["msg"].startswith(named), ended
    begun = kind == "secret"  # the network and the volume come before it
    assert ended.changed == begun and ("while the task ran" in ended["msg"]) == begun, ended
    assert ("created network p_n" in ended["actions"]) == begun
    assert not compose(host, stack=stack).failed


@pytest.mark.usefixtures("removed")
def test_rest_of_an_approved_plan_is_carried_out_after_a_kill(host: Host) -> None:
    for at in (2, 5, 8, 12, 16, 24, 32, 48):
        digest = compose(host, workers=1, check=True)["plan"]["digest"]
        assert compose(host, workers=1, expect_plan=digest, kill_at=at).killed
        done = compose(host, workers=1, expect_plan=digest)
        assert not done.failed and len(done["containers"]) == 2, (at, done)
        assert compose(host, expect_plan=digest)["plan"]["digest"] == NOTHING
        assert not compose(host, state="absent", remove_volumes=True).failed


@seeds.seeded
@pytest.mark.usefixtures("removed")
def test_random_pairs_of_projects_go_over_into_each_other_as_approved(host: Host) -> None:
    dealt = random.Random(seeds.SEED)

    def project() -> dict[str, Any]:
        used = {
            "networks": dealt.sample(["n", "m"], dealt.randint(0, 2)),
            "volumes": [f"{name}:/{name}" for name in dealt.sample(["v", "w"], dealt.randint(0, 2))],
            "secrets": dealt.sample(["t", "u"], dealt.randint(0, 2)),
        }
        names = dealt.sample(["a", "b"], dealt.randint(1, 2))
        services = {name: {**BUSYBOX, **used, "mem_limit": dealt.choice(["32m", "64m"])} for name in names}
        return {
            "services": services,
            "networks": {name: {"labels": {"a": dealt.choice("xy")}} for name in "nm"},
            "volumes": {"v": {}, "w": {}},
            "secrets": {name: {"content": dealt.choice("xy")} for name in "tu"},
        }

    before, other = "", ""
    for _pair in range(6):
        stack = project()
        predicted = compose(host, stack=stack, check=True)
        before, other = other, predicted["plan"]["digest"]
        if before not in ("", other) and other != NOTHING:
            refused = compose(host, stack=stack, expect_plan=before)
            assert refused.failed and "is not the approved one" in refused["msg"] and not refused.changed, refused
        approved(lambda stack=stack, **how: compose(host, stack=stack, **how))  # type: ignore[misc]
