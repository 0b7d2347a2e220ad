# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins to a real registry with TLS, htpasswd and client certificates: stored once, used by pulls, shown nowhere."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pty
import stat
import sys
import threading
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli.main import main
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result, in_child
from ansible_collections.libpod.engine.tests.support.registry import APP, MUTUAL, PASSWORD, REGISTRY, Registry
from ansible_collections.libpod.engine.tests.support.syslog import journal, syslog

DEFAULT = "/run/containers/0/auth.json"
CERTS = "/srv/registry/certs"
ME: dict[str, Any] = {"registry": REGISTRY, "username": "me", "password": PASSWORD, "certdir": CERTS}
IN = [f"logged in to {REGISTRY} as me"]
OUT = [f"logged out of {REGISTRY}"]
TASK: dict[str, Any] = {"image": APP, "state": "present", "command": ["sh"], "network": "none", "cert_dir": CERTS}
# Keeps each login in a file of its own.
HELPER = """#!/bin/sh
read -r key
cd /srv/kept || exit 1
case $1 in
store) echo "$key" >"$(echo "$key" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/')" ;;
get) cat "$key" 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; } ;;
erase) rm "$key" ;;
list) printf '{'; for one in *:*; do printf '"%s":"me"' "$one"; done; printf '}' ;;
esac
"""


@pytest.fixture(scope="module")
def shop() -> Iterator[Host]:
    """Yield a host with a registry that asks for a client's certificate and a password."""
    with Host() as host:
        registry = Registry(host, MUTUAL)
        registry.push("busybox", APP, f"--dest-creds=me:{PASSWORD}", f"--dest-cert-dir={CERTS}")
        yield host
        registry.remove()


@pytest.fixture(autouse=True)
def _no_logins(shop: Host) -> Iterator[None]:
    yield
    shop.run("rm", "-rf", "/run/containers", "/srv/auth")


def _login(host: Host, **options: Any) -> Result:
    how = {key: options.pop(key) for key in ("check", "diff", "kill_at", "prepare") if key in options}
    return host.module("libpod_login", {**ME, **options}, **how)


def _logout(host: Host, **options: Any) -> Result:
    check = options.pop("check", False)
    return host.module(
        "libpod_logout", {**({} if "all" in options else {"registry": REGISTRY}), **options}, check=check
    )


def _user(host: Host, registry: str = REGISTRY, **options: Any) -> str:
    login = host.module("libpod_login_info", {"registry": registry, **options})["login"]
    assert login["logged_in"] == bool(login["username"]) == bool(login["place"])
    return str(login["username"])


def _pulled(host: Host, **options: Any) -> Result:
    done = host.container("c", **{**TASK, **options})
    if not done.failed:
        assert not host.container("c", state="absent", rmi=True).failed
    return done


def test_login_is_stored_once_and_pulls_use_it_until_the_logout(shop: Host) -> None:
    said = _login(shop, check=True, diff=True)
    assert said["actions"] == IN and not os.path.exists(DEFAULT), said
    done = _login(shop, diff=True)
    assert done["actions"] == IN and done["authfile"] == DEFAULT and done["diff"] == said["diff"], done
    assert done["login"] == {"registry": REGISTRY, "username": "me", "logged_in": True}
    assert (
        stat.S_IMODE(os.stat(DEFAULT).st_mode) == 0o600 and stat.S_IMODE(os.stat("/run/containers/0").st_mode) == 0o700
    )
    assert not _login(shop).changed and not _login(shop, reauthorize=True, check=True).changed
    assert _user(shop) == _user(shop, APP.rpartition(":")[0]) == "me"
    assert _pulled(shop)["actions"] == [f"pulled image {APP}", "created c"]
    assert shop.run("skopeo", "login", "--get-login", f"--authfile={DEFAULT}", REGISTRY) == "me\n"
    assert _logout(shop, check=True)["actions"] == OUT and _user(shop) == "me"
    gone = _logout(shop)
    assert gone["actions"] == OUT == [f"logged out of {one}" for one in gone["registries"]] and _user(shop) == ""
    assert not _logout(shop).changed and not _logout(shop, all=True).changed
    refused = _pulled(shop)
    assert refused.failed and "authentication required: log in with libpod_login" in refused["msg"], refused


def test_refused_login_stores_nothing_and_says_why(shop: Host) -> None:
    for options, error, words in (
        ({"password": "canary-word"}, "LoginRefused", f"registry {REGISTRY} does not accept the password of me"),
        ({"certdir": None}, "ToolFailed", "x509: "),
        ({"certdir": None, "tlsverify": False}, "ToolFailed", "400 (Bad Request)"),
        ({"registry": "127.0.0.1:1"}, "ToolFailed", "connection refused"),
        ({"certdir": "/srv/no"}, "InvalidArgument", "certdir"),
        ({"password": "two\nlines"}, "InvalidArgument", "password"),
        ({"username": "a:b"}, "InvalidArgument", "username"),
        ({"registry": f"{REGISTRY}/app:1"}, "InvalidArgument", "registry"),
        ({"registry": None}, "InvalidArgument", "unqualified-search-registries"),
    ):
        for check in (True, False):
            refused = _login(shop, **{**ME, **options}, check=check)
            assert refused.failed and refused["error"] == error and words in refused["msg"], refused
            assert "canary-word" not in str(refused) and not refused["changed"]
    assert not os.path.exists(DEFAULT)
    assert _login(shop).changed
    with open("/srv/registry/htpasswd", "r+", encoding="ascii") as file:
        kept = file.read()
        file.truncate(0)
    refused = _login(shop, reauthorize=True)
    assert refused.failed and refused["error"] == "LoginRefused", refused
    assert not _login(shop).changed, "what is stored is not asked about"
    with open("/srv/registry/htpasswd", "w", encoding="ascii") as file:
        file.write(kept)


def test_file_keeps_all_else_and_its_owner_and_becomes_private(shop: Host) -> None:
    os.mkdir("/srv/auth")
    path = "/srv/auth/auth.json"
    other = {
        "auths": {"r.io": {"auth": "eDp5", "more": 1}, "old.io": {}},
        "credHelpers": {"h.io": "x"},
        "HttpHeaders": {},
    }
    with open(path, "w", encoding="ascii") as file:
        json.dump(other, file)
    os.chown(path, 1000, 1000)
    os.chmod(path, 0o644)
    os.symlink("auth.json", "/srv/auth/link")
    done = _login(shop, authfile="/srv/auth/link")
    assert done["actions"] == [*IN, "restricted /srv/auth/link to its owner"], done
    entry = {"auth": base64.b64encode(f"me:{PASSWORD}".encode()).decode()}
    with open(path, encoding="ascii") as file:
        assert json.load(file) == {**other, "auths": {**other["auths"], REGISTRY: entry}}
    info = os.stat(path)
    assert (info.st_uid, stat.S_IMODE(info.st_mode)) == (1000, 0o600) and os.path.islink("/srv/auth/link")
    os.chmod(path, 0o640)
    assert _login(shop, authfile=path)["actions"] == [f"restricted {path} to its owner"]
    assert not _login(shop, authfile=path).changed and _user(shop) == "" and _user(shop, authfile=path) == "me"
    assert _logout(shop, authfile=path)["actions"] == OUT
    with open(path, encoding="ascii") as file:
        assert json.load(file) == other
    with open(path, "w", encoding="ascii") as file:
        file.write("[no")
    for refused in (_login(shop, authfile=path), _logout(shop, authfile=path)):
        assert refused.failed and refused["error"] == "MalformedData" and path in refused["msg"], refused


def test_login_of_a_namespace_is_for_its_pulls_alone(shop: Host) -> None:
    assert _login(shop, registry=f"https://{REGISTRY}/v2")["actions"] == IN
    assert _logout(shop).changed
    assert _login(shop, registry=f"{REGISTRY}/team").changed and not _login(shop, registry=f"{REGISTRY}/team").changed
    assert _user(shop) == _user(shop, f"{REGISTRY}/other/app") == "" and _user(shop, f"{REGISTRY}/team/app") == "me"
    assert _pulled(shop).changed
    assert not _logout(shop).changed and _logout(shop, all=True)["registries"] == [f"{REGISTRY}/team"]


def test_logins_at_once_all_last(shop: Host) -> None:
    names = [f"{REGISTRY}/team/app{number}" for number in range(6)]
    results: list[Result] = []
    # Module runs are children of this process; the threads only wait for them.
    threads = [threading.Thread(target=lambda one=one: results.append(_login(shop, registry=one))) for one in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(one.changed for one in results), results
    with open(DEFAULT, encoding="ascii") as file:
        assert sorted(json.load(file)["auths"]) == names


def test_killed_login_leaves_a_whole_file_and_the_next_one_ends_it(shop: Host) -> None:
    assert _login(shop, registry=f"{REGISTRY}/first").changed  # the first task of a host has effects of its own
    effects = _login(shop, registry=f"{REGISTRY}/second", kill_at="nowhere").effects
    assert {one.partition(" #")[0] for one in effects} >= {"skopeo login", "write auth.json", "rename auth.json"}
    for point in effects:
        shop.run("rm", "-rf", "/run/containers")
        killed = _login(shop, kill_at=point)
        assert killed.killed, (point, killed)
        assert _login(shop).changed and not _login(shop).changed
        assert os.listdir("/run/containers/0") == ["auth.json"], point


@contextlib.contextmanager
def _helper(shop: Host, listed: bool) -> Iterator[None]:
    """Have a credential helper on the host, in registries.conf or in the auth file."""
    os.makedirs("/srv/kept")
    with open("/srv/bin/docker-credential-kept", "w", encoding="ascii") as file:
        file.write(HELPER)
    os.chmod(file.name, 0o755)
    if listed:
        with open("/srv/registry/conf/helpers.conf", "w", encoding="ascii") as file:
            file.write('credential-helpers = ["kept", "containers-auth.json"]\n')
    else:
        os.makedirs("/run/containers/0")
        with open(DEFAULT, "w", encoding="ascii") as file:
            json.dump({"credHelpers": {REGISTRY: "kept"}}, file)
        os.chmod(DEFAULT, 0o600)
    yield
    shop.run("rm", "-rf", "/srv/kept", "/srv/registry/conf/helpers.conf")


@pytest.mark.parametrize("listed", [True, False])
def test_credential_helper_keeps_the_login(shop: Host, listed: bool) -> None:
    with _helper(shop, listed):
        assert _login(shop, check=True)["actions"] == IN and os.listdir("/srv/kept") == []
        done = _login(shop)
        assert done["actions"] == IN and done["authfile"] == "credential helper kept", done
        assert os.listdir("/srv/kept") == [REGISTRY] and not _login(shop).changed and _user(shop) == "me"
        assert not os.path.exists(DEFAULT) or PASSWORD not in open(DEFAULT, encoding="ascii").read()
        assert _pulled(shop).changed
        refused = _login(shop, registry=f"{REGISTRY}/team") if listed else _login(shop, password="canary-word")
        assert refused.failed and refused["error"] == ("InvalidArgument" if listed else "LoginRefused"), refused
        assert _logout(shop, check=True)["actions"] == OUT == _logout(shop)["actions"]
        assert os.listdir("/srv/kept") == [] and not _logout(shop).changed
        assert _login(shop).changed and _logout(shop, all=True)["actions"] == OUT and os.listdir("/srv/kept") == []


@pytest.mark.parametrize("module", ["libpod_login", "libpod_login_info", "libpod_logout"])
def test_time_limits_of_a_task_are_checked(shop: Host, module: str) -> None:
    options = {key: value for key, value in ME.items() if module == "libpod_login" or key == "registry"}
    refused = shop.module(module, {**options, "tool_timeouts": {"credential_helper": "soon"}})
    assert refused.failed and "tool_timeouts: credential_helper" in refused["msg"], refused


def test_environment_names_the_file_as_for_podman(shop: Host) -> None:
    os.mkdir("/srv/auth")
    for variables, path in (
        ({"REGISTRY_AUTH_FILE": "/srv/auth/mine.json"}, "/srv/auth/mine.json"),
        ({"XDG_RUNTIME_DIR": "/srv/auth"}, "/srv/auth/containers/auth.json"),
        ({"XDG_RUNTIME_DIR": "/srv/gone"}, DEFAULT),
    ):
        how: dict[str, Any] = {"prepare": lambda variables=variables: os.environ.update(variables)}
        assert _login(shop, **how)["authfile"] == path and os.path.exists(path)
        pulled = shop.container("c", **how, **TASK)
        assert pulled["actions"] == [f"pulled image {APP}", "created c"], pulled
        assert not shop.container("c", state="absent", rmi=True).failed
        os.unlink(path)


def _command(host: Host, *words: str, password: str = "", typed: str = "") -> tuple[int, str]:
    """Run the operator's command, with a password on standard input, or typed at its prompts on a terminal."""

    def body() -> None:
        read, write = os.pipe()
        os.write(write, password.encode())
        os.close(write)
        os.dup2(read, 0)
        os.environ.update(host.parts.environment())
        raise SystemExit(main(words))

    if not typed:
        done = in_child(body)
        return done.exit_code, done.get("printed", "") + done.stderr
    pid, terminal = pty.fork()
    if pid == 0:
        # In the place of pytest's own.
        sys.stdin, sys.stdout, sys.stderr = (open(number, mode, buffering=1) for number, mode in enumerate("rww"))
        os.environ.update(host.parts.environment())
        code = main(words)
        sys.stdout.flush()
        os._exit(code)
    shown = b""
    for prompt, line in zip((b"Username: ", b"Password: "), typed.splitlines(keepends=True)):
        while prompt not in shown:
            shown += os.read(terminal, 1024)
        os.write(terminal, line.encode())
    with contextlib.suppress(OSError):  # the other side has closed it
        while more := os.read(terminal, 1024):
            shown += more
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_operator_logs_in_by_prompt_or_standard_input(shop: Host) -> None:
    assert _command(shop, "login", "--get-login", REGISTRY) == (1, f"not logged in to {REGISTRY}\n")
    code, shown = _command(shop, "login", f"--cert-dir={CERTS}", REGISTRY, typed=f"me\n{PASSWORD}\n")
    assert code == 0 and PASSWORD not in shown and f"logged in to {REGISTRY} as me, kept by {DEFAULT}" in shown, shown
    assert _command(shop, "login", "--get-login", REGISTRY) == (0, "me\n")
    assert _command(shop, "logout", REGISTRY) == (0, f"logged out of {REGISTRY}\n")
    assert _command(shop, "logout", REGISTRY) == (1, f"libpod: not logged in to {REGISTRY}\n")
    given = ("login", "-u", "me", f"--cert-dir={CERTS}", "--password-stdin", REGISTRY)
    assert _command(shop, *given, password=f"{PASSWORD}\n")[0] == 0
    code, shown = _command(shop, *given, password="canary-word")
    assert code == 125 and "does not accept the password" in shown and "canary" not in shown, shown
    code, shown = _command(shop, *given[:-2], REGISTRY)
    assert code == 125 and "give --password-stdin" in shown, shown
    assert _command(shop, "logout", "--all") == (0, f"logged out of {REGISTRY}\n")


class _Commands:
    """All command lines of a test host's processes while this was entered, as often as they are sampled.

    Tests beside this one give the same password to tools of their own.
    """

    def __init__(self, host: Host) -> None:
        self._host = host

    def __enter__(self) -> _Commands:
        self.seen: set[bytes] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def __exit__(self, *_reason: object) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._over.wait(0.005):
            for pid in self._host.cgroups.processes():
                with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
                    self.seen.add(file.read())


def _files_with(*words: bytes) -> set[str]:
    """Return the files of the host that hold one of the words."""
    found = set()
    for top in ("/run", "/srv", "/var/lib", "/etc"):
        for folder, _folders, names in os.walk(top):
            for path in (f"{folder}/{name}" for name in names):
                if os.path.isfile(path) and not os.path.islink(path):
                    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
                        content = file.read()
                        found.update([path] if any(word in content for word in words) else [])
    return found


def test_password_given_in_any_way_is_shown_nowhere(shop: Host) -> None:
    wrong = "canary-word"
    pairs = [base64.b64encode(f"me:{word}".encode()) for word in (PASSWORD, wrong)]
    words = [PASSWORD.encode(), wrong.encode(), *pairs]
    before = _files_with(*words)
    login = {key: value for key, value in ME.items() if key != "password"}
    tasks: list[dict[str, Any]] = [
        {"libpod.engine.libpod_login": {**login, "password": PASSWORD}},
        {"libpod.engine.libpod_login": {**login, "password": wrong}},
        {"libpod.engine.libpod_login": {**login, "password": f"{wrong}\nmore"}},
        {"libpod.engine.libpod_login": {**login, "password": [wrong]}},
        {"libpod.engine.libpod_login": {**login, "passwort": wrong, "password": PASSWORD, "all": wrong}},
        {"libpod.engine.libpod_login_info": {"registry": REGISTRY}},
        {"libpod.engine.libpod_container": {**TASK, "name": "stored"}},
        {"libpod.engine.libpod_container": {**TASK, "name": "wrong", "creds": f"me:{wrong}", "pull": "always"}},
        {"libpod.engine.libpod_container": {**TASK, "name": "given", "creds": f"me:{PASSWORD}", "pull": "always"}},
        {"libpod.engine.libpod_container": {**TASK, "name": "args", "cmd_args": [f"--creds=me:{wrong}"]}},
        {"libpod.engine.libpod_container": {"name": "stored", "state": "absent"}},
        {"libpod.engine.libpod_container": {"name": "given", "state": "absent", "rmi": True}},
    ]
    settings = {"ANSIBLE_STDOUT_CALLBACK": "default", "ANSIBLE_VERBOSITY": "3", "LIBPOD_LOG_LEVEL": "debug"}
    with syslog() as log, journal() as journald, _Commands(shop) as commands:
        played = shop.play([{**task, "ignore_errors": True} for task in tasks], diff=True, settings=settings)
    assert played.output.count("registry 127.0.0.1:5000 does not accept the password of me") >= 1, played.output
    assert any(b"--password-stdin" in one for one in commands.seen), "the samples have skopeo's command line"
    assert "libpod_login" in f"{log} {journald}", "Ansible has logged the modules"
    for place in (played.output, str(log), str(journald), *(one.decode(errors="replace") for one in commands.seen)):
        found = [word for word in words if word.decode() in place]
        assert not found, place[max(0, place.index(found[0].decode()) - 600) :][:900]
    assert _files_with(*words) - before == {DEFAULT} and stat.S_IMODE(os.stat(DEFAULT).st_mode) == 0o600
