# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images named without a registry, as registries.conf(5) and its aliases lead to them on a real registry."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support import kernel
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import NOWHERE, Result
from ansible_collections.libpod.engine.tests.support.operator_command import libpod
from ansible_collections.libpod.engine.tests.support.process import WAITING
from ansible_collections.libpod.engine.tests.support.registry import APP, FRONT, HTTP, REGISTRY, Registry

REPOSITORY = APP.rpartition(":")[0]
FILE = "/etc/containers/registries.conf"
DROP_INS = "/etc/containers/registries.conf.d"  # Registry's own, with its locations
CACHE = "/var/cache/containers/short-name-aliases.conf"
DEAD = "127.0.0.1:5009"  # where nothing listens
BASE: dict[str, Any] = {"command": WAITING, "network": "none", "stop_signal": "KILL"}


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host() as made:
        kernel.mount("test-host", "/var/cache", "tmpfs")
        os.makedirs(os.path.dirname(CACHE))
        yield made


@pytest.fixture(scope="module")
def registry(host: Host) -> Iterator[Registry]:
    """Yield the registry with ``team/app:1``, as the module's own image ``bare`` is."""
    made = Registry(host, HTTP)
    made.push("bare")
    yield made
    made.remove()


@pytest.fixture(autouse=True)
def _same_images(host: Host, registry: Registry) -> Iterator[None]:
    _write("")
    before = _names(host)
    yield
    host.empty()
    for name in set(_names(host)) - set(before):
        host.module("libpod_image", {"name": name, "state": "absent"})
    assert _names(host) == before
    for path in (CACHE, f"{DROP_INS}/user.conf"):
        if os.path.lexists(path):
            os.unlink(path)


def _names(host: Host) -> dict[str, str]:
    """Return the names in the store and the IDs they stand for, by containers-storage(1)."""
    listed = json.loads(host.store("images", "--json") or "[]") or []
    return {name: image["id"] for image in listed for name in image.get("names") or [image["id"]]}


def _write(text: str, path: str = FILE) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _image(host: Host, check: bool = False, **options: Any) -> Result:
    return host.module("libpod_image", {"retry": 0, **options}, check=check)


def _pulled(host: Host, name: str, full: str, **options: Any) -> None:
    """Have the image pulled as ``full``: check mode predicts it, and the next run finds it without a program."""
    said = _image(host, check=True, name=name, **options)
    done = _image(host, name=name, **options)
    assert not done.failed and done["actions"] == said["actions"] == [f"pulled image {full}"], (said, done)
    assert full in done["image"][0]["RepoTags"] and full in _names(host)
    again = host.module("libpod_image", {"name": name, **options}, kill_at=NOWHERE)
    assert (again.changed, list(again.effects)) == (False, []), again


def _refused(host: Host, name: str, error: str, *words: str) -> None:
    done = _image(host, name=name)
    assert done.failed and done["error"] == error and not done.changed, done
    assert all(word in done["msg"] for word in words) and "Traceback" not in done["msg"], done["msg"]
    said = _image(host, check=True, name=name)
    assert said.failed or any(words[0] in one for one in said["warnings"]), said


def test_alias_leads_to_an_image_of_another_name(host: Host) -> None:
    _write(f'[aliases]\nweb = "{REGISTRY}/other/site"\n')
    _write(f'[aliases]\n"web" = "{REPOSITORY}"\n"team/web" = "{REPOSITORY}"\n', f"{DROP_INS}/user.conf")
    _pulled(host, "web:1", APP)
    made = host.container("c", image="web:1", **BASE)
    assert made["actions"] == ["created c", "started c"] and made["container"]["ImageName"] == APP
    for image in ("web:1", "team/web:1", "app:1", APP):
        unchanged = host.container("c", image=image, **BASE)
        assert unchanged["actions"] == [] and not unchanged.changed, image
    # An existing container does not follow its tag; it does follow the alias to another image.
    host.store("add-names", "--name", APP, "localhost/busybox:latest")
    assert host.container("c", image="web:1", **BASE)["actions"] == []
    assert host.container("c", image="web:1", image_strict=True, check=True, **BASE)["actions"] == ["recreated c"]
    host.container("c", state="absent")
    assert _image(host, name="web:1", state="absent")["actions"] == [f"untagged image {APP}"]
    assert _image(host, name="web:1", state="absent")["actions"] == []


def test_alias_that_podman_recorded_counts_before_all_files(host: Host) -> None:
    _write(f'[aliases]\nweb = "{DEAD}/team/app"\n')
    _write(f'[aliases]\n  "web" = "{REPOSITORY}"\n', CACHE)
    _pulled(host, "web:1", APP)
    _write('[aliases]\n  "web" = ""\n', CACHE)
    _refused(host, "web:2", "NoSuchImage", "'web:2'", "unqualified-search-registries")


@pytest.mark.parametrize("mode", ["permissive", "disabled"])
def test_registries_are_searched_in_order(host: Host, mode: str) -> None:
    _write(f'unqualified-search-registries = ["{DEAD}", "{REGISTRY}"]\nshort-name-mode = "{mode}"\n')
    _pulled(host, "team/app:1", APP)
    _image(host, name="team/app:1", state="absent")
    made = host.container("c", image="team/app:1", **BASE)
    assert made["actions"] == [f"pulled image {APP}", "created c", "started c"], made
    _refused(host, "team/none:1", "ToolFailed", DEAD, f"{REGISTRY}/team/none:1")
    _write(f'unqualified-search-registries = ["{REGISTRY}", "localhost"]\nshort-name-mode = "{mode}"\n')
    _refused(host, "team/none:1", "NoSuchImage", f"{REGISTRY}/team/none:1", "localhost/team/none:1")


def test_registry_of_several_is_not_guessed_without_a_terminal(host: Host) -> None:
    _write(f'unqualified-search-registries = ["{DEAD}", "{REGISTRY}"]\nshort-name-mode = "enforcing"\n')
    _refused(host, "team/app:1", "InvalidArgument", f"{DEAD}/team/app:1", APP, "short-name-mode")
    _write(f'unqualified-search-registries = ["{REGISTRY}"]\nshort-name-mode = "enforcing"\n')
    _pulled(host, "team/app:1", APP)


def test_name_without_any_registry_is_refused_with_what_to_write(host: Host) -> None:
    _refused(host, "team/app:1", "NoSuchImage", FILE, "docker.io/team/app:1", "unqualified-search-registries")
    refused = host.container("c", image="team/app:1", **BASE)
    assert refused.failed and "docker.io/team/app:1" in refused["msg"], refused
    assert "docker.io/team/app:1" in libpod(host, "pull", "-q", "team/app:1", code=125).stderr
    os.unlink(FILE)
    shutil.move(f"{DROP_INS}/test.conf", "/srv/registry/test.conf")
    try:
        _refused(host, "team/app:1", "NoSuchImage", "there is no registries.conf", FILE)
    finally:
        shutil.move("/srv/registry/test.conf", f"{DROP_INS}/test.conf")


def test_image_of_the_store_is_found_without_registries_conf(host: Host, registry: Registry) -> None:
    _write("this is not TOML")
    _write(f'[aliases]\nbare = "{REPOSITORY}"\n', CACHE)
    for image in ("bare", "localhost/bare"):
        assert _image(host, name=image)["actions"] == []
    host.store("add-names", "--name", "quay.io/team/site:1", "localhost/bare:latest")
    for image in ("site:1", "team/site:1"):
        found = _image(host, name=image)
        assert found["actions"] == [] and found["image"][0]["Id"] == _names(host)["localhost/bare:latest"]
    # Where several images of the store have such a name, the file decides.
    host.store("add-names", "--name", "docker.io/team/site:1", "localhost/busybox:latest")
    refused = _image(host, name="team/site:1")
    assert refused.failed and FILE in refused["msg"], refused
    for first, image in (("quay.io", "bare"), ("docker.io", "busybox")):
        _write(f'unqualified-search-registries = ["{first}", "docker.io", "quay.io"]\n')
        found = _image(host, name="team/site:1")
        assert found["image"][0]["Id"] == _names(host)[f"localhost/{image}:latest"]
    host.store("add-names", "--name", "localhost/team/site:1", "localhost/volume:latest")
    assert _image(host, name="team/site:1")["image"][0]["Id"] == _names(host)["localhost/volume:latest"]


def test_prefix_mirror_and_block_of_a_registry_are_followed(host: Host, registry: Registry) -> None:
    moved = f'[[registry]]\nprefix = "docker.io/team"\nlocation = "{REGISTRY}/team"\ninsecure = true\n'
    mirrored = (
        '[[registry]]\nprefix = "*.example.com"\nblocked = true\n'
        f'[[registry.mirror]]\nlocation = "{DEAD}"\n[[registry.mirror]]\nlocation = "{REGISTRY}"\ninsecure = true\n'
    )
    blocked = '[[registry]]\nlocation = "quay.io"\nblocked = true\n'
    _write(f'unqualified-search-registries = ["docker.io"]\n{moved}{mirrored}{blocked}')
    _pulled(host, "team/app:1", "docker.io/team/app:1")
    _pulled(host, "eu.example.com/team/app:1", "eu.example.com/team/app:1")
    registry.stop()
    try:
        _refused(host, "quay.io/team/app:1", "InvalidArgument", "quay.io", "blocked = true", FILE)
    finally:
        registry.start()


def test_base_image_of_a_build_and_the_command_follow_short_names(host: Host) -> None:
    _write(f'[aliases]\nweb = "{REPOSITORY}"\n')
    built: dict[str, Any] = {"name": "built", "build": {"container_file": "FROM web:1\nLABEL made=here\n"}}
    done = _image(host, **built)
    assert done["actions"] == ["built image localhost/built:latest"] and APP in _names(host), done
    again = host.module("libpod_image", built, kill_at=NOWHERE)
    assert (again.changed, list(again.effects)) == (False, [])
    host.module("libpod_image", {"name": "built", "state": "absent"})
    assert libpod(host, "rmi", "web:1").stdout.splitlines()[0] == f"Untagged: {APP}"
    assert libpod(host, "pull", "-q", "web:1").stdout.strip() == _names(host)[APP]
    assert libpod(host, "run", "--rm", "--network=none", "web:1", "echo", "ran").stdout == "ran\n"


def _garbage(path: str) -> None:
    with open(path, "wb") as file:
        file.write(b"unqualified-search-registries = [\xff\n" * (10 << 20 >> 5))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("unqualified-search-registries = 5\n", "unqualified-search-registries: expected a list, found an integer"),
        ('unqualified-search-registries = ["a", 5]\n', "unqualified-search-registries[1]: expected a string, found 5"),
        ('unqualified-search-registries = ["a b"]\n', "HOST[:PORT]"),
        ("aliases = 5\n", "aliases: expected an object, found an integer"),
        ('[aliases]\nweb = ["x"]\n', "aliases.web: expected a string"),
        ('[aliases]\nweb = "site"\nsite = "web"\n', 'expected REGISTRY/NAME, without a tag or digest, found "site"'),
        ('[aliases]\nweb = "quay.io/a:1"\n', "without a tag"),
        ('[aliases]\nweb = "quay.io/a"\nweb = "quay.io/b"\n', "line 3: expected each key once"),
        ('short-name-mode = "guess"\n', "short-name-mode: expected enforcing or permissive or disabled"),
        ("[registry]\n", "registry: expected a list"),
        ("[[registry]]\nblocked = 5\n", "location"),
        ('[[registry]]\nlocation = "a"\nblocked = "no"\n', "blocked: expected true or false"),
        ("[" * 100000, "not valid TOML: line 1"),
        ("a = " + "[" * 100000, "nested too deeply"),
        (b"aliases = \xff\n", "UTF-8"),
        (b"\0", "not valid TOML"),
        (_garbage, "longer than the 1048576 bytes"),
        (os.mkdir, "cannot be read: Is a directory"),
        (os.mkfifo, "not a regular file"),
    ],
)
def test_hostile_registries_conf_is_named_in_one_sentence(host: Host, content: Any, words: str) -> None:
    os.unlink(FILE)
    if isinstance(content, (str, bytes)):
        with open(FILE, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
    else:
        content(FILE)
    try:
        _refused(host, "web", "MalformedData", FILE, words)
        assert _image(host, name="bare")["actions"] == []
        assert host.module("libpod_image_info", {"name": ["web"]})["images"] == []
        assert _image(host, name="web", state="absent")["actions"] == []
    finally:
        shutil.rmtree(FILE) if os.path.isdir(FILE) else os.unlink(FILE)


def test_odd_drop_ins_are_passed_over_as_by_containers_image(host: Host) -> None:
    _write(f'[aliases]\nweb = "{REPOSITORY}"\n')
    os.mkdir(f"{DROP_INS}/folder.conf")
    try:
        _pulled(host, "web:1", APP)
    finally:
        os.rmdir(f"{DROP_INS}/folder.conf")
    os.symlink("user.conf", f"{DROP_INS}/user.conf")
    _refused(host, "other", "MalformedData", "user.conf", "symbolic links")


@pytest.mark.parametrize(
    "creds", [":correct-horse", "me:correct-horse\n", "m\0e:correct-horse", "\u00a0\x7f:correct-horse"]
)
def test_malformed_credentials_are_refused_without_the_secret(host: Host, creds: str) -> None:
    refused = host.container("c", image=f"{FRONT}/x", creds=creds, **BASE)
    assert refused.failed and refused["error"] == "InvalidArgument" and "creds: cannot be used" in refused["msg"], (
        refused
    )
    assert "correct-horse" not in str(refused)
    user, _colon, password = creds.partition(":")
    refused = _image(host, name=f"{FRONT}/x", username=user or "a:b", password=password)
    assert refused.failed and refused["error"] == "InvalidArgument" and "username" in refused["msg"], refused
    assert "correct-horse" not in str(refused)
    done = libpod(host, "pull", "--creds", creds.replace("\0", "\n"), f"{FRONT}/x", code=125)
    assert "correct-horse" not in done.stderr and "creds: cannot be used" in done.stderr, done


def test_caller_names_the_file_as_for_podman(host: Host) -> None:
    _write('unqualified-search-registries = "damaged"\n')
    blocked_one = f'[[registry]]\nlocation = "{DEAD}"\nblocked = true\n'
    _write(f'[aliases]\nweb = "{REPOSITORY}"\n{blocked_one}', "/srv/mine.conf")

    def named(path: str) -> Callable[[], None]:
        def prepare() -> None:
            os.chdir("/srv")
            os.environ["CONTAINERS_REGISTRIES_CONF"] = path

        return prepare

    done = host.module("libpod_image", {"name": "web:1"}, prepare=named("mine.conf"))
    assert done["actions"] == [f"pulled image {APP}"], done
    blocked = host.module("libpod_image", {"name": f"{DEAD}/team/app:1"}, prepare=named("mine.conf"))
    assert blocked["error"] == "InvalidArgument" and "/srv/mine.conf has blocked" in blocked["msg"], blocked
    build = {"name": "mine:1", "state": "build", "build": {"container_file": "FROM web:1\nLABEL a=b\n"}}
    built = host.module("libpod_image", build, prepare=named("mine.conf"))
    assert not built.failed, built
    assert host.module("libpod_image", {"name": "mine:1", "state": "absent"}).changed
    for path, words in (("gone.conf", "/srv/gone.conf, which CONTAINERS_REGISTRIES_CONF"), ("", FILE)):
        refused = host.module("libpod_image", {"name": "other"}, prepare=named(path))
        assert refused["error"] == "MalformedData" and words in refused["msg"], refused
    os.unlink("/srv/mine.conf")
