# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pull follows the host's policy.json, or the task's: rejected, accepted, or accepted by its signature."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support import kernel
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.registry import APP, HTTP, REGISTRY, Registry

HOST_POLICY = "/etc/containers/policy.json"
REJECT, ACCEPT = [{"type": "reject"}], [{"type": "insecureAcceptAnything"}]
SIGNED = f"{REGISTRY}/team/signed:1"
SIGNATURES = "/srv/signatures"
OWN = "oci:/srv/layout:bare"


def _write(path: str, **registries: Any) -> str:
    """Write a policy that rejects all but what a registry or repository of ``registries`` asks."""
    Path(path).write_text(json.dumps({"default": REJECT, "transports": {"docker": registries}}), "ascii")
    return path


def _pull(host: Host, name: str, **options: Any) -> Result:
    done = host.module("libpod_image", {"name": name, "pull": "always", "validate_certs": False, **options})
    if not done.failed:
        assert host.module("libpod_image", {"name": name, "state": "absent"}).changed
    return done


@pytest.fixture(name="shop")
def _shop(host: Host) -> Iterator[Host]:
    """Have a registry with an image of its own, and a policy of the host that rejects all."""
    registry = Registry(host, HTTP)
    shutil.copytree(host.layout, "/srv/layout")
    host.run("umoci", "config", "--no-history", "--image", OWN[4:], "--config.label", "own=yes")
    registry.push(OWN)
    Path("/srv/host.json").touch()
    kernel.mount("/srv/host.json", HOST_POLICY, flags=kernel.MS_BIND)
    _write(HOST_POLICY)
    yield host
    kernel.umount(HOST_POLICY)
    os.unlink("/srv/host.json")
    shutil.rmtree("/srv/layout")
    registry.remove()


def test_host_policy_rejects_and_accepts_by_registry(shop: Host) -> None:
    rejected = _pull(shop, APP, retry=50)
    assert rejected.failed and rejected["error"] == "ImageRejected", rejected
    assert rejected["msg"].startswith(f"image {APP!r} is rejected by the signature policy {HOST_POLICY}: "), rejected
    assert APP not in shop.store("images", "--json") and "\n" not in rejected["msg"]
    of_container = shop.container("c", image=APP, state="present", command=["sh"], network="none")
    assert of_container["error"] == "ImageRejected" and of_container["actions"] == [], of_container
    of_path = _pull(shop, OWN)
    assert of_path["error"] == "ImageRejected" and HOST_POLICY in of_path["msg"], of_path
    _write(HOST_POLICY, **{REGISTRY: ACCEPT})
    assert _pull(shop, APP)["actions"] == [f"pulled image {APP}"]
    assert _pull(shop, OWN)["error"] == "ImageRejected"


def test_policy_of_a_task_counts_instead_of_the_hosts(shop: Host) -> None:
    accepts = _write("/srv/policy.json", **{f"{REGISTRY}/team": ACCEPT})
    assert _pull(shop, APP, signature_policy=accepts)["actions"] == [f"pulled image {APP}"]
    _write(HOST_POLICY, **{REGISTRY: ACCEPT})
    rejected = _pull(shop, APP, signature_policy=_write(accepts, **{f"{REGISTRY}/other": ACCEPT}))
    assert rejected["error"] == "ImageRejected" and f"signature policy {accepts}: " in rejected["msg"], rejected
    Path(accepts).write_text('{"default": [{"type": "rejct"}]}', "ascii")
    unusable = _pull(shop, APP, signature_policy=accepts)
    assert unusable["error"] == "ImageRejected" and 'requirement type "rejct"' in unusable["msg"], unusable
    assert accepts in unusable["msg"] and repr(APP) in unusable["msg"]
    os.unlink(accepts)


def test_image_is_accepted_with_a_signature_by_the_key_that_is_asked(
    shop: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GNUPGHOME", "/srv/gnupg")
    os.mkdir("/srv/gnupg", 0o700)
    os.mkdir(SIGNATURES)
    for user in ("signer", "other"):
        make = ["--batch", "--passphrase", "", "--quick-generate-key", f"{user}@example.com", "rsa2048", "sign", "1d"]
        shop.run("gpg", "--quiet", *make)
        shop.run("gpg", "--output", f"/srv/gnupg/{user}.gpg", "--export", f"{user}@example.com")
    monkeypatch.setenv("HOME", "/srv/home")
    os.makedirs("/srv/home/.config/containers/registries.d")
    places = {"sigstore": f"file://{SIGNATURES}", "sigstore-staging": f"file://{SIGNATURES}"}
    found_by = Path("/srv/home/.config/containers/registries.d/test.yaml")
    found_by.write_text(json.dumps({"docker": {REGISTRY: places}}), "ascii")
    copy = ["skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", "--sign-by=signer@example.com"]
    shop.run(*copy, OWN, f"docker://{SIGNED}")
    shop.run("gpgconf", "--kill", "all")
    for user, accepted in (("signer", True), ("other", False)):
        by = [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": f"/srv/gnupg/{user}.gpg"}]
        _write(HOST_POLICY, **{f"{REGISTRY}/team": by})
        done = _pull(shop, SIGNED)
        assert done.failed is not accepted and done.get("error") == (None if accepted else "ImageRejected"), done
    _write(HOST_POLICY, **{REGISTRY: by})
    unsigned = _pull(shop, APP)
    assert unsigned["error"] == "ImageRejected" and "A signature was required" in unsigned["msg"], unsigned
    for folder in ("/srv/gnupg", "/srv/home", SIGNATURES):
        shutil.rmtree(folder)
