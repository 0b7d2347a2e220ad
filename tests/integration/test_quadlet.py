# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_quadlet: the containers of quadlet files, from nothing to nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import Process, eventually
from ansible_collections.libpod.engine.tests.support.registry import APP, SECURE, Registry

FILES = {
    "web.container": """
[Unit]
Description=A server
After=store.service

[Container]
Image=localhost/busybox:latest
Exec=sh -c 'wget -q -O /got http://systemd-store/; sleep 1000'
Network=back.network
Volume=data.volume:/data:ro
Environment=MODE=production "TEXT=a b"
StopSignal=KILL

[Service]
Restart=on-failure

[Install]
WantedBy=multi-user.target
""",
    "store.container": """
[Container]
Image=localhost/busybox:latest
Exec=httpd -f -p 80
Network=back.network
Volume=data.volume:/data
StopSignal=KILL
""",
    "back.network": "[Network]\nInternal=true\n",
    "data.volume": "[Volume]\nLabel=a=b\n",
}


def doing(host: Host, **given: Any) -> Callable[..., Result]:
    """Return what runs a task: check mode predicts what the run does, and a second run changes nothing."""

    def done(**more: Any) -> Result:
        args = {"name": "set", "workers": 2, **given, **more}
        predicted = host.module("libpod_quadlet", args, check=True, diff=True)
        result = host.module("libpod_quadlet", args, diff=True)
        assert not result.failed and not predicted.failed, (predicted, result)
        assert predicted["actions"] == result["actions"]
        again = host.module("libpod_quadlet", args)
        assert not again.failed and again["actions"] == [], again
        return result

    return done


def test_files_are_applied_changed_and_removed(host: Host, tmp_path: Path) -> None:
    done = doing(host)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    made = done(src=str(tmp_path))
    assert made["actions"][:2] == ["created network systemd-back", "created volume systemd-data"]
    assert [one for one in made["actions"] if one.startswith("started")] == [
        "started systemd-store",
        "started systemd-web",
    ]
    assert made["ineffective"] == [f"{tmp_path}/web.container:18: [Install] WantedBy"]
    web = next(one for one in made["containers"] if one["Name"] == "systemd-web")
    assert Process(web).environ["TEXT"] == "a b"

    (tmp_path / "web.container.d").mkdir()
    (tmp_path / "web.container.d/limit.conf").write_text("[Container]\nMemory=64m\n")
    assert done(src=str(tmp_path))["actions"] == ["updated systemd-web"]
    (tmp_path / "store.container").unlink()
    (tmp_path / "web.container").write_text("[Container]\nImage=localhost/busybox:latest\nRuntime=x\n")
    refused = host.module("libpod_quadlet", {"name": "set", "src": str(tmp_path)})
    assert refused.failed and f"{tmp_path}/web.container:3: [Container] Runtime has no counterpart" in refused["msg"]
    (tmp_path / "web.container").write_text(FILES["web.container"].replace("back.network", "none"))
    (tmp_path / "back.network").unlink()
    assert {"deleted systemd-store", "deleted network systemd-back"} < set(done(src=str(tmp_path))["actions"])
    gone = done(state="absent", remove_volumes=True)
    assert gone["actions"] == ["deleted systemd-web", "deleted volume systemd-data"]
    host.expect_clean()


PODS = {
    "shop.pod": """
[Pod]
Network=back.network
HostName=shop
Volume=data.volume:/data
AddHost=other:10.1.2.3
StopTimeout=1
""",
    "app.container": """
[Container]
Image=localhost/busybox:latest
Exec=sh -c 'wget -q -O /data/got http://127.0.0.1/; sleep 1000'
Pod=shop.pod

[Unit]
After=httpd.service
""",
    "httpd.container": """
[Container]
Image=localhost/busybox:latest
Exec=httpd -f -p 80 -h /data
Pod=shop.pod
StartWithPod=true
""",
    "page.kube": """
[Kube]
Yaml=page.yaml
Network=back.network
PublishPort=127.0.0.1:8085:80

[Unit]
After=shop.pod
""",
    "page.yaml": """
kind: ConfigMap
metadata: {name: page}
data: {index.html: hello}
---
kind: Pod
metadata: {name: page}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: page, configMap: {name: page}}, {name: scratch, emptyDir: {}}]
  containers:
    - name: httpd
      image: localhost/busybox:latest
      args: [httpd, -f, -p, "80", -h, /page]
      volumeMounts: [{name: page, mountPath: /page}, {name: scratch, mountPath: /scratch}]
""",
    "back.network": "[Network]\n",
    "data.volume": "[Volume]\n",
}


def test_pods_and_kubernetes_yaml_are_applied_changed_and_removed(host: Host, tmp_path: Path) -> None:
    done = doing(host)
    for name, text in PODS.items():
        (tmp_path / name).write_text(text)
    made = done(src=str(tmp_path))
    assert made["pods"] == ["systemd-shop", "page"]
    assert [one for one in made["actions"] if one.startswith("started ")] == [
        "started pod systemd-shop",
        "started pod page",
        "started systemd-httpd",
        "started systemd-app",
        "started page-httpd",
    ]
    roots = {one["Name"]: Path(f"/proc/{one['State']['Pid']}") for one in made["containers"]}
    for name in ("systemd-app", "systemd-httpd"):
        assert roots[name].joinpath("ns/net").samefile(roots["systemd-app"] / "ns/net")
        assert "10.1.2.3\tother" in (roots[name] / "root/etc/hosts").read_text()
        assert roots[name].joinpath("root/data").samefile(roots["systemd-app"] / "root/data")
    fetched = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8085/', timeout=10).read())"
    eventually(lambda: "hello" in host.run(sys.executable, "-c", fetched))

    # A drop-in of the pod changes it in place; what is no longer among the files goes.
    (tmp_path / "shop.pod.d").mkdir()
    (tmp_path / "shop.pod.d/label.conf").write_text("[Pod]\nLabel=a=b\n")
    assert done(src=str(tmp_path))["actions"] == ["updated pod systemd-shop"]
    (tmp_path / "page.kube").unlink()
    gone = {"deleted page-httpd", "deleted pod page", "removed secret configmap_page_index.html"}
    assert gone | {"deleted volume page-scratch"} == set(done(src=str(tmp_path))["actions"])
    assert done(state="absent", remove_volumes=True)["actions"][2:] == [
        "deleted pod systemd-shop",
        "deleted network systemd-back",
        "deleted volume systemd-data",
    ]
    host.expect_clean()


def test_pod_with_a_port_is_renamed_and_dissolved(host: Host, tmp_path: Path) -> None:
    """The next one has the port at once, also with ``expect_plan``, and anonymous volumes stay."""
    own = "[Container]\nImage=localhost/busybox:latest\nExec=sleep 1000\nStopSignal=KILL\nVolume=/kept\n"
    port, done = "PublishPort=127.0.0.1:8085:80\n", doing(host, src=str(tmp_path))

    def write(**files: str) -> None:
        for old in tmp_path.iterdir():
            old.unlink()
        for name, text in files.items():
            (tmp_path / name.replace("_", ".")).write_text(text)

    write(a_pod=f"[Pod]\n{port}", c_container=f"{own}Pod=a.pod\n")
    done()
    write(b_pod=f"[Pod]\n{port}", c_container=f"{own}Pod=b.pod\n")
    task = {"name": "set", "src": str(tmp_path)}
    predicted = host.module("libpod_quadlet", task, check=True)
    renamed = host.module("libpod_quadlet", {**task, "expect_plan": predicted["plan"]["digest"]})
    new = ["created systemd-c", "started systemd-c"]
    assert renamed["actions"] == ["deleted pod systemd-a", "created pod systemd-b", "started pod systemd-b", *new]
    assert predicted["actions"] == renamed["actions"] and not renamed.failed, renamed
    # Killed in the removal: the pod has its port still, and is no longer listed.
    write(a_pod=f"[Pod]\n{port}", c_container=f"{own}Pod=a.pod\n")
    assert host.module("libpod_quadlet", {**task, "workers": 1}, kill_at=6).killed
    assert done()["actions"] == ["created pod systemd-a", "started pod systemd-a", *new]
    write(c_container=f"{own}{port}")
    assert done()["actions"] == ["deleted pod systemd-a", *new]
    assert not doing(host)(state="absent", remove_volumes=True).failed
    kept = host.module("libpod_volume_info")["volumes"]
    assert len(kept) == 3
    for one in kept:
        assert host.module("libpod_volume", {"name": one["Name"], "state": "absent"}).changed
    host.expect_clean()


def test_killed_tasks_of_pods_are_finished_by_the_next_ones(host: Host, tmp_path: Path) -> None:
    for name, text in PODS.items():
        (tmp_path / name).write_text(text)
    task: dict[str, Any] = {"name": "set", "src": str(tmp_path), "workers": 1}
    gone = {"name": "set", "state": "absent", "remove_volumes": True, "workers": 1}
    for at in (3, 9, 20, 40):
        assert host.module("libpod_quadlet", task, kill_at=at).killed
        made = host.module("libpod_quadlet", task)
        assert not made.failed and len(made["containers"]) == 3, made
        assert host.module("libpod_quadlet", task)["actions"] == []
        assert host.module("libpod_quadlet", gone, kill_at=at).killed
        assert not host.module("libpod_quadlet", gone).failed
        host.expect_clean()


@pytest.mark.parametrize("at", ["write systemd-p-infra.json #1", "rename systemd-p-infra.json #1"])
def test_pod_is_made_again_whose_removal_was_killed(host: Host, tmp_path: Path, at: str) -> None:
    """The infra container is there still, by its name and with the pod's port."""
    (tmp_path / "p.pod").write_text("[Pod]\nPublishPort=8080:80\n")
    (tmp_path / "c.container").write_text(
        "[Container]\nImage=localhost/busybox:latest\nExec=sleep 1000\nStopSignal=KILL\nPod=p.pod\n"
    )
    task: dict[str, Any] = {"name": "set", "src": str(tmp_path), "workers": 1}
    gone = {"name": "set", "state": "absent", "workers": 1}
    assert not host.module("libpod_quadlet", task).failed
    assert host.module("libpod_quadlet", gone, kill_at=at).killed
    predicted, made = (host.module("libpod_quadlet", task, check=check) for check in (True, False))
    assert not made.failed and predicted["actions"] == made["actions"], (predicted, made)
    assert "created pod systemd-p" in made["actions"] and host.module("libpod_quadlet", task)["actions"] == []
    assert not host.module("libpod_quadlet", gone).failed
    host.expect_clean()


def test_image_of_a_build_file_is_not_pulled(host: Host, tmp_path: Path) -> None:
    """Not even in check mode, where its name has a registry. What is made of it follows each build."""
    (tmp_path / "app.build").write_text("[Build]\nImageTag=registry.invalid/app:1\nSetWorkingDirectory=unit\n")
    (tmp_path / "top.build").write_text("[Build]\nImageTag=localhost/top:1\nSetWorkingDirectory=unit\nFile=Top\n")
    (tmp_path / "Top").write_text("FROM registry.invalid/app:1\nLABEL top=1\n")
    (tmp_path / "mounts.container").write_text(
        "[Container]\nImage=localhost/busybox:latest\nExec=sleep 1000\nNetwork=none\nStopSignal=KILL\n"
        "Mount=type=image,source=app.build,destination=/app\n"
    )
    web = "[Container]\nImage=app.build\nExec=/%s/sleep 1000\nNetwork=none\nStopSignal=KILL\n"
    for folder, verbs in (("first", ("created", "started")), ("second", ("recreated",))):
        (tmp_path / "web.container").write_text(web % folder)
        (tmp_path / "Containerfile").write_text(
            f"FROM busybox\nRUN mkdir /{folder} && cp /bin/busybox /{folder}/sleep\n"
        )
        made = doing(host)(src=str(tmp_path))
        assert made["actions"] == [
            "built image registry.invalid/app:1",
            "built image localhost/top:1",
            *(f"{verb} systemd-{one}" for one in ("mounts", "web") for verb in verbs),
        ], made
    assert not doing(host)(state="absent").failed
    for name in ("localhost/top:1", "registry.invalid/app:1"):
        assert host.module("libpod_image", {"name": name, "state": "absent"}).changed
    assert not host.module("libpod_prune", {"image": True}).failed


def test_image_file_says_how_its_registry_is_reached(host: Host, tmp_path: Path) -> None:
    registry = Registry(host, SECURE)
    try:
        registry.push("busybox", APP, "--dest-creds=me:secret-word")
        (tmp_path / "web.container").write_text("[Container]\nImage=app.image\nExec=sleep 1000\nNetwork=none\n")
        file = f"[Image]\nImage={APP}\nTLSVerify=false\n"
        for more, message in (("", "authentication required"), ("Creds=me:wrong-word\n", "authentication required")):
            (tmp_path / "app.image").write_text(file + more)
            refused = host.module("libpod_quadlet", {"name": "set", "src": str(tmp_path)})
            assert refused.failed and message in refused["msg"] and "-word" not in str(refused), refused
        (tmp_path / "app.image").write_text(f"{file}Creds=me:secret-word\n")
        made = doing(host)(src=str(tmp_path), state="created")
        assert made["actions"] == [f"pulled image {APP}", "created systemd-web"] and "secret-word" not in str(made), (
            made
        )
        assert doing(host)(state="absent")["actions"] == ["deleted systemd-web"]
        assert host.module("libpod_image", {"name": APP, "state": "absent"}).changed
    finally:
        registry.remove()
