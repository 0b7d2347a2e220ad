# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark of the engine: ``bench.py [--rounds N] [PART …]``, as root; PARTs are below, all by default.

a  an unchanged task of a container, network and others against ping, single and in a loop of 20, less an empty play
b  the engine's create and start, and stop and remove, against the bare floor, and the true one of system calls
c  the same against podman, where it is installed (measured with b, in the same rounds)
d  info for 1, 100 and 1,000 configured containers
e  the peak resident set of the module
f  100 containers in one task
g  a file put into a container and fetched from it, against cp
h  molecule's create and destroy of three instances, against podman_container as molecule-plugins has it
i  ping in a container by the connection plugin, against ping on localhost
j  ping in a remote host's container by libpod_ssh, against ping on that host by ssh
k  b and c with crun, without a network, and with netavark, on a bridge
m  the first, 100th and 1,000th container of a host, and one task over 1,000
n  a container that starts and ends among 50 others, against one that is alone on its network
p  a pull of 50 MiB from a registry on loopback, against skopeo
r  a rewind of a prepared container, against its removal, creation and preparation
s  a systemd in a container until it has booted, against podman
w  where the time of b and k goes, step by step, as tables and pictures, build/waterfall*.svg

Everything runs in a test host (tests/support/hosts.py); the table is printed, and build/bench.json has all samples.
"""

from __future__ import annotations

import argparse
import base64
import glob
import json
import os
import platform
import subprocess
import sys
import time
from typing import Any, Callable, Mapping

from ansible_collections.libpod.engine.plugins.module_utils._drivers import network_backend
from ansible_collections.libpod.engine.tests.bench import limits
from ansible_collections.libpod.engine.tests.bench.contenders import COMMAND, IMAGE, Engine, Podman, podman_program
from ansible_collections.libpod.engine.tests.bench.inside import inside
from ansible_collections.libpod.engine.tests.bench.instances import instances
from ansible_collections.libpod.engine.tests.bench.lifecycle import up_and_down
from ansible_collections.libpod.engine.tests.bench.many import crowd
from ansible_collections.libpod.engine.tests.bench.names import among
from ansible_collections.libpod.engine.tests.bench.pulls import pulls
from ansible_collections.libpod.engine.tests.bench.remote import remote
from ansible_collections.libpod.engine.tests.bench.rewinds import rewinds
from ansible_collections.libpod.engine.tests.bench.rows import Row, interleave, table
from ansible_collections.libpod.engine.tests.bench.several import several
from ansible_collections.libpod.engine.tests.bench.systems import systems
from ansible_collections.libpod.engine.tests.bench.transfers import transfers
from ansible_collections.libpod.engine.tests.bench.waterfall import waterfall
from ansible_collections.libpod.engine.tests.support import images, playbooks
from ansible_collections.libpod.engine.tests.support.hosts import Host

ITEMS = 20


def unchanged(host: Host, rounds: int) -> list[Row]:
    """Part a: whole ansible-playbook runs on running containers."""
    options: dict[str, Any] = {"image": IMAGE, "command": COMMAND, "network": ["none"], "stop_signal": "KILL"}
    for number in range(ITEMS):
        made = host.container(f"c{number}", **options)
        assert not made.failed, made
    task = {"libpod.engine.libpod_container": {"name": "{{ item | default('c0') }}", **options}}
    loop = {"loop": [f"c{number}" for number in range(ITEMS)]}
    kept = {"libpod.engine.libpod_network": {"name": "kept", "ipv6": True, "labels": {"a": "b"}, "opt": {"mtu": 1400}}}
    assert host.play([kept]).changed == 1
    volume: dict[str, Any] = {"libpod.engine.libpod_volume": {"name": "v", "label": {"a": "b"}, "options": ["uid=5"]}}
    assert not host.module("libpod_volume", volume["libpod.engine.libpod_volume"]).failed
    login = {"registry": "r.io", "username": "me", "password": "word", "authfile": "/srv/auth.json"}
    with open("/srv/auth.json", "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        json.dump({"auths": {"r.io": {"auth": base64.b64encode(b"me:word").decode()}}}, file)
    secret: dict[str, Any] = {"name": "s", "data": "content", "labels": {"a": "b"}}
    assert not host.module("libpod_secret", secret).failed
    resources: dict[str, dict[str, Any]] = {
        "network": kept,
        "volume": volume,
        "login": {"libpod.engine.libpod_login": login},
        "secret": {"libpod.engine.libpod_secret": secret},
        "image": {"libpod.engine.libpod_image": {"name": IMAGE, "tags": ["busybox"]}},
    }
    ping: dict[str, Any] = {"ansible.builtin.ping": {}}
    plays = {
        "empty": [],
        "ping": [ping],
        "task": [task],
        "ping loop": [{**ping, **loop}],
        "task loop": [{**task, **loop}],
        **{f"{name} loop": [{**one, **loop}] for name, one in resources.items()},
    }

    def timed(name: str) -> Callable[[], Mapping[str, float]]:
        def measure() -> Mapping[str, float]:
            before = time.perf_counter()
            played = host.play(plays[name])
            took = (time.perf_counter() - before) * 1000
            assert played.changed == 0, played.output
            return {name: took}

        return measure

    samples = interleave({name: timed(name) for name in plays}, rounds)
    host.empty()
    host.module("libpod_network", {"name": "kept", "state": "absent"})
    host.module("libpod_volume", {"name": "v", "state": "absent"})
    host.module("libpod_secret", {"name": "s", "state": "absent"})

    def less_empty(name: str) -> list[float]:
        return [value - empty for value, empty in zip(samples[name], samples["empty"])]

    return [
        Row("a  unchanged task", less_empty("task"), "ping", less_empty("ping"), limits.UNCHANGED),
        Row(
            f"a  unchanged, loop of {ITEMS}", less_empty("task loop"), "ping", less_empty("ping loop"), limits.UNCHANGED
        ),
        *(
            Row(
                f"a  unchanged {name}, loop of {ITEMS}",
                less_empty(f"{name} loop"),
                "ping",
                less_empty("ping loop"),
                limits.UNCHANGED,
            )
            for name in resources
        ),
    ]


def info(host: Host, rounds: int) -> list[Row]:
    """Part d: containers that exist and never ran, on a plain rootfs."""
    engine = Engine(host)
    rootfs = "/srv/rootfs"
    os.makedirs(rootfs)
    rows = []
    present = 0
    for many in (1, 100, 1000):
        while present < many:
            options: dict[str, Any] = {"image": rootfs, "rootfs": True, "command": COMMAND, "network": ["none"]}
            made = host.container(f"i{present}", state="present", stop_signal="KILL", **options)
            assert not made.failed, made
            present += 1

        def measure(many: int = many) -> Mapping[str, float]:
            answer = engine.run("libpod_container_info")
            assert len(answer["result"]["containers"]) == many
            return {"ms": answer["ms"], "json.load": _loading(host)}

        samples = interleave({"info": measure}, rounds)
        limit = limits.INFO_OF_1000 if many == 1000 else None
        rows.append(Row(f"d  info, {many} configured", samples["ms"], "json.load", samples["json.load"], limit))
    return rows


def _loading(host: Host) -> float:
    """Milliseconds of json.load over the files that info reads."""
    files = glob.glob(f"{host.parts.static_root}/names/*.json")
    files += glob.glob(f"{host.parts.static_root}/containers/*/*.json")
    begin = time.perf_counter()
    for path in files:
        with open(path, "rb") as file:
            json.load(file)
    return (time.perf_counter() - begin) * 1000


def memory(host: Host, rounds: int) -> list[Row]:
    """Part e: peak resident set, against that of a module that does nothing."""
    engine = Engine(host)

    def peaks() -> Mapping[str, float]:
        up = engine.run("libpod_container", **engine.container("m", "bridge"))
        again = engine.run("libpod_container", **engine.container("m", "bridge"))
        facts = engine.run("libpod_container_info")
        gone = engine.run("libpod_container", name="m", state="absent")
        nothing = engine.run("nothing")
        assert not again["result"]["changed"], again["result"]
        if again["forked"] or {"pyroute2", "jmespath"} & set(again["loaded"]):
            print(f"the unchanged path forked or loaded too much: {again['forked']} {again['loaded']}", file=sys.stderr)
        runs = {"create+start": up, "unchanged": again, "info": facts, "stop+remove": gone, "nothing": nothing}
        times = {"unchanged ms": again["ms"]}
        return {**{name: run["peak_kib"] / 1024 for name, run in runs.items()}, **times}

    samples = interleave({"peaks": peaks}, rounds)
    nothing = samples.pop("nothing")
    in_process = Row("a  unchanged, in-process, imports included", samples.pop("unchanged ms"))
    rows = [Row(f"e  peak RSS, {name}", values, "no-op", nothing, unit="MiB") for name, values in samples.items()]
    return [in_process, *rows]


CRUN, NETAVARK = {"oci_runtime": "crun"}, {"network_backend": "netavark"}
# The part, what measures it, and the arguments of its test host.
PARTS: tuple[tuple[str, Callable[[Host, int], list[Row]], dict[str, Any]], ...] = (
    ("a", unchanged, {}),
    ("b", up_and_down, {}),
    ("d", info, {}),
    ("e", memory, {}),
    ("f", several, {}),
    ("g", transfers, {}),
    ("h", instances, {}),
    ("i", inside, {}),
    ("j", remote, {}),
    ("k", up_and_down, CRUN),
    ("k", up_and_down, NETAVARK),
    ("m", crowd, {}),
    ("n", among, {}),
    ("p", pulls, {}),
    ("r", rewinds, {}),
    ("s", systems, {}),
    ("w", waterfall, {}),
    ("w", waterfall, CRUN),
    ("w", waterfall, NETAVARK),
)


def main() -> int:
    """Measure, print, write; 1 where a limit does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="samples of each figure, at least 7 for the record")
    letters = list(dict.fromkeys(part for part, _measure, _arguments in PARTS))
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(letters)}; c is measured with b")
    args = parser.parse_args()
    chosen = {"b" if part == "c" else part for part in args.parts} or set(letters)
    if not chosen <= set(letters):
        parser.error(f"PART is one of {', '.join(letters)}")
    if os.geteuid() != 0:
        parser.error("needs root: containers, namespaces and cgroups are made for real")
    playbooks.interpreter = "/usr/bin/python3"
    Host.keeps_compiled_zips = Host.filters_natively = False
    rows: list[Row] = []
    if not Podman.is_installed():
        print("podman is not installed, and not in build/podman: its rows are missing", file=sys.stderr)
    for part, measure, arguments in PARTS:
        if part in chosen:
            with Host(**arguments) as host:
                rows += measure(host, args.rounds)
    rows.sort(key=lambda row: row.what[0])
    print(table(rows))
    path = f"{images.PROJECT}/build/bench.json"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"machine": machine(), "rounds": args.rounds, "rows": [row.record() for row in rows]}, file, indent=1)
    print(f"\nAll samples: {path}")
    return 1 if any(row.holds is False for row in rows) else 0


def machine() -> dict[str, Any]:
    """Return a description of the machine that the figures were taken on."""

    def version(*argv: str) -> str:
        try:
            return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()[0]
        except (OSError, subprocess.CalledProcessError, IndexError):
            return ""

    return {
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "ansible": version(playbooks.program(), "--version"),
        "runc": version("runc", "--version"),
        "crun": version("crun", "--version"),
        "netavark": version(network_backend.helper("netavark"), "--version"),
        "conmon": version("conmon", "--version"),
        "podman": version(podman_program(), "--version"),
    }


if __name__ == "__main__":
    sys.exit(main())
