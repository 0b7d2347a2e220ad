# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quadlet files: systemd's syntax, and the counterpart of each key (podman-systemd.unit(5))."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._ansible import containers
from ansible_collections.libpod.engine.plugins.module_utils._ansible import pod as module_pod
from ansible_collections.libpod.engine.plugins.module_utils._ansible.projects.stack import filled
from ansible_collections.libpod.engine.plugins.module_utils._inputs.quadlet import keys, stack, units
from ansible_collections.libpod.engine.plugins.module_utils._inputs.stack import Options, Stack
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import LibpodError
from ansible_collections.libpod.engine.tests.support import fuzz
from hypothesis import strategies as st

TOP = Path(__file__).resolve().parents[2]


def load(folder: Path, **files: str) -> Stack:
    """Return the stack of files, whose names are given as ``NAME_KIND``."""
    for name, text in files.items():
        (folder / ".".join(name.rsplit("_", 1))).write_text(text)
    return stack.load(sorted(str(one) for one in folder.iterdir() if one.is_file()), "set")


def container(folder: Path, lines: str, **more: str) -> Options:
    """Return the options of a container with these lines."""
    (one,) = load(folder, c_container=f"[Container]\nImage=i\n{lines}\n", **more).containers
    return one


# Lines of [Container], with the options that they become.
TRANSLATED: dict[str, dict[str, Any]] = {
    "Exec=sh -c 'a b' \\\n  # between\n  d": {"command": ["sh", "-c", "a b", "d"]},
    'Environment=A=1 "B=x y"\nEnvironment=C=%N%%': {"env": {"A": "1", "B": "x y", "C": "c%"}},
    "DNS=1.1.1.1\nDNS=\nDNS=2.2.2.2": {"dns": ["2.2.2.2"]},
    "PublishPort=8080:80\nPublishPort=53:53/udp": {"publish": ["8080:80", "53:53/udp"]},
    "User=1\nGroup=2\nReadOnly=yes": {"user": "1:2", "read_only": True},
    "NoNewPrivileges=true\nMask=/a:/b\nSecurityLabelDisable=no": {"security_opt": ["no-new-privileges", "mask=/a:/b"]},
    "AddHost=a:::1\nTmpfs=/t:size=1m\nLogOpt=max-size=1m": {
        "etc_hosts": {"a": "::1"},
        "tmpfs": {"/t": "size=1m"},
        "log_opt": {"max_size": "1m"},
    },
    "PodmanArgs=--memory-swappiness 5 --init": {"cmd_args": ["--memory-swappiness", "5", "--init"]},
    "HealthCmd=test -e /x\nHealthRetries=3\nHealthOnFailure=kill": {
        "healthcheck": "test -e /x",
        "healthcheck_retries": "3",
    },
    "[Service]\nRestart=always\n[Install]\nWantedBy=default.target": {"restart_policy": "always"},
    "AutoUpdate=registry": {"label": {"io.containers.autoupdate": "registry", "libpod.engine.quadlet": "set"}},
    "[X-Other]\nA=b": {"restart_policy": "no", "label": {"libpod.engine.quadlet": "set"}},
}


@pytest.mark.parametrize("lines", TRANSLATED)
def test_key_has_its_counterpart(lines: str, tmp_path: Path) -> None:
    options = container(tmp_path, lines)
    assert {name: options.get(name) for name in TRANSLATED[lines]} == TRANSLATED[lines]
    assert [one.name for one in containers.wanted({"containers": [options], "defaults": {}})] == ["systemd-c"]


def test_references_lead_to_units_and_order_the_containers(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        a_container="[Unit]\nAfter=b.service network.target\n[Container]\nImage=x.build\nVolume=v.volume:/v:ro\n"
        "Network=n.network:alias=z\nMount=type=image,source=i.image,target=/i\n",
        b_container="[Container]\nImage=i.image\nContainerName=own\nNetwork=a.container\nVolume=./d:/d\n",
        x_build="[Build]\nImageTag=app\nFile=Containerfile\nEnvironment=A=1\n",
        i_image="[Image]\nImage=quay.io/i:1\n",
        v_volume="[Volume]\nVolumeName=data\nDevice=tmpfs\nType=tmpfs\n",
        n_network="[Network]\nSubnet=10.9.0.0/24\nGateway=10.9.0.1\nOptions=mtu=1400,isolate=true\n",
    )
    first, second = loaded.containers
    assert (first["image"], second["image"], second["name"]) == ("localhost/app", "quay.io/i:1", "own")
    assert first["volume"] == ["data:/v:ro"] and second["volume"] == [f"{tmp_path}/d:/d"]
    assert first["network"] == ["systemd-n:alias=z"] and second["network"] == ["container:systemd-a"]
    assert first["mount"] == ["type=image,source=quay.io/i:1,target=/i"]
    assert loaded.after == {"systemd-a": ("own",), "own": ()}
    assert loaded.volumes[0]["options"] == ["device=tmpfs", "type=tmpfs"]
    assert loaded.networks[0]["net_config"] == [{"subnet": "10.9.0.0/24", "gateway": "10.9.0.1"}]
    assert loaded.networks[0]["opt"] == {"mtu": "1400", "isolate": True}
    (image,) = loaded.images
    assert image["build"] == {"file": f"{tmp_path}/Containerfile", "args": {"A": "1"}} and image["path"] == str(
        tmp_path
    )


def test_image_and_build_say_how_a_registry_is_reached(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        a_container="[Container]\nImage=i.image\nRetry=5\n",
        b_container="[Container]\nImage=x.build\nMount=type=image,source=m.image,target=/m\n",
        i_image="[Image]\nImage=quay.io/i:1\nAuthFile=/a.json\nCertDir=/c\nTLSVerify=no\nRetry=2\nPolicy=newer\nArch=arm64\n",
        m_image="[Image]\nImage=quay.io/m:1\nAuthFile=/m.json\n",
        n_image="[Image]\nImage=quay.io/n:1\n",
        x_build="[Build]\nImageTag=app\nAuthFile=/b.json\nTLSVerify=false\nPull=newer\nTarget=t\n",
    )
    first, second = loaded.containers
    reached = {"authfile": "/a.json", "cert_dir": "/c", "tls_verify": False, "pull": "newer", "arch": "arm64"}
    assert first.items() >= {**reached, "retry": "5", "image": "quay.io/i:1"}.items() and "authfile" not in second
    (image,) = loaded.images
    assert image.items() >= {"auth_file": "/b.json", "validate_certs": False, "pull": "newer"}.items()
    assert image["build"] == {"target": "t"}
    unused = (f"{tmp_path}/m.image:3: [Image] AuthFile", f"{tmp_path}/n.image:2: [Image] Image")
    assert loaded.ineffective == unused
    (tmp_path / "x.build").write_text("[Build]\nImageTag=app\nPull=sometimes\n")
    with pytest.raises(LibpodError, match=r"x.build:3: \[Build\] Pull: expected one of "):
        load(tmp_path)


REFUSED = {
    "Runtime=x": "c.container:3: [Container] Runtime has no counterpart here: remove it",
    "Pod=p.pod": "c.container:3: [Container] Pod: expected a unit that is among the files, and p.pod is not",
    "Pod=p": "c.container:3: [Container] Pod: expected a unit, as NAME.pod",
    "StartWithPod=no": "c.container:3: [Container] StartWithPod: expected true: all containers",
    "Volume=v.volume:/v": "c.container:3: [Container] Volume: expected a unit that is among the files",
    "ReadOnly=maybe": "c.container:3: [Container] ReadOnly: expected true or false",
    "Exec='a": "[Container] Exec: expected a value whose quotes are closed",
    "HostName=%H": "[Container] HostName: expected none of the specifiers but",
    "no assignment": "c.container:3: neither a section, nor KEY=VALUE in one",
    "Exec=a \\": "the last line is continued by nothing",
    "[Service]\nRestart=on-abort": "[Service] Restart: 'on-abort' has no counterpart: take no, always, on-failure",
    "[Service]\nExecStartPre=x": "[Service] ExecStartPre has no counterpart",
}


@pytest.mark.parametrize("lines", REFUSED)
def test_what_cannot_be_translated_is_named_with_its_line(lines: str, tmp_path: Path) -> None:
    with pytest.raises(LibpodError) as refused:
        (tmp_path / "c.container").write_text(f"[Container]\nImage=i\n{lines}")
        stack.load([f"{tmp_path}/c.container"], "set")
    assert REFUSED[lines] in str(refused.value) and str(refused.value).startswith(f"{tmp_path}/c.container")


def test_drop_ins_of_the_unit_its_prefix_and_its_kind_are_read(tmp_path: Path) -> None:
    drop_ins = {
        "container.d/10-all.conf": "[Container]\nEnvironment=A=all B=all\n",
        "shop-.container.d/10-all.conf": "[Container]\nEnvironment=B=prefix C=prefix\n",
        "shop-web.container.d/05-first.conf": "[Container]\nEnvironment=C=own\nLabel=own=1\n",
        "shop-web.container.d/ignored.txt": "no unit",
        "other-.container.d/10-all.conf": "no unit",
    }
    for name, text in drop_ins.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "shop-web.container").write_text("[Container]\nImage=i\n")
    (one,) = stack.load([f"{tmp_path}/shop-web.container"], "set").containers
    assert one["env"] == {"B": "prefix", "C": "prefix"} and one["label"]["own"] == "1"


def test_units_that_make_the_same_are_refused(tmp_path: Path) -> None:
    for kind, section in (("container", "Container"), ("network", "Network"), ("volume", "Volume")):
        for name in ("a", "b"):
            (tmp_path / f"{name}.{kind}").write_text(f"[{section}]\n{section}Name=same\nImage=i\n")
        with pytest.raises(LibpodError, match=rf"^{tmp_path}/b.{kind}: makes same, as {tmp_path}/a.{kind} does"):
            stack.load([f"{tmp_path}/{name}.{kind}" for name in ("a", "b")], "set")


def test_isolation_that_the_engine_lacks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "n.network").write_text("[Network]\nOptions=isolate=strict\n")
    with pytest.raises(LibpodError, match="n.network:2: .Network. Options: expected isolate=true or isolate=false"):
        stack.load([f"{tmp_path}/n.network"], "set")


def test_file_that_is_no_text_of_a_unit_is_named(tmp_path: Path) -> None:
    made = {name: tmp_path / f"{name}.container" for name in ("loop", "folder", "bytes", "junk", "fifo", "none")}
    made["loop"].symlink_to(made["loop"])
    made["folder"].mkdir()
    made["bytes"].write_bytes(b"[Container]\nImage=\xff\n")
    made["junk"].write_bytes(b"[" * (units.MAX_BYTES + 1))
    os.mkfifo(made["fifo"])
    for path in made.values():
        with pytest.raises(LibpodError, match=str(path)):
            stack.load([str(path)], "set")


def test_files_of_other_kinds_and_templates_are_refused(tmp_path: Path) -> None:
    for name in ("a.artifact", "a@.pod", "a@.container", "container"):
        path = tmp_path / name
        path.write_text("[Container]\nImage=i\n")
        with pytest.raises(LibpodError, match=rf"^files: {path} has no counterpart here: expected \.container"):
            stack.load([str(path)], "set")


POD = """[Unit]
After=b.service
[Pod]
HostName=h
Network=n.network
PublishPort=80:80
AddHost=a:::1
DNSOption=ndots:2
UIDMap=0:1000:10 10:2000:5
Label=a=b
Volume=v.volume:/v
Volume=./d:/d:ro
StopTimeout=3
ExitPolicy=stop
[Service]
Restart=on-failure
[Install]
WantedBy=default.target
"""


def test_pod_has_its_containers_and_gives_them_its_volumes(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        p_pod=POD,
        a_container="[Unit]\nAfter=p.pod\n[Container]\nImage=i\nPod=p.pod\nVolume=/own:/d\n[Service]\nRestart=always\n",
        b_container="[Container]\nImage=i\n",
        c_container="[Unit]\nAfter=p-pod.service\n[Container]\nImage=i\n",
        n_network="[Network]\n",
        v_volume="[Volume]\n",
    )
    (pod,) = loaded.pods
    own = {"libpod.engine.quadlet": "set"}
    assert pod == {
        "name": "systemd-p",
        "infra_name": "systemd-p-infra",
        "hostname": "h",
        "network": ["systemd-n"],
        "publish": ["80:80"],
        "add_host": ["a:::1"],
        "dns_opt": ["ndots:2"],
        "uidmap": ["0:1000:10", "10:2000:5"],
        "label": {"a": "b", **own},
    }
    assert [one.get("pod") for one in loaded.containers] == ["systemd-p", None, None]
    first = loaded.containers[0]
    assert (first["volume"], first["stop_timeout"]) == (["systemd-v:/v", "/own:/d"], "3")
    # The pod's containers come after what the pod comes after, and others after them.
    assert loaded.after == {"systemd-a": ("systemd-b",), "systemd-b": (), "systemd-c": ("systemd-a",)}
    assert loaded.ineffective == (f"{tmp_path}/p.pod:14: [Pod] ExitPolicy", f"{tmp_path}/p.pod:16: [Service] Restart")
    assert module_pod.desired({**filled(module_pod.spec(), pod), "state": "created"}).infra_name == "systemd-p-infra"


KUBE = """
kind: Pod
metadata: {name: p}
spec:
  initContainers: [{name: first, image: i:1}]
  containers:
    - {name: c, image: i:1, ports: [{containerPort: 80, hostPort: 8080}, {containerPort: 90, hostPort: 9090}]}
  volumes: [{name: claim, persistentVolumeClaim: {claimName: data}}]
---
{kind: PersistentVolumeClaim, metadata: {name: data}, spec: {}}
"""


def test_kube_file_runs_its_yaml_with_what_it_says_of_the_pods(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more/p.yaml").write_text(KUBE)
    (tmp_path / "more/c.yaml").write_text("{kind: ConfigMap, metadata: {name: c}, data: {a: b}}")
    loaded = load(
        tmp_path,
        k_kube="[Unit]\nAfter=a.container\n[Kube]\nYaml=more/p.yaml\nConfigMap=more/c.yaml\nNetwork=n.network\n"
        "PublishPort=127.0.0.1:8081:80/tcp\nPublishPort=53:53/udp\nLogDriver=none\nAutoUpdate=registry\n"
        "AutoUpdate=c/local\nKubeDownForce=true\n[Install]\nWantedBy=default.target\n",
        a_container="[Container]\nImage=i\n",
        n_network="[Network]\n",
    )
    (pod,) = loaded.pods
    assert pod["publish"] == ["9090:90/tcp", "127.0.0.1:8081:80/tcp", "53:53/udp"] and pod["network"] == ["systemd-n"]
    _plain, first, second = loaded.containers
    labels = [one["label"]["io.containers.autoupdate"] for one in (first, second)]
    assert labels == ["registry", "local"] and first["log_driver"] == "none"
    assert loaded.after == {"systemd-a": (), "p-first": ("systemd-a",), "p-c": ("p-first", "systemd-a")}
    assert {one["label"]["libpod.engine.quadlet"] for one in (*loaded.pods, *loaded.volumes)} == {"set"}
    assert loaded.ineffective == (f"{tmp_path}/k.kube:12: [Kube] KubeDownForce",)


# Files that are refused, with what the message says of the first one.
REFUSED_PODS: dict[str, dict[str, str]] = {
    "p.pod:2: [Pod] UserNS has no counterpart": {"p_pod": "[Pod]\nUserNS=auto"},
    "p.pod:2: [Pod] PodmanArgs has no counterpart": {"p_pod": "[Pod]\nPodmanArgs=--x"},
    "p.pod:2: [Pod] ExitPolicy: expected continue or stop": {"p_pod": "[Pod]\nExitPolicy=x"},
    "p.pod:2: [Pod] Network: expected a network: a pod joins no": {"p_pod": "[Pod]\nNetwork=a.container"},
    "p.pod: makes systemd-p, as ": {"p_pod": "[Pod]\n", "p_container": "[Container]\nImage=i"},
    "k.kube: [Kube] Yaml is missing": {"k_kube": "[Kube]\n"},
    "k.kube:2: [Kube] Yaml: expected a file on the target, and there is no": {"k_kube": "[Kube]\nYaml=none.yaml"},
    "k.kube:2: [Kube] UserNS has no counterpart": {"k_kube": "[Kube]\nUserNS=auto"},
    "k.kube:3: [Kube] AutoUpdate: expected registry or local": {"k_kube": "[Kube]\nYaml=p.yaml\nAutoUpdate=c/x"},
    "k.kube: [Kube] PublishPort: expected one pod in the YAML, found 0": {
        "k_kube": "[Kube]\nYaml=empty.yaml\nPublishPort=80:80"
    },
    "k.kube: makes p-c, as ": {
        "k_kube": "[Kube]\nYaml=p.yaml",
        "c_container": "[Container]\nImage=i\nContainerName=p-c",
    },
    "k.kube: makes data, as ": {"k_kube": "[Kube]\nYaml=p.yaml", "d_volume": "[Volume]\nVolumeName=data"},
}


@pytest.mark.parametrize("message", REFUSED_PODS)
def test_what_pods_lack_is_refused_by_name(message: str, tmp_path: Path) -> None:
    yaml = tmp_path / "yaml"
    yaml.mkdir()
    (yaml / "p.yaml").write_text(KUBE)
    (yaml / "empty.yaml").write_text("")
    files = {name: text.replace("Yaml=", "Yaml=yaml/") for name, text in REFUSED_PODS[message].items()}
    with pytest.raises(LibpodError) as refused:
        load(tmp_path, **files)
    assert str(refused.value).startswith(f"{tmp_path}/{message}"), refused.value


# Sections of the page, with a file of the kind, and the tables that they have to list.
PAGE = {
    "a container": ("c_container", "[Container]\nImage=i\n"),
    "a pod": ("p_pod", "[Pod]\n"),
    "Kubernetes YAML": ("k_kube", "[Kube]\nYaml=yaml/p.yaml\n"),
    "an image": ("i_image", "[Image]\nImage=i\n"),
    "a build": ("b_build", "[Build]\nImageTag=b\n"),
}
LISTED = {
    "a container": {*keys.TEXTS, *keys.FLAGS, *keys.LISTS, *keys.WORDS, *keys.PAIRS, *keys.SECURITY},
    "a pod": {*keys.OF_POD_TEXTS, *keys.OF_POD_LISTS, *keys.OF_POD_WORDS},
    "an image": {*keys.OF_IMAGE_TEXTS, "TLSVerify"},
    "a build": {*keys.OF_BUILD_TEXTS, "TLSVerify"},
    "Kubernetes YAML": {"Yaml", "ConfigMap", "PublishPort", "AutoUpdate"},
}


@pytest.mark.parametrize("what", PAGE)
def test_page_has_the_keys(what: str, tmp_path: Path) -> None:
    page = (TOP / "docs/howto/quadlets.md").read_text().partition(f"\n## Keys of {what}\n")
    (tmp_path / "yaml").mkdir()
    (tmp_path / "yaml/p.yaml").write_text(KUBE)
    section = page[2].partition("\n## ")[0]
    listed = {name for row in re.findall(r"^\| (`.*?) \|", section, re.M) for name in re.findall(r"`(\w+)`", row)}
    assert LISTED[what] <= listed
    name, text = PAGE[what]
    for key in sorted(listed):
        try:
            load(tmp_path, **{name: f"{text}{key}=1:1=1\n"})
        except LibpodError as error:
            assert "has no counterpart" not in str(error), key


@fuzz.fuzzed(100, text=st.text(alphabet="[]Containerxmge=\\\n#;%N'\" ,:\0"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        for entry in units.parse(text, "f", "c", "container"):
            assert entry.key and "\n" not in entry.value
            units.words(entry)
    except LibpodError as error:
        assert str(error).startswith("f")
