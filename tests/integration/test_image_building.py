# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images built by buildah: once for the same input; and pushed: once to the same place. Nothing tells their secrets."""

from __future__ import annotations

import json
import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import overdue, process
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images import buildah as buildah_driver
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.roots import StorageRoots
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import NOWHERE
from ansible_collections.libpod.engine.tests.support.operator_command import libpod
from ansible_collections.libpod.engine.tests.support.process import eventually, files, in_background, running
from ansible_collections.libpod.engine.tests.support.registry import APP, HTTP, REGISTRY, SECURE, Registry

NAME = "localhost/built:latest"
SECRET = "correct-horse"
TEXT = """\
ARG BASE=busybox
FROM $BASE AS maker
ARG WHOM
RUN echo "Hello $WHOM" > /greeting
RUN --mount=type=secret,id=token cat /run/secrets/token | wc -c > /length
FROM $BASE
COPY --from=maker /greeting /length /
COPY page /page
CMD ["cat", "/greeting", "/length", "/page"]
"""


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host() as made:
        os.makedirs("/srv/static/secrets", 0o700)
        with open(os.open("/srv/static/secrets/token", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(SECRET)
        yield made
        shutil.rmtree("/srv/context", ignore_errors=True)


def _context(text: str = TEXT) -> None:
    shutil.rmtree("/srv/context", ignore_errors=True)
    os.mkdir("/srv/context")
    for name, content in (("Containerfile", text), ("page", "page\n"), ("noise.log", "x"), (".dockerignore", "*.log")):
        with open(f"/srv/context/{name}", "w", encoding="utf-8") as file:
            file.write(content)


def _image(host: Host, check: bool = False, **options: Any) -> Any:
    return host.module("libpod_image", {"name": "built", **options}, check=check)


def _build(host: Host, check: bool = False, **build: Any) -> Any:
    wanted = {"args": {"WHOM": "world"}, "secrets": ["token"], **build}
    return _image(host, check, path="/srv/context", state="build", build=wanted)


def _clean(host: Host) -> None:
    """Remove every image that was built; layers of the cache have no name."""
    assert not _image(host, state="absent").failed
    assert not host.module("libpod_prune", {"image": True}).failed


def test_image_is_built_once_for_the_same_context_containerfile_arguments_and_base(host: Host) -> None:
    _context()
    before = files("/srv", "/var/lib", "/etc")
    predicted = _build(host, check=True)
    assert files("/srv", "/var/lib", "/etc") == before
    made = _build(host)
    assert predicted["actions"] == made["actions"] == [f"built image {NAME}"], (predicted, made)
    ran = host.container("c", image="built", network="none", detach=False)
    assert ran["stdout"] == f"Hello world\n{len(SECRET)}\npage\n", ran
    host.container("c", state="absent")
    os.utime("/srv/context/page", (1, 1))
    with open("/srv/context/noise.log", "w", encoding="ascii") as file:
        file.write("ignored")
    again = host.module("libpod_image", _again(), kill_at=NOWHERE)
    assert (again.changed, list(again.effects)) == (False, []), "no program runs for an unchanged context"
    seen = {made["image"][0]["Id"]}
    changes: tuple[Callable[[], Any], ...] = (
        lambda: _build(host, args={"WHOM": "you"}),
        lambda: _build(host, labels={"a": "b"}),
        lambda: _build(host, target="maker"),
        lambda: _changed_page(host),
        lambda: _changed_base(host),
    )
    for change in changes:
        result = change()
        assert result.changed, result
        seen.add(result["image"][0]["Id"])
    assert len(seen) == 6
    host.store("set-names", "--name", "localhost/busybox:latest", "localhost/busybox:latest")
    _clean(host)
    assert not [one for one in host.leaks() if "/srv/context" not in one and "secrets" not in one]
    assert not os.path.exists("/var/lib/containers"), "nothing outside the roots is touched"


def _again() -> dict[str, Any]:
    build = {"args": {"WHOM": "world"}, "secrets": ["token"]}
    return {"name": "built", "path": "/srv/context", "state": "build", "build": build}


def _changed_page(host: Host) -> Any:
    os.chmod("/srv/context/page", 0o755)
    return _build(host)


def _changed_base(host: Host) -> Any:
    # What "busybox" stands for is another image now.
    host.store("add-names", "--name", "localhost/busybox:latest", "localhost/volume:latest")
    try:
        return _build(host)
    finally:
        host.store("set-names", "--name", "localhost/volume:latest", "localhost/volume:latest")
        source, target = f"oci:{host.layout}:busybox", "containers-storage:[overlay@/srv/storage+/srv/storage-run]"
        host.run("skopeo", "--insecure-policy", "copy", "-q", source, f"{target}localhost/busybox:latest")
        shutil.rmtree("/var/lib/containers", ignore_errors=True)


def test_values_of_arguments_and_secrets_stand_in_no_command_line_and_no_result(host: Host) -> None:
    text = "FROM busybox\nARG KEY\nRUN --mount=type=secret,id=token grep -qr 'correct-hors[e]' /proc/[0-9]*/cmdline"
    _context(f"{text} && exit 9; true\n")
    result = _build(host, args={"KEY": f"{SECRET}-too"})
    assert result.changed and SECRET not in str({**result, "image": []}), result
    _clean(host)


def test_failed_and_overlong_builds_say_why_and_leave_nothing(host: Host) -> None:
    _context("FROM busybox\nRUN yes | head -c 30000000 >&2; echo the-reason >&2; exit 3\n")
    failed = _build(host)
    assert failed.failed and failed["error"] == "ToolFailed" and "the-reason" in failed["msg"], failed["msg"]
    assert len(failed["msg"]) < 4000 and len(failed["stderr"]) <= 1 << 16
    _context("FROM busybox\nRUN sleep 1000\n")
    late = _image(host, path="/srv/context", tool_timeouts={"buildah": 2})
    assert late.failed and "tool_timeouts: {buildah: SECONDS}" in late["msg"], late
    assert not [line for line in host.leaks() if "sleep 1000" in line]
    assert json.loads(host.store("containers", "--json") or "[]") in ([], None)
    _context("FROM busybox AS first\nFROM first\n")
    for wrong, word in (
        ({"build": {"container_file": ""}}, "container_file: is empty"),
        ({"build": {"container_file": "RUN true"}}, "no FROM"),
        ({"path": "/srv/context", "build": {"target": "second"}}, "expected one of first, 1"),
        ({"path": "/srv/context", "platform": "linux/s390x"}, "that in the store is for linux/"),
        ({"path": "/srv/context", "platform": "linux/s390x", "pull": "never"}, "in the store is for linux/"),
        ({"path": "/srv/nowhere"}, "/srv/nowhere"),
        ({"state": "build"}, "path: is missing"),
        ({"path": "/srv/context", "build": {"file": "None"}}, "/srv/context/None"),
        ({"path": "/srv/context", "build": {"secrets": ["x=y"]}}, "secrets"),
        ({"path": "/srv/context", "name": "0" * 64}, "name"),
    ):
        for check in (True, False):
            refused = _image(host, check, **wrong)
            assert refused.failed and word in refused["msg"] and "\n" not in refused["msg"], refused
    _clean(host)


def test_images_of_a_builds_steps_are_listed_only_on_request(host: Host) -> None:
    def listed(*options: str) -> set[str]:
        return set(libpod(host, "images", "-q", "--no-trunc", *options).stdout.split())

    before = listed("-a")
    _context("FROM busybox\nRUN true\nCOPY page /page\n")
    for text in ("first\n", "second\n"):
        Path("/srv/context/page").write_text(text, encoding="ascii")
        built = _image(host, path="/srv/context")["image"][0]["Id"]
    (dangling,) = listed() - before - {f"sha256:{built}"}
    assert len(listed("-a") - listed()) == 3, "RUN, and the COPY of each; the label is the last step"
    assert listed("-f", "dangling=true") == {dangling}, "the first one, which lost its name"
    _clean(host)


def test_killed_build_is_built_by_the_next_run(host: Host) -> None:
    _context("FROM busybox\nCOPY page /page\n")
    effects = host.module("libpod_image", {"name": "built", "path": "/srv/context"}, kill_at=NOWHERE).effects
    for effect in effects:
        _clean(host)
        killed = host.module("libpod_image", {"name": "built", "path": "/srv/context"}, kill_at=effect)
        # A cache that a killed run has left is not one that this run made.
        assert killed.killed or "mkdir" in effect or "/var/lib/containers" in effect, effect
        assert not _image(host, path="/srv/context").failed
        assert not _image(host, path="/srv/context").changed and os.listdir("/srv/static/images") == []
    _clean(host)


ENDLESS = ("sleep", str(100000 + os.getpid()))


def _killed_build(host: Host) -> int:
    """Kill a task amid a command of its build; return its buildah, which runs on."""
    _context(f"FROM busybox\nRUN {' '.join(ENDLESS)}\n")
    with ThreadPoolExecutor() as pool:
        task = pool.submit(_image, host, path="/srv/context")
        (sleeping,) = eventually(lambda: running(process.pids(), *ENDLESS))
        buildah = os.getsid(sleeping)
        with open(f"/proc/{buildah}/stat", encoding="utf-8") as file:
            os.kill(int(file.read().rpartition(")")[2].split()[1]), signal.SIGKILL)
        assert task.result().killed
    return buildah


def test_build_of_an_engine_in_a_container_is_left_alone(host: Host) -> None:
    """It holds another file of the same path, in a mount namespace of its own."""
    path = f"{host.parts.run_root}/web.lock"
    os.makedirs(host.parts.run_root, exist_ok=True)
    script = 'mount -t tmpfs tmpfs "${1%/*}"; exec 9>"$1"; flock 9; exec "$2" "$3"'
    argv = ["unshare", "--mount", "sh", "-ec", script, "sh", path, *ENDLESS]
    with in_background(argv, env={**os.environ, overdue.VARIABLE: "buildah 60"}, start_new_session=True) as build:
        eventually(lambda: running([build.pid], *ENDLESS))
        with overdue.held(path):
            overdue.end_overdue(path, lambda: False)
        assert build.poll() is None


def test_build_that_outlives_its_engine_is_ended_by_the_next_run(host: Host) -> None:
    buildah = _killed_build(host)
    assert running(process.pids(), *ENDLESS)
    host.store("create-container", "--name", "a-working-container", "localhost/configured:latest")
    _context("FROM busybox\nCOPY page /page\n")
    done = _image(host, path="/srv/context")
    (warning,) = done["warnings"]
    assert done.changed and warning.startswith(f"buildah (process {buildah}), which a killed run had left"), done
    eventually(lambda: not running(process.pids(), *ENDLESS))
    (left,) = json.loads(host.store("containers", "--json"))
    assert left["names"] == ["a-working-container"], "its own working container is gone, and another engine's stays"
    assert os.listdir("/srv/static/images") == []
    host.store("delete-container", "a-working-container")
    _clean(host)


def test_container_of_a_killed_build_is_pruned_once_its_buildah_has_ended(host: Host) -> None:
    buildah = _killed_build(host)

    def pruned(check: bool = False) -> list[str]:
        done = host.module("libpod_prune", {"container": True}, check=check)
        assert not done.failed, done
        return list(done["actions"])

    assert pruned() == []
    process.kill_session(buildah)
    (left,) = json.loads(host.store("containers", "--json"))
    action = f"removed container {left['id'][:12]} of a killed build"

    def gone_after_a_look() -> None:
        look = buildah_driver._left

        def left_before(roots: StorageRoots) -> Iterator[str]:
            buildah_driver._left = look
            found = list(look(roots))
            assert pruned() == [action]
            return iter(found)

        buildah_driver._left = left_before

    assert pruned(check=True) == [action]
    late = host.module("libpod_prune", {"container": True}, prepare=gone_after_a_look)
    assert not late.failed and late["actions"] == [], late
    assert pruned() == []
    _context("FROM busybox\n")
    assert not _image(host, path="/srv/context").failed and os.listdir("/srv/static/images") == []
    _clean(host)


def test_options_of_a_build_have_their_effect(host: Host) -> None:
    _context("FROM busybox\nRUN cat /mnt/page > /copied\n")
    os.rename("/srv/context/Containerfile", "/srv/context/other")
    build = {"file": "other", "volume": ["/srv/context/page:/mnt/page:ro"], "annotation": {"org.example.a": "b"}}
    first = _image(host, path="/srv/context", build=build)
    assert first.changed, first
    manifest = json.loads(Path(f"/srv/storage/overlay-images/{first['image'][0]['Id']}/manifest").read_text())
    assert manifest["annotations"]["org.example.a"] == "b" and manifest["mediaType"].startswith("application/vnd.oci")
    ran = host.container("c", image="built", command=["cat", "/copied"], network="none", detach=False)
    assert ran["stdout"] == "page\n", ran
    host.container("c", state="absent")
    build = {**build, "annotation": {}, "format": "docker", "cache": False}
    docker = _image(host, path="/srv/context", build=build)
    assert docker.changed and docker["image"][0]["ManifestType"].startswith("application/vnd.docker"), docker
    assert not _image(host, path="/srv/context", build=build).changed
    _clean(host)


def test_images_below_are_pulled_for_the_platform_and_as_asked(host: Host) -> None:
    registry = Registry(host, HTTP)
    shutil.copytree(host.layout, "/srv/layout")
    here = json.loads(host.run("skopeo", "inspect", "--config", f"oci:{host.layout}:busybox"))["architecture"]

    def publish(label: str) -> None:
        for tag, architecture in (("own", here), ("other", "arm64")):
            words = ["--tag", tag, "--architecture", architecture, "--config.label", f"base={label}"]
            host.run("umoci", "config", "--no-history", "--image", "/srv/layout:busybox", *words)
            registry.push(f"oci:/srv/layout:{tag}", f"{REGISTRY}/team/app:{tag}")
        registry.put_index({here: "own", "arm64": "other"})

    def built(check: bool = False, **options: Any) -> Any:
        return _image(host, check, path="/srv/context", **options)

    def of(result: Any) -> tuple[str, str]:
        (image,) = result["image"]
        return image["Architecture"], image["Labels"]["base"]

    try:
        publish("first")
        _context(f"FROM {APP}\nCOPY page /page\n")
        assert of(built()) == (here, "first")
        for platform, architecture in ((None, here), ("linux/arm64", "arm64"), (f"linux/{here}", here)):
            made = built(platform=platform)
            assert of(made) == (architecture, "first") and made.changed == (platform is not None), made
            assert not built(platform=platform).changed
        publish("second")
        assert not built(platform=f"linux/{here}").changed, "missing asks no registry"
        for policy in ("newer", "always"):
            foreseen, made = (built(check, platform=f"linux/{here}", pull=policy) for check in (True, False))
            assert foreseen["actions"] == made["actions"] == [f"built image {NAME}"], (foreseen, made)
            assert of(made) == (here, "second" if policy == "newer" else "third")
            assert not built(platform=f"linux/{here}", pull=policy).changed
            publish("third")
        _context(f"FROM --platform=linux/arm64 {APP} AS a\nFROM {APP}\nCOPY --from=a /page /page\n")
        refused = built()
        assert refused.failed and "two platforms" in refused["msg"] and APP in refused["msg"], refused
        _context("FROM localhost/nowhere\n")
        refused = built(pull="never")
        assert refused.failed and refused["error"] == "NoSuchImage" and "pull is never" in refused["msg"], refused
    finally:
        registry.remove()
        shutil.rmtree("/srv/layout")
    host.store("delete-image", APP)
    _clean(host)


def test_image_is_pushed_once_and_its_digest_returned(host: Host) -> None:
    registry = Registry(host, HTTP)
    try:
        args = {"name": "busybox", "pull": "never", "push": True, "push_args": {"dest": f"{REGISTRY}/team"}}
        predicted = host.module("libpod_image", args, check=True)
        done, again = host.module("libpod_image", args), host.module("libpod_image", args, check=True)
        assert predicted.changed and done["actions"] == predicted["actions"], (predicted, done)
        inspected = json.loads(host.run("skopeo", "inspect", "--tls-verify=false", f"docker://{REGISTRY}/team/busybox"))
        assert done["digest"] == again["digest"] == inspected["Digest"] and not again.changed
        other = host.module("libpod_image", {**args, "name": "configured", "push_args": {"dest": _moved()}})
        assert other.changed and other["digest"] != done["digest"], other
    finally:
        registry.remove()
    refused = host.module("libpod_image", args)
    assert refused.failed and REGISTRY in refused["msg"] and "\n" not in refused["msg"], refused


def test_image_is_pushed_by_a_name_without_a_registry_or_an_id(host: Host) -> None:
    registry = Registry(host, HTTP)
    app, own = f"{REGISTRY}/team/app:1", f"{REGISTRY}/other/own:2"
    try:
        image = host.module("libpod_image", {"name": "busybox", "tags": [app]})["image"][0]
        for name in ("app:1", "team/app:1", app):
            done = host.module("libpod_image", {"name": name, "pull": "never", "push": True, "force": name == "app:1"})
            pushed = [f"pushed image {name} to docker://{app}"] if name == "app:1" else []
            assert done["actions"] == pushed and done["digest"].startswith("sha256:"), done
        # The store's first name of an image has no registry here: a destination is needed.
        for name in ("busybox", image["Id"], image["Id"][:12]):
            refused = host.module("libpod_image", {"name": name, "push": True})
            assert refused.failed and "localhost/busybox:latest has no registry" in refused["msg"], refused
            done = host.module("libpod_image", {"name": name, "push": True, "push_args": {"dest": own}})
            pushed = [f"pushed image {name} to docker://{own}"] if name == "busybox" else []
            assert done["actions"] == pushed, done
        done = host.module("libpod_image", {"name": image["Id"], "push": True, "push_args": {"dest": REGISTRY}})
        assert done["actions"] == [f"pushed image {image['Id']} to docker://{REGISTRY}/busybox:latest"], done
        at = {
            name: host.run("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{name}")
            for name in (app, own)
        }
        assert image["Id"] in at[app] and image["Id"] in at[own]
    finally:
        host.module("libpod_image", {"name": "busybox", "untag": [app]})
        registry.remove()


def _moved() -> str:
    return f"docker://{REGISTRY}/team/busybox:latest"


def test_password_of_a_push_is_in_no_result(host: Host) -> None:
    registry = Registry(host, SECURE)
    try:
        args = {"name": "busybox", "push": True, "validate_certs": False, "push_args": {"dest": f"{REGISTRY}/team"}}
        login = {"username": "me", "password": "secret-word"}
        assert host.module("libpod_image", {**args, "retry": 0}).failed
        done = host.module("libpod_image", {**args, **login})
        assert done.changed and "secret-word" not in str(done), done
        refused = host.module("libpod_image", {**args, **login, "password": "wrong-word", "retry": 0})
        assert refused.failed and "wrong-word" not in str(refused), refused
    finally:
        registry.remove()


@pytest.mark.parametrize("transport", ["oci", "oci-archive", "docker-archive", "dir"])
def test_image_is_pushed_to_a_path_once(host: Host, transport: str) -> None:
    dest = "/srv/pushed" if transport == "dir" else "/srv/pushed:example.org/pushed:1"
    args = {"name": "busybox", "push": True, "push_args": {"transport": transport, "dest": dest}}
    first, again = host.module("libpod_image", args), host.module("libpod_image", args)
    assert (first.changed, again.changed) == (True, False), (first, again)
    config = host.run("skopeo", "inspect", "--config", f"{transport}:{dest}")
    assert json.loads(config)["config"]["Cmd"] == ["sh"]
    host.run("rm", "-r", "/srv/pushed")
