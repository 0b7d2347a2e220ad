# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule's platforms as containers and networks: the keys of both drivers, their values, and what is refused."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._ansible import arguments
from ansible_collections.libpod.engine.plugins.plugin_utils import _molecule_instances as molecule_instances
from ansible_collections.libpod.engine.plugins.plugin_utils._molecule_instances import WAITING, Instance
from ansible_collections.libpod.engine.plugins.plugin_utils._molecule_keys import KEYS, OWN_OPTIONS, Key, WrongPlatform
from ansible_collections.libpod.engine.plugins.plugin_utils._molecule_networks import Networks
from ansible_collections.libpod.engine.tests.support import scenario

DIGITS = "0a1b2c3d"
SPEC = arguments.container_spec()
OPTIONS = {name for key, row in SPEC.items() for name in (key, *row.get("aliases", ()))}
HOST = ["libpod", f"back-{DIGITS}"]
# The properties of a platform in molecule-plugins' schema/driver.json and what its playbooks read beside them.
PODMAN = """buildargs capabilities cert_path cgroup_manager command detach devices dns_servers dockerfile env etc_hosts
exposed_ports extra_opts groups hostname image ip name network override_command pid_mode pre_build_image privileged
published_ports pull registry restart_policy restart_retries rootless security_opts storage_driver storage_opt systemd
tls_verify tmpfs tty ulimits volumes subnet children"""
DOCKER = """buildargs cacert_path cache_from capabilities cert_path cgroupns_mode command command_handling
container_default_behavior devices dns_servers docker_host docker_networks dockerfile env etc_hosts exposed_ports force
force_kill groups hostname image keep_volumes key_path kill_signal labels links memory memory_swap mounts name
network_mode networks networks_cli_compatible override_command pid_mode platform pre_build_image privileged
published_ports pull purge_networks registry restart_policy restart_retries runtime security_opts shm_size stop_signal
sysctls tls_verify tmpfs tty ulimits user volumes children"""


def container(name: str = "web", **keys: Any) -> dict[str, Any]:
    """Return the container of one platform."""
    return made(**{name: {"image": "debian", **keys}})[0][0]


def made(**platforms: dict[str, Any]) -> tuple[list[dict[str, Any]], Networks]:
    """Return the containers of platforms by name, and their networks."""
    networks = Networks(DIGITS, HOST)
    for one in platforms.values():
        networks.want(one)
    instances = [
        Instance(name, molecule_instances.container_name(name, DIGITS), one) for name, one in platforms.items()
    ]
    return molecule_instances.containers(instances, DIGITS, networks, OPTIONS).containers, networks


def test_each_key_of_both_drivers_is_known() -> None:
    assert set(PODMAN.split()) | set(DOCKER.split()) == set(KEYS)


def test_page_says_of_each_key_what_it_does() -> None:
    with open(scenario.PAGE, encoding="utf-8") as file:
        rows = dict(re.findall(r"(?m)^\| `(\w+)` \| (.*) \|$", file.read()))
    assert rows == {name: _meaning(key) for name, key in KEYS.items()}


def _meaning(key: Key) -> str:
    if key.option:
        return f"`{key.option}`"
    return key.handled or (f"no effect: {key.ignored}" if key.ignored else f"refused: {key.refused}")


def test_page_shows_the_files_of_the_example() -> None:
    files = {
        os.path.relpath(f"{folder}/{name}", scenario.EXAMPLE): open(f"{folder}/{name}", encoding="utf-8").read()
        for folder, _folders, names in os.walk(scenario.EXAMPLE)
        for name in names
    }
    assert scenario.page_files() == files


def test_scenario_to_copy_has_at_most_15_lines() -> None:
    assert len(scenario.page_files()["molecule/default/molecule.yml"].splitlines()) <= 15


def test_each_key_has_one_meaning_and_each_option_is_one_of_libpod_container() -> None:
    for name, key in KEYS.items():
        assert sum(map(bool, (key.option, key.handled, key.ignored, key.refused))) == 1, name
        assert not key.option or key.option in SPEC, name
    assert set(OWN_OPTIONS) <= OPTIONS


@pytest.mark.parametrize(
    ("keys", "options"),
    [
        ({"capabilities": ["NET_ADMIN"]}, {"cap_add": ["NET_ADMIN"]}),
        ({"volumes": ["/srv:/srv:ro"]}, {"volume": ["/srv:/srv:ro"]}),
        ({"tmpfs": ["/run", "/tmp:size=1m"]}, {"tmpfs": {"/run": "", "/tmp": "size=1m"}}),
        ({"tmpfs": {"/run": "mode=755"}}, {"tmpfs": {"/run": "mode=755"}}),
        ({"published_ports": [80, "8080:80"]}, {"publish": ["80", "8080:80"]}),
        ({"exposed_ports": ["53/udp"]}, {"expose": ["53/udp"]}),
        ({"env": {"DEBUG": True, "N": 1}}, {"env": {"DEBUG": "true", "N": "1"}}),
        ({"dns_servers": ["192.0.2.1"]}, {"dns": ["192.0.2.1"]}),
        ({"etc_hosts": {"db": "10.0.0.2"}}, {"etc_hosts": {"db": "10.0.0.2"}}),
        ({"etc_hosts": "{'db': '10.0.0.2', 'web': 'fd00::2'}"}, {"etc_hosts": {"db": "10.0.0.2", "web": "fd00::2"}}),
        ({"etc_hosts": "{'db'"}, {"etc_hosts": {"{'db'": ""}}),
        ({"ulimits": ["nofile:10:20"]}, {"ulimit": ["nofile:10:20"]}),
        ({"security_opts": ["seccomp=unconfined"]}, {"security_opt": ["seccomp=unconfined"]}),
        ({"devices": ["/dev/fuse:/dev/fuse:rwm"]}, {"device": ["/dev/fuse:/dev/fuse:rwm"]}),
        ({"cgroupns_mode": "host"}, {"cgroupns": "host"}),
        ({"systemd": True}, {"systemd": "true"}),
        ({"systemd": "always"}, {"systemd": "always"}),
        ({"shm_size": "64M"}, {"shm_size": "64M"}),
        ({"sysctls": {"net.core.somaxconn": 1024}}, {"sysctl": {"net.core.somaxconn": "1024"}}),
        ({"hostname": "other"}, {"hostname": "other"}),
        ({"pull": True}, {"pull": "always"}),
        ({"pull": False}, {"pull": "missing"}),
        ({"restart_policy": "on-failure", "restart_retries": 3}, {"restart_policy": "on-failure:3"}),
        ({"restart_policy": False}, {"restart_policy": "no"}),
        ({"mounts": [{"target": "/x", "tmpfs_size": "1m"}]}, {"mount": ["target=/x,tmpfs-size=1m"]}),
        ({"command": "/sbin/init"}, {"command": "/sbin/init"}),
        ({"command": None}, {"command": WAITING}),
        ({"extra_opts": ["--memory=128m"]}, {"cmd_args": ["--memory=128m"]}),
        ({"read_only": True}, {"read_only": True}),
        ({"network_mode": "bridge"}, {"network": ["bridge"]}),
        ({"network": "none"}, {"network": ["none"]}),
        ({"network": "libpod", "ip": "10.87.0.9"}, {"network": ["libpod"], "ip": "10.87.0.9"}),
    ],
)  # fmt: skip
def test_key_is_given_as_its_option(keys: dict[str, Any], options: dict[str, Any]) -> None:
    found = container(**keys)
    assert {name: found[name] for name in options} == options
    assert set(found) <= OPTIONS


def test_instance_has_a_command_that_waits_unless_it_keeps_the_images() -> None:
    assert container()["command"] == WAITING
    assert "command" not in container(override_command=False, command="sh")
    assert "command" not in container(command="") and "command" not in container(command=[])


def test_labels_of_the_user_do_not_hide_the_instance_from_destroy() -> None:
    found = container(labels={"app": 1, "molecule_scenario": "x"})["label"]
    assert found == {"app": "1", "owner": "molecule", "molecule_scenario": DIGITS}


def test_credentials_and_registry_of_an_image() -> None:
    registry = {"url": "https://r.example.com/", "credentials": {"username": "me", "password": "geheim"}}
    found = container(image="app:1", registry=registry)
    assert (found["image"], found["creds"]) == ("r.example.com/app:1", "me:geheim")
    assert container(image="docker.io/app", registry=registry)["image"] == "docker.io/app"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"capabilites": []}, ["capabilites", "did you mean capabilities"]),
        ({"qqqqqqqq": 1}, ["qqqqqqqq", "docs/molecule.md"]),
        ({"image": None}, ["image is missing"]),
        ({"links": ["a:b"]}, ["links", "networks"]),
        ({"pre_build_image": False}, ["pre_build_image", "prepare.yml"]),
        ({"dockerfile": "D"}, ["dockerfile", "prepare.yml"]),
        ({"buildargs": {"A": 1}}, ["dockerfile", "prepare.yml"]),
        ({"runtime": "crun"}, ["runtime", "LIBPOD_OCI_RUNTIME"]),
        ({"state": "absent"}, ["state"]),
        ({"volumes": [{"a": "b"}]}, ["volumes", "list of text"]),
        ({"env": ["A=1"]}, ["env", "mapping"]),
        ({"registry": {"credentials": {"username": "me"}}}, ["registry", "password"]),
        ({"registry": {"host": "x"}}, ["registry", "host"]),
        ({"networks": [{"aliases": []}]}, ["networks", "name"]),
        ({"networks": [{"name": "a", "subnet": "10.0.0.0/8"}]}, ["networks", "subnet", "docker_networks"]),
        ({"network": "new", "subnet": "10.0.0.0/99"}, ["network new", "10.0.0.0/99"]),
        ({"labels": ["a"]}, ["labels", "mapping"]),
        ({5: 1}, ["5", "docs/molecule.md"]),
        ({"registry": {"credentials": "geheim"}}, ["credentials", "mapping"]),
        ({"registry": {5: 1}}, ["registry", "5"]),
        ({"networks": ["../../up"]}, ["../../up", "letters"]),
        ({"networks": ["a b"]}, ["a b", "letters"]),
        ({"networks": [{"name": "a", 5: 1}]}, ["networks: a", "5"]),
        ({"networks": [{"name": "a", "aliases": 1.5}]}, ["networks: a: aliases", "list of text"]),
        ({"network": {"name": "a"}}, ["network", "'a'"]),
        ({"network_mode": ""}, ["network_mode", "''"]),
        ({"docker_networks": [{"name": "a", "ipam_config": "10.9.0.0/24"}]}, ["ipam_config", "mapping"]),
        (
            {"docker_networks": [{"name": "a", "ipam_config": [{"subnet": "10.9.0.1/32"}]}]},
            ["network a", "10.9.0.1/32"],
        ),
        (
            {"docker_networks": [{"name": "a", "ipam_config": [{"gateway": "10.9.0.1"}]}]},
            ["network a", "10.9.0.1", "subnet"],
        ),
        (
            {"docker_networks": [{"name": "a", "ipam_config": [{"subnet": "10.9.0.0/24", "gateway": "10.8.0.1"}]}]},
            ["network a", "10.8.0.1", "10.9.0.0/24"],
        ),
    ],
)
def test_refusal_names_platform_key_and_what_to_do(keys: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(WrongPlatform) as caught:
        made(web={"image": "debian", **keys})[1].own()
    for word in words:
        assert word in str(caught.value)
    assert "geheim" not in str(caught.value)


def _planned(directory: Path, **keys: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the container of one platform in a scenario of this directory, and the builds."""
    instance = Instance("web", f"web-{DIGITS}", {"image": "debian", **keys})
    found = molecule_instances.containers([instance], DIGITS, Networks(DIGITS, HOST), OPTIONS, str(directory))
    return found.containers[0], found.builds


@pytest.mark.parametrize(
    ("keys", "dockerfile"),
    [
        ({}, "Dockerfile.j2"),
        ({"pre_build_image": False}, "Dockerfile.j2"),
        ({"dockerfile": "own/D"}, "own/D"),
        ({"pre_build_image": True, "dockerfile": "own/D", "buildargs": {"A": 1}}, ""),
        ({"image": None, "rootfs": "/srv/root"}, ""),
    ],
)
def test_image_is_built_of_the_dockerfile_unless_it_is_used_as_it_is(
    tmp_path: Path, keys: dict[str, Any], dockerfile: str
) -> None:
    scenario.write(str(tmp_path), {"Dockerfile.j2": "FROM x", "own/D": "FROM y"})
    made_, builds = _planned(tmp_path, **keys)
    assert [one["dockerfile"] for one in builds] == ([f"{tmp_path}/{dockerfile}"] if dockerfile else [])
    if dockerfile:
        assert made_["image"] == builds[0]["options"]["name"] == f"localhost/molecule_local:web-{DIGITS}"
    else:
        assert made_.get("image") == ("debian" if "rootfs" not in keys else None)


def test_image_is_used_as_it_is_where_the_scenario_has_no_dockerfile(tmp_path: Path) -> None:
    made_, builds = _planned(tmp_path)
    assert (made_["image"], builds) == ("debian", [])


def test_options_of_the_first_image_are_those_of_the_build(tmp_path: Path) -> None:
    scenario.write(str(tmp_path), {"Dockerfile.j2": "FROM x"})
    registry = {"url": "r.example.com", "credentials": {"username": "me", "password": "ge:heim"}, "tls_verify": False}
    keys: dict[str, Any] = {"pull": True, "cert_path": "/srv/certs", "platform": "linux/arm64", "buildargs": {"A": 1}}
    made_, (build,) = _planned(tmp_path, registry=registry, **keys)
    assert build["options"] == {
        "name": f"localhost/molecule_local:web-{DIGITS}",
        "state": "build",
        "path": str(tmp_path),
        "pull": "always",
        "platform": "linux/arm64",
        "validate_certs": False,
        "ca_cert_dir": "/srv/certs",
        "username": "me",
        "password": "ge:heim",
    }
    assert build["build"] == {"args": {"A": 1}} and build["platform"]["name"] == "web"
    assert not {"pull", "creds", "tls_verify", "cert_dir", "platform"} & set(made_)
    made_, (build,) = _planned(tmp_path, arch="arm64", retry=2)
    assert (build["options"]["arch"], build["options"]["retry"]) == ("arm64", 2)
    assert not {"arch", "retry"} & set(made_)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"dockerfile": ["D"]}, ["dockerfile", "['D']", "path"]),
        ({"buildargs": ["A=1"]}, ["buildargs", "mapping"]),
        ({"dockerfile": "none"}, ["no ", "/none", "pre_build_image: true"]),
    ],
)
def test_refusal_of_a_build_names_the_key(tmp_path: Path, keys: dict[str, Any], words: list[str]) -> None:
    scenario.write(str(tmp_path), {"Dockerfile.j2": "FROM x"})
    with pytest.raises(WrongPlatform) as caught:
        _planned(tmp_path, **keys)
    assert all(word in str(caught.value) for word in ["platform web", *words])


def test_instance_joins_another_one_by_the_name_of_its_container() -> None:
    found, _networks = made(
        web={"image": "debian"}, side={"image": "debian", "network_mode": "container:web", "pid_mode": "container:web"}
    )
    assert found[1]["network"] == [f"container:web-{DIGITS}"]
    assert found[1]["pid"] == f"container:web-{DIGITS}"


def test_network_that_the_host_lacks_is_made_for_the_scenario() -> None:
    attached = {"name": "back", "aliases": ["db", "store"], "ipv4_address": "10.9.0.7"}
    found, networks = made(
        web={
            "image": "debian",
            "docker_networks": [{"name": "back", "ipam_config": [{"subnet": "10.9.0.0/24", "gateway": "10.9.0.254"}]}],
            "networks": [attached, {"name": "libpod"}],
        }
    )
    assert found[0]["network"] == [f"back-{DIGITS}:ip=10.9.0.7,alias=db,alias=store", "libpod"]
    assert networks.own() == [{"name": f"back-{DIGITS}", "subnet": "10.9.0.0/24", "gateway": "10.9.0.254"}]


def test_one_alias_may_be_given_without_a_list() -> None:
    assert container(networks=[{"name": "a", "aliases": "web"}])["network"] == [f"a-{DIGITS}:alias=web"]


def test_scenarios_have_other_names_for_the_same_instance() -> None:
    one, two = (molecule_instances.scenario_id(f"/cache/molecule.AbCd.{name}") for name in ("default", "other"))
    assert molecule_instances.container_name("web", one) != molecule_instances.container_name("web", two)
    assert one == molecule_instances.scenario_id("/cache/molecule.AbCd.default/")
