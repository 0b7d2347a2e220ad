# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule's scenarios run for real on this engine, and leave nothing."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from ansible_collections.libpod.engine.tests.support import scenario
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.registry import APP, PASSWORD, SECURE, Registry
from ansible_collections.libpod.engine.tests.support.sweep import in_turn


def test_page_is_followed_from_its_files_to_its_last_command(host: Host, tmp_path: Path) -> None:
    project = f"{tmp_path}/project"
    scenario.have_images(host)
    scenario.write(project, {**scenario.page_files(), ".bin/none": ""})
    # The role libpod_host puts the command there.
    os.symlink(f"{host.parts.static_root}/engine/libpod", f"{project}/.bin/libpod")
    printed = {
        line: scenario.succeeded(scenario.start(host, project, "sh", "-ec", line)) for line in scenario.page_commands()
    }
    assert list(printed)[0] == "molecule create"
    assert re.search(r"docker.io/library/debian:12 .* Up .* server-[0-9a-f]{8}", printed["libpod ps"])
    for line in ("molecule test", "molecule test --scenario-name older"):
        assert "Successful" in printed[line]
        assert "idempotence: Executed: Successful" in printed[line]
    assert os.listdir("/srv/cni") == ["87-libpod.conflist"]
    host.expect_clean()


def test_instances_go_back_to_the_mark_of_the_pages_play(host: Host, tmp_path: Path) -> None:
    project = f"{tmp_path}/project"
    scenario.have_images(host)
    files = scenario.page_files()
    (marks,) = scenario.page_unnamed()
    files["molecule/default/prepare.yml"] += marks
    hosts = "molecule/default/inventory/hosts.yml"
    assert "platform_defaults:\n" in files[hosts]
    files[hosts] = files[hosts].replace("platform_defaults:\n", "platform_defaults:\n      rewindable: true\n")
    scenario.write(project, files)
    scenario.run(host, project, "converge")
    listed = host.module("libpod_container_info")["containers"]
    (server,) = [one["Name"] for one in listed if one["Name"].startswith("server-")]
    look = {"name": server, "argv": ["sh", "-c", "ls /etc/greeting /usr/bin/env"]}
    assert "/etc/greeting\n" in host.module("libpod_container_exec", look)["stdout"]
    rewound = host.container(server, state="rewound")
    assert rewound.changed, rewound
    assert host.module("libpod_container_exec", look)["stdout"] == "/usr/bin/env\n"
    host.empty()
    made = [one["name"] for one in host.module("libpod_network_info")["networks"] if not one["default"]]
    assert [host.module("libpod_network", {"name": name, "state": "absent"}).changed for name in made] == [True]
    host.expect_clean()


# A scenario of molecule-plugins, but for the driver's name and its two playbooks.
PLATFORMS = """---
driver: {name: default}
dependency: {name: galaxy, enabled: false}
prerun: false
platforms:
  - name: one
    image: localhost/busybox:latest
    pre_build_image: true
    groups: [small]
    networks: [{name: back, aliases: [first]}]
    capabilities: [NET_RAW]
  - name: two
    image: localhost/busybox:latest
    pre_build_image: true
    groups: [small]
    networks: [{name: back}]
    capabilities: [NET_RAW]
    volumes: [/data]
scenario:
  test_sequence: [create, converge, destroy]
"""
CONVERGE = """---
- name: Converge
  hosts: small
  gather_facts: false
  tasks:
    - name: Reach both by their names and the alias
      ansible.builtin.raw: >-
        for name in one two first; do ping -c 1 -w 10 $name || exit; done; hostname | grep -x {{ inventory_hostname }}
      changed_when: false
"""
BOOKS = {
    name: f"---\n- name: The collection's\n  import_playbook: libpod.engine.molecule_{name}\n"
    for name in ("create", "destroy")
}


def _scenario(name: str, **files: str) -> dict[str, str]:
    """Return the files of a scenario."""
    return {f"molecule/{name}/{book}.yml": text for book, text in {**BOOKS, **files}.items()}


@pytest.fixture
def project(tmp_path: Path) -> str:
    """Return the folder of a project with two scenarios whose instances have the same names."""
    for name in ("default", "other"):
        scenario.write(str(tmp_path), _scenario(name, molecule=PLATFORMS, converge=CONVERGE))
    return str(tmp_path)


@pytest.mark.parametrize("host", in_turn(*scenario.BACKENDS), indirect=True)
def test_two_scenarios_with_platforms_of_the_same_names_run_at_once(host: Host, project: str) -> None:
    running = [scenario.start(host, project, "molecule", "test", "-s", name) for name in ("default", "other")]
    for one in running:
        scenario.succeeded(one)
    assert os.listdir("/srv/cni") == ["87-libpod.conflist"]
    assert not os.listdir("/srv/static/volumes")
    assert [one["name"] for one in host.module("libpod_network_info")["networks"] if not one["default"]] == []
    shutil.rmtree("/srv/networks", ignore_errors=True)
    host.expect_clean()


def test_half_made_create_is_destroyed(host: Host, project: str) -> None:
    """The second instance's image does not exist."""
    broken = PLATFORMS.replace(
        "busybox:latest\n    pre_build_image: true\n    groups: [small]\n    networks: [{name: back}]", "missing"
    )
    assert "missing" in broken
    scenario.write(project, _scenario("default", molecule=broken))
    printed = scenario.start(host, project, "molecule", "create").communicate(timeout=600)[0]
    assert "localhost/missing" in printed
    scenario.run(host, project, "destroy")
    assert os.listdir("/srv/cni") == ["87-libpod.conflist"]
    host.expect_clean()


def test_scenarios_that_share_a_state_use_the_same_instances(host: Host, project: str) -> None:
    shared = PLATFORMS + "shared_state: true\n"
    scenario.write(project, _scenario("default", molecule=shared, converge=CONVERGE))
    scenario.write(
        project,
        _scenario("other", molecule=shared.replace("[create, converge, destroy]", "[converge]"), converge=CONVERGE),
    )
    scenario.run(host, project, "test", "--all")
    host.expect_clean()


SYSTEM = """---
driver: {name: default}
dependency: {name: galaxy, enabled: false}
prerun: false
platforms:
  - name: system
    image: localhost/debian:latest
    groups: [small]
    override_command: false
    wait: booted
scenario:
  test_sequence: [create, converge, destroy]
"""
RUNNING = (
    CONVERGE[: CONVERGE.index("    - name")]
    + """    - name: Start a service
      ansible.builtin.raw: systemd-run --unit=probe sleep 1000 && systemctl is-active probe
      changed_when: false
"""
)


def test_instance_has_a_systemd_in_which_services_start(host: Host, project: str) -> None:
    host.debian()
    scenario.write(project, _scenario("default", molecule=SYSTEM, converge=RUNNING))
    scenario.run(host, project, "test")
    host.expect_clean()


# The keys of the drivers that no other scenario has, and an image that is built.
ALL_KEYS = """---
driver: {name: default}
dependency: {name: galaxy, enabled: false}
prerun: false
platforms:
  - name: open
    image: localhost/busybox:latest
    pre_build_image: false
    buildargs: {WORD: built}
    registry: {url: localhost, credentials: {username: me, password: "${REGISTRY_PASSWORD}"}}
    groups: [small]
    command: httpd -f -p 80 -h /
    published_ports: ["127.0.0.1:18080:80"]
    tmpfs: ["/run:size=1m"]
    dns_servers: [192.0.2.1]
    etc_hosts: {db: 192.0.2.2}
    ulimits: ["nofile:100:200"]
    shm_size: 2m
    sysctls: {net.core.somaxconn: 77}
    security_opts: [no-new-privileges]
    devices: ["/dev/null:/dev/nothing:rwm"]
    cgroupns_mode: host
    env: {COLOUR: green}
    capabilities: [NET_ADMIN]
    volumes: [/data]
    networks: [{name: back}]
  - name: privileged
    image: localhost/busybox:latest
    pre_build_image: true
    groups: [all_powers]
    privileged: true
    systemd: always
    network_mode: none
  - name: pulled
    image: team/app:1
    pre_build_image: true
    registry: {url: "127.0.0.1:5000", credentials: {username: me, password: "${REGISTRY_PASSWORD}"}}
    cert_path: /srv/registry/certs
    network_mode: none
scenario:
  test_sequence: [create, converge, destroy]
"""
LOOK = """---
- name: Look at what the keys have made
  hosts: small
  gather_facts: false
  tasks:
    - name: In the instance
      ansible.builtin.raw: |
        set -ex
        grep -x built /word
        grep ' /run tmpfs.*size=1024k' /proc/mounts
        grep -w 192.0.2.1 /etc/resolv.conf
        grep -w 'db' /etc/hosts
        grep "Max open files *100 *200" /proc/1/limits
        grep ' /dev/shm tmpfs.*size=2048k' /proc/mounts
        grep -x 77 /proc/sys/net/core/somaxconn
        grep 'NoNewPrivs:.1' /proc/self/status
        test -c /dev/nothing
        test "$COLOUR" = green
        grep -E 'CapEff:.[0-9a-f]+[13579bdf][0-9a-f]{3}$' /proc/self/status
        grep ' /data ' /proc/mounts
        ! grep -E '^[0-9]+:[^:]*:/$' /proc/self/cgroup
      changed_when: false

- name: Look at the privileged one
  hosts: all_powers
  gather_facts: false
  tasks:
    - name: In the instance
      ansible.builtin.raw: |
        set -ex
        grep 'Seccomp:.0' /proc/self/status
        grep -E 'CapEff:.0*[1-9a-f]+ff$' /proc/self/status
        grep ' /run/lock tmpfs' /proc/mounts
      changed_when: false

- name: Look at the published port
  hosts: localhost
  gather_facts: false
  tasks:
    - name: From the host
      ansible.builtin.uri:
        url: http://127.0.0.1:18080/word
        return_content: true
      register: word
      failed_when: word.content | trim != 'built'
"""


def test_keys_of_the_drivers_have_their_effect(host: Host, project: str) -> None:
    files = _scenario("default", molecule=ALL_KEYS, converge=LOOK)
    build = {"molecule/default/Dockerfile.j2": "FROM {{ item.image }}\nARG WORD\nRUN echo $WORD > /word\n"}
    scenario.write(project, {**files, **build})
    registry = Registry(host, SECURE)
    registry.push("configured", APP, f"--dest-creds=me:{PASSWORD}")
    printed = scenario.run(host, project, "test", REGISTRY_PASSWORD=PASSWORD, ANSIBLE_VERBOSITY="3")
    registry.remove()
    assert f"pulled image {APP}" in printed
    assert PASSWORD not in printed
    names = [name for image in host.module("libpod_image_info")["images"] for name in image["RepoTags"]]
    (built,) = [name for name in names if "molecule_local:open-" in name]
    for name in (built, APP):
        assert not host.module("libpod_image", {"name": name, "state": "absent"}).failed
    assert not host.module("libpod_prune", {"image": True}).failed
    host.expect_clean()
