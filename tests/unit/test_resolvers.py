# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's resolvers: contents of a resolv.conf, and which servers another network namespace can reach."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import resolvers
from ansible_collections.libpod.engine.plugins.module_utils._drivers.resolvers import Resolvers, outside_host, parse

LOCAL = Resolvers(["127.0.0.1"], ["host.example"], ["ndots:2", "trust-ad"])
STUB = LOCAL._replace(servers=["127.0.0.53"])


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty directory in place of the host's root for the configuration of local servers."""
    for name in ("_RESOLVED", "_DNSMASQ", "_DNSMASQ_FILE", "_DNSMASQ_DIRECTORY"):
        monkeypatch.setattr(resolvers, name, f"{tmp_path}{getattr(resolvers, name)}")
    paths = tuple(f"{tmp_path}{path}" for path in resolvers._NETWORK_MANAGER)
    monkeypatch.setattr(resolvers, "_NETWORK_MANAGER", paths)
    for folder in ("run/systemd/resolve", "run/NetworkManager", "run/dnsmasq", "etc/dnsmasq.d"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("nameserver 10.0.0.53 ; comment\n", ["10.0.0.53"]),
        ("nameserver 10.0.0.53 # comment", ["10.0.0.53"]),
        ("nameserver\t10.0.0.53   10.0.0.54\n", ["10.0.0.53"]),
        ("#nameserver 10.0.0.1\n;nameserver 10.0.0.2\nnameserver #10.0.0.3\nnameserver\nnameserverx 10.0.0.4\n", []),
        ("nameserver 10.0.0.1\r\nnameserver 2001:db8::1\r\n", ["10.0.0.1", "2001:db8::1"]),
        ("nameserver 10.0.0.1\0nameserver 10.0.0.2\nnameserver 10.0.0.3\0", ["10.0.0.1", "10.0.0.3"]),
        ("", []),
    ],
)
def test_servers_are_the_first_words_after_nameserver(text: str, servers: list[str]) -> None:
    assert parse(text).servers == servers


def test_last_search_counts_and_options_add_up() -> None:
    text = (
        "search a.example\ndomain b.example ; old\noptions ndots:2\nsearch c.example d.example # e\noptions edns0 ;x\n"
    )
    assert parse(text) == Resolvers([], ["c.example", "d.example"], ["ndots:2", "edns0"])


@pytest.mark.parametrize(
    ("server", "reachable"),
    [
        *((server, True) for server in ("10.0.0.53", "::1234", "2001:db8::1", "12.7.0.1", "169.254.169.253", "10.53")),
        *(
            (server, False)
            for server in ("127.0.0.1", "127.3.2.1", "127.1", "::1", "0:0::1", "::ffff:127.0.0.1", "0.0.0.0")
        ),
        *((server, False) for server in ("fe80::1%eth0", "fe80::1", "::1%lo", "::", "localhost", "10.0.0.256", "")),
    ],
)
def test_loopback_servers_are_recognised_by_address(server: str, reachable: bool) -> None:
    assert Resolvers([server], [], []).reachable == ([server] if reachable else [])


@pytest.mark.usefixtures("files")
def test_only_reachable_servers_are_kept() -> None:
    host = LOCAL._replace(servers=["127.0.0.1", "10.0.0.53", "::1", "::1234"])
    assert outside_host(host) == host._replace(servers=["10.0.0.53", "::1234"])
    assert outside_host(LOCAL) == LOCAL._replace(servers=[])


@pytest.mark.parametrize(
    ("host", "path"),
    [
        (STUB, "run/systemd/resolve/resolv.conf"),
        (STUB._replace(servers=["127.0.0.54", "10.0.0.1"]), "run/systemd/resolve/resolv.conf"),
        *((LOCAL, f"run/NetworkManager/{name}") for name in ("no-stub-resolv.conf", "resolv.conf")),
        (STUB, "run/NetworkManager/no-stub-resolv.conf"),
        (LOCAL, "run/dnsmasq/resolv.conf"),
        (LOCAL, "run/systemd/resolve/resolv.conf"),
        (LOCAL._replace(servers=[]), "run/dnsmasq/resolv.conf"),
    ],
)
def test_upstream_servers_of_a_local_one_are_found(files: Path, host: Resolvers, path: str) -> None:
    (files / path).write_text("nameserver 127.0.0.1\nnameserver 10.0.0.53\n", encoding="ascii")
    assert outside_host(host) == Resolvers(["10.0.0.53"], ["host.example"], ["ndots:2"])
    if "dnsmasq" in path:
        return
    (files / path).write_text("nameserver 10.0.0.54\nsearch b.example\noptions timeout:1\n", encoding="ascii")
    assert outside_host(host) == Resolvers(["10.0.0.54"], ["b.example"], ["timeout:1"])


def test_network_manager_with_only_local_servers_is_skipped(files: Path) -> None:
    (files / "run/NetworkManager/no-stub-resolv.conf").write_text("nameserver 127.0.0.1\n", encoding="ascii")
    (files / "run/NetworkManager/resolv.conf").write_text("nameserver 10.0.0.53\n", encoding="ascii")
    assert outside_host(LOCAL).servers == ["10.0.0.53"]


@pytest.mark.parametrize(
    ("lines", "servers"),
    [
        (
            "server=10.0.0.1\nserver = 10.0.0.2 # comment\n  server=2001:db8::1\n",
            ["10.0.0.1", "10.0.0.2", "2001:db8::1"],
        ),
        ("server=10.0.0.1#53\nserver=10.0.0.2#5353\nserver=10.0.0.3@eth0\n", ["10.0.0.1", "10.0.0.3"]),
        ("server=/corp.example/10.0.0.1\nserver=//10.0.0.2\nserver=\nserver\n#server=10.0.0.3\nservers-file=/x\n", []),
        ("resolv-file=/upstream\nserver=10.0.0.1\n", ["10.0.0.9", "10.0.0.1"]),
        ('resolv-file="/upstream"\n', ["10.0.0.9"]),
        ("no-resolv\nresolv-file=/upstream\nserver=10.0.0.1\n", ["10.0.0.1"]),
        ("resolv-file=upstream\nresolv-file=/gone\nresolv-file=/\n", []),
    ],
)
@pytest.mark.parametrize("name", ["dnsmasq.conf", "dnsmasq.d/a.conf"])
def test_servers_of_dnsmasq_are_found(files: Path, name: str, lines: str, servers: list[str]) -> None:
    (files / "upstream").write_text("nameserver 10.0.0.9\n", encoding="ascii")
    lines = lines.replace("/upstream", f"{files}/upstream").replace("/gone", f"{files}/gone")
    (files / "etc" / name).write_text(lines, encoding="ascii")
    assert outside_host(LOCAL).servers == servers


def test_invalid_files_are_ignored(files: Path) -> None:
    """A FIFO would block, and a file longer than any configuration is not read."""
    os.mkfifo(files / "run/NetworkManager/no-stub-resolv.conf")
    os.mkfifo(files / "etc/dnsmasq.d/fifo.conf")
    (files / "etc/dnsmasq.d/folder.conf").mkdir()
    (files / "etc/dnsmasq.d/z.conf").write_text(f"resolv-file={files}/fifo\nserver=10.0.0.53\n", encoding="ascii")
    (files / "etc/dnsmasq.d/other.bak").write_text("server=10.0.0.54\n", encoding="ascii")
    os.mkfifo(files / "fifo")
    (files / "run/dnsmasq/resolv.conf").write_bytes(b"nameserver 10.0.0.55\n" * 100_000)
    begun = time.monotonic()
    assert outside_host(LOCAL).servers == ["10.0.0.53"]
    assert time.monotonic() - begun < 20
