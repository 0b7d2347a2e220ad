# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod system prune``, and ``prune`` of containers, images, volumes, networks and pods."""

from __future__ import annotations

import argparse
import sys
import time
from typing import NamedTuple, Optional, Sequence

from .._container.container import Container
from .._container.io.log_lines import moment
from .._container.io.log_parts import seconds
from .._model.engine_config import EngineConfig
from .._model.errors import InvalidArgument, sentence
from .._model.options.syntax.parsers import wrong
from .._reconcile.pod_planner import DesiredPod
from .._reconcile.pods import reconcile
from .._reconcile.reconcile import check_root
from .._resources import prune as engine
from .._resources.disk_usage import freed, usage
from .._resources.unused import KINDS, prune_kinds
from .._runtime.pods import Pods
from .._runtime.runtime import Runtime, has_ended
from . import table
from .arguments import new_parser
from .resources import verbs

# What podman says of each kind.
_WHAT = {
    "container": "all stopped containers",
    "network": "all networks not used by at least one container",
    "volume": "all volumes not used by at least one container",
    "image": "all dangling images",
    "pod": "all stopped pods, with their containers",
}
_DEEP = 300  # seconds for going through files, for the space


class _Asked(NamedTuple):
    """What the filters select, and whether images with names go too."""

    filters: engine.Filters
    every: bool


def container(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Run ``libpod container prune``, the one verb that is no command by itself."""
    about = {"prune": verbs.pruning("container", "containers that have ended for good")}
    options = verbs.parsed(
        "container", "Containers; the other verbs are the commands of these names.", about, arguments
    )
    return prune(parts, options, "container")


def image(parts: EngineConfig, arguments: Sequence[str], command: str) -> int:
    """Run ``libpod image prune``."""
    parser = new_parser(command, "Remove unused images without a name, after asking.", formats=False)
    verbs.add_prune(parser, "image")
    return prune(parts, parser.parse_args(arguments), "image")


def prune(parts: EngineConfig, options: argparse.Namespace, kind: str) -> int:
    """Remove what nothing uses of one kind, and print IDs of containers, images and pods, names of the others."""
    check_root()
    asked, runtime = _asked(options, kind), Runtime(parts)
    warning = f"This will remove {verbs.EVERY_IMAGE if asked.every else _WHAT[kind]}."
    if kind == "volume" and not options.force:
        found = prune_kinds(runtime, {kind: asked.filters}, dry=True).volumes
        if not found:
            sys.stdout.write("No dangling volumes found\n")
            return 0
        warning += "\n".join([" The following volumes will be removed:", *found])
    if not _is_confirmed(options, warning):
        return 0
    if kind == "pod":
        errors: engine.Errors = []
        return _shown([("", _pods(parts, asked.filters, errors))], errors)
    pruned = prune_kinds(runtime, {kind: asked.filters}, every=asked.every)
    return _shown([("", getattr(pruned, f"{kind}s"))], pruned.errors)


def system(parts: EngineConfig, options: argparse.Namespace) -> int:
    """Remove what nothing uses of all kinds, and print what has gone and the space that it took."""
    check_root()
    asked, runtime = _asked(options, "system"), Runtime(parts)
    kinds = [kind for kind in KINDS if kind != "volume" or options.volumes]
    lines = [verbs.EVERY_IMAGE if asked.every and kind == "image" else _WHAT[kind] for kind in ("pod", *kinds)]
    if not _is_confirmed(options, "\n\t- ".join(["This command removes:", *lines]) + "\n"):
        return 0
    before = usage(runtime, time.monotonic() + _DEEP)
    errors: engine.Errors = []
    pods = _pods(parts, asked.filters, errors)
    pruned = prune_kinds(runtime, dict.fromkeys(kinds, asked.filters), every=asked.every)
    removed = [(f"{kind.capitalize()}s", getattr(pruned, f"{kind}s")) for kind in ("container", *KINDS[2:], "network")]
    failed = _shown([("Pods", pods), *removed], [*errors, *pruned.errors])
    table.write_line(f"Total reclaimed space: {table.size(freed(before, usage(runtime, time.monotonic())))}")
    return failed


def _asked(options: argparse.Namespace, kind: str) -> _Asked:
    """Return what the filters ask for. :raises InvalidArgument: one of them cannot be used."""
    until: Optional[float] = None
    labels: dict[str, Optional[str]] = {}
    every = getattr(options, "all", False)
    for word in options.filter:
        key, _equals, value = word.partition("=")
        if key == "until" and value:
            until = moment(value, "--filter")
        elif key == "label" and value:
            label, equals, text = value.partition("=")
            labels[label] = text if equals else None
        elif kind == "image" and word in ("dangling=true", "dangling=false"):
            every = word == "dangling=false"
        else:
            more = " or dangling=BOOL" if kind == "image" else ""
            raise wrong("--filter", word, f"until=TIME, label=KEY, label=KEY=VALUE{more}")
    return _Asked(engine.Filters(until, labels), every)


def _is_confirmed(options: argparse.Namespace, warning: str) -> bool:
    """Ask on a terminal; without one the answer is standard input's first line, as with podman.

    :raises InvalidArgument: there is no answer.
    """
    if options.force:
        return True
    if sys.stdin is not None and sys.stdin.isatty():
        sys.stderr.write(f"WARNING! {warning}\nAre you sure you want to continue? [y/N] ")
        sys.stderr.flush()
    answer = sys.stdin.readline() if sys.stdin is not None else ""
    if not answer:
        raise InvalidArgument("nothing was removed: standard input has no answer y: add --force")
    return answer.strip().lower() in ("y", "yes")


def _pods(parts: EngineConfig, filters: engine.Filters, errors: engine.Errors) -> list[str]:
    """Remove the pods whose containers have all ended for good, and return their IDs."""
    runtime = Runtime(parts)
    pods, removed = Pods(runtime), []
    for one in pods.everyone():
        try:
            members = [member.peek() for member in pods.members(one.id)]
            if not members or not all(has_ended(member) for member in members):
                continue
            matches = filters.match(seconds(one.created_time), one.options["label"])
            if matches and _emptied(runtime, [member for member in members if not member.config.infra]):
                reconcile(parts, DesiredPod(one.name, "absent", force_delete=False))
                removed.append(one.id)
        except Exception as error:  # pylint: disable=broad-exception-caught
            errors.append(error)
    return removed


def _emptied(runtime: Runtime, members: Sequence[Container]) -> bool:
    """Remove a pod's containers, dependents first; return False where another process has started one again."""
    left = list(members)
    while left:
        ready = [one for one in left if not any(True for _other in runtime.dependents(one.id))]
        if not ready or not all(runtime.remove_ended(one.name, one.id) for one in ready):
            return False
        left = [one for one in left if one not in ready]
    return True


def _shown(removed: Sequence[tuple[str, Sequence[str]]], errors: engine.Errors) -> int:
    """Print what was removed, with a heading for each kind that has one; return the exit code."""
    for heading, names in removed:
        for line in ([f"Deleted {heading}"] if heading and names else []) + list(names):
            table.write_line(line)
    sys.stdout.flush()
    for error in errors:
        sys.stderr.write(f"libpod: {sentence(error)}\n")
    return 125 if errors else 0
