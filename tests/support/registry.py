# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real docker-registry on the test host's loopback, and fronts to it: a tag that moves, and failures of each kind."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from typing import Iterator, TypeVar

from . import kernel
from .hosts import Host
from .process import eventually

REGISTRY = "127.0.0.1:5000"
FRONT = "127.0.0.1:5001"
APP = f"{REGISTRY}/team/app:1"
HTTP = f"http: {{addr: {REGISTRY}}}\n"
SECURE = f"""\
http: {{addr: {REGISTRY}, tls: {{certificate: /srv/registry/cert.pem, key: /srv/registry/key.pem}}}}
auth: {{htpasswd: {{realm: test, path: /srv/registry/htpasswd}}}}
"""
# "secret-word" as htpasswd -B has it.
HASHED = "$2y$05$abcdefghijklmnopqrstuuUOabO4v2PoT/v47Y.znQK.9MsMDnesq"
PASSWORD = "secret-word"
# It asks for a client's certificate as well; /srv/registry/certs is a cert_dir for it.
MUTUAL = SECURE.replace("key.pem}}", "key.pem, clientcas: [/srv/registry/cert.pem]}}")
# The registry of the modules' examples, with its users; the password is the same.
EXAMPLE = SECURE.replace(REGISTRY, "127.0.0.1:443")
EXAMPLE_HOST = "registry.example.com"
USERS = ("me", "deployer", "team-deployer")
KEYS = ("-keyout", "/srv/registry/key.pem", "-out", "/srv/registry/cert.pem")


class Registry:
    """A real docker-registry on the test host's loopback, to be stopped and started."""

    def __init__(self, host: Host, config: str) -> None:
        self.host = host
        os.makedirs("/srv/registry/conf")
        with open("/srv/registry/config.yml", "w", encoding="ascii") as file:
            file.write(
                "version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: /srv/registry/data}}\n"
            )
            file.write(config)
        with open("/srv/registry/conf/test.conf", "w", encoding="ascii") as file:
            for location in (REGISTRY, FRONT):
                file.write(f'[[registry]]\nlocation = "{location}"\ninsecure = {str(config == HTTP).lower()}\n')
        # For programs of the tests: /usr/local/bin stands on the path of the engine's tools.
        os.makedirs("/srv/bin", exist_ok=True)
        kernel.mount("/srv/bin", "/usr/local/bin", flags=kernel.MS_BIND)
        kernel.mount("/srv/registry/conf", "/etc/containers/registries.conf.d", flags=kernel.MS_BIND)
        if config != HTTP:
            made = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext"
            host.run(*made.split(), f"subjectAltName=IP:127.0.0.1,DNS:{EXAMPLE_HOST}", *KEYS)
            os.mkdir("/srv/registry/certs")
            for name, source in (("ca.crt", "cert"), ("client.cert", "cert"), ("client.key", "key")):
                os.symlink(f"../{source}.pem", f"/srv/registry/certs/{name}")
            with open("/srv/registry/htpasswd", "w", encoding="ascii") as file:
                file.writelines(f"{user}:{HASHED}\n" for user in USERS)
        self.port = 443 if config == EXAMPLE else 5000
        self.start()

    def start(self) -> None:
        argv = ["docker-registry", "serve", "/srv/registry/config.yml"]
        self.server = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(lambda: answers(self.port))

    def stop(self) -> None:
        self.server.kill()
        self.server.wait()

    def push(self, tag: str, name: str = APP, *options: str) -> None:
        source = tag if ":" in tag else f"oci:{self.host.layout}:{tag}"
        words = ["--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", *options]
        self.host.run("skopeo", *words, source, f"docker://{name}")
        shutil.rmtree("/var/lib/containers", ignore_errors=True)

    def put_index(self, tags: dict[str, str]) -> None:
        """Make team/app:1 an image index; ``tags`` maps each architecture to the tag of its image."""
        kind, manifests = "application/vnd.oci.image.manifest.v1+json", []
        for architecture, tag in tags.items():
            url = f"http://{REGISTRY}/v2/team/app/manifests/{tag}"
            with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": kind}), timeout=60) as answer:
                body = answer.read()
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            platform = {"os": "linux", "architecture": architecture}
            manifests.append({"mediaType": kind, "digest": digest, "size": len(body), "platform": platform})
        index = "application/vnd.oci.image.index.v1+json"
        data = json.dumps({"schemaVersion": 2, "mediaType": index, "manifests": manifests}).encode()
        url = f"http://{REGISTRY}/v2/team/app/manifests/1"
        request = urllib.request.Request(url, data, {"Content-Type": index}, method="PUT")
        urllib.request.urlopen(request, timeout=60).close()

    def remove(self) -> None:
        self.stop()
        kernel.umount("/etc/containers/registries.conf.d")
        kernel.umount("/usr/local/bin")
        shutil.rmtree("/srv/registry")
        shutil.rmtree("/srv/bin")


@contextlib.contextmanager
def example(host: Host) -> Iterator[None]:
    """Have the registry of the modules' examples on the host, by its name and with its certificate."""
    registry = Registry(host, EXAMPLE)
    os.makedirs(f"/etc/containers/certs.d/{EXAMPLE_HOST}")
    shutil.copy("/srv/registry/cert.pem", f"/etc/containers/certs.d/{EXAMPLE_HOST}/ca.crt")
    with open("/etc/hosts", "a", encoding="ascii") as file:
        file.write(f"127.0.0.1 {EXAMPLE_HOST}\n")
    yield
    registry.remove()


def answers(port: int) -> bool:
    """Return whether a program on loopback answers at the port."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


class MovingTag(http.server.BaseHTTPRequestHandler):
    """Passes requests on to the registry; each look at the tag ``team/app:moving`` finds the next of ``tags`` there."""

    tags: list[str] = []  # of team/app in the registry; the last one stays
    asked = 0  # how often the tag was looked at

    @classmethod
    def lead(cls, *tags: str) -> None:
        """Have the first looks from now on find these tags, and all later ones the last."""
        cls.tags, cls.asked = list(tags), 0

    def do_GET(self) -> None:
        path = self.path
        if path.endswith("/manifests/moving"):
            path = path.replace("moving", self.tags[min(self.asked, len(self.tags) - 1)])
            type(self).asked += 1
        accepted = {"Accept": ", ".join(self.headers.get_all("Accept", ()))}
        request = urllib.request.Request(f"http://{REGISTRY}{path}", headers=accepted, method=self.command)
        try:
            answer = urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            content = answer.read()
            self.send_response(answer.status)
            for name in ("Content-Type", "Content-Length", "Docker-Content-Digest"):
                if answer.headers[name]:
                    self.send_header(name, answer.headers[name])
            self.end_headers()
            self.wfile.write(content)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


class Failing(MovingTag):
    """Fails in the way of ``lead`` the first ``times`` that a path is asked for that matches; then it passes all on."""

    way, pattern, left = "", "", 0
    layer = ""  # the digest of one that tests have fail
    seen: list[float] = []  # the times of the requests that failed
    over = threading.Event()  # ends what hangs
    part = 0.5  # how much of an answer comes before it breaks off or stalls
    stalled = threading.Event()

    @classmethod
    def fail(cls, way: str, pattern: str = "/(manifests|blobs)/", times: int = 1 << 30) -> None:
        """Have requests fail by the method of this name from now on."""
        cls.way, cls.pattern, cls.left, cls.seen, cls.part = way, pattern, times, [], 0.5
        cls.stalled.clear()

    def do_GET(self) -> None:
        if not (self.left and re.search(self.pattern, self.path)):
            return super().do_GET()
        type(self).left -= 1
        self.seen.append(time.monotonic())
        with contextlib.suppress(OSError):  # it was not waited for
            getattr(self, self.way)()
        return None

    do_HEAD = do_GET

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def too_many(self) -> None:
        body = b'{"errors": [{"code": "TOOMANYREQUESTS", "message": "too many requests"}]}'
        self._answer(429, body, Retry_After="1")

    def broken(self) -> None:
        self._answer(500, b"")

    def echo(self) -> None:
        self._answer(500, f"what you sent: {self.headers}".encode())

    def stall(self) -> None:
        self.half()
        self.wfile.flush()
        self.stalled.set()
        self.hang()

    def half(self) -> None:
        request = urllib.request.Request(f"http://{REGISTRY}{self.path}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = answer.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: int(len(content) * self.part)])

    def hang(self) -> None:
        self.over.wait(120)

    def garbage(self) -> None:
        kind = "application/vnd.oci.image.manifest.v1+json"
        self._answer(200, b"\x1b[2J\xff{" * (10 * 1024 * 1024 // 6), Content_Type=kind)

    def loop(self) -> None:
        self._answer(307, b"", Location=self.path)


Handler = TypeVar("Handler", bound=MovingTag)


@contextlib.contextmanager
def front(handler: type[Handler]) -> Iterator[type[Handler]]:
    """Serve a front of the registry, as ``FRONT``."""
    host, _colon, port = FRONT.partition(":")
    with http.server.ThreadingHTTPServer((host, int(port)), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield handler
        finally:
            server.shutdown()
