# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real docker-registry on the test host's loopback, and a front to it whose tag moves while a task looks at it."""

from __future__ import annotations

import contextlib
import http.server
import os
import shutil
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from typing import Iterator

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
        kernel.mount("/srv/registry/conf", "/etc/containers/registries.conf.d", flags=kernel.MS_BIND)
        if config == SECURE:
            host.run(*"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1".split(), *KEYS)
            with open("/srv/registry/htpasswd", "w", encoding="ascii") as file:
                file.write(f"me:{HASHED}\n")
        self.start()

    def start(self) -> None:
        argv = ["docker-registry", "serve", "/srv/registry/config.yml"]
        self.server = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(lambda: _answers(5000))

    def stop(self) -> None:
        self.server.kill()
        self.server.wait()

    def push(self, tag: str, name: str = APP, *options: str) -> None:
        source = tag if ":" in tag else f"oci:{self.host.layout}:{tag}"
        words = ["--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", *options]
        self.host.run("skopeo", *words, source, f"docker://{name}")
        shutil.rmtree("/var/lib/containers", ignore_errors=True)

    def remove(self) -> None:
        self.stop()
        kernel.umount("/etc/containers/registries.conf.d")
        shutil.rmtree("/srv/registry")


def _answers(port: int) -> bool:
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


@contextlib.contextmanager
def moving_tag() -> Iterator[type[MovingTag]]:
    """Serve the front of the registry, as ``FRONT``."""
    host, _colon, port = FRONT.partition(":")
    with http.server.ThreadingHTTPServer((host, int(port)), MovingTag) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield MovingTag
        finally:
            server.shutdown()
