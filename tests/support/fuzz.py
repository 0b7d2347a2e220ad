# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile input for parsers: mutated option values, mutated JSON, and sizes that show superlinear time.

``fuzzed`` gives each test few inputs of a fixed seed in ``make test``, and many of a drawn one in ``make fuzz``.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import random
import signal
import time
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import LibpodError
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from .seeds import SEED

Strategy = st.SearchStrategy[Any]

# How many times the inputs of the short form are tried.
FACTOR = int(os.environ.get("LIBPOD_FUZZ", "1"))

# Values of every grammar among the options, which mutations start from.
SPECIMENS = (
    *("1", "0", "-1", "512m", ".5g", "1.5", "0x10", "unlimited", "1h2m3s", "30s", "500ms", "disable", "true", "no"),
    *("8080:80", "127.0.0.1:8080-8081:80-81/udp", "[2001:db8::1]::53/sctp", "80", "8000-8003"),
    *(
        "/srv/a:/t:ro,rslave",
        "data:/var/lib/x:O",
        "/anonymous",
        "type=bind,source=/srv,target=/x,ro=true,bind-propagation",
    ),
    *("type=tmpfs,destination=/t,tmpfs-size=1m,tmpfs-mode=1777", "size=64m,mode=0700,uid=1000,noexec"),
    *(
        "bridge",
        "host",
        "none",
        "container:web",
        "ns:/run/ns/x",
        "pasta:--map-gw",
        "net1:ip=10.88.0.9,mac=02:00:00:00:00:07",
    ),
    *("auto:size=1000,uidmapping=0:100000:1000", "keep-id:uid=1,gid=1", "0:100000:65536", "@1000:0:1"),
    *("nofile=1024:4096", "core=-1", "net.ipv4.ip_forward", "kernel.msgmax", "SIGTERM", "RTMIN+3", "NET_ADMIN", "ALL"),
    *("seccomp=/srv/profile.json", "label=type:t", "apparmor=x", "mask=/a:/b", "unmask=ALL", "no-new-privileges"),
    *("/dev/null:/dev/x:rwm", "/dev/sda:1mb", "c 1:3 rwm", "a *:* m", "nvidia.com/gpu=all", "memory.high"),
    *(
        "tok,type=env,target=T",
        "tok,uid=5,gid=6,mode=0400",
        "web:ro,z",
        "root:root",
        "1000:1000",
        "$USERNAME:*:$UID:$GID",
    ),
    *("192.0.2.1", "2001:db8::1", "02:00:00:00:00:07", "db.example.org", "host-gateway", "ndots:2", "0-3,5", "0022"),
    *(
        "CMD-SHELL test -e /x",
        '["CMD", "true"]',
        "on-failure:3",
        "always",
        "a,b",
        "TZ=Europe/Berlin",
        "k8s-file",
        "Europe/Berlin",
    ),
    *(
        "docker.io/library/busybox:1.36@sha256:" + "0" * 64,
        "localhost:5000/a/b",
        "oci:/srv/layout:tag",
        "sha256:" + "a" * 64,
    ),
)
# What breaks parsers: encodings, digits that are none, lengths, separators, signs, paths that lead out.
FRAGMENTS = (
    *(
        "",
        " ",
        "\t",
        "\n",
        "\0",
        "\x1b[2J",
        "\u202e",
        "\ud800",
        "\udc80",
        "\ufeff",
        "²",
        "٣",
        "१",
        "½",
        "é",
        "€",
        "\U0001f433",
    ),
    *(
        "-",
        "+",
        "=",
        ":",
        "::",
        ",",
        ",,",
        "/",
        "//",
        "..",
        "/../..",
        "@",
        "#",
        "%s",
        "{0}",
        "$(x)",
        '"',
        "'",
        "\\",
        "[",
        "]",
    ),
    *(
        "9" * 20,
        "9" * 400,
        "9" * 5000,
        "1e400",
        "NaN",
        "Infinity",
        "0b1",
        "1_000",
        "1__0",
        "0o7",
        "٣٣",
        "-0",
        ".",
        "..5",
    ),
    *("a" * 300, "a" * 70_000, "/x" * 3000, ":" * 500, "," * 500, "ns:", "container:", "type=", "=ro", "ms", "h", "µs"),
)


def fuzzed(examples: int, **strategies: Strategy) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return hypothesis' decorator for ``examples`` inputs of the run's seed, FACTOR times as many in ``make fuzz``."""
    wanted = settings(
        max_examples=FACTOR * examples,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        phases=[phase for phase in Phase if phase is not Phase.explain],
    )

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        marked: Callable[..., None] = pytest.mark.fuzz(seed(SEED)(wanted(given(**strategies)(test))))
        return marked

    return decorate


def refused_or(work: Callable[[], Any]) -> Any:
    """Return the result of ``work``, or None if it refuses in one printable, bounded sentence."""
    try:
        return work()
    except LibpodError as error:
        message = str(error)
        message.encode()
        assert message and "\n" not in message and len(message) < 20_000
        return None


@st.composite
def texts(draw: st.DrawFn, *specimens: str) -> str:
    """Draw a specimen that was cut, spliced, doubled or given a fragment; at times any text at all."""
    pick = draw(st.randoms(use_true_random=False))
    if pick.random() < 0.05:
        return draw(st.text(st.characters(codec=None, exclude_categories=()), max_size=20))
    value = pick.choice(specimens or SPECIMENS)
    for _mutation in range(pick.randint(0, 3)):
        at = pick.randint(0, len(value))
        kind = pick.randrange(5)
        if kind == 0:
            value = value[:at] + pick.choice(FRAGMENTS) + value[at:]
        elif kind == 1:
            value = value[:at] + value[at + pick.randint(1, 5) :]
        elif kind == 2:
            value = value[:at] + pick.choice(specimens or SPECIMENS)
        elif kind == 3:
            value = value[:at] + value[at:] * 2
        else:
            value = pick.choice(FRAGMENTS)
    return value


def _scalars() -> Strategy:
    odd = st.sampled_from(
        [None, True, False, 0, -1, 1 << 31, 1 << 64, -(1 << 70), 10**400, 1.1, -0.0, 1e308, float("inf")]
    )
    return st.one_of(texts(), texts(), texts(), odd, st.just(float("nan")), st.integers(), st.floats())


def values() -> Strategy:
    """Draw what Ansible hands an option that takes anything (``raw``): scalars, lists and mappings of them."""
    scalars = _scalars()
    flat = st.one_of(
        st.lists(scalars, max_size=3), st.dictionaries(st.one_of(texts(), st.integers()), scalars, max_size=3)
    )
    return st.one_of(scalars, flat, st.lists(flat, max_size=2), st.dictionaries(texts(), flat, max_size=2))


def values_of(kind: str) -> Strategy:
    """Draw what Ansible hands an option of type ``kind``, which it has converted and checked before."""
    return {
        "str": texts(),
        "path": texts(),
        "int": st.one_of(st.integers(), st.sampled_from([0, -1, 1 << 63, 10**400])),
        "bool": st.booleans(),
        "list": st.lists(texts(), max_size=3),
        "dict": st.dictionaries(st.one_of(texts(), st.integers()), _scalars(), max_size=3),
    }.get(kind, values())


_LEAVES: tuple[Any, ...] = (
    *(None, True, 0, -1, 5, 1 << 64, 10**30, 1.5, 1e308, "", "x", "\ud800", "a\0b", "9" * 5000, "/" * 4096, "..", "²"),
    *([], {}, [[]], [None], [5], {"": None}, {"\ud800": {}}, {"a\0": 1}, ["\ud800"], [{}], {"x": []}),
)


def _deep() -> Any:
    value: Any = []
    for _level in range(500):
        value = [value]
    return value


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) of a JSON value."""
    found: list[tuple[Any, Any]] = []
    pending = [value]
    while pending:
        one = pending.pop()
        for key in list(one) if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ():
            found.append((one, key))
            pending.append(one[key])
    return found


def mutated(specimen: Any, pick: random.Random) -> Any:
    """Return the JSON value with one to three members replaced, renamed, removed or nested deeply."""
    root = {"root": copy.deepcopy(specimen)}
    for _mutation in range(pick.randint(1, 3)):
        container, key = pick.choice(_places(root))
        kind = pick.randrange(8)
        if kind == 0 and isinstance(container, dict) and container is not root:
            del container[key]
        elif kind == 1 and isinstance(container, list):
            container.append(copy.deepcopy(container[key]))
        elif kind == 2:
            container[key] = _deep()
        elif kind == 3 and isinstance(container[key], str):
            container[key] = pick.choice(FRAGMENTS) + container[key] + pick.choice(FRAGMENTS)
        else:
            container[key] = copy.deepcopy(pick.choice(_LEAVES))
    return root["root"]


@st.composite
def documents(draw: st.DrawFn, *specimens: Any) -> bytes:
    """Draw the text of a mutated JSON document; at times cut short, or with bytes that are no UTF-8."""
    pick = draw(st.randoms(use_true_random=False))
    value = mutated(pick.choice(specimens), pick)
    data = json.dumps(value, ensure_ascii=pick.random() < 0.5).encode(errors="surrogatepass")
    if pick.random() < 0.1:
        at = pick.randint(0, len(data))
        data = data[:at] + pick.choice([b"", b"\xff", b"[" * 5000, b"NaN", b"\0"])
    return data


def lines(*specimens: str) -> Strategy:
    """Draw the bytes of a file whose lines are texts of these specimens, or a few bytes of any kind."""
    encoded = texts(*specimens).map(lambda text: text.encode(errors="surrogatepass"))
    return st.lists(st.one_of(encoded, encoded, encoded, st.binary(max_size=9)), max_size=8).map(b"\n".join)


def tomls(specimen: dict[str, Any]) -> Strategy:
    """Draw the text of a mutated TOML document, whose tables are written inline."""
    return st.randoms(use_true_random=False).map(
        lambda pick: "".join(
            f"{json.dumps(key)} = {_toml(value)}\n" for key, value in _table(mutated(specimen, pick)).items()
        ).encode()
    )


def _table(value: Any) -> dict[str, Any]:
    """Return the value, which TOML has only in a table."""
    return value if isinstance(value, dict) else {"": value}


def _toml(value: Any) -> str:
    depth = 0  # of lists with one member, which may be nested deeper than Python calls
    while isinstance(value, list) and len(value) == 1:
        value, depth = value[0], depth + 1
    if depth:
        return "[" * depth + _toml(value) + "]" * depth
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return "''" if value is None else json.dumps(value)


def grows_linearly(work: Callable[[Any], object], make: Callable[[int], Any], size: int = 4_000) -> bool:
    """Return whether eight times the input takes at most four times the CPU time of eight, in one of five tries.

    Quadratic work takes eight times as long. What takes less than 20 ms at the larger size is not told apart from
    noise: where the kernel counts CPU time by ticks, one is 4 ms.
    """
    return any(_linear(work, make(size), make(8 * size)) for _try in range(5))


def _linear(work: Callable[[Any], object], small: Any, large: Any) -> bool:
    # A large input that was disturbed is given again by the next try; small ones must not look slower than they are.
    taken = _best(work, large, runs=1)
    return taken < _NOISE or taken < 4 * _best(lambda value: [work(value) for _run in range(8)], small, runs=2)


_NOISE = 0.02
_CPU_SECONDS = 20.0  # no parser takes that for 32,000 characters on any machine


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    def give_up(*_signal: object) -> None:
        raise AssertionError(f"more than {seconds} s of CPU time")

    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _best(work: Callable[[Any], object], value: Any, runs: int) -> float:
    best = float("inf")
    for _run in range(runs):
        begin = time.process_time()
        with _at_most(_CPU_SECONDS):
            work(value)
        best = min(best, time.process_time() - begin)
        if best > 2:
            break
    return best
