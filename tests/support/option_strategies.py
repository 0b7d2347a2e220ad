# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How users spell the values of options: of a meaning, hypothesis draws one spelling after another."""

from __future__ import annotations

import ipaddress
import json
import os
import shlex
from functools import partial
from typing import Any, Callable, NamedTuple, Sequence

from hypothesis import strategies as st

Strategy = st.SearchStrategy[Any]


class Kind(NamedTuple):
    """Meanings of a type of option, and the spellings of each."""

    meanings: Strategy
    spellings: Callable[[Any], Strategy]


def one_of(*words: Any) -> Strategy:
    return st.sampled_from(words)


def as_is(meanings: Strategy) -> Kind:
    return Kind(meanings, st.just)


def list_of(kind: Kind, *, ordered: bool = False, min_size: int = 0, max_size: int = 3) -> Kind:
    """Return the kind of lists of such values; order and repetition count only if ``ordered``, blanks never."""
    if ordered:
        return Kind(
            st.lists(kind.meanings, max_size=max_size, unique_by=repr).map(tuple),
            lambda value: st.tuples(*map(kind.spellings, value)).flatmap(blanks),
        )

    def spellings(value: frozenset[Any]) -> Strategy:
        items = sorted(value, key=repr)
        return st.permutations([*items, *items[:1]]).flatmap(
            lambda order: st.tuples(*map(kind.spellings, order)).flatmap(blanks)
        )

    return Kind(st.frozensets(kind.meanings, min_size=min_size, max_size=max_size), spellings)


def blanks(items: Sequence[Any]) -> Strategy:
    """As Ansible splits ``a, b``."""
    return one_of([*items], [f" {item}" if isinstance(item, str) else item for item in items])


def word(text: str) -> Strategy:
    return one_of(text, f" {text} ", f"{text}\n")


def mapping_of(keys: Strategy, kind: Kind) -> Kind:
    def spellings(value: tuple[tuple[Any, Any], ...]) -> Strategy:
        return st.permutations(value).flatmap(
            lambda order: st.tuples(*(kind.spellings(value) for _key, value in order)).map(
                lambda values: {key: value for (key, _meant), value in zip(order, values)}
            )
        )

    meanings = st.dictionaries(keys, kind.meanings, max_size=3).map(lambda one: tuple(sorted(one.items(), key=repr)))
    return Kind(meanings, spellings)


def sizes(number: int) -> Strategy:
    found: list[Any] = [number, str(number), f"{number}b", f" {number} B"]
    if number == 512 << 20:
        found.append(".5g")
    for power, unit in enumerate("kmg", 1):
        if number and number % 1024**power == 0:
            whole = number // 1024**power
            found += [f"{whole}{unit}", f"{whole}{unit.upper()}", f"{whole}{unit}b", f"{whole} {unit.upper()}iB"]
        if number and number * 2 % 1024**power == 0:
            found.append(f"{number / 1024**power:.1f}{unit}")
    return st.sampled_from(found)


def addresses(text: str) -> Strategy:
    one = ipaddress.ip_address(text)
    words = [text] if one.version == 4 else [text, one.exploded, one.compressed, one.exploded.upper(), f"[{text}]"]
    return st.sampled_from(words)


def ports(value: tuple[str, int, int, str]) -> Strategy:
    host_ip, host, port, protocol = value
    ends = [f"{port}/{protocol}", f"{port}/{protocol.upper()}", f"{port}-{port}/{protocol}"]
    ends += [f"{port}"] if protocol == "tcp" else []
    starts = [f"{ip}:{host or ''}:" for ip in bracketed(host_ip)]
    if host_ip == "0.0.0.0":
        starts += [f"{host}:", f"{host}-{host}:"] if host else ["", ":"]
    return st.sampled_from([start + end for start in starts for end in ends])


def runs(numbers: Sequence[int]) -> Strategy:
    """(first, last) of ranges that together are these sorted numbers: each alone, or those that follow each other."""
    joined: list[list[int]] = []
    for number in numbers:
        if joined and joined[-1][1] == number - 1:
            joined[-1][1] = number
        else:
            joined.append([number, number])
    return st.one_of(st.permutations([(number, number) for number in numbers]), st.permutations(joined))


def published(value: frozenset[tuple[str, int, int, str]]) -> Strategy:
    """Ports one by one, or what the host has in one range to a range of the container's."""
    singles = st.permutations(sorted(value)).flatmap(lambda order: st.tuples(*map(ports, order)).map(list))
    kinds = {(host_ip, port - host, protocol) for host_ip, host, port, protocol in value if host}
    if len(kinds) != 1 or not all(host for _ip, host, _port, _protocol in value):
        return singles
    ((host_ip, shift, protocol),) = kinds

    def ranges(order: list[tuple[int, int]]) -> list[str]:
        return [f"{bracketed(host_ip)[0]}:{a}-{b}:{a + shift}-{b + shift}/{protocol}" for a, b in order]

    return st.one_of(singles, runs(sorted(host for _ip, host, _port, _protocol in value)).map(ranges))


def exposed(value: frozenset[tuple[int, str]]) -> Strategy:
    def words(run: tuple[int, int], protocol: str) -> Strategy:
        text = f"{run[0]}-{run[1]}" if run[0] < run[1] else str(run[0])
        ends = [f"/{protocol}", f"/{protocol.upper()}", *([""] if protocol == "tcp" else [])]
        number: list[Any] = [run[0]] if text == str(run[0]) and "" in ends else []
        return st.sampled_from([f"{text}{end}" for end in ends] + number)

    def joined(protocol: str, runs: Sequence[tuple[int, int]]) -> Strategy:
        return st.tuples(*(words(run, protocol) for run in runs))

    kinds = [(protocol, sorted(port for port, kind in value if kind == protocol)) for protocol in ("tcp", "udp")]
    parts = [runs(ports).flatmap(partial(joined, protocol)) for protocol, ports in kinds]
    return st.tuples(*parts).map(lambda found: [word for part in found for word in part])


def bracketed(host_ip: str) -> list[str]:
    one = ipaddress.ip_address(host_ip)
    return [host_ip] if one.version == 4 else [f"[{one.compressed}]", f"[{one.exploded.upper()}]"]


def signals(number: int) -> Strategy:
    name = {1: "HUP", 9: "KILL", 15: "TERM", 34: "RTMIN", 37: "RTMIN+3", 64: "RTMAX"}[number]
    more = {34: ["RTMAX-30"], 64: ["RTMIN+30", "SIGRTMIN+30"], 37: ["rtmax-27"]}.get(number, [])
    return one_of(number, str(number), name, f"SIG{name}", name.lower(), f"sig{name.lower()}", f" {name} ", *more)


def paths(path: str) -> Strategy:
    return one_of(path, f"{path}/", path.replace("/", "//"), f"{path}/.", f"{path}/x/..")


def volumes(value: tuple[str, str, bool, str]) -> Strategy:
    source, target, read_only, propagation = value
    sources = [source]
    if source.startswith("/"):
        sources += [
            f"{source}/",
            f"{source}/x/..",
            os.path.relpath(source) if "/" in os.path.relpath(source) else source,
        ]
    given = [word for word in ("ro" if read_only else "", "" if propagation == "rprivate" else propagation) if word]
    words = [given, given[::-1], [*given, "rbind"]] + ([["rw", *given]] if not read_only else [])
    words += [[*given, "rprivate"]] if propagation == "rprivate" else []
    ends = [f":{','.join(one)}" for one in words if one] + ([""] if not given else [])
    return st.sampled_from([f"{one}:{target}{slash}{end}" for one in sources for slash in ("", "/") for end in ends])


def mounts(value: tuple[str, str, bool]) -> Strategy:
    source, target, read_only = value
    parts = [one_of("type=bind"), one_of(f"source={source}", f"src={source}/", f"src={os.path.relpath(source)}")]
    parts.append(one_of(f"target={target}", f"dst={target}", f"destination={target}/"))
    yes, no = ["ro", "readonly", "ro=true", "rw=false", "ro=True", "ro=1"], ["rw", "ro=false", "rw=yes", "ro=False"]
    parts.append(one_of(*(yes if read_only else no)))
    return st.tuples(st.permutations(parts).flatmap(lambda order: st.tuples(*order)), one_of(",", ", ")).map(
        lambda found: found[1].join(found[0])
    )


def tmpfs(value: tuple[int, int, bool]) -> Strategy:
    number, mode, read_only = value
    words = [sizes(number).map(lambda text: f"size={str(text).strip()}"), one_of(f"mode={mode:o}", f"mode=0{mode:o}")]
    words.append(one_of("ro") if read_only else one_of("rw", "tmpcopyup"))
    return st.tuples(st.permutations(words).flatmap(lambda order: st.tuples(*order)), one_of(",", ", ")).map(
        lambda found: found[1].join(found[0])
    )


def secrets(value: tuple[str, int, int]) -> Strategy:
    name, uid, mode = value
    if not mode:
        return one_of(f"{name},type=env", f"{name},type=env,target={name}", f"{name},target={name},type=env")
    targets = ["", f",target={name}", f",target=/run/secrets/{name}", ",type=mount"]
    modes = [f",mode={mode:o}", f",mode=0{mode:o}"] + ([""] if mode == 0o444 else [])
    return st.sampled_from([f"{name}{t},uid={uid}{m}" for t in targets for m in modes])


def devices(value: tuple[str, str, str]) -> Strategy:
    host, inside, access = value
    accesses = [f":{access}", f":{access[::-1]}"] + ([""] if access == "rwm" else [])
    insides = [f":{inside}", f":{inside}/"] + ([""] if inside == host else [])
    return st.sampled_from([f"{host}{i}{a}" for i in insides for a in accesses])


def ulimits(value: tuple[tuple[str, tuple[int, int]], ...]) -> Strategy:
    def one(item: tuple[str, tuple[int, int]]) -> Strategy:
        name, (soft, hard) = item
        words = [
            f"{name}={soft}:{hard}",
            f"{name}:{soft}:{hard}",
            f"{name.upper()}={soft}:{hard}",
            f" {name} = {soft}:{hard}".strip(),
        ]
        return st.sampled_from(words + ([f"{name}={soft}"] if soft == hard else []))

    return st.permutations(value).flatmap(lambda order: st.tuples(*map(one, order)).map(list))


def id_maps(value: tuple[int, ...]) -> Strategy:
    """Lengths of ranges inside, from 0 on; outside each begins a thousand after the one before."""
    entries, inside = [], 0
    for number, length in enumerate(value):
        entries.append((inside, 100000 + number * 1000, length))
        inside += length
    halves = [part for i, o, n in entries for part in ((i, o, n // 2), (i + n // 2, o + n // 2, n - n // 2))]
    whole, split = ([":".join(map(str, entry)) for entry in given] for given in (entries, halves))
    return st.one_of(st.permutations(whole), st.permutations(split)).map(list)


def cpus(value: frozenset[int]) -> Strategy:
    numbers = sorted(value)
    ranges = [f"{number}-{number}" for number in numbers]
    run = [f"{numbers[0]}-{numbers[-1]}"] if numbers == list(range(numbers[0], numbers[-1] + 1)) else []
    return st.one_of(st.permutations([*map(str, numbers)]), st.permutations(ranges), st.just(run or ranges)).map(
        ",".join
    )


def commands(value: tuple[str, ...]) -> Strategy:
    return st.one_of(st.just(list(value)), st.just(shlex.join(value)), st.just("  ".join(map(shlex.quote, value))))


def entrypoints(value: tuple[str, ...]) -> Strategy:
    return st.sampled_from([list(value), json.dumps(value), *([value[0]] if len(value) == 1 else [])])


def limits(number: int) -> Strategy:
    """No limit is 0 here."""
    return one_of(number, str(number)) if number else one_of(0, -1, "0", "-1", "unlimited")


def comma(kind: Kind) -> Kind:
    return Kind(kind.meanings, lambda value: kind.spellings(value).map(join))


def join(words: list[str]) -> str:
    return ", ".join(words)


def rules(value: tuple[str, str, str, str]) -> Strategy:
    kind, major, minor, access = value
    return one_of(f"{kind} {major}:{minor} {access}", f" {kind}  {major}:{minor}  {access[::-1]} ")


def sysctls(value: tuple[tuple[str, str], ...]) -> Strategy:
    def one(item: tuple[str, str]) -> Strategy:
        name, value = item
        names = (name, name.translate({46: "/", 47: "."}))
        return st.tuples(st.sampled_from(names), one_of(value, value.replace(" ", "\t"), f" {value} ")).map(tuple)

    return st.permutations(value).flatmap(lambda order: st.tuples(*map(one, order)).map(dict))


def networks(value: tuple[str, ...]) -> Strategy:
    def one(word: str) -> Strategy:
        network, colon, asked = word.partition(":")
        names = [network] if network else ["bridge", "private", "default"]
        if not colon:
            return st.sampled_from(names)
        kind, address = asked.split("=")
        spelled = addresses(address) if kind == "ip6" else st.sampled_from([address, address.upper()])
        others = st.permutations(["alias=x", "alias=y"]) if kind == "mac" else st.just([])
        return st.tuples(st.sampled_from(names), spelled, others).map(
            lambda told: f"{told[0]}:{','.join([f'{kind}={told[1]}', *told[2]])}"
        )

    return st.tuples(*map(one, value)).map(list)


def namespaces(words: tuple[str, ...]) -> Kind:
    def spellings(word: str) -> Strategy:
        kind, _colon, asked = word.partition(":")
        if kind == "auto" and asked:
            return st.permutations(asked.split(",")).map(lambda order: f"auto:{','.join(order)}")
        return one_of(word, f" {word} ", *([f"{word}/", "ns:/run//ns/x"] if kind == "ns" else []))

    return Kind(one_of(*words, "container:web", "ns:/run/ns/x"), spellings)


def security(value: tuple[bool, str, frozenset[str], frozenset[str]]) -> Strategy:
    plain, profile, masks, others = value
    words = [one_of("no-new-privileges", "no-new-privileges:true", "no-new-privileges=True")] if plain else []
    spelled = {
        "apparmor": ("apparmor=x", "apparmor:x"),
        "unmask": ("unmask=/u:/v", "unmask=/v/:/u", "unmask:/u:/v"),
        "proc": ("proc-opts=hidepid=2,ro", "proc-opts=ro,hidepid=2"),
        "label": ("label=type:t", "label:type:t"),
    }
    words += [one_of(*spelled[other]) for other in sorted(others)]
    if profile:
        words.append(one_of(f"seccomp={profile}", f"seccomp:{profile}"))
    one_by_one = [one_of(f"mask={path}", f"mask:{path}/") for path in sorted(masks)]
    together = [one_of(f"mask={':'.join(sorted(masks))}")] if masks else []
    return st.one_of(st.just(one_by_one), st.just(together)).flatmap(
        lambda mask: st.permutations([*words, *mask]).flatmap(lambda order: st.tuples(*order).map(list))
    )


def numbers(*numbers: int) -> Kind:
    return Kind(one_of(*numbers), lambda number: one_of(number, str(number)))
