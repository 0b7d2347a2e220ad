# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages that the role libpod_host asks for on each distribution, by Ansible's facts of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.tests.support.playbooks import play

ROLE = Path(__file__).resolve().parents[2] / "roles/libpod_host"
# What Ansible says of a host: its family, distribution and release.
HOSTS: dict[str, tuple[str, str, str]] = {
    "debian12": ("Debian", "Debian", "12"),
    "debian13": ("Debian", "Debian", "13"),
    "ubuntu24": ("Debian", "Ubuntu", "24"),
    "rhel9": ("RedHat", "RedHat", "9"),
    "rocky9": ("RedHat", "Rocky", "9"),
    "rhel10": ("RedHat", "RedHat", "10"),
    "alma10": ("RedHat", "AlmaLinux", "10"),
    "fedora42": ("RedHat", "Fedora", "42"),
}
CNI, NETAVARK = "containernetworking-plugins", {"netavark", "aardvark-dns"}


@pytest.fixture(scope="module")
def asked() -> dict[str, set[str]]:
    """Return the packages by host, as the role's files have them after its first tasks."""
    tasks: list[dict[str, Any]] = [
        {
            "ansible.builtin.set_fact": {
                "os_family": "{{ facts[0] }}",
                "distribution": "{{ facts[1] }}",
                "distribution_major_version": "{{ facts[2] }}",
                "cacheable": True,
            }
        },
        {"ansible.builtin.include_vars": f"{ROLE}/defaults/main.yml"},
        {"ansible.builtin.include_vars": f"{ROLE}/vars/main.yml"},
        {"ansible.builtin.include_vars": f"{ROLE}/vars/{{{{ ansible_facts.os_family }}}}.yml"},
        {"name": "packages", "ansible.builtin.debug": {"msg": "{{ libpod_host__packages }}"}},
    ]
    hosts = {name: {"ansible_connection": "local", "facts": list(facts)} for name, facts in HOSTS.items()}
    shown = [one for one in play(tasks, hosts=hosts).tasks if one["task"] == "packages"]
    assert {one["inventory_host"] for one in shown} == set(HOSTS)
    for one in shown:
        assert len(one["msg"]) == len(set(one["msg"])), one
    return {one["inventory_host"]: set(one["msg"]) for one in shown}


def test_releases_without_a_package_are_not_asked_for_it(asked: dict[str, set[str]]) -> None:
    assert {name for name, packages in asked.items() if CNI not in packages} == {"rhel10", "alma10"}
    assert {name for name, packages in asked.items() if packages & NETAVARK} == {"rhel10", "alma10"}
    assert {name for name, packages in asked.items() if "runc" in packages} == {"debian12", "debian13", "ubuntu24"}


def test_releases_of_a_family_differ_in_nothing_else(asked: dict[str, set[str]]) -> None:
    assert asked["debian12"] == asked["debian13"] == asked["ubuntu24"]
    assert asked["rhel9"] == asked["rocky9"] == asked["fedora42"] == asked["rhel10"] - NETAVARK | {CNI}
    assert asked["rhel10"] == asked["alma10"]
    for packages in asked.values():
        assert {"crun", "conmon", "skopeo", "catatonit", "ca-certificates"} <= packages
